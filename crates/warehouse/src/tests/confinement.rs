//! What a session lets its statements reach: by default nothing but the file it opened.

use belay_model::rows::Cell;

use super::fixture::Place;
use crate::{Database, WarehouseError};

#[tokio::test]
async fn statements_reach_nothing_but_the_file() {
    let place = Place::with_orders().await;
    let inside = place.path("inside.txt");
    std::fs::write(&inside, "secret").unwrap();
    let (inside, out) = (inside.display().to_string(), place.path("out.csv").display().to_string());
    let session = place.open(Database::read_write(&place.file())).await;
    for sql in [
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_blob('/etc/hostname')",
        "SELECT * FROM '/etc/hostname.csv'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_text('https://example.com/')",
        &format!("SELECT * FROM read_text('{inside}')"),
        &format!("COPY orders TO '{out}'"),
        &format!("COPY orders FROM '{inside}'"),
        &format!("EXPORT DATABASE '{out}'"),
        &format!("IMPORT DATABASE '{out}'"),
        &format!("ATTACH '{out}' AS other"),
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '/tmp/extension.duckdb_extension'",
    ] {
        let error = session.change(sql).await.unwrap_err().to_string();
        assert!(error.contains("Permission Error"), "{sql}: {error}");
    }
    assert!(!std::path::Path::new(&out).exists());
}

#[tokio::test]
async fn statements_do_not_change_the_configuration() {
    let place = Place::with_orders().await;
    for external_access in [false, true] {
        let mut database = Database::read_only(&place.file());
        database.external_access = external_access;
        let session = place.open(database).await;
        for sql in [
            "SET enable_external_access = true",
            "SET GLOBAL enable_external_access = true",
            "RESET enable_external_access",
            "PRAGMA enable_external_access = true",
            "SET memory_limit = '1TB'",
            "SET lock_configuration = false",
            "RESET lock_configuration",
            "SET temp_directory = '/tmp'",
            "SET TimeZone = 'Europe/Berlin'",
            "SET allowed_directories = ['/']",
        ] {
            let error = session.change(sql).await.unwrap_err().to_string();
            assert!(error.contains("Cannot change configuration option"), "{sql}: {error}");
        }
    }
}

#[tokio::test]
async fn a_view_that_reads_a_file_is_refused_like_the_file() {
    let place = Place::with_orders().await;
    std::fs::write(place.path("secret.csv"), "id\n7\n").unwrap();
    let mut open = Database::read_write(&place.file());
    open.external_access = true;
    let session = place.open(open).await;
    let view = place.path("secret.csv").display().to_string();
    session.change(&format!("CREATE VIEW leak AS SELECT * FROM read_csv('{view}')")).await.unwrap();
    assert_eq!(session.cell("SELECT CAST(id AS BIGINT) FROM leak").await, Cell::Int(7));
    session.close().await;
    let session = place.open(Database::read_only(&place.file())).await;
    let error = session.rows("SELECT CAST(id AS BIGINT) FROM leak").await.unwrap_err();
    assert!(error.to_string().contains("Permission Error"), "{error}");
}

#[tokio::test]
async fn files_can_be_read_where_that_is_allowed() {
    let place = Place::with_orders().await;
    let mut database = Database::read_only(&place.file());
    database.external_access = true;
    let session = place.open(database).await;
    std::fs::write(place.path("note.txt"), "hello").unwrap();
    let path = place.path("note.txt").display().to_string();
    let content = session.cell(&format!("SELECT content FROM read_text('{path}')")).await;
    assert_eq!(content, Cell::Text("hello".to_owned()));
}

#[tokio::test]
async fn the_memory_limit_is_the_one_asked_for() {
    let place = Place::with_orders().await;
    let limited = |limit: &str| {
        let mut database = Database::read_only(&place.file());
        database.memory_limit = Some(limit.to_owned());
        database
    };
    let session = place.open(limited("512MiB")).await;
    let limit = session.cell("SELECT current_setting('memory_limit')").await;
    assert_eq!(limit, Cell::Text("512.0 MiB".to_owned()));
    for nonsense in ["much", "1GB'; SET enable_external_access = true; --"] {
        let error = place.refusal(limited(nonsense)).await;
        assert!(matches!(error, WarehouseError::Open { .. }), "{nonsense}: {error:?}");
    }
}

#[tokio::test]
async fn moments_are_shown_in_utc() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_only(&place.file())).await;
    let moment = session.cell("SELECT CAST(TIMESTAMPTZ '2024-01-01 00:00:00+02' AS VARCHAR)").await;
    assert_eq!(moment, Cell::Text("2023-12-31 22:00:00+00".to_owned()));
}
