//! The report as a pull request comment: what decides comes first and open, the rest can be unfolded. It
//! never grows longer than a code host takes.

use super::escape::{cell, code, escape, text};
use super::fit::{LIMIT, Section, fit, fold};
use super::short;
use super::view::{
    because, contradictions, cost, differs, drafted, evidence, holes, interesting, meaning_of,
    moved_columns, moved_of, overridden, place_of, reach_of, telling,
};
use super::wire::{Data, Finding, Impact, Sample, Severity, Test};
use super::{picture, view};
use crate::figures::{amount, counted_usize, grouped};

/// Columns of one relation that are listed.
const MOST_COLUMNS: usize = 40;
/// Nodes in the picture.
const MOST_NODES: usize = 40;

/// The report in Markdown that code hosts render.
pub fn markdown(report: &Impact) -> String {
    let report = &super::legible(report);
    let sections = [
        refuted(report),
        edits(report),
        findings(report),
        not_verified(report),
        data(report),
        details(report),
        lineage(report),
        harmless(report),
        overrides(report),
        points(report),
        tests(report),
        scope(report),
        notes(report),
    ];
    fit(&lead(report), &sections, LIMIT)
}

fn lead(report: &Impact) -> String {
    let risk = &report.risk;
    let mut out = format!("## {} belay: dbt impact — risk **{}**\n\n", dot(risk.level), risk.level);
    if let Some(because) = because(report) {
        out.push_str(&format!("{}\n\n", text(&because)));
    }
    out.push_str(&format!("{}\n\n", text(&report.summary)));
    let asked = match risk.reviewers.as_slice() {
        [] => String::new(),
        reviewers => format!(" · asks for {}", text(&reviewers.join(", "))),
    };
    let cost = cost(report).map(|cost| format!(" · {}", text(&cost))).unwrap_or_default();
    out.push_str(&format!(
        "`{}` → `{}` · run `{}` · score {}{asked}{cost}\n\n",
        code(&report.base.name),
        code(&report.head.name),
        report.run,
        risk.score
    ));
    if let Some((told, by)) = drafted(report) {
        out.push_str(&format!("> {}\n>\n> <sub>{}</sub>\n\n", text(told), text(&by)));
    }
    if risk.reasons.is_empty() && !report.look_first.is_empty() {
        out.push_str("### Look at first\n\n");
        report.look_first.iter().for_each(|line| out.push_str(&format!("1. {}\n", text(line))));
        out.push('\n');
    }
    out
}

/// What the data refute comes before everything else.
fn refuted(report: &Impact) -> Section {
    Section {
        title: "⚠️ The data contradict the code".to_owned(),
        open: Some(6),
        head: FINDINGS.to_owned(),
        rows: contradictions(report).into_iter().map(|one| finding(one, true)).collect(),
        noun: "contradiction",
    }
}

fn edits(report: &Impact) -> Section {
    let (telling, quiet) = telling(report);
    let row = |edit: &super::wire::Edit| {
        format!(
            "| `{}` <sub>{}</sub> | {} | {} | {} |\n",
            code(&place_of(edit)),
            code(&edit.id),
            cell(&meaning_of(edit)),
            reach_of(edit),
            cell(&moved_of(edit, report))
        )
    };
    let mut rows: Vec<String> = telling.into_iter().map(row).collect();
    if !quiet.is_empty() {
        rows.push(format!("| *{}* | | | |\n", cell(&view::quiet(&quiet))));
    }
    Section {
        title: "What was edited".to_owned(),
        open: Some(8),
        head: "| edit | means | reaches | moved |\n| --- | --- | --- | --- |\n".to_owned(),
        rows,
        noun: "edit",
    }
}

const FINDINGS: &str = "| severity | where | what | because of |\n| --- | --- | --- | --- |\n";

fn findings(report: &Impact) -> Section {
    Section {
        title: "Evidence".to_owned(),
        open: Some(10),
        head: FINDINGS.to_owned(),
        rows: evidence(report).into_iter().map(|one| finding(one, false)).collect(),
        noun: "finding",
    }
}

fn finding(finding: &Finding, whole: bool) -> String {
    let node = finding.node.as_deref().map_or("project", short);
    let place = match &finding.column {
        Some(column) => format!("`{}`.`{}`", code(node), code(column)),
        None => format!("`{}`", code(node)),
    };
    let mut what = cell(&finding.message);
    let reasons: Vec<&str> = if whole {
        finding.evidence.iter().map(String::as_str).take(3).collect()
    } else {
        finding.reason().into_iter().collect()
    };
    reasons.iter().for_each(|reason| what.push_str(&format!("<br>{}", cell(reason))));
    if !finding.places.is_empty() {
        let nodes: Vec<String> = finding.places.iter().map(|place| place.node.clone()).collect();
        let below = counted_usize(nodes.len(), "place");
        what.push_str(&format!("<br>and {below} below: {}", cell(&view::names(&nodes, 4))));
    }
    let severity = match &finding.accepted {
        Some(why) => {
            what.push_str(&format!("<br>accepted: {}", cell(why)));
            format!("⚪ ~~{}~~", finding.severity)
        }
        None => format!("{} {}", dot(finding.severity), finding.severity),
    };
    let causes: Vec<String> =
        finding.caused_by.iter().take(3).map(|id| format!("`{}`", code(id))).collect();
    let causes = if causes.is_empty() { "–".to_owned() } else { causes.join(" ") };
    format!("| {severity} | {place} | {what}<br><sub>{}</sub> | {causes} |\n", finding.id)
}

fn not_verified(report: &Impact) -> Section {
    let row = |hole: &view::Hole<'_>| {
        let count = hole.entries.len();
        let count = if count > 1 { format!(" ({count})") } else { String::new() };
        format!("- **{}**{count}: {}\n", hole.words, text(&hole.told()))
    };
    Section {
        title: "Not verified".to_owned(),
        open: Some(12),
        head: String::new(),
        rows: holes(report).iter().map(row).collect(),
        noun: "kind",
    }
}

fn data(report: &Impact) -> Section {
    let row = |data: &Data| {
        format!(
            "| `{}` | {} | {} | {} | {} | {} | {} |\n",
            code(short(&data.node)),
            grouped(data.rows.base),
            grouped(data.rows.head),
            grouped(data.rows.added),
            grouped(data.rows.removed),
            data.rows.changed.map_or_else(|| "–".to_owned(), grouped),
            cell(&moved_columns(data)),
        )
    };
    let rows: Vec<String> = report.data.iter().filter(|data| differs(data)).map(row).collect();
    Section {
        title: format!("Data: {} differ", counted_usize(rows.len(), "relation")),
        open: None,
        head: "| relation | rows in base | in head | added | removed | changed | columns that moved |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |\n".to_owned(),
        rows,
        noun: "relation",
    }
}

fn details(report: &Impact) -> Section {
    let one = |data: &Data| {
        let key = if data.key.is_empty() {
            String::new()
        } else {
            let keys: Vec<String> = data.key.iter().map(|key| code(key)).collect();
            format!(", key `{}`", keys.join("`, `"))
        };
        let remark = data.remark.as_deref().map(|remark| format!(" Mind: {}.", text(remark)));
        let body = format!(
            "Method: {}{key}.{}\n\n{}\n{}",
            data.method,
            remark.unwrap_or_default(),
            columns(data),
            if data.samples.is_empty() { String::new() } else { samples(&data.samples) }
        );
        fold(&format!("<code>{}</code>", escape(short(&data.node))), &body)
    };
    Section {
        title: "Columns side by side, and example rows".to_owned(),
        open: None,
        head: String::new(),
        rows: report.data.iter().filter(|data| differs(data)).map(one).collect(),
        noun: "relation",
    }
}

fn lineage(report: &Impact) -> Section {
    let picture = picture::draw(report, MOST_NODES);
    if picture.arrows.is_empty() {
        return Section::default();
    }
    let mut rows = vec![picture::mermaid(&picture)];
    if picture.left_out > 0 {
        let nodes = counted_usize(picture.left_out, "node");
        rows.push(format!("\n*{nodes} more, without room in the picture*\n"));
    }
    Section {
        title: "Lineage: ✎ edited, red and yellow moved, green proved the same, blue reads it"
            .to_owned(),
        open: None,
        head: String::new(),
        rows,
        noun: "picture",
    }
}

fn columns(data: &Data) -> String {
    let mut rows = "| column | change | rows changed | NULLs base → head | sum base → head | distinct | shift |\n| --- | --- | ---: | --- | --- | --- | ---: |\n".to_owned();
    let found = interesting(data);
    let rest = found.len().saturating_sub(MOST_COLUMNS);
    for column in found.into_iter().take(MOST_COLUMNS) {
        let count = |count: Option<i64>| count.map_or_else(|| "–".to_owned(), grouped);
        let sum = |sum: Option<f64>| sum.map_or_else(|| "–".to_owned(), amount);
        rows.push_str(&format!(
            "| `{}` | {} | {} | {} → {} | {} → {} | {} | {} |\n",
            code(&column.name),
            if column.volatile { "volatile" } else { &column.change },
            count(column.changed),
            count(column.null_base),
            count(column.null_head),
            sum(column.sum_base),
            sum(column.sum_head),
            view::distinct(column),
            view::shift(column),
        ));
    }
    if rest > 0 {
        rows.push_str(&format!("\n*and {rest} more columns*\n"));
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

fn harmless(report: &Impact) -> Section {
    let line = |one: &super::wire::Harmless| {
        format!("- `{}`: {}\n", code(short(&one.node)), text(&one.proof))
    };
    let cut = |one: &super::wire::CutOff| {
        let (node, because) = (code(short(&one.node)), code(short(&one.because)));
        format!("- `{node}`: not built, because `{because}` came out equal\n")
    };
    let rows: Vec<String> = { report.harmless.iter().map(line) }
        .chain(report.cut_off.iter().map(cut))
        .chain(report.spared.iter().map(line))
        .collect();
    Section {
        title: format!(
            "Proved harmless: {} by data, {} cut off, {} spared by their code",
            report.harmless.len(),
            report.cut_off.len(),
            report.spared.len()
        ),
        open: None,
        head: String::new(),
        rows,
        noun: "node",
    }
}

fn overrides(report: &Impact) -> Section {
    let row = |one: &super::wire::Override| format!("- {}\n", text(&overridden(one)));
    Section {
        title: format!("Overrides in the change: {}", report.overrides.len()),
        open: None,
        head: String::new(),
        rows: report.overrides.iter().map(row).collect(),
        noun: "override",
    }
}

fn points(report: &Impact) -> Section {
    let row = |factor: &super::wire::Factor| {
        format!(
            "| {} | {} | {} | {} |\n",
            factor.points,
            cell(&factor.name),
            cell(&factor.why),
            code(&factor.finding)
        )
    };
    Section {
        title: format!("Points: {}", report.risk.score),
        open: None,
        head: "| points | for | why | about |\n| ---: | --- | --- | --- |\n".to_owned(),
        rows: report
            .risk
            .factors
            .iter()
            .filter(|factor| !factor.name.is_empty())
            .map(row)
            .collect(),
        noun: "factor",
    }
}

fn tests(report: &Impact) -> Section {
    if report.tests.is_empty() {
        return Section::default();
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
    let mut rows: Vec<String> = report.tests.iter().filter(notable).map(row).collect();
    let mut head = "| test | base | head | verdict |\n| --- | --- | --- | --- |\n".to_owned();
    if rows.is_empty() {
        head.clear();
        rows.push("Every test that ran says in head what it said in base.\n".to_owned());
    }
    Section { title, open: None, head, rows, noun: "test" }
}

fn scope(report: &Impact) -> Section {
    let changed = report.changed.iter().map(|changed| {
        let meaning = changed.meaning.as_deref().map(|meaning| format!(" ({meaning})"));
        format!(
            "- `{}`{}: {}\n",
            code(&changed.node),
            meaning.unwrap_or_default(),
            text(&changed.reasons.join(", "))
        )
    });
    let shown = report.affected.iter().filter(|one| !one.node.starts_with("test."));
    let affected = shown.map(|affected| {
        let via: Vec<String> =
            affected.via.iter().map(|node| format!("`{}`", code(short(node)))).collect();
        let columns = match affected.columns.as_slice() {
            [] => String::new(),
            columns => format!(": {}", text(&columns.join(", "))),
        };
        format!("- `{}` via {}{columns}\n", code(&affected.node), via.join(", "))
    });
    let title =
        format!("Scope: {} changed, {} affected", report.changed.len(), report.affected.len());
    let mut rows: Vec<String> = changed.chain(affected).collect();
    let tests = report.affected.len()
        - report.affected.iter().filter(|one| !one.node.starts_with("test.")).count();
    if tests > 0 {
        rows.push(format!("- and {} on them\n", counted_usize(tests, "test")));
    }
    Section { title, open: None, head: String::new(), rows, noun: "node" }
}

fn notes(report: &Impact) -> Section {
    let line = |one: &super::wire::NotCompared| {
        format!("- `{}`: {}\n", code(short(&one.node)), text(&one.why))
    };
    let notes = report.notes.iter().map(|note| format!("- {}\n", text(note)));
    Section {
        title: "Notes".to_owned(),
        open: None,
        head: String::new(),
        rows: report.not_compared.iter().map(line).chain(notes).collect(),
        noun: "note",
    }
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
