//! `belay eval`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{FormatArgs, PlainFormat};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum CardFormat {
    #[default]
    Text,
    Json,
    Md,
    Junit,
    Sarif,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// List the suites that can be run here.
    List(FormatArgs),
    /// Check that suites can be read; tells all faults at once.
    Check(EvalCheckArgs),
    /// Run a suite. Exit 0 when it passes, 1 when it fails, 5 when there is too little evidence.
    Run(EvalRunArgs),
    /// Freeze runs on record into a dataset.
    Freeze(EvalFreezeArgs),
    /// Show the scorecard of an evaluation on record.
    Show(EvalShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EvalCheckArgs {
    /// Suites by name, or files. Default: all.
    pub suites: Vec<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct EvalRunArgs {
    /// A suite's name, or a file.
    pub suite: String,
    /// Look at this instead: `traces`, a frozen dataset, or a pack (`changes`, `injection`).
    #[arg(long, value_name = "FILE|PACK|traces")]
    pub dataset: Option<String>,
    /// Compare with this scorecard: a file, an evaluation's run, or `last`.
    #[arg(long, value_name = "REF")]
    pub baseline: Option<String>,
    /// How often each case of a pack is tried.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub trials: Option<u16>,
    #[arg(long, value_enum, default_value_t)]
    pub format: CardFormat,
    /// Also write JSON, Markdown, `JUnit` and SARIF to this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct EvalFreezeArgs {
    /// Which runs, as a CEL expression such as `run.workflow == "dbt-pr-impact"`.
    pub query: String,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The share of cases that tuning must not see.
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    pub holdout: f64,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct EvalShowArgs {
    /// The run of an evaluation: its id, the end or the start of one, or `last`.
    #[arg(default_value = "last")]
    pub run: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: CardFormat,
}
