//! Runs and their steps.

use belay_model::record::{Effect, EffectState, Queue, ROLLBACK, Run, RunState, Step, StepState};
use belay_model::{RunId, Timestamp};

use super::{Memory, missing};
use crate::StoreError;
use crate::ask::ask;
use crate::presence::Tenure;
use crate::work::Work;

impl Memory {
    /// Remembers a new run that `owner` (`HOST/PID`) works on from now on. The process is alive in
    /// the record until the tenure is dropped; other machines wait until the lease runs out.
    pub async fn begin_run(
        &self,
        run: &Run,
        queue: Queue,
        owner: &str,
        until: Timestamp,
    ) -> Result<Tenure, StoreError> {
        let mut work = Work::begin(self, None).await?;
        self.only_child(&mut work, run).await?;
        self.insert_run(&mut work, run).await?;
        self.insert_job(&mut work, run.id, queue, 0, run.started).await?;
        let job = self.job_in(&mut work, run.id).await?;
        let (_, tenure) = self.lease_in(&mut work, &job, owner, until).await?;
        work.commit().await?;
        Ok(tenure)
    }

    /// Of one run, only one that takes it back is at work: two would do every inverse twice.
    async fn only_child(&self, work: &mut Work<'_>, run: &Run) -> Result<(), StoreError> {
        let Some(parent) = run.parent.filter(|_| run.workflow == ROLLBACK) else { return Ok(()) };
        let other: Option<String> = ask(
            "SELECT id FROM run WHERE workspace = $1 AND parent = $2
               AND workflow = $3 AND state IN ('queued', 'running', 'held', 'interrupted') LIMIT 1",
        )
        .bind(self.workspace.as_str())
        .bind(parent)
        .bind(&run.workflow)
        .maybe(work.on())
        .await?;
        match other {
            Some(other) => Err(StoreError::RunBusy { run: parent, owner: format!("run {other}") }),
            None => Ok(()),
        }
    }

    pub(super) async fn insert_run(
        &self,
        work: &mut Work<'_>,
        run: &Run,
    ) -> Result<(), StoreError> {
        ask(r#"INSERT INTO run (workspace, id, workflow, worker, worker_digest, "trigger", actor, level,
                 policy, parent, input, state, outcome, started, ended)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"#)
        .bind(self.workspace.as_str())
        .bind(run.id)
        .bind(&run.workflow)
        .bind(&run.worker)
        .bind(run.worker_digest)
        .bind(&run.trigger)
        .bind(&run.actor)
        .bind(run.level.number())
        .bind(run.policy)
        .bind(run.parent)
        .bind(&run.input)
        .bind(run.state.as_str())
        .bind(&run.outcome)
        .bind(run.started)
        .bind(run.ended)
        .run(work.on())
        .await?;
        work.append(run, run.started).await
    }

    /// Moves a run to `state`. The time of its first end is kept; a run that goes on has none. The job
    /// follows: a run that is over has nothing left to do, one that is held waits for a person.
    pub async fn move_run(
        &self,
        id: RunId,
        state: RunState,
        outcome: Option<&str>,
        at: Timestamp,
    ) -> Result<Run, StoreError> {
        let mut work = Work::begin(self, Some(id)).await?;
        let run = self.run_in(&mut work, id).await?;
        let run = self.move_run_in(&mut work, &run, state, outcome, at).await?;
        work.commit().await?;
        Ok(run)
    }

    pub(super) async fn move_run_in(
        &self,
        work: &mut Work<'_>,
        run: &Run,
        state: RunState,
        outcome: Option<&str>,
        at: Timestamp,
    ) -> Result<Run, StoreError> {
        work.vouched(run).await?;
        let moved = Run {
            state,
            outcome: outcome.map(str::to_owned).or_else(|| run.outcome.clone()),
            ended: if state.is_over() { run.ended.or(Some(at)) } else { None },
            ..run.clone()
        };
        self.update_run(work, &moved, at).await?;
        self.job_follows(work, &moved, at).await?;
        Ok(moved)
    }

    pub(super) async fn update_run(
        &self,
        work: &mut Work<'_>,
        run: &Run,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        ask("UPDATE run SET state = $3, outcome = $4, ended = $5 WHERE workspace = $1 AND id = $2")
            .bind(self.workspace.as_str())
            .bind(run.id)
            .bind(run.state.as_str())
            .bind(&run.outcome)
            .bind(run.ended)
            .run(work.on())
            .await?;
        work.append(run, at).await
    }

    pub(super) async fn run_in(&self, work: &mut Work<'_>, id: RunId) -> Result<Run, StoreError> {
        let run = ask("SELECT * FROM run WHERE workspace = $1 AND id = $2")
            .bind(self.workspace.as_str())
            .bind(id)
            .maybe(work.on())
            .await?;
        run.ok_or_else(|| missing("run", id))
    }

    pub async fn begin_step(&self, step: &Step) -> Result<(), StoreError> {
        let mut work = Work::begin(self, Some(step.run)).await?;
        ask("INSERT INTO step (workspace, id, run, number, name, state, note, started, ended)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(self.workspace.as_str())
        .bind(step.id)
        .bind(step.run)
        .bind(step.number)
        .bind(&step.name)
        .bind(step.state.as_str())
        .bind(&step.note)
        .bind(step.started)
        .bind(step.ended)
        .run(work.on())
        .await?;
        work.append(step, step.started).await?;
        work.commit().await
    }

    /// Writes how a step ended; `step` carries its new state, note and end.
    pub async fn end_step(&self, step: &Step, at: Timestamp) -> Result<(), StoreError> {
        let mut work = Work::begin(self, Some(step.run)).await?;
        let found: Option<Step> = ask("SELECT * FROM step WHERE workspace = $1 AND id = $2")
            .bind(self.workspace.as_str())
            .bind(step.id)
            .maybe(work.on())
            .await?;
        let found = found.ok_or_else(|| missing("step", step.id))?;
        let (state, note, ended) = (step.state, step.note.clone(), step.ended);
        work.vouched(&found).await?;
        self.update_step(&mut work, &Step { state, note, ended, ..found }, at).await?;
        work.commit().await
    }

    async fn update_step(
        &self,
        work: &mut Work<'_>,
        step: &Step,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        ask("UPDATE step SET state = $3, note = $4, ended = $5 WHERE workspace = $1 AND id = $2")
            .bind(self.workspace.as_str())
            .bind(step.id)
            .bind(step.state.as_str())
            .bind(&step.note)
            .bind(step.ended)
            .run(work.on())
            .await?;
        work.append(step, at).await
    }

    /// Writes down that a run was cut off: the run, its open step and its open effects at once. A run
    /// that came to its end since `run` was read is left as it is.
    pub async fn interrupt(&self, run: &Run, why: &str, at: Timestamp) -> Result<Run, StoreError> {
        let mut work = Work::begin(self, Some(run.id)).await?;
        let run = self.run_in(&mut work, run.id).await?;
        if !matches!(run.state, RunState::Running | RunState::Held) {
            work.abandon().await?;
            return Ok(run);
        }
        let run = self.interrupt_in(&mut work, &run, why, at).await?;
        work.commit().await?;
        Ok(run)
    }

    /// A run that goes on in the record and has no living holder was cut off: that is written down
    /// before anyone is told of the run.
    pub(super) async fn notice(&self, run: Run, at: Timestamp) -> Result<Run, StoreError> {
        if run.state != RunState::Running || self.is_held(&self.job(run.id).await?, at)? {
            return Ok(run);
        }
        let mut work = Work::begin(self, Some(run.id)).await?;
        let run = self.run_in(&mut work, run.id).await?;
        // Somebody may have taken it up since.
        let job = self.job_in(&mut work, run.id).await?;
        if run.state != RunState::Running || self.is_held(&job, at)? {
            work.abandon().await?;
            return Ok(run);
        }
        let run = self.interrupt_in(&mut work, &run, "the process went away", at).await?;
        work.commit().await?;
        Ok(run)
    }

    pub(super) async fn interrupt_in(
        &self,
        work: &mut Work<'_>,
        run: &Run,
        why: &str,
        at: Timestamp,
    ) -> Result<Run, StoreError> {
        let open: Vec<Step> =
            ask("SELECT * FROM step WHERE workspace = $1 AND run = $2 AND state = 'running'")
                .bind(self.workspace.as_str())
                .bind(run.id)
                .all(work.on())
                .await?;
        // Nobody worked after the lease ran out, however late that is noticed.
        let until = self.job_in(work, run.id).await?.until.unwrap_or(at);
        for step in open {
            work.vouched(&step).await?;
            let (state, note) = (StepState::Interrupted, Some(why.to_owned()));
            let ended = Some(at.min(until).max(step.started));
            self.update_step(work, &Step { state, note, ended, ..step }, at).await?;
        }
        let open: Vec<Effect> =
            ask("SELECT * FROM effect WHERE workspace = $1 AND run = $2 AND state = 'reserved'
             ORDER BY reserved, id")
            .bind(self.workspace.as_str())
            .bind(run.id)
            .all(work.on())
            .await?;
        for effect in open {
            work.vouched(&effect).await?;
            let effect = Effect { state: EffectState::Ambiguous, ..effect };
            self.update_effect(work, &effect, at).await?;
        }
        self.move_run_in(work, run, RunState::Interrupted, Some(why), at).await
    }
}
