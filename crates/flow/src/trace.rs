//! The record of a run, read back: what happened, and whether the record is whole.

use belay_score::{Record, faults};

use crate::impact::load_record;
use crate::{Desk, FlowError};

/// Everything that is remembered of the run that `text` names.
pub async fn record(desk: &Desk, text: &str) -> Result<Record, FlowError> {
    let run = desk.memory.find_run(text, desk.now()).await?;
    load_record(desk, run).await
}

/// The record and what is wrong with it.
pub async fn check(desk: &Desk, text: &str) -> Result<(Record, Vec<String>), FlowError> {
    let record = record(desk, text).await?;
    let mut faults = faults(&record);
    for artefact in record.artefacts.iter().filter(|artefact| artefact.kept) {
        if let Err(error) = desk.memory.body(artefact.digest).await {
            faults.push(format!("artefact `{}`: {error}", artefact.name));
        }
    }
    Ok((record, faults))
}
