//! One worker: who it is, what it may use, how far it may go, and how what it did is taken back.

use belay_model::{Class, Digest, Level, Verb};

use super::document::{Fields, Reading};
use super::faults::{Faults, Kind};
use crate::workflow::fields;

pub(crate) const SCHEMA: &str = "belay.worker/1";

pub(crate) const KEYS: [&str; 13] = [
    "schema",
    "name",
    "owner",
    "purpose",
    "workflows",
    "ceiling",
    "level",
    "tools",
    "classes",
    "evaluators",
    "budget",
    "rollback",
    "quarantined",
];

const DBT_IMPACT: &str = include_str!("../../workers/dbt-impact.yaml");
const DEMO: &str = include_str!("../../workers/demo.yaml");
const AUDIT: &str = include_str!("../../workers/audit.yaml");
const PUBLISHER: &str = include_str!("../../workers/publisher.yaml");
const EVALUATOR: &str = include_str!("../../workers/evaluator.yaml");
const BENCH: &str = include_str!("../../workers/bench.yaml");
const RANGE: &str = include_str!("../../workers/range.yaml");

/// Where a worker comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Part of the binary.
    BuiltIn,
    /// From `belay/workers` of a repository.
    Repository,
}

/// A worker as it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub name: String,
    pub owner: String,
    pub purpose: String,
    /// The workflow that it runs now; the first of `workflows` until somebody chooses.
    pub workflow: String,
    pub workflows: Vec<String>,
    pub ceiling: Level,
    pub level: Level,
    pub tools: Vec<Verb>,
    pub classes: Vec<Class>,
    pub evaluators: Vec<String>,
    pub budget_seconds: i64,
    /// The text for a built-in worker, the document's path under the root for another.
    pub rollback: String,
    /// It does nothing but take back what it did.
    pub quarantined: bool,
    /// Of the whole file.
    pub digest: Digest,
    pub origin: Origin,
    /// The file it was read from, as it was named.
    pub file: String,
    pub(super) lines: Lines,
}

/// Where in its file a worker names what others must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lines {
    pub name: u64,
    pub workflows: u64,
    pub evaluators: u64,
    pub rollback: u64,
}

impl Registered {
    /// The worker behind `belay impact`.
    pub fn dbt_impact() -> Result<Self, Faults> {
        Self::parse("dbt-impact.yaml", DBT_IMPACT, Origin::BuiltIn)
    }

    /// The worker behind `belay demo`.
    pub fn demo() -> Result<Self, Faults> {
        Self::parse("demo.yaml", DEMO, Origin::BuiltIn)
    }

    /// The worker that puts checkpoints outside.
    pub fn audit() -> Result<Self, Faults> {
        Self::parse("audit.yaml", AUDIT, Origin::BuiltIn)
    }

    /// The worker behind `belay eval`.
    pub fn evaluator() -> Result<Self, Faults> {
        Self::parse("evaluator.yaml", EVALUATOR, Origin::BuiltIn)
    }

    /// The worker behind `belay publish`.
    pub fn publisher() -> Result<Self, Faults> {
        Self::parse("publisher.yaml", PUBLISHER, Origin::BuiltIn)
    }

    /// The worker that executes cases, in a record that is thrown away.
    pub fn range() -> Result<Self, Faults> {
        Self::parse("range.yaml", RANGE, Origin::BuiltIn)
    }

    /// The worker that makes the projects of the regression bench.
    pub fn bench() -> Result<Self, Faults> {
        Self::parse("bench.yaml", BENCH, Origin::BuiltIn)
    }

    /// Reads a file. What it names outside of itself is checked by [`super::Registry::load`].
    pub fn parse(file: &str, text: &str, origin: Origin) -> Result<Self, Faults> {
        let mut reading = Reading::new(Kind::Worker, file);
        let read = reading.document(text);
        let fields = read.as_ref().and_then(|node| reading.fields(node, "", &KEYS));
        let Some(fields) = fields else { return Err(reading.faults) };
        fields::schema(&mut reading, &fields, SCHEMA);
        let workflows = filled(&mut reading, &fields, "workflows");
        let worker = Self {
            name: fields::name_of_file(&mut reading, &fields, file),
            owner: fields.required(&mut reading, "owner"),
            purpose: fields.required(&mut reading, "purpose"),
            workflow: workflows.first().cloned().unwrap_or_default(),
            workflows,
            ceiling: required_level(&mut reading, &fields, "ceiling"),
            level: required_level(&mut reading, &fields, "level"),
            tools: tools(&mut reading, &fields),
            classes: classes(&mut reading, &fields),
            evaluators: listed(&mut reading, &fields, "evaluators"),
            budget_seconds: budget(&mut reading, &fields),
            rollback: fields.required(&mut reading, "rollback"),
            quarantined: fields.flag(&mut reading, "quarantined"),
            digest: Digest::of(text),
            origin,
            file: file.to_owned(),
            lines: Lines {
                name: fields.line_of("name"),
                workflows: fields.line_of("workflows"),
                evaluators: fields.line_of("evaluators"),
                rollback: fields.line_of("rollback"),
            },
        };
        together(&mut reading, &fields, &worker);
        reading.faults.or(worker)
    }

    /// The level in force: the lowest of all that have a say.
    pub fn level_in_force(&self, asked: Option<Level>) -> Level {
        self.ceiling.min(asked.unwrap_or(self.level))
    }

    /// The same worker, running this workflow.
    #[must_use]
    pub fn running(&self, workflow: &str) -> Self {
        Self { workflow: workflow.to_owned(), ..self.clone() }
    }
}

/// What keys mean together.
fn together(reading: &mut Reading, fields: &Fields<'_>, worker: &Registered) {
    if fields.node("ceiling").is_some() && worker.level > worker.ceiling {
        let what = format!("`level` {} is above the ceiling {}", worker.level, worker.ceiling);
        reading.fault(fields.line_of("level"), what);
    }
    if fields.node("classes").is_none() {
        return;
    }
    for tool in worker.tools.iter().filter(|tool| !worker.classes.contains(&tool.class())) {
        let class = tool.class().as_str();
        let what = format!("tool `{tool}` is of class `{class}`, which `classes` does not name");
        reading.fault(fields.line_of("tools"), what);
    }
}

fn required_level(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> Level {
    if fields.node(name).is_none() {
        fields.missing(reading, name);
    }
    fields::level(reading, fields, name).unwrap_or(Level::L0)
}

/// A list that must be there.
fn listed(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> Vec<String> {
    if fields.node(name).is_none() {
        fields.missing(reading, name);
    }
    let items = fields.texts(reading, name);
    for (item, at) in items.iter().zip(0..) {
        if items.iter().take(at).any(|earlier| earlier == item) {
            reading.fault(fields.line_of(name), format!("`{name}` names `{item}` twice"));
        }
    }
    items
}

/// A list that must be there and name something.
fn filled(reading: &mut Reading, fields: &Fields<'_>, name: &str) -> Vec<String> {
    let items = listed(reading, fields, name);
    if fields.node(name).is_some() && items.is_empty() {
        reading.fault(fields.line_of(name), format!("`{name}` is empty"));
    }
    items
}

fn tools(reading: &mut Reading, fields: &Fields<'_>) -> Vec<Verb> {
    let mut tools = Vec::new();
    for tool in filled(reading, fields, "tools") {
        match Verb::parse(&tool) {
            Some(verb) if verb.class() == Class::Control => {
                reading.fault(fields.line_of("tools"), "no worker edits control");
            }
            Some(verb) => tools.push(verb),
            None => reading.fault(fields.line_of("tools"), format!("unknown tool `{tool}`")),
        }
    }
    tools
}

fn classes(reading: &mut Reading, fields: &Fields<'_>) -> Vec<Class> {
    let mut classes = Vec::new();
    for class in filled(reading, fields, "classes") {
        if let Some(class) = fields::parse_class(&class) {
            classes.push(class);
        } else {
            let what = format!("unknown class `{class}`; known: {}", fields::classes());
            reading.fault(fields.line_of("classes"), what);
        }
    }
    classes
}

fn budget(reading: &mut Reading, fields: &Fields<'_>) -> i64 {
    let Some(node) = fields.node("budget") else {
        fields.missing(reading, "budget");
        return 0;
    };
    let Some(inner) = reading.fields(node, "the budget", &["seconds"]) else { return 0 };
    if inner.node("seconds").is_none() {
        inner.missing(reading, "seconds");
    }
    inner.number(reading, "seconds", 1, 31 * 24 * 3600).unwrap_or_default()
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
