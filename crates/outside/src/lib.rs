//! What belay touches beside a warehouse: processes, git, dbt and files, each change with a permit;
//! and belay's own cache, which it sets up without one.

mod anchor;
mod capture;
mod cvc5;
mod dbt;
mod error;
mod files;
mod git;
mod group;
mod guard;
mod history;
pub mod host;
mod inputs;
pub mod language_model;
mod process;
mod script;
mod setup;
mod stop;
pub mod web;

pub use anchor::{Anchor, Anchored};
pub use cvc5::cvc5_version;
pub use dbt::{Dbt, DbtCommand, DbtEvent, DbtOutcome};
pub use error::OutsideError;
pub use files::{write_report, writing};
pub use git::{Commit, Repository, Snapshot, link_out};
pub use guard::guard;
pub use history::{Chapter, write_history, writing_history};
pub use inputs::{Output, Outputs, collect_outputs, digest_inputs, pattern_fault, pattern_matches};
pub use process::die_with_parent;
pub use script::{ALWAYS, KEPT_OUTPUT, Ran, Script, environment, run_script};
pub use setup::{
    Cache, DBT_REQUIREMENTS, DUCKDB, DriverPackage, POSTGRES, Registry, dbt_requirements,
};
pub use stop::Stop;

#[cfg(test)]
mod tests;
