//! What a query means: its relational plan, what a change to it does to its output, and where its
//! columns come from.
//!
//! Pure: text in, values out. Text becomes a [`plan::Query`] in which every name is resolved;
//! comparing and lineage work on that.

pub mod bind;
mod canon;
mod compare;
mod dialect;
pub mod lineage;
mod parse;
pub mod plan;
mod propagate;
mod tables;
mod walk;

pub use crate::bind::{bind, canonical_type, read};
pub use crate::compare::{Comparison, compare};
pub use crate::dialect::Dialect;
pub use crate::lineage::{Confidence, Edge, OutputLineage, QueryLineage, Source, lineage};
pub use crate::parse::{Unread, parse, with_deep_stack};
pub use crate::propagate::propagate;
pub use crate::tables::{Table, TableName, Tables};
