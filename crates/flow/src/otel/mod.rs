//! Traces out: belay's runs and the spans of others, shown as a tree or written in one of four forms.

mod export;
mod parquet;
mod tree;

use belay_model::{Redactor, RunId, Timestamp};
use belay_otlp::Recorded;
use belay_otlp::wire::ResourceSpans;
use belay_store::StoreError;

pub use export::{Exported, Form, export};
pub use tree::{Node, tree};

use crate::trace::load;
use crate::{Desk, FlowError};

/// Which traces.
#[derive(Debug, Clone)]
pub enum Selection {
    /// A run or a trace: an id, the start or the end of one, or `last`.
    One(String),
    /// Everything that began then or later.
    Since(Timestamp),
    All,
}

/// A trace that is wanted, before it is read.
#[derive(Debug, Clone)]
pub enum Wanted {
    Run(Box<belay_model::record::Run>),
    /// A trace of others, by its id.
    Trace(String),
}

/// What a selection names, oldest runs first, then the traces of others.
pub async fn wanted(desk: &Desk, selection: &Selection) -> Result<Vec<Wanted>, FlowError> {
    let since = match selection {
        Selection::One(text) => return Ok(vec![find(desk, text).await?]),
        Selection::Since(since) => Some(*since),
        Selection::All => None,
    };
    let runs = desk.memory.runs(desk.now()).await?;
    let recent = |run: &belay_model::record::Run| since.is_none_or(|since| run.started >= since);
    let runs = runs.into_iter().filter(recent).rev();
    let traces = desk.memory.traces(since).await?.into_iter().rev();
    let run = |run| Wanted::Run(Box::new(run));
    Ok(runs.map(run).chain(traces.map(|trace| Wanted::Trace(trace.trace))).collect())
}

/// A run by its id, as a trace's id too; else a trace of others.
async fn find(desk: &Desk, text: &str) -> Result<Wanted, FlowError> {
    // A run's trace has the run's id without hyphens.
    let id = text.parse::<RunId>().map_or_else(|_| text.to_owned(), |id| id.to_string());
    match desk.memory.find_run(&id, desk.now()).await {
        Ok(run) => Ok(Wanted::Run(Box::new(run))),
        Err(missing @ StoreError::NotFound { .. }) => match desk.memory.find_trace(text).await {
            Ok(trace) => Ok(Wanted::Trace(trace)),
            Err(StoreError::NotFound { .. }) => Err(missing.into()),
            Err(other) => Err(other.into()),
        },
        Err(other) => Err(other.into()),
    }
}

/// The spans of one trace, without secrets.
pub async fn spans(
    desk: &Desk,
    wanted: &Wanted,
    redactor: &Redactor,
) -> Result<Vec<ResourceSpans>, FlowError> {
    match wanted {
        Wanted::Run(run) => {
            let record = load(desk, (**run).clone()).await?;
            let recorded = Recorded {
                workspace: &record.workspace,
                run: &record.run,
                steps: &record.steps,
                decisions: &record.decisions,
                effects: &record.effects,
                scores: &record.scores,
                review: record.review.as_ref(),
                dispositions: &record.dispositions,
                approvals: &record.approvals,
                votes: &record.votes,
            };
            Ok(vec![recorded.spans(redactor, desk.now())])
        }
        Wanted::Trace(trace) => {
            let rows = desk.memory.spans(trace).await?;
            let mut groups: Vec<ResourceSpans> =
                rows.iter().map(belay_otlp::body_of).collect::<Result<_, _>>()?;
            // What counts as sensitive may have changed since they came.
            groups.iter_mut().for_each(|group| belay_otlp::hide(group, redactor));
            Ok(groups)
        }
    }
}
