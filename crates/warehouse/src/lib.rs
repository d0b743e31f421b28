//! Sessions with a warehouse. A session owns its thread, because drivers block; every statement uses
//! up a permit for exactly that statement.

mod connection;
mod database;
mod driver;
mod duckdb;
mod error;
mod other;
mod postgres;
mod rows;
mod session;
mod statement;

pub use database::{Access, Address, Database};
pub use driver::Driver;
pub use error::{Refusal, WarehouseError};
pub use other::Other;
pub use postgres::Postgres;
pub use session::Session;
pub use statement::{Statement, quote};

#[cfg(test)]
mod tests;
