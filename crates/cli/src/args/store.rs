//! `belay store`, `belay migrate`.

use clap::{Args, Subcommand};

use super::PlainFormat;

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Only say what would be done. Exit code 1 when the store is behind.
    #[arg(long)]
    pub check: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy a whole record into an empty store, and compare the two.
    Copy(StoreCopyArgs),
    /// Show how the clock stands to the record. Exit code 1 when it stands too far behind.
    Clock(StoreClockArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StoreClockArgs {
    /// Say that the clock is right now, and was wrong when the newest entries were written. Your word
    /// is kept in the record.
    #[arg(long, requires = "reason")]
    pub accept: bool,
    /// Why.
    #[arg(long, value_name = "TEXT", requires = "accept")]
    pub reason: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct StoreCopyArgs {
    /// A `postgres://` URL, the state folder of a SQLite store, or `store` for the configured one.
    #[arg(long, value_name = "URL|DIR")]
    pub from: String,
    /// The same; it must hold no rows.
    #[arg(long, value_name = "URL|DIR")]
    pub to: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}
