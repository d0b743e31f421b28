//! Who works on a run: leases with fencing tokens, the queue of the workers, requests to stop.

use belay_model::record::{Control, Job, JobState, Lease, Queue, Run, RunState};
use belay_model::{RunId, Timestamp};

use super::{Memory, missing, there};
use crate::StoreError;
use crate::ask::{Engine, ask};
use crate::presence::{Sign, Tenure};
use crate::work::Work;

impl Memory {
    /// Remembers a run that waits for whoever takes it up from `queue`, not before `ready`.
    pub async fn enqueue(
        &self,
        run: &Run,
        queue: Queue,
        priority: i64,
        ready: Timestamp,
    ) -> Result<(), StoreError> {
        let mut work = Work::begin(self, None).await?;
        let queued = Run { state: RunState::Queued, ..run.clone() };
        self.insert_run(&mut work, &queued).await?;
        self.insert_job(&mut work, run.id, queue, priority, ready).await?;
        work.commit().await
    }

    /// Takes up the next run of the workers' queue: of those that are ready, or whose holder is gone,
    /// the one of the highest priority, then the oldest. If it was cut off, that is written down first.
    pub async fn lease_next(
        &self,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<(Run, Job, Tenure)>, StoreError> {
        let waiting = || {
            ask("SELECT * FROM job WHERE workspace = $1 AND queue = 'workers' AND state = 'ready'
                   AND ready <= $2 ORDER BY priority DESC, ready, run LIMIT 1")
            .bind(self.workspace.as_str())
            .bind(now)
        };
        let leased = || {
            ask("SELECT * FROM job WHERE workspace = $1 AND queue = 'workers' AND state = 'leased'
                   AND ready <= $2 ORDER BY priority DESC, ready, run")
            .bind(self.workspace.as_str())
            .bind(now)
        };
        // Looking first spares idle workers the lock that writers wait for.
        let first =
            self.next_of(waiting().all(&self.pool).await?, leased().all(&self.pool).await?, now)?;
        if first.is_none() {
            return Ok(None);
        }
        let mut work = Work::begin(self, None).await?;
        let ready = waiting().all(work.on()).await?;
        let held = leased().all(work.on()).await?;
        let Some(job) = self.next_of(ready, held, now)? else {
            work.abandon().await?;
            return Ok(None);
        };
        let taken = self.take_in(&mut work, &job, owner, now, until).await?;
        work.commit().await?;
        Ok(Some(taken))
    }

    fn next_of(
        &self,
        ready: Vec<Job>,
        leased: Vec<Job>,
        now: Timestamp,
    ) -> Result<Option<Job>, StoreError> {
        let mut next = ready.into_iter().next();
        for job in leased {
            let ran_out = job.until.is_none_or(|until| until <= now);
            let sooner = |other: &Job| {
                (-job.priority, job.ready, job.run) < (-other.priority, other.ready, other.run)
            };
            if (ran_out || !self.is_held(&job, now)?) && next.as_ref().is_none_or(sooner) {
                next = Some(job);
            }
        }
        Ok(next)
    }

    /// Takes up one run, of either queue.
    pub async fn take(
        &self,
        run: RunId,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(Run, Job, Tenure), StoreError> {
        let mut work = Work::begin(self, None).await?;
        let found = self.run_in(&mut work, run).await?;
        let job = self.job_in(&mut work, run).await?;
        if found.state.is_over() && found.state != RunState::Interrupted {
            return Err(StoreError::RunOver { run, state: found.state });
        }
        if self.is_held(&job, now)? {
            return Err(StoreError::RunBusy { run, owner: job.owner.unwrap_or_default() });
        }
        let taken = self.take_in(&mut work, &job, owner, now, until).await?;
        work.commit().await?;
        Ok(taken)
    }

    async fn take_in(
        &self,
        work: &mut Work<'_>,
        job: &Job,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(Run, Job, Tenure), StoreError> {
        let mut run = self.run_in(work, job.run).await?;
        if run.state == RunState::Running {
            run = self.interrupt_in(work, &run, "the process went away", now).await?;
        }
        work.vouched(&run).await?;
        let run = Run { state: RunState::Running, outcome: None, ended: None, ..run };
        self.update_run(work, &run, now).await?;
        let (job, tenure) = self.lease_in(work, job, owner, until).await?;
        Ok((run, job, tenure))
    }

    /// The next lease of `job`. Its mark is made before anyone can see the lease.
    pub(super) async fn lease_in(
        &self,
        work: &mut Work<'_>,
        job: &Job,
        owner: &str,
        until: Timestamp,
    ) -> Result<(Job, Tenure), StoreError> {
        let fence = job.fence + 1;
        let lease = Lease { run: job.run, owner: owner.to_owned(), fence, until };
        let job = Job {
            state: JobState::Leased,
            attempt: job.attempt + 1,
            owner: Some(owner.to_owned()),
            until: Some(until),
            fence,
            ..job.clone()
        };
        ask("UPDATE job SET state = $3, attempt = $4, owner = $5, until = $6, fence = $7
             WHERE workspace = $1 AND run = $2")
        .bind(self.workspace.as_str())
        .bind(job.run)
        .bind(job.state.as_str())
        .bind(job.attempt)
        .bind(&job.owner)
        .bind(job.until)
        .bind(job.fence)
        .run(work.on())
        .await?;
        work.leave(job.run, fence - 1);
        let marked = self.presence.mark(lease);
        let tenure = marked.map_err(StoreError::io("cannot mark the run as alive"))?;
        Ok((job, tenure))
    }

    /// Says that the holder of `lease` is still at it. The job tells of a request to stop.
    pub async fn renew(&self, lease: &Lease, until: Timestamp) -> Result<Job, StoreError> {
        let job = ask("UPDATE job SET until = CASE state WHEN 'leased' THEN $4 ELSE until END
             WHERE workspace = $1 AND run = $2 AND fence = $3 RETURNING *")
        .bind(self.workspace.as_str())
        .bind(lease.run)
        .bind(lease.fence)
        .bind(until)
        .maybe(&self.pool)
        .await?;
        job.ok_or(StoreError::LeaseLost { run: lease.run })
    }

    /// The run waits for a person: nobody works on it.
    pub async fn park(&self, run: RunId, at: Timestamp) -> Result<(), StoreError> {
        let mut work = Work::begin(self, Some(run)).await?;
        let job = self.job_in(&mut work, run).await?;
        self.release(&mut work, &job, JobState::Parked, at).await?;
        work.commit().await
    }

    /// A parked run may be taken up again; any other is left as it is.
    pub async fn wake(&self, run: RunId, at: Timestamp) -> Result<(), StoreError> {
        let mut work = Work::begin(self, Some(run)).await?;
        let job = self.job_in(&mut work, run).await?;
        if job.state == JobState::Parked {
            self.release(&mut work, &job, JobState::Ready, at).await?;
        }
        work.commit().await
    }

    /// Asks whoever works on the run to stop at its next step. Who asked is written down with it:
    /// `asked` is a control of the name [`Control::of_cancel`].
    pub async fn ask_cancel(&self, run: RunId, asked: &Control) -> Result<(), StoreError> {
        let mut work = Work::begin(self, None).await?;
        let found = self.run_in(&mut work, run).await?;
        let job = self.job_in(&mut work, run).await?;
        if job.state == JobState::Done {
            return Err(StoreError::RunOver { run, state: found.state });
        }
        ask("UPDATE job SET cancel = 1 WHERE workspace = $1 AND run = $2")
            .bind(self.workspace.as_str())
            .bind(run)
            .run(work.on())
            .await?;
        self.control_in(&mut work, &Control { name: Control::of_cancel(run), ..asked.clone() })
            .await?;
        work.commit().await
    }

    pub async fn job(&self, run: RunId) -> Result<Job, StoreError> {
        let job = ask("SELECT * FROM job WHERE workspace = $1 AND run = $2")
            .bind(self.workspace.as_str())
            .bind(run)
            .maybe(&self.pool)
            .await?;
        job.ok_or_else(|| missing("run", run))
    }

    pub(super) async fn job_in(&self, work: &mut Work<'_>, run: RunId) -> Result<Job, StoreError> {
        let job = ask("SELECT * FROM job WHERE workspace = $1 AND run = $2")
            .bind(self.workspace.as_str())
            .bind(run)
            .maybe(work.on())
            .await?;
        job.ok_or_else(|| missing("run", run))
    }

    pub(super) async fn insert_job(
        &self,
        work: &mut Work<'_>,
        run: RunId,
        queue: Queue,
        priority: i64,
        ready: Timestamp,
    ) -> Result<(), StoreError> {
        ask("INSERT INTO job (workspace, run, queue, state, ready, priority, attempt, owner, until,
               fence, cancel) VALUES ($1, $2, $3, 'ready', $4, $5, 0, NULL, NULL, 0, 0)")
        .bind(self.workspace.as_str())
        .bind(run)
        .bind(queue.as_str())
        .bind(ready)
        .bind(priority)
        .run(work.on())
        .await
        .map(drop)
    }

    /// Where a job stands after its run moved.
    pub(super) async fn job_follows(
        &self,
        work: &mut Work<'_>,
        run: &Run,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let job = self.job_in(work, run.id).await?;
        let state = match (run.state, job.queue) {
            (RunState::Running, _) => return Ok(()),
            (RunState::Queued, _) | (RunState::Interrupted, Queue::Workers) => JobState::Ready,
            (RunState::Held, _) | (RunState::Interrupted, Queue::Person) => JobState::Parked,
            _ => JobState::Done,
        };
        self.release(work, &job, state, at).await
    }

    async fn release(
        &self,
        work: &mut Work<'_>,
        job: &Job,
        state: JobState,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let written =
            ask("UPDATE job SET state = $3, ready = CASE $3 WHEN 'ready' THEN $4 ELSE ready END,
               owner = NULL, until = NULL WHERE workspace = $1 AND run = $2")
            .bind(self.workspace.as_str())
            .bind(job.run)
            .bind(state.as_str())
            .bind(at)
            .run(work.on())
            .await?;
        work.leave(job.run, job.fence);
        there(written, "run", job.run)
    }

    /// Whether somebody lives who holds `job`. Of a process on this machine its mark tells; of another,
    /// that its lease has not run out.
    pub(super) fn is_held(&self, job: &Job, at: Timestamp) -> Result<bool, StoreError> {
        let (JobState::Leased, Some(owner)) = (job.state, &job.owner) else { return Ok(false) };
        let in_time = job.until.is_some_and(|until| until > at);
        if owner.split('/').next() != Some(self.host.as_str()) {
            return Ok(in_time);
        }
        let sign = self.presence.sign(job.run, job.fence);
        Ok(match sign.map_err(StoreError::io("cannot tell who is alive"))? {
            Sign::Alive => true,
            Sign::Dead => false,
            // Marks lie in the state folder. Of one database there may be several on a machine.
            Sign::None => self.engine == Engine::Postgres && in_time,
        })
    }
}
