//! Hiding secrets in text before anything is written: values known to be secret, and the known shapes
//! of tokens, keys and passwords. What is hidden becomes `[redacted:KIND]`.
//!
//! Every search is linear in the text (the `regex` crate's automata), also on hostile input.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex::Regex;
use serde_json::Value;

/// Shorter values are in every text: `1`, `on`, `dev`. They are not hidden by value.
const SHORTEST_VALUE: usize = 4;

/// What hiding makes readable anew is looked at again, so often; then the whole text is hidden.
const ROUNDS: usize = 8;

/// One known shape of a secret.
struct Shape {
    kind: &'static str,
    /// One of these stands in every text that the pattern finds something in; ASCII case is ignored.
    triggers: &'static [&'static str],
    /// Where it has groups, what the first one to take part holds is the secret, else all of it.
    pattern: &'static str,
}

/// Where a value may end when nothing quotes it: at space, quotes, `&`, `;` and angle brackets.
macro_rules! value {
    () => {
        r#"(?:\\+"((?:[^"\\]|\\+[^"\\])*)|"((?:[^"\\]|\\.)*)|'((?:[^'\\]|\\.)*)|(\{[^}]*\})|((?:(?i-u:bearer|basic|digest|token)[ \t]+)?[^ \t\r\n"'&;<>]+))"#
    };
}

const SHAPES: &[Shape] = &[
    Shape {
        kind: "private-key",
        triggers: &["-----begin"],
        // Without an end it goes on to the end of the text.
        pattern: r"(?s)-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)",
    },
    Shape {
        kind: "aws-key",
        triggers: &["akia", "asia", "abia", "acca"],
        pattern: r"(?-u:\b)(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?-u:\b)",
    },
    Shape {
        kind: "google-key",
        triggers: &["aiza", "gocspx-", "ya29."],
        pattern: r"(?-u:\b)(?:AIza[0-9A-Za-z_-]{35}|GOCSPX-[0-9A-Za-z_-]{20,}|ya29\.[0-9A-Za-z_.-]{20,})",
    },
    Shape {
        kind: "github-token",
        triggers: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        pattern: r"(?-u:\b)(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    },
    Shape {
        kind: "gitlab-token",
        triggers: &["glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glsoat-", "glft-", "gloas-"],
        pattern: r"(?-u:\b)gl(?:pat|ptt|dt|rt|cbt|soat|ft|oas)-[A-Za-z0-9_.-]{16,}",
    },
    Shape {
        kind: "slack-token",
        triggers: &["xox", "xapp-", "hooks.slack.com"],
        pattern: r"(?-u:\b)(?:xox[abeoprs][A-Za-z0-9.]{0,4}-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|hooks\.slack\.com/[a-z]{1,16}/[A-Za-z0-9/_-]+)",
    },
    Shape {
        // Snowflake's programmatic access tokens have this shape, too.
        kind: "jwt",
        triggers: &["eyj"],
        pattern: r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}",
    },
    Shape {
        kind: "api-key",
        triggers: &[
            "sk-",
            "sk_live_",
            "sk_test_",
            "rk_live_",
            "rk_test_",
            "npm_",
            "pypi-",
            "dapi",
            "dbtc_",
            "dbtu_",
            "hf_",
            "sg.",
            "age-secret-key-",
            "shpat_",
            "dop_v1_",
        ],
        pattern: r"(?-u:\b)(?:sk-[A-Za-z0-9_-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}|dapi[0-9a-f]{32}(?:-[0-9]+)?|dbt[cu]_[A-Za-z0-9_+/=-]{20,}|hf_[A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|AGE-SECRET-KEY-1[A-Z0-9]{40,}|shpat_[a-f0-9]{32}|dop_v1_[a-f0-9]{64})",
    },
    Shape {
        kind: "authorization",
        triggers: &["bearer", "basic"],
        pattern: r"(?-u:\b)(?i-u:bearer|basic)[ \t]+([A-Za-z0-9+/_.~-]{16,}={0,2})",
    },
    Shape {
        kind: "password",
        triggers: &["://"],
        // In `scheme://user:PASSWORD@host`, or a long token alone before the `@`.
        pattern: r#"://(?:[^ \t\r\n"'<>:@/?#]*:([^ \t\r\n"'<>]+)@|([A-Za-z0-9_.~-]{16,})@)"#,
    },
    Shape {
        kind: "password",
        triggers: &["password", "passwd", "passphrase", "passcode", "pwd"],
        pattern: concat!(
            r#"(?i-u:password|passwd|passphrase|passcode|pwd)[A-Za-z0-9_-]{0,24}["'\\]{0,4}[ \t]{0,4}(?:=>|:=|==|=|:)[ \t\r\n]{0,8}"#,
            value!()
        ),
    },
    Shape {
        kind: "secret",
        triggers: &[
            "secret",
            "token",
            "apikey",
            "api_key",
            "api-key",
            "accesskey",
            "access_key",
            "access-key",
            "accountkey",
            "account_key",
            "account-key",
            "private_key",
            "privatekey",
            "private-key",
            "credential",
            "authorization",
            "cookie",
            "sharedaccesskey",
            "_pat",
        ],
        pattern: concat!(
            r#"(?:(?i-u:secret)[A-Za-z0-9_-]{0,24}|(?i-u:token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|private[_-]?key[_-]?passphrase|credentials?|authorization|cookie|_pat)(?i-u:[_-]?(?:id|value|key|secret|base64))?)["'\\]{0,4}[ \t]{0,4}(?:=>|:=|==|=|:)[ \t\r\n]{0,8}"#,
            value!()
        ),
    },
    Shape {
        kind: "password",
        triggers: &["password", "identified"],
        pattern: r"(?i-u:password|identified[ \t]+by)[ \t\r\n]+[eE]?'((?:[^']|'')*)",
    },
    Shape {
        kind: "secret",
        triggers: &["password ", "passwd ", "token ", "secret ", "key "],
        pattern: concat!(
            r"--[A-Za-z-]{0,24}(?i-u:password|passwd|token|secret|api-?key|access-?key)[ \t]+",
            value!()
        ),
    },
    Shape {
        kind: "signature",
        triggers: &["sig=", "signature="],
        pattern: r"[?&](?i-u:sig|x-amz-signature|x-goog-signature|signature)=([^ \t\r\n&]+)",
    },
];

const VALUE: &str = "value";
const KEY: &str = "key";
const SENSITIVE: &str = "sensitive";
const UNSETTLED: &str = "text";

struct Compiled {
    shapes: Vec<(&'static str, Regex)>,
    /// Finds triggers; `owner[pattern]` is the shape that the trigger belongs to.
    triggers: AhoCorasick,
    owner: Vec<usize>,
    markers: AhoCorasick,
}

/// `None` never happens: a test compiles every pattern. Then everything is hidden.
static COMPILED: LazyLock<Option<Compiled>> = LazyLock::new(|| {
    let shapes: Option<Vec<_>> = SHAPES
        .iter()
        .map(|shape| Regex::new(shape.pattern).ok().map(|regex| (shape.kind, regex)))
        .collect();
    let words = SHAPES.iter().enumerate();
    let words = words.flat_map(|(at, shape)| shape.triggers.iter().map(move |word| (at, *word)));
    let (owner, words): (Vec<_>, Vec<_>) = words.unzip();
    let kinds: BTreeSet<&str> =
        SHAPES.iter().map(|shape| shape.kind).chain([VALUE, KEY, SENSITIVE, UNSETTLED]).collect();
    let markers = AhoCorasick::new(kinds.into_iter().map(marker)).ok()?;
    let triggers = AhoCorasickBuilder::new().ascii_case_insensitive(true).build(words).ok()?;
    Some(Compiled { shapes: shapes?, triggers, owner, markers })
});

fn marker(kind: &str) -> String {
    format!("[redacted:{kind}]")
}

/// Hides secrets. Cheap to ask: text without any trigger is given back as it is.
#[derive(Clone, Default)]
pub struct Redactor {
    values: Option<AhoCorasick>,
    /// Lower-case names whose values are hidden, whatever they hold.
    sensitive: BTreeSet<String>,
    pairs: Option<Regex>,
    /// Something that was to be hidden could not be searched for.
    blind: bool,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// Hides the known shapes and each of `values` wherever it stands, also percent-encoded or
    /// escaped for JSON. Values of fewer than four bytes are left alone.
    pub fn new<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Self {
        let spellings: BTreeSet<String> = values
            .into_iter()
            .filter(|value| value.as_ref().len() >= SHORTEST_VALUE)
            .flat_map(|value| spellings(value.as_ref()))
            .collect();
        if spellings.is_empty() {
            return Self::default();
        }
        let found =
            AhoCorasickBuilder::new().match_kind(MatchKind::LeftmostLongest).build(spellings);
        Self { blind: found.is_err(), values: found.ok(), ..Self::default() }
    }

    /// Hides, too, what stands under these names: columns and attributes, with or without what they
    /// belong to (`email` for `customers.email`). Case is ignored.
    #[must_use]
    pub fn with_sensitive<T: AsRef<str>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        let names = names.into_iter().map(|name| name.as_ref().trim().to_ascii_lowercase());
        self.sensitive.extend(names.filter(|name| !name.is_empty()));
        if !self.sensitive.is_empty() {
            let names: Vec<String> =
                self.sensitive.iter().map(|name| regex::escape(name)).collect();
            let pattern = format!(
                r#"(?-u:\b)(?i-u:{})["'\\]{{0,4}}[ \t]{{0,4}}(?:=>|:=|==|=|:)[ \t\r\n]{{0,8}}{}"#,
                names.join("|"),
                value!()
            );
            let pairs = Regex::new(&pattern);
            self.blind |= pairs.is_err();
            self.pairs = pairs.ok();
        }
        self
    }

    /// The text without secrets. Hiding twice changes nothing more.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(compiled) = COMPILED.as_ref().filter(|_| !self.blind) else {
            return Cow::Owned(marker(UNSETTLED));
        };
        let Some(mut hidden) = self.round(compiled, text) else { return Cow::Borrowed(text) };
        for _ in 1..ROUNDS {
            match self.round(compiled, &hidden) {
                Some(more) => hidden = more,
                None => return Cow::Owned(hidden),
            }
        }
        Cow::Owned(marker(UNSETTLED))
    }

    /// Hides secrets in every text of a document, in its keys, and whole values whose key says that
    /// they are secret.
    pub fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(hidden) = self.text(text) {
                    *text = hidden;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(members) => {
                let whole = std::mem::take(members);
                for (key, mut member) in whole {
                    match self.hides(&key) {
                        Some(kind) if !member.is_null() => member = marker(kind).into(),
                        _ => self.json(&mut member),
                    }
                    members.insert(self.text(&key).into_owned(), member);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => (),
        }
    }

    /// Hides secrets in what is mostly text; bytes that are no UTF-8 stay as they are.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return match self.text(text) {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            };
        }
        let mut hidden = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            hidden.extend_from_slice(self.text(chunk.valid()).as_bytes());
            hidden.extend_from_slice(chunk.invalid());
        }
        Cow::Owned(hidden)
    }

    /// What stands instead of the value of `key`, when the key says that the value is secret or
    /// sensitive.
    pub fn instead_of(&self, key: &str) -> Option<String> {
        self.hides(key).map(marker)
    }

    fn hides(&self, key: &str) -> Option<&'static str> {
        if names_secret(key) {
            return Some(KEY);
        }
        if self.sensitive.is_empty() {
            return None;
        }
        let key = key.to_ascii_lowercase();
        let last = key.rsplit('.').next().unwrap_or(&key);
        (self.sensitive.contains(&key) || self.sensitive.contains(last)).then_some(SENSITIVE)
    }

    /// Everything that is found in one look, hidden; `None` where there is nothing.
    fn round(&self, compiled: &Compiled, text: &str) -> Option<String> {
        let mut wanted = 0_u32;
        for found in compiled.triggers.find_overlapping_iter(text) {
            wanted |= 1 << compiled.owner[found.pattern().as_usize()];
        }
        let values = self.values.as_ref();
        if wanted == 0
            && self.pairs.is_none()
            && !values.is_some_and(|values| values.is_match(text))
        {
            return None;
        }
        let markers: Vec<Range<usize>> =
            compiled.markers.find_iter(text).map(|found| found.range()).collect();
        let mut secrets: Vec<(Range<usize>, &str)> = Vec::new();
        if let Some(values) = values {
            secrets.extend(values.find_iter(text).map(|found| (found.range(), VALUE)));
        }
        if let Some(pairs) = &self.pairs {
            find(pairs, SENSITIVE, text, &mut secrets);
        }
        for (at, (kind, regex)) in compiled.shapes.iter().enumerate() {
            if wanted & (1 << at) != 0 {
                find(regex, kind, text, &mut secrets);
            }
        }
        // What is hidden already is no secret.
        secrets.retain(|(range, _)| !range.is_empty() && !within(&markers, range));
        secrets.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let (_, regions) = secrets.iter().fold((0, 0), |(end, regions), (range, _)| {
            (end.max(range.end), regions + usize::from(range.start >= end))
        });
        (regions > 0).then(|| replaced(text, &secrets, &markers))
    }
}

/// Puts a marker for each region that overlapping finds make. A marker that is cut goes as a whole.
fn replaced(text: &str, secrets: &[(Range<usize>, &str)], markers: &[Range<usize>]) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut done = 0;
    let mut rest = secrets.iter().peekable();
    while let Some((range, kind)) = rest.next() {
        let (mut start, mut end) = (range.start, range.end);
        loop {
            let cut = markers.partition_point(|marker| marker.end <= start);
            if let Some(marker) = markers.get(cut).filter(|marker| marker.start < start) {
                start = marker.start;
            }
            let cut = markers.partition_point(|marker| marker.end <= end);
            if let Some(marker) = markers.get(cut).filter(|marker| marker.start < end) {
                end = marker.end;
            }
            match rest.next_if(|(next, _)| next.start < end) {
                Some((next, _)) => end = end.max(next.end),
                None => break,
            }
        }
        hidden.push_str(text.get(done..start.max(done)).unwrap_or_default());
        hidden.push_str(&marker(kind));
        done = end.max(done);
    }
    hidden.push_str(text.get(done..).unwrap_or_default());
    hidden
}

fn within(markers: &[Range<usize>], range: &Range<usize>) -> bool {
    let at = markers.partition_point(|marker| marker.end < range.end);
    markers.get(at).is_some_and(|marker| marker.start <= range.start && range.end <= marker.end)
}

fn find<'k>(regex: &Regex, kind: &'k str, text: &str, secrets: &mut Vec<(Range<usize>, &'k str)>) {
    let groups = regex.captures_len();
    for found in regex.captures_iter(text) {
        let secret = (1..groups).find_map(|group| found.get(group)).or_else(|| found.get(0));
        // `http://host:8080/a@b` has a port, not a password.
        let port = |secret: &regex::Match<'_>| {
            let digits = secret.as_str().trim_start_matches(|letter: char| letter.is_ascii_digit());
            digits.len() < secret.len() && digits.starts_with(['/', '?', '#'])
        };
        let is_url = found.get(0).is_some_and(|whole| whole.as_str().starts_with("://"));
        secrets.extend(
            secret.filter(|secret| !(is_url && port(secret))).map(|secret| (secret.range(), kind)),
        );
    }
}

/// The spellings of a value that turn up in texts: plain, percent-encoded, escaped for JSON.
fn spellings(value: &str) -> Vec<String> {
    let encoded: String = value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let escaped = Value::from(value).to_string();
    let escaped = escaped.trim_start_matches('"').trim_end_matches('"').to_owned();
    vec![value.to_owned(), encoded, escaped]
}

/// Whether a key says that its value is a secret, such as `DB_PASSWORD` or `http.header.authorization`.
pub fn names_secret(key: &str) -> bool {
    const PARTS: [&str; 16] = [
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "secret",
        "apikey",
        "api_key",
        "access_key",
        "accesskey",
        "account_key",
        "private_key",
        "privatekey",
        "credential",
        "authorization",
        "cookie",
        "connection_string",
    ];
    let key: String = key
        .chars()
        .map(|letter| if letter == '-' { '_' } else { letter.to_ascii_lowercase() })
        .collect();
    let last = key.rsplit(['.', '_']).next().unwrap_or(&key);
    PARTS.iter().any(|part| key.contains(part))
        || ["pwd", "pat"].contains(&last)
        || last.ends_with("token")
}

#[cfg(test)]
mod tests;
