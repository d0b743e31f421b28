//! Evaluator suites at work: which runs they look at, executing cases for real, and the record of what
//! they found.

pub mod dataset;
mod error;
mod project;
mod range;
mod shelf;

use std::path::PathBuf;

use belay_model::record::{Artefact, Dimension, RunState, Score};
use belay_model::{Action, Digest, Resource, ScoreId, Verb, Zone};
use belay_outside::OutsideError;
use belay_score::scorecard::{self, Scorecard};
use belay_score::suite::{Fault, Output, Source};
use belay_score::{Case, Suite, Trial, document};
use serde_json::{Value, json};

pub use self::error::EvalError;
pub use self::range::Range;
pub use self::shelf::{Shelf, Shelved, exists};

use crate::registry::Registered;
use crate::supervisor::Supervisor;
use crate::tools::Tools;
use crate::{Desk, FlowError};

/// Every field of a scorecard document, for `belay schema scorecard`.
pub fn scorecard_schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Scorecard);
    if let Some(word) = schema.pointer_mut("/properties/schema") {
        *word = json!({"const": scorecard::SCHEMA});
    }
    schema
}

/// What was asked.
#[derive(Debug)]
pub struct Request<'a> {
    pub suite: &'a Shelved,
    /// Looked at instead of what the suite names: `traces`, a dataset or a pack.
    pub dataset: Option<String>,
    /// A scorecard's file, or an earlier evaluation's run.
    pub baseline: Option<String>,
    /// Instead of the suite's `per_case`.
    pub trials: Option<usize>,
    /// A folder that the forms are written to as well.
    pub out: Option<PathBuf>,
}

/// Runs a suite and writes down what it found: the evaluation is a run of its own.
pub async fn run(
    desk: &Desk,
    tools: &Tools,
    shelf: &Shelf,
    range: &Range,
    request: &Request<'_>,
) -> Result<Scorecard, FlowError> {
    let registered = Registered::evaluator()?;
    let level = registered.level_in_force(None);
    let suite = &request.suite.suite;
    let input = json!({
        "suite": suite.name, "digest": suite.digest.to_string(), "dataset": request.dataset,
        "baseline": request.baseline, "trials": request.trials,
    });
    let mut run = Supervisor::begin(desk, &registered, level, &input).await?;
    let done = steps(&mut run, tools, shelf, range, request).await;
    desk.progress.finish();
    match &done {
        Ok(card) => {
            let outcome = format!("{} {}", suite.name, card.verdict.as_str());
            let state = RunState::Accepted;
            desk.memory.move_run(run.run.id, state, Some(&outcome), desk.now()).await?;
        }
        Err(error) => run.fail(error).await?,
    }
    done
}

async fn steps(
    run: &mut Supervisor<'_>,
    tools: &Tools,
    shelf: &Shelf,
    range: &Range,
    request: &Request<'_>,
) -> Result<Scorecard, FlowError> {
    let suite = &request.suite.suite;
    let reading = Action::new(Verb::ReadMetadata, Resource::new("record:runs", Zone::Scratch))
        .with("suite", suite.digest.to_string());
    let (cases, source, baseline) = run
        .step("gather the cases", async |run| {
            let desk = run.desk;
            run.perform(&reading, async |permit| {
                permit.admit(&reading).map_err(OutsideError::from)?;
                let baseline = baseline(desk, shelf, request).await?;
                let (cases, source) = Box::pin(gather(desk, tools, shelf, range, request)).await?;
                Ok::<_, FlowError>((cases, source, baseline))
            })
            .await
        })
        .await?;
    let evaluated = belay_score::evaluate::evaluate(suite, &cases, baseline.as_ref());
    let mut card = evaluated.map_err(|faults| request.suite.faulty(faults))?;
    source.clone_into(&mut card.dataset.source);
    card.run = Some(run.run.id.to_string());
    run.step("write the scorecard", async |run| keep(run, request, &card).await).await?;
    let scores = scores(run, &card);
    run.desk.memory.add_scores(&scores).await?;
    Ok(card)
}

/// What the suite looks at, and what kind of thing that is.
async fn gather(
    desk: &Desk,
    tools: &Tools,
    shelf: &Shelf,
    range: &Range,
    request: &Request<'_>,
) -> Result<(Vec<Case>, &'static str), FlowError> {
    let suite = &request.suite.suite;
    let named = request.dataset.as_deref().filter(|name| *name != "traces");
    let (file, split) = match (named, &suite.dataset.source, &request.dataset) {
        (Some(name), _, _) => (name.to_owned(), None),
        (None, Source::Frozen { file, split }, None) => (file.clone(), *split),
        (None, Source::Pack { file }, None) => (file.clone(), None),
        _ => return Ok((traces(desk, request.suite).await?, "traces")),
    };
    let (name, text) = shelf.data(&file, request.suite)?;
    if text.starts_with("{\"schema\":\"belay.pack/1\"")
        || text.starts_with("{\"schema\": \"belay.pack/1\"")
    {
        let pack = project::pack(&name, &text)?;
        let per_case = request.trials.unwrap_or(suite.trials.per_case);
        return Ok((range.execute(tools, suite, &pack, per_case, desk).await?, "pack"));
    }
    Ok((dataset::read(&name, &text, split)?, "frozen"))
}

/// Runs on record that the suite is about.
async fn traces(desk: &Desk, shelved: &Shelved) -> Result<Vec<Case>, FlowError> {
    let suite = &shelved.suite;
    let (query, last) = match &suite.dataset.source {
        Source::Traces { query, last } => (query.as_ref(), *last),
        _ => (None, None),
    };
    let documents = select(desk, query, |run| about(suite, run), last).await;
    let documents =
        documents?.map_err(|why| shelved.faulty(vec![Fault { line: 0, message: why }]))?;
    Ok(documents
        .into_iter()
        .map(|record| Case {
            id: record["run"]["id"].as_str().unwrap_or_default().to_owned(),
            trials: vec![Trial { record, attack: None }],
        })
        .collect())
}

fn about(suite: &Suite, run: &belay_model::record::Run) -> bool {
    let fits =
        |asked: &Option<String>, name: &str| asked.as_ref().is_none_or(|asked| asked == name);
    let any = suite.subject.worker.is_none() && suite.subject.workflow.is_none();
    let own = run.worker == "evaluator";
    fits(&suite.subject.worker, &run.worker)
        && fits(&suite.subject.workflow, &run.workflow)
        && !(any && own)
}

/// Documents of the runs that are over and fit, newest first.
async fn select(
    desk: &Desk,
    query: Option<&belay_score::cel::Expression>,
    about: impl Fn(&belay_model::record::Run) -> bool,
    last: Option<usize>,
) -> Result<Result<Vec<Value>, String>, FlowError> {
    let mut found = Vec::new();
    for run in desk.memory.runs(desk.now()).await? {
        if !run.state.is_over() || !about(&run) || last.is_some_and(|last| found.len() >= last) {
            continue;
        }
        let id = run.id;
        let document = load_document(desk, run).await?;
        match query.map_or(Ok(true), |query| query.bool(&document)) {
            Ok(true) => found.push(document),
            Ok(false) => (),
            Err(why) => return Ok(Err(format!("the query fails on run {}: {why}", id.short()))),
        }
    }
    Ok(Ok(found))
}

/// The document of a run with the report that it kept.
pub(crate) async fn load_document(
    desk: &Desk,
    run: belay_model::record::Run,
) -> Result<Value, FlowError> {
    let record = crate::trace::load(desk, run).await?;
    let kept = |artefact: &&Artefact| artefact.kept && artefact.name == "report.json";
    // A body that was erased is no report any more; the record says so by itself.
    let body = match record.artefacts.iter().find(kept) {
        Some(one) => desk.memory.body(one.digest).await.ok(),
        None => None,
    };
    let report = body.and_then(|body| serde_json::from_slice(&body).ok());
    Ok(document(&record, report))
}

async fn baseline(
    desk: &Desk,
    shelf: &Shelf,
    request: &Request<'_>,
) -> Result<Option<Scorecard>, FlowError> {
    let suite = &request.suite.suite;
    let Some(name) = request.baseline.as_ref().or(suite.baseline.as_ref()) else { return Ok(None) };
    if let Some(text) = shelf.file(name) {
        return Ok(Some(parse(name, text.as_bytes())?));
    }
    Ok(Some(card(desk, name, Some(&suite.name)).await?))
}

/// The scorecard of an evaluation on record: a run's id, or `last`, of one suite or of any.
pub async fn card(desk: &Desk, text: &str, suite: Option<&str>) -> Result<Scorecard, FlowError> {
    let runs = match text {
        "last" => desk.memory.runs(desk.now()).await?,
        text => vec![desk.memory.find_run(text, desk.now()).await?],
    };
    for run in runs.iter().filter(|run| run.worker == "evaluator") {
        for artefact in desk.memory.artefacts(run.id).await? {
            if artefact.name != "scorecard.json" {
                continue;
            }
            let card = parse(text, &desk.memory.body(artefact.digest).await?)?;
            if suite.is_none_or(|suite| suite == card.suite) {
                return Ok(card);
            }
        }
    }
    Err(EvalError::NoScorecard { name: text.to_owned() }.into())
}

fn parse(name: &str, body: &[u8]) -> Result<Scorecard, FlowError> {
    let wrong = |message: String| EvalError::Scorecard { name: name.to_owned(), message };
    let card: Scorecard = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    if card.schema != scorecard::SCHEMA {
        let message = format!("`schema` is `{}`, expected `{}`", card.schema, scorecard::SCHEMA);
        return Err(wrong(message).into());
    }
    Ok(card)
}

/// A form that a scorecard is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    Markdown,
    Junit,
    Sarif,
}

impl Form {
    const KEPT: [(Self, Output, &'static str, &'static str); 4] = [
        (Self::Json, Output::Json, "scorecard.json", "application/json"),
        (Self::Markdown, Output::Markdown, "scorecard.md", "text/markdown"),
        (Self::Junit, Output::Junit, "junit.xml", "application/xml"),
        (Self::Sarif, Output::Sarif, "scorecard.sarif", "application/sarif+json"),
    ];

    /// `file` is the suite's.
    pub fn render(self, card: &Scorecard, file: &str) -> Result<String, FlowError> {
        let wrong = |message: String| FlowError::Render { message };
        let pretty = |value: &dyn Fn() -> serde_json::Result<String>| {
            value().map(|text| text + "\n").map_err(|error| wrong(error.to_string()))
        };
        match self {
            Self::Text => Ok(scorecard::text(card)),
            Self::Json => pretty(&|| serde_json::to_string_pretty(card)),
            Self::Markdown => Ok(scorecard::markdown(card)),
            Self::Junit => scorecard::junit(card).map_err(wrong),
            Self::Sarif => pretty(&|| serde_json::to_string_pretty(&scorecard::sarif(card, file))),
        }
    }
}

/// Keeps the scorecard in its forms, and writes them where the user asked for it.
async fn keep(
    run: &mut Supervisor<'_>,
    request: &Request<'_>,
    card: &Scorecard,
) -> Result<(), FlowError> {
    let file = request.suite.file.as_str();
    let json = Form::Json.render(card, file)?;
    let keeping = Action::new(Verb::WriteReport, Resource::new("record:scorecard", Zone::Scratch))
        .with("digest", Digest::of(&json).to_string());
    run.perform(&keeping, async |permit| permit.admit(&keeping).map_err(OutsideError::from))
        .await?;
    let wanted = &request.suite.suite.outputs;
    for (form, output, name, media_type) in Form::KEPT {
        // Comparing and showing need the JSON, whatever else is asked for.
        if !wanted.contains(&output) && form != Form::Json {
            continue;
        }
        let body = form.render(card, file)?;
        run.keep(name, media_type, body.as_bytes(), true).await?;
        let path = request.out.as_ref().filter(|_| wanted.contains(&output));
        if let Some(path) = path.map(|out| out.join(name)) {
            let action = belay_outside::writing(&path, body.as_bytes());
            run.perform(&action, async |permit| {
                belay_outside::write_report(permit, &path, body.as_bytes())
            })
            .await?;
        }
    }
    Ok(())
}

fn scores(run: &Supervisor<'_>, card: &Scorecard) -> Vec<Score> {
    let desk = run.desk;
    let score = |check: &scorecard::Outcome| {
        Some(Score {
            id: ScoreId::new(desk.id()),
            run: run.run.id,
            dimension: Dimension::parse(&check.dimension)?,
            check: check.id.clone(),
            evaluator: check.evaluator.parse().ok()?,
            verdict: check.verdict.verdict(),
            value: check.estimate.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.4}")),
            explanation: format!("{} ({})", check.explanation, check.unit),
            at: desk.now(),
        })
    };
    card.checks.iter().filter_map(score).collect()
}
