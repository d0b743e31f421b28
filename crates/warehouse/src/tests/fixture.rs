//! What the tests share: the driver, permits, and a warehouse in a folder of its own.

use std::path::PathBuf;
use std::sync::LazyLock;

use belay_gate::{Circumstances, Gate, Permit, Worker};
use belay_model::rows::{Cell, Rows};
use belay_model::{Level, Resource, Timestamp, Verb, Zone};
use tempfile::TempDir;

use crate::{Database, Driver, Session, Statement, WarehouseError};

const LIBRARY: &str = "duckdb-1.5.6/libduckdb.so";

#[expect(clippy::disallowed_methods, reason = "tests have no Config that the CLI read for them")]
pub(super) fn variable(name: &str) -> Option<PathBuf> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(PathBuf::from)
}

/// The driver that `./check` fetches. A test without it must fail, not pass unseen.
pub(super) fn test_driver() -> Driver {
    let named = variable("BELAY_TEST_DUCKDB");
    let in_cache = || {
        let cache = variable("BELAY_CACHE")
            .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("belay")))
            .or_else(|| Some(variable("HOME")?.join(".cache/belay")))?;
        Some(cache.join("drivers").join(LIBRARY))
    };
    match named.or_else(in_cache).filter(|library| library.is_file()) {
        Some(library) => Driver::duckdb(library),
        None => panic!("run ./check, which fetches the DuckDB driver"),
    }
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
