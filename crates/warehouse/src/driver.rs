//! Drivers: shared libraries that speak ADBC.

use std::path::PathBuf;

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

    /// The ADBC driver for PostgreSQL, with libpq inside.
    pub fn postgres(library: PathBuf) -> Self {
        Self { library, entrypoint: "AdbcDriverPostgresqlInit".to_owned() }
    }

    pub(crate) fn load(&self) -> Result<ManagedDriver, WarehouseError> {
        let entrypoint = Some(self.entrypoint.as_bytes());
        ManagedDriver::load_dynamic_from_filename(&self.library, entrypoint, AdbcVersion::V110)
            .map_err(|error| WarehouseError::Driver {
                path: self.library.clone(),
                message: error.message,
            })
    }

    /// A connection with these options of the driver. The outer error is of the library, the inner one
    /// of the database.
    pub(crate) fn connect<'a>(
        &self,
        options: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<adbc_core::error::Result<ManagedConnection>, WarehouseError> {
        let options = options.into_iter().map(|(name, value)| {
            (OptionDatabase::from(name), OptionValue::String(value.to_owned()))
        });
        let mut driver = self.load()?;
        Ok(driver.new_database_with_opts(options).and_then(|database| database.new_connection()))
    }

    /// The library can be loaded and has the entry point. Says nothing of a database.
    pub fn loads(&self) -> Result<(), WarehouseError> {
        self.load().map(drop)
    }

    /// The version of the database that the library itself holds, such as DuckDB's; loads it, so that
    /// a broken file shows.
    pub fn version(&self) -> Result<String, WarehouseError> {
        let broken =
            |message: String| WarehouseError::Driver { path: self.library.clone(), message };
        let mut driver = self.load()?;
        let database = driver.new_database().map_err(|error| broken(error.message))?;
        let mut connection = database.new_connection().map_err(|error| broken(error.message))?;
        let mut statement = connection.new_statement().map_err(|error| broken(error.message))?;
        statement.set_sql_query("SELECT version()").map_err(|error| broken(error.message))?;
        let reader = statement.execute().map_err(|error| broken(error.message))?;
        let rows = crate::rows::collect(reader).map_err(|error| match error {
            crate::rows::Fault::Sending(message) => broken(message),
            crate::rows::Fault::Type(error) => broken(error.to_string()),
        })?;
        rows.single()
            .and_then(|cell| cell.text())
            .map(str::to_owned)
            .ok_or_else(|| broken("no version".into()))
    }
}
