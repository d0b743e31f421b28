//! What the build, the tests and the two projects say, whatever the data are.

use belay_dbt::NodeId;
use belay_dbt::manifest::{Kind, Node};
use belay_dbt::run_results::Status;
use belay_dbt::scope::Reason;
use belay_model::{Finding, Severity};

use super::finding;
use crate::impact::{Findings, TestRow, TestVerdict};

pub(super) fn build_findings(facts: &Findings) -> Vec<Finding> {
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

/// Columns that are gone and that somebody still reads.
pub(super) fn broken_findings(facts: &Findings) -> Vec<Finding> {
    let built = |node: &NodeId| {
        let built = facts.built.iter().flat_map(|built| &built.nodes);
        built.filter(|one| one.node == *node).any(|one| one.status.is_good())
    };
    // What dbt built all the same was misread.
    let broken = facts.meaning.broken.iter().filter(|broken| !built(&broken.node));
    broken
        .map(|broken| {
            let message = format!("it reads a column that `{}` no longer has", broken.parent);
            let evidence = vec![format!("`{}` of `{}`", broken.column, broken.parent)];
            let about = finding("column.broken", Severity::High, &broken.node, message, evidence);
            Finding { column: Some(broken.column.clone()), ..about }
        })
        .collect()
}

/// What base's contract promised and head's does not: columns that are gone or have another type.
fn contract_break(old: &Node, new: &Node) -> Vec<String> {
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let promised = old.columns.iter();
    promised
        .filter_map(|column| {
            let Some(now) = new.columns.iter().find(|other| same(&other.name, &column.name)) else {
                return Some(format!("`{}` is gone", column.name));
            };
            let (was, is) = (column.data_type.as_deref()?, now.data_type.as_deref()?);
            (!same(was, is)).then(|| format!("`{}` was {was} and is {is}", column.name))
        })
        .collect()
}

pub(super) fn test_finding(row: &TestRow) -> Option<Finding> {
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

pub(super) fn project_findings(facts: &Findings) -> Vec<Finding> {
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
        if let (Some(old), Some(new)) = (base.node(id), head.node(id))
            && old.contract_enforced()
            && new.contract_enforced()
        {
            let broken = contract_break(old, new);
            if !broken.is_empty() {
                let message = format!("its contract is broken: {}", broken.join(", "));
                found.push(finding("contract.broken", Severity::High, id, message, broken));
            }
        }
    }
    // Where compiled code decides, a variable shows in what it reaches.
    if facts.vars_changed && facts.scope.compared_by != belay_dbt::scope::ComparedBy::Compiled {
        found.push(Finding {
            kind: "vars.changed",
            severity: Severity::Medium,
            node: None,
            column: None,
            message: "`vars` of dbt_project.yml changed, and what they reach is not known"
                .to_owned(),
            evidence: vec!["a parse does not show which models read a variable".to_owned()],
        });
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
        Reason::Relation if node.is_some_and(|node| node.kind.is_built()) => (
            "relation.moved",
            Severity::Medium,
            "it moves to another database, schema or name: who reads it there finds it no more"
                .to_owned(),
        ),
        Reason::New if node.is_some_and(|node| node.kind.is_built()) => {
            ("model.new", Severity::Info, "it is new".to_owned())
        }
        _ => return None,
    };
    let about = finding(kind, severity, id, message, vec![format!("reason: {reason}")]);
    let column = if let Reason::Config(key) = reason { Some(key.to_string()) } else { None };
    Some(Finding { column, ..about })
}
