//! `belay workers` and `belay workflows`: what is registered, and whether it holds.

use belay_flow::registry::{Origin, Registered, Registry};
use belay_flow::workflow::{Checklist, Command, Plan, Workflow};
use belay_model::{Class, Verb};
use serde_json::{Value, json};

use super::records::{rows, table};
use crate::args::{WorkersCommand, WorkflowsCommand};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) fn workers(
    command: &WorkersCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let registry = house.registry()?;
    match command {
        WorkersCommand::List(_) => list_workers(&registry, ui)?,
        WorkersCommand::Show(args) => show_worker(&registry, &args.name, ui)?,
        WorkersCommand::Check(_) => checked(&registry, ui)?,
    }
    Ok(Outcome::Clear)
}

pub(crate) fn workflows(
    command: &WorkflowsCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let registry = house.registry()?;
    match command {
        WorkflowsCommand::List(_) => list_workflows(&registry, ui)?,
        WorkflowsCommand::Show(args) => show_workflow(&registry, &args.name, ui)?,
        WorkflowsCommand::Check(_) => checked(&registry, ui)?,
    }
    Ok(Outcome::Clear)
}

/// Reading the registry was the check: it has no fault.
fn checked(registry: &Registry, ui: &Ui) -> Result<(), Failure> {
    let (workers, workflows) = (registry.workers().count(), registry.workflows().count());
    let undeclared: Vec<String> = registry.workflows().flat_map(hints).collect();
    if ui.is_json() {
        let workers: Vec<&str> = registry.workers().map(|worker| worker.name.as_str()).collect();
        let workflows: Vec<&str> = registry.workflows().map(|known| known.name.as_str()).collect();
        return ui.json(&json!({
            "schema": "belay.registry-check/1",
            "workers": workers,
            "workflows": workflows,
            "hints": undeclared,
        }));
    }
    undeclared.iter().for_each(|hint| ui.note(&format!("hint: {hint}")));
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    ui.result(&format!(
        "{workers} worker{} and {workflows} workflow{}: no fault\n",
        plural(workers),
        plural(workflows)
    ))
}

/// Arguments that look like files and are neither input nor output.
fn hints(workflow: &Workflow) -> Vec<String> {
    let hint = |step: &Plan| {
        let unbound = step.unbound_arguments();
        (!unbound.is_empty()).then(|| {
            format!(
                "{}:{}: step `{}` names `{}`, which is not among its inputs: a change of it would \
                 not be noticed",
                workflow.file,
                step.line,
                step.id,
                unbound.join("`, `")
            )
        })
    };
    workflow.steps.iter().filter_map(hint).collect()
}

fn list_workers(registry: &Registry, ui: &Ui) -> Result<(), Failure> {
    if ui.is_json() {
        let workers: Vec<Value> = registry.workers().map(worker_json).collect();
        return ui.json(&json!({"schema": "belay.workers/1", "workers": workers}));
    }
    let mut list = table(&["worker", "owner", "level", "ceiling", "workflows", "from"]);
    for worker in registry.workers() {
        let level =
            if worker.quarantined { "quarantined".to_owned() } else { worker.level.to_string() };
        list.add_row([
            worker.name.clone(),
            worker.owner.clone(),
            level,
            worker.ceiling.to_string(),
            worker.workflows.join(", "),
            origin(worker).to_owned(),
        ]);
    }
    ui.result(&rows(&list))
}

fn show_worker(registry: &Registry, name: &str, ui: &Ui) -> Result<(), Failure> {
    let Some(worker) = registry.worker(name) else {
        let known: Vec<&str> = registry.workers().map(|worker| worker.name.as_str()).collect();
        return Err(Failure::input("worker/unknown", format!("there is no worker `{name}`"))
            .help(format!("the workers are: {}", known.join(", "))));
    };
    if ui.is_json() {
        let mut document = worker_json(worker);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("schema".to_owned(), "belay.worker-shown/1".into());
        }
        return ui.json(&document);
    }
    let tools: Vec<&str> = worker.tools.iter().map(|tool| tool.as_str()).collect();
    let classes: Vec<&str> = worker.classes.iter().map(|class| class.as_str()).collect();
    let quarantine = if worker.quarantined {
        "\nquarantined: it does nothing but take back what it did"
    } else {
        ""
    };
    ui.result(&format!(
        "{}: {}\n\nowner       {}\nlevel       {}, ceiling {}\nworkflows   {}\ntools       {}\n\
         classes     {}\nevaluators  {}\nbudget      {} s\nfrom        {}\ndigest      {}{quarantine}\n\n\
         rollback    {}\n",
        worker.name,
        worker.purpose,
        worker.owner,
        worker.level,
        worker.ceiling,
        worker.workflows.join(", "),
        tools.join(", "),
        classes.join(", "),
        if worker.evaluators.is_empty() { "none".to_owned() } else { worker.evaluators.join(", ") },
        worker.budget_seconds,
        from(worker),
        worker.digest.short(),
        worker.rollback.replace('\n', "\n            "),
    ))
}

fn list_workflows(registry: &Registry, ui: &Ui) -> Result<(), Failure> {
    if ui.is_json() {
        let workflows: Vec<Value> = registry.workflows().map(workflow_json).collect();
        return ui.json(&json!({"schema": "belay.workflows/1", "workflows": workflows}));
    }
    if registry.workflows().next().is_none() {
        ui.note("no workflows yet: write one in belay/workflows");
        return Ok(());
    }
    let mut list = table(&["workflow", "worker", "steps", "gravest", "purpose"]);
    for workflow in registry.workflows() {
        let gravest = workflow.steps.iter().map(|step| step.class).max().unwrap_or(Class::Read);
        list.add_row([
            workflow.name.clone(),
            workflow.worker.clone(),
            workflow.steps.len().to_string(),
            gravest.as_str().to_owned(),
            workflow.purpose.clone(),
        ]);
    }
    ui.result(&rows(&list))
}

fn show_workflow(registry: &Registry, name: &str, ui: &Ui) -> Result<(), Failure> {
    let Some(workflow) = registry.workflow(name) else {
        let known: Vec<&str> = registry.workflows().map(|known| known.name.as_str()).collect();
        return Err(Failure::input("workflow/unknown", format!("there is no workflow `{name}`"))
            .help(if known.is_empty() {
                "write it in belay/workflows".to_owned()
            } else {
                format!("the workflows are: {}", known.join(", "))
            }));
    };
    if ui.is_json() {
        let mut document = workflow_json(workflow);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("schema".to_owned(), "belay.workflow-shown/1".into());
        }
        return ui.json(&document);
    }
    let tainted = if workflow.tainted { ", tainted" } else { "" };
    let ceiling = workflow.level.map(|level| format!(", at most {level}")).unwrap_or_default();
    ui.result(&format!(
        "{}: {}\nworker {}{ceiling}{tainted}; {}, {}\n",
        workflow.name,
        workflow.purpose,
        workflow.worker,
        workflow.file,
        workflow.digest.short()
    ))?;
    for step in &workflow.steps {
        let targets =
            if step.targets == 1 { String::new() } else { format!(" ({})", step.targets) };
        let sensitive = if step.sensitive { ", sensitive" } else { "" };
        ui.result(&format!(
            "\n{}    class  {} on {}{targets} in {}{sensitive}\n",
            step.checklist(),
            step.class.as_str(),
            step.target,
            step.zone.as_str()
        ))?;
    }
    Ok(())
}

fn origin(worker: &Registered) -> &'static str {
    match worker.origin {
        Origin::BuiltIn => "built in",
        Origin::Repository => "repository",
    }
}

fn from(worker: &Registered) -> String {
    match worker.origin {
        Origin::BuiltIn => "belay itself".to_owned(),
        Origin::Repository => worker.file.clone(),
    }
}

fn worker_json(worker: &Registered) -> Value {
    json!({
        "worker": worker.name,
        "owner": worker.owner,
        "purpose": worker.purpose,
        "workflows": worker.workflows,
        "ceiling": worker.ceiling.to_string(),
        "level": worker.level.to_string(),
        "tools": worker.tools.iter().copied().map(Verb::as_str).collect::<Vec<_>>(),
        "classes": worker.classes.iter().copied().map(Class::as_str).collect::<Vec<_>>(),
        "evaluators": worker.evaluators,
        "budget_seconds": worker.budget_seconds,
        "rollback": worker.rollback,
        "quarantined": worker.quarantined,
        "origin": origin(worker),
        "digest": worker.digest.to_string(),
    })
}

fn workflow_json(workflow: &Workflow) -> Value {
    json!({
        "workflow": workflow.name,
        "purpose": workflow.purpose,
        "worker": workflow.worker,
        "level": workflow.level.map(|level| level.to_string()),
        "tainted": workflow.tainted,
        "file": workflow.file,
        "digest": workflow.digest.to_string(),
        "steps": workflow.steps.iter().map(step_json).collect::<Vec<_>>(),
    })
}

fn step_json(step: &Plan) -> Value {
    let probe = step.probe.as_ref().map(|probe| {
        let mut command = command_json(&probe.command);
        command["done"] = probe.done.clone().into();
        command["absent"] = probe.absent.clone().into();
        command
    });
    json!({
        "step": step.id,
        "title": step.title,
        "class": step.class.as_str(),
        "zone": step.zone.as_str(),
        "target": step.target,
        "targets": step.targets,
        "sensitive": step.sensitive,
        "command": command_json(&step.command),
        "inputs": step.inputs,
        "outputs": step.outputs,
        "inverse": step.inverse.as_ref().map(command_json),
        "irreversible": step.irreversible,
        "probe": probe,
        "checklist": checklist_json(&step.checklist()),
    })
}

fn command_json(command: &Command) -> Value {
    json!({
        "run": command.args,
        "folder": command.folder,
        "environment": command.environment,
        "time_limit_seconds": command.time_limit.as_secs(),
        "expect": command.expect,
    })
}

/// What a person types; also the machine's form of L0.
pub(crate) fn checklist_json(list: &Checklist) -> Value {
    json!({
        "type": list.line,
        "needs": list.environment,
        "expect": list.expect,
        "leaves": list.outputs,
        "check": list.probe.as_ref().map(|(line, _, _)| line),
        "undo": list.undo,
    })
}
