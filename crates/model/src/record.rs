//! The rows of the record: what belay remembers of a run.
//!
//! A run has steps; a step that touches the outside has a decision of the gate and, when it changes
//! something, an effect with its inverse and its receipt. Bodies live apart, by digest.

use serde_json::{Value, json};

use crate::{
    ArtefactId, DecisionId, Digest, EffectId, Level, ReviewId, Risk, RunId, ScoreId, StepId,
    Timestamp,
};

/// Declares an enum whose variants are known to the record by a fixed word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$why:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$why])* $variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad(self.as_str())
            }
        }
    };
}

words! {
    /// Where a run is in its life.
    RunState {
        Running = "running",
        /// A step waits for a person.
        Held = "held",
        /// The work is done; at L2 its result counts only after a person's word.
        WaitingReview = "waiting_review",
        Accepted = "accepted",
        Rejected = "rejected",
        Failed = "failed",
        /// The process went away, by Ctrl-C or by force, before the work was done.
        Interrupted = "interrupted",
    }
}

impl RunState {
    /// The work came to its end, whatever was said of it since.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::WaitingReview | Self::Accepted | Self::Rejected)
    }
}

words! {
    StepState {
        Running = "running",
        Done = "done",
        Failed = "failed",
        /// The gate said no, or not yet.
        Refused = "refused",
        Interrupted = "interrupted",
    }
}

words! {
    /// What the gate said.
    Answer {
        Permit = "permit",
        Hold = "hold",
        Deny = "deny",
    }
}

words! {
    /// The life of a change in the outside. `Reserved` is written before anything is sent.
    EffectState {
        Reserved = "reserved",
        Committed = "committed",
        /// The outside said no, and nothing was changed.
        Failed = "failed",
        /// Sent, and nobody knows whether it took: probed, never blindly repeated.
        Ambiguous = "ambiguous",
        /// Taken back by its inverse.
        Compensated = "compensated",
    }
}

words! {
    Dimension {
        Quality = "quality",
        Safety = "safety",
        Cost = "cost",
        Reliability = "reliability",
    }
}

words! {
    /// The verdict of one check.
    Verdict {
        Pass = "pass",
        Fail = "fail",
        /// Not enough evidence. Never a pass.
        Inconclusive = "inconclusive",
    }
}

words! {
    ReviewState {
        Open = "open",
        Accepted = "accepted",
        Rejected = "rejected",
    }
}

words! {
    /// What a reviewer said of a report or of one finding.
    Judgement {
        Accept = "accept",
        Reject = "reject",
    }
}

/// One execution of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub id: RunId,
    pub workflow: String,
    pub worker: String,
    /// The digest of the worker's definition.
    pub worker_digest: Digest,
    /// Such as `cli`; later `ci`, `schedule`, `mcp`.
    pub trigger: String,
    /// Who asked for it; at a local command line this is asserted, not proved.
    pub actor: String,
    pub level: Level,
    pub policy: Digest,
    /// What was asked, as canonical JSON.
    pub input: String,
    pub state: RunState,
    /// One line on how it ended: the verdict or the error.
    pub outcome: Option<String>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub id: StepId,
    pub run: RunId,
    /// From 1, in the order in which they began.
    pub number: i64,
    pub name: String,
    pub state: StepState,
    pub note: Option<String>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
}

/// One answer of the gate, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub id: DecisionId,
    pub run: RunId,
    pub step: StepId,
    pub principal: String,
    /// The canonical spelling of the action.
    pub action: String,
    pub action_digest: Digest,
    pub risk: Risk,
    pub risk_reasons: Vec<String>,
    pub level: Level,
    pub answer: Answer,
    /// The ids of the policies that decided.
    pub determining: Vec<String>,
    /// What would have to hold for a permit, in words.
    pub missing: Vec<String>,
    pub policy: Digest,
    pub at: Timestamp,
}

/// A change in the outside, with its inverse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub id: EffectId,
    pub run: RunId,
    pub step: StepId,
    pub decision: DecisionId,
    pub action_digest: Digest,
    /// Unique in the workspace: the same change is never reserved twice.
    pub idempotency_key: Digest,
    pub verb: String,
    pub target: String,
    /// What takes it back, as canonical JSON that `belay clean` understands.
    pub inverse: Option<String>,
    pub state: EffectState,
    pub receipt: Option<String>,
    pub reserved: Timestamp,
    pub settled: Option<Timestamp>,
}

/// A body kept with a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    pub id: ArtefactId,
    pub run: RunId,
    pub name: String,
    pub media_type: String,
    pub digest: Digest,
    pub bytes: i64,
    /// Whether the body is kept, or only its digest (a manifest of another repository, say).
    pub kept: bool,
    pub at: Timestamp,
}

/// One verdict of an evaluator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    pub id: ScoreId,
    pub run: RunId,
    pub dimension: Dimension,
    pub check: String,
    pub evaluator: Digest,
    pub verdict: Verdict,
    /// The measured figure, in the unit that `explanation` names.
    pub value: String,
    pub explanation: String,
    pub at: Timestamp,
}

/// Something a person is asked to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    pub id: ReviewId,
    pub run: RunId,
    pub kind: String,
    /// The artefact that is judged.
    pub subject: Digest,
    pub title: String,
    pub state: ReviewState,
    pub created: Timestamp,
}

/// What a reviewer said, of the whole report or of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    pub review: ReviewId,
    /// `None`: the report as a whole.
    pub finding: Option<String>,
    pub reviewer: String,
    /// `asserted` at a local command line; the server will write `proved`.
    pub identity: String,
    pub judgement: Judgement,
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// A leaf of the audit tree. Its body names a digest, never a person's data, so that erasing a body
/// leaves the tree whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    pub sequence: i64,
    pub kind: String,
    pub subject: String,
    pub run: Option<RunId>,
    pub body: Digest,
    pub at: Timestamp,
    pub hash: Digest,
}

impl Leaf {
    /// The bytes that RFC 6962 hashes.
    pub fn canonical(
        workspace: &str,
        kind: &str,
        subject: &str,
        body: Digest,
        at: Timestamp,
    ) -> String {
        crate::canonical::json(&json!({
            "workspace": workspace,
            "kind": kind,
            "subject": subject,
            "body": body.to_string(),
            "at": at.nanos(),
        }))
    }
}

/// A row that the audit tree covers.
pub trait Audited {
    /// The word under which its leaf stands.
    fn kind(&self) -> &'static str;
    fn subject(&self) -> String;
    fn run(&self) -> Option<RunId>;
    /// Everything that the leaf vouches for.
    fn body(&self) -> Value;

    fn body_digest(&self) -> Digest {
        crate::canonical::digest(&self.body())
    }
}

impl Audited for Run {
    fn kind(&self) -> &'static str {
        match self.state {
            RunState::Running => "run.started",
            RunState::Held => "run.held",
            RunState::WaitingReview => "run.waiting_review",
            RunState::Accepted => "run.accepted",
            RunState::Rejected => "run.rejected",
            RunState::Failed => "run.failed",
            RunState::Interrupted => "run.interrupted",
        }
    }

    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn run(&self) -> Option<RunId> {
        Some(self.id)
    }

    fn body(&self) -> Value {
        json!({
            "workflow": self.workflow,
            "worker": self.worker,
            "worker_digest": self.worker_digest.to_string(),
            "trigger": self.trigger,
            "actor": self.actor,
            "level": self.level.number(),
            "policy": self.policy.to_string(),
            "input": self.input,
            "state": self.state.as_str(),
            "outcome": self.outcome,
            "started": self.started.nanos(),
            "ended": self.ended.map(Timestamp::nanos),
        })
    }
}

impl Audited for Step {
    fn kind(&self) -> &'static str {
        match self.state {
            StepState::Running => "step.started",
            StepState::Done => "step.done",
            StepState::Failed => "step.failed",
            StepState::Refused => "step.refused",
            StepState::Interrupted => "step.interrupted",
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
            "number": self.number,
            "name": self.name,
            "state": self.state.as_str(),
            "note": self.note,
            "started": self.started.nanos(),
            "ended": self.ended.map(Timestamp::nanos),
        })
    }
}

impl Audited for Decision {
    fn kind(&self) -> &'static str {
        "decision"
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
            "step": self.step.to_string(),
            "principal": self.principal,
            "action": self.action,
            "action_digest": self.action_digest.to_string(),
            "risk": self.risk.number(),
            "risk_reasons": self.risk_reasons,
            "level": self.level.number(),
            "answer": self.answer.as_str(),
            "determining": self.determining,
            "missing": self.missing,
            "policy": self.policy.to_string(),
            "at": self.at.nanos(),
        })
    }
}

impl Audited for Effect {
    fn kind(&self) -> &'static str {
        match self.state {
            EffectState::Reserved => "effect.reserved",
            EffectState::Committed => "effect.committed",
            EffectState::Failed => "effect.failed",
            EffectState::Ambiguous => "effect.ambiguous",
            EffectState::Compensated => "effect.compensated",
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
            "step": self.step.to_string(),
            "decision": self.decision.to_string(),
            "action_digest": self.action_digest.to_string(),
            "idempotency_key": self.idempotency_key.to_string(),
            "verb": self.verb,
            "target": self.target,
            "inverse": self.inverse,
            "state": self.state.as_str(),
            "receipt": self.receipt,
            "reserved": self.reserved.nanos(),
            "settled": self.settled.map(Timestamp::nanos),
        })
    }
}

impl Audited for Artefact {
    fn kind(&self) -> &'static str {
        "artefact"
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
            "name": self.name,
            "media_type": self.media_type,
            "digest": self.digest.to_string(),
            "bytes": self.bytes,
            "kept": self.kept,
            "at": self.at.nanos(),
        })
    }
}

impl Audited for Score {
    fn kind(&self) -> &'static str {
        "score"
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
            "dimension": self.dimension.as_str(),
            "check": self.check,
            "evaluator": self.evaluator.to_string(),
            "verdict": self.verdict.as_str(),
            "value": self.value,
            "explanation": self.explanation,
            "at": self.at.nanos(),
        })
    }
}

impl Audited for Review {
    fn kind(&self) -> &'static str {
        match self.state {
            ReviewState::Open => "review.opened",
            ReviewState::Accepted => "review.accepted",
            ReviewState::Rejected => "review.rejected",
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
            "kind": self.kind,
            "subject": self.subject.to_string(),
            "title": self.title,
            "state": self.state.as_str(),
            "created": self.created.nanos(),
        })
    }
}

/// A disposition together with the run whose report it judges.
#[derive(Debug)]
pub struct Disposed<'a> {
    pub run: RunId,
    pub disposition: &'a Disposition,
}

impl Audited for Disposed<'_> {
    fn kind(&self) -> &'static str {
        "disposition"
    }

    fn subject(&self) -> String {
        let disposition = self.disposition;
        let finding = disposition.finding.as_deref().unwrap_or("");
        format!("{}/{}/{finding}", disposition.review, disposition.reviewer)
    }

    fn run(&self) -> Option<RunId> {
        Some(self.run)
    }

    fn body(&self) -> Value {
        json!({
            "review": self.disposition.review.to_string(),
            "finding": self.disposition.finding,
            "reviewer": self.disposition.reviewer,
            "identity": self.disposition.identity,
            "judgement": self.disposition.judgement.as_str(),
            "reason": self.disposition.reason,
            "at": self.disposition.at.nanos(),
        })
    }
}
