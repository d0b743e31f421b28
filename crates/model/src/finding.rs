//! What a reviewer should know about a change.

use std::fmt;
use std::str::FromStr;

use crate::Digest;

/// How grave a finding, or a whole report, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a severity")]
pub struct NotASeverity(pub String);

impl FromStr for Severity {
    type Err = NotASeverity;

    fn from_str(text: &str) -> Result<Self, NotASeverity> {
        let named = |severity: &&Self| severity.as_str() == text;
        Self::ALL.iter().find(named).copied().ok_or_else(|| NotASeverity(text.to_owned()))
    }
}

/// A fact with its evidence. Findings are computed, never written by a language model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Such as `rows.duplicated` or `test.regressed`.
    pub kind: &'static str,
    pub severity: Severity,
    /// The dbt unique id it is about.
    pub node: Option<String>,
    pub column: Option<String>,
    pub message: String,
    /// Figures and references that a reader can check.
    pub evidence: Vec<String>,
}

impl Finding {
    /// Stable across runs of the same change: what it is about, not the figures it carries.
    pub fn id(&self) -> String {
        let (node, column) = (self.node.as_deref(), self.column.as_deref());
        let subject = [self.kind, node.unwrap_or(""), column.unwrap_or("")].join("\0");
        format!("F-{}", Digest::of(subject).short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_depends_on_the_subject_and_not_on_the_figures() {
        let finding = |column: &str, message: &str| Finding {
            kind: "values.changed",
            severity: Severity::Medium,
            node: Some("model.shop.orders".to_owned()),
            column: Some(column.to_owned()),
            message: message.to_owned(),
            evidence: vec![],
        };
        assert_eq!(finding("a", "1 row").id(), finding("a", "2 rows").id());
        assert_ne!(finding("a", "").id(), finding("b", "").id());
    }
}
