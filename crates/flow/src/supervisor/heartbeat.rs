//! Keeps a lease alive while its run is at work.

use std::time::Duration;

use belay_model::record::Lease;
use tokio::task::JoinHandle;

use super::{LEASE_SECONDS, lease_until};
use crate::Desk;

/// Renews the lease in the background until it is dropped.
///
/// A renewal that fails is not an error here: the next write of the run finds out, inside its own
/// transaction, whether the lease is still the newest one.
#[derive(Debug)]
pub(super) struct Heartbeat {
    lease: Lease,
    task: JoinHandle<()>,
}

impl Heartbeat {
    pub(super) fn start(desk: &Desk, lease: &Lease) -> Self {
        let (memory, clock, held) = (desk.memory.clone(), desk.clock.clone(), lease.clone());
        let task = tokio::spawn(async move {
            let pause = Duration::from_secs(LEASE_SECONDS.unsigned_abs() / 3);
            loop {
                tokio::time::sleep(pause).await;
                drop(memory.renew(&held, lease_until(clock.now())).await);
            }
        });
        Self { lease: lease.clone(), task }
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}
