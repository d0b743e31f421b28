//! From facts to findings and a risk level. Pure, deterministic, and the only thing that decides: the
//! table of severities is `docs/reference/risk.md`, and a change here is a change there.

mod data;
mod project;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::manifest::Kind;
use belay_dbt::{Manifest, NodeId};
use belay_diff::ColumnChange;
use belay_model::{Finding, Severity};

use self::data::data_findings;
use self::project::{build_findings, project_findings, test_finding};
use super::Findings;
use crate::figures::{counted, counted_usize};

/// Points for a finding: they order reports, and the level is that of the worst finding.
pub const fn points(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Low => 1,
        Severity::Medium => 5,
        Severity::High => 25,
        Severity::Critical => 60,
    }
}

/// What the facts amount to.
#[derive(Debug, Clone)]
pub struct Assessed {
    /// The gravest first.
    pub findings: Vec<Finding>,
    pub level: Severity,
    pub score: i64,
    /// Nodes in scope whose data were proved to be the same, and how.
    pub harmless: Vec<(NodeId, String)>,
    /// Exposures below a node with a finding of medium or more.
    pub exposures: BTreeSet<NodeId>,
    pub look_first: Vec<String>,
    pub summary: String,
}

pub(super) fn assess(facts: &Findings) -> Assessed {
    let consumers = Consumers { head: &facts.head.manifest };
    let mut findings = Vec::new();
    findings.extend(build_findings(facts));
    findings.extend(facts.tests.iter().filter_map(test_finding));
    findings.extend(facts.data.iter().flat_map(|compared| data_findings(compared, &consumers)));
    findings.extend(project_findings(facts));
    findings.extend(facts.uncompared.iter().filter(|one| one.has_base).map(|one| Finding {
        kind: "data.not_compared",
        severity: Severity::Low,
        node: Some(one.node.to_string()),
        column: None,
        message: format!("its data were not compared: {}", one.why),
        evidence: vec![one.why.clone()],
    }));
    // The gravest first; among equals what was edited before what is below it.
    let below = |finding: &Finding| {
        let node = finding.node.as_deref().map(NodeId::from);
        node.is_some_and(|node| !facts.scope.changed.contains_key(&node))
    };
    findings.sort_by_cached_key(|finding| {
        let place = (finding.node.clone(), finding.kind, finding.column.clone());
        (std::cmp::Reverse(finding.severity), below(finding), place)
    });
    let level = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Info);
    let score = findings.iter().map(|finding| points(finding.severity)).sum();
    let grave = |finding: &&Finding| finding.severity >= Severity::Medium;
    let hurt: BTreeSet<NodeId> = findings
        .iter()
        .filter(grave)
        .filter_map(|finding| Some(finding.node.as_deref()?.into()))
        .collect();
    let exposures = hurt.iter().flat_map(|node| consumers.exposures(node)).collect();
    let harmless = harmless(facts, &findings);
    let look_first = look_first(&findings, &consumers);
    let summary = summary(facts, &findings, level, &exposures, harmless.len());
    Assessed { findings, level, score, harmless, exposures, look_first, summary }
}

/// Who reads a node in the end.
struct Consumers<'a> {
    head: &'a Manifest,
}

impl Consumers<'_> {
    fn exposures(&self, node: &NodeId) -> BTreeSet<NodeId> {
        let mut seen = BTreeSet::from([node.clone()]);
        let mut open = vec![node.clone()];
        let mut found = BTreeSet::new();
        while let Some(id) = open.pop() {
            for child in self.head.children(&id) {
                if child.kind == Kind::Exposure {
                    found.insert(child.id.clone());
                }
                if seen.insert(child.id.clone()) {
                    open.push(child.id.clone());
                }
            }
        }
        found
    }

    fn name(&self, id: &NodeId) -> String {
        self.head.node(id).map_or_else(|| id.to_string(), |node| node.name.to_string())
    }
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
fn harmless(facts: &Findings, findings: &[Finding]) -> Vec<(NodeId, String)> {
    let suspect: BTreeSet<&str> = findings
        .iter()
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

fn look_first(findings: &[Finding], consumers: &Consumers<'_>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    findings
        .iter()
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
    findings: &[Finding],
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
    for finding in findings {
        *by_severity.entry(finding.severity).or_default() += 1;
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
