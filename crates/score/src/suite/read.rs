//! From the text of a suite to the suite, or to everything that is wrong with it.

use std::collections::BTreeSet;

use belay_model::{Digest, canonical};
use serde_json::json;

use super::yaml::{self, Fault, Faults, Fields, Node};
use super::{Dataset, ENGINE, Flake, Output, Source, Split, Subject, Suite, Trials, checks};
use crate::cel::Expression;

/// Reads a suite. All faults are told at once, each with its line.
pub fn read(text: &str) -> Result<Suite, Vec<Fault>> {
    let node = yaml::parse(text)?;
    let faults = Faults::default();
    let suite = suite(&node, &faults);
    let found = faults.all();
    if found.is_empty() { Ok(suite) } else { Err(found) }
}

/// The digest of a definition together with the engine that reads it.
pub(super) fn digest(definition: &Node) -> Digest {
    canonical::digest(&json!({"definition": yaml::json(definition), "engine": ENGINE}))
}

fn suite(node: &Node, faults: &Faults) -> Suite {
    let mut top = Fields::of(node, "the suite", faults);
    if let Some(schema) = top.text("schema") {
        if schema != "belay.suite/1" {
            let at = top.node("schema").map_or(0, yaml::line);
            faults.add(at, format!("`schema` is `{schema}`, expected `belay.suite/1`"));
        }
    } else {
        top.missing("schema");
    }
    let name = top.needed_text("suite");
    let word = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if !name.chars().all(word) || name.len() > 64 {
        let at = top.node("suite").map_or(0, yaml::line);
        faults.add(at, "a suite's name is made of letters, digits, `-`, `_` and `.`, at most 64");
    }
    let version = top.needed_text("version");
    let purpose = top.text("purpose").unwrap_or_default();
    let subject = top.node("subject").map_or_else(Subject::default, |node| subject(node, faults));
    let dataset = if let Some(node) = top.node("dataset") {
        dataset(node, faults)
    } else {
        top.missing("dataset");
        let source = Source::Traces { query: None, last: None };
        Dataset { source, min_cases: 1, cluster_by: None }
    };
    let trials = top.node("trials").map_or(Trials { per_case: 1, max: 1 }, |node| {
        let mut fields = Fields::of(node, "`trials`", faults);
        let per_case = fields.count("per_case", 1, 100).unwrap_or(1);
        let max = fields.count("max", 1, 100).unwrap_or(per_case);
        fields.done();
        if max < per_case {
            faults.add(yaml::line(node), "`max` trials are fewer than `per_case`");
        }
        Trials { per_case, max }
    });
    let flake =
        top.node("flake").map_or(Flake { quarantine_after: 3, max_quarantined: 0.0 }, |node| {
            let mut fields = Fields::of(node, "`flake`", faults);
            let quarantine_after = fields.count("quarantine_after", 2, 100).unwrap_or(3);
            let max_quarantined = fields.share("max_quarantined").unwrap_or(0.0);
            fields.done();
            Flake { quarantine_after, max_quarantined }
        });
    let baseline = top.text("baseline");
    let outputs = outputs(&mut top, faults);
    let checks = if let Some(node) = top.node("checks") {
        checks::checks(node, faults)
    } else {
        top.missing("checks");
        Vec::new()
    };
    top.done();
    known_comparisons(&checks, faults);
    Suite {
        name,
        version,
        purpose,
        subject,
        dataset,
        trials,
        baseline,
        checks,
        flake,
        outputs,
        digest: digest(node),
    }
}

fn subject(node: &Node, faults: &Faults) -> Subject {
    let mut fields = Fields::of(node, "`subject`", faults);
    let subject = Subject { worker: fields.text("worker"), workflow: fields.text("workflow") };
    fields.done();
    subject
}

fn dataset(node: &Node, faults: &Faults) -> Dataset {
    #[derive(Clone, Copy)]
    enum From {
        Traces,
        Frozen,
        Pack,
    }
    let mut fields = Fields::of(node, "`dataset`", faults);
    let words = [("traces", From::Traces), ("frozen", From::Frozen), ("pack", From::Pack)];
    if fields.node("source").is_none() {
        fields.missing("source");
    }
    let source = match fields.word("source", &words).unwrap_or(From::Traces) {
        From::Traces => Source::Traces {
            query: expression(&mut fields, "query", faults),
            last: fields.count("last", 1, 100_000),
        },
        From::Frozen => Source::Frozen {
            file: fields.needed_text("file"),
            split: fields.word("split", &[("train", Split::Train), ("holdout", Split::Holdout)]),
        },
        From::Pack => Source::Pack { file: fields.needed_text("file") },
    };
    let min_cases = fields.count("min_cases", 0, 1_000_000).unwrap_or(1);
    let cluster_by = expression(&mut fields, "cluster_by", faults);
    fields.done();
    Dataset { source, min_cases, cluster_by }
}

fn outputs(top: &mut Fields<'_>, faults: &Faults) -> Vec<Output> {
    let words = [
        ("json", Output::Json),
        ("md", Output::Markdown),
        ("junit", Output::Junit),
        ("sarif", Output::Sarif),
    ];
    let at = top.node("outputs").map_or(0, yaml::line);
    let Some(named) = top.words("outputs") else {
        return words.map(|(_, output)| output).into();
    };
    let find = |name: &String| {
        let found = words.iter().find(|(word, _)| word == name).map(|(_, output)| *output);
        if found.is_none() {
            faults
                .add(at, format!("there is no output `{name}`; there are json, md, junit, sarif"));
        }
        found
    };
    named.iter().filter_map(find).collect()
}

/// A comparison names a check of the same suite that has something to compare.
fn known_comparisons(checks: &[super::Check], faults: &Faults) {
    let mut ids = BTreeSet::new();
    for check in checks {
        if !ids.insert(check.id.as_str()) {
            faults.add(check.line, format!("there are two checks `{}`", check.id));
        }
    }
    for check in checks {
        let super::Kind::Baseline { compare, .. } = &check.kind else { continue };
        let other = checks.iter().find(|other| other.id == *compare);
        let comparable = other.is_some_and(|other| {
            !matches!(other.kind, super::Kind::Baseline { .. } | super::Kind::Judge)
        });
        if !comparable {
            faults.add(check.line, format!("there is no check `{compare}` that could be compared"));
        }
    }
}

/// An expression under `key`, if there is one.
pub(super) fn expression(
    fields: &mut Fields<'_>,
    key: &'static str,
    faults: &Faults,
) -> Option<Expression> {
    let at = fields.node(key).map(yaml::line)?;
    let source = fields.text(key)?;
    Expression::parse(&source).map_err(|why| faults.add(at, format!("`{key}`: {why}"))).ok()
}
