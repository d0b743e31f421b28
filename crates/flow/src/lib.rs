//! What belay does, use case by use case: review a change, judge a review, clear up. Every step goes
//! through the gate and into the record; nothing here prints.

pub mod clean;
pub mod demo;
pub mod desk;
pub mod error;
pub mod eval;
mod figures;
pub mod impact;
pub mod report;
pub mod review;
pub mod supervisor;
pub mod tools;
pub mod trace;
pub mod worker;

pub use desk::{Desk, Progress};
pub use error::FlowError;
