//! Child processes: their lines as they come, an end when somebody asks, no orphan when belay dies.

use std::ffi::OsString;
use std::future::pending;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::{OutsideError, Stop};

/// How long a child may take to clear up after it was asked to end.
const GRACE: Duration = Duration::from_secs(10);

/// How long what the child started may outlive it.
const ORPHANS: Duration = Duration::from_secs(1);

/// A program to run, with its arguments and surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub path: PathBuf,
    pub args: Vec<OsString>,
    pub folder: PathBuf,
    pub env: Vec<(OsString, OsString)>,
    /// Names of variables that the child must not inherit.
    pub without: Vec<&'static str>,
    /// A program that takes a command line, asks the kernel to be killed when its parent goes, and
    /// becomes that command: belay itself. Without it a child may outlive a `kill -9`.
    pub launcher: Option<PathBuf>,
    /// How long it may take to clear up after it was asked to end.
    pub grace: Duration,
}

/// How a child ended and what it printed.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub(crate) fn new(path: impl Into<PathBuf>, folder: &Path) -> Self {
        Self {
            path: path.into(),
            args: Vec::new(),
            folder: folder.to_owned(),
            env: Vec::new(),
            without: Vec::new(),
            launcher: None,
            grace: GRACE,
        }
    }

    #[must_use]
    pub(crate) fn args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// Runs it to its end; `line` sees each line of its stdout as it comes.
    pub(crate) async fn run(
        &self,
        stop: &Stop,
        mut line: impl FnMut(&str),
    ) -> Result<Finished, OutsideError> {
        let mut child = self.command().spawn().map_err(|error| self.no_start(error))?;
        let group = child.id();
        let reading = || OutsideError::io(format!("reading from `{}`", self.name()));
        let mut words = pin!(listen(child.stdout.take(), child.stderr.take(), &mut line));
        let (stdout, stderr) = tokio::select! {
            words = &mut words => words.map_err(reading())?,
            () = stop.asked() => {
                // The ends of its pipes stay open: who clears up may say so, and is not killed for it.
                let listening = async { words.await.ok(); pending().await };
                tokio::select! {
                    () = end(&mut child, group, self.grace) => (),
                    () = listening => (),
                }
                return Err(OutsideError::Stopped);
            }
        };
        tokio::select! {
            status = child.wait() => Ok(Finished { status: status.map_err(reading())?, stdout, stderr }),
            () = stop.asked() => {
                end(&mut child, group, self.grace).await;
                Err(OutsideError::Stopped)
            }
        }
    }

    fn command(&self) -> Command {
        let mut command = match &self.launcher {
            Some(launcher) => {
                let mut command = Command::new(launcher);
                command.arg(LAUNCH).arg(&self.path);
                command
            }
            None => Command::new(&self.path),
        };
        for name in &self.without {
            command.env_remove(name);
        }
        command.args(&self.args).current_dir(&self.folder).envs(self.env.iter().cloned());
        // A group of its own: Ctrl-C reaches belay alone, which then ends the child in good order.
        command.process_group(0).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn no_start(&self, source: io::Error) -> OutsideError {
        let program = self.name();
        // A folder or a launcher that is gone looks the same, and is not the program's absence.
        let gone =
            !self.folder.is_dir() || self.launcher.as_ref().is_some_and(|path| !path.exists());
        if source.kind() == io::ErrorKind::NotFound && !gone {
            OutsideError::Missing { program }
        } else {
            OutsideError::Start { program, source }
        }
    }
}

/// The hidden first argument by which belay knows that it is to be the launcher.
pub(crate) const LAUNCH: &str = "__launch";

/// Asks the kernel to kill this process when its parent goes; for the launcher.
///
/// Returns whether the parent is still there: it may have gone before the kernel was asked.
pub fn die_with_parent() -> io::Result<bool> {
    let before = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(before.is_some() && before == rustix::process::getppid() && before != Some(Pid::INIT))
}

/// Everything that is said on either pipe, until both are closed.
async fn listen(
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    line: &mut impl FnMut(&str),
) -> io::Result<(String, String)> {
    let lines = async {
        let mut all = String::new();
        if let Some(stdout) = stdout {
            let mut lines = BufReader::new(stdout).split(b'\n');
            while let Some(bytes) = lines.next_segment().await? {
                let text = String::from_utf8_lossy(&bytes);
                line(&text);
                all.push_str(&text);
                all.push('\n');
            }
        }
        io::Result::Ok(all)
    };
    let complaints = async {
        let mut all = Vec::new();
        if let Some(mut stderr) = stderr {
            stderr.read_to_end(&mut all).await?;
        }
        io::Result::Ok(String::from_utf8_lossy(&all).into_owned())
    };
    tokio::try_join!(lines, complaints)
}

/// Asks the whole group to end, and makes it end when it does not.
async fn end(child: &mut Child, group: Option<u32>, grace: Duration) {
    let group = group.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(group) = group {
            // The group may have gone by itself in the meantime.
            kill_process_group(group, signal).ok();
        }
        if timeout(grace, child.wait()).await.is_ok() {
            break;
        }
    }
    if let Some(group) = group {
        end_orphans(group, grace.min(ORPHANS)).await;
    }
}

/// What the child started may have heard the signal and not heeded it.
async fn end_orphans(group: Pid, grace: Duration) {
    let gone = async {
        while test_kill_process_group(group).is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(grace, gone).await.is_err() {
        kill_process_group(group, Signal::KILL).ok();
    }
}

impl Finished {
    pub(crate) fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// The exit code, or `signal N`.
    pub(crate) fn ending(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no exit code".to_owned(),
        }
    }
}
