//! What can be wrong with what calls itself OTLP.

use belay_model::Explain;

#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    #[error("this is no OTLP request in protobuf")]
    Protobuf { source: prost::DecodeError },
    #[error("this is no OTLP request in JSON (line {})", source.line())]
    Json { source: serde_json::Error },
}

impl Explain for OtlpError {
    fn code(&self) -> &'static str {
        "trace/not-otlp"
    }

    fn help(&self) -> Option<String> {
        Some(
            "send an ExportTraceServiceRequest, in the encoding that the content type names"
                .to_owned(),
        )
    }
}
