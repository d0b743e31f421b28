//! A worker process: takes runs from the queue, one at a time, until it is asked to stop.

use std::collections::BTreeMap;
use std::time::Duration;

use belay_model::RunId;
use belay_model::record::RunState;

use crate::runs::{Resumed, carry_on};
use crate::supervisor::lease_until;
use crate::workflow::Ground;
use crate::{Desk, FlowError, audit, impact};

/// How a worker behaves.
#[derive(Debug, Clone, Copy)]
pub struct Shift {
    /// How long to wait when there is nothing to do.
    pub pause: Duration,
    /// Stop as soon as nothing is ready.
    pub drain: bool,
}

/// A run that cannot even be taken up is given up after so many times, not tried for ever.
const TRIES: u32 = 3;

/// What one process did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub finished: u64,
    pub held: u64,
    pub failed: u64,
    /// Left to others, because this process was asked to stop.
    pub left: u64,
}

/// Works until asked to stop: a patient [`belay_outside::Stop`] ends after the step at hand. With `drain`, until nothing is ready. A run that fails is written down
/// and does not stop the worker; a store that does not answer does.
pub async fn work(
    desk: &Desk,
    ground: &Ground<'_>,
    settings: &impact::Settings,
    shift: Shift,
) -> Result<Tally, FlowError> {
    let mut tally = Tally::default();
    let mut failures: BTreeMap<RunId, u32> = BTreeMap::new();
    while !desk.stop.is_wished() {
        audit::vouch(desk).await;
        let now = desk.now();
        let Some((run, _, tenure)) =
            desk.memory.lease_next(&desk.owner, now, lease_until(now)).await?
        else {
            if shift.drain {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(shift.pause) => (),
                () = desk.stop.wished() => (),
            }
            continue;
        };
        let (id, name) = (run.id, run.workflow.clone());
        let outcome = carry_on(desk, ground, settings, run, tenure).await;
        let row = desk.memory.find_run(&id.to_string(), desk.now()).await?;
        let word = row.outcome.clone().unwrap_or_default();
        desk.progress.note(&format!("{name} {}: {} {word}", id.short(), row.state));
        match (&outcome, row.state) {
            (Err(error), _) if error.is_lost_store() => return outcome.map(|_: Resumed| tally),
            (_, RunState::Held) => tally.held += 1,
            (Err(error), _) if error.is_stop() => tally.left += 1,
            (Ok(_), _) => tally.finished += 1,
            (Err(error), state) => {
                tally.failed += 1;
                let times = failures.entry(id).or_default();
                *times += 1;
                if *times >= TRIES && (!state.is_over() || state == RunState::Interrupted) {
                    let why = format!("failed {times} times in a row: {error}");
                    let why = desk.redactor.text(&why).into_owned();
                    desk.memory.move_run(id, RunState::Failed, Some(&why), desk.now()).await?;
                }
            }
        }
    }
    Ok(tally)
}
