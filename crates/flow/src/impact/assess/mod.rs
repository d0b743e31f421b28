//! From facts to findings and a risk level. Pure, deterministic, and the only thing that decides: the
//! tables are in `docs/reference/risk.md`, and a change here is a change there.
//!
//! In this order: findings, each with the edits that can have caused it; consequences folded into the
//! finding at the edit; overrides; what each cause weighs; the team's rules; the level.

mod causes;
mod consumers;
mod data;
mod evidence;
mod ledger;
mod places;
mod points;
mod project;
mod team;
#[cfg(test)]
mod tests;
mod weights;
#[cfg(test)]
pub(crate) mod worked;

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::NodeId;
use belay_diff::ColumnChange;
use belay_model::{Finding, Severity};

pub use self::ledger::{Gap, NotVerified};
pub use self::places::Place;
pub use self::points::{Cause, Factor};
pub use self::team::{Overridden, OverrideState};

pub(crate) use self::evidence::claims_change;

use self::causes::Causes;
use self::consumers::Consumers;
use self::data::data_findings;
use self::evidence::{contradictions, drift_finding, drifted};
use self::ledger::{Ledger, ledger};
use self::project::{broken_findings, build_findings, project_findings, test_finding};
use super::overrides::{Override, Unreadable};
use super::rules::Rules;
use super::{Edit, Findings};
use crate::figures::{counted, counted_usize};

/// What people brought along, and the day on which it is judged.
#[derive(Debug, Clone, Default)]
pub(super) struct Judgement {
    pub rules: Rules,
    pub overrides: Vec<Result<Override, Unreadable>>,
    /// As `2026-12-31`.
    pub today: String,
    /// The project's run hooks were part of the build.
    pub runs_hooks: bool,
}

/// A finding, and what is known of it beyond itself.
#[derive(Debug, Clone)]
pub struct Judged {
    pub finding: Finding,
    /// It holds whatever one thinks of it: a test fails, a key is not one, a promise is broken. The
    /// rest is judged by shares and can be accepted.
    pub is_fact: bool,
    /// Ids of the edits that can have caused it.
    pub caused_by: BTreeSet<String>,
    /// Where the same cause shows further down.
    pub places: Vec<Place>,
    /// Why somebody took it off the level.
    pub accepted: Option<String>,
}

impl Judged {
    fn node(&self) -> Option<NodeId> {
        self.finding.node.as_deref().map(NodeId::from)
    }
}

/// Kinds of findings that nobody has to judge.
fn is_fact(finding: &Finding) -> bool {
    matches!(
        finding.kind,
        "build.failed"
            | "test.regressed"
            | "test.new_failing"
            | "rows.duplicated"
            | "rows.emptied"
            | "contract.broken"
            | "column.broken"
            | "model.removed"
            | "prediction.moved"
            | "prediction.rows"
    ) && finding.severity >= Severity::High
}

/// What the facts amount to.
#[derive(Debug, Clone)]
pub struct Assessed {
    /// The gravest first.
    pub findings: Vec<Judged>,
    pub level: Severity,
    /// Up to three, the weightiest first.
    pub reasons: Vec<String>,
    pub score: i64,
    /// A fact that is high or critical stands behind the level.
    pub blocks: bool,
    /// The heaviest first.
    pub causes: Vec<Cause>,
    pub edits: Vec<Edit>,
    /// For each relation that was compared and differs, the edits that can have moved it.
    pub moved_by: BTreeMap<NodeId, BTreeSet<String>>,
    pub not_verified: Vec<NotVerified>,
    pub overrides: Vec<Overridden>,
    /// Whom the team's rules ask to look.
    pub reviewers: BTreeSet<String>,
    /// Nodes in scope whose data were proved to be the same, and how.
    pub harmless: Vec<(NodeId, String)>,
    /// Exposures below a node with a finding of medium or more.
    pub exposures: BTreeSet<NodeId>,
    pub look_first: Vec<String>,
    pub summary: String,
}

pub(super) fn assess(facts: &Findings, judgement: &Judgement) -> Assessed {
    let consumers = Consumers { head: &facts.head.manifest };
    let found = Causes::find(facts);
    let not_verified = ledger(facts, judgement.runs_hooks);
    let judged = findings(facts, &found, consumers);
    let mut findings = places::fold(facts, &found, judged);
    let overrides = team::accept(&mut findings, judgement);
    sort(facts, &mut findings);
    let mut causes = points::causes(facts, &found, &findings, &Ledger(&not_verified), consumers);
    let reviewers = team::apply(facts, &found, &findings, judgement, consumers, &mut causes);
    causes.sort_by_key(|cause| std::cmp::Reverse((cause.level, cause.points())));
    let level = causes.iter().map(|cause| cause.level).max().unwrap_or(Severity::Info);
    let grave = |one: &&Judged| one.accepted.is_none() && one.finding.severity >= Severity::Medium;
    let hurt: BTreeSet<NodeId> = findings.iter().filter(grave).filter_map(Judged::node).collect();
    let exposures = hurt.iter().flat_map(|node| consumers.exposures(node)).collect();
    let harmless = harmless(facts, &findings);
    let look_first = look_first(&findings, consumers);
    let reasons = reasons(&causes);
    let summary = summary(facts, &findings, level, &exposures, harmless.len());
    let moved_by = facts.data.iter().filter(|compared| !causes::stands_still(compared));
    let moved_by =
        moved_by.map(|compared| (compared.node.clone(), found.of(&compared.node))).collect();
    Assessed {
        blocks: findings.iter().any(|one| one.is_fact),
        score: causes.iter().map(Cause::points).sum(),
        edits: found.edits,
        findings,
        level,
        reasons,
        causes,
        moved_by,
        not_verified,
        overrides,
        reviewers,
        harmless,
        exposures,
        look_first,
        summary,
    }
}

/// What comes out differently at every build is no change: such columns count as the same, and stand in
/// the list of what was not verified.
pub(super) fn settle_volatile(facts: &mut Findings) {
    for compared in &mut facts.data {
        if let Some(names) = facts.meaning.volatile.get(&compared.node) {
            compared.volatile.extend(names.iter().cloned());
        }
        let names = compared.volatile.clone();
        let is_volatile = |name: &str| names.iter().any(|one| one.eq_ignore_ascii_case(name));
        for column in compared.columns.iter_mut().filter(|column| is_volatile(&column.name)) {
            column.changed = column.changed.map(|_| 0);
            (column.sum_head, column.nulls_head) = (column.sum_base, column.nulls_base);
        }
        let moved = compared.columns.iter().any(|column| column.changed > Some(0));
        let settled = !names.is_empty() && !moved;
        if let (true, Some(matching)) = (settled, compared.tally.matching.as_mut()) {
            matching.changed = 0;
        }
    }
}

/// Every finding with its causes, before consequences are folded.
fn findings(facts: &Findings, found: &Causes, consumers: Consumers<'_>) -> Vec<Judged> {
    let drifted = drifted(facts, found);
    let mut all = Vec::new();
    all.extend(contradictions(facts, found));
    all.extend(build_findings(facts));
    all.extend(broken_findings(facts));
    all.extend(facts.tests.iter().filter_map(test_finding));
    for compared in &facts.data {
        let drifts = drifted.iter().any(|one| one.node == compared.node);
        let of_data = data_findings(compared, consumers).into_iter();
        // No edit can have moved it: worth a word, and no more.
        all.extend(of_data.map(|one| match one.severity {
            severity if drifts => Finding { severity: severity.min(Severity::Low), ..one },
            _ => one,
        }));
    }
    all.extend(drift_finding(&drifted));
    all.extend(project_findings(facts));
    all.extend(facts.uncompared.iter().filter(|one| one.has_base).map(|one| Finding {
        kind: "data.not_compared",
        severity: Severity::Low,
        node: Some(one.node.to_string()),
        column: None,
        message: format!("its data were not compared: {}", one.why),
        evidence: vec![one.why.clone()],
    }));
    let judge = |finding: Finding| Judged {
        is_fact: is_fact(&finding),
        caused_by: finding.node.as_deref().map(|node| found.of(&node.into())).unwrap_or_default(),
        places: Vec::new(),
        accepted: None,
        finding,
    };
    all.into_iter().map(judge).collect()
}

/// Contradictions first, then the gravest; among equals what was edited before what is below it.
fn sort(facts: &Findings, findings: &mut [Judged]) {
    let below =
        |one: &Judged| one.node().is_some_and(|node| !facts.scope.changed.contains_key(&node));
    findings.sort_by_cached_key(|one| {
        let finding = &one.finding;
        let place = (finding.node.clone(), finding.kind, finding.column.clone());
        let order = (one.accepted.is_some(), std::cmp::Reverse(finding.severity), below(one));
        (order, place)
    });
}

/// Why the level is what it is: the weightiest factors of the heaviest causes, facts first.
fn reasons(causes: &[Cause]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    let Some(first) = causes.first() else { return told };
    // That nobody is known to read it is worth points, and no reason to tell.
    let tells = |factor: &&Factor| factor.name != weights::NOBODY_KNOWN.name;
    let mut factors: Vec<&Factor> = first.factors.iter().filter(tells).collect();
    factors.sort_by_key(|factor| std::cmp::Reverse(factor.points));
    // A second cause of the same level is a better reason than the third factor of the first.
    let others = causes.iter().skip(1).filter(|cause| cause.level == first.level);
    let others = others.filter_map(|cause| cause.factors.iter().max_by_key(|factor| factor.points));
    let head = factors.iter().take(2).copied();
    for factor in head.chain(others).chain(factors.iter().skip(2).copied()) {
        if told.len() < 3 && !told.contains(&factor.why) {
            told.push(factor.why.clone());
        }
    }
    told
}

fn finding(
    kind: &'static str,
    severity: Severity,
    node: &NodeId,
    message: String,
    evidence: Vec<String>,
) -> Finding {
    Finding { kind, severity, node: Some(node.to_string()), column: None, message, evidence }
}

/// In scope, compared, the same, and without a finding that matters.
fn harmless(facts: &Findings, findings: &[Judged]) -> Vec<(NodeId, String)> {
    let suspect: BTreeSet<&str> = findings
        .iter()
        .map(|one| &one.finding)
        .filter(|finding| finding.severity > Severity::Low)
        .filter_map(|finding| finding.node.as_deref())
        .collect();
    let same = facts
        .data
        .iter()
        .filter(|compared| compared.data_is_equal() && !suspect.contains(compared.node.as_str()));
    same.map(|compared| {
        let rows = counted(compared.base.rows, "row");
        let added =
            compared.columns.iter().filter(|column| column.change == ColumnChange::Added).count();
        let proof = match (added, compared.is_equal()) {
            (_, true) => format!("the same {rows}, value by value"),
            (0, false) => format!("the same values in {rows}"),
            (added, false) => {
                format!("{} added; all else is the same in {rows}", counted_usize(added, "column"))
            }
        };
        (compared.node.clone(), proof)
    })
    .collect()
}

fn look_first(findings: &[Judged], consumers: Consumers<'_>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    findings
        .iter()
        .filter(|one| one.accepted.is_none())
        .map(|one| &one.finding)
        .filter(|finding| finding.severity >= Severity::Medium)
        .filter(|finding| seen.insert(finding.node.clone()))
        .take(3)
        .map(|finding| {
            let node = finding.node.as_deref().map(NodeId::from);
            let name = node.map(|id| consumers.name(&id)).unwrap_or_default();
            let column =
                finding.column.as_deref().map(|column| format!(".{column}")).unwrap_or_default();
            format!("{name}{column}: {}", finding.message)
        })
        .collect()
}

fn summary(
    facts: &Findings,
    findings: &[Judged],
    level: Severity,
    exposures: &BTreeSet<NodeId>,
    harmless: usize,
) -> String {
    let kinds = |ids: &mut dyn Iterator<Item = &NodeId>| {
        let manifest = (&facts.head.manifest, &facts.base.manifest);
        let built = |id: &&NodeId| {
            manifest
                .0
                .node(id)
                .or_else(|| manifest.1.node(id))
                .is_some_and(|node| node.kind.is_built())
        };
        ids.filter(built).count()
    };
    let changed = kinds(&mut facts.scope.changed.keys());
    let affected =
        kinds(&mut facts.scope.affected.keys().filter(|id| !facts.scope.changed.contains_key(*id)));
    let mut by_severity: BTreeMap<Severity, usize> = BTreeMap::new();
    for one in findings.iter().filter(|one| one.accepted.is_none()) {
        *by_severity.entry(one.finding.severity).or_default() += 1;
    }
    let counts: Vec<String> = by_severity
        .iter()
        .rev()
        .filter(|(severity, _)| **severity > Severity::Info)
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    let counts = if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") };
    let reach = if exposures.is_empty() {
        String::new()
    } else {
        format!(" Reaches {}.", counted_usize(exposures.len(), "exposure"))
    };
    let nothing_ran = facts.built.is_none() && facts.data.is_empty() && changed > 0;
    let scope_only =
        if nothing_ran { " Nothing was built: this is the changed scope only." } else { "" };
    format!(
        "Risk {level}: {} changed, {} affected, {} compared, {harmless} proved the same; {counts}.{reach}{scope_only}",
        counted_usize(changed, "model"),
        counted_usize(affected, "model"),
        facts.data.len()
    )
}
