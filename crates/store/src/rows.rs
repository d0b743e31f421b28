//! From rows to values: every column is named, and a word that is not understood is an error.

use std::str::FromStr;

use belay_model::record::{
    Answer, ApprovalKind, ApprovalRequest, ApprovalState, Artefact, Ballot, Control, Decision,
    Dimension, Disposition, Effect, EffectState, Job, JobState, Judgement, Leaf, Queue, Review,
    ReviewState, Run, RunState, Score, Step, StepState, Verdict, Vote,
};
use belay_model::{Digest, Level, Risk, Timestamp};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::StoreError;

pub(crate) trait FromRow: Sized {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError>;
}

/// PostgreSQL's text cannot hold NUL, and belay's must: it comes from other programs. Written in its
/// place, on both engines, is a letter from the end of Unicode that nobody uses, and a digit.
const MARK: char = '\u{10FFFD}';

pub(crate) fn escape(text: String) -> String {
    if !text.contains(['\0', MARK]) {
        return text;
    }
    text.replace(MARK, "\u{10FFFD}1").replace('\0', "\u{10FFFD}0")
}

pub(crate) fn unescape(text: String) -> String {
    if !text.contains(MARK) {
        return text;
    }
    text.replace("\u{10FFFD}0", "\0").replace("\u{10FFFD}1", "\u{10FFFD}")
}

pub(crate) fn text(row: &AnyRow, column: &'static str) -> Result<String, StoreError> {
    Ok(unescape(row.try_get(column)?))
}

pub(crate) fn maybe_text(row: &AnyRow, column: &'static str) -> Result<Option<String>, StoreError> {
    let text: Option<String> = row.try_get(column)?;
    Ok(text.map(unescape))
}

pub(crate) fn integer(row: &AnyRow, column: &'static str) -> Result<i64, StoreError> {
    Ok(row.try_get(column)?)
}

pub(crate) fn time(row: &AnyRow, column: &'static str) -> Result<Timestamp, StoreError> {
    integer(row, column).map(Timestamp::from_nanos)
}

fn maybe_time(row: &AnyRow, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
    let nanos: Option<i64> = row.try_get(column)?;
    Ok(nanos.map(Timestamp::from_nanos))
}

pub(crate) fn parsed<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<T, StoreError> {
    word(row, column, |text| text.parse().ok())
}

fn maybe_parsed<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<Option<T>, StoreError> {
    let Some(value) = maybe_text(row, column)? else { return Ok(None) };
    value.parse().map(Some).map_err(|_| StoreError::Corrupt { column, value })
}

fn word<T>(
    row: &AnyRow,
    column: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    let value = text(row, column)?;
    parse(&value).ok_or(StoreError::Corrupt { column, value })
}

fn list(row: &AnyRow, column: &'static str) -> Result<Vec<String>, StoreError> {
    word(row, column, |text| serde_json::from_str(text).ok())
}

fn level(row: &AnyRow) -> Result<Level, StoreError> {
    let number = integer(row, "level")?;
    let found = Level::ALL.into_iter().find(|level| level.number() == number);
    found.ok_or_else(|| StoreError::Corrupt { column: "level", value: number.to_string() })
}

fn risk(row: &AnyRow) -> Result<Risk, StoreError> {
    let number = integer(row, "risk")?;
    let found = Risk::ALL.into_iter().find(|risk| risk.number() == number);
    found.ok_or_else(|| StoreError::Corrupt { column: "risk", value: number.to_string() })
}

impl FromRow for Run {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(row, "id")?,
            workflow: text(row, "workflow")?,
            worker: text(row, "worker")?,
            worker_digest: parsed(row, "worker_digest")?,
            trigger: text(row, "trigger")?,
            actor: text(row, "actor")?,
            level: level(row)?,
            policy: parsed(row, "policy")?,
            parent: maybe_parsed(row, "parent")?,
            input: text(row, "input")?,
            state: word(row, "state", RunState::parse)?,
            outcome: maybe_text(row, "outcome")?,
            started: time(row, "started")?,
            ended: maybe_time(row, "ended")?,
        })
    }
}

impl FromRow for Step {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(row, "id")?,
            run: parsed(row, "run")?,
            number: integer(row, "number")?,
            name: text(row, "name")?,
            state: word(row, "state", StepState::parse)?,
            note: maybe_text(row, "note")?,
            started: time(row, "started")?,
            ended: maybe_time(row, "ended")?,
        })
    }
}

impl FromRow for Decision {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(row, "id")?,
            run: parsed(row, "run")?,
            step: parsed(row, "step")?,
            principal: text(row, "principal")?,
            action: text(row, "action")?,
            action_digest: parsed(row, "action_digest")?,
            risk: risk(row)?,
            risk_reasons: list(row, "risk_reasons")?,
            level: level(row)?,
            answer: word(row, "answer", Answer::parse)?,
            determining: list(row, "determining")?,
            missing: list(row, "missing")?,
            policy: parsed(row, "policy")?,
            circumstances: text(row, "circumstances")?,
            approval: maybe_parsed(row, "approval")?,
            at: time(row, "at")?,
        })
    }
}

impl FromRow for Effect {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(row, "id")?,
            run: parsed(row, "run")?,
            step: parsed(row, "step")?,
            decision: parsed(row, "decision")?,
            action_digest: parsed(row, "action_digest")?,
            idempotency_key: parsed(row, "idempotency_key")?,
            verb: text(row, "verb")?,
            target: text(row, "target")?,
            inverse: maybe_text(row, "inverse")?,
            state: word(row, "state", EffectState::parse)?,
            receipt: maybe_text(row, "receipt")?,
            reserved: time(row, "reserved")?,
            settled: maybe_time(row, "settled")?,
        })
    }
}

impl FromRow for Artefact {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(row, "id")?,
            run: parsed(row, "run")?,
            name: text(row, "name")?,
            media_type: text(row, "media_type")?,
            digest: parsed::<Digest>(row, "digest")?,
            bytes: integer(row, "bytes")?,
            kept: integer(row, "kept")? == 1,
            at: time(row, "at")?,
        })
    }
}

impl FromRow for Score {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(row, "id")?,
            run: parsed(row, "run")?,
            dimension: word(row, "dimension", Dimension::parse)?,
            check: text(row, "name")?,
            evaluator: parsed(row, "evaluator")?,
            verdict: word(row, "verdict", Verdict::parse)?,
            value: text(row, "value")?,
            explanation: text(row, "explanation")?,
            at: time(row, "at")?,
        })
    }
}

impl FromRow for Review {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(row, "id")?,
            run: parsed(row, "run")?,
            kind: text(row, "kind")?,
            subject: parsed(row, "subject")?,
            title: text(row, "title")?,
            state: word(row, "state", ReviewState::parse)?,
            created: time(row, "created")?,
        })
    }
}

impl FromRow for Disposition {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let finding = text(row, "finding")?;
        Ok(Self {
            review: parsed(row, "review")?,
            finding: (!finding.is_empty()).then_some(finding),
            reviewer: text(row, "reviewer")?,
            identity: text(row, "identity")?,
            judgement: word(row, "judgement", Judgement::parse)?,
            reason: maybe_text(row, "reason")?,
            at: time(row, "at")?,
        })
    }
}

impl FromRow for Leaf {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let run: Option<String> = maybe_text(row, "run")?;
        let run = run.map(|text| {
            text.parse().map_err(|_| StoreError::Corrupt { column: "run", value: text.clone() })
        });
        Ok(Self {
            sequence: integer(row, "sequence")?,
            form: integer(row, "form")?,
            kind: text(row, "kind")?,
            subject: text(row, "subject")?,
            run: run.transpose()?,
            body: parsed(row, "body")?,
            at: time(row, "at")?,
            hash: parsed(row, "hash")?,
        })
    }
}

impl FromRow for ApprovalRequest {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(row, "id")?,
            run: parsed(row, "run")?,
            kind: word(row, "kind", ApprovalKind::parse)?,
            subject: parsed(row, "subject")?,
            plan: parsed(row, "plan")?,
            snapshot: parsed(row, "snapshot")?,
            policy: parsed(row, "policy")?,
            summary: text(row, "summary")?,
            risk: risk(row)?,
            missing: text(row, "missing")?,
            humans: integer(row, "humans")?,
            stewards: integer(row, "stewards")?,
            author: text(row, "author")?,
            owner: text(row, "owner")?,
            state: word(row, "state", ApprovalState::parse)?,
            created: time(row, "created")?,
            expires: time(row, "expires")?,
            decided: maybe_time(row, "decided")?,
        })
    }
}

impl FromRow for Vote {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            approval: parsed(row, "approval")?,
            voter: text(row, "voter")?,
            identity: text(row, "identity")?,
            roles: list(row, "roles")?,
            ballot: word(row, "ballot", Ballot::parse)?,
            subject: parsed(row, "subject")?,
            reason: maybe_text(row, "reason")?,
            at: time(row, "at")?,
        })
    }
}

impl FromRow for Job {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            run: parsed(row, "run")?,
            queue: word(row, "queue", Queue::parse)?,
            state: word(row, "state", JobState::parse)?,
            ready: time(row, "ready")?,
            priority: integer(row, "priority")?,
            attempt: integer(row, "attempt")?,
            owner: maybe_text(row, "owner")?,
            until: maybe_time(row, "until")?,
            fence: integer(row, "fence")?,
            cancel: integer(row, "cancel")? == 1,
        })
    }
}

impl FromRow for Control {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: parsed(row, "id")?,
            name: text(row, "name")?,
            value: text(row, "value")?,
            by: text(row, "by")?,
            identity: text(row, "identity")?,
            reason: text(row, "reason")?,
            at: time(row, "at")?,
        })
    }
}

/// The first column.
impl FromRow for i64 {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(row.try_get(0)?)
    }
}

/// The first column.
impl FromRow for String {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(unescape(row.try_get(0)?))
    }
}

/// The first column.
impl FromRow for Vec<u8> {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(row.try_get(0)?)
    }
}

impl FromRow for (i64, i64) {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok((row.try_get(0)?, row.try_get(1)?))
    }
}

impl FromRow for (String, String) {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok((row.try_get(0)?, row.try_get(1)?))
    }
}
