//! The key that signs checkpoints, in a file of the user's alone.

use std::io::{ErrorKind, Write as _};

use std::path::Path;

use belay_audit::Signer;
use belay_model::Digest;
use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;

use crate::FlowError;

/// The key in `path`; `None` where there is no such file.
pub fn read_key(path: &Path) -> Result<Option<Signer>, FlowError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Signer::parse(&text)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FlowError::Unreadable { path: path.to_owned(), source }),
    }
}

/// The key in `path`, which is made where there is none: it gets this name, and only the user may read
/// it.
pub fn keep_key(path: &Path, name: &str) -> Result<Signer, FlowError> {
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    let failed = |source| FlowError::Unreadable { path: path.to_owned(), source };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| failed(std::io::Error::other(error.to_string())))?;
    let signer = Signer::from_seed(name, &seed)?;
    // Whole, and linked to its name last: of two processes one makes the key, and both use that one.
    let tag = Digest::of(signer.verifier().to_string()).short();
    let part = path.with_extension(format!("{tag}.part"));
    let written = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
    let mut file = written.map_err(failed)?;
    let text = format!("{}\n", signer.secret_text());
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    let linked = fs::hard_link(&part, path);
    fs::remove_file(&part).map_err(failed)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
        _ => read_key(path)?.ok_or_else(|| failed(ErrorKind::NotFound.into())),
    }
}
