//! Every link between columns of a project, and from columns to what is declared over them.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::{Manifest, NodeId};

use super::{Confidence, Edge, NodeLineage, Output, Project, Read, found, readers};

/// A column of a node, a measure of a semantic model; without a column, the node's rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub node: NodeId,
    pub column: Option<String>,
}

impl Place {
    pub fn of(node: &NodeId, column: Option<&str>) -> Self {
        Self { node: node.clone(), column: column.map(str::to_owned) }
    }
}

/// `to` depends on `from`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    pub from: Place,
    pub to: Place,
    pub kind: LinkKind,
    pub confidence: Confidence,
}

/// How one place depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkKind {
    /// In a query. To a node's rows: it decides which rows there are.
    Edge(Edge),
    /// An exposure, a metric, a saved query, a semantic model.
    Reads,
    Tests,
    /// The rows of one are made from the rows of the other.
    Rows,
    /// The reader is not understood: it may read anything of its parents.
    Unknown,
}

impl LinkKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edge(edge) => found::word(edge),
            Self::Reads => "reads",
            Self::Tests => "tests",
            Self::Rows => "rows",
            Self::Unknown => "unknown",
        }
    }
}

/// The links of a project, from both ends.
#[derive(Debug, Default)]
pub struct Graph {
    links: Vec<Link>,
    /// By the node at each end, as positions in `links`.
    from: BTreeMap<NodeId, Vec<usize>>,
    to: BTreeMap<NodeId, Vec<usize>>,
}

impl Graph {
    /// Call it inside [`belay_sql::with_deep_stack`]: expressions of semantic models are read.
    pub fn of(manifest: &Manifest, project: &Project) -> Self {
        let mut links = BTreeSet::new();
        for (id, node) in &project.of {
            links.extend(links_of(manifest, id, node));
        }
        links.extend(readers::links(manifest, project));
        behind_stars(project, &mut links);
        let mut graph = Self::default();
        for link in links {
            let at = graph.links.len();
            graph.from.entry(link.from.node.clone()).or_default().push(at);
            graph.to.entry(link.to.node.clone()).or_default().push(at);
            graph.links.push(link);
        }
        graph
    }

    /// The links that begin anywhere in a node.
    pub fn out_of(&self, node: &NodeId) -> impl Iterator<Item = &Link> {
        let at = self.from.get(node).map(Vec::as_slice).unwrap_or_default();
        at.iter().filter_map(|at| self.links.get(*at))
    }

    /// The links that end anywhere in a node.
    pub fn into(&self, node: &NodeId) -> impl Iterator<Item = &Link> {
        let at = self.to.get(node).map(Vec::as_slice).unwrap_or_default();
        at.iter().filter_map(|at| self.links.get(*at))
    }

    /// The columns of a node that anything links.
    pub fn columns(&self, node: &NodeId) -> BTreeSet<&str> {
        let out = self.out_of(node).filter_map(|link| link.from.column.as_deref());
        out.chain(self.into(node).filter_map(|link| link.to.column.as_deref())).collect()
    }
}

/// Columns that somebody reads and nobody named, where a `*` brings them in: they come from columns
/// of the same name.
fn behind_stars(project: &Project, links: &mut BTreeSet<Link>) {
    let mut read: BTreeMap<NodeId, BTreeSet<String>> = BTreeMap::new();
    for link in &*links {
        if let Some(column) = &link.from.column {
            read.entry(link.from.node.clone()).or_default().insert(column.clone());
        }
    }
    // Children first: what they need of a node is known before the node's turn.
    for id in project.order.iter().rev() {
        let Some(node) = project.of.get(id).filter(|node| !node.star.is_empty()) else { continue };
        for name in read.get(id).cloned().unwrap_or_default() {
            if node.output(&name).is_some() {
                continue;
            }
            for from in found::named(&node.star, &name) {
                let Some(parent) = from.node else { continue };
                read.entry(parent.clone()).or_default().insert(name.clone());
                links.insert(Link {
                    from: Place::of(&parent, Some(&name)),
                    to: Place::of(id, Some(&name)),
                    kind: LinkKind::Edge(Edge::Value),
                    confidence: Confidence::Likely,
                });
            }
        }
    }
}

fn links_of(manifest: &Manifest, id: &NodeId, node: &NodeLineage) -> Vec<Link> {
    let link = |read: &Read, to: &Place| {
        let from = Place { node: read.node.clone()?, column: read.column.clone() };
        let is_rows = to.column.is_none() && read.column.is_none() && read.edge == Edge::Value;
        let kind = if is_rows { LinkKind::Rows } else { LinkKind::Edge(read.edge) };
        let to = to.clone();
        Some(Link { from, to, kind, confidence: read.confidence })
    };
    let sources = |output: &Output| {
        let to = Place::of(id, Some(&output.name));
        output.sources.iter().flatten().filter_map(|read| link(read, &to)).collect::<Vec<_>>()
    };
    let mut links: Vec<Link> = node.outputs.iter().flat_map(sources).collect();
    let rows = Place::of(id, None);
    links.extend(node.rows.iter().filter_map(|read| link(read, &rows)));
    if node.is_unread() || node.outputs.iter().any(|output| output.sources.is_none()) {
        // Nothing may look as if it had no parents.
        links.extend(manifest.parents(id).map(|parent| Link {
            from: Place::of(&parent.id, None),
            to: rows.clone(),
            kind: LinkKind::Unknown,
            confidence: Confidence::Likely,
        }));
    }
    links
}
