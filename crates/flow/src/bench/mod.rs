//! The regression bench: pull requests with a known answer, each reviewed as a user would, beside what
//! the project's own tests say.

mod card;
mod cases;
mod effect;
mod error;
mod site;
#[cfg(test)]
mod tests;
mod trial;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::Poll;

pub use self::card::{Card, Form};
pub use self::cases::{Case, Kind, Project, Shows, read};
pub use self::error::BenchError;
pub use self::trial::{Measured, Tried};

use self::site::Site;
use crate::eval::Range;
use crate::tools::Tools;
use crate::{Desk, FlowError};
use belay_outside::OutsideError;

/// What was asked.
#[derive(Debug, Default)]
pub struct Request {
    /// Only these projects; all where it is empty.
    pub projects: Vec<String>,
    /// Only these cases; all where it is empty.
    pub cases: Vec<String>,
    /// Build every head with the project's own tests as well, and compare what is built with base.
    pub measure: bool,
    /// A folder for the compiled SQL of both sides of every changed model, for other judges to read.
    pub sql: Option<PathBuf>,
}

/// Keeps what was asked for.
pub fn choose(mut projects: Vec<Project>, request: &Request) -> Result<Vec<Project>, FlowError> {
    let known: Vec<String> = projects.iter().map(|project| project.name.clone()).collect();
    if let Some(name) = request.projects.iter().find(|name| !known.contains(name)) {
        return Err(BenchError::NoProject { name: name.clone(), known }.into());
    }
    if !request.projects.is_empty() {
        projects.retain(|project| request.projects.contains(&project.name));
    }
    if !request.cases.is_empty() {
        for name in &request.cases {
            let mut all = projects.iter().flat_map(|project| &project.cases);
            if !all.any(|case| case.id == *name) {
                return Err(BenchError::NoCase { name: name.clone() }.into());
            }
        }
        for project in &mut projects {
            project.cases.retain(|case| request.cases.contains(&case.id));
        }
    }
    projects.retain(|project| !project.cases.is_empty());
    Ok(projects)
}

/// Tries every case. Each range is one job: they work side by side, each with a record of its own.
pub async fn run(
    told: &Desk,
    tools: &Tools,
    ranges: &[Range],
    projects: &[Project],
    request: &Request,
) -> Result<Card, FlowError> {
    let Some(first) = ranges.first() else { return Ok(Card::of(Vec::new())) };
    let mut tried = Vec::new();
    for project in projects {
        told.progress.phase(&format!("build the project {}", project.name));
        let site = Site::make(first, tools, project, request).await?;
        told.progress.phase(&format!("try {} cases on {}", project.cases.len(), project.name));
        let (next, done) = (Cell::new(0_usize), Cell::new(0_u64));
        let outcomes: RefCell<Vec<(usize, Tried)>> = RefCell::new(Vec::new());
        let of = project.cases.len() as u64;
        let jobs = ranges.iter().map(|range| {
            let (next, done, outcomes, site) = (&next, &done, &outcomes, &site);
            Box::pin(async move {
                while let Some(case) = project.cases.get(next.get()) {
                    let at = next.replace(next.get() + 1);
                    if told.stop.is_asked() {
                        return;
                    }
                    told.progress.detail(&case.id, Some((done.get() + 1, of)));
                    let one = trial::try_case(range, tools, site, project, case, request);
                    let one = Box::pin(one).await;
                    done.set(done.get() + 1);
                    told.progress.note(&format!("{}/{of} {}", done.get(), one.line()));
                    outcomes.borrow_mut().push((at, one));
                }
            }) as Pin<Box<dyn Future<Output = ()> + '_>>
        });
        together(jobs.collect()).await;
        if told.stop.is_asked() {
            return Err(OutsideError::Stopped.into());
        }
        let mut outcomes = outcomes.into_inner();
        outcomes.sort_by_key(|(at, _)| *at);
        tried.extend(outcomes.into_iter().map(|(_, one)| one));
    }
    told.progress.finish();
    Ok(Card::of(tried))
}

/// Waits for all of them at once.
async fn together(mut jobs: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>) {
    poll_fn(|context| {
        jobs.retain_mut(|job| job.as_mut().poll(context).is_pending());
        if jobs.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
