//! Who is alive: a running process holds a lock on a file of its run, and the kernel lets go of it
//! whatever way the process ends.

use std::fs::TryLockError;
use std::io;
use std::path::PathBuf;

use belay_model::RunId;
use fs_err as fs;

/// The folder of marks. A mark that can be locked belongs to nobody alive.
#[derive(Debug, Clone)]
pub struct Presence {
    folder: PathBuf,
}

/// Held for as long as the run's process lives.
#[derive(Debug)]
#[must_use = "the run counts as interrupted as soon as this is dropped"]
pub struct Mark {
    file: fs::File,
    path: PathBuf,
}

impl Presence {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn mark(&self, run: RunId) -> io::Result<Mark> {
        fs::create_dir_all(&self.folder)?;
        let path = self.path(run);
        let file = fs::File::create(&path)?;
        file.file().lock()?;
        Ok(Mark { file, path })
    }

    /// Whether a process still holds the run's mark.
    pub(crate) fn is_alive(&self, run: RunId) -> io::Result<bool> {
        let file = match fs::File::open(self.path(run)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match file.file().try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn path(&self, run: RunId) -> PathBuf {
        self.folder.join(run.to_string())
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // The lock is what counts; a file that stays behind is only litter.
        drop(fs::remove_file(&self.path));
        drop(self.file.file().unlock());
    }
}
