//! Showing a finished report where its change is discussed: one comment that is kept current, a check,
//! and annotations on the lines that changed.

use std::collections::BTreeMap;

use belay_model::record::{Artefact, Queue, Run, RunState};
use belay_model::{Severity, canonical};
use belay_outside::host::{Annotation, Check, Conclusion, Host, Published, Weight};
use belay_outside::{OutsideError, Repository};
use serde_json::json;

use crate::level::standing;
use crate::registry::Registered;
use crate::report::{self, wire};
use crate::supervisor::{Brief, Supervisor};
use crate::{Desk, FlowError, impact};

/// The workflow's name in the record.
pub const WORKFLOW: &str = "publish-report";

/// What is to be shown, and how.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Tells this report's comment from those of other projects on the same pull request.
    pub name: String,
    /// The check fails from this risk on; never without.
    pub fail_on: Option<Severity>,
    /// Where the whole report is kept, for whoever reads the comment.
    pub artefact: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub struct Shown {
    /// The run that published.
    pub run: Run,
    pub comment: Published,
    pub check: Published,
    pub annotations: usize,
}

/// A finished review with its report.
#[derive(Debug)]
pub struct Finished {
    pub run: Run,
    pub report: wire::Impact,
}

/// The review that `text` names, or the newest one for `latest`.
pub async fn finished(desk: &Desk, text: &str) -> Result<Finished, FlowError> {
    let run = if text == "latest" {
        let runs = desk.memory.runs(desk.now()).await?;
        let newest = runs.into_iter().filter(|run| run.workflow == impact::WORKFLOW);
        let newest = newest.max_by_key(|run| run.started);
        newest.ok_or_else(|| FlowError::NoReport { run: text.to_owned() })?
    } else {
        desk.memory.find_run(text, desk.now()).await?
    };
    let artefacts = desk.memory.artefacts(run.id).await?;
    let is_report = |one: &&Artefact| one.name == "report.json" && one.kept;
    let Some(found) = artefacts.iter().find(is_report) else {
        return Err(FlowError::NoReport { run: run.id.short() });
    };
    let report = report::parse(&desk.memory.body(found.digest).await?)?;
    Ok(Finished { run, report })
}

/// The comment as it is put: a marker that only machines see, the report, where the rest is.
pub fn comment(publication: &Publication, report: &wire::Impact) -> (String, String) {
    let letters = publication.name.chars().map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' | '/' => letter,
        _ => '_',
    });
    let marker = format!("<!-- belay:impact:{} -->", letters.collect::<String>());
    let whole = publication.artefact.as_ref();
    let whole = whole.map(|url| format!("\n[The whole report]({url})\n")).unwrap_or_default();
    let body = format!("{marker}\n{}{whole}", report::markdown(report));
    (marker, body)
}

/// The check as it is set. `changes`: where each file of the repository first differs.
pub fn check(
    publication: &Publication,
    report: &wire::Impact,
    changes: &BTreeMap<String, u32>,
) -> Check {
    let conclusion = match publication.fail_on {
        Some(from) if report.risk.level >= from.into() => Conclusion::Failure,
        _ if report.risk.level >= wire::Severity::Medium => Conclusion::Neutral,
        _ => Conclusion::Success,
    };
    let mut summary = format!("{}\n", report.summary);
    for line in &report.look_first {
        summary.push_str(&format!("- {line}\n"));
    }
    Check {
        name: format!("belay impact ({})", publication.name),
        conclusion,
        title: report.summary.clone(),
        summary,
        annotations: annotations(report, changes),
    }
}

/// A remark for each finding about a node whose file changed, at the first line that did.
fn annotations(report: &wire::Impact, changes: &BTreeMap<String, u32>) -> Vec<Annotation> {
    let place = |finding: &wire::Finding| {
        let node = finding.node.as_ref()?;
        let changed = report.changed.iter().find(|one| one.node == *node)?;
        let path = changed.path.as_deref()?;
        // The project may be a folder of the repository.
        let is_it = |file: &str| {
            file.strip_suffix(path).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        changes.iter().find(|(file, _)| is_it(file))
    };
    let annotation = |finding: &wire::Finding| {
        let (path, line) = place(finding)?;
        let weight = match finding.severity {
            wire::Severity::Critical | wire::Severity::High => Weight::Failure,
            wire::Severity::Medium => Weight::Warning,
            _ => Weight::Notice,
        };
        let evidence = finding.evidence.join("\n");
        Some(Annotation {
            path: path.clone(),
            line: *line,
            weight,
            title: format!("{} ({})", finding.kind, finding.severity),
            message: format!("{}\n{evidence}", finding.message).trim_end().to_owned(),
        })
    };
    let told = report.findings.iter().filter(|finding| finding.severity > wire::Severity::Info);
    told.filter_map(annotation).collect()
}

/// Where the files of the reviewed change first differ; empty where git cannot tell.
pub async fn changes(
    repository: Option<&Repository>,
    report: &wire::Impact,
    head: &str,
) -> BTreeMap<String, u32> {
    let Some(repository) = repository else { return BTreeMap::new() };
    let head = report.head.sha.as_deref().unwrap_or(head);
    let base = match &report.base.sha {
        Some(base) => Ok(base.clone()),
        // Artefacts as base: what a pull request shows starts at the merge base all the same.
        None => merge_base(repository, head).await,
    };
    let found = match base {
        Ok(base) => repository.first_changes(&base, head).await,
        Err(unknown) => Err(unknown),
    };
    // Without them the findings stand in the comment all the same.
    found.unwrap_or_default()
}

async fn merge_base(repository: &Repository, head: &str) -> Result<String, OutsideError> {
    let branch = repository.default_branch(None).await?;
    Ok(repository.merge_base(&branch, head).await?.sha)
}

/// Publishes, as a run of its own. Repeating it leaves one comment and one check.
pub async fn publish(
    desk: &Desk,
    host: &Host,
    finished: &Finished,
    publication: &Publication,
    changes: &BTreeMap<String, u32>,
) -> Result<Shown, FlowError> {
    let worker = Registered::publisher()?;
    let level = standing(desk, &worker, WORKFLOW, None, None).await?.level;
    let input = json!({"report": finished.run.id.to_string(), "to": host.pull.shown()});
    let brief = Brief {
        worker: &worker,
        workflow: WORKFLOW,
        level,
        input: &input,
        // The report quotes what a pull request's author wrote.
        tainted: true,
        snapshot: canonical::digest(&input),
        parent: Some(finished.run.id),
        queue: Queue::Person,
    };
    let mut run = Supervisor::begin_run(desk, &brief).await?;
    let (marker, body) = comment(publication, &finished.report);
    let check = check(publication, &finished.report, changes);
    let put = async |run: &mut Supervisor<'_>| {
        let comment = run
            .step("put the report on the pull request", async |run| {
                let action = host.pull.commenting(&marker, &body);
                run.perform(&action, async |permit| host.comment(permit, &marker, &body).await)
                    .await
            })
            .await?;
        let check = run
            .step("set the check", async |run| {
                let action = host.pull.checking(&check);
                run.perform(&action, async |permit| host.check(permit, &check).await).await
            })
            .await?;
        Ok::<_, FlowError>((comment, check))
    };
    let done = put(&mut run).await;
    desk.progress.finish();
    match done {
        Ok((put, set)) => {
            let outcome = format!("shown on {}", host.pull.shown());
            // Nobody has to judge that a report was shown.
            desk.memory
                .move_run(run.run.id, RunState::Accepted, Some(&outcome), desk.now())
                .await?;
            let row = desk.memory.find_run(&run.run.id.to_string(), desk.now()).await?;
            Ok(Shown { run: row, comment: put, check: set, annotations: check.annotations.len() })
        }
        Err(error) => {
            run.fail(&error).await?;
            Err(error)
        }
    }
}
