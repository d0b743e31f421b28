//! The nouns of belay: names, ids, digests, levels, actions, risk, findings and the rows of the record.
//! Values only; nothing here reads a clock, a file or the network.

pub mod action;
pub mod canonical;
pub mod change;
pub mod digest;
pub mod explain;
pub mod finding;
pub mod id;
pub mod level;
pub mod record;
pub mod redact;
pub mod risk;
pub mod rows;
pub mod time;

pub use action::{Action, Class, Resource, Verb, Zone};
pub use change::{Columns, Effect, Meaning, RowEffect};
pub use digest::Digest;
pub use explain::Explain;
pub use finding::{Finding, Severity};
pub use id::{
    ApprovalId, ArtefactId, ControlId, DecisionId, EffectId, ReviewId, RunId, ScoreId, StepId,
    WorkspaceId,
};
pub use level::Level;
pub use redact::Redactor;
pub use risk::{Assessment, Risk};
pub use time::{Clock, Timestamp};
