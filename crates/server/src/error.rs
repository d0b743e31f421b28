//! What can go wrong on the network's side.

use std::net::SocketAddr;

use belay_model::Explain;
use belay_model::explain::Blame;

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("cannot listen on `{address}`")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("`{address}` can be reached from other machines")]
    Remote { address: SocketAddr },
    #[error("a token for ingest has {length} characters, fewer than 16")]
    ShortToken { length: usize },
    #[error("the receiver stopped")]
    Serve { source: std::io::Error },
    #[error("the endpoint `{url}` is no http or https address")]
    Endpoint { url: String },
    #[error("`{text}` is no `name=value` header")]
    Header { text: String },
    #[error("cannot reach `{url}`: {message}")]
    Unreachable { url: String, message: String },
    #[error("`{url}` refused the spans with status {status}: {message}")]
    Refused { url: String, status: u16, message: String },
}

impl Explain for ServerError {
    fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } | Self::Serve { .. } => "trace/listen",
            Self::Remote { .. } => "trace/remote",
            Self::ShortToken { .. } => "trace/short-token",
            Self::Endpoint { .. } => "trace/endpoint",
            Self::Header { .. } => "trace/header",
            Self::Unreachable { .. } => "trace/unreachable",
            Self::Refused { .. } => "trace/refused",
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            Self::Listen { .. } => "name another address: `--listen 127.0.0.1:PORT`",
            Self::Remote { .. } => {
                "listen on 127.0.0.1, or set BELAY_INGEST_TOKEN and pass `--allow-remote`"
            }
            Self::ShortToken { .. } => "set BELAY_INGEST_TOKEN to at least 16 random characters",
            Self::Serve { .. } => return None,
            Self::Endpoint { .. } => "write it like `https://collector.example.com:4318`",
            Self::Header { .. } => "set OTEL_EXPORTER_OTLP_HEADERS to `name=value,name=value`",
            Self::Unreachable { .. } => "check the address, then try again: spans are sent anew",
            Self::Refused { .. } => "check the address and OTEL_EXPORTER_OTLP_HEADERS",
        };
        Some(text.to_owned())
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Listen { .. }
            | Self::Serve { .. }
            | Self::Unreachable { .. }
            | Self::Refused { .. } => Blame::Surroundings,
            _ => Blame::Input,
        }
    }
}
