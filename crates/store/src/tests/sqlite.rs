//! What is particular to SQLite: durability, other processes, other versions, a full disk.

use belay_model::Explain as _;
use fs_err as fs;
use sqlx::Row as _;

use crate::tests::build::{at, run, workspace};
use crate::tests::contract::start;
use crate::tests::{Backend as _, Folder};
use crate::{Memory, Store, StoreError};

async fn number(memory: &Memory, pragma: &'static str) -> i64 {
    sqlx::query(pragma).fetch_one(memory.pool()).await.unwrap().get(0)
}

async fn told(memory: &Memory, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(memory.pool()).await.map(|_| ())
}

#[tokio::test]
async fn a_commit_is_on_the_disk_before_it_is_acknowledged() {
    let memory = Folder::fresh().await.memory("one").await;
    let full = 2;
    assert_eq!(number(&memory, "PRAGMA synchronous").await, full);
    assert_eq!(number(&memory, "PRAGMA foreign_keys").await, 1);
    let mode = sqlx::query("PRAGMA journal_mode").fetch_one(memory.pool()).await.unwrap();
    assert_eq!(mode.get::<String, _>(0), "wal");
}

#[tokio::test]
async fn a_fresh_folder_ignores_itself_and_an_existing_ignore_file_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("deep/.belay");
    Store::open(&folder).await.unwrap();
    assert_eq!(fs::read_to_string(folder.join(".gitignore")).unwrap(), "*\n");
    fs::write(folder.join(".gitignore"), "mine\n").unwrap();
    let store = Store::open(&folder).await.unwrap();
    assert_eq!(store.folder(), folder);
    assert_eq!(fs::read_to_string(folder.join(".gitignore")).unwrap(), "mine\n");
}

#[tokio::test]
async fn audit_leaves_are_never_updated_deleted_or_replaced() {
    let memory = Folder::fresh().await.memory("one").await;
    let _mark = start(&memory, &run(1)).await.unwrap();
    let before = memory.leaves(run(1).id).await.unwrap();
    for statement in [
        "UPDATE audit SET body = 'x'",
        "UPDATE audit SET at = at",
        "UPDATE OR REPLACE audit SET kind = 'x'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE sequence = 0",
        "INSERT OR REPLACE INTO audit (workspace, sequence, form, kind, subject, run, body, at, hash)
           SELECT workspace, sequence, form, 'x', subject, run, body, at, hash FROM audit",
    ] {
        let refused = told(&memory, statement).await.expect_err(statement).to_string();
        assert!(refused.contains("audit leaves are never"), "{statement}: {refused}");
    }
    assert_eq!(memory.leaves(run(1).id).await.unwrap(), before);
}

#[tokio::test]
async fn a_store_of_a_newer_belay_is_left_alone() {
    let folder = Folder::fresh().await;
    let memory = folder.memory("one").await;
    told(
        &memory,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (4711, 'from the future', TRUE, x'00', 0)",
    )
    .await
    .unwrap();
    memory.close().await;
    let error = Store::open(folder.0.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { version: 4711, .. }), "{error:?}");
    assert_eq!(error.code(), "store/newer");
    assert!(error.help().unwrap().contains("newer"), "{:?}", error.help());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_said_so() {
    let folder = Folder::fresh().await;
    fs::write(folder.0.path().join("belay.db"), "no database, but long enough ".repeat(40))
        .unwrap();
    let error = Store::open(folder.0.path()).await.unwrap_err();
    assert_eq!(error.code(), "store/open");
    assert!(error.to_string().contains("belay.db"));
}

#[tokio::test]
async fn a_full_disk_is_named_and_loses_nothing_that_was_acknowledged() {
    let folder = Folder::fresh().await;
    let memory = folder.memory("one").await;
    let _mark = start(&memory, &run(1)).await.unwrap();
    told(&memory, "PRAGMA max_page_count = 1").await.unwrap(); // no fewer than there are
    let mut marks = Vec::new();
    let error = loop {
        let number = u32::try_from(marks.len()).unwrap() + 2;
        assert!(number < 1000, "the store never filled up");
        match start(&memory, &run(number)).await {
            Ok(mark) => marks.push(mark),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert_eq!(error.code(), "store/full");
    assert_eq!(memory.runs(at(999)).await.unwrap().len(), marks.len() + 1);

    told(&memory, "PRAGMA max_page_count = 100000").await.unwrap();
    let again = run(u32::try_from(marks.len()).unwrap() + 2);
    marks.push(start(&memory, &again).await.unwrap());
    assert_eq!(memory.leaves(again.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_word_that_is_not_understood_is_an_error_and_no_guess() {
    let memory = Folder::fresh().await.memory("one").await;
    let _mark = start(&memory, &run(1)).await.unwrap();
    told(&memory, "UPDATE run SET policy = 'torn'").await.unwrap();
    let error = memory.find_run("last", at(9)).await.unwrap_err();
    assert_eq!(error.code(), "store/corrupt");
    assert_eq!(
        error.to_string(),
        "column `policy` of the store holds `torn`, which this belay does not understand"
    );
}

#[tokio::test]
async fn many_belays_may_open_a_fresh_folder_at_once() {
    for _ in 0..5 {
        let place = tempfile::tempdir().unwrap();
        let open = || {
            let folder = place.path().join(".belay");
            tokio::spawn(async move { Store::open(&folder).await })
        };
        for opened in [open(), open(), open(), open(), open(), open()] {
            let store = opened.await.unwrap().unwrap();
            assert_eq!(store.workspace(workspace("one")).runs(at(9)).await.unwrap(), []);
        }
    }
}

#[tokio::test]
async fn a_writer_waits_for_another_process_and_does_not_give_up() {
    let folder = Folder::fresh().await;
    let (one, two) = (folder.memory("one").await, folder.memory("one").await);
    let held = one.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let waiting = tokio::spawn(async move { start(&two, &run(1)).await.map(|_| ()) });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    held.commit().await.unwrap();
    waiting.await.unwrap().unwrap();
}
