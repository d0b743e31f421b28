//! From the record of a run to its scorecard, and to the question whether the record is whole.
//! Pure: rows in, verdicts out.

mod approvals;
pub mod cel;
pub mod checks;
mod document;
pub mod evaluate;
pub mod scorecard;
mod stats;
pub mod suite;
pub mod trace;

pub use checks::{Check, Facts, Mark, default_checks, evaluate};
pub use document::{document, redacted};
pub use evaluate::{Attack, Case, Page, Trial};
pub use scorecard::Scorecard;
pub use stats::share_interval;
pub use suite::Suite;
pub use trace::{Record, faults};

#[cfg(test)]
mod tests;
