//! The demo: a shop's dbt project with data, a built `main` and a pull request, in a folder of its own.

use std::path::{Path, PathBuf};

use belay_model::record::RunState;
use belay_model::{Resource, Verb, Zone};
use belay_outside::{Chapter, DbtCommand, write_history, writing_history};
use belay_warehouse::{Database, Session, Statement};
use fs_err as fs;
use include_dir::{Dir, include_dir};
use serde_json::json;

use crate::impact::scratch::Workshop;
use crate::impact::sides::run_dbt;
use crate::registry::Registered;
use crate::supervisor::Supervisor;
use crate::tools::Tools;
use crate::{Desk, FlowError};

static DEMO: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../demo");
/// The branch of the pull request.
pub const BRANCH: &str = "promotions-and-loyalty";
const DATABASE: &str = "shop.duckdb";
/// Written last: a folder without it is no finished demo.
const FINISHED: &str = ".belay/demo-is-finished";

/// What stands where the demo is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Nothing,
    FinishedDemo,
    SomethingElse,
}

pub fn look(folder: &Path) -> Result<Found, FlowError> {
    let unreadable = |source| FlowError::Unreadable { path: folder.to_owned(), source };
    if !folder.exists() {
        return Ok(Found::Nothing);
    }
    if folder.join(FINISHED).is_file() {
        return Ok(Found::FinishedDemo);
    }
    let empty = fs::read_dir(folder).map_err(unreadable)?.next().is_none();
    Ok(if empty { Found::Nothing } else { Found::SomethingElse })
}

/// Makes the shop in `folder`, which exists and is empty but for belay's own state.
pub async fn make(desk: &Desk, tools: &Tools, folder: &Path) -> Result<(), FlowError> {
    let registered = Registered::demo()?;
    let input = json!({"folder": folder.to_string_lossy()});
    let level = registered.level_in_force(None);
    let mut run = Supervisor::begin(desk, &registered, level, &input).await?;
    let made = steps(&mut run, tools, folder).await;
    match &made {
        // The shop is nobody's work to judge: it is there, or it is not.
        Ok(()) => {
            let outcome = Some("the shop is there");
            run.memory.move_run(run.run.id, RunState::Accepted, outcome, desk.now()).await?;
        }
        Err(error) => run.fail(error).await?,
    }
    made
}

async fn steps(run: &mut Supervisor<'_>, tools: &Tools, folder: &Path) -> Result<(), FlowError> {
    let driver = tools.duckdb(run.desk).await?;
    let (dbt, _, _) = tools.dbt(run.desk, "duckdb").await?;
    let (main, branch) = (main_history(), branch_history());
    let chapters: Vec<Chapter> = main.into_iter().chain(branch).collect();
    run.step("write the shop's project and its pull request", async |run| {
        let action = writing_history(folder, &chapters);
        run.perform(&action, async |permit| write_history(permit, folder, &chapters).await).await
    })
    .await?;
    let database = folder.join(DATABASE);
    run.step("fill the shop with data", async |run| {
        let session = Session::open(driver, Database::new_file(&database)).await?;
        let made = fill(run, &session).await;
        session.close().await;
        made
    })
    .await?;
    let workshop = Workshop::open(run)?;
    run.step("build main with dbt", async |run| {
        let main = workshop.path("main");
        write_tree("shop", &main)?;
        // The real database, from a copy of main: the work tree is on the pull request's branch.
        let profile = fs::read_to_string(main.join("profiles.yml"));
        let profile =
            profile.map_err(|source| FlowError::Unreadable { path: main.clone(), source })?;
        let absolute = profile.replace(DATABASE, &database.to_string_lossy());
        workshop.write("profiles/profiles.yml", &absolute)?;
        let command = DbtCommand {
            name: "build",
            verb: Verb::BuildScratch,
            resource: Resource::new(format!("demo:{}", database.display()), Zone::Scratch),
            project: main.clone(),
            profiles: workshop.path("profiles"),
            target: "analytics".to_owned(),
            artefacts: workshop.path("artefacts"),
            args: Vec::new(),
            inverse: None,
            env: Vec::new(),
        };
        let outcome = run_dbt(run, &dbt, &command).await?;
        if outcome.clean {
            return Ok(());
        }
        let message = outcome.errors.first().cloned().unwrap_or_default();
        Err(belay_outside::OutsideError::Dbt { command: "build", message, log: outcome.log }.into())
    })
    .await?;
    let done = fs::write(folder.join(FINISHED), "");
    Ok(done.map_err(belay_outside::OutsideError::io("cannot finish the demo"))?)
}

/// The files of the shop's project as `main` has them.
pub(crate) fn project() -> Vec<(PathBuf, Vec<u8>)> {
    files("shop")
}

/// The statements that fill the shop's sources.
pub(crate) fn data() -> String {
    text("data.sql")
}

async fn fill(run: &mut Supervisor<'_>, session: &Session) -> Result<(), FlowError> {
    let sql = data();
    let statements: Vec<&str> =
        sql.split(';').map(str::trim).filter(|sql| !sql.is_empty()).collect();
    for (at, sql) in statements.iter().enumerate() {
        let position = Some((at as u64 + 1, statements.len() as u64));
        run.desk.progress.detail("statements", position);
        let resource = Resource::new(format!("demo:{DATABASE}"), Zone::Scratch);
        // The number keeps equal statements apart: each is an effect of its own.
        let purpose = format!("make the shop's data ({} of {})", at + 1, statements.len());
        let statement = Statement::new(Verb::CreateScratch, resource, &purpose, (*sql).to_owned());
        run.perform(&statement.action(), async |permit| {
            session.execute(permit, statement.clone()).await
        })
        .await?;
    }
    Ok(())
}

fn main_history() -> Vec<Chapter> {
    let subject = "The shop: sources, staging, intermediate and marts";
    vec![Chapter { branch: "main".to_owned(), message: subject.to_owned(), files: files("shop") }]
}

/// One commit a folder, in the order of their names.
fn branch_history() -> Vec<Chapter> {
    let Some(pull_request) = DEMO.get_dir("pull-request") else { return Vec::new() };
    let mut folders: Vec<&Dir<'_>> = pull_request.dirs().collect();
    folders.sort_by_key(|folder| folder.path());
    let chapter = |folder: &Dir<'_>| {
        let root = folder.path().to_string_lossy().into_owned();
        let mut files = files(&root);
        files.retain(|(path, _)| path != Path::new("message.txt"));
        Chapter { branch: BRANCH.to_owned(), message: text(&format!("{root}/message.txt")), files }
    };
    folders.into_iter().map(chapter).collect()
}

/// The title and the text of the pull request.
pub fn description() -> String {
    text("pull-request/description.md")
}

fn text(path: &str) -> String {
    DEMO.get_file(path).and_then(|file| file.contents_utf8()).unwrap_or_default().to_owned()
}

/// Every file below `root`, by its path from there.
fn files(root: &str) -> Vec<(PathBuf, Vec<u8>)> {
    fn collect(dir: &Dir<'_>, root: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
        let from = |file: &include_dir::File<'_>| {
            let path = file.path().strip_prefix(root).unwrap_or(file.path()).to_owned();
            (path, file.contents().to_owned())
        };
        found.extend(dir.files().map(from));
        dir.dirs().for_each(|dir| collect(dir, root, found));
    }
    let mut found = Vec::new();
    if let Some(dir) = DEMO.get_dir(root) {
        collect(dir, Path::new(root), &mut found);
    }
    found.sort();
    found
}

fn write_tree(root: &str, folder: &Path) -> Result<(), FlowError> {
    for (path, body) in files(root) {
        let path = folder.join(path);
        let written = fs::create_dir_all(path.parent().unwrap_or(folder))
            .and_then(|()| fs::write(&path, body));
        written.map_err(belay_outside::OutsideError::io("cannot write to the scratch folder"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_carries_a_shop_and_at_least_five_commits() {
        let models = files("shop").into_iter().filter(|(path, _)| {
            path.starts_with("models") && path.extension().is_some_and(|ending| ending == "sql")
        });
        assert!(models.count() >= 15);
        let branch = branch_history();
        assert!(branch.len() >= 5);
        assert!(
            branch.iter().all(|chapter| !chapter.files.is_empty() && !chapter.message.is_empty())
        );
    }
}
