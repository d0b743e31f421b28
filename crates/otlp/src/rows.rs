//! From a request to rows, hiding secrets on the way, and from a row's body back to a message.

use std::borrow::Cow;

use belay_model::record::Span as Row;
use belay_model::{Redactor, Timestamp};

use crate::OtlpError;
use crate::json::hex;
use crate::openinference;
use crate::wire::{
    AnyValue, Encoding, ExportTraceServiceRequest, KeyValue, ResourceSpans, ScopeSpans, Span, Value,
};

/// What a request came to.
#[derive(Debug, Default)]
pub struct Received {
    pub spans: Vec<Row>,
    /// Spans without a usable id. They are not kept.
    pub rejected: i64,
}

/// The rows of a request, with secrets hidden and OpenInference attributes mapped. Unknown attributes
/// stay as they are.
pub fn receive(
    request: ExportTraceServiceRequest,
    redactor: &Redactor,
    received: Timestamp,
) -> Received {
    let mut result = Received::default();
    for mut group in request.resource_spans {
        let scopes = std::mem::take(&mut group.scope_spans);
        hide_in_group(&mut group, redactor);
        let head = Envelope::of_resource(&group);
        for mut scope in scopes {
            let spans = std::mem::take(&mut scope.spans);
            hide_in_scope(&mut scope, redactor);
            let envelope = head.with_scope(&scope);
            for mut span in spans {
                if !has_ids(&span) {
                    result.rejected += 1;
                    continue;
                }
                openinference::map(&mut span.attributes);
                hide_in_span(&mut span, redactor);
                result.spans.push(row(&span, &envelope, received));
            }
        }
    }
    result
}

/// The message that a row's body holds.
pub fn body_of(row: &Row) -> Result<ResourceSpans, OtlpError> {
    Encoding::Json.decode(row.body.as_bytes())
}

/// The JSON around a span, written once for all spans of a scope.
struct Envelope {
    before: String,
    after: String,
}

impl Envelope {
    /// `{"resource":{..},` and what comes after the scopes.
    fn of_resource(group: &ResourceSpans) -> Self {
        let resource = group.resource.as_ref().map(|resource| member("resource", resource) + ",");
        let url = Some(&group.schema_url).filter(|url| !url.is_empty());
        let url = url.map(|url| format!(",{}", member("schemaUrl", url)));
        Self {
            before: format!("{{{}", resource.unwrap_or_default()),
            after: format!("{}}}", url.unwrap_or_default()),
        }
    }

    fn with_scope(&self, scope: &ScopeSpans) -> Self {
        let name = scope.scope.as_ref().map(|scope| member("scope", scope) + ",");
        let url = Some(&scope.schema_url).filter(|url| !url.is_empty());
        let url = url.map(|url| format!(",{}", member("schemaUrl", url)));
        Self {
            before: format!(
                "{}\"scopeSpans\":[{{{}\"spans\":[",
                self.before,
                name.unwrap_or_default()
            ),
            after: format!("]{}}}]{}", url.unwrap_or_default(), self.after),
        }
    }
}

fn member(name: &str, value: &impl serde::Serialize) -> String {
    format!("\"{name}\":{}", serde_json::to_string(value).unwrap_or_default())
}

fn row(span: &Span, envelope: &Envelope, received: Timestamp) -> Row {
    let mut body = Vec::with_capacity(envelope.before.len() + envelope.after.len() + 1024);
    body.extend_from_slice(envelope.before.as_bytes());
    body.extend_from_slice(&Encoding::Json.encode(span));
    body.extend_from_slice(envelope.after.as_bytes());
    let status = match span.status.as_ref().map(|status| status.code) {
        Some(1) => "ok",
        Some(2) => "error",
        _ => "unset",
    };
    let parent = Some(&span.parent_span_id).filter(|id| id.iter().any(|byte| *byte != 0));
    Row {
        trace: hex::text(&span.trace_id),
        span: hex::text(&span.span_id),
        parent: parent.map(|id| hex::text(id)),
        name: span.name.clone(),
        started: moment(span.start_time_unix_nano),
        ended: moment(span.end_time_unix_nano),
        status: status.to_owned(),
        body: String::from_utf8(body).unwrap_or_default(),
        received,
    }
}

fn moment(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn has_ids(span: &Span) -> bool {
    let is_id = |id: &[u8], bytes: usize| id.len() == bytes && id.iter().any(|byte| *byte != 0);
    is_id(&span.trace_id, 16) && is_id(&span.span_id, 8)
}

/// Hides secrets in a whole message, for what goes out.
pub fn hide(group: &mut ResourceSpans, redactor: &Redactor) {
    hide_in_group(group, redactor);
    for scope in &mut group.scope_spans {
        hide_in_scope(scope, redactor);
        scope.spans.iter_mut().for_each(|span| hide_in_span(span, redactor));
    }
}

fn hide_in_group(group: &mut ResourceSpans, redactor: &Redactor) {
    hide_in_text(&mut group.schema_url, redactor);
    if let Some(resource) = &mut group.resource {
        hide_in_list(&mut resource.attributes, redactor);
    }
}

fn hide_in_scope(scope: &mut ScopeSpans, redactor: &Redactor) {
    hide_in_text(&mut scope.schema_url, redactor);
    if let Some(scope) = &mut scope.scope {
        hide_in_text(&mut scope.name, redactor);
        hide_in_text(&mut scope.version, redactor);
        hide_in_list(&mut scope.attributes, redactor);
    }
}

fn hide_in_span(span: &mut Span, redactor: &Redactor) {
    hide_in_text(&mut span.name, redactor);
    hide_in_text(&mut span.trace_state, redactor);
    hide_in_list(&mut span.attributes, redactor);
    for event in &mut span.events {
        hide_in_text(&mut event.name, redactor);
        hide_in_list(&mut event.attributes, redactor);
    }
    for link in &mut span.links {
        hide_in_text(&mut link.trace_state, redactor);
        hide_in_list(&mut link.attributes, redactor);
    }
    if let Some(status) = &mut span.status {
        hide_in_text(&mut status.message, redactor);
    }
}

fn hide_in_text(text: &mut String, redactor: &Redactor) {
    if let Cow::Owned(hidden) = redactor.text(text) {
        *text = hidden;
    }
}

fn hide_in_list(attributes: &mut [KeyValue], redactor: &Redactor) {
    for attribute in attributes {
        match (redactor.instead_of(&attribute.key), &mut attribute.value) {
            (Some(marker), Some(value)) => *value = marker.into(),
            (None, Some(value)) => hide_in_value(value, redactor),
            (_, None) => (),
        }
        hide_in_text(&mut attribute.key, redactor);
    }
}

fn hide_in_value(value: &mut AnyValue, redactor: &Redactor) {
    match &mut value.value {
        Some(Value::Text(text)) => hide_in_text(text, redactor),
        Some(Value::Array(list)) => {
            list.values.iter_mut().for_each(|value| hide_in_value(value, redactor));
        }
        Some(Value::Map(list)) => hide_in_list(&mut list.values, redactor),
        Some(Value::Bytes(bytes)) => {
            if let Cow::Owned(hidden) = redactor.bytes(bytes) {
                *bytes = hidden;
            }
        }
        Some(Value::Bool(_) | Value::Int(_) | Value::Double(_)) | None => (),
    }
}
