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
        equal: impl IntoIterator<Item = NodeId>,
    ) {
        self.failed.extend(failed.into_iter().map(|id| (id.clone(), id.clone())));
        self.equal.extend(equal);
        // dbt skips these within one run; across runs it would read base's relation instead.
        for id in &self.due {
            if self.built.contains(id) || self.failed.contains_key(id) {
                continue;
            }
            let mut parents = self.reads.get(id).into_iter().flatten();
            let cause = parents.find_map(|parent| self.failed.get(parent)).cloned();
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

/// The relations of which every row and every value is the same to the letter: number of rows and
/// checksums agree, nothing was sampled, nothing is taken as equal within a tolerance or as volatile.
pub(super) fn exactly_equal(compared: &[Compared]) -> impl Iterator<Item = NodeId> {
    let equal = compared.iter().filter(|one| {
        one.how == How::Checksum
            && one.is_equal()
            && one.sampled.is_none()
            && one.volatile.is_empty()
    });
    equal.map(|one| one.node.clone())
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A chain `a1 … an` below each changed node `a`, and a node `join` that reads the ends.
    fn project(chains: &[&str], length: usize, code: &str) -> Manifest {
        let mut nodes = serde_json::Map::new();
        let mut add = |name: String, parents: Vec<String>, code: &str| {
            let id = format!("model.shop.{name}");
            let parents: Vec<String> =
                parents.iter().map(|name| format!("model.shop.{name}")).collect();
            let node = json!({
                "name": name, "resource_type": "model", "package_name": "shop", "raw_code": code,
                "fqn": ["shop", name], "alias": name, "schema": "main",
                "config": {"materialized": "table"}, "depends_on": {"nodes": parents},
            });
            nodes.insert(id, node);
        };
        for chain in chains {
            add((*chain).to_owned(), Vec::new(), code);
            for at in 1..=length {
                let above =
                    if at == 1 { (*chain).to_owned() } else { format!("{chain}{}", at - 1) };
                add(format!("{chain}{at}"), vec![above], "same");
            }
        }
        let ends = chains.iter().map(|chain| format!("{chain}{length}")).collect();
        add("join".to_owned(), ends, "same");
        let manifest = json!({
            "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"},
            "nodes": nodes,
        });
        Manifest::parse(manifest.to_string().as_bytes()).unwrap()
    }

    fn waves(chains: &[&str], length: usize) -> Waves {
        let (base, head) = (project(chains, length, "one"), project(chains, length, "two"));
        let scope = Scope::between(&base, &head);
        let due = scope.selection.build.clone();
        Waves::of(&head, &scope, &|_| true, (&due, &[]), false)
    }

    fn names(ids: &[NodeId]) -> String {
        let short = |id: &NodeId| id.as_str().rsplit('.').next().unwrap().to_owned();
        ids.iter().map(short).collect::<Vec<_>>().join(" ")
    }

    /// What each wave builds, when the nodes in `equal` come out equal.
    fn course(waves: &mut Waves, equal: &[&str], failed: &[&str]) -> Vec<String> {
        let mut course = Vec::new();
        let known = |names: &[&str], id: &&NodeId| {
            names.iter().any(|name| id.as_str() == format!("model.shop.{name}"))
        };
        while let Some(wave) = waves.next() {
            course.push(names(&wave.build));
            let bad: Vec<&NodeId> = wave.build.iter().filter(|id| known(failed, id)).collect();
            let same: Vec<NodeId> =
                wave.build.iter().filter(|id| known(equal, id)).cloned().collect();
            waves.learn(bad, same);
        }
        course
    }

    #[test]
    fn below_equal_outputs_nothing_is_built() {
        let mut waves = waves(&["a", "b"], 5);
        let course = course(&mut waves, &["a", "b"], &[]);
        assert_eq!(course, ["a b"]);
        let cut = waves.into_cut_off();
        assert_eq!(cut.len(), 11);
        assert!(
            cut.iter().all(|one| ["model.shop.a", "model.shop.b"].contains(&one.because.as_str()))
        );
    }

    #[test]
    fn a_node_is_cut_off_only_if_all_that_it_reads_is_equal() {
        let mut waves = waves(&["a", "b"], 5);
        let course = course(&mut waves, &["a"], &[]);
        assert_eq!(course, ["a b", "b1 b2 b3 b4 b5 join"]);
        assert_eq!(waves.into_cut_off().len(), 5);
    }

    #[test]
    fn dbt_is_not_started_again_where_little_or_nothing_can_be_saved() {
        assert_eq!(course(&mut waves(&["a"], 3), &["a"], &[]), ["a a1 a2 a3 join"]);
        let course = course(&mut waves(&["a", "b"], 5), &[], &[]);
        assert_eq!(course, ["a b", "a1 a2 a3 a4 a5 b1 b2 b3 b4 b5 join"]);
    }

    #[test]
    fn dbt_is_started_at_most_four_times() {
        let mut waves = waves(&["a", "b"], 20);
        let equal: Vec<String> = (1..=20).map(|at| format!("a{at}")).collect();
        let equal: Vec<&str> = equal.iter().map(String::as_str).chain(["a"]).collect();
        assert!(course(&mut waves, &equal, &[]).len() <= MOST);
    }

    #[test]
    fn what_is_below_a_failure_is_not_built_on_base() {
        let mut waves = waves(&["a", "b"], 5);
        let course = course(&mut waves, &["b"], &["a"]);
        assert_eq!(course, ["a b"]);
        let skipped: Vec<NodeId> = waves.skipped().map(|(id, _)| id.clone()).collect();
        assert_eq!(names(&skipped), "a1 a2 a3 a4 a5 join");
    }
}
