//! What queries were found to read, kept by content: the same query over the same tables, read by
//! the same belay, needs no second reading.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use belay_model::Digest;
use belay_model::digest::Stream;
use belay_sql::{Dialect, Table, TableName};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "belay.lineage-cache/1";

/// Counts up whenever the same query may be read differently than before.
const ENGINE: &str = concat!(env!("CARGO_PKG_VERSION"), "/1");

/// A pure value: who holds it decides where it is kept. What cannot be read is an empty one.
#[derive(Debug, Default)]
pub struct Cache {
    entries: BTreeMap<Digest, Arc<Found>>,
    used: BTreeSet<Digest>,
    is_changed: bool,
}

/// What a query returns and reads, before names of tables become nodes. Reads are listed once and
/// meant by their place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    #[serde(rename = "o")]
    pub(super) outputs: Vec<FoundOutput>,
    #[serde(rename = "t")]
    pub(super) tables: Vec<Vec<String>>,
    #[serde(rename = "r")]
    pub(super) reads: Vec<FoundRead>,
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rows: Vec<usize>,
    /// What the columns come from that a `*` over an unknown table brings in.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) star: Vec<usize>,
    #[serde(rename = "c")]
    pub(super) is_complete: bool,
    #[serde(rename = "v", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) volatile: BTreeSet<String>,
    #[serde(rename = "k", default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) keys: BTreeSet<Vec<String>>,
    /// Why it is only likely: what kept it from being read with all that is said to be known.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(super) doubt: Option<String>,
}

/// Name, type, places of its reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FoundOutput(pub(super) String, pub(super) Option<String>, pub(super) Vec<usize>);

/// Place of the table, column, edge, whether it is only likely.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct FoundRead(
    pub(super) usize,
    pub(super) Option<String>,
    pub(super) char,
    #[serde(with = "bit")] pub(super) bool,
);

/// A boolean as a digit.
mod bit {
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(flag: &bool, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(u8::from(*flag))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
        u8::deserialize(from).map(|digit| digit != 0)
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    schema: String,
    engine: String,
    entries: BTreeMap<String, Arc<Found>>,
}

impl Cache {
    /// Reads what [`Cache::to_json`] wrote; nothing if it was written by another belay, or is damaged.
    pub fn parse(bytes: &[u8]) -> Self {
        let wire = serde_json::from_slice::<Wire>(bytes).ok();
        let wire = wire.filter(|wire| wire.schema == SCHEMA && wire.engine == ENGINE);
        let entries = wire.into_iter().flat_map(|wire| wire.entries);
        let is_sound = |found: &Found| {
            let places = found
                .outputs
                .iter()
                .flat_map(|output| &output.2)
                .chain(&found.rows)
                .chain(&found.star);
            places.into_iter().all(|at| *at < found.reads.len())
                && found.reads.iter().all(|read| read.0 < found.tables.len())
        };
        let entries = entries
            .filter(|(_, found)| is_sound(found))
            .filter_map(|(key, found)| Some((key.parse().ok()?, found)));
        Self { entries: entries.collect(), ..Self::default() }
    }

    /// Something was read that is not in what was parsed.
    pub fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// What was used or found since it was made; older entries are left out.
    pub fn to_json(&self) -> Option<String> {
        let used = |key: &Digest| Some((key.to_string(), self.entries.get(key)?.clone()));
        let entries = self.used.iter().filter_map(used).collect();
        let wire = Wire { schema: SCHEMA.to_owned(), engine: ENGINE.to_owned(), entries };
        serde_json::to_string(&wire).ok()
    }

    pub(super) fn get(&mut self, key: Digest) -> Option<Arc<Found>> {
        let found = self.entries.get(&key)?;
        self.used.insert(key);
        Some(Arc::clone(found))
    }

    pub(super) fn put(&mut self, key: Digest, found: Arc<Found>) {
        self.entries.insert(key, found);
        self.used.insert(key);
        self.is_changed = true;
    }
}

/// The name of a reading: the query, and everything that is known of its tables.
pub(super) fn key<'a>(
    text: &str,
    dialect: Dialect,
    inputs: impl Iterator<Item = (&'a TableName, Digest)>,
) -> Digest {
    let mut stream = Stream::default();
    for part in [ENGINE, dialect.as_str(), text] {
        put(&mut stream, part);
    }
    for (name, shape) in inputs {
        name.0.iter().for_each(|part| put(&mut stream, part));
        stream.update(shape.as_bytes());
    }
    stream.finish()
}

/// The name of what is known of a table.
pub(super) fn shape(table: &Table) -> Digest {
    let mut stream = Stream::default();
    stream.update(&[u8::from(table.is_complete)]);
    for (name, data_type) in &table.columns {
        put(&mut stream, name);
        put(&mut stream, data_type.as_deref().unwrap_or("\0"));
    }
    for key in &table.keys {
        stream.update(b"\xff");
        key.iter().for_each(|column| put(&mut stream, column));
    }
    stream.finish()
}

fn put(stream: &mut Stream, text: &str) {
    stream.update(&text.len().to_le_bytes());
    stream.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Found {
        Found {
            outputs: vec![FoundOutput("a".to_owned(), None, vec![0])],
            tables: vec![vec!["main".to_owned(), "t".to_owned()]],
            reads: vec![FoundRead(0, Some("a".to_owned()), 'v', true)],
            is_complete: true,
            ..Found::default()
        }
    }

    #[test]
    fn a_cache_is_read_back_without_what_nobody_used() {
        let (kept, dropped) = (Digest::of("kept"), Digest::of("dropped"));
        let mut cache = Cache::default();
        cache.put(kept, Arc::new(found()));
        cache.put(dropped, Arc::new(found()));
        let mut again = Cache::parse(cache.to_json().unwrap().as_bytes());
        assert_eq!(again.get(kept).as_deref(), Some(&found()));
        assert!(!again.is_changed());
        let mut last = Cache::parse(again.to_json().unwrap().as_bytes());
        assert_eq!((last.get(dropped), last.get(kept).is_some()), (None, true));
    }

    #[test]
    fn what_is_damaged_or_of_another_belay_is_an_empty_cache() {
        let mut cache = Cache::default();
        let key = Digest::of("x");
        cache.put(key, Arc::new(found()));
        let whole = cache.to_json().unwrap();
        let out_of_bounds = whole.replace(r#"[["a",null,[0]]]"#, r#"[["a",null,[7]]]"#);
        assert_ne!(out_of_bounds, whole);
        for damaged in [
            whole.get(..whole.len() / 2).unwrap().to_owned(),
            String::new(),
            whole.replace(ENGINE, "0/0"),
            out_of_bounds,
        ] {
            assert_eq!(Cache::parse(damaged.as_bytes()).get(key), None, "{damaged}");
        }
        assert!(Cache::parse(whole.as_bytes()).get(key).is_some());
    }

    #[test]
    fn a_reading_is_named_by_all_that_it_depends_on() {
        let name = TableName(vec!["t".to_owned()]);
        let table = |column: &str, is_complete| Table {
            columns: vec![(column.to_owned(), None)],
            is_complete,
            keys: BTreeSet::new(),
        };
        let key = |text: &str, dialect, table: &Table| {
            key(text, dialect, [(&name, shape(table))].into_iter())
        };
        let keys = [
            key("select 1", Dialect::DuckDb, &table("a", true)),
            key("select 2", Dialect::DuckDb, &table("a", true)),
            key("select 1", Dialect::Postgres, &table("a", true)),
            key("select 1", Dialect::DuckDb, &table("b", true)),
            key("select 1", Dialect::DuckDb, &table("a", false)),
        ];
        assert_eq!(BTreeSet::from(keys).len(), keys.len());
    }
}
