//! Requests over HTTP, with credentials that nothing here ever prints, and retries where a retry can do
//! no harm.

use std::fmt;
use std::time::Duration;

use belay_model::Redactor;
use serde_json::Value;
use tokio::sync::oneshot;

/// Tries before a request is given up.
const TRIES: u32 = 5;

/// The longest wait between two tries, whatever the other side asks for.
pub const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The most bytes of an answer that are read.
const LARGEST_ANSWER: u64 = 16 << 20;

/// A client. Addresses and headers are the caller's; both may carry secrets, so errors name neither.
#[derive(Clone)]
pub struct Web {
    agent: ureq::Agent,
    /// Before the first retry; doubled with each.
    first_wait: Duration,
}

impl fmt::Debug for Web {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Web").finish_non_exhaustive()
    }
}

/// What is sent.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "headers carry credentials")]
pub struct Call {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Value>,
}

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Null where the body was no JSON.
    pub body: Value,
}

/// Nothing came back, or what came back says: later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    pub message: String,
}

impl Answer {
    /// A header's value; its name is lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub const fn is_good(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The other side's reason, in one line and not too long.
    pub fn reason(&self) -> String {
        let said = ["message", "error", "error_description"];
        let said = said.iter().find_map(|name| match self.body.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            Value::Object(error) => Some(error.get("message")?.as_str()?.to_owned()),
            other => Some(other.to_string()),
        });
        let text = said.unwrap_or_else(|| "no reason given".to_owned());
        let tame = |letter: char| if letter.is_control() { ' ' } else { letter };
        Redactor::default().text(&text.chars().take(200).map(tame).collect::<String>()).into_owned()
    }

    /// Another try may help. With the wait that it asks for, if it does.
    fn later(&self) -> (bool, Option<Duration>) {
        let number = |name: &str| self.header(name)?.trim().parse::<u64>().ok();
        let asked = self.header("retry-after").and_then(|after| until(after, self.header("date")));
        // GitHub's limits: 403 or 429 with no request left, or with a time to wait.
        let is_limited = number("x-ratelimit-remaining") == Some(0) || asked.is_some();
        let helps = match self.status {
            429 | 502..=504 | 529 => true,
            403 => is_limited,
            _ => false,
        };
        (helps, asked)
    }

    /// The request was certainly not carried out.
    const fn was_turned_away(&self) -> bool {
        matches!(self.status, 403 | 429 | 529)
    }
}

impl Web {
    pub fn new(patience: Duration) -> Self {
        Self { agent: agent(patience), first_wait: Duration::from_secs(1) }
    }

    /// With another first wait, so that tests need not wait.
    #[must_use]
    pub const fn waiting(mut self, first: Duration) -> Self {
        self.first_wait = first;
        self
    }

    /// Sends a request and brings the answer. What may help is tried again, after the time that the
    /// other side asks for; a POST only if it was certainly not carried out.
    pub async fn send(&self, call: &Call) -> Result<Answer, Unanswered> {
        let mut wait = self.first_wait;
        let mut attempt = 1;
        loop {
            let outcome = self.try_once(call.clone()).await;
            let (asked, harmless, outcome) = match outcome {
                Ok(answer) => match answer.later() {
                    (false, _) => return Ok(answer),
                    (true, asked) => {
                        let harmless = call.method != "POST" || answer.was_turned_away();
                        (asked, harmless, Ok(answer))
                    }
                },
                Err(lost) => (None, call.method != "POST", Err(lost)),
            };
            if !harmless || attempt == TRIES {
                return outcome;
            }
            attempt += 1;
            tokio::time::sleep(pause(asked, wait, drawn())).await;
            wait *= 2;
        }
    }

    /// On a thread of its own: the client blocks.
    async fn try_once(&self, call: Call) -> Result<Answer, Unanswered> {
        let (done, answer) = oneshot::channel();
        let agent = self.agent.clone();
        std::thread::spawn(move || {
            // Nobody listens any more: then nobody wants to know.
            drop(done.send(exchange(&agent, &call)));
        });
        let lost = |_| Unanswered { message: "the request ended early".to_owned() };
        answer.await.unwrap_or_else(|gone| Err(lost(gone)))
    }
}

/// A client that trusts whom this machine trusts, follows no redirect, and calls no status an error.
pub fn agent(patience: Duration) -> ureq::Agent {
    let tls =
        ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::PlatformVerifier).build();
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(patience))
        // A redirect would carry the credentials to somebody else.
        .max_redirects(0)
        .http_status_as_error(false)
        .tls_config(tls)
        .build();
    ureq::Agent::new_with_config(config)
}

fn exchange(agent: &ureq::Agent, call: &Call) -> Result<Answer, Unanswered> {
    // The client's words may repeat the address with its credentials.
    let lost = |error: &dyn fmt::Display| Unanswered {
        message: Redactor::default().text(&error.to_string()).into_owned(),
    };
    let mut request = ureq::http::Request::builder()
        .method(call.method)
        .uri(&call.url)
        .header("user-agent", concat!("belay/", env!("CARGO_PKG_VERSION")));
    for (name, value) in &call.headers {
        request = request.header(*name, value);
    }
    let body = call.body.as_ref().map(ToString::to_string).unwrap_or_default();
    if call.body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let request = request.body(body).map_err(|error| lost(&error))?;
    let mut response = agent.run(request).map_err(|error| lost(&error))?;
    let headers = response.headers().iter();
    let headers = headers
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    let read = response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec();
    let body = read.map_err(|error| lost(&error))?;
    Ok(Answer {
        status: response.status().as_u16(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

/// The wait that `Retry-After` asks for: seconds, or a date. A date counts from the other side's own
/// `Date`, so that no clock of this machine has to be right.
pub fn until(after: &str, date: Option<&str>) -> Option<Duration> {
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
pub fn pause(asked: Option<Duration>, own: Duration, drawn: u8) -> Duration {
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

/// A random byte. Without randomness everybody waits the same: that is no reason to fail.
pub fn drawn() -> u8 {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_or(0, |()| byte[0])
}

/// An address without the credentials in it.
pub fn without_credentials(url: &str) -> String {
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
