//! Putting checkpoints outside, and finding them again.

use std::path::Path;

use belay_audit::{Signer, VerifierKey, notes};
use belay_model::record::RunState;
use belay_outside::{Anchor, Anchored};
use belay_store::SignedTree;
use serde_json::json;

use super::{checkpoint, verify};
use crate::registry::Registered;
use crate::supervisor::Supervisor;
use crate::{Desk, FlowError};

/// The workflow of the runs that put checkpoints outside.
pub(super) const WORKFLOW: &str = "audit-anchor";

/// The checkpoints at a place: its name and the note, for each.
pub async fn found_at(anchor: &Anchor, folder: &Path) -> Result<Vec<(String, String)>, FlowError> {
    Ok(named(anchor, &anchor.read(folder).await?))
}

fn named(anchor: &Anchor, anchored: &Anchored) -> Vec<(String, String)> {
    notes(&anchored.text).into_iter().map(|note| (anchor.to_string(), note)).collect()
}

/// Signs a checkpoint and puts it outside, as a run of its own. Nothing is signed when the tree does not
/// go on from every checkpoint that stands there already.
pub async fn checkpoint_at(
    desk: &Desk,
    signer: &Signer,
    keys: &[VerifierKey],
    anchor: &Anchor,
    folder: &Path,
) -> Result<SignedTree, FlowError> {
    let behind = anchor.read(folder).await?;
    let known = named(anchor, &behind);
    let standing = verify(desk, keys, &known).await?;
    if let Some(fault) = standing.report.fault {
        return Err(FlowError::AuditBroken { fault: fault.to_string() });
    }
    let signed = checkpoint(desk, signer).await?;
    let anchored = SignedTree { anchor: Some(anchor.to_string()), at: desk.now(), ..signed };
    if known.last().is_some_and(|(_, note)| *note == anchored.note) {
        // It may stand there since a process ended before it could say so.
        desk.memory.add_checkpoint(&anchored).await?;
        return Ok(anchored);
    }
    let registered = Registered::audit()?;
    let level = registered.level_in_force(None);
    let input = json!({"anchor": anchor.to_string(), "size": anchored.size});
    let mut run = Supervisor::begin(desk, &registered, level, &input).await?;
    let put = run
        .step("put the checkpoint outside", async |run| {
            let action = anchor.putting(&anchored.note, &behind);
            let (note, at) = (&anchored.note, desk.now());
            run.perform(&action, async |permit| anchor.put(permit, folder, note, &behind, at).await)
                .await
        })
        .await;
    desk.progress.finish();
    if let Err(error) = put {
        run.fail(&error).await?;
        return Err(error);
    }
    desk.memory.add_checkpoint(&anchored).await?;
    // Nobody has to judge a checkpoint.
    let outcome = format!("{} leaves are vouched for at {anchor}", anchored.size);
    desk.memory.move_run(run.run.id, RunState::Accepted, Some(&outcome), desk.now()).await?;
    Ok(anchored)
}
