//! How many jobs go through the queue, and how many effects through the record, on both stores, against
//! what the engine can do at all: bare transactions of one row, as durable as the record's.
//!
//! PostgreSQL takes part when `BELAY_TEST_POSTGRES` says where one is (`tools/postgres start`).

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

#[expect(dead_code, reason = "the tests use all of it")]
#[path = "../src/tests/build.rs"]
mod build;

use std::time::{Duration, Instant};

use belay_model::Timestamp;
use belay_model::record::{Decision, Effect, EffectState, Queue, Run, RunState, Step, StepState};
use belay_store::{Memory, Reservation, Store};
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

const JOBS: u32 = 300;
const PAIRS: u32 = 1000;
const BARE: u32 = 3000;

/// A time that stands still: leases do not run out.
fn now() -> Timestamp {
    build::at(0)
}

/// One engine with a place of its own.
struct Bench {
    name: &'static str,
    folder: TempDir,
    url: Option<String>,
}

impl Bench {
    async fn store(&self) -> Store {
        match &self.url {
            Some(url) => Store::connect(url, self.folder.path()).await.unwrap(),
            None => Store::open(self.folder.path()).await.unwrap(),
        }
    }

    /// Each worker is a process of its own in real life, and has connections of its own here.
    async fn memory(&self, workspace: &str) -> Memory {
        self.store().await.workspace(build::workspace(workspace))
    }

    /// Transactions of one insert, each on the disk before the next begins.
    async fn bare(&self) -> Duration {
        let make = "CREATE TABLE bare (number BIGINT PRIMARY KEY, body TEXT NOT NULL)";
        let body = "x".repeat(200);
        let began;
        if let Some(url) = &self.url {
            let mut connection = PgConnection::connect(url).await.unwrap();
            connection.execute("SET synchronous_commit = on").await.unwrap();
            connection.execute(make).await.unwrap();
            began = Instant::now();
            for number in 0..BARE {
                let mut work = connection.begin().await.unwrap();
                let insert = sqlx::query("INSERT INTO bare VALUES ($1, $2)");
                insert.bind(i64::from(number)).bind(&body).execute(&mut *work).await.unwrap();
                work.commit().await.unwrap();
            }
        } else {
            let url = format!("sqlite:{}?mode=rwc", self.folder.path().join("bare.db").display());
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            let session = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";
            connection.execute(session).await.unwrap();
            connection.execute(make).await.unwrap();
            began = Instant::now();
            for number in 0..BARE {
                let mut work = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
                let insert = sqlx::query("INSERT INTO bare VALUES ($1, $2)");
                insert.bind(i64::from(number)).bind(&body).execute(&mut *work).await.unwrap();
                work.commit().await.unwrap();
            }
        }
        began.elapsed()
    }
}

fn change(run: &Run, number: u32) -> (Step, Decision, Effect) {
    let step = Step { started: now(), ..build::step(run, number) };
    let decision = Decision { approval: None, at: now(), ..build::decision(&step) };
    let effect = build::effect(&decision);
    (step, decision, effect)
}

/// What a worker does with a job of one step: six transactions.
async fn job(memory: &Memory) -> bool {
    let until = build::at(60);
    let Some((run, _, tenure)) = memory.lease_next("localhost/1", now(), until).await.unwrap()
    else {
        return false;
    };
    let memory = memory.holding(&tenure.lease);
    let (step, decision, effect) = change(&run, 1);
    memory.begin_step(&step).await.unwrap();
    pair(&memory, &decision, &effect).await;
    let done = Step { state: StepState::Done, ended: Some(now()), ..step };
    memory.end_step(&done, now()).await.unwrap();
    memory.move_run(run.id, RunState::Accepted, Some("done"), now()).await.unwrap();
    true
}

const WRITES_OF_A_JOB: u32 = 6;

async fn pair(memory: &Memory, decision: &Decision, effect: &Effect) {
    memory.reserve(Reservation { decision, effect: Some(effect), spends: None }).await.unwrap();
    memory.settle(effect, EffectState::Committed, "exit 0", now()).await.unwrap();
}

/// Lets `workers` empty the queues of `workspaces`, one each, in turn.
async fn queue(bench: &Bench, workspaces: &[&str], workers: usize) -> Duration {
    let mut number = 0;
    for workspace in workspaces {
        let memory = bench.memory(workspace).await;
        for _ in 0..JOBS {
            number += 1;
            // Ids are unique in all workspaces, as real ones are.
            let salt = u32::try_from(workers * 10 + workspaces.len()).unwrap() * 100_000;
            let run = Run { parent: None, started: now(), ..build::run(salt + number) };
            memory.enqueue(&run, Queue::Workers, 0, now()).await.unwrap();
        }
        memory.close().await;
    }
    let mut memories = Vec::new();
    for worker in 0..workers {
        memories.push(bench.memory(workspaces[worker % workspaces.len()]).await);
    }
    let began = Instant::now();
    let work = memories.into_iter().map(|memory| {
        tokio::spawn(async move {
            while job(&memory).await {}
            memory.close().await;
        })
    });
    for worker in work.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    began.elapsed()
}

async fn effects(bench: &Bench) -> Duration {
    let memory = bench.memory("effects").await;
    let run = Run { parent: None, started: now(), ..build::run(7) };
    let _tenure =
        memory.begin_run(&run, Queue::Person, "localhost/1", build::at(60)).await.unwrap();
    let (step, ..) = change(&run, 0);
    memory.begin_step(&step).await.unwrap();
    let began = Instant::now();
    for number in 1..=PAIRS {
        let (_, decision, effect) = change(&run, number);
        // All of one step.
        let decision = Decision { step: step.id, ..decision };
        pair(&memory, &decision, &Effect { step: step.id, ..effect }).await;
    }
    let took = began.elapsed();
    memory.close().await;
    took
}

fn rate(count: u32, took: Duration) -> f64 {
    f64::from(count) / took.as_secs_f64()
}

async fn measure(bench: &Bench) {
    let bare = rate(BARE, bench.bare().await);
    println!("{}", bench.name);
    println!("  bare transactions of one row      {bare:7.0} /s");
    let line = |what: &str, count: u32, writes: u32, took: Duration| {
        let (done, share) = (rate(count, took), rate(count * writes, took) / bare * 100.0);
        println!(
            "  {what:<32}  {done:7.1} /s  = {:7.0} transactions/s, {share:4.0} % of bare",
            rate(count * writes, took)
        );
    };
    line("reserve + settle", PAIRS, 2, effects(bench).await);
    line("jobs, 1 worker", JOBS, WRITES_OF_A_JOB, queue(bench, &["a"], 1).await);
    line("jobs, 4 workers", JOBS, WRITES_OF_A_JOB, queue(bench, &["b"], 4).await);
    let four = queue(bench, &["c", "d", "e", "f"], 4).await;
    line("jobs, 4 workers, 4 workspaces", JOBS * 4, WRITES_OF_A_JOB, four);
}

#[expect(clippy::disallowed_methods, reason = "benchmarks are told by the environment where it is")]
fn server() -> Option<String> {
    std::env::var("BELAY_TEST_POSTGRES").ok()
}

async fn all() {
    let folder = || tempfile::tempdir().unwrap();
    measure(&Bench { name: "SQLite", folder: folder(), url: None }).await;
    let Some(server) = server() else {
        println!("PostgreSQL: not measured, BELAY_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("bench{}", std::process::id());
    let mut admin = PgConnection::connect(&server).await.unwrap();
    let tell = |sql: String| sqlx::AssertSqlSafe(sql);
    admin.execute(tell(format!("CREATE SCHEMA {schema}"))).await.unwrap();
    let url = Some(format!("{server}?options[search_path]={schema}"));
    measure(&Bench { name: "PostgreSQL", folder: folder(), url }).await;
    admin.execute(tell(format!("DROP SCHEMA {schema} CASCADE"))).await.unwrap();
}

fn main() {
    // `cargo test --all-targets` only sees that it still builds.
    if std::env::args().any(|arg| arg == "--bench") {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(all());
    }
}
