//! One workflow at every level: what ran, what was asked, and how it ended.

use std::fmt::Write as _;

use expect_test::expect;

use crate::home::Home;
use crate::team::{newest_run, questions, show, step, team, world};

fn one_of_each() -> Home {
    team(&[
        step("look", "read", "prod"),
        step("draft", "scratch", "scratch"),
        step("tell", "report", "dev"),
        step("dev", "write", "dev"),
        step("prod", "write", "prod"),
    ])
}

/// What happened at one level, with a yes to whatever is asked.
fn happened(level: &str, table: &mut String) {
    let home = one_of_each();
    let mut ran = home.belay(&["run", "job", "--level", level]);
    let mut codes = vec![ran.code.to_string()];
    let mut asked = Vec::new();
    for _ in 0..9 {
        if ran.code != 4 || level == "L0" {
            break;
        }
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
        L0: exits 4, "held" (trace check 0)
          did 
        L1: exits 4 4 4 4 4 4 4 0, "waiting_review" (trace check 0)
          did look look, do draft, do tell, do dev, do prod
          asked step: step `look`, R0
          asked step: step `draft`, R0
          asked step: step `tell`, R0
          asked step: step `dev`, R0
          asked action: script_write on table:dev, R1
          asked step: step `prod`, R0
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
