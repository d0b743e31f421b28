//! A team's own scripts as governed steps.

pub mod checklist;
pub mod definition;
pub(crate) mod fields;

pub use checklist::Checklist;
pub use definition::{Command, Plan, Probe, Workflow};
