//! The terminal: results on stdout, everything else on stderr.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use belay_flow::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use crate::args::PlainFormat;
use crate::commands::records::plain;
use crate::failure::Failure;

/// Where a command prints.
#[derive(Debug)]
pub(crate) struct Ui {
    format: PlainFormat,
    quiet: bool,
}

impl Ui {
    pub(crate) fn new(format: PlainFormat, quiet: bool) -> Self {
        Self { format, quiet }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == PlainFormat::Json
    }

    /// Prints the result. A closed pipe is the reader's way of saying that it has seen enough.
    #[expect(clippy::unused_self, reason = "whoever prints has been handed the terminal")]
    pub(crate) fn result(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = anstream::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::surroundings(
                "output/stdout",
                format!("cannot write the result: {error}"),
            )),
            _ => Ok(()),
        }
    }

    /// Prints exactly one JSON document.
    pub(crate) fn json(&self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document);
        let text = text.map_err(|error| Failure::surroundings("output/json", error.to_string()))?;
        self.result(&(text + "\n"))
    }

    /// Says something beside the result.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            stderr(&plain(text));
        }
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        if self.is_json() {
            let document = json!({
                "schema": "belay.error/1",
                "code": failure.code,
                "message": failure.message,
                "causes": failure.causes,
                "help": failure.help,
            });
            stderr(&document.to_string());
            return;
        }
        let mut text =
            format!("\u{1b}[1;31merror\u{1b}[0m[{}]: {}", failure.code, plain(&failure.message));
        for cause in &failure.causes {
            text.push_str(&format!("\n  because: {}", plain(cause)));
        }
        if let Some(help) = &failure.help {
            text.push_str(&format!("\n  \u{1b}[1mhelp\u{1b}[0m: {}", plain(help)));
        }
        stderr(&text);
    }

    pub(crate) fn progress(&self) -> Box<dyn Progress> {
        if self.quiet {
            Box::new(Silent)
        } else if io::stderr().is_terminal() {
            Box::new(Live::new())
        } else {
            Box::new(Lines::default())
        }
    }
}

fn stderr(text: &str) {
    // With a closed stderr there is nobody left to tell.
    drop(writeln!(anstream::stderr().lock(), "{text}"));
}

struct Silent;

impl Progress for Silent {
    fn phase(&self, _: &str) {}
    fn stopped(&self) {}
    fn detail(&self, _: &str, _: Option<(u64, u64)>) {}
    fn note(&self, _: &str) {}
    fn finish(&self) {}
    fn confirm(&self, question: &str) -> Option<bool> {
        // Quiet is about progress: who is there is asked all the same.
        io::stderr().is_terminal().then(|| ask(question)).flatten()
    }
}

/// One line a phase, for logs.
#[derive(Default)]
struct Lines {
    phase: Mutex<Option<(String, Instant)>>,
}

impl Lines {
    fn end(&self, how: &str) {
        if let Ok(mut phase) = self.phase.lock()
            && let Some((name, began)) = phase.take()
        {
            stderr(&format!("{how}: {name} ({:.1} s)", began.elapsed().as_secs_f64()));
        }
    }
}

impl Progress for Lines {
    fn phase(&self, name: &str) {
        self.end("done");
        if let Ok(mut phase) = self.phase.lock() {
            *phase = Some((name.to_owned(), Instant::now()));
        }
    }

    fn stopped(&self) {
        self.end("stopped");
    }

    fn detail(&self, _: &str, _: Option<(u64, u64)>) {}

    fn note(&self, message: &str) {
        stderr(&format!("note: {}", plain(message)));
    }

    fn finish(&self) {
        self.end("done");
    }

    fn confirm(&self, _: &str) -> Option<bool> {
        None
    }
}

/// A green tick and a red cross.
const DONE: &str = "\u{1b}[32m✓";
const STOPPED: &str = "\u{1b}[31m✗";

/// A line that lives, and a tick for each phase that is over.
struct Live {
    bar: ProgressBar,
    phase: Mutex<Option<(String, Instant)>>,
}

impl Live {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{spinner:.cyan} {prefix} {elapsed:.dim}  {wide_msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, phase: Mutex::new(None) }
    }

    fn end(&self, mark: &str) {
        if let Ok(mut phase) = self.phase.lock()
            && let Some((name, began)) = phase.take()
        {
            let seconds = began.elapsed().as_secs_f64();
            self.bar.println(format!("{mark}\u{1b}[0m {name} \u{1b}[2m{seconds:.1} s\u{1b}[0m"));
        }
    }
}

impl Progress for Live {
    fn phase(&self, name: &str) {
        self.end(DONE);
        if let Ok(mut phase) = self.phase.lock() {
            *phase = Some((name.to_owned(), Instant::now()));
        }
        self.bar.set_prefix(name.to_owned());
        self.bar.set_message("");
        self.bar.reset_elapsed();
    }

    fn stopped(&self) {
        self.end(STOPPED);
    }

    fn detail(&self, message: &str, position: Option<(u64, u64)>) {
        let place = position.map(|(at, of)| format!("{at}/{of} ")).unwrap_or_default();
        self.bar.set_message(format!("{place}{}", plain(message).replace('\n', " ")));
    }

    fn note(&self, message: &str) {
        self.bar.println(format!("note: {}", plain(message)));
    }

    fn finish(&self) {
        self.end(DONE);
        self.bar.finish_and_clear();
    }

    fn confirm(&self, question: &str) -> Option<bool> {
        self.bar.suspend(|| ask(question))
    }
}

/// Asks until the answer is yes or no; an end of input is no answer.
fn ask(question: &str) -> Option<bool> {
    if !io::stdin().is_terminal() {
        return None;
    }
    loop {
        drop(write!(anstream::stderr().lock(), "\u{1b}[1m{question}\u{1b}[0m [y/n] "));
        let mut line = String::new();
        if io::stdin().read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().to_lowercase().as_str() {
            "y" | "yes" => return Some(true),
            "n" | "no" => return Some(false),
            _ => (),
        }
    }
}
