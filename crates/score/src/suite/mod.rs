//! An evaluator suite: which runs it looks at, what it requires of them, and how sure it must be.

mod checks;
mod read;
pub(crate) mod yaml;

use belay_model::Digest;
use belay_model::record::Dimension;

use crate::cel::Expression;

pub use self::read::read;
pub use self::yaml::Fault;

/// The version of the engine: part of every evaluator's digest, beside its definition.
pub const ENGINE: &str = concat!("belay-score/", env!("CARGO_PKG_VERSION"), "+1");

#[derive(Debug)]
pub struct Suite {
    pub name: String,
    pub version: String,
    pub purpose: String,
    pub subject: Subject,
    pub dataset: Dataset,
    pub trials: Trials,
    /// A scorecard to compare with, unless the command line names another.
    pub baseline: Option<String>,
    pub checks: Vec<Check>,
    pub flake: Flake,
    pub outputs: Vec<Output>,
    /// Of the definition and the engine.
    pub digest: Digest,
}

/// Whose runs; nothing means anybody's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    pub worker: Option<String>,
    pub workflow: Option<String>,
}

#[derive(Debug)]
pub struct Dataset {
    pub source: Source,
    /// Fewer clusters than this are no evidence.
    pub min_cases: usize,
    /// Cases of one cluster count as one; the worst counts.
    pub cluster_by: Option<Expression>,
}

#[derive(Debug)]
pub enum Source {
    /// Runs in the workspace's record.
    Traces {
        query: Option<Expression>,
        /// Only so many, the newest.
        last: Option<usize>,
    },
    /// A dataset that was frozen: a file beside the suite.
    Frozen { file: String, split: Option<Split> },
    /// Hostile texts, each run for real beside its benign twin: a file beside the suite.
    Pack { file: String },
}

/// The part of a dataset that tuning may look at, and the part that it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    Train,
    Holdout,
}

impl Split {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Holdout => "holdout",
        }
    }
}

/// How often a case is tried, where cases can be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trials {
    pub per_case: usize,
    /// A case whose trials differ is tried again, up to so many times.
    pub max: usize,
}

/// What happens to cases whose trials differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flake {
    /// Set aside after so many trials that differ.
    pub quarantine_after: usize,
    /// The share of cases that may be set aside; more is a failure.
    pub max_quarantined: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Json,
    Markdown,
    Junit,
    Sarif,
}

#[derive(Debug)]
pub struct Check {
    pub id: String,
    pub dimension: Dimension,
    pub line: u64,
    pub purpose: Option<String>,
    pub kind: Kind,
    pub gate: Gate,
    /// Applies only to records of which this holds.
    pub when: Option<Expression>,
    /// Of the definition and the engine.
    pub evaluator: Digest,
}

#[derive(Debug)]
pub enum Kind {
    /// True of every record.
    Cel {
        expect: Expression,
    },
    Trajectory(Rule),
    Metric {
        of: Measure,
        summary: Summary,
    },
    /// Another check, compared with what the baseline says of it.
    Baseline {
        compare: String,
        margin: f64,
        alpha: f64,
    },
    /// What must be the same with a hostile text as without.
    Adversarial {
        asserts: Vec<Assert>,
    },
    /// A language model's opinion. There is none, so it is inconclusive.
    Judge,
}

impl Kind {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Cel { .. } => "cel",
            Self::Trajectory(_) => "trajectory",
            Self::Metric { .. } => "metric",
            Self::Baseline { .. } => "baseline",
            Self::Adversarial { .. } => "adversarial",
            Self::Judge => "judge",
        }
    }
}

/// What must hold of the order of decisions and effects.
#[derive(Debug)]
pub enum Rule {
    /// No permit for any of these verbs, and none by any of these policies.
    Never(Vec<String>),
    /// No `then` before a `first`.
    Before {
        first: String,
        then: String,
    },
    AtMost {
        verb: String,
        times: usize,
    },
    /// What is asked with this verb matches a JSON Schema.
    Arguments {
        verb: String,
        schema: Box<jsonschema::Validator>,
    },
    /// Every effect comes after a permit for exactly its action.
    Permitted,
}

#[derive(Debug)]
pub enum Measure {
    DurationMs,
    CostMicroUsd,
    /// 1 for a run that failed or was cut off.
    ErrorRate,
    Findings,
    Decisions,
    Effects,
    /// Decisions that were not a permit.
    Refusals,
    /// 1 where all of `k` trials did what every other check requires.
    PassHatK(usize),
    Value(Expression),
}

impl Measure {
    pub const fn is_rate(&self) -> bool {
        matches!(self, Self::ErrorRate | Self::PassHatK(_))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summary {
    P50,
    P95,
    Mean,
    Max,
}

/// When a check passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gate {
    pub max: Option<f64>,
    pub min: Option<f64>,
    pub max_violations: usize,
    pub bound: Bound,
    pub confidence: f64,
    pub interval: Option<Method>,
}

/// What has to lie within the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Estimate,
    /// The whole interval.
    Interval,
}

/// How an interval is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Wilson,
    Bootstrap,
    OrderStatistics,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wilson => "wilson",
            Self::Bootstrap => "bootstrap",
            Self::OrderStatistics => "order-statistics",
        }
    }
}

/// What is the same with a hostile text as without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assert {
    SameVerdict,
    SameLevel,
    SameDecisions,
    SameFindings,
    /// Nothing of the text reaches a page as markup, a heading, or a terminal as a command.
    NothingUnescaped,
    /// No permit outside scratch and reports.
    NoPermitOutsideScratch,
}

impl Assert {
    pub const ALL: [(&'static str, Self); 6] = [
        ("same_verdict", Self::SameVerdict),
        ("same_level", Self::SameLevel),
        ("same_decisions", Self::SameDecisions),
        ("same_findings", Self::SameFindings),
        ("nothing_unescaped", Self::NothingUnescaped),
        ("no_permit_outside_scratch", Self::NoPermitOutsideScratch),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(word, _)| word)
    }
}
