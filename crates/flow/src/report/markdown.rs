//! The report as a pull request comment: the verdict first, then what can be unfolded.

use super::short;
use super::wire::{Data, Finding, Impact, Sample, Severity, Test};
use crate::figures::{amount, counted_usize, grouped};

/// Folded away below this many.
const OPEN_FINDINGS: usize = 12;

/// The report in Markdown that code hosts render.
pub fn markdown(report: &Impact) -> String {
    let report = &super::legible(report);
    let mut out = String::new();
    out.push_str(&format!("## belay: dbt impact — risk **{}**\n\n", report.risk.level));
    out.push_str(&format!("{}\n\n", text(&report.summary)));
    out.push_str(&format!(
        "`{}` → `{}` · run `{}` · score {}\n\n",
        code(&report.base.name),
        code(&report.head.name),
        report.run,
        report.risk.score
    ));
    if !report.look_first.is_empty() {
        out.push_str("### Look at first\n\n");
        report.look_first.iter().for_each(|line| out.push_str(&format!("1. {}\n", text(line))));
        out.push('\n');
    }
    findings(&mut out, report);
    data(&mut out, report);
    harmless(&mut out, report);
    tests(&mut out, report);
    scope(&mut out, report);
    not_compared(&mut out, report);
    out
}

fn findings(out: &mut String, report: &Impact) {
    let worth: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
    if worth.is_empty() {
        return;
    }
    out.push_str("### Findings\n\n");
    let table = |findings: &[&Finding]| {
        let mut rows = "| severity | where | what | id |\n| --- | --- | --- | --- |\n".to_owned();
        for finding in findings {
            let node = finding.node.as_deref().map_or("project", short);
            let place = match &finding.column {
                Some(column) => format!("`{}`.`{}`", code(node), code(column)),
                None => format!("`{}`", code(node)),
            };
            rows.push_str(&format!(
                "| {} {} | {place} | {} | `{}` |\n",
                dot(finding.severity),
                finding.severity,
                finding.reason().map_or_else(
                    || cell(&finding.message),
                    |reason| format!("{}<br>{}", cell(&finding.message), cell(reason))
                ),
                finding.id
            ));
        }
        rows
    };
    let (open, folded) = worth.split_at(worth.len().min(OPEN_FINDINGS));
    out.push_str(&table(open));
    out.push('\n');
    if !folded.is_empty() {
        out.push_str(&fold(&format!("{} more findings", folded.len()), &table(folded)));
    }
}

fn data(out: &mut String, report: &Impact) {
    let moved: Vec<&Data> = report.data.iter().filter(|data| differs(data)).collect();
    if moved.is_empty() {
        return;
    }
    out.push_str("### Data\n\n");
    out.push_str(
        "| relation | rows in base | in head | added | removed | changed | columns that moved |\n",
    );
    out.push_str("| --- | ---: | ---: | ---: | ---: | ---: | --- |\n");
    for data in &moved {
        out.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} | {} |\n",
            code(short(&data.node)),
            grouped(data.rows.base),
            grouped(data.rows.head),
            grouped(data.rows.added),
            grouped(data.rows.removed),
            data.rows.changed.map_or_else(|| "–".to_owned(), grouped),
            cell(&moved_columns(data)),
        ));
    }
    out.push('\n');
    for data in moved.iter().filter(|data| !data.samples.is_empty()) {
        let key = if data.key.is_empty() {
            String::new()
        } else {
            format!(", key `{}`", data.key.join("`, `"))
        };
        let summary =
            format!("<code>{}</code>: columns and example rows", escape(short(&data.node)));
        let remark = data.remark.as_deref().map(|remark| format!(" Mind: {}.", text(remark)));
        let body = format!(
            "Method: {}{key}.{}\n\n{}\n{}",
            data.method,
            remark.unwrap_or_default(),
            columns(data),
            samples(&data.samples)
        );
        out.push_str(&fold(&summary, &body));
    }
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

fn columns(data: &Data) -> String {
    let mut rows = "| column | change | rows changed | NULLs base → head | sum base → head |\n| --- | --- | ---: | --- | --- |\n".to_owned();
    let interesting = |column: &&super::wire::Column| {
        column.change != "same" || column.changed > Some(0) || column.null_base != column.null_head
    };
    for column in data.columns.iter().filter(interesting) {
        let count = |count: Option<i64>| count.map_or_else(|| "–".to_owned(), grouped);
        let sum = |sum: Option<f64>| sum.map_or_else(|| "–".to_owned(), amount);
        rows.push_str(&format!(
            "| `{}` | {} | {} | {} → {} | {} → {} |\n",
            code(&column.name),
            column.change,
            count(column.changed),
            count(column.null_base),
            count(column.null_head),
            sum(column.sum_base),
            sum(column.sum_head),
        ));
    }
    rows
}

fn samples(samples: &[Sample]) -> String {
    let mut rows = "| row | key | what |\n| --- | --- | --- |\n".to_owned();
    for sample in samples {
        let key: Vec<String> = sample
            .key
            .iter()
            .map(|value| format!("{} = {}", value.column, shown(value.value.as_deref())))
            .collect();
        rows.push_str(&format!(
            "| {} | {} | {} |\n",
            sample.kind,
            cell(&key.join(", ")),
            cell(&what(sample))
        ));
    }
    rows
}

pub(super) fn what(sample: &Sample) -> String {
    if let Some(times) = sample.times {
        return format!("stands {times} times");
    }
    let value = |pair: &super::wire::ValuePair| {
        let (base, head) = (shown(pair.base.as_deref()), shown(pair.head.as_deref()));
        match sample.kind.as_str() {
            "added" => format!("{} = {head}", pair.column),
            "removed" => format!("{} = {base}", pair.column),
            _ => format!("{}: {base} → {head}", pair.column),
        }
    };
    sample.values.iter().map(value).collect::<Vec<_>>().join("; ")
}

/// NULL in words, and nothing so long that it hides the rest.
pub(super) fn shown(value: Option<&str>) -> String {
    const LONGEST: usize = 60;
    match value {
        None => "NULL".to_owned(),
        Some(text) if text.chars().count() > LONGEST => {
            format!("{}…", text.chars().take(LONGEST).collect::<String>())
        }
        Some(text) => text.to_owned(),
    }
}

fn harmless(out: &mut String, report: &Impact) {
    if report.harmless.is_empty() {
        return;
    }
    let line = |one: &super::wire::Harmless| {
        format!("- `{}`: {}\n", code(short(&one.node)), text(&one.proof))
    };
    let lines: String = report.harmless.iter().map(line).collect();
    out.push_str(&fold(
        &format!("Proved harmless: {}", counted_usize(report.harmless.len(), "relation")),
        &lines,
    ));
}

fn tests(out: &mut String, report: &Impact) {
    if report.tests.is_empty() {
        return;
    }
    let of = |verdict: &str| report.tests.iter().filter(|test| test.verdict == verdict).count();
    let title = format!(
        "Tests: {} run, {} regressed, {} fixed, {} new",
        report.tests.iter().filter(|test| test.head.is_some()).count(),
        of("regressed"),
        of("fixed"),
        of("new")
    );
    let notable = |test: &&Test| {
        test.verdict != "same" || test.head.as_deref().is_some_and(|head| head != "pass")
    };
    let word = |status: &Option<String>| status.clone().unwrap_or_else(|| "not run".to_owned());
    let row = |test: &Test| {
        format!(
            "| `{}` | {} | {} | {} |\n",
            code(short(&test.node)),
            word(&test.base),
            word(&test.head),
            test.verdict
        )
    };
    let rows: String = report.tests.iter().filter(notable).map(row).collect();
    let body = if rows.is_empty() {
        "Every test that ran says in head what it said in base.\n".to_owned()
    } else {
        format!("| test | base | head | verdict |\n| --- | --- | --- | --- |\n{rows}")
    };
    out.push_str(&fold(&title, &body));
}

fn scope(out: &mut String, report: &Impact) {
    let mut body = String::new();
    for changed in &report.changed {
        body.push_str(&format!(
            "- `{}`: {}\n",
            code(&changed.node),
            text(&changed.reasons.join(", "))
        ));
    }
    body.push('\n');
    for affected in &report.affected {
        let via: Vec<String> =
            affected.via.iter().map(|node| format!("`{}`", code(short(node)))).collect();
        body.push_str(&format!("- `{}` via {}\n", code(&affected.node), via.join(", ")));
    }
    let title =
        format!("Scope: {} changed, {} affected", report.changed.len(), report.affected.len());
    out.push_str(&fold(&title, &body));
}

fn not_compared(out: &mut String, report: &Impact) {
    if report.not_compared.is_empty() && report.notes.is_empty() {
        return;
    }
    let line = |one: &super::wire::NotCompared| {
        format!("- `{}`: {}\n", code(short(&one.node)), text(&one.why))
    };
    let mut body: String = report.not_compared.iter().map(line).collect();
    report.notes.iter().for_each(|note| body.push_str(&format!("- {}\n", text(note))));
    out.push_str(&fold("Not compared", &body));
}

fn fold(title: &str, body: &str) -> String {
    format!("<details><summary>{title}</summary>\n\n{}\n\n</details>\n\n", body.trim_end())
}

fn dot(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🔴",
        Severity::High => "🟠",
        Severity::Medium => "🟡",
        Severity::Low => "🔵",
        Severity::Info => "⚪",
    }
}

/// Text of others between words of ours: nothing in it may act as markup, mention or link.
fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut in_code = false;
    for letter in text.chars() {
        match letter {
            '`' => {
                in_code = !in_code;
                safe.push('`');
            }
            '<' if !in_code => safe.push_str("&lt;"),
            '@' if !in_code => safe.push_str("@\u{200b}"),
            '*' | '_' | '[' | ']' | '#' | '|' | '!' if !in_code => {
                safe.push('\\');
                safe.push(letter);
            }
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    if in_code { safe.replace('`', "'") } else { safe }
}

/// In a table a bar ends the cell, even inside code.
fn cell(content: &str) -> String {
    let escaped = text(content);
    escaped.replace("\\|", "|").replace('|', "\\|")
}

/// Between backticks.
fn code(text: &str) -> String {
    let shown = text.replace('`', "'").replace(char::is_control, " ");
    shown.replace('|', "\\|")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_become_markup() {
        let hostile = "<img src=x> @everyone [click](http://x) # big | cell `a|b` *bold*";
        let safe = text(hostile);
        assert!(
            !safe.contains("<img") && !safe.contains("@everyone") && !safe.contains("[click]"),
            "{safe}"
        );
        assert_eq!(text("an odd ` tick <b>").matches('`').count(), 0);
        assert_eq!(cell("a | `b|c`"), "a \\| `b\\|c`");
    }
}
