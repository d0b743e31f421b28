//! Policies as text: parsed, named by their `@id`, type-checked against the schema.

use std::collections::BTreeMap;
use std::str::FromStr;

use belay_model::{Digest, canonical};
use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use serde_json::json;

use crate::depth::too_deep;
use crate::fault::{FaultKind, PolicyFault, fault, line_of};

/// A file of policies with the examples beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Such as `belay/policies/finance.cedar`.
    pub file: String,
    pub policies: String,
    /// The text of `NAME.examples.yaml`; `None` where there is none.
    pub examples: Option<String>,
}

impl PolicyFile {
    /// Where the examples of these policies belong.
    pub fn examples_file(&self) -> String {
        format!("{}.examples.yaml", self.file.strip_suffix(".cedar").unwrap_or(&self.file))
    }
}

/// The types that policies may speak about.
pub const SCHEMA: &str = include_str!("../policies/belay.cedarschema");

/// The policies that are part of belay: hard rules, ladder, people.
pub fn built_in_files() -> Vec<PolicyFile> {
    let file = |file: &str, policies: &str, examples: &str| PolicyFile {
        file: file.to_owned(),
        policies: policies.to_owned(),
        examples: Some(examples.to_owned()),
    };
    vec![
        file(
            "hard.cedar",
            include_str!("../policies/hard.cedar"),
            include_str!("../policies/hard.examples.yaml"),
        ),
        file(
            "ladder.cedar",
            include_str!("../policies/ladder.cedar"),
            include_str!("../policies/ladder.examples.yaml"),
        ),
        file(
            "people.cedar",
            include_str!("../policies/people.cedar"),
            include_str!("../policies/people.examples.yaml"),
        ),
    ]
}

/// What is known of one policy beside what Cedar knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The `@why`, or nothing.
    pub why: String,
    pub file: String,
    pub line: usize,
    /// It forbids; otherwise it permits.
    pub forbids: bool,
    /// Part of belay.
    pub built_in: bool,
}

/// Parsed policies, what is known of each, and the digest of the whole text.
#[derive(Debug)]
pub(crate) struct Policies {
    pub set: PolicySet,
    pub schema: Schema,
    pub stated: BTreeMap<String, Stated>,
    pub digest: Digest,
}

impl Policies {
    /// Reads `own` (belay's) and `added` (a workspace's), with every fault that is found. What can
    /// be read of the policies is there even where something else is wrong.
    pub(crate) fn read(
        own: &[PolicyFile],
        added: &[PolicyFile],
    ) -> (Option<Self>, Vec<PolicyFault>) {
        let schema = match Schema::from_cedarschema_str(SCHEMA) {
            Ok((schema, _)) => schema,
            Err(error) => {
                let fault = fault("belay.cedarschema", None, FaultKind::Type, error.to_string());
                return (None, vec![fault]);
            }
        };
        let validator = Validator::new(schema.clone());
        let mut policies = Self {
            set: PolicySet::new(),
            schema,
            stated: BTreeMap::new(),
            digest: digest(own, added),
        };
        let mut faults = Vec::new();
        for (files, built_in) in [(own, true), (added, false)] {
            for file in files {
                policies.add(file, built_in, &validator, &mut faults);
            }
        }
        (Some(policies), faults)
    }

    fn add(
        &mut self,
        file: &PolicyFile,
        built_in: bool,
        validator: &Validator,
        faults: &mut Vec<PolicyFault>,
    ) {
        if let Some((offset, message)) = too_deep(&file.policies) {
            let line = Some(line_of(&file.policies, offset));
            faults.push(fault(&file.file, line, FaultKind::Parse, message));
            return;
        }
        let parsed = match PolicySet::from_str(&file.policies) {
            Ok(parsed) => parsed,
            Err(errors) => {
                faults.extend(errors.iter().map(|error| located(file, FaultKind::Parse, error)));
                return;
            }
        };
        for template in parsed.templates() {
            let line =
                template.as_ref().loc().map(|loc| line_of(&file.policies, loc.span.offset()));
            let message = "templates are not supported: write the principal and the resource out";
            faults.push(fault(&file.file, line, FaultKind::Parse, message));
        }
        // Each file is checked on its own, so that a fault names the file it is in.
        let mut named = PolicySet::new();
        let mut in_order: Vec<&Policy> = parsed.policies().collect();
        in_order.sort_by_key(|policy| policy.as_ref().loc().map(|loc| loc.span.offset()));
        for policy in in_order {
            let offset = policy.as_ref().loc().map_or(0, |loc| loc.span.offset());
            let line = line_of(&file.policies, offset);
            match self.name(policy, file, line, built_in) {
                Ok(policy) => {
                    // Its id was free in the whole, so it is free in the part.
                    drop(named.add(policy.clone()));
                    drop(self.set.add(policy));
                }
                Err(fault) => faults.push(fault),
            }
        }
        let verdict = validator.validate(&named, ValidationMode::Strict);
        faults
            .extend(verdict.validation_errors().map(|error| located(file, FaultKind::Type, error)));
    }

    /// The policy under its `@id`, if it has one that is free.
    fn name(
        &mut self,
        policy: &Policy,
        file: &PolicyFile,
        line: usize,
        built_in: bool,
    ) -> Result<Policy, PolicyFault> {
        let wrong = |kind, message: String| Err(fault(&file.file, Some(line), kind, message));
        let Some(id) = policy.annotation("id").filter(|id| !id.trim().is_empty()) else {
            return wrong(FaultKind::Nameless, "a policy has no `@id`".to_owned());
        };
        let why = policy.annotation("why").unwrap_or("");
        if let Some(fault) = unreadable(id, why) {
            return wrong(FaultKind::Nameless, fault);
        }
        if let Some(known) = self.stated.get(id) {
            let (kind, message) = if known.built_in && !built_in {
                (FaultKind::Reserved, format!("`{id}` is one of belay's own policies"))
            } else {
                let place = format!("{}:{}", known.file, known.line);
                (FaultKind::Twice, format!("policy `{id}` stands at {place} too"))
            };
            return wrong(kind, message);
        }
        if !built_in && is_reserved(id) {
            let message = format!(
                "`{id}` looks like a hard rule of belay's; ids such as `H1-…` are reserved"
            );
            return wrong(FaultKind::Reserved, message);
        }
        let stated = Stated {
            why: why.to_owned(),
            file: file.file.clone(),
            line,
            forbids: policy.effect() == Effect::Forbid,
            built_in,
        };
        self.stated.insert(id.to_owned(), stated);
        Ok(policy.new_id(PolicyId::new(id)))
    }
}

/// Ids and reasons are read in terminals and reports, so that an id looks like no other one and neither
/// of the two does anything but be read.
fn unreadable(id: &str, why: &str) -> Option<String> {
    const LONGEST: usize = 100;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if !id.chars().all(plain) || id.len() > LONGEST {
        let id = id.escape_default();
        return Some(format!(
            "the `@id` `{id}` is not made of at most {LONGEST} of the letters a to z, digits, `-`, `_` and `.`"
        ));
    }
    let hidden = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    why.contains(hidden).then(|| format!("the `@why` of `{id}` has characters that cannot be seen"))
}

/// `H` and a number, with or without a name behind it, however it is written.
fn is_reserved(id: &str) -> bool {
    let id = id.trim().to_ascii_lowercase();
    let number = id.strip_prefix('h').and_then(|rest| rest.split('-').next());
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn located(
    file: &PolicyFile,
    kind: FaultKind,
    error: &(impl Diagnostic + ToString),
) -> PolicyFault {
    let label = error.labels().and_then(|mut labels| labels.next());
    let line = label.as_ref().map(|label| line_of(&file.policies, label.offset()));
    let mut message = error.to_string();
    if let Some(expected) = label.as_ref().and_then(|label| label.label()) {
        message = format!("{message} ({expected})");
    }
    if let Some(help) = error.help() {
        message = format!("{message}; {help}");
    }
    fault(&file.file, line, kind, message.replace('\n', " "))
}

/// File names are left out of the digest of belay's own text, and kept in a workspace's: there they
/// keep two files from reading like one.
fn digest(own: &[PolicyFile], added: &[PolicyFile]) -> Digest {
    let texts = |files: &[PolicyFile]| {
        let text = |file: &PolicyFile| json!([file.file, file.policies]);
        files.iter().map(text).collect::<Vec<_>>()
    };
    canonical::digest(&json!({"schema": SCHEMA, "own": texts(own), "added": texts(added)}))
}
