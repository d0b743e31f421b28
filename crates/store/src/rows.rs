//! From rows to values: every column is named, and a word that is not understood is an error.

use std::str::FromStr;

use belay_model::record::{
    Answer, Artefact, Decision, Dimension, Disposition, Effect, EffectState, Judgement, Leaf,
    Review, ReviewState, Run, RunState, Score, Step, StepState, Verdict,
};
use belay_model::{Digest, Level, Risk, Timestamp};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::StoreError;

pub(crate) trait FromRow: Sized {
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError>;
}

fn text(row: &SqliteRow, column: &'static str) -> Result<String, StoreError> {
    Ok(row.try_get(column)?)
}

fn maybe_text(row: &SqliteRow, column: &'static str) -> Result<Option<String>, StoreError> {
    Ok(row.try_get(column)?)
}

fn integer(row: &SqliteRow, column: &'static str) -> Result<i64, StoreError> {
    Ok(row.try_get(column)?)
}

fn time(row: &SqliteRow, column: &'static str) -> Result<Timestamp, StoreError> {
    integer(row, column).map(Timestamp::from_nanos)
}

fn maybe_time(row: &SqliteRow, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
    let nanos: Option<i64> = row.try_get(column)?;
    Ok(nanos.map(Timestamp::from_nanos))
}

fn parsed<T: FromStr>(row: &SqliteRow, column: &'static str) -> Result<T, StoreError> {
    word(row, column, |text| text.parse().ok())
}

fn maybe_parsed<T: FromStr>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let Some(value) = maybe_text(row, column)? else { return Ok(None) };
    value.parse().map(Some).map_err(|_| StoreError::Corrupt { column, value })
}

fn word<T>(
    row: &SqliteRow,
    column: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, StoreError> {
    let value = text(row, column)?;
    parse(&value).ok_or(StoreError::Corrupt { column, value })
}

fn list(row: &SqliteRow, column: &'static str) -> Result<Vec<String>, StoreError> {
    word(row, column, |text| serde_json::from_str(text).ok())
}

fn level(row: &SqliteRow) -> Result<Level, StoreError> {
    let number = integer(row, "level")?;
    let found = Level::ALL.into_iter().find(|level| level.number() == number);
    found.ok_or_else(|| StoreError::Corrupt { column: "level", value: number.to_string() })
}

fn risk(row: &SqliteRow) -> Result<Risk, StoreError> {
    let number = integer(row, "risk")?;
    let found = Risk::ALL.into_iter().find(|risk| risk.number() == number);
    found.ok_or_else(|| StoreError::Corrupt { column: "risk", value: number.to_string() })
}

impl FromRow for Run {
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
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
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
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
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
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
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
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
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
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
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
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
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
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
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
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
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
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
