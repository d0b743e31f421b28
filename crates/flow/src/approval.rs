//! A person's yes or no to a question that a run waits for.

use belay_gate::{Approval, Deed, Matter};
use belay_model::Digest;
use belay_model::record::{ApprovalKind, ApprovalRequest, ApprovalState, Ballot, RunState, Vote};

use crate::run_error::RunError;
use crate::{Desk, FlowError};

/// A question with what was said so far.
#[derive(Debug, Clone)]
pub struct Question {
    pub request: ApprovalRequest,
    pub votes: Vec<Vote>,
    /// How many of the votes count.
    pub counted: Approval,
}

/// What a person says.
#[derive(Debug, Clone)]
pub struct Word {
    pub ballot: Ballot,
    /// The digest that the person read; `None`: whatever the question is about now.
    pub subject: Option<Digest>,
    pub reason: Option<String>,
}

/// Every question, newest first.
pub async fn questions(desk: &Desk) -> Result<Vec<ApprovalRequest>, FlowError> {
    Ok(desk.memory.approvals(desk.now()).await?)
}

pub async fn question(desk: &Desk, text: &str) -> Result<Question, FlowError> {
    let request = desk.memory.find_approval(text, desk.now()).await?;
    with_votes(desk, request).await
}

async fn with_votes(desk: &Desk, request: ApprovalRequest) -> Result<Question, FlowError> {
    let votes = desk.memory.votes(request.id).await?;
    let counted = Approval::tally(&votes, &request, desk.approvals.proved_only);
    Ok(Question { request, votes, counted })
}

/// Casts a vote. Enough of them grant the question, a single no denies it. Then the run may go on:
/// workers take it up again, or `belay runs resume` does.
pub async fn cast(desk: &Desk, text: &str, word: &Word) -> Result<Question, FlowError> {
    let found = desk.memory.find_approval(text, desk.now()).await?;
    // A vote that somebody slipped in must not make up a quorum with an honest one.
    let (request, votes) = desk.memory.vouched_approval(found.id).await?;
    let person = desk.person();
    let matter = Matter {
        id: request.id.to_string(),
        owner: request.owner.clone(),
        author: request.author.clone(),
    };
    desk.gate.may(&person, Deed::Approve, &matter)?;
    if word.ballot == Ballot::No && word.reason.as_deref().unwrap_or_default().trim().is_empty() {
        return Err(FlowError::NoReason);
    }
    if let Some(read) = word.subject
        && read != request.subject
    {
        return Err(RunError::OtherDigest { subject: request.subject.to_string() }.into());
    }
    let vote = Vote {
        approval: request.id,
        voter: person.name,
        identity: person.identity,
        roles: person.roles,
        ballot: word.ballot,
        subject: request.subject,
        reason: word.reason.as_deref().map(|reason| desk.redactor.text(reason).into_owned()),
        at: desk.now(),
    };
    let mut all = votes;
    all.push(vote.clone());
    let counted = Approval::tally(&all, &request, desk.approvals.proved_only);
    let state = match (word.ballot, request.kind) {
        (Ballot::No, _) => Some(ApprovalState::Denied),
        // Guidance is anybody's who may approve, the author's too: it is no approval of a write.
        (Ballot::Yes, ApprovalKind::Step) => Some(ApprovalState::Granted),
        (Ballot::Yes, ApprovalKind::Action) => {
            let enough = i64::from(counted.humans) >= request.humans
                && i64::from(counted.stewards) >= request.stewards;
            enough.then_some(ApprovalState::Granted)
        }
    };
    let request = desk.memory.cast(&vote, state, desk.now()).await?;
    if state.is_some() {
        let run = desk.memory.find_run(&request.run.to_string(), desk.now()).await?;
        if run.state == RunState::Held {
            desk.memory.wake(run.id, desk.now()).await?;
        }
    }
    with_votes(desk, request).await
}

/// Why a vote does not count, in words; `None` when it does.
pub fn discounted(desk: &Desk, request: &ApprovalRequest, vote: &Vote) -> Option<&'static str> {
    let one = std::slice::from_ref(vote);
    let counts = Approval::tally(one, request, desk.approvals.proved_only).humans > 0;
    if counts || vote.ballot == Ballot::No || request.kind == ApprovalKind::Step {
        return None;
    }
    let same = |name: &str| vote.voter.trim().eq_ignore_ascii_case(name.trim());
    Some(if same(&request.author) {
        "does not count: they started the run"
    } else if same(&request.owner) {
        "does not count: they own the worker"
    } else if desk.approvals.proved_only && vote.identity != "proved" {
        "does not count: their identity is not proved"
    } else {
        "does not count: they have no role that counts"
    })
}
