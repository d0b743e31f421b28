//! The report is its own golden file: read the Markdown as a reviewer would.

use expect_test::expect_file;

use super::{html, junit, markdown, parse, sarif, terminal, wire};

/// The demo's report, as it was kept in a record.
fn demo() -> wire::Impact {
    parse(include_bytes!("../../golden/report.json")).unwrap()
}

#[test]
fn the_demos_report_reads_as_checked_in() {
    expect_file!["../../golden/report.md"].assert_eq(&markdown(&demo()));
    expect_file!["../../golden/report.html"].assert_eq(&html(&demo()).unwrap());
    let plain = strip_colours(&terminal(&demo()));
    expect_file!["../../golden/report.txt"].assert_eq(&plain);
}

#[test]
fn a_comment_fits_a_code_host_and_a_page_asks_nobody_for_anything() {
    assert!(markdown(&demo()).chars().count() < 65_536);
    let page = html(&demo()).unwrap();
    for request in ["<script", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(request), "{request}");
    }
}

#[test]
fn text_of_a_pull_request_stays_text_in_every_form() {
    let mut report = demo();
    let hostile = "<script>alert(1)</script> \u{1b}[2Jcleared @everyone [x](http://y)";
    report.summary = hostile.to_owned();
    report.head.name = hostile.to_owned();
    report.commits = vec![hostile.to_owned()];
    for finding in &mut report.findings {
        finding.message = hostile.to_owned();
        finding.column = Some(hostile.to_owned());
    }
    let page = html(&report).unwrap();
    assert!(!page.contains("<script>"), "the page runs it");
    // Between backticks nothing is markup; everywhere else it must have lost its force.
    let comment = markdown(&report);
    let outside_code: String = comment.split('`').step_by(2).collect();
    for force in ["<script>", "@everyone", "[x](", "\u{1b}"] {
        assert!(!outside_code.contains(force), "{force}");
    }
    let text = terminal(&report);
    assert!(!text.contains("\u{1b}[2J"), "the terminal is cleared");
    report.summary = format!("\u{202e}{}", "long ".repeat(40_000));
    for form in [html(&report).unwrap(), markdown(&report), terminal(&report)] {
        assert!(!form.contains('\u{202e}'), "text is turned around");
        assert!(form.chars().count() < 65_536, "one name fills the report");
    }
}

/// A report of a project with `count` changed models, each with data that moved.
fn large(count: usize) -> wire::Impact {
    let mut report = demo();
    let node = |at: usize| format!("model.shop.a_model_with_quite_a_long_name_{at:05}");
    let finding = report.findings.first().unwrap().clone();
    let data = report.data.iter().find(|data| !data.samples.is_empty()).unwrap().clone();
    let changed = report.changed.first().unwrap().clone();
    let affected = report.affected.first().unwrap().clone();
    report.findings.clear();
    for at in 0..count {
        let of = node(at);
        report.findings.push(wire::Finding {
            id: format!("F-{at:012}"),
            node: Some(of.clone()),
            ..finding.clone()
        });
        report.data.push(wire::Data { node: of.clone(), ..data.clone() });
        report.changed.push(wire::Changed { node: of.clone(), ..changed.clone() });
        report.affected.push(wire::Affected { node: of.clone(), ..affected.clone() });
        report.not_verified.push(wire::NotVerified {
            kind: "no_key".to_owned(),
            node: Some(of.clone()),
            why: format!("no key {at}"),
        });
        report.edits.push(wire::Edit {
            id: format!("E-{at}"),
            kind: "file".to_owned(),
            title: format!("models/{at}.sql"),
            nodes: vec![of.clone()],
            moved: vec![of],
            ..wire::Edit::default()
        });
        report.lineage.push(wire::Arrow { from: node(at), to: node(at + 1) });
    }
    report
}

#[test]
fn a_comment_on_five_thousand_models_fits_and_no_table_is_cut() {
    let text = markdown(&large(5_000));
    assert!(text.encode_utf16().count() <= 65_536, "{}", text.encode_utf16().count());
    assert!(text.encode_utf16().count() > 50_000, "there is room for more");
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    assert_eq!(text.matches("```").count() % 2, 0);
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        assert!(line.ends_with('|'), "{line}");
    }
    for part in ["What was edited", "Evidence", "Not verified", "Data: ", "Scope: ", "Tests: "] {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("more: see `report.json`"), "what is left out is counted");
    // A page may be long; its picture is not.
    assert!(html(&large(300)).unwrap().matches("<rect ").count() <= 80);
}

#[test]
fn sarif_names_files_and_lines_and_what_somebody_accepted() {
    let mut report = demo();
    let first = report.findings.first_mut().unwrap();
    (first.path, first.line) = (Some("models/marts/fct_orders.sql".to_owned()), Some(12));
    first.accepted = Some("we know".to_owned());
    let log: serde_json::Value = serde_json::from_str(&sarif(&report).unwrap()).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "models/marts/fct_orders.sql");
    assert_eq!(place["region"]["startLine"], 12);
    assert_eq!(results[0]["suppressions"][0]["justification"], "we know");
    for result in results {
        let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[at]["id"], result["ruleId"]);
    }
    assert!(results.iter().all(|result| result["level"] != "none"));
}

#[test]
fn junit_fails_what_is_high_and_passes_what_somebody_accepted() {
    let mut report = demo();
    let failures = |report: &wire::Impact| junit(report).unwrap().matches("<failure").count();
    let grave = report.findings.iter().filter(|one| one.severity >= wire::Severity::High).count();
    assert_eq!(failures(&report), grave + 1, "each of them, and the verdict");
    for finding in &mut report.findings {
        finding.accepted = Some("we know".to_owned());
    }
    report.risk.level = wire::Severity::Low;
    assert_eq!(failures(&report), 0);
}

#[test]
fn a_report_of_an_older_belay_can_still_be_shown() {
    let mut old = serde_json::to_value(demo()).unwrap();
    let members = old.as_object_mut().unwrap();
    for new in [
        "edits",
        "contradictions",
        "spared",
        "cut_off",
        "not_verified",
        "overrides",
        "lineage",
        "cost",
    ] {
        members.remove(new).unwrap();
    }
    for (list, new) in [
        ("changed", "meaning"),
        ("affected", "columns"),
        ("data", "caused_by"),
        ("findings", "places"),
    ] {
        for one in old[list].as_array_mut().unwrap() {
            one.as_object_mut().unwrap().remove(new).unwrap();
        }
    }
    old["risk"].as_object_mut().unwrap().remove("reasons").unwrap();
    let report = parse(old.to_string().as_bytes()).unwrap();
    assert!(markdown(&report).contains("### Look at first"));
    assert!(html(&report).unwrap().contains("Look at first"));
}

fn strip_colours(text: &str) -> String {
    let mut kept = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            letters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            kept.push(letter);
        }
    }
    kept
}
