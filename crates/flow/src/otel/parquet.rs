//! Spans as a Parquet table: one row a span, attributes as JSON text, so that SQL can ask for them.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use belay_otlp::MAPPING;
use belay_otlp::wire::{ResourceSpans, Span, hex, plain};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use crate::FlowError;

/// Rows that are held before they are written.
const ROWS: usize = 8192;

/// A table that is being written.
pub(crate) struct Table<'a> {
    writer: ArrowWriter<&'a mut (dyn Write + Send)>,
    schema: Arc<Schema>,
    rows: Vec<Row>,
}

struct Row {
    texts: [Option<String>; 10],
    started: i64,
    ended: i64,
}

/// Text columns; `started`, `ended` and `duration_ns` come after them.
const TEXTS: [(&str, bool); 10] = [
    ("trace", false),
    ("span", false),
    ("parent", true),
    ("name", false),
    ("status", false),
    ("message", true),
    ("service", true),
    ("attributes", false),
    ("resource", false),
    ("events", false),
];

fn failed(error: ParquetError) -> FlowError {
    FlowError::Export { message: error.to_string() }
}

impl<'a> Table<'a> {
    pub(crate) fn new(out: &'a mut (dyn Write + Send)) -> Result<Self, FlowError> {
        let moment = || DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let mut fields: Vec<Field> = TEXTS
            .iter()
            .map(|(name, nullable)| Field::new(*name, DataType::Utf8, *nullable))
            .collect();
        fields.push(Field::new("started", moment(), false));
        fields.push(Field::new("ended", moment(), false));
        fields.push(Field::new("duration_ns", DataType::Int64, false));
        let schema = Arc::new(Schema::new(fields));
        let mapping = KeyValue::new("belay.mapping".to_owned(), MAPPING.to_owned());
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(vec![mapping]))
            .build();
        let writer =
            ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties)).map_err(failed)?;
        Ok(Self { writer, schema, rows: Vec::new() })
    }

    pub(crate) fn add(&mut self, group: &ResourceSpans) -> Result<(), FlowError> {
        let resource = group.resource.as_ref().map(|resource| plain(&resource.attributes));
        let resource = resource.unwrap_or_else(|| json!({})).to_string();
        let service = group.of_resource("service.name");
        for span in group.spans() {
            self.rows.push(row(span, service, &resource));
            if self.rows.len() >= ROWS {
                self.write()?;
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<(), FlowError> {
        self.write()?;
        self.writer.close().map_err(failed)?;
        Ok(())
    }

    fn write(&mut self) -> Result<(), FlowError> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let text = |at: usize| -> ArrayRef {
            Arc::new(rows.iter().map(|row| row.texts[at].as_deref()).collect::<StringArray>())
        };
        let moment = |of: fn(&Row) -> i64| -> ArrayRef {
            let moments = TimestampNanosecondArray::from_iter_values(rows.iter().map(of));
            Arc::new(moments.with_timezone("UTC"))
        };
        let took = rows.iter().map(|row| row.ended.saturating_sub(row.started));
        let mut columns: Vec<ArrayRef> = (0..TEXTS.len()).map(text).collect();
        columns.push(moment(|row| row.started));
        columns.push(moment(|row| row.ended));
        columns.push(Arc::new(Int64Array::from_iter_values(took)));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| FlowError::Export { message: error.to_string() })?;
        self.writer.write(&batch).map_err(failed)
    }
}

fn row(span: &Span, service: Option<&str>, resource: &str) -> Row {
    let (status, message) = match &span.status {
        Some(status) => (status.code, Some(status.message.clone()).filter(|text| !text.is_empty())),
        None => (0, None),
    };
    let status = match status {
        1 => "ok",
        2 => "error",
        _ => "unset",
    };
    let events: Value = span
        .events
        .iter()
        .map(|event| {
            json!({"name": event.name, "time": event.time_unix_nano,
                   "attributes": plain(&event.attributes)})
        })
        .collect();
    let nanos = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
    Row {
        texts: [
            Some(hex(&span.trace_id)),
            Some(hex(&span.span_id)),
            Some(hex(&span.parent_span_id)).filter(|id| !id.is_empty()),
            Some(span.name.clone()),
            Some(status.to_owned()),
            message,
            service.map(str::to_owned),
            Some(plain(&span.attributes).to_string()),
            Some(resource.to_owned()),
            Some(events.to_string()),
        ],
        started: nanos(span.start_time_unix_nano),
        ended: nanos(span.end_time_unix_nano),
    }
}
