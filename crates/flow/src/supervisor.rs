//! A run under supervision: what happens is asked of the gate, written down before it is done, and
//! written down again when it is over.

use belay_gate::{Circumstances, Permit, Ruling, Worker};
use belay_model::record::{
    Answer, Artefact, Decision, Effect, EffectState, Queue, Run, RunState, Step, StepState,
};
use belay_model::{
    Action, ArtefactId, Class, DecisionId, Digest, EffectId, Level, RunId, StepId, Timestamp,
    canonical,
};
use belay_store::Reservation;
use serde_json::Value;

use crate::worker::Registered;
use crate::{Desk, FlowError};

/// How long a lease lasts on machines that cannot see this process, in nanoseconds.
const LEASE: i64 = 60 * 60 * 1_000_000_000;

/// One run, from its first row to its last.
#[derive(Debug)]
pub struct Supervisor<'a> {
    pub desk: &'a Desk,
    pub run: Run,
    worker: Worker,
    tools: Vec<belay_model::Verb>,
    budget_seconds: i64,
    steps: i64,
    current: Option<Step>,
    /// While this lives, other processes see the run as alive.
    _tenure: belay_store::Tenure,
}

impl<'a> Supervisor<'a> {
    /// Begins a run; `input` is what was asked.
    pub async fn begin(
        desk: &'a Desk,
        registered: &Registered,
        level: Level,
        input: &Value,
    ) -> Result<Self, FlowError> {
        let run = Run {
            id: RunId::new(desk.id()),
            workflow: registered.workflow.clone(),
            worker: registered.name.clone(),
            worker_digest: registered.digest,
            trigger: "cli".to_owned(),
            actor: desk.actor.clone(),
            level,
            policy: desk.gate.digest(),
            parent: None,
            input: canonical::json(input),
            state: RunState::Running,
            outcome: None,
            started: desk.now(),
            ended: None,
        };
        let owner = desk.memory.owner(std::process::id());
        let until = Timestamp::from_nanos(run.started.nanos() + LEASE);
        let begun = desk.memory.begin_run(&run, Queue::Person, &owner, until);
        let tenure = begun.await?;
        let worker = Worker {
            name: registered.name.clone(),
            owner: registered.owner.clone(),
            level,
            quarantined: false,
        };
        let tools = registered.tools.clone();
        let budget_seconds = registered.budget_seconds;
        Ok(Self {
            desk,
            run,
            worker,
            tools,
            budget_seconds,
            steps: 0,
            current: None,
            _tenure: tenure,
        })
    }

    /// One step of the workflow. Its end is written down however `work` ends.
    pub async fn step<T>(
        &mut self,
        name: &str,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, FlowError>,
    ) -> Result<T, FlowError> {
        self.desk.progress.phase(name);
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
        self.desk.memory.begin_step(&step).await?;
        self.current = Some(step.clone());
        let result = work(self).await;
        let state = match &result {
            Ok(_) => StepState::Done,
            Err(FlowError::Refused(_)) => StepState::Refused,
            Err(error) if error.is_stop() => StepState::Interrupted,
            Err(_) => StepState::Failed,
        };
        let note = result.as_ref().err().map(ToString::to_string);
        let now = self.desk.now();
        let ended = Step { state, note, ended: Some(now), ..step };
        self.desk.memory.end_step(&ended, now).await?;
        self.current = None;
        result
    }

    /// Does one action: asks, reserves, does, settles. Reading is asked and written down too, but
    /// leaves no effect.
    pub async fn perform<T, E: Into<FlowError>>(
        &mut self,
        action: &Action,
        work: impl AsyncFnOnce(Permit) -> Result<T, E>,
    ) -> Result<T, FlowError> {
        let (permit, effect) = self.ask(action).await?;
        let result = work(permit).await.map_err(Into::into);
        let Some(effect) = effect else { return result };
        let (state, receipt) = match &result {
            Ok(_) => (EffectState::Committed, "done".to_owned()),
            // What has an inverse may have been done in part: it stays open until it is taken back.
            Err(error) if effect.inverse.is_some() => (EffectState::Ambiguous, error.to_string()),
            Err(error) => (EffectState::Failed, error.to_string()),
        };
        self.desk.memory.settle(&effect, state, &receipt, self.desk.now()).await?;
        result
    }

    /// The gate's answer to an action, written down; for a change, with its effect reserved.
    pub async fn ask(&mut self, action: &Action) -> Result<(Permit, Option<Effect>), FlowError> {
        if self.desk.stop.is_asked() && action.verb != belay_model::Verb::DropScratch {
            return Err(belay_outside::OutsideError::Stopped.into());
        }
        let ruling = self.rule(action);
        let decision = self.decision(action, &ruling)?;
        let changes = ruling.answer == Answer::Permit && action.verb.class() != Class::Read;
        let effect = changes.then(|| self.effect(action, &decision));
        let reservation =
            Reservation { decision: &decision, effect: effect.as_ref(), spends: None };
        self.desk.memory.reserve(reservation).await?;
        Ok((ruling.permit()?, effect))
    }

    fn rule(&self, action: &Action) -> Ruling {
        let now = self.desk.now();
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
        let spent_seconds = now.seconds_since(self.run.started).max(0.0) as i64;
        let circumstances = Circumstances {
            learned: false,
            // A pull request is text that others wrote. It may only ever touch scratch.
            tainted: true,
            spent_seconds,
            budget_seconds: self.budget_seconds,
            approval: None,
            now,
        };
        let mut worker = self.worker.clone();
        // A tool that the registry does not list is none of this worker's: as good as quarantined.
        worker.quarantined |= !self.tools.contains(&action.verb);
        self.desk.gate.decide(&worker, action, circumstances)
    }

    fn decision(&self, action: &Action, ruling: &Ruling) -> Result<Decision, FlowError> {
        let step = self.current.as_ref().map(|step| step.id);
        let unasked = || FlowError::Render { message: "an action outside of any step".to_owned() };
        Ok(Decision {
            id: DecisionId::new(self.desk.id()),
            run: self.run.id,
            step: step.ok_or_else(unasked)?,
            principal: self.worker.name.clone(),
            action: canonical::json(&action.canonical()),
            action_digest: action.digest(),
            risk: ruling.assessment.risk,
            risk_reasons: ruling.assessment.reasons.clone(),
            level: ruling.level,
            answer: ruling.answer,
            determining: ruling.determining.clone(),
            missing: ruling.missing.clone(),
            policy: self.desk.gate.digest(),
            circumstances: String::new(),
            approval: None,
            at: self.desk.now(),
        })
    }

    fn effect(&self, action: &Action, decision: &Decision) -> Effect {
        let digest = action.digest();
        Effect {
            id: EffectId::new(self.desk.id()),
            run: self.run.id,
            step: decision.step,
            decision: decision.id,
            action_digest: digest,
            idempotency_key: Digest::of(format!("{}\0{}\0{digest}", self.run.id, decision.step)),
            verb: action.verb.as_str().to_owned(),
            target: action.resource.name.clone(),
            inverse: action.inverse.clone(),
            state: EffectState::Reserved,
            receipt: None,
            reserved: self.desk.now(),
            settled: None,
        }
    }

    /// Writes down that an effect was taken back.
    pub async fn compensated(&self, effect: &Effect, receipt: &str) -> Result<(), FlowError> {
        let state = EffectState::Compensated;
        self.desk.memory.settle(effect, state, receipt, self.desk.now()).await?;
        Ok(())
    }

    /// Keeps a body with the run, or only its digest.
    pub async fn keep(
        &self,
        name: &str,
        media_type: &str,
        body: &[u8],
        kept: bool,
    ) -> Result<Digest, FlowError> {
        let digest = if kept { self.desk.memory.keep(body).await? } else { Digest::of(body) };
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
        self.desk.memory.add_artefact(&artefact).await?;
        Ok(digest)
    }

    pub fn seconds(&self) -> f64 {
        self.desk.now().seconds_since(self.run.started)
    }

    pub fn budget_seconds(&self) -> i64 {
        self.budget_seconds
    }

    /// Writes down how the run ended when it did not come to a report.
    pub async fn fail(&self, error: &FlowError) -> Result<(), FlowError> {
        let now: Timestamp = self.desk.now();
        let memory = &self.desk.memory;
        let why = error.to_string();
        match error {
            error if error.is_stop() => {
                memory.interrupt(&self.run, "interrupted by its user", now).await?
            }
            FlowError::Refused(refused) if refused.answer == Answer::Hold => {
                memory.move_run(self.run.id, RunState::Held, Some(&why), now).await?
            }
            _ => memory.move_run(self.run.id, RunState::Failed, Some(&why), now).await?,
        };
        Ok(())
    }
}
