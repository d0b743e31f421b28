//! Running a team's workflow: one definition for every level, each step asked, done and written down,
//! and taken up again where it stopped.

use std::path::PathBuf;

use belay_gate::{Deed, Matter};
use belay_model::record::{EffectState, Queue, Run, RunState, Step};
use belay_model::{Digest, Level, Risk, canonical};
use belay_outside::{OutsideError, Ran, Script, collect_outputs, digest_inputs, run_script};
use belay_store::Tenure;
use serde_json::{Value, json};

use super::call::{self, Label};
use super::checklist::shell_line;
use super::definition::{Plan, Workflow};
use super::undo::Inverse;
use super::{assisted, unclear};
use crate::level::{Standing, standing};
use crate::registry::{Registered, Registry};
use crate::run_error::RunError;
use crate::runs::is_done;
use crate::supervisor::{Brief, Concluded, Conclusion, Supervisor};
use crate::tools::Tools;
use crate::{Desk, FlowError};

/// The repository that workflows run in.
#[derive(Debug)]
pub struct Ground<'a> {
    /// Its root; commands, inputs and outputs are named from here.
    pub root: PathBuf,
    pub tools: &'a Tools,
    pub registry: &'a Registry,
}

impl Ground<'_> {
    pub fn worker(&self, name: &str) -> Result<&Registered, FlowError> {
        let unknown = || RunError::UnknownWorker { name: name.to_owned() };
        Ok(self.registry.worker(name).ok_or_else(unknown)?)
    }

    pub fn workflow(&self, name: &str) -> Result<&Workflow, FlowError> {
        let unknown = || RunError::NoWorkflow { name: name.to_owned() };
        Ok(self.registry.workflow(name).ok_or_else(unknown)?)
    }
}

/// A run that came to its end, or to a point where a person goes on.
#[derive(Debug)]
pub struct Finished {
    pub run: Run,
    pub steps: Vec<Step>,
    pub concluded: Option<Concluded>,
    /// At L0: the step that a person does next.
    pub next: Option<String>,
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    pub level: Option<Level>,
    /// Leave it to `belay work`.
    pub queued: bool,
}

/// Starts a workflow. Whatever comes of it is in the record from its first moment.
pub async fn start(
    desk: &Desk,
    ground: &Ground<'_>,
    name: &str,
    wish: &Wish,
) -> Result<Finished, FlowError> {
    let workflow = ground.workflow(name)?;
    let worker = ground.worker(&workflow.worker)?;
    let matter = Matter {
        id: workflow.name.clone(),
        owner: worker.owner.clone(),
        author: desk.actor.clone(),
    };
    desk.gate.may(&desk.person(), Deed::Start, &matter)?;
    if let Some(level) = wish.level.filter(|level| *level >= Level::L5) {
        return Err(RunError::AboveCeiling { level, ceiling: worker.ceiling }.into());
    }
    let standing = standing(desk, worker, &workflow.name, workflow.level, wish.level).await?;
    let input = json!({
        "workflow": workflow.name,
        "digest": workflow.digest.to_string(),
        "root": ground.root.to_string_lossy(),
    });
    let queue = if wish.queued { Queue::Workers } else { Queue::Person };
    let brief = brief(worker, workflow, &standing, &input, queue);
    if wish.queued {
        let run = brief.run(desk, RunState::Queued);
        desk.memory.enqueue(&run, queue, 0, desk.now()).await?;
        return Ok(Finished { run, steps: Vec::new(), concluded: None, next: None });
    }
    let run = Supervisor::begin_run(desk, &brief).await?;
    drive(run, ground, workflow).await
}

/// Goes on with a run that this process holds.
pub async fn carry_on(
    desk: &Desk,
    ground: &Ground<'_>,
    name: &str,
    run: Run,
    tenure: Tenure,
) -> Result<Finished, FlowError> {
    let (run, workflow) = take_up(desk, ground, name, run, tenure).await?;
    drive(run, ground, workflow).await
}

/// The run with its workflow, which must be what it was when the run began.
pub(super) async fn take_up<'a>(
    desk: &'a Desk,
    ground: &'a Ground<'_>,
    name: &str,
    run: Run,
    tenure: Tenure,
) -> Result<(Supervisor<'a>, &'a Workflow), FlowError> {
    let input: Value = serde_json::from_str(&run.input).unwrap_or_default();
    let found = ground.workflow(name);
    let same = |workflow: &&Workflow| {
        input.get("digest").and_then(Value::as_str) == Some(workflow.digest.to_string().as_str())
    };
    let workflow = match found {
        Ok(workflow) if same(&workflow) => workflow,
        other => {
            // Nothing was done; whoever looks after the run has to decide.
            desk.memory.park(run.id, desk.now()).await?;
            drop(tenure);
            return Err(other
                .err()
                .unwrap_or_else(|| RunError::Changed { workflow: name.to_owned() }.into()));
        }
    };
    let worker = ground.worker(&workflow.worker)?;
    // A level that was lowered in the meantime binds at once; one that was raised does not.
    let standing = standing(desk, worker, &workflow.name, workflow.level, Some(run.level)).await?;
    let brief = brief(worker, workflow, &standing, &input, Queue::Person);
    Ok((Supervisor::take_over(desk, &brief, run, tenure).await?, workflow))
}

fn brief<'a>(
    worker: &'a Registered,
    workflow: &'a Workflow,
    standing: &Standing,
    input: &'a Value,
    queue: Queue,
) -> Brief<'a> {
    Brief {
        worker,
        workflow: &workflow.name,
        level: standing.level,
        input,
        tainted: workflow.tainted,
        snapshot: canonical::digest(input),
        parent: None,
        queue,
    }
}

async fn drive(
    mut run: Supervisor<'_>,
    ground: &Ground<'_>,
    workflow: &Workflow,
) -> Result<Finished, FlowError> {
    let outcome = match run.level() {
        Level::L0 => assisted::wait(&run, assisted::of_workflow(workflow)).await,
        _ => Box::pin(advance(&mut run, ground, workflow)).await,
    };
    let concluded = match outcome {
        Ok(()) => conclude(&mut run, workflow).await,
        Err(error) => Err(error),
    };
    run.desk.progress.finish();
    match concluded {
        Ok(concluded) => finished(&run, Some(concluded)).await,
        Err(error) => {
            if let Err(unwritten) = run.fail(&error).await {
                let note = format!("how the run ended could not be written down: {unwritten}");
                run.desk.progress.note(&note);
            }
            Err(error)
        }
    }
}

pub(super) async fn finished(
    run: &Supervisor<'_>,
    concluded: Option<Concluded>,
) -> Result<Finished, FlowError> {
    let id = run.run.id;
    let row = run.desk.memory.find_run(&id.to_string(), run.desk.now()).await?;
    Ok(Finished { run: row, steps: run.memory.steps(id).await?, concluded, next: None })
}

async fn advance(
    run: &mut Supervisor<'_>,
    ground: &Ground<'_>,
    workflow: &Workflow,
) -> Result<(), FlowError> {
    for plan in &workflow.steps {
        let steps = run.memory.steps(run.run.id).await?;
        let effects = run.memory.effects(run.run.id).await?;
        if is_done(&plan.id, &steps, &effects) {
            continue;
        }
        let unclear = effects.into_iter().find(|effect| {
            matches!(effect.state, EffectState::Ambiguous | EffectState::Reserved)
                && steps.iter().any(|step| step.id == effect.step && step.name == plan.id)
        });
        if let (Some(effect), None) = (&unclear, &plan.probe) {
            return Err(unclear::unknown(run, plan, effect, "the step has no probe").await?.into());
        }
        let script = script(run, ground, plan)?;
        run.look_at(shell_line(&plan.command), &script.inputs);
        run.step(&plan.id, async |run| {
            if let Some(effect) = unclear
                && unclear::took(run, ground, plan, &effect).await?
            {
                return Ok(());
            }
            carry_out(run, ground, plan, &script).await
        })
        .await?;
    }
    Ok(())
}

/// One step: asked, reserved, run, kept, settled.
async fn carry_out(
    run: &mut Supervisor<'_>,
    ground: &Ground<'_>,
    plan: &Plan,
    script: &Script,
) -> Result<(), FlowError> {
    let (permit, effect) = run.ask(&script.action()).await?;
    let progress = &run.desk.progress;
    // A terminal obeys control characters, and what a command prints is nobody's word.
    let shown = |line: &str| line.replace(char::is_control, " ");
    let said = |line: &str| progress.detail(&shown(&run.desk.redactor.text(line)), None);
    let ran = run_script(permit, script, &run.desk.stop, said).await;
    let failed = |what: String| RunError::StepFailed { step: plan.id.clone(), what };
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => {
            // An error means that the command did not begin.
            if let Some(effect) = &effect {
                run.settle(effect, EffectState::Failed, &error.to_string()).await?;
            }
            return Err(error.into());
        }
    };
    keep_streams(run, plan, &ran).await?;
    let what = call::ending(&ran);
    if ran.stopped {
        if let Some(effect) = &effect {
            run.settle(effect, EffectState::Ambiguous, &what).await?;
        }
        return Err(OutsideError::Stopped.into());
    }
    if !ran.ended_with(&plan.command.expect) {
        if let Some(effect) = &effect {
            unclear::settle_failed(run, ground, plan, effect, &what).await?;
        }
        return Err(failed(what).into());
    }
    let outputs = collect_outputs(&ground.root, &plan.outputs);
    // What was decided on is what was there when it began; what it read later may be something else.
    let now = digest_inputs(&ground.root, &script.patterns).unwrap_or_default();
    let moved = script.inputs.iter().find(|input| !now.contains(input)).map(|(path, _)| path);
    let receipt = match moved {
        Some(path) => format!("{what}; its input `{path}` changed while it ran"),
        None => what.clone(),
    };
    if let Some(path) = moved {
        run.desk
            .progress
            .note(&format!("step `{}`: its input `{path}` changed while it ran", plan.id));
    }
    if let Some(effect) = &effect {
        run.settle(effect, EffectState::Committed, &receipt).await?;
    }
    let outputs = outputs?;
    for output in outputs.files {
        let name = format!("{:02}-{}/{}", run.step_number(), plan.id, output.path);
        let kept = output.body.is_some();
        let body = output.body.unwrap_or_default();
        let body = run.desk.redactor.bytes(&body).into_owned();
        run.keep(&name, media_type(&output.path), &body, kept).await?;
    }
    match outputs.missing.first() {
        Some(pattern) => Err(failed(format!("{what}, but without its output `{pattern}`")).into()),
        None => Ok(()),
    }
}

async fn keep_streams(run: &Supervisor<'_>, plan: &Plan, ran: &Ran) -> Result<(), FlowError> {
    for (stream, body) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        let name = format!("{:02}-{}.{stream}", run.step_number(), plan.id);
        let body = run.desk.redactor.bytes(body).into_owned();
        run.keep(&name, "text/plain", &body, true).await?;
    }
    Ok(())
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("json") => "application/json",
        Some("html") => "text/html",
        Some("md") => "text/markdown",
        Some("csv") => "text/csv",
        Some("txt" | "log" | "sql") => "text/plain",
        _ => "application/octet-stream",
    }
}

/// The plan as something that can be run here and now: its inputs digested, its inverse beside it.
pub(super) fn script(
    run: &Supervisor<'_>,
    ground: &Ground<'_>,
    plan: &Plan,
) -> Result<Script, FlowError> {
    let no_verb = || FlowError::Render { message: format!("step `{}` has no verb", plan.id) };
    let verb = plan.verb().ok_or_else(no_verb)?;
    let patterns = plan.bound_files();
    let label = |action| Label::of_step(run, &plan.id, action);
    let unlabelled = label(Digest::of(""));
    let script = Script {
        targets: plan.targets,
        sensitive: plan.sensitive,
        inputs: digest_inputs(&ground.root, &patterns)?,
        patterns,
        inverse: Inverse::of(plan, &ground.root)?.map(|inverse| inverse.text()),
        ..call::script(ground, verb, call::resource(plan), &plan.command, &unlabelled)
    };
    let key = label(script.action().digest()).key.to_string();
    Ok(Script { idempotency_key: key, ..script })
}

/// Writes the result down and says who has to look at it.
pub(super) async fn conclude(
    run: &mut Supervisor<'_>,
    workflow: &Workflow,
) -> Result<Concluded, FlowError> {
    let id = run.run.id;
    let steps = run.memory.steps(id).await?;
    let decisions = run.memory.decisions(id).await?;
    let risk = decisions.iter().map(|decision| decision.risk).max().unwrap_or(Risk::R0);
    let rows: Vec<Value> = steps
        .iter()
        .map(|step| json!({"number": step.number, "step": step.name, "state": step.state.as_str()}))
        .collect();
    let result = json!({
        "schema": "belay.workflow-result/1",
        "workflow": workflow.name,
        "purpose": workflow.purpose,
        "level": run.level().to_string(),
        "risk": risk.to_string(),
        "steps": rows,
    });
    let body = canonical::json(&result);
    let subject = run.keep("result.json", "application/json", body.as_bytes(), true).await?;
    let title = format!("{}: {} steps done", workflow.name, workflow.steps.len());
    let outcome = format!("done, risk {risk}");
    let end = Conclusion {
        kind: "workflow-result",
        subject,
        title: &title,
        outcome: &outcome,
        low_risk: risk <= Risk::R1,
    };
    run.conclude(&end).await
}
