//! The report for a terminal: readable without colour, and with it at a glance.

use super::markdown::{differs, moved_columns, shown, what};
use super::short;
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
    out.push_str(&format!("{}\n\n", clean(&report.summary)));
    if !report.look_first.is_empty() {
        out.push_str(&format!("{BOLD}look at first{RESET}\n"));
        for (at, line) in report.look_first.iter().enumerate() {
            out.push_str(&format!("  {}. {}\n", at + 1, clean(line)));
        }
        out.push('\n');
    }
    findings(&mut out, report);
    data(&mut out, report);
    list(
        &mut out,
        "proved harmless",
        report.harmless.iter().map(|one| (short(&one.node), one.proof.as_str())),
    );
    list(
        &mut out,
        "not compared",
        report.not_compared.iter().map(|one| (short(&one.node), one.why.as_str())),
    );
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
    for note in &report.notes {
        out.push_str(&format!("{DIM}note: {}{RESET}\n", clean(note)));
    }
    out
}

fn findings(out: &mut String, report: &Impact) {
    let worth: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
    if worth.is_empty() {
        return;
    }
    out.push_str(&format!("{BOLD}findings{RESET}\n"));
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
