//! Policies as text: parsed, named by their `@id`, type-checked against the schema.

use std::collections::BTreeMap;
use std::str::FromStr;

use belay_model::explain::Blame;
use belay_model::{Digest, Explain};
use cedar_policy::{Entities, PolicyId, PolicySet, Schema, ValidationMode, Validator};

/// Where a set of policies does not hold together.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("policies `{file}` do not parse: {message}")]
    Parse { file: String, message: String },
    #[error("policies `{file}` do not fit the schema: {message}")]
    Type { file: String, message: String },
    #[error("a policy in `{file}` has no `@id`")]
    Nameless { file: String },
    #[error("policy `{id}` stands twice")]
    Twice { id: String },
    #[error("the examples in `{file}` do not parse: {message}")]
    Examples { file: String, message: String },
    #[error("{}", wrong.join("; "))]
    ExamplesFail { wrong: Vec<String> },
}

impl Explain for PolicyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Parse { .. } => "policy/parse",
            Self::Type { .. } => "policy/type",
            Self::Nameless { .. } => "policy/nameless",
            Self::Twice { .. } => "policy/twice",
            Self::Examples { .. } => "policy/examples",
            Self::ExamplesFail { .. } => "policy/examples-fail",
        }
    }

    /// Until workspaces bring policies of their own, only belay's own text can be wrong.
    fn blame(&self) -> Blame {
        Blame::Belay
    }
}

/// A policy file and its examples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub file: &'static str,
    pub policies: &'static str,
    pub examples: &'static str,
}

pub(crate) const SCHEMA: &str = include_str!("../policies/belay.cedarschema");

pub(crate) const BUILT_IN: [Source; 2] = [
    Source {
        file: "hard.cedar",
        policies: include_str!("../policies/hard.cedar"),
        examples: include_str!("../policies/hard.examples.yaml"),
    },
    Source {
        file: "ladder.cedar",
        policies: include_str!("../policies/ladder.cedar"),
        examples: include_str!("../policies/ladder.examples.yaml"),
    },
];

/// Parsed policies, the reason behind each, and the digest of the whole text.
#[derive(Debug)]
pub(crate) struct Policies {
    pub set: PolicySet,
    pub schema: Schema,
    /// The groups that actions belong to, which every request needs.
    pub actions: Entities,
    pub why: BTreeMap<String, String>,
    pub digest: Digest,
}

impl Policies {
    pub(crate) fn load(sources: &[Source]) -> Result<Self, PolicyError> {
        let type_error =
            |message: String| PolicyError::Type { file: "belay.cedarschema".to_owned(), message };
        let (schema, _) =
            Schema::from_cedarschema_str(SCHEMA).map_err(|error| type_error(error.to_string()))?;
        let mut set = PolicySet::new();
        let mut why = BTreeMap::new();
        for source in sources {
            add(&mut set, &mut why, source)?;
        }
        let verdict = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        let faults: Vec<String> = verdict.validation_errors().map(ToString::to_string).collect();
        if !faults.is_empty() {
            let file = sources.iter().map(|source| source.file).collect::<Vec<_>>().join("`, `");
            return Err(PolicyError::Type { file, message: faults.join("; ") });
        }
        let texts: Vec<&str> = sources.iter().map(|source| source.policies).collect();
        let actions = schema.action_entities().map_err(|error| type_error(error.to_string()))?;
        Ok(Self {
            set,
            schema,
            actions,
            why,
            digest: Digest::of([SCHEMA, &texts.concat()].concat()),
        })
    }
}

fn add(
    set: &mut PolicySet,
    why: &mut BTreeMap<String, String>,
    source: &Source,
) -> Result<(), PolicyError> {
    let file = || source.file.to_owned();
    let parsed = PolicySet::from_str(source.policies)
        .map_err(|error| PolicyError::Parse { file: file(), message: error.to_string() })?;
    for policy in parsed.policies() {
        let id = policy
            .annotation("id")
            .ok_or_else(|| PolicyError::Nameless { file: file() })?
            .to_owned();
        let reason = policy.annotation("why").unwrap_or("").to_owned();
        set.add(policy.new_id(PolicyId::new(&id)))
            .map_err(|_| PolicyError::Twice { id: id.clone() })?;
        why.insert(id, reason);
    }
    Ok(())
}
