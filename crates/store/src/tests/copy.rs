//! Moving a record between the engines, upgrading an old one, and a server that goes away.

use std::process::Command;

use belay_model::Explain as _;
use belay_model::record::{Run, RunState};
use sqlx::{Connection as _, Executor as _, Row as _};

use crate::copy::TABLES;
use crate::tests::build::{at, run, workspace};
use crate::tests::isolation::{fill, whole};
use crate::tests::{Backend as _, Folder, Server};
use crate::{Memory, Store};

#[tokio::test]
async fn a_record_goes_to_postgres_and_back_without_losing_anything() {
    let (first, second, third) =
        (Folder::fresh().await, Server::fresh().await, Folder::fresh().await);
    let mut tenures = Vec::new();
    for name in ["one", "two"] {
        let memory = first.memory(name).await;
        let body = memory.keep(name.as_bytes()).await.unwrap();
        assert_eq!(memory.body(body).await.unwrap(), name.as_bytes());
        tenures.extend(fill(&memory).await);
    }
    let stores = [first.store().await, second.store().await, third.store().await];
    let there = stores[0].copy(&stores[1]).await.unwrap();
    let back = stores[1].copy(&stores[2]).await.unwrap();
    assert_eq!(there, back);
    assert_eq!((there.workspaces, there.bodies, there.rows[0]), (2, 4, ("run", 4)));
    let empty: Vec<_> = there.rows.iter().filter(|(_, count)| *count == 0).collect();
    assert!(empty.is_empty(), "nothing was copied of {empty:?}");
    for name in ["one", "two"] {
        let [from, over, to] =
            [0, 1, 2].map(|store: usize| stores[store].workspace(workspace(name)));
        let expected = whole(&from).await;
        assert_eq!(whole(&over).await, expected);
        assert_eq!(whole(&to).await, expected);
        let digest = belay_model::Digest::of(name);
        assert_eq!(to.body(digest).await.unwrap(), name.as_bytes());
        // The copy goes on where the original stood.
        to.move_run(run(1).id, RunState::Failed, None, at(60)).await.unwrap();
    }
    let again = stores[0].copy(&stores[1]).await.unwrap_err();
    assert_eq!(again.code(), "store/not-empty");
}

#[tokio::test]
async fn the_copy_knows_every_column_of_every_table() {
    let memory = Folder::fresh().await.memory("one").await;
    let sql = "SELECT m.name AS t, c.name AS c FROM sqlite_master m, pragma_table_info(m.name) c
               WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'";
    let rows = sqlx::query(sql).fetch_all(memory.pool()).await.unwrap();
    let mut there: Vec<(String, String)> =
        rows.iter().map(|row| (row.get("t"), row.get("c"))).collect();
    let mut known: Vec<(String, String)> = TABLES
        .iter()
        .flat_map(|table| table.columns().map(|name| (table.name.to_owned(), name.to_owned())))
        .collect();
    there.sort();
    known.sort();
    assert_eq!(there, known);
}

#[tokio::test]
async fn a_store_of_belay_0_1_upgrades_and_its_leaves_still_hold() {
    let folder = Folder::fresh().await;
    let path = folder.0.path().join("belay.db");
    let options = format!("sqlite:{}?mode=rwc", path.display());
    let mut old = sqlx::SqliteConnection::connect(&options).await.unwrap();
    old.execute(include_str!("../../migrations/sqlite/0001_record.sql")).await.unwrap();
    old.execute(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
           installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
           checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
    )
    .await
    .unwrap();
    let sql = include_str!("../../migrations/sqlite/0001_record.sql");
    let sql = sqlx::SqlSafeStr::into_sql_str(sql);
    let kind = sqlx::migrate::MigrationType::Simple;
    let first = sqlx::migrate::Migration::new(1, "record".into(), kind, sql, false);
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (1, 'record', 0, TRUE, $1, 0)")
        .bind(first.checksum.to_vec())
        .execute(&mut old)
        .await
        .unwrap();
    let mut runs = Vec::new();
    for (sequence, number) in (7..).zip([1, 2]) {
        let (state, ended) = (RunState::WaitingReview, Some(at(9)));
        let run = Run { parent: None, state, ended, ..run(number) };
        old_run(&mut old, &run, sequence).await;
        runs.push(run);
    }
    old.close().await.unwrap();

    let pending = Store::pending(None, folder.0.path()).await.unwrap();
    assert_eq!(pending.iter().map(|step| step.version).collect::<Vec<_>>(), [2]);
    let memory: Memory = folder.memory("one").await;
    assert_eq!(Store::pending(None, folder.0.path()).await.unwrap(), []);
    for (position, run) in (0..).zip(&runs) {
        assert_eq!(memory.find_run(&run.id.to_string(), at(10)).await.unwrap(), *run);
        let leaf = memory.leaves(run.id).await.unwrap().remove(0);
        assert_eq!((leaf.form, leaf.sequence), (1, position));
        assert_eq!(leaf.hash, leaf.expected_hash("one"));
        // What is written now is checked against the old leaf and gets the next position.
        memory.move_run(run.id, RunState::Accepted, None, at(11)).await.unwrap();
        let last = memory.leaves(run.id).await.unwrap().pop().unwrap();
        assert_eq!((last.form, last.sequence), (2, position + 2));
    }
}

/// Writes a run with its leaf, as 0.1.0 did.
async fn old_run(old: &mut sqlx::SqliteConnection, run: &Run, sequence: i64) {
    use belay_model::record::{Audited as _, Leaf};
    sqlx::query(
        "INSERT INTO run VALUES ('one', $1, $2, $3, $4, $5, $6, 2, $7, $8, $9, NULL, $10, $11)",
    )
    .bind(run.id.to_string())
    .bind(run.workflow.clone())
    .bind(run.worker.clone())
    .bind(run.worker_digest.to_string())
    .bind(run.trigger.clone())
    .bind(run.actor.clone())
    .bind(run.policy.to_string())
    .bind(run.input.clone())
    .bind(run.state.as_str())
    .bind(run.started.nanos())
    .bind(run.ended.map(belay_model::Timestamp::nanos))
    .execute(&mut *old)
    .await
    .unwrap();
    let mut leaf = Leaf {
        sequence,
        form: 1,
        kind: run.kind().to_owned(),
        subject: run.subject(),
        run: run.run(),
        body: run.body_digest(),
        at: at(9),
        hash: belay_model::Digest::of(""),
    };
    leaf.hash = leaf.expected_hash("one");
    sqlx::query("INSERT INTO audit VALUES ('one', $1, $2, $3, $4, $5, $6, $7)")
        .bind(leaf.sequence)
        .bind(leaf.kind)
        .bind(leaf.subject.clone())
        .bind(leaf.subject)
        .bind(leaf.body.to_string())
        .bind(leaf.at.nanos())
        .bind(leaf.hash.to_string())
        .execute(old)
        .await
        .unwrap();
}

/// `tools/postgres` with a server of this test's own.
fn tool(verb: &str) -> String {
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/postgres");
    let output = Command::new(tool).args([verb, "lost"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_server_that_goes_away_in_mid_run_loses_nothing_that_was_acknowledged() {
    let server = Server::at(&tool("start")).await;
    let memory = server.memory("one").await;
    let tenure = super::contract::start(&memory, &run(1)).await.unwrap();
    let step = super::build::step(&run(1), 1);
    memory.begin_step(&step).await.unwrap();
    tool("crash");
    let lost = memory.end_step(&step, at(3)).await.unwrap_err();
    assert_eq!(lost.code(), "store/connection-lost", "{lost:?}");
    tool("start");
    drop(tenure);
    let cut = memory.find_run("last", at(9)).await.unwrap();
    assert_eq!(cut.state, RunState::Interrupted);
    assert_eq!(memory.steps(run(1).id).await.unwrap().len(), 1);
    super::contract::vouched(&memory, run(1).id).await;
    memory.close().await;
    tool("stop");
}
