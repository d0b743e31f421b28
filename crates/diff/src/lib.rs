//! Which SQL compares two relations, and what its answers mean. Pure: text out, rows in.

mod compare;
mod dialect;
mod relation;
mod result;

pub use compare::{Comparison, Key, Samples};
pub use dialect::Dialect;
pub use relation::{Column, ColumnChange, ColumnPair, RelationName, Side, pair_columns};
pub use result::{AnswerError, ColumnDiff, Example, ExampleKind, Matching, Method, Profile, Tally};

#[cfg(test)]
mod tests;
