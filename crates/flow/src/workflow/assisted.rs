//! L0: belay prints what to do, a person does it and reports back.

use belay_model::record::{Run, StepState};
use belay_model::{Action, Resource, Verb, Zone, canonical};
use belay_store::Tenure;
use serde_json::json;

use super::Checklist;
use super::definition::Workflow;
use super::run::{Finished, Ground, conclude, finished, script, take_up};
use crate::run_error::RunError;
use crate::runs::{Report, is_done};
use crate::supervisor::{Brief, Conclusion, Supervisor};
use crate::{Desk, FlowError, impact};

/// The name of the artefact.
pub const CHECKLIST: &str = "checklist.txt";

/// What a person does, step by step.
#[must_use]
pub fn of_workflow(workflow: &Workflow) -> Vec<Checklist> {
    workflow.steps.iter().map(super::definition::Plan::checklist).collect()
}

/// Keeps the checklist with the run and says that a person goes on. Once every step is reported, there
/// is nothing to wait for.
pub(crate) async fn wait(run: &Supervisor<'_>, items: Vec<Checklist>) -> Result<(), FlowError> {
    let steps = run.memory.steps(run.run.id).await?;
    let open: Vec<&Checklist> =
        items.iter().filter(|item| !is_done(&item.step, &steps, &[])).collect();
    let Some(next) = open.first() else { return Ok(()) };
    let kept = run.memory.artefacts(run.run.id).await?;
    if !kept.iter().any(|artefact| artefact.name == CHECKLIST) {
        let text: String = items.iter().map(ToString::to_string).collect();
        run.keep(CHECKLIST, "text/plain", run.hide(&text).as_bytes(), true).await?;
    }
    Err(RunError::Assisted {
        run: run.run.id.short(),
        next: next.step.clone(),
        left: open.len(),
        all: items.len(),
    }
    .into())
}

/// The checklist that is kept with a run.
pub async fn kept(desk: &Desk, run: &str) -> Result<String, FlowError> {
    let run = desk.memory.find_run(run, desk.now()).await?;
    let artefacts = desk.memory.artefacts(run.id).await?;
    let kept = artefacts.iter().find(|artefact| artefact.name == CHECKLIST);
    match kept {
        Some(kept) => {
            let body = desk.memory.body(kept.digest).await?;
            Ok(String::from_utf8_lossy(&body).into_owned())
        }
        None => Ok(String::new()),
    }
}

/// The error that says that a person does the work; or why even that could not be written down.
pub(crate) async fn left_to_a_person(run: &Supervisor<'_>, items: Vec<Checklist>) -> FlowError {
    match wait(run, items).await {
        Err(error) => error,
        Ok(()) => FlowError::Render { message: "a checklist without steps".to_owned() },
    }
}

/// Writes down what a person reports of the next step.
pub(crate) async fn take_report(
    desk: &Desk,
    ground: &Ground<'_>,
    settings: &impact::Settings,
    run: Run,
    tenure: Tenure,
    report: &Report,
) -> Result<Finished, FlowError> {
    if let Some(name) = super::name_of(&run.workflow) {
        let name = name.to_owned();
        let (mut run, workflow) = take_up(desk, ground, &name, run, tenure).await?;
        let items = of_workflow(workflow);
        let taken = take(&mut run, &items, report, |run, step| {
            let plan = workflow.steps.iter().find(|plan| plan.id == step);
            plan.map(|plan| script(run, ground, plan).map(|script| script.action())).transpose()
        })
        .await;
        let next = settle(&mut run, &items, taken).await?;
        if next.is_some() {
            return Ok(Finished { next, ..finished(&run, None).await? });
        }
        let concluded = conclude(&mut run, workflow).await?;
        return finished(&run, Some(concluded)).await;
    }
    let worker = ground.worker(&run.worker)?;
    let input = serde_json::from_str(&run.input).unwrap_or_default();
    let brief = Brief {
        worker,
        workflow: impact::WORKFLOW,
        level: run.level,
        input: &input,
        tainted: true,
        snapshot: canonical::digest(&input),
        parent: None,
        queue: belay_model::record::Queue::Person,
    };
    let request = impact::Request::from_input(&input, settings)?;
    let items = impact::checklist(&request);
    let mut run = Supervisor::take_over(desk, &brief, run, tenure).await?;
    let taken = take(&mut run, &items, report, |_, _| Ok(None)).await;
    let next = settle(&mut run, &items, taken).await?;
    if next.is_some() {
        return Ok(Finished { next, ..finished(&run, None).await? });
    }
    let body = canonical::json(&json!({
        "schema": "belay.workflow-result/1",
        "workflow": impact::WORKFLOW,
        "level": "L0",
        "steps": items.iter().map(|item| &item.step).collect::<Vec<_>>(),
    }));
    let subject = run.keep("result.json", "application/json", body.as_bytes(), true).await?;
    let end = Conclusion {
        kind: "workflow-result",
        subject,
        title: "a review that a person did by hand",
        outcome: "done by a person",
        low_risk: false,
    };
    let concluded = run.conclude(&end).await?;
    finished(&run, Some(concluded)).await
}

/// The run waits on unless all is reported: then for its next step. A report that was refused leaves
/// it as it was.
async fn settle(
    run: &mut Supervisor<'_>,
    items: &[Checklist],
    taken: Result<(), FlowError>,
) -> Result<Option<String>, FlowError> {
    match (wait(run, items.to_vec()).await, taken) {
        (Ok(()), Ok(())) => Ok(None),
        (Ok(()), Err(error)) => Err(error),
        (Err(waits), taken) => {
            run.fail(&waits).await?;
            let next = match waits {
                FlowError::Run(RunError::Assisted { next, .. }) => Some(next),
                _ => None,
            };
            taken.map(|()| next)
        }
    }
}

async fn take<'a>(
    run: &mut Supervisor<'a>,
    items: &[Checklist],
    report: &Report,
    action: impl Fn(&Supervisor<'a>, &str) -> Result<Option<Action>, FlowError>,
) -> Result<(), FlowError> {
    let steps = run.memory.steps(run.run.id).await?;
    let Some(next) = items.iter().find(|item| !is_done(&item.step, &steps, &[])) else {
        return Ok(());
    };
    if next.step != report.step {
        let (step, next) = (report.step.clone(), next.step.clone());
        return Err(RunError::NotThisStep { step, next }.into());
    }
    let action = action(run, &next.step)?.unwrap_or_else(|| {
        Action::new(Verb::ReadTree, Resource::new(format!("checklist:{}", next.step), Zone::Dev))
            .with("line", next.line.clone())
    });
    let step = run.open_step(&next.step).await?;
    run.ask_for_the_record(&action).await?;
    for (at, (name, body)) in (1..).zip(&report.attach) {
        // Two files of one name come from two folders.
        let again = report.attach.iter().take(at - 1).any(|(other, _)| other == name);
        let name = if again { format!("{at}-{name}") } else { name.clone() };
        let name = format!("{:02}-{}/{name}", run.step_number(), next.step);
        let body = run.desk.redactor.bytes(body).into_owned();
        run.keep(&name, "application/octet-stream", &body, true).await?;
    }
    let person = &run.desk.actor;
    let note = report.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
    let said = run.hide(&format!("{person} (asserted) reports exit {}{note}", report.exit));
    let state =
        if next.expect.contains(&report.exit) { StepState::Done } else { StepState::Failed };
    run.close_step(step, state, Some(said)).await
}
