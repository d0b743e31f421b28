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
    #[error("the database `{path}` was written by a newer DuckDB than belay's driver reads")]
    NewerFile { path: PathBuf, message: String },
    #[error("cannot open the database `{path}`: {message}")]
    Open { path: PathBuf, message: String },
    #[error("the warehouse refused to {purpose}: {message}")]
    Statement { purpose: String, message: String },
    #[error("column `{column}` came as {arrow_type}, which belay does not read")]
    Type { column: String, arrow_type: String },
    #[error("the session with the warehouse has ended")]
    Ended,
    #[error(transparent)]
    Permit(#[from] PermitMismatch),
}

impl Explain for WarehouseError {
    fn code(&self) -> &'static str {
        match self {
            Self::Driver { .. } => "warehouse/driver",
            Self::NoFile { .. } => "warehouse/no-file",
            Self::Locked { .. } => "warehouse/locked",
            Self::NewerFile { .. } => "warehouse/newer-file",
            Self::Open { .. } => "warehouse/open",
            Self::Statement { .. } => "warehouse/statement",
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
                "write it with DuckDB 1.5, or attach it with STORAGE_VERSION 'v1.0.0'; \
                 `belay drivers list` shows the version of belay's driver"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn blame(&self) -> Blame {
        match self {
            Self::NoFile { .. } => Blame::Input,
            Self::Permit(_) | Self::Type { .. } => Blame::Belay,
            _ => Blame::Surroundings,
        }
    }
}
