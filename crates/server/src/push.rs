//! Sending spans to another receiver of OTLP over HTTP, with retries as the specification says.

use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use belay_model::Redactor;
use belay_otlp::wire::{Encoding, ExportTraceServiceRequest, ExportTraceServiceResponse};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::oneshot;

use crate::ServerError;

/// Tries before a request is given up.
const TRIES: u32 = 5;

/// The longest wait between two tries, whatever the other side asks for.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

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
        let tls = ureq::tls::TlsConfig::builder()
            .root_certs(ureq::tls::RootCerts::PlatformVerifier)
            .build();
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            // A redirect would carry the headers to somebody else.
            .max_redirects(0)
            .http_status_as_error(false)
            .tls_config(tls)
            .build();
        Ok(Self { url, headers, agent: ureq::Agent::new_with_config(config) })
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

/// The wait that `Retry-After` asks for: seconds, or a date. A date counts from the other side's own
/// `Date`, so that no clock of this machine has to be right.
fn until(after: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = after.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(after.trim()).ok()?;
    let now = httpdate::parse_http_date(date?.trim()).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

/// How long to wait: never less than the other side asks for, and not at the same moment as everybody
/// else. `drawn` is a random byte: it takes up to half off one's own wait, and adds up to a quarter to
/// one that was asked for.
fn pause(asked: Option<Duration>, own: Duration, drawn: u8) -> Duration {
    let share = u32::from(drawn);
    let wait = match asked {
        Some(asked) => {
            let asked = asked.min(LONGEST_WAIT);
            asked + asked * share / (4 * 255)
        }
        None => own * (2 * 255 - share) / (2 * 255),
    };
    wait.min(LONGEST_WAIT + LONGEST_WAIT / 4)
}

/// Without randomness everybody waits the same: that is no reason to fail.
fn drawn() -> u8 {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_or(0, |()| byte[0])
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

fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let path = path.split('?').next().unwrap_or_default();
    if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_asks_for_seconds_or_for_a_date_of_its_own_clock() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let cases = [
            ("7", None, Some(7)),
            (" 7 ", Some(date), Some(7)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(date), Some(30)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(date), Some(0)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", None, None),
            ("soon", Some(date), None),
            ("-3", Some(date), None),
        ];
        for (after, date, seconds) in cases {
            assert_eq!(until(after, date), seconds.map(Duration::from_secs), "{after}");
        }
    }

    #[test]
    fn waits_differ_and_never_undercut_what_was_asked_for() {
        let second = Duration::from_secs(1);
        assert_eq!(pause(None, second, 0), second);
        assert_eq!(pause(None, second, 255), second / 2);
        for drawn in 0..=255 {
            let asked = pause(Some(second * 8), second, drawn);
            assert!((second * 8..=second * 10).contains(&asked), "{asked:?}");
            assert!(pause(Some(second * 86_400), second, drawn) <= LONGEST_WAIT * 5 / 4);
            assert!(pause(Some(Duration::MAX), second, drawn) >= LONGEST_WAIT);
        }
    }
}
