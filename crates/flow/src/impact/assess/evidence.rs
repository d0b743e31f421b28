//! The prediction against the evidence: what the code claims to stay, and what the data say of it.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::NodeId;
use belay_diff::{ColumnChange, ColumnDiff};
use belay_model::{Columns, Effect, Finding, Meaning, RowEffect, Severity};

use super::causes::{Causes, stands_still};
use super::finding;
use crate::figures::{counted, counted_usize, grouped};
use crate::impact::{Compared, Findings};

/// What was claimed of one node, and in which words.
struct Claim<'a> {
    effect: Effect,
    words: &'a str,
}

/// Claims that the data refute, the one nearest to an edit of each chain; below it the same is no news.
/// And predictions that nothing in the data bears out.
pub(super) fn contradictions(facts: &Findings, causes: &Causes) -> Vec<Finding> {
    let refuted: BTreeMap<&NodeId, Vec<Finding>> = facts
        .data
        .iter()
        .filter_map(|compared| {
            let claim = claim(facts, &compared.node)?;
            // Where no edit's change of data can come, it is drift that moved it.
            if !causes.is_downstream(&compared.node) {
                return None;
            }
            let found = refutations(facts, compared, &claim);
            (!found.is_empty()).then_some((&compared.node, found))
        })
        .collect();
    let names: BTreeSet<&NodeId> = refuted.keys().copied().collect();
    let mut found: Vec<Finding> = Vec::new();
    for (node, findings) in &refuted {
        if above(facts, node).iter().any(|id| names.contains(id)) {
            continue;
        }
        let below = names.iter().filter(|other| above(facts, other).contains(*node)).count();
        found.extend(findings.iter().cloned().map(|mut finding| {
            if below > 0 {
                finding
                    .evidence
                    .push(format!("the same below, in {}", counted_usize(below, "relation")));
            }
            finding
        }));
    }
    let absent = facts.data.iter().filter(|compared| causes.is_edited(&compared.node));
    found.extend(absent.filter_map(|compared| absence(facts, compared)));
    found
}

/// Nodes above `node`, as far as the two projects go.
fn above(facts: &Findings, node: &NodeId) -> BTreeSet<NodeId> {
    let mut seen = BTreeSet::new();
    let mut open = vec![node.clone()];
    while let Some(id) = open.pop() {
        for parent in facts.head.manifest.parents(&id) {
            if seen.insert(parent.id.clone()) {
                open.push(parent.id.clone());
            }
        }
    }
    seen
}

fn claim<'a>(facts: &'a Findings, node: &NodeId) -> Option<Claim<'a>> {
    if let Some(effect) = facts.meaning.effects.get(node) {
        // Who knows nothing claims nothing; of a new node there is nothing to claim.
        let silent = matches!(effect.meaning, Meaning::Unknown | Meaning::New | Meaning::Removed);
        let words = effect.reasons.first().map_or("", String::as_str);
        return (!silent).then(|| Claim { effect: effect.clone(), words });
    }
    let spared = facts.meaning.spared.iter().find(|spared| spared.node == *node)?;
    Some(Claim { effect: Effect::none(Meaning::Cosmetic), words: &spared.proof })
}

fn refutations(facts: &Findings, compared: &Compared, claim: &Claim<'_>) -> Vec<Finding> {
    let rows = rows_refuted(compared, &claim.effect)
        .map(|(message, figures)| ("prediction.rows", message, figures, None));
    let moved = moved_refuted(facts, compared, &claim.effect);
    let columns = (!moved.is_empty()).then(|| columns_refuted(&moved));
    let grown = facts.base.manifest.node(&compared.node);
    let grown = grown.is_some_and(|node| node.materialized() == Some("incremental"));
    // Base has a history that a fresh build does not have: what differs may be that.
    let severity = if grown { Severity::Medium } else { Severity::High };
    let found = rows.into_iter().chain(columns);
    found
        .map(|(kind, message, figures, column)| {
            let meaning = claim.effect.meaning;
            let mut evidence = vec![format!("the code says: {meaning}{}", said(claim)), figures];
            evidence.push(if grown {
                "it is incremental: base has grown by increments, head was built afresh".to_owned()
            } else {
                "either belay misread the code, or base's data are not what base's code makes of \
                 today's sources"
                    .to_owned()
            });
            let about = finding(kind, severity, &compared.node, message, evidence);
            Finding { column, ..about }
        })
        .collect()
}

fn said(claim: &Claim<'_>) -> String {
    if claim.words.is_empty() { String::new() } else { format!(" ({})", claim.words) }
}

fn rows_refuted(compared: &Compared, effect: &Effect) -> Option<(String, String)> {
    if !effect.rows.is_empty() {
        return None;
    }
    let (base, head) = (compared.base.rows, compared.head.rows);
    // Where a key's values may change, rows that go and rows that come are the same rows.
    let key_moves = compared
        .key
        .iter()
        .flat_map(|key| &key.columns)
        .any(|column| claims_change(effect, column));
    let came = compared.key.is_some()
        && !key_moves
        && (compared.tally.added, compared.tally.removed) != (0, 0);
    if base == head && !came && compared.base.extra_rows == compared.head.extra_rows {
        return None;
    }
    let message = "rows came or went, and the code says that they stay".to_owned();
    let figures = format!(
        "rows: {} in base, {} in head; {} added, {} removed",
        grouped(base),
        grouped(head),
        grouped(compared.tally.added),
        grouped(compared.tally.removed)
    );
    Some((message, figures))
}

/// Columns that moved and were claimed to stay.
fn moved_refuted<'a>(
    facts: &Findings,
    compared: &'a Compared,
    effect: &Effect,
) -> Vec<&'a ColumnDiff> {
    // Another row under the same key has other values, and no one claims which.
    let other_rows = |row: &RowEffect| {
        matches!(
            row,
            RowEffect::Dedup
                | RowEffect::Grain
                | RowEffect::SetOperation
                | RowEffect::Limit
                | RowEffect::Source
        )
    };
    if effect.rows.iter().any(other_rows) {
        return Vec::new();
    }
    let volatile = facts.meaning.volatile.get(&compared.node);
    let is_volatile = |name: &str| {
        volatile.is_some_and(|names| names.iter().any(|one| one.eq_ignore_ascii_case(name)))
    };
    let moved = compared.columns.iter().filter(|column| column.changed > Some(0));
    moved
        .filter(|column| !claims_change(effect, &column.name) && !is_volatile(&column.name))
        .filter(|column| column.change != ColumnChange::Added)
        .collect()
}

/// The code says that this column's values may differ.
pub(crate) fn claims_change(effect: &Effect, column: &str) -> bool {
    let named = |name: &String| name.eq_ignore_ascii_case(column);
    let values = match &effect.values {
        Columns::All => true,
        Columns::These(names) => names.iter().any(named),
    };
    values
        || effect.retyped.iter().any(named)
        || effect.added.iter().any(named)
        || effect.removed.iter().any(named)
        || effect.renamed.iter().any(|(old, new)| named(old) || named(new))
}

fn columns_refuted(moved: &[&ColumnDiff]) -> (&'static str, String, String, Option<String>) {
    let rows = |column: &ColumnDiff| counted(column.changed.unwrap_or_default(), "row");
    let (message, column) = match moved {
        [only] => (
            format!("it moved in {}, and the code says that it stays", rows(only)),
            Some(only.name.clone()),
        ),
        several => {
            let names: Vec<String> =
                several.iter().take(3).map(|column| format!("`{}`", column.name)).collect();
            let more = if several.len() > 3 { ", …" } else { "" };
            let count = counted_usize(several.len(), "column");
            let message = format!(
                "{count} moved ({}{more}), and the code says that they stay",
                names.join(", ")
            );
            (message, None)
        }
    };
    let figures: Vec<String> =
        moved.iter().map(|column| format!("`{}`: {} changed", column.name, rows(column))).collect();
    ("prediction.moved", message, figures.join("; "), column)
}

/// The code says that something changes, and nothing did. Weak: the data may not have such a case.
fn absence(facts: &Findings, compared: &Compared) -> Option<Finding> {
    let effect = facts.meaning.effects.get(&compared.node)?;
    let predicted = matches!(effect.meaning, Meaning::Values | Meaning::Rows)
        && (!effect.values.is_empty() || !effect.rows.is_empty());
    if !predicted || !stands_still(compared) {
        return None;
    }
    let what = effect.reasons.first().map_or_else(
        || effect.meaning.to_string(),
        |reason| format!("{}: {reason}", effect.meaning),
    );
    let evidence = vec![
        format!("the code says: {what}"),
        format!("{} the same on both sides", counted(compared.base.rows, "row")),
    ];
    let message = "the code changes what it says, and no row of these data exercises it".to_owned();
    Some(finding("prediction.absent", Severity::Low, &compared.node, message, evidence))
}

/// Relations that differ though no edit can have moved them.
pub(super) fn drifted<'a>(facts: &'a Findings, causes: &Causes) -> Vec<&'a Compared> {
    let spared = |node: &NodeId| facts.meaning.spared.iter().any(|spared| spared.node == *node);
    // What was proved to stay, below something that moved, is a contradiction and not drift.
    let refuted = |node: &NodeId| spared(node) && causes.is_downstream(node);
    let moved = facts.data.iter().filter(|compared| !stands_still(compared));
    moved
        .filter(|compared| causes.of(&compared.node).is_empty() && !refuted(&compared.node))
        .collect()
}

pub(super) fn drift_finding(drifted: &[&Compared]) -> Option<Finding> {
    let first = drifted.first()?;
    let evidence = drifted
        .iter()
        .take(20)
        .map(|compared| {
            format!(
                "`{}`: {} rows in base, {} in head",
                compared.node,
                grouped(compared.base.rows),
                grouped(compared.head.rows)
            )
        })
        .collect();
    let message = format!(
        "{} with data that no edit moved: base's data are not what its code makes of today's \
         sources, or a build does not come out the same twice",
        counted_usize(drifted.len(), "relation")
    );
    let node = (drifted.len() == 1).then(|| first.node.to_string());
    Some(Finding {
        kind: "data.drift",
        severity: Severity::Low,
        node,
        column: None,
        message,
        evidence,
    })
}
