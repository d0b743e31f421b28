//! belay beside a command of its own: when belay dies, even by `kill -9`, the whole group of the
//! command is killed, and not only the command.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use fs_err as fs;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, getpgid, getpid, kill_process_group};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// The hidden first argument by which belay knows that it is to stand guard.
pub(crate) const GUARD: &str = "__guard";

/// The word before the path of a mark.
pub(crate) const MARK: &str = "--mark";

/// Runs a command to its end; returns its exit code, or 128 and the number of the signal that ended
/// it. When stdin closes before that, everything in this process's group is killed.
///
/// With `--mark PATH` in front, the file is locked before the command begins and as long as anything of
/// it may still run: whoever takes the run over after belay's death sees that it is not over yet. A
/// guard whose belay is gone by then begins nothing.
pub async fn guard(words: Vec<OsString>) -> io::Result<u8> {
    let group = getpid();
    if getpgid(None)? != group {
        return Err(io::Error::other("a guard leads a group of its own"));
    }
    // Asked to end, the group is asked as a whole: the command clears up, the guard waits for it.
    let _heard =
        [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    let mut words = words.into_iter().peekable();
    let mark = words.next_if(|word| word == MARK).and_then(|_| words.next());
    let _held = mark.map(lock).transpose()?;
    if is_gone()? {
        return Ok(128 + 9);
    }
    std::thread::spawn(move || watch(group));
    let program = words.next().ok_or_else(|| io::Error::other("no command to guard"))?;
    let mut command = Command::new(program);
    let status = command.args(words).stdin(Stdio::null()).status().await?;
    let signal = || status.signal().map_or(255, |signal| 128 + signal);
    Ok(u8::try_from(status.code().unwrap_or_else(signal)).unwrap_or(u8::MAX))
}

/// The lock goes with the process. Others hold it for a moment at most, to see whether it is free.
fn lock(path: OsString) -> io::Result<fs::File> {
    let file = fs::File::create(PathBuf::from(path))?;
    file.file().lock()?;
    Ok(file)
}

/// Whether the other end of stdin is closed.
fn is_gone() -> io::Result<bool> {
    let stdin = io::stdin();
    let mut end = [PollFd::new(&stdin, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut end, Some(&now))?;
    let [end] = &end;
    Ok(end.revents().contains(PollFlags::HUP))
}

/// Nobody writes to this stdin: reading ends when belay does.
fn watch(group: Pid) {
    let mut byte = [0];
    while io::stdin().read(&mut byte).is_ok_and(|count| count > 0) {}
    kill_process_group(group, Signal::KILL).ok();
}
