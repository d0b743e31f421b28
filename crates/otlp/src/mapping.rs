//! belay's record as spans. `docs/reference/traces.md` is the table of this mapping; what changes its
//! meaning changes its version.

use belay_model::record::{
    Answer, ApprovalRequest, Decision, Disposition, Effect, EffectState, Review, Run, RunState,
    Score, Step, StepState, Vote,
};
use belay_model::{Digest, Redactor, Timestamp, Verb};
use serde_json::Value;

use crate::json::hex;
use crate::rows;
use crate::wire::{
    Event, InstrumentationScope, KeyValue, Resource, ResourceSpans, ScopeSpans, Span, Status,
};

/// The version of this mapping, in the resource of everything that it makes.
pub const MAPPING: &str = "belay.mapping/1";

/// Everything of one run that becomes spans.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    pub workspace: &'a str,
    pub run: &'a Run,
    pub steps: &'a [Step],
    pub decisions: &'a [Decision],
    pub effects: &'a [Effect],
    pub scores: &'a [Score],
    pub review: Option<&'a Review>,
    pub dispositions: &'a [Disposition],
    pub approvals: &'a [ApprovalRequest],
    pub votes: &'a [Vote],
}

/// The trace of a run: its UUID.
pub fn trace_id(run: impl ToString) -> Vec<u8> {
    hex::bytes(&run.to_string().replace('-', "")).unwrap_or_default()
}

/// The span of a run, step or effect: the first eight bytes of the SHA-256 of its id.
pub fn span_id(id: impl ToString) -> Vec<u8> {
    Digest::of(id.to_string()).as_bytes().iter().take(8).copied().collect()
}

impl Recorded<'_> {
    /// The run as spans, without secrets. `now` ends what has not ended.
    pub fn spans(&self, redactor: &Redactor, now: Timestamp) -> ResourceSpans {
        let mut spans = vec![self.root(now)];
        spans.extend(self.steps.iter().map(|step| self.step(step, now)));
        spans.extend(self.effects.iter().map(|effect| self.effect(effect, now)));
        let scope = InstrumentationScope {
            name: "belay".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let mut group = ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    KeyValue::new("service.name", "belay"),
                    KeyValue::new("service.namespace", self.workspace),
                    KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                    KeyValue::new("belay.mapping", MAPPING),
                ],
                dropped_attributes_count: 0,
            }),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, schema_url: String::new() }],
            schema_url: String::new(),
        };
        rows::hide(&mut group, redactor);
        group
    }

    fn span(&self, name: String, began: Timestamp, ended: Timestamp) -> Span {
        Span {
            trace_id: trace_id(self.run.id),
            name,
            kind: 1,
            start_time_unix_nano: nanos(began),
            // A clock that jumped back makes no span that ends before it begins.
            end_time_unix_nano: nanos(ended.max(began)),
            flags: 1,
            ..Span::default()
        }
    }

    fn root(&self, now: Timestamp) -> Span {
        let run = self.run;
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", "invoke_workflow"),
            KeyValue::new("gen_ai.workflow.name", run.workflow.as_str()),
            KeyValue::new("gen_ai.agent.name", run.worker.as_str()),
            KeyValue::new("gen_ai.agent.version", run.worker_digest.to_string()),
            KeyValue::new("belay.run.id", run.id.to_string()),
            KeyValue::new("belay.workspace", self.workspace),
            KeyValue::new("belay.run.state", run.state.as_str()),
            KeyValue::new("belay.autonomy", run.level.number()),
            KeyValue::new("belay.policy.digest", run.policy.to_string()),
            KeyValue::new("belay.trigger", run.trigger.as_str()),
            KeyValue::new("belay.actor", run.actor.as_str()),
            KeyValue::new("belay.input", run.input.as_str()),
        ];
        attributes
            .extend(run.parent.map(|parent| KeyValue::new("belay.run.parent", parent.to_string())));
        attributes.extend(
            run.outcome.iter().map(|outcome| KeyValue::new("belay.outcome", outcome.as_str())),
        );
        let failed =
            matches!(run.state, RunState::Failed | RunState::Interrupted | RunState::Cancelled);
        let mut events: Vec<Event> = self.scores.iter().map(score).collect();
        events.extend(self.approvals.iter().flat_map(approval));
        events.extend(self.votes.iter().map(vote));
        events.extend(self.review.iter().map(|review| opened(review)));
        events.extend(self.dispositions.iter().map(disposition));
        events.sort_by_key(|event| event.time_unix_nano);
        Span {
            span_id: span_id(run.id),
            attributes,
            events,
            status: Some(status(failed, run.outcome.as_deref(), run.ended.is_some())),
            ..self.span(
                format!("invoke_workflow {}", run.workflow),
                run.started,
                run.ended.unwrap_or(now),
            )
        }
    }

    fn step(&self, step: &Step, now: Timestamp) -> Span {
        let mut attributes = vec![
            KeyValue::new("belay.step.id", step.id.to_string()),
            KeyValue::new("belay.step.number", step.number),
            KeyValue::new("belay.step.state", step.state.as_str()),
        ];
        let failed =
            matches!(step.state, StepState::Failed | StepState::Refused | StepState::Interrupted);
        if failed {
            attributes.push(KeyValue::new("error.type", step.state.as_str()));
        }
        let decisions = self.decisions.iter().filter(|decision| decision.step == step.id);
        Span {
            span_id: span_id(step.id),
            parent_span_id: span_id(self.run.id),
            attributes,
            events: decisions.map(decision).collect(),
            status: Some(status(failed, step.note.as_deref(), step.ended.is_some())),
            ..self.span(step.name.clone(), step.started, step.ended.unwrap_or(now))
        }
    }

    fn effect(&self, effect: &Effect, now: Timestamp) -> Span {
        let model = model_call(effect);
        let mut attributes = if model.is_empty() {
            vec![
                KeyValue::new("gen_ai.operation.name", "execute_tool"),
                KeyValue::new("gen_ai.tool.name", effect.verb.as_str()),
                KeyValue::new("gen_ai.tool.call.id", effect.id.to_string()),
                KeyValue::new("gen_ai.tool.type", "function"),
            ]
        } else {
            model
        };
        attributes.extend([
            KeyValue::new("belay.effect.target", effect.target.as_str()),
            KeyValue::new("belay.effect.state", effect.state.as_str()),
            KeyValue::new("belay.effect.idempotency", effect.idempotency_key.to_string()),
            KeyValue::new("belay.decision.id", effect.decision.to_string()),
            KeyValue::new("belay.action.digest", effect.action_digest.to_string()),
            KeyValue::new(
                "belay.effect.reversible",
                if effect.inverse.is_some() { "yes" } else { "no" },
            ),
        ]);
        attributes.extend(
            effect
                .receipt
                .iter()
                .map(|receipt| KeyValue::new("belay.effect.receipt", receipt.as_str())),
        );
        let failed = matches!(effect.state, EffectState::Failed | EffectState::Ambiguous);
        Span {
            span_id: span_id(effect.id),
            parent_span_id: span_id(effect.step),
            attributes,
            status: Some(status(failed, effect.receipt.as_deref(), effect.settled.is_some())),
            ..self.span(
                format!("execute_tool {}", effect.verb),
                effect.reserved,
                effect.settled.unwrap_or(now),
            )
        }
    }
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.nanos()).unwrap_or_default()
}

fn status(failed: bool, message: Option<&str>, ended: bool) -> Status {
    let code = match (failed, ended) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    };
    let message = if failed { message.unwrap_or_default().to_owned() } else { String::new() };
    Status { message, code }
}

fn event(name: &str, at: Timestamp, attributes: Vec<KeyValue>) -> Event {
    Event {
        time_unix_nano: nanos(at),
        name: name.to_owned(),
        attributes,
        dropped_attributes_count: 0,
    }
}

fn decision(decision: &Decision) -> Event {
    let effect = match decision.answer {
        Answer::Permit => "allow",
        Answer::Hold => "hold",
        Answer::Deny => "deny",
    };
    let mut attributes = vec![
        KeyValue::new("belay.decision.id", decision.id.to_string()),
        KeyValue::new("belay.decision.answer", decision.answer.as_str()),
        KeyValue::new("belay.decision.label", effect),
        KeyValue::new("belay.decision.principal", decision.principal.as_str()),
        KeyValue::new("belay.decision.determining", decision.determining.as_slice()),
        KeyValue::new("belay.decision.missing", decision.missing.as_slice()),
        KeyValue::new("belay.risk", decision.risk.number()),
        KeyValue::new("belay.risk.reasons", decision.risk_reasons.as_slice()),
        KeyValue::new("belay.autonomy", decision.level.number()),
        KeyValue::new("belay.action", decision.action.as_str()),
        KeyValue::new("belay.action.digest", decision.action_digest.to_string()),
        KeyValue::new("belay.policy.digest", decision.policy.to_string()),
    ];
    attributes
        .extend(decision.approval.map(|id| KeyValue::new("belay.approval.id", id.to_string())));
    event("belay.policy.decision", decision.at, attributes)
}

fn score(score: &Score) -> Event {
    event(
        "gen_ai.evaluation.result",
        score.at,
        vec![
            KeyValue::new("gen_ai.evaluation.name", score.check.as_str()),
            KeyValue::new("gen_ai.evaluation.score.label", score.verdict.as_str()),
            KeyValue::new("gen_ai.evaluation.explanation", score.explanation.as_str()),
            KeyValue::new("belay.score.value", score.value.as_str()),
            KeyValue::new("belay.score.dimension", score.dimension.as_str()),
            KeyValue::new("belay.evaluator.digest", score.evaluator.to_string()),
        ],
    )
}

fn approval(approval: &ApprovalRequest) -> Vec<Event> {
    let attributes = |state: &str| {
        vec![
            KeyValue::new("belay.approval.id", approval.id.to_string()),
            KeyValue::new("belay.approval.kind", approval.kind.as_str()),
            KeyValue::new("belay.approval.state", state),
            KeyValue::new("belay.approval.subject", approval.subject.to_string()),
            KeyValue::new("belay.approval.summary", approval.summary.as_str()),
            KeyValue::new("belay.approval.missing", approval.missing.as_str()),
            KeyValue::new("belay.risk", approval.risk.number()),
        ]
    };
    let mut events = vec![event("belay.approval.asked", approval.created, attributes("open"))];
    events.extend(
        approval
            .decided
            .map(|at| event("belay.approval.decided", at, attributes(approval.state.as_str()))),
    );
    events
}

fn vote(vote: &Vote) -> Event {
    let mut attributes = vec![
        KeyValue::new("belay.approval.id", vote.approval.to_string()),
        KeyValue::new("belay.vote.voter", vote.voter.as_str()),
        KeyValue::new("belay.vote.identity", vote.identity.as_str()),
        KeyValue::new("belay.vote.roles", vote.roles.as_slice()),
        KeyValue::new("belay.vote.ballot", vote.ballot.as_str()),
        KeyValue::new("belay.approval.subject", vote.subject.to_string()),
    ];
    attributes.extend(
        vote.reason.iter().map(|reason| KeyValue::new("belay.vote.reason", reason.as_str())),
    );
    event("belay.approval.vote", vote.at, attributes)
}

fn opened(review: &Review) -> Event {
    event(
        "belay.review.opened",
        review.created,
        vec![
            KeyValue::new("belay.review.id", review.id.to_string()),
            KeyValue::new("belay.review.kind", review.kind.as_str()),
            KeyValue::new("belay.review.subject", review.subject.to_string()),
            KeyValue::new("belay.review.title", review.title.as_str()),
            KeyValue::new("belay.review.state", review.state.as_str()),
        ],
    )
}

fn disposition(disposition: &Disposition) -> Event {
    let mut attributes = vec![
        KeyValue::new("belay.review.id", disposition.review.to_string()),
        KeyValue::new("belay.review.reviewer", disposition.reviewer.as_str()),
        KeyValue::new("belay.review.identity", disposition.identity.as_str()),
        KeyValue::new("belay.review.judgement", disposition.judgement.as_str()),
    ];
    let finding = disposition.finding.as_deref();
    attributes.extend(finding.map(|finding| KeyValue::new("belay.review.finding", finding)));
    let reason = disposition.reason.as_deref();
    attributes.extend(reason.map(|reason| KeyValue::new("belay.review.reason", reason)));
    event("belay.review.disposition", disposition.at, attributes)
}

/// What the receipt of a language model's answer says, under the names that the conventions have; empty
/// for every other effect.
fn model_call(effect: &Effect) -> Vec<KeyValue> {
    if effect.verb != Verb::ConsultModel.as_str() {
        return Vec::new();
    }
    let receipt = effect.receipt.as_deref().unwrap_or_default();
    let told: Value = serde_json::from_str(receipt).unwrap_or_default();
    let members = told.as_object().into_iter().flatten();
    let named = members.filter(|(name, _)| name.starts_with("gen_ai."));
    named
        .map(|(name, value)| match value {
            Value::String(text) => KeyValue::new(name, text.as_str()),
            Value::Number(number) => match number.as_i64() {
                Some(count) => KeyValue::new(name, count),
                None => KeyValue::new(name, number.to_string()),
            },
            other => KeyValue::new(name, other.to_string()),
        })
        .collect()
}
