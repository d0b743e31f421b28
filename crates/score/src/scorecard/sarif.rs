//! The scorecard as SARIF 2.1.0: a rule for each check, a result for each that did not pass.

use serde_json::{Value, json};

use super::{Scorecard, Word, tame};

/// `file` is the suite's, as results point to the lines that define their checks.
pub fn sarif(card: &Scorecard, file: &str) -> Value {
    let rules: Vec<Value> = card
        .checks
        .iter()
        .map(|check| {
            let about = check.purpose.as_deref().unwrap_or(&check.id);
            json!({
                "id": check.id,
                "shortDescription": {"text": tame(about)},
                "properties": {"dimension": check.dimension, "kind": check.kind, "evaluator": check.evaluator},
            })
        })
        .collect();
    let results: Vec<Value> = card
        .checks
        .iter()
        .enumerate()
        .filter(|(_, check)| check.verdict != Word::Pass)
        .map(|(at, check)| {
            let level = if check.verdict == Word::Fail { "error" } else { "warning" };
            let violations: Vec<String> = check
                .violations
                .iter()
                .map(|one| format!("{}: {}", tame(&one.case), tame(&one.why)))
                .collect();
            let message = std::iter::once(tame(&check.explanation)).chain(violations);
            json!({
                "ruleId": check.id,
                "ruleIndex": at,
                "level": level,
                "kind": if check.verdict == Word::Fail { "fail" } else { "open" },
                "message": {"text": message.collect::<Vec<_>>().join("\n")},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": file},
                    "region": {"startLine": check.line.max(1)},
                }}],
                "properties": {"estimate": check.estimate, "n": check.n, "trials": check.trials},
            })
        })
        .map(level_of_open)
        .collect();
    let properties = json!({
        "suite": card.suite, "version": card.version, "verdict": card.verdict.as_str(),
        "dataset": card.dataset.digest,
    });
    sarif_log("belay eval", &rules, &results, &properties)
}

/// A log of one run of one tool.
pub fn sarif_log(tool: &str, rules: &[Value], results: &[Value], properties: &Value) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": tool, "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules,
            }},
            "results": results,
            "properties": properties,
        }],
    })
}

/// A result whose kind is not `fail` must have the level `none` (SARIF 3.27.9, 3.27.10).
fn level_of_open(mut result: Value) -> Value {
    if result["kind"] == "open" {
        result["level"] = "none".into();
    }
    result
}
