//! The command line, as clap reads it.

use std::path::PathBuf;

use belay_model::{Level, Severity};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Data agents that earn their autonomy.
///
/// Exit codes: 0 clear, 1 it worked and the answer is no, 2 your input or configuration,
/// 3 surroundings (a retry may help), 4 held for a person, 5 inconclusive, 70 a defect of belay.
#[derive(Debug, Parser)]
#[command(name = "belay", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Show no progress.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a shop's dbt project with a pull request, and review it.
    Demo(DemoArgs),
    /// Score runs against evaluator suites.
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Write a belay.toml for this dbt project.
    Init(InitArgs),
    /// Review a dbt change: what it reaches and what it does to the data.
    Impact(ImpactArgs),
    /// Runs and their record.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Check the trace of a run.
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Reports that wait for a person.
    #[command(subcommand)]
    Review(ReviewCommand),
    /// Drop what interrupted runs left behind.
    Clean(CleanArgs),
    /// Database drivers.
    #[command(subcommand)]
    Drivers(DriversCommand),
    /// Check that everything belay needs is there and works.
    Doctor(FormatArgs),
    /// Show every setting, its value and where the value came from.
    Config(FormatArgs),
    /// Print the JSON Schema of a document.
    Schema(SchemaArgs),
    /// Explain an error by its slug.
    Explain(ExplainArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
    Md,
    Html,
}

/// Where only text and JSON make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum PlainFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct FormatArgs {
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder to make. A finished demo in it is reviewed again; anything else is refused.
    #[arg(long, value_name = "DIR", default_value = "belay-demo")]
    pub dir: PathBuf,
}

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

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ImpactArgs {
    /// A git ref, or a folder of dbt artefacts. Default: the merge base with the default branch.
    #[arg(long, value_name = "REF|DIR")]
    pub base: Option<String>,
    /// A git ref, or a folder of dbt artefacts. Default: the work tree.
    #[arg(long, value_name = "REF|DIR")]
    pub head: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Also write the report to a file; its ending (.html, .md, .json) says in which form.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Only the changed scope: build nothing, compare no data.
    #[arg(long)]
    pub no_build: bool,
    /// Leave the scratch schema in place.
    #[arg(long)]
    pub keep: bool,
    /// Exit with 1 from this risk on [default: high].
    #[arg(long, value_name = "LEVEL|never", value_parser = fail_on)]
    pub fail_on: Option<FailOn>,
    /// A DuckDB file in which two folders of artefacts are compared.
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// The dbt target to run on. Default: the profile's.
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// The autonomy level, L0 to L5; the worker's ceiling binds.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub level: Option<Level>,
}

/// From which risk on the answer is no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailOn {
    Never,
    From(Severity),
}

pub(crate) fn fail_on(text: &str) -> Result<FailOn, String> {
    match text {
        "never" => Ok(FailOn::Never),
        text => text
            .parse()
            .map(FailOn::From)
            .map_err(|_| "expected low, medium, high, critical, info or never".to_owned()),
    }
}

pub(crate) fn level(text: &str) -> Result<Level, String> {
    text.parse().map_err(|_| "expected L0 to L5".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, newest first.
    List(FormatArgs),
    /// Show a run: steps, decisions, effects, artefacts, scorecard.
    Show(RunArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A run's id, the end or the start of one, or `last`.
    #[arg(default_value = "last")]
    pub run: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TraceCommand {
    /// Check that the record of a run is whole. Exit code 1 when it is not.
    Check(RunArgs),
}

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

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Only list what would be dropped.
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DriversCommand {
    /// List the drivers, where they are and whether they are what they should be.
    List(FormatArgs),
    /// Fetch the pinned drivers, and with --dbt the private dbt.
    Install(DriversInstallArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DriversInstallArgs {
    /// Also install the private dbt.
    #[arg(long)]
    pub dbt: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// The document; without one, the names of all.
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Such as `dbt/no-project`; without one, all of them.
    pub slug: Option<String>,
}

impl Cli {
    /// The form of errors: JSON where the result is JSON.
    pub(crate) fn format(&self) -> PlainFormat {
        match &self.command {
            Command::Impact(args) => json_or_text(args.format),
            Command::Review(ReviewCommand::Show(args)) => json_or_text(args.format),
            Command::Runs(RunsCommand::List(args))
            | Command::Review(ReviewCommand::List(args))
            | Command::Eval(EvalCommand::List(args))
            | Command::Drivers(DriversCommand::List(args))
            | Command::Doctor(args)
            | Command::Config(args) => args.format,
            Command::Runs(RunsCommand::Show(args)) | Command::Trace(TraceCommand::Check(args)) => {
                args.format
            }
            Command::Review(ReviewCommand::Accept(args) | ReviewCommand::Reject(args)) => {
                args.format
            }
            Command::Eval(EvalCommand::Check(args)) => args.format,
            Command::Eval(EvalCommand::Freeze(args)) => args.format,
            Command::Eval(
                EvalCommand::Run(EvalRunArgs { format, .. })
                | EvalCommand::Show(EvalShowArgs { format, .. }),
            ) => match format {
                CardFormat::Json | CardFormat::Sarif => PlainFormat::Json,
                _ => PlainFormat::Text,
            },
            Command::Init(args) => args.format,
            Command::Clean(args) => args.format,
            Command::Drivers(DriversCommand::Install(args)) => args.format,
            Command::Demo(_) | Command::Schema(_) | Command::Explain(_) => PlainFormat::Text,
        }
    }
}

fn json_or_text(format: Format) -> PlainFormat {
    if format == Format::Json { PlainFormat::Json } else { PlainFormat::Text }
}
