//! Runs over time: taken up again, called off, reported by a person, made clear.

use belay_gate::{Deed, Matter};
use belay_model::ControlId;
use belay_model::record::{Control, Effect, EffectState, Run, RunState, Step, StepState};
use belay_store::Tenure;

use crate::impact;
use crate::rollback::{self, RolledBack};
use crate::run_error::RunError;
use crate::supervisor::lease_until;
use crate::workflow::{self, Finished, Ground};
use crate::{Desk, FlowError};

/// What became of a run that was taken up.
#[derive(Debug)]
pub enum Resumed {
    Impact(Box<impact::Reviewed>),
    Workflow(Finished),
    Rollback(RolledBack),
}

/// Takes a run up where it stopped. No change of the outside is made twice: a workflow goes on after
/// the steps that are done, a review takes its scratch back and begins again.
pub async fn resume(
    desk: &Desk,
    ground: &Ground<'_>,
    settings: &impact::Settings,
    text: &str,
) -> Result<Resumed, FlowError> {
    let run = desk.memory.find_run(text, desk.now()).await?;
    may(desk, &run, Deed::Start)?;
    let resumable = matches!(
        run.state,
        RunState::Interrupted | RunState::Held | RunState::Queued | RunState::Running
    );
    if !resumable {
        let wanted = "interrupted, held or queued";
        return Err(
            RunError::NotNow { run: run.id.short(), state: run.state.to_string(), wanted }.into()
        );
    }
    let now = desk.now();
    let (run, _, tenure) = desk.memory.take(run.id, &desk.owner, now, lease_until(now)).await?;
    carry_on(desk, ground, settings, run, tenure).await
}

/// Goes on with a run that this process holds.
pub async fn carry_on(
    desk: &Desk,
    ground: &Ground<'_>,
    settings: &impact::Settings,
    run: Run,
    tenure: Tenure,
) -> Result<Resumed, FlowError> {
    if let Some(name) = workflow::name_of(&run.workflow) {
        let name = name.to_owned();
        let finished = workflow::carry_on(desk, ground, &name, run, tenure);
        return Box::pin(finished).await.map(Resumed::Workflow);
    }
    if run.workflow == impact::WORKFLOW {
        let reviewed =
            Box::pin(impact::carry_on(desk, ground.tools, settings, run, tenure)).await?;
        return Ok(Resumed::Impact(Box::new(reviewed)));
    }
    if run.workflow == rollback::WORKFLOW {
        let done = rollback::carry_on(desk, ground, run, tenure);
        return Box::pin(done).await.map(Resumed::Rollback);
    }
    let workflow = run.workflow.clone();
    let outcome = Some("it cannot be taken up again");
    desk.memory.move_run(run.id, RunState::Failed, outcome, desk.now()).await?;
    Err(RunError::NotResumable { workflow }.into())
}

/// Calls a run off. One that is at work stops before its next step; any other is over at once.
pub async fn cancel(desk: &Desk, text: &str, reason: &str) -> Result<Run, FlowError> {
    let run = desk.memory.find_run(text, desk.now()).await?;
    may(desk, &run, Deed::Cancel)?;
    if run.state.is_over() && run.state != RunState::Interrupted {
        let wanted = "queued, running, held or interrupted";
        return Err(
            RunError::NotNow { run: run.id.short(), state: run.state.to_string(), wanted }.into()
        );
    }
    let now = desk.now();
    let person = desk.person();
    let asked = Control {
        id: ControlId::new(desk.id()),
        name: Control::of_cancel(run.id),
        value: "on".to_owned(),
        by: person.name,
        identity: person.identity,
        reason: desk.redactor.text(reason).into_owned(),
        at: now,
    };
    desk.memory.ask_cancel(run.id, &asked).await?;
    if run.state == RunState::Running {
        return Ok(run);
    }
    let outcome = format!("cancelled by {}: {}", desk.actor, desk.redactor.text(reason));
    Ok(desk.memory.move_run(run.id, RunState::Cancelled, Some(&outcome), now).await?)
}

/// What a person reports of a step at L0.
#[derive(Debug, Clone)]
pub struct Report {
    pub step: String,
    /// The exit code that the person saw.
    pub exit: i32,
    pub note: Option<String>,
    /// Files with what the step printed or made.
    pub attach: Vec<(String, Vec<u8>)>,
}

/// Takes back what a person reports at L0.
pub async fn report(
    desk: &Desk,
    ground: &Ground<'_>,
    settings: &impact::Settings,
    text: &str,
    report: &Report,
) -> Result<Finished, FlowError> {
    let run = desk.memory.find_run(text, desk.now()).await?;
    may(desk, &run, Deed::ReportStep)?;
    let held = run.state == RunState::Held && run.level == belay_model::Level::L0;
    if !held {
        let wanted = "held at L0";
        return Err(
            RunError::NotNow { run: run.id.short(), state: run.state.to_string(), wanted }.into()
        );
    }
    let now = desk.now();
    let (run, _, tenure) = desk.memory.take(run.id, &desk.owner, now, lease_until(now)).await?;
    workflow::assisted::take_report(desk, ground, settings, run, tenure, report).await
}

/// A person says whether an unclear change took.
pub async fn resolve(
    desk: &Desk,
    text: &str,
    step: &str,
    took: bool,
    reason: &str,
) -> Result<Effect, FlowError> {
    if reason.trim().is_empty() {
        return Err(FlowError::NoReason);
    }
    let run = desk.memory.find_run(text, desk.now()).await?;
    may(desk, &run, Deed::Resolve)?;
    let steps = desk.memory.steps(run.id).await?;
    let effects = desk.memory.effects(run.id).await?;
    let of_step = |effect: &&Effect| {
        effect.state == EffectState::Ambiguous
            && steps.iter().any(|row| row.id == effect.step && row.name == step)
    };
    let Some(effect) = effects.iter().find(of_step) else {
        return Err(RunError::NothingUnclear { step: step.to_owned() }.into());
    };
    let (state, word) = if took {
        (EffectState::Committed, "it took")
    } else {
        (EffectState::Failed, "it did not take")
    };
    let reason = desk.redactor.text(reason);
    let receipt = format!("{} (asserted) says {word}: {reason}", desk.actor);
    let settled = desk.memory.settle(effect, state, &receipt, desk.now()).await?;
    if run.state == RunState::Held {
        desk.memory.wake(run.id, desk.now()).await?;
    }
    Ok(settled)
}

pub(crate) fn may(desk: &Desk, run: &Run, deed: Deed) -> Result<(), FlowError> {
    let matter = Matter { id: run.id.to_string(), owner: String::new(), author: run.actor.clone() };
    Ok(desk.gate.may(&desk.person(), deed, &matter)?)
}

/// Whether the step called `name` is done, by its row or by an effect that is known to have taken.
pub(crate) fn is_done(name: &str, steps: &[Step], effects: &[Effect]) -> bool {
    steps.iter().filter(|step| step.name == name).any(|step| {
        step.state == StepState::Done
            || effects
                .iter()
                .any(|effect| effect.step == step.id && effect.state == EffectState::Committed)
    })
}
