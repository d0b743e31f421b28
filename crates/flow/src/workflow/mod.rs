//! A team's own scripts as governed steps.

pub mod assisted;
pub(crate) mod call;
pub mod checklist;
pub mod definition;
pub(crate) mod fields;
mod run;
mod unclear;
pub(crate) mod undo;

pub use checklist::Checklist;
pub use definition::{Command, Plan, Probe, Workflow};
pub use run::{Finished, Ground, Wish, carry_on, start};

/// Workflows that are part of belay; no file may be called like one of them.
pub const BUILT_IN: [&str; 7] =
    ["audit-anchor", "range", "dbt-pr-impact", "clean", "demo", "evaluate", "rollback"];

/// The team's workflow behind a run, if it is one.
pub fn name_of(workflow: &str) -> Option<&str> {
    (!BUILT_IN.contains(&workflow)).then_some(workflow)
}
