//! The audit as work goes on: signed and put outside by itself, erased with a reason, and true of what
//! people said.

use crate::home::{Home, Ran, python};

const WORKFLOW: &str = "schema: belay.workflow/1
name: look
purpose: Look at something.
worker: looker
steps:
  - id: look
    class: read
    zone: dev
    target: file:data.txt
    run: [sh, look.sh]
    inputs: [look.sh]
    outputs: [person.txt]
";

const WORKER: &str = "schema: belay.worker/1
name: looker
owner: data
purpose: Looks.
workflows: [look]
ceiling: L3
level: L2
tools: [script_read]
classes: [read]
evaluators: []
budget: {seconds: 60}
rollback: rollback.md
";

/// A repository with one workflow, whose step prints something and leaves a person's data.
pub(crate) fn home(configuration: &str) -> Home {
    let home = Home::new();
    home.git("", &["init", "--quiet"]);
    home.write("belay.toml", configuration);
    home.write("belay/workflows/look.yaml", WORKFLOW);
    home.write("belay/workers/looker.yaml", WORKER);
    home.write("rollback.md", "Nothing was done.\n");
    home.write("look.sh", "echo seen\necho 'Erika Mustermann, born 1964' > person.txt\n");
    home
}

pub(crate) fn run(home: &Home) -> Ran {
    home.belay(&["-q", "run", "look"]).ends_with(0)
}

/// What SQLite says to a query, a line a row.
fn sql(home: &Home, query: &str) -> String {
    let code = format!(
        "import sqlite3\nstore = sqlite3.connect('.belay/belay.db')\n\
         for row in store.execute(\"{query}\"): print(*row, sep='|')\nstore.commit()\n"
    );
    python(home, &code)
}

/// As if this many seconds had gone by since the checkpoints were signed.
fn later(home: &Home, seconds: u64) {
    let query = format!("UPDATE checkpoint SET at = at - {seconds} * 1000000000");
    assert_eq!(sql(home, &query), "");
}

#[test]
fn the_end_of_a_run_signs_what_came_since_a_minute_ago() {
    let home = home("");
    drop(run(&home));
    let signed = || sql(&home, "SELECT count(*), max(size) FROM checkpoint");
    let first = signed();
    assert!(first.starts_with("1|"), "{first}");
    assert!(home.work().join(".belay/audit-default.key").is_file());
    drop(run(&home));
    assert_eq!(signed(), first, "within the minute nothing is signed");
    later(&home, 61);
    drop(run(&home));
    assert!(signed().starts_with("2|"), "{}", signed());
    let verified = home.belay(&["audit", "verify"]).ends_with(0);
    assert!(!verified.stdout.contains("not signed yet"), "{}", verified.stdout);
    later(&home, 61);
    drop(home.belay(&["work", "--drain"]).ends_with(0));
    assert!(signed().starts_with("2|"), "nothing new is no reason to sign: {}", signed());
    drop(home.belay(&["run", "look", "--queue"]).ends_with(0));
    later(&home, 61);
    drop(home.belay(&["work", "--drain"]).ends_with(0));
    assert!(signed().starts_with("4|"), "the queue signs, and so does the worker: {}", signed());
}

#[test]
fn a_key_that_is_named_signs_and_no_other_is_made() {
    let home = home("[audit]\nkey = \"team.key\"\n");
    drop(run(&home));
    assert!(home.work().join("team.key").is_file());
    assert!(!home.work().join(".belay/audit-default.key").exists());
    drop(home.belay(&["audit", "verify"]).ends_with(0));
}

#[test]
fn anchoring_by_itself_comes_to_rest() {
    let home = home("[audit]\nanchor = \"file:outside/notes.txt\"\n");
    let notes = || {
        let text = std::fs::read_to_string(home.work().join("outside/notes.txt"));
        text.unwrap_or_default().matches("belay/default\n").count()
    };
    let anchored = || sql(&home, "SELECT count(*) FROM run WHERE workflow = 'audit-anchor'");
    drop(run(&home));
    assert_eq!((notes(), anchored().trim()), (1, "1"));
    drop(run(&home));
    assert_eq!(notes(), 1, "at most once a minute");
    later(&home, 61);
    // Nothing but commands that end no run of their own: the leaves of anchoring are no reason.
    drop(run(&home));
    assert_eq!((notes(), anchored().trim()), (2, "2"));
    for _ in 0..3 {
        later(&home, 61);
        drop(home.belay(&["-q", "work", "--drain"]).ends_with(0));
    }
    assert_eq!((notes(), anchored().trim()), (2, "2"));
    let ran = home.belay(&["audit", "verify"]).ends_with(0);
    assert!(ran.stdout.contains("2 from outside"), "{}", ran.stdout);
    // The tree is rewritten behind belay's back: nothing is put behind the note outside.
    sql(&home, "DROP TRIGGER audit_is_never_updated");
    sql(&home, "UPDATE run SET actor = 'somebody else' WHERE workflow = 'look'");
    later(&home, 61);
    let ran = home.belay(&["run", "look"]).ends_with(0);
    assert!(ran.stderr.contains("the audit was not signed: "), "{}", ran.stderr);
    assert_eq!(notes(), 2);
}

#[test]
fn a_persons_data_goes_and_everything_else_holds() {
    let home = home("[people]\ntester = [\"steward\", \"engineer\"]\n");
    drop(run(&home));
    let digest = sql(&home, "SELECT digest FROM artefact WHERE name LIKE '%person.txt'");
    let digest = digest.trim();
    let has_name = || {
        let found = std::process::Command::new("grep")
            .args(["-rl", "Mustermann", ".belay"])
            .current_dir(home.work())
            .output()
            .unwrap();
        !found.stdout.is_empty()
    };
    assert!(has_name());
    let erase = ["audit", "erase", digest, "--reason", "asked for on 4 May", "--format", "json"];
    let told = home.belay(&erase).ends_with(0).json();
    assert_eq!((&told["digest"], &told["by"]), (&digest.into(), &"tester".into()));
    assert!(!has_name(), "the name is in no file");
    let checked = home.belay(&["trace", "check", "last"]).ends_with(0);
    assert!(checked.stdout.contains("01-look/person.txt` is erased"), "{}", checked.stdout);
    let verified = home.belay(&["audit", "verify"]).ends_with(0);
    let line = format!("the body {digest} is erased; its leaf still fits");
    assert!(verified.stdout.contains(&line), "{}", verified.stdout);
    let reason = sql(&home, "SELECT name, value, reason FROM control");
    assert_eq!(reason, format!("erase:{digest}|erased|asked for on 4 May\n"));
    // An outsider's view: with rows and without.
    let key = home.belay(&["audit", "key"]).ends_with(0).stdout;
    for more in [&[][..], &["--bodies"]] {
        let export = home.belay(&[&["-q", "audit", "export"], more].concat()).ends_with(0).stdout;
        assert!(export.contains("body.erased") && !export.contains("Mustermann"));
        let outside = Home::new();
        outside.write("export.jsonl", &export);
        let args = ["audit", "verify", "export.jsonl", "--key", key.trim()];
        drop(outside.belay(&args).ends_with(0));
    }
    // Gone is gone: there is nothing to erase a second time, and the form of a digest is asked for.
    assert!(home.belay(&erase).ends_with(2).stderr.contains("record/body-missing"));
    let ran = home.belay(&["audit", "erase", "abc", "--reason", "x"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[audit/digest]"), "{}", ran.stderr);
}

#[test]
fn a_body_that_is_lost_or_came_back_is_a_fault_and_not_erased() {
    let home = home("[people]\ntester = [\"steward\", \"engineer\"]\n");
    drop(run(&home));
    let digest = sql(&home, "SELECT digest FROM artefact WHERE name LIKE '%person.txt'");
    let digest = digest.trim();
    let found = std::process::Command::new("grep")
        .args(["-rl", "Mustermann", ".belay/bodies"])
        .current_dir(home.work())
        .output()
        .unwrap();
    let body = home.work().join(String::from_utf8(found.stdout).unwrap().trim());
    let kept = std::fs::read(&body).unwrap();
    std::fs::remove_file(&body).unwrap();
    let ran = home.belay(&["audit", "verify"]).ends_with(1);
    let line = format!("the body `{digest}` of an artefact is gone, and no leaf says");
    assert!(ran.stdout.contains(&line), "{}", ran.stdout);
    let ran = home.belay(&["trace", "check", "last"]).ends_with(1);
    assert!(ran.stdout.contains("NOT VALID") && !ran.stdout.contains("is erased"));
    std::fs::write(&body, &kept).unwrap();
    drop(home.belay(&["audit", "erase", digest, "--reason", "asked for"]).ends_with(0));
    std::fs::write(&body, &kept).unwrap();
    let ran = home.belay(&["audit", "verify"]).ends_with(1);
    assert!(ran.stdout.contains("was erased, and is there all the same"), "{}", ran.stdout);
}

#[test]
fn erasing_takes_a_steward_and_a_reason() {
    let home = home("");
    drop(run(&home));
    let digest = sql(&home, "SELECT digest FROM artefact WHERE name LIKE '%person.txt'");
    let ran = home.belay(&["audit", "erase", digest.trim(), "--reason", "x"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[gate/denied]"), "{}", ran.stderr);
    let ran = home.belay(&["audit", "erase", digest.trim(), "--reason", " "]).ends_with(2);
    assert!(ran.stderr.starts_with("error["), "{}", ran.stderr);
    assert_eq!(sql(&home, "SELECT count(*) FROM control"), "0\n");
    drop(home.belay(&["audit", "verify"]).ends_with(0));
}

#[test]
fn what_people_said_cannot_be_changed_behind_belays_back() {
    let changes = [
        ("UPDATE vote SET voter = 'somebody-else'", "vote"),
        ("UPDATE vote SET roles = '[]'", "vote"),
        ("DELETE FROM vote", "vote"),
        ("UPDATE approval SET humans = 0", "approval.granted"),
        ("UPDATE control SET value = 'L4'", "control.set"),
        ("DELETE FROM control", "control.set"),
    ];
    let home = home("");
    drop(home.belay(&["run", "look", "--level", "L1"]).ends_with(4));
    drop(home.belay(&["approve", "last", "--reason", "looks fine"]).ends_with(0));
    drop(home.belay(&["level", "tier", "L2", "--reason", "careful"]).ends_with(0));
    drop(home.belay(&["audit", "verify"]).ends_with(0));
    let whole = std::fs::read(home.work().join(".belay/belay.db")).unwrap();
    for (change, kind) in changes {
        sql(&home, change);
        let ran = home.belay(&["audit", "verify"]).ends_with(1);
        assert!(ran.stdout.contains(&format!("({kind})")), "{change}: {}", ran.stdout);
        for beside in ["belay.db-wal", "belay.db-shm"] {
            drop(std::fs::remove_file(home.work().join(".belay").join(beside)));
        }
        std::fs::write(home.work().join(".belay/belay.db"), &whole).unwrap();
    }
    drop(home.belay(&["audit", "verify"]).ends_with(0));
}
