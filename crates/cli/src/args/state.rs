use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::PlainFormat;

#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Keep a folder of dbt artefacts as those of the commit that is checked out.
    Save(StateSaveArgs),
    /// Say whether a kept state is that of the merge base. Exit code 2 if it is not.
    Check(StateCheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StateSaveArgs {
    /// The folder with manifest.json; run results, catalog and source freshness beside it are kept too.
    #[arg(long, value_name = "DIR", default_value = "target")]
    pub artefacts: PathBuf,
    /// Where to keep them.
    #[arg(long, value_name = "DIR", default_value = "belay-state")]
    pub out: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct StateCheckArgs {
    /// The folder that `belay state save` made.
    #[arg(default_value = "belay-state")]
    pub folder: PathBuf,
    /// Take one of another commit, and say so.
    #[arg(long)]
    pub allow_stale_base: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}
