//! The record of a run, read back: what happened, and whether the record is whole.

use belay_model::record::Run;
use belay_score::{Record, faults};
use belay_store::StoreError;

use crate::audit::erased_at;
use crate::{Desk, FlowError};

/// Everything that is remembered of the run that `text` names.
pub async fn record(desk: &Desk, text: &str) -> Result<Record, FlowError> {
    let run = desk.memory.find_run(text, desk.now()).await?;
    load(desk, run).await
}

/// The record, what is wrong with it, and what of it was erased.
#[derive(Debug)]
pub struct Checked {
    pub record: Record,
    pub faults: Vec<String>,
    /// Names of artefacts whose bodies somebody erased. A leaf says so.
    pub erased: Vec<String>,
}

/// Looks whether the record is whole. A body that was erased is missing by right.
pub async fn check(desk: &Desk, text: &str) -> Result<Checked, FlowError> {
    let record = record(desk, text).await?;
    let (mut faults, mut erased) = (faults(&record), Vec::new());
    for artefact in record.artefacts.iter().filter(|artefact| artefact.kept) {
        let Err(error) = desk.memory.body(artefact.digest).await else { continue };
        let missing = matches!(error, StoreError::BodyMissing { .. });
        if missing && erased_at(desk, artefact).await?.is_some() {
            erased.push(artefact.name.clone());
        } else {
            faults.push(format!("artefact `{}`: {error}", artefact.name));
        }
    }
    Ok(Checked { record, faults, erased })
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
