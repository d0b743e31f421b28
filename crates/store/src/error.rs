//! What can go wrong with the memory, and what to do about it.

use std::io;
use std::path::PathBuf;

use belay_model::Explain;
use belay_model::explain::Blame;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the store `{path}`")]
    Open { path: PathBuf, source: sqlx::Error },
    #[error("the store `{path}` was written by a newer belay (it has migration {version})")]
    Newer { path: PathBuf, version: i64 },
    #[error("cannot bring the store `{path}` up to date")]
    Migrate { path: PathBuf, source: sqlx::migrate::MigrateError },
    #[error("no space is left for the store")]
    Full { source: sqlx::Error },
    #[error("no space is left: {message}")]
    DiskFull { message: String, source: io::Error },
    #[error("the store did not answer")]
    Query { source: sqlx::Error },
    #[error("{message}")]
    Io { message: String, source: io::Error },
    #[error("no {kind} matches `{text}`")]
    NotFound { kind: &'static str, text: String },
    #[error("`{text}` matches {count} {kind}s")]
    Vague { kind: &'static str, text: String, count: usize },
    #[error("the change `{target}` is already reserved")]
    AlreadyReserved { target: String },
    #[error("the body `{digest}` is not kept, or was erased")]
    BodyMissing { digest: String },
    #[error("the body `{digest}` is not what its digest says")]
    BodyAltered { digest: String },
    #[error("column `{column}` of the store holds `{value}`, which this belay does not understand")]
    Corrupt { column: &'static str, value: String },
}

impl StoreError {
    pub(crate) fn io(message: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let message = message.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { message, source }
            }
            _ => Self::Io { message, source },
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        const SQLITE_FULL: &str = "13";
        let code = source.as_database_error().and_then(sqlx::error::DatabaseError::code);
        match code.as_deref() {
            Some(SQLITE_FULL) => Self::Full { source },
            _ => Self::Query { source },
        }
    }
}

impl Explain for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "store/open",
            Self::Newer { .. } => "store/newer",
            Self::Migrate { .. } => "store/migrate",
            Self::Full { .. } | Self::DiskFull { .. } => "store/full",
            Self::Query { .. } => "store/query",
            Self::Io { .. } => "store/io",
            Self::NotFound { .. } => "record/not-found",
            Self::Vague { .. } => "record/vague",
            Self::AlreadyReserved { .. } => "effect/already-reserved",
            Self::BodyMissing { .. } => "record/body-missing",
            Self::BodyAltered { .. } => "record/body-altered",
            Self::Corrupt { .. } => "store/corrupt",
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            Self::Open { .. } | Self::Io { .. } => {
                "check that the state folder can be written, then try again"
            }
            Self::Newer { .. } => "install the belay that wrote it, or a newer one",
            Self::Migrate { .. } => "keep the file, and report what it says",
            Self::Full { .. } | Self::DiskFull { .. } => {
                "free some space; nothing that was acknowledged is lost"
            }
            Self::Query { .. } => "another process may hold the store; try again",
            Self::NotFound { kind: "run", .. } => "run `belay runs list` to see the runs there are",
            Self::NotFound { kind: "review", .. } => {
                "run `belay review list` to see the reviews there are"
            }
            Self::Vague { .. } => "write more of the id",
            Self::AlreadyReserved { .. } => {
                "run `belay clean` to see what an earlier run left behind"
            }
            Self::BodyAltered { .. } => {
                "do not trust this artefact; restore the blob folder from a backup"
            }
            Self::NotFound { .. } | Self::BodyMissing { .. } | Self::Corrupt { .. } => return None,
        };
        Some(text.to_owned())
    }

    fn blame(&self) -> Blame {
        match self {
            Self::NotFound { .. }
            | Self::Vague { .. }
            | Self::Newer { .. }
            | Self::BodyMissing { .. } => Blame::Input,
            _ => Blame::Surroundings,
        }
    }
}
