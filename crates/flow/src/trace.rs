//! The record of a run, read back: what happened, and whether the record is whole.

use belay_model::record::Run;
use belay_score::{Record, faults};

use crate::{Desk, FlowError};

/// Everything that is remembered of the run that `text` names.
pub async fn record(desk: &Desk, text: &str) -> Result<Record, FlowError> {
    let run = desk.memory.find_run(text, desk.now()).await?;
    load(desk, run).await
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

/// Everything that is remembered of a run.
pub async fn load(desk: &Desk, run: Run) -> Result<Record, FlowError> {
    let memory = &desk.memory;
    let review = memory.review_of(run.id).await?;
    let dispositions = match &review {
        Some(review) => memory.dispositions(review.id).await?,
        None => Vec::new(),
    };
    let approvals = memory.approvals_of(run.id, desk.now()).await?;
    let mut votes = Vec::new();
    for approval in &approvals {
        votes.extend(memory.votes(approval.id).await?);
    }
    Ok(Record {
        workspace: memory.workspace().to_string(),
        steps: memory.steps(run.id).await?,
        decisions: memory.decisions(run.id).await?,
        effects: memory.effects(run.id).await?,
        artefacts: memory.artefacts(run.id).await?,
        scores: memory.scores(run.id).await?,
        leaves: memory.leaves(run.id).await?,
        run,
        review,
        dispositions,
        approvals,
        votes,
    })
}
