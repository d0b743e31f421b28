//! The registry's entry for a worker: who it is, what it may use, how far it may go.

use belay_model::{Digest, Level, Verb};
use serde::Deserialize;

use crate::FlowError;

const DBT_IMPACT: &str = include_str!("../workers/dbt-impact.yaml");

/// A worker as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub name: String,
    pub owner: String,
    pub purpose: String,
    pub workflow: String,
    pub ceiling: Level,
    pub level: Level,
    pub tools: Vec<Verb>,
    pub evaluators: Vec<String>,
    pub budget_seconds: i64,
    pub rollback: String,
    /// Of the whole file.
    pub digest: Digest,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkerFile {
    schema: String,
    name: String,
    owner: String,
    purpose: String,
    workflow: String,
    ceiling: String,
    level: String,
    tools: Vec<String>,
    evaluators: Vec<String>,
    budget: BudgetFile,
    rollback: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetFile {
    seconds: i64,
}

impl Registered {
    /// The worker behind `belay impact`.
    pub fn dbt_impact() -> Result<Self, FlowError> {
        Self::parse("dbt-impact.yaml", DBT_IMPACT)
    }

    pub fn parse(file: &str, text: &str) -> Result<Self, FlowError> {
        let wrong = |message: String| FlowError::Worker { file: file.to_owned(), message };
        let read: WorkerFile =
            serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if read.schema != "belay.worker/1" {
            return Err(wrong(format!("`schema` is `{}`, expected `belay.worker/1`", read.schema)));
        }
        let level = |text: &str| text.parse::<Level>().map_err(|error| wrong(error.to_string()));
        let verb = |tool: &String| {
            Verb::parse(tool).ok_or_else(|| wrong(format!("unknown tool `{tool}`")))
        };
        Ok(Self {
            ceiling: level(&read.ceiling)?,
            level: level(&read.level)?,
            tools: read.tools.iter().map(verb).collect::<Result<_, _>>()?,
            name: read.name,
            owner: read.owner,
            purpose: read.purpose,
            workflow: read.workflow,
            evaluators: read.evaluators,
            budget_seconds: read.budget.seconds,
            rollback: read.rollback,
            digest: Digest::of(text),
        })
    }

    /// The level in force: the lowest of all that have a say.
    pub fn level_in_force(&self, asked: Option<Level>) -> Level {
        self.ceiling.min(asked.unwrap_or(self.level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_worker_is_valid_and_starts_supervised() {
        let worker = Registered::dbt_impact().unwrap();
        assert_eq!(worker.level_in_force(None), Level::L2);
        assert_eq!(worker.level_in_force(Some(Level::L1)), Level::L1);
        assert_eq!(worker.level_in_force(Some(Level::L5)), Level::L3);
    }

    #[test]
    fn an_unknown_key_or_tool_is_an_error_that_names_it() {
        let broken = [
            (DBT_IMPACT.replace("owner:", "ovner:"), "ovner"),
            (DBT_IMPACT.replace("run_query,", "run_quary,"), "run_quary"),
            (DBT_IMPACT.replace("ceiling: L3", "ceiling: L9"), "L9"),
        ];
        for (text, word) in broken {
            let error = Registered::parse("x.yaml", &text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
