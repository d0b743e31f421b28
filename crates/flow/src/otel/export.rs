//! Traces written out, one trace at a time, so that memory does not grow with their number.

use std::io::Write;

use belay_model::Redactor;
use belay_otlp::wire::{Encoding, ExportTraceServiceRequest, ResourceSpans};

use super::parquet::Table;
use super::{Wanted, spans};
use crate::{Desk, FlowError};

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One `ExportTraceServiceRequest` as JSON.
    OtlpJson,
    /// The same as protobuf.
    Otlp,
    Parquet,
    /// A request a line and trace, as the file exporter of the OpenTelemetry collector writes.
    Jsonl,
}

/// How much was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    pub traces: usize,
    pub spans: usize,
}

/// Writes the traces to `out`, without secrets.
pub async fn export(
    desk: &Desk,
    wanted: &[Wanted],
    form: Form,
    redactor: &Redactor,
    out: &mut (dyn Write + Send),
) -> Result<Exported, FlowError> {
    let mut exported = Exported::default();
    let failed = |error: std::io::Error| FlowError::Export { message: error.to_string() };
    if form == Form::Parquet {
        let mut table = Table::new(out)?;
        for one in wanted {
            let groups = spans(desk, one, redactor).await?;
            exported = exported.and(&groups);
            groups.iter().try_for_each(|group| table.add(group))?;
        }
        table.finish()?;
        return Ok(exported);
    }
    if form == Form::OtlpJson {
        out.write_all(b"{\"resourceSpans\":[").map_err(failed)?;
    }
    for one in wanted {
        let groups = spans(desk, one, redactor).await?;
        let first = exported.traces == 0;
        exported = exported.and(&groups);
        let bytes = match form {
            Form::OtlpJson => {
                let groups: Vec<Vec<u8>> =
                    groups.iter().map(|group| Encoding::Json.encode(group)).collect();
                let joined = groups.join(&b","[..]);
                if first { joined } else { [&b","[..], &joined].concat() }
            }
            // Messages one after the other are one message with the lists joined.
            Form::Otlp => Encoding::Protobuf.encode(&request(groups)),
            Form::Jsonl | Form::Parquet => {
                [Encoding::Json.encode(&request(groups)), b"\n".to_vec()].concat()
            }
        };
        out.write_all(&bytes).map_err(failed)?;
    }
    if form == Form::OtlpJson {
        out.write_all(b"]}\n").map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(exported)
}

fn request(resource_spans: Vec<ResourceSpans>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest { resource_spans }
}

impl Exported {
    fn and(self, groups: &[ResourceSpans]) -> Self {
        let spans = groups.iter().map(|group| group.spans().count()).sum::<usize>();
        Self { traces: self.traces + 1, spans: self.spans + spans }
    }
}
