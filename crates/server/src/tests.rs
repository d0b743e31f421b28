//! The receiver over a real socket, asked byte by byte.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use belay_model::record::Span;
use belay_model::time::Stopped;
use belay_model::{Redactor, Timestamp, WorkspaceId};
use belay_otlp::wire::{
    Encoding, ExportTraceServiceRequest, ExportTraceServiceResponse, KeyValue, ResourceSpans,
    RpcStatus, ScopeSpans, Span as Wire,
};
use belay_outside::Stop;
use belay_store::{Memory, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{Door, Endpoint, Receiver, ServerError, Tally, bind, headers};

const TOKEN: &str = "a-token-of-enough-letters";

struct Served {
    address: SocketAddr,
    memory: Memory,
    stop: Box<dyn FnOnce()>,
    serving: tokio::task::JoinHandle<Result<Tally, ServerError>>,
    _folder: TempDir,
}

async fn served(token: Option<&str>) -> Served {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let memory = store.workspace(WorkspaceId::parse("default").unwrap());
    let door = Door::new("127.0.0.1:0".parse().unwrap(), false, token).unwrap();
    let (door, listener) = bind(door).await.unwrap();
    let address = door.address;
    let (stopper, stop) = Stop::new();
    let receiver = Receiver {
        memory: memory.clone(),
        redactor: Redactor::default(),
        clock: Arc::new(Stopped(Timestamp::from_nanos(7))),
    };
    let serving = tokio::spawn(receiver.serve(door, listener, stop));
    Served { address, memory, stop: Box::new(move || stopper.stop()), serving, _folder: folder }
}

impl Served {
    /// Sends one request on a connection of its own; gives back the status, the head and the body.
    async fn ask(&self, more: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let host = format!("Host: {}\r\n", self.address);
        self.ask_as(&host, more, body).await
    }

    async fn ask_as(&self, host: &str, more: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {}\r\n{more}\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // A refusal may come before the body is read.
        stream.write_all(body).await.ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, answer[end + 4..].to_vec())
    }

    async fn kept(&self) -> Vec<Span> {
        self.memory.spans("01010101010101010101010101010101").await.unwrap()
    }

    async fn end(self) -> Tally {
        (self.stop)();
        self.serving.await.unwrap().unwrap()
    }
}

fn request(ids: &[u8]) -> ExportTraceServiceRequest {
    let span = |id: &u8| Wire {
        trace_id: vec![1; 16],
        span_id: vec![*id; 8],
        name: "chat".to_owned(),
        attributes: vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("api_key", "hush"),
        ],
        ..Wire::default()
    };
    let scope_spans =
        vec![ScopeSpans { spans: ids.iter().map(span).collect(), ..ScopeSpans::default() }];
    let group = ResourceSpans { scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![group] }
}

const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";
const JSON: &str = "Content-Type: application/json; charset=utf-8\r\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[tokio::test]
async fn both_encodings_are_kept_answered_in_kind_and_counted_once() {
    let served = served(None).await;
    let (status, head, body) =
        served.ask(PROTOBUF, &Encoding::Protobuf.encode(&request(&[1, 2]))).await;
    assert_eq!((status, body.len()), (200, 0), "an empty message is a full success");
    assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    let packed = gzip(&Encoding::Json.encode(&request(&[2, 3])));
    let more = format!("{JSON}Content-Encoding: gzip\r\n");
    let (status, _, body) = served.ask(&more, &packed).await;
    assert_eq!((status, body.as_slice()), (200, b"{}".as_slice()));
    let kept = served.kept().await;
    assert_eq!(kept.len(), 3);
    assert!(
        kept.iter().all(|span| span.body.contains("[redacted:key]") && !span.body.contains("hush"))
    );
    let tally = served.end().await;
    assert_eq!(tally, Tally { batches: 2, stored: 3, duplicates: 1, failed: 0 });
}

#[tokio::test]
async fn spans_without_ids_are_a_partial_success() {
    let served = served(None).await;
    let (status, _, body) =
        served.ask(PROTOBUF, &Encoding::Protobuf.encode(&request(&[0, 4]))).await;
    let response: ExportTraceServiceResponse = Encoding::Protobuf.decode(&body).unwrap();
    assert_eq!((status, response.partial_success.unwrap().rejected_spans), (200, 1));
    assert_eq!(served.kept().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_nothing_of_it_is_kept() {
    let served = served(None).await;
    let good = Encoding::Json.encode(&request(&[1]));
    let bomb = gzip(&vec![b' '; 65 << 20]);
    let gzipped = format!("{JSON}Content-Encoding: gzip\r\n");
    let cases: [(&str, &[u8], u16); 7] = [
        ("Content-Type: text/plain\r\n", &good, 415),
        ("", &good, 415),
        (JSON, b"{\"resourceSpans\": 1}", 400),
        (PROTOBUF, b"\xff\xff\xff", 400),
        (&format!("{JSON}Content-Encoding: br\r\n"), &good, 415),
        (&gzipped, &good, 400),
        (&gzipped, &bomb, 413),
    ];
    for (more, body, expected) in cases {
        let (status, _, answer) = served.ask(more, body).await;
        assert_eq!(status, expected, "{more} {}", String::from_utf8_lossy(&answer));
    }
    let (status, _, answer) = served.ask(JSON, b"{\"resourceSpans\": \"hush\"}").await;
    let said: RpcStatus = Encoding::Json.decode(&answer).unwrap();
    assert_eq!((status, said.code), (400, 3));
    assert!(!said.message.contains("hush"));
    let mut deep = b"{\"resourceSpans\":".to_vec();
    deep.extend(vec![b'['; 100_000]);
    assert_eq!(served.ask(JSON, &deep).await.0, 400);
    assert!(served.kept().await.is_empty());
}

#[tokio::test]
async fn web_pages_and_foreign_names_are_refused() {
    let served = served(None).await;
    let good = Encoding::Json.encode(&request(&[1]));
    let origin = format!("{JSON}Origin: https://evil.example\r\n");
    assert_eq!(served.ask(&origin, &good).await.0, 403);
    for (host, expected) in [
        ("Host: evil.example\r\n", 403),
        ("Host: 127.0.0.1.evil.example\r\n", 403),
        ("Host: localhost:4318\r\n", 200),
        ("Host: [::1]:4318\r\n", 200),
    ] {
        assert_eq!(served.ask_as(host, JSON, &good).await.0, expected, "{host}");
    }
}

#[tokio::test]
async fn where_there_is_a_token_only_its_bearer_may_send() {
    let served = served(Some(TOKEN)).await;
    let good = Encoding::Json.encode(&request(&[1]));
    for (said, expected) in [
        (String::new(), 401),
        ("Authorization: Bearer another-token-of-letters\r\n".to_owned(), 401),
        (format!("Authorization: Basic {TOKEN}\r\n"), 401),
        (format!("Authorization: bearer {TOKEN}\r\n"), 200),
    ] {
        assert_eq!(served.ask(&format!("{JSON}{said}"), &good).await.0, expected, "{said}");
    }
}

#[test]
fn an_address_beyond_this_machine_needs_a_token_and_the_word() {
    let remote: SocketAddr = "0.0.0.0:4318".parse().unwrap();
    for (allow, token) in [(false, None), (true, None), (false, Some(TOKEN))] {
        assert!(matches!(Door::new(remote, allow, token), Err(ServerError::Remote { .. })));
    }
    assert!(Door::new(remote, true, Some(TOKEN)).is_ok());
    assert!(matches!(Door::new(remote, true, Some("short")), Err(ServerError::ShortToken { .. })));
}

#[tokio::test]
async fn when_the_store_is_gone_the_sender_is_asked_to_come_back() {
    let served = served(None).await;
    served.memory.close().await;
    let (status, head, _) = served.ask(PROTOBUF, &Encoding::Protobuf.encode(&request(&[1]))).await;
    assert_eq!(status, 503);
    assert!(head.contains("retry-after: 5"), "{head}");
    assert_eq!(served.end().await.failed, 1);
}

#[tokio::test]
async fn what_is_sent_arrives_and_headers_go_with_it() {
    let served = served(Some(TOKEN)).await;
    let said = headers(&format!("authorization=Bearer%20{TOKEN}, x-other=1")).unwrap();
    let endpoint = Endpoint::new(&format!("http://{}", served.address), said).unwrap();
    assert_eq!(endpoint.send(&request(&[1, 0])).await.unwrap().rejected, 1);
    assert_eq!(served.kept().await.len(), 1);
    let silent =
        Endpoint::new(&format!("http://{}/v1/traces/", served.address), Vec::new()).unwrap();
    let refused = silent.send(&request(&[2])).await;
    assert!(matches!(refused, Err(ServerError::Refused { status: 401, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answers = ["503 Busy\r\nRetry-After: 0", "429 Slow\r\nRetry-After: 0", "200 OK"];
    let other = tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 65536];
            assert!(stream.read(&mut bytes).await.unwrap() > 0);
            let answer =
                format!("HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let endpoint = Endpoint::new(&format!("http://{address}"), Vec::new()).unwrap();
    assert!(endpoint.send(&request(&[1])).await.is_ok());
    other.await.unwrap();
}

#[test]
fn headers_are_read_and_a_wrong_one_is_named_without_its_value() {
    let read = headers("a=1,b=x%2Cy, ").unwrap();
    assert_eq!(read, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "x,y".to_owned())]);
    for wrong in ["hush", "a b=hush", "a=hush%zz", "a=hush%0d%0ax"] {
        let error = headers(wrong).unwrap_err().to_string();
        assert!(wrong == "hush" || !error.contains("hush"), "{error}");
    }
    let endpoint = Endpoint::new("https://me:hush@host:4318/base", Vec::new()).unwrap();
    assert_eq!(endpoint.shown(), "https://host:4318/base/v1/traces");
    for wrong in ["host:4318", "ftp://host", "http://", "http://u:hush@host/?key=hush"] {
        let error = Endpoint::new(wrong, Vec::new()).unwrap_err().to_string();
        assert!(!error.contains("hush"), "{error}");
    }
}
