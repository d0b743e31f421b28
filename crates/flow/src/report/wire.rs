//! `belay.impact/1`: the report as programs read it. Fields are added, never renamed or taken away.

use belay_diff::Method;
use belay_model::RunId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::impact::points;
use crate::impact::{Assessed, Compared, Findings, Side, SideSource};

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
    /// The file that defines it, from the dbt project's folder; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Affected {
    pub node: String,
    /// The changed nodes through which it is reached.
    pub via: Vec<String>,
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
    /// The severity of the worst finding.
    pub level: Severity,
    /// The sum of the factors' points.
    pub score: i64,
    pub factors: Vec<Factor>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Factor {
    /// The id of a finding.
    pub finding: String,
    pub points: i64,
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

/// Writes the facts and their assessment down.
pub fn build(run: RunId, facts: &Findings, assessed: &Assessed) -> Impact {
    let scope = &facts.scope;
    let texts = |ids: &[belay_dbt::NodeId]| ids.iter().map(ToString::to_string).collect();
    Impact {
        schema: SCHEMA.to_owned(),
        run: run.to_string(),
        base: side(&facts.base),
        head: side(&facts.head),
        commits: facts.commits.clone(),
        changed: scope
            .changed
            .iter()
            .map(|(node, reasons)| Changed {
                node: node.to_string(),
                reasons: reasons.iter().map(ToString::to_string).collect(),
                path: path(facts, node),
            })
            .collect(),
        affected: scope
            .affected
            .iter()
            .map(|(node, via)| Affected {
                node: node.to_string(),
                via: via.iter().map(ToString::to_string).collect(),
            })
            .collect(),
        selection: Selection {
            build: texts(&scope.selection.build),
            test: texts(&scope.selection.test),
        },
        build: facts.built.as_ref().map(built),
        tests: facts.tests.iter().map(test).collect(),
        data: facts.data.iter().map(data).collect(),
        not_compared: facts
            .uncompared
            .iter()
            .map(|one| NotCompared { node: one.node.to_string(), why: one.why.clone() })
            .collect(),
        findings: assessed.findings.iter().map(finding).collect(),
        risk: risk(assessed),
        harmless: assessed
            .harmless
            .iter()
            .map(|(node, proof)| Harmless { node: node.to_string(), proof: proof.clone() })
            .collect(),
        exposures: assessed.exposures.iter().map(ToString::to_string).collect(),
        look_first: assessed.look_first.clone(),
        notes: facts.notes.clone(),
        summary: assessed.summary.clone(),
    }
}

fn path(facts: &Findings, node: &belay_dbt::NodeId) -> Option<String> {
    let known = facts.head.manifest.node(node).or_else(|| facts.base.manifest.node(node))?;
    (!known.path.is_empty()).then(|| known.path.to_string())
}

fn side(side: &Side) -> SideRef {
    let (kind, sha) = match &side.source {
        SideSource::Commit(commit) => ("commit", Some(commit.sha.clone())),
        SideSource::WorkTree { .. } => ("work_tree", None),
        SideSource::Artefacts(_) => ("artefacts", None),
    };
    let dbt_version = side.manifest.metadata.dbt_version.to_string();
    SideRef { kind: kind.to_owned(), name: side.name(), sha, dbt_version }
}

fn built(built: &crate::impact::Built) -> Build {
    let node = |node: &crate::impact::BuiltNode| BuildNode {
        node: node.node.to_string(),
        status: node.status.as_str().to_owned(),
        seconds: node.seconds,
    };
    Build {
        schema: built.schema.clone(),
        kept: built.kept,
        seconds: built.seconds,
        nodes: built.nodes.iter().map(node).collect(),
    }
}

fn test(row: &crate::impact::TestRow) -> Test {
    Test {
        node: row.node.to_string(),
        base: row.base.as_ref().map(|status| status.as_str().to_owned()),
        head: row.head.as_ref().map(|status| status.as_str().to_owned()),
        verdict: row.verdict.as_str().to_owned(),
    }
}

fn data(compared: &Compared) -> Data {
    let matching = compared.tally.matching.as_ref();
    Data {
        node: compared.node.to_string(),
        relation: compared.relation.to_string(),
        key: compared.key.as_ref().map(|key| key.columns.clone()).unwrap_or_default(),
        key_origin: compared.key.as_ref().map(|key| key.origin.clone()),
        method: Method::as_str(compared.method).to_owned(),
        rows: Rows {
            base: compared.base.rows,
            head: compared.head.rows,
            added: compared.tally.added,
            removed: compared.tally.removed,
            changed: matching.map(|matching| matching.changed),
            duplicated: compared.head.duplicate_keys,
        },
        columns: compared.columns.iter().map(column).collect(),
        samples: compared.examples.iter().map(sample).collect(),
        remark: compared.remark.clone(),
    }
}

fn column(column: &belay_diff::ColumnDiff) -> Column {
    Column {
        name: column.name.clone(),
        change: column.change.as_str().to_owned(),
        compared: column.compared,
        changed: column.changed,
        null_base: column.nulls_base,
        null_head: column.nulls_head,
        sum_base: column.sum_base.filter(|sum| sum.is_finite()),
        sum_head: column.sum_head.filter(|sum| sum.is_finite()),
        type_base: column.type_base.clone(),
        type_head: column.type_head.clone(),
    }
}

fn sample(example: &belay_diff::Example) -> Sample {
    let value = |(column, value): &(String, Option<String>)| Value {
        column: column.clone(),
        value: value.clone(),
    };
    let pair = |(column, base, head): &(String, Option<String>, Option<String>)| ValuePair {
        column: column.clone(),
        base: base.clone(),
        head: head.clone(),
    };
    Sample {
        kind: example.kind.as_str().to_owned(),
        key: example.key.iter().map(value).collect(),
        values: example.values.iter().map(pair).collect(),
        times: example.times,
    }
}

fn finding(finding: &belay_model::Finding) -> Finding {
    Finding {
        id: finding.id(),
        kind: finding.kind.to_owned(),
        severity: finding.severity.into(),
        node: finding.node.clone(),
        column: finding.column.clone(),
        message: finding.message.clone(),
        evidence: finding.evidence.clone(),
    }
}

fn risk(assessed: &Assessed) -> Risk {
    let worth = assessed.findings.iter().filter(|finding| points(finding.severity) > 0);
    let factors =
        worth.map(|finding| Factor { finding: finding.id(), points: points(finding.severity) });
    Risk { level: assessed.level.into(), score: assessed.score, factors: factors.collect() }
}
