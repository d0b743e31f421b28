//! OpenTelemetry spans: OTLP in its two encodings, belay's record as spans, and spans as rows.
//! Pure: bytes and values, no network.

pub mod error;
mod json;
mod mapping;
mod openinference;
mod rows;
pub mod wire;

pub use error::OtlpError;
pub use mapping::{MAPPING, Recorded, span_id, trace_id};
pub use rows::{Received, body_of, hide, receive};

#[cfg(test)]
mod tests;
