//! A process group that runs: what it says, how it is asked to end, and that nothing of it is left.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::time::{Instant, sleep, sleep_until};

use crate::Stop;
use crate::capture::Capture;
use crate::script::{KEPT_OUTPUT, Ran};

/// How long what a command started may outlive it, and how long its last words may take.
const AFTERWARDS: Duration = Duration::from_secs(1);

const TICK: Duration = Duration::from_millis(20);

/// A command that was started in a group of its own.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    group: Group,
    stdout: Pipe<ChildStdout>,
    stderr: Pipe<ChildStderr>,
    /// Held open: the guard takes its end for belay's death.
    _lifeline: Option<ChildStdin>,
    status: Option<ExitStatus>,
    phase: Phase,
    deadline: Instant,
    timed_out: bool,
    stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// It was asked to end.
    Asked,
    /// It was killed, or is gone but for a pipe that somebody holds.
    Last,
}

/// Killed when it goes out of sight, whatever the reason.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It may have gone by itself in the meantime.
            kill_process_group(group, signal).ok();
        }
    }

    fn is_gone(&self) -> bool {
        self.0.is_none_or(|group| test_kill_process_group(group).is_err())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// One output of a command.
#[derive(Debug)]
struct Pipe<P> {
    end: Option<P>,
    buffer: Vec<u8>,
    capture: Capture,
}

impl<P: AsyncRead + Unpin> Pipe<P> {
    fn new(pipe: Option<P>, secrets: Vec<Vec<u8>>) -> Self {
        Self { end: pipe, buffer: vec![0; 16 << 10], capture: Capture::new(KEPT_OUTPUT, secrets) }
    }

    fn is_open(&self) -> bool {
        self.end.is_some()
    }

    /// Waits for more; what came is in the buffer. May be given up at any time.
    async fn more(&mut self) -> usize {
        match &mut self.end {
            Some(pipe) => pipe.read(&mut self.buffer).await.unwrap_or(0),
            None => 0,
        }
    }

    fn take(&mut self, count: usize, said: &mut impl FnMut(&str)) {
        match self.buffer.get(..count) {
            Some(bytes) if count > 0 => self.capture.take(bytes, said),
            _ => {
                self.end = None;
                self.capture.end(said);
            }
        }
    }
}

impl Running {
    pub(crate) fn new(mut child: Child, secrets: Vec<Vec<u8>>) -> Self {
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self {
            group: Group(group),
            stdout: Pipe::new(child.stdout.take(), secrets.clone()),
            stderr: Pipe::new(child.stderr.take(), secrets),
            // Taken out, for waiting for a child would close it.
            _lifeline: child.stdin.take(),
            child,
            status: None,
            phase: Phase::Running,
            deadline: Instant::now(),
            timed_out: false,
            stopped: false,
        }
    }

    pub(crate) async fn run(
        mut self,
        limit: Duration,
        grace: Duration,
        stop: &Stop,
        mut said: impl FnMut(&str),
    ) -> Ran {
        self.deadline = Instant::now() + limit;
        while !self.is_over() {
            tokio::select! {
                count = self.stdout.more(), if self.stdout.is_open() => {
                    self.stdout.take(count, &mut said);
                }
                count = self.stderr.more(), if self.stderr.is_open() => {
                    self.stderr.take(count, &mut said);
                }
                status = self.child.wait(), if self.status.is_none() => {
                    self.status = status.ok();
                    self.leader_ended(grace);
                }
                () = stop.asked(), if self.phase == Phase::Running => {
                    self.stopped = true;
                    self.ask(grace);
                }
                () = sleep_until(self.deadline) => {
                    if self.late(grace) { break; }
                }
                // The rest of the group cannot be waited for, only looked at.
                () = sleep(TICK), if self.status.is_some() => self.look(),
            }
        }
        self.stdout.capture.end(&mut said);
        self.stderr.capture.end(&mut said);
        self.ran()
    }

    fn is_over(&self) -> bool {
        let silent = !self.stdout.is_open() && !self.stderr.is_open();
        self.status.is_some() && silent && self.group.is_gone()
    }

    fn ask(&mut self, grace: Duration) {
        self.group.signal(Signal::TERM);
        self.phase = Phase::Asked;
        self.deadline = Instant::now() + grace;
    }

    /// What a command leaves running does not outlive it for long.
    fn leader_ended(&mut self, grace: Duration) {
        if self.phase == Phase::Running && !self.group.is_gone() {
            self.ask(grace.min(AFTERWARDS));
        }
    }

    /// The time is up. Returns whether there is nothing more to wait for.
    fn late(&mut self, grace: Duration) -> bool {
        match self.phase {
            Phase::Running => {
                self.timed_out = true;
                self.ask(grace);
                false
            }
            Phase::Asked => {
                self.group.signal(Signal::KILL);
                self.phase = Phase::Last;
                self.deadline = Instant::now() + AFTERWARDS;
                false
            }
            Phase::Last => true,
        }
    }

    fn look(&mut self) {
        if self.phase != Phase::Last && self.group.is_gone() {
            // Somebody who left the group may still hold a pipe: not for long.
            self.phase = Phase::Last;
            self.deadline = Instant::now() + AFTERWARDS;
        }
    }

    fn ran(self) -> Ran {
        let own = !self.timed_out && !self.stopped;
        let code = |status: ExitStatus| {
            status.code().or_else(|| status.signal().map(|signal| 128 + signal))
        };
        Ran {
            code: self.status.filter(|_| own).and_then(code),
            truncated: self.stdout.capture.truncated() || self.stderr.capture.truncated(),
            stdout: self.stdout.capture.kept(),
            stderr: self.stderr.capture.kept(),
            timed_out: self.timed_out,
            stopped: self.stopped,
        }
    }
}
