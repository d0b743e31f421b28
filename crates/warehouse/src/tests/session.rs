//! What a session does with permits, errors, stops and its own end.

use std::time::{Duration, Instant};

use belay_model::Explain as _;
use belay_model::explain::Blame;
use belay_model::rows::Cell;

use super::fixture::{Place, change, permit, query, test_driver};
use super::opening::Holder;
use crate::{Database, Session, WarehouseError, quote};

/// Runs for hours where nothing ends it.
const ENDLESS: &str =
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range % 7 = b.range % 11";

#[tokio::test]
async fn a_permit_for_another_statement_is_refused_and_nothing_is_done() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_write(&place.file())).await;
    let (asked, sent) = (change("DROP TABLE other"), change("DROP TABLE orders"));
    let error = session.execute(permit(&asked), sent).await.unwrap_err();
    assert_eq!((error.code(), error.blame()), ("gate/permit-mismatch", Blame::Belay));
    let (asked, sent) = (query("SELECT 1"), query("DELETE FROM orders"));
    let error = session.query(permit(&asked), sent).await.unwrap_err();
    assert_eq!(error.code(), "gate/permit-mismatch");
    assert_eq!(session.cell("SELECT count(*) FROM orders").await, Cell::Int(2));
}

#[tokio::test]
async fn a_permit_counts_for_purpose_and_place_as_well() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_only(&place.file())).await;
    let asked = query("SELECT 1");
    let mut purpose = asked.clone();
    purpose.purpose = "look around".to_owned();
    let mut resource = asked.clone();
    resource.resource.name = "warehouse:other".to_owned();
    let mut inverse = asked.clone();
    inverse.inverse = Some("SELECT 2".to_owned());
    for sent in [purpose, resource, inverse] {
        let error = session.query(permit(&asked), sent).await.unwrap_err();
        assert_eq!(error.code(), "gate/permit-mismatch");
    }
    assert!(session.query(permit(&asked), asked).await.is_ok());
}

#[tokio::test]
async fn an_error_in_sql_names_the_purpose_and_the_session_goes_on() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_only(&place.file())).await;
    for sql in ["SELECT nothing FROM orders", "SELEC 1", "", "SELECT CAST(note AS INT) FROM orders"]
    {
        let error = session.rows(sql).await.unwrap_err();
        assert!(matches!(error, WarehouseError::Statement { .. }), "{sql}: {error:?}");
        let text = error.to_string();
        assert!(text.starts_with("the warehouse refused to answer a test: "), "{sql}: {text}");
        assert_eq!((error.code(), error.blame()), ("warehouse/statement", Blame::Surroundings));
    }
    let error = session.change("CREATE TABEL x (id INT)").await.unwrap_err();
    assert!(error.to_string().starts_with("the warehouse refused to prepare a test: "), "{error}");
    assert_eq!(session.cell("SELECT count(*) FROM orders").await, Cell::Int(2));
}

#[tokio::test]
async fn statements_are_answered_each_with_its_own_rows() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_only(&place.file())).await;
    let ask = |number: i64| {
        let session = &session;
        async move { session.cell(&format!("SELECT CAST({number} AS BIGINT)")).await }
    };
    let answers = tokio::join!(ask(1), ask(2), ask(3));
    assert_eq!(answers, (Cell::Int(1), Cell::Int(2), Cell::Int(3)));
}

#[tokio::test]
async fn cancel_ends_a_long_query_soon_and_the_session_goes_on() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_only(&place.file())).await;
    let begun = Instant::now();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        session.cancel();
    };
    let (answer, ()) = tokio::join!(session.rows(ENDLESS), stop);
    let error = answer.unwrap_err();
    assert!(error.to_string().contains("INTERRUPT"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(session.cell("SELECT count(*) FROM orders").await, Cell::Int(2));
}

#[tokio::test]
async fn cancel_with_nothing_running_does_no_harm() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_only(&place.file())).await;
    session.cancel();
    assert_eq!(session.cell("SELECT count(*) FROM orders").await, Cell::Int(2));
    session.cancel();
    assert_eq!(session.cell("SELECT count(*) FROM orders").await, Cell::Int(2));
}

#[tokio::test]
async fn a_query_given_up_at_once_does_not_hold_up_the_close() {
    let place = Place::with_orders().await;
    for wait in [0, 0, 0, 1, 2, 5, 20] {
        let session = place.open(Database::read_only(&place.file())).await;
        let begun = Instant::now();
        tokio::select! {
            biased;
            _ = session.rows(ENDLESS) => panic!("it cannot have ended"),
            () = tokio::time::sleep(Duration::from_millis(wait)) => session.cancel(),
        }
        let closed = tokio::time::timeout(Duration::from_secs(20), session.close()).await;
        assert!(closed.is_ok(), "cancelled after {wait} ms, and it runs on");
        assert!(begun.elapsed() < Duration::from_secs(5), "{wait}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn close_lets_go_of_the_file() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_write(&place.file())).await;
    session.change("INSERT INTO orders VALUES (3, 'c')").await.unwrap();
    assert!(Holder::attempt(&place.file()).is_none(), "a session that writes holds the lock");
    session.close().await;
    // What was written is in the file itself: nothing is left to replay.
    assert!(!place.path("shop.duckdb.wal").exists());
    drop(Holder::of(&place.file()));
    let session = place.open(Database::read_only(&place.file())).await;
    assert_eq!(session.cell("SELECT count(*) FROM orders").await, Cell::Int(3));
}

#[tokio::test]
async fn a_session_that_is_dropped_lets_go_of_the_file_by_itself() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_write(&place.file())).await;
    session.change("INSERT INTO orders VALUES (3, 'c')").await.unwrap();
    drop(session);
    let begun = Instant::now();
    while Holder::attempt(&place.file()).is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the file stays locked");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let session = place.open(Database::read_only(&place.file())).await;
    assert_eq!(session.cell("SELECT count(*) FROM orders").await, Cell::Int(3));
}

#[tokio::test]
async fn close_waits_for_a_change_that_has_begun() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_write(&place.file())).await;
    let slow = "CREATE TABLE big AS SELECT count(*) AS n FROM range(10000) a, range(20000) b
                WHERE (a.range * b.range) % 7 = 0";
    tokio::select! {
        biased;
        done = session.change(slow) => panic!("too fast to test anything: {done:?}"),
        () = tokio::time::sleep(Duration::from_millis(30)) => session.cancel(),
    }
    session.close().await;
    let session = place.open(Database::read_only(&place.file())).await;
    assert!(session.rows("SELECT n FROM big").await.is_ok());
}

#[tokio::test]
async fn a_change_that_is_given_up_before_its_turn_is_not_begun() {
    let place = Place::with_orders().await;
    let session = place.open(Database::read_write(&place.file())).await;
    tokio::select! {
        biased;
        _ = session.rows(ENDLESS) => panic!("it cannot have ended"),
        _ = session.change("DROP TABLE orders") => panic!("it is not its turn"),
        () = tokio::time::sleep(Duration::from_millis(30)) => session.cancel(),
    }
    session.close().await;
    let session = place.open(Database::read_only(&place.file())).await;
    assert_eq!(session.cell("SELECT count(*) FROM orders").await, Cell::Int(2));
}

#[test]
fn a_session_whose_opener_is_gone_ends_by_itself() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let place = Place::with_orders().await;
        let opening = Session::open(test_driver(), Database::read_write(&place.file()));
        drop(tokio::time::timeout(Duration::ZERO, opening).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
        place.open(Database::read_write(&place.file())).await.close().await;
    });
}

#[test]
fn an_identifier_is_quoted() {
    for (identifier, quoted) in [("a", r#""a""#), (r#"a"b"#, r#""a""b""#), ("", r#""""#)] {
        assert_eq!(quote(identifier), quoted);
    }
}
