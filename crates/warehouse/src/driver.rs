//! Drivers: shared libraries that speak ADBC, and the databases they open.

use std::path::{Path, PathBuf};

use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
use adbc_core::{Connection as _, Database as _, Driver as _, Statement as _};
use adbc_driver_manager::{ManagedConnection, ManagedDriver};

use crate::WarehouseError;

/// Where a driver's library is, and how it is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    pub library: PathBuf,
    pub entrypoint: String,
}

impl Driver {
    /// DuckDB's own library speaks ADBC by itself.
    pub fn duckdb(library: PathBuf) -> Self {
        Self { library, entrypoint: "duckdb_adbc_init".to_owned() }
    }

    fn load(&self) -> Result<ManagedDriver, WarehouseError> {
        let entrypoint = Some(self.entrypoint.as_bytes());
        ManagedDriver::load_dynamic_from_filename(&self.library, entrypoint, AdbcVersion::V110)
            .map_err(|error| WarehouseError::Driver {
                path: self.library.clone(),
                message: error.message,
            })
    }

    /// The version that the library says it has; loads it, so that a broken file shows.
    pub fn version(&self) -> Result<String, WarehouseError> {
        let broken =
            |message: String| WarehouseError::Driver { path: self.library.clone(), message };
        let mut driver = self.load()?;
        let database = driver.new_database().map_err(|error| broken(error.message))?;
        let mut connection = database.new_connection().map_err(|error| broken(error.message))?;
        let mut statement = connection.new_statement().map_err(|error| broken(error.message))?;
        statement.set_sql_query("SELECT version()").map_err(|error| broken(error.message))?;
        let reader = statement.execute().map_err(|error| broken(error.message))?;
        let rows = crate::rows::collect(reader).map_err(|error| broken(error.to_string()))?;
        rows.single()
            .and_then(|cell| cell.text())
            .map(str::to_owned)
            .ok_or_else(|| broken("no version".into()))
    }
}

/// Whether a session may write. Comparing reads; only scratch work writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    ReadOnly,
    ReadWrite,
}

/// A DuckDB file. It must exist, unless it is asked for as a new one.
///
/// One session that writes at a time: DuckDB's lock keeps other processes out, but not a second session
/// of this one, and what one of the two wrote is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub path: PathBuf,
    pub access: Access,
    /// Lets queries read other files and load extensions. Off by default: views of a pull request
    /// run in this session, and a view can read any file the process can.
    pub external_access: bool,
    /// DuckDB's own spelling, such as `2GB`; `None` leaves its default.
    pub memory_limit: Option<String>,
    /// Make the file where there is none. Only for a file of belay's own.
    create: bool,
}

impl Database {
    pub fn read_only(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            access: Access::ReadOnly,
            external_access: false,
            memory_limit: None,
            create: false,
        }
    }

    pub fn new_file(path: &Path) -> Self {
        Self { create: true, ..Self::read_write(path) }
    }

    pub fn read_write(path: &Path) -> Self {
        Self { access: Access::ReadWrite, ..Self::read_only(path) }
    }

    pub(crate) fn connect(&self, driver: &Driver) -> Result<ManagedConnection, WarehouseError> {
        if !self.create && !self.path.is_file() {
            return Err(WarehouseError::NoFile { path: self.path.clone() });
        }
        let access = if self.access == Access::ReadOnly { "READ_ONLY" } else { "READ_WRITE" };
        let option = |name: &str, value: &str| {
            (OptionDatabase::Other(name.to_owned()), OptionValue::String(value.to_owned()))
        };
        let options = [option("path", &self.path.to_string_lossy()), option("access_mode", access)];
        let opened = driver.load()?.new_database_with_opts(options);
        let database = opened.map_err(|error| self.refusal(error.message))?;
        let mut connection =
            database.new_connection().map_err(|error| self.refusal(error.message))?;
        self.confine(&mut connection)?;
        Ok(connection)
    }

    /// What comes later cannot undo these: the configuration is locked last.
    fn confine(&self, connection: &mut ManagedConnection) -> Result<(), WarehouseError> {
        let mut settings = vec![
            "SET TimeZone = 'UTC'".to_owned(),
            "SET preserve_insertion_order = false".to_owned(),
        ];
        if let Some(limit) = &self.memory_limit {
            settings.push(format!("SET memory_limit = '{}'", limit.replace('\'', "''")));
        }
        if !self.external_access {
            settings.push("SET enable_external_access = false".to_owned());
        }
        settings.push("SET lock_configuration = true".to_owned());
        for setting in settings {
            let result = connection.new_statement().and_then(|mut statement| {
                statement.set_sql_query(&setting)?;
                statement.execute_update()
            });
            result.map_err(|error| self.refusal(error.message))?;
        }
        Ok(())
    }

    fn refusal(&self, message: String) -> WarehouseError {
        let path = self.path.clone();
        if message.contains("Could not set lock on file") || message.contains("Conflicting lock") {
            WarehouseError::Locked { path, message }
        } else if message.contains("newer version of DuckDB") {
            WarehouseError::NewerFile { path, message }
        } else {
            WarehouseError::Open { path, message }
        }
    }
}
