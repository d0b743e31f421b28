//! A finished demo, made once for all tests and copied for each.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::home::{Home, Ran};

/// Where the shop is, below the work folder.
pub(crate) const SHOP: &str = "shop";

/// Copies the finished demo into `home`. The first test to come makes it.
pub(crate) fn furnish(home: &Home) -> PathBuf {
    let shelf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo");
    std::fs::create_dir_all(&shelf).unwrap();
    let lock = File::create(shelf.join(".lock")).unwrap();
    lock.lock().unwrap();
    let made = shelf.join(stamp());
    if !made.join("first-review.json").exists() {
        let maker = Home::new();
        let ran = maker.belay(&["demo", "--dir", SHOP]).ends_with(0);
        std::fs::create_dir_all(&made).unwrap();
        copy(&maker.work().join(SHOP), &made.join(SHOP));
        let said = serde_json::json!({"stdout": ran.stdout, "stderr": ran.stderr});
        std::fs::write(made.join("first-review.json"), said.to_string()).unwrap();
    }
    drop(lock);
    let folder = home.work().join(SHOP);
    copy(&made.join(SHOP), &folder);
    folder
}

/// What the demo printed when it was made.
pub(crate) fn first_review() -> Ran {
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo").join(stamp()).join("first-review.json");
    let said: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let text = |key: &str| said[key].as_str().unwrap().to_owned();
    Ran { code: 0, stdout: text("stdout"), stderr: text("stderr") }
}

/// Another binary makes another demo.
fn stamp() -> String {
    belay_model::Digest::of(std::fs::read(env!("CARGO_BIN_EXE_belay")).unwrap()).short()
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}
