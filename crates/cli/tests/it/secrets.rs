//! What a workflow leaks, and what people write by mistake, is in no file and in no export.

use crate::home::Home;
use crate::traces::{TELLTALES, assert_clean, secrets};

/// A value that only its variable's name gives away.
const VALUE: &str = "orchard-lantern-93";

const WORKFLOW: &str = "schema: belay.workflow/1
name: leak
purpose: Print what must not be printed.
worker: leaker
steps:
  - id: leak
    class: read
    zone: dev
    target: file:data.txt
    run: [sh, leak.sh]
    inputs: [leak.sh]
    environment: [LEAK_PASSWORD]
    outputs: [left.txt]
";

const WORKER: &str = "schema: belay.worker/1
name: leaker
owner: data
purpose: Leaks.
workflows: [leak]
ceiling: L3
level: L2
tools: [script_read]
classes: [read]
evaluators: []
budget: {seconds: 60}
rollback: rollback.md
";

/// Every form that the record leaves in, beside the state folder.
fn export(home: &Home) {
    let out = |name: &str| home.work().join("out").join(name).display().to_string();
    std::fs::create_dir_all(home.work().join("out")).unwrap();
    for form in ["otlp-json", "otlp", "jsonl", "parquet"] {
        let file = out(form);
        let args = ["trace", "export", "--all", "--format", form, "--out", &file];
        drop(home.belay(&args).ends_with(0));
    }
    drop(home.belay(&["audit", "export", "--bodies", "--out", &out("audit")]).ends_with(0));
    let frozen = out("frozen");
    let args = ["eval", "freeze", "run.workflow == \"leak\"", "--out", &frozen];
    drop(home.belay(&args).ends_with(0));
    let mut shown = String::new();
    for args in [
        &["trace", "show", "last"][..],
        &["trace", "show", "last", "--format", "json"],
        &["runs", "list", "--format", "json"],
        &["runs", "show", "last", "--format", "json"],
        &["approvals", "list", "--format", "json"],
        &["approvals", "show", "last"],
        &["level", "show", "leaker", "leak"],
    ] {
        shown.push_str(&home.belay(args).stdout);
    }
    home.write("out/shown", &shown);
}

#[test]
fn what_a_failing_workflow_leaks_is_in_no_file_and_no_export() {
    let home = Home::new();
    home.git("", &["init", "--quiet"]);
    home.write("belay.toml", "[impact]\nsensitive = [\"customer_email\"]\n");
    home.write("belay/workflows/leak.yaml", WORKFLOW);
    home.write("belay/workers/leaker.yaml", WORKER);
    home.write("rollback.md", "Nothing.\n");
    let all: String = secrets().iter().map(|(_, secret)| format!("{secret}\n")).collect();
    assert!(secrets().len() >= 20);
    home.write("plain.txt", &all);
    let script = "cat plain.txt\ncat plain.txt >&2\necho \"$LEAK_PASSWORD\"\n\
                  { cat plain.txt; echo \"$LEAK_PASSWORD\"; } > left.txt\nexit ${FAIL:-3}\n";
    home.write("leak.sh", script);
    let variables = [("LEAK_PASSWORD", VALUE)];
    let belay = |args: &[&str]| home.belay_with(&variables, args);
    // Said by the command: once it fails, once it ends well and leaves a file.
    let failed = belay(&["run", "leak"]).ends_with(1);
    home.write("leak.sh", &script.replace("exit ${FAIL:-3}\n", ""));
    drop(belay(&["run", "leak"]).ends_with(0));
    let mut told = failed.stdout + &failed.stderr;
    // Said by people: in approvals, in reports by hand, in attachments, in reasons.
    for (_, secret) in secrets() {
        let reason = format!("because of {secret} and {VALUE}");
        drop(belay(&["level", "tier", "L3", "--reason", &reason]).ends_with(0));
    }
    let reason = format!("{all} and {VALUE}");
    drop(belay(&["run", "leak", "--level", "L1"]).ends_with(4));
    drop(belay(&["approve", "last", "--reason", &reason]).ends_with(0));
    told.push_str(&belay(&["runs", "resume", "last"]).ends_with(0).stdout);
    drop(belay(&["run", "leak", "--level", "L1"]).ends_with(4));
    drop(belay(&["deny", "last", "--reason", &reason]).ends_with(0));
    told.push_str(&belay(&["runs", "resume", "last"]).stderr);
    drop(belay(&["run", "leak", "--level", "L0"]).ends_with(4));
    let report = ["runs", "report", "last", "leak", "--exit", "3", "--note", &reason];
    told.push_str(&belay(&[&report[..], &["--attach", "plain.txt"]].concat()).stdout);
    drop(belay(&["runs", "cancel", "last", "--reason", &reason]));
    drop(belay(&["run", "leak"]).ends_with(0));
    drop(belay(&["review", "reject", "last", "--reason", &reason]).ends_with(0));
    export(&home);
    home.write("out/told", &told);
    assert!(assert_clean(&home.work().join(".belay")) > 10);
    assert!(assert_clean(&home.work().join("out")) > 7);
    let listed = std::process::Command::new("grep")
        .args(["-rlF", VALUE, ".belay", "out"])
        .current_dir(home.work())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "", "the variable's value is in a file");
    // The search would have found them.
    let planted = std::fs::read_to_string(home.work().join("plain.txt")).unwrap();
    assert!(TELLTALES.iter().all(|telltale| planted.contains(telltale)));
    let shown = std::fs::read_to_string(home.work().join("out/shown")).unwrap();
    assert!(shown.contains("[redacted:"), "{shown}");
    drop(home.belay(&["audit", "verify"]).ends_with(0));
}
