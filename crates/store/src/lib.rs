//! What belay remembers: runs, decisions, effects and reviews in SQLite, bodies in a folder by digest,
//! and an audit leaf for every row, in the same transaction.

mod audit;
mod blobs;
mod error;
mod memory;
mod presence;
mod rows;
mod sqlite;

pub use blobs::Blobs;
pub use error::StoreError;
pub use memory::{Memory, Reservation, SignedTree};
pub use presence::{Mark, Presence};
pub use sqlite::Store;

#[cfg(test)]
mod tests;
