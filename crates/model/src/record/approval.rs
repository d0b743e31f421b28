//! A question to people, and what they said: the yes that binds a digest.

use serde_json::{Value, json};

use super::Audited;
use crate::{ApprovalId, Digest, Risk, RunId, Timestamp};

words! {
    /// What a yes is a yes to.
    ApprovalKind {
        /// Exactly one action: it counts wherever a policy asks for an approval.
        Action = "action",
        /// A step at L1: a yes to begin it. It never stands in for the approval of a write.
        Step = "step",
    }
}

words! {
    /// Where a question is in its life. Silence is not consent: `Expired` is neither yes nor no.
    ApprovalState {
        Open = "open",
        /// Enough people said yes.
        Granted = "granted",
        Denied = "denied",
        Expired = "expired",
        /// The world moved: plan, snapshot or policy are not what the question was about.
        Stale = "stale",
        /// Spent on the one action that it was for.
        Used = "used",
    }
}

impl ApprovalState {
    /// Somebody can still say yes, or a yes can still be spent.
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Open | Self::Granted)
    }
}

/// One question to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRequest {
    pub id: ApprovalId,
    pub run: RunId,
    pub kind: ApprovalKind,
    /// What a yes binds: [`ApprovalRequest::binding`] of plan, snapshot and policy.
    pub subject: Digest,
    /// The digest of the action or of the step's plan.
    pub plan: Digest,
    /// The digest of the world that the plan was made for.
    pub snapshot: Digest,
    /// The digest of schema and policies.
    pub policy: Digest,
    /// What would be done, for a person to read.
    pub summary: String,
    pub risk: Risk,
    /// The missing condition in words, such as "approval by one steward who is not the owner".
    pub missing: String,
    /// How many people it takes, none of them owner or author.
    pub humans: i64,
    /// How many of them must be stewards.
    pub stewards: i64,
    /// Who started the run. Their own yes never counts as an approval.
    pub author: String,
    /// Who owns the worker. Nor does theirs.
    pub owner: String,
    pub state: ApprovalState,
    pub created: Timestamp,
    pub expires: Timestamp,
    pub decided: Option<Timestamp>,
}

impl ApprovalRequest {
    /// One digest of plan, snapshot and policy: when one of them moves, the yes is stale.
    pub fn binding(plan: Digest, snapshot: Digest, policy: Digest) -> Digest {
        crate::canonical::digest(&json!({
            "plan": plan.to_string(),
            "snapshot": snapshot.to_string(),
            "policy": policy.to_string(),
        }))
    }
}

words! {
    Ballot {
        Yes = "yes",
        No = "no",
    }
}

/// What one person said to a question. A person has one vote; it is never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    pub approval: ApprovalId,
    pub voter: String,
    /// `asserted` at a local command line, `proved` by a sign-in.
    pub identity: String,
    /// The roles that the person had when voting.
    pub roles: Vec<String>,
    pub ballot: Ballot,
    /// The digest that the person said yes or no to.
    pub subject: Digest,
    pub reason: Option<String>,
    pub at: Timestamp,
}

impl Audited for ApprovalRequest {
    fn kind(&self) -> &'static str {
        match self.state {
            ApprovalState::Open => "approval.asked",
            ApprovalState::Granted => "approval.granted",
            ApprovalState::Denied => "approval.denied",
            ApprovalState::Expired => "approval.expired",
            ApprovalState::Stale => "approval.stale",
            ApprovalState::Used => "approval.used",
        }
    }

    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn run(&self) -> Option<RunId> {
        Some(self.run)
    }

    fn body(&self) -> Value {
        json!({
            "run": self.run.to_string(),
            "kind": self.kind.as_str(),
            "subject": self.subject.to_string(),
            "plan": self.plan.to_string(),
            "snapshot": self.snapshot.to_string(),
            "policy": self.policy.to_string(),
            "summary": self.summary,
            "risk": self.risk.number(),
            "missing": self.missing,
            "humans": self.humans,
            "stewards": self.stewards,
            "author": self.author,
            "owner": self.owner,
            "state": self.state.as_str(),
            "created": self.created.nanos(),
            "expires": self.expires.nanos(),
            "decided": self.decided.map(Timestamp::nanos),
        })
    }
}

/// A vote together with the run that it is about.
#[derive(Debug)]
pub struct Cast<'a> {
    pub run: RunId,
    pub vote: &'a Vote,
}

impl Audited for Cast<'_> {
    fn kind(&self) -> &'static str {
        "vote"
    }

    fn subject(&self) -> String {
        format!("{}/{}", self.vote.approval, self.vote.voter)
    }

    fn run(&self) -> Option<RunId> {
        Some(self.run)
    }

    fn body(&self) -> Value {
        json!({
            "approval": self.vote.approval.to_string(),
            "voter": self.vote.voter,
            "identity": self.vote.identity,
            "roles": self.vote.roles,
            "ballot": self.vote.ballot.as_str(),
            "subject": self.vote.subject.to_string(),
            "reason": self.vote.reason,
            "at": self.vote.at.nanos(),
        })
    }
}
