//! What one workspace remembers. Every statement names the workspace; every write is one transaction
//! with its audit leaf, and is on the disk when the call returns.

mod approvals;
mod bodies;
mod controls;
mod effects;
mod jobs;
mod recall;
mod reviews;
mod runs;
mod spans;
mod tree;

pub use self::tree::SignedTree;

pub use spans::{Added, Trace};

use std::fmt::Display;
use std::path::{Path, PathBuf};

use belay_model::record::{Decision, Effect, Lease};
use belay_model::{ApprovalId, WorkspaceId};
use sqlx::AnyPool;

use crate::StoreError;
use crate::ask::Engine;
use crate::blobs::Blobs;
use crate::presence::Presence;

/// The memory of one workspace.
#[derive(Debug, Clone)]
pub struct Memory {
    pub(crate) pool: AnyPool,
    pub(crate) engine: Engine,
    pub(crate) workspace: WorkspaceId,
    pub(crate) presence: Presence,
    /// With it, writes to its run are refused once there is a newer one.
    pub(crate) lease: Option<Lease>,
    /// The name of this machine, as in the owners of leases.
    host: String,
    /// Bodies, where the database does not keep them.
    blobs: Blobs,
    /// Bodies from before 0.2, which all workspaces shared.
    old_blobs: Blobs,
    folder: PathBuf,
}

/// A decision and, where something will be changed, the effect that is reserved with it.
#[derive(Debug)]
pub struct Reservation<'a> {
    pub decision: &'a Decision,
    pub effect: Option<&'a Effect>,
    /// The approval that is used up by it.
    pub spends: Option<ApprovalId>,
}

impl Memory {
    pub(crate) fn new(
        (pool, engine): (AnyPool, Engine),
        workspace: WorkspaceId,
        host: String,
        folder: PathBuf,
    ) -> Self {
        let presence = Presence::new(folder.join("live"));
        let (blobs, old_blobs) = (Blobs::of(&folder, &workspace), Blobs::old(&folder));
        Self { pool, engine, workspace, presence, lease: None, host, blobs, old_blobs, folder }
    }

    /// A handle that writes to the run of `lease` only while no newer lease of it exists: else
    /// `run/lease-lost`, and nothing is written. That the lease ran out does not matter while nobody
    /// else took the run.
    #[must_use]
    pub fn holding(&self, lease: &Lease) -> Self {
        Self { lease: Some(lease.clone()), ..self.clone() }
    }

    /// The file that a command's guard keeps locked, so that the run counts as alive until nothing of
    /// the command is left, even when its process is gone.
    pub fn guard_mark(&self, lease: &Lease) -> PathBuf {
        self.presence.guard_path(lease.run, lease.fence)
    }

    /// What a process of this machine calls itself as the owner of a lease.
    pub fn owner(&self, process: u32) -> String {
        format!("{}/{process}", self.host)
    }

    #[cfg(test)]
    pub(crate) fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Waits until everything is written and the store is closed.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The state folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn workspace(&self) -> &WorkspaceId {
        &self.workspace
    }
}

fn missing(kind: &'static str, id: impl Display) -> StoreError {
    StoreError::NotFound { kind, text: id.to_string() }
}

/// A row that is not there, or is another workspace's, was not written: nobody may be told it was.
fn there(written: u64, kind: &'static str, id: impl Display) -> Result<(), StoreError> {
    if written == 0 { Err(missing(kind, id)) } else { Ok(()) }
}
