//! A step as a person does it by hand: at level L0 belay prints this and does nothing.

use std::fmt;

use super::definition::{Command, Plan};

/// All that a person needs to do one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checklist {
    pub step: String,
    pub title: String,
    /// To type in a POSIX shell, at the root of the repository.
    pub line: String,
    /// Variables that must be set.
    pub environment: Vec<String>,
    /// Exit codes that count as done.
    pub expect: Vec<i32>,
    /// Files to look for afterwards.
    pub outputs: Vec<String>,
    /// How to find out whether it took place, and which exits say yes and no.
    pub probe: Option<(String, Vec<i32>, Vec<i32>)>,
    /// How to take it back.
    pub undo: Option<String>,
    /// Why it cannot be taken back.
    pub irreversible: Option<String>,
}

impl Plan {
    pub fn checklist(&self) -> Checklist {
        let probe = self.probe.as_ref();
        Checklist {
            step: self.id.clone(),
            title: self.title.clone(),
            line: shell_line(&self.command),
            environment: self.command.environment.clone(),
            expect: self.command.expect.clone(),
            outputs: self.outputs.clone(),
            probe: probe.map(|probe| {
                (shell_line(&probe.command), probe.done.clone(), probe.absent.clone())
            }),
            undo: self.inverse.as_ref().map(shell_line),
            irreversible: self.irreversible.clone(),
        }
    }
}

/// The command as a POSIX shell reads it back to exactly these arguments.
pub fn shell_line(command: &Command) -> String {
    let words: Vec<String> = command.args.iter().map(|word| quoted(word)).collect();
    let words = words.join(" ");
    if command.folder == "." {
        words
    } else {
        // `./` because a folder may be called `-`.
        format!("(cd {} && {words})", quoted(&format!("./{}", command.folder)))
    }
}

/// One word of a shell line.
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,@+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn codes(codes: &[i32]) -> String {
    codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

impl fmt::Display for Checklist {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "[ ] {}: {}", self.step, self.title)?;
        if !self.environment.is_empty() {
            writeln!(out, "    needs  {}", self.environment.join(", "))?;
        }
        writeln!(out, "    type   {}", self.line)?;
        writeln!(out, "    expect exit {}", codes(&self.expect))?;
        if !self.outputs.is_empty() {
            writeln!(out, "    leaves {}", self.outputs.join(", "))?;
        }
        if let Some((line, done, absent)) = &self.probe {
            let (done, absent) = (codes(done), codes(absent));
            writeln!(out, "    check  {line}  (exit {done}: done; exit {absent}: not done)")?;
        }
        if let Some(undo) = &self.undo {
            writeln!(out, "    undo   {undo}")?;
        }
        if let Some(reason) = &self.irreversible {
            writeln!(out, "    cannot be taken back: {reason}")?;
        }
        Ok(())
    }
}
