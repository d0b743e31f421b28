//! `belay run`, `belay runs`, `belay rollback`, `belay work`.

use std::path::PathBuf;

use belay_model::Level;
use clap::{Args, Subcommand};

use super::{FormatArgs, PlainFormat, level};

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, newest first.
    List(FormatArgs),
    /// Show a run: steps, decisions, effects, artefacts, scorecard.
    Show(RunArgs),
    /// Take a run up where it stopped. No change of the outside is made twice.
    Resume(ResumeArgs),
    /// Stop a run before its next step.
    Cancel(CancelArgs),
    /// Report a step that you did by hand at L0.
    Report(ReportArgs),
    /// Say whether a change took of which nobody knows.
    Resolve(ResolveArgs),
    /// Decide a run again: would today's gate say the same? Exit code 1 when it would not.
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// The workflow's name; `belay workflows list` shows the ones there are.
    pub workflow: String,
    /// The autonomy level, L0 to L4; the lowest ceiling binds.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub level: Option<Level>,
    /// Leave it to `belay work`.
    #[arg(long)]
    pub queue: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

/// `last`, or a run's id: the end or the start of one is enough.
pub(crate) type ResumeArgs = RunArgs;

pub(crate) type ReplayArgs = RunArgs;

#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// A run's id, the end or the start of one, or `last`.
    pub run: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// A run's id, the end or the start of one, or `last`.
    pub run: String,
    /// The step, as the checklist names it.
    pub step: String,
    /// The exit code that you saw.
    #[arg(long, value_name = "CODE")]
    pub exit: i32,
    /// What else is worth knowing.
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// A file to keep with the run; may be given again.
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("word").required(true).args(["took", "absent"]))]
pub(crate) struct ResolveArgs {
    /// A run's id, the end or the start of one, or `last`.
    pub run: String,
    /// The step.
    pub step: String,
    /// The change is there.
    #[arg(long)]
    pub took: bool,
    /// The change is not there.
    #[arg(long)]
    pub absent: bool,
    /// How you know.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// A run's id, the end or the start of one, or `last`.
    pub run: String,
    /// Only list what would be taken back.
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct WorkArgs {
    /// Stop as soon as nothing is ready.
    #[arg(long)]
    pub drain: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A run's id, the end or the start of one, or `last`.
    #[arg(default_value = "last")]
    pub run: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}
