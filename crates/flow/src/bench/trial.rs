//! One case: reviewed as a pull request, and measured beside the review.

use std::path::Path;

use belay_model::{Explain as _, Severity};
use belay_outside::OutsideError;
use fs_err as fs;
use serde::Serialize;

use super::cases::{Case, Kind, Project, Shows};
use super::effect;
use super::site::{self, Site};
use crate::eval::Range;
use crate::impact::{self, Settings};
use crate::tools::Tools;
use crate::{FlowError, report};

/// What came of a case.
#[derive(Debug, Clone)]
pub struct Tried {
    pub id: String,
    pub project: String,
    pub kind: Kind,
    pub class: String,
    pub why: String,
    /// What the case says of the project's own tests.
    pub tests_fail: bool,
    /// The level of the review, or why there is none.
    pub level: Result<Severity, String>,
    /// The gravest findings.
    pub findings: Vec<Seen>,
    pub seconds: f64,
    pub measured: Option<Measured>,
}

/// A finding, shortened.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    pub severity: String,
    pub kind: String,
    pub node: Option<String>,
    pub column: Option<String>,
    pub message: String,
}

/// What a build of head shows without belay.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// Failed tests and nodes that do not build.
    pub faults: Vec<String>,
    /// How the data differ from base's.
    pub differences: Vec<String>,
}

impl Tried {
    /// The review says high or critical.
    pub fn is_flagged(&self) -> bool {
        self.level.as_ref().is_ok_and(|level| *level >= Severity::High)
    }

    /// It says what it should.
    pub fn is_right(&self) -> bool {
        match self.kind {
            Kind::Regression => self.is_flagged(),
            Kind::Benign => self.level.is_ok() && !self.is_flagged(),
        }
    }

    /// Why the case itself is wrong, if the measurement shows that it is.
    pub fn fault(&self) -> Option<String> {
        let measured = self.measured.as_ref()?;
        let tests = !measured.faults.is_empty();
        if tests != self.tests_fail {
            let said = if self.tests_fail { "fail" } else { "pass" };
            let first = measured.faults.first().map_or("all pass", String::as_str);
            return Some(format!("it says that the project's tests {said}, and: {first}"));
        }
        match (self.kind, measured.differences.first()) {
            (Kind::Regression, None) if !tests => Some("it changes nothing in the data".to_owned()),
            (Kind::Benign, Some(difference)) => Some(format!("it is not benign: {difference}")),
            _ => None,
        }
    }

    /// One line for people who wait.
    pub fn line(&self) -> String {
        let level = match &self.level {
            Ok(level) => level.to_string(),
            Err(error) => format!("no review ({error})"),
        };
        let word = match (self.kind, self.is_right()) {
            (Kind::Regression, true) => "caught",
            (Kind::Regression, false) => "MISSED",
            (Kind::Benign, true) => "quiet",
            (Kind::Benign, false) => "FALSE ALARM",
        };
        let fault = self.fault().map(|fault| format!("; BAD CASE: {fault}")).unwrap_or_default();
        format!("{}: {level}, {word}, {:.1} s{fault}", self.id, self.seconds)
    }
}

pub(super) async fn try_case(
    range: &Range,
    tools: &Tools,
    site: &Site,
    project: &Project,
    case: &Case,
    measure: bool,
) -> Tried {
    let folder = range.folder.join("cases").join(&case.id);
    let mut tried = Tried {
        id: case.id.clone(),
        project: project.name.clone(),
        kind: case.kind,
        class: case.class.clone(),
        why: case.why.clone(),
        tests_fail: case.tests_fail,
        level: Err("it was not begun".to_owned()),
        findings: Vec::new(),
        seconds: 0.0,
        measured: None,
    };
    let began = range.desk.now();
    let reviewed = Box::pin(review(range, tools, site, project, case, &folder)).await;
    tried.seconds = range.desk.now().seconds_since(began);
    match reviewed {
        Ok(reviewed) => {
            tried.level = Ok(reviewed.level);
            tried.findings = seen(&reviewed.report);
        }
        Err(error) => tried.level = Err(format!("{}: {error}", error.code())),
    }
    if measure {
        match measured(range, tools, site, project, case, &folder).await {
            Ok(measured) => tried.measured = Some(measured),
            Err(error) => tried.level = Err(format!("it could not be measured: {error}")),
        }
    }
    drop(fs::remove_dir_all(&folder));
    tried
}

/// The review as `belay impact` does it in a work tree with the pull request's files.
async fn review(
    range: &Range,
    tools: &Tools,
    site: &Site,
    project: &Project,
    case: &Case,
    folder: &Path,
) -> Result<impact::Reviewed, FlowError> {
    fs::create_dir_all(folder).map_err(OutsideError::io("cannot make a case's folder"))?;
    site::copy(&site.folder, folder)?;
    site::rewrite(folder, &project.files, &case.head(project)?)?;
    let request = impact::Request {
        folder: folder.to_owned(),
        base: Some("main".to_owned()),
        head: None,
        build: true,
        keep: false,
        level: None,
        database: None,
        copies: Vec::new(),
        everything: false,
        pull_request: None,
        remarks: Vec::new(),
        settings: Settings::default(),
    };
    Box::pin(impact::review(&range.desk, tools, &request)).await
}

/// Builds head as a deployment would, with the project's own tests, and looks at the data.
async fn measured(
    range: &Range,
    tools: &Tools,
    site: &Site,
    project: &Project,
    case: &Case,
    folder: &Path,
) -> Result<Measured, FlowError> {
    let mut run = site::begin(&range.desk, &case.id).await?;
    let done = async {
        let (base, args): (_, &[&str]) = match case.shows {
            Shows::Build => (&site.built, &["--full-refresh"]),
            Shows::Increment => {
                let next = project.next.as_deref().unwrap_or_default();
                site.fill(&mut run, tools, folder, next).await?;
                (&site.next, &[])
            }
        };
        let build = site.build(&mut run, tools, folder, args).await?;
        let head = effect::shape(&mut run, tools, &folder.join(&site.database)).await?;
        Ok(Measured { faults: build.faults, differences: base.differences(&head) })
    }
    .await;
    site::end(&run, &done).await?;
    done
}

fn seen(report: &report::wire::Impact) -> Vec<Seen> {
    let shorten = |finding: &report::wire::Finding| Seen {
        severity: format!("{:?}", finding.severity).to_lowercase(),
        kind: finding.kind.clone(),
        node: finding.node.clone(),
        column: finding.column.clone(),
        message: finding.message.clone(),
    };
    report.findings.iter().take(5).map(shorten).collect()
}
