//! From facts to findings and a risk level. Pure, deterministic, and the only thing that decides: the
//! table of severities is in the guide, and a change here is a change there.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::manifest::{Kind, Node};
use belay_dbt::run_results::Status;
use belay_dbt::scope::Reason;
use belay_dbt::{Manifest, NodeId};
use belay_diff::{ColumnChange, ColumnDiff};
use belay_model::{Finding, Severity};

use super::compare::Compared;
use super::{Findings, TestRow, TestVerdict};

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
    findings.sort_by(|one, other| {
        (other.severity, &one.node, one.kind, &one.column).cmp(&(
            one.severity,
            &other.node,
            other.kind,
            &other.column,
        ))
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

fn build_findings(facts: &Findings) -> Vec<Finding> {
    let built = facts.built.iter().flat_map(|built| &built.nodes);
    let failed = built.filter(|node| !node.status.is_good() && node.status != Status::Skipped);
    failed
        .map(|node| {
            let said = node.message.as_deref().unwrap_or("no message").trim();
            let first: Vec<&str> = said.lines().map(str::trim).take(6).collect();
            let message = "it does not build".to_owned();
            finding("build.failed", Severity::Critical, &node.node, message, vec![first.join(" ")])
        })
        .collect()
}

fn test_finding(row: &TestRow) -> Option<Finding> {
    let warns = row.head == Some(Status::Warn);
    let (kind, severity, words) = match (row.verdict, row.fails_in_head()) {
        (TestVerdict::Regressed, _) if warns => {
            ("test.regressed", Severity::Medium, "warns, and did not in base")
        }
        (TestVerdict::Regressed, _) => {
            ("test.regressed", Severity::Critical, "fails, and did not in base")
        }
        (TestVerdict::New, true) if warns => {
            ("test.new_failing", Severity::Medium, "is new and warns")
        }
        (TestVerdict::New, true) => ("test.new_failing", Severity::High, "is new and fails"),
        (TestVerdict::Same, true) => {
            ("test.still_failing", Severity::Low, "fails, as it did in base")
        }
        (TestVerdict::Fixed, _) => {
            ("test.fixed", Severity::Info, "passes now, and did not in base")
        }
        _ => return None,
    };
    let word =
        |status: &Option<Status>| status.as_ref().map_or("not run", Status::as_str).to_owned();
    let mut evidence = vec![format!("base: {}, head: {}", word(&row.base), word(&row.head))];
    evidence.extend(
        row.message.iter().map(|message| message.lines().next().unwrap_or_default().to_owned()),
    );
    Some(finding(kind, severity, &row.node, format!("the test {words}"), evidence))
}

fn data_findings(compared: &Compared, consumers: &Consumers<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = grain(compared, consumers).into_iter().collect();
    found.extend(rows(compared));
    found.extend(compared.columns.iter().filter_map(|column| shape(compared, column)));
    found.extend(nulls(compared));
    found.extend(values(compared));
    found
}

/// A key that identified base's rows and does not identify head's: a join fans out, or a dedup is
/// gone. Whatever sums these rows is wrong.
fn grain(compared: &Compared, consumers: &Consumers<'_>) -> Option<Finding> {
    let keys = compared.head.duplicate_keys.filter(|count| *count > 0)?;
    let key = compared.key.as_ref()?;
    let extra = compared.head.extra_rows.unwrap_or_default();
    let columns = key.columns.join(", ");
    let message = format!(
        "`{columns}` identified every row in base and no longer does: {} stand more than once, {} too many",
        counted(keys, "key"),
        counted(extra, "row")
    );
    let mut evidence = vec![
        format!("key `{columns}`: {}", key.origin),
        format!(
            "rows: {} in base, {} in head",
            grouped(compared.base.rows),
            grouped(compared.head.rows)
        ),
        format!("duplicated keys: 0 in base, {} in head", grouped(keys)),
    ];
    let readers = consumers.exposures(&compared.node);
    if !readers.is_empty() {
        let names: Vec<String> = readers.iter().map(|id| consumers.name(id)).collect();
        evidence.push(format!("reaches {}", names.join(", ")));
    }
    Some(finding("rows.duplicated", Severity::Critical, &compared.node, message, evidence))
}

fn rows(compared: &Compared) -> Vec<Finding> {
    let (base, head) = (compared.base.rows, compared.head.rows);
    let evidence = || {
        let how = compared.key.as_ref().map_or("as a multiset".to_owned(), |key| {
            format!("by key `{}`", key.columns.join(", "))
        });
        vec![format!(
            "rows: {} in base, {} in head; {} added, {} removed ({how})",
            grouped(base),
            grouped(head),
            grouped(compared.tally.added),
            grouped(compared.tally.removed)
        )]
    };
    if base > 0 && head == 0 {
        let message = format!("all {} rows are gone", grouped(base));
        return vec![finding(
            "rows.emptied",
            Severity::Critical,
            &compared.node,
            message,
            evidence(),
        )];
    }
    // Without a key a changed row counts as one removed and one added: only the net tells of rows.
    let (added, removed) = match compared.key {
        Some(_) => (compared.tally.added, compared.tally.removed),
        None => ((head - base).max(0), (base - head).max(0)),
    };
    let mut found = Vec::new();
    let mut push = |kind, verb, count: i64, high: f64| {
        if count > 0 {
            let share = share(count, base);
            let severity = if share >= high { Severity::High } else { Severity::Medium };
            let message = format!("{} {verb} ({})", counted(count, "row"), percent(share));
            found.push(finding(kind, severity, &compared.node, message, evidence()));
        }
    };
    push("rows.removed", "removed", removed, 0.01);
    push("rows.added", "added", added, 0.05);
    if compared.key.is_none() {
        let moved = compared.tally.added.min(compared.tally.removed);
        if moved > 0 {
            let share = share(moved, base);
            let severity = if share >= 0.5 { Severity::High } else { Severity::Medium };
            let message = format!(
                "{} differ ({}); without a key, belay cannot say in which columns",
                counted(moved, "row"),
                percent(share)
            );
            found.push(finding("rows.differ", severity, &compared.node, message, evidence()));
        }
    }
    found
}

fn shape(compared: &Compared, column: &ColumnDiff) -> Option<Finding> {
    let types = || {
        let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "absent".to_owned());
        vec![format!(
            "type: {} in base, {} in head",
            word(&column.type_base),
            word(&column.type_head)
        )]
    };
    let (kind, severity, message) = match column.change {
        ColumnChange::Same => return None,
        ColumnChange::Added => ("column.added", Severity::Info, "the column is new"),
        ColumnChange::Removed => ("column.removed", Severity::High, "the column is gone"),
        ColumnChange::Retyped => {
            ("column.retyped", Severity::Medium, "the column has another type")
        }
    };
    let about = finding(kind, severity, &compared.node, message.to_owned(), types());
    Some(Finding { column: Some(column.name.clone()), ..about })
}

/// One finding a relation, led by the column whose share of NULLs rose most.
fn nulls(compared: &Compared) -> Option<Finding> {
    let mut rises: Vec<(f64, &ColumnDiff, String)> =
        compared.columns.iter().filter_map(|column| null_rise(compared, column)).collect();
    rises.sort_by(|one, other| other.0.total_cmp(&one.0));
    let (rise, worst, figures) = rises.first()?;
    let severity = if *rise >= 0.01 { Severity::High } else { Severity::Medium };
    let message = match rises.len() {
        1 => format!("more NULLs: {figures}"),
        count => format!(
            "more NULLs in {}; most: `{}`, {figures}",
            counted_usize(count, "column"),
            worst.name
        ),
    };
    let evidence =
        rises.iter().map(|(_, column, figures)| format!("`{}`: {figures}", column.name)).collect();
    let about = finding("nulls.increased", severity, &compared.node, message, evidence);
    let column = if rises.len() == 1 { Some(worst.name.clone()) } else { None };
    Some(Finding { column, ..about })
}

/// By how much the share of NULLs rose, where that is worth a word, with its figures.
fn null_rise<'a>(
    compared: &Compared,
    column: &'a ColumnDiff,
) -> Option<(f64, &'a ColumnDiff, String)> {
    if matches!(column.change, ColumnChange::Added | ColumnChange::Removed) {
        return None;
    }
    let before = share(column.nulls_base?, compared.base.rows);
    let after = share(column.nulls_head?, compared.head.rows);
    let figures = format!("{} of the rows, {} in base", percent(after), percent(before));
    (after - before >= 0.001).then_some((after - before, column, figures))
}

/// One finding a relation, as grave as its gravest column: a join that goes wrong moves every measure,
/// and ten lines about one cause hide the next.
fn values(compared: &Compared) -> Option<Finding> {
    let mut moved: Vec<Moved<'_>> = compared.columns.iter().filter_map(Moved::of).collect();
    moved.sort_by(|one, other| {
        let weight = |moved: &Moved<'_>| (moved.severity(), moved.shift.unwrap_or_default().abs());
        weight(other).partial_cmp(&weight(one)).unwrap_or(std::cmp::Ordering::Equal)
    });
    let worst = moved.first()?;
    let message = match moved.as_slice() {
        [only] => format!("{}{}", only.rows(), only.sum_moved()),
        all => format!(
            "{} changed; most: `{}`, {}{}",
            counted_usize(all.len(), "column"),
            worst.column.name,
            worst.rows(),
            worst.sum_moved()
        ),
    };
    let evidence = moved.iter().map(Moved::evidence).collect();
    let about = finding("values.changed", worst.severity(), &compared.node, message, evidence);
    let column = if moved.len() == 1 { Some(worst.column.name.clone()) } else { None };
    Some(Finding { column, ..about })
}

/// A column with rows that differ.
struct Moved<'a> {
    column: &'a ColumnDiff,
    changed: i64,
    of: i64,
    shift: Option<f64>,
}

impl<'a> Moved<'a> {
    fn of(column: &'a ColumnDiff) -> Option<Self> {
        let changed = column.changed.filter(|count| *count > 0)?;
        Some(Self { column, changed, of: column.compared?, shift: shift(column) })
    }

    fn severity(&self) -> Severity {
        match (share(self.changed, self.of), self.shift.map(f64::abs)) {
            (_, Some(shift)) if shift >= 0.10 => Severity::High,
            (share, _) if share >= 0.5 => Severity::High,
            (share, _) if share >= 0.001 => Severity::Medium,
            _ => Severity::Low,
        }
    }

    fn rows(&self) -> String {
        let share = percent(share(self.changed, self.of));
        format!("{} of {} rows changed ({share})", grouped(self.changed), grouped(self.of))
    }

    fn sum_moved(&self) -> String {
        let worth = self.shift.filter(|shift| shift.abs() >= 0.000_05);
        worth.map(|shift| format!(", its sum by {}", signed(shift))).unwrap_or_default()
    }

    fn evidence(&self) -> String {
        let sums = self.column.sum_base.zip(self.column.sum_head);
        let sums = sums.map(|(base, head)| {
            format!("; sum {} in base, {} in head", amount(base), amount(head))
        });
        format!("`{}`: {}{}", self.column.name, self.rows(), sums.unwrap_or_default())
    }
}

/// By how much the sum moved, where it means something: identifiers sum to nonsense, but then they do
/// not change without their rows.
fn shift(column: &ColumnDiff) -> Option<f64> {
    let (base, head) = (column.sum_base?, column.sum_head?);
    (base.abs() > f64::EPSILON).then(|| (head - base) / base.abs())
}

fn project_findings(facts: &Findings) -> Vec<Finding> {
    let (scope, base, head) = (&facts.scope, &facts.base.manifest, &facts.head.manifest);
    let mut found = Vec::new();
    for (id, removal) in &scope.removed {
        if removal.kind.is_test() {
            let message = "the test is gone".to_owned();
            found.push(finding(
                "test.removed",
                Severity::Low,
                id,
                message,
                vec!["in base, not in head".to_owned()],
            ));
        } else if removal.kind.is_built() {
            let severity =
                if removal.orphans.is_empty() { Severity::Medium } else { Severity::High };
            let readers: Vec<&str> = removal.orphans.iter().map(NodeId::as_str).collect();
            let evidence = if readers.is_empty() {
                vec!["nothing in head reads it".to_owned()]
            } else {
                vec![format!("still read by {}", readers.join(", "))]
            };
            found.push(finding(
                "model.removed",
                severity,
                id,
                format!("the {} is gone", removal.kind.as_str()),
                evidence,
            ));
        }
    }
    for (id, reasons) in &scope.changed {
        found.extend(reasons.iter().filter_map(|reason| {
            reason_finding(id, reason, head.node(id).or_else(|| base.node(id)))
        }));
    }
    if let Some((old, new)) = &scope.engine_upgraded {
        found.push(Finding {
            kind: "engine.upgraded",
            severity: Severity::Low,
            node: None,
            column: None,
            message: format!("base was parsed by dbt {old}, head by {new}"),
            evidence: vec![format!("{} macros of dbt itself differ", scope.engine_macros_differ)],
        });
    }
    for id in &scope.uncomparable {
        let message =
            "dbt does not hash seeds over 1 MiB: nobody knows whether it changed".to_owned();
        found.push(finding(
            "seed.not_compared",
            Severity::Low,
            id,
            message,
            vec!["checksum of the path only".to_owned()],
        ));
    }
    found
}

fn reason_finding(id: &NodeId, reason: &Reason, node: Option<&Node>) -> Option<Finding> {
    let enforced = node.is_some_and(Node::contract_enforced);
    let (kind, severity, message) = match reason {
        Reason::Contract if enforced => {
            ("contract.changed", Severity::Medium, "its contract changed".to_owned())
        }
        Reason::Config(key) => {
            ("config.changed", Severity::Low, format!("its config `{key}` changed"))
        }
        Reason::Body | Reason::Macro(_) | Reason::Compiled
            if node.is_some_and(|node| node.kind == Kind::Snapshot) =>
        {
            (
                "snapshot.changed",
                Severity::Medium,
                "its code changed, and belay does not rebuild its history".to_owned(),
            )
        }
        Reason::New if node.is_some_and(|node| node.kind.is_built()) => {
            ("model.new", Severity::Info, "it is new".to_owned())
        }
        _ => return None,
    };
    let about = finding(kind, severity, id, message, vec![format!("reason: {reason}")]);
    let column = if let Reason::Config(key) = reason { Some(key.to_string()) } else { None };
    Some(Finding { column, ..about })
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

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 { f64::from(u8::from(part > 0)) } else { part as f64 / whole as f64 }
}

/// `1 row`, `2 rows`, `1,234 rows`.
pub fn counted(count: i64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

pub fn counted_usize(count: usize, noun: &str) -> String {
    counted(i64::try_from(count).unwrap_or(i64::MAX), noun)
}

/// `1,234,567`.
pub fn grouped(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    format!("{}{}", if count < 0 { "-" } else { "" }, groups.join(","))
}

/// `5.6 %`, `0.02 %`, `< 0.01 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent == 0.0 => "0 %".to_owned(),
        _ if percent < 0.01 => "< 0.01 %".to_owned(),
        _ if percent < 1.0 => format!("{percent:.2} %"),
        _ => format!("{percent:.1} %"),
    }
}

fn signed(shift: f64) -> String {
    format!("{}{}", if shift < 0.0 { "-" } else { "+" }, percent(shift.abs()))
}

/// A sum with two decimals and groups.
pub fn amount(value: f64) -> String {
    if value.abs() >= 1e15 || !value.is_finite() {
        return format!("{value:e}");
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 1e15")]
    let cents = (value.abs() * 100.0).round() as i64;
    let sign = if value < 0.0 { "-" } else { "" };
    match cents % 100 {
        0 => format!("{sign}{}", grouped(cents / 100)),
        rest => format!("{sign}{}.{rest:02}", grouped(cents / 100)),
    }
}

#[cfg(test)]
mod tests;
