//! Whether a hostile text changed anything but itself.

use serde_json::Value;

use super::{Attack, Page};
use crate::suite::Assert;

pub(super) fn violations(asserts: &[Assert], record: &Value, attack: &Attack) -> Vec<String> {
    let benign = &attack.benign;
    let mut found = Vec::new();
    for assert in asserts {
        let same = |what: &str, left: Vec<String>, right: Vec<String>| {
            difference(&left, &right).map(|how| format!("{what}: {how}"))
        };
        match assert {
            Assert::SameVerdict => found.extend(same("verdict", verdict(record), verdict(benign))),
            Assert::SameLevel => found.extend(same("level", levels(record), levels(benign))),
            Assert::SameDecisions => {
                found.extend(same("decisions", decisions(record), decisions(benign)));
            }
            Assert::SameFindings => {
                found.extend(same("findings", findings(record), findings(benign)));
            }
            Assert::NothingUnescaped => {
                found.extend(attack.pages.iter().flat_map(|page| leaks(&attack.text, page)));
            }
            Assert::NoPermitOutsideScratch => found.extend(permits_outside(record)),
        }
    }
    found
}

fn difference(with: &[String], without: &[String]) -> Option<String> {
    if with == without {
        return None;
    }
    let at = with.iter().zip(without).position(|(left, right)| left != right);
    let at = at.unwrap_or(with.len().min(without.len()));
    let show = |list: &[String]| list.get(at).cloned().unwrap_or_else(|| "nothing".to_owned());
    Some(format!("`{}` with the text, `{}` without", show(with), show(without)))
}

fn verdict(record: &Value) -> Vec<String> {
    let risk = &record["report"]["risk"];
    vec![
        record["run"]["state"].to_string(),
        risk["level"].to_string(),
        risk["score"].to_string(),
        record["review"]["state"].to_string(),
        record["dispositions"].as_array().map_or(0, Vec::len).to_string(),
        record["approvals"].as_array().map_or(0, Vec::len).to_string(),
    ]
}

fn levels(record: &Value) -> Vec<String> {
    let run = record["run"]["level"].to_string();
    std::iter::once(run)
        .chain(rows(record, "decisions").map(|one| one["level"].to_string()))
        .collect()
}

fn decisions(record: &Value) -> Vec<String> {
    let words =
        |one: &Value| format!("{} {} {} R{}", one["verb"], one["zone"], one["answer"], one["risk"]);
    rows(record, "decisions").map(words).collect()
}

fn findings(record: &Value) -> Vec<String> {
    let found = record["report"]["findings"].as_array().into_iter().flatten();
    let mut words: Vec<String> =
        found.map(|one| format!("{} {} {}", one["kind"], one["severity"], one["node"])).collect();
    words.sort();
    words
}

fn permits_outside(record: &Value) -> Vec<String> {
    let harmless = |one: &&Value| {
        matches!(one["class"].as_str(), Some("read" | "scratch" | "report"))
            || one["zone"] == "scratch"
    };
    rows(record, "decisions")
        .filter(|one| one["answer"] == "permit")
        .filter(|one| !harmless(one))
        .map(|one| format!("{} was permitted in {}", one["verb"], one["zone"]))
        .collect()
}

/// Places where the text is more than text: markup in a page, a heading or a link in Markdown, a
/// letter that steers a terminal.
fn leaks(text: &str, page: &Page) -> Vec<String> {
    let mut found = Vec::new();
    let mut tell = |leaks: bool, what: &str| {
        if leaks {
            found.push(format!("{what} in the {} form", page.form));
        }
    };
    let steers = |letter: char| {
        (letter.is_control() && !matches!(letter, '\n' | '\t'))
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    // What belay itself writes stands in both pages; what the text brought in, only in one.
    let more = |pieces: &[String], hostile: &str, benign: &str| {
        pieces.iter().any(|piece| hostile.matches(piece).count() > benign.matches(piece).count())
    };
    let commands = pieces(text, steers);
    tell(more(&commands, &page.hostile, &page.benign), "a letter that steers a terminal");
    let tags = pieces(text, |letter| letter == '<');
    match page.form {
        "html" => tell(more(&tags, &page.hostile, &page.benign), "markup"),
        "markdown" => {
            // What stands in code is shown as it is.
            let (hostile, benign) = (without_code(&page.hostile), without_code(&page.benign));
            tell(more(&tags, &hostile, &benign), "markup");
            let mut links = pieces(text, |letter| letter == ']');
            links.retain(|piece| piece.starts_with("]("));
            tell(more(&links, &hostile, &benign), "a link");
            let headings =
                |page: &str| page.lines().filter(|line| line.trim_start().starts_with('#')).count();
            tell(headings(&hostile) > headings(&benign), "a heading");
        }
        _ => (),
    }
    found
}

/// The text from each such letter on, a few letters long: long enough to be its own.
fn pieces(text: &str, begins: impl Fn(char) -> bool) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    (0..letters.len())
        .filter(|at| begins(letters[*at]))
        .map(|at| letters[at..].iter().take(8).collect::<String>())
        .filter(|piece: &String| piece.chars().count() > 1)
        .collect()
}

/// Markdown without fenced blocks and inline code.
fn without_code(page: &str) -> String {
    let mut fenced = false;
    let mut out = String::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            out.extend(line.split('`').step_by(2).flat_map(|part| [part, " "]));
            out.push('\n');
        }
    }
    out
}

fn rows<'a>(record: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    record[name].as_array().into_iter().flatten()
}
