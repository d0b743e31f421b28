//! Building the scope into a scratch schema, testing it there and testing the base, then comparing the
//! data. Whatever happens in between, the scratch schema goes at the end.

use std::collections::BTreeMap;
use std::path::Path;

use belay_dbt::manifest::{Kind, Node};
use belay_dbt::profile::{Derivation, DerivedProfile};
use belay_dbt::run_results::{RunOutcome, Status};
use belay_dbt::{Manifest, NodeId, RunResults};
use belay_diff::RelationName;
use belay_model::record::EffectState;
use belay_model::{Action, Resource, Verb, Zone};
use belay_outside::{DbtCommand, OutsideError};
use belay_warehouse::Statement;

use super::containment::{
    alias_statements, contained, drop_run_hooks, relation, selectors, source_aliases,
};
use super::scratch::{Claim, Workshop};
use super::sides::{self, BuildableProject};
use super::waves::{Wave, Waves, exactly_equal};
use super::{Findings, Request, Uncompared, compare, verdicts};
use crate::FlowError;
use crate::supervisor::Supervisor;
use crate::tools::Tools;
use crate::warehouse::Warehouse;

/// What came of the build.
#[derive(Debug)]
pub struct Built {
    pub schema: String,
    pub nodes: Vec<BuiltNode>,
    /// Head as it was parsed for the scratch schema: where its relations are.
    pub manifest: Manifest,
    pub seconds: f64,
    pub kept: bool,
}

/// One node of the build.
#[derive(Debug, Clone, PartialEq)]
pub struct BuiltNode {
    pub node: NodeId,
    pub status: Status,
    pub message: Option<String>,
    pub seconds: f64,
}

/// Everything that the stages of a build share.
struct Site<'a> {
    request: &'a Request,
    project: &'a BuildableProject,
    workshop: &'a Workshop,
    warehouse: Warehouse,
    claim: Claim,
}

/// Builds, tests and compares; fills in `built`, `tests`, `data` and `uncompared`.
pub(super) async fn review_data(
    run: &mut Supervisor<'_>,
    tools: &Tools,
    request: &Request,
    project: &BuildableProject,
    workshop: &Workshop,
    findings: &mut Findings,
) -> Result<(), FlowError> {
    let warehouse = tools.warehouse(run.desk, &project.local).await?;
    warehouse.dialect()?;
    let claim = Claim::of_run(run, &warehouse, &project.local);
    let site = Site { request, project, workshop, warehouse, claim };

    let scratch = parse_for_scratch(run, &site, findings).await?;
    let selection = Selection::of(findings);
    let address = &site.warehouse.address;
    contained(&site.claim, address, &scratch, &selection.all(), request.settings.run_hooks)?;
    claim_scratch(run, &site).await?;
    let outcome = in_scratch(run, &site, findings, scratch, &selection).await;
    if request.keep {
        findings.notes.push(format!("the scratch schema `{}` was kept", site.claim.prefix));
        return outcome;
    }
    let released = release(run, &site).await;
    outcome?;
    if let Err(error) = released {
        // The review is done, and the claim stays written down: the report must not be lost with it.
        let note = format!("the scratch schema could not be dropped ({error}): run `belay clean`");
        findings.notes.push(note);
    }
    Ok(())
}

/// What is built and tested: the scope without what cannot be built afresh.
struct Selection {
    build: Vec<NodeId>,
    test: Vec<NodeId>,
}

impl Selection {
    fn all(&self) -> Vec<&NodeId> {
        self.build.iter().chain(&self.test).collect()
    }

    fn of(findings: &Findings) -> Self {
        let (scope, head) = (&findings.scope, &findings.head.manifest);
        // A snapshot would be built without its history, and its readers would see that as a change:
        // they read the one of base instead.
        let buildable = |id: &&NodeId| {
            let grown = head.node(id).is_some_and(|node| node.kind == Kind::Snapshot);
            !(grown && findings.base.manifest.node(id).is_some())
        };
        let build: Vec<NodeId> = scope.selection.build.iter().filter(buildable).cloned().collect();
        let about_built = |id: &&NodeId| {
            scope.changed.contains_key(*id)
                || head.parents(id).any(|parent| build.contains(&parent.id))
                || head.parents(id).any(Node::is_ephemeral)
        };
        let test = scope.selection.test.iter().filter(about_built).cloned().collect();
        Self { build, test }
    }
}

/// Parses head once more, for the scratch schema: only so is it known where dbt would write.
async fn parse_for_scratch(
    run: &mut Supervisor<'_>,
    site: &Site<'_>,
    findings: &Findings,
) -> Result<Manifest, FlowError> {
    run.step("plan the build", async |run| {
        site.warehouse.ready(run).await?;
        let scratch = profile(site, Some(&site.claim.prefix), false);
        site.workshop.write("scratch-profiles/profiles.yml", &scratch.text)?;
        site.workshop.write("base-profiles/profiles.yml", &profile(site, None, true).text)?;
        if !site.request.settings.run_hooks {
            let sides = [&findings.head.project, &findings.base.project];
            sides.into_iter().flatten().try_for_each(|folder| drop_run_hooks(folder))?;
        }
        let command = scratch_command(site, findings, "parse", Verb::CompileProject);
        sides::run_dbt(run, &site.project.dbt, &command).await?;
        let bytes = command.artefact("manifest.json")?;
        let wrong = |source| FlowError::Manifest { side: "the scratch build".to_owned(), source };
        Manifest::parse(&bytes).map_err(wrong)
    })
    .await
}

/// The project's target in another schema, or on a database that refuses to write.
fn profile(site: &Site<'_>, schema: Option<&str>, read_only: bool) -> DerivedProfile {
    let file = site.warehouse.address.file().map(Path::to_string_lossy);
    let path = file.as_deref();
    site.project.local.target.derive(&Derivation { schema, path, read_only })
}

fn scratch_command(
    site: &Site<'_>,
    findings: &Findings,
    name: &'static str,
    verb: Verb,
) -> DbtCommand {
    let folder = findings.head.project.clone().unwrap_or_default();
    let artefacts = site.workshop.path("scratch/artefacts");
    DbtCommand {
        name,
        verb,
        resource: site.claim.resource(),
        profiles: site.workshop.path("scratch-profiles"),
        ..sides::parse(site.project, "scratch", &folder, &artefacts)
    }
}

/// Writes the claim down with its inverse, before anything is made.
async fn claim_scratch(run: &mut Supervisor<'_>, site: &Site<'_>) -> Result<(), FlowError> {
    run.step("claim a scratch schema", async |run| {
        let action = Action::new(Verb::CreateScratch, site.claim.resource())
            .with("database", site.warehouse.address.to_string())
            .undone_by(site.claim.inverse());
        run.perform(&action, async |permit| permit.admit(&action).map_err(OutsideError::from)).await
    })
    .await
}

/// Makes what the build needs beforehand: views for sources whose schema follows the target's, which
/// would otherwise point into the empty scratch.
async fn alias_sources(
    run: &mut Supervisor<'_>,
    site: &Site<'_>,
    findings: &Findings,
    scratch: &Manifest,
    selection: &Selection,
) -> Result<(), FlowError> {
    let built: Vec<RelationName> =
        selection.build.iter().filter_map(|id| relation(scratch.node(id)?)).collect();
    let mut aliases = source_aliases(&site.claim, &findings.head.manifest, scratch);
    // A source that a seed of the project fills is made by the build itself.
    aliases.retain(|(there, _)| !built.contains(there));
    if aliases.is_empty() {
        return Ok(());
    }
    run.step("make the sources visible in scratch", async |run| {
        let dialect = site.warehouse.dialect()?;
        let session = site.warehouse.open(site.warehouse.writing()).await?;
        let mut made = Ok(());
        for sql in alias_statements(&site.warehouse, dialect, &aliases) {
            let resource = site.claim.resource();
            let mut statement =
                Statement::new(Verb::CreateScratch, resource, "prepare the scratch schema", sql);
            statement.inverse = Some(site.claim.inverse());
            let action = statement.action();
            made =
                run.perform(&action, async |permit| session.execute(permit, statement).await).await;
            if made.is_err() {
                break;
            }
        }
        session.close().await;
        made
    })
    .await
}

async fn in_scratch(
    run: &mut Supervisor<'_>,
    site: &Site<'_>,
    findings: &mut Findings,
    scratch: Manifest,
    selection: &Selection,
) -> Result<(), FlowError> {
    findings.notes.extend(without_history(findings, selection));
    alias_sources(run, site, findings, &scratch, selection).await?;
    let (results, tests) = in_waves(run, site, findings, scratch, selection).await?;
    let selection = &Selection { build: Vec::new(), test: tests };
    let Some(results) = results else { return Ok(()) };
    let mut base_results = findings.base.run_results.take();
    if base_results.is_none() {
        let (results, note) = test_base(run, site, findings, selection).await?;
        findings.notes.extend(note);
        base_results = results;
    }
    findings.tests = verdicts::verdicts(
        &selection.test,
        &findings.base.manifest,
        base_results.as_ref(),
        &results,
    );
    Ok(())
}

/// Builds and compares wave by wave; fills in `built`, `data` and what was cut off. Returns dbt's
/// results, and the tests that were due.
async fn in_waves(
    run: &mut Supervisor<'_>,
    site: &Site<'_>,
    findings: &mut Findings,
    scratch: Manifest,
    selection: &Selection,
) -> Result<(Option<RunResults>, Vec<NodeId>), FlowError> {
    let at_once = site.request.everything;
    let mut waves = Waves::new(findings, &selection.build, &selection.test, at_once);
    let mut all: Option<RunResults> = None;
    let mut built = Built {
        schema: site.claim.prefix.clone(),
        nodes: Vec::new(),
        manifest: scratch,
        seconds: 0.0,
        kept: site.request.keep,
    };
    let mut nodes: Vec<BuiltNode> = Vec::new();
    while let Some(Wave { build: wave, test }) = waves.next() {
        let part = Selection { build: wave, test };
        let results = build(run, site, findings, &part, all.is_none()).await?;
        built.seconds += results.seconds;
        built.nodes = built_nodes(&part.build, &results.results);
        nodes.extend(built.nodes.iter().cloned());
        let before = findings.data.len();
        findings.built = Some(built);
        compare::review_built(run, &site.warehouse, site.request, findings).await?;
        let lost = || FlowError::Render { message: "what was built was lost".to_owned() };
        built = findings.built.take().ok_or_else(lost)?;
        let failed = built.nodes.iter().filter(|one| one.status != Status::Success);
        let compared = findings.data.get(before..).unwrap_or_default();
        waves.learn(failed.map(|one| &one.node), exactly_equal(compared));
        match &mut all {
            Some(all) => all.outcomes.extend(results.results.outcomes),
            None => all = Some(results.results),
        }
    }
    for (id, cause) in waves.skipped() {
        let message = Some(format!("`{cause}` above it was not built"));
        let why = "it was not built: skipped".to_owned();
        let has_base = findings.base.manifest.node(id).is_some();
        findings.uncompared.push(Uncompared { node: id.clone(), why, has_base });
        nodes.push(BuiltNode { node: id.clone(), status: Status::Skipped, message, seconds: 0.0 });
    }
    built.nodes = nodes;
    findings.built = Some(built);
    let tests = waves.tests();
    findings.meaning.cut_off = waves.into_cut_off();
    Ok((all, tests))
}

/// Snapshots in scope that were not built, for the reader.
fn without_history(findings: &Findings, selection: &Selection) -> Vec<String> {
    let left_out = findings.scope.selection.build.iter().filter(|id| !selection.build.contains(id));
    let note = |id: &NodeId| {
        format!(
            "the snapshot `{id}` was not built: its history cannot be, and its readers read base's"
        )
    };
    left_out.map(note).collect()
}

struct BuildResults {
    results: RunResults,
    seconds: f64,
}

async fn build(
    run: &mut Supervisor<'_>,
    site: &Site<'_>,
    findings: &Findings,
    selection: &Selection,
    is_first: bool,
) -> Result<BuildResults, FlowError> {
    let name = format!(
        "build {} nodes and run {} tests in scratch",
        selection.build.len(),
        selection.test.len()
    );
    run.step(&name, async |run| {
        let started = run.desk.now();
        let mut command = scratch_command(site, findings, "build", Verb::BuildScratch);
        command.args =
            selectors(&findings.head.manifest, selection.build.iter().chain(&selection.test));
        command.args.extend(["--defer", "--state"].map(str::to_owned));
        command.args.push(findings.base.artefacts.to_string_lossy().into_owned());
        if let Some(threads) = site.request.settings.threads {
            command.args.extend(["--threads".to_owned(), threads.to_string()]);
        }
        command.inverse = Some(site.claim.inverse());
        sides::run_dbt(run, &site.project.dbt, &command).await?;
        let bytes = command.artefact("run_results.json")?;
        let name = if is_first { "head/run_results.json" } else { "head/run_results.next.json" };
        run.keep(name, "application/json", &bytes, true).await?;
        let wrong = |source| FlowError::RunResults { side: "head".to_owned(), source };
        let results = RunResults::parse(&bytes).map_err(wrong)?;
        Ok(BuildResults { results, seconds: run.desk.now().seconds_since(started) })
    })
    .await
}

/// Runs on base, with base's own code, the tests that head ran: an old failure is not head's.
async fn test_base(
    run: &mut Supervisor<'_>,
    site: &Site<'_>,
    findings: &Findings,
    selection: &Selection,
) -> Result<(Option<RunResults>, Option<String>), FlowError> {
    let base = &findings.base.manifest;
    // A test that stores its failures would write beside base's relations.
    let runnable = |id: &&NodeId| {
        base.node(id).is_some_and(|node| {
            node.kind == Kind::Test
                && !node.config.is_on("store_failures")
                && node.config.text("store_failures_as").is_none_or(|kind| kind == "ephemeral")
        })
    };
    let tests: Vec<&NodeId> = selection.test.iter().filter(runnable).collect();
    let (Some(folder), false) = (&findings.base.project, tests.is_empty()) else {
        return Ok((None, None));
    };
    run.step(&format!("run {} tests on base", tests.len()), async |run| {
        let artefacts = site.workshop.path("base/tests");
        let command = DbtCommand {
            name: "test",
            verb: Verb::TestRelations,
            resource: Resource::new(site.warehouse.name(), Zone::Prod),
            args: selectors(base, tests.iter().copied()),
            // On a database that refuses to write: tests only read, and so must whatever runs with them.
            profiles: site.workshop.path("base-profiles"),
            env: profile(site, None, true).environment(),
            ..sides::parse(site.project, "base", folder, &artefacts)
        };
        match sides::run_dbt(run, &site.project.dbt, &command).await {
            // Base's tests tell whom a failure belongs to; the review can do without.
            Err(FlowError::Outside(OutsideError::Dbt { message, .. })) => {
                let first = message.lines().next().unwrap_or_default().to_owned();
                return Ok((None, Some(format!("base's tests could not be run: {first}"))));
            }
            ran => ran?,
        };
        let bytes = command.artefact("run_results.json")?;
        run.keep("base/run_results.json", "application/json", &bytes, true).await?;
        let wrong = |source| FlowError::RunResults { side: "base".to_owned(), source };
        Ok((Some(RunResults::parse(&bytes).map_err(wrong)?), None))
    })
    .await
}

fn built_nodes(build: &[NodeId], results: &RunResults) -> Vec<BuiltNode> {
    let outcomes: &BTreeMap<NodeId, RunOutcome> = &results.outcomes;
    build
        .iter()
        .map(|id| {
            let node = id.clone();
            let Some(outcome) = outcomes.get(id) else {
                // Silence is no success.
                let (status, message) = (Status::Skipped, Some("dbt did not run it".to_owned()));
                return BuiltNode { node, status, message, seconds: 0.0 };
            };
            let message = outcome.message.as_deref().map(str::to_owned);
            BuiltNode { node, status: outcome.status.clone(), message, seconds: outcome.seconds }
        })
        .collect()
}

async fn release(run: &mut Supervisor<'_>, site: &Site<'_>) -> Result<(), FlowError> {
    run.step_back("drop the scratch schema", async |run| {
        let dropped = site.claim.release(run, &site.warehouse).await?;
        let receipt = format!("dropped {}", dropped.join(", "));
        settle_open(run, &receipt).await
    })
    .await
}

/// Closes every effect of the run whose inverse was the drop.
pub(super) async fn settle_open(run: &Supervisor<'_>, receipt: &str) -> Result<(), FlowError> {
    for effect in run.memory.effects(run.run.id).await? {
        let open = matches!(effect.state, EffectState::Committed | EffectState::Ambiguous);
        if open && effect.inverse.is_some() {
            run.compensated(&effect, receipt).await?;
        }
    }
    Ok(())
}
