//! What became of the nodes of one dbt invocation.

use std::collections::BTreeMap;

use belay_model::Explain;
use serde::Deserialize;

use crate::id::NodeId;
use crate::lenient::{Entries, Loose, Text};

const KNOWN_VERSIONS: &str = "v4 to v6";

/// `run_results.json`: one outcome per node that dbt ran or tested.
#[derive(Clone, Debug, Default)]
pub struct RunResults {
    pub dbt_version: Box<str>,
    pub generated_at: Box<str>,
    pub invocation_id: Option<Box<str>>,
    pub outcomes: BTreeMap<NodeId, RunOutcome>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RunOutcome {
    pub status: Status,
    pub message: Option<Box<str>>,
    /// Rows that failed a test.
    pub failures: Option<u64>,
    pub seconds: f64,
    pub relation_name: Option<Box<str>>,
    /// What the adapter reported, if it did.
    pub rows_affected: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Success,
    Pass,
    Warn,
    Fail,
    Error,
    Skipped,
    NoOp,
    /// Some batches of a microbatch model failed.
    PartialSuccess,
    /// A word this belay does not know. It counts as bad.
    Unknown(Box<str>),
}

impl Status {
    fn named(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "success" => Self::Success,
            "pass" => Self::Pass,
            "warn" => Self::Warn,
            "fail" => Self::Fail,
            "error" | "runtime error" => Self::Error,
            "skipped" => Self::Skipped,
            "no-op" => Self::NoOp,
            "partial success" => Self::PartialSuccess,
            _ => Self::Unknown(word.into()),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Success => "success",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Skipped => "skipped",
            Self::NoOp => "no-op",
            Self::PartialSuccess => "partial success",
            Self::Unknown(word) => word,
        }
    }

    /// Skipped is not good: nothing was shown. Silence is not consent.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Success | Self::Pass | Self::Warn | Self::NoOp)
    }
}

/// Why `run_results.json` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RunResultsError {
    #[error("the run results are not JSON at line {line}, column {column}")]
    NotJson { line: usize, column: usize, source: serde_json::Error },
    #[error(
        "the run results are cut short: they end after {bytes} bytes, in the middle of a value"
    )]
    CutShort { bytes: usize },
    #[error("this is JSON, but not dbt's run results: it has no `metadata.dbt_schema_version`")]
    NotRunResults,
    #[error("this is another dbt artefact, not run results: its schema is `{schema}`")]
    OtherArtefact { schema: String },
    #[error("run results schema v{found} is not known: belay reads {KNOWN_VERSIONS}")]
    UnknownVersion { found: u32 },
}

impl Explain for RunResultsError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "run-results/not-json",
            Self::CutShort { .. } => "run-results/cut-short",
            Self::NotRunResults => "run-results/not-run-results",
            Self::OtherArtefact { .. } => "run-results/other-artefact",
            Self::UnknownVersion { .. } => "run-results/unknown-version",
        }
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Self::CutShort { .. } => "wait until dbt has finished; it writes the file at the end",
            Self::UnknownVersion { .. } => "use dbt 1.0 or later, or update belay",
            _ => "give belay the `run_results.json` from dbt's target folder",
        };
        Some(help.to_owned())
    }
}

impl RunResultsError {
    fn from_json(source: serde_json::Error, bytes: usize) -> Self {
        if source.is_eof() {
            return Self::CutShort { bytes };
        }
        Self::NotJson { line: source.line(), column: source.column(), source }
    }
}

impl RunResults {
    /// Reads `run_results.json`, as dbt 1.0 and later write it.
    pub fn parse(bytes: &[u8]) -> Result<Self, RunResultsError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let wire: Wire = serde_json::from_slice(bytes)
            .map_err(|error| RunResultsError::from_json(error, bytes.len()))?;
        let Loose(metadata) = wire.metadata;
        let schema = metadata.dbt_schema_version.filled().ok_or(RunResultsError::NotRunResults)?;
        check_version(&schema)?;
        Ok(Self {
            dbt_version: metadata.dbt_version.or_empty(),
            generated_at: metadata.generated_at.or_empty(),
            invocation_id: metadata.invocation_id.filled(),
            outcomes: wire.results.0.into_iter().filter_map(|loose| outcome(loose.0)).collect(),
        })
    }
}

fn check_version(schema: &str) -> Result<(), RunResultsError> {
    let version = schema
        .split_once("/run-results/v")
        .map(|(_, rest)| rest.strip_suffix(".json").unwrap_or(rest))
        .and_then(|digits| digits.parse().ok());
    match version {
        Some(4..=6) => Ok(()),
        Some(found) => Err(RunResultsError::UnknownVersion { found }),
        None => Err(RunResultsError::OtherArtefact { schema: schema.to_owned() }),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    metadata: Loose<WireMetadata>,
    results: Loose<Vec<Loose<WireResult>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireMetadata {
    dbt_schema_version: Text,
    dbt_version: Text,
    generated_at: Text,
    invocation_id: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireResult {
    unique_id: Text,
    status: Text,
    message: Text,
    failures: Text,
    execution_time: Text,
    relation_name: Text,
    adapter_response: Loose<Entries<(Box<str>, Text)>>,
}

fn outcome(wire: WireResult) -> Option<(NodeId, RunOutcome)> {
    let id = NodeId::new(wire.unique_id.filled()?);
    let rows = wire.adapter_response.0.0.into_iter().find(|(key, _)| &**key == "rows_affected");
    let outcome = RunOutcome {
        status: Status::named(&wire.status.or_empty()),
        message: wire.message.filled(),
        failures: number(&wire.failures),
        seconds: wire.execution_time.0.and_then(|text| text.parse().ok()).unwrap_or_default(),
        relation_name: wire.relation_name.filled(),
        rows_affected: rows.and_then(|(_, text)| number(&text)),
    };
    Some((id, outcome))
}

fn number(text: &Text) -> Option<u64> {
    text.0.as_deref().and_then(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(json: &str, expected: Expect) {
        let shown = match RunResults::parse(json.as_bytes()) {
            Ok(results) => results
                .outcomes
                .iter()
                .map(|(id, outcome)| {
                    let failures = outcome.failures.map(|n| format!(", {n} failures"));
                    let good = if outcome.status.is_good() { "good" } else { "bad" };
                    let status = outcome.status.as_str();
                    format!(
                        "{id}: {status} ({good}){} {}s\n",
                        failures.unwrap_or_default(),
                        outcome.seconds
                    )
                })
                .collect(),
            Err(error) => format!("error[{}]: {error}\n", error.code()),
        };
        expected.assert_eq(&shown);
    }

    fn document(version: u32, results: &str) -> String {
        format!(
            r#"{{"metadata": {{"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v{version}.json"}},
               "results": {results}}}"#
        )
    }

    #[test]
    fn each_status_is_read_and_says_whether_it_is_good() {
        check(
            &document(
                6,
                r#"[
                {"unique_id": "model.a", "status": "success", "execution_time": 1.5, "adapter_response": {"rows_affected": 3}},
                {"unique_id": "model.b", "status": "partial success", "execution_time": "0.5", "failures": null},
                {"unique_id": "model.c", "status": "skipped", "execution_time": 0, "adapter_response": null},
                {"unique_id": "model.d", "status": "no-op", "execution_time": 0},
                {"unique_id": "model.e", "status": "reused", "execution_time": 0},
                {"unique_id": "test.a", "status": "fail", "failures": 7, "message": "Got 7 results", "execution_time": 0.25},
                {"unique_id": "test.b", "status": "warn", "failures": "2", "execution_time": 0.25},
                {"unique_id": "test.c", "status": "pass", "failures": 0, "execution_time": 0.25},
                {"unique_id": "test.d", "status": "runtime error", "execution_time": 0.25}]"#,
            ),
            expect![[r#"
                model.a: success (good) 1.5s
                model.b: partial success (bad) 0.5s
                model.c: skipped (bad) 0s
                model.d: no-op (good) 0s
                model.e: reused (bad) 0s
                test.a: fail (bad), 7 failures 0.25s
                test.b: warn (good), 2 failures 0.25s
                test.c: pass (good), 0 failures 0.25s
                test.d: error (bad) 0.25s
            "#]],
        );
    }

    #[test]
    fn rows_affected_are_read_as_far_as_the_adapter_reports_them() {
        let json = document(
            5,
            r#"[{"unique_id": "model.a", "status": "success", "adapter_response": {"_message": "OK", "rows_affected": 3}}]"#,
        );
        let results = RunResults::parse(json.as_bytes()).unwrap();
        assert_eq!(results.outcomes[&NodeId::from("model.a")].rows_affected, Some(3));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        check(
            "",
            expect![[r#"
            error[run-results/cut-short]: the run results are cut short: they end after 0 bytes, in the middle of a value
        "#]],
        );
        check(
            "{\"metadata\": {",
            expect![[r#"
            error[run-results/cut-short]: the run results are cut short: they end after 14 bytes, in the middle of a value
        "#]],
        );
        check(
            "nonsense",
            expect![[r#"
            error[run-results/not-json]: the run results are not JSON at line 1, column 2
        "#]],
        );
        check(
            "{}",
            expect![[r#"
            error[run-results/not-run-results]: this is JSON, but not dbt's run results: it has no `metadata.dbt_schema_version`
        "#]],
        );
        check(
            &document(3, "[]"),
            expect![[r#"
            error[run-results/unknown-version]: run results schema v3 is not known: belay reads v4 to v6
        "#]],
        );
        check(
            &document(7, "[]"),
            expect![[r#"
            error[run-results/unknown-version]: run results schema v7 is not known: belay reads v4 to v6
        "#]],
        );
        check(
            r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}}"#,
            expect![[r#"
                error[run-results/other-artefact]: this is another dbt artefact, not run results: its schema is `https://schemas.getdbt.com/dbt/catalog/v1.json`
            "#]],
        );
    }
}
