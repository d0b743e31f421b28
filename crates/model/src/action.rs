//! What a step wants to do, to what, and the digest that a permit is bound to.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::{Digest, canonical};

/// The verbs that belay's workflows know. A verb has one class, and the class is what policies
/// speak about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// Read names, columns and types.
    ReadMetadata,
    /// Run a query that returns rows and changes nothing.
    RunQuery,
    /// Read files of a git repository or a folder of artefacts.
    ReadTree,
    /// Write a copy of a tree into belay's own temporary folder.
    MaterialiseTree,
    /// Let dbt parse or compile a project: its Jinja runs on this machine.
    CompileProject,
    /// Let dbt run tests against relations that exist.
    TestRelations,
    /// Let dbt build nodes into a scratch schema.
    BuildScratch,
    /// Make a schema or a view in a scratch schema.
    CreateScratch,
    /// Drop a scratch schema with all that is in it.
    DropScratch,
    /// Write a report or an export where the user asked for it.
    WriteReport,
    /// Show a report where the change is discussed: a comment, a check.
    PublishReport,
    /// Send the text of a report to a language model that the workspace names.
    ConsultModel,
    /// Change a relation that others read.
    WriteTable,
    /// Drop a relation or a schema that others read.
    DropAsset,
    GrantPrivilege,
    RevokePrivilege,
    /// Change the definition of a model, metric or test on a shared branch.
    ChangeModel,
    /// Edit a policy, evaluator, budget, level or the audit itself.
    EditControl,
    /// A script of the team's own, which it declares to read and change nothing; the five below
    /// likewise. What the script does inside is beyond belay: its class is the team's word.
    ScriptRead,
    ScriptScratch,
    ScriptReport,
    ScriptWrite,
    ScriptModelLogic,
    ScriptGrant,
}

impl Verb {
    pub const ALL: [Self; 24] = [
        Self::ReadMetadata,
        Self::RunQuery,
        Self::ReadTree,
        Self::MaterialiseTree,
        Self::CompileProject,
        Self::TestRelations,
        Self::BuildScratch,
        Self::CreateScratch,
        Self::DropScratch,
        Self::WriteReport,
        Self::PublishReport,
        Self::ConsultModel,
        Self::WriteTable,
        Self::DropAsset,
        Self::GrantPrivilege,
        Self::RevokePrivilege,
        Self::ChangeModel,
        Self::EditControl,
        Self::ScriptRead,
        Self::ScriptScratch,
        Self::ScriptReport,
        Self::ScriptWrite,
        Self::ScriptModelLogic,
        Self::ScriptGrant,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadMetadata => "read_metadata",
            Self::RunQuery => "run_query",
            Self::ReadTree => "read_tree",
            Self::MaterialiseTree => "materialise_tree",
            Self::CompileProject => "compile_project",
            Self::TestRelations => "test_relations",
            Self::BuildScratch => "build_scratch",
            Self::CreateScratch => "create_scratch",
            Self::DropScratch => "drop_scratch",
            Self::WriteReport => "write_report",
            Self::PublishReport => "publish_report",
            Self::ConsultModel => "consult_model",
            Self::WriteTable => "write_table",
            Self::DropAsset => "drop_asset",
            Self::GrantPrivilege => "grant_privilege",
            Self::RevokePrivilege => "revoke_privilege",
            Self::ChangeModel => "change_model",
            Self::EditControl => "edit_control",
            Self::ScriptRead => "script_read",
            Self::ScriptScratch => "script_scratch",
            Self::ScriptReport => "script_report",
            Self::ScriptWrite => "script_write",
            Self::ScriptModelLogic => "script_model_logic",
            Self::ScriptGrant => "script_grant",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text)
    }

    /// The verb of a team's own script of this class. There is none that edits what holds workers.
    pub const fn script(class: Class) -> Option<Self> {
        Some(match class {
            Class::Read => Self::ScriptRead,
            Class::Scratch => Self::ScriptScratch,
            Class::Report => Self::ScriptReport,
            Class::Write => Self::ScriptWrite,
            Class::ModelLogic => Self::ScriptModelLogic,
            Class::Grant => Self::ScriptGrant,
            Class::Control => return None,
        })
    }

    pub const fn class(self) -> Class {
        match self {
            Self::ReadMetadata
            | Self::RunQuery
            | Self::ReadTree
            | Self::TestRelations
            | Self::ScriptRead => Class::Read,
            Self::MaterialiseTree
            | Self::CompileProject
            | Self::BuildScratch
            | Self::CreateScratch
            | Self::DropScratch
            | Self::ScriptScratch => Class::Scratch,
            Self::WriteReport | Self::PublishReport | Self::ConsultModel | Self::ScriptReport => {
                Class::Report
            }
            Self::WriteTable | Self::DropAsset | Self::ScriptWrite => Class::Write,
            Self::GrantPrivilege | Self::RevokePrivilege | Self::ScriptGrant => Class::Grant,
            Self::ChangeModel | Self::ScriptModelLogic => Class::ModelLogic,
            Self::EditControl => Class::Control,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What kind of change a verb is; the order is from harmless to grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    Read,
    Scratch,
    Report,
    Write,
    ModelLogic,
    Grant,
    Control,
}

impl Class {
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Scratch,
        Self::Report,
        Self::Write,
        Self::ModelLogic,
        Self::Grant,
        Self::Control,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Scratch => "scratch",
            Self::Report => "report",
            Self::Write => "write",
            Self::ModelLogic => "model_logic",
            Self::Grant => "grant",
            Self::Control => "control",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
}

/// Where a resource lives, from throw-away to shared by everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Zone {
    /// Made by this run and dropped by it.
    Scratch,
    Dev,
    Staging,
    Prod,
}

impl Zone {
    pub const ALL: [Self; 4] = [Self::Scratch, Self::Dev, Self::Staging, Self::Prod];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scratch => "scratch",
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|zone| zone.as_str() == text)
    }
}

/// The thing an action is done to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    /// Such as `warehouse:shop.duckdb`, `tree:main`, `schema:belay_0a1b2c3d`.
    pub name: String,
    pub zone: Zone,
}

impl Resource {
    pub fn new(name: impl Into<String>, zone: Zone) -> Self {
        Self { name: name.into(), zone }
    }
}

/// One thing that a step wants to do. Two actions are the same exactly when their digests are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub verb: Verb,
    pub resource: Resource,
    /// Everything that makes a difference: the statement, the arguments, the files.
    pub arguments: BTreeMap<String, String>,
    /// How to take it back, where it can be taken back. Part of the digest: a permit for an action
    /// with an inverse is no permit for the same action without one.
    pub inverse: Option<String>,
    /// How many assets it touches: its blast radius. At least one.
    pub targets: u32,
    /// It touches what the team marked as sensitive, such as personal data.
    pub sensitive: bool,
}

impl Action {
    pub fn new(verb: Verb, resource: Resource) -> Self {
        let arguments = BTreeMap::new();
        Self { verb, resource, arguments, inverse: None, targets: 1, sensitive: false }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.arguments.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn undone_by(mut self, inverse: impl Into<String>) -> Self {
        self.inverse = Some(inverse.into());
        self
    }

    /// Says how many assets it touches; one where nothing is said.
    #[must_use]
    pub fn touching(mut self, targets: u32) -> Self {
        self.targets = targets.max(1);
        self
    }

    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Nothing is left behind that would have to be taken back, or it can be taken back.
    pub fn reversible(&self) -> bool {
        self.inverse.is_some()
            || matches!(self.verb.class(), Class::Read | Class::Scratch | Class::Report)
    }

    /// The spelling that is digested and recorded.
    pub fn canonical(&self) -> Value {
        json!({
            "verb": self.verb.as_str(),
            "resource": self.resource.name,
            "zone": self.resource.zone.as_str(),
            "arguments": self.arguments,
            "inverse": self.inverse,
            "targets": self.targets,
            "sensitive": self.sensitive,
        })
    }

    /// Reads the spelling of [`Action::canonical`] back. `None`: it is none. What rows from before 0.2
    /// do not say is taken as one target, not sensitive.
    pub fn parse(canonical_json: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(canonical_json).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let resource = Resource::new(text("resource")?, Zone::parse(text("zone")?)?);
        let mut action = Self::new(Verb::parse(text("verb")?)?, resource);
        for (name, argument) in value.get("arguments")?.as_object()? {
            action = action.with(name, argument.as_str()?);
        }
        action.inverse = match value.get("inverse") {
            None | Some(Value::Null) => None,
            Some(inverse) => Some(inverse.as_str()?.to_owned()),
        };
        if let Some(targets) = value.get("targets") {
            action.targets = u32::try_from(targets.as_u64()?).ok().filter(|many| *many > 0)?;
        }
        if let Some(sensitive) = value.get("sensitive") {
            action.sensitive = sensitive.as_bool()?;
        }
        Some(action)
    }

    pub fn digest(&self) -> Digest {
        canonical::digest(&self.canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drop_of(schema: &str) -> Action {
        Action::new(Verb::DropScratch, Resource::new(format!("schema:{schema}"), Zone::Scratch))
    }

    #[test]
    fn every_verb_reads_back_its_name() {
        for verb in Verb::ALL {
            assert_eq!(Verb::parse(verb.as_str()), Some(verb));
        }
    }

    #[test]
    fn a_digest_tells_resources_arguments_and_inverses_apart() {
        let plain = drop_of("belay_1");
        let others = [
            drop_of("belay_2"),
            plain.clone().with("cascade", "yes"),
            plain.clone().undone_by("x"),
            plain.clone().touching(2),
            plain.clone().sensitive(),
        ];
        for other in others {
            assert_ne!(plain.digest(), other.digest(), "{other:?}");
        }
        assert_eq!(plain.digest(), drop_of("belay_1").digest());
    }

    #[test]
    fn an_action_reads_back_its_canonical_spelling() {
        let plain = drop_of("belay_1");
        let full = plain.clone().with("sql", "select '\"'").undone_by("{}").touching(7).sensitive();
        for action in [plain, full] {
            let text = canonical::json(&action.canonical());
            assert_eq!(Action::parse(&text), Some(action));
        }
    }

    #[test]
    fn what_is_not_an_action_is_not_read_as_one() {
        let whole = canonical::json(&drop_of("belay_1").canonical());
        assert!(Action::parse(&whole).is_some());
        for (from, to) in [
            ("drop_scratch", "drop_all"),
            (r#""zone":"scratch""#, r#""zone":"moon""#),
            (r#""targets":1"#, r#""targets":0"#),
            (r#""sensitive":false"#, r#""sensitive":"no""#),
            (r#""arguments":{}"#, r#""arguments":{"sql":1}"#),
            (r#""inverse":null"#, r#""inverse":7"#),
        ] {
            assert!(whole.contains(from), "{from}");
            assert_eq!(Action::parse(&whole.replace(from, to)), None, "{to}");
        }
    }

    #[test]
    fn rows_of_before_read_as_one_target_that_is_not_sensitive() {
        let old =
            r#"{"arguments":{},"inverse":null,"resource":"x","verb":"run_query","zone":"prod"}"#;
        let action = Action::parse(old).unwrap();
        assert_eq!((action.targets, action.sensitive), (1, false));
    }

    #[test]
    fn a_script_has_a_verb_for_each_class_but_control() {
        for class in Class::ALL {
            assert_eq!(
                Verb::script(class).map(Verb::class),
                (class != Class::Control).then_some(class)
            );
        }
    }
}
