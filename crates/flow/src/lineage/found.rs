//! Between what crate `sql` says of a query and what a project says of a node.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::NodeId;
use belay_sql::lineage::{QueryLineage, Source, lineage};
use belay_sql::{TableName, plan};

use super::cache::{Found, FoundOutput, FoundRead};
use super::{Confidence, Edge, Read};

/// What a query returns and reads.
pub(super) fn of(query: &plan::Query) -> Found {
    let QueryLineage { outputs, rows, is_complete, volatile, keys } = lineage(query);
    let mut places = Places::default();
    let output = |places: &mut Places, sources: &BTreeSet<Source>| {
        sources.iter().map(|source| places.of(source)).collect()
    };
    let (stars, outputs): (Vec<_>, Vec<_>) =
        outputs.into_iter().partition(|found| !is_complete && found.name == "*");
    let star = stars.iter().flat_map(|found| &found.sources).cloned().collect();
    let star = output(&mut places, &star);
    let outputs = outputs
        .into_iter()
        .map(|found| FoundOutput(found.name, found.data_type, output(&mut places, &found.sources)))
        .collect();
    let rows = output(&mut places, &rows);
    let Places { tables, reads, .. } = places;
    Found { outputs, tables, reads, rows, star, is_complete, volatile, keys, doubt: None }
}

/// Everything only likely.
pub(super) fn doubtful(mut found: Found, why: String) -> Found {
    for read in &mut found.reads {
        read.3 = true;
    }
    found.doubt = Some(why);
    found
}

#[derive(Default)]
struct Places {
    tables: Vec<Vec<String>>,
    reads: Vec<FoundRead>,
    at: BTreeMap<Source, usize>,
}

impl Places {
    fn of(&mut self, source: &Source) -> usize {
        if let Some(at) = self.at.get(source) {
            return *at;
        }
        let table = self.tables.iter().position(|table| *table == source.table.0);
        let table = table.unwrap_or_else(|| {
            self.tables.push(source.table.0.clone());
            self.tables.len() - 1
        });
        let is_likely = source.confidence != Confidence::Certain;
        let read = FoundRead(table, source.column.clone(), letter(source.edge), is_likely);
        self.reads.push(read);
        self.at.insert(source.clone(), self.reads.len() - 1);
        self.reads.len() - 1
    }
}

const LETTERS: [(char, Edge); 6] = [
    ('v', Edge::Value),
    ('f', Edge::Filter),
    ('j', Edge::Join),
    ('g', Edge::Group),
    ('w', Edge::Window),
    ('o', Edge::Order),
];

/// What people and documents call an edge.
pub(super) const fn word(edge: Edge) -> &'static str {
    match edge {
        Edge::Value => "value",
        Edge::Filter => "filter",
        Edge::Join => "join",
        Edge::Group => "group",
        Edge::Window => "window",
        Edge::Order => "order",
    }
}

pub(super) const fn sureness(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Certain => "certain",
        Confidence::Likely => "likely",
    }
}

fn letter(edge: Edge) -> char {
    LETTERS.iter().find(|(_, other)| *other == edge).map_or('v', |(letter, _)| *letter)
}

fn edge(letter: char) -> Edge {
    LETTERS.iter().find(|(other, _)| *other == letter).map_or(Edge::Value, |(_, edge)| *edge)
}

/// What was read, with the nodes that make the tables.
pub(super) fn reads(
    found: &Found,
    at_best: Confidence,
    node: impl Fn(&TableName) -> Option<NodeId>,
) -> Vec<Read> {
    let tables: Vec<(TableName, Option<NodeId>)> = found
        .tables
        .iter()
        .map(|parts| {
            let table = TableName(parts.clone());
            let node = node(&table);
            (table, node)
        })
        .collect();
    let read = |FoundRead(table, column, letter, is_likely): &FoundRead| {
        let (table, node) = tables.get(*table)?.clone();
        let confidence = if *is_likely { Confidence::Likely } else { at_best };
        Some(Read { node, table, column: column.clone(), edge: edge(*letter), confidence })
    };
    found.reads.iter().filter_map(read).collect()
}

/// The same reads, of the column with that name.
pub(super) fn named(reads: &BTreeSet<Read>, name: &str) -> BTreeSet<Read> {
    let named = |read: &Read| Read { column: Some(name.to_owned()), ..read.clone() };
    reads.iter().map(named).collect()
}

/// The columns that an expression of a single table reads.
pub(super) fn columns(found: &QueryLineage) -> BTreeSet<(Option<String>, Confidence)> {
    let sources = found.outputs.iter().flat_map(|output| &output.sources);
    sources.map(|source| (source.column.clone(), source.confidence)).collect()
}

/// Everything that a query reads, for its values or to decide about rows.
pub(super) fn all(found: &QueryLineage) -> BTreeSet<(TableName, Option<String>, Confidence)> {
    let sources = found.outputs.iter().flat_map(|output| &output.sources).chain(&found.rows);
    sources.map(|source| (source.table.clone(), source.column.clone(), source.confidence)).collect()
}
