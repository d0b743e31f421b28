//! A person's word on a report, or on one finding of it.

use belay_gate::{Deed, Matter};
use belay_model::record::{Disposition, Judgement, Review, ReviewState, RunState};

use serde_json::Value;

use crate::report::{self, wire};
use crate::{Desk, FlowError};

/// The kind of reviews of `belay impact`.
pub const IMPACT_REPORT: &str = "dbt-impact-report";

/// A review with the report that it is about and what was said so far.
#[derive(Debug)]
pub struct Case {
    pub review: Review,
    pub subject: Subject,
    pub dispositions: Vec<Disposition>,
}

/// What is judged.
#[derive(Debug)]
pub enum Subject {
    Impact(Box<wire::Impact>),
    /// The result of a team's workflow, as it was kept.
    Result(Value),
}

/// What a reviewer says.
#[derive(Debug, Clone)]
pub struct Word {
    pub judgement: Judgement,
    /// One finding, by its id; the whole report without.
    pub finding: Option<String>,
    pub reason: Option<String>,
    pub reviewer: String,
}

pub async fn case(desk: &Desk, text: &str) -> Result<Case, FlowError> {
    let review = desk.memory.find_review(text).await?;
    let body = desk.memory.body(review.subject).await?;
    let subject = if review.kind == IMPACT_REPORT {
        Subject::Impact(Box::new(report::parse(&body)?))
    } else {
        let unreadable =
            |error: serde_json::Error| FlowError::Render { message: error.to_string() };
        Subject::Result(serde_json::from_slice(&body).map_err(unreadable)?)
    };
    let dispositions = desk.memory.dispositions(review.id).await?;
    Ok(Case { review, subject, dispositions })
}

/// Writes a reviewer's word down. A word on the whole report closes the review and moves the run;
/// that a local reviewer is who they say they are is asserted, and the record says so.
pub async fn judge(desk: &Desk, text: &str, word: &Word) -> Result<Case, FlowError> {
    let case = case(desk, text).await?;
    if case.review.state != ReviewState::Open {
        let (run, state) = (case.review.run.short(), case.review.state.to_string());
        return Err(FlowError::Closed { run, state });
    }
    let person = desk.people.person(&word.reviewer);
    let id = case.review.id.to_string();
    let matter = Matter { id, owner: String::new(), author: String::new() };
    desk.gate.may(&person, Deed::JudgeReport, &matter)?;
    if word.judgement == Judgement::Reject && word.reason.is_none() {
        return Err(FlowError::NoReason);
    }
    let known = |finding: &String| match &case.subject {
        Subject::Impact(report) => report.findings.iter().any(|known| known.id == *finding),
        Subject::Result(_) => false,
    };
    if let Some(finding) = word.finding.as_ref().filter(|finding| !known(finding)) {
        return Err(FlowError::NoFinding { finding: finding.clone() });
    }
    let disposition = Disposition {
        review: case.review.id,
        finding: word.finding.clone(),
        reviewer: word.reviewer.clone(),
        identity: person.identity,
        judgement: word.judgement,
        reason: word.reason.as_deref().map(|reason| desk.redactor.text(reason).into_owned()),
        at: desk.now(),
    };
    let closes = match (&word.finding, word.judgement) {
        (Some(_), _) => None,
        (None, Judgement::Accept) => Some((ReviewState::Accepted, RunState::Accepted)),
        (None, Judgement::Reject) => Some((ReviewState::Rejected, RunState::Rejected)),
    };
    desk.memory.dispose(&case.review, &disposition, closes).await?;
    self::case(desk, &case.review.id.to_string()).await
}
