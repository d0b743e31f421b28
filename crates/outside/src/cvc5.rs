//! The SMT solver cvc5 in belay's own cache. Its makers publish no program that a package manager of every
//! machine has, but a Python package with the solver inside; a small launcher makes a program of it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use belay_model::Digest;
use fs_err as fs;
use tempfile::TempDir;

use crate::process::Program;
use crate::setup::{environment, locked, pip};
use crate::{Cache, OutsideError, Stop};

/// The package with the digests of its wheels.
const REQUIREMENTS: &str = include_str!("../cvc5/requirements.txt");
/// Reads SMT-LIB from stdin and answers on stdout.
const SMT_LIB: &str = include_str!("../cvc5/smtlib.py");
/// The program in the environment's `bin`.
const LAUNCHER: &str = include_str!("../cvc5/cvc5.sh");

impl Cache {
    /// The private cvc5, if it was installed whole.
    pub fn cvc5(&self) -> Option<PathBuf> {
        let folder = self.cvc5_folder();
        folder.join("complete").exists().then(|| folder.join("bin").join("cvc5"))
    }

    fn cvc5_folder(&self) -> PathBuf {
        let whole = [REQUIREMENTS, SMT_LIB, LAUNCHER].concat();
        self.folder().join("cvc5").join(Digest::of(whole).short())
    }

    /// Installs cvc5 into a private environment unless it is there.
    pub async fn install_cvc5(
        &self,
        stop: &Stop,
        mut progress: impl FnMut(&str),
    ) -> Result<PathBuf, OutsideError> {
        let failed = || OutsideError::io("cannot make the private cvc5");
        let shelf = self.folder().join("cvc5");
        fs::create_dir_all(&shelf).map_err(failed())?;
        let lock = locked(&shelf.join(".lock"))?;
        if let Some(program) = self.cvc5() {
            return Ok(program);
        }
        // An environment names its own folder, so it is made in place; `complete` comes last.
        let folder = self.cvc5_folder();
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(failed())?;
        }
        environment(&folder, stop, &mut progress).await?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS).map_err(failed())?;
        let args = ["--require-hashes".into(), "--no-deps".into(), "--only-binary=:all:".into()];
        let file = ["-r".into(), requirements.into_os_string()];
        pip(&folder, args.into_iter().chain(file), "cvc5", stop, &mut progress).await?;
        fs::write(folder.join("smtlib.py"), SMT_LIB).map_err(failed())?;
        let program = folder.join("bin").join("cvc5");
        fs::write(&program, LAUNCHER).map_err(failed())?;
        fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).map_err(failed())?;
        cvc5_version(&program, stop).await?;
        fs::write(folder.join("complete"), "").map_err(failed())?;
        drop(lock);
        Ok(program)
    }
}

/// What a cvc5 says of itself, such as `1.4.2`.
pub async fn cvc5_version(program: &Path, stop: &Stop) -> Result<String, OutsideError> {
    let failed = |message: String| OutsideError::Setup { what: "cvc5", message };
    let folder = TempDir::new().map_err(OutsideError::io("cannot make a temporary folder"))?;
    let finished =
        Program::new(program, folder.path()).args(["--version"]).run(stop, |_| ()).await?;
    let version = finished.stdout.split_once("version ").map(|(_, rest)| rest);
    let version = version.and_then(|rest| rest.split_whitespace().next());
    match version.map(|version| version.trim_end_matches(',')) {
        Some(version) if finished.succeeded() => Ok(version.to_owned()),
        _ => Err(failed(format!(
            "`--version` ended with {}: {}",
            finished.ending(),
            finished.stderr.trim()
        ))),
    }
}
