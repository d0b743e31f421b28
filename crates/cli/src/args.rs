//! The command line, as clap reads it.

mod authority;
mod bench;
mod eval;
mod lineage;
mod publish;
mod reviews;
mod runs;
mod sql;
mod state;
mod store;
mod trace;

use std::path::PathBuf;

use belay_model::{Level, Severity};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::audit::AuditCommand;

pub(crate) use self::authority::*;
pub(crate) use self::bench::*;
pub(crate) use self::eval::*;
pub(crate) use self::lineage::*;
pub(crate) use self::publish::*;
pub(crate) use self::reviews::*;
pub(crate) use self::runs::*;
pub(crate) use self::sql::*;
pub(crate) use self::state::*;
pub(crate) use self::store::*;
pub(crate) use self::trace::*;

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
    /// The audit: verify, prove, sign and export what happened.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Measure what reviews catch.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Make a shop's dbt project with a pull request, and review it.
    Demo(DemoArgs),
    /// Score runs against evaluator suites.
    #[command(subcommand)]
    Eval(EvalCommand),
    /// Write a belay.toml for this dbt project.
    Init(InitArgs),
    /// Review a dbt change: what it reaches and what it does to the data.
    Impact(ImpactArgs),
    /// Show a report on its pull request: one comment kept current, a check, annotations.
    Publish(PublishArgs),
    /// Show where a model's columns come from, and who depends on them.
    Lineage(LineageArgs),
    /// Run a workflow of the team's own.
    Run(StartArgs),
    /// Runs: their record, and what is done about them.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Take a run back: the inverses of its changes, the last one first.
    Rollback(RollbackArgs),
    /// Take runs from the queue and do them.
    Work(WorkArgs),
    /// What runs ask people.
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// Say yes to what a run asks.
    Approve(ApproveArgs),
    /// Say no to what a run asks.
    Deny(DenyArgs),
    /// How far workers may go by themselves.
    #[command(subcommand)]
    Level(LevelCommand),
    /// Traces: check, show, export and receive them.
    #[command(subcommand)]
    Trace(TraceCommand),
    /// The policies that decide what workers may do.
    #[command(subcommand)]
    Policy(crate::commands::policy::PolicyCommand),
    /// Reports that wait for a person.
    #[command(subcommand)]
    Review(ReviewCommand),
    /// Queries: what a change to one means.
    #[command(subcommand)]
    Sql(SqlCommand),
    /// Who may do what: the registered workers.
    #[command(subcommand)]
    Workers(WorkersCommand),
    /// A team's own scripts as governed steps.
    #[command(subcommand)]
    Workflows(WorkflowsCommand),
    /// Drop what interrupted runs left behind.
    Clean(CleanArgs),
    /// Database drivers.
    #[command(subcommand)]
    Drivers(DriversCommand),
    /// Check that everything belay needs is there and works.
    Doctor(FormatArgs),
    /// Show every setting, its value and where the value came from.
    Config(FormatArgs),
    /// Bring the store up to date.
    Migrate(MigrateArgs),
    /// The base of later reviews, as the default branch's last run left it.
    #[command(subcommand)]
    State(StateCommand),
    /// Where the record is kept.
    #[command(subcommand)]
    Store(StoreCommand),
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

/// The forms of a review's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ImpactFormat {
    #[default]
    Text,
    Json,
    Md,
    Html,
    Sarif,
    Junit,
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
    /// A folder of `belay state save` as base. It has to be of the merge base.
    #[arg(long, value_name = "DIR", conflicts_with = "base")]
    pub base_state: Option<PathBuf>,
    /// Take a base state of another commit, and say so in the report.
    #[arg(long, requires = "base_state")]
    pub allow_stale_base: bool,
    /// A git ref, or a folder of dbt artefacts. Default: the work tree.
    #[arg(long, value_name = "REF|DIR")]
    pub head: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: ImpactFormat,
    /// Also write the report to a file; its ending (.html, .md, .json, .sarif, or .xml for `JUnit`)
    /// says in which form. Can be repeated.
    #[arg(long, value_name = "FILE")]
    pub out: Vec<PathBuf>,
    /// Only the changed scope: build nothing, compare no data.
    #[arg(long)]
    pub no_build: bool,
    /// Build and compare all that is below a change, also what is proved not to see it.
    #[arg(long, conflicts_with = "no_build")]
    pub everything: bool,
    /// Leave the scratch schema in place.
    #[arg(long)]
    pub keep: bool,
    /// Exit with 1 from this risk on [default: high].
    #[arg(long, value_name = "LEVEL|never", value_parser = fail_on)]
    pub fail_on: Option<FailOn>,
    /// A DuckDB file in which two folders of artefacts are compared.
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
    /// The pull request's text: a line `belay: accept … until … because …` in it overrides a finding.
    #[arg(long, value_name = "FILE")]
    pub pull_request: Option<PathBuf>,
    /// Leave it to `belay work`.
    #[arg(long)]
    pub queue: bool,
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

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Only list what would be dropped.
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkersCommand {
    /// List the workers: belay's own and those in belay/workers.
    List(FormatArgs),
    /// Show a worker: what it may use, how far it may go, how what it did is taken back.
    Show(NamedArgs),
    /// Check all files in belay/workers and belay/workflows. Exit code 2 with every fault and its line.
    Check(FormatArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowsCommand {
    /// List the workflows in belay/workflows.
    List(FormatArgs),
    /// Show a workflow: each step as a person would do it by hand, and how to take it back.
    Show(NamedArgs),
    /// Check all files in belay/workers and belay/workflows. Exit code 2 with every fault and its line.
    Check(FormatArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NamedArgs {
    /// Its name.
    pub name: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DriversCommand {
    /// List the drivers, where they are and whether they are what they should be.
    List(FormatArgs),
    /// Fetch the pinned DuckDB driver, and what the flags name.
    Install(DriversInstallArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DriversInstallArgs {
    /// Also install the private dbt for the project's adapter; outside of a project, for DuckDB.
    #[arg(long)]
    pub dbt: bool,
    /// Also fetch the PostgreSQL driver; with --dbt, a private dbt for it as well.
    #[arg(long)]
    pub postgres: bool,
    /// Also install a private cvc5, the solver behind `belay policy prove`.
    #[arg(long)]
    pub cvc5: bool,
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
            Command::Audit(command) => command.format(),
            Command::Bench(command) => command.format(),
            Command::Impact(args) if args.format == ImpactFormat::Json => PlainFormat::Json,
            Command::Lineage(args) => args.error_format(),
            Command::Review(ReviewCommand::Show(args)) => json_or_text(args.format),
            Command::Runs(RunsCommand::List(args))
            | Command::Review(ReviewCommand::List(args))
            | Command::Eval(EvalCommand::List(args))
            | Command::Drivers(DriversCommand::List(args))
            | Command::Doctor(args)
            | Command::Config(args) => args.format,
            Command::Run(args) => args.format,
            Command::Runs(
                RunsCommand::Show(args) | RunsCommand::Resume(args) | RunsCommand::Replay(args),
            ) => args.format,
            Command::Runs(RunsCommand::Cancel(args)) => args.format,
            Command::Runs(RunsCommand::Report(args)) => args.format,
            Command::Runs(RunsCommand::Resolve(args)) => args.format,
            Command::Rollback(args) => args.format,
            Command::Work(args) => args.format,
            Command::Approvals(ApprovalsCommand::List(args)) => args.format,
            Command::Approvals(ApprovalsCommand::Show(args)) => args.format,
            Command::Approve(args) => args.format,
            Command::Deny(args) => args.format,
            Command::Level(LevelCommand::Show(args)) => args.format,
            Command::Level(LevelCommand::Set(args)) => args.format,
            Command::Level(LevelCommand::Tier(args)) => args.format,
            Command::Level(LevelCommand::BoundedWrites(args)) => args.format,
            Command::Level(LevelCommand::Quarantine(args) | LevelCommand::Reinstate(args)) => {
                args.format
            }
            Command::Trace(command) => command.format(),
            Command::Review(ReviewCommand::Accept(args) | ReviewCommand::Reject(args)) => {
                args.format
            }
            Command::Workers(WorkersCommand::List(args) | WorkersCommand::Check(args))
            | Command::Workflows(WorkflowsCommand::List(args) | WorkflowsCommand::Check(args)) => {
                args.format
            }
            Command::Workers(WorkersCommand::Show(args))
            | Command::Workflows(WorkflowsCommand::Show(args)) => args.format,
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
            Command::Policy(command) => command.format(),
            Command::Publish(args) => args.format,
            Command::Sql(command) => command.format(),
            Command::Clean(args) => args.format,
            Command::Migrate(args) => args.format,
            Command::State(StateCommand::Save(args)) => args.format,
            Command::State(StateCommand::Check(args)) => args.format,
            Command::Store(StoreCommand::Copy(args)) => args.format,
            Command::Store(StoreCommand::Clock(args)) => args.format,
            Command::Drivers(DriversCommand::Install(args)) => args.format,
            Command::Impact(_) | Command::Demo(_) | Command::Schema(_) | Command::Explain(_) => {
                PlainFormat::Text
            }
        }
    }
}

fn json_or_text(format: Format) -> PlainFormat {
    if format == Format::Json { PlainFormat::Json } else { PlainFormat::Text }
}
