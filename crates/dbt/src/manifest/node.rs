use serde_json::Value;

use crate::id::NodeId;
use crate::manifest::Settings;
use crate::manifest::settings::says_yes;

/// What kind of thing a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Model,
    Seed,
    Snapshot,
    Test,
    UnitTest,
    Analysis,
    Operation,
    Function,
    Source,
    Exposure,
    Metric,
    SemanticModel,
    SavedQuery,
    /// A resource type this belay does not know.
    Other,
}

impl Kind {
    pub(super) fn named(resource_type: &str) -> Self {
        match resource_type {
            "model" => Self::Model,
            "seed" => Self::Seed,
            "snapshot" => Self::Snapshot,
            "test" => Self::Test,
            "unit_test" => Self::UnitTest,
            "analysis" => Self::Analysis,
            "operation" | "sql_operation" | "sql operation" => Self::Operation,
            "function" => Self::Function,
            "source" => Self::Source,
            "exposure" => Self::Exposure,
            "metric" => Self::Metric,
            "semantic_model" => Self::SemanticModel,
            "saved_query" => Self::SavedQuery,
            _ => Self::Other,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Seed => "seed",
            Self::Snapshot => "snapshot",
            Self::Test => "test",
            Self::UnitTest => "unit test",
            Self::Analysis => "analysis",
            Self::Operation => "operation",
            Self::Function => "function",
            Self::Source => "source",
            Self::Exposure => "exposure",
            Self::Metric => "metric",
            Self::SemanticModel => "semantic model",
            Self::SavedQuery => "saved query",
            Self::Other => "other",
        }
    }

    /// dbt makes it in the warehouse.
    pub fn is_built(self) -> bool {
        matches!(self, Self::Model | Self::Seed | Self::Snapshot | Self::Function)
    }

    pub fn is_test(self) -> bool {
        matches!(self, Self::Test | Self::UnitTest)
    }
}

/// One thing in a dbt project.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: NodeId,
    pub name: Box<str>,
    pub kind: Kind,
    pub package: Box<str>,
    /// The file it is written in, from the project's root.
    pub path: Box<str>,
    /// The YAML file that describes it, from the root of its package.
    pub properties: Option<Box<str>>,
    pub fqn: Vec<Box<str>>,
    pub tags: Vec<Box<str>>,
    pub description: Box<str>,
    pub raw_code: Box<str>,
    /// Absent after `dbt parse`, and for nodes that a partial `dbt compile` left out.
    pub compiled_code: Option<Box<str>>,
    /// What an incremental model compiles to when it adds to what is there, where somebody found
    /// that out: see [`crate::Manifest::set_increments`].
    pub increment: Option<Box<str>>,
    pub language: Option<Box<str>>,
    pub checksum: Option<Checksum>,
    pub relation: Option<Relation>,
    pub config: Settings,
    pub unrendered_config: Settings,
    /// In the order they are declared.
    pub columns: Vec<Column>,
    pub constraints: Vec<Constraint>,
    /// What dbt itself infers from constraints and tests.
    pub primary_key: Vec<Box<str>>,
    pub parents: Vec<NodeId>,
    pub macros: Vec<NodeId>,
    pub version: Option<Box<str>>,
    pub latest_version: Option<Box<str>>,
    pub deprecation_date: Option<Box<str>>,
    pub facts: Facts,
    pub(super) meta: Settings,
    pub(super) access: Option<Box<str>>,
    pub(super) group: Option<Box<str>>,
}

impl Node {
    pub fn materialized(&self) -> Option<&str> {
        self.config.text("materialized")
    }

    pub fn is_ephemeral(&self) -> bool {
        self.materialized() == Some("ephemeral")
    }

    pub fn unique_key(&self) -> Vec<String> {
        self.config.texts("unique_key")
    }

    pub fn meta(&self) -> Option<&Value> {
        self.config.value("meta")
    }

    /// A key of `meta`, wherever this dbt version keeps it.
    pub fn meta_value(&self, key: &str) -> Option<&Value> {
        self.meta().and_then(|meta| meta.get(key)).or_else(|| self.meta.value(key))
    }

    pub fn is_enabled(&self) -> bool {
        self.config.value("enabled").is_none_or(says_yes)
    }

    pub fn access(&self) -> Option<&str> {
        self.config.text("access").or(self.access.as_deref())
    }

    pub fn group(&self) -> Option<&str> {
        self.config.text("group").or(self.group.as_deref())
    }

    pub fn contract_enforced(&self) -> bool {
        self.config.value("contract").is_some_and(|contract| match contract {
            Value::Object(fields) => fields.get("enforced").is_some_and(says_yes),
            other => says_yes(other),
        })
    }

    /// Whether descriptions are written into the warehouse: of the relation, and of its columns.
    pub fn persists_docs(&self) -> (bool, bool) {
        let of = |part| {
            self.config
                .value("persist_docs")
                .and_then(|value| value.get(part))
                .is_some_and(says_yes)
        };
        (of("relation"), of("columns"))
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    pub fn generic_test(&self) -> Option<&GenericTest> {
        match &self.facts {
            Facts::GenericTest(test) => Some(test),
            _ => None,
        }
    }

    pub fn exposure(&self) -> Option<&Exposure> {
        match &self.facts {
            Facts::Exposure(exposure) => Some(exposure),
            _ => None,
        }
    }

    pub fn source(&self) -> Option<&Source> {
        match &self.facts {
            Facts::Source(source) => Some(source),
            _ => None,
        }
    }
}

/// What only some kinds of nodes have.
#[derive(Clone, Debug)]
pub enum Facts {
    None,
    GenericTest(GenericTest),
    Source(Source),
    Exposure(Exposure),
    /// Of metrics, semantic models, saved queries, unit tests and functions: what defines them.
    Definition(Settings),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    pub algorithm: Box<str>,
    pub digest: Box<str>,
}

impl Checksum {
    /// dbt hashes only the path of a seed over 1 MiB.
    pub fn is_of_path(&self) -> bool {
        &*self.algorithm == "path"
    }
}

/// Where a node lives in the warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    pub database: Option<Box<str>>,
    pub schema: Option<Box<str>>,
    pub identifier: Box<str>,
    /// Quoted and qualified, as compiled code spells it.
    pub name: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: Box<str>,
    pub description: Box<str>,
    pub data_type: Option<Box<str>>,
    pub constraints: Vec<Constraint>,
    pub meta: Settings,
    pub tags: Vec<Box<str>>,
}

/// A constraint on a column or on a whole model. A column's constraint lists no columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Constraint {
    pub kind: Box<str>,
    pub columns: Vec<Box<str>>,
    pub expression: Option<Box<str>>,
    pub name: Option<Box<str>>,
    pub to: Option<Box<str>>,
    pub to_columns: Vec<Box<str>>,
}

/// A test written in YAML, such as `unique`.
#[derive(Clone, Debug)]
pub struct GenericTest {
    pub name: Box<str>,
    /// The package the test comes from, such as `dbt_utils`; none for dbt's own and the project's.
    pub namespace: Option<Box<str>>,
    pub arguments: Settings,
    pub column: Option<Box<str>>,
    pub attached_to: Option<NodeId>,
}

#[derive(Clone, Debug)]
pub struct Source {
    /// The first word of `source('raw', 'orders')`.
    pub system: Box<str>,
    pub loaded_at_field: Option<Box<str>>,
    pub loaded_at_query: Option<Box<str>>,
    pub freshness: Value,
    pub external: Value,
    pub quoting: Settings,
    pub unrendered_database: Option<Box<str>>,
    pub unrendered_schema: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Exposure {
    pub kind: Box<str>,
    pub maturity: Option<Box<str>>,
    pub owner_name: Option<Box<str>>,
    pub owner_email: Option<Box<str>>,
    pub url: Option<Box<str>>,
    pub label: Option<Box<str>>,
}
