//! What is wrong with a team's files, all of it at once, each with its line.

use std::fmt;

use belay_model::Explain;

/// What kind of file a fault is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Worker,
    Workflow,
    /// A team's rules for reviews.
    Impact,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fault {
    pub file: String,
    /// From 1; 0 where it is about the whole file.
    pub line: u64,
    pub kind: Kind,
    pub what: String,
}

/// Everything that is wrong. Never empty when it is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, .. } = self;
        if *line == 0 {
            write!(out, "{file}: {what}")
        } else {
            write!(out, "{file}:{line}: {what}")
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        out.write_str(&faults.join("\n  "))
    }
}

impl std::error::Error for Faults {}

impl Faults {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value`, where nothing is wrong.
    pub(crate) fn or<T>(mut self, value: T) -> Result<T, Self> {
        self.0.sort();
        self.0.dedup();
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl Explain for Faults {
    fn code(&self) -> &'static str {
        let has = |kind| self.0.iter().any(|fault| fault.kind == kind);
        if has(Kind::Worker) {
            "worker/invalid"
        } else if has(Kind::Workflow) {
            "workflow/invalid"
        } else {
            "impact/invalid"
        }
    }

    fn help(&self) -> Option<String> {
        let page = match self.code() {
            "worker/invalid" => "workers",
            "impact/invalid" => "risk",
            _ => "workflows",
        };
        Some(format!("correct the lines named; `docs/reference/{page}.md` has every key"))
    }
}
