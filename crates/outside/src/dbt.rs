//! dbt, through its own command line: parse, build, test. Its JSON log gives the progress, its
//! artefacts the result; exit codes alone say too little.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use belay_gate::Permit;
use belay_model::{Action, Resource, Verb};
use fs_err as fs;
use serde_json::Value;

use crate::process::{Finished, Program};
use crate::{OutsideError, Stop};

/// A dbt to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dbt {
    pub program: PathBuf,
    /// Belay itself, which starts dbt so that it dies with its parent.
    pub launcher: Option<PathBuf>,
}

/// One dbt command with all that makes a difference.
#[derive(Clone)]
pub struct DbtCommand {
    /// `parse`, `build`, `test`.
    pub name: &'static str,
    pub verb: Verb,
    pub resource: Resource,
    pub project: PathBuf,
    pub profiles: PathBuf,
    pub target: String,
    /// Where dbt writes its artefacts and, beneath it, its log.
    pub artefacts: PathBuf,
    pub args: Vec<String>,
    pub inverse: Option<String>,
    /// Secrets for the profile. Never part of the action, the log or an error.
    pub env: Vec<(String, String)>,
}

/// What dbt is doing, for people who wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbtEvent {
    pub message: String,
    /// Which of how many nodes, where dbt says so.
    pub position: Option<(u64, u64)>,
}

/// How a dbt command ended.
#[derive(Debug, Clone)]
pub struct DbtOutcome {
    /// dbt's own verdict; a failed test or model makes it false, and the artefacts say which.
    pub clean: bool,
    /// What dbt said on level `error`, without colours.
    pub errors: Vec<String>,
    pub log: PathBuf,
}

impl Dbt {
    /// The output of `dbt --version`, or why there is none.
    pub async fn version(&self) -> Result<String, OutsideError> {
        let program = Program::new(&self.program, Path::new("/")).args(["--version"]);
        let finished = program.run(&Stop::never(), |_| ()).await?;
        if finished.succeeded() {
            Ok(format!("{}\n{}", finished.stdout, finished.stderr))
        } else {
            let message = finished.stderr.lines().last().unwrap_or("it does not start").to_owned();
            Err(OutsideError::Setup { what: "dbt", message })
        }
    }

    /// Runs a command to its end. `Err` only when it left no result that could be read.
    pub async fn run(
        &self,
        permit: Permit,
        command: &DbtCommand,
        stop: &Stop,
        mut event: impl FnMut(DbtEvent),
    ) -> Result<DbtOutcome, OutsideError> {
        permit.admit(&command.action())?;
        let log = command.artefacts.join("logs");
        fs::create_dir_all(&log).map_err(OutsideError::io("cannot make a scratch folder"))?;
        let results = command.artefacts.join("run_results.json");
        if results.exists() {
            fs::remove_file(&results).map_err(OutsideError::io("cannot clear old results"))?;
        }
        let mut errors = Vec::new();
        let mut finished = self
            .program(command, &log)
            .run(stop, |line| match read(line) {
                Some(Line::Event(happened)) => {
                    let message = command.hide(happened.message);
                    event(DbtEvent { message, ..happened });
                }
                Some(Line::Error(message)) => errors.push(command.hide(message)),
                None => (),
            })
            .await?;
        finished.stderr = command.hide(finished.stderr);
        let log = log.join("dbt.log");
        if !finished.succeeded() && !results.exists() {
            let message = failure(&errors, &finished);
            return Err(OutsideError::Dbt { command: command.name, message, log });
        }
        Ok(DbtOutcome { clean: finished.succeeded(), errors, log })
    }

    fn program(&self, command: &DbtCommand, log: &Path) -> Program {
        let mut args: Vec<OsString> =
            ["--log-format", "json", "--no-use-colors"].map(Into::into).into();
        args.push(command.name.into());
        for (flag, value) in [
            ("--project-dir", command.project.as_os_str()),
            ("--profiles-dir", command.profiles.as_os_str()),
            ("--target-path", command.artefacts.as_os_str()),
            ("--log-path", log.as_os_str()),
        ] {
            // `dbt deps` makes no artefacts and knows no folder for them.
            if command.name != "deps" || flag != "--target-path" {
                args.push(flag.into());
                args.push(value.to_owned());
            }
        }
        args.extend(["--target".into(), OsString::from(&command.target)]);
        args.extend(command.args.iter().map(OsString::from));
        let mut program = Program::new(&self.program, &command.project)
            .args(args)
            .env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
            .env("PYTHONUNBUFFERED", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        program.env.extend(command.env.iter().map(|(name, value)| (name.into(), value.into())));
        // Set by a user for their own runs, these would lead ours to other folders or other state.
        program.without =
            vec!["DBT_TARGET_PATH", "DBT_LOG_PATH", "DBT_STATE", "DBT_DEFER", "DBT_PROJECT_DIR"];
        program.launcher.clone_from(&self.launcher);
        program
    }
}

/// Without the secrets.
impl fmt::Debug for DbtCommand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.env.iter().map(|(name, _)| name).collect();
        out.debug_struct("DbtCommand")
            .field("action", &self.action())
            .field("env", &names)
            .finish_non_exhaustive()
    }
}

impl DbtCommand {
    pub fn action(&self) -> Action {
        let action = Action::new(self.verb, self.resource.clone())
            .with("command", format!("dbt {}", self.name))
            .with("project", self.project.to_string_lossy())
            .with("profiles", self.profiles.to_string_lossy())
            .with("target", self.target.clone())
            .with("artefacts", self.artefacts.to_string_lossy())
            // A list and not a line: `a b` and `a`, `b` are different arguments.
            .with("args", Value::from(self.args.clone()).to_string());
        Action { inverse: self.inverse.clone(), ..action }
    }

    /// What dbt, or the database behind it, says with a secret in it is told without; the longest
    /// first, for one may begin another.
    fn hide(&self, text: String) -> String {
        let mut secrets: Vec<&String> =
            self.env.iter().map(|(_, secret)| secret).filter(|secret| !secret.is_empty()).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.into_iter().fold(text, |text, secret| text.replace(secret, "*****"))
    }

    /// Reads an artefact that the command left.
    pub fn artefact(&self, file: &str) -> Result<Vec<u8>, OutsideError> {
        let log = self.artefacts.join("logs").join("dbt.log");
        let missing =
            |_| OutsideError::DbtArtefact { command: self.name, file: file.to_owned(), log };
        let body = fs::read(self.artefacts.join(file)).map_err(missing)?;
        if self.env.is_empty() {
            return Ok(body);
        }
        // A project can render its own target into its SQL, and its SQL is in the artefacts.
        Ok(self.hide(String::from_utf8_lossy(&body).into_owned()).into_bytes())
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Event(DbtEvent),
    Error(String),
}

/// One line of dbt's JSON log. Lines that are none (a print in a macro, say) are passed over: they
/// are in dbt's own log file.
pub(crate) fn read(line: &str) -> Option<Line> {
    let line: Value = serde_json::from_str(line).ok()?;
    let message = line.pointer("/info/msg")?.as_str()?.trim().to_owned();
    if line.pointer("/info/level").and_then(Value::as_str) == Some("error") {
        return Some(Line::Error(plain(&message)));
    }
    let number = |pointer| line.pointer(pointer).and_then(Value::as_u64);
    let position = number("/data/index").zip(number("/data/total"));
    let description = line.pointer("/data/description").and_then(Value::as_str);
    let message = description.map_or_else(|| plain(&message), str::to_owned);
    (!message.is_empty()).then_some(Line::Event(DbtEvent { message, position }))
}

/// dbt's own words for what went wrong, once.
pub(crate) fn failure(errors: &[String], finished: &Finished) -> String {
    let mut said: Vec<&str> = Vec::new();
    for error in errors.iter().map(String::as_str).filter(|error| !error.is_empty()) {
        if !said.iter().any(|earlier| earlier.contains(error)) {
            // What says the same and more takes the place of what said less.
            said.retain(|earlier| !error.contains(earlier));
            said.push(error);
        }
    }
    let text = if said.is_empty() { finished.stderr.trim().to_owned() } else { said.join("\n") };
    let lines: Vec<&str> =
        text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let kept = lines.iter().take(20).copied().collect::<Vec<_>>().join("\n  ");
    if kept.is_empty() { finished.ending() } else { kept }
}

/// Without terminal colours.
pub(crate) fn plain(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            letters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            kept.push(letter);
        }
    }
    kept
}
