use clap::{Args, ValueEnum};

use super::{FailOn, PlainFormat, fail_on};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PublishTo {
    Github,
    Gitlab,
}

/// In GitHub Actions and GitLab CI everything but the run is found in the environment.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The run of a review; `latest` is the newest one.
    #[arg(default_value = "latest")]
    pub run: String,
    /// Which git host. Default: the one whose CI this is.
    #[arg(long, value_enum, value_name = "HOST")]
    pub to: Option<PublishTo>,
    /// The root of the host's API.
    #[arg(long, value_name = "URL")]
    pub api: Option<String>,
    /// `owner/name`; on GitLab the project's number or path.
    #[arg(long, value_name = "NAME")]
    pub project: Option<String>,
    /// The pull request's number.
    #[arg(long, value_name = "N")]
    pub number: Option<u64>,
    /// The commit that the check belongs to.
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// Tells this report from others on the same pull request. Default: the workspace.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where the whole report is kept: the comment links to it.
    #[arg(long, value_name = "URL")]
    pub artefact: Option<String>,
    /// The check fails from this risk on [default: high].
    #[arg(long, value_name = "LEVEL|never", value_parser = fail_on)]
    pub fail_on: Option<FailOn>,
    /// Print the comment; send nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}
