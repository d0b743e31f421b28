//! Taking a run back: the inverses of its effects, last first, through the gate.

use belay_gate::Deed;
use belay_model::record::{Answer, Effect, EffectState, Queue, ROLLBACK, Run, RunState};
use belay_model::{Action, Class, Digest, Verb, canonical};
use belay_outside::{Script, run_script};
use belay_store::Tenure;
use serde_json::{Value, json};

use crate::impact::scratch::Claim;
use crate::level::standing;
use crate::registry::Registered;
use crate::run_error::RunError;
use crate::runs::may;
use crate::supervisor::{Brief, Supervisor};
use crate::workflow::call::{Label, ending};
use crate::workflow::{Ground, undo};
use crate::{Desk, FlowError};

/// The workflow's name in the record.
pub const WORKFLOW: &str = ROLLBACK;

/// One thing to take back.
#[derive(Debug, Clone)]
pub struct Undo {
    pub effect: Effect,
    /// What would be done, in words; `None`: there is no way back that belay could take.
    pub how: Option<String>,
}

/// A rollback that was carried out.
#[derive(Debug)]
pub struct RolledBack {
    /// The run that took back; none when there was nothing to do.
    pub run: Option<Run>,
    pub undone: Vec<Undo>,
    /// What stays, because it says of itself that it cannot be taken back.
    pub left: Vec<Undo>,
}

/// What taking `text` back would do, in order.
pub async fn plan(desk: &Desk, text: &str) -> Result<(Run, Vec<Undo>), FlowError> {
    let run = desk.memory.find_run(text, desk.now()).await?;
    let mut effects = desk.memory.effects(run.id).await?;
    effects.retain(|effect| {
        matches!(effect.state, EffectState::Committed | EffectState::Ambiguous)
            && Verb::parse(&effect.verb).map(Verb::class) != Some(Class::Report)
    });
    effects.reverse();
    let undo = |effect: Effect| {
        let how = effect.inverse.as_deref().and_then(|inverse| way(run.id, inverse));
        Undo { effect, how }
    };
    let undos = effects.into_iter().map(undo).collect();
    Ok((run, undos))
}

fn way(run: belay_model::RunId, inverse: &str) -> Option<String> {
    let claim = Claim::from_inverse(inverse).filter(|claim| claim.prefix == Claim::prefix_of(run));
    if let Some(claim) = claim {
        return Some(format!("drop the schemas `{}*`", claim.prefix));
    }
    undo::Inverse::parse(inverse).map(|inverse| inverse.line())
}

/// Takes a run back, as a run of its own. A person asks for it; each inverse is exactly the one that
/// was part of the permitted action, and the gate is asked again.
pub async fn roll_back(
    desk: &Desk,
    ground: &Ground<'_>,
    text: &str,
) -> Result<RolledBack, FlowError> {
    let (run, undos) = plan(desk, text).await?;
    may(desk, &run, Deed::RollBack)?;
    if !run.state.is_over() && run.state != RunState::Held {
        let wanted = "over or held; cancel it first";
        return Err(
            RunError::NotNow { run: run.id.short(), state: run.state.to_string(), wanted }.into()
        );
    }
    let runs = desk.memory.runs(desk.now()).await?;
    let unfinished = |other: &&Run| {
        let goes_on = !other.state.is_over() || other.state == RunState::Interrupted;
        other.parent == Some(run.id) && other.workflow == WORKFLOW && goes_on
    };
    if let Some(other) = runs.iter().find(unfinished) {
        let (run, state) = (other.id.short(), other.state.to_string());
        return Err(RunError::TakingBack { run, state }.into());
    }
    let (undos, left): (Vec<Undo>, Vec<Undo>) =
        undos.into_iter().partition(|undo| undo.how.is_some());
    if undos.is_empty() {
        return Ok(RolledBack { run: None, undone: undos, left });
    }
    whole(desk, &run).await?;
    let worker = ground.worker(&run.worker)?;
    let input = json!({"rollback": run.id.to_string()});
    let brief = brief(desk, worker, &run, &input).await?;
    let back = Supervisor::begin_run(desk, &brief).await?;
    if matches!(run.state, RunState::Held | RunState::Interrupted) {
        // It would go on from steps whose effects are gone.
        let outcome = format!("taken back by run {}", back.run.id.short());
        desk.memory.move_run(run.id, RunState::Cancelled, Some(&outcome), desk.now()).await?;
    }
    drive(back, ground, &run, undos, left).await
}

/// Goes on with a rollback that this process holds: with what is not taken back yet.
pub async fn carry_on(
    desk: &Desk,
    ground: &Ground<'_>,
    back: Run,
    tenure: Tenure,
) -> Result<RolledBack, FlowError> {
    let parent = back.parent.map(|parent| parent.to_string()).unwrap_or_default();
    let (run, undos) = plan(desk, &parent).await?;
    let (undos, left) = undos.into_iter().partition(|undo| undo.how.is_some());
    whole(desk, &run).await?;
    let worker = ground.worker(&run.worker)?;
    let input = json!({"rollback": run.id.to_string()});
    let brief = brief(desk, worker, &run, &input).await?;
    let back = Supervisor::take_over(desk, &brief, back, tenure).await?;
    drive(back, ground, &run, undos, left).await
}

/// A record that somebody changed says nothing about what there is to take back.
async fn whole(desk: &Desk, run: &Run) -> Result<(), FlowError> {
    let record = crate::trace::load(desk, run.clone()).await?;
    match belay_score::faults(&record).into_iter().next() {
        Some(fault) => Err(RunError::NotWhole { run: run.id.short(), fault }.into()),
        None => Ok(()),
    }
}

async fn brief<'a>(
    desk: &Desk,
    worker: &'a Registered,
    run: &Run,
    input: &'a Value,
) -> Result<Brief<'a>, FlowError> {
    Ok(Brief {
        worker,
        workflow: WORKFLOW,
        level: standing(desk, worker, &run.workflow, None, None).await?.level,
        input,
        tainted: false,
        snapshot: canonical::digest(input),
        parent: Some(run.id),
        queue: Queue::Person,
    })
}

async fn drive(
    mut back: Supervisor<'_>,
    ground: &Ground<'_>,
    run: &Run,
    undone: Vec<Undo>,
    left: Vec<Undo>,
) -> Result<RolledBack, FlowError> {
    back.taking_back(true);
    let mut outcome = Ok(());
    for undo in &undone {
        outcome = take_back(&mut back, ground, run, undo).await;
        if outcome.is_err() {
            break;
        }
    }
    let desk = back.desk;
    desk.progress.finish();
    match outcome {
        Ok(()) => {
            back.accept(&format!("run {} was taken back", run.id.short())).await?;
            let row = desk.memory.find_run(&back.run.id.to_string(), desk.now()).await?;
            Ok(RolledBack { run: Some(row), undone, left })
        }
        Err(error) => {
            back.fail(&error).await?;
            Err(error)
        }
    }
}

async fn take_back(
    back: &mut Supervisor<'_>,
    ground: &Ground<'_>,
    run: &Run,
    undo: &Undo,
) -> Result<(), FlowError> {
    let effect = &undo.effect;
    permitted(back, effect).await?;
    let name = name_of(back, effect).await?;
    let inverse = effect.inverse.clone().unwrap_or_default();
    let claim =
        Claim::from_inverse(&inverse).filter(|claim| claim.prefix == Claim::prefix_of(run.id));
    // What an earlier attempt began is not done again; dropping scratch may be.
    let begun = if claim.is_none() { begun(back, &name).await? } else { None };
    match begun {
        // It was cut off after the inverse, before that was written down with the effect.
        Some(own) if own.state == EffectState::Committed => {
            return done(back, effect, &own.receipt.unwrap_or_default()).await;
        }
        Some(_) => {
            let (run, step) = (back.run.id.short(), name);
            let why = "the inverse was begun, and nobody saw it end".to_owned();
            return Err(RunError::Unclear { run, step, why }.into());
        }
        None => (),
    }
    back.step_back(&name, async |back| {
        if let Some(claim) = claim {
            let dropped = claim.take_back(back, ground.tools).await?;
            return done(back, effect, &format!("dropped {}", dropped.join(", "))).await;
        }
        let Some(inverse) = undo::Inverse::parse(&inverse) else {
            let (verb, target) = (effect.verb.clone(), effect.target.clone());
            return Err(RunError::NoWayBack { verb, target }.into());
        };
        // A file that is not what it was makes it another command: asked like any other.
        let (files, same) = inverse.files_now(&ground.root);
        back.taking_back(same);
        if !same {
            let note = format!("a file of the way back changed since: {}", inverse.line());
            back.desk.progress.note(&note);
        }
        let script = script(back, ground, effect, &inverse, files);
        let (permit, own) = back.ask(&script.action()).await?;
        let ran = run_script(permit, &script, &back.desk.stop, |_| ()).await;
        let (state, receipt, failed) = match &ran {
            Ok(ran) if ran.ended_with(&inverse.command.expect) => {
                (EffectState::Committed, ending(ran), None)
            }
            Ok(ran) => (EffectState::Ambiguous, ending(ran), Some(ending(ran))),
            Err(error) => (EffectState::Ambiguous, error.to_string(), Some(error.to_string())),
        };
        if let Ok(ran) = &ran {
            for (stream, body) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
                let name = format!("{:02}-undo.{stream}", back.step_number());
                let body = back.desk.redactor.bytes(body).into_owned();
                back.keep(&name, "text/plain", &body, true).await?;
            }
        }
        if let Some(own) = &own {
            back.settle(own, state, &receipt).await?;
        }
        match failed {
            None => done(back, effect, &receipt).await,
            Some(what) => Err(RunError::StepFailed { step: name.clone(), what }.into()),
        }
    })
    .await
}

/// The name of the step that takes `effect` back: that of the step which made it, of which a workflow
/// has one.
async fn name_of(back: &Supervisor<'_>, effect: &Effect) -> Result<String, FlowError> {
    let steps = back.desk.memory.steps(effect.run).await?;
    let step = steps.into_iter().find(|step| step.id == effect.step);
    Ok(step.map_or_else(|| format!("undo-{}", effect.id), |step| format!("undo-{}", step.name)))
}

/// What an earlier attempt of this rollback did in the step `name`: done, or nobody knows.
async fn begun(back: &Supervisor<'_>, name: &str) -> Result<Option<Effect>, FlowError> {
    let steps = back.memory.steps(back.run.id).await?;
    let of_step = |effect: &Effect| {
        steps.iter().any(|step| step.id == effect.step && step.name == name)
            && effect.state != EffectState::Failed
    };
    let effects = back.memory.effects(back.run.id).await?;
    Ok(effects.into_iter().rev().find(of_step))
}

/// The inverse must be the one that was part of the permitted action: a row that somebody changed
/// since takes nothing back.
async fn permitted(back: &Supervisor<'_>, effect: &Effect) -> Result<(), FlowError> {
    let decisions = back.desk.memory.decisions(effect.run).await?;
    let own = decisions.iter().find(|decision| decision.id == effect.decision);
    let same = own.is_some_and(|decision| {
        let action = Action::parse(&decision.action);
        decision.answer == Answer::Permit
            && Digest::of(&decision.action) == effect.action_digest
            && decision.action_digest == effect.action_digest
            && action.is_some_and(|action| action.inverse == effect.inverse)
    });
    if same {
        return Ok(());
    }
    let (verb, target) = (effect.verb.clone(), effect.target.clone());
    Err(RunError::NoWayBack { verb, target }.into())
}

/// The effect of the first run is taken back, by the second.
async fn done(back: &Supervisor<'_>, effect: &Effect, receipt: &str) -> Result<(), FlowError> {
    let receipt = format!("taken back by run {}: {receipt}", back.run.id.short());
    // It is a row of another run than the one that this process holds the lease of.
    let memory = &back.desk.memory;
    memory.settle(effect, EffectState::Compensated, &receipt, back.desk.now()).await?;
    Ok(())
}

fn script(
    back: &Supervisor<'_>,
    ground: &Ground<'_>,
    effect: &Effect,
    inverse: &undo::Inverse,
    files: Vec<(String, Digest)>,
) -> Script {
    let key = Digest::of(format!("{}\0undo\0{}", effect.run, effect.id));
    let (run, mark) = (back.run.id, back.guard_mark());
    let label = Label { run, step: "undo".to_owned(), key, mark };
    inverse.script(ground, files, &label)
}
