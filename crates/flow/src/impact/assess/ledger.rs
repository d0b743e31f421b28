//! What nobody verified. As much part of the result as the findings.

use belay_dbt::NodeId;
use belay_dbt::manifest::Kind;
use belay_dbt::scope::ComparedBy;
use belay_model::Meaning;

use crate::figures::{counted, counted_usize, percent};
use crate::impact::{Findings, TestVerdict};

/// One thing that was not verified.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotVerified {
    pub kind: Gap,
    /// Nothing where it is about the review as a whole.
    pub node: Option<NodeId>,
    pub why: String,
}

/// What kind of hole it is; the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gap {
    NotBuilt,
    NotCompared,
    NotParsed,
    NotUnderstood,
    Sampled,
    NoKey,
    FreshBuild,
    SnapshotNotBuilt,
    TestNotRun,
    SeedHash,
    RawCode,
    EngineUpgrade,
    Volatile,
    Hooks,
    VarsReach,
}

impl Gap {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotBuilt => "not_built",
            Self::NotCompared => "not_compared",
            Self::NotParsed => "not_parsed",
            Self::NotUnderstood => "not_understood",
            Self::Sampled => "sampled",
            Self::NoKey => "no_key",
            Self::FreshBuild => "fresh_build",
            Self::SnapshotNotBuilt => "snapshot_not_built",
            Self::TestNotRun => "test_not_run",
            Self::SeedHash => "seed_hash",
            Self::RawCode => "raw_code",
            Self::EngineUpgrade => "engine_upgrade",
            Self::Volatile => "volatile",
            Self::Hooks => "hooks",
            Self::VarsReach => "vars_reach",
        }
    }
}

/// Everything that was not verified, the gravest kinds first. `runs_hooks`: the project's run hooks
/// were part of the build.
pub(super) fn ledger(facts: &Findings, runs_hooks: bool) -> Vec<NotVerified> {
    let mut found = Vec::new();
    of_the_whole(facts, runs_hooks, &mut found);
    of_nodes(facts, &mut found);
    of_data(facts, &mut found);
    found.sort();
    found.dedup();
    found
}

fn of_the_whole(facts: &Findings, runs_hooks: bool, found: &mut Vec<NotVerified>) {
    let scope = &facts.scope;
    let mut say = |kind, why: String| found.push(NotVerified { kind, node: None, why });
    if facts.built.is_none() && facts.data.is_empty() && !scope.selection.build.is_empty() {
        let count = counted_usize(scope.selection.build.len(), "node");
        say(Gap::NotBuilt, format!("nothing was built: the data of {count} were not looked at"));
    }
    match scope.compared_by {
        _ if scope.changed.is_empty() => (),
        ComparedBy::Compiled => (),
        ComparedBy::Partly { compiled, of } => say(
            Gap::RawCode,
            format!("{compiled} of {of} nodes have compiled code on both sides; the rest were compared as written"),
        ),
        ComparedBy::RawAndMacros => say(
            Gap::RawCode,
            "nodes were compared as written: a variable is not seen, and a macro counts wherever it is called"
                .to_owned(),
        ),
    }
    if let Some((old, new)) = &scope.engine_upgraded {
        say(
            Gap::EngineUpgrade,
            format!(
                "base was parsed by dbt {old}, head by {new}: what dbt's own macros do differently was not looked at"
            ),
        );
    }
    if facts.vars_changed && scope.compared_by != ComparedBy::Compiled {
        say(
            Gap::VarsReach,
            "`vars` of dbt_project.yml differ, and what they reach is not known".to_owned(),
        );
    }
    let hooks = facts.head.manifest.of_kind(Kind::Operation).count();
    if facts.built.is_some() && hooks > 0 && !runs_hooks {
        let hooks = counted_usize(hooks, "hook");
        say(Gap::Hooks, format!("{hooks} around the run were left out of the scratch build"));
    }
}

fn of_nodes(facts: &Findings, found: &mut Vec<NotVerified>) {
    let mut say = |kind, node: &NodeId, why: String| {
        found.push(NotVerified { kind, node: Some(node.clone()), why });
    };
    for (node, why) in &facts.meaning.unread {
        say(Gap::NotParsed, node, why.clone());
    }
    for (node, effect) in &facts.meaning.effects {
        let told = facts.meaning.unread.iter().any(|(unread, _)| unread == node);
        let edited = facts.scope.changed.contains_key(node);
        if effect.meaning == Meaning::Unknown && edited && !told {
            let why = effect.reasons.first().cloned();
            let why = why.unwrap_or_else(|| "what its change means is not known".to_owned());
            say(Gap::NotUnderstood, node, why);
        }
    }
    for id in &facts.scope.uncomparable {
        let why = "dbt hashes only the path of a seed over 1 MiB: nobody knows whether it changed";
        say(Gap::SeedHash, id, why.to_owned());
    }
    for row in facts.tests.iter().filter(|row| row.verdict == TestVerdict::NotRun) {
        say(Gap::TestNotRun, &row.node, "the test was not run".to_owned());
    }
    let built = facts.built.iter().flat_map(|built| &built.nodes);
    let built: std::collections::BTreeSet<&NodeId> = built.map(|one| &one.node).collect();
    for id in facts.scope.selection.build.iter().filter(|_| facts.built.is_some()) {
        let snapshot = facts.head.manifest.node(id).is_some_and(|node| node.kind == Kind::Snapshot);
        if snapshot && !built.contains(id) {
            let why = "the history of a snapshot cannot be built afresh: its readers read base's";
            say(Gap::SnapshotNotBuilt, id, why.to_owned());
        }
    }
}

fn of_data(facts: &Findings, found: &mut Vec<NotVerified>) {
    let mut say = |kind, node: &NodeId, why: String| {
        found.push(NotVerified { kind, node: Some(node.clone()), why });
    };
    for one in facts.uncompared.iter().filter(|one| one.has_base) {
        say(Gap::NotCompared, &one.node, one.why.clone());
    }
    for compared in &facts.data {
        if !compared.volatile.is_empty() {
            let names: Vec<String> =
                compared.volatile.iter().map(|name| format!("`{name}`")).collect();
            let why = format!("{}: another value at every build", names.join(", "));
            say(Gap::Volatile, &compared.node, why);
        }
        if let Some(sampled) = &compared.sampled {
            let share = percent(sampled.share);
            let rows = counted(sampled.rows, "row");
            let why = match &sampled.changed {
                Some(changed) => format!(
                    "{share} of the keys were compared ({rows}); with 95 % confidence {} to {} of all rows changed",
                    percent(changed.low),
                    percent(changed.high)
                ),
                None => format!("{share} of the rows were compared ({rows})"),
            };
            say(Gap::Sampled, &compared.node, why);
        }
        if compared.key.is_none() {
            let why = "no key: rows were compared as a multiset, so columns were not told apart";
            say(Gap::NoKey, &compared.node, why.to_owned());
        }
        let grown = facts.base.manifest.node(&compared.node);
        if grown.is_some_and(|node| node.materialized() == Some("incremental")) {
            let why = "it is incremental: a fresh build was compared, the increment was not";
            say(Gap::FreshBuild, &compared.node, why.to_owned());
        }
    }
}

/// The entries, to be asked.
pub(super) struct Ledger<'a>(pub &'a [NotVerified]);

impl Ledger<'_> {
    pub(super) fn is_sampled(&self, node: &NodeId) -> bool {
        self.0.iter().any(|one| one.kind == Gap::Sampled && one.node.as_ref() == Some(node))
    }
}
