//! What belay remembers: runs, decisions, effects, approvals and reviews in SQLite or PostgreSQL, bodies
//! by digest, and an audit leaf for every row, in the same transaction.

mod ask;
mod blobs;
mod error;
mod memory;
mod presence;
mod rows;
mod store;
mod work;

pub use ask::Engine;
pub use error::StoreError;
<<<<<<< HEAD
pub use memory::{Added, Memory, Reservation, Trace};
pub use presence::Tenure;
pub use store::{Pending, Store};
=======
pub use memory::{Memory, Reservation, SignedTree};
pub use presence::{Mark, Presence};
pub use sqlite::Store;
>>>>>>> 3c517a8d6e8da3457acf8d3cd5a2056b80ad6f3d

#[cfg(test)]
mod tests;
