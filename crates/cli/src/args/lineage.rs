//! The arguments of `belay lineage`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::PlainFormat;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LineageFormat {
    /// Trees of columns.
    #[default]
    Text,
    /// A document `belay.lineage/1`.
    Json,
    /// A page with a picture, in one file.
    Html,
    /// For Graphviz.
    Dot,
}

/// Reads dbt's artefacts and nothing else: no dbt is run, no warehouse asked. Queries are read as
/// dbt compiled them, so run `dbt compile` before. `dbt docs generate` writes the catalog, which
/// knows the columns of sources and seeds.
#[derive(Debug, Args)]
pub(crate) struct LineageArgs {
    /// A model, seed, snapshot or source, or a column of it: `orders`, `orders.amount`,
    /// `orders.v2.amount`, `raw.orders.id`, `model.shop.orders`.
    #[arg(value_name = "MODEL[.COLUMN]")]
    pub what: String,
    /// Only where it comes from.
    #[arg(long, conflicts_with = "down")]
    pub up: bool,
    /// Only who depends on it.
    #[arg(long)]
    pub down: bool,
    /// How many links far. Default: all the way.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub depth: Option<u32>,
    #[arg(long, value_enum, default_value_t)]
    pub format: LineageFormat,
    /// Show the types of columns in the text, where they are known.
    #[arg(long)]
    pub column_types: bool,
    /// The folder that holds manifest.json. Default: target, in the dbt project around this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "manifest")]
    pub target_dir: Option<PathBuf>,
    /// The manifest itself.
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// The catalog. Default: catalog.json beside the manifest, if there is one.
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
}

impl LineageArgs {
    /// The form of errors.
    pub(crate) fn error_format(&self) -> PlainFormat {
        match self.format {
            LineageFormat::Json => PlainFormat::Json,
            _ => PlainFormat::Text,
        }
    }
}
