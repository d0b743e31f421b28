//! What a dbt project is, and what changed between two of them.
//!
//! Pure: bytes in, values out. [`Manifest`] is a project, [`Scope`] what a change to it reaches.

mod id;
mod lenient;

pub mod catalog;
pub mod key;
pub mod manifest;
pub mod profile;
pub mod run_results;
pub mod scope;

#[cfg(test)]
mod fixture;

pub use crate::catalog::{Catalog, CatalogError};
pub use crate::id::NodeId;
pub use crate::manifest::{Manifest, ManifestError};
pub use crate::run_results::{RunResults, RunResultsError};
pub use crate::scope::Scope;
