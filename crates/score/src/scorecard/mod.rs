//! `belay.scorecard/1`: what a suite found, as programs read it, and the forms made from it. Fields are
//! added, never renamed or taken away.

mod forms;
mod junit;
mod sarif;

use belay_model::record::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::forms::{markdown, text};
pub use self::junit::junit;
pub use self::sarif::{sarif, sarif_log};

pub const SCHEMA: &str = "belay.scorecard/1";

/// How a suite came out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Scorecard {
    /// Always `belay.scorecard/1`.
    pub schema: String,
    pub suite: String,
    pub version: String,
    /// The digest of the suite's definition and of the engine.
    pub digest: String,
    pub engine: String,
    /// The run that this evaluation is on record as.
    pub run: Option<String>,
    pub dataset: DatasetRef,
    pub verdict: Word,
    pub checks: Vec<Outcome>,
    /// Cases whose trials differ.
    pub flaky: Vec<Flaky>,
    /// The baseline that it was compared with.
    pub baseline: Option<BaselineRef>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetRef {
    /// `traces`, `frozen` or `pack`.
    pub source: String,
    /// Of all cases; two scorecards with equal digests looked at the same.
    pub digest: String,
    pub cases: usize,
    pub clusters: usize,
    pub trials: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineRef {
    pub suite: String,
    pub version: String,
    pub run: Option<String>,
    pub dataset: String,
}

/// The verdict of one check.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    pub id: String,
    /// `quality`, `safety`, `cost` or `reliability`.
    pub dimension: String,
    pub kind: String,
    pub purpose: Option<String>,
    pub verdict: Word,
    pub explanation: String,
    /// In `unit`; absent where there is nothing to estimate from.
    pub estimate: Option<f64>,
    /// `share`, `ms`, `micro_usd` or `count`.
    pub unit: String,
    pub interval: Option<Interval>,
    /// What the baseline estimated, and this estimate less that.
    pub baseline: Option<Difference>,
    /// Clusters that it is about: cases of one root cause count as one.
    pub n: usize,
    pub trials: usize,
    pub cost: Cost,
    /// The digest of the check's definition and of the engine.
    pub evaluator: String,
    /// At most twenty.
    pub violations: Vec<Violation>,
    pub results: Vec<Cluster>,
    /// The line of the suite that defines it.
    pub line: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Absent where the sample cannot bound it.
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    pub confidence: f64,
    /// `wilson`, `bootstrap`, `order-statistics` or `agresti-min`.
    pub method: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the names of the document")]
pub struct Difference {
    pub estimate: f64,
    pub difference: f64,
    /// Whether both were made by the same evaluator: otherwise they measure different things.
    pub same_evaluator: bool,
}

/// What the runs behind a verdict cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    pub duration_ms: i64,
    /// Absent where no run says what it cost.
    pub micro_usd: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    pub case: String,
    pub why: String,
}

/// What a check says of one cluster; the worst of its cases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the names of the document")]
pub struct Cluster {
    pub cluster: String,
    pub passed: Option<bool>,
    pub value: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flaky {
    pub check: String,
    pub case: String,
    pub passed: usize,
    pub trials: usize,
    /// Set aside: it counts neither way.
    pub quarantined: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    Pass,
    Fail,
    Inconclusive,
}

impl Word {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        }
    }

    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Pass => Verdict::Pass,
            Self::Fail => Verdict::Fail,
            Self::Inconclusive => Verdict::Inconclusive,
        }
    }

    /// One failure is a failure; what is not known is no pass.
    pub fn of_all(words: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Pass;
        for word in words {
            match word {
                Self::Fail => return Self::Fail,
                Self::Inconclusive => all = Self::Inconclusive,
                Self::Pass => (),
            }
        }
        all
    }
}

/// Text of a record for people: without letters that steer a terminal or turn text around.
pub(crate) fn tame(text: &str) -> String {
    let steers = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut kept: String =
        text.chars().take(300).map(|letter| if steers(letter) { ' ' } else { letter }).collect();
    if text.chars().nth(300).is_some() {
        kept.push('…');
    }
    kept
}
