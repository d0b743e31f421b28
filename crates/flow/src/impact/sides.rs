//! The two sides of a review: a git ref, the work tree, or a folder of dbt artefacts.

use std::path::{Path, PathBuf};

use belay_dbt::profile::{Derivation, packages_install_path, vars_differ};
use belay_dbt::{Manifest, RunResults};
use belay_model::{Action, Digest, Resource, Verb, Zone};
use belay_outside::{
    Commit, Dbt, DbtCommand, DbtEvent, DbtOutcome, OutsideError, Repository, Snapshot, link_out,
};
use fs_err as fs;

use super::scratch::Workshop;
use super::{Request, compile};
use crate::FlowError;
use crate::supervisor::Supervisor;
use crate::tools::{LocalProject, Tools};

/// Where a side comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SideSource {
    Commit(Commit),
    WorkTree { branch: Option<String> },
    Artefacts(PathBuf),
}

/// One side, parsed.
#[derive(Debug)]
pub struct Side {
    pub source: SideSource,
    pub manifest: Manifest,
    pub manifest_bytes: Vec<u8>,
    pub run_results: Option<RunResults>,
    /// The dbt project's folder in a scratch tree; none for artefacts.
    pub project: Option<PathBuf>,
    /// Where this side's artefacts are.
    pub artefacts: PathBuf,
}

impl Side {
    pub fn name(&self) -> String {
        match &self.source {
            SideSource::Commit(commit) => commit.name.clone(),
            SideSource::WorkTree { branch: Some(branch) } => format!("work tree on {branch}"),
            SideSource::WorkTree { branch: None } => "work tree".to_owned(),
            SideSource::Artefacts(folder) => folder.display().to_string(),
        }
    }
}

/// What was asked, with refs resolved.
#[derive(Debug)]
pub struct Plan {
    base: SideSource,
    head: SideSource,
    repository: Option<Repository>,
    project: Option<LocalProject>,
    commits: Vec<String>,
}

/// Both sides, and the project that can be built, if one is at hand.
#[derive(Debug)]
pub struct Prepared {
    pub base: Side,
    pub head: Side,
    pub commits: Vec<String>,
    pub project: Option<BuildableProject>,
    /// What could not be compiled, for people.
    pub notes: Vec<String>,
}

/// Where and with what head is built.
#[derive(Debug, Clone)]
pub struct BuildableProject {
    pub local: LocalProject,
    pub dbt: Dbt,
    /// Folder with the profile of the real target.
    pub profiles: PathBuf,
    pub secrets: Vec<(String, String)>,
    /// What dbt finds in its environment when it may only read.
    pub reading: Vec<(String, String)>,
}

/// The folder of artefacts that `text` names, if it names one.
fn artefacts(folder: &Path, text: &str) -> Option<PathBuf> {
    let named = folder.join(text);
    [named.clone(), named.join("target")]
        .into_iter()
        .find(|path| path.join("manifest.json").is_file())
}

/// Resolves what was asked. Two folders of artefacts need nothing else.
pub async fn plan(
    run: &mut Supervisor<'_>,
    tools: &Tools,
    request: &Request,
) -> Result<Plan, FlowError> {
    run.step("find base and head", async |run| {
        let asked = |side: &Option<String>| {
            side.as_deref().and_then(|text| artefacts(&request.folder, text))
        };
        let (base, head) = (asked(&request.base), asked(&request.head));
        let reading = Action::new(Verb::ReadTree, Resource::new("tree:request", Zone::Dev))
            .with("folder", request.folder.to_string_lossy())
            .with("base", request.base.clone().unwrap_or_default())
            .with("head", request.head.clone().unwrap_or_default());
        run.perform(&reading, async |permit| {
            permit.admit(&reading).map_err(OutsideError::from)?;
            match (base, head) {
                (Some(base), Some(head)) => Ok(Plan {
                    base: SideSource::Artefacts(base),
                    head: SideSource::Artefacts(head),
                    repository: None,
                    project: None,
                    commits: Vec::new(),
                }),
                (base, head) => in_repository(tools, request, base, head).await,
            }
        })
        .await
    })
    .await
}

async fn in_repository(
    tools: &Tools,
    request: &Request,
    base: Option<PathBuf>,
    head: Option<PathBuf>,
) -> Result<Plan, FlowError> {
    let folder = fs::canonicalize(&request.folder).unwrap_or_else(|_| request.folder.clone());
    for side in [&request.base, &request.head].into_iter().flatten() {
        let path = folder.join(side);
        if path.is_dir() && artefacts(&folder, side).is_none() && side.contains(['/', '.']) {
            return Err(FlowError::NoManifest { path });
        }
    }
    let repository = Repository::around(&folder).await?;
    let root = fs::canonicalize(&repository.root).unwrap_or_else(|_| repository.root.clone());
    let project = tools.project(&folder, Some(&root))?;
    let head = match (head, &request.head) {
        (Some(folder), _) => SideSource::Artefacts(folder),
        (None, Some(reference)) => SideSource::Commit(repository.commit(reference).await?),
        (None, None) => SideSource::WorkTree { branch: repository.branch().await? },
    };
    let tip = if let SideSource::Commit(commit) = &head { commit.sha.as_str() } else { "HEAD" };
    let base = match (base, &request.base) {
        (Some(folder), _) => SideSource::Artefacts(folder),
        (None, Some(reference)) => SideSource::Commit(repository.commit(reference).await?),
        (None, None) => {
            let default =
                repository.default_branch(request.settings.default_branch.as_deref()).await?;
            SideSource::Commit(repository.merge_base(&default, tip).await?)
        }
    };
    let commits = match &base {
        SideSource::Commit(commit) => repository.subjects(&commit.sha, tip).await?,
        _ => Vec::new(),
    };
    Ok(Plan { base, head, repository: Some(repository), project: Some(project), commits })
}

/// Writes trees out where there are refs, and has dbt compile them.
pub async fn prepare(
    run: &mut Supervisor<'_>,
    tools: &Tools,
    plan: Plan,
    workshop: &Workshop,
) -> Result<Prepared, FlowError> {
    let Plan { base, head, repository, project, commits } = plan;
    let (Some(repository), Some(local)) = (repository, project) else {
        let base = read_artefacts(run, "base", base).await?;
        let head = read_artefacts(run, "head", head).await?;
        return Ok(Prepared { base, head, commits, project: None, notes: Vec::new() });
    };
    let (dbt, _, _) = tools.dbt(run.desk, &local.adapter).await?;
    let file = local.database.as_ref().and_then(belay_warehouse::Address::file);
    let database = file.map(|path| path.to_string_lossy().into_owned());
    // Compiling may ask the database, and only ask.
    let derivation =
        Derivation { path: database.as_deref(), read_only: true, ..Derivation::default() };
    let profile = local.target.derive(&derivation);
    let profiles = workshop.write("profiles/profiles.yml", &profile.text)?;
    let profiles = profiles.parent().unwrap_or(&profiles).to_owned();
    let reading = profile.environment();
    let buildable = BuildableProject { local, dbt, profiles, secrets: profile.secrets, reading };
    let sources = [("base", base), ("head", head)];
    let mut ready = Vec::new();
    for (label, source) in sources {
        ready.push(written(run, &repository, &buildable, label, source, workshop).await?);
    }
    let sides = compiled(run, &buildable, ready).await?;
    let Ok([(base, base_notes), (head, head_notes)]) = <[(Side, Vec<String>); 2]>::try_from(sides)
    else {
        return Err(FlowError::Render { message: "a review has two sides".to_owned() });
    };
    let notes = base_notes.into_iter().chain(head_notes).collect();
    let project = head.project.is_some().then_some(buildable);
    Ok(Prepared { base, head, commits, project, notes })
}

/// A side before dbt has seen it.
enum Ready {
    Read(Box<Side>),
    Tree(SideSource, compile::Tree),
}

/// Reads a side's artefacts, or writes its tree out.
async fn written(
    run: &mut Supervisor<'_>,
    repository: &Repository,
    project: &BuildableProject,
    label: &'static str,
    source: SideSource,
    workshop: &Workshop,
) -> Result<Ready, FlowError> {
    if let SideSource::Artefacts(_) = source {
        return Ok(Ready::Read(Box::new(read_artefacts(run, label, source).await?)));
    }
    let tree = workshop.path(label).join("tree");
    run.step(&format!("write {label} out to a scratch folder"), async |run| {
        let snapshot = snapshot(run, repository, &source, &workshop.path(label)).await?;
        let action = repository.materialising(&snapshot, &tree);
        run.perform(&action, async |permit| repository.materialise(permit, &snapshot, &tree).await)
            .await
    })
    .await?;
    let root = fs::canonicalize(&repository.root).unwrap_or_else(|_| repository.root.clone());
    let inside = project.local.folder.strip_prefix(&root).unwrap_or(Path::new(""));
    let folder = tree.join(inside);
    if !folder.join("dbt_project.yml").is_file() {
        return Err(FlowError::NoProject {
            path: PathBuf::from(format!("{label}:{}", inside.display())),
        });
    }
    no_link_out(label, &tree)?;
    let artefacts = workshop.path(label).join("artefacts");
    Ok(Ready::Tree(source, compile::Tree { label, root: tree, folder, artefacts }))
}

/// Has dbt compile the sides that are trees, at the same time.
async fn compiled(
    run: &mut Supervisor<'_>,
    project: &BuildableProject,
    ready: Vec<Ready>,
) -> Result<Vec<(Side, Vec<String>)>, FlowError> {
    let trees: Vec<compile::Tree> = { ready.iter() }
        .filter_map(|side| match side {
            Ready::Tree(_, tree) => Some(tree.clone()),
            Ready::Read(_) => None,
        })
        .collect();
    let labels: Vec<&str> = trees.iter().map(|tree| tree.label).collect();
    let mut made = Vec::new();
    if !trees.is_empty() {
        let name = format!("compile {} with dbt", labels.join(" and "));
        let step = run.step(&name, async |run| {
            for tree in &trees {
                packages(run, project, tree.label, &tree.folder, &tree.artefacts).await?;
                // A local package is a link that dbt has just made.
                no_link_out(tree.label, &tree.root)?;
            }
            compile::compile(run, project, &trees).await
        });
        made = step.await?;
    }
    let mut made = made.into_iter();
    let missing = || FlowError::Render { message: "dbt compiled no tree".to_owned() };
    { ready.into_iter() }
        .map(|side| match side {
            Ready::Read(side) => Ok((*side, Vec::new())),
            Ready::Tree(source, tree) => {
                let compile::Made { manifest, bytes, notes } = made.next().ok_or_else(missing)?;
                let side = Side {
                    source,
                    manifest,
                    manifest_bytes: bytes,
                    run_results: None,
                    project: Some(tree.folder),
                    artefacts: tree.artefacts,
                };
                Ok((side, notes))
            }
        })
        .collect()
}

/// Nothing is read or written through a link that leads out of the tree.
fn no_link_out(label: &str, tree: &Path) -> Result<(), FlowError> {
    let Some(link) = link_out(tree)? else { return Ok(()) };
    let link = link.strip_prefix(tree).unwrap_or(&link).to_owned();
    Err(FlowError::LinkOut { side: label.to_owned(), link })
}

async fn snapshot(
    run: &mut Supervisor<'_>,
    repository: &Repository,
    source: &SideSource,
    scratch: &Path,
) -> Result<Snapshot, FlowError> {
    if let SideSource::Commit(commit) = source {
        Ok(repository.tree_of(commit).await?)
    } else {
        let action = repository.snapshotting(scratch);
        run.perform(&action, async |permit| repository.snapshot(permit, scratch).await).await
    }
}

pub fn parse(
    project: &BuildableProject,
    label: &str,
    folder: &Path,
    artefacts: &Path,
) -> DbtCommand {
    DbtCommand {
        name: "parse",
        verb: Verb::CompileProject,
        resource: Resource::new(format!("project:{label}"), Zone::Scratch),
        project: folder.to_owned(),
        profiles: project.profiles.clone(),
        target: project.local.target.name.clone(),
        artefacts: artefacts.to_owned(),
        args: Vec::new(),
        inverse: None,
        env: project.secrets.clone(),
    }
}

/// Runs dbt and hands its progress on. When it fails, its log is moved to where it outlives the run's
/// temporary folder, and the error says where that is.
pub async fn run_dbt(
    run: &mut Supervisor<'_>,
    dbt: &Dbt,
    command: &DbtCommand,
) -> Result<DbtOutcome, FlowError> {
    let desk = run.desk;
    let event = |event: DbtEvent| desk.progress.detail(&event.message, event.position);
    let ran = run
        .perform(&command.action(), async |permit| {
            dbt.run(permit, command, &desk.stop, event).await
        })
        .await;
    match ran {
        Err(FlowError::Outside(OutsideError::Dbt { command, message, log })) => {
            let log = keep_log(run, command, &log)?;
            Err(OutsideError::Dbt { command, message, log }.into())
        }
        ran => ran,
    }
}

pub(super) fn keep_log(
    run: &Supervisor<'_>,
    command: &str,
    log: &Path,
) -> Result<PathBuf, FlowError> {
    let shelf = run.desk.memory.folder().join("logs");
    let kept = shelf.join(format!("{}-dbt-{command}.log", run.run.id.short()));
    if !log.is_file() {
        return Ok(log.to_owned());
    }
    let copied = fs::create_dir_all(&shelf).and_then(|()| fs::copy(log, &kept));
    copied.map_err(OutsideError::io("cannot keep the log of dbt"))?;
    Ok(kept)
}

/// Packages are not in git: the user's installed ones are used when the tree asks for the same, else
/// dbt installs them.
async fn packages(
    run: &mut Supervisor<'_>,
    project: &BuildableProject,
    label: &str,
    folder: &Path,
    artefacts: &Path,
) -> Result<(), FlowError> {
    const LISTS: [&str; 3] = ["packages.yml", "dependencies.yml", "package-lock.yml"];
    let installed = folder.join("dbt_packages");
    if installed.exists() || !LISTS.iter().take(2).any(|list| folder.join(list).is_file()) {
        return Ok(());
    }
    let user = &project.local.folder;
    // A lock that is not in git says nothing: dbt writes one wherever packages are installed.
    let same = |list: &&str| {
        let listed = fs::read(folder.join(list)).ok();
        let unlocked = listed.is_none() && *list == "package-lock.yml";
        unlocked || listed == fs::read(user.join(list)).ok()
    };
    if user.join("dbt_packages").is_dir() && LISTS.iter().all(same) {
        // A copy: what is done to a scratch tree must never reach the user's packages.
        return copy_tree(&user.join("dbt_packages"), &installed);
    }
    let text = fs::read_to_string(folder.join("dbt_project.yml")).unwrap_or_default();
    if let Some(folder) = packages_install_path(&text) {
        return Err(FlowError::PackagesPath { folder });
    }
    let command = DbtCommand { name: "deps", ..parse(project, label, folder, artefacts) };
    run_dbt(run, &project.dbt, &command).await?;
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), FlowError> {
    let copying = || OutsideError::io(format!("cannot copy `{}`", from.display()));
    fs::create_dir_all(to).map_err(copying())?;
    for entry in fs::read_dir(from).map_err(copying())? {
        let entry = entry.map_err(copying())?;
        let target = to.join(entry.file_name());
        // Followed, because a local package is a link.
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).map_err(copying())?;
        }
    }
    Ok(())
}

async fn read_artefacts(
    run: &mut Supervisor<'_>,
    label: &str,
    source: SideSource,
) -> Result<Side, FlowError> {
    let SideSource::Artefacts(folder) = &source else {
        return Err(FlowError::NoManifest { path: PathBuf::from(label) });
    };
    let folder = folder.clone();
    run.step(&format!("read the artefacts of {label}"), async |run| {
        let reading =
            Action::new(Verb::ReadTree, Resource::new(format!("artefacts:{label}"), Zone::Dev))
                .with("folder", folder.to_string_lossy());
        run.perform(&reading, async |permit| {
            permit.admit(&reading).map_err(OutsideError::from)?;
            let path = folder.join("manifest.json");
            let manifest_bytes = fs::read(&path)
                .map_err(|source| FlowError::Unreadable { path: path.clone(), source })?;
            let manifest = manifest(label, &manifest_bytes)?;
            let results = folder.join("run_results.json");
            let run_results =
                match fs::read(&results) {
                    Ok(bytes) => Some(RunResults::parse(&bytes).map_err(|source| {
                        FlowError::RunResults { side: label.to_owned(), source }
                    })?),
                    Err(_) => None,
                };
            let artefacts = folder.clone();
            Ok::<_, FlowError>(Side {
                source,
                manifest,
                manifest_bytes,
                run_results,
                project: None,
                artefacts,
            })
        })
        .await
    })
    .await
}

pub(super) fn manifest(label: &str, bytes: &[u8]) -> Result<Manifest, FlowError> {
    Manifest::parse(bytes).map_err(|source| FlowError::Manifest { side: label.to_owned(), source })
}

/// Whether the `vars` of the two projects differ; known only where both are at hand.
pub fn vars_changed(base: &Side, head: &Side) -> bool {
    let read =
        |side: &Side| fs::read_to_string(side.project.as_ref()?.join("dbt_project.yml")).ok();
    read(base).zip(read(head)).is_some_and(|(base, head)| vars_differ(&base, &head))
}

/// The action of comparing two manifests: reading, bound to what is read.
pub fn comparing(base: &Side, head: &Side) -> Action {
    Action::new(Verb::ReadTree, Resource::new("artefacts:both", Zone::Scratch))
        .with("base", Digest::of(&base.manifest_bytes).to_string())
        .with("head", Digest::of(&head.manifest_bytes).to_string())
}
