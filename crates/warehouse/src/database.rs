//! Databases: where one is, and how a session opens it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::connection::Connection;
use crate::{Driver, Other, Postgres, WarehouseError, duckdb};

/// Where a database is. No form of it that can be printed holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A DuckDB file.
    File(PathBuf),
    Postgres(Box<Postgres>),
    /// Whatever a driver of the team's own opens.
    Other(Box<Other>),
}

impl Address {
    /// dbt's name for the kind of database, which also names its dialect.
    pub fn adapter(&self) -> &str {
        match self {
            Self::File(_) => "duckdb",
            Self::Postgres(_) => "postgres",
            Self::Other(other) => &other.dialect,
        }
    }

    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Postgres(_) | Self::Other(_) => None,
        }
    }

    /// The name that relations of this database begin with: of a file, its stem.
    pub fn database(&self) -> String {
        match self {
            Self::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Postgres(postgres) => postgres.database.clone(),
            Self::Other(other) => other.database.clone(),
        }
    }

    /// The same database, whoever asks and however.
    pub fn is_same(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

/// A path, or something like an URL without user and password.
impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Postgres(postgres) => write!(out, "{postgres}"),
            Self::Other(other) => write!(out, "{}", other.name),
        }
    }
}

/// Whether a session may write. Comparing reads; only scratch work writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    ReadOnly,
    ReadWrite,
}

/// A database as a session opens it. A DuckDB file must exist, unless it is asked for as a new one.
///
/// Of a DuckDB file one session that writes at a time: its lock keeps other processes out, but not a
/// second session of this one, and what one of the two wrote is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    pub address: Address,
    pub access: Access,
    /// DuckDB: lets queries read other files and load extensions. Off by default: views of a pull
    /// request run in this session, and a view can read any file the process can.
    pub external_access: bool,
    /// DuckDB's own spelling, such as `2GB`; `None` leaves its default.
    pub memory_limit: Option<String>,
    /// PostgreSQL: how long one statement may take; `None` leaves the server's own limit.
    pub timeout: Option<Duration>,
    /// Make the file where there is none. Only for a file of belay's own.
    pub(crate) create: bool,
}

impl Database {
    /// A file of DuckDB, or another address.
    pub fn read_only(address: impl Into<Address>) -> Self {
        Self {
            address: address.into(),
            access: Access::ReadOnly,
            external_access: false,
            memory_limit: None,
            timeout: None,
            create: false,
        }
    }

    pub fn new_file(path: &Path) -> Self {
        Self { create: true, ..Self::read_write(path) }
    }

    pub fn read_write(address: impl Into<Address>) -> Self {
        Self { access: Access::ReadWrite, ..Self::read_only(address) }
    }

    pub(crate) fn connect(&self, driver: &Driver) -> Result<Connection, WarehouseError> {
        match &self.address {
            Address::File(path) => duckdb::connect(driver, self, path),
            Address::Postgres(postgres) => postgres.connect(driver, self),
            Address::Other(other) => other.connect(driver, self),
        }
    }
}

impl From<&PathBuf> for Address {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Address> for Address {
    fn from(address: &Address) -> Self {
        address.clone()
    }
}
