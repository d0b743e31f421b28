//! Reviewing a dbt change: what changed, what that reaches, what it does to the data.
//!
//! The workflow is one list of steps for every kind of input. Each step asks the gate, does its work
//! outside, and leaves what it found for the next.

mod assess;
mod build;
mod compare;
mod compile;
mod containment;
mod increments;
mod meaning;
mod overrides;
mod request;
mod rules;
pub mod scratch;
pub mod sides;
mod verdicts;
mod waves;

use belay_dbt::Scope;
use belay_dbt::scope::Selection;
use belay_model::record::{EffectState, Queue, Run, RunState, Score};
use belay_model::{
    Action, Digest, Level, Resource, RunId, ScoreId, Severity, Verb, Zone, canonical,
};
use belay_outside::OutsideError;
use belay_score::Facts;
use belay_store::Tenure;
use serde_json::Value;

pub(crate) use self::assess::claims_change;
pub use self::assess::{
    Assessed, Cause, Factor, Gap, Judged, NotVerified, Overridden, OverrideState, Place,
};
pub use self::build::{Built, BuiltNode};
pub use self::compare::{Compared, DiffSettings, Uncompared};
pub use self::meaning::{Broken, CutOff, Edit, EditKind, Meanings, Spared};
pub use self::overrides::{Override, Unreadable};
pub use self::request::{Request, checklist};
pub use self::rules::{Rule, Rules};
pub use self::sides::{Side, SideSource};
pub use self::verdicts::{TestRow, TestVerdict};

use crate::level::standing;
use crate::registry::Registered;
use crate::report::{self, wire};
use crate::supervisor::{Brief, Concluded, Conclusion, Supervisor};
use crate::tools::Tools;
use crate::workflow::assisted;
use crate::{Desk, FlowError, summary};

/// What configuration says of reviews.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Keys for nodes that have none in the project: node name → columns.
    pub keys: Vec<(String, Vec<String>)>,
    /// Columns whose values are never shown, beside those marked `meta.sensitive`.
    pub sensitive: Vec<String>,
    pub samples: usize,
    pub threads: Option<usize>,
    pub external_access: bool,
    pub memory_limit: Option<String>,
    /// Run the project's `on-run-start` and `on-run-end` hooks around the scratch build.
    pub run_hooks: bool,
    /// Where pull requests go, when belay cannot tell.
    pub default_branch: Option<String>,
    /// The language model that may draft a summary; none unless the workspace names one.
    pub summary: Option<summary::Settings>,
    pub diff: DiffSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            sensitive: Vec::new(),
            samples: 3,
            threads: None,
            external_access: false,
            memory_limit: None,
            run_hooks: false,
            default_branch: None,
            summary: None,
            diff: DiffSettings::default(),
        }
    }
}

/// A finished review.
#[derive(Debug)]
pub struct Reviewed {
    pub run: RunId,
    pub report: wire::Impact,
    /// Who has to look at it.
    pub concluded: Concluded,
    pub level: Severity,
    pub scores: Vec<Score>,
}

/// Everything the workflow found out, before it is written up.
#[derive(Debug)]
pub struct Findings {
    pub base: Side,
    pub head: Side,
    pub commits: Vec<String>,
    pub scope: Scope,
    pub built: Option<Built>,
    pub tests: Vec<TestRow>,
    pub data: Vec<Compared>,
    pub uncompared: Vec<Uncompared>,
    pub notes: Vec<String>,
    /// The `vars` of the two projects differ, and a parse does not show what they reach.
    pub vars_changed: bool,
    pub meaning: Meanings,
    /// The team's rules in force.
    pub rules: Rules,
    /// What the change itself says of its findings.
    pub overrides: Vec<Result<Override, Unreadable>>,
}

/// The workflow's name in the record and in the registry.
pub const WORKFLOW: &str = "dbt-pr-impact";

/// Reviews a change. The run is in the record from its first moment; whatever goes wrong, it is
/// written down, and the scratch schema is dropped.
pub async fn review(desk: &Desk, tools: &Tools, request: &Request) -> Result<Reviewed, FlowError> {
    let worker = Registered::dbt_impact()?;
    let level = standing(desk, &worker, WORKFLOW, None, request.level).await?.level;
    let input = request.input();
    let run = Supervisor::begin_run(desk, &brief(&worker, level, &input)).await?;
    drive(run, tools, request).await
}

/// Leaves a review to `belay work`.
pub async fn enqueue(desk: &Desk, request: &Request) -> Result<Run, FlowError> {
    let worker = Registered::dbt_impact()?;
    let level = standing(desk, &worker, WORKFLOW, None, request.level).await?.level;
    let input = request.input();
    let run = brief(&worker, level, &input).run(desk, RunState::Queued);
    desk.memory.enqueue(&run, Queue::Workers, 0, desk.now()).await?;
    Ok(run)
}

/// Goes on with a review that this process holds. What an earlier attempt left in scratch is taken
/// back first; then the steps begin again, because what they found was in that process's memory.
pub async fn carry_on(
    desk: &Desk,
    tools: &Tools,
    settings: &Settings,
    run: Run,
    tenure: Tenure,
) -> Result<Reviewed, FlowError> {
    let worker = Registered::dbt_impact()?;
    let level = standing(desk, &worker, WORKFLOW, None, Some(run.level)).await?.level;
    let input: Value = serde_json::from_str(&run.input).unwrap_or_default();
    let request = Request::from_input(&input, settings)?;
    let mut run = Supervisor::take_over(desk, &brief(&worker, level, &input), run, tenure).await?;
    if let Err(error) = Box::pin(take_back_scratch(&mut run, tools)).await {
        desk.progress.finish();
        run.fail(&error).await?;
        return Err(error);
    }
    drive(run, tools, &request).await
}

fn brief<'a>(worker: &'a Registered, level: Level, input: &'a Value) -> Brief<'a> {
    Brief {
        worker,
        workflow: WORKFLOW,
        level,
        input,
        // A pull request is text that others wrote. It may only ever touch scratch.
        tainted: true,
        snapshot: canonical::digest(input),
        parent: None,
        queue: Queue::Person,
    }
}

async fn drive(
    mut run: Supervisor<'_>,
    tools: &Tools,
    request: &Request,
) -> Result<Reviewed, FlowError> {
    let done = match run.level() {
        Level::L0 => Err(assisted::left_to_a_person(&run, checklist(request)).await),
        // What a review holds is large; callers need not carry it.
        _ => Box::pin(workflow(&mut run, tools, request)).await,
    };
    let outcome = match done {
        Ok(findings) => Box::pin(finish(&mut run, request, findings)).await,
        Err(error) => Err(error),
    };
    run.desk.progress.finish();
    if let Err(error) = &outcome
        && let Err(unwritten) = run.fail(error).await
    {
        // The run will be seen as interrupted; what the user must hear of is the first error.
        let note = format!("how the run ended could not be written down: {unwritten}");
        run.desk.progress.note(&note);
    }
    outcome
}

/// Drops what an attempt that was cut off left of its scratch.
async fn take_back_scratch(run: &mut Supervisor<'_>, tools: &Tools) -> Result<(), FlowError> {
    let effects = run.memory.effects(run.run.id).await?;
    let open = |effect: &&belay_model::record::Effect| {
        matches!(effect.state, EffectState::Committed | EffectState::Ambiguous)
            && effect.inverse.is_some()
    };
    let claims = effects.iter().filter(open);
    let claim = { claims }
        .filter_map(|effect| scratch::Claim::from_inverse(effect.inverse.as_deref()?))
        .find(|claim| claim.prefix == scratch::Claim::prefix_of(run.run.id));
    let Some(claim) = claim else { return Ok(()) };
    run.step_back("take back the scratch of the last attempt", async |run| {
        let dropped = claim.take_back(run, tools).await?;
        build::settle_open(run, &format!("dropped {}", dropped.join(", "))).await
    })
    .await
}

async fn workflow(
    run: &mut Supervisor<'_>,
    tools: &Tools,
    request: &Request,
) -> Result<Findings, FlowError> {
    let plan = sides::plan(run, tools, request).await?;
    let workshop = scratch::Workshop::open(run)?;
    let prepared = sides::prepare(run, tools, plan, &workshop).await?;
    let sides::Prepared { mut base, mut head, commits, project, mut notes } = prepared;
    notes.extend(request.remarks.iter().cloned());
    let mut scope = compare_projects(run, &base, &head).await?;
    let vars_differ = sides::vars_changed(&base, &head);
    let nodes = increments::in_question(&base, &head, &scope, vars_differ);
    if let (Some(project), false) = (&project, nodes.is_empty()) {
        notes.extend(increments::compile(run, project, &mut base, &mut head, &nodes).await?);
        scope = Scope::between(&base.manifest, &head.manifest);
    }
    // Compiled queries show what a variable reaches.
    let vars_changed = vars_differ && !scope.is_compiled();
    let (mut meaning, due) = run
        .step("find out what the change means", async |run| {
            let reading = sides::comparing(&base, &head).with("of", "queries");
            run.perform(&reading, async |permit| {
                permit.admit(&reading).map_err(OutsideError::from)?;
                Ok::<_, FlowError>(meaning::meanings(&base, &head, &scope))
            })
            .await
        })
        .await?;
    if request.everything {
        meaning.spared.clear();
    } else {
        scope.selection = due;
    }
    let mut findings = Findings {
        base,
        head,
        commits,
        scope,
        built: None,
        tests: Vec::new(),
        data: Vec::new(),
        uncompared: Vec::new(),
        notes,
        vars_changed,
        meaning,
        rules: Rules::default(),
        overrides: Vec::new(),
    };
    findings.rules = rules::in_force(request, &findings)?;
    findings.overrides = overrides::gather(request, &findings).await?;
    match &project {
        Some(project) if request.build && findings.scope.selection != Selection::default() => {
            build::review_data(run, tools, request, project, &workshop, &mut findings).await?;
        }
        _ => compare::review_artefacts(run, tools, request, &mut findings).await?,
    }
    Ok(findings)
}

async fn compare_projects(
    run: &mut Supervisor<'_>,
    base: &Side,
    head: &Side,
) -> Result<Scope, FlowError> {
    run.step("compare the two projects", async |run| {
        run.perform(&sides::comparing(base, head), async |permit| {
            permit.admit(&sides::comparing(base, head)).map_err(OutsideError::from)?;
            Ok::<_, FlowError>(Scope::between(&base.manifest, &head.manifest))
        })
        .await
    })
    .await
}

/// Assesses, keeps the report, scores the run and opens the review.
async fn finish(
    run: &mut Supervisor<'_>,
    request: &Request,
    mut findings: Findings,
) -> Result<Reviewed, FlowError> {
    assess::settle_volatile(&mut findings);
    let judgement = assess::Judgement {
        rules: findings.rules.clone(),
        overrides: findings.overrides.clone(),
        today: overrides::day_of(run.desk.now()),
        runs_hooks: request.settings.run_hooks,
    };
    let assessed = assess::assess(&findings, &judgement);
    let cost = cost(run, &findings).await?;
    let mut report = report::build(run.run.id, &findings, &assessed, cost);
    if let Some(summary) = &request.settings.summary {
        match summary::draft(run, summary, &report, &names(&findings)).await? {
            Ok(draft) => report.draft = Some(draft),
            Err(why) => report.notes.push(why),
        }
    }
    let digest = run
        .step("write the report", async |run| {
            let digest = keep_report(run, &findings, &report).await?;
            for (path, form) in &request.copies {
                let body = form.render(&report)?;
                let action = belay_outside::writing(path, body.as_bytes());
                run.perform(&action, async |permit| {
                    belay_outside::write_report(permit, path, body.as_bytes())
                })
                .await?;
            }
            Ok(digest)
        })
        .await?;
    let scores = score(run, request, &findings, &assessed).await?;
    run.memory.add_scores(&scores).await?;
    let outcome = format!("risk {}", report.risk.level);
    let end = Conclusion {
        kind: crate::review::IMPACT_REPORT,
        subject: digest,
        title: &report.summary,
        outcome: &outcome,
        low_risk: assessed.level <= Severity::Low,
    };
    let concluded = run.conclude(&end).await?;
    Ok(Reviewed { run: run.run.id, report, concluded, level: assessed.level, scores })
}

/// What nodes and columns of the two projects are called.
fn names(findings: &Findings) -> summary::Names {
    let nodes = findings.base.manifest.nodes().chain(findings.head.manifest.nodes());
    let of = |node: &'_ belay_dbt::manifest::Node| {
        let columns = node.columns.iter().map(|column| column.name.to_string());
        columns.chain([node.name.to_string()]).collect::<Vec<_>>()
    };
    nodes.flat_map(of).collect()
}

/// What the review took so far, by step.
async fn cost(run: &Supervisor<'_>, findings: &Findings) -> Result<wire::Cost, FlowError> {
    let steps = run.memory.steps(run.run.id).await?;
    let stages = steps.iter().filter_map(|step| {
        let seconds = step.ended?.seconds_since(step.started).max(0.0);
        Some(wire::Stage { name: step.name.clone(), seconds: wire::tenths(seconds) })
    });
    let rows = findings.data.iter().map(|compared| compared.base.rows + compared.head.rows);
    Ok(wire::Cost {
        seconds: wire::tenths(run.seconds()),
        stages: stages.collect(),
        rows_compared: rows.sum(),
    })
}

/// Keeps the report in its three forms, and says what it was made from.
async fn keep_report(
    run: &mut Supervisor<'_>,
    findings: &Findings,
    report: &wire::Impact,
) -> Result<Digest, FlowError> {
    let json = report::json(report)?;
    let digest = Digest::of(&json);
    let keeping = Action::new(Verb::WriteReport, Resource::new("record:report", Zone::Scratch))
        .with("digest", digest.to_string());
    run.perform(&keeping, async |permit| permit.admit(&keeping).map_err(OutsideError::from))
        .await?;
    run.keep("report.json", "application/json", json.as_bytes(), true).await?;
    run.keep("report.md", "text/markdown", report::markdown(report).as_bytes(), true).await?;
    run.keep("report.html", "text/html", report::html(report)?.as_bytes(), true).await?;
    for (name, side) in
        [("base/manifest.json", &findings.base), ("head/manifest.json", &findings.head)]
    {
        run.keep(name, "application/json", &side.manifest_bytes, false).await?;
    }
    Ok(digest)
}

async fn score(
    run: &Supervisor<'_>,
    request: &Request,
    findings: &Findings,
    assessed: &Assessed,
) -> Result<Vec<Score>, FlowError> {
    let desk = run.desk;
    let record = crate::trace::load(desk, run.run.clone()).await?;
    let facts = Facts {
        record: &record,
        findings: assessed.findings.len(),
        findings_with_evidence: assessed
            .findings
            .iter()
            .filter(|one| !one.finding.evidence.is_empty())
            .count(),
        comparable: findings.data.len()
            + findings.uncompared.iter().filter(|one| one.has_base).count(),
        compared: findings.data.len(),
        seconds: run.seconds(),
        budget_seconds: run.budget_seconds(),
        kept_scratch: request.keep,
    };
    let score = |(check, mark): (belay_score::Check, belay_score::Mark)| Score {
        id: ScoreId::new(desk.id()),
        run: run.run.id,
        dimension: check.dimension,
        check: check.name.to_owned(),
        evaluator: check.evaluator(),
        verdict: mark.verdict,
        value: mark.value,
        explanation: mark.explanation,
        at: desk.now(),
    };
    Ok(belay_score::evaluate(&facts).into_iter().map(score).collect())
}
