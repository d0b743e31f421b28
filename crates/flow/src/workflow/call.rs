//! From a command of a file to one that can be run here and now.

use std::path::PathBuf;
use std::time::Duration;

use belay_model::{Digest, Resource, RunId, Verb};
use belay_outside::{Ran, Script, environment};

use super::definition::{Command, Plan};
use super::run::Ground;
use crate::supervisor::Supervisor;

/// How long a command may take to clear up after it was asked to end.
const GRACE: Duration = Duration::from_secs(5);

/// What a command is told of its run. The key stays the same however often the step is tried, so that
/// what the command talks to can tell a repetition.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub run: RunId,
    pub step: String,
    pub key: Digest,
    /// What its guard keeps locked.
    pub mark: PathBuf,
}

impl Label {
    pub(crate) fn of_step(run: &Supervisor<'_>, step: &str, action: Digest) -> Self {
        let id = run.run.id;
        let key = Digest::of(format!("{id}\0{step}\0{action}"));
        Self { run: id, step: step.to_owned(), key, mark: run.guard_mark() }
    }
}

/// A command with what it is done to; it has neither inputs nor an inverse yet.
pub(crate) fn script(
    ground: &Ground<'_>,
    verb: Verb,
    resource: Resource,
    command: &Command,
    label: &Label,
) -> Script {
    Script {
        verb,
        resource,
        targets: 1,
        sensitive: false,
        args: command.args.clone(),
        root: ground.root.clone(),
        folder: command.folder.clone(),
        environment: environment(&command.environment, &|name| (ground.tools.env)(name)),
        patterns: Vec::new(),
        inputs: Vec::new(),
        expect: command.expect.clone(),
        limit: command.time_limit,
        grace: GRACE,
        inverse: None,
        run: label.run.to_string(),
        step: label.step.clone(),
        idempotency_key: label.key.to_string(),
        launcher: ground.tools.launcher.clone(),
        mark: Some(label.mark.clone()),
    }
}

/// What a step is done to.
pub(crate) fn resource(plan: &Plan) -> Resource {
    Resource::new(plan.target.clone(), plan.zone)
}

/// How a command ended, in words.
pub(crate) fn ending(ran: &Ran) -> String {
    match ran.code {
        _ if ran.timed_out => "its time limit".to_owned(),
        _ if ran.stopped => "a request to stop".to_owned(),
        Some(code) => format!("exit {code}"),
        None => "no exit code".to_owned(),
    }
}
