//! What one workspace remembers. Every statement names the workspace; every write is one transaction
//! with its audit leaf, and is on the disk when the call returns.

use std::fmt::Display;
mod effects;
mod recall;
mod reviews;
mod tree;

pub use self::tree::SignedTree;

use std::path::{Path, PathBuf};

use belay_model::record::{Decision, Effect, EffectState, Run, RunState, Step, StepState};
use belay_model::{Digest, RunId, Timestamp, WorkspaceId};
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
               policy, parent, input, state, outcome, started, ended)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        .bind(run.parent.map(|parent| parent.to_string()))
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

    /// Keeps a body and says under which digest.
    pub fn keep(&self, body: &[u8]) -> Result<Digest, StoreError> {
        self.blobs.put(body)
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
