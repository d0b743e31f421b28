//! Which edit moved what. Two things speak: the code says what an edit can reach, and the data say
//! where a change came through. Behind a relation that came out equal an edit moves nothing.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::{Manifest, NodeId};
use belay_diff::ColumnChange;
use belay_model::Digest;

use crate::impact::{Compared, Edit, EditKind, Findings};

/// Edits, and what each of them can have moved.
#[derive(Debug)]
pub(super) struct Causes {
    pub edits: Vec<Edit>,
    of: BTreeMap<NodeId, BTreeSet<String>>,
    still: BTreeSet<NodeId>,
    flow: BTreeSet<NodeId>,
    /// Nodes that somebody edited in a way that can touch data.
    touched: BTreeSet<NodeId>,
}

impl Causes {
    pub(super) fn find(facts: &Findings) -> Self {
        let edits = if facts.meaning.edits.is_empty() {
            one_for_each_node(facts)
        } else {
            facts.meaning.edits.clone()
        };
        let still: BTreeSet<NodeId> = facts
            .data
            .iter()
            .filter(|compared| stands_still(compared))
            .map(|compared| compared.node.clone())
            .collect();
        let mut of: BTreeMap<NodeId, BTreeSet<String>> = BTreeMap::new();
        let mut flow = BTreeSet::new();
        for edit in &edits {
            let reaches = |id: &NodeId| edit.reaches.is_empty() || edit.reaches.contains(id);
            for node in moved_by(edit, facts, &still, &reaches) {
                of.entry(node).or_default().insert(edit.id.clone());
            }
            flow.extend(moved_by(edit, facts, &still, &|_| true));
        }
        let touched = edits.iter().flat_map(|edit| &edit.nodes).filter(|id| touches(facts, id));
        Self { touched: touched.cloned().collect(), edits, of, still, flow }
    }

    /// Some edit's change of data can have come here, whatever the code says of its reach.
    pub(super) fn is_downstream(&self, node: &NodeId) -> bool {
        self.flow.contains(node)
    }

    /// The edits that can have moved `node`.
    pub(super) fn of(&self, node: &NodeId) -> BTreeSet<String> {
        self.of.get(node).cloned().unwrap_or_default()
    }

    /// It was compared, and its data are what they were.
    pub(super) fn is_still(&self, node: &NodeId) -> bool {
        self.still.contains(node)
    }

    pub(super) fn edit(&self, id: &str) -> Option<&Edit> {
        self.edits.iter().find(|edit| edit.id == id)
    }

    /// Somebody edited what makes this node's data.
    pub(super) fn is_edited(&self, node: &NodeId) -> bool {
        self.touched.contains(node)
    }
}

/// The node changed in a way that can touch data; a word in its description cannot.
fn touches(facts: &Findings, node: &NodeId) -> bool {
    facts.scope.reasons(node).any(belay_dbt::scope::Reason::touches_data)
        || !facts.scope.changed.contains_key(node)
}

/// No row, no value, no column that base has came out differently, and every row was looked at.
pub(super) fn stands_still(compared: &Compared) -> bool {
    let gone = |change| matches!(change, ColumnChange::Removed | ColumnChange::Retyped);
    compared.data_is_equal() && !compared.columns.iter().any(|column| gone(column.change))
}

/// Downstream from what was edited, through whatever is not proved to stand still.
fn moved_by(
    edit: &Edit,
    facts: &Findings,
    still: &BTreeSet<NodeId>,
    reaches: &dyn Fn(&NodeId) -> bool,
) -> BTreeSet<NodeId> {
    let mut seen: BTreeSet<NodeId> = edit
        .nodes
        .iter()
        .filter(|id| !still.contains(*id) && touches(facts, id))
        .cloned()
        .collect();
    let mut open: Vec<NodeId> = seen.iter().cloned().collect();
    while let Some(id) = open.pop() {
        for child in manifest_of(facts, &id).children(&id) {
            // Tests stand in no edit's reach by name: they look at what does.
            let reached = reaches(&child.id) || child.kind.is_test();
            if reached && !still.contains(&child.id) && seen.insert(child.id.clone()) {
                open.push(child.id.clone());
            }
        }
    }
    seen
}

/// Head; of a removed node base, which says who read it.
fn manifest_of<'a>(facts: &'a Findings, id: &NodeId) -> &'a Manifest {
    let (base, head) = (&facts.base.manifest, &facts.head.manifest);
    if head.node(id).is_some() { head } else { base }
}

/// Where nobody said what was edited, every node that differs stands for itself.
fn one_for_each_node(facts: &Findings) -> Vec<Edit> {
    let touched = facts
        .scope
        .changed
        .iter()
        .filter(|(_, reasons)| reasons.iter().any(belay_dbt::scope::Reason::touches_data));
    let edit = |id: &NodeId| {
        let node = facts.head.manifest.node(id).or_else(|| facts.base.manifest.node(id));
        let path = node.map(|node| node.path.to_string()).filter(|path| !path.is_empty());
        let below = facts.scope.affected.iter().filter(|(_, via)| via.contains(id));
        Edit {
            id: format!("E-{}", Digest::of(id.as_str()).short()),
            kind: EditKind::File,
            title: path.clone().unwrap_or_else(|| id.to_string()),
            path,
            line: None,
            nodes: BTreeSet::from([id.clone()]),
            reaches: below.map(|(node, _)| node.clone()).chain([id.clone()]).collect(),
        }
    };
    let is_test =
        |id: &NodeId| manifest_of(facts, id).node(id).is_some_and(|node| node.kind.is_test());
    touched.filter(|(id, _)| !is_test(id)).map(|(id, _)| edit(id)).collect()
}
