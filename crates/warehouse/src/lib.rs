//! Sessions with a warehouse. A session owns its thread, because drivers block; every statement uses
//! up a permit for exactly that statement.

mod driver;
mod error;
mod rows;
mod session;
mod statement;

pub use driver::{Access, Database, Driver};
pub use error::WarehouseError;
pub use session::Session;
pub use statement::{Statement, quote};

#[cfg(test)]
mod tests;
