//! Nodes parents first, and the circle that keeps some from having a place.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::{Manifest, NodeId};

/// Every node after its parents; then, if there is one, a circle: each reads the next, the last
/// reads the first.
pub(super) fn order(manifest: &Manifest) -> (Vec<NodeId>, Vec<NodeId>) {
    let mut waiting: BTreeMap<&NodeId, usize> = BTreeMap::new();
    let mut ready = BTreeSet::new();
    for node in manifest.nodes() {
        let parents = manifest.parents(&node.id).count();
        if parents == 0 {
            ready.insert(&node.id);
        } else {
            waiting.insert(&node.id, parents);
        }
    }
    let mut order = Vec::new();
    while let Some(id) = ready.pop_first() {
        order.push(id.clone());
        for child in manifest.children(id) {
            if let Some(left) = waiting.get_mut(&child.id) {
                *left -= 1;
                if *left == 0 {
                    waiting.remove(&child.id);
                    ready.insert(&child.id);
                }
            }
        }
    }
    let cycle = circle(manifest, &waiting.into_keys().collect());
    (order, cycle)
}

/// A circle among nodes that wait for each other.
fn circle(manifest: &Manifest, waiting: &BTreeSet<&NodeId>) -> Vec<NodeId> {
    let mut path: Vec<NodeId> = Vec::new();
    let mut at = waiting.first().map(|id| (*id).clone());
    while let Some(id) = at {
        if let Some(begin) = path.iter().position(|seen| *seen == id) {
            return path.split_off(begin);
        }
        // Who waits has a parent that waits.
        let parent = manifest.parents(&id).find(|parent| waiting.contains(&parent.id));
        at = parent.map(|parent| parent.id.clone());
        path.push(id);
    }
    Vec::new()
}
