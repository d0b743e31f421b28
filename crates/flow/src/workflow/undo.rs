//! The inverse of a step as it stands in the record: data, enough to run it years later.

use std::path::{Component, Path, PathBuf};

use belay_model::{Digest, Resource, Verb, Zone};
use belay_outside::{Script, digest_inputs, pattern_matches};
use serde_json::{Value, json};

use super::call::{self, Label};
use super::checklist::shell_line;
use super::definition::{Command, Plan};
use super::run::Ground;
use crate::FlowError;

/// A command that takes a step back, as grave as the step itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inverse {
    pub verb: Verb,
    pub resource: Resource,
    pub targets: u32,
    pub sensitive: bool,
    pub command: Command,
    /// The files under the root that its command line names, as they were when the step was decided:
    /// a script that was changed since is not the way back that was permitted. What the step itself
    /// changes, its target and its outputs, is not among them.
    pub files: Vec<(String, Digest)>,
}

impl Inverse {
    /// What the plan says takes it back.
    pub(crate) fn of(plan: &Plan, root: &Path) -> Result<Option<Self>, FlowError> {
        let (Some(verb), Some(command)) = (plan.verb(), plan.inverse.clone()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            verb,
            resource: call::resource(plan),
            targets: plan.targets,
            sensitive: plan.sensitive,
            files: digest_inputs(root, &named_files(root, plan, &command))?,
            command,
        }))
    }

    /// The files that it names as they are now, and whether they are what they were.
    pub(crate) fn files_now(&self, root: &Path) -> (Vec<(String, Digest)>, bool) {
        let now = digest_inputs(root, &self.paths()).unwrap_or_default();
        let same = now == self.files;
        (now, same)
    }

    fn paths(&self) -> Vec<String> {
        self.files.iter().map(|(path, _)| path.clone()).collect()
    }

    /// The spelling that is part of the action, and so of its digest and of every approval.
    pub(crate) fn text(&self) -> String {
        let files: Vec<Value> =
            self.files.iter().map(|(path, digest)| json!([path, digest.to_string()])).collect();
        belay_model::canonical::json(&json!({
            "kind": "script",
            "verb": self.verb.as_str(),
            "resource": self.resource.name,
            "zone": self.resource.zone.as_str(),
            "targets": self.targets,
            "sensitive": self.sensitive,
            "command": self.command.to_json(),
            "files": files,
        }))
    }

    /// Reads [`Self::text`] back; nothing when it is another kind of inverse.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let word = |name: &str| value.get(name)?.as_str();
        if word("kind")? != "script" {
            return None;
        }
        let file = |pair: &Value| {
            Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_str()?.parse().ok()?))
        };
        let files = value.get("files")?.as_array()?.iter().map(file).collect::<Option<_>>()?;
        Some(Self {
            files,
            verb: Verb::parse(word("verb")?)?,
            resource: Resource::new(word("resource")?, Zone::parse(word("zone")?)?),
            targets: u32::try_from(value.get("targets")?.as_u64()?).ok()?,
            sensitive: value.get("sensitive")?.as_bool()?,
            command: Command::from_json(word("command")?)?,
        })
    }

    /// As a person would type it.
    pub(crate) fn line(&self) -> String {
        shell_line(&self.command)
    }

    /// The command, bound to `inputs`: what its files are now.
    pub(crate) fn script(
        &self,
        ground: &Ground<'_>,
        inputs: Vec<(String, Digest)>,
        label: &Label,
    ) -> Script {
        let script = call::script(ground, self.verb, self.resource.clone(), &self.command, label);
        let patterns = inputs.iter().map(|(path, _)| path.clone()).collect();
        Script { targets: self.targets, sensitive: self.sensitive, patterns, inputs, ..script }
    }
}

/// Words of the command line that are files under the root, by their path from there, but for what the
/// step is there to change.
fn named_files(root: &Path, plan: &Plan, command: &Command) -> Vec<String> {
    // A target such as `file:prod/prices.csv`.
    let target = plan.target.split_once(':').map_or(plan.target.as_str(), |(_, path)| path);
    let is_changed = |path: &String| {
        path == target || plan.outputs.iter().any(|pattern| pattern_matches(pattern, path))
    };
    let folder = Path::new(&command.folder);
    let is_plain = |word: &&String| !word.starts_with('-') && !word.contains(['*', '?', '[', '\n']);
    let path = |word: &String| {
        let parts = folder.join(word);
        let inside = parts.components().filter(|part| !matches!(part, Component::CurDir));
        let path: PathBuf = inside.collect();
        let stays = path.components().all(|part| matches!(part, Component::Normal(_)));
        (stays && root.join(&path).is_file()).then(|| path.to_string_lossy().into_owned())
    };
    let mut files: Vec<String> = command.args.iter().filter(is_plain).filter_map(path).collect();
    files.retain(|path| !is_changed(path));
    files.sort();
    files.dedup();
    files
}

#[cfg(test)]
mod tests {
    use super::super::definition::Workflow;
    use super::*;

    const TEXT: &str = "schema: belay.workflow/1\nname: w\npurpose: p\nworker: w\nsteps:\n  - id: s\n    \
        class: write\n    zone: prod\n    target: file:prices.csv\n    run: [python3, do.py]\n    \
        outputs: [out]\n    inverse:\n      \
        run: [python3, undo.py, --all, old.csv, prices.csv, out/log.csv, none.py, ../x]\n";

    #[test]
    fn an_inverse_is_bound_to_the_files_that_it_names_but_for_what_the_step_changes() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| fs_err::write(root.path().join(path), text).unwrap();
        fs_err::create_dir(root.path().join("out")).unwrap();
        for path in ["undo.py", "old.csv", "prices.csv", "out/log.csv"] {
            write(path, "1");
        }
        let workflow = Workflow::parse("belay/workflows/w.yaml", TEXT).unwrap();
        let inverse = Inverse::of(&workflow.steps[0], root.path()).unwrap().unwrap();
        assert_eq!(inverse.paths(), ["old.csv", "undo.py"]);
        assert_eq!(Inverse::parse(&inverse.text()), Some(inverse.clone()));
        write("prices.csv", "2");
        write("out/log.csv", "2");
        assert!(
            inverse.files_now(root.path()).1,
            "the step's own work is no change of the way back"
        );
        for path in ["undo.py", "old.csv"] {
            write(path, "2");
            assert!(!inverse.files_now(root.path()).1, "{path}");
            write(path, "1");
            assert!(inverse.files_now(root.path()).1, "{path}");
        }
        fs_err::remove_file(root.path().join("old.csv")).unwrap();
        assert!(!inverse.files_now(root.path()).1);
    }
}
