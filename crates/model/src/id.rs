//! Identities: `UUIDv7` values of distinct types, so that a run is never taken for a step.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Text that is no id of the expected kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a {kind} id")]
pub struct NotAnId {
    pub kind: &'static str,
    pub text: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The last eight hex digits: random, so a person can tell neighbours apart.
            pub fn short(&self) -> String {
                self.0.simple().to_string().chars().skip(24).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(out)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let wrong = |_| NotAnId { kind: $kind, text: text.to_owned() };
                Uuid::parse_str(text).map(Self).map_err(wrong)
            }
        }
    )+};
}

ids! {
    /// One execution of a workflow.
    RunId = "run",
    /// One step of a run.
    StepId = "step",
    /// One answer of the gate.
    DecisionId = "decision",
    /// One change in the outside, with its inverse.
    EffectId = "effect",
    /// One body kept with a run.
    ArtefactId = "artefact",
    /// One verdict of an evaluator.
    ScoreId = "score",
    /// One thing a person is asked to judge.
    ReviewId = "review",
    /// One question to people: may this be done?
    ApprovalId = "approval",
    /// One change of a level, a ceiling or a switch.
    ControlId = "control",
}

/// A team or a client. Every row of the record belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkspaceId(Box<str>);

impl WorkspaceId {
    /// Lower-case letters, digits and `-`, one to 63 of them, as in a host name.
    pub fn parse(text: &str) -> Result<Self, NotAnId> {
        let fits =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if (1..=63).contains(&text.len()) && text.chars().all(fits) && !text.starts_with('-') {
            Ok(Self(text.into()))
        } else {
            Err(NotAnId { kind: "workspace", text: text.to_owned() })
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_name_is_a_host_name_label() {
        for good in ["default", "acme-2", "0"] {
            assert!(WorkspaceId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "Acme", "a b", "a/b", &"a".repeat(64)] {
            assert!(WorkspaceId::parse(bad).is_err(), "{bad}");
        }
    }
}
