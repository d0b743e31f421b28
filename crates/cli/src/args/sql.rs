//! `belay sql`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::PlainFormat;

#[derive(Debug, Subcommand)]
pub(crate) enum SqlCommand {
    /// Say what a change to a query does to its output. Exit 0 if no value and no row can come out
    /// differently, 1 if they can or nobody knows.
    Compare(SqlCompareArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SqlCompareArgs {
    /// The query as it was.
    #[arg(value_name = "BASE.sql")]
    pub base: PathBuf,
    /// The query as it is.
    #[arg(value_name = "HEAD.sql")]
    pub head: PathBuf,
    /// duckdb, postgres, snowflake, bigquery, databricks, redshift or generic.
    #[arg(long, default_value = "generic")]
    pub dialect: String,
    /// The tables that the queries read, as JSON: `{"table": {"column": "type"}}`.
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

impl SqlCommand {
    pub(crate) fn format(&self) -> PlainFormat {
        match self {
            Self::Compare(args) => args.format,
        }
    }
}
