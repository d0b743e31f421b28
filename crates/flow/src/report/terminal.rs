//! The report for a terminal: readable without colour, and with it at a glance.

use super::markdown::{shown, what};
use super::short;
use super::view::{
    self, because, contradictions, cost, differs, drafted, evidence, holes, meaning_of,
    moved_columns, moved_of, overridden, place_of, reach_of, telling,
};
use super::wire::{Finding, Impact, Severity};
use crate::figures::{counted, grouped};

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const RESET: &str = "\u{1b}[0m";
/// Findings shown in full; the rest is counted.
const SHOWN: usize = 15;

/// The report with terminal colours; whoever prints it strips them where there is no terminal.
pub fn terminal(report: &Impact) -> String {
    let report = &super::legible(report);
    let mut out = String::new();
    let level = report.risk.level;
    out.push_str(&format!(
        "{BOLD}risk {}{}{RESET}{BOLD}{RESET}   {DIM}{} → {}{RESET}\n\n",
        colour(level),
        level.as_str().to_uppercase(),
        clean(&report.base.name),
        clean(&report.head.name)
    ));
    if let Some(because) = because(report) {
        out.push_str(&format!("{BOLD}{}{RESET}\n", clean(&because)));
    }
    out.push_str(&format!("{}\n\n", clean(&report.summary)));
    if let Some((told, by)) = drafted(report) {
        out.push_str(&format!("{}\n{DIM}{}{RESET}\n\n", clean(told), clean(&by)));
    }
    if report.risk.reasons.is_empty() && !report.look_first.is_empty() {
        out.push_str(&format!("{BOLD}look at first{RESET}\n"));
        for (at, line) in report.look_first.iter().enumerate() {
            out.push_str(&format!("  {}. {}\n", at + 1, clean(line)));
        }
        out.push('\n');
    }
    findings(&mut out, "the data contradict the code", &contradictions(report));
    edits(&mut out, report);
    findings(&mut out, "evidence", &evidence(report));
    not_verified(&mut out, report);
    data(&mut out, report);
    list(
        &mut out,
        "proved harmless",
        report.harmless.iter().map(|one| (short(&one.node), one.proof.as_str())),
    );
    list(
        &mut out,
        "spared",
        report.spared.iter().map(|one| (short(&one.node), one.proof.as_str())),
    );
    let equal: Vec<(&str, String)> = report
        .cut_off
        .iter()
        .map(|one| (short(&one.node), format!("{} came out equal", short(&one.because))))
        .collect();
    list(&mut out, "not built", equal.iter().map(|(node, why)| (*node, why.as_str())));
    if report.build.is_none() && report.data.is_empty() {
        let reasons: Vec<(String, String)> =
            report.changed.iter().map(|one| (one.node.clone(), one.reasons.join(", "))).collect();
        list(&mut out, "changed", reasons.iter().map(|(node, why)| (node.as_str(), why.as_str())));
        let via: Vec<(String, String)> = report
            .affected
            .iter()
            .map(|one| {
                (
                    one.node.clone(),
                    format!(
                        "via {}",
                        one.via.iter().map(|node| short(node)).collect::<Vec<_>>().join(", ")
                    ),
                )
            })
            .collect();
        list(&mut out, "affected", via.iter().map(|(node, why)| (node.as_str(), why.as_str())));
    }
    tests(&mut out, report);
    for one in &report.overrides {
        out.push_str(&format!("{BOLD}override{RESET}  {}\n", clean(&overridden(one))));
    }
    if !report.risk.reviewers.is_empty() {
        let names = clean(&report.risk.reviewers.join(", "));
        out.push_str(&format!("{BOLD}asks for{RESET}  {names}\n"));
    }
    if let Some(cost) = cost(report) {
        out.push_str(&format!("{DIM}took {}{RESET}\n", clean(&cost)));
    }
    for note in &report.notes {
        out.push_str(&format!("{DIM}note: {}{RESET}\n", clean(note)));
    }
    out
}

fn edits(out: &mut String, report: &Impact) {
    let (telling, quiet) = telling(report);
    if telling.is_empty() && quiet.is_empty() {
        return;
    }
    out.push_str(&format!("{BOLD}edits{RESET}\n"));
    for edit in telling.iter().take(SHOWN) {
        out.push_str(&format!(
            "  {BOLD}{}{RESET}  {}  {DIM}{}{RESET}\n      reaches {} · moved {}\n",
            clean(&place_of(edit)),
            clean(&meaning_of(edit)),
            clean(&edit.id),
            reach_of(edit),
            clean(&moved_of(edit, report))
        ));
    }
    if telling.len() > SHOWN {
        out.push_str(&format!("  {DIM}and {} more{RESET}\n", telling.len() - SHOWN));
    }
    if !quiet.is_empty() {
        out.push_str(&format!("  {DIM}{}{RESET}\n", clean(&view::quiet(&quiet))));
    }
    out.push('\n');
}

fn not_verified(out: &mut String, report: &Impact) {
    let holes = holes(report);
    if holes.is_empty() {
        return;
    }
    out.push_str(&format!("{BOLD}not verified{RESET}\n"));
    for hole in &holes {
        let told = clean(&hole.told());
        out.push_str(&format!("  {} ({}): {told}\n", hole.words, hole.entries.len()));
    }
    out.push('\n');
}

fn findings(out: &mut String, title: &str, worth: &[&Finding]) {
    if worth.is_empty() {
        return;
    }
    out.push_str(&format!("{BOLD}{title}{RESET}\n"));
    for finding in worth.iter().take(SHOWN) {
        let node = finding.node.as_deref().map_or("project", short);
        let column =
            finding.column.as_deref().map(|column| format!(".{column}")).unwrap_or_default();
        out.push_str(&format!(
            "  {}{:<8}{RESET}  {BOLD}{}{}{RESET}: {}  {DIM}{}{RESET}\n",
            colour(finding.severity),
            finding.severity,
            clean(node),
            clean(&column),
            clean(&finding.message),
            finding.id
        ));
        if !finding.places.is_empty() {
            let nodes: Vec<String> =
                finding.places.iter().map(|place| place.node.clone()).collect();
            let below = clean(&view::names(&nodes, 4));
            out.push_str(&format!("            {DIM}and below: {below}{RESET}\n"));
        }
        if let Some(why) = &finding.accepted {
            out.push_str(&format!("            {DIM}accepted: {}{RESET}\n", clean(why)));
        }
        if let Some(reason) = finding.reason() {
            out.push_str(&format!("            {DIM}{}{RESET}\n", clean(reason)));
        }
    }
    if worth.len() > SHOWN {
        out.push_str(&format!("  {DIM}and {} more{RESET}\n", worth.len() - SHOWN));
    }
    out.push('\n');
}

fn data(out: &mut String, report: &Impact) {
    let moved: Vec<_> = report.data.iter().filter(|data| differs(data)).collect();
    if moved.is_empty() {
        return;
    }
    out.push_str(&format!("{BOLD}data{RESET}\n"));
    let rest = moved.len().saturating_sub(SHOWN);
    for data in moved.into_iter().take(SHOWN) {
        let rows = &data.rows;
        let count = if rows.base == rows.head {
            counted(rows.base, "row")
        } else {
            format!("{} → {} rows", grouped(rows.base), grouped(rows.head))
        };
        let changed = rows
            .changed
            .filter(|changed| *changed > 0)
            .map(|changed| format!(", {} changed", grouped(changed)));
        let columns = moved_columns(data);
        let columns = if columns.is_empty() { String::new() } else { format!(": {columns}") };
        out.push_str(&format!(
            "  {BOLD}{}{RESET}  {count}{}{}\n",
            clean(short(&data.node)),
            changed.unwrap_or_default(),
            clean(&columns)
        ));
        if let Some(remark) = &data.remark {
            out.push_str(&format!("      {DIM}{}{RESET}\n", clean(remark)));
        }
        for sample in data.samples.iter().take(2) {
            let key: Vec<String> = sample
                .key
                .iter()
                .map(|value| format!("{}={}", value.column, shown(value.value.as_deref())))
                .collect();
            out.push_str(&format!(
                "      {DIM}{} {} · {}{RESET}\n",
                sample.kind,
                clean(&key.join(", ")),
                clean(&what(sample))
            ));
        }
    }
    if rest > 0 {
        out.push_str(&format!("  {DIM}and {rest} more{RESET}\n"));
    }
    out.push('\n');
}

fn list<'a>(out: &mut String, title: &str, rows: impl Iterator<Item = (&'a str, &'a str)>) {
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return;
    }
    out.push_str(&format!("{BOLD}{title}{RESET}\n"));
    for (node, why) in rows.iter().take(SHOWN) {
        out.push_str(&format!("  {}: {}\n", clean(node), clean(why)));
    }
    if rows.len() > SHOWN {
        out.push_str(&format!("  {DIM}and {} more{RESET}\n", rows.len() - SHOWN));
    }
    out.push('\n');
}

fn tests(out: &mut String, report: &Impact) {
    if report.tests.is_empty() {
        return;
    }
    let of = |verdict: &str| report.tests.iter().filter(|test| test.verdict == verdict).count();
    let run = report.tests.iter().filter(|test| test.head.is_some()).count();
    out.push_str(&format!(
        "{BOLD}tests{RESET}  {run} run, {} regressed, {} fixed, {} new\n",
        of("regressed"),
        of("fixed"),
        of("new")
    ));
}

fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "\u{1b}[1;31m",
        Severity::High => "\u{1b}[31m",
        Severity::Medium => "\u{1b}[33m",
        Severity::Low => "\u{1b}[36m",
        Severity::Info => "\u{1b}[2m",
    }
}

/// Text of others must not steer the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
