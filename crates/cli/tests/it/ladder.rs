//! One workflow at every level: what ran, what was asked, and how it ended.

use std::fmt::Write as _;

use expect_test::expect;

use crate::commands::pair;
use crate::home::Home;
use crate::team::{allow, behind, newest_run, questions, short, show, state, step, team, world};

fn one_of_each() -> Home {
    team(&[
        step("look", "read", "prod"),
        step("draft", "scratch", "scratch"),
        step("tell", "report", "dev"),
        step("dev", "write", "dev"),
        step("prod", "write", "prod"),
    ])
}

/// At L0 the test is the person: it does what the list says and reports it.
fn by_hand(home: &Home, codes: &mut Vec<String>) {
    let shown = home.belay(&["workflows", "show", "job", "--format", "json"]).ends_with(0).json();
    for step in shown["steps"].as_array().unwrap() {
        let line = step["checklist"]["type"].as_str().unwrap().replace("python3 ", "");
        drop(home.python(&line.split(' ').collect::<Vec<_>>()).ends_with(0));
        let id = step["id"].as_str().or_else(|| step["step"].as_str()).unwrap();
        let ran = home.belay(&["runs", "report", "last", id, "--exit", "0"]);
        codes.push(ran.code.to_string());
    }
}

/// What happened at one level, with a yes to whatever is asked.
fn happened(level: &str, table: &mut String) {
    let home = one_of_each();
    let mut ran = home.belay(&["run", "job", "--level", level]);
    let mut codes = vec![ran.code.to_string()];
    let mut asked = Vec::new();
    if level == "L0" {
        by_hand(&home, &mut codes);
    }
    while ran.code == 4 && level != "L0" && asked.len() < 20 {
        let open = questions(&home);
        let id = open[0]["approval"].as_str().unwrap();
        let (kind, what) = (open[0]["kind"].as_str().unwrap(), open[0]["what"].as_str().unwrap());
        asked.push(format!("{kind}: {what}, {}", open[0]["risk"].as_str().unwrap()));
        drop(home.belay_as("rita", &["approve", id]).ends_with(0));
        ran = home.belay(&["runs", "resume", "last"]);
        codes.push(ran.code.to_string());
    }
    let run = show(&home, &newest_run(&home));
    let valid = home.belay(&["trace", "check", "last"]).ends_with(0).code;
    writeln!(
        table,
        "{level}: exits {}, {} (trace check {valid})",
        codes.join(" "),
        run["run"]["state"]
    )
    .unwrap();
    writeln!(table, "  did {}", world(&home).join(", ")).unwrap();
    for question in asked {
        writeln!(table, "  asked {question}").unwrap();
    }
}

#[test]
fn one_workflow_at_every_level_does_what_the_ladder_says() {
    let mut table = String::new();
    for level in ["L0", "L1", "L2", "L3", "L4"] {
        happened(level, &mut table);
    }
    expect![[r#"
        L0: exits 4 0 0 0 0 0, "waiting_review" (trace check 0)
          did look look, do draft, do tell, do dev, do prod
        L1: exits 4 4 4 4 4 4 4 0, "waiting_review" (trace check 0)
          did look look, do draft, do tell, do dev, do prod
          asked step: step `look` (`python3 act.py look look`), R0
          asked step: step `draft` (`python3 act.py do draft`), R0
          asked step: step `tell` (`python3 act.py do tell`), R0
          asked step: step `dev` (`python3 act.py do dev`), R0
          asked action: script_write on table:dev, R1
          asked step: step `prod` (`python3 act.py do prod`), R0
          asked action: script_write on table:prod, R3
        L2: exits 4 4 0, "waiting_review" (trace check 0)
          did look look, do draft, do tell, do dev, do prod
          asked action: script_write on table:dev, R1
          asked action: script_write on table:prod, R3
        L3: exits 4 0, "waiting_review" (trace check 0)
          did look look, do draft, do tell, do dev, do prod
          asked action: script_write on table:prod, R3
        L4: exits 4 0, "waiting_review" (trace check 0)
          did look look, do draft, do tell, do dev, do prod
          asked action: script_write on table:prod, R3
    "#]]
    .assert_eq(&table);
}

#[test]
fn level_five_is_refused() {
    let home = one_of_each();
    let ran = home.belay(&["run", "job", "--level", "L5"]);
    expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[level/above-ceiling]: L5 is above the ceiling, L4
          help: the ceiling stands in the worker's file; L5 is never granted
    "#]]
    .assert_eq(&ran.told(&home));
    assert_eq!(world(&home), [""; 0]);
}

#[test]
fn at_level_zero_belay_prints_and_a_person_reports_in_order() {
    let home = one_of_each();
    let ran = home.belay(&["run", "job", "--level", "L0"]);
    let told = ran.told(&home);
    let id = newest_run(&home);
    expect![[r#"
        exit 4
        --- stdout
        [ ] look: look
            type   python3 act.py look look
            expect exit 0
        [ ] draft: draft
            type   python3 act.py do draft
            expect exit 0
        [ ] tell: tell
            type   python3 act.py do tell
            expect exit 0
        [ ] dev: dev
            type   python3 act.py do dev
            expect exit 0
            undo   python3 act.py undo dev
        [ ] prod: prod
            type   python3 act.py do prod
            expect exit 0
            undo   python3 act.py undo prod
        --- stderr
        error[run/assisted]: at L0 a person does the work: 5 of 5 steps are not reported yet
          help: do it, then `belay runs report RUN look --exit CODE`
    "#]]
    .assert_eq(&told.replace(short(&id), "RUN"));
    let ran = home.belay(&["runs", "report", "last", "prod", "--exit", "0"]).ends_with(2);
    expect![[r#"
        error[run/not-this-step]: the next step to report is `look`, not `prod`
          help: report `look` first
    "#]]
    .assert_eq(&ran.stderr);
    // An exit that the file does not expect: the step is not done, and still the next one.
    let ran = home.belay(&["runs", "report", "last", "look", "--exit", "9"]).ends_with(0);
    assert!(ran.stdout.contains("failed") && ran.stderr.contains("report"), "{ran:?}");
    let ran = home.belay_as("vera", &["runs", "report", "last", "look", "--exit", "0"]);
    assert!(ran.code == 2 && ran.stderr.contains("gate/denied"), "{ran:?}");
    assert_eq!(world(&home), [""; 0]);
    assert_eq!(state(&home, "last"), "held");
}

#[test]
fn every_ceiling_is_told_and_the_lowest_binds() {
    let home = one_of_each();
    let set = |who: &str, level: &str| {
        home.belay_as(who, &["level", "set", "hand", level, "--reason", "they asked"])
    };
    drop(set("tester", "L2").ends_with(0));
    let refused = set("tester", "L3").ends_with(2);
    expect![[r#"
        error[gate/denied]: the gate answered deny: whoever is neither steward nor admin gives no authority and erases nothing, whatever a workspace permits (authority-needs-a-role)
    "#]]
    .assert_eq(&refused.stderr);
    let own = set("olga", "L3").ends_with(2);
    expect![[r#"
        error[gate/denied]: the gate answered deny: nobody gives more authority to a worker of their own (not-for-ones-own)
    "#]].assert_eq(&own.stderr);
    let own = set("OLGA ", "L3").ends_with(2);
    assert!(own.stderr.contains("gate/denied"), "{}", own.stderr);
    drop(set("stefan", "L3").ends_with(0));
    let five = set("stefan", "L5").ends_with(2);
    expect![[r#"
        error[level/above-ceiling]: L5 is above the ceiling, L4
          help: the ceiling stands in the worker's file; L5 is never granted
    "#]]
    .assert_eq(&five.stderr);
    let why = home.belay_as("stefan", &["level", "set", "hand", "L4", "--reason", " "]);
    expect![[r#"
        error[review/no-reason]: this needs a reason
          help: say why: `--reason TEXT`
    "#]]
    .assert_eq(&why.ends_with(2).stderr);
    drop(home.belay_as("tester", &["level", "tier", "L1", "--reason", "a freeze"]).ends_with(0));
    let shown = home.belay(&["level", "show", "hand"]).ends_with(0);
    expect![[r#"
         WORKER  WORKFLOW  LEVEL          WHAT BINDS
         hand    job       L1     guided  the workspace's tier (set by tester: a freeze)

        job: the lowest binds
          L1  the workspace's tier (set by tester: a freeze)
          L3  the level that was set (set by stefan: they asked)
          L4  the worker's ceiling (worker `hand`)
          bounded production writes at L4: off
    "#]]
    .assert_eq(&shown.stdout);
    let log = behind(&home, "SELECT name, value, by, identity, reason FROM control ORDER BY at");
    expect![[r#"
        level:hand/job|L2|tester|asserted|they asked
        level:hand/job|L3|stefan|asserted|they asked
        tier|L1|tester|asserted|a freeze
    "#]]
    .assert_eq(&log.stdout);
    drop(home.belay(&["audit", "verify"]).ends_with(0));
}

#[test]
fn a_worker_in_quarantine_does_nothing_but_roll_back() {
    let home = one_of_each();
    drop(home.belay(&["run", "job", "--level", "L4"]).ends_with(4));
    allow(&home, "rita");
    drop(home.belay(&["runs", "resume", "last"]).ends_with(0));
    let run = newest_run(&home);
    let away = ["level", "quarantine", "hand", "--reason", "it looks odd"];
    drop(home.belay(&away).ends_with(0));
    let ran = home.belay(&["-q", "run", "job"]).ends_with(2);
    expect![[r#"
        error[gate/denied]: the gate answered deny: a quarantined worker does nothing but take back what it did (H8-quarantine)
    "#]].assert_eq(&ran.stderr);
    let before = world(&home);
    // 1: the scratch and the report stay, for nothing takes them back.
    drop(home.belay(&["rollback", &run]).ends_with(1));
    assert_eq!(world(&home)[before.len()..], ["undo prod", "undo dev"]);
    let back = ["level", "reinstate", "hand", "--reason", "all is well"];
    assert!(home.belay_as("olga", &back).ends_with(2).stderr.contains("gate/denied"));
    drop(home.belay_as("stefan", &back).ends_with(0));
    drop(home.belay(&["run", "job", "--level", "L4"]).ends_with(4));
}

#[test]
fn production_is_written_without_a_person_only_by_the_switch_and_a_tested_way_back() {
    let home = team(&[step("prod", "write", "prod")]);
    let run = || home.belay(&["run", "job", "--level", "L4"]);
    let switch = |who: &str, to: &str| {
        home.belay_as(who, &["level", "bounded-writes", to, "--reason", "we trust it"])
    };
    assert!(switch("rita", "on").ends_with(2).stderr.contains("gate/denied"));
    drop(switch("stefan", "on").ends_with(0));
    // The switch alone is not enough: nobody has seen the way back work.
    drop(run().ends_with(4));
    allow(&home, "rita");
    drop(home.belay(&["runs", "resume", "last"]).ends_with(0));
    drop(run().ends_with(4));
    drop(home.belay(&["runs", "cancel", "last", "--reason", "not yet"]).ends_with(0));
    let first = show(&home, "last")["run"]["run"].clone();
    let runs = home.belay(&["runs", "list", "--format", "json"]).ends_with(0).json();
    let done = &runs["runs"][1]["run"];
    assert_ne!(*done, first);
    drop(home.belay(&["rollback", done.as_str().unwrap()]).ends_with(0));
    // Now it is tested.
    drop(run().ends_with(0));
    assert_eq!(world(&home), ["do prod", "undo prod", "do prod"]);
    // At L3 it still takes a person, and without the switch at L4 too.
    drop(home.belay(&["run", "job", "--level", "L3"]).ends_with(4));
    drop(switch("tester", "off").ends_with(0));
    drop(run().ends_with(4));
    // A way back that is not exactly the one that was tested counts for nothing.
    drop(switch("stefan", "on").ends_with(0));
    let path = home.work().join("belay/workflows/job.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    home.write("belay/workflows/job.yaml", &text.replace("undo, prod]", "undo, prod, quick]"));
    drop(run().ends_with(4));
    assert_eq!(world(&home).len(), 3);
}

#[test]
fn at_a_terminal_a_guided_worker_asks_before_each_step() {
    let home = team(&[step("look", "read", "prod"), step("draft", "scratch", "scratch")]);
    let ran = home.at_a_terminal("yy", &["run", "job", "--level", "L1"]).ends_with(0);
    assert!(
        ran.stdout.contains("Begin step `look` (`python3 act.py look look`)?"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("Begin step `draft` (`python3 act.py do draft`)?"),
        "{}",
        ran.stdout
    );
    assert_eq!(world(&home), ["look look", "do draft"]);
    let ran = home.at_a_terminal("yn", &["run", "job", "--level", "L1"]).ends_with(1);
    assert!(ran.stdout.contains("approval/denied"), "{}", ran.stdout);
    assert_eq!(world(&home), ["look look", "do draft", "look look"]);
    assert_eq!(state(&home, "last"), "failed");
    drop(home.belay(&["trace", "check", "last"]).ends_with(0));
}

#[test]
fn where_nobody_sits_a_guided_step_waits_in_the_queue() {
    let home = team(&[step("look", "read", "prod")]);
    let ran = home.belay(&["run", "job", "--level", "L1"]).ends_with(4);
    let question = questions(&home)[0].clone();
    let id = question["approval"].as_str().unwrap();
    let (asked, run) = (short(id), newest_run(&home));
    let run = short(&run);
    expect![[r#"
        error[gate/held]: the gate answered hold: at L1 a person says yes to each step, and now to `look`
          help: missing: a yes to this step; `belay approvals show APPROVAL` says what would be done, `belay approve APPROVAL` says yes, then `belay runs resume RUN` goes on
    "#]].assert_eq(&ran.stderr.replace(asked, "APPROVAL").replace(run, "RUN"));
    // Guidance is no approval: whoever started the run may give it, if they may approve at all.
    let no = home.belay_as("vera", &["approve", id]).ends_with(2);
    assert!(no.stderr.contains("gate/denied"), "{}", no.stderr);
    drop(home.belay_as("ada", &["approve", id]).ends_with(0));
    drop(home.belay(&["runs", "resume", "last"]).ends_with(0));
    assert_eq!(world(&home), ["look look"]);
}

#[test]
fn a_review_of_artefacts_is_done_by_hand_at_level_zero_and_guided_at_level_one() {
    let home = Home::new();
    home.write("belay.toml", "");
    pair(&home);
    let review = |level: &str| {
        home.belay(&[
            "-q",
            "impact",
            "--base",
            "base",
            "--head",
            "head",
            "--no-build",
            "--level",
            level,
        ])
    };
    let ran = review("L0").ends_with(4);
    assert!(ran.stderr.contains("run/assisted"), "{}", ran.stderr);
    let steps: Vec<&str> = { ran.stdout.lines() }
        .filter_map(|line| line.strip_prefix("[ ] ")?.split(':').next())
        .collect();
    assert!(!steps.is_empty(), "{}", ran.stdout);
    for step in steps {
        drop(home.belay(&["runs", "report", "last", step, "--exit", "0"]).ends_with(0));
    }
    assert_eq!(state(&home, "last"), "waiting_review");

    let mut ran = review("L1");
    let mut asked = Vec::new();
    while ran.code == 4 && asked.len() < 20 {
        let open = questions(&home);
        asked.push(open[0]["what"].as_str().unwrap().to_owned());
        let id = open[0]["approval"].as_str().unwrap();
        drop(home.belay_as("rita", &["approve", id]).ends_with(0));
        ran = home.belay(&["-q", "runs", "resume", "last"]);
    }
    expect![[r#"
        exit 0
        step `find base and head`
        step `read the artefacts of base`
        step `read the artefacts of head`
        step `compare the two projects`
        step `find out what the change means`
        step `write the report`
    "#]]
    .assert_eq(&format!("exit {}\n{}\n", ran.code, asked.join("\n")));
    drop(home.belay(&["trace", "check", "last"]).ends_with(0));
}
