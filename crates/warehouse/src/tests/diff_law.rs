//! The counts that SQL gives are the counts that plain Rust gives, for any two small tables.

use std::collections::{BTreeMap, BTreeSet};

use belay_diff::{ExampleKind, Matching, Profile, Tally};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::diff_across::AcrossCase;
use super::diff_contract::{Case, Outcome};
use super::engine::{Engine, Server};
use super::fixture::Place;
use crate::Database;

const COLUMNS: &str = "k INT, a INT, t TEXT";
const SAMPLES: usize = 3;

/// A key, a number and a text.
type Row = (Option<i32>, Option<i32>, Option<String>);
type Key = (i32, Option<i32>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (weighted(0.9, 0..20), weighted(0.8, 0..3), weighted(0.8, "[a'é]{0,2}"));
    vec(row, 0..16)
}

/// Key columns: none, one, or two.
fn keys() -> impl Strategy<Value = &'static [&'static str]> {
    prop_oneof![Just(&[][..]), Just(&["k"][..]), Just(&["k", "a"][..])]
}

#[test]
fn duckdb_counts_what_plain_rust_counts() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let place = Place::new();
    let session = runtime.block_on(place.open(Database::new_file(&place.file())));
    law(&runtime, &session);
}

#[test]
fn postgres_counts_what_plain_rust_counts() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    law(&runtime, &Server::new());
}

fn law(runtime: &tokio::runtime::Runtime, session: &impl Engine) {
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let law = |(key, base, head): (&'static [&'static str], Vec<Row>, Vec<Row>)| {
        runtime.block_on(holds(session, key, &base, &head))
    };
    TestRunner::new(config).run(&(keys(), rows(), rows()), law).unwrap();
}

/// Base on one engine, head on the other.
#[test]
fn across_two_engines_the_counts_are_those_of_plain_rust() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let place = Place::new();
    let duckdb = runtime.block_on(place.open(Database::new_file(&place.file())));
    let server = Server::new();
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let law = |(key, base, head): (&'static [&'static str], Vec<Row>, Vec<Row>)| {
        let (base_sql, head_sql) = (literals(&base), literals(&head));
        let case = AcrossCase::new(key, [COLUMNS, &base_sql], [COLUMNS, &head_sql]);
        let tally = runtime.block_on(case.run(&duckdb, &server)).tally;
        let expected = expected(key, &base, &head);
        prop_assert_eq!((tally.added, tally.removed), (expected.added, expected.removed));
        prop_assert_eq!(tally.matching, expected.matching);
        Ok(())
    };
    TestRunner::new(config).run(&(keys(), rows(), rows()), law).unwrap();
}

/// What plain Rust counts.
fn expected(key: &[&str], base: &[Row], head: &[Row]) -> Tally {
    if key.is_empty() {
        let (added, removed) = (surplus(head, base), surplus(base, head));
        return Tally { added, removed, matching: None };
    }
    let (base, head) = (groups(key, base), groups(key, head));
    let once = |groups: &BTreeMap<Key, Vec<&Row>>, key: &Key| {
        groups.get(key).is_none_or(|rows| rows.len() == 1)
    };
    let keys: BTreeSet<Key> = base.keys().chain(head.keys()).copied().collect();
    let keys: Vec<Key> =
        keys.into_iter().filter(|key| once(&base, key) && once(&head, key)).collect();
    let pairs: Vec<(&Row, &Row)> =
        keys.iter().filter_map(|key| Some((base.get(key)?[0], head.get(key)?[0]))).collect();
    let differ = |differs: &dyn Fn(&Row, &Row) -> bool| {
        count(pairs.iter().filter(|(b, h)| differs(b, h)).count())
    };
    let (number, text) = (differ(&|b, h| b.1 != h.1), differ(&|b, h| b.2 != h.2));
    Tally {
        added: count(keys.iter().filter(|key| !base.contains_key(key)).count()),
        removed: count(keys.iter().filter(|key| !head.contains_key(key)).count()),
        matching: Some(Matching {
            matched: count(pairs.len()),
            changed: differ(&|b, h| (b.1, &b.2) != (h.1, &h.2)),
            columns: if key.len() == 1 { vec![number, text] } else { vec![text] },
        }),
    }
}

/// How many of these rows those have not, as often as they stand.
fn surplus(these: &[Row], those: &[Row]) -> i64 {
    let mut those = those.to_vec();
    let missing = these.iter().filter(|row| {
        let found = those.iter().position(|other| other == *row);
        found.map(|at| those.swap_remove(at)).is_none()
    });
    count(missing.count())
}

async fn holds(
    session: &impl Engine,
    key: &[&str],
    base: &[Row],
    head: &[Row],
) -> Result<(), TestCaseError> {
    let (base_sql, head_sql) = (literals(base), literals(head));
    let outcome = Case::new(key, [COLUMNS, &base_sql], [COLUMNS, &head_sql]).run(session).await;
    prop_assert_eq!(&measured(&outcome.profiles.0), &profile(key, base));
    prop_assert_eq!(&measured(&outcome.profiles.1), &profile(key, head));
    if key.is_empty() { multiset(&outcome, base, head) } else { keyed(&outcome, key, base, head) }
}

/// Without what plain Rust does not know: the engine's checksum, and how it writes a number.
fn measured(profile: &Profile) -> Profile {
    Profile { ranges: vec![], checksum: None, ..profile.clone() }
}

fn literals(rows: &[Row]) -> String {
    let number = |number: Option<i32>| number.map_or("NULL".to_owned(), |n| n.to_string());
    let text = |text: &Option<String>| {
        text.as_ref().map_or("NULL".to_owned(), |text| format!("'{}'", text.replace('\'', "''")))
    };
    let rows =
        rows.iter().map(|(k, a, t)| format!("({}, {}, {})", number(*k), number(*a), text(t)));
    rows.collect::<Vec<_>>().join(", ")
}

/// The key of a row, if it has a whole one.
fn key_of(key: &[&str], (k, a, _): &Row) -> Option<Key> {
    if key.len() == 1 { Some(((*k)?, None)) } else { Some(((*k)?, Some((*a)?))) }
}

fn groups<'a>(key: &[&str], rows: &'a [Row]) -> BTreeMap<Key, Vec<&'a Row>> {
    let mut groups: BTreeMap<Key, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(key) = key_of(key, row) {
            groups.entry(key).or_default().push(row);
        }
    }
    groups
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}

fn profile(key: &[&str], rows: &[Row]) -> Profile {
    let groups = groups(key, rows);
    let several: Vec<usize> = groups.values().map(Vec::len).filter(|&times| times > 1).collect();
    let nulls = rows.iter().filter(|row| key_of(key, row).is_none()).count();
    let keyed = |number: usize| (!key.is_empty()).then(|| count(number));
    let sum = |of: fn(&Row) -> Option<i32>| {
        let values: Vec<f64> = rows.iter().filter_map(of).map(f64::from).collect();
        (Some(count(rows.len() - values.len())), (!values.is_empty()).then(|| values.iter().sum()))
    };
    Profile {
        rows: count(rows.len()),
        duplicate_keys: keyed(several.len()),
        extra_rows: keyed(several.iter().map(|times| times - 1).sum()),
        null_keys: keyed(nulls),
        columns: vec![
            sum(|row| row.0),
            sum(|row| row.1),
            (Some(count(rows.iter().filter(|row| row.2.is_none()).count())), None),
        ],
        ..Profile::default()
    }
}

fn multiset(outcome: &Outcome, base: &[Row], head: &[Row]) -> Result<(), TestCaseError> {
    prop_assert_eq!(&outcome.tally, &expected(&[], base, head));
    prop_assert!(outcome.examples.is_empty());
    Ok(())
}

fn keyed(outcome: &Outcome, key: &[&str], base: &[Row], head: &[Row]) -> Result<(), TestCaseError> {
    let expected = expected(key, base, head);
    prop_assert_eq!(&outcome.tally, &expected);
    let repeated = groups(key, head).values().filter(|rows| rows.len() > 1).count();
    let changed = expected.matching.as_ref().map_or(0, |matching| matching.changed);
    for (kind, there) in [
        (ExampleKind::Added, expected.added),
        (ExampleKind::Removed, expected.removed),
        (ExampleKind::Changed, changed),
        (ExampleKind::Duplicated, count(repeated)),
    ] {
        let shown = outcome.examples.iter().filter(|example| example.kind == kind);
        prop_assert_eq!(count(shown.count()), there.min(count(SAMPLES)), "{:?}", kind);
    }
    for example in &outcome.examples {
        let says_what = !example.values.is_empty() || example.times.is_some();
        prop_assert!(says_what || example.kind != ExampleKind::Changed, "{:?}", example);
    }
    Ok(())
}
