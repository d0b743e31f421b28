//! One command of a team's own, run for real: with only the variables it was promised, within its
//! time, in a process group of its own of which nothing is left when it is over.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use belay_gate::Permit;
use belay_model::{Action, Digest, Resource, Verb};
use fs_err as fs;
use serde_json::Value;
use tokio::process::Command;

use crate::group::Running;
use crate::guard::{GUARD, MARK};
use crate::inputs::digest_inputs;
use crate::{OutsideError, Stop};

/// Variables that every command gets, where they are set.
pub const ALWAYS: [&str; 3] = ["PATH", "HOME", "LANG"];

/// How much of stdout, and of stderr, is kept: half from the beginning, half from the end.
pub const KEPT_OUTPUT: usize = 4 << 20;

/// A command with all that makes a difference.
#[derive(Clone)]
pub struct Script {
    pub verb: Verb,
    pub resource: Resource,
    /// How many assets it touches.
    pub targets: u32,
    pub sensitive: bool,
    /// Program and arguments; no shell reads them.
    pub args: Vec<String>,
    /// The root of the repository.
    pub root: PathBuf,
    /// Where it runs, under the root; `.` is the root.
    pub folder: String,
    /// All that it sees, with values; see [`environment`]. The names are part of the action.
    pub environment: Vec<(String, String)>,
    /// What names the inputs, and what was found then; see [`digest_inputs`].
    pub patterns: Vec<String>,
    pub inputs: Vec<(String, Digest)>,
    /// Exit codes that count as done.
    pub expect: Vec<i32>,
    pub limit: Duration,
    /// How long it may take to clear up after it was asked to end.
    pub grace: Duration,
    pub inverse: Option<String>,
    /// What it is told of its run: `BELAY_RUN`, `BELAY_STEP`, `BELAY_IDEMPOTENCY_KEY`.
    pub run: String,
    pub step: String,
    pub idempotency_key: String,
    /// belay itself, which stands guard: when belay dies the whole group is killed.
    pub launcher: Option<PathBuf>,
    /// The file that the guard keeps locked while anything of the command may still run.
    pub mark: Option<PathBuf>,
}

/// How a command ended and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit code, or 128 and the signal's number, as in a shell. Nothing when belay ended it.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Something between the beginning and the end of an output was left out.
    pub truncated: bool,
    pub timed_out: bool,
    /// Somebody asked the run to stop.
    pub stopped: bool,
}

impl Ran {
    /// It came to its own end with one of these exit codes.
    pub fn ended_with(&self, codes: &[i32]) -> bool {
        self.code.is_some_and(|code| codes.contains(&code))
    }
}

/// The variables for a command: those always given and those of its allow-list, where they are set.
pub fn environment(
    allowed: &[String],
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Vec<(String, String)> {
    let mut names: Vec<&str> =
        ALWAYS.into_iter().chain(allowed.iter().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter_map(|name| Some((name.to_owned(), lookup(name)?))).collect()
}

/// Runs a command to its end; `said` sees each line of both outputs as it comes. `Err` only when it
/// did not start.
pub async fn run_script(
    permit: Permit,
    script: &Script,
    stop: &Stop,
    said: impl FnMut(&str),
) -> Result<Ran, OutsideError> {
    let now = digest_inputs(&script.root, &script.patterns)?;
    if let Some(path) = changed(&script.inputs, &now) {
        return Err(OutsideError::InputChanged { path });
    }
    permit.admit(&Script { inputs: now, ..script.clone() }.action())?;
    if stop.is_asked() {
        return Err(OutsideError::Stopped);
    }
    let folder = script.place()?;
    let program = script.program(&folder)?;
    let mut command = script.command(&program, &folder);
    let child = command.spawn().map_err(|source| OutsideError::Start {
        program: script.args.first().cloned().unwrap_or_default(),
        source,
    })?;
    let running = Running::new(child, script.secrets());
    Ok(running.run(script.limit, script.grace, stop, said).await)
}

/// The first path whose digest is not what it was, or that came or went.
fn changed(then: &[(String, Digest)], now: &[(String, Digest)]) -> Option<String> {
    let differs = |all: &[(String, Digest)], one: &(String, Digest)| !all.contains(one);
    let gone = then.iter().find(|one| differs(now, one));
    gone.or_else(|| now.iter().find(|one| differs(then, one))).map(|(path, _)| path.clone())
}

impl Script {
    /// What the gate is asked about. The values of variables are not part of it.
    pub fn action(&self) -> Action {
        // Whether one of those always given is set differs between machines, and is no other action.
        let given = self.environment.iter().map(|(name, _)| name.as_str());
        let names: BTreeSet<&str> = ALWAYS.into_iter().chain(given).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let inputs: serde_json::Map<String, Value> = self
            .inputs
            .iter()
            .map(|(path, digest)| (path.clone(), Value::from(digest.to_string())))
            .collect();
        // Lists and not lines: `a b` and `a`, `b` are different arguments.
        let action = Action::new(self.verb, self.resource.clone())
            .with("args", Value::from(self.args.clone()).to_string())
            .with("folder", self.folder.clone())
            .with("environment", Value::from(names).to_string())
            .with("inputs", belay_model::canonical::json(&Value::Object(inputs)))
            .with("expect", Value::from(self.expect.clone()).to_string());
        let (targets, sensitive) = (self.targets, self.sensitive);
        Action { inverse: self.inverse.clone(), targets, sensitive, ..action }
    }

    fn place(&self) -> Result<PathBuf, OutsideError> {
        inside(&self.root, &self.root.join(&self.folder), &self.folder)
    }

    /// The program itself: a file of the folder, or the first of that name on PATH.
    fn program(&self, folder: &Path) -> Result<PathBuf, OutsideError> {
        let program = self.args.first().cloned().unwrap_or_default();
        if program.contains('/') {
            let path = folder.join(&program);
            if !path.exists() {
                return Err(OutsideError::Missing { program });
            }
            // The name stays as it is: a program may look at how it was called.
            inside(&self.root, &path, &program)?;
            return Ok(path);
        }
        let path = self.environment.iter().find(|(name, _)| name == "PATH");
        let folders = std::env::split_paths(path.map_or("", |(_, value)| value.as_str()));
        let runs = |path: &PathBuf| {
            fs::metadata(path)
                .is_ok_and(|what| what.is_file() && what.permissions().mode() & 0o111 != 0)
        };
        // A relative entry of PATH would find another program in another folder.
        let found =
            folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join(&program));
        found.into_iter().find(runs).ok_or(OutsideError::Missing { program })
    }

    fn command(&self, program: &Path, folder: &Path) -> Command {
        let args = self.args.iter().skip(1).map(OsString::from);
        let mut command = Command::new(self.launcher.as_deref().unwrap_or(program));
        if self.launcher.is_some() {
            // The guard sees its end of this pipe close when belay dies.
            command.arg(GUARD);
            if let Some(mark) = &self.mark {
                command.arg(MARK).arg(mark);
            }
            command.arg(program).stdin(Stdio::piped());
        } else {
            command.stdin(Stdio::null());
        }
        command.args(args).current_dir(folder).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
            .env("BELAY_RUN", &self.run)
            .env("BELAY_STEP", &self.step)
            .env("BELAY_IDEMPOTENCY_KEY", &self.idempotency_key);
        // A group of its own: Ctrl-C reaches belay alone, which then ends the whole group.
        command.process_group(0).kill_on_drop(true);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Values that must not be read in its output: those whose name says so, each line for itself.
    fn secrets(&self) -> Vec<Vec<u8>> {
        let named = self.environment.iter().filter(|(name, _)| is_secret(name));
        let lines = named.flat_map(|(_, value)| value.lines());
        let mut secrets: Vec<Vec<u8>> = lines
            .map(|line| line.trim().as_bytes().to_vec())
            .filter(|secret| secret.len() >= 4)
            .collect();
        // The longest first, for one may begin another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words =
        ["PASS", "PWD", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "AUTH", "DSN", "URL", "URI"];
    words.iter().any(|word| name.contains(word))
}

fn inside(root: &Path, path: &Path, named: &str) -> Result<PathBuf, OutsideError> {
    let real = |path: &Path| {
        fs::canonicalize(path).map_err(OutsideError::io(format!("cannot find `{named}`")))
    };
    let (root, place) = (real(root)?, real(path)?);
    if place.starts_with(&root) {
        Ok(place)
    } else {
        Err(OutsideError::LinkOut { path: named.to_owned() })
    }
}

/// Without the values of variables.
impl fmt::Debug for Script {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Script")
            .field("action", &self.action())
            .field("root", &self.root)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
