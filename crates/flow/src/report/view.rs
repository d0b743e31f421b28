//! What every form for people says in the same words.

use std::collections::{BTreeMap, BTreeSet};

use super::short;
use super::wire::{Data, Edit, Finding, Impact, NotVerified, Severity};
use crate::figures::{counted, counted_usize, grouped};

/// Findings that a reader has to look at; what somebody accepted stands at the end.
pub(super) fn worth(report: &Impact) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.severity > Severity::Info).collect()
}

pub(super) fn contradictions(report: &Impact) -> Vec<&Finding> {
    let named = |finding: &&Finding| report.contradictions.contains(&finding.id);
    report.findings.iter().filter(named).collect()
}

/// The findings that are neither contradictions nor below the line.
pub(super) fn evidence(report: &Impact) -> Vec<&Finding> {
    let mut found = worth(report);
    found.retain(|finding| !report.contradictions.contains(&finding.id));
    found
}

/// Edits that moved something or may have, and those of which it is known that they did not.
pub(super) fn telling(report: &Impact) -> (Vec<&Edit>, Vec<&Edit>) {
    let harmless: BTreeSet<&str> = report.harmless.iter().map(|one| one.node.as_str()).collect();
    let quiet = |edit: &&Edit| {
        let idle = matches!(edit.meaning.as_deref(), Some("cosmetic" | "metadata"));
        let proved = edit.nodes.iter().all(|node| harmless.contains(node.as_str()));
        edit.moved.is_empty() && (idle || (proved && !edit.nodes.is_empty()))
    };
    let (quiet, telling) = report.edits.iter().partition(quiet);
    (telling, quiet)
}

/// `3 edits that moved nothing: models/a.sql, models/b.sql, models/c.sql`.
pub(super) fn quiet(edits: &[&Edit]) -> String {
    let places: Vec<String> = edits.iter().take(4).map(|edit| place_of(edit)).collect();
    let more = match edits.len().saturating_sub(4) {
        0 => String::new(),
        rest => format!(" and {rest} more"),
    };
    let count = counted_usize(edits.len(), "edit");
    format!("{count} that moved nothing: {}{more}", places.join(", "))
}

/// `models/a.sql:12`, or what it is called.
pub(super) fn place_of(edit: &Edit) -> String {
    match (&edit.path, edit.line) {
        (Some(path), Some(line)) if edit.kind == "file" => format!("{path}:{line}"),
        (Some(path), _) if edit.kind == "file" => path.clone(),
        _ => edit.title.clone(),
    }
}

/// `rows: the join to promotions is no longer unique`.
pub(super) fn meaning_of(edit: &Edit) -> String {
    match (&edit.meaning, edit.reasons.first()) {
        (Some(meaning), Some(reason)) => format!("{meaning}: {reason}"),
        (Some(meaning), None) => meaning.clone(),
        (None, _) => "not classified".to_owned(),
    }
}

/// `5 models, 2 exposures`.
pub(super) fn reach_of(edit: &Edit) -> String {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for node in edit.reaches.iter().filter(|node| !edit.nodes.contains(node)) {
        let kind = node.split('.').next().unwrap_or_default();
        *kinds.entry(kind).or_default() += 1;
    }
    let known = [
        ("model", "model"),
        ("seed", "seed"),
        ("snapshot", "snapshot"),
        ("exposure", "exposure"),
        ("metric", "metric"),
        ("saved_query", "saved query"),
    ];
    let said: Vec<String> = known
        .iter()
        .filter_map(|(kind, noun)| Some(counted_usize(*kinds.get(kind)?, noun)))
        .collect();
    if said.is_empty() { "nothing below".to_owned() } else { said.join(", ") }
}

/// `fct_orders, dim_customers and 3 more`; a dash for none.
pub(super) fn names(nodes: &[String], most: usize) -> String {
    let shown: Vec<&str> = nodes.iter().take(most).map(|node| short(node)).collect();
    match (shown.len(), nodes.len().saturating_sub(most)) {
        (0, _) => "–".to_owned(),
        (_, 0) => shown.join(", "),
        (_, rest) => format!("{} and {rest} more", shown.join(", ")),
    }
}

/// What an edit moved in the data.
pub(super) fn moved_of(edit: &Edit, report: &Impact) -> String {
    if report.data.is_empty() {
        return "not looked at".to_owned();
    }
    if edit.moved.is_empty() { "no data".to_owned() } else { names(&edit.moved, 3) }
}

/// A kind of hole with what is in it.
pub(super) struct Hole<'a> {
    pub words: &'static str,
    pub entries: Vec<&'a NotVerified>,
}

impl Hole<'_> {
    /// `3 tests: a, b, c`, or the reason where there is but one.
    pub(super) fn told(&self) -> String {
        let nodes: Vec<String> =
            self.entries.iter().filter_map(|entry| entry.node.clone()).collect();
        let whys: BTreeSet<&str> = self.entries.iter().map(|entry| entry.why.as_str()).collect();
        let why = whys.iter().next().copied().unwrap_or_default();
        match (nodes.is_empty(), whys.len()) {
            (true, _) => whys.into_iter().collect::<Vec<_>>().join("; "),
            (false, 1) => format!("{}: {why}", names(&nodes, 4)),
            (false, _) if nodes.len() <= 3 => {
                let each = self.entries.iter().map(|entry| {
                    let node = entry.node.as_deref().map_or("project", short);
                    format!("{node}: {}", entry.why)
                });
                each.collect::<Vec<_>>().join("; ")
            }
            (false, _) => names(&nodes, 6),
        }
    }
}

/// What was not verified, by kind, in the report's order.
pub(super) fn holes(report: &Impact) -> Vec<Hole<'_>> {
    let mut holes: Vec<(&str, Hole<'_>)> = Vec::new();
    for entry in &report.not_verified {
        match holes.iter_mut().find(|(kind, _)| *kind == entry.kind) {
            Some((_, hole)) => hole.entries.push(entry),
            None => {
                holes.push((&entry.kind, Hole { words: words(&entry.kind), entries: vec![entry] }));
            }
        }
    }
    holes.into_iter().map(|(_, hole)| hole).collect()
}

fn words(kind: &str) -> &'static str {
    match kind {
        "not_built" => "nothing built",
        "not_compared" => "data not compared",
        "not_parsed" => "SQL not read",
        "not_understood" => "change not understood",
        "sampled" => "only sampled",
        "no_key" => "no key",
        "fresh_build" => "increment not compared",
        "snapshot_not_built" => "snapshot not built",
        "test_not_run" => "tests not run",
        "seed_hash" => "large seed",
        "raw_code" => "compared as written",
        "engine_upgrade" => "another dbt",
        "volatile" => "changes at every build",
        "hooks" => "hooks left out",
        "vars_reach" => "variables",
        _ => "other",
    }
}

/// `12.3 s: build 7.1, compare 2.0`, the slowest first.
pub(super) fn cost(report: &Impact) -> Option<String> {
    let cost = &report.cost;
    if cost.stages.is_empty() {
        return None;
    }
    let mut stages: Vec<_> = cost.stages.iter().filter(|stage| stage.seconds >= 0.1).collect();
    stages.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    let told: Vec<String> =
        stages.iter().take(4).map(|stage| format!("{} {:.1}", stage.name, stage.seconds)).collect();
    let rows = match cost.rows_compared {
        0 => String::new(),
        rows => format!(" · {} compared", counted(rows, "row")),
    };
    Some(format!("{:.1} s ({}){rows}", cost.seconds, told.join(", ")))
}

/// Something in it is not the same.
pub(super) fn differs(data: &Data) -> bool {
    let rows = &data.rows;
    rows.base != rows.head
        || rows.added > 0
        || rows.removed > 0
        || rows.changed > Some(0)
        || data.columns.iter().any(|column| column.change != "same")
}

pub(super) fn moved_columns(data: &Data) -> String {
    let of = |column: &super::wire::Column| match (column.change.as_str(), column.changed) {
        ("added", _) => Some(format!("+{}", column.name)),
        ("removed", _) => Some(format!("−{}", column.name)),
        (_, Some(changed)) if changed > 0 => {
            Some(format!("{} ({})", column.name, grouped(changed)))
        }
        ("retyped", _) => Some(format!("{} (type)", column.name)),
        _ => None,
    };
    let names: Vec<String> = data.columns.iter().filter_map(of).collect();
    if names.len() > 8 {
        let rest = names.len() - 8;
        return format!(
            "{} and {rest} more",
            names.iter().take(8).cloned().collect::<Vec<_>>().join(", ")
        );
    }
    names.join(", ")
}

/// Columns of which there is something to say.
pub(super) fn interesting(data: &Data) -> Vec<&super::wire::Column> {
    let moved = |column: &&super::wire::Column| {
        column.change != "same" || column.changed > Some(0) || column.null_base != column.null_head
    };
    data.columns.iter().filter(moved).collect()
}

/// What stands behind the level, for one line.
pub(super) fn because(report: &Impact) -> Option<String> {
    (!report.risk.reasons.is_empty()).then(|| report.risk.reasons.join(" · "))
}

/// `accepted in abc until 2026-12-31: values.changed:orders, because …`.
pub(super) fn overridden(one: &super::wire::Override) -> String {
    let what = &one.what;
    match one.state.as_str() {
        "applied" => {
            format!("accepted {what} until {}, because {} ({})", one.until, one.because, one.from)
        }
        "unreadable" => {
            format!(
                "not read: `{what}`: {} ({})",
                one.note.as_deref().unwrap_or_default(),
                one.from
            )
        }
        state => format!(
            "{state}: {what} until {}, because {} ({}): {}",
            one.until,
            one.because,
            one.from,
            one.note.as_deref().unwrap_or_default()
        ),
    }
}

/// `12 → 14` distinct values.
pub(super) fn distinct(column: &super::wire::Column) -> String {
    match (column.distinct_base, column.distinct_head) {
        (Some(base), Some(head)) => format!("{} → {}", grouped(base), grouped(head)),
        _ => "–".to_owned(),
    }
}

/// How far the distribution moved, from 0 to 1.
pub(super) fn shift(column: &super::wire::Column) -> String {
    column.shift.map_or_else(|| "–".to_owned(), |shift| format!("{shift:.2}"))
}

/// `gold 4,582 → 5,463, silver 6,228 → 4,735`.
pub(super) fn top(column: &super::wire::Column) -> String {
    let one = |top: &super::wire::TopValue| {
        let value = super::markdown::shown(top.value.as_deref());
        format!("{value} {} → {}", grouped(top.base), grouped(top.head))
    };
    column.top.iter().take(5).map(one).collect::<Vec<_>>().join(", ")
}

/// `0 to 12 → 0 to 14`.
pub(super) fn range(column: &super::wire::Column) -> String {
    let one = |range: &Option<[String; 2]>| {
        range.as_ref().map_or_else(
            || "–".to_owned(),
            |[least, greatest]| {
                let shown = |text: &str| super::markdown::shown(Some(text));
                format!("{} to {}", shown(least), shown(greatest))
            },
        )
    };
    match (&column.range_base, &column.range_head) {
        (None, None) => "–".to_owned(),
        (base, head) if base == head => one(base),
        (base, head) => format!("{} → {}", one(base), one(head)),
    }
}

/// A model's draft, and by whom it is: never without saying so.
pub(super) fn drafted(report: &Impact) -> Option<(&str, String)> {
    let draft = report.draft.as_ref().filter(|draft| !draft.text.is_empty())?;
    let dropped = match draft.dropped.len() {
        0 => String::new(),
        many => format!("; {} did not hold and went", counted_usize(many, "sentence")),
    };
    Some((
        &draft.text,
        format!("Drafted by {}, each number and name checked by belay{dropped}", draft.model),
    ))
}
