//! Building in waves: what was changed first, then what reads it. Whoever reads only outputs that
//! came out equal is cut off: it would come out equal as well.
//!
//! A start of dbt costs seconds, so there are at most [`MOST`] of them, and only where they may
//! save something.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::manifest::Node;
use belay_dbt::scope::Reason;
use belay_dbt::{Manifest, NodeId, Scope};
use belay_diff::How;

use super::{Compared, CutOff, Findings};

/// How often dbt is started to build.
const MOST: usize = 4;

/// So many nodes at least have to be below a wave to be worth the start of another.
const WORTH: usize = 8;

/// What is built and tested, and how far that is.
#[derive(Debug)]
pub(super) struct Waves {
    /// Parents first.
    due: Vec<NodeId>,
    tests: Vec<NodeId>,
    /// Of each due node, the due nodes that it reads, ephemeral models looked through.
    reads: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// Nodes that are built whatever comes out above them.
    own: BTreeSet<NodeId>,
    /// Tests that are run even if nothing of what they test is built.
    own_tests: BTreeSet<NodeId>,
    /// Of each test, the due nodes that it reads.
    tested: BTreeMap<NodeId, BTreeSet<NodeId>>,
    built: BTreeSet<NodeId>,
    /// Tests that stood in a wave.
    given: BTreeSet<NodeId>,
    failed: BTreeMap<NodeId, NodeId>,
    equal: BTreeSet<NodeId>,
    cut: BTreeMap<NodeId, NodeId>,
    runs: usize,
    at_once: bool,
}

/// What one start of dbt builds and tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wave {
    pub build: Vec<NodeId>,
    pub test: Vec<NodeId>,
}

impl Waves {
    /// `at_once`: nothing is to be saved.
    pub(super) fn new(
        findings: &Findings,
        due: &[NodeId],
        tests: &[NodeId],
        at_once: bool,
    ) -> Self {
        let seen = |id: &NodeId| {
            let effect = findings.meaning.effects.get(id);
            effect.is_none_or(|effect| !effect.is_invisible())
        };
        Self::of(&findings.head.manifest, &findings.scope, &seen, (due, tests), at_once)
    }

    fn of(
        head: &Manifest,
        scope: &Scope,
        seen: &dyn Fn(&NodeId) -> bool,
        (due, tests): (&[NodeId], &[NodeId]),
        at_once: bool,
    ) -> Self {
        let built: BTreeSet<&NodeId> = due.iter().collect();
        let reads: BTreeMap<NodeId, BTreeSet<NodeId>> =
            { due.iter() }.map(|id| (id.clone(), due_parents(head, id, &built).0)).collect();
        let tested =
            { tests.iter() }.map(|id| (id.clone(), due_parents(head, id, &built).0)).collect();
        let needs = |id: &NodeId| scope.reasons(id).any(Reason::needs_build);
        let concerned = |id: &NodeId| {
            (scope.changed.contains_key(id) || scope.affected.contains_key(id)) && seen(id)
        };
        // Below something that changes and is not built itself, such as a source or an ephemeral
        // model, nobody can tell what came out of it.
        let below_unbuilt = |id: &NodeId| due_parents(head, id, &built).1.iter().any(concerned);
        let own = due.iter().filter(|id| needs(id) || below_unbuilt(id)).cloned().collect();
        let changed = |id: &&NodeId| {
            scope.reasons(id).any(|reason| reason.touches_data() || *reason == Reason::Test)
        };
        Self {
            due: due.to_vec(),
            tests: tests.to_vec(),
            own_tests: tests.iter().filter(changed).cloned().collect(),
            reads,
            own,
            tested,
            built: BTreeSet::new(),
            given: BTreeSet::new(),
            failed: BTreeMap::new(),
            equal: BTreeSet::new(),
            cut: BTreeMap::new(),
            runs: 0,
            at_once,
        }
    }

    /// What to build next; nothing when all is done.
    pub(super) fn next(&mut self) -> Option<Wave> {
        self.cut_off();
        let left: Vec<NodeId> = self.left().cloned().collect();
        let build = if self.runs == 0 { self.first(&left) } else { self.level(&left) };
        let below = left.len() - build.len();
        let may_save = self.runs == 0 || !self.equal.is_empty();
        let build = if self.at_once || self.runs + 1 >= MOST || below < WORTH || !may_save {
            left
        } else {
            build
        };
        self.runs += 1;
        self.built.extend(build.iter().cloned());
        let test = self.ripe_tests();
        (!build.is_empty() || !test.is_empty()).then_some(Wave { build, test })
    }

    /// What came of the last wave: which nodes are not there, and which are equal to base's.
    pub(super) fn learn<'a>(
        &mut self,
        failed: impl IntoIterator<Item = &'a NodeId>,
        compared: &[Compared],
    ) {
        self.failed.extend(failed.into_iter().map(|id| (id.clone(), id.clone())));
        let equal = compared.iter().filter(|one| is_exactly_equal(one));
        self.equal.extend(equal.map(|one| one.node.clone()));
        // dbt skips these within one run; across runs it would read base's relation instead.
        for id in &self.due {
            if self.built.contains(id) || self.failed.contains_key(id) {
                continue;
            }
            let parents = self.reads.get(id).into_iter().flatten();
            let cause = parents.filter_map(|parent| self.failed.get(parent)).next().cloned();
            if let Some(cause) = cause {
                self.failed.insert(id.clone(), cause);
            }
        }
    }

    /// Nodes that were not begun, because one above them was not built: that one.
    pub(super) fn skipped(&self) -> impl Iterator<Item = (&NodeId, &NodeId)> {
        self.failed.iter().filter(|(id, _)| !self.built.contains(*id))
    }

    pub(super) fn into_cut_off(self) -> Vec<CutOff> {
        let cut = self.cut.into_iter();
        cut.map(|(node, because)| CutOff { node, because }).collect()
    }

    /// Tests that are due, now that it is known what was built.
    pub(super) fn tests(&self) -> Vec<NodeId> {
        self.tests.iter().filter(|id| self.is_test_due(id)).cloned().collect()
    }

    fn is_test_due(&self, id: &NodeId) -> bool {
        let parents = self.tested.get(id).into_iter().flatten();
        let all_cut = {
            let mut parents = parents.peekable();
            parents.peek().is_some() && parents.all(|parent| self.cut.contains_key(parent))
        };
        !all_cut || self.own_tests.contains(id)
    }

    /// Due tests whose parents are all decided, each once.
    fn ripe_tests(&mut self) -> Vec<NodeId> {
        let decided = |id: &NodeId| self.built.contains(id) || self.cut.contains_key(id);
        let ripe = |id: &&NodeId| {
            let mut parents = self.tested.get(*id).into_iter().flatten();
            // A test of what could not be built would be run on base's relation.
            !self.given.contains(*id)
                && self.is_test_due(id)
                && parents.all(|parent| decided(parent) && !self.failed.contains_key(parent))
        };
        let ripe: Vec<NodeId> = self.tests.iter().filter(ripe).cloned().collect();
        self.given.extend(ripe.iter().cloned());
        ripe
    }

    fn left(&self) -> impl Iterator<Item = &NodeId> {
        self.due.iter().filter(|id| {
            !self.built.contains(*id)
                && !self.cut.contains_key(*id)
                && !self.failed.contains_key(*id)
        })
    }

    fn cut_off(&mut self) {
        for id in &self.due {
            if self.built.contains(id) || self.failed.contains_key(id) || self.own.contains(id) {
                continue;
            }
            let Some(parents) = self.reads.get(id) else { continue };
            let same =
                |parent: &NodeId| self.equal.contains(parent) || self.cut.contains_key(parent);
            if parents.iter().all(same)
                && let Some(because) = parents.first()
            {
                let because = self.cut.get(because).unwrap_or(because).clone();
                self.cut.insert(id.clone(), because);
            }
        }
    }

    /// What changed itself, and what that needs above it.
    fn first(&self, left: &[NodeId]) -> Vec<NodeId> {
        let mut chosen = BTreeSet::new();
        let mut waiting: Vec<&NodeId> = self.own.iter().collect();
        while let Some(id) = waiting.pop() {
            if chosen.insert(id) {
                waiting.extend(self.reads.get(id).into_iter().flatten());
            }
        }
        left.iter().filter(|id| chosen.contains(id)).cloned().collect()
    }

    /// What reads nothing that is still to be built.
    fn level(&self, left: &[NodeId]) -> Vec<NodeId> {
        let open: BTreeSet<&NodeId> = left.iter().collect();
        let ready = |id: &&NodeId| {
            self.reads.get(*id).is_none_or(|parents| parents.iter().all(|one| !open.contains(one)))
        };
        left.iter().filter(ready).cloned().collect()
    }
}

/// Every row and every value is the same to the letter: number of rows and checksums agree, nothing
/// was sampled, nothing is taken as equal within a tolerance or as volatile.
fn is_exactly_equal(compared: &Compared) -> bool {
    compared.how == How::Checksum
        && compared.is_equal()
        && compared.sampled.is_none()
        && compared.volatile.is_empty()
}

/// The due nodes that a node reads, ephemeral models looked through; and the other nodes that it
/// reads so.
fn due_parents(
    head: &Manifest,
    id: &NodeId,
    due: &BTreeSet<&NodeId>,
) -> (BTreeSet<NodeId>, BTreeSet<NodeId>) {
    let (mut found, mut others) = (BTreeSet::new(), BTreeSet::new());
    let mut waiting: Vec<&Node> = head.parents(id).collect();
    while let Some(parent) = waiting.pop() {
        if due.contains(&parent.id) {
            found.insert(parent.id.clone());
        } else if others.insert(parent.id.clone()) && parent.is_ephemeral() {
            waiting.extend(head.parents(&parent.id));
        }
    }
    (found, others)
}
