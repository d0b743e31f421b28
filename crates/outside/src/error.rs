//! What the outside can say no with.

use std::io;
use std::path::PathBuf;

use belay_gate::PermitMismatch;
use belay_model::Explain;
use belay_model::explain::Blame;

#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    #[error("`{program}` is not installed, or not on PATH")]
    Missing { program: String },
    #[error("cannot start `{program}`")]
    Start { program: String, source: io::Error },
    #[error("interrupted")]
    Stopped,
    #[error("`{path}` is not in a git repository")]
    NoRepository { path: PathBuf },
    #[error("git knows no commit `{reference}`")]
    NoSuchRef { reference: String },
    #[error("cannot tell the default branch of this repository")]
    NoDefaultBranch,
    #[error("`{base}` and `{head}` have no common ancestor")]
    NoMergeBase { base: String, head: String },
    #[error("git could not {purpose}: {message}")]
    Git { purpose: &'static str, message: String },
    #[error("dbt {command} failed: {message}")]
    Dbt { command: &'static str, message: String, log: PathBuf },
    #[error("dbt {command} left no `{file}`")]
    DbtArtefact { command: &'static str, file: String, log: PathBuf },
    #[error("{doing}")]
    Io { doing: String, source: io::Error },
    #[error("no space is left on the disk: {doing}")]
    Full { doing: String, source: io::Error },
    #[error("cannot set up {what}: {message}")]
    Setup { what: &'static str, message: String },
    #[error("the download of {what} has digest `{found}`, expected `{expected}`")]
    Checksum { what: String, expected: String, found: String },
    #[error("`{path}` leads out of the repository")]
    LinkOut { path: String },
    #[error("the input `{path}` changed after the step was decided")]
    InputChanged { path: String },
    #[error("the input `{pattern}` names no file")]
    NoInput { pattern: String },
    #[error("`{pattern}` names too many files")]
    TooManyFiles { pattern: String },
    #[error(transparent)]
    Permit(#[from] PermitMismatch),
}

impl OutsideError {
    /// Wraps an I/O error with what belay was doing.
    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { doing, source }
            }
            _ => Self::Io { doing, source },
        }
    }
}

impl Explain for OutsideError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "setup/missing",
            Self::Start { .. } => "process/start",
            Self::Stopped => "run/interrupted",
            Self::NoRepository { .. } => "git/no-repository",
            Self::NoSuchRef { .. } => "git/no-such-ref",
            Self::NoDefaultBranch => "git/no-default-branch",
            Self::NoMergeBase { .. } => "git/no-merge-base",
            Self::Git { .. } => "git/failed",
            Self::Dbt { .. } => "dbt/failed",
            Self::DbtArtefact { .. } => "dbt/no-artefact",
            Self::Io { .. } => "files/io",
            Self::Full { .. } => "files/full",
            Self::Setup { .. } => "setup/failed",
            Self::Checksum { .. } => "setup/checksum",
            Self::LinkOut { .. } => "workflow/link-out",
            Self::InputChanged { .. } => "workflow/input-changed",
            Self::NoInput { .. } => "workflow/no-input",
            Self::TooManyFiles { .. } => "workflow/too-many-files",
            Self::Permit(mismatch) => mismatch.code(),
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            Self::Missing { program } if program == "git" => "install git, then try again".to_owned(),
            Self::Missing { program } if program.starts_with("python") => {
                "install Python 3.10 or newer with its venv module, then try again".to_owned()
            }
            Self::Missing { program } => format!("install `{program}`, then try again"),
            Self::Stopped => "run `belay clean` if anything was left behind".to_owned(),
            Self::NoRepository { .. } => {
                "run it inside a repository, or give two folders of dbt artefacts: `--base DIR --head DIR`"
                    .to_owned()
            }
            Self::NoSuchRef { .. } => "fetch it first, or check the spelling with `git branch -a`".to_owned(),
            Self::NoDefaultBranch => {
                "name it: `default_branch = …` under [impact] in belay.toml, or name a base: `--base REF`".to_owned()
            }
            Self::NoMergeBase { .. } => {
                "fetch more history (`git fetch --unshallow`), or name the base: `--base REF`".to_owned()
            }
            Self::Dbt { log, .. } | Self::DbtArtefact { log, .. } => {
                format!("the whole log is in `{}`", log.display())
            }
            Self::Full { .. } => "free some space; nothing that was acknowledged is lost".to_owned(),
            Self::Checksum { .. } => {
                "do not use it; try again, and report it if it stays so".to_owned()
            }
            _ => return None,
        };
        Some(text)
    }

    fn blame(&self) -> Blame {
        match self {
            Self::NoRepository { .. }
            | Self::NoSuchRef { .. }
            | Self::NoDefaultBranch
            | Self::NoMergeBase { .. }
            | Self::Dbt { .. }
            | Self::LinkOut { .. }
            | Self::InputChanged { .. }
            | Self::NoInput { .. }
            | Self::TooManyFiles { .. } => Blame::Input,
            Self::Permit(_) => Blame::Belay,
            _ => Blame::Surroundings,
        }
    }
}
