//! The report is its own golden file: read the Markdown as a reviewer would.

use expect_test::expect_file;

use super::{html, markdown, parse, terminal, wire};

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
