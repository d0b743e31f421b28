//! Whatever the contract of comparisons is tried on: DuckDB and PostgreSQL, each over ADBC.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
use adbc_core::{Connection as _, Database as _, Driver as _, Statement as _};
use adbc_driver_manager::{ManagedConnection, ManagedDriver};
use belay_diff::Dialect;
use belay_model::rows::Rows;

use super::fixture::variable;
use crate::Session;

/// A session to try SQL on.
pub(super) trait Engine {
    fn dialect(&self) -> Dialect;

    /// The database that its relations are in.
    fn database(&self) -> String;

    async fn ask(&self, sql: &str) -> Result<Rows, String>;

    async fn make(&self, sql: &str);
}

impl Engine for Session {
    fn dialect(&self) -> Dialect {
        Dialect::DuckDb
    }

    fn database(&self) -> String {
        "shop".to_owned()
    }

    async fn ask(&self, sql: &str) -> Result<Rows, String> {
        self.rows(sql).await.map_err(|error| error.to_string())
    }

    async fn make(&self, sql: &str) {
        self.change(sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }
}

/// A database of its own on the server of the tests, gone when dropped.
pub(super) struct Server {
    connection: RefCell<Option<ManagedConnection>>,
    name: String,
}

const LIBRARY: &str = "drivers/postgresql-1.13.0/libadbc_driver_postgresql.so";

impl Server {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("diff_{}_{number}", std::process::id());
        let admin = connect(&url(None));
        send(&mut RefCell::new(Some(admin)).borrow_mut(), &format!("CREATE DATABASE {name}"));
        let connection = RefCell::new(Some(connect(&url(Some(&name)))));
        let server = Self { connection, name };
        for setting in ["SET TimeZone = 'UTC'", "SET extra_float_digits = 1"] {
            send(&mut server.connection.borrow_mut(), setting);
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.connection.take());
        let admin = RefCell::new(Some(connect(&url(None))));
        send(&mut admin.borrow_mut(), &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn url(database: Option<&str>) -> String {
    let url = variable("BELAY_TEST_POSTGRES").expect(
        "this test needs a PostgreSQL: run `export BELAY_TEST_POSTGRES=$(tools/postgres start)`",
    );
    let url = url.to_str().unwrap().to_owned();
    match database {
        Some(name) => format!("{}/{name}", url.rsplit_once('/').unwrap().0),
        None => url,
    }
}

fn connect(url: &str) -> ManagedConnection {
    let in_cache = || {
        let cache = variable("BELAY_CACHE")
            .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("belay")))
            .or_else(|| Some(variable("HOME")?.join(".cache/belay")))?;
        Some(cache.join(LIBRARY))
    };
    let library: PathBuf = variable("BELAY_TEST_POSTGRES_DRIVER")
        .or_else(in_cache)
        .filter(|library| library.is_file())
        .expect("this test needs the ADBC driver of PostgreSQL: run ./check, or name it in BELAY_TEST_POSTGRES_DRIVER");
    let mut driver =
        ManagedDriver::load_dynamic_from_filename(library, None, AdbcVersion::V110).unwrap();
    let options = [(OptionDatabase::Uri, OptionValue::String(url.to_owned()))];
    driver.new_database_with_opts(options).unwrap().new_connection().unwrap()
}

fn send(connection: &mut Option<ManagedConnection>, sql: &str) {
    let mut statement = connection.as_mut().unwrap().new_statement().unwrap();
    statement.set_sql_query(sql).unwrap();
    statement.execute_update().unwrap_or_else(|error| panic!("{error}\n{sql}"));
}

impl Engine for Server {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn database(&self) -> String {
        self.name.clone()
    }

    async fn ask(&self, sql: &str) -> Result<Rows, String> {
        let mut connection = self.connection.borrow_mut();
        let mut statement = connection.as_mut().unwrap().new_statement().unwrap();
        statement.set_sql_query(sql).unwrap();
        let reader = statement.execute().map_err(|error| error.to_string())?;
        crate::rows::collect(reader).map_err(|error| format!("{error:?}"))
    }

    async fn make(&self, sql: &str) {
        send(&mut self.connection.borrow_mut(), sql);
    }
}
