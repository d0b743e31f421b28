//! What every use case works with.

use belay_gate::Gate;
use belay_model::{Clock, Timestamp};
use belay_outside::Stop;
use belay_store::Memory;
use uuid::{NoContext, Uuid};

/// Told what is going on while somebody waits.
pub trait Progress: Send + Sync {
    /// A phase begins; it ends when the next one begins.
    fn phase(&self, name: &str);
    /// Within the phase: what is done now, and which of how many.
    fn detail(&self, message: &str, position: Option<(u64, u64)>);
    /// Something that people should read even when all goes well.
    fn note(&self, message: &str);
    /// Nothing more will come.
    fn finish(&self);
}

/// The memory, the gate, the clock and the person.
pub struct Desk {
    pub memory: Memory,
    pub gate: Gate,
    pub clock: Box<dyn Clock>,
    pub progress: Box<dyn Progress>,
    pub stop: Stop,
    /// Who is at the command line, as they say.
    pub actor: String,
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

    /// A new `UUIDv7` at the desk's time.
    pub fn id(&self) -> Uuid {
        let nanos = self.now().nanos();
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or_default();
        let rest = u32::try_from(nanos % 1_000_000_000).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, rest))
    }
}
