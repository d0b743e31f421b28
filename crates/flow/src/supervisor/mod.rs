//! A run under supervision: what happens is asked of the gate, written down before it is done, and
//! written down again when it is over. The process that does it holds a lease on the run, and every
//! write is refused as soon as somebody else has taken it over.

mod asking;
mod conclude;
mod heartbeat;

use std::path::PathBuf;

use belay_gate::Worker;
use belay_model::record::{
    Answer, Artefact, Effect, EffectState, Job, Queue, Run, RunState, Step, StepState,
};
use belay_model::{ArtefactId, Digest, Level, RunId, StepId, Timestamp, canonical};
use belay_store::{Memory, Tenure};
use serde_json::{Value, json};

pub use self::conclude::{Concluded, Conclusion};
use self::heartbeat::Heartbeat;
use crate::level::{Standing, standing};
use crate::registry::Registered;
use crate::run_error::RunError;
use crate::{Desk, FlowError};

/// How long a process that does not answer keeps its run.
pub(crate) const LEASE_SECONDS: i64 = 30;

/// Until when a lease taken now holds.
pub(crate) fn lease_until(now: Timestamp) -> Timestamp {
    now.plus_seconds(LEASE_SECONDS)
}

/// What a run is to be.
#[derive(Debug, Clone)]
pub struct Brief<'a> {
    pub worker: &'a Registered,
    pub workflow: &'a str,
    pub level: Level,
    /// What was asked; enough to take the run up again.
    pub input: &'a Value,
    /// The plan rests on text that nobody trusted wrote, such as a pull request.
    pub tainted: bool,
    /// The world that the plan is made for; approvals are bound to it.
    pub snapshot: Digest,
    /// The run that this one takes back.
    pub parent: Option<RunId>,
    pub queue: Queue,
}

impl Brief<'_> {
    /// The first row of the run.
    pub fn run(&self, desk: &Desk, state: RunState) -> Run {
        Run {
            id: RunId::new(desk.id()),
            workflow: self.workflow.to_owned(),
            worker: self.worker.name.clone(),
            worker_digest: self.worker.digest,
            trigger: desk.trigger.to_owned(),
            actor: desk.actor.clone(),
            level: self.level,
            policy: desk.gate.digest(),
            parent: self.parent,
            input: canonical::json(self.input),
            state,
            outcome: None,
            started: desk.now(),
            ended: None,
        }
    }
}

/// One run, from its first row to its last.
#[derive(Debug)]
pub struct Supervisor<'a> {
    pub desk: &'a Desk,
    pub run: Run,
    /// Writes under the lease.
    pub memory: Memory,
    worker: Worker,
    tainted: bool,
    bounded: bool,
    rollback: bool,
    snapshot: Digest,
    budget_seconds: i64,
    /// Seconds that earlier attempts worked; time spent waiting for people costs nothing.
    carried_seconds: f64,
    since: Timestamp,
    steps: i64,
    current: Option<Step>,
    /// A person said yes to the current step at L1.
    guided: bool,
    /// What the next step does, for whoever is asked.
    about: Option<String>,
    heartbeat: Heartbeat,
    /// While this lives, other processes see the run as alive.
    _tenure: Tenure,
}

impl<'a> Supervisor<'a> {
    /// Begins a run whose plan rests on untrusted text; `input` is what was asked.
    pub async fn begin(
        desk: &'a Desk,
        worker: &Registered,
        level: Level,
        input: &Value,
    ) -> Result<Self, FlowError> {
        let brief = Brief {
            worker,
            workflow: &worker.workflow,
            level,
            input,
            tainted: true,
            snapshot: canonical::digest(input),
            parent: None,
            queue: Queue::Person,
        };
        Self::begin_run(desk, &brief).await
    }

    pub async fn begin_run(desk: &'a Desk, brief: &Brief<'_>) -> Result<Self, FlowError> {
        let run = brief.run(desk, RunState::Running);
        let until = lease_until(run.started);
        let tenure = desk.memory.begin_run(&run, brief.queue, &desk.owner, until).await?;
        Self::take_over(desk, brief, run, tenure).await
    }

    /// Goes on with a run that this process holds the lease of.
    pub async fn take_over(
        desk: &'a Desk,
        brief: &Brief<'_>,
        run: Run,
        tenure: Tenure,
    ) -> Result<Self, FlowError> {
        let memory = desk.memory.holding(&tenure.lease);
        let steps = memory.steps(run.id).await?;
        let worked = |step: &Step| step.ended.map_or(0.0, |end| end.seconds_since(step.started));
        let Standing { bounded, quarantined, .. } =
            standing(desk, brief.worker, brief.workflow, None, None).await?;
        let worker = Worker {
            name: brief.worker.name.clone(),
            owner: brief.worker.owner.clone(),
            level: brief.level,
            quarantined,
            tools: brief.worker.tools.clone(),
        };
        Ok(Self {
            heartbeat: Heartbeat::start(desk, &tenure.lease),
            worker,
            tainted: brief.tainted,
            bounded,
            rollback: false,
            snapshot: brief.snapshot,
            budget_seconds: brief.worker.budget_seconds,
            carried_seconds: steps.iter().map(worked).sum(),
            since: desk.now(),
            steps: steps.iter().map(|step| step.number).max().unwrap_or(0),
            current: None,
            guided: false,
            about: None,
            desk,
            run,
            memory,
            _tenure: tenure,
        })
    }

    /// One step of the workflow; at L1 a person is asked first. Its end is written down however
    /// `work` ends.
    pub async fn step<T>(
        &mut self,
        name: &str,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, FlowError>,
    ) -> Result<T, FlowError> {
        self.check_in().await?;
        self.guided = match self.worker.level {
            Level::L1 => self.guide(name).await?,
            _ => false,
        };
        self.carry_out(name, work).await
    }

    /// A step that takes back what this run itself made: nobody has to say yes to that, and not even
    /// a cancelled run leaves it out.
    pub async fn step_back<T>(
        &mut self,
        name: &str,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, FlowError>,
    ) -> Result<T, FlowError> {
        self.carry_out(name, work).await
    }

    async fn carry_out<T>(
        &mut self,
        name: &str,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, FlowError>,
    ) -> Result<T, FlowError> {
        self.desk.progress.phase(name);
        let step = self.open_step(name).await?;
        let result = work(self).await;
        let state = match &result {
            Ok(_) => StepState::Done,
            Err(FlowError::Refused(_) | FlowError::Run(RunError::Held { .. })) => {
                StepState::Refused
            }
            Err(error) if error.is_stop() => StepState::Interrupted,
            Err(_) => StepState::Failed,
        };
        if result.is_err() {
            self.desk.progress.stopped();
        }
        let note = result.as_ref().err().map(|error| self.hide(&error.to_string()));
        self.close_step(step, state, note).await?;
        result
    }

    pub(crate) async fn open_step(&mut self, name: &str) -> Result<Step, FlowError> {
        self.steps += 1;
        let step = Step {
            id: StepId::new(self.desk.id()),
            run: self.run.id,
            number: self.steps,
            name: name.to_owned(),
            state: StepState::Running,
            note: None,
            started: self.desk.now(),
            ended: None,
        };
        self.memory.begin_step(&step).await?;
        self.current = Some(step.clone());
        Ok(step)
    }

    pub(crate) async fn close_step(
        &mut self,
        step: Step,
        state: StepState,
        note: Option<String>,
    ) -> Result<(), FlowError> {
        let now = self.desk.now();
        self.memory.end_step(&Step { state, note, ended: Some(now), ..step }, now).await?;
        self.current = None;
        self.guided = false;
        Ok(())
    }

    /// Renews the lease and hears whether somebody called the run off.
    async fn check_in(&self) -> Result<Job, FlowError> {
        if self.desk.stop.is_wished() {
            return Err(belay_outside::OutsideError::Stopped.into());
        }
        let until = lease_until(self.desk.now());
        let job = self.memory.renew(self.heartbeat.lease(), until).await?;
        if job.cancel {
            return Err(RunError::Cancelled.into());
        }
        Ok(job)
    }

    /// Whether what is asked next is exactly the recorded inverse of an effect.
    pub(crate) fn taking_back(&mut self, exactly: bool) {
        self.rollback = exactly;
    }

    /// The next step is planned for a world with exactly these inputs; `about` says what it does.
    pub(crate) fn look_at(&mut self, about: String, inputs: &[(String, Digest)]) {
        self.about = Some(about);
        let pairs: Vec<Value> =
            inputs.iter().map(|(path, digest)| json!([path, digest.to_string()])).collect();
        self.snapshot = canonical::digest(&Value::Array(pairs));
    }

    pub(crate) fn level(&self) -> Level {
        self.worker.level
    }

    /// What the guard of a command keeps locked: see [`Memory::guard_mark`].
    pub(crate) fn guard_mark(&self) -> PathBuf {
        self.memory.guard_mark(self.heartbeat.lease())
    }

    /// The number of the step at work, from 1.
    pub(crate) fn step_number(&self) -> i64 {
        self.steps
    }

    /// Writes how a change ended.
    pub async fn settle(
        &self,
        effect: &Effect,
        state: EffectState,
        receipt: &str,
    ) -> Result<(), FlowError> {
        let receipt = self.hide(receipt);
        self.memory.settle(effect, state, &receipt, self.desk.now()).await?;
        Ok(())
    }

    /// Writes down that an effect was taken back.
    pub async fn compensated(&self, effect: &Effect, receipt: &str) -> Result<(), FlowError> {
        self.settle(effect, EffectState::Compensated, receipt).await
    }

    /// Keeps a body with the run, or only its digest.
    pub async fn keep(
        &self,
        name: &str,
        media_type: &str,
        body: &[u8],
        kept: bool,
    ) -> Result<Digest, FlowError> {
        let digest = if kept { self.memory.keep(body).await? } else { Digest::of(body) };
        let artefact = Artefact {
            id: ArtefactId::new(self.desk.id()),
            run: self.run.id,
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            digest,
            bytes: i64::try_from(body.len()).unwrap_or(i64::MAX),
            kept,
            at: self.desk.now(),
        };
        self.memory.add_artefact(&artefact).await?;
        Ok(digest)
    }

    /// The text without secrets.
    pub(crate) fn hide(&self, text: &str) -> String {
        self.desk.redactor.text(text).into_owned()
    }

    /// How long the run has been at work.
    pub fn seconds(&self) -> f64 {
        self.carried_seconds + self.desk.now().seconds_since(self.since).max(0.0)
    }

    pub fn budget_seconds(&self) -> i64 {
        self.budget_seconds
    }

    /// Writes down how the run ended, or came to a stop, without a result.
    pub async fn fail(&self, error: &FlowError) -> Result<(), FlowError> {
        let now = self.desk.now();
        let why = self.hide(&error.to_string());
        let state = match error {
            error if error.is_stop() => {
                self.memory.interrupt(&self.run, "interrupted by its user", now).await?;
                return Ok(());
            }
            FlowError::Refused(refused) if refused.answer == Answer::Hold => RunState::Held,
            FlowError::Run(
                RunError::Held { .. } | RunError::Unclear { .. } | RunError::Assisted { .. },
            ) => RunState::Held,
            FlowError::Run(RunError::Cancelled) => RunState::Cancelled,
            _ => RunState::Failed,
        };
        self.memory.move_run(self.run.id, state, Some(&why), now).await?;
        Ok(())
    }

    /// Ends a run whose result stands without a person.
    pub async fn accept(&self, outcome: &str) -> Result<(), FlowError> {
        let outcome = self.hide(outcome);
        let (id, now) = (self.run.id, self.desk.now());
        self.memory.move_run(id, RunState::Accepted, Some(&outcome), now).await?;
        Ok(())
    }
}
