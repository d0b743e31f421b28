//! The network's side of traces: the receiver of OTLP over HTTP, durable before it answers, and the
//! exporter that sends spans elsewhere.

pub mod error;
mod guard;
mod ingest;
mod push;
mod receiver;

pub use error::ServerError;
pub use guard::Door;
pub use ingest::Tally;
pub use push::{Endpoint, Sent, headers};
pub use receiver::{Receiver, bind};

#[cfg(test)]
mod tests;
