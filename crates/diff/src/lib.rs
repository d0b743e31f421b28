//! Which SQL compares two relations, and what its answers mean. Pure: text out, rows in.
//!
//! [`course::run`] is the whole way: it asks one question after another of whoever holds a session.

mod across;
mod canonical;
mod compare;
pub mod course;
mod dialect;
mod estimate;
mod facts;
mod kind;
mod paired;
mod profile;
mod relation;
mod result;
mod tolerance;

pub use across::{Across, AcrossOutcome, End, Wanted};
pub use canonical::Form;
pub use compare::{Comparison, Key, Samples, Which};
pub use course::{Course, How, Limits, Outcome};
pub use dialect::Dialect;
pub use estimate::{Interval, Sampled, Share};
pub use facts::{Facts, TopValue};
pub use kind::Kind;
pub use paired::Plan;
pub use profile::Profile;
pub use relation::{Column, ColumnChange, ColumnPair, RelationName, Side, pair_columns};
pub use result::{AnswerError, ColumnDiff, Example, ExampleKind, Matching, Method, Tally};
pub use tolerance::{Tolerance, Tolerances};

#[cfg(test)]
mod tests;
