//! From a column, or a whole node, up to where it comes from and down to who depends on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use belay_dbt::NodeId;

use super::graph::{Graph, Link, LinkKind, Place};
use super::{Confidence, Edge};

/// Which way to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
    Both,
}

impl Direction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Both => "both",
        }
    }
}

/// What a walk came past.
#[derive(Debug, Default)]
pub struct Walk {
    pub links: BTreeSet<Link>,
    /// How many links away each node is; below zero upstream.
    pub nodes: BTreeMap<NodeId, i64>,
}

/// Walks from `start`, at most `depth` links far.
pub fn walk(graph: &Graph, start: &Place, direction: Direction, depth: Option<usize>) -> Walk {
    let mut walk = Walk::default();
    walk.nodes.insert(start.node.clone(), 0);
    let depth = depth.unwrap_or(usize::MAX);
    if direction != Direction::Down {
        walk.up(graph, start, depth);
    }
    if direction != Direction::Up {
        walk.down(graph, start, depth);
    }
    walk
}

impl Walk {
    fn pass(&mut self, link: &Link, node: &NodeId, level: i64) {
        self.links.insert(link.clone());
        self.nodes.entry(node.clone()).or_insert(level);
    }

    /// Values all the way. What decides the rows of a node on the way is named and not followed.
    fn up(&mut self, graph: &Graph, start: &Place, depth: usize) {
        let begin = (start.clone(), start.column.is_none());
        let mut seen = BTreeSet::from([begin.clone()]);
        let mut open = VecDeque::from([(begin, 0_usize)]);
        while let Some(((place, whole), far)) = open.pop_front() {
            if far >= depth {
                continue;
            }
            for link in graph.into(&place.node) {
                let of_rows = link.to.column.is_none();
                if !(whole || of_rows || link.to.column == place.column) {
                    continue;
                }
                self.pass(link, &link.from.node, -level(far + 1));
                let is_read_whole = link.kind == LinkKind::Reads && link.from.column.is_none();
                let next = (link.from.clone(), is_read_whole);
                let follows = (whole || !of_rows) && link.kind != LinkKind::Unknown;
                if follows && seen.insert(next.clone()) {
                    open.push_back((next, far + 1));
                }
            }
        }
    }

    /// Values column by column; then, from nodes whose rows depend on the start, node by node. Of a
    /// whole node every reader's rows depend: there the second matters only where no column does.
    fn down(&mut self, graph: &Graph, start: &Place, depth: usize) {
        let whole = start.column.is_none();
        let mut rows: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut valued = BTreeSet::new();
        let mut seen = BTreeSet::from([start.clone()]);
        let mut open = VecDeque::from([(start.clone(), 0_usize)]);
        while let Some((place, far)) = open.pop_front().filter(|(_, far)| *far < depth) {
            let all = whole && place.node == start.node;
            for link in graph.out_of(&place.node).filter(|link| link.to.node != link.from.node) {
                if !(all || link.from.column == place.column || may_read(link)) {
                    continue;
                }
                self.pass(link, &link.to.node, level(far + 1));
                if link.to.column.is_none() {
                    rows.entry(link.to.node.clone()).or_insert(far + 1);
                    continue;
                }
                valued.insert(link.to.node.clone());
                if seen.insert(link.to.clone()) {
                    open.push_back((link.to.clone(), far + 1));
                }
            }
        }
        if whole {
            rows.retain(|node, _| !valued.contains(node));
        }
        self.down_by_rows(graph, rows, depth);
    }

    fn down_by_rows(&mut self, graph: &Graph, from: BTreeMap<NodeId, usize>, depth: usize) {
        let mut seen: BTreeSet<NodeId> = from.keys().cloned().collect();
        let mut open: VecDeque<(NodeId, usize)> = from.into_iter().collect();
        while let Some((node, far)) = open.pop_front() {
            if far >= depth {
                continue;
            }
            for link in graph.out_of(&node).filter(|link| link.to.node != node) {
                let kind = match link.kind {
                    LinkKind::Edge(_) => LinkKind::Rows,
                    kind => kind,
                };
                let to = Place::of(&link.to.node, None);
                let (from, confidence) = (Place::of(&node, None), link.confidence);
                self.pass(&Link { from, to, kind, confidence }, &link.to.node, level(far + 1));
                if seen.insert(link.to.node.clone()) {
                    open.push_back((link.to.node.clone(), far + 1));
                }
            }
        }
    }
}

/// Nobody knows which columns it reads.
fn may_read(link: &Link) -> bool {
    link.from.column.is_none()
        && match link.kind {
            LinkKind::Edge(edge) => edge == Edge::Value && link.confidence == Confidence::Likely,
            LinkKind::Tests | LinkKind::Reads => link.confidence == Confidence::Likely,
            LinkKind::Unknown => true,
            LinkKind::Rows => false,
        }
}

fn level(far: usize) -> i64 {
    i64::try_from(far).unwrap_or(i64::MAX)
}
