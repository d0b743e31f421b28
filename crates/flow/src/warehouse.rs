//! The warehouse of a project: its database with the driver that opens it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_dbt::profile::{Lookup, ProfileError, Target};
use belay_diff::Dialect;
use belay_model::Zone;
use belay_model::rows::Cell;
use belay_warehouse::{Address, Database, Driver, Postgres, Session, Statement, WarehouseError};

use crate::FlowError;
use crate::impact::Settings;
use crate::supervisor::Supervisor;

/// How long the server lets a statement of a comparison run where no limit is set: should belay be
/// killed, the server does not go on for nobody.
const LONGEST: Duration = Duration::from_hours(1);
/// Belay itself stops what takes too long; the server does where belay is gone.
const GRACE: Duration = Duration::from_secs(5);

/// A database with the driver that opens it.
#[derive(Debug, Clone)]
pub struct Warehouse {
    pub driver: Driver,
    pub address: Address,
}

impl Warehouse {
    pub fn duckdb(driver: Driver, file: &Path) -> Self {
        Self { driver, address: Address::File(file.to_owned()) }
    }

    /// How belay names it wherever something is asked or written down; without secrets.
    pub fn name(&self) -> String {
        format!("warehouse:{}", self.address)
    }

    pub fn dialect(&self) -> Result<Dialect, FlowError> {
        let adapter = self.address.adapter();
        Dialect::of_adapter(adapter)
            .ok_or_else(|| FlowError::Adapter { adapter: adapter.to_owned() })
    }

    /// For sessions that compare: they only read.
    pub fn reading(&self, settings: &Settings) -> Database {
        let mut database = Database::read_only(&self.address);
        database.external_access = settings.external_access;
        database.memory_limit.clone_from(&settings.memory_limit);
        database.timeout =
            Some(settings.diff.max_seconds.map_or(LONGEST, Duration::from_secs) + GRACE);
        database
    }

    /// For sessions that make and drop scratch.
    pub fn writing(&self) -> Database {
        Database::read_write(&self.address)
    }

    pub async fn open(&self, database: Database) -> Result<Session, FlowError> {
        Ok(Session::open(self.driver.clone(), database).await?)
    }

    /// Whether scratch could be made: a database that is missing, locked or closed to this user shows
    /// before anything is claimed or built.
    pub(crate) async fn ready(&self, run: &mut Supervisor<'_>) -> Result<(), FlowError> {
        let session = self.open(self.writing()).await?;
        let ready = match self.address {
            Address::Postgres(_) => self.may_create(run, &session).await,
            Address::File(_) | Address::Other(_) => Ok(()),
        };
        session.close().await;
        ready
    }

    async fn may_create(
        &self,
        run: &mut Supervisor<'_>,
        session: &Session,
    ) -> Result<(), FlowError> {
        const MAY: &str = "SELECT has_database_privilege(current_database(), 'CREATE'), CAST(current_user AS text)";
        let purpose = "say whether schemas may be made";
        let statement = Statement::metadata(&self.name(), Zone::Prod, purpose, MAY.to_owned());
        let rows = run
            .perform(&statement.action(), async |permit| {
                session.query(permit, statement.clone()).await
            })
            .await?;
        match rows.rows.first().map(Vec::as_slice) {
            Some([Cell::Bool(true), _]) => Ok(()),
            Some([_, Cell::Text(user)]) => Err(WarehouseError::NoCreate {
                address: self.address.to_string(),
                user: user.clone(),
            }
            .into()),
            _ => Ok(()),
        }
    }

    /// The name of a schema, as a statement about schemas spells it. PostgreSQL knows no other
    /// database than its own, and no name for it here.
    pub(crate) fn schema(&self, database: &str, schema: &str) -> String {
        let quote = belay_warehouse::quote;
        match self.address {
            Address::Postgres(_) => quote(schema),
            Address::File(_) | Address::Other(_) => {
                format!("{}.{}", quote(database), quote(schema))
            }
        }
    }
}

/// Where the target of a profile says that its database is; nothing for what belay does not open.
///
/// DuckDB: files only. PostgreSQL: as dbt-postgres reads the same keys.
pub(crate) fn address(
    target: &Target,
    adapter: &str,
    project: &Path,
    env: Lookup<'_>,
) -> Result<Option<Address>, ProfileError> {
    Ok(match adapter {
        "duckdb" => file(target, project, env)?.map(Address::File),
        "postgres" => Some(Address::Postgres(Box::new(postgres(target, env)?))),
        _ => None,
    })
}

fn file(target: &Target, project: &Path, env: Lookup<'_>) -> Result<Option<PathBuf>, ProfileError> {
    let path = target.path(env)?.filter(|path| {
        !path.starts_with(":memory:") && !path.starts_with("md:") && !path.contains("://")
    });
    Ok(path.map(|path| project.join(path)))
}

fn postgres(target: &Target, env: Lookup<'_>) -> Result<Postgres, ProfileError> {
    /// dbt's names of what libpq knows under the same name.
    const OPTIONS: [&str; 6] =
        ["sslmode", "sslcert", "sslkey", "sslrootcert", "connect_timeout", "keepalives_idle"];
    let needed = |keys: &[&str]| target.needed(keys, env);
    let port = needed(&["port"])?;
    let port = port.trim().parse().map_err(|_| ProfileError::Jinja {
        message: format!("`port` is {port}, which is no port"),
    })?;
    let (host, database) = (needed(&["host"])?, needed(&["dbname", "database"])?);
    let server = Postgres::new(&host, port, &database, &needed(&["user"])?);
    let mut server = server.with_password(target.text_of(&["password", "pass"], env)?);
    server.role = target.text("role", env)?.filter(|role| !role.is_empty());
    server.search_path = target.text("search_path", env)?.filter(|path| !path.is_empty());
    // dbt's own default: a server that does not answer must not hold everything up.
    server.options.insert("connect_timeout".to_owned(), "10".to_owned());
    for name in OPTIONS {
        let value = target.text(name, env)?.filter(|value| !value.is_empty());
        // To dbt 0 says: the system's own.
        if let Some(value) = value.filter(|value| value != "0") {
            server.options.insert(name.to_owned(), value);
        }
    }
    Ok(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_postgres_profile_are_read_as_dbt_reads_them() {
        let env = |name: &str| (name == "SHOP_PASSWORD").then(|| "planted".to_owned());
        let text = "p: {outputs: {default: {type: postgres, host: h, port: 5433, user: u, \
                    pass: \"{{ env_var('SHOP_PASSWORD') }}\", dbname: shop, sslmode: require, \
                    keepalives_idle: 0, role: reporter, schema: s}}}";
        let target = Target::find(text, "p", None, &env).unwrap();
        let address = address(&target, "postgres", Path::new("/p"), &env).unwrap().unwrap();
        assert_eq!(address.to_string(), "postgres://h:5433/shop");
        assert_eq!(address.database(), "shop");
        let Address::Postgres(server) = &address else { panic!() };
        assert_eq!(server.role.as_deref(), Some("reporter"));
        let options: Vec<(&str, &str)> =
            server.options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(options, [("connect_timeout", "10"), ("sslmode", "require")]);
        assert!(!format!("{address:?}").contains("planted"));
    }
}
