//! `belay level`: what binds, and who changed it.

use belay_flow::level::{self, Change, Standing};
use belay_flow::registry::{Registered, Registry};
use belay_model::record::Control;
use serde_json::{Value, json};

use super::records::{moment, plain, rows, table};
use crate::args::{LevelCommand, LevelSetArgs, Switch};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn level(
    command: &LevelCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let registry = house.registry()?;
    let ground = house.ground(&registry);
    let desk = house.desk(ui).await?;
    let (worker, change, reason) = match command {
        LevelCommand::Show(args) => {
            show(&desk, &registry, args.worker.as_deref(), ui).await?;
            return Ok(Outcome::Clear);
        }
        LevelCommand::Set(args) => {
            let worker = ground.worker(&args.worker)?;
            let change = Change::Level { workflow: workflow_of(args, worker)?, level: args.level };
            (Some(worker), change, &args.reason)
        }
        LevelCommand::Tier(args) => (None, Change::Tier(args.level), &args.reason),
        LevelCommand::BoundedWrites(args) => {
            (None, Change::Bounded(args.switch == Switch::On), &args.reason)
        }
        LevelCommand::Quarantine(args) => {
            (Some(ground.worker(&args.worker)?), Change::Quarantine(true), &args.reason)
        }
        LevelCommand::Reinstate(args) => {
            (Some(ground.worker(&args.worker)?), Change::Quarantine(false), &args.reason)
        }
    };
    let control = level::change(&desk, worker, &change, reason).await?;
    if ui.is_json() {
        ui.json(&json!({"schema": "belay.control/1", "control": control_json(&control)}))?;
    } else {
        ui.result(&format!("{} is now {}\n", control.name, control.value))?;
    }
    Ok(Outcome::Clear)
}

fn workflow_of(args: &LevelSetArgs, worker: &Registered) -> Result<String, Failure> {
    let unknown = |name: &str| {
        let message = format!("worker `{}` has no workflow `{name}`", worker.name);
        let help = format!("its workflows: {}", worker.workflows.join(", "));
        Failure::input("workflow/unknown", message).help(help)
    };
    match (&args.workflow, worker.workflows.as_slice()) {
        (Some(name), known) if known.contains(name) => Ok(name.clone()),
        (Some(name), _) => Err(unknown(name)),
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            let message = format!("worker `{}` has several workflows", worker.name);
            let help = format!("name one with --workflow: {}", worker.workflows.join(", "));
            Err(Failure::input("workflow/unknown", message).help(help))
        }
    }
}

async fn show(
    desk: &belay_flow::Desk,
    registry: &Registry,
    only: Option<&str>,
    ui: &Ui,
) -> Result<(), Failure> {
    let workers = registry.workers().filter(|worker| only.is_none_or(|name| worker.name == name));
    let mut standings = Vec::new();
    for worker in workers {
        for workflow in &worker.workflows {
            let own = registry.workflow(workflow).and_then(|workflow| workflow.level);
            let standing = level::standing(desk, worker, workflow, own, None).await?;
            standings.push((worker, workflow, standing));
        }
    }
    if let (true, Some(name)) = (standings.is_empty(), only) {
        let message = format!("there is no worker `{name}`");
        return Err(Failure::input("worker/unknown", message)
            .help("`belay workers list` shows the ones there are"));
    }
    if ui.is_json() {
        let controls = desk.memory.controls().await?;
        let list: Vec<Value> = standings
            .iter()
            .map(|(worker, workflow, standing)| standing_json(worker, workflow, standing))
            .collect();
        let controls: Vec<Value> = controls.iter().map(control_json).collect();
        return ui.json(&json!({"schema": "belay.level/1", "levels": list, "controls": controls}));
    }
    let mut list = table(&["worker", "workflow", "level", "", "what binds"]);
    for (worker, workflow, standing) in &standings {
        let title = if standing.quarantined { "quarantined" } else { standing.level.title() };
        list.add_row([
            worker.name.clone(),
            (*workflow).clone(),
            standing.level.to_string(),
            title.to_owned(),
            standing.binding(),
        ]);
    }
    ui.result(&rows(&list))?;
    if only.is_some() {
        for (_, workflow, standing) in &standings {
            ui.result(&format!("\n{workflow}: the lowest binds\n"))?;
            for ceiling in &standing.ceilings {
                let (level, what, origin) = (ceiling.level, ceiling.what, &ceiling.origin);
                ui.result(&plain(&format!("  {level}  {what} ({origin})\n")))?;
            }
            let bounded = if standing.bounded { "on" } else { "off" };
            ui.result(&format!("  bounded production writes at L4: {bounded}\n"))?;
        }
    }
    Ok(())
}

fn standing_json(worker: &Registered, workflow: &str, standing: &Standing) -> Value {
    let ceilings: Vec<Value> = standing
        .ceilings
        .iter()
        .map(|one| json!({"level": one.level.to_string(), "what": one.what, "origin": one.origin}))
        .collect();
    json!({
        "worker": worker.name,
        "workflow": workflow,
        "level": standing.level.to_string(),
        "quarantined": standing.quarantined,
        "bounded_writes": standing.bounded,
        "ceilings": ceilings,
    })
}

fn control_json(control: &Control) -> Value {
    json!({
        "name": control.name,
        "value": control.value,
        "by": control.by,
        "identity": control.identity,
        "reason": control.reason,
        "at": moment(control.at),
    })
}
