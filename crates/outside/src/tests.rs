//! The outside, tried on real processes, real git and a dbt of a few lines of shell.

mod dbt;
mod files;
mod git;
mod history;
mod process;
mod script;
mod setup;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use belay_gate::{Circumstances, Gate, Permit, Worker};
use belay_model::{Action, Digest, Level, Timestamp};
use fs_err as fs;
use tempfile::TempDir;

/// A permit as a worker at L2 gets it, for exactly this action.
fn permit(action: &Action) -> Permit {
    static GATE: LazyLock<Gate> = LazyLock::new(|| Gate::built_in().unwrap());
    let worker = Worker {
        name: "dbt-impact".to_owned(),
        owner: "data-team".to_owned(),
        level: Level::L2,
        quarantined: false,
        tools: belay_model::Verb::ALL.to_vec(),
    };
    let circumstances = Circumstances {
        learned: false,
        tainted: false,
        rollback: false,
        bounded: false,
        inverse_tested: false,
        guided: false,
        spent_seconds: 0,
        budget_seconds: 60,
        approval: None,
        now: Timestamp::from_nanos(0),
    };
    GATE.decide(&worker, action, circumstances).permit().unwrap()
}

fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Every file under `folder` with what is in it, and links with where they lead.
fn listing(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let what = fs::symlink_metadata(&path).unwrap();
            let inside = path.strip_prefix(folder).unwrap().to_owned();
            if what.is_dir() {
                found.insert(inside, "folder".to_owned());
                open.push(path);
            } else if what.is_symlink() {
                found
                    .insert(inside, format!("link to {}", fs::read_link(&path).unwrap().display()));
            } else {
                found.insert(inside, Digest::of(fs::read(&path).unwrap()).to_string());
            }
        }
    }
    found
}

/// The names of the files under `folder`, without folders.
fn names(folder: &Path) -> Vec<String> {
    let files = listing(folder).into_iter().filter(|(_, what)| what != "folder");
    files.map(|(path, _)| path.to_string_lossy().into_owned()).collect()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
