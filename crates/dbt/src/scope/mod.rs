//! What a change to a project reaches: dbt's `state:modified+`, with reasons and without its
//! false alarms, from two manifests alone.

mod compare;
mod macros;
mod reach;
mod reason;
mod spelling;
mod target;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use self::reach::Via;
pub use self::reason::Reason;

use self::compare::{Comparison, can_compare_seed, may_add};
use self::macros::MacroChanges;
use self::target::Retarget;
use crate::id::NodeId;
use crate::manifest::{Kind, Manifest, Node, order};

/// What changed between two parses of a project, and what that reaches.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Every node that differs, with each way in which it does. Removed nodes are among them.
    pub changed: BTreeMap<NodeId, BTreeSet<Reason>>,
    pub removed: BTreeMap<NodeId, Removal>,
    /// The nodes of head below a change that touches data. A changed node is among them if it is
    /// below another.
    pub affected: BTreeMap<NodeId, Via>,
    pub selection: Selection,
    /// Seeds that dbt did not hash, for they are over 1 MiB: nobody knows whether they changed.
    pub uncomparable: BTreeSet<NodeId>,
    /// Macros of the project and its packages that are new, gone or written otherwise.
    pub macros: BTreeSet<NodeId>,
    /// Nodes that call a changed macro and yet compile to what they did: with those macros.
    pub unmoved: BTreeMap<NodeId, BTreeSet<NodeId>>,
    pub compared_by: ComparedBy,
    /// Incremental models of which only one case was compared, as written.
    pub half_compared: BTreeSet<NodeId>,
    /// dbt's version in base and in head, where they differ.
    pub engine_upgraded: Option<(Box<str>, Box<str>)>,
    /// How many macros of dbt itself or of the adapter differ. They count as reasons nowhere.
    pub engine_macros_differ: usize,
    /// Base and head were parsed for different databases or schemas.
    pub is_retargeted: bool,
}

/// What to build and what to test, in an order that works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Models, seeds, snapshots and functions; parents first.
    pub build: Vec<NodeId>,
    /// Tests and unit tests.
    pub test: Vec<NodeId>,
}

/// How a node left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub kind: Kind,
    /// It is still written, but switched off.
    pub is_disabled: bool,
    /// What read it in base and is still there.
    pub orphans: Vec<NodeId>,
}

/// What stood beside what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparedBy {
    /// What every node compiles to: variables and macros are seen exactly.
    Compiled,
    /// Some nodes lack compiled code on one side at least.
    Partly { compiled: usize, of: usize },
    /// The code as written and the macros it calls: variables are not seen, and a macro counts
    /// wherever it is called.
    RawAndMacros,
}

/// `code` of a node of head as base would have it: each relation under the name that it has there.
/// Two targets, or a renamed node, then make no difference. `renamed` is [`Scope::renamed`].
pub fn in_words_of_base(
    code: &str,
    base: &Manifest,
    head: &Manifest,
    node: &Node,
    renamed: &BTreeMap<NodeId, NodeId>,
) -> String {
    target::in_words_of_base(code, (base, head), node, renamed)
}

impl Scope {
    /// Compares two parses of a project; best for the same target.
    pub fn between(base: &Manifest, head: &Manifest) -> Self {
        let comparison = Comparison {
            base,
            head,
            retarget: Retarget::between(base, head),
            macros: MacroChanges::between(base, head),
        };
        let changed = changes(&comparison);
        let affected = reach::affected(base, head, &roots(&changed));
        let (old, new) = (&base.metadata.dbt_version, &head.metadata.dbt_version);
        Self {
            removed: removals(base, head),
            selection: selection(head, &changed, &affected),
            uncomparable: uncomparable(base, head),
            macros: comparison.macros.changed(),
            unmoved: unmoved(&comparison, &changed),
            compared_by: compared_by(base, head),
            half_compared: half_compared(base, head),
            engine_upgraded: (old != new).then(|| (old.clone(), new.clone())),
            engine_macros_differ: comparison.macros.engine_macros_differ,
            is_retargeted: comparison.retarget.is_moved(),
            changed,
            affected,
        }
    }

    /// Every SQL model was compared by what it compiles to, incremental ones in both cases: nothing
    /// reaches one unseen.
    pub fn is_compiled(&self) -> bool {
        self.compared_by == ComparedBy::Compiled && self.half_compared.is_empty()
    }

    /// Nothing differs. Seeds that cannot be compared may still.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// Of each renamed node, what it was called in base.
    pub fn renamed(&self) -> BTreeMap<NodeId, NodeId> {
        let from = |(id, reasons): (&NodeId, &BTreeSet<Reason>)| {
            reasons.iter().find_map(|reason| match reason {
                Reason::Renamed { from } => Some((id.clone(), from.clone())),
                _ => None,
            })
        };
        self.changed.iter().filter_map(from).collect()
    }

    /// Why the node counts as changed; nothing if it does not.
    pub fn reasons(&self, id: &NodeId) -> impl Iterator<Item = &Reason> {
        self.changed.get(id).into_iter().flatten()
    }
}

fn changes(comparison: &Comparison<'_>) -> BTreeMap<NodeId, BTreeSet<Reason>> {
    let (base, head) = (comparison.base, comparison.head);
    let renames = renames(base, head);
    let mut changed = BTreeMap::new();
    for new in head.nodes() {
        let reasons = match base.node(&new.id) {
            Some(old) => comparison.reasons(old, new),
            None => arrival(new, &renames),
        };
        if !reasons.is_empty() {
            changed.insert(new.id.clone(), reasons);
        }
    }
    changed.extend(gone(base, head).map(|old| (old.id.clone(), BTreeSet::from([Reason::Removed]))));
    changed
}

fn gone<'a>(base: &'a Manifest, head: &'a Manifest) -> impl Iterator<Item = &'a Node> {
    base.nodes().filter(|old| head.node(&old.id).is_none())
}

fn arrival(new: &Node, renames: &BTreeMap<NodeId, NodeId>) -> BTreeSet<Reason> {
    let renamed = renames.get(&new.id).map(|from| Reason::Renamed { from: from.clone() });
    std::iter::once(Reason::New).chain(renamed).collect()
}

/// From each new node to the removed node of the same kind and code, where there is just one.
fn renames(base: &Manifest, head: &Manifest) -> BTreeMap<NodeId, NodeId> {
    let removed = by_body(gone(base, head));
    let arrived = by_body(head.nodes().filter(|new| base.node(&new.id).is_none()));
    let pairs =
        arrived.into_iter().filter_map(|(body, new)| match (&*new, &**removed.get(&body)?) {
            ([to], [from]) => Some(((*to).clone(), (*from).clone())),
            _ => None,
        });
    pairs.collect()
}

fn by_body<'a>(
    nodes: impl Iterator<Item = &'a Node>,
) -> BTreeMap<(Kind, &'a str), Vec<&'a NodeId>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (node, body) in nodes.filter_map(|node| Some((node, body(node)?))) {
        found.entry((node.kind, body)).or_default().push(&node.id);
    }
    found
}

/// What tells a node that is built from any other: its code, or the hash of its file.
fn body(node: &Node) -> Option<&str> {
    let hash = node.checksum.as_ref().filter(|checksum| !checksum.is_of_path());
    let body = match node.kind {
        Kind::Model | Kind::Snapshot => node.raw_code.trim(),
        Kind::Seed => &*hash?.digest,
        _ => return None,
    };
    (!body.is_empty()).then_some(body)
}

fn removals(base: &Manifest, head: &Manifest) -> BTreeMap<NodeId, Removal> {
    let removal = |old: &Node| {
        let remaining = base.children(&old.id).filter(|child| head.node(&child.id).is_some());
        Removal {
            kind: old.kind,
            is_disabled: head.disabled.contains(&old.id),
            orphans: remaining.map(|child| child.id.clone()).collect(),
        }
    };
    gone(base, head).map(|old| (old.id.clone(), removal(old))).collect()
}

/// The changed nodes from which a change of data flows on.
fn roots(changed: &BTreeMap<NodeId, BTreeSet<Reason>>) -> BTreeSet<NodeId> {
    let touched = changed.iter().filter(|(_, reasons)| reasons.iter().any(Reason::touches_data));
    touched.map(|(id, _)| id.clone()).collect()
}

fn selection(
    head: &Manifest,
    changed: &BTreeMap<NodeId, BTreeSet<Reason>>,
    affected: &BTreeMap<NodeId, Via>,
) -> Selection {
    let is_due = |node: &Node| {
        let reasons = changed.get(&node.id).into_iter().flatten();
        affected.contains_key(&node.id) || reasons.into_iter().any(Reason::needs_build)
    };
    let is_test_due = |node: &Node| {
        let reasons = changed.get(&node.id).into_iter().flatten();
        let is_changed =
            reasons.into_iter().any(|reason| reason.touches_data() || *reason == Reason::Test);
        is_changed || head.parents(&node.id).any(is_due)
    };
    let nodes = order(head.len(), |at| head.graph().children(at));
    let nodes: Vec<_> = nodes.into_iter().filter_map(|at| head.node_at(at)).collect();
    let ids = |chosen: &dyn Fn(&Node) -> bool| {
        nodes.iter().filter(|node| chosen(node)).map(|node| node.id.clone()).collect()
    };
    Selection {
        build: ids(&|node| node.kind.is_built() && !node.is_ephemeral() && is_due(node)),
        test: ids(&|node| node.kind.is_test() && is_test_due(node)),
    }
}

fn uncomparable(base: &Manifest, head: &Manifest) -> BTreeSet<NodeId> {
    let unknown = head
        .of_kind(Kind::Seed)
        .filter(|new| base.node(&new.id).is_some_and(|old| !can_compare_seed(old, new)));
    unknown.map(|new| new.id.clone()).collect()
}

fn unmoved(
    comparison: &Comparison<'_>,
    changed: &BTreeMap<NodeId, BTreeSet<Reason>>,
) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
    let same = comparison.head.nodes().filter(|new| {
        matches!(new.kind, Kind::Model | Kind::Snapshot) && !changed.contains_key(&new.id)
    });
    let called = |new: &Node| {
        let macros = comparison.macros.reaching(comparison.base.node(&new.id)?, new);
        (!macros.is_empty()).then(|| (new.id.clone(), macros))
    };
    same.filter_map(called).collect()
}

fn half_compared(base: &Manifest, head: &Manifest) -> BTreeSet<NodeId> {
    let in_both = head.of_kind(Kind::Model).filter(|new| base.node(&new.id).is_some());
    let half = in_both.filter(|new| may_add(new) && new.increment.is_none());
    half.map(|new| new.id.clone()).collect()
}

fn compared_by(base: &Manifest, head: &Manifest) -> ComparedBy {
    let in_both = head.of_kind(Kind::Model).filter_map(|new| Some((base.node(&new.id)?, new)));
    let sql = in_both.filter(|(_, new)| new.language.as_deref() != Some("python"));
    let (mut compiled, mut of) = (0, 0);
    for (old, new) in sql {
        of += 1;
        compiled += usize::from(old.compiled_code.is_some() && new.compiled_code.is_some());
    }
    match compiled {
        0 => ComparedBy::RawAndMacros,
        all if all == of => ComparedBy::Compiled,
        _ => ComparedBy::Partly { compiled, of },
    }
}
