//! A suite over cases: what each check says, how sure it is, and what is not known.

mod adversarial;
mod baseline;
mod gate;
mod metric;
mod trajectory;

use std::collections::BTreeMap;

use belay_model::{Digest, canonical};
use serde_json::{Value, json};

use crate::scorecard::{
    BaselineRef, Cluster, Cost, DatasetRef, Flaky, Outcome, SCHEMA, Scorecard, Violation, Word,
};
use crate::suite::{Check, ENGINE, Fault, Kind, Source, Suite};

/// One thing that a suite looks at: a run, or several trials of the same.
#[derive(Debug, Clone)]
pub struct Case {
    pub id: String,
    pub trials: Vec<Trial>,
}

/// One run of a case, as [`crate::document()`] writes it.
#[derive(Debug, Clone)]
pub struct Trial {
    pub record: Value,
    /// Where a hostile text was planted: the same without it, and what people were shown.
    pub attack: Option<Attack>,
}

#[derive(Debug, Clone)]
pub struct Attack {
    pub text: String,
    /// The record of the same run with a harmless text in the same place.
    pub benign: Value,
    /// What people were shown.
    pub pages: Vec<Page>,
}

/// One form of a report: `html`, `markdown` or `terminal`.
#[derive(Debug, Clone)]
pub struct Page {
    pub form: &'static str,
    pub hostile: String,
    pub benign: String,
}

/// What one check says of one trial.
#[derive(Debug, Clone, PartialEq)]
enum Mark {
    /// The check does not apply, or has nothing to measure.
    Aside,
    Held,
    Violated(String),
    Measured(f64),
}

/// What one check says of one case.
#[derive(Debug, Clone)]
struct Said {
    case: String,
    cluster: String,
    marks: Vec<Mark>,
    quarantined: bool,
}

impl Said {
    fn counts(&self) -> (usize, usize) {
        let of = self.marks.iter().filter(|mark| **mark != Mark::Aside).count();
        (self.marks.iter().filter(|mark| **mark == Mark::Held).count(), of)
    }

    fn is_flaky(&self) -> bool {
        let (held, of) = self.counts();
        0 < held && held < of
    }
}

/// Runs a suite over its cases. An expression that cannot be evaluated is a fault of the suite, told
/// with its line; it is never a pass.
pub fn evaluate(
    suite: &Suite,
    cases: &[Case],
    baseline: Option<&Scorecard>,
) -> Result<Scorecard, Vec<Fault>> {
    let mut faults = Vec::new();
    let clusters = clusters(suite, cases, &mut faults);
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    let mut flaky = Vec::new();
    let mut said_of_all = Vec::new();
    for check in &suite.checks {
        let later = matches!(check.kind, Kind::Baseline { .. }) || metric::rests_on_others(check);
        if later {
            outcomes.push(None);
            continue;
        }
        let said = say(suite, check, cases, &clusters, &mut faults);
        flaky.extend(said.iter().filter(|one| one.is_flaky()).map(|one| Flaky {
            check: check.id.clone(),
            case: one.case.clone(),
            passed: one.counts().0,
            trials: one.counts().1,
            quarantined: one.quarantined,
        }));
        outcomes.push(Some(outcome(suite, check, cases, &said)));
        said_of_all.push(said);
    }
    if !faults.is_empty() {
        faults.sort();
        faults.dedup();
        faults.truncate(50);
        return Err(faults);
    }
    for (check, outcome) in suite.checks.iter().zip(&mut outcomes) {
        if metric::rests_on_others(check) {
            let said = metric::pass_hat(check, cases, &clusters, &said_of_all);
            *outcome = Some(self::outcome(suite, check, cases, &said));
        }
    }
    let known: Vec<Outcome> = outcomes.iter().flatten().cloned().collect();
    for (check, outcome) in suite.checks.iter().zip(&mut outcomes) {
        if let Kind::Baseline { compare, margin, alpha } = &check.kind {
            let asked = baseline::Asked { compare, margin: *margin, alpha: *alpha };
            let mut blank = blank(check, cases);
            baseline::compare(suite, &asked, &known, baseline, &mut blank);
            *outcome = Some(blank);
        }
    }
    let mut checks: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    checks.iter_mut().for_each(|check| baseline::difference(check, baseline));
    Ok(Scorecard {
        schema: SCHEMA.to_owned(),
        suite: suite.name.clone(),
        version: suite.version.clone(),
        digest: suite.digest.to_string(),
        engine: ENGINE.to_owned(),
        run: None,
        dataset: dataset(suite, cases, &clusters),
        verdict: Word::of_all(checks.iter().map(|check| check.verdict)),
        checks,
        flaky,
        baseline: baseline.map(|card| BaselineRef {
            suite: card.suite.clone(),
            version: card.version.clone(),
            run: card.run.clone(),
            dataset: card.dataset.digest.clone(),
        }),
    })
}

fn dataset(suite: &Suite, cases: &[Case], clusters: &[String]) -> DatasetRef {
    let source = match suite.dataset.source {
        Source::Traces { .. } => "traces",
        Source::Frozen { .. } => "frozen",
        Source::Pack { .. } => "pack",
    };
    let digests: Vec<Value> = cases
        .iter()
        .map(|case| {
            let records = case.trials.iter().map(|trial| canonical::json(&trial.record));
            json!([case.id, Digest::of(records.collect::<Vec<_>>().join("\n")).to_string()])
        })
        .collect();
    let distinct: std::collections::BTreeSet<&String> = clusters.iter().collect();
    DatasetRef {
        source: source.to_owned(),
        digest: canonical::digest(&Value::Array(digests)).to_string(),
        cases: cases.len(),
        clusters: distinct.len(),
        trials: cases.iter().map(|case| case.trials.len()).sum(),
    }
}

/// The cluster of each case: what its first trial says, or its own.
fn clusters(suite: &Suite, cases: &[Case], faults: &mut Vec<Fault>) -> Vec<String> {
    let cluster = |case: &Case| {
        let by = suite.dataset.cluster_by.as_ref().zip(case.trials.first());
        by.map_or_else(
            || case.id.clone(),
            |(by, trial)| {
                by.text(&trial.record).unwrap_or_else(|why| {
                    let message = format!("`cluster_by` on case {}: {why}", case.id);
                    faults.push(Fault { line: 0, message });
                    case.id.clone()
                })
            },
        )
    };
    cases.iter().map(cluster).collect()
}

fn say(
    suite: &Suite,
    check: &Check,
    cases: &[Case],
    clusters: &[String],
    faults: &mut Vec<Fault>,
) -> Vec<Said> {
    let mut said = Vec::new();
    for (case, cluster) in cases.iter().zip(clusters) {
        let mut marks = Vec::new();
        for trial in &case.trials {
            match mark(check, trial) {
                Ok(mark) => marks.push(mark),
                Err(why) => {
                    let message = format!("check `{}` on case {}: {why}", check.id, case.id);
                    faults.push(Fault { line: check.line, message });
                }
            }
        }
        let (case, cluster) = (case.id.clone(), cluster.clone());
        let mut one = Said { case, cluster, marks, quarantined: false };
        one.quarantined = one.is_flaky()
            && suite.flake.max_quarantined > 0.0
            && one.counts().1 >= suite.flake.quarantine_after;
        said.push(one);
    }
    said
}

fn mark(check: &Check, trial: &Trial) -> Result<Mark, String> {
    if let Some(when) = &check.when
        && !when.bool(&trial.record).map_err(|why| format!("`when`: {why}"))?
    {
        return Ok(Mark::Aside);
    }
    match &check.kind {
        Kind::Cel { expect } => Ok(if expect.bool(&trial.record)? {
            Mark::Held
        } else {
            Mark::Violated(format!("not so: {}", expect.source))
        }),
        Kind::Trajectory(rule) => Ok(found(trajectory::violations(rule, &trial.record))),
        Kind::Metric { of, .. } => {
            Ok(metric::measure(of, &trial.record)?.map_or(Mark::Aside, Mark::Measured))
        }
        Kind::Adversarial { asserts } => Ok(match &trial.attack {
            None => Mark::Aside,
            Some(attack) => found(adversarial::violations(asserts, &trial.record, attack)),
        }),
        Kind::Baseline { .. } | Kind::Judge => Ok(Mark::Aside),
    }
}

fn found(violations: Vec<String>) -> Mark {
    if violations.is_empty() { Mark::Held } else { Mark::Violated(violations.join("; ")) }
}

/// An outcome that says nothing yet.
fn blank(check: &Check, cases: &[Case]) -> Outcome {
    Outcome {
        id: check.id.clone(),
        dimension: check.dimension.as_str().to_owned(),
        kind: check.kind.as_str().to_owned(),
        purpose: check.purpose.clone(),
        verdict: Word::Inconclusive,
        explanation: String::new(),
        estimate: None,
        unit: metric::unit(&check.kind).to_owned(),
        interval: None,
        baseline: None,
        n: 0,
        trials: 0,
        cost: cost(cases),
        evaluator: check.evaluator.to_string(),
        violations: Vec::new(),
        results: Vec::new(),
        line: check.line,
    }
}

fn cost(cases: &[Case]) -> Cost {
    let trials = || cases.iter().flat_map(|case| &case.trials);
    let sum = |name: &str| {
        let figures = trials().filter_map(|trial| trial.record["run"][name].as_i64());
        figures.fold(None, |sum: Option<i64>, one| Some(sum.unwrap_or(0).saturating_add(one)))
    };
    Cost { duration_ms: sum("duration_ms").unwrap_or(0), micro_usd: sum("cost_micro_usd") }
}

fn outcome(suite: &Suite, check: &Check, cases: &[Case], said: &[Said]) -> Outcome {
    let mut outcome = blank(check, cases);
    outcome.trials = said.iter().map(|one| one.counts().1).sum();
    for one in said {
        let why = one.marks.iter().find_map(|mark| match mark {
            Mark::Violated(why) => Some(why.clone()),
            _ => None,
        });
        if let Some(why) = why
            && outcome.violations.len() < 20
        {
            outcome.violations.push(Violation { case: one.case.clone(), why });
        }
    }
    outcome.results = worst(check, said);
    outcome.n = outcome.results.len();
    if matches!(check.kind, Kind::Judge) {
        "no judge configured".clone_into(&mut outcome.explanation);
        return outcome;
    }
    gate::decide(suite, check, said, &mut outcome);
    outcome
}

/// Clusters with the worst of their cases. What was set aside counts neither way.
fn worst(check: &Check, said: &[Said]) -> Vec<Cluster> {
    let mut clusters: BTreeMap<&str, Cluster> = BTreeMap::new();
    for one in said.iter().filter(|one| !one.quarantined && one.counts().1 > 0) {
        let (held, of) = one.counts();
        let measured: Vec<f64> = one
            .marks
            .iter()
            .filter_map(|mark| if let Mark::Measured(value) = mark { Some(*value) } else { None })
            .collect();
        let value = (!measured.is_empty()).then(|| crate::stats::mean(&measured));
        // A case whose trials differ has not passed: all of them must hold.
        let passed = value.is_none().then_some(held == of);
        let cluster = clusters.entry(&one.cluster).or_insert_with(|| Cluster {
            cluster: one.cluster.clone(),
            passed,
            value,
        });
        cluster.passed = cluster.passed.zip(passed).map(|(left, right)| left && right);
        let upper_bound = check.gate.max.is_some();
        cluster.value = cluster
            .value
            .zip(value)
            .map(|(left, right)| if upper_bound { left.max(right) } else { left.min(right) });
    }
    clusters.into_values().collect()
}
