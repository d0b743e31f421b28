//! The report as SARIF 2.1.0: a rule for each kind of finding, a result for each finding, at the file and
//! line that somebody edited.

use std::collections::BTreeSet;

use belay_score::scorecard::sarif_log;
use serde_json::{Value, json};

use super::short;
use super::wire::{Finding, Impact, Severity};
use crate::FlowError;

/// Writes the findings above info as results.
pub fn sarif(report: &Impact) -> Result<String, FlowError> {
    let report = &super::legible(report);
    let worth: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
    let kinds: BTreeSet<&str> = worth.iter().map(|finding| finding.kind.as_str()).collect();
    let rules: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({
                "id": kind,
                "shortDescription": {"text": format!("belay finding {kind}")},
            })
        })
        .collect();
    let results: Vec<Value> = worth
        .iter()
        .map(|finding| result(finding, kinds.iter().position(|kind| *kind == finding.kind)))
        .collect();
    let properties = json!({
        "risk": report.risk.level, "score": report.risk.score, "run": report.run,
        "reasons": report.risk.reasons,
    });
    let log = sarif_log("belay impact", &rules, &results, &properties);
    let text = serde_json::to_string_pretty(&log);
    Ok(text.map_err(|error| FlowError::Render { message: error.to_string() })? + "\n")
}

fn result(finding: &Finding, rule: Option<usize>) -> Value {
    let level = match finding.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    };
    let node = finding.node.as_deref().map_or("project", short);
    let column = finding.column.as_deref().map(|column| format!(".{column}"));
    let place = format!("{node}{}", column.unwrap_or_default());
    let lines = std::iter::once(format!("{place}: {}", finding.message));
    let lines: Vec<String> = lines.chain(finding.evidence.iter().take(4).cloned()).collect();
    let mut result = json!({
        "ruleId": finding.kind,
        "ruleIndex": rule,
        "level": level,
        "message": {"text": lines.join("\n")},
        "partialFingerprints": {"belay/finding": finding.id},
        "properties": {
            "severity": finding.severity, "fact": finding.fact, "caused_by": finding.caused_by,
        },
    });
    let Some(members) = result.as_object_mut() else { return result };
    let logical = json!([{"fullyQualifiedName": finding.node, "kind": "module"}]);
    let mut location = json!({"logicalLocations": logical});
    if let (Some(path), Some(place)) = (&finding.path, location.as_object_mut()) {
        place.insert(
            "physicalLocation".to_owned(),
            json!({
                "artifactLocation": {"uri": path},
                "region": {"startLine": finding.line.unwrap_or(1)},
            }),
        );
    }
    if finding.node.is_some() {
        members.insert("locations".to_owned(), json!([location]));
    }
    if let Some(why) = &finding.accepted {
        let accepted = json!([{"kind": "external", "status": "accepted", "justification": why}]);
        members.insert("suppressions".to_owned(), accepted);
    }
    result
}
