//! A person's word on a report, or on one finding of it.

use belay_gate::{Deed, Matter, Person};
use belay_model::record::{Disposition, Judgement, Review, ReviewState, RunState};

use crate::report::{self, wire};
use crate::{Desk, FlowError};

const IDENTITY: &str = "asserted";

/// A review with the report that it is about and what was said so far.
#[derive(Debug)]
pub struct Case {
    pub review: Review,
    pub report: wire::Impact,
    pub dispositions: Vec<Disposition>,
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
    let report = report::parse(&desk.memory.body(review.subject).await?)?;
    let dispositions = desk.memory.dispositions(review.id).await?;
    Ok(Case { review, report, dispositions })
}

/// Writes a reviewer's word down. A word on the whole report closes the review and moves the run;
/// that a local reviewer is who they say they are is asserted, and the record says so.
pub async fn judge(desk: &Desk, text: &str, word: &Word) -> Result<Case, FlowError> {
    let case = case(desk, text).await?;
    if case.review.state != ReviewState::Open {
        let (run, state) = (case.review.run.short(), case.review.state.to_string());
        return Err(FlowError::Closed { run, state });
    }
    // At a local command line everybody is a reviewer, by their own word.
    let (name, identity) = (word.reviewer.clone(), IDENTITY.to_owned());
    let person = Person { name, identity, roles: vec!["reviewer".to_owned()] };
    let id = case.review.id.to_string();
    let matter = Matter { id, owner: String::new(), author: String::new() };
    desk.gate.may(&person, Deed::JudgeReport, &matter)?;
    if word.judgement == Judgement::Reject && word.reason.is_none() {
        return Err(FlowError::NoReason);
    }
    let known = |finding: &String| case.report.findings.iter().any(|known| known.id == *finding);
    if let Some(finding) = word.finding.as_ref().filter(|finding| !known(finding)) {
        return Err(FlowError::NoFinding { finding: finding.clone() });
    }
    let disposition = Disposition {
        review: case.review.id,
        finding: word.finding.clone(),
        reviewer: word.reviewer.clone(),
        identity: IDENTITY.to_owned(),
        judgement: word.judgement,
        reason: word.reason.clone(),
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
