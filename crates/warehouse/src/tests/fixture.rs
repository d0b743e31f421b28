//! What the tests share: the driver, permits, and a warehouse in a folder of its own.

use std::path::PathBuf;
use std::sync::LazyLock;

use belay_gate::{Circumstances, Gate, Permit, Worker};
use belay_model::rows::{Cell, Rows};
use belay_model::{Level, Resource, Timestamp, Verb, Zone};
use tempfile::TempDir;

use crate::{Database, Driver, Postgres, Session, Statement, WarehouseError};

const DUCKDB: &str = "duckdb-1.5.6/libduckdb.so";
const POSTGRES: &str = "postgresql-1.13.0/libadbc_driver_postgresql.so";

#[expect(clippy::disallowed_methods, reason = "tests have no Config that the CLI read for them")]
pub(super) fn variable(name: &str) -> Option<PathBuf> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(PathBuf::from)
}

/// A driver that `./check` fetches. A test without it must fail, not pass unseen.
fn library(named: &str, member: &str) -> PathBuf {
    let in_cache = || {
        let cache = variable("BELAY_CACHE")
            .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("belay")))
            .or_else(|| Some(variable("HOME")?.join(".cache/belay")))?;
        Some(cache.join("drivers").join(member))
    };
    let found = variable(named).or_else(in_cache).filter(|library| library.is_file());
    found.expect("run ./check, which fetches the drivers")
}

pub(super) fn test_driver() -> Driver {
    Driver::duckdb(library("BELAY_TEST_DUCKDB", DUCKDB))
}

pub(super) fn test_postgres() -> Driver {
    Driver::postgres(library("BELAY_TEST_POSTGRES_DRIVER", POSTGRES))
}

/// The PostgreSQL of the tests, as its URL says: `postgres://user:password@host:port/database`.
pub(super) fn server() -> Postgres {
    let url = variable("BELAY_TEST_POSTGRES").expect(
        "this test needs a PostgreSQL: run `export BELAY_TEST_POSTGRES=$(tools/postgres start)`",
    );
    let url = url.to_str().unwrap();
    let (user, rest) = url.split_once("://").unwrap().1.split_once('@').unwrap();
    let (user, password) = user.split_once(':').unwrap();
    let (host, rest) = rest.split_once(':').unwrap();
    let (port, database) = rest.split_once('/').unwrap();
    Postgres::new(host, port.parse().unwrap(), database, user)
        .with_password(Some(password.to_owned()))
}

/// The gate's yes to `statement`, asked for as a supervised worker asks.
pub(super) fn permit(statement: &Statement) -> Permit {
    static GATE: LazyLock<Gate> = LazyLock::new(|| Gate::built_in().unwrap());
    let worker = Worker {
        name: "dbt-impact".to_owned(),
        owner: "data-team".to_owned(),
        level: Level::L2,
        quarantined: false,
        tools: Verb::ALL.to_vec(),
    };
    let calm = Circumstances {
        learned: false,
        tainted: false,
        rollback: false,
        bounded: false,
        inverse_tested: false,
        guided: false,
        spent_seconds: 0,
        budget_seconds: 60,
        approval: None,
        now: Timestamp::from_nanos(1_000),
    };
    GATE.decide(&worker, &statement.action(), calm).permit().unwrap()
}

pub(super) fn query(sql: &str) -> Statement {
    Statement::query("warehouse:test", Zone::Prod, "answer a test", sql.to_owned())
}

pub(super) fn change(sql: &str) -> Statement {
    let scratch = Resource::new("schema:test", Zone::Scratch);
    Statement::new(Verb::CreateScratch, scratch, "prepare a test", sql.to_owned())
}

impl Session {
    /// Asks the gate, then the warehouse.
    pub(super) async fn rows(&self, sql: &str) -> Result<Rows, WarehouseError> {
        let statement = query(sql);
        self.query(permit(&statement), statement).await
    }

    pub(super) async fn change(&self, sql: &str) -> Result<(), WarehouseError> {
        let statement = change(sql);
        self.execute(permit(&statement), statement).await
    }

    /// The only cell of the answer.
    pub(super) async fn cell(&self, sql: &str) -> Cell {
        self.rows(sql).await.unwrap().single().unwrap().clone()
    }
}

/// A folder with a DuckDB file, gone when dropped.
#[derive(Debug)]
pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.path("shop.duckdb")
    }

    /// A place whose file has a table `orders (id, note)` with two rows.
    pub(super) async fn with_orders() -> Self {
        let place = Self::new();
        let session = place.open(Database::new_file(&place.file())).await;
        let orders = "CREATE TABLE orders AS SELECT * FROM (VALUES (1, 'a'), (2, 'b')) t(id, note)";
        session.change(orders).await.unwrap();
        session.close().await;
        place
    }

    pub(super) async fn open(&self, database: Database) -> Session {
        Session::open(test_driver(), database).await.unwrap()
    }

    pub(super) async fn refusal(&self, database: Database) -> WarehouseError {
        Session::open(test_driver(), database).await.unwrap_err()
    }
}
