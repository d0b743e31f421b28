//! Which rows the audit tree covers, and everything that a leaf vouches for.

use serde_json::{Value, json};

use super::{
    Artefact, Decision, Disposition, Effect, EffectState, Review, ReviewState, Run, RunState,
    Score, Step, StepState,
};
use crate::{Digest, RunId, Timestamp};

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
            RunState::Queued => "run.queued",
            RunState::Running => "run.started",
            RunState::Held => "run.held",
            RunState::WaitingReview => "run.waiting_review",
            RunState::Accepted => "run.accepted",
            RunState::Rejected => "run.rejected",
            RunState::Failed => "run.failed",
            RunState::Interrupted => "run.interrupted",
            RunState::Cancelled => "run.cancelled",
        }
    }

    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn run(&self) -> Option<RunId> {
        Some(self.id)
    }

    fn body(&self) -> Value {
        let mut body = json!({
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
        });
        // Columns that came later stand here only where they hold something, so that leaves of older
        // rows still fit.
        if let Some(parent) = self.parent {
            body["parent"] = parent.to_string().into();
        }
        body
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
        let mut body = json!({
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
        });
        if !self.circumstances.is_empty() {
            body["circumstances"] = self.circumstances.as_str().into();
        }
        if let Some(approval) = self.approval {
            body["approval"] = approval.to_string().into();
        }
        body
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
