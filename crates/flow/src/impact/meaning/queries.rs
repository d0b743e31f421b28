//! What queries say: base's against head's, and what an unchanged one makes of changes above it.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::scope::in_words_of_base;
use belay_dbt::{Catalog, Manifest, NodeId, Scope};
use belay_model::change::{Effect, Meaning};
use belay_sql::TableName;

use super::effect::both;
use crate::lineage::{Project, Understood};

/// The questions that are asked of queries.
pub(super) trait Queries {
    /// Base's query of a node that both sides have against head's; of an incremental model both the
    /// one that builds it afresh and the one that adds to it.
    fn compared(&self, id: &NodeId) -> Compared;
    /// What the query of head makes of changes in the tables that it reads.
    fn propagated(&self, id: &NodeId, upstream: &BTreeMap<TableName, Effect>) -> Effect;
    /// How queries name the node.
    fn table(&self, id: &NodeId) -> Option<TableName>;
    /// The columns of `parent` that the node's query reads, as far as that is known.
    fn reads(&self, id: &NodeId, parent: &NodeId) -> Option<BTreeSet<String>>;
    /// Why head's query was not understood.
    fn unread(&self, id: &NodeId) -> Option<String>;
    /// Columns that come out differently each time.
    fn volatile(&self, id: &NodeId) -> BTreeSet<String>;
}

/// Two queries of one node.
#[derive(Debug, Clone)]
pub(super) struct Compared {
    /// Built afresh. `None` where a side has no query.
    pub afresh: Option<Effect>,
    /// As an increment, where it has one and both are known.
    pub increment: Option<Effect>,
}

/// Both projects, with what is known of their tables.
pub(super) struct Both<'a> {
    base: &'a Manifest,
    head: &'a Manifest,
    renamed: BTreeMap<NodeId, NodeId>,
    before: Project,
    now: Project,
}

impl<'a> Both<'a> {
    pub(super) fn of(
        (base, base_catalog): (&'a Manifest, Option<&Catalog>),
        (head, head_catalog): (&'a Manifest, Option<&Catalog>),
        scope: &Scope,
    ) -> Self {
        let renamed = scope.renamed();
        let before = Project::of(base, base_catalog);
        let now = Project::of(head, head_catalog);
        Self { base, head, renamed, before, now }
    }

    /// The node as base knows it.
    fn old_id<'b>(&'b self, id: &'b NodeId) -> &'b NodeId {
        self.renamed.get(id).unwrap_or(id)
    }

    /// The query of both sides.
    fn texts(&self, id: &NodeId) -> Option<(&str, &str)> {
        let before = self.before.node(self.old_id(id))?.text.as_deref()?;
        Some((before, self.now.node(id)?.text.as_deref()?))
    }

    fn compare(&self, id: &NodeId, base: &str, head: &str) -> Effect {
        let Some(node) = self.head.node(id) else { return Effect::unknown("the node is gone") };
        let head = in_words_of_base(head, self.base, self.head, node, &self.renamed);
        let old = self.old_id(id);
        // Head's tables are looked up under the names that base has for them.
        let mut in_base_words = belay_sql::Tables::default();
        let inputs = self.now.node(id).map(|node| node.inputs.as_slice()).unwrap_or_default();
        for input in inputs {
            let Some(known) = self.now.node(input) else { continue };
            let in_base = self.before.node(self.old_id(input)).and_then(|node| node.name.as_ref());
            if let Some(name) = in_base.or(known.name.as_ref()) {
                in_base_words.insert(name.clone(), known.table.clone());
            }
        }
        let before = self.before.tables(old);
        belay_sql::compare(base, &head, self.now.dialect, &before, &in_base_words).effect
    }
}

impl Queries for Both<'_> {
    fn compared(&self, id: &NodeId) -> Compared {
        let old = self.old_id(id);
        let afresh = self.texts(id).map(|(before, now)| self.compare(id, before, now));
        let before = self.base.node(old).and_then(|node| node.increment.as_deref());
        let now = self.head.node(id).and_then(|node| node.increment.as_deref());
        let increment = before.zip(now).map(|(before, now)| self.compare(id, before, now));
        Compared { afresh, increment }
    }

    fn propagated(&self, id: &NodeId, upstream: &BTreeMap<TableName, Effect>) -> Effect {
        match self.now.query(id) {
            None => Effect::unknown("it has no query that could be read"),
            Some(Err(unread)) => Effect::unknown(unread.to_string()),
            Some(Ok(query)) => {
                let effect = belay_sql::propagate(&query, upstream);
                // What `*` means depends on the columns that there are.
                let moves = |of: &Effect| {
                    !(of.removed.is_empty() && of.renamed.is_empty() && of.retyped.is_empty())
                        || of.meaning == Meaning::Schema
                };
                if !upstream.values().any(moves) {
                    return effect;
                }
                match self.texts(id) {
                    Some((before, now)) => both(effect, self.compare(id, before, now)),
                    None => {
                        Effect::unknown("columns of what it reads moved, and base has no query")
                    }
                }
            }
        }
    }

    fn table(&self, id: &NodeId) -> Option<TableName> {
        self.now.node(id)?.name.clone()
    }

    fn reads(&self, id: &NodeId, parent: &NodeId) -> Option<BTreeSet<String>> {
        // In base the columns that are gone are still there.
        let node = self.before.node(self.old_id(id)).or_else(|| self.now.node(id))?;
        if matches!(node.understood, Understood::No(_)) {
            return None;
        }
        let of_parent = |read: &&crate::lineage::Read| read.node.as_ref() == Some(parent);
        let mut found: BTreeSet<String> =
            node.rows.iter().filter(of_parent).filter_map(|read| read.column.clone()).collect();
        for output in &node.outputs {
            let sources = output.sources.as_ref()?;
            found.extend(sources.iter().filter(of_parent).filter_map(|read| read.column.clone()));
        }
        Some(found)
    }

    fn unread(&self, id: &NodeId) -> Option<String> {
        match &self.now.node(id)?.understood {
            Understood::No(why) => Some(why.clone()),
            _ => None,
        }
    }

    fn volatile(&self, id: &NodeId) -> BTreeSet<String> {
        self.now.node(id).map(|node| node.volatile.clone()).unwrap_or_default()
    }
}
