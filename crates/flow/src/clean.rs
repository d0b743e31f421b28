//! Clearing up after runs that did not come to their end: scratch schemas and temporary folders.

use std::collections::BTreeMap;
use std::path::PathBuf;

use belay_model::record::{Effect, Run, RunState};
use belay_model::{RunId, Verb};
use belay_outside::OutsideError;
use fs_err as fs;
use serde_json::json;

use crate::impact::scratch::{Claim, shelf};
use crate::registry::Registered;
use crate::supervisor::Supervisor;
use crate::tools::Tools;
use crate::{Desk, FlowError};

/// What an earlier run left behind.
#[derive(Debug, Clone)]
pub struct Leftover {
    pub run: Run,
    pub claim: Option<Claim>,
    pub folder: Option<PathBuf>,
    effects: Vec<Effect>,
}

/// A leftover and what became of it.
#[derive(Debug, Clone)]
pub struct Cleaned {
    pub leftover: Leftover,
    pub dropped: Vec<String>,
}

/// Leftovers of runs that are over. Runs that are alive are left alone.
pub async fn leftovers(desk: &Desk) -> Result<Vec<Leftover>, FlowError> {
    let mut open: BTreeMap<RunId, Vec<Effect>> = BTreeMap::new();
    for verb in [Verb::CreateScratch, Verb::BuildScratch] {
        for effect in desk.memory.open_effects(verb.as_str()).await? {
            open.entry(effect.run).or_default().push(effect);
        }
    }
    let mut found = Vec::new();
    for run in desk.memory.runs(desk.now()).await? {
        if run.state == RunState::Running {
            continue;
        }
        let effects = open.remove(&run.id).unwrap_or_default();
        // Whatever a row says, a run takes back nothing but what carries its own name.
        let claims =
            effects.iter().filter_map(|effect| Claim::from_inverse(effect.inverse.as_deref()?));
        let claim = { claims }.find(|claim| claim.prefix == Claim::prefix_of(run.id));
        let folder = shelf(desk.memory.folder()).join(run.id.to_string());
        let folder = folder.is_dir().then_some(folder);
        if claim.is_some() || folder.is_some() {
            found.push(Leftover { run, claim, folder, effects });
        }
    }
    Ok(found)
}

/// Drops what was left, as a run of its own: each drop asked of the gate and written down.
pub async fn clean(desk: &Desk, tools: &Tools) -> Result<Vec<Cleaned>, FlowError> {
    let leftovers = leftovers(desk).await?;
    if leftovers.is_empty() {
        return Ok(Vec::new());
    }
    let registered = Registered::dbt_impact()?;
    let input =
        json!({"clean": leftovers.iter().map(|one| one.run.id.to_string()).collect::<Vec<_>>()});
    let level = registered.level_in_force(None);
    let registered = registered.running("clean");
    let mut run = Supervisor::begin(desk, &registered, level, &input).await?;
    let cleaned = clean_all(&mut run, tools, leftovers).await;
    desk.progress.finish();
    match &cleaned {
        Ok(_) => {
            // Nobody has to judge a drop of what belay itself had made.
            let outcome = Some("everything that was left behind is gone");
            run.memory.move_run(run.run.id, RunState::Accepted, outcome, desk.now()).await?;
        }
        Err(error) => run.fail(error).await?,
    }
    cleaned
}

async fn clean_all(
    run: &mut Supervisor<'_>,
    tools: &Tools,
    leftovers: Vec<Leftover>,
) -> Result<Vec<Cleaned>, FlowError> {
    let mut cleaned = Vec::new();
    let mut first_error = None;
    for leftover in leftovers {
        let name = format!("clear up after run {}", leftover.run.id.short());
        match run.step(&name, async |run| clean_one(run, tools, &leftover).await).await {
            Ok(dropped) => cleaned.push(Cleaned { leftover, dropped }),
            Err(error) if error.is_stop() || error.is_lost_store() => return Err(error),
            // A database that does not answer must not keep what is in the others.
            Err(error) => {
                let run_name = leftover.run.id.short();
                run.desk.progress.note(&format!("run {run_name} could not be cleared up: {error}"));
                first_error = first_error.or(Some(error));
            }
        }
    }
    first_error.map_or(Ok(cleaned), Err)
}

async fn clean_one(
    run: &mut Supervisor<'_>,
    tools: &Tools,
    leftover: &Leftover,
) -> Result<Vec<String>, FlowError> {
    let mut dropped = Vec::new();
    if let Some(claim) = &leftover.claim {
        dropped = claim.take_back(run, tools).await?;
        let receipt = match dropped.as_slice() {
            [] => "nothing was left to drop".to_owned(),
            names => format!("dropped {}", names.join(", ")),
        };
        for effect in &leftover.effects {
            run.compensated(effect, &receipt).await?;
        }
    }
    if let Some(folder) = &leftover.folder {
        let action = belay_model::Action::new(
            Verb::DropScratch,
            belay_model::Resource::new(
                format!("folder:{}", folder.display()),
                belay_model::Zone::Scratch,
            ),
        );
        run.perform(&action, async |permit| {
            permit.admit(&action).map_err(OutsideError::from)?;
            fs::remove_dir_all(folder).map_err(OutsideError::io("cannot remove a scratch folder"))
        })
        .await?;
    }
    Ok(dropped)
}
