//! `belay bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::PlainFormat;

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Review pull requests with a known answer: mutated ones that have to be caught, and benign ones
    /// that must not be alarmed about. Exit 1 when less than 95 % are caught or more than 5 % are
    /// false alarms.
    Regressions(RegressionsArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum BenchFormat {
    #[default]
    Text,
    Json,
    Md,
}

#[derive(Debug, Args)]
pub(crate) struct RegressionsArgs {
    /// Only the cases of this project; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub project: Vec<String>,
    /// Only this case; may be repeated.
    #[arg(long, value_name = "ID")]
    pub case: Vec<String>,
    /// How many reviews run side by side.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub jobs: u8,
    /// Try the cases in this folder (NAME/cases/*.yaml, NAME/project, NAME/data.sql) and not belay's own.
    #[arg(long, value_name = "DIR")]
    pub against: Option<PathBuf>,
    /// Also build every head with the project's own tests, and check that each case is what it says.
    #[arg(long)]
    pub measure: bool,
    /// Also write the compiled SQL of both sides of every changed model to this folder, for
    /// bench/judges/judge.py.
    #[arg(long, value_name = "DIR")]
    pub sql: Option<PathBuf>,
    /// Only list the cases.
    #[arg(long)]
    pub list: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: BenchFormat,
}

impl BenchCommand {
    pub(crate) fn format(&self) -> PlainFormat {
        let Self::Regressions(args) = self;
        if args.format == BenchFormat::Json { PlainFormat::Json } else { PlainFormat::Text }
    }
}
