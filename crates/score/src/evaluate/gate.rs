//! From what a check found to its verdict.

use super::Said;
use crate::scorecard::{Interval, Outcome, Word};
use crate::stats::{self, mean, order_statistics, wilson};
use crate::suite::{Bound, Check, Kind, Method, Suite, Summary};

pub(super) fn decide(suite: &Suite, check: &Check, said: &[Said], outcome: &mut Outcome) {
    match &check.kind {
        Kind::Metric { of, summary } => figures(check, of.is_rate(), *summary, outcome),
        _ => verdicts(check, outcome),
    }
    if outcome.n == 0 && outcome.verdict != Word::Fail {
        outcome.verdict = Word::Inconclusive;
        "there is nothing that it applies to".clone_into(&mut outcome.explanation);
    } else if outcome.n < suite.dataset.min_cases && outcome.verdict == Word::Pass {
        outcome.verdict = Word::Inconclusive;
        outcome.explanation =
            format!("{} of the {} cases that it takes", outcome.n, suite.dataset.min_cases);
    }
    quarantine(suite, said, outcome);
}

/// Cases that hold or do not.
fn verdicts(check: &Check, outcome: &mut Outcome) {
    let n = outcome.n;
    let held = outcome.results.iter().filter(|cluster| cluster.passed == Some(true)).count();
    let violated = n - held;
    outcome.interval = wilson(held, n, check.gate.confidence).map(|one| wire(one, check));
    #[expect(clippy::cast_precision_loss, reason = "counts of cases")]
    let share = (n > 0).then(|| held as f64 / n as f64);
    outcome.estimate = share;
    outcome.explanation = format!("{held} of {n} hold");
    outcome.verdict = match check.gate.min {
        Some(_) => bounded(check, outcome),
        None if violated > check.gate.max_violations => Word::Fail,
        None => Word::Pass,
    };
}

/// Cases that were measured.
fn figures(check: &Check, is_rate: bool, summary: Summary, outcome: &mut Outcome) {
    let mut values: Vec<f64> = outcome.results.iter().filter_map(|one| one.value).collect();
    values.sort_by(f64::total_cmp);
    if values.is_empty() {
        return;
    }
    let confidence = check.gate.confidence;
    let hits = values.iter().filter(|value| **value > 0.5).count();
    let (words, estimate, method) = match summary {
        _ if is_rate => ("share", mean(&values), Method::Wilson),
        Summary::Mean => ("mean", mean(&values), Method::Bootstrap),
        Summary::P50 => ("median", stats::at_quantile(&values, 0.5), Method::OrderStatistics),
        Summary::P95 => ("p95", stats::at_quantile(&values, 0.95), Method::OrderStatistics),
        Summary::Max => ("maximum", stats::at_quantile(&values, 1.0), Method::OrderStatistics),
    };
    let interval = match method {
        Method::Wilson => wilson(hits, values.len(), confidence),
        Method::Bootstrap => stats::bootstrap(&values, confidence),
        Method::OrderStatistics => match summary {
            Summary::P50 => Some(order_statistics(&values, 0.5, confidence)),
            Summary::P95 => Some(order_statistics(&values, 0.95, confidence)),
            // Of a maximum nothing bounds what was not seen.
            _ => Some(stats::Interval { lower: Some(estimate), upper: None, method }),
        },
    };
    outcome.estimate = Some(estimate);
    outcome.interval = interval.map(|one| wire(one, check));
    outcome.explanation = format!("{words} of {}", values.len());
    outcome.verdict = bounded(check, outcome);
}

/// Whether the estimate, or its whole interval, lies within the gate's bounds.
fn bounded(check: &Check, outcome: &mut Outcome) -> Word {
    let Some(estimate) = outcome.estimate else { return Word::Inconclusive };
    let (max, min) = (check.gate.max, check.gate.min);
    let bounds =
        [max.map(|max| format!("at most {max}")), min.map(|min| format!("at least {min}"))];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    outcome.explanation = format!("{}; {} is allowed", outcome.explanation, bounds.join(" and "));
    let (low, high) = match (check.gate.bound, &outcome.interval) {
        (Bound::Estimate, _) => (Some(estimate), Some(estimate)),
        (Bound::Interval, Some(interval)) => (interval.lower, interval.upper),
        (Bound::Interval, None) => (None, None),
    };
    let too_high = max.is_some_and(|max| low.is_some_and(|low| low > max));
    let too_low = min.is_some_and(|min| high.is_some_and(|high| high < min));
    let fits_above = max.is_none_or(|max| high.is_some_and(|high| high <= max));
    let fits_below = min.is_none_or(|min| low.is_some_and(|low| low >= min));
    if too_high || too_low {
        Word::Fail
    } else if fits_above && fits_below {
        Word::Pass
    } else {
        outcome.explanation.push_str(", and the interval does not tell");
        Word::Inconclusive
    }
}

/// Cases that were set aside are bounded: a suite cannot be made to pass by calling its cases flaky.
fn quarantine(suite: &Suite, said: &[Said], outcome: &mut Outcome) {
    let (aside, all) = (said.iter().filter(|one| one.quarantined).count(), said.len());
    #[expect(clippy::cast_precision_loss, reason = "counts of cases")]
    let share = aside as f64 / all.max(1) as f64;
    if aside == 0 {
        return;
    }
    outcome.explanation.push_str(&format!(", {aside} flaky of {all} set aside"));
    if share > suite.flake.max_quarantined {
        outcome.verdict = Word::Fail;
        let most = suite.flake.max_quarantined * 100.0;
        outcome.explanation.push_str(&format!(", more than {most:.0} %"));
    }
}

fn wire(interval: stats::Interval, check: &Check) -> Interval {
    Interval {
        lower: interval.lower,
        upper: interval.upper,
        confidence: check.gate.confidence,
        method: interval.method.as_str().to_owned(),
    }
}
