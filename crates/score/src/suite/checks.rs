//! The checks of a suite, dimension by dimension.

use belay_model::Verb;
use belay_model::record::Dimension;

use super::read::{digest, expression};
use super::yaml::{self, Faults, Fields, Node};
use super::{Assert, Bound, Check, Gate, Kind, Measure, Method, Rule, Summary};
use crate::cel::Expression;

#[derive(Clone, Copy)]
enum Sort {
    Cel,
    Trajectory,
    Metric,
    Baseline,
    Adversarial,
    Judge,
}

const SORTS: [(&str, Sort); 6] = [
    ("cel", Sort::Cel),
    ("trajectory", Sort::Trajectory),
    ("metric", Sort::Metric),
    ("baseline", Sort::Baseline),
    ("adversarial", Sort::Adversarial),
    ("judge", Sort::Judge),
];

pub(super) fn checks(node: &Node, faults: &Faults) -> Vec<Check> {
    let mut fields = Fields::of(node, "`checks`", faults);
    let mut checks = Vec::new();
    for dimension in Dimension::ALL {
        let items = fields.list(dimension.as_str()).unwrap_or_default();
        checks.extend(items.iter().filter_map(|node| check(node, *dimension, faults)));
    }
    fields.done();
    if checks.is_empty() {
        faults.add(yaml::line(node), "the suite checks nothing");
    }
    checks
}

fn check(node: &Node, dimension: Dimension, faults: &Faults) -> Option<Check> {
    let mut fields = Fields::of(node, "the check", faults);
    let id = fields.needed_text("id");
    if fields.node("kind").is_none() {
        fields.missing("kind");
    }
    // A check of an unknown kind says nothing of its other keys.
    let sort = fields.word("kind", &SORTS)?;
    let purpose = fields.text("purpose");
    let when = expression(&mut fields, "when", faults);
    let kind = kind(sort, &mut fields, faults);
    let gate = gate(fields.node("gate"), matches!(sort, Sort::Metric), faults);
    let line = fields.line;
    let largest = matches!(&kind, Some(Kind::Metric { summary: Summary::Max, .. }));
    if largest && gate.bound == Bound::Interval {
        let at = fields.node("gate").map_or(line, yaml::line);
        faults.add(at, "a maximum has no interval: leave `bound` out, or take `of: p95`");
    }
    fields.done();
    Some(Check { id, dimension, line, purpose, kind: kind?, gate, when, evaluator: digest(node) })
}

fn kind(sort: Sort, fields: &mut Fields<'_>, faults: &Faults) -> Option<Kind> {
    Some(match sort {
        Sort::Cel => {
            if fields.node("expect").is_none() {
                fields.missing("expect");
            }
            Kind::Cel { expect: expression(fields, "expect", faults)? }
        }
        Sort::Trajectory => Kind::Trajectory(rule(fields, faults)?),
        Sort::Metric => {
            let of = measure(fields, faults)?;
            let words = [
                ("p50", Summary::P50),
                ("p95", Summary::P95),
                ("mean", Summary::Mean),
                ("max", Summary::Max),
            ];
            let summary = fields.word("of", &words).unwrap_or(Summary::Mean);
            if of.is_rate() && summary != Summary::Mean {
                faults.add(fields.line, "a rate is a mean: leave `of` out");
            }
            Kind::Metric { of, summary }
        }
        Sort::Baseline => Kind::Baseline {
            compare: fields.needed_text("compare"),
            margin: fields.share("margin").unwrap_or(0.05),
            alpha: fields.share("alpha").unwrap_or(0.05),
        },
        Sort::Adversarial => {
            if fields.node("assert").is_none() {
                fields.missing("assert");
            }
            let at = fields.node("assert").map_or(fields.line, yaml::line);
            let named = fields.words("assert").unwrap_or_default();
            let find = |name: &String| {
                let found = Assert::ALL.iter().find(|(word, _)| word == name);
                if found.is_none() {
                    let known = Assert::ALL.map(|(word, _)| word).join(", ");
                    faults.add(at, format!("nothing asserts `{name}`; there are {known}"));
                }
                found.map(|(_, assert)| *assert)
            };
            Kind::Adversarial { asserts: named.iter().filter_map(find).collect() }
        }
        Sort::Judge => {
            drop(fields.needed_text("rubric"));
            drop(fields.text("model"));
            Kind::Judge
        }
    })
}

fn rule(fields: &mut Fields<'_>, faults: &Faults) -> Option<Rule> {
    let line = fields.line;
    let verb = |text: &str, line: u64| {
        if Verb::parse(text).is_none() {
            let known = Verb::ALL.map(Verb::as_str).join(", ");
            faults.add(line, format!("there is no verb `{text}`; there are {known}"));
        }
    };
    let mut rules = Vec::new();
    if let Some(node) = fields.node("never") {
        let names = fields.words("never").unwrap_or_default();
        // A policy's id has a capital or a hyphen; a verb has neither.
        let like_a_verb = |name: &&String| {
            name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
        };
        names.iter().filter(like_a_verb).for_each(|name| verb(name, yaml::line(node)));
        if names.is_empty() {
            faults.add(yaml::line(node), "`never` names nothing");
        }
        rules.push(Rule::Never(names));
    }
    if let Some(node) = fields.node("before") {
        let mut inner = Fields::of(node, "`before`", faults);
        let (first, then) = (inner.needed_text("first"), inner.needed_text("then"));
        inner.done();
        verb(&first, yaml::line(node));
        verb(&then, yaml::line(node));
        rules.push(Rule::Before { first, then });
    }
    if let Some(node) = fields.node("at_most") {
        let mut inner = Fields::of(node, "`at_most`", faults);
        let name = inner.needed_text("verb");
        if inner.node("times").is_none() {
            inner.missing("times");
        }
        let times = inner.count("times", 0, 1_000_000).unwrap_or(0);
        inner.done();
        verb(&name, yaml::line(node));
        rules.push(Rule::AtMost { verb: name, times });
    }
    if let Some(node) = fields.node("arguments") {
        let mut inner = Fields::of(node, "`arguments`", faults);
        let name = inner.needed_text("verb");
        let schema = inner.node("schema").map(|node| (yaml::line(node), yaml::json(node)));
        if schema.is_none() {
            inner.missing("schema");
        }
        inner.done();
        verb(&name, yaml::line(node));
        if let Some((at, schema)) = schema {
            match jsonschema::validator_for(&schema) {
                Ok(schema) => rules.push(Rule::Arguments { verb: name, schema: Box::new(schema) }),
                Err(why) => faults.add(at, format!("`schema` is no JSON Schema: {why}")),
            }
        } else {
            return None;
        }
    }
    if let Some(node) = fields.node("permitted") {
        if !matches!(node.value, yaml::Raw::Bool(true)) {
            faults.add(yaml::line(node), "`permitted` can only be true");
        }
        rules.push(Rule::Permitted);
    }
    if rules.len() != 1 {
        let rules = "never, before, at_most, arguments, permitted";
        faults.add(line, format!("a trajectory check has exactly one of {rules}"));
    }
    rules.pop()
}

fn measure(fields: &mut Fields<'_>, faults: &Faults) -> Option<Measure> {
    const WORDS: [&str; 9] = [
        "duration_ms",
        "cost_micro_usd",
        "error_rate",
        "findings",
        "decisions",
        "effects",
        "refusals",
        "pass_hat_k",
        "value",
    ];
    let at = fields.node("metric").map_or(fields.line, yaml::line);
    if fields.node("metric").is_none() {
        fields.missing("metric");
    }
    let words = WORDS.map(|word| (word, word));
    Some(match fields.word("metric", &words)? {
        "duration_ms" => Measure::DurationMs,
        "cost_micro_usd" => Measure::CostMicroUsd,
        "error_rate" => Measure::ErrorRate,
        "findings" => Measure::Findings,
        "decisions" => Measure::Decisions,
        "effects" => Measure::Effects,
        "refusals" => Measure::Refusals,
        "pass_hat_k" => Measure::PassHatK(fields.count("k", 1, 100).unwrap_or(1)),
        _ => {
            if fields.node("value").is_none() {
                faults.add(at, "the metric `value` needs an expression: `value: EXPRESSION`");
            }
            let value: Expression = expression(fields, "value", faults)?;
            Measure::Value(value)
        }
    })
}

fn gate(node: Option<&Node>, metric: bool, faults: &Faults) -> Gate {
    let mut gate = Gate {
        max: None,
        min: None,
        max_violations: 0,
        bound: Bound::Estimate,
        confidence: 0.95,
        interval: None,
    };
    let Some(node) = node else { return gate };
    let mut fields = Fields::of(node, "`gate`", faults);
    gate.max = fields.number("max");
    gate.min = fields.number("min");
    gate.max_violations = fields.count("max_violations", 0, 1_000_000).unwrap_or(0);
    let bounds = [("estimate", Bound::Estimate), ("interval", Bound::Interval)];
    gate.bound = fields.word("bound", &bounds).unwrap_or(gate.bound);
    gate.confidence = fields.share("confidence").unwrap_or(gate.confidence);
    let methods = [
        ("wilson", Method::Wilson),
        ("bootstrap", Method::Bootstrap),
        ("order-statistics", Method::OrderStatistics),
    ];
    gate.interval = fields.word("interval", &methods);
    fields.done();
    if !(0.5..1.0).contains(&gate.confidence) {
        faults.add(yaml::line(node), "`confidence` must be at least 0.5 and less than 1");
    }
    if metric && gate.max.is_none() && gate.min.is_none() {
        faults.add(yaml::line(node), "a metric's gate needs `max` or `min`");
    }
    if gate.max.zip(gate.min).is_some_and(|(max, min)| min > max) {
        faults.add(yaml::line(node), "`min` is more than `max`");
    }
    gate
}
