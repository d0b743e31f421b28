//! The inverse of a step as it stands in the record: data, enough to run it years later.

use std::time::Duration;

use belay_model::{Class, Resource, Verb, Zone};
use belay_outside::Script;
use serde_json::{Value, json};

use super::definition::{Command, Plan};
use super::run::Ground;
use crate::FlowError;

/// A command that takes a step back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inverse {
    pub verb: Verb,
    pub resource: Resource,
    pub targets: u32,
    pub sensitive: bool,
    pub args: Vec<String>,
    /// Under the repository's root.
    pub folder: String,
    /// Names of variables; never their values.
    pub environment: Vec<String>,
    pub expect: Vec<i32>,
    pub seconds: u64,
}

impl Inverse {
    /// Of a step of `class`.
    pub fn of(plan: &Plan, command: &Command, verb: Verb) -> Self {
        Self {
            verb,
            resource: plan.resource(),
            targets: plan.targets,
            sensitive: plan.sensitive,
            args: command.args.clone(),
            folder: command.folder.clone(),
            environment: command.environment.clone(),
            expect: command.expect.clone(),
            seconds: command.time_limit.as_secs(),
        }
    }

    /// The spelling that is part of the action's digest.
    pub fn text(&self) -> String {
        belay_model::canonical::json(&json!({
            "kind": "script",
            "verb": self.verb.as_str(),
            "resource": self.resource.name,
            "zone": self.resource.zone.as_str(),
            "targets": self.targets,
            "sensitive": self.sensitive,
            "args": self.args,
            "folder": self.folder,
            "environment": self.environment,
            "expect": self.expect,
            "seconds": self.seconds,
        }))
    }

    pub fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let word = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let words = |name: &str| -> Option<Vec<String>> {
            let items = value.get(name)?.as_array()?.iter();
            items.map(|item| item.as_str().map(str::to_owned)).collect()
        };
        let expect = value.get("expect")?.as_array()?.iter();
        let expect = expect.map(|code| i32::try_from(code.as_i64()?).ok()).collect::<Option<_>>();
        let own = word("kind")? == "script";
        own.then_some(())?;
        Some(Self {
            verb: Verb::parse(&word("verb")?)?,
            resource: Resource::new(word("resource")?, Zone::parse(&word("zone")?)?),
            targets: u32::try_from(value.get("targets")?.as_u64()?).ok()?,
            sensitive: value.get("sensitive")?.as_bool()?,
            args: words("args")?,
            folder: word("folder")?,
            environment: words("environment")?,
            expect: expect?,
            seconds: value.get("seconds")?.as_u64()?,
        })
    }

    /// As a person would type it.
    pub fn line(&self) -> String {
        super::definition::shell_line(&self.args)
    }

    pub fn script(
        &self,
        ground: &Ground<'_>,
        labels: Vec<(String, String)>,
    ) -> Result<Script, FlowError> {
        let value = |name: &String| Some((name.clone(), (ground.tools.env)(name)?));
        Ok(Script {
            verb: self.verb,
            resource: self.resource.clone(),
            targets: self.targets,
            sensitive: self.sensitive,
            args: self.args.clone(),
            folder: ground.root.join(&self.folder),
            environment: self.environment.iter().filter_map(value).collect(),
            inputs: Vec::new(),
            expect: self.expect.clone(),
            limit: Duration::from_secs(self.seconds),
            inverse: None,
            launcher: ground.tools.launcher.clone(),
            labels,
        })
    }
}

/// Only a change has a verb that can be taken back.
pub(super) fn verb_of(class: Class) -> Option<Verb> {
    Verb::script(class)
}
