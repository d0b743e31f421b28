//! What a comparison costs, against a full join written by hand and against reladiff: one DuckDB
//! file, one PostgreSQL, and from one to the other.
//!
//! `cargo bench -p belay-warehouse --bench diff -- ROWS` [200000]. PostgreSQL takes part when
//! `BELAY_TEST_POSTGRES` says where one is (`tools/postgres start`), reladiff when
//! `BELAY_BENCH_RELADIFF` names a Python that has it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
use adbc_core::{Connection as _, Database as _, Driver as _, Statement as _};
use adbc_driver_manager::{ManagedConnection, ManagedDriver};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatchReader};
use arrow_schema::DataType;
use belay_diff::{
    Across, AnswerError, Column, Comparison, Course, Dialect, End, Key, Limits, Outcome,
    RelationName, Samples, Side, Tolerances, Which, course,
};
use belay_model::rows::{Cell, Rows};

const COLUMNS: [&str; 9] =
    ["customer_id", "day", "made", "amount", "score", "qty", "status", "note", "flag"];

const SAMPLES: Samples = Samples { each: 3, columns: 6 };

/// A connection, and how it is spoken to.
struct Engine {
    connection: ManagedConnection,
    dialect: Dialect,
    database: String,
}

impl Engine {
    fn open(
        library: &Path,
        entry: Option<&[u8]>,
        options: &[(OptionDatabase, &str)],
    ) -> ManagedConnection {
        let mut driver =
            ManagedDriver::load_dynamic_from_filename(library, entry, AdbcVersion::V110).unwrap();
        let options = options
            .iter()
            .map(|(name, value)| (name.clone(), OptionValue::String((*value).to_owned())));
        driver.new_database_with_opts(options).unwrap().new_connection().unwrap()
    }

    fn send(&mut self, sql: &str) {
        let mut statement = self.connection.new_statement().unwrap();
        statement.set_sql_query(sql).unwrap();
        statement.execute_update().unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    fn ask(&mut self, sql: &str) -> Rows {
        let mut statement = self.connection.new_statement().unwrap();
        statement.set_sql_query(sql).unwrap();
        let reader = statement.execute().unwrap_or_else(|error| panic!("{error}\n{sql}"));
        collect(reader)
    }

    /// Base and head, one row in a thousand changed.
    fn fill(&mut self, rows: u64) {
        let series = match self.dialect {
            Dialect::DuckDb => format!("range({rows}) t(i)"),
            _ => format!("generate_series(0, {rows} - 1) t(i)"),
        };
        let double = if self.dialect == Dialect::DuckDb { "DOUBLE" } else { "DOUBLE PRECISION" };
        for schema in ["base", "head"] {
            self.send(&format!("CREATE SCHEMA {schema}"));
        }
        self.send(&format!(
            "CREATE TABLE base.t AS SELECT CAST(i AS BIGINT) AS id, CAST((i * 7919) % 1000003 AS BIGINT) AS customer_id, \
             DATE '2020-01-01' + CAST(i % 1500 AS INT) AS day, \
             TIMESTAMP '2024-01-01' + (i % 31536) * INTERVAL '1000 seconds' AS made, \
             CAST(i % 100000 AS {double}) / 100 AS amount, sqrt(CAST(i AS {double})) * 1.1 AS score, \
             CAST(i % 17 AS INT) AS qty, \
             CASE i % 4 WHEN 0 THEN 'new' WHEN 1 THEN 'paid' WHEN 2 THEN 'sent' ELSE 'done' END AS status, \
             concat('note ', i % 99991) AS note, i % 3 = 0 AS flag FROM {series}"
        ));
        // Spread over the table, as edits are.
        self.send(
            "CREATE TABLE head.t AS SELECT id, customer_id, day, made, \
             CASE WHEN (id * 2654435761) % 4001 = 1 THEN amount + 1 ELSE amount END AS amount, \
             CASE WHEN (id * 2654435761) % 4001 = 2 THEN score * 1.00000000001 ELSE score END AS score, qty, \
             CASE WHEN (id * 2654435761) % 4001 = 3 THEN 'lost' ELSE status END AS status, \
             CASE WHEN (id * 2654435761) % 4001 = 4 THEN NULL ELSE note END AS note, flag \
             FROM base.t WHERE (id * 2654435761) % 100003 <> 5 \
             UNION ALL SELECT id + 1000000000, customer_id, day, made, amount, score, qty, status, note, flag \
             FROM base.t WHERE (id * 2654435761) % 100003 = 6",
        );
        if self.dialect == Dialect::Postgres {
            self.send("ANALYZE");
        }
    }

    fn side(&mut self, schema: &str) -> Side {
        let relation = RelationName {
            database: self.database.clone(),
            schema: schema.to_owned(),
            identifier: "t".to_owned(),
        };
        let rows = self.ask(&self.dialect.columns_query(&[&relation]));
        let text = |row: &Vec<Cell>, at: usize| row[at].text().unwrap().to_owned();
        let columns = rows.rows.iter();
        let columns =
            columns.map(|row| Column { name: text(row, 3), data_type: text(row, 4) }).collect();
        Side { relation, columns, filter: None }
    }

    /// What an engineer would write: the counts that a comparison has, and nothing else.
    fn by_hand(&mut self) -> Rows {
        let counts: String = COLUMNS
            .iter()
            .map(|column| {
                format!(
                    ", count(*) FILTER (WHERE b.id IS NOT NULL AND h.id IS NOT NULL \
                     AND b.{column} IS DISTINCT FROM h.{column})"
                )
            })
            .collect();
        self.ask(&format!(
            "SELECT count(*) FILTER (WHERE b.id IS NULL), count(*) FILTER (WHERE h.id IS NULL){counts} \
             FROM base.t b FULL OUTER JOIN head.t h ON b.id = h.id"
        ))
    }

    async fn compare(&mut self) -> (Outcome, f64) {
        let course = Course {
            comparison: Comparison {
                dialect: self.dialect,
                base: self.side("base"),
                head: self.side("head"),
                key: None,
                ignored: vec![],
                masked: vec![],
                tolerances: Tolerances::default(),
            },
            candidates: vec![key()],
            samples: SAMPLES,
            limits: Limits::default(),
        };
        let mut rest = 0.0;
        let mut ask = async |purpose: &'static str, sql: String| {
            let start = Instant::now();
            let rows = self.ask(&sql);
            let seconds = start.elapsed().as_secs_f64();
            println!("    {seconds:7.2} s  {purpose}");
            // What the join written by hand has nothing of.
            if ["count rows and nulls", "see how the values are spread"].contains(&purpose) {
                rest += seconds;
            }
            Ok::<_, AnswerError>(rows)
        };
        let outcome = course::run(course, &mut ask).await.unwrap();
        (outcome, rest)
    }
}

fn key() -> Key {
    Key { columns: vec!["id".to_owned()], origin: "bench".to_owned() }
}

fn collect(reader: impl RecordBatchReader) -> Rows {
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        for at in 0..batch.num_rows() {
            rows.push(batch.columns().iter().map(|column| cell(column, at)).collect());
        }
    }
    Rows { columns: vec![], rows }
}

fn cell(column: &dyn Array, at: usize) -> Cell {
    if column.is_null(at) {
        return Cell::Null;
    }
    match column.data_type() {
        DataType::Int64 => Cell::Int(column.as_primitive::<Int64Type>().value(at)),
        DataType::Float64 => Cell::Float(column.as_primitive::<Float64Type>().value(at)),
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(at).to_owned()),
        other => panic!("{other}"),
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed().as_secs_f64())
}

/// The most memory that this process ever held, in MB. On Linux.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: Option<u64> =
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.map_or("unknown".to_owned(), |kilobytes| format!("{} MB", kilobytes / 1024))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn library(named: &str, member: &str) -> PathBuf {
    let cache = || {
        let cache = variable("BELAY_CACHE").map(PathBuf::from);
        cache.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache/belay")))
    };
    let found =
        variable(named).map(PathBuf::from).or_else(|| Some(cache()?.join("drivers").join(member)));
    found.filter(|path| path.is_file()).expect("run ./check, which fetches the drivers")
}

fn duckdb(file: &Path) -> Engine {
    let library = library("BELAY_TEST_DUCKDB", "duckdb-1.5.6/libduckdb.so");
    let path = file.to_string_lossy();
    let options = [(OptionDatabase::Other("path".to_owned()), &*path)];
    let connection = Engine::open(&library, Some(b"duckdb_adbc_init"), &options);
    let mut engine = Engine { connection, dialect: Dialect::DuckDb, database: "bench".to_owned() };
    engine.send("SET preserve_insertion_order = false");
    engine.send("SET TimeZone = 'UTC'");
    if let Some(limit) = variable("BELAY_BENCH_MEMORY") {
        engine.send(&format!("SET memory_limit = '{limit}'"));
    }
    engine
}

fn postgres(url: &str) -> Engine {
    let library =
        library("BELAY_TEST_POSTGRES_DRIVER", "postgresql-1.13.0/libadbc_driver_postgresql.so");
    let connect = |url: &str| Engine {
        connection: Engine::open(&library, None, &[(OptionDatabase::Uri, url)]),
        dialect: Dialect::Postgres,
        database: "belay_bench_diff".to_owned(),
    };
    let mut admin = connect(url);
    admin.send("DROP DATABASE IF EXISTS belay_bench_diff WITH (FORCE)");
    admin.send("CREATE DATABASE belay_bench_diff");
    let mut engine = connect(&format!("{}/belay_bench_diff", url.rsplit_once('/').unwrap().0));
    engine.send("SET TimeZone = 'UTC'");
    engine
}

/// By hand, then ours; both once before, so that the file is in memory for both.
fn same_engine(name: &str, engine: &mut Engine, runtime: &tokio::runtime::Runtime) -> f64 {
    println!("\n{name}");
    engine.by_hand();
    let before = peak();
    let (hand, by_hand) = timed(|| engine.by_hand());
    let ((outcome, rest), ours) = timed(|| runtime.block_on(engine.compare()));
    let matching = outcome.tally.matching.as_ref().unwrap();
    let of_hand: Vec<i64> = hand.rows[0].iter().map(|cell| cell.int().unwrap()).collect();
    assert_eq!((outcome.tally.added, outcome.tally.removed), (of_hand[0], of_hand[1]));
    for (column, (count, of_hand)) in COLUMNS.iter().zip(matching.columns.iter().zip(&of_hand[2..]))
    {
        // Of `score` the join by hand also counts what is within the tolerance.
        assert!(count == of_hand || *column == "score", "{column}: {count} and {of_hand}");
    }
    println!("  full join by hand            {by_hand:7.2} s   (peak {before} at its end)");
    println!(
        "  counts, key and examples     {:7.2} s   {:.2} times   by {}",
        ours - rest,
        (ours - rest) / by_hand,
        outcome.how.as_str()
    );
    println!(
        "  and profile and facts        {ours:7.2} s   {:.2} times   (peak {})",
        ours / by_hand,
        peak()
    );
    let (found, compare) = timed(|| engine.ask("SELECT count(*) FROM base.t"));
    drop((found, compare));
    ours
}

fn reladiff(name: &str, url: &str, of: (&str, &str), ours: f64) {
    let Some(python) = variable("BELAY_BENCH_RELADIFF") else {
        println!("  reladiff is left out: BELAY_BENCH_RELADIFF names no Python");
        return;
    };
    let columns: Vec<String> = COLUMNS.iter().map(|column| format!("'{column}'")).collect();
    let script = format!(
        "import sys, time\n\
         from reladiff import connect_to_table, diff_tables, Algorithm\n\
         a = connect_to_table(sys.argv[1], 'base.t', 'id')\n\
         b = connect_to_table(sys.argv[1], 'head.t', 'id')\n\
         start = time.time()\n\
         d = diff_tables(a, b, algorithm=Algorithm.JOINDIFF, extra_columns=({},))\n\
         n = sum(1 for _ in d)\n\
         print(n, time.time() - start)\n",
        columns.join(", ")
    );
    let out = Command::new(python).args(["-c", &script, url]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let Some(seconds) = text.split_whitespace().nth(1).and_then(|text| text.parse::<f64>().ok())
    else {
        let why =
            String::from_utf8_lossy(&out.stderr).lines().last().unwrap_or_default().to_owned();
        println!("  reladiff {name} {of:?} failed: {why}");
        return;
    };
    println!("  reladiff joindiff            {seconds:7.2} s   {:.1} times ours", seconds / ours);
}

fn main() {
    let rows = std::env::args().find_map(|argument| argument.parse().ok());
    let rows: u64 = rows.unwrap_or(200_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("bench.duckdb");
    println!("{rows} rows, ten columns, one row in a thousand changed");
    let mut duck = duckdb(&file);
    duck.fill(rows);
    let ours = same_engine("DuckDB", &mut duck, &runtime);
    let Some(url) = variable("BELAY_TEST_POSTGRES") else {
        println!("\nPostgreSQL is left out: BELAY_TEST_POSTGRES names none");
        drop(duck);
        reladiff("DuckDB", &format!("duckdb://{}", file.display()), ("base", "head"), ours);
        return;
    };
    let mut server = postgres(&url);
    server.fill(rows);
    let in_postgres = same_engine("PostgreSQL", &mut server, &runtime);
    reladiff(
        "PostgreSQL",
        &format!(
            "{}/belay_bench_diff",
            url.rsplit_once('/').unwrap().0.replace("postgres://", "postgresql://")
        ),
        ("base", "head"),
        in_postgres,
    );

    println!("\nDuckDB's base and PostgreSQL's head");
    let across = Across {
        base: End { dialect: Dialect::DuckDb, side: duck.side("base") },
        head: End { dialect: Dialect::Postgres, side: server.side("head") },
        key: Some(key()),
        ignored: vec![],
        masked: vec![],
        tolerances: Tolerances::default(),
    };
    let mut ask = async |which: Which, purpose: &'static str, sql: String| {
        let engine = if which == Which::Base { &mut duck } else { &mut server };
        let (rows, seconds) = timed(|| engine.ask(&sql));
        println!("    {seconds:7.2} s  {purpose} ({})", which.as_str());
        Ok::<_, AnswerError>(rows)
    };
    let (outcome, seconds) =
        timed(|| runtime.block_on(across.run(SAMPLES, None, &mut ask)).unwrap());
    println!(
        "  buckets                      {seconds:7.2} s   {} of {} differ, {} rows fetched, {:?} changed (peak {})",
        outcome.buckets.1,
        outcome.buckets.0,
        outcome.fetched,
        outcome.tally.matching.as_ref().map(|matching| matching.changed),
        peak()
    );
    drop((duck, server));
    println!("\nreladiff on DuckDB");
    reladiff("DuckDB", &format!("duckdb://{}", file.display()), ("base", "head"), ours);
    let library =
        library("BELAY_TEST_POSTGRES_DRIVER", "postgresql-1.13.0/libadbc_driver_postgresql.so");
    let mut admin = Engine {
        connection: Engine::open(&library, None, &[(OptionDatabase::Uri, &url)]),
        dialect: Dialect::Postgres,
        database: String::new(),
    };
    admin.send("DROP DATABASE IF EXISTS belay_bench_diff WITH (FORCE)");
}
