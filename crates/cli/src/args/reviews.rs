//! `belay review`.

use clap::{Args, Subcommand};

use super::{Format, FormatArgs, PlainFormat};

#[derive(Debug, Subcommand)]
pub(crate) enum ReviewCommand {
    /// List reviews, newest first.
    List(FormatArgs),
    /// Show a review: the report and what was said of it.
    Show(ReviewShowArgs),
    /// Accept a report, or one finding of it.
    Accept(JudgeArgs),
    /// Reject a report, or one finding of it.
    Reject(JudgeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ReviewShowArgs {
    /// A review's or a run's id, the end or the start of one, or `last`.
    #[arg(default_value = "last")]
    pub review: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    /// A review's or a run's id, the end or the start of one, or `last`.
    #[arg(default_value = "last")]
    pub review: String,
    /// Only this finding, by its id.
    #[arg(long, value_name = "ID")]
    pub finding: Option<String>,
    /// Why. A rejection needs it.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}
