//! Spans that others sent, and the batches that they came in.

use serde_json::{Value, json};

use super::Audited;
use crate::{Digest, RunId, Timestamp};

/// One span as it is kept, after redaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "a span has an id that everybody calls its span")]
pub struct Span {
    /// 32 lower-case hex digits.
    pub trace: String,
    /// 16 lower-case hex digits.
    pub span: String,
    pub parent: Option<String>,
    pub name: String,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// `unset`, `ok` or `error`.
    pub status: String,
    /// One `ResourceSpans` of OTLP's own JSON that holds this span alone.
    pub body: String,
    pub received: Timestamp,
}

/// The spans of one request. One audit leaf vouches for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanBatch {
    /// The digest of the batch, which also names it.
    pub digest: Digest,
    pub spans: Vec<Span>,
    pub received: Timestamp,
}

impl SpanBatch {
    /// The digest is over trace, id and body of each span, in the order in which they came.
    pub fn new(spans: Vec<Span>, received: Timestamp) -> Self {
        let mut digest = crate::digest::Stream::default();
        for span in &spans {
            for part in [&span.trace, &span.span, &span.body] {
                digest.update(part.as_bytes());
                digest.update(b"\n");
            }
        }
        Self { digest: digest.finish(), spans, received }
    }
}

impl Audited for SpanBatch {
    fn kind(&self) -> &'static str {
        "spans.received"
    }

    fn subject(&self) -> String {
        self.digest.to_string()
    }

    fn run(&self) -> Option<RunId> {
        None
    }

    fn body(&self) -> Value {
        json!({
            "spans": self.spans.len(),
            "digest": self.digest.to_string(),
            "received": self.received.nanos(),
        })
    }
}
