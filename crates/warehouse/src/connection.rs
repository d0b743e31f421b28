//! A connection as its session uses it: one statement at a time, with the manners of its database.

use std::time::Duration;

use adbc_core::error::Error as AdbcError;
use adbc_core::{CancelHandle, Connection as _, Statement as _};
use adbc_driver_manager::ManagedConnection;
use belay_model::rows::Rows;

use crate::error::Refusal;
use crate::rows::{Fault, collect};
use crate::{Statement, WarehouseError};

/// What a database needs around its statements.
#[derive(Default)]
pub(crate) struct Manners {
    /// Each query runs in a transaction that cannot write and is rolled back: what a function of a pull
    /// request sets for the session is undone with it.
    pub transactions: bool,
    pub timeout: Option<Duration>,
    /// Never told, whatever the database says.
    pub secrets: Vec<String>,
}

pub(crate) struct Connection {
    inner: ManagedConnection,
    manners: Manners,
}

impl Connection {
    pub(crate) fn new(inner: ManagedConnection, manners: Manners) -> Self {
        Self { inner, manners }
    }

    /// A statement of belay's own, while the session is opened.
    pub(crate) fn set(&mut self, sql: &str) -> Result<(), AdbcError> {
        let mut prepared = self.inner.new_statement()?;
        prepared.set_sql_query(sql)?;
        prepared.execute_update().map(drop)
    }

    /// Runs a query; `running` is told how to cancel it, and when there is nothing to cancel any more.
    pub(crate) fn query(
        &mut self,
        statement: &Statement,
        running: impl Fn(Option<Box<dyn CancelHandle>>),
    ) -> Result<Rows, WarehouseError> {
        if self.manners.transactions {
            self.set("BEGIN READ ONLY").map_err(|error| self.refusal(statement, &error))?;
        }
        let rows = self.rows(statement, &running);
        running(None);
        if self.manners.transactions {
            // Where this fails the connection is lost, which the query, or the next one, tells.
            drop(self.set("ROLLBACK"));
        }
        rows
    }

    fn rows(
        &mut self,
        statement: &Statement,
        running: &impl Fn(Option<Box<dyn CancelHandle>>),
    ) -> Result<Rows, WarehouseError> {
        let prepared = self.inner.new_statement().and_then(|mut prepared| {
            prepared.set_sql_query(&statement.sql)?;
            Ok(prepared)
        });
        let mut prepared = prepared.map_err(|error| self.refusal(statement, &error))?;
        running(Some(prepared.get_cancel_handle()));
        let reader = prepared.execute().map_err(|error| self.refusal(statement, &error))?;
        collect(reader).map_err(|fault| match fault {
            // On the way from the reader only the words are left.
            Fault::Sending(message) => self.refused(statement, message, ""),
            Fault::Type(error) => error,
        })
    }

    /// Runs a statement that changes something.
    pub(crate) fn execute(&mut self, statement: &Statement) -> Result<(), WarehouseError> {
        self.set(&statement.sql).map_err(|error| self.refusal(statement, &error))
    }

    fn refusal(&self, statement: &Statement, error: &AdbcError) -> WarehouseError {
        self.refused(statement, error.message.clone(), &sqlstate(error))
    }

    fn refused(&self, statement: &Statement, message: String, state: &str) -> WarehouseError {
        let message = hidden(message, &self.manners.secrets);
        let purpose = statement.purpose.clone();
        // PostgreSQL, appendix A of its manual. A driver of another database has codes of its own.
        let is = |codes: &[&str]| codes.contains(&state);
        let gone = is(&["08000", "08003", "08006", "57P01", "57P02", "57P03"])
            || message.contains("server closed the connection unexpectedly")
            || message.contains("no connection to the server");
        // What breaks off while it is read has lost its code: of the driver's it keeps ECANCELED.
        let broken_off = message.contains("Error code: 125.");
        let message = if self.manners.transactions || message.contains("[libpq]") {
            plain(&message, &statement.sql)
        } else {
            message
        };
        if gone {
            return WarehouseError::ConnectionLost { purpose, message };
        }
        let refusal = match self.manners.timeout {
            Some(timeout) if is(&["57014"]) || broken_off => {
                Refusal::Timeout { seconds: timeout.as_secs() }
            }
            _ if is(&["42501"]) => Refusal::Permission,
            _ if is(&["25006"]) => Refusal::ReadOnly,
            _ => Refusal::Other,
        };
        WarehouseError::Statement { purpose, message, refusal }
    }
}

/// What PostgreSQL said, without what its driver and Arrow put around it.
fn plain(message: &str, sql: &str) -> String {
    let said = message.split_once("Producer error: ").map_or(message, |(_, said)| said);
    let said = said.split("\n\nQuery was: ").next().unwrap_or(said);
    let failed = format!("Failed to execute query '{sql}': ");
    let around = [
        "[libpq] ",
        "Failed to prepare query: ",
        "Failed to execute query: could not begin COPY: ",
        failed.as_str(),
        "Execution error [PGRES_FATAL_ERROR]: ",
    ];
    let said = around.iter().fold(said, |said, part| said.strip_prefix(part).unwrap_or(said));
    said.trim_end().to_owned()
}

/// The five letters of the SQL standard, or nothing.
pub(crate) fn sqlstate(error: &AdbcError) -> String {
    let letters = error.sqlstate.iter().map(|letter| char::from(letter.cast_unsigned()));
    letters.filter(char::is_ascii_alphanumeric).collect()
}

/// Without the secrets.
pub(crate) fn hidden(message: String, secrets: &[String]) -> String {
    let kept = secrets.iter().filter(|secret| !secret.is_empty());
    let message = kept.fold(message, |text, secret| text.replace(secret.as_str(), "*****"));
    message.trim().to_owned()
}
