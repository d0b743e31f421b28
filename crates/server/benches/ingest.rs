//! Spans a second over HTTP on loopback, durable before the answer; and the same rows as bare SQLite
//! inserts in one transaction that is synced once, which is the limit.
//!
//! `cargo bench -p belay-server --bench ingest`

#![expect(
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and fails loudly"
)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use belay_model::record::SpanBatch;
use belay_model::time::Stopped;
use belay_model::{Redactor, Timestamp, WorkspaceId};
use belay_otlp::receive;
use belay_otlp::wire::{
    Encoding, ExportTraceServiceRequest, KeyValue, Resource, ResourceSpans, ScopeSpans, Span,
};
use belay_outside::Stop;
use belay_server::{Door, Receiver, bind};
use belay_store::Store;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};

const BATCHES: u64 = 120;
const BATCH: u64 = 512;
const CLIENTS: u64 = 4;
const NOW: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

fn request(batch: u64) -> ExportTraceServiceRequest {
    let span = |number: u64| {
        let id = batch * BATCH + number + 1;
        let attributes = vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", "example"),
            KeyValue::new("gen_ai.request.model", "model-1"),
            KeyValue::new("gen_ai.usage.input_tokens", 1234),
            KeyValue::new("gen_ai.usage.output_tokens", 56),
            KeyValue::new("gen_ai.conversation.id", format!("conversation-{}", id % 100)),
            KeyValue::new(
                "gen_ai.input.messages",
                "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"Which of the orders of last \
                 week have no customer, and what did they cost us? Group them by region and day.\"}]}]",
            ),
            KeyValue::new("url.full", "https://api.example.com/v1/messages?beta=true"),
        ];
        Span {
            trace_id: (u128::from(batch) + 1).to_be_bytes().to_vec(),
            span_id: id.to_be_bytes().to_vec(),
            name: "chat model-1".to_owned(),
            kind: 3,
            start_time_unix_nano: 1_700_000_000_000_000_000 + id,
            end_time_unix_nano: 1_700_000_001_000_000_000 + id,
            attributes,
            ..Span::default()
        }
    };
    let resource = Resource {
        attributes: vec![KeyValue::new("service.name", "bench")],
        dropped_attributes_count: 0,
    };
    let scope_spans =
        vec![ScopeSpans { spans: (0..BATCH).map(span).collect(), ..ScopeSpans::default() }];
    let group = ResourceSpans { resource: Some(resource), scope_spans, schema_url: String::new() };
    ExportTraceServiceRequest { resource_spans: vec![group] }
}

fn client(address: SocketAddr, bodies: Vec<Vec<u8>>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    for body in bodies {
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = [0; 1024];
        let read = stream.read(&mut answer).unwrap();
        assert!(
            answer[..read].starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&answer[..read])
        );
    }
}

/// User and system time of this process; Linux counts in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = |at: usize| -> u64 { fields.split_whitespace().nth(at).unwrap().parse().unwrap() };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

fn told(what: &str, elapsed: Duration, cpu: Duration) -> f64 {
    let spans = (BATCHES * BATCH) as f64;
    let rate = spans / elapsed.as_secs_f64();
    let each = cpu.as_secs_f64() * 1000.0 / spans;
    println!("{what:<34} {rate:>9.0} spans/s   {each:.4} ms CPU a span");
    rate
}

async fn store(folder: &std::path::Path) -> belay_store::Memory {
    let store = Store::open(folder).await.unwrap();
    store.workspace(WorkspaceId::parse("bench").unwrap())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut bodies: Vec<Vec<Vec<u8>>> = (0..CLIENTS).map(|_| Vec::new()).collect();
    for batch in 0..BATCHES {
        let client = usize::try_from(batch % CLIENTS).unwrap();
        bodies[client].push(Encoding::Protobuf.encode(&request(batch)));
    }
    let bytes: usize = bodies.iter().flatten().map(Vec::len).sum();
    println!(
        "{} spans in batches of {BATCH}, {CLIENTS} clients, {} bytes a span on the wire",
        BATCHES * BATCH,
        bytes / usize::try_from(BATCHES * BATCH).unwrap()
    );

    let memory = store(&folder.path().join("http")).await;
    let door = Door::new("127.0.0.1:0".parse().unwrap(), false, None).unwrap();
    let (door, listener) = bind(door).await.unwrap();
    let address = door.address;
    let (stopper, stop) = Stop::new();
    let receiver = Receiver {
        memory: memory.clone(),
        redactor: Redactor::new(["a-secret-of-this-machine"]).with_sensitive(["email"]),
        clock: Arc::new(Stopped(NOW)),
    };
    let serving = tokio::spawn(receiver.serve(door, listener, stop));
    let (began, before) = (Instant::now(), cpu());
    let clients: Vec<_> = bodies
        .into_iter()
        .map(|bodies| std::thread::spawn(move || client(address, bodies)))
        .collect();
    while clients.iter().any(|client| !client.is_finished()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for client in clients {
        client.join().unwrap();
    }
    let over_http =
        told("HTTP, decoded, redacted, durable", began.elapsed(), cpu().saturating_sub(before));
    println!("{:<34} {:>9} MB (the clients' bodies among them)", "peak memory", peak_megabytes());
    stopper.stop();
    assert_eq!(serving.await.unwrap().unwrap().stored, BATCHES * BATCH);
    memory.close().await;

    let began = (Instant::now(), cpu());
    let batches: Vec<SpanBatch> = (0..BATCHES)
        .map(|batch| receive(request(batch), &Redactor::default(), NOW))
        .map(|received| SpanBatch::new(received.spans, NOW))
        .collect();
    told("making and mapping them only", began.0.elapsed(), cpu().saturating_sub(began.1));
    let memory = store(&folder.path().join("store")).await;
    let (began, before) = (Instant::now(), cpu());
    for batches in batches.chunks(usize::try_from(CLIENTS).unwrap()) {
        drop(memory.add_spans(batches).await.unwrap());
    }
    told("the store, with its audit leaves", began.elapsed(), cpu().saturating_sub(before));
    memory.close().await;

    let mut connection = bare(&folder.path().join("bare.db")).await;
    let (began, before) = (Instant::now(), cpu());
    insert(&mut connection, &batches).await;
    let inserted =
        told("bare SQLite, one transaction", began.elapsed(), cpu().saturating_sub(before));
    println!("{:<34} {:>9.2}", "HTTP to bare SQLite", over_http / inserted);
}

/// The same columns and the same key, and nothing else.
async fn bare(path: &std::path::Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = options.connect().await.unwrap();
    let table =
        "CREATE TABLE span (workspace TEXT NOT NULL, trace TEXT NOT NULL, span TEXT NOT NULL,
        parent TEXT, name TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,
        status TEXT NOT NULL, body TEXT NOT NULL, received INTEGER NOT NULL,
        PRIMARY KEY (workspace, trace, span)) STRICT, WITHOUT ROWID";
    sqlx::query(table).execute(&mut connection).await.unwrap();
    connection
}

async fn insert(connection: &mut SqliteConnection, batches: &[SpanBatch]) {
    let mut transaction = connection.begin().await.unwrap();
    let rows: Vec<_> = batches.iter().flat_map(|batch| &batch.spans).collect();
    for rows in rows.chunks(64) {
        let places = vec!["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"; rows.len()].join(", ");
        let sql = format!("INSERT INTO span VALUES {places}");
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for row in rows {
            query = query
                .bind("bench")
                .bind(&row.trace)
                .bind(&row.span)
                .bind(&row.parent)
                .bind(&row.name)
                .bind(row.started.nanos())
                .bind(row.ended.nanos())
                .bind(&row.status)
                .bind(&row.body)
                .bind(row.received.nanos());
        }
        query.execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}
