//! What belay does, use case by use case: review a change, judge a review, clear up. Every step goes
//! through the gate and into the record; nothing here prints.

pub mod approval;
pub mod audit;
pub mod base_state;
pub mod bench;
pub mod clean;
pub mod clock;
pub mod demo;
pub mod desk;
pub mod error;
pub mod eval;
mod figures;
pub mod impact;
pub mod level;
pub mod lineage;
pub mod otel;
pub mod people;
pub mod publish;
pub mod registry;
pub mod replay;
pub mod report;
pub mod review;
pub mod rollback;
pub mod run_error;
pub mod runs;
pub mod summary;
pub mod supervisor;
pub mod tools;
pub mod trace;
pub mod warehouse;
pub mod work;
pub mod workflow;

pub use desk::{ApprovalRules, Desk, Progress};
pub use error::FlowError;
