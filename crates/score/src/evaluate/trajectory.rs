//! Rules over the order of decisions and effects.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::suite::Rule;

pub(super) fn violations(rule: &Rule, record: &Value) -> Vec<String> {
    let decisions = rows(record, "decisions");
    let permits = || decisions.iter().filter(|one| one["answer"] == "permit");
    match rule {
        Rule::Never(names) => permits()
            .filter_map(|one| {
                let verb = text(one, "verb");
                let policies = one["determining"].as_array().into_iter().flatten();
                let policy = policies.filter_map(Value::as_str).find(|id| named(names, id));
                let what = if named(names, verb) { Some(verb) } else { policy };
                what.map(|what| format!("{what} was permitted on `{}`", text(one, "resource")))
            })
            .collect(),
        Rule::Before { first, then } => {
            // The record is in the order of decisions.
            let position = |verb: &str| permits().position(|one| text(one, "verb") == verb);
            match (position(then), position(first)) {
                (Some(_), None) => vec![format!("{then} without a {first} before it")],
                (Some(later), Some(sooner)) if later < sooner => {
                    vec![format!("{then} before the first {first}")]
                }
                _ => Vec::new(),
            }
        }
        Rule::AtMost { verb, times } => {
            let count = permits().filter(|one| text(one, "verb") == verb).count();
            let message = || format!("{verb} was permitted {count} times, at most {times} allowed");
            if count > *times { vec![message()] } else { Vec::new() }
        }
        Rule::Arguments { verb, schema } => decisions
            .iter()
            .filter(|one| text(one, "verb") == verb)
            .filter_map(|one| {
                let wrong = schema.validate(&one["arguments"]).err()?;
                let at = wrong.instance_path().to_string();
                Some(format!("arguments of {verb} do not fit at `{at}`: {wrong}"))
            })
            .collect(),
        Rule::Permitted => unpermitted(record, decisions),
    }
}

fn unpermitted(record: &Value, decisions: &[Value]) -> Vec<String> {
    let by_id: BTreeMap<&str, &Value> =
        decisions.iter().map(|one| (text(one, "id"), one)).collect();
    rows(record, "effects")
        .iter()
        .filter_map(|effect| {
            let name = format!("{} on `{}`", text(effect, "verb"), text(effect, "target"));
            let Some(decision) = by_id.get(text(effect, "decision")) else {
                return Some(format!("{name} has no decision"));
            };
            let own = decision["action_digest"] == effect["action_digest"];
            let in_time = decision["at_ns"].as_i64() <= effect["reserved_ns"].as_i64();
            let why = match (decision["answer"] == "permit", own, in_time) {
                (true, true, true) => return None,
                (false, _, _) => "went ahead without a permit",
                (_, false, _) => "is not the action that was permitted",
                (_, _, false) => "was reserved before it was permitted",
            };
            Some(format!("{name} {why}"))
        })
        .collect()
}

fn named(names: &[String], word: &str) -> bool {
    names.iter().any(|name| name == word)
}

fn rows<'a>(record: &'a Value, name: &str) -> &'a [Value] {
    record[name].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
