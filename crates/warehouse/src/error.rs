//! What a warehouse can say no with.

use std::path::PathBuf;

use belay_gate::PermitMismatch;
use belay_model::Explain;
use belay_model::explain::Blame;

#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    #[error("cannot load the driver `{path}`: {message}")]
    Driver { path: PathBuf, message: String },
    #[error("there is no database file `{path}`")]
    NoFile { path: PathBuf },
    #[error("the database `{path}` is locked by another process")]
    Locked { path: PathBuf, message: String },
    #[error(
        "the database `{path}` was written by {}, which is newer than belay's driver reads",
        wrote.as_deref().unwrap_or("a DuckDB")
    )]
    NewerFile { path: PathBuf, message: String, wrote: Option<String> },
    #[error("cannot open the database `{path}`: {message}")]
    Open { path: PathBuf, message: String },
    #[error("`{user}` cannot log in to `{address}`: {message}")]
    Login { address: String, user: String, message: String },
    #[error("there is no database `{address}`: {message}")]
    NoSuchDatabase { address: String, message: String },
    #[error("cannot connect to `{address}`: {message}")]
    Unreachable { address: String, message: String },
    #[error("`{user}` may not create schemas in `{address}`")]
    NoCreate { address: String, user: String },
    #[error("the connection was lost while the warehouse was asked to {purpose}: {message}")]
    ConnectionLost { purpose: String, message: String },
    /// One statement was refused; the session goes on.
    #[error("the warehouse refused to {purpose}: {message}")]
    Statement { purpose: String, message: String, refusal: Refusal },
    #[error("column `{column}` came as {arrow_type}, which belay does not read")]
    Type { column: String, arrow_type: String },
    #[error("the session with the warehouse has ended")]
    Ended,
    #[error(transparent)]
    Permit(#[from] PermitMismatch),
}

/// Why a statement was refused, where the database says so in a way that machines can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It took longer than the session allows.
    Timeout {
        seconds: u64,
    },
    Permission,
    /// The session, or the server, refuses to write.
    ReadOnly,
    Other,
}

impl Explain for WarehouseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Driver { .. } => "warehouse/driver",
            Self::NoFile { .. } => "warehouse/no-file",
            Self::Locked { .. } => "warehouse/locked",
            Self::NewerFile { .. } => "warehouse/newer-file",
            Self::Open { .. } => "warehouse/open",
            Self::Login { .. } => "warehouse/login",
            Self::NoSuchDatabase { .. } => "warehouse/no-such-database",
            Self::Unreachable { .. } => "warehouse/unreachable",
            Self::NoCreate { .. } => "warehouse/no-create",
            Self::ConnectionLost { .. } => "warehouse/connection-lost",
            Self::Statement { refusal, .. } => match refusal {
                Refusal::Timeout { .. } => "warehouse/timeout",
                Refusal::Permission => "warehouse/permission",
                Refusal::ReadOnly => "warehouse/read-only",
                Refusal::Other => "warehouse/statement",
            },
            Self::Type { .. } => "warehouse/type",
            Self::Ended => "warehouse/ended",
            Self::Permit(mismatch) => mismatch.code(),
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            Self::Driver { .. } => "run `belay drivers install`, or name a driver in belay.toml",
            Self::NoFile { .. } => {
                "build the project once with dbt, or check `path` in profiles.yml"
            }
            Self::Locked { .. } => "close the program that has it open, then try again",
            Self::NewerFile { .. } => {
                "write it with the DuckDB of belay's driver (`belay drivers list` shows its version) or an \
                 older one, have the newer one attach it with STORAGE_VERSION 'v1.0.0', or name a newer \
                 library as `drivers.duckdb` in belay.toml"
            }
            Self::Login { .. } => "check user, password and role of the target in profiles.yml",
            Self::NoSuchDatabase { .. } => "check `dbname` of the target in profiles.yml",
            Self::Unreachable { .. } => {
                "check host, port and TLS settings of the target in profiles.yml, and that the server is up"
            }
            Self::NoCreate { address, user } => {
                let database = address.rsplit('/').next().unwrap_or(address);
                return Some(format!(
                    "let the owner `GRANT CREATE ON DATABASE \"{database}\" TO \"{user}\"`, or use `--no-build`"
                ));
            }
            Self::Statement { refusal: Refusal::Timeout { seconds }, .. } => {
                return Some(format!(
                    "one statement may take {seconds} s: raise `diff.max_seconds` in belay.toml"
                ));
            }
            Self::Statement { refusal: Refusal::Permission, .. } => {
                "let the target's user read what the project's models read"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn blame(&self) -> Blame {
        match self {
            Self::NoFile { .. }
            | Self::Login { .. }
            | Self::NoSuchDatabase { .. }
            | Self::NoCreate { .. } => Blame::Input,
            Self::Permit(_) | Self::Type { .. } => Blame::Belay,
            _ => Blame::Surroundings,
        }
    }
}
