//! What tests said of base and of head, and whom a failure belongs to.

use belay_dbt::run_results::{RunOutcome, Status};
use belay_dbt::{Manifest, NodeId, RunResults};

/// Whom a test's result belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestVerdict {
    /// It fails in head and did not fail in base, or nobody knows that it did.
    Regressed,
    /// It is new in head.
    New,
    Fixed,
    Same,
    NotRun,
}

impl TestVerdict {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::New => "new",
            Self::Fixed => "fixed",
            Self::Same => "same",
            Self::NotRun => "not_run",
        }
    }
}

/// One test on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct TestRow {
    pub node: NodeId,
    pub base: Option<Status>,
    pub head: Option<Status>,
    pub verdict: TestVerdict,
    /// How many rows failed in head, and what dbt said.
    pub failures: Option<u64>,
    pub message: Option<String>,
}

impl TestRow {
    pub fn fails_in_head(&self) -> bool {
        self.head.as_ref().is_some_and(is_bad)
    }
}

/// One row for each test, in the given order.
pub(super) fn verdicts(
    tests: &[NodeId],
    base: &Manifest,
    base_results: Option<&RunResults>,
    head_results: &RunResults,
) -> Vec<TestRow> {
    let row = |id: &NodeId| {
        let before = base_results.and_then(|results| results.outcomes.get(id)).and_then(ran);
        let after = head_results.outcomes.get(id).and_then(ran);
        let verdict = verdict(
            base.node(id).is_some(),
            before.map(|it| &it.status),
            after.map(|it| &it.status),
        );
        TestRow {
            node: id.clone(),
            base: before.map(|outcome| outcome.status.clone()),
            head: after.map(|outcome| outcome.status.clone()),
            verdict,
            failures: after.and_then(|outcome| outcome.failures),
            message: after.and_then(|outcome| outcome.message.as_deref()).map(str::to_owned),
        }
    };
    tests.iter().map(row).collect()
}

fn ran(outcome: &RunOutcome) -> Option<&RunOutcome> {
    (!matches!(outcome.status, Status::Skipped)).then_some(outcome)
}

fn is_bad(status: &Status) -> bool {
    !status.is_good() || matches!(status, Status::Warn)
}

fn verdict(in_base: bool, base: Option<&Status>, head: Option<&Status>) -> TestVerdict {
    match (base.map(is_bad), head.map(is_bad)) {
        (_, None) => TestVerdict::NotRun,
        (None, Some(_)) if !in_base => TestVerdict::New,
        (Some(true), Some(false)) => TestVerdict::Fixed,
        (Some(false) | None, Some(true)) => TestVerdict::Regressed,
        (Some(true), Some(true)) | (Some(false) | None, Some(false)) => TestVerdict::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_heads_only_if_base_did_not_fail() {
        use TestVerdict::{Fixed, New, NotRun, Regressed, Same};
        let (pass, fail) = (Some(&Status::Pass), Some(&Status::Fail));
        let cases = [
            (true, pass, fail, Regressed),
            (true, fail, fail, Same),
            (true, fail, pass, Fixed),
            (true, pass, pass, Same),
            (true, None, fail, Regressed),
            (false, None, fail, New),
            (false, None, pass, New),
            (true, pass, None, NotRun),
            (true, pass, Some(&Status::Warn), Regressed),
        ];
        for (in_base, base, head, expected) in cases {
            assert_eq!(verdict(in_base, base, head), expected, "{in_base} {base:?} {head:?}");
        }
    }
}
