//! The arguments of `belay trace`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::args::{PlainFormat, RunArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum TraceCommand {
    /// Check that the record of a run is whole. Exit code 1 when it is not.
    Check(RunArgs),
    /// Show the spans of a run, or of a trace that was received, as a tree.
    Show(ShowArgs),
    /// Write traces to a file or to stdout, or send them to an OTLP endpoint.
    Export(ExportArgs),
    /// Receive traces over OTLP/HTTP, until Ctrl-C or SIGTERM.
    ///
    /// What is answered with 200 is on the disk. Secrets and sensitive columns are hidden before anything
    /// is written. An address beyond this machine needs `--allow-remote` and a bearer token in the
    /// variable `BELAY_INGEST_TOKEN`.
    Listen(ListenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A run's or a trace's id, or the start of one, or `last` for the last run.
    #[arg(default_value = "last", value_name = "RUN|TRACE_ID")]
    pub trace: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One OTLP request as JSON.
    #[default]
    OtlpJson,
    /// One OTLP request as protobuf.
    Otlp,
    /// A table with a row for each span.
    Parquet,
    /// An OTLP request as JSON on a line for each trace.
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A run's or a trace's id, or the start of one, or `last` for the last run.
    #[arg(default_value = "last", value_name = "RUN|TRACE_ID")]
    pub trace: String,
    /// All runs and all traces that were received.
    #[arg(long, conflicts_with_all = ["trace", "since"])]
    pub all: bool,
    /// What began since then: `24h`, `7d`, `2026-01-31` or `2026-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME", conflicts_with = "trace")]
    pub since: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: ExportFormat,
    /// The file to write. Default: stdout.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Send to this OTLP/HTTP receiver, with the headers in `OTEL_EXPORTER_OTLP_HEADERS`.
    #[arg(long, value_name = "URL", conflicts_with_all = ["out", "format"])]
    pub endpoint: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4318")]
    pub listen: SocketAddr,
    /// Let other machines send, with the bearer token in `BELAY_INGEST_TOKEN`.
    #[arg(long)]
    pub allow_remote: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

impl TraceCommand {
    /// The form of errors.
    pub(crate) fn format(&self) -> PlainFormat {
        match self {
            Self::Check(args) => args.format,
            Self::Show(args) => args.format,
            Self::Listen(args) => args.format,
            // What goes to stdout is a document of OTLP's, not of belay's.
            Self::Export(_) => PlainFormat::Text,
        }
    }
}
