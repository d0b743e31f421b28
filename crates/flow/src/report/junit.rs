//! The report as `JUnit` XML: what CI shows beside its own tests. Findings that stop a merge are failures,
//! the rest of them is told.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::short;
use super::wire::{Finding, Impact, Severity};
use crate::FlowError;

/// A suite for each family of findings, a case for each finding, and one for the verdict.
pub fn junit(report: &Impact) -> Result<String, FlowError> {
    let report = &super::legible(report);
    let mut document = Report::new("belay impact");
    let mut verdict = TestSuite::new("verdict");
    verdict.add_test_case(case("risk", verdict_status(report)));
    document.add_test_suite(verdict);
    let mut families: Vec<&str> = report.findings.iter().map(family).collect();
    families.sort_unstable();
    families.dedup();
    for name in families {
        let mut suite = TestSuite::new(name);
        for finding in report.findings.iter().filter(|finding| family(finding) == name) {
            let node = finding.node.as_deref().map_or("project", short);
            let column = finding.column.as_deref().map(|column| format!(".{column}"));
            let title = format!("{} {node}{}", finding.kind, column.unwrap_or_default());
            let mut one = case(&title, status(finding));
            one.add_property(("finding", finding.id.as_str()));
            if let Some(path) = &finding.path {
                one.add_property(("file", path.as_str()));
            }
            suite.add_test_case(one);
        }
        document.add_test_suite(suite);
    }
    document.to_string().map_err(|error| FlowError::Render { message: error.to_string() })
}

fn family(finding: &Finding) -> &str {
    finding.kind.split('.').next().unwrap_or("other")
}

fn case(name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname("belay.impact");
    case
}

fn verdict_status(report: &Impact) -> TestCaseStatus {
    let level = report.risk.level;
    if level < Severity::High {
        return TestCaseStatus::success();
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(level.as_str());
    status.set_message(format!("risk {level}"));
    status.set_description(report.risk.reasons.join("\n"));
    status
}

fn status(finding: &Finding) -> TestCaseStatus {
    if finding.severity < Severity::High || finding.accepted.is_some() {
        return TestCaseStatus::success();
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(finding.severity.as_str());
    status.set_message(finding.message.clone());
    status.set_description(finding.evidence.join("\n"));
    status
}
