//! Who is alive on this machine: a running process holds a lock on a file of its lease, and the kernel
//! lets go of it whatever way the process ends.

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};

use belay_model::RunId;
use belay_model::record::Lease;
use fs_err as fs;

/// The folder of marks, one for each lease. A mark that can be locked belongs to nobody alive.
#[derive(Debug, Clone)]
pub(crate) struct Presence {
    folder: PathBuf,
}

/// What a mark says of the process that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Alive,
    Dead,
    /// There is no mark: the process was somewhere else, or is long gone.
    None,
}

/// The right to write to a run, held for as long as the run's process lives.
#[derive(Debug)]
#[must_use = "the run counts as interrupted as soon as this is dropped"]
pub struct Tenure {
    pub lease: Lease,
    /// The lock; closing the file lets go of it.
    _mark: fs::File,
}

impl Presence {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Marks the holder of `lease` as alive. Each lease has a mark of its own, so nobody waits here.
    pub(crate) fn mark(&self, lease: Lease) -> io::Result<Tenure> {
        fs::create_dir_all(&self.folder)?;
        let file = fs::File::create(self.path(lease.run, lease.fence))?;
        file.file().lock()?;
        Ok(Tenure { lease, _mark: file })
    }

    /// The run is alive as long as its process is, or a command that it started.
    pub(crate) fn sign(&self, run: RunId, fence: i64) -> io::Result<Sign> {
        let of_process = sign_of(&self.path(run, fence))?;
        let of_command = sign_of(&self.guard_path(run, fence))?;
        Ok(if of_command == Sign::Alive { Sign::Alive } else { of_process })
    }

    /// Takes a mark away that is of no use any more; one that stays behind is only litter.
    pub(crate) fn forget(&self, run: RunId, fence: i64) {
        drop(fs::remove_file(self.path(run, fence)));
        drop(fs::remove_file(self.guard_path(run, fence)));
    }

    /// The mark of a command that the holder of the lease runs; its guard locks it.
    pub(crate) fn guard_path(&self, run: RunId, fence: i64) -> PathBuf {
        self.folder.join(format!("{run}.{fence}.guard"))
    }

    fn path(&self, run: RunId, fence: i64) -> PathBuf {
        self.folder.join(format!("{run}.{fence}"))
    }
}

fn sign_of(path: &Path) -> io::Result<Sign> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Sign::None),
        Err(error) => return Err(error),
    };
    match file.file().try_lock_shared() {
        Ok(()) => Ok(Sign::Dead),
        Err(TryLockError::WouldBlock) => Ok(Sign::Alive),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
