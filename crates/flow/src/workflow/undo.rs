//! The inverse of a step as it stands in the record: data, enough to run it years later.

use belay_model::{Resource, Verb, Zone};
use belay_outside::Script;
use serde_json::{Value, json};

use super::call::{self, Label};
use super::checklist::shell_line;
use super::definition::{Command, Plan};
use super::run::Ground;

/// A command that takes a step back, as grave as the step itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inverse {
    pub verb: Verb,
    pub resource: Resource,
    pub targets: u32,
    pub sensitive: bool,
    pub command: Command,
}

impl Inverse {
    /// What the plan says takes it back.
    pub(crate) fn of(plan: &Plan) -> Option<Self> {
        Some(Self {
            verb: plan.verb()?,
            resource: call::resource(plan),
            targets: plan.targets,
            sensitive: plan.sensitive,
            command: plan.inverse.clone()?,
        })
    }

    /// The spelling that is part of the action, and so of its digest and of every approval.
    pub(crate) fn text(&self) -> String {
        belay_model::canonical::json(&json!({
            "kind": "script",
            "verb": self.verb.as_str(),
            "resource": self.resource.name,
            "zone": self.resource.zone.as_str(),
            "targets": self.targets,
            "sensitive": self.sensitive,
            "command": self.command.to_json(),
        }))
    }

    /// Reads [`Self::text`] back; nothing when it is another kind of inverse.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let word = |name: &str| value.get(name)?.as_str();
        if word("kind")? != "script" {
            return None;
        }
        Some(Self {
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

    pub(crate) fn script(&self, ground: &Ground<'_>, label: &Label) -> Script {
        let script = call::script(ground, self.verb, self.resource.clone(), &self.command, label);
        Script { targets: self.targets, sensitive: self.sensitive, ..script }
    }
}
