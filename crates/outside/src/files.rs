//! Files that the user asked for.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use belay_gate::Permit;
use belay_model::{Action, Digest, Resource, Verb, Zone};
use fs_err as fs;
use tempfile::Builder;

use crate::OutsideError;

/// The action of writing `body` to `path`.
pub fn writing(path: &Path, body: &[u8]) -> Action {
    Action::new(Verb::WriteReport, Resource::new(format!("file:{}", path.display()), Zone::Dev))
        .with("digest", Digest::of(body).to_string())
}

/// Writes a report whole or not at all.
pub fn write_report(permit: Permit, path: &Path, body: &[u8]) -> Result<(), OutsideError> {
    permit.admit(&writing(path, body))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let doing = || format!("cannot write `{}`", path.display());
    fs::create_dir_all(folder).map_err(OutsideError::io(doing()))?;
    // Whoever may read new files of the user may read a report too.
    let readable = Permissions::from_mode(0o666);
    let made = Builder::new().permissions(readable).tempfile_in(folder);
    let mut file = made.map_err(OutsideError::io(doing()))?;
    file.write_all(body).map_err(OutsideError::io(doing()))?;
    file.as_file().sync_all().map_err(OutsideError::io(doing()))?;
    file.persist(path).map_err(|failed| OutsideError::io(doing())(failed.error))?;
    Ok(())
}
