//! A change of which nobody knows whether it took: asked of the world, never blindly repeated.

use belay_model::record::{Effect, EffectState};
use belay_model::{Class, Verb};
use belay_outside::{Script, run_script};

use super::call::{self, Label};
use super::definition::{Plan, Probe};
use super::run::Ground;
use crate::FlowError;
use crate::run_error::RunError;
use crate::supervisor::Supervisor;

/// What a probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Took,
    Absent,
    Unknown,
}

/// Clears up an effect that a crash left open: `true` when it took and the step is done, `false` when
/// it did not and may be done now. What cannot be told is held for a person.
pub(super) async fn took(
    run: &mut Supervisor<'_>,
    ground: &Ground<'_>,
    plan: &Plan,
    effect: &Effect,
) -> Result<bool, FlowError> {
    let (found, why) = probe(run, ground, plan).await?;
    match found {
        Found::Took => {
            run.settle(effect, EffectState::Committed, &why).await?;
            Ok(true)
        }
        Found::Absent => {
            run.settle(effect, EffectState::Failed, &why).await?;
            Ok(false)
        }
        Found::Unknown => Err(unknown(run, plan, effect, &why).await?.into()),
    }
}

/// The error that leaves an effect to a person.
pub(super) async fn unknown(
    run: &Supervisor<'_>,
    plan: &Plan,
    effect: &Effect,
    why: &str,
) -> Result<RunError, FlowError> {
    if effect.state == EffectState::Reserved {
        run.settle(effect, EffectState::Ambiguous, why).await?;
    }
    let (run, step) = (run.run.id.short(), plan.id.clone());
    Ok(RunError::Unclear { run, step, why: why.to_owned() })
}

/// Settles a change whose command ended as it should not have.
pub(super) async fn settle_failed(
    run: &mut Supervisor<'_>,
    ground: &Ground<'_>,
    plan: &Plan,
    effect: &Effect,
    what: &str,
) -> Result<(), FlowError> {
    let (found, why) = probe(run, ground, plan).await?;
    let state = match found {
        Found::Took => EffectState::Committed,
        Found::Absent => EffectState::Failed,
        Found::Unknown => EffectState::Ambiguous,
    };
    run.settle(effect, state, &format!("{what}; {why}")).await
}

async fn probe(
    run: &mut Supervisor<'_>,
    ground: &Ground<'_>,
    plan: &Plan,
) -> Result<(Found, String), FlowError> {
    let Some(probe) = &plan.probe else {
        return Ok((Found::Unknown, "the step has no probe".to_owned()));
    };
    let script = script(run, ground, plan, probe)?;
    let (permit, _) = run.ask(&script.action()).await?;
    let ran = run_script(permit, &script, &run.desk.stop, |_| ()).await?;
    let Some(code) = ran.code.filter(|_| !ran.timed_out && !ran.stopped) else {
        return Ok((Found::Unknown, format!("the probe ended with {}", call::ending(&ran))));
    };
    let (found, word) = if probe.done.contains(&code) {
        (Found::Took, "it took")
    } else if probe.absent.contains(&code) {
        (Found::Absent, "it did not take")
    } else {
        (Found::Unknown, "it cannot tell")
    };
    Ok((found, format!("the probe says {word} (exit {code})")))
}

fn script(
    run: &Supervisor<'_>,
    ground: &Ground<'_>,
    plan: &Plan,
    probe: &Probe,
) -> Result<Script, FlowError> {
    let verb = Verb::script(Class::Read)
        .ok_or_else(|| FlowError::Render { message: "reading has no verb".to_owned() })?;
    // The key is that of the change which is looked for.
    let change = super::run::script(run, ground, plan)?.action();
    let label = Label::of_step(run, &plan.id, change.digest());
    Ok(call::script(ground, verb, call::resource(plan), &probe.command, &label))
}
