//! Changes of what workers may do: levels, ceilings and switches. Each is a row of its own; the newest
//! of a name is in force.

use serde_json::{Value, json};

use super::Audited;
use crate::{ControlId, RunId, Timestamp};

/// One change of a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    pub id: ControlId,
    /// `level:WORKER/WORKFLOW`, `tier` (the workspace's ceiling), `bounded-writes`,
    /// `quarantine:WORKER`; requests to stop a run ([`Control::of_cancel`]); [`Control::CLOCK`].
    pub name: String,
    /// Such as `L3`, `on`, `off`.
    pub value: String,
    pub by: String,
    /// `asserted` or `proved`.
    pub identity: String,
    pub reason: String,
    pub at: Timestamp,
}

impl Control {
    /// Under this name a person says that the clock is right and the record's newest time is not.
    pub const CLOCK: &str = "clock";

    /// Under this name a person asks a run to stop.
    pub fn of_cancel(run: RunId) -> String {
        format!("cancel:{run}")
    }
}

impl Audited for Control {
    fn kind(&self) -> &'static str {
        "control.set"
    }

    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn run(&self) -> Option<RunId> {
        None
    }

    fn body(&self) -> Value {
        json!({
            "name": self.name,
            "value": self.value,
            "by": self.by,
            "identity": self.identity,
            "reason": self.reason,
            "at": self.at.nanos(),
        })
    }
}
