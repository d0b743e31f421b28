//! `belay runs`: the record, read back.

use belay_flow::trace;
use belay_model::Timestamp;
use belay_model::record::{Run, RunState};
use belay_score::Record;
use comfy_table::{ContentArrangement, Table};
use serde_json::{Value, json};

use crate::args::RunArgs;
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn list_runs(house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let runs = desk.memory.runs(desk.now()).await?;
    if ui.is_json() {
        let rows: Vec<Value> = runs.iter().map(run_json).collect();
        ui.json(&json!({"schema": "belay.runs/1", "runs": rows}))?;
    } else if runs.is_empty() {
        ui.note("no runs yet: `belay impact` makes one");
    } else {
        ui.result(&list(&runs))?;
    }
    Ok(Outcome::Clear)
}

pub(crate) async fn show_run(args: &RunArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let record = trace::record(&desk, &args.run).await?;
    if ui.is_json() {
        ui.json(&record_json(&record))?;
    } else {
        ui.result(&plain(&show(&record)))?;
    }
    Ok(Outcome::Clear)
}

/// The rows of a table without the spaces that fill the last column.
pub(crate) fn rows(table: &Table) -> String {
    plain(&table.to_string()).lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Text from the record without what a terminal would obey or hide: control characters, and those that
/// turn or swallow the text around them.
pub(crate) fn plain(text: &str) -> String {
    let hides = |letter: char| {
        (letter.is_control() && letter != '\n')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|letter| if hides(letter) { ' ' } else { letter }).collect()
}

/// A table without lines: columns are told apart by space.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // Some terminals do not say how wide they are.
    if table.width() == Some(0) {
        table.set_width(100);
    }
    table.set_header(header.iter().map(|title| title.to_uppercase()));
    table
}

fn list(runs: &[Run]) -> String {
    let mut table = table(&["run", "workflow", "state", "started", "took", "outcome"]);
    for run in runs {
        table.add_row([
            run.id.short(),
            run.workflow.clone(),
            run.state.to_string(),
            moment(run.started),
            took(run.started, run.ended),
            run.outcome.clone().unwrap_or_default(),
        ]);
    }
    rows(&table)
}

fn show(record: &Record) -> String {
    let run = &record.run;
    let mut text = format!(
        "run       {}\nworkflow  {} by {} at {}\nstate     {}\nstarted   {} by {} (asserted)\ntook      {}\npolicy    {}\n",
        run.id,
        run.workflow,
        run.worker,
        run.level,
        run.state,
        moment(run.started),
        run.actor,
        took(run.started, run.ended),
        run.policy.short()
    );
    if let Some(outcome) = &run.outcome {
        text.push_str(&format!("outcome   {outcome}\n"));
    }
    let mut steps = table(&["#", "step", "state", "took", "decisions", "effects"]);
    for step in &record.steps {
        let decisions = record.decisions.iter().filter(|decision| decision.step == step.id).count();
        let effects = record.effects.iter().filter(|effect| effect.step == step.id).count();
        steps.add_row([
            step.number.to_string(),
            step.name.clone(),
            step.state.to_string(),
            took(step.started, step.ended),
            decisions.to_string(),
            effects.to_string(),
        ]);
    }
    text.push_str(&format!("\n{}", rows(&steps)));
    if !record.effects.is_empty() {
        let mut effects = table(&["effect", "on", "state", "receipt"]);
        for effect in &record.effects {
            let receipt = effect.receipt.clone().unwrap_or_default();
            effects.add_row([
                effect.verb.clone(),
                effect.target.clone(),
                effect.state.to_string(),
                receipt,
            ]);
        }
        text.push_str(&format!("\n{}", rows(&effects)));
    }
    if !record.scores.is_empty() {
        let mut scores = table(&["dimension", "check", "verdict", "value", ""]);
        for score in &record.scores {
            scores.add_row([
                score.dimension.to_string(),
                score.check.clone(),
                score.verdict.to_string(),
                score.value.clone(),
                score.explanation.clone(),
            ]);
        }
        text.push_str(&format!("\n{}", rows(&scores)));
    }
    if !record.artefacts.is_empty() {
        let mut artefacts = table(&["artefact", "bytes", "digest", ""]);
        for artefact in &record.artefacts {
            let kept = if artefact.kept { "" } else { "digest only" };
            artefacts.add_row([
                artefact.name.clone(),
                artefact.bytes.to_string(),
                artefact.digest.short(),
                kept.to_owned(),
            ]);
        }
        text.push_str(&format!("\n{}", rows(&artefacts)));
    }
    if let Some(review) = &record.review {
        text.push_str(&format!("\nreview    {} is {}\n", review.id.short(), review.state));
    }
    if run.state == RunState::Interrupted {
        text.push_str("\n`belay clean` drops what this run left behind\n");
    }
    text
}

pub(crate) fn moment(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(at.nanos()));
    moment.map_or_else(
        |_| at.nanos().to_string(),
        |moment| moment.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}

pub(crate) fn instant(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(at.nanos()));
    moment.map_or_else(|_| at.nanos().to_string(), |moment| moment.to_string())
}

fn took(started: Timestamp, ended: Option<Timestamp>) -> String {
    ended.map_or_else(|| "–".to_owned(), |ended| format!("{:.1} s", ended.seconds_since(started)))
}

pub(crate) fn run_json(run: &Run) -> Value {
    json!({
        "run": run.id.to_string(),
        "workflow": run.workflow,
        "worker": run.worker,
        "level": run.level.to_string(),
        "state": run.state.as_str(),
        "outcome": run.outcome,
        "actor": run.actor,
        "started": instant(run.started),
        "ended": run.ended.map(instant),
    })
}

fn record_json(record: &Record) -> Value {
    let steps: Vec<Value> = record
        .steps
        .iter()
        .map(|step| {
            json!({"step": step.id.to_string(), "number": step.number, "name": step.name,
                   "state": step.state.as_str(), "note": step.note, "started": instant(step.started),
                   "ended": step.ended.map(instant)})
        })
        .collect();
    let decisions: Vec<Value> = record
        .decisions
        .iter()
        .map(|decision| {
            json!({"decision": decision.id.to_string(), "step": decision.step.to_string(),
                   "principal": decision.principal, "action": serde_json::from_str::<Value>(&decision.action).unwrap_or_default(),
                   "action_digest": decision.action_digest.to_string(), "risk": decision.risk.to_string(),
                   "level": decision.level.to_string(), "answer": decision.answer.as_str(),
                   "determining": decision.determining, "missing": decision.missing,
                   "policy": decision.policy.to_string(), "at": instant(decision.at)})
        })
        .collect();
    let effects: Vec<Value> = record
        .effects
        .iter()
        .map(|effect| {
            json!({"effect": effect.id.to_string(), "step": effect.step.to_string(),
                   "decision": effect.decision.to_string(), "verb": effect.verb, "target": effect.target,
                   "state": effect.state.as_str(), "receipt": effect.receipt, "inverse": effect.inverse,
                   "reserved": instant(effect.reserved), "settled": effect.settled.map(instant)})
        })
        .collect();
    let artefacts: Vec<Value> = record
        .artefacts
        .iter()
        .map(|artefact| {
            json!({"name": artefact.name, "media_type": artefact.media_type,
                   "digest": artefact.digest.to_string(), "bytes": artefact.bytes, "kept": artefact.kept})
        })
        .collect();
    let scores: Vec<Value> = record
        .scores
        .iter()
        .map(|score| {
            json!({"dimension": score.dimension.as_str(), "check": score.check,
                   "verdict": score.verdict.as_str(), "value": score.value,
                   "explanation": score.explanation, "evaluator": score.evaluator.to_string()})
        })
        .collect();
    json!({
        "schema": "belay.run/1",
        "run": run_json(&record.run),
        "steps": steps,
        "decisions": decisions,
        "effects": effects,
        "artefacts": artefacts,
        "scores": scores,
        "review": record.review.as_ref().map(|review| json!({
            "review": review.id.to_string(), "state": review.state.as_str(), "title": review.title})),
        "dispositions": record.dispositions.iter().map(super::reviews::disposition_json).collect::<Vec<_>>(),
        "audit_leaves": record.leaves.len(),
    })
}
