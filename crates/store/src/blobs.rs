//! Bodies by digest, each a file that is written whole and synced before it is named.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use belay_model::{Digest, WorkspaceId};
use fs_err as fs;
use tempfile::NamedTempFile;

use crate::StoreError;

/// Where the bodies of the workspaces lie.
const BODIES: &str = "bodies";

/// A content-addressed folder: `bodies/WORKSPACE/ab/abcdef…`.
#[derive(Debug, Clone)]
pub(crate) struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The bodies of one workspace in the state folder.
    pub(crate) fn of(folder: &Path, workspace: &WorkspaceId) -> Self {
        Self::new(folder.join(BODIES).join(workspace.as_str()))
    }

    /// The bodies that belay kept before 0.2, for all workspaces together.
    pub(crate) fn old(folder: &Path) -> Self {
        Self::new(folder.join("blobs"))
    }

    /// Every body of every workspace in the state folder.
    pub(crate) fn all(folder: &Path) -> Result<Vec<(WorkspaceId, Digest)>, StoreError> {
        let mut found = Vec::new();
        for workspace in names(&folder.join(BODIES))? {
            let Ok(id) = WorkspaceId::parse(&workspace) else { continue };
            for shelf in names(&folder.join(BODIES).join(&workspace))? {
                let bodies = names(&folder.join(BODIES).join(&workspace).join(shelf))?;
                let digests = bodies.iter().filter_map(|name| name.parse().ok());
                found.extend(digests.map(|digest| (id.clone(), digest)));
            }
        }
        Ok(found)
    }

    /// Keeps `body`. When this returns, it survives a power cut.
    pub(crate) fn put(&self, body: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(body);
        // A body that was altered since is written anew.
        if self.get(digest).is_err() {
            write(&self.path(digest), body)
                .map_err(StoreError::io(format!("cannot keep the body `{}`", digest.short())))?;
        }
        Ok(digest)
    }

    /// The body, checked against its digest.
    pub(crate) fn get(&self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        let named = || digest.to_string();
        let body = match fs::read(self.path(digest)) {
            Ok(body) => body,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::BodyMissing { digest: named() });
            }
            Err(error) => return Err(StoreError::io("cannot read a body")(error)),
        };
        if Digest::of(&body) == digest {
            Ok(body)
        } else {
            Err(StoreError::BodyAltered { digest: named() })
        }
    }

    pub(crate) fn has(&self, digest: Digest) -> bool {
        self.path(digest).is_file()
    }

    /// Takes the body away, where there is one. When this returns, it is gone after a power cut too.
    pub(crate) fn remove(&self, digest: Digest) -> Result<(), StoreError> {
        let path = self.path(digest);
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                fs::File::open(path.parent().unwrap_or(&path)).and_then(|shelf| shelf.sync_all())
            }
        };
        removed.map_err(StoreError::io("cannot erase a body"))
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        let shelf: String = name.chars().take(2).collect();
        self.folder.join(shelf).join(name)
    }
}

/// The names in a folder; none where there is no folder.
fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("cannot list the bodies")(error)),
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        entry?.file_name().into_string().map_err(|_| io::Error::other("a name that is not UTF-8"))
    };
    entries.map(name).collect::<Result<_, _>>().map_err(StoreError::io("cannot list the bodies"))
}

fn write(path: &Path, body: &[u8]) -> io::Result<()> {
    let shelf = path.parent().unwrap_or(path);
    fs::create_dir_all(shelf)?;
    let mut file = NamedTempFile::new_in(shelf)?;
    file.write_all(body)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    // The shelf, and the folders that it may be the first in.
    shelf.ancestors().take(3).try_for_each(|folder| fs::File::open(folder)?.sync_all())
}
