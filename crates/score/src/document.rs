//! The record of a run as one JSON document: what expressions, rules and metrics look at, and what a
//! frozen dataset holds.

use belay_model::record::{Ballot, Decision, Effect};
use belay_model::{Digest, Verb};
use serde_json::{Value, json};

use crate::{Record, faults};

/// The document of a record; `report` is the report that the run kept, if it kept one.
pub fn document(record: &Record, report: Option<Value>) -> Value {
    let run = &record.run;
    let duration = run.ended.map(|ended| (ended.nanos() - run.started.nanos()) / 1_000_000);
    json!({
        "run": {
            "id": run.id.to_string(), "workflow": run.workflow, "worker": run.worker,
            "worker_digest": run.worker_digest.to_string(), "trigger": run.trigger,
            "actor": run.actor, "level": run.level.number(), "policy": run.policy.to_string(),
            "parent": run.parent.map(|parent| parent.to_string()),
            "input": serde_json::from_str::<Value>(&run.input).unwrap_or_default(),
            "input_digest": Digest::of(&run.input).to_string(),
            "state": run.state.as_str(), "outcome": run.outcome,
            "started_ms": run.started.millis(), "duration_ms": duration,
        },
        "steps": record.steps.iter().map(|step| json!({
            "number": step.number, "name": step.name, "state": step.state.as_str(), "note": step.note,
            "duration_ms": step.ended.map(|ended| (ended.nanos() - step.started.nanos()) / 1_000_000),
        })).collect::<Vec<_>>(),
        "decisions": record.decisions.iter().map(|one| decision(record, one)).collect::<Vec<_>>(),
        "effects": record.effects.iter().map(effect).collect::<Vec<_>>(),
        "artefacts": record.artefacts.iter().map(|artefact| json!({
            "name": artefact.name, "media_type": artefact.media_type, "bytes": artefact.bytes,
            "digest": artefact.digest.to_string(), "kept": artefact.kept,
        })).collect::<Vec<_>>(),
        "scores": record.scores.iter().map(|score| json!({
            "check": score.check, "dimension": score.dimension.as_str(),
            "verdict": score.verdict.as_str(), "value": score.value,
            "evaluator": score.evaluator.to_string(),
        })).collect::<Vec<_>>(),
        "review": record.review.as_ref().map(|review| json!({
            "kind": review.kind, "state": review.state.as_str(),
        })),
        "dispositions": record.dispositions.iter().map(|said| json!({
            "finding": said.finding, "reviewer": said.reviewer, "judgement": said.judgement.as_str(),
        })).collect::<Vec<_>>(),
        "approvals": record.approvals.iter().map(|request| json!({
            "kind": request.kind.as_str(), "plan": request.plan.to_string(),
            "risk": request.risk.number(), "state": request.state.as_str(),
            "humans": request.humans, "stewards": request.stewards,
            "author": request.author, "owner": request.owner,
        })).collect::<Vec<_>>(),
        "votes": record.votes.iter().map(|vote| json!({
            "voter": vote.voter, "yes": vote.ballot == Ballot::Yes, "identity": vote.identity,
        })).collect::<Vec<_>>(),
        "leaves": record.leaves.len(),
        "faults": faults(record),
        "report": report,
    })
}

fn decision(record: &Record, one: &Decision) -> Value {
    let action: Value = serde_json::from_str(&one.action).unwrap_or_default();
    let verb = action.get("verb").and_then(Value::as_str).unwrap_or_default();
    let step = record.steps.iter().find(|step| step.id == one.step);
    json!({
        "id": one.id.to_string(), "step": step.map(|step| step.number), "principal": one.principal,
        "verb": verb, "class": class(verb), "resource": action.get("resource"),
        "zone": action.get("zone"), "arguments": action.get("arguments"),
        "reversible": action.get("inverse").is_some_and(|inverse| !inverse.is_null()),
        "action_digest": one.action_digest.to_string(), "risk": one.risk.number(),
        "level": one.level.number(), "answer": one.answer.as_str(),
        "determining": one.determining, "missing": one.missing,
        "approved": one.approval.is_some(), "at_ms": one.at.millis(), "at_ns": one.at.nanos(),
    })
}

fn effect(one: &Effect) -> Value {
    json!({
        "decision": one.decision.to_string(), "verb": one.verb, "class": class(&one.verb),
        "target": one.target, "action_digest": one.action_digest.to_string(),
        "state": one.state.as_str(), "receipt": one.receipt, "reversible": one.inverse.is_some(),
        "reserved_ms": one.reserved.millis(), "reserved_ns": one.reserved.nanos(),
    })
}

fn class(verb: &str) -> Option<&'static str> {
    Verb::parse(verb).map(|verb| verb.class().as_str())
}

/// The document without what names people, places of this machine or rows of data. Digests of what
/// was taken out stay, so that equal values can still be told from different ones.
pub fn redacted(mut document: Value) -> Value {
    const PEOPLE: [&str; 6] = ["actor", "reviewer", "voter", "author", "owner", "by"];
    const DROPPED: [&str; 3] = ["samples", "input", "note"];
    fn walk(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (key, value) in members.iter_mut() {
                    match value {
                        Value::String(text) if PEOPLE.contains(&key.as_str()) => {
                            *text = format!("person-{}", Digest::of(&*text).short());
                        }
                        value if DROPPED.contains(&key.as_str()) => *value = Value::Null,
                        value => walk(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            Value::String(text) => *text = plain(text),
            _ => (),
        }
    }
    walk(&mut document);
    document
}

/// Folders of this machine shrink to the last part of their path, long texts to their digest.
fn plain(text: &str) -> String {
    const LONGEST: usize = 300;
    if text.chars().count() > LONGEST {
        return format!("sha256:{}", Digest::of(text));
    }
    let word = |word: &str| match word.rsplit_once('/') {
        Some((folder, name)) if word.starts_with('/') || folder.contains(":/") => {
            let scheme = folder.split_once(":/").map(|(scheme, _)| format!("{scheme}:"));
            format!("{}…/{name}", scheme.unwrap_or_default())
        }
        _ => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
