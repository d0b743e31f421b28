//! Signing as work goes on: whoever ends a run signs what came since the last checkpoint, and puts it
//! outside where the user said so.

use std::path::PathBuf;
use std::sync::Arc;

use belay_audit::{Signer, VerifierKey};
use belay_model::record::Leaf;
use belay_model::{RunId, Timestamp};
use belay_outside::Anchor;

use super::{PAGE, anchor, checkpoint_at, keep_key, read_key, sign};
use crate::{Desk, FlowError};

/// A checkpoint is due when the last is this old, in seconds, and leaves came since.
pub const EVERY_SECONDS: f64 = 60.0;

/// Or when so many leaves came since.
pub const EVERY_LEAVES: i64 = 1000;

/// Where the key that signs is.
#[derive(Debug, Clone)]
pub enum Key {
    Given(Arc<Signer>),
    /// In a file, which is made when something is to be signed.
    File(PathBuf),
}

/// Who signs, and where checkpoints are put.
#[derive(Debug, Clone)]
pub struct Vouching {
    pub key: Key,
    /// The file of belay's own key, which may have signed before another was named.
    pub own: PathBuf,
    pub anchor: Option<Anchor>,
    /// The folder that the anchor is looked for in.
    pub folder: PathBuf,
}

impl Vouching {
    /// The key in force; a file that is named and not there is made.
    pub fn signer(&self, workspace: &str) -> Result<Arc<Signer>, FlowError> {
        match &self.key {
            Key::Given(signer) => Ok(Arc::clone(signer)),
            Key::File(path) => Ok(Arc::new(keep_key(path, &belay_audit::origin(workspace))?)),
        }
    }

    /// Every key that may have signed: that in force, and belay's own.
    pub fn keys(&self, workspace: &str) -> Result<Vec<VerifierKey>, FlowError> {
        let mut keys = vec![self.signer(workspace)?.verifier()];
        keys.extend(read_key(&self.own)?.map(|signer| signer.verifier()));
        Ok(keys)
    }
}

/// Signs and puts outside what is due. What goes wrong is said and stops nothing: the run is over, and
/// its leaves stand. The end of the next run tries again.
pub async fn vouch(desk: &Desk) {
    if let Err(error) = vouch_if_due(desk).await {
        desk.progress.note(&format!("the audit was not signed: {error}"));
    }
}

/// Whether a checkpoint was signed or put outside.
pub async fn vouch_if_due(desk: &Desk) -> Result<bool, FlowError> {
    let Some(vouching) = &desk.vouching else { return Ok(false) };
    let workspace = desk.memory.workspace().as_str();
    if let Some(place) = vouching.anchor.as_ref().filter(|anchor| anchor.is_ours())
        && is_anchor_due(desk, place).await?
    {
        let (signer, keys) = (vouching.signer(workspace)?, vouching.keys(workspace)?);
        checkpoint_at(desk, &signer, &keys, place, &vouching.folder).await?;
        return Ok(true);
    }
    let last = desk.memory.last_checkpoint().await?;
    let size = desk.memory.tree_size().await?;
    let since = size - last.as_ref().map_or(0, |last| last.size);
    let late = last.as_ref().is_none_or(|last| is_late(desk, last.at));
    let due = since >= EVERY_LEAVES || (since > 0 && late);
    if due {
        sign(desk, &*vouching.signer(workspace)?, last.as_ref(), size).await?;
    }
    Ok(due)
}

/// A clock that jumped back makes no checkpoint wait for ever.
fn is_late(desk: &Desk, last: Timestamp) -> bool {
    desk.now().seconds_since(last).abs() >= EVERY_SECONDS
}

/// Putting a checkpoint outside leaves leaves itself; only those of other work are a reason for the
/// next one.
async fn is_anchor_due(desk: &Desk, place: &Anchor) -> Result<bool, FlowError> {
    let name = place.to_string();
    let mut known = desk.memory.checkpoints().await?.into_iter().rev();
    let last = known.find(|one| one.anchor.as_ref() == Some(&name));
    if last.as_ref().is_some_and(|last| !is_late(desk, last.at)) {
        return Ok(false);
    }
    let (mut from, mut own) = (last.map_or(0, |last| last.size), None);
    loop {
        let leaves = desk.memory.tree_leaves(from, PAGE).await?;
        let Some(end) = leaves.last() else { return Ok(false) };
        from = end.sequence + 1;
        for leaf in &leaves {
            if !is_of_anchoring(desk, leaf, &mut own).await? {
                return Ok(true);
            }
        }
    }
}

/// `own` remembers the run of anchoring that was seen last.
async fn is_of_anchoring(
    desk: &Desk,
    leaf: &Leaf,
    own: &mut Option<RunId>,
) -> Result<bool, FlowError> {
    let Some(run) = leaf.run else { return Ok(false) };
    if *own == Some(run) {
        return Ok(true);
    }
    let row = desk.memory.find_run(&run.to_string(), desk.now()).await?;
    let is_own = row.workflow == anchor::WORKFLOW;
    if is_own {
        *own = Some(run);
    }
    Ok(is_own)
}
