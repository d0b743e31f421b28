//! The rows of the record: what belay remembers of a run.
//!
//! A run has steps; a step that touches the outside has a decision of the gate and, when it changes
//! something, an effect with its inverse and its receipt. Bodies live apart, by digest.

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

mod approval;
mod audited;
mod control;
mod job;
mod span;

pub use self::approval::{ApprovalKind, ApprovalRequest, ApprovalState, Ballot, Cast, Vote};
pub use self::audited::{Audited, Disposed};
pub use self::control::Control;
pub use self::job::{Job, JobState, Lease, Queue};
pub use self::span::{Span, SpanBatch};

use serde_json::json;

use crate::{
    ApprovalId, ArtefactId, DecisionId, Digest, EffectId, Level, ReviewId, Risk, RunId, ScoreId,
    StepId, Timestamp,
};

words! {
    /// Where a run is in its life.
    RunState {
        /// Waits for a worker process.
        Queued = "queued",
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
        /// A person called it off.
        Cancelled = "cancelled",
    }
}

impl RunState {
    /// The work came to its end, whatever was said of it since.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::WaitingReview | Self::Accepted | Self::Rejected)
    }

    /// Nothing more will happen in it unless somebody asks for it.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running | Self::Held)
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

/// The workflow of runs that take another one back.
pub const ROLLBACK: &str = "rollback";

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
    /// The run that this one takes back, or was made from.
    pub parent: Option<RunId>,
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
    /// Everything else that the answer rests on, as canonical JSON: enough to decide again. Empty in
    /// rows from before 0.2.
    pub circumstances: String,
    /// The approval that counted.
    pub approval: Option<ApprovalId>,
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
    /// Its position in the workspace's tree, from 0, without gaps.
    pub sequence: i64,
    /// Which spelling its hash is of: 2 names the position and the run, 1 (before 0.2) does not.
    pub form: i64,
    pub kind: String,
    pub subject: String,
    pub run: Option<RunId>,
    pub body: Digest,
    pub at: Timestamp,
    pub hash: Digest,
}

impl Leaf {
    /// The bytes that RFC 6962 hashes. The position is among them, except in leaves from before 0.2
    /// (form 1).
    pub fn canonical(&self, workspace: &str) -> String {
        let mut leaf = json!({
            "workspace": workspace,
            "kind": self.kind,
            "subject": self.subject,
            "body": self.body.to_string(),
            "at": self.at.nanos(),
        });
        if self.form >= 2 {
            leaf["form"] = self.form.into();
            leaf["position"] = self.sequence.into();
            leaf["run"] = self.run.map(|run| run.to_string()).into();
        }
        crate::canonical::json(&leaf)
    }

    /// The hash that the leaf should have.
    pub fn expected_hash(&self, workspace: &str) -> Digest {
        Digest::of_leaf(self.canonical(workspace).as_bytes())
    }
}
