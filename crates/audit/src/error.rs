//! What is no key, note or export at all, and why an audit does not hold.

use std::fmt;

use belay_model::Explain;

/// The input cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit key cannot be used: {why}")]
    Key { why: &'static str },
    #[error("the signed note cannot be read: {why}")]
    Note { why: &'static str },
    #[error("none of the keys has signed it ({keys})")]
    Signature { keys: String },
    #[error("it is not an audit export: {why}")]
    NotAnExport { why: String },
    #[error("the export cannot be read")]
    Read { source: std::io::Error },
    #[error("the export cannot be written")]
    Write { source: std::io::Error },
}

impl Explain for AuditError {
    fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "audit/key",
            Self::Note { .. } => "audit/note",
            Self::Signature { .. } => "audit/signature",
            Self::NotAnExport { .. } => "audit/not-an-export",
            Self::Read { .. } => "audit/unreadable",
            Self::Write { .. } => "audit/unwritable",
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            Self::Key { .. } => "`belay audit key` shows the public key of a store",
            Self::Note { .. } => {
                "name a file, a git ref or the text of a note as `belay audit checkpoint` prints it"
            }
            Self::Signature { .. } => "name the key that signed it: `--key FILE`; one line a key",
            Self::NotAnExport { .. } => "`belay audit export --out FILE` writes one",
            Self::Read { .. } | Self::Write { .. } => return None,
        };
        Some(text.to_owned())
    }

    fn blame(&self) -> belay_model::explain::Blame {
        match self {
            Self::Read { .. } | Self::Write { .. } => belay_model::explain::Blame::Surroundings,
            _ => belay_model::explain::Blame::Input,
        }
    }
}

/// The first thing that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line of the export, from 1; 0 where there is none.
    pub line: u64,
    /// The position of the leaf, or of the first that may be meant.
    pub position: Option<u64>,
    /// The leaf's kind, such as `effect.committed`.
    pub kind: Option<String>,
    pub why: Why,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(out, "line {}: ", self.line)?;
        }
        match (self.position, &self.kind) {
            (Some(position), Some(kind)) => write!(out, "leaf {position} ({kind}): {}", self.why),
            (Some(position), None) => write!(out, "leaf {position}: {}", self.why),
            (None, _) => self.why.fmt(out),
        }
    }
}

/// Why something does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("the line is damaged: {0}")]
    Damaged(String),
    #[error("its hash is not that of its text")]
    Hash,
    #[error("a leaf is missing or out of order: position {found} stands in its place")]
    Position { found: i64 },
    #[error("it is of workspace `{found}`")]
    Workspace { found: String },
    #[error("its spelling has form {found}, which this belay does not know")]
    Form { found: i64 },
    #[error("the row beside it is not what the leaf vouches for")]
    Row,
    #[error("the row that it vouches for is not there")]
    NoRow,
    #[error("the row that it vouches for is another now")]
    OtherRow,
    #[error("no leaf covers {0}")]
    Uncovered(String),
    #[error("the body `{0}` of an artefact is not what its digest says")]
    Body(String),
    #[error("the body `{0}` of an artefact is gone, and no leaf says that it was erased")]
    BodyLost(String),
    #[error("the body `{0}` was erased, and is there all the same: erase it again")]
    BodyBack(String),
    #[error("the checkpoint of {size} leaves is not in its place, behind leaf {behind}")]
    Place { size: u64, behind: u64 },
    #[error(
        "the checkpoint of {size} leaves is of another tree: one of the leaves {from} to {to} was changed, or it was signed for another history"
    )]
    Root { size: u64, from: u64, to: u64 },
    #[error("the checkpoint is of `{found}`, not of `{expected}`")]
    Origin { found: String, expected: String },
    #[error("the checkpoint: {0}")]
    Note(String),
    #[error(
        "the checkpoint at {place} is of another tree: one of the first {size} leaves was changed since"
    )]
    Anchor { place: String, size: u64 },
    #[error(
        "the checkpoint at {place} covers {size} leaves, and only {found} are here: the end was cut off"
    )]
    Beyond { place: String, size: u64, found: u64 },
    #[error("no checkpoint covers it, nor what follows")]
    Unsigned,
    #[error("{said} {what} were announced, and {found} are here")]
    Count { what: &'static str, said: u64, found: u64 },
    #[error("the last line is cut off")]
    CutOff,
}
