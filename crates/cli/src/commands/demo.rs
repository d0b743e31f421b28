//! `belay demo`: makes a shop with a pull request and reviews it, as a user would.

use std::path::{Path, PathBuf};

use belay_flow::demo::{self, Found};
use belay_flow::{impact, report};
use belay_outside::OutsideError;

use super::impact::{after, settings};
use crate::args::DemoArgs;
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn demo(args: &DemoArgs, ui: &Ui) -> Result<Outcome, Failure> {
    let folder = absolute(&args.dir)?;
    match demo::look(&folder)? {
        Found::SomethingElse => {
            let message =
                format!("`{}` holds something that is no finished demo", args.dir.display());
            return Err(
                Failure::input("demo/occupied", message).help("name another folder: --dir DIR")
            );
        }
        Found::FinishedDemo => {
            ui.note("the demo is already there: reviewing its pull request again");
        }
        Found::Nothing => make(&folder, ui).await?,
    }
    review(&folder, &args.dir, ui).await
}

/// Makes the shop beside its place and moves it there whole: whatever happens, the folder is either
/// a finished demo or not there.
async fn make(folder: &Path, ui: &Ui) -> Result<(), Failure> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let shelf = folder.parent().unwrap_or(folder);
    let io = |error| {
        Failure::from(OutsideError::io(format!("cannot make `{}`", folder.display()))(error))
    };
    fs_err::create_dir_all(shelf).map_err(io)?;
    let partial = Partial(shelf.join(format!(".{name}.partial-{}", std::process::id())));
    fs_err::create_dir_all(&partial.0).map_err(io)?;
    let mut house = House::open(&partial.0)?;
    house.config.set("state", partial.0.join(".belay").to_string_lossy().into_owned());
    let desk = house.desk(ui).await?;
    let made = demo::make(&desk, &house.tools, &partial.0).await;
    desk.progress.finish();
    desk.memory.close().await;
    made?;
    fs_err::rename(&partial.0, folder).map_err(io)
}

/// A folder that is removed unless it was moved to its place.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // Gone already when all went well.
        drop(fs_err::remove_dir_all(&self.0));
    }
}

async fn review(folder: &Path, shown: &Path, ui: &Ui) -> Result<Outcome, Failure> {
    let house = House::open(folder)?;
    let desk = house.desk(ui).await?;
    let request = impact::Request {
        folder: folder.to_owned(),
        base: None,
        head: Some(demo::BRANCH.to_owned()),
        build: true,
        everything: false,
        keep: false,
        level: None,
        database: None,
        copies: vec![(folder.join("report.html"), report::Form::Html)],
        pull_request: None,
        remarks: Vec::new(),
        settings: settings(&house)?,
    };
    let reviewed = impact::review(&desk, &house.tools, &request).await?;
    ui.result(&report::terminal(&reviewed.report))?;
    ui.note(&format!("\nthe report as a page: {}", shown.join("report.html").display()));
    ui.note(&format!("\nto go on:\n  cd {}", shown.display()));
    after(&desk, &reviewed, ui);
    Ok(Outcome::Clear)
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::input("files/unreadable", error.to_string()))
}
