//! The scorecard for people: in a terminal and in Markdown.

use super::{Outcome, Scorecard, Word, tame};

/// For the terminal.
pub fn text(card: &Scorecard) -> String {
    let dataset = &card.dataset;
    let mut out = format!(
        "{} {} version {}\n  {} cases in {} clusters, {} trials ({}, dataset {})\n",
        card.verdict.as_str().to_uppercase(),
        tame(&card.suite),
        tame(&card.version),
        dataset.cases,
        dataset.clusters,
        dataset.trials,
        dataset.source,
        short(&dataset.digest)
    );
    let width = card.checks.iter().map(|check| check.id.chars().count()).max().unwrap_or(0);
    let mut dimension = "";
    for check in &card.checks {
        if check.dimension != dimension {
            dimension = &check.dimension;
            out.push_str(&format!("\n{dimension}\n"));
        }
        let mark = match check.verdict {
            Word::Pass => "\u{1b}[32mpass\u{1b}[0m        ",
            Word::Fail => "\u{1b}[31mFAIL\u{1b}[0m        ",
            Word::Inconclusive => "\u{1b}[33minconclusive\u{1b}[0m",
        };
        let line = format!(
            "  {mark} {:<width$}  {:<22} {}",
            tame(&check.id),
            figure(check),
            tame(&check.explanation)
        );
        out.push_str(line.trim_end());
        out.push('\n');
        if check.verdict == Word::Fail {
            for violation in check.violations.iter().take(5) {
                out.push_str(&format!(
                    "      {}: {}\n",
                    tame(&violation.case),
                    tame(&violation.why)
                ));
            }
        }
    }
    if !card.flaky.is_empty() {
        out.push_str("\nflaky\n");
        for one in &card.flaky {
            let aside = if one.quarantined { ", set aside" } else { "" };
            out.push_str(&format!(
                "  {} on {}: {} of {} trials passed{aside}\n",
                tame(&one.check),
                tame(&one.case),
                one.passed,
                one.trials
            ));
        }
    }
    if let Some(baseline) = &card.baseline {
        out.push_str(&format!(
            "\nbaseline {} version {}, dataset {}\n",
            tame(&baseline.suite),
            tame(&baseline.version),
            short(&baseline.dataset)
        ));
    }
    out
}

/// For a pull request or a page.
pub fn markdown(card: &Scorecard) -> String {
    let dataset = &card.dataset;
    let mut out = format!(
        "# Scorecard {}: {}\n\nVersion {}, {} cases in {} clusters, {} trials. Source: {}, dataset `{}`, suite `{}`, engine {}.\n\n",
        plain(&card.suite),
        card.verdict.as_str(),
        plain(&card.version),
        dataset.cases,
        dataset.clusters,
        dataset.trials,
        dataset.source,
        short(&dataset.digest),
        short(&card.digest),
        plain(&card.engine)
    );
    out.push_str(
        "| dimension | check | verdict | estimate | interval | against baseline | n | why |\n",
    );
    out.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for check in &card.checks {
        let difference = check.baseline.as_ref().map_or_else(String::new, |one| {
            let note = if one.same_evaluator { "" } else { " (another evaluator)" };
            format!("{:+.3}{note}", one.difference)
        });
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {difference} | {} | {} |\n",
            check.dimension,
            plain(&check.id),
            check.verdict.as_str(),
            estimate(check),
            interval(check),
            check.n,
            plain(&check.explanation)
        ));
    }
    let failed: Vec<&Outcome> =
        card.checks.iter().filter(|check| !check.violations.is_empty()).collect();
    if !failed.is_empty() {
        out.push_str("\n## Violations\n\n");
        for check in failed {
            for violation in &check.violations {
                out.push_str(&format!(
                    "- {}, {}: {}\n",
                    plain(&check.id),
                    plain(&violation.case),
                    plain(&violation.why)
                ));
            }
        }
    }
    if !card.flaky.is_empty() {
        out.push_str("\n## Flaky cases\n\n");
        for one in &card.flaky {
            let aside = if one.quarantined { ", set aside" } else { "" };
            out.push_str(&format!(
                "- {} on {}: {} of {} trials passed{aside}\n",
                plain(&one.check),
                plain(&one.case),
                one.passed,
                one.trials
            ));
        }
    }
    out
}

/// Text that Markdown and HTML take for text.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for letter in tame(text).chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' | '@' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    // A bare address would become a link.
    out.replace("://", ":\u{2060}//")
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn figure(check: &Outcome) -> String {
    let interval = interval(check);
    let interval = if interval.is_empty() { interval } else { format!(" [{interval}]") };
    format!("{}{interval}", estimate(check))
}

pub(super) fn estimate(check: &Outcome) -> String {
    check.estimate.map_or_else(|| "–".to_owned(), |value| number(value, &check.unit))
}

fn interval(check: &Outcome) -> String {
    let end =
        |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |one| number(one, &check.unit));
    check.interval.as_ref().map_or_else(String::new, |interval| {
        format!("{} … {}", end(interval.lower), end(interval.upper))
    })
}

fn number(value: f64, unit: &str) -> String {
    match unit {
        "share" => format!("{:.1} %", value * 100.0),
        "ms" => format!("{value:.0} ms"),
        "micro_usd" => format!("{value:.0} µ$"),
        _ => format!("{value:.4}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}
