//! `belay/workflows/*.yaml`: the steps of a workflow, read strictly. Everything that is wrong with a
//! file is told at once, each with its line.

use std::time::Duration;

use belay_model::{Class, Digest, Level, Verb, Zone};
use serde_json::{Value, json};

use super::fields;
use crate::registry::document::{Fields, Node, Reading};
use crate::registry::{Faults, Kind};

pub const SCHEMA: &str = "belay.workflow/1";

/// How long a command may take where its file does not say.
pub const TIME_LIMIT: Duration = Duration::from_mins(10);

pub(crate) const KEYS: [&str; 7] =
    ["schema", "name", "purpose", "worker", "level", "tainted", "steps"];
pub(crate) const STEP_KEYS: [&str; 17] = [
    "id",
    "title",
    "class",
    "zone",
    "target",
    "targets",
    "sensitive",
    "run",
    "folder",
    "environment",
    "time_limit",
    "expect",
    "inputs",
    "outputs",
    "inverse",
    "irreversible",
    "probe",
];
pub(crate) const COMMAND_KEYS: [&str; 5] = ["run", "folder", "environment", "time_limit", "expect"];
pub(crate) const PROBE_KEYS: [&str; 6] =
    ["run", "folder", "environment", "time_limit", "done", "absent"];

/// A workflow as its file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    pub name: String,
    pub purpose: String,
    /// The worker that runs it.
    pub worker: String,
    /// The workflow's own ceiling.
    pub level: Option<Level>,
    /// It rests on text that nobody trusted wrote.
    pub tainted: bool,
    pub steps: Vec<Plan>,
    /// Of the text.
    pub digest: Digest,
    /// The file it was read from, as it was named.
    pub file: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub id: String,
    pub title: String,
    pub class: Class,
    pub zone: Zone,
    /// What it is done to, such as `database:roles.db`.
    pub target: String,
    /// How many assets it touches.
    pub targets: u32,
    pub sensitive: bool,
    pub command: Command,
    /// Paths or globs under the root; their contents are part of the action.
    pub inputs: Vec<String>,
    /// Paths or globs under the root; kept as artefacts. Each must be there afterwards.
    pub outputs: Vec<String>,
    pub inverse: Option<Command>,
    /// Why it cannot be taken back.
    pub irreversible: Option<String>,
    pub probe: Option<Probe>,
    /// The line that the step begins on.
    pub line: u64,
}

/// A program and its arguments; no shell reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub args: Vec<String>,
    /// Under the root; `.` is the root itself.
    pub folder: String,
    /// Names of the variables that it may see.
    pub environment: Vec<String>,
    pub time_limit: Duration,
    /// Exit codes that count as done.
    pub expect: Vec<i32>,
}

/// Tells whether a step of which nobody knows took place. Any other exit: it cannot tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub command: Command,
    pub done: Vec<i32>,
    pub absent: Vec<i32>,
}

impl Workflow {
    /// Reads a file. Its name must be that of the workflow.
    pub fn parse(file: &str, text: &str) -> Result<Self, Faults> {
        let mut reading = Reading::new(Kind::Workflow, file);
        let read = reading.document(text);
        let fields = read.as_ref().and_then(|node| reading.fields(node, "", &KEYS));
        let Some(fields) = fields else { return Err(reading.faults) };
        fields::schema(&mut reading, &fields, SCHEMA);
        let name = fields::name_of_file(&mut reading, &fields, file);
        let steps = steps(&mut reading, &fields);
        let workflow = Self {
            name,
            purpose: fields.required(&mut reading, "purpose"),
            worker: fields::word(&mut reading, &fields, "worker"),
            level: fields::level(&mut reading, &fields, "level"),
            tainted: fields.flag(&mut reading, "tainted"),
            steps,
            digest: Digest::of(text),
            file: file.to_owned(),
        };
        reading.faults.or(workflow)
    }

    pub fn step(&self, id: &str) -> Option<&Plan> {
        self.steps.iter().find(|step| step.id == id)
    }
}

impl Plan {
    /// The verb that the gate is asked about.
    pub fn verb(&self) -> Option<Verb> {
        Verb::script(self.class)
    }

    /// What the action is bound to beside its words: the declared inputs, and the program itself
    /// where it is a file of the repository.
    pub fn bound_files(&self) -> Vec<String> {
        let inverse = self.inverse.iter();
        let probe = self.probe.iter().map(|probe| &probe.command);
        let programs = [&self.command].into_iter().chain(inverse).chain(probe);
        let mut files = self.inputs.clone();
        files.extend(programs.filter_map(Command::own_program));
        files.sort();
        files.dedup();
        files
    }

    /// Arguments that look like paths and are neither input nor output: a change of such a file
    /// would not be noticed. The target's own name is none.
    pub fn unbound_arguments(&self) -> Vec<String> {
        let is_path = |word: &&String| {
            let name = std::path::Path::new(word.as_str());
            !word.starts_with('-') && name.extension().is_some() && !word.contains(['=', ' ', '\n'])
        };
        let from_root = |word: &String| match self.command.folder.as_str() {
            "." => word.trim_start_matches("./").to_owned(),
            folder => format!("{folder}/{}", word.trim_start_matches("./")),
        };
        let known = |path: &String| {
            let mut patterns = self.inputs.iter().chain(&self.outputs);
            self.target.ends_with(path.as_str())
                || patterns.any(|pattern| belay_outside::pattern_matches(pattern, path))
        };
        let words = self.command.args.iter().skip(1).filter(is_path).map(from_root);
        words.filter(|path| !known(path)).collect()
    }
}

impl Command {
    /// The spelling that is recorded, so that an inverse outlives its file.
    pub fn to_json(&self) -> String {
        let canonical = json!({
            "args": self.args,
            "folder": self.folder,
            "environment": self.environment,
            "seconds": self.time_limit.as_secs(),
            "expect": self.expect,
        });
        belay_model::canonical::json(&canonical)
    }

    /// Reads [`Self::to_json`] back; nothing when it is another text.
    pub fn from_json(text: &str) -> Option<Self> {
        let read: Value = serde_json::from_str(text).ok()?;
        let texts = |name: &str| {
            let items = read.get(name)?.as_array()?.iter();
            items.map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        let codes = read.get("expect")?.as_array()?.iter();
        let codes = codes.map(|code| i32::try_from(code.as_i64()?).ok()).collect::<Option<_>>()?;
        let command = Self {
            args: texts("args")?,
            folder: read.get("folder")?.as_str()?.to_owned(),
            environment: texts("environment")?,
            time_limit: Duration::from_secs(read.get("seconds")?.as_u64()?),
            expect: codes,
        };
        (!command.args.is_empty()).then_some(command)
    }

    /// The program's path from the root, where it is a path and no name on PATH.
    fn own_program(&self) -> Option<String> {
        let program = self.args.first().filter(|program| program.contains('/'))?;
        let program = program.trim_start_matches("./");
        let inside = self.folder != ".";
        Some(if inside { format!("{}/{program}", self.folder) } else { program.to_owned() })
    }
}

fn steps(reading: &mut Reading, fields: &Fields<'_>) -> Vec<Plan> {
    if fields.node("steps").is_none() {
        fields.missing(reading, "steps");
    }
    let nodes = fields.items(reading, "steps");
    if nodes.is_empty() && fields.node("steps").is_some() {
        reading.fault(fields.line_of("steps"), "`steps` is empty");
    }
    let mut plans: Vec<Plan> = Vec::new();
    for (node, number) in nodes.into_iter().zip(1..) {
        let Some(plan) = step(reading, node, number) else { continue };
        if let Some(earlier) = plans.iter().find(|known| !plan.id.is_empty() && known.id == plan.id)
        {
            let what = format!("step `{}` is there already, on line {}", plan.id, earlier.line);
            reading.fault(plan.line, what);
        }
        plans.push(plan);
    }
    plans
}

fn step(reading: &mut Reading, node: &Node, number: usize) -> Option<Plan> {
    let fields = reading.fields(node, &format!("step {number}"), &STEP_KEYS)?;
    let id = fields::word(reading, &fields, "id");
    let class = fields::class(reading, &fields, "class").unwrap_or(Class::Control);
    let zone = fields::zone(reading, &fields, "zone").unwrap_or(Zone::Prod);
    let command = command_of(reading, &fields, None);
    let inverse = fields.node("inverse").and_then(|node| {
        let inner = reading.fields(node, "the inverse", &COMMAND_KEYS)?;
        Some(command_of(reading, &inner, Some(&command)))
    });
    let probe = fields.node("probe").and_then(|node| {
        let inner = reading.fields(node, "the probe", &PROBE_KEYS)?;
        Some(probe(reading, &inner, &command))
    });
    let targets = fields.number(reading, "targets", 1, 1_000_000).unwrap_or(1);
    let irreversible =
        fields.node("irreversible").map(|_| fields.required(reading, "irreversible"));
    let plan = Plan {
        title: fields.text(reading, "title").unwrap_or_else(|| id.clone()),
        id,
        class,
        zone,
        target: fields.required(reading, "target"),
        targets: u32::try_from(targets).unwrap_or(u32::MAX),
        sensitive: fields.flag(reading, "sensitive"),
        command,
        inputs: fields::paths(reading, &fields, "inputs"),
        outputs: fields::paths(reading, &fields, "outputs"),
        inverse,
        irreversible,
        probe,
        line: fields.line,
    };
    rules(reading, &fields, &plan);
    Some(plan)
}

/// What keys mean together.
fn rules(reading: &mut Reading, fields: &Fields<'_>, plan: &Plan) {
    let step = &plan.id;
    let changes = matches!(plan.class, Class::Write | Class::Grant | Class::ModelLogic);
    let known = fields.node("class").is_some() && plan.class != Class::Control;
    if changes && plan.inverse.is_none() && plan.irreversible.is_none() {
        let what = format!(
            "step `{step}` changes what others see: say how to take it back (`inverse`), or why \
             nothing can (`irreversible`)"
        );
        reading.fault(fields.line, what);
    }
    if plan.inverse.is_some() && plan.irreversible.is_some() {
        let what = format!("step `{step}` has an inverse and says that it has none");
        reading.fault(fields.line_of("irreversible"), what);
    }
    if plan.class == Class::Scratch && fields.node("zone").is_some() && plan.zone != Zone::Scratch {
        let what = format!("step `{step}` is of class scratch: its zone must be `scratch`");
        reading.fault(fields.line_of("zone"), what);
    }
    if known && plan.class == Class::Read && (plan.inverse.is_some() || plan.irreversible.is_some())
    {
        let name = if plan.inverse.is_some() { "inverse" } else { "irreversible" };
        let what = format!("step `{step}` only reads: there is nothing to take back");
        reading.fault(fields.line_of(name), what);
    }
}

/// A command; what it does not say of its surroundings it takes from the step's own.
fn command_of(reading: &mut Reading, fields: &Fields<'_>, step: Option<&Command>) -> Command {
    let args = fields.texts(reading, "run");
    if fields.node("run").is_none() {
        fields.missing(reading, "run");
    } else if args.first().is_none_or(String::is_empty) {
        reading.fault(fields.line_of("run"), "`run` names no program");
    }
    if let Some(wrong) = args.first().and_then(|program| fields::program_fault(program)) {
        reading.fault(fields.line_of("run"), wrong);
    }
    let folder = fields::folder(reading, fields, "folder");
    let expect = fields.numbers(reading, "expect", 0, 255);
    if fields.node("expect").is_some() && expect.is_empty() {
        reading.fault(fields.line_of("expect"), "`expect` names no exit code");
    }
    Command {
        args,
        folder: folder
            .or_else(|| step.map(|step| step.folder.clone()))
            .unwrap_or_else(|| ".".to_owned()),
        environment: match (fields.node("environment"), step) {
            (None, Some(step)) => step.environment.clone(),
            _ => fields::variables(reading, fields, "environment"),
        },
        time_limit: fields::duration(reading, fields, "time_limit")
            .or_else(|| step.map(|step| step.time_limit))
            .unwrap_or(TIME_LIMIT),
        expect: if expect.is_empty() { vec![0] } else { expect },
    }
}

fn probe(reading: &mut Reading, fields: &Fields<'_>, step: &Command) -> Probe {
    let command = command_of(reading, fields, Some(step));
    let done = fields.numbers(reading, "done", 0, 255);
    let absent = fields.numbers(reading, "absent", 0, 255);
    // No defaults: many programs end with 1 when they crash, which tells nothing.
    for (name, codes) in [("done", &done), ("absent", &absent)] {
        if fields.node(name).is_none() {
            fields.missing(reading, name);
        } else if codes.is_empty() {
            reading.fault(fields.line_of(name), format!("`{name}` names no exit code"));
        }
    }
    if let Some(both) = done.iter().find(|code| absent.contains(code)) {
        let what = format!("the probe's exit {both} means both done and absent");
        reading.fault(fields.line, what);
    }
    let expect = done.iter().chain(&absent).copied().collect();
    Probe { command: Command { expect, ..command }, done, absent }
}

#[cfg(test)]
#[path = "definition_tests.rs"]
mod tests;
