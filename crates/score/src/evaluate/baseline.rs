//! Whether something got worse than a baseline, pair by pair.

use crate::scorecard::{Cluster, Difference, Interval, Outcome, Scorecard, Word};
use crate::stats::{mcnemar, paired_lower};
use crate::suite::Suite;

pub(super) struct Asked<'a> {
    pub compare: &'a str,
    pub margin: f64,
    pub alpha: f64,
}

/// How the check's estimate differs from the baseline's.
pub(super) fn difference(outcome: &mut Outcome, baseline: Option<&Scorecard>) {
    let old = baseline.and_then(|card| card.checks.iter().find(|old| old.id == outcome.id));
    if let Some((old, (new, before))) =
        old.and_then(|old| Some((old, outcome.estimate.zip(old.estimate)?)))
    {
        let same_evaluator = old.evaluator == outcome.evaluator;
        outcome.baseline =
            Some(Difference { estimate: before, difference: new - before, same_evaluator });
    }
}

/// Compares another check of this scorecard with the same one of the baseline, over the clusters that
/// both looked at.
///
/// Cases that hold or do not: not worse by more than `margin`, if the lower bound of the paired
/// difference (Agresti and Min) says so; worse, if the exact test of `McNemar` does. Figures: a pair is
/// worse when it rose by more than the share `margin`; then an exact sign test either way.
pub(super) fn compare(
    suite: &Suite,
    asked: &Asked<'_>,
    known: &[Outcome],
    baseline: Option<&Scorecard>,
    outcome: &mut Outcome,
) {
    let new = known.iter().find(|one| one.id == asked.compare);
    let old = baseline.and_then(|card| card.checks.iter().find(|one| one.id == asked.compare));
    let (Some(new), Some(old)) = (new, old) else {
        outcome.explanation = match baseline {
            None => "no baseline to compare with: `--baseline`".to_owned(),
            Some(_) => format!("the baseline has no check `{}`", asked.compare),
        };
        return;
    };
    if new.evaluator != old.evaluator {
        outcome.explanation = format!("`{}` was another check in the baseline", asked.compare);
        return;
    }
    let pairs: Vec<(&Cluster, &Cluster)> = new
        .results
        .iter()
        .filter_map(|one| Some((one, old.results.iter().find(|two| two.cluster == one.cluster)?)))
        .collect();
    outcome.n = pairs.len();
    outcome.trials = new.trials;
    if pairs.is_empty() {
        "nothing was looked at both times".clone_into(&mut outcome.explanation);
        return;
    }
    let falls = suite.checks.iter().any(|check| {
        check.id == asked.compare && check.gate.max.is_none() && check.gate.min.is_some()
    });
    if pairs.iter().any(|(one, _)| one.passed.is_some()) {
        shares(asked, &pairs, outcome);
    } else {
        figures(asked, &pairs, falls, outcome);
    }
    if outcome.n < suite.dataset.min_cases && outcome.verdict == Word::Pass {
        outcome.verdict = Word::Inconclusive;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of pairs")]
fn shares(asked: &Asked<'_>, pairs: &[(&Cluster, &Cluster)], outcome: &mut Outcome) {
    let turned = |from: bool| {
        let is = |(new, old): &&(&Cluster, &Cluster)| {
            old.passed == Some(from) && new.passed == Some(!from)
        };
        pairs.iter().filter(is).count()
    };
    let (worse, better) = (turned(true), turned(false));
    let lower = paired_lower(worse, better, pairs.len(), asked.alpha);
    let difference = (better as f64 - worse as f64) / pairs.len() as f64;
    outcome.estimate = Some(difference);
    outcome.interval = Some(Interval {
        lower: Some(lower),
        upper: None,
        confidence: 1.0 - asked.alpha,
        method: "agresti-min".to_owned(),
    });
    let p = mcnemar(worse, better);
    outcome.explanation =
        format!("{worse} worse, {better} better of {} pairs, p {p:.3}", pairs.len());
    outcome.verdict = if p <= asked.alpha && difference < 0.0 {
        Word::Fail
    } else if lower >= -asked.margin {
        Word::Pass
    } else {
        Word::Inconclusive
    };
}

#[expect(clippy::cast_precision_loss, reason = "counts of pairs")]
fn figures(asked: &Asked<'_>, pairs: &[(&Cluster, &Cluster)], falls: bool, outcome: &mut Outcome) {
    let is_worse = |(new, old): &&(&Cluster, &Cluster)| {
        let (new, old) = (new.value.unwrap_or(0.0), old.value.unwrap_or(0.0));
        let leeway = old.abs() * asked.margin;
        if falls { new < old - leeway } else { new > old + leeway }
    };
    let worse = pairs.iter().filter(is_worse).count();
    let rest = pairs.len() - worse;
    outcome.estimate = Some(worse as f64 / pairs.len() as f64);
    let (got_worse, did_not) = (mcnemar(worse, rest), mcnemar(rest, worse));
    outcome.explanation = format!(
        "{worse} of {} pairs worse by more than {:.0} %, p {:.3}",
        pairs.len(),
        asked.margin * 100.0,
        got_worse
    );
    outcome.verdict = if got_worse <= asked.alpha {
        Word::Fail
    } else if did_not <= asked.alpha {
        Word::Pass
    } else {
        Word::Inconclusive
    };
}
