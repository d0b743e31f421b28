//! Who works on a run: a lease with a fencing token, so that of two processes that believe they hold a
//! run only one can write.

use crate::{RunId, Timestamp};

words! {
    /// Where a run's work stands.
    JobState {
        /// Whoever comes first may take it.
        Ready = "ready",
        /// A process works on it, until its lease runs out.
        Leased = "leased",
        /// It waits for a person.
        Parked = "parked",
        Done = "done",
    }
}

words! {
    /// Who picks a run up when nobody works on it.
    Queue {
        /// Only `belay runs resume`: somebody started it at a terminal.
        Person = "person",
        /// Any `belay work`.
        Workers = "workers",
    }
}

/// The work on one run. Every run has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub run: RunId,
    pub queue: Queue,
    pub state: JobState,
    /// Not before.
    pub ready: Timestamp,
    /// Higher is sooner.
    pub priority: i64,
    /// How often somebody took it up.
    pub attempt: i64,
    /// Who holds it, as `host/process`.
    pub owner: Option<String>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Counts up with every lease: a write with an older one is refused.
    pub fence: i64,
    /// A person asked the run to stop at its next step.
    pub cancel: bool,
}

/// The right to write to one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub run: RunId,
    pub owner: String,
    pub fence: i64,
    pub until: Timestamp,
}
