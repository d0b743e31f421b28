//! Who may do what: the workers and workflows, the built-in ones and those of a repository, checked
//! against one another. A registry with a fault is none.

pub(crate) mod document;
mod faults;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use belay_model::Class;
use fs_err as fs;

pub use faults::{Fault, Faults, Kind};
pub use worker::{Origin, Registered};

use crate::workflow::{Workflow, fields};

/// No file of a registry is larger than this; what is has another purpose.
const LARGEST: u64 = 1 << 20;

/// All that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    workers: BTreeMap<String, Registered>,
    workflows: BTreeMap<String, Workflow>,
}

impl Registry {
    /// Reads `belay/workers` and `belay/workflows` under `root`, where there is one. `evaluator`
    /// tells whether an evaluator of that name exists.
    pub fn load(root: Option<&Path>, evaluator: &dyn Fn(&str) -> bool) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut registry = Self { workers: built_in()?, workflows: BTreeMap::new() };
        if let Some(root) = root {
            for (file, text) in files(root, Kind::Worker, &mut faults) {
                match Registered::parse(&file, &text, Origin::Repository) {
                    Ok(worker) => registry.add(worker, &mut faults),
                    Err(found) => faults.0.extend(found.0),
                }
            }
            for (file, text) in files(root, Kind::Workflow, &mut faults) {
                match Workflow::parse(&file, &text) {
                    Ok(workflow) => {
                        registry.workflows.insert(workflow.name.clone(), workflow);
                    }
                    Err(found) => faults.0.extend(found.0),
                }
            }
            registry.check(root, evaluator, &mut faults);
        }
        faults.or(registry)
    }

    pub fn worker(&self, name: &str) -> Option<&Registered> {
        self.workers.get(name)
    }

    pub fn workflow(&self, name: &str) -> Option<&Workflow> {
        self.workflows.get(name)
    }

    /// The worker of a workflow, set to run it.
    pub fn worker_of(&self, workflow: &Workflow) -> Option<Registered> {
        Some(self.worker(&workflow.worker)?.running(&workflow.name))
    }

    pub fn workers(&self) -> impl Iterator<Item = &Registered> {
        self.workers.values()
    }

    pub fn workflows(&self) -> impl Iterator<Item = &Workflow> {
        self.workflows.values()
    }

    fn add(&mut self, worker: Registered, faults: &mut Faults) {
        if self.workers.get(&worker.name).is_some_and(|known| known.origin == Origin::BuiltIn) {
            let what = format!("`{}` is the name of a built-in worker", worker.name);
            faults.0.push(of_worker(&worker, worker.lines.name, what));
        } else {
            self.workers.insert(worker.name.clone(), worker);
        }
    }

    /// What files say of one another and of the repository.
    fn check(&self, root: &Path, evaluator: &dyn Fn(&str) -> bool, faults: &mut Faults) {
        let broken = faults.clone();
        let unread = |kind: Kind, name: &str| {
            let stem =
                |fault: &Fault| Path::new(&fault.file).file_stem().is_some_and(|stem| stem == name);
            broken.0.iter().any(|fault| fault.kind == kind && stem(fault))
        };
        for worker in self.workers().filter(|worker| worker.origin == Origin::Repository) {
            for name in worker.evaluators.iter().filter(|name| !evaluator(name)) {
                let what = format!("there is no evaluator `{name}`");
                faults.0.push(of_worker(worker, worker.lines.evaluators, what));
            }
            for name in &worker.workflows {
                let what = match self.workflow(name) {
                    Some(workflow) if workflow.worker == worker.name => continue,
                    None if unread(Kind::Workflow, name) => continue,
                    Some(other) => format!("workflow `{name}` is that of `{}`", other.worker),
                    None => format!("there is no workflow `{name}`"),
                };
                faults.0.push(of_worker(worker, worker.lines.workflows, what));
            }
            if let Some(wrong) = document_fault(root, &worker.rollback) {
                let what = format!("the rollback document {wrong}");
                faults.0.push(of_worker(worker, worker.lines.rollback, what));
            }
        }
        for workflow in self.workflows() {
            if crate::workflow::BUILT_IN.contains(&workflow.name.as_str()) {
                let what = format!("`{}` is the name of a built-in workflow", workflow.name);
                faults.0.push(of_workflow(workflow, 0, what));
            }
            match self.worker(&workflow.worker) {
                None if unread(Kind::Worker, &workflow.worker) => (),
                None => {
                    let what = format!("there is no worker `{}`", workflow.worker);
                    faults.0.push(of_workflow(workflow, 0, what));
                }
                Some(worker) => fits(workflow, worker, faults),
            }
        }
    }
}

/// A worker does only what it is registered for.
fn fits(workflow: &Workflow, worker: &Registered, faults: &mut Faults) {
    if !worker.workflows.contains(&workflow.name) {
        let what = format!("worker `{}` does not name this workflow", worker.name);
        faults.0.push(of_workflow(workflow, 0, what));
    }
    for step in &workflow.steps {
        let listed = step.verb().is_some_and(|verb| worker.tools.contains(&verb));
        if !listed {
            let tool = step.verb().map_or(Class::Control.as_str(), |verb| verb.as_str());
            let what = format!(
                "step `{}` needs the tool `{tool}`, which worker `{}` does not have",
                step.id, worker.name
            );
            faults.0.push(of_workflow(workflow, step.line, what));
        }
    }
}

fn built_in() -> Result<BTreeMap<String, Registered>, Faults> {
    let workers = [
        Registered::audit()?,
        Registered::dbt_impact()?,
        Registered::demo()?,
        Registered::evaluator()?,
        Registered::publisher()?,
    ];
    Ok(workers.into_iter().map(|worker| (worker.name.clone(), worker)).collect())
}

fn of_worker(worker: &Registered, line: u64, what: String) -> Fault {
    Fault { file: worker.file.clone(), line, kind: Kind::Worker, what }
}

fn of_workflow(workflow: &Workflow, line: u64, what: String) -> Fault {
    Fault { file: workflow.file.clone(), line, kind: Kind::Workflow, what }
}

/// Why `path` is no document of the repository.
fn document_fault(root: &Path, path: &str) -> Option<String> {
    if path.contains('\n') {
        return Some("is text; name a file of the repository".to_owned());
    }
    if let Some(wrong) = fields::path_fault(path) {
        return Some(format!("cannot be there: {wrong}"));
    }
    match inside(root, &root.join(path)) {
        Ok(found) if found.is_file() => None,
        Ok(_) => Some(format!("`{path}` is no file")),
        Err(wrong) => Some(format!("`{path}` {wrong}")),
    }
}

/// The place itself, links followed, when it is under the root.
fn inside(root: &Path, path: &Path) -> Result<PathBuf, &'static str> {
    let real = |path: &Path| fs::canonicalize(path);
    let (root, place) = (real(root), real(path));
    match (root, place) {
        (Ok(root), Ok(place)) if place.starts_with(&root) => Ok(place),
        (Ok(_), Ok(_)) => Err("leads out of the repository"),
        _ => Err("does not exist"),
    }
}

/// The YAML files of one kind, by their path under the root, with their text.
fn files(root: &Path, kind: Kind, faults: &mut Faults) -> Vec<(String, String)> {
    let folder = match kind {
        Kind::Worker => "belay/workers",
        Kind::Workflow => "belay/workflows",
        Kind::Impact => "belay",
    };
    let mut fault = |file: &str, what: String| {
        faults.0.push(Fault { file: file.to_owned(), line: 0, kind, what });
    };
    let place = root.join(folder);
    if !place.exists() {
        return Vec::new();
    }
    let entries = fs::read_dir(&place).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            fault(folder, error.to_string());
            return Vec::new();
        }
    };
    let mut names: Vec<String> =
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let mut read = Vec::new();
    for name in names {
        let file = format!("{folder}/{name}");
        let path = place.join(&name);
        match Path::new(&name).extension().and_then(|ending| ending.to_str()) {
            Some("yaml") => match text(root, &path) {
                Ok(text) => read.push((file, text)),
                Err(wrong) => fault(&file, wrong),
            },
            Some("yml") => fault(&file, "its ending must be `.yaml`".to_owned()),
            _ => (),
        }
    }
    read
}

fn text(root: &Path, path: &Path) -> Result<String, String> {
    let place = inside(root, path).map_err(str::to_owned)?;
    let what = fs::metadata(&place).map_err(|error| error.to_string())?;
    if !what.is_file() {
        return Err("it is no file".to_owned());
    }
    if what.len() > LARGEST {
        return Err("it is larger than 1 MiB".to_owned());
    }
    fs::read_to_string(&place).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
