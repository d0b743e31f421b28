//! What belay touches beside a warehouse: processes, git, dbt and files, each change with a permit;
//! and belay's own cache, which it sets up without one.

mod anchor;
mod dbt;
mod error;
mod files;
mod git;
mod history;
mod process;
mod setup;
mod stop;

pub use anchor::{Anchor, Anchored};
pub use dbt::{Dbt, DbtCommand, DbtEvent, DbtOutcome};
pub use error::OutsideError;
pub use files::{write_report, writing};
pub use git::{Commit, Repository, Snapshot, link_out};
pub use history::{Chapter, write_history, writing_history};
pub use process::die_with_parent;
pub use setup::{Cache, DBT_REQUIREMENTS, DUCKDB, DriverPackage};
pub use stop::Stop;

#[cfg(test)]
mod tests;
