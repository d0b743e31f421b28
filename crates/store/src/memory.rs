//! What one workspace remembers. Every statement names the workspace; every write is one transaction
//! with its audit leaf, and is on the disk when the call returns.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use belay_model::record::{
    Artefact, Decision, Disposed, Disposition, Effect, EffectState, Leaf, Review, ReviewState, Run,
    RunState, Score, Step, StepState,
};
use belay_model::{Digest, ReviewId, RunId, Timestamp, WorkspaceId};
use serde_json::json;
use sqlx::sqlite::{SqliteQueryResult, SqliteRow};
use sqlx::{Sqlite, SqlitePool, Transaction};

use crate::StoreError;
use crate::audit;
use crate::blobs::Blobs;
use crate::presence::{Mark, Presence};
use crate::rows::FromRow;

/// The memory of one workspace.
#[derive(Debug, Clone)]
pub struct Memory {
    pool: SqlitePool,
    workspace: WorkspaceId,
    blobs: Blobs,
    presence: Presence,
    folder: PathBuf,
}

/// A decision and, where something will be changed, the effect that is reserved with it.
#[derive(Debug)]
pub struct Reservation<'a> {
    pub decision: &'a Decision,
    pub effect: Option<&'a Effect>,
}

type Work<'a> = Transaction<'a, Sqlite>;

impl Memory {
    pub(crate) fn new(pool: SqlitePool, workspace: WorkspaceId, folder: PathBuf) -> Self {
        let (blobs, presence) =
            (Blobs::new(folder.join("blobs")), Presence::new(folder.join("live")));
        Self { pool, workspace, blobs, presence, folder }
    }

    #[cfg(test)]
    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Waits until everything is written and the file is closed.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The state folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn workspace(&self) -> &WorkspaceId {
        &self.workspace
    }

    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Remembers a new run. The process is alive in the record until the mark is dropped.
    pub async fn begin_run(&self, run: &Run) -> Result<Mark, StoreError> {
        let mark =
            self.presence.mark(run.id).map_err(StoreError::io("cannot mark the run as alive"))?;
        let mut work = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO run (workspace, id, workflow, worker, worker_digest, trigger, actor, level,
               policy, input, state, outcome, started, ended)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.workspace.as_str())
        .bind(run.id.to_string())
        .bind(&run.workflow)
        .bind(&run.worker)
        .bind(run.worker_digest.to_string())
        .bind(&run.trigger)
        .bind(&run.actor)
        .bind(run.level.number())
        .bind(run.policy.to_string())
        .bind(&run.input)
        .bind(run.state.as_str())
        .bind(&run.outcome)
        .bind(run.started.nanos())
        .bind(run.ended.map(Timestamp::nanos))
        .execute(&mut *work)
        .await?;
        audit::append(&mut work, &self.workspace, run, run.started).await?;
        work.commit().await?;
        Ok(mark)
    }

    /// Moves a run to `state`; the time is kept as its end when it has none yet.
    pub async fn move_run(
        &self,
        id: RunId,
        state: RunState,
        outcome: Option<&str>,
        at: Timestamp,
    ) -> Result<Run, StoreError> {
        let mut work = self.pool.begin().await?;
        let run = self.move_run_in(&mut work, id, state, outcome, at).await?;
        work.commit().await?;
        Ok(run)
    }

    async fn move_run_in(
        &self,
        work: &mut Work<'_>,
        id: RunId,
        state: RunState,
        outcome: Option<&str>,
        at: Timestamp,
    ) -> Result<Run, StoreError> {
        sqlx::query(
            "UPDATE run SET state = ?, outcome = coalesce(?, outcome), ended = coalesce(ended, ?)
             WHERE workspace = ? AND id = ?",
        )
        .bind(state.as_str())
        .bind(outcome)
        .bind(at.nanos())
        .bind(self.workspace.as_str())
        .bind(id.to_string())
        .execute(&mut **work)
        .await?;
        let run = self.run_in(work, id).await?;
        audit::append(work, &self.workspace, &run, at).await?;
        Ok(run)
    }

    async fn run_in(&self, work: &mut Work<'_>, id: RunId) -> Result<Run, StoreError> {
        let row = sqlx::query("SELECT * FROM run WHERE workspace = ? AND id = ?")
            .bind(self.workspace.as_str())
            .bind(id.to_string())
            .fetch_optional(&mut **work)
            .await?;
        let row = row.ok_or_else(|| StoreError::NotFound { kind: "run", text: id.to_string() })?;
        Run::from_row(&row)
    }

    pub async fn begin_step(&self, step: &Step) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO step (workspace, id, run, number, name, state, note, started, ended)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.workspace.as_str())
        .bind(step.id.to_string())
        .bind(step.run.to_string())
        .bind(step.number)
        .bind(&step.name)
        .bind(step.state.as_str())
        .bind(&step.note)
        .bind(step.started.nanos())
        .bind(step.ended.map(Timestamp::nanos))
        .execute(&mut *work)
        .await?;
        audit::append(&mut work, &self.workspace, step, step.started).await?;
        Ok(work.commit().await?)
    }

    /// Writes how a step ended; `step` carries its new state, note and end.
    pub async fn end_step(&self, step: &Step, at: Timestamp) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        self.update_step(&mut work, step, at).await?;
        Ok(work.commit().await?)
    }

    async fn update_step(
        &self,
        work: &mut Work<'_>,
        step: &Step,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let updated = sqlx::query(
            "UPDATE step SET state = ?, note = ?, ended = ? WHERE workspace = ? AND id = ?",
        )
        .bind(step.state.as_str())
        .bind(&step.note)
        .bind(step.ended.map(Timestamp::nanos))
        .bind(self.workspace.as_str())
        .bind(step.id.to_string())
        .execute(&mut **work)
        .await?;
        there(&updated, "step", step.id)?;
        audit::append(work, &self.workspace, step, at).await
    }

    /// Writes what the gate said and, for a change, its reservation: one transaction, before
    /// anything is sent.
    pub async fn reserve(&self, reservation: Reservation<'_>) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        let decision = reservation.decision;
        self.insert_decision(&mut work, decision).await?;
        audit::append(&mut work, &self.workspace, decision, decision.at).await?;
        if let Some(effect) = reservation.effect {
            self.insert_effect(&mut work, effect).await?;
            audit::append(&mut work, &self.workspace, effect, effect.reserved).await?;
        }
        Ok(work.commit().await?)
    }

    async fn insert_decision(
        &self,
        work: &mut Work<'_>,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO decision (workspace, id, run, step, principal, action, action_digest, risk,
               risk_reasons, level, answer, determining, missing, policy, at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.workspace.as_str())
        .bind(decision.id.to_string())
        .bind(decision.run.to_string())
        .bind(decision.step.to_string())
        .bind(&decision.principal)
        .bind(&decision.action)
        .bind(decision.action_digest.to_string())
        .bind(decision.risk.number())
        .bind(json!(decision.risk_reasons).to_string())
        .bind(decision.level.number())
        .bind(decision.answer.as_str())
        .bind(json!(decision.determining).to_string())
        .bind(json!(decision.missing).to_string())
        .bind(decision.policy.to_string())
        .bind(decision.at.nanos())
        .execute(&mut **work)
        .await?;
        Ok(())
    }

    async fn insert_effect(&self, work: &mut Work<'_>, effect: &Effect) -> Result<(), StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO effect (workspace, id, run, step, decision, action_digest, idempotency_key,
               verb, target, inverse, state, receipt, reserved, settled)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (workspace, idempotency_key) DO NOTHING",
        )
        .bind(self.workspace.as_str())
        .bind(effect.id.to_string())
        .bind(effect.run.to_string())
        .bind(effect.step.to_string())
        .bind(effect.decision.to_string())
        .bind(effect.action_digest.to_string())
        .bind(effect.idempotency_key.to_string())
        .bind(&effect.verb)
        .bind(&effect.target)
        .bind(&effect.inverse)
        .bind(effect.state.as_str())
        .bind(&effect.receipt)
        .bind(effect.reserved.nanos())
        .bind(effect.settled.map(Timestamp::nanos))
        .execute(&mut **work)
        .await?;
        if inserted.rows_affected() == 1 {
            Ok(())
        } else {
            Err(StoreError::AlreadyReserved { target: effect.target.clone() })
        }
    }

    /// Writes how an effect ended: its receipt, or why there is none.
    pub async fn settle(
        &self,
        effect: &Effect,
        state: EffectState,
        receipt: &str,
        at: Timestamp,
    ) -> Result<Effect, StoreError> {
        let settled = Effect {
            state,
            receipt: Some(receipt.to_owned()),
            settled: Some(at),
            ..effect.clone()
        };
        let mut work = self.pool.begin().await?;
        let updated = sqlx::query(
            "UPDATE effect SET state = ?, receipt = ?, settled = ? WHERE workspace = ? AND id = ?",
        )
        .bind(settled.state.as_str())
        .bind(&settled.receipt)
        .bind(at.nanos())
        .bind(self.workspace.as_str())
        .bind(settled.id.to_string())
        .execute(&mut *work)
        .await?;
        there(&updated, "effect", settled.id)?;
        audit::append(&mut work, &self.workspace, &settled, at).await?;
        work.commit().await?;
        Ok(settled)
    }

    pub async fn add_artefact(&self, artefact: &Artefact) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO artefact (workspace, id, run, name, media_type, digest, bytes, kept, at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.workspace.as_str())
        .bind(artefact.id.to_string())
        .bind(artefact.run.to_string())
        .bind(&artefact.name)
        .bind(&artefact.media_type)
        .bind(artefact.digest.to_string())
        .bind(artefact.bytes)
        .bind(i64::from(artefact.kept))
        .bind(artefact.at.nanos())
        .execute(&mut *work)
        .await?;
        audit::append(&mut work, &self.workspace, artefact, artefact.at).await?;
        Ok(work.commit().await?)
    }

    pub async fn add_scores(&self, scores: &[Score]) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        for score in scores {
            sqlx::query(
                "INSERT INTO score (workspace, id, run, dimension, name, evaluator, verdict, value,
                   explanation, at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(self.workspace.as_str())
            .bind(score.id.to_string())
            .bind(score.run.to_string())
            .bind(score.dimension.as_str())
            .bind(&score.check)
            .bind(score.evaluator.to_string())
            .bind(score.verdict.as_str())
            .bind(&score.value)
            .bind(&score.explanation)
            .bind(score.at.nanos())
            .execute(&mut *work)
            .await?;
            audit::append(&mut work, &self.workspace, score, score.at).await?;
        }
        Ok(work.commit().await?)
    }

    /// Opens a review and moves its run to `waiting_review`, both or neither.
    pub async fn open_review(&self, review: &Review, outcome: &str) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO review (workspace, id, run, kind, subject, title, state, created)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.workspace.as_str())
        .bind(review.id.to_string())
        .bind(review.run.to_string())
        .bind(&review.kind)
        .bind(review.subject.to_string())
        .bind(&review.title)
        .bind(review.state.as_str())
        .bind(review.created.nanos())
        .execute(&mut *work)
        .await?;
        audit::append(&mut work, &self.workspace, review, review.created).await?;
        let waiting = RunState::WaitingReview;
        self.move_run_in(&mut work, review.run, waiting, Some(outcome), review.created).await?;
        Ok(work.commit().await?)
    }

    /// Writes what a reviewer said. A word on the whole report closes the review and moves the run;
    /// a word on one finding leaves both as they are. A second word of the same reviewer on the same
    /// thing replaces the first in the table, and both stay in the audit.
    pub async fn dispose(
        &self,
        review: &Review,
        disposition: &Disposition,
        closes: Option<(ReviewState, RunState)>,
    ) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        let written = sqlx::query(
            "INSERT INTO disposition (workspace, review, finding, reviewer, identity, judgement, reason, at)
             SELECT workspace, id, ?3, ?4, ?5, ?6, ?7, ?8 FROM review WHERE workspace = ?1 AND id = ?2
             ON CONFLICT (review, finding, reviewer) DO UPDATE
               SET identity = excluded.identity, judgement = excluded.judgement,
                   reason = excluded.reason, at = excluded.at",
        )
        .bind(self.workspace.as_str())
        .bind(disposition.review.to_string())
        .bind(disposition.finding.as_deref().unwrap_or(""))
        .bind(&disposition.reviewer)
        .bind(&disposition.identity)
        .bind(disposition.judgement.as_str())
        .bind(&disposition.reason)
        .bind(disposition.at.nanos())
        .execute(&mut *work)
        .await?;
        there(&written, "review", disposition.review)?;
        let disposed = Disposed { run: review.run, disposition };
        audit::append(&mut work, &self.workspace, &disposed, disposition.at).await?;
        if let Some((state, run_state)) = closes {
            sqlx::query("UPDATE review SET state = ? WHERE workspace = ? AND id = ?")
                .bind(state.as_str())
                .bind(self.workspace.as_str())
                .bind(review.id.to_string())
                .execute(&mut *work)
                .await?;
            let closed = Review { state, ..review.clone() };
            audit::append(&mut work, &self.workspace, &closed, disposition.at).await?;
            self.move_run_in(&mut work, review.run, run_state, None, disposition.at).await?;
        }
        Ok(work.commit().await?)
    }

    /// Runs, newest first. A run whose process went away is first written down as interrupted.
    pub async fn runs(&self, at: Timestamp) -> Result<Vec<Run>, StoreError> {
        let runs: Vec<Run> = self
            .fetch("SELECT * FROM run WHERE workspace = ? ORDER BY started DESC, id DESC", &[])
            .await?;
        let mut seen = Vec::with_capacity(runs.len());
        for run in runs {
            seen.push(self.notice(run, at).await?);
        }
        Ok(seen)
    }

    /// The run with this id, the end or the start of one, or `last`.
    pub async fn find_run(&self, text: &str, at: Timestamp) -> Result<Run, StoreError> {
        let runs: Vec<Run> = if text == "last" {
            let newest =
                "SELECT * FROM run WHERE workspace = ? ORDER BY started DESC, id DESC LIMIT 1";
            self.fetch(newest, &[]).await?
        } else {
            let like = "SELECT * FROM run WHERE workspace = ?1 AND (id LIKE ?2 || '%' OR id LIKE '%' || ?2)";
            self.fetch(like, &[&escaped(text)]).await?
        };
        let run = only("run", text, runs)?;
        self.notice(run, at).await
    }

    async fn notice(&self, run: Run, at: Timestamp) -> Result<Run, StoreError> {
        if run.state != RunState::Running {
            return Ok(run);
        }
        let alive =
            self.presence.is_alive(run.id).map_err(StoreError::io("cannot tell who is alive"))?;
        if alive { Ok(run) } else { self.interrupt(&run, "the process went away", at).await }
    }

    /// Writes down that a run was cut off: the run, its open step and its open effects at once. A run
    /// that came to its end since `run` was read is left as it is.
    pub async fn interrupt(&self, run: &Run, why: &str, at: Timestamp) -> Result<Run, StoreError> {
        // It reads before it writes, so it takes the write lock first: nobody writes in between.
        let mut work = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let run = self.run_in(&mut work, run.id).await?;
        if !matches!(run.state, RunState::Running | RunState::Held) {
            return Ok(run);
        }
        let open =
            sqlx::query("SELECT * FROM step WHERE workspace = ? AND run = ? AND state = 'running'")
                .bind(self.workspace.as_str())
                .bind(run.id.to_string())
                .fetch_all(&mut *work)
                .await?;
        for step in all::<Step>(&open)? {
            let (state, note) = (StepState::Interrupted, Some(why.to_owned()));
            self.update_step(&mut work, &Step { state, note, ended: Some(at), ..step }, at).await?;
        }
        let open = sqlx::query(
            "SELECT * FROM effect WHERE workspace = ? AND run = ? AND state = 'reserved'",
        )
        .bind(self.workspace.as_str())
        .bind(run.id.to_string())
        .fetch_all(&mut *work)
        .await?;
        for effect in all::<Effect>(&open)? {
            let effect = Effect { state: EffectState::Ambiguous, ..effect };
            sqlx::query("UPDATE effect SET state = ? WHERE workspace = ? AND id = ?")
                .bind(effect.state.as_str())
                .bind(self.workspace.as_str())
                .bind(effect.id.to_string())
                .execute(&mut *work)
                .await?;
            audit::append(&mut work, &self.workspace, &effect, at).await?;
        }
        let run = self.move_run_in(&mut work, run.id, RunState::Interrupted, Some(why), at).await?;
        work.commit().await?;
        Ok(run)
    }

    pub async fn steps(&self, run: RunId) -> Result<Vec<Step>, StoreError> {
        self.of_run("SELECT * FROM step WHERE workspace = ? AND run = ? ORDER BY number", run).await
    }

    pub async fn decisions(&self, run: RunId) -> Result<Vec<Decision>, StoreError> {
        self.of_run("SELECT * FROM decision WHERE workspace = ? AND run = ? ORDER BY at, id", run)
            .await
    }

    pub async fn effects(&self, run: RunId) -> Result<Vec<Effect>, StoreError> {
        self.of_run(
            "SELECT * FROM effect WHERE workspace = ? AND run = ? ORDER BY reserved, id",
            run,
        )
        .await
    }

    pub async fn artefacts(&self, run: RunId) -> Result<Vec<Artefact>, StoreError> {
        self.of_run("SELECT * FROM artefact WHERE workspace = ? AND run = ? ORDER BY at, id", run)
            .await
    }

    pub async fn scores(&self, run: RunId) -> Result<Vec<Score>, StoreError> {
        self.of_run("SELECT * FROM score WHERE workspace = ? AND run = ? ORDER BY at, id", run)
            .await
    }

    pub async fn leaves(&self, run: RunId) -> Result<Vec<Leaf>, StoreError> {
        self.of_run("SELECT * FROM audit WHERE workspace = ? AND run = ? ORDER BY sequence", run)
            .await
    }

    /// Effects with an inverse that nobody has taken back yet, oldest first.
    pub async fn open_effects(&self, verb: &str) -> Result<Vec<Effect>, StoreError> {
        let open = "SELECT * FROM effect WHERE workspace = ? AND verb = ? AND inverse IS NOT NULL
                      AND state IN ('reserved', 'committed', 'ambiguous') ORDER BY reserved, id";
        self.fetch(open, &[verb]).await
    }

    pub async fn reviews(&self) -> Result<Vec<Review>, StoreError> {
        self.fetch("SELECT * FROM review WHERE workspace = ? ORDER BY created DESC, id DESC", &[])
            .await
    }

    /// The review with this id, the end or the start of one, `last`, or that of a run.
    pub async fn find_review(&self, text: &str) -> Result<Review, StoreError> {
        let reviews: Vec<Review> = if text == "last" {
            let newest =
                "SELECT * FROM review WHERE workspace = ? ORDER BY created DESC, id DESC LIMIT 1";
            self.fetch(newest, &[]).await?
        } else {
            let like = "SELECT * FROM review WHERE workspace = ?1 AND (id LIKE ?2 || '%' OR id LIKE '%' || ?2
                          OR run LIKE ?2 || '%' OR run LIKE '%' || ?2)";
            self.fetch(like, &[&escaped(text)]).await?
        };
        only("review", text, reviews)
    }

    pub async fn review_of(&self, run: RunId) -> Result<Option<Review>, StoreError> {
        let reviews =
            self.of_run("SELECT * FROM review WHERE workspace = ? AND run = ?", run).await?;
        Ok(reviews.into_iter().next())
    }

    pub async fn dispositions(&self, review: ReviewId) -> Result<Vec<Disposition>, StoreError> {
        let of =
            "SELECT * FROM disposition WHERE workspace = ? AND review = ? ORDER BY at, finding";
        self.fetch(of, &[&review.to_string()]).await
    }

    /// Keeps a body and says under which digest.
    pub fn keep(&self, body: &[u8]) -> Result<Digest, StoreError> {
        self.blobs.put(body)
    }

    async fn of_run<T: FromRow>(
        &self,
        sql: &'static str,
        run: RunId,
    ) -> Result<Vec<T>, StoreError> {
        self.fetch(sql, &[&run.to_string()]).await
    }

    /// `sql` binds the workspace first.
    async fn fetch<T: FromRow>(
        &self,
        sql: &'static str,
        more: &[&str],
    ) -> Result<Vec<T>, StoreError> {
        let mut query = sqlx::query(sql).bind(self.workspace.as_str());
        for value in more {
            query = query.bind((*value).to_owned());
        }
        all(&query.fetch_all(&self.pool).await?)
    }
}

fn all<T: FromRow>(rows: &[SqliteRow]) -> Result<Vec<T>, StoreError> {
    rows.iter().map(T::from_row).collect()
}

/// A row that is not there, or is another workspace's, was not written: nobody may be told it was.
fn there(
    written: &SqliteQueryResult,
    kind: &'static str,
    id: impl Display,
) -> Result<(), StoreError> {
    match written.rows_affected() {
        0 => Err(StoreError::NotFound { kind, text: id.to_string() }),
        _ => Ok(()),
    }
}

/// An id is hex and hyphens; anything else would be a pattern, and nothing would be the start of all.
fn escaped(text: &str) -> String {
    let text = if text.is_empty() { "~" } else { text };
    text.chars()
        .map(|letter| if letter.is_ascii_hexdigit() || letter == '-' { letter } else { '~' })
        .collect()
}

fn only<T>(kind: &'static str, text: &str, mut found: Vec<T>) -> Result<T, StoreError> {
    match found.len() {
        1 => found.pop().ok_or_else(|| StoreError::NotFound { kind, text: text.to_owned() }),
        0 => Err(StoreError::NotFound { kind, text: text.to_owned() }),
        count => Err(StoreError::Vague { kind, text: text.to_owned(), count }),
    }
}
