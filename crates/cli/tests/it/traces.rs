//! Traces: received, shown, exported, and never with a secret in them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::home::{Home, Ran};

/// Twenty kinds of secrets. Each has a part that nothing else in the files has.
pub(crate) fn secrets() -> Vec<(&'static str, String)> {
    let tail = "Qx7Zk2Vn9Lp4Rt6Wy8Bd3Fg5Hj1Mc0Sa";
    let named = |text: &str| text.replace("TAIL", tail);
    [
        ("aws", "AKIAQX7ZK2VN9LP4RT6W"),
        ("aws pair", "aws_secret_access_key=TAIL/a+b"),
        ("google", "AIzaTAILabc"),
        ("google oauth", "ya29.TAIL"),
        ("github", "ghp_TAIL"),
        ("github fine", "github_pat_TAIL"),
        ("gitlab", "glpat-TAIL"),
        ("slack", "xoxb-12345-TAIL"),
        ("slack hook", "https://hooks.slack.com/services/T0/B0/TAIL"),
        ("private key", "-----BEGIN RSA PRIVATE KEY-----\nTAIL\n-----END RSA PRIVATE KEY-----"),
        ("jwt", "eyJTAIL.eyJTAIL.TAIL"),
        ("bearer", "Bearer TAIL"),
        ("basic", "Authorization: Basic TAIL="),
        ("url", "postgres://loader:TAIL@db.example.com/shop"),
        ("dsn", "Driver=x;UID=me;PWD=TAIL;Server=y"),
        ("password", "password: TAIL"),
        ("token", "{\"token\": \"TAIL\"}"),
        ("flag", "tool --api-key TAIL"),
        ("sql", "ALTER USER loader SET PASSWORD 'TAIL'"),
        ("model key", "sk-TAIL"),
        ("signature", "https://store.example.com/x?sig=TAIL"),
        ("sensitive column", "where customer_email = 'TAIL@example.com'"),
    ]
    .into_iter()
    .map(|(kind, text)| (kind, named(text)))
    .collect()
}

pub(crate) const TELLTALES: [&str; 2] =
    ["Qx7Zk2Vn9Lp4Rt6Wy8Bd3Fg5Hj1Mc0Sa", "AKIAQX7ZK2VN9LP4RT6W"];

fn request() -> Value {
    let attribute = |key: &str, text: &str| json!({"key": key, "value": {"stringValue": text}});
    let span = |(number, (kind, secret)): (usize, (&str, String))| {
        json!({
            "traceId": "5b8efff798038103d269b633813fc60c", "spanId": format!("{:016x}", number + 1),
            "name": format!("{kind} {secret}"), "kind": 1,
            "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000",
            "attributes": [
                attribute("text", &secret),
                attribute("customer_email", "Qx7Zk2Vn9Lp4Rt6Wy8Bd3Fg5Hj1Mc0Sa"),
                attribute("db.password", "Qx7Zk2Vn9Lp4Rt6Wy8Bd3Fg5Hj1Mc0Sa"),
                attribute(&secret, "in the key"),
                {"key": "deep", "value": {"arrayValue": {"values": [{"kvlistValue": {"values": [
                    attribute("inner", &secret)]}}]}}},
            ],
            "events": [{"timeUnixNano": "1544712660000000001", "name": secret,
                        "attributes": [attribute("exception.message", &secret)]}],
            "status": {"code": 2, "message": secret},
        })
    };
    let spans: Vec<Value> = secrets().into_iter().enumerate().map(span).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": [attribute("service.name", "planted"), attribute("env", &secrets()[15].1)]},
        "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}],
    }]})
}

/// Starts `belay trace listen`, sends `body`, and ends it with SIGTERM.
fn receive(home: &Home, body: &str) -> Ran {
    let mut child =
        home.start_in("", &["trace", "listen", "--listen", "127.0.0.1:0", "--format", "json"]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let address =
        line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let killed = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    let mut output = child.wait_with_output().unwrap();
    stderr.read_to_end(&mut output.stderr).unwrap();
    Ran::of(output)
}

pub(crate) fn assert_clean(folder: &Path) -> usize {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            seen += assert_clean(&path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for telltale in TELLTALES {
            let found = bytes.windows(telltale.len()).any(|part| part == telltale.as_bytes());
            assert!(!found, "`{telltale}` stands in {}", path.display());
        }
        seen += 1;
    }
    seen
}

#[test]
fn planted_secrets_are_in_no_file_and_no_export() {
    let home = Home::new();
    home.write("belay.toml", "[impact]\nsensitive = [\"customer_email\"]\n");
    home.git("", &["init", "--quiet"]);
    let told = receive(&home, &request().to_string()).ends_with(0).json();
    assert_eq!(told["spans"], secrets().len());
    let exports =
        [("otlp-json", "o.json"), ("otlp", "o.pb"), ("parquet", "o.parquet"), ("jsonl", "o.jsonl")];
    for (format, file) in exports {
        drop(
            home.belay(&["trace", "export", "--all", "--format", format, "--out", file])
                .ends_with(0),
        );
    }
    let shown = home.belay(&["trace", "show", "5b8e"]).ends_with(0);
    home.write("shown.txt", &shown.stdout);
    // The database, its lock, the exports and more.
    assert!(assert_clean(&home.work()) > 6);
    let count = shown.stdout.matches("[redacted:").count();
    assert!(count >= secrets().len(), "{}", shown.stdout);
}

#[test]
fn a_trace_that_nobody_knows_and_a_form_without_a_file_are_input_errors() {
    let home = Home::new();
    for (args, slug) in [
        (vec!["trace", "show", "abc"], "record/not-found"),
        (vec!["trace", "export", "--format", "parquet"], "trace/needs-file"),
        (vec!["trace", "export", "--since", "yesterday"], "trace/since"),
        (vec!["trace", "export", "--all", "--endpoint", "collector:4318"], "trace/endpoint"),
        (vec!["trace", "listen", "--listen", "0.0.0.0:0"], "trace/remote"),
    ] {
        let ran = home.belay(&args).ends_with(2);
        assert!(ran.stderr.starts_with(&format!("error[{slug}]")), "{}", ran.stderr);
        assert!(ran.stdout.is_empty());
    }
}

/// A small request of one span, with its ids.
fn single(number: u64) -> String {
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": format!("{:032x}", number), "spanId": format!("{number:016x}"), "name": "s",
        "startTimeUnixNano": "1", "endTimeUnixNano": "2",
    }]}]}]})
    .to_string()
}

/// Sends spans over one connection until the other side is gone; the numbers of those that were
/// acknowledged.
fn send_until_gone(address: &str, first: u64, acknowledged: &AtomicUsize) -> Vec<u64> {
    let mut kept = Vec::new();
    let Ok(mut stream) = TcpStream::connect(address) else { return kept };
    for number in first.. {
        let body = single(number);
        let request = format!(
            "POST /v1/traces HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut answer = [0; 1024];
        let read = stream.write_all(request.as_bytes()).and_then(|()| stream.read(&mut answer));
        match read {
            Ok(read) if answer[..read].starts_with(b"HTTP/1.1 200") => {
                kept.push(number);
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            _ => break,
        }
    }
    kept
}

#[test]
fn every_acknowledged_span_outlives_a_kill_in_mid_load() {
    let home = Home::new();
    let mut child = home.start_in("", &["trace", "listen", "--listen", "127.0.0.1:0"]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    let acknowledged = AtomicUsize::new(0);
    let kept: Vec<u64> = std::thread::scope(|scope| {
        let send = |client: u64| {
            let acknowledged = &acknowledged;
            scope.spawn(move || send_until_gone(address, client * 1_000_000 + 1, acknowledged))
        };
        let clients: Vec<_> = (0..4).map(send).collect();
        while acknowledged.load(Ordering::SeqCst) < 200 {
            assert!(!clients.iter().any(std::thread::ScopedJoinHandle::is_finished));
            std::thread::yield_now();
        }
        // SIGKILL, while all four wait for an answer or write.
        child.kill().unwrap();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(!child.wait().unwrap().success());
    assert!(kept.len() >= 200);
    let out = home.belay(&["trace", "export", "--all", "--format", "jsonl"]).ends_with(0).stdout;
    for number in &kept {
        assert!(out.contains(&format!("\"spanId\":\"{number:016x}\"")), "span {number} is lost");
    }
    drop(home.belay(&["audit", "verify"]).ends_with(0));
}
