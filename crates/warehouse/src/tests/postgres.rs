//! Sessions with a real PostgreSQL: `BELAY_TEST_POSTGRES` says where one is.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use belay_model::Explain as _;
use belay_model::explain::Blame;
use belay_model::rows::Cell;

use super::fixture::{server, test_postgres};
use crate::{Access, Address, Database, Other, Postgres, Refusal, Session, WarehouseError, quote};

/// A database of the test's own, gone when the test says so.
struct Own {
    server: Postgres,
    name: String,
}

impl Own {
    async fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("warehouse_{}_{number}", std::process::id());
        let server = server();
        let session = open(&server, Access::ReadWrite).await;
        session.change(&format!("CREATE DATABASE {name}")).await.unwrap();
        session.close().await;
        let own = Self { server: Postgres { database: name.clone(), ..server }, name };
        let session = own.open(Access::ReadWrite).await;
        let orders = "CREATE TABLE orders AS SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, note)";
        session.change(orders).await.unwrap();
        session.close().await;
        own
    }

    async fn open(&self, access: Access) -> Session {
        open(&self.server, access).await
    }

    async fn drop(self) {
        let session = open(&server(), Access::ReadWrite).await;
        session.change(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await.unwrap();
        session.close().await;
    }
}

fn database(server: &Postgres, access: Access) -> Database {
    let address = Address::Postgres(Box::new(server.clone()));
    Database { access, ..Database::read_only(address) }
}

async fn open(server: &Postgres, access: Access) -> Session {
    Session::open(test_postgres(), database(server, access)).await.unwrap()
}

async fn refusal(server: &Postgres) -> WarehouseError {
    let database = database(server, Access::ReadOnly);
    Session::open(test_postgres(), database).await.unwrap_err()
}

#[tokio::test]
async fn every_type_that_a_cell_holds_arrives_unchanged() {
    let session = open(&server(), Access::ReadOnly).await;
    let text = |text: &str| Cell::Text(text.to_owned());
    let cases = [
        ("true", Cell::Bool(true)),
        ("CAST(-32768 AS smallint)", Cell::Int(-32768)),
        ("CAST(-2147483648 AS integer)", Cell::Int(-2_147_483_648)),
        ("CAST(-9223372036854775808 AS bigint)", Cell::Int(i64::MIN)),
        ("count(*)", Cell::Int(1)),
        ("CAST(0.1 AS double precision)", Cell::Float(0.1)),
        ("CAST('-infinity' AS double precision)", Cell::Float(f64::NEG_INFINITY)),
        ("'it''s größer, 🦆'", text("it's größer, 🦆")),
        ("CAST('' AS text)", text("")),
        ("repeat('long ', 1000)", text(&"long ".repeat(1000))),
        ("CAST('name' AS name)", text("name")),
        ("CAST(12.50 AS numeric(10,2))", text("12.50")),
        ("CAST(NULL AS text)", Cell::Null),
        ("CAST(NULL AS bigint)", Cell::Null),
    ];
    for (sql, expected) in cases {
        assert_eq!(session.cell(&format!("SELECT {sql}")).await, expected, "{sql}");
    }
    for odd in ["now()", "DATE '2024-01-01'", "ARRAY[1]"] {
        let error = session.rows(&format!("SELECT 1 AS ok, {odd} AS odd")).await.unwrap_err();
        assert!(
            matches!(&error, WarehouseError::Type { column, .. } if column == "odd"),
            "{error}"
        );
    }
    assert_eq!(session.cell("SELECT 1::bigint").await, Cell::Int(1));
}

#[tokio::test]
async fn a_session_that_reads_refuses_to_write_whatever_its_functions_set() {
    let own = Own::new().await;
    let writer = own.open(Access::ReadWrite).await;
    writer
        .change(
            "CREATE FUNCTION sly() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM set_config('default_transaction_read_only', 'off', false); \
             PERFORM set_config('statement_timeout', '0', false); RETURN 1; END $$",
        )
        .await
        .unwrap();
    writer
        .change("CREATE FUNCTION rude() RETURNS bigint LANGUAGE sql AS $$ DELETE FROM orders; SELECT 1 $$")
        .await
        .unwrap();
    let reader = own.open(Access::ReadOnly).await;
    for sql in [
        "DELETE FROM orders",
        "DROP TABLE orders",
        "CREATE TABLE more (id int)",
        "CREATE SCHEMA belay_1",
        "UPDATE orders SET note = NULL",
    ] {
        let error = reader.change(sql).await.unwrap_err();
        assert_eq!(error.code(), "warehouse/read-only", "{sql}: {error}");
    }
    drop(reader.rows("SELECT sly()").await);
    for sql in ["SELECT rude()", "SELECT id FROM orders FOR UPDATE", "SELECT nextval('x')"] {
        assert!(reader.rows(sql).await.is_err(), "{sql}");
    }
    let set = reader.cell("SELECT current_setting('default_transaction_read_only')").await;
    assert_eq!(set, Cell::Text("on".to_owned()));
    assert_eq!(writer.cell("SELECT count(*) FROM orders").await, Cell::Int(2));
    reader.close().await;
    writer.close().await;
    own.drop().await;
}

#[tokio::test]
async fn who_may_not_log_in_and_what_is_not_there_are_told_apart() {
    let server = server();
    let wrong = server.clone().with_password(Some("planted".to_owned()));
    let nobody = Postgres { user: "nobody_here".to_owned(), ..server.clone() };
    let nowhere = Postgres { database: "no_such_shop".to_owned(), ..server.clone() };
    let closed = Postgres { port: 1, ..server.clone() };
    for (server, code, blame) in [
        (wrong, "warehouse/login", Blame::Input),
        (nobody, "warehouse/login", Blame::Input),
        (nowhere, "warehouse/no-such-database", Blame::Input),
        (closed, "warehouse/unreachable", Blame::Surroundings),
    ] {
        let error = refusal(&server).await;
        assert_eq!((error.code(), error.blame()), (code, blame), "{error}");
        assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
        assert!(error.help().unwrap().contains("profiles.yml"));
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_and_one_that_is_not_permitted_are_told_apart() {
    let own = Own::new().await;
    let admin = own.open(Access::ReadWrite).await;
    let reader = format!("reader_{}", own.name);
    admin.change(&format!("CREATE ROLE {reader} LOGIN PASSWORD 'planted'")).await.unwrap();
    let narrow = Postgres { user: reader.clone(), ..own.server.clone() };
    let narrow = narrow.with_password(Some("planted".to_owned()));
    let timeout = Some(Duration::from_secs(1));
    let limited = Database { timeout, ..database(&narrow, Access::ReadOnly) };
    let session = Session::open(test_postgres(), limited).await.unwrap();
    let refused = |error: WarehouseError| match error {
        WarehouseError::Statement { refusal, .. } => refusal,
        other => panic!("{other:?}"),
    };
    let error = session.rows("SELECT id FROM orders").await.unwrap_err();
    assert_eq!(refused(error), Refusal::Permission);
    for slow in [
        "SELECT 1 FROM pg_sleep(60)",
        "SELECT g, pg_sleep(0.01)::text FROM generate_series(1, 6000) g",
    ] {
        let error = session.rows(slow).await.unwrap_err();
        assert_eq!(error.code(), "warehouse/timeout", "{error}");
        assert_eq!(refused(error), Refusal::Timeout { seconds: 1 });
    }
    assert_eq!(session.cell("SELECT 1::bigint").await, Cell::Int(1));
    session.close().await;
    admin.change(&format!("DROP ROLE {reader}")).await.unwrap();
    admin.close().await;
    own.drop().await;
}

#[tokio::test]
async fn cancel_ends_a_long_query_soon_and_the_session_goes_on() {
    let session = open(&server(), Access::ReadOnly).await;
    let begun = Instant::now();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        session.cancel();
    };
    let (answer, ()) = tokio::join!(session.rows("SELECT 1 FROM pg_sleep(600)"), stop);
    assert!(matches!(answer, Err(WarehouseError::Statement { .. })), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
    assert_eq!(session.cell("SELECT 1::bigint").await, Cell::Int(1));
    session.close().await;
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_lost_and_said_so() {
    let session = open(&server(), Access::ReadOnly).await;
    let Cell::Int(pid) = session.cell("SELECT pg_backend_pid()").await else { panic!() };
    let other = open(&server(), Access::ReadWrite).await;
    drop(other.cell(&format!("SELECT pg_terminate_backend({pid})")).await);
    for _ in 0..2 {
        let error = session.rows("SELECT 1::bigint").await.unwrap_err();
        assert_eq!(error.code(), "warehouse/connection-lost", "{error:?}");
        assert_eq!(error.blame(), Blame::Surroundings);
    }
    session.close().await;
}

#[tokio::test]
async fn a_session_is_in_utc_under_belays_name_in_the_role_of_the_profile() {
    let own = Own::new().await;
    let admin = own.open(Access::ReadWrite).await;
    let role = format!("role \"{}\"", own.name);
    admin.change(&format!("CREATE ROLE {}", quote(&role))).await.unwrap();
    let server = Postgres {
        role: Some(role.clone()),
        search_path: Some("a, \"b\"".to_owned()),
        ..own.server.clone()
    };
    let session = open(&server, Access::ReadOnly).await;
    for (sql, expected) in [
        ("SELECT CAST(TIMESTAMPTZ '2024-01-01 00:00:00+02' AS text)", "2023-12-31 22:00:00+00"),
        ("SELECT current_setting('application_name')", "belay"),
        ("SELECT CAST(current_user AS text)", &role),
        ("SELECT current_setting('search_path')", "a, \"b\""),
    ] {
        assert_eq!(session.cell(sql).await, Cell::Text(expected.to_owned()), "{sql}");
    }
    session.close().await;
    admin.change(&format!("DROP ROLE {}", quote(&role))).await.unwrap();
    admin.close().await;
    own.drop().await;
}

#[tokio::test]
async fn an_error_in_sql_is_told_in_the_servers_words_and_the_session_goes_on() {
    let session = open(&server(), Access::ReadOnly).await;
    for (sql, said) in [
        ("SELECT nothing FROM nowhere", "ERROR:  relation \"nowhere\" does not exist"),
        ("SELEC 1", "ERROR:  syntax error at or near \"SELEC\""),
        ("SELECT 1/0", "ERROR:  division by zero"),
        ("SELECT 1/(g-3) FROM generate_series(1,5) g", "ERROR:  division by zero"),
    ] {
        let (asked, done) = (session.rows(sql).await, session.change(sql).await);
        for error in [asked.unwrap_err(), done.unwrap_err()] {
            let WarehouseError::Statement { message, refusal, .. } = error else { panic!("{sql}") };
            assert_eq!(
                (message.lines().next(), refusal),
                (Some(said), Refusal::Other),
                "{message}"
            );
            assert!(!message.contains("Query was"), "{message}");
        }
    }
    assert_eq!(session.cell("SELECT 1::bigint").await, Cell::Int(1));
    session.close().await;
}

#[tokio::test]
async fn a_driver_of_the_teams_own_is_given_its_options_and_tells_none_of_them() {
    let server = server();
    let uri = |password: &str| {
        let (user, host, port, database) =
            (&server.user, &server.host, server.port, &server.database);
        format!("postgresql://{user}:{password}@{host}:{port}/{database}")
    };
    let own = |password: &str, dialect: &str| {
        let other = Other {
            name: "our warehouse".to_owned(),
            dialect: dialect.to_owned(),
            database: server.database.clone(),
            options: [("uri".to_owned(), uri(password))].into(),
        };
        Database::read_only(Address::Other(Box::new(other)))
    };
    let right = server.password.clone().unwrap();
    let session = Session::open(test_postgres(), own(&right, "postgres")).await.unwrap();
    assert_eq!(session.cell("SELECT 1::bigint").await, Cell::Int(1));
    let writes = session.rows("SELECT nextval('x') FROM pg_class FOR UPDATE").await;
    assert!(writes.is_err());
    session.close().await;
    // Of another dialect belay cannot say how to read only: the driver has to know.
    for database in [own("planted", "postgres"), own(&right, "elsewhere")] {
        let error = Session::open(test_postgres(), database.clone()).await.unwrap_err();
        assert_eq!(error.code(), "warehouse/unreachable", "{error}");
        let told = format!("{error} {error:?} {database:?}");
        assert!(!told.contains("planted") && !told.contains(&right), "{told}");
    }
}
