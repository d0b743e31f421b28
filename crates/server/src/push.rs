//! Sending spans to another receiver of OTLP over HTTP, with retries as the specification says.

use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use belay_model::Redactor;
use belay_otlp::wire::{Encoding, ExportTraceServiceRequest, ExportTraceServiceResponse};
use belay_outside::web::{self, drawn, pause, until, without_credentials};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::oneshot;

use crate::ServerError;

/// Tries before a request is given up.
const TRIES: u32 = 5;

/// The longest that one try may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where spans are sent, and with which headers.
#[derive(Clone)]
pub struct Endpoint {
    url: String,
    headers: Vec<(String, String)>,
    agent: ureq::Agent,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers carry credentials.
        out.debug_struct("Endpoint").field("url", &self.shown()).finish_non_exhaustive()
    }
}

/// How the other side took a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    pub rejected: i64,
    pub message: String,
}

/// The headers in `name=value,name=value`, values percent-decoded, as `OTEL_EXPORTER_OTLP_HEADERS` has
/// them.
pub fn headers(text: &str) -> Result<Vec<(String, String)>, ServerError> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (name.trim(), decoded(value.trim()));
            let fits = |name: &str| {
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            };
            match value {
                Some(value)
                    if pair.contains('=') && fits(name) && !value.contains(['\r', '\n']) =>
                {
                    Ok((name.to_owned(), value))
                }
                // Only the name: the value may be a secret.
                _ => Err(ServerError::Header { text: name.chars().take(40).collect() }),
            }
        })
        .collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    String::from_utf8(bytes).ok()
}

impl Endpoint {
    /// `url` is the receiver's address; `/v1/traces` is added where it does not end so.
    pub fn new(url: &str, headers: Vec<(String, String)>) -> Result<Self, ServerError> {
        let is_web = url.starts_with("http://") || url.starts_with("https://");
        if !is_web
            || url.contains(|letter: char| letter.is_whitespace() || "?#".contains(letter))
            || url.ends_with("://")
        {
            return Err(ServerError::Endpoint { url: without_credentials(url) });
        }
        let base = url.trim_end_matches('/');
        let url = if base.ends_with("/v1/traces") {
            base.to_owned()
        } else {
            format!("{base}/v1/traces")
        };
        Ok(Self { url, headers, agent: web::agent(PATIENCE) })
    }

    /// The address without its credentials.
    pub fn shown(&self) -> String {
        without_credentials(&self.url)
    }

    /// Sends one request. What may help is tried again, after the time that the other side asks for.
    pub async fn send(&self, request: &ExportTraceServiceRequest) -> Result<Sent, ServerError> {
        let body = packed(&Encoding::Protobuf.encode(request));
        let mut wait = Duration::from_secs(1);
        for attempt in 1.. {
            let outcome = self.try_once(body.clone()).await;
            let asked = match outcome {
                Outcome::Sent(sent) => return Ok(sent),
                Outcome::Refused { status, message } => {
                    return Err(ServerError::Refused { url: self.shown(), status, message });
                }
                Outcome::Later { message, .. } if attempt >= TRIES => {
                    return Err(ServerError::Unreachable { url: self.shown(), message });
                }
                Outcome::Later { after, .. } => after,
            };
            tokio::time::sleep(pause(asked, wait, drawn())).await;
            wait *= 2;
        }
        Ok(Sent::default())
    }

    /// On a thread of its own: the client blocks.
    async fn try_once(&self, body: Vec<u8>) -> Outcome {
        let (done, answer) = oneshot::channel();
        let endpoint = self.clone();
        std::thread::spawn(move || {
            // Nobody listens any more: then nobody wants to know.
            drop(done.send(endpoint.post(&body)));
        });
        let lost =
            |_| Outcome::Later { message: "the request ended early".to_owned(), after: None };
        answer.await.unwrap_or_else(lost)
    }

    fn post(&self, body: &[u8]) -> Outcome {
        let mut request = self
            .agent
            .post(&self.url)
            .header("content-type", Encoding::Protobuf.media_type())
            .header("content-encoding", "gzip")
            .header("user-agent", concat!("belay/", env!("CARGO_PKG_VERSION")));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = match request.send(body) {
            Ok(response) => response,
            Err(error) => {
                // The client's words may repeat the address with its credentials.
                let message = Redactor::default().text(&error.to_string()).into_owned();
                return Outcome::Later { message, after: None };
            }
        };
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let after = header("retry-after").and_then(|after| until(after, header("date")));
        let body =
            response.body_mut().with_config().limit(1 << 20).read_to_vec().unwrap_or_default();
        match status {
            200..=299 => Outcome::Sent(answered(&body)),
            429 | 502 | 503 | 504 => {
                Outcome::Later { message: format!("it answers with status {status}"), after }
            }
            _ => Outcome::Refused { status, message: reason(&body) },
        }
    }
}

enum Outcome {
    Sent(Sent),
    /// Another try may help.
    Later {
        message: String,
        after: Option<Duration>,
    },
    Refused {
        status: u16,
        message: String,
    },
}

fn answered(body: &[u8]) -> Sent {
    let response =
        Encoding::Protobuf.decode::<ExportTraceServiceResponse>(body).unwrap_or_default();
    let partial = response.partial_success.unwrap_or_default();
    Sent { rejected: partial.rejected_spans, message: partial.error_message }
}

/// The other side's words, in one line and not too long.
fn reason(body: &[u8]) -> String {
    let status = Encoding::Protobuf.decode::<belay_otlp::wire::RpcStatus>(body);
    let text =
        status.map_or_else(|_| String::from_utf8_lossy(body).into_owned(), |status| status.message);
    let line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(200)
        .collect();
    if line.trim().is_empty() { "no reason given".to_owned() } else { line }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    // Into memory: there is nothing that could fail.
    drop(packer.write_all(bytes));
    packer.finish().unwrap_or_default()
}
