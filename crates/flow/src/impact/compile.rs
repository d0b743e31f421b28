//! Compiling base and head with dbt, side by side and for the same target, so that whatever reaches
//! a node (macro, variable, environment) reaches it through its compiled query.
//!
//! dbt stops at the first node that does not compile. That node is left out and the rest is tried
//! again, a few times; a side that cannot be compiled is still parsed, and the review says so.

use std::path::PathBuf;

use belay_dbt::Manifest;
use belay_model::record::EffectState;
use belay_outside::{DbtCommand, DbtOutcome, OutsideError};

use super::sides::{self, BuildableProject};
use crate::FlowError;
use crate::supervisor::Supervisor;

/// How many nodes that do not compile are left out before the side is only parsed.
const LEFT_OUT: usize = 4;

/// A tree with the project of one side.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub label: &'static str,
    /// All that was written out; the project is in it.
    pub root: PathBuf,
    pub folder: PathBuf,
    pub artefacts: PathBuf,
}

/// What dbt made of a tree.
#[derive(Debug)]
pub(super) struct Made {
    pub manifest: Manifest,
    pub bytes: Vec<u8>,
    /// What was not compiled and why, in words.
    pub notes: Vec<String>,
}

/// One tree on its way.
struct Attempt<'a> {
    tree: &'a Tree,
    /// `path:` selectors of what does not compile.
    left_out: Vec<String>,
    /// Compiling is given up.
    parse: bool,
    notes: Vec<String>,
    done: bool,
}

/// Compiles every tree; all of them at the same time.
pub(super) async fn compile(
    run: &mut Supervisor<'_>,
    project: &BuildableProject,
    trees: &[Tree],
) -> Result<Vec<Made>, FlowError> {
    let mut attempts: Vec<Attempt<'_>> = trees.iter().map(Attempt::at).collect();
    while attempts.iter().any(|attempt| !attempt.done) {
        let due: Vec<&mut Attempt<'_>> =
            attempts.iter_mut().filter(|attempt| !attempt.done).collect();
        let commands: Vec<DbtCommand> =
            due.iter().map(|attempt| attempt.command(project)).collect();
        let outcomes = all(run, project, &commands).await?;
        for ((attempt, command), outcome) in due.into_iter().zip(&commands).zip(outcomes) {
            if let Err(error) = outcome {
                attempt.go_on(run, command, error)?;
            } else {
                attempt.done = true;
            }
        }
    }
    attempts.into_iter().map(|attempt| attempt.read(project)).collect()
}

/// Runs commands, two at a time. What each came to is written down before anything is said.
pub(super) async fn all(
    run: &mut Supervisor<'_>,
    project: &BuildableProject,
    commands: &[DbtCommand],
) -> Result<Vec<Result<DbtOutcome, OutsideError>>, FlowError> {
    let mut asked = Vec::new();
    for command in commands {
        asked.push(run.ask(&command.action()).await?);
    }
    let desk = run.desk;
    let (permits, effects): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let event = |event: belay_outside::DbtEvent| {
        desk.progress.detail(&event.message, event.position);
    };
    let started = permits.into_iter().zip(commands);
    let mut running =
        started.map(|(permit, command)| project.dbt.run(permit, command, &desk.stop, event));
    let mut outcomes = Vec::new();
    loop {
        match (running.next(), running.next()) {
            (Some(one), Some(other)) => {
                let (one, other) = tokio::join!(one, other);
                outcomes.extend([one, other]);
            }
            (Some(one), None) => outcomes.push(one.await),
            (None, _) => break,
        }
    }
    for (effect, outcome) in effects.into_iter().zip(&outcomes) {
        let Some(effect) = effect else { continue };
        let (state, receipt) = match outcome {
            Ok(_) => (EffectState::Committed, "done".to_owned()),
            Err(error) => (EffectState::Failed, error.to_string()),
        };
        run.settle(&effect, state, &receipt).await?;
    }
    Ok(outcomes)
}

impl<'a> Attempt<'a> {
    fn at(tree: &'a Tree) -> Self {
        Self { tree, left_out: Vec::new(), parse: false, notes: Vec::new(), done: false }
    }

    fn command(&self, project: &BuildableProject) -> DbtCommand {
        let Tree { label, folder, artefacts, .. } = self.tree;
        let parse = DbtCommand {
            env: project.reading.clone(),
            ..sides::parse(project, label, folder, artefacts)
        };
        if self.parse {
            return parse;
        }
        // As if built afresh: whether a relation is there already must not decide what is compared.
        let args = ["--full-refresh", "--exclude", "resource_type:test", "resource_type:unit_test"];
        let args = args.into_iter().map(str::to_owned).chain(self.left_out.iter().cloned());
        DbtCommand { name: "compile", args: args.collect(), ..parse }
    }

    /// What to do after a failure: leave the node out that does not compile, only parse, or give up.
    fn go_on(
        &mut self,
        run: &Supervisor<'_>,
        command: &DbtCommand,
        error: OutsideError,
    ) -> Result<(), FlowError> {
        let OutsideError::Dbt { command: name, message, log } = error else {
            return Err(error.into());
        };
        if self.parse {
            let log = sides::keep_log(run, name, &log)?;
            return Err(OutsideError::Dbt { command: name, message, log }.into());
        }
        let parsed = command.artefacts.join("manifest.json").is_file();
        let label = self.tree.label;
        let failing = failing(&message).filter(|_| parsed && self.left_out.len() < LEFT_OUT);
        if let Some(Failing { name, path, why }) = failing {
            let selector = format!("path:{path}");
            // What was left out and fails all the same cannot be left out.
            self.done = self.left_out.contains(&selector);
            self.left_out.push(selector);
            self.notes.push(format!("`{name}` of {label} was not compiled: {why}"));
        } else {
            // dbt parses first, and keeps what it parsed.
            self.done = parsed;
            self.parse = !parsed;
            let line = message.lines().map(str::trim).find(|line| !line.is_empty());
            let why = line.unwrap_or("dbt did not say why");
            self.notes.push(format!("{label} was parsed and not compiled: {why}"));
        }
        Ok(())
    }

    fn read(self, project: &BuildableProject) -> Result<Made, FlowError> {
        let bytes = self.command(project).artefact("manifest.json")?;
        let manifest = sides::manifest(self.tree.label, &bytes)?;
        Ok(Made { manifest, bytes, notes: self.notes })
    }
}

/// A node that dbt could not compile.
#[derive(Debug, PartialEq, Eq)]
struct Failing<'a> {
    name: &'a str,
    path: &'a str,
    why: &'a str,
}

/// The node in `Compilation Error in model orders (models/orders.sql)`, and the line after it.
fn failing(message: &str) -> Option<Failing<'_>> {
    let mut lines = message.lines().map(str::trim);
    let (name, path) = lines.find_map(|line| {
        let (before, rest) = line.split_once(" (")?;
        let (path, _) = rest.split_once(')')?;
        let (said, name) = before.rsplit_once(' ')?;
        let (said, _kind) = said.rsplit_once(' ')?;
        (said.contains("Error in") || said.ends_with(" in")).then_some((name, path))
    })?;
    let why = lines.find(|line| !line.is_empty()).unwrap_or("dbt did not say why");
    Some(Failing { name, path, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_that_does_not_compile_is_read_from_what_dbt_says() {
        let said = "Encountered an error:\nRuntime Error\n  Compilation Error in model int_a \
                    (models/int/int_a.sql)\n    boom";
        let found = failing(said);
        let expected = Failing { name: "int_a", path: "models/int/int_a.sql", why: "boom" };
        assert_eq!(found, Some(expected));
        assert_eq!(failing("Runtime Error\n  Could not connect (no such file)"), None);
    }
}
