//! A project of the bench, made once: a repository, its data, and the built base.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use belay_dbt::manifest::{Kind, Node};
use belay_dbt::run_results::Status;
use belay_dbt::{Manifest, NodeId, RunResults};
use belay_model::record::RunState;
use belay_model::{Resource, Verb, Zone};
use belay_outside::{Chapter, DbtCommand, OutsideError, write_history, writing_history};
use belay_warehouse::{Address, Database, Session, Statement};
use fs_err as fs;
use serde_json::json;

use super::cases::Project;
use super::effect::{self, Shape};
use super::{BenchError, Request};
use crate::eval::Range;
use crate::impact::sides::run_dbt;
use crate::registry::Registered;
use crate::supervisor::Supervisor;
use crate::tools::Tools;
use crate::{Desk, FlowError};

/// The built project, and what its data come to.
#[derive(Debug)]
pub(super) struct Site {
    pub folder: PathBuf,
    /// Of the database, below the project.
    pub database: PathBuf,
    target: String,
    /// Base as it was built, and with the next day's rows; empty unless heads are measured.
    pub built: Shape,
    pub next: Shape,
    /// What base's build made.
    pub nodes: BTreeSet<String>,
    /// Model → its compiled SQL; empty unless other judges are to read it.
    pub compiled: BTreeMap<String, String>,
}

impl Site {
    pub(super) async fn make(
        range: &Range,
        tools: &Tools,
        project: &Project,
        request: &Request,
    ) -> Result<Self, FlowError> {
        let folder = range.folder.join("projects").join(&project.name);
        fs::create_dir_all(&folder).map_err(OutsideError::io("cannot make a project's folder"))?;
        let mut run = begin(&range.desk, &project.name).await?;
        let made = Self::steps(&mut run, tools, project, folder, request).await;
        end(&run, &made).await?;
        made
    }

    async fn steps(
        run: &mut Supervisor<'_>,
        tools: &Tools,
        project: &Project,
        folder: PathBuf,
        request: &Request,
    ) -> Result<Self, FlowError> {
        let files = project.files.clone().into_iter().collect();
        let chapter =
            Chapter { branch: "main".to_owned(), message: "The project".to_owned(), files };
        run.step("write the project", async |run| {
            let action = writing_history(&folder, std::slice::from_ref(&chapter));
            run.perform(&action, async |permit| {
                write_history(permit, &folder, std::slice::from_ref(&chapter)).await
            })
            .await
        })
        .await?;
        let local = tools.project(&folder, Some(&folder))?;
        let no_file = || FlowError::NoDatabase { target: local.target.name.clone() };
        let Some(Address::File(path)) = &local.database else { return Err(no_file()) };
        let database = path.strip_prefix(&folder).map_err(|_| no_file())?.to_owned();
        let target = local.target.name.clone();
        let (built, next, compiled) = (Shape::default(), Shape::default(), BTreeMap::new());
        let nodes = BTreeSet::new();
        let mut site = Self { folder, database, target, built, next, nodes, compiled };
        let folder = site.folder.clone();
        // A project without data of its own has them in seeds; the file is made all the same.
        site.fill(run, tools, &folder, project.data.as_deref().unwrap_or("select 1")).await?;
        let base = site.build(run, tools, &folder, &[]).await?;
        if let Some(message) = base.faults.first() {
            let (project, message) = (project.name.clone(), message.clone());
            return Err(BenchError::Base { project, message }.into());
        }
        site.nodes = base.nodes;
        if request.sql.is_some() {
            site.compiled = site.compile(run, tools, &folder).await?;
        }
        if !request.measure {
            return Ok(site);
        }
        site.built = effect::shape(run, tools, &site.folder.join(&site.database)).await?;
        if let Some(next) = &project.next {
            let after = site.folder.with_extension("next");
            copy(&site.folder, &after)?;
            site.fill(run, tools, &after, next).await?;
            site.build(run, tools, &after, &[]).await?;
            site.next = effect::shape(run, tools, &after.join(&site.database)).await?;
            drop(fs::remove_dir_all(&after));
        }
        Ok(site)
    }

    /// Runs statements on the database of a copy.
    pub(super) async fn fill(
        &self,
        run: &mut Supervisor<'_>,
        tools: &Tools,
        folder: &Path,
        sql: &str,
    ) -> Result<(), FlowError> {
        let driver = tools.duckdb(run.desk).await?;
        let database = Database::new_file(&folder.join(&self.database));
        run.step("fill the sources", async |run| {
            let session = Session::open(driver, database).await?;
            let mut done = Ok(());
            let statements = sql.split(';').map(str::trim).filter(|sql| !sql.is_empty());
            for (at, sql) in statements.enumerate() {
                let resource = Resource::new("bench:sources", Zone::Scratch);
                // The number keeps equal statements apart: each is an effect of its own.
                let purpose = format!("fill the sources ({})", at + 1);
                let statement =
                    Statement::new(Verb::CreateScratch, resource, &purpose, sql.to_owned());
                let action = statement.action();
                let work = run.perform(&action, async |permit| {
                    session.execute(permit, statement.clone()).await
                });
                done = work.await;
                if done.is_err() {
                    break;
                }
            }
            session.close().await;
            done
        })
        .await
    }

    fn command(&self, name: &'static str, verb: Verb, folder: &Path, args: &[&str]) -> DbtCommand {
        DbtCommand {
            name,
            verb,
            resource: Resource::new(format!("bench:{}", folder.display()), Zone::Scratch),
            project: folder.to_owned(),
            profiles: folder.to_owned(),
            target: self.target.clone(),
            artefacts: folder.with_extension("artefacts"),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            inverse: None,
            env: Vec::new(),
        }
    }

    /// Builds and tests a copy of the project as it stands in its folder.
    pub(super) async fn build(
        &self,
        run: &mut Supervisor<'_>,
        tools: &Tools,
        folder: &Path,
        args: &[&str],
    ) -> Result<Build, FlowError> {
        let (dbt, _, _) = tools.dbt(run.desk, "duckdb").await?;
        let command = self.command("build", Verb::BuildScratch, folder, args);
        let built = run
            .step("build with the project's own tests", async |run| {
                match run_dbt(run, &dbt, &command).await {
                    // It does not even parse: that, too, is how a project tells of a fault.
                    Err(FlowError::Outside(OutsideError::Dbt { message, .. })) => {
                        let first = message.lines().next().unwrap_or_default().to_owned();
                        return Ok(Build { faults: vec![first], nodes: BTreeSet::new() });
                    }
                    ran => ran?,
                };
                let bytes = command.artefact("run_results.json")?;
                let wrong = |source| FlowError::RunResults { side: "head".to_owned(), source };
                let results = RunResults::parse(&bytes).map_err(wrong)?;
                let bad = results
                    .outcomes
                    .iter()
                    .filter(|(_, outcome)| {
                        !outcome.status.is_good() && outcome.status != Status::Skipped
                    })
                    .map(|(id, outcome)| format!("{id}: {}", outcome.status.as_str()));
                let ids = results.outcomes.keys().map(NodeId::as_str);
                let with_data =
                    |id: &&str| !id.starts_with("test.") && !id.starts_with("unit_test.");
                let nodes = ids.filter(with_data).map(str::to_owned).collect();
                Ok(Build { faults: bad.collect(), nodes })
            })
            .await;
        drop(fs::remove_dir_all(&command.artefacts));
        built
    }

    /// The compiled SQL of every model of a copy, by its dbt unique id.
    pub(super) async fn compile(
        &self,
        run: &mut Supervisor<'_>,
        tools: &Tools,
        folder: &Path,
    ) -> Result<BTreeMap<String, String>, FlowError> {
        let (dbt, _, _) = tools.dbt(run.desk, "duckdb").await?;
        let command = self.command("compile", Verb::CompileProject, folder, &[]);
        let compiled = run
            .step("compile", async |run| {
                run_dbt(run, &dbt, &command).await?;
                let wrong = |source| FlowError::Manifest { side: "head".to_owned(), source };
                let manifest =
                    Manifest::parse(&command.artefact("manifest.json")?).map_err(wrong)?;
                let models = manifest.nodes().filter(|node| node.kind == Kind::Model);
                let sql = |node: &Node| {
                    Some((node.id.to_string(), node.compiled_code.as_deref()?.to_owned()))
                };
                Ok(models.filter_map(sql).collect())
            })
            .await;
        drop(fs::remove_dir_all(&command.artefacts));
        compiled
    }
}

/// How a build went: failed tests, and nodes that do not build.
#[derive(Debug)]
pub(super) struct Build {
    pub faults: Vec<String>,
    /// What has a relation: models, seeds and snapshots that were built.
    pub nodes: BTreeSet<String>,
}

/// A run of the bench's worker.
pub(super) async fn begin<'a>(desk: &'a Desk, what: &str) -> Result<Supervisor<'a>, FlowError> {
    let registered = Registered::bench()?;
    let level = registered.level_in_force(None);
    Supervisor::begin(desk, &registered, level, &json!({"project": what})).await
}

pub(super) async fn end<T>(
    run: &Supervisor<'_>,
    done: &Result<T, FlowError>,
) -> Result<(), FlowError> {
    match done {
        Ok(_) => {
            let (desk, state) = (run.desk, RunState::Accepted);
            desk.memory.move_run(run.run.id, state, Some("done"), desk.now()).await?;
            Ok(())
        }
        Err(error) => run.fail(error).await,
    }
}

/// Copies a project with its repository and its database.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), FlowError> {
    fn tree(from: &Path, to: &Path) -> std::io::Result<()> {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                tree(&entry.path(), &target)?;
            } else {
                fs::copy(entry.path(), &target)?;
            }
        }
        Ok(())
    }
    Ok(tree(from, to).map_err(OutsideError::io("cannot copy a project"))?)
}

/// Brings a copy of the project to another state of its files.
pub(super) fn rewrite(
    folder: &Path,
    base: &BTreeMap<PathBuf, Vec<u8>>,
    head: &BTreeMap<PathBuf, Vec<u8>>,
) -> Result<(), FlowError> {
    let failed = || OutsideError::io("cannot write a pull request");
    for gone in base.keys().filter(|path| !head.contains_key(*path)) {
        fs::remove_file(folder.join(gone)).map_err(failed())?;
    }
    for (path, body) in head.iter().filter(|(path, body)| base.get(*path) != Some(*body)) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))
            .and_then(|()| fs::write(&path, body))
            .map_err(failed())?;
    }
    Ok(())
}
