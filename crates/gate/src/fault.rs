//! What is wrong with policies or their examples: every fault at once, each with its file and line.

use std::fmt;

use belay_model::Explain;
use belay_model::explain::Blame;

/// What kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    Parse,
    Type,
    Nameless,
    Twice,
    /// The id of one of belay's own policies.
    Reserved,
    /// The examples cannot be read.
    Examples,
    /// A policy without an example for it or without one against it.
    NoExamples,
    /// An example comes out differently.
    ExamplesFail,
}

impl FaultKind {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Parse => "policy/parse",
            Self::Type => "policy/type",
            Self::Nameless => "policy/nameless",
            Self::Twice => "policy/twice",
            Self::Reserved => "policy/reserved",
            Self::Examples => "policy/examples",
            Self::NoExamples => "policy/no-examples",
            Self::ExamplesFail => "policy/examples-fail",
        }
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyFault {
    pub file: String,
    /// From 1.
    pub line: Option<usize>,
    pub kind: FaultKind,
    pub message: String,
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(out, "{}:{line}: {}", self.file, self.message),
            None => write!(out, "{}: {}", self.file, self.message),
        }
    }
}

/// All faults of a set of policies, ordered by file and line. There is at least one.
#[derive(Debug, thiserror::Error)]
pub struct PolicyErrors {
    pub faults: Vec<PolicyFault>,
    /// The faults are in belay's own text.
    pub built_in: bool,
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.faults.iter().map(ToString::to_string).collect();
        out.write_str(&lines.join("\n  "))
    }
}

impl Explain for PolicyErrors {
    fn code(&self) -> &'static str {
        self.faults.first().map_or("policy/parse", |fault| fault.kind.code())
    }

    fn help(&self) -> Option<String> {
        let help = match self.faults.first()?.kind {
            FaultKind::Reserved => {
                "give the policy an id of its own; a forbid of belay's always wins"
            }
            FaultKind::NoExamples => {
                "write NAME.examples.yaml beside NAME.cedar, with an example for and one against each policy"
            }
            _ => "mend the file, then run `belay policy check`",
        };
        (!self.built_in).then(|| help.to_owned())
    }

    fn blame(&self) -> Blame {
        if self.built_in { Blame::Belay } else { Blame::Input }
    }
}

/// Collects faults of one file.
pub(crate) fn fault(
    file: &str,
    line: Option<usize>,
    kind: FaultKind,
    message: impl Into<String>,
) -> PolicyFault {
    PolicyFault { file: file.to_owned(), line, kind, message: message.into() }
}

/// The line of a byte offset, from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
