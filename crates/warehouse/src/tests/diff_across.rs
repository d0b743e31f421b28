//! The canonical contract: what two engines write for the same value, and that a comparison across
//! them rests on it.

use belay_diff::{
    Across, AcrossOutcome, AnswerError, End, RelationName, Samples, Tolerance, Tolerances, Which,
};

use super::diff_contract::{Table, fill, key, side};
use super::engine::{Engine, Server};
use super::fixture::Place;
use crate::Database;

/// Base in one database, head in another.
pub(super) struct AcrossCase<'a> {
    key: &'a [&'a str],
    base: Table<'a>,
    head: Table<'a>,
    masked: &'a [&'a str],
    tolerances: Tolerances,
    most: Option<u64>,
}

impl<'a> AcrossCase<'a> {
    pub(super) fn new(key: &'a [&'a str], base: Table<'a>, head: Table<'a>) -> Self {
        Self { key, base, head, masked: &[], tolerances: Tolerances::default(), most: None }
    }

    pub(super) async fn run(&self, base: &impl Engine, head: &impl Engine) -> AcrossOutcome {
        let across = Across {
            base: end(base, "base", self.base).await,
            head: end(head, "head", self.head).await,
            key: key(self.key),
            ignored: vec![],
            masked: self.masked.iter().map(|&name| name.to_owned()).collect(),
            tolerances: self.tolerances.clone(),
        };
        let mut ask = async |which: Which, _: &'static str, sql: String| {
            let answer = match which {
                Which::Base => base.ask(&sql).await,
                Which::Head => head.ask(&sql).await,
            };
            Ok::<_, AnswerError>(answer.unwrap_or_else(|error| panic!("{error}\n{sql}")))
        };
        let samples = Samples { each: 3, columns: 6 };
        across.run(samples, self.most, &mut ask).await.unwrap()
    }
}

async fn end(engine: &impl Engine, schema: &str, [columns, rows]: Table<'_>) -> End {
    let name = RelationName {
        database: engine.database(),
        schema: schema.to_owned(),
        identifier: "t".to_owned(),
    };
    fill(engine, &name, columns, rows).await;
    End { dialect: engine.dialect(), side: side(engine, name).await }
}

/// Both engines, and each case both ways round.
async fn both_ways(case: AcrossCase<'_>, check: impl Fn(AcrossOutcome)) {
    let place = Place::new();
    let duckdb = place.open(Database::new_file(&place.file())).await;
    let server = Server::new();
    check(case.run(&duckdb, &server).await);
    check(AcrossCase { base: case.head, head: case.base, ..case }.run(&server, &duckdb).await);
}

#[tokio::test]
async fn every_canonical_type_has_the_same_checksum_on_both_engines() {
    for (duckdb, postgres, values) in [
        ("BIGINT", "bigint", "9223372036854775807, -1, 0, NULL"),
        ("INTEGER", "bigint", "1, -1, 0, NULL"),
        ("INTEGER", "numeric(12, 2)", "1, -1, 0, NULL"),
        ("DECIMAL(18, 4)", "numeric(18, 4)", "1.5, 100, -0.0001, NULL"),
        ("DECIMAL(18, 4)", "numeric", "1.5, 100, -0.0001, 0"),
        (
            "DOUBLE",
            "double precision",
            "0.1, 1e15, 1e16, 1e-7, 1e300, 5e-324, -0.0, 123456789.123456789, 'NaN', 'Infinity', '-Infinity', NULL",
        ),
        ("BOOLEAN", "boolean", "true, false, NULL"),
        ("VARCHAR", "text", "'a', '', 'größer 🦆', '1:a', 'n;', NULL"),
        ("UUID", "uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', NULL"),
        ("DATE", "date", "'2024-02-29', '1969-12-31', '0001-01-01', 'infinity', NULL"),
        ("DATE", "timestamp", "'2024-02-29', '1969-12-31', NULL"),
        ("TIMESTAMP", "timestamp", "'2024-02-29 12:30:00.123456', '1900-01-01', '-infinity', NULL"),
        (
            "TIMESTAMPTZ",
            "timestamptz",
            "'2024-02-29 12:30:00.5+02', '1969-12-31 23:59:59+00', NULL",
        ),
        ("TIMESTAMP", "timestamptz", "'2024-02-29 12:30:00', NULL"),
        ("TIME", "time", "'12:30:00.123456', '00:00:00', NULL"),
    ] {
        let rows: Vec<String> =
            values.split(", ").enumerate().map(|(id, v)| format!("({id}, {v})")).collect();
        let rows = rows.join(", ");
        let (base, head) = (format!("id INT, x {duckdb}"), format!("id INT, x {postgres}"));
        both_ways(AcrossCase::new(&["id"], [&base, &rows], [&head, &rows]), |outcome| {
            assert!(outcome.tally.is_equal(), "{duckdb} {postgres}: {outcome:?}");
            assert_eq!(outcome.buckets.1, 0, "{duckdb} {postgres}: {outcome:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn binary_values_have_the_same_checksum() {
    let case = AcrossCase::new(
        &["id"],
        ["id INT, x BLOB", r"(1, '\x00\xFFa'::BLOB), (2, NULL)"],
        ["id INT, x bytea", r"(1, '\x00ff61'), (2, NULL)"],
    );
    let (place, server) = (Place::new(), Server::new());
    let duckdb = place.open(Database::new_file(&place.file())).await;
    assert_eq!(case.run(&duckdb, &server).await.buckets.1, 0);
}

#[tokio::test]
async fn json_and_lists_are_compared_as_values_after_they_were_fetched() {
    let case = AcrossCase::new(
        &["id"],
        [
            "id INT, j JSON, l INT[]",
            r#"(1, '{"b": [1, 2.0], "a": null}', [1, 2]), (2, '[1]', [1, NULL]), (3, '{"a": 1}', [])"#,
        ],
        [
            "id INT, j jsonb, l INT[]",
            r#"(1, '{"a": null, "b": [1.0, 2]}', '{1,2}'), (2, '[2]', '{1,NULL}'), (3, '{"a": 1}', '{7}')"#,
        ],
    );
    let (place, server) = (Place::new(), Server::new());
    let duckdb = place.open(Database::new_file(&place.file())).await;
    let matching = case.run(&duckdb, &server).await.tally.matching.unwrap();
    assert_eq!((matching.matched, matching.changed, matching.columns), (3, 2, vec![1, 1]));
}

#[tokio::test]
async fn floats_that_differ_within_the_tolerance_are_fetched_and_equal() {
    let rows = ["(1, 0.3, 10), (2, 5, 20)", "(1, 0.30000000000000004, 10.4), (2, 6, 20.6)"];
    let mut tolerances = Tolerances::default();
    tolerances.columns.insert("d".to_owned(), Tolerance { abs: 0.5, rel: 0.0 });
    let case = AcrossCase {
        tolerances,
        ..AcrossCase::new(
            &["id"],
            ["id INT, f DOUBLE, d DECIMAL(9, 2)", rows[0]],
            ["id INT, f double precision, d numeric(9, 2)", rows[1]],
        )
    };
    let (place, server) = (Place::new(), Server::new());
    let duckdb = place.open(Database::new_file(&place.file())).await;
    let matching = case.run(&duckdb, &server).await.tally.matching.unwrap();
    assert_eq!((matching.changed, matching.columns), (1, vec![1, 1]));
}

#[tokio::test]
async fn a_masked_value_leaves_its_database_as_a_digest_only() {
    let case = AcrossCase {
        masked: &["mail"],
        ..AcrossCase::new(
            &["id"],
            ["id INT, mail TEXT", "(1, 'planted@one'), (2, 'same')"],
            ["id INT, mail TEXT", "(1, 'planted@two'), (2, 'same'), (3, 'planted@three')"],
        )
    };
    both_ways(case, |outcome| {
        assert!(!format!("{outcome:?}").contains("planted"), "{outcome:?}");
        let matching = outcome.tally.matching.as_ref().unwrap();
        assert_eq!((matching.changed, matching.matched), (1, 2));
    })
    .await;
}

#[tokio::test]
async fn beyond_the_budget_a_sample_of_the_buckets_is_fetched_and_nothing_is_called_equal() {
    let row = |id: i32, x: i32| format!("({id}, {x})");
    let base: Vec<String> = (0..4_000).map(|id| row(id, 0)).collect();
    let head: Vec<String> = (0..4_000).map(|id| row(id, i32::from(id % 4 == 0))).collect();
    let (base, head) = (base.join(", "), head.join(", "));
    let case = AcrossCase {
        most: Some(1_000),
        ..AcrossCase::new(&["id"], ["id INT, x INT", &base], ["id INT, x INT", &head])
    };
    both_ways(case, |outcome| {
        let sampled = outcome.sampled.unwrap();
        assert!(outcome.fetched <= 2_000 && sampled.share < 0.5, "{outcome:?}");
        let changed = sampled.changed.unwrap();
        assert!(changed.low < 0.25 && 0.25 < changed.high, "{changed:?}");
        assert!(!outcome.tally.is_equal());
    })
    .await;
}
