//! `belay run`, `belay runs resume|cancel|report|resolve|replay`, `belay rollback`, `belay work`.

use std::time::Duration;

use belay_flow::replay::{self, Redecided};
use belay_flow::rollback::{self, Undo};
use belay_flow::run_error::RunError;
use belay_flow::runs::{self, Report, Resumed};
use belay_flow::supervisor::Concluded;
use belay_flow::work::{self, Shift};
use belay_flow::workflow::{self, Finished, Wish, assisted};
use belay_flow::{Desk, FlowError, report};
use belay_model::record::Run;
use serde_json::{Value, json};

use super::impact;
use super::records::{plain, rows, run_json, table};
use crate::args::{
    CancelArgs, ReplayArgs, ReportArgs, ResolveArgs, ResumeArgs, RollbackArgs, StartArgs, WorkArgs,
};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn start(args: &StartArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let registry = house.registry()?;
    let desk = house.desk(ui).await?;
    let wish = Wish { level: args.level, queued: args.queue };
    let started = workflow::start(&desk, &house.ground(&registry), &args.workflow, &wish).await;
    let finished = by_hand(&desk, started, ui).await?;
    print(&finished, ui)
}

pub(crate) async fn resume(args: &ResumeArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let registry = house.registry()?;
    let desk = house.desk(ui).await?;
    let settings = impact::settings(house)?;
    let resumed = runs::resume(&desk, &house.ground(&registry), &settings, &args.run).await;
    match by_hand(&desk, resumed, ui).await? {
        Resumed::Workflow(finished) => print(&finished, ui),
        Resumed::Rollback(done) => {
            let by = done.run.as_ref();
            let of = by.and_then(|run| run.parent).map(|run| run.to_string()).unwrap_or_default();
            let (run, _) = rollback::plan(&desk, &of).await?;
            print_undos(ui, &run, by, &done.undone, &done.left, "took back")
        }
        Resumed::Impact(reviewed) => {
            let form = if ui.is_json() { report::Form::Json } else { report::Form::Text };
            ui.result(&form.render(&reviewed.report)?)?;
            impact::after(&desk, &reviewed, ui);
            Ok(impact::verdict(house, None, &reviewed))
        }
    }
}

/// At L0 the result is the checklist, and the run waits for what a person reports.
pub(crate) async fn by_hand<T>(
    desk: &Desk,
    outcome: Result<T, FlowError>,
    ui: &Ui,
) -> Result<T, Failure> {
    if let Err(FlowError::Run(RunError::Assisted { run, .. })) = &outcome {
        let text = assisted::kept(desk, run).await?;
        if ui.is_json() {
            ui.json(&json!({"schema": "belay.checklist/1", "run": run, "checklist": text}))?;
        } else {
            ui.result(&text)?;
        }
    }
    Ok(outcome?)
}

fn print(finished: &Finished, ui: &Ui) -> Result<Outcome, Failure> {
    let run = &finished.run;
    let review = finished.concluded.and_then(Concluded::review);
    if ui.is_json() {
        let steps: Vec<Value> = finished
            .steps
            .iter()
            .map(|step| json!({"number": step.number, "step": step.name, "state": step.state.as_str(), "note": step.note}))
            .collect();
        ui.json(&json!({
            "schema": "belay.workflow-run/1",
            "run": run_json(run),
            "steps": steps,
            "review": review.map(|review| review.to_string()),
        }))?;
        return Ok(Outcome::Clear);
    }
    let mut list = table(&["#", "step", "state", "note"]);
    for step in &finished.steps {
        list.add_row([
            step.number.to_string(),
            step.name.clone(),
            step.state.to_string(),
            step.note.clone().unwrap_or_default(),
        ]);
    }
    let outcome = plain(run.outcome.as_deref().unwrap_or_default());
    ui.result(&format!(
        "run {} of {} at {}: {} {outcome}\n",
        run.id.short(),
        run.workflow,
        run.level,
        run.state
    ))?;
    if !finished.steps.is_empty() {
        ui.result(&rows(&list))?;
    }
    if let Some(next) = finished.next.as_ref() {
        let run = run.id.short();
        ui.note(&format!("next:\n  belay runs report {run} {next} --exit CODE"));
    }
    if let Some(review) = review {
        ui.note(&format!(
            "next:\n  belay review show {0}\n  belay review accept {0}    or    belay review reject {0} --reason \"…\"",
            review.short()
        ));
    }
    Ok(Outcome::Clear)
}

pub(crate) async fn cancel(args: &CancelArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let run = runs::cancel(&desk, &args.run, &args.reason).await?;
    let (_, undos) = rollback::plan(&desk, &run.id.to_string()).await?;
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.cancel/1",
            "run": run_json(&run),
            "to_take_back": undos.iter().map(undo_json).collect::<Vec<_>>(),
        }))?;
        return Ok(Outcome::Clear);
    }
    let state = if run.state == belay_model::record::RunState::Cancelled {
        "is cancelled"
    } else {
        "stops before its next step"
    };
    ui.result(&format!("run {} {state}\n", run.id.short()))?;
    if !undos.is_empty() {
        ui.note(&format!(
            "{} of its changes can be taken back:\n  belay rollback {}",
            undos.iter().filter(|undo| undo.how.is_some()).count(),
            run.id.short()
        ));
    }
    Ok(Outcome::Clear)
}

/// What can be attached to a report.
const LARGEST: u64 = 64 << 20;

pub(crate) async fn report(args: &ReportArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let registry = house.registry()?;
    let desk = house.desk(ui).await?;
    let attach = args.attach.iter().map(|path| {
        let place = house.folder.join(path);
        if !place.metadata().is_ok_and(|what| what.is_file() && what.len() <= LARGEST) {
            let message = format!("`{}` is no file of at most 64 MiB", path.display());
            return Err(Failure::input("files/unreadable", message));
        }
        let body = fs_err::read(place);
        let body = body.map_err(|error| Failure::input("files/unreadable", error.to_string()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, body))
    });
    let said = Report {
        step: args.step.clone(),
        exit: args.exit,
        note: args.note.clone(),
        attach: attach.collect::<Result<_, Failure>>()?,
    };
    let settings = impact::settings(house)?;
    let ground = house.ground(&registry);
    let finished = runs::report(&desk, &ground, &settings, &args.run, &said).await?;
    print(&finished, ui)
}

pub(crate) async fn resolve(
    args: &ResolveArgs,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let effect = runs::resolve(&desk, &args.run, &args.step, args.took, &args.reason).await?;
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.resolve/1",
            "effect": effect.id.to_string(),
            "state": effect.state.as_str(),
            "receipt": effect.receipt,
        }))?;
    } else {
        ui.result(&format!("{} on {} is {}\n", effect.verb, effect.target, effect.state))?;
        ui.note(&format!("to go on:\n  belay runs resume {}", effect.run.short()));
    }
    Ok(Outcome::Clear)
}

pub(crate) async fn replay(args: &ReplayArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let (run, decisions) = replay::replay(&desk, &args.run).await?;
    let differ = decisions.iter().filter(|one| one.differs()).count();
    if ui.is_json() {
        let list: Vec<Value> = decisions.iter().map(redecided_json).collect();
        ui.json(&json!({
            "schema": "belay.replay/1",
            "run": run.id.to_string(),
            "decisions": list,
            "differ": differ,
        }))?;
    } else {
        for one in decisions.iter().filter(|one| one.differs()) {
            ui.result(&format!("{}\n", redecided_line(one)))?;
        }
        ui.result(&format!(
            "run {}: {} decisions, {differ} would differ today\n",
            run.id.short(),
            decisions.len()
        ))?;
    }
    Ok(if differ == 0 { Outcome::Clear } else { Outcome::No })
}

fn redecided_line(one: &Redecided) -> String {
    let (was, action) = (&one.decision, &one.decision.action);
    let now = match &one.today {
        Ok((answer, risk, policies)) => format!("{answer} at {risk} by {}", policies.join(", ")),
        Err(why) => format!("no answer: {why}"),
    };
    format!("{} was {}, today {now}\n  {action}", was.id.short(), was.answer)
}

fn redecided_json(one: &Redecided) -> Value {
    let today = match &one.today {
        Ok((answer, risk, policies)) => {
            json!({"answer": answer.as_str(), "risk": risk.to_string(), "determining": policies})
        }
        Err(why) => json!({"unanswerable": why}),
    };
    json!({
        "decision": one.decision.id.to_string(),
        "was": one.decision.answer.as_str(),
        "today": today,
        "differs": one.differs(),
    })
}

pub(crate) async fn roll_back(
    args: &RollbackArgs,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let registry = house.registry()?;
    let desk = house.desk(ui).await?;
    if args.dry_run {
        let (run, undos) = rollback::plan(&desk, &args.run).await?;
        return print_undos(ui, &run, None, &undos, &[], "would take back");
    }
    let (run, _) = rollback::plan(&desk, &args.run).await?;
    let done = rollback::roll_back(&desk, &house.ground(&registry), &args.run).await?;
    print_undos(ui, &run, done.run.as_ref(), &done.undone, &done.left, "took back")
}

fn print_undos(
    ui: &Ui,
    run: &Run,
    by: Option<&Run>,
    undos: &[Undo],
    left: &[Undo],
    verb: &str,
) -> Result<Outcome, Failure> {
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.rollback/1",
            "of": run.id.to_string(),
            "run": by.map(run_json),
            "action": verb,
            "effects": undos.iter().map(undo_json).collect::<Vec<_>>(),
            "left": left.iter().map(undo_json).collect::<Vec<_>>(),
        }))?;
    } else if undos.is_empty() && left.is_empty() {
        ui.result("there is nothing to take back\n")?;
    } else {
        for undo in undos.iter().chain(left) {
            let effect = &undo.effect;
            let line = match &undo.how {
                Some(how) => format!("{verb} {} on {}: {how}\n", effect.verb, effect.target),
                None => format!("stays: {} on {} has no inverse\n", effect.verb, effect.target),
            };
            ui.result(&plain(&line))?;
        }
    }
    let stays = left.iter().chain(undos).any(|undo| undo.how.is_none());
    Ok(if stays { Outcome::No } else { Outcome::Clear })
}

fn undo_json(undo: &Undo) -> Value {
    json!({
        "effect": undo.effect.id.to_string(),
        "verb": undo.effect.verb,
        "target": undo.effect.target,
        "state": undo.effect.state.as_str(),
        "how": undo.how,
    })
}

pub(crate) async fn work(args: &WorkArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let registry = house.registry()?;
    let mut desk = house.desk(ui).await?;
    desk.trigger = "worker";
    desk.stop = desk.stop.patient();
    let settings = impact::settings(house)?;
    let shift = Shift { pause: Duration::from_millis(500), drain: args.drain };
    ui.note(&format!("at work as {}; Ctrl-C stops after the step at hand", desk.owner));
    let tally = work::work(&desk, &house.ground(&registry), &settings, shift).await?;
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.work/1",
            "finished": tally.finished,
            "held": tally.held,
            "failed": tally.failed,
            "left": tally.left,
        }))?;
    } else {
        let left = if tally.left > 0 { ", 1 left to others" } else { "" };
        ui.result(&format!(
            "{} finished, {} held, {} failed{left}\n",
            tally.finished, tally.held, tally.failed
        ))?;
    }
    Ok(Outcome::Clear)
}
