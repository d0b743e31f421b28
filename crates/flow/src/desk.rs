//! What every use case works with.

use std::sync::Arc;
use std::time::Duration;

use belay_gate::{Gate, Person};
use belay_model::redact::Redactor;
use belay_model::{Clock, Timestamp};
use belay_outside::Stop;
use belay_store::Memory;
use uuid::{NoContext, Uuid};

use crate::audit::Vouching;
use crate::people::People;

/// Told what is going on while somebody waits.
pub trait Progress: Send + Sync {
    /// A phase begins; it ends when the next one begins.
    fn phase(&self, name: &str);
    /// The phase ends without having come to its end: held, refused or failed.
    fn stopped(&self);
    /// Within the phase: what is done now, and which of how many.
    fn detail(&self, message: &str, position: Option<(u64, u64)>);
    /// Something that people should read even when all goes well.
    fn note(&self, message: &str);
    /// Nothing more will come.
    fn finish(&self);
    /// Asks the person at the terminal; `None` when there is nobody who could answer.
    fn confirm(&self, question: &str) -> Option<bool>;
}

/// How questions to people are asked.
#[derive(Debug, Clone, Copy)]
pub struct ApprovalRules {
    /// After this an unanswered question is expired.
    pub expires_after: Duration,
    /// Only the yes of people whose identity is proved counts.
    pub proved_only: bool,
}

impl Default for ApprovalRules {
    fn default() -> Self {
        Self { expires_after: Duration::from_hours(24), proved_only: false }
    }
}

/// The memory, the gate, the clock and the person.
pub struct Desk {
    pub memory: Memory,
    pub gate: Gate,
    pub clock: Arc<dyn Clock>,
    pub progress: Box<dyn Progress>,
    pub stop: Stop,
    /// Who is at the command line, as they say.
    pub actor: String,
    pub people: People,
    pub approvals: ApprovalRules,
    /// Hides secrets in whatever is written down.
    pub redactor: Redactor,
    /// This process, as leases name it: `HOST/PID`.
    pub owner: String,
    /// What set the run off: `cli`, `ci` or `worker`.
    pub trigger: &'static str,
    /// Who signs the audit as work goes on; `None`: nobody does.
    pub vouching: Option<Vouching>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Desk").field("actor", &self.actor).finish_non_exhaustive()
    }
}

impl Desk {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The person at the command line, with the roles that the workspace gives them.
    pub fn person(&self) -> Person {
        self.people.person(&self.actor)
    }

    /// A new `UUIDv7` at the desk's time.
    pub fn id(&self) -> Uuid {
        let nanos = self.now().nanos();
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or_default();
        let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, rest))
    }
}
