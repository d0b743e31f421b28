//! The scorecard as `JUnit` XML: a test suite for each dimension, a test case for each check.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::forms::estimate;
use super::{Scorecard, Word, tame};

/// Inconclusive is an error, so that no consumer takes it for a pass.
pub fn junit(card: &Scorecard) -> Result<String, String> {
    let mut report = Report::new(format!("belay eval {}", tame(&card.suite)));
    for dimension in ["quality", "safety", "cost", "reliability"] {
        let mut suite = TestSuite::new(dimension);
        for check in card.checks.iter().filter(|check| check.dimension == dimension) {
            let mut status = match check.verdict {
                Word::Pass => TestCaseStatus::success(),
                Word::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
                Word::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
            };
            if check.verdict != Word::Pass {
                status.set_type(check.verdict.as_str());
                status.set_message(tame(&check.explanation));
                let lines: Vec<String> = check
                    .violations
                    .iter()
                    .map(|one| format!("{}: {}", tame(&one.case), tame(&one.why)))
                    .collect();
                status.set_description(lines.join("\n"));
            }
            let mut case = TestCase::new(tame(&check.id), status);
            case.set_classname(format!("{}.{dimension}", tame(&card.suite)));
            case.set_assertions(check.n);
            case.add_property(("estimate", estimate(check).as_str()));
            case.add_property(("evaluator", check.evaluator.as_str()));
            suite.add_test_case(case);
        }
        if suite.tests > 0 {
            report.add_test_suite(suite);
        }
    }
    report.to_string().map_err(|error| error.to_string())
}
