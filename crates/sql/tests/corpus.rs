//! Pairs of queries with known answers, one file for each dialect in `corpus/`.
//!
//! A file begins with the tables, each `table name(column type, …; key column, …)`. A pair is
//!
//! ```text
//! ## its name
//! meaning what is named
//! the query as it was
//! ->
//! the query as it is
//! ```
//!
//! After `values`, `additive` and `schema` may stand the columns that are named, after `rows` a kind
//! of reason. A *miss* is a change called harmless that is not, an *over-alarm* a harmless one that
//! is called something else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;

use belay_model::{Columns, Effect, Meaning};
use belay_sql::{Dialect, Table, TableName, Tables, canonical_type, compare, with_deep_stack};

struct Pair {
    name: String,
    expected: String,
    base: String,
    head: String,
}

impl Pair {
    fn meaning(&self) -> Meaning {
        let word = self.expected.split(' ').next().unwrap();
        *Meaning::ALL.iter().find(|meaning| meaning.as_str() == word).unwrap()
    }

    fn named(&self) -> Option<&str> {
        self.expected.split_once(' ').map(|(_, named)| named)
    }
}

fn table(line: &str, dialect: Dialect) -> (TableName, Table) {
    let (name, rest) = line.split_once('(').unwrap();
    let rest = rest.strip_suffix(')').unwrap();
    let (columns, keys) = match rest.split_once(';') {
        Some((columns, keys)) => (columns, keys.split(';').collect()),
        None => (rest, Vec::new()),
    };
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for letter in columns.chars() {
        match letter {
            '(' | '<' => depth += 1,
            ')' | '>' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => (),
        }
        parts.last_mut().unwrap().push(letter);
    }
    let column = |text: &String| {
        let (name, data_type) = text.trim().split_once(' ').unwrap();
        (dialect.fold(name, false), Some(canonical_type(data_type, dialect)))
    };
    let key = |text: &&str| {
        let names = text.trim().strip_prefix("key ").unwrap();
        names.split(',').map(|name| dialect.fold(name.trim(), false)).collect()
    };
    let table = Table {
        columns: parts.iter().map(column).collect(),
        is_complete: true,
        keys: keys.iter().map(key).collect(),
    };
    (TableName(name.split('.').map(|part| dialect.fold(part, false)).collect()), table)
}

fn pairs(dialect: Dialect, text: &str) -> (Tables, Vec<Pair>) {
    let mut sections = text.split("\n## ");
    let head = sections.next().unwrap();
    let tables = head
        .lines()
        .filter_map(|line| line.strip_prefix("table "))
        .map(|line| table(line, dialect))
        .collect();
    let pair = |section: &str| {
        let (name, rest) = section.split_once('\n').unwrap();
        let (expected, rest) = rest.split_once('\n').unwrap();
        let (base, head) = rest.split_once("\n->\n").unwrap();
        let [name, expected, base, head] = [name, expected, base, head].map(str::to_owned);
        Pair { name, expected, base, head }
    };
    (tables, sections.map(pair).collect())
}

/// What the effect names, in the form of the corpus.
fn named(effect: &Effect) -> BTreeSet<String> {
    let columns = match &effect.values {
        Columns::All => BTreeSet::from(["*".to_owned()]),
        Columns::These(names) => names.clone(),
    };
    let renamed = effect.renamed.iter().flat_map(|(from, to)| [from.clone(), to.clone()]);
    match effect.meaning {
        Meaning::Rows => effect.rows.iter().map(|row| row.as_str().to_owned()).collect(),
        Meaning::Values => columns,
        Meaning::Additive => effect.added.clone(),
        _ => effect.removed.iter().chain(&effect.retyped).cloned().chain(renamed).collect(),
    }
}

#[test]
fn no_harmful_change_is_called_harmless_and_few_harmless_ones_harmful() {
    let corpus = [
        (Dialect::DuckDb, include_str!("../corpus/duckdb.sql")),
        (Dialect::Snowflake, include_str!("../corpus/snowflake.sql")),
        (Dialect::Postgres, include_str!("../corpus/postgres.sql")),
        (Dialect::BigQuery, include_str!("../corpus/bigquery.sql")),
    ];
    let (mut total, mut harmless) = (0, 0);
    let (mut misses, mut alarms, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (dialect, text) in corpus {
        let (tables, pairs) = pairs(dialect, text);
        for pair in pairs {
            let compared = || compare(&pair.base, &pair.head, dialect, &tables, &tables).effect;
            let effect = with_deep_stack(compared).unwrap();
            let expected = pair.meaning();
            let found = named(&effect);
            total += 1;
            harmless += usize::from(expected.keeps_data());
            let names_all = pair.named().is_none_or(|expected| match effect.meaning {
                Meaning::Rows => found == BTreeSet::from([expected.to_owned()]),
                Meaning::Values | Meaning::Additive | Meaning::Schema => {
                    found.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>()
                        == expected.split(' ').map(str::to_owned).collect()
                }
                _ => true,
            });
            let what = format!(
                "{} / {}: {} expected, {} {found:?} found: {}",
                dialect.as_str(),
                pair.name,
                pair.expected,
                effect.meaning,
                effect.reasons.join("; ")
            );
            match (expected.keeps_data(), effect.meaning.keeps_data()) {
                (false, true) => misses.push(what),
                (true, false) => alarms.push(what),
                _ if expected != effect.meaning || !names_all => others.push(what),
                _ => (),
            }
        }
    }
    println!(
        "{total} pairs, {harmless} harmless: {} misses, {} over-alarms, {} otherwise different",
        misses.len(),
        alarms.len(),
        others.len()
    );
    assert!(total >= 200);
    assert!(misses.is_empty(), "misses:\n{}", misses.join("\n"));
    assert!(alarms.len() * 20 <= harmless, "over-alarms:\n{}", alarms.join("\n"));
    assert!(others.is_empty(), "other meanings:\n{}", others.join("\n"));
}
