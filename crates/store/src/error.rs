//! What can go wrong with the memory, and what to do about it.

use std::io;
use std::path::PathBuf;

use belay_model::explain::Blame;
use belay_model::record::{ApprovalState, RunState};
use belay_model::{ApprovalId, Explain, RunId, Timestamp};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the store `{store}`")]
    Open { store: String, source: sqlx::Error },
    #[error("`{url}` is not the address of a store")]
    Url { url: String },
    #[error("the store `{store}` was written by a newer belay (it has migration {version})")]
    Newer { store: String, version: i64 },
    #[error("cannot bring the store `{store}` up to date")]
    Migrate { store: String, source: sqlx::migrate::MigrateError },
    #[error("the connection to the store was lost")]
    ConnectionLost { source: sqlx::Error },
    #[error("the {kind} `{subject}` is not what its last audit leaf says")]
    Tampered { kind: String, subject: String },
    #[error("the clock stands {} s before the newest entry of the record", (newest.nanos() - at.nanos()) / 1_000_000_000)]
    ClockBack { at: Timestamp, newest: Timestamp },
    #[error("another process took run `{}` over", run.short())]
    LeaseLost { run: RunId },
    #[error("`{owner}` works on run `{}`", run.short())]
    RunBusy { run: RunId, owner: String },
    #[error("run `{}` is over: {state}", run.short())]
    RunOver { run: RunId, state: RunState },
    #[error("approval `{}` cannot be used: it is {state}, for another run, or ran out", approval.short())]
    Spent { approval: ApprovalId, state: ApprovalState },
    #[error("`{voter}` has voted already")]
    Voted { voter: String },
    #[error("approval `{}` is not open any more: {state}", approval.short())]
    Closed { approval: ApprovalId, state: ApprovalState },
    #[error("the vote is for another digest than approval `{}` asks about", approval.short())]
    OtherDigest { approval: ApprovalId },
    #[error("the store `{store}` is not empty")]
    NotEmpty { store: String },
    #[error("the copy of `{what}` differs from its source")]
    CopyDiffers { what: String },
    #[error("there is no store in `{folder}`")]
    NoStore { folder: PathBuf },
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
        use sqlx::Error as E;
        let code = source.as_database_error().and_then(sqlx::error::DatabaseError::code);
        match code.as_deref() {
            // SQLite's full disk and PostgreSQL's.
            Some("13" | "53100") => Self::Full { source },
            // PostgreSQL: connection exceptions, no connections left, and the server going away.
            Some(code)
                if code.len() == 5
                    && (code.starts_with("08")
                        || ["53300", "57P01", "57P02", "57P03", "25P03"].contains(&code)) =>
            {
                Self::ConnectionLost { source }
            }
            None if matches!(
                source,
                E::Io(_)
                    | E::Tls(_)
                    | E::Protocol(_)
                    | E::PoolTimedOut
                    | E::PoolClosed
                    | E::WorkerCrashed
            ) =>
            {
                Self::ConnectionLost { source }
            }
            _ => Self::Query { source },
        }
    }
}

impl Explain for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "store/open",
            Self::Url { .. } => "store/url",
            Self::ConnectionLost { .. } => "store/connection-lost",
            Self::Tampered { .. } => "store/tampered",
            Self::ClockBack { .. } => "store/clock-back",
            Self::LeaseLost { .. } => "run/lease-lost",
            Self::RunBusy { .. } => "run/busy",
            Self::RunOver { .. } => "run/over",
            Self::Spent { .. } => "approval/spent",
            Self::Voted { .. } => "approval/voted",
            Self::Closed { .. } => "approval/closed",
            Self::OtherDigest { .. } => "approval/other-digest",
            Self::NotEmpty { .. } => "store/not-empty",
            Self::CopyDiffers { .. } => "store/copy-differs",
            Self::NoStore { .. } => "store/none",
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
            Self::Open { store, .. } if store.starts_with("postgres") => {
                "check that the server runs, and the user, password and database in the setting `store`"
            }
            Self::Open { .. } | Self::Io { .. } => {
                "check that the state folder can be written, then try again"
            }
            Self::Url { .. } => {
                "write `postgres://USER:PASSWORD@HOST/DATABASE`, or leave the setting `store` out for SQLite"
            }
            Self::ConnectionLost { .. } => {
                "the last write is in the record whole or not at all: see to the server, then look with `belay runs list`"
            }
            Self::Tampered { .. } => {
                "somebody changed the record behind belay's back; nothing was written; see `belay trace check`"
            }
            Self::ClockBack { .. } => {
                "set the machine's clock right, then try again; if it is right and once was far ahead: `belay store clock --accept`"
            }
            Self::LeaseLost { .. } => "nothing was written; the other process goes on",
            Self::RunBusy { .. } => "wait for it, or ask it to stop with `belay runs cancel`",
            Self::RunOver { .. } => "start a new run",
            Self::Spent { .. } => "an approval is good for one use, in time: ask for another",
            Self::Voted { .. } => "a vote is never changed; somebody else may vote",
            Self::Closed { .. } => "run `belay approvals` to see what is open",
            Self::OtherDigest { .. } => {
                "the plan, the data or the policies moved; look again at what is asked, then vote on that"
            }
            Self::NotEmpty { .. } => "copy to a store that nobody has used",
            Self::CopyDiffers { .. } => {
                "nothing was copied; stop what still writes to the source, then copy again"
            }
            Self::NoStore { .. } => "name the folder that holds `belay.db`, or a `postgres://` URL",
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
            Self::NotFound { kind: "approval", .. } => {
                "run `belay approvals` to see the questions there are"
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
            | Self::Url { .. }
            | Self::RunOver { .. }
            | Self::Spent { .. }
            | Self::Voted { .. }
            | Self::Closed { .. }
            | Self::OtherDigest { .. }
            | Self::NotEmpty { .. }
            | Self::NoStore { .. }
            | Self::BodyMissing { .. } => Blame::Input,
            _ => Blame::Surroundings,
        }
    }
}
