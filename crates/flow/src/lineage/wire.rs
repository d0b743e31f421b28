//! `belay.lineage/1`: the answer to a question about lineage. Fields are added, never renamed.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::manifest::{Kind, Node as DbtNode};
use belay_dbt::{Manifest, NodeId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::graph::{Graph, Place};
use super::walk::{Direction, Walk};
use super::{NodeLineage, Output, Project, Understood, found};

pub const SCHEMA: &str = "belay.lineage/1";

/// Where columns come from, and who depends on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lineage {
    pub schema: String,
    /// What was asked.
    pub of: End,
    /// `up`, `down` or `both`.
    pub direction: String,
    /// The dialect that queries were read in.
    pub dialect: String,
    /// In the order of the project, parents first.
    pub nodes: Vec<Node>,
    pub links: Vec<Link>,
    /// Nodes of the walk that were not understood: what they read is not known.
    pub unread: Vec<Unread>,
}

/// A column of a node; without a column, the node's rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct End {
    pub node: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    pub id: String,
    /// Such as a person writes it.
    pub name: String,
    /// `model`, `source`, `seed`, `snapshot`, `exposure`, `metric`, `semantic model`, `saved query`,
    /// `test`, `unit test`.
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// As queries name it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub relation: Option<String>,
    /// How many links it is away from what was asked; below zero upstream.
    pub level: i64,
    /// `compiled`: from the query that dbt compiled. `rendered`: dbt has not compiled it, and belay
    /// put the references in. `declared`: it has no query. `unread`: not understood.
    pub understood: String,
    /// Its columns are enforced by a contract.
    pub contract: bool,
    /// The columns are all there are.
    pub complete: bool,
    pub columns: Vec<Column>,
    /// Sets of columns that identify a row: proved by its query, or held by tests or constraints.
    pub keys: Vec<Vec<String>>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub data_type: Option<String>,
    /// The walk came past it.
    pub on_the_way: bool,
    /// It comes out differently each time.
    pub volatile: bool,
    /// Nobody knows what it is made from.
    pub unknown: bool,
}

/// `to` depends on `from`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    pub from: End,
    pub to: End,
    /// In a query `value`, `filter`, `join`, `group`, `window` or `order`: what the column is read
    /// for. `reads` and `tests`: by what is declared over it. `rows`: the rows of one depend on
    /// those of the other. `unknown`: the reader is not understood.
    pub kind: String,
    /// `certain` or `likely`.
    pub confidence: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    pub node: String,
    pub why: String,
}

/// Puts an answer together.
pub(super) fn lineage(
    manifest: &Manifest,
    project: &Project,
    graph: &Graph,
    start: &Place,
    direction: Direction,
    walk: &Walk,
) -> Lineage {
    let mut touched: BTreeMap<&NodeId, BTreeSet<&str>> = BTreeMap::new();
    let ends = walk.links.iter().flat_map(|link| [&link.from, &link.to]);
    for place in ends.chain([start]) {
        touched.entry(&place.node).or_default().extend(place.column.as_deref());
    }
    if start.column.is_none() {
        let outputs = project.of.get(&start.node).map(|node| node.outputs.iter());
        let names = outputs.into_iter().flatten().map(|output| output.name.as_str());
        touched.entry(&start.node).or_default().extend(names);
    }
    let order: BTreeMap<&NodeId, usize> =
        project.order.iter().enumerate().map(|(at, id)| (id, at)).collect();
    let mut ids: Vec<(&NodeId, i64)> = walk.nodes.iter().map(|(id, level)| (id, *level)).collect();
    ids.sort_by_key(|(id, _)| order.get(id).copied().unwrap_or(usize::MAX));
    let empty = BTreeSet::new();
    let nodes: Vec<Node> = ids
        .iter()
        .filter_map(|(id, level)| {
            let of = manifest.node(id)?;
            let touched = touched.get(id).unwrap_or(&empty);
            Some(node(of, project.of.get(*id), graph, touched, *level))
        })
        .collect();
    let unread = ids.iter().filter_map(|(id, _)| match &project.of.get(*id)?.understood {
        Understood::No(why) => Some(Unread { node: id.to_string(), why: why.clone() }),
        _ => None,
    });
    Lineage {
        schema: SCHEMA.to_owned(),
        of: end(start),
        direction: direction.as_str().to_owned(),
        dialect: project.dialect.as_str().to_owned(),
        nodes,
        links: walk.links.iter().map(link).collect(),
        unread: unread.collect(),
    }
}

fn end(place: &Place) -> End {
    End { node: place.node.to_string(), column: place.column.clone() }
}

fn link(link: &super::graph::Link) -> Link {
    Link {
        from: end(&link.from),
        to: end(&link.to),
        kind: link.kind.as_str().to_owned(),
        confidence: found::sureness(link.confidence).to_owned(),
    }
}

fn node(
    of: &DbtNode,
    lineage: Option<&NodeLineage>,
    graph: &Graph,
    touched: &BTreeSet<&str>,
    level: i64,
) -> Node {
    let mut columns: Vec<Column> = Vec::new();
    if let Some(lineage) = lineage {
        columns.extend(lineage.outputs.iter().map(|output| column(output, lineage, touched)));
    }
    // Columns that nobody declared, and that others read all the same; elements of semantic models.
    let known: BTreeSet<String> = columns.iter().map(|column| column.name.clone()).collect();
    let linked = graph.columns(&of.id).into_iter().filter(|name| !known.contains(*name));
    columns.extend(linked.map(|name| Column {
        name: name.to_owned(),
        data_type: None,
        on_the_way: touched.contains(name),
        volatile: false,
        unknown: lineage.is_some_and(|lineage| {
            !matches!(lineage.understood, Understood::Declared) && lineage.star.is_empty()
        }),
    }));
    Node {
        id: of.id.to_string(),
        name: shown_name(of),
        kind: of.kind.as_str().to_owned(),
        path: (!of.path.is_empty()).then(|| of.path.to_string()),
        relation: lineage.and_then(|lineage| lineage.name.as_ref()).map(ToString::to_string),
        level,
        understood: understood(lineage).to_owned(),
        contract: of.contract_enforced(),
        complete: lineage.is_none_or(|lineage| lineage.table.is_complete),
        columns,
        keys: lineage
            .map(|lineage| lineage.table.keys.iter().cloned().collect())
            .unwrap_or_default(),
        notes: lineage.map(|lineage| lineage.notes.clone()).unwrap_or_default(),
    }
}

fn understood(lineage: Option<&NodeLineage>) -> &'static str {
    match lineage.map(|lineage| &lineage.understood) {
        Some(Understood::Compiled) => "compiled",
        Some(Understood::Rendered) => "rendered",
        Some(Understood::No(_)) => "unread",
        Some(Understood::Declared) | None => "declared",
    }
}

fn column(output: &Output, lineage: &NodeLineage, touched: &BTreeSet<&str>) -> Column {
    Column {
        name: output.name.clone(),
        data_type: output.data_type.clone(),
        on_the_way: touched.contains(output.name.as_str()),
        volatile: lineage.volatile.contains(&output.name),
        unknown: output.sources.is_none(),
    }
}

/// `orders`, `orders.v2`, `raw.orders`.
fn shown_name(node: &DbtNode) -> String {
    match (node.source(), &node.version) {
        (Some(source), _) => format!("{}.{}", source.system, node.name),
        (None, Some(version)) if node.kind == Kind::Model => format!("{}.v{version}", node.name),
        _ => node.name.to_string(),
    }
}
