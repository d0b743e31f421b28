//! Who reads what a change moves.

use std::collections::BTreeSet;

use belay_dbt::manifest::{Kind, Node};
use belay_dbt::{Manifest, NodeId};

use super::weights::{
    EXPOSURE_HIGH, EXPOSURE_LOW, EXPOSURE_MEDIUM, MANY_READERS, NOBODY_KNOWN, PROMISED,
    SOME_READERS, Weight,
};
use crate::figures::counted_usize;

/// Who reads a node in the end.
#[derive(Clone, Copy)]
pub(super) struct Consumers<'a> {
    pub head: &'a Manifest,
}

impl Consumers<'_> {
    pub(super) fn exposures(self, node: &NodeId) -> BTreeSet<NodeId> {
        let below = self.below([node.clone()].into());
        below.into_iter().filter(|id| self.is(id, Kind::Exposure)).collect()
    }

    pub(super) fn name(self, id: &NodeId) -> String {
        self.head.node(id).map_or_else(|| id.to_string(), |node| node.name.to_string())
    }

    fn is(self, id: &NodeId, kind: Kind) -> bool {
        self.head.node(id).is_some_and(|node| node.kind == kind)
    }

    /// Everything below `nodes`, without them.
    fn below(self, nodes: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let mut open: Vec<NodeId> = nodes.iter().cloned().collect();
        let mut seen = nodes.clone();
        while let Some(id) = open.pop() {
            for child in self.head.children(&id) {
                if seen.insert(child.id.clone()) {
                    open.push(child.id.clone());
                }
            }
        }
        seen.retain(|id| !nodes.contains(id));
        seen
    }

    /// What the consumers of `nodes` weigh, with a word on each.
    pub(super) fn weigh(self, nodes: &BTreeSet<NodeId>) -> Vec<(&'static Weight, String)> {
        let below = self.below(nodes.clone());
        let node = |id: &NodeId| self.head.node(id);
        let mut found = Vec::new();
        let maturity = |node: &Node| {
            let maturity = node.exposure().and_then(|exposure| exposure.maturity.clone());
            match maturity.as_deref() {
                Some("high") => &EXPOSURE_HIGH,
                Some("medium") => &EXPOSURE_MEDIUM,
                _ => &EXPOSURE_LOW,
            }
        };
        let exposures = below.iter().filter_map(node).filter(|node| node.kind == Kind::Exposure);
        let exposures: Vec<(&Weight, &Node)> =
            exposures.map(|exposure| (maturity(exposure), exposure)).collect();
        match exposures.iter().max_by_key(|(weight, _)| weight.points) {
            Some((weight, first)) => {
                let word = first.exposure().and_then(|exposure| exposure.maturity.clone());
                let word = word.map(|word| format!(", maturity {word}")).unwrap_or_default();
                let others = match exposures.len() - 1 {
                    0 => String::new(),
                    rest => format!(" (and {rest} more)"),
                };
                found.push((*weight, format!("reaches `{}`{word}{others}", first.name)));
            }
            None => found.push((&NOBODY_KNOWN, NOBODY_KNOWN.when.to_owned())),
        }
        let promised = |node: &&Node| node.contract_enforced() || node.access() == Some("public");
        let promised = nodes.iter().chain(&below).filter_map(node).find(promised);
        if let Some(promised) = promised {
            let why = if promised.contract_enforced() { "has a contract" } else { "is public" };
            found.push((&PROMISED, format!("`{}` {why}", promised.name)));
        }
        let readers = below.iter().filter_map(node).filter(|node| node.kind.is_built()).count();
        let fan_out = match readers {
            0 => None,
            1..=4 => Some(&SOME_READERS),
            _ => Some(&MANY_READERS),
        };
        found.extend(
            fan_out.map(|weight| {
                (weight, format!("{} below the edit", counted_usize(readers, "node")))
            }),
        );
        found
    }
}
