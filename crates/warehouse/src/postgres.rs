//! PostgreSQL: where a server is, how a session opens and what keeps it from writing.

use std::collections::BTreeMap;
use std::fmt;

use adbc_core::error::Error as AdbcError;

use crate::connection::{Connection, Manners, hidden, sqlstate};
use crate::{Access, Database, Driver, WarehouseError, quote};

/// A database on a PostgreSQL server, and who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Postgres {
    /// A name, an address, or the folder of a Unix socket.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    /// `None` leaves it to libpq: `PGPASSWORD` and the user's `.pgpass`.
    pub(crate) password: Option<String>,
    /// The role that the session takes on.
    pub role: Option<String>,
    pub search_path: Option<String>,
    /// More of libpq's own keywords, such as `sslmode`.
    pub options: BTreeMap<String, String>,
}

/// Without the password, and without options that may hold one.
impl fmt::Debug for Postgres {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Postgres")
            .field("address", &self.to_string())
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Postgres {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "postgres://{}:{}/{}", self.host, self.port, self.database)
    }
}

impl Postgres {
    pub fn new(host: &str, port: u16, database: &str, user: &str) -> Self {
        Self {
            host: host.to_owned(),
            port,
            database: database.to_owned(),
            user: user.to_owned(),
            password: None,
            role: None,
            search_path: None,
            options: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn with_password(self, password: Option<String>) -> Self {
        Self { password, ..self }
    }

    /// For libpq. Only ever handed to the driver.
    fn connection_string(&self) -> String {
        let port = self.port.to_string();
        let own = [
            ("host", self.host.as_str()),
            ("port", &port),
            ("dbname", &self.database),
            ("user", &self.user),
            ("application_name", "belay"),
        ];
        let password = self.password.iter().map(|password| ("password", password.as_str()));
        let more = self.options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let words = own.into_iter().chain(password).chain(more).map(|(name, value)| {
            format!("{name}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn secrets(&self) -> Vec<String> {
        self.password.iter().cloned().collect()
    }

    pub(crate) fn connect(
        &self,
        driver: &Driver,
        database: &Database,
    ) -> Result<Connection, WarehouseError> {
        let text = self.connection_string();
        // To libpq a text ends at its first NUL.
        if text.contains('\0') {
            let message = "the profile has a NUL in it".to_owned();
            return Err(WarehouseError::Unreachable { address: self.to_string(), message });
        }
        let connected = driver.connect([("uri", text.as_str())])?;
        let inner = connected.map_err(|error| self.refusal(&error))?;
        let transactions = database.access == Access::ReadOnly;
        let manners = Manners { transactions, timeout: database.timeout, secrets: self.secrets() };
        let mut connection = Connection::new(inner, manners);
        for setting in self.settings(database) {
            connection.set(&setting).map_err(|error| self.refusal(&error))?;
        }
        Ok(connection)
    }

    /// Sent after the connection is there, because a pooler in front of the server may refuse them with
    /// it.
    fn settings(&self, database: &Database) -> Vec<String> {
        let milliseconds = database.timeout.map(|timeout| timeout.as_millis());
        let mut settings = vec![
            "SET TimeZone = 'UTC'".to_owned(),
            "SET DateStyle = 'ISO'".to_owned(),
            "SET IntervalStyle = 'postgres'".to_owned(),
            "SET extra_float_digits = 1".to_owned(),
            "SET bytea_output = 'hex'".to_owned(),
            "SET standard_conforming_strings = on".to_owned(),
        ];
        settings.extend(self.role.as_deref().map(|role| format!("SET ROLE {}", quote(role))));
        settings.extend(self.search_path.as_deref().map(|path| {
            format!("SELECT set_config('search_path', '{}', false)", path.replace('\'', "''"))
        }));
        settings.extend(milliseconds.map(|time| format!("SET statement_timeout = {time}")));
        if database.access == Access::ReadOnly {
            settings.push("SET default_transaction_read_only = on".to_owned());
        }
        settings
    }

    /// Why there is no session. While connecting, libpq hands on no code, only the server's words, and
    /// those in the server's language: what is not recognised is told as it came.
    fn refusal(&self, error: &AdbcError) -> WarehouseError {
        let address = self.to_string();
        let user = self.user.clone();
        let state = sqlstate(error);
        let message = hidden(error.message.clone(), &self.secrets());
        let message = message.trim_start_matches("[libpq] Failed to connect: ").to_owned();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let no_database = format!("database \"{}\" does not exist", self.database);
        if state == "3D000" || says(&[&no_database]) {
            WarehouseError::NoSuchDatabase { address, message }
        } else if state.starts_with("28")
            || says(&[
                "password authentication failed",
                "no password supplied",
                "no pg_hba.conf entry",
                "authentication failed",
                "is not permitted to log in",
                "permission denied to set role",
            ])
            || (says(&["role \""]) && says(&["\" does not exist"]))
            || state == "42501"
            || says(&["permission denied for database"])
        {
            WarehouseError::Login { address, user, message }
        } else {
            WarehouseError::Unreachable { address, message }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_stands_in_what_libpq_gets_and_nowhere_else() {
        let server = Postgres::new("db.example", 5432, "shop", "anne")
            .with_password(Some(r"pla'n\ted".to_owned()));
        let text = server.connection_string();
        assert!(text.contains(r"password='pla\'n\\ted'"), "{text}");
        let database = Database::read_only(crate::Address::Postgres(Box::new(server.clone())));
        for told in [format!("{server:?}"), server.to_string(), format!("{database:?}")] {
            assert!(!told.contains("ted"), "{told}");
        }
        assert_eq!(server.to_string(), "postgres://db.example:5432/shop");
    }

    #[test]
    fn a_refusal_is_told_without_the_password_and_by_its_kind() {
        let server =
            Postgres::new("h", 1, "shop", "anne").with_password(Some("planted".to_owned()));
        let kind = |message: &str| {
            let status = adbc_core::error::Status::IO;
            let error = AdbcError::with_message_and_status(message, status);
            let error = server.refusal(&error);
            assert!(!error.to_string().contains("planted"), "{error}");
            belay_model::Explain::code(&error)
        };
        assert_eq!(kind("password authentication failed for user \"anne\""), "warehouse/login");
        assert_eq!(kind("FATAL:  database \"shop\" does not exist"), "warehouse/no-such-database");
        assert_eq!(kind("FATAL:  role \"anne\" does not exist"), "warehouse/login");
        assert_eq!(kind("Connection refused planted"), "warehouse/unreachable");
    }
}
