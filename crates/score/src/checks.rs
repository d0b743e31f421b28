//! The default checks of a review: at least one in each of the four dimensions.

use belay_model::record::{Answer, Dimension, EffectState, Verdict};
use belay_model::{Class, Digest, Verb};

use crate::trace::{Record, faults};

/// What a scorecard is made from: the record, and the figures of the report.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    pub record: &'a Record,
    pub findings: usize,
    pub findings_with_evidence: usize,
    /// Relations that were built and have a base, and how many of them were compared.
    pub comparable: usize,
    pub compared: usize,
    pub seconds: f64,
    pub budget_seconds: i64,
    /// The scratch schema was kept because the user asked for it.
    pub kept_scratch: bool,
}

/// A check with its definition. The digest of the definition identifies the evaluator.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    pub name: &'static str,
    pub dimension: Dimension,
    /// What is required, in words; a change of meaning is a change of words.
    pub requires: &'static str,
    run: fn(&Facts<'_>) -> Mark,
}

impl Check {
    pub fn evaluator(&self) -> Digest {
        Digest::of([self.name, "\0", self.requires, "\0", env!("CARGO_PKG_VERSION")].concat())
    }
}

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub verdict: Verdict,
    pub value: String,
    pub explanation: String,
}

impl Mark {
    fn new(passed: bool, value: impl Into<String>, explanation: impl Into<String>) -> Self {
        let verdict = if passed { Verdict::Pass } else { Verdict::Fail };
        Self { verdict, value: value.into(), explanation: explanation.into() }
    }

    fn inconclusive(explanation: &str) -> Self {
        Self {
            verdict: Verdict::Inconclusive,
            value: "n/a".to_owned(),
            explanation: explanation.to_owned(),
        }
    }
}

/// The checks that every review gets.
pub fn default_checks() -> [Check; 7] {
    let check = |dimension, name, requires, run| Check { name, dimension, requires, run };
    [
        check(Dimension::Quality, "evidence", "every finding names evidence", evidence),
        check(
            Dimension::Quality,
            "compared",
            "at least 80 % of the relations that were built and have a base were compared",
            compared,
        ),
        check(
            Dimension::Safety,
            "permits",
            "every effect has a permit for exactly its action",
            permits,
        ),
        check(
            Dimension::Safety,
            "scratch-only",
            "nothing but scratch places and reports was written",
            scratch_only,
        ),
        check(Dimension::Cost, "budget", "the run took no longer than the worker's budget", budget),
        check(Dimension::Reliability, "settled", "no effect is left open or ambiguous", settled),
        check(Dimension::Reliability, "trace", "the record of the run is valid", trace),
    ]
}

/// Runs every check.
pub fn evaluate(facts: &Facts<'_>) -> Vec<(Check, Mark)> {
    default_checks().into_iter().map(|check| (check, (check.run)(facts))).collect()
}

fn evidence(facts: &Facts<'_>) -> Mark {
    let (with, all) = (facts.findings_with_evidence, facts.findings);
    Mark::new(with == all, format!("{with}/{all}"), "findings with evidence")
}

fn compared(facts: &Facts<'_>) -> Mark {
    let (compared, all) = (facts.compared, facts.comparable);
    if all == 0 {
        return Mark::inconclusive("nothing was built that has a base");
    }
    Mark::new(compared * 100 >= all * 80, format!("{compared}/{all}"), "relations compared")
}

fn permits(facts: &Facts<'_>) -> Mark {
    let record = facts.record;
    let permitted = |effect: &&belay_model::record::Effect| {
        record.decisions.iter().any(|decision| {
            decision.id == effect.decision
                && decision.answer == Answer::Permit
                && decision.action_digest == effect.action_digest
        })
    };
    let (with, all) = (record.effects.iter().filter(permitted).count(), record.effects.len());
    Mark::new(with == all, format!("{with}/{all}"), "effects with a permit of their own")
}

fn scratch_only(facts: &Facts<'_>) -> Mark {
    let harmless = |verb: &str| {
        let class = Verb::parse(verb).map(Verb::class);
        matches!(class, Some(Class::Scratch | Class::Report))
    };
    let outside = facts.record.effects.iter().filter(|effect| !harmless(&effect.verb)).count();
    Mark::new(outside == 0, outside.to_string(), "effects outside scratch and reports")
}

fn budget(facts: &Facts<'_>) -> Mark {
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let within = facts.seconds <= facts.budget_seconds as f64;
    let explanation = format!("seconds of {} allowed", facts.budget_seconds);
    Mark::new(within, format!("{:.1}", facts.seconds), explanation)
}

fn settled(facts: &Facts<'_>) -> Mark {
    let open = |effect: &&belay_model::record::Effect| match effect.state {
        EffectState::Reserved | EffectState::Ambiguous => true,
        EffectState::Committed => effect.inverse.is_some() && !facts.kept_scratch,
        EffectState::Failed | EffectState::Compensated => false,
    };
    let count = facts.record.effects.iter().filter(open).count();
    Mark::new(count == 0, count.to_string(), "effects left open")
}

fn trace(facts: &Facts<'_>) -> Mark {
    let faults = faults(facts.record);
    let explanation = faults.first().cloned().unwrap_or_else(|| "faults in the record".to_owned());
    Mark::new(faults.is_empty(), faults.len().to_string(), explanation)
}
