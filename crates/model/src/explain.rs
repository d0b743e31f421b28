//! Errors that help: a stable slug for machines, a line of advice for people.

use std::error::Error;

/// What every error that a user can meet knows about itself, beside its message.
pub trait Explain: Error {
    /// A stable slug such as `manifest/cut-short`; `belay explain <slug>` tells more.
    fn code(&self) -> &'static str;

    /// What to do next, as an imperative sentence without a full stop.
    fn help(&self) -> Option<String> {
        None
    }

    /// Whose fault it is, which decides the exit code.
    fn blame(&self) -> Blame {
        Blame::Input
    }
}

/// Where the cause of a failure lies. The command line turns it into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Nobody's: it worked, and the answer is no (exit 1).
    Answer,
    /// The user's input or configuration (exit 2).
    Input,
    /// The surroundings: disk, network, another process; a retry may help (exit 3).
    Surroundings,
    /// A person has to say yes first (exit 4).
    Held,
    /// A defect of belay (exit 70).
    Belay,
}
