//! `belay.impact/1`: the report as programs read it. Fields are added, never renamed or taken away.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub const SCHEMA: &str = "belay.impact/1";

/// The review of a dbt change.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Impact {
    /// Always `belay.impact/1`.
    pub schema: String,
    /// The run that made this report.
    pub run: String,
    pub base: SideRef,
    pub head: SideRef,
    /// Subjects of the commits between base and head, oldest first.
    pub commits: Vec<String>,
    /// Nodes that differ between the two projects.
    pub changed: Vec<Changed>,
    /// Nodes below a change that touches data.
    pub affected: Vec<Affected>,
    pub selection: Selection,
    /// How the scratch build went; absent when nothing was built.
    pub build: Option<Build>,
    pub tests: Vec<Test>,
    pub data: Vec<Data>,
    /// Nodes in scope whose data were not compared, and why.
    pub not_compared: Vec<NotCompared>,
    pub findings: Vec<Finding>,
    pub risk: Risk,
    /// Nodes in scope that were proved to be the same.
    pub harmless: Vec<Harmless>,
    /// Exposures below a node with a finding of medium or more.
    pub exposures: Vec<String>,
    /// What a reviewer should look at first.
    pub look_first: Vec<String>,
    /// What a reader has to know about how this was made.
    pub notes: Vec<String>,
    pub summary: String,
    /// What somebody edited, and what follows from it.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Ids of findings in which the data refute what the code claims.
    #[serde(default)]
    pub contradictions: Vec<String>,
    /// Nodes below a change that cannot see it, each with its proof.
    #[serde(default)]
    pub spared: Vec<Harmless>,
    /// Nodes that were not built, because what they read came out equal.
    #[serde(default)]
    pub cut_off: Vec<CutOff>,
    /// What nobody verified, the gravest kinds first.
    #[serde(default)]
    pub not_verified: Vec<NotVerified>,
    /// What the change itself says of its findings.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// Who reads whom among the nodes of this report.
    #[serde(default)]
    pub lineage: Vec<Arrow>,
    #[serde(default)]
    pub cost: Cost,
    /// A language model's draft, as far as it holds; absent where the workspace names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<crate::summary::Draft>,
}

/// One thing that somebody edited.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    pub id: String,
    /// `file`, `macro`, `var`, `seed`, `source`, `config`, `properties` or `engine`.
    pub kind: String,
    pub title: String,
    pub path: Option<String>,
    pub line: Option<u32>,
    /// The gravest meaning among its nodes; absent where nobody read the code.
    pub meaning: Option<String>,
    /// What the code says, the gravest first.
    pub reasons: Vec<String>,
    /// Changed nodes that it explains.
    pub nodes: Vec<String>,
    /// Every node that can see it.
    pub reaches: Vec<String>,
    /// Exposures among them.
    pub exposures: Vec<String>,
    /// Relations that differ and that it can have moved.
    pub moved: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CutOff {
    pub node: String,
    /// The node above it that came out equal.
    pub because: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NotVerified {
    /// `not_built`, `not_compared`, `not_parsed`, `not_understood`, `sampled`, `no_key`,
    /// `fresh_build`, `snapshot_not_built`, `test_not_run`, `seed_hash`, `raw_code`,
    /// `engine_upgrade`, `volatile`, `hooks` or `vars_reach`.
    pub kind: String,
    /// Absent where it is about the review as a whole.
    pub node: Option<String>,
    pub why: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    /// A finding's id, or `kind:node`; of an unreadable one the line.
    pub what: String,
    pub until: String,
    pub because: String,
    /// The commit, or `pull request`.
    pub from: String,
    /// `applied`, `expired`, `refused`, `unmatched` or `unreadable`.
    pub state: String,
    /// Findings that it takes off the level.
    pub findings: Vec<String>,
    pub note: Option<String>,
}

/// `to` reads `from`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Arrow {
    pub from: String,
    pub to: String,
}

/// What the review took.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    pub seconds: f64,
    pub stages: Vec<Stage>,
    /// Rows of both sides of every relation that was compared.
    pub rows_compared: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    pub name: String,
    pub seconds: f64,
}

/// Seconds as they are worth showing.
pub fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SideRef {
    /// `commit`, `work_tree` or `artefacts`.
    pub kind: String,
    pub name: String,
    pub sha: Option<String>,
    pub dbt_version: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// A dbt unique id.
    pub node: String,
    /// `new`, `removed`, `body`, `macro:…`, `config:…`, `contract`, `relation`, `source`, `seed`, …
    pub reasons: Vec<String>,
    /// `cosmetic`, `metadata`, `physical`, `additive`, `new`, `values`, `rows`, `schema`, `removed` or
    /// `unknown`; absent where nobody read the code.
    #[serde(default)]
    pub meaning: Option<String>,
    /// Columns that may differ; `*` for all.
    #[serde(default)]
    pub columns: Vec<String>,
    /// The file it is written in.
    #[serde(default)]
    pub path: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Affected {
    pub node: String,
    /// The changed nodes through which it is reached.
    pub via: Vec<String>,
    /// Columns that may differ; `*` for all. Empty also where nobody read the code.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Rows may come or go.
    #[serde(default)]
    pub rows: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    pub build: Vec<String>,
    pub test: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// The scratch schema, or the prefix of several.
    pub schema: String,
    pub kept: bool,
    pub seconds: f64,
    pub nodes: Vec<BuildNode>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BuildNode {
    pub node: String,
    pub status: String,
    pub seconds: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Test {
    pub node: String,
    /// dbt's word for the result; absent when it was not run.
    pub base: Option<String>,
    pub head: Option<String>,
    /// `regressed`, `fixed`, `same`, `new` or `not_run`.
    pub verdict: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Data {
    pub node: String,
    /// Base's relation.
    pub relation: String,
    pub key: Vec<String>,
    /// Where the key is from.
    pub key_origin: Option<String>,
    /// `key` or `multiset`.
    pub method: String,
    pub rows: Rows,
    pub columns: Vec<Column>,
    pub samples: Vec<Sample>,
    pub remark: Option<String>,
    /// Ids of the edits that can have moved it; empty where it stands still or drifts.
    #[serde(default)]
    pub caused_by: Vec<String>,
    /// `checksum`, `join`, `buckets` or `multiset`.
    #[serde(default)]
    pub how: String,
    /// Present where only a sample was compared: counts are then those of its rows.
    #[serde(default)]
    pub sampled: Option<Sampled>,
}

/// What a sample by key says of the whole.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Sampled {
    /// Of the keys, from 0 to 1.
    pub share: f64,
    /// Rows of base that were looked at.
    pub rows: i64,
    /// The share of rows that changed lies between these, with a confidence of 95 %.
    pub changed_low: Option<f64>,
    pub changed_high: Option<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Rows {
    pub base: i64,
    pub head: i64,
    /// Keys that only head has; without a key, rows.
    pub added: i64,
    pub removed: i64,
    /// Rows that both sides have and that differ; absent without a key.
    pub changed: Option<i64>,
    /// Keys that stand more than once in head.
    pub duplicated: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    pub name: String,
    /// `same`, `added`, `removed` or `retyped`.
    pub change: String,
    pub compared: Option<i64>,
    pub changed: Option<i64>,
    pub null_base: Option<i64>,
    pub null_head: Option<i64>,
    pub sum_base: Option<f64>,
    pub sum_head: Option<f64>,
    pub type_base: Option<String>,
    pub type_head: Option<String>,
    /// Ids of the edits that can have moved it: none where it stands still, or where the code says that
    /// it stays.
    #[serde(default)]
    pub caused_by: Vec<String>,
    /// It has another value at every build: that it differs says nothing.
    #[serde(default)]
    pub volatile: bool,
    /// Distinct values among the rows that were looked at.
    #[serde(default)]
    pub distinct_base: Option<i64>,
    #[serde(default)]
    pub distinct_head: Option<i64>,
    /// Least and greatest, of numbers and moments.
    #[serde(default)]
    pub range_base: Option<[String; 2]>,
    #[serde(default)]
    pub range_head: Option<[String; 2]>,
    /// How far the distribution moved: from 0, the same, to 1, nothing in common (total variation).
    #[serde(default)]
    pub shift: Option<f64>,
    /// The most frequent values; empty where they must not be shown.
    #[serde(default)]
    pub top: Vec<TopValue>,
}

/// A value with its counts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TopValue {
    /// As text; absent for NULL.
    pub value: Option<String>,
    pub base: i64,
    pub head: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// `changed`, `added`, `removed` or `duplicated`.
    pub kind: String,
    pub key: Vec<Value>,
    pub values: Vec<ValuePair>,
    pub times: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Value {
    pub column: String,
    /// As text; absent for NULL.
    pub value: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ValuePair {
    pub column: String,
    pub base: Option<String>,
    pub head: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NotCompared {
    pub node: String,
    pub why: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable across runs of the same change.
    pub id: String,
    pub kind: String,
    pub severity: Severity,
    pub node: Option<String>,
    pub column: Option<String>,
    pub message: String,
    pub evidence: Vec<String>,
    /// It holds whatever one thinks of it, and cannot be accepted away.
    #[serde(default)]
    pub fact: bool,
    /// Ids of the edits that can have caused it.
    #[serde(default)]
    pub caused_by: Vec<String>,
    /// Where the same cause shows further down, the gravest first.
    #[serde(default)]
    pub places: Vec<Place>,
    /// Why somebody took it off the level.
    #[serde(default)]
    pub accepted: Option<String>,
    /// The file of its node, and the line where somebody edited it.
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub line: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub node: String,
    pub kind: String,
    pub severity: Severity,
    pub message: String,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Risk {
    /// The level of the heaviest cause.
    pub level: Severity,
    /// The sum of the factors' points.
    pub score: i64,
    pub factors: Vec<Factor>,
    /// Up to three, the weightiest first.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// A fact stands behind it that is high or critical: a test, a key, a contract, a build.
    #[serde(default)]
    pub blocks: bool,
    /// Whom the team's rules ask to look.
    #[serde(default)]
    pub reviewers: Vec<String>,
    /// The heaviest first.
    #[serde(default)]
    pub causes: Vec<Cause>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Factor {
    /// The id of a finding, or of the edits that it is about.
    pub finding: String,
    pub points: i64,
    /// A weight of the table in `docs/reference/risk.md`, or a team's rule.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub why: String,
}

/// What belongs together: edits with their findings, or a finding that no edit explains.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    pub level: Severity,
    pub points: i64,
    pub edits: Vec<String>,
    pub findings: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Harmless {
    pub node: String,
    pub proof: String,
}

impl From<belay_model::Severity> for Severity {
    fn from(severity: belay_model::Severity) -> Self {
        match severity {
            belay_model::Severity::Info => Self::Info,
            belay_model::Severity::Low => Self::Low,
            belay_model::Severity::Medium => Self::Medium,
            belay_model::Severity::High => Self::High,
            belay_model::Severity::Critical => Self::Critical,
        }
    }
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(self.as_str())
    }
}

impl Finding {
    /// The first line of the evidence, where the message alone does not say what happened.
    pub(crate) fn reason(&self) -> Option<&str> {
        let told = ["rows.", "values.", "nulls.", "data."]
            .iter()
            .any(|family| self.kind.starts_with(family));
        if told || self.severity < Severity::Medium {
            None
        } else {
            self.evidence.first().map(String::as_str)
        }
    }
}
