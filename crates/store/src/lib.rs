//! What belay remembers: runs, decisions, effects, approvals and reviews in SQLite or PostgreSQL, bodies
//! by digest, and an audit leaf for every row, in the same transaction.

mod ask;
mod blobs;
mod copy;
mod error;
mod memory;
mod presence;
mod rows;
mod store;
mod work;

pub use ask::Engine;
pub use copy::Copied;
pub use error::StoreError;
pub use memory::{Added, Memory, Reservation, SignedTree, Trace};
pub use presence::Tenure;
pub use store::{Pending, Store, without_password};
pub use work::SLACK_SECONDS;

#[cfg(test)]
mod tests;
