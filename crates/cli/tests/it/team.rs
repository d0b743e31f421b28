//! A repository with a worker and a workflow whose script writes down everything that it does, so
//! that a test sees what happened in the world and not only what the record says.

use std::time::Duration;

use serde_json::Value;

use crate::home::{Home, Ran};

/// `act.py do|undo|has|look NAME [wait|crash|stuck]`: one line in `world.log` for each thing done.
const ACT: &str = r#"
import fcntl, os, sys, time
word, name, how = sys.argv[1], sys.argv[2], (sys.argv[3:] or [""])[0]
def write(line):
    with open("world.log", "a") as log:
        log.write(line + "\n")
def lines():
    return open("world.log").read().split("\n") if os.path.exists("world.log") else []
key = os.environ.get("BELAY_IDEMPOTENCY_KEY", "by-hand")
with open("keys.log", "a") as log:
    log.write(f"{word} {name} {key}\n")
if word == "has":
    if os.path.exists("blind"):
        sys.exit(1)
    is_done = lines().count("do " + name) > lines().count("undo " + name)
    sys.exit(11 if is_done else 10)
def wait():
    # Locked for as long as this process lives.
    begun = open("begun.new", "w")
    fcntl.flock(begun, fcntl.LOCK_EX)
    os.rename("begun.new", "begun")
    while not os.path.exists("go"):
        time.sleep(0.01)
if how == "wait-before":
    wait()
write(word + " " + name)
if how == "wait-after":
    wait()
if os.path.exists("slow-" + word + "-" + name):
    wait()
if os.path.exists("broken-" + word + "-" + name):
    sys.exit(3)
"#;

/// One step of a workflow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub id: &'static str,
    pub class: &'static str,
    pub zone: &'static str,
    /// `wait-before` or `wait-after` what it writes, until the file `go` is there.
    pub how: &'static str,
    pub probe: bool,
}

pub(crate) const fn step(id: &'static str, class: &'static str, zone: &'static str) -> Step {
    Step { id, class, zone, how: "", probe: false }
}

impl Step {
    fn yaml(self) -> String {
        let Self { id, class, zone, how, probe } = self;
        let how = if how.is_empty() { String::new() } else { format!(", {how}") };
        let word = if class == "read" { "look" } else { "do" };
        let mut text = format!(
            "  - id: {id}\n    class: {class}\n    zone: {zone}\n    target: table:{id}\n    \
             run: [python3, act.py, {word}, {id}{how}]\n    inputs: [act.py]\n"
        );
        if matches!(class, "write" | "grant" | "model_logic") {
            text.push_str(&format!("    inverse:\n      run: [python3, act.py, undo, {id}]\n"));
        }
        if class == "grant" {
            text.push_str("    sensitive: true\n");
        }
        if probe {
            text.push_str(&format!(
                "    probe:\n      run: [python3, act.py, has, {id}]\n      done: [11]\n      absent: [10]\n"
            ));
        }
        text
    }
}

/// `olga` owns the worker; `ada`, `rita` and `rolf` review; `stefan` is a steward; `vera` has no say.
pub(crate) const PEOPLE: &str = r#"
[people]
tester = ["engineer"]
ada = ["engineer", "reviewer"]
rita = ["reviewer"]
rolf = ["reviewer"]
olga = ["reviewer", "steward"]
stefan = ["steward"]
vera = ["viewer"]
"#;

/// A home with the worker `hand` and its workflow `job`.
pub(crate) fn team(steps: &[Step]) -> Home {
    let home = Home::new();
    home.write("belay.toml", PEOPLE);
    home.write("act.py", ACT);
    home.write("docs/rollback.md", "# Rollback\n\n`belay rollback`\n");
    worker(&home, "L4", 600);
    workflow(&home, steps);
    home
}

pub(crate) fn worker(home: &Home, level: &str, seconds: u32) {
    home.write(
        "belay/workers/hand.yaml",
        &format!(
            "schema: belay.worker/1\nname: hand\nowner: olga\npurpose: Does what the test says.\n\
             workflows: [job]\nceiling: L4\nlevel: {level}\n\
             tools: [script_read, script_scratch, script_report, script_write, script_grant]\n\
             classes: [read, scratch, report, write, grant]\nevaluators: []\n\
             budget:\n  seconds: {seconds}\nrollback: docs/rollback.md\n"
        ),
    );
}

pub(crate) fn workflow(home: &Home, steps: &[Step]) {
    let steps: String = steps.iter().map(|step| step.yaml()).collect();
    home.write(
        "belay/workflows/job.yaml",
        &format!(
            "schema: belay.workflow/1\nname: job\npurpose: One of each.\nworker: hand\nsteps:\n{steps}"
        ),
    );
}

/// What the scripts did, in order.
pub(crate) fn world(home: &Home) -> Vec<String> {
    let text = std::fs::read_to_string(home.work().join("world.log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// What the scripts were called for and with which key, in order.
pub(crate) fn keys(home: &Home) -> Vec<String> {
    let text = std::fs::read_to_string(home.work().join("keys.log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Waits until a script of the run has made `name`.
pub(crate) fn wait_for(home: &Home, name: &str) {
    let path = home.work().join(name);
    let made = (0..6000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        path.exists()
    });
    assert!(made, "nobody made {name}");
}

pub(crate) fn show(home: &Home, run: &str) -> Value {
    home.belay(&["runs", "show", run, "--format", "json"]).ends_with(0).json()
}

/// The end of an id, as belay prints it for people.
pub(crate) fn short(id: &str) -> &str {
    id.rsplit('-').next().and_then(|end| end.get(4..)).unwrap()
}

/// The state of the run.
pub(crate) fn state(home: &Home, run: &str) -> String {
    show(home, run)["run"]["state"].as_str().unwrap().to_owned()
}

/// The open questions, newest first.
pub(crate) fn questions(home: &Home) -> Vec<Value> {
    let ran = home.belay(&["approvals", "list", "--format", "json"]).ends_with(0);
    ran.json()["approvals"].as_array().unwrap().clone()
}

/// A yes by `who` to the newest open question.
pub(crate) fn allow(home: &Home, who: &str) {
    let id = questions(home)[0]["approval"].as_str().unwrap().to_owned();
    drop(home.belay_as(who, &["approve", &id]).ends_with(0));
}

/// The id of the newest run.
pub(crate) fn newest_run(home: &Home) -> String {
    let runs = home.belay(&["runs", "list", "--format", "json"]).ends_with(0).json();
    runs["runs"][0]["run"].as_str().or_else(|| runs["runs"][0]["id"].as_str()).unwrap().to_owned()
}

/// Writes to the database behind belay's back.
pub(crate) fn behind(home: &Home, sql: &str) -> Ran {
    home.write(
        "behind.py",
        "import sqlite3, sys\ndb = sqlite3.connect('.belay/belay.db', timeout=20)\n\
         for row in db.execute(sys.argv[1]).fetchall():\n    print(*row, sep='|')\ndb.commit()\n",
    );
    home.python(&["behind.py", sql]).ends_with(0)
}
