//! `belay approvals`, `belay approve`, `belay deny`, `belay level`.

use belay_model::Level;
use clap::{Args, Subcommand, ValueEnum};

use super::{PlainFormat, level};

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List what waits for a yes.
    List(ApprovalsListArgs),
    /// Show a question: exactly what would be done, what is missing, who said what.
    Show(ApprovalShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ApprovalsListArgs {
    /// Also those that are answered, expired or stale.
    #[arg(long)]
    pub all: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ApprovalShowArgs {
    /// An approval's id, the end or the start of one, or `last`.
    #[arg(default_value = "last")]
    pub approval: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// An approval's id, the end or the start of one, or `last`.
    pub approval: String,
    /// Only if the question is still about this digest.
    #[arg(long, value_name = "SHA256")]
    pub digest: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct DenyArgs {
    /// An approval's id, the end or the start of one, or `last`.
    pub approval: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LevelCommand {
    /// Show the level in force, and which ceiling binds.
    Show(LevelShowArgs),
    /// Set the level of a worker in a workflow. Raising takes a steward who does not own the worker.
    Set(LevelSetArgs),
    /// Set the workspace's own ceiling.
    Tier(LevelTierArgs),
    /// Let L4 write to production by itself: human-authored, low risk, reversible, tested inverse.
    BoundedWrites(BoundedArgs),
    /// Let a worker do nothing but take back what it did.
    Quarantine(QuarantineArgs),
    /// End a quarantine.
    Reinstate(QuarantineArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LevelShowArgs {
    /// Only this worker, with every ceiling.
    pub worker: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct LevelSetArgs {
    pub worker: String,
    /// L0 to L4, and no higher than the worker's ceiling.
    #[arg(value_parser = level)]
    pub level: Level,
    /// Needed where the worker has several.
    #[arg(long, value_name = "NAME")]
    pub workflow: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct LevelTierArgs {
    #[arg(value_parser = level)]
    pub level: Level,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, Args)]
pub(crate) struct BoundedArgs {
    #[arg(value_enum)]
    pub switch: Switch,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineArgs {
    pub worker: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}
