//! `belay policy` as a team meets it: policies of its own, their examples, and the proof.

use std::process::Command;

use expect_test::{Expect, expect};

use crate::home::Home;

fn check(home: &Home, args: &[&str], expected: Expect) {
    expected.assert_eq(&home.belay(args).told(home));
}

const FREEZE: &str = r#"@id("freeze")
@why("finance is frozen")
forbid (principal is Belay::Worker, action in Belay::Action::"act.write", resource)
when { resource.name like "finance.*" };
"#;

const EXAMPLES: &str = "examples:
  - { policy: freeze, verb: write_table, zone: dev, inverse: true, resource: finance.orders, answer: deny }
  - { policy: freeze, verb: write_table, zone: dev, inverse: true, answer: permit, decided: false }
";

/// A repository with a team's policy and its examples.
fn team(policies: &str, examples: &str) -> Home {
    let home = Home::new();
    home.write("belay.toml", "");
    home.write("belay/policies/team.cedar", policies);
    home.write("belay/policies/team.examples.yaml", examples);
    home
}

/// A copy of belay's own policies in `copy`, with one change in one file.
fn copied(home: &Home, file: &str, from: &str, to: &str) {
    let _ = home.belay(&["policy", "show", "--out", "copy"]).ends_with(0);
    let path = home.work().join("copy").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_policy_that_tightens_is_checked_and_decides() {
    let home = team(FREEZE, EXAMPLES);
    check(&home, &["policy", "check"], expect![]);
    let json = home.belay(&["policy", "check", "--format", "json"]).ends_with(0).json();
    assert_eq!((&json["files"], &json["faults"]), (&1.into(), &serde_json::json!([])));
    let explain = [
        "policy", "explain", "--verb", "write_table", "--zone", "dev", "--level", "L4", "--inverse",
        "--resource", "finance.ledger",
    ];
    check(&home, &explain, expect![]);
    let ran = home.belay(&["policy", "test"]).ends_with(0);
    assert!(ran.stdout.contains("belay/policies/team.examples.yaml:2"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("examples, 0 fail\n"), "{}", ran.stdout);
}

#[test]
fn a_policy_that_takes_the_name_of_a_hard_rule_is_refused_with_its_line() {
    let permit = "\n\n@id(\"H2-production-write\")\npermit (principal, action, resource);\n";
    let home = team(&format!("{FREEZE}{permit}"), EXAMPLES);
    check(&home, &["policy", "check"], expect![]);
    let json = home.belay(&["policy", "check", "--format", "json"]).ends_with(1).json();
    assert_eq!(json["faults"][0]["code"], "policy/reserved");
    assert_eq!(json["faults"][0]["line"], 7);
    // Nothing works with such policies: not even what has nothing to do with them.
    check(&home, &["runs", "list"], expect![]);
}

#[test]
fn what_does_not_parse_or_fit_the_schema_names_file_and_line() {
    let home = team("@id(\"a\")\npermit (principal, action, resource)\nwhen { 1 = 2 };\n", EXAMPLES);
    check(&home, &["policy", "check"], expect![]);
    let colour = FREEZE.replace("resource.name like", "resource.colour like");
    let home = team(&colour, EXAMPLES);
    check(&home, &["policy", "check"], expect![]);
    let deep = FREEZE.replace("like", &format!("like {}", "(".repeat(100_000)));
    let home = team(&deep, EXAMPLES);
    check(&home, &["policy", "check"], expect![]);
}

#[test]
fn examples_that_are_missing_or_fail_are_faults() {
    let home = team(FREEZE, "examples: []\n");
    check(&home, &["policy", "check"], expect![]);
    let home = team(FREEZE, &EXAMPLES.replace("answer: deny", "answer: hold"));
    check(&home, &["policy", "check"], expect![]);
    let ran = home.belay(&["policy", "test"]).ends_with(1);
    assert!(ran.stdout.contains("FAILS"), "{}", ran.stdout);
    let json = home.belay(&["policy", "test", "--format", "json"]).ends_with(1).json();
    assert_eq!(json["failed"], 1);
}

#[test]
fn yaml_with_tabs_duplicate_or_unknown_keys_is_a_fault_with_its_line() {
    for (examples, expected) in [
        ("examples:\n\t- { policy: freeze }\n", expect![]),
        ("examples:\n  - policy: freeze\n    verb: write_table\n    verb: drop_asset\n    answer: deny\n", expect![]),
        ("examples:\n  - { policy: freeze, verb: write_table, colour: red, answer: deny }\n", expect![]),
    ] {
        let home = team(FREEZE, examples);
        let ran = home.belay(&["policy", "check"]).ends_with(1);
        expected.assert_eq(&ran.stdout);
    }
}

#[test]
fn a_made_up_request_is_explained_with_what_is_missing() {
    let home = Home::new();
    check(&home, &["policy", "explain", "--verb", "grant_privilege"], expect![]);
    let json = home
        .belay(&["policy", "explain", "--verb", "grant_privilege", "--inverse", "--format", "json"])
        .ends_with(0)
        .json();
    expect![].assert_eq(&format!("{json:#}\n"));
    let ran = home.belay(&["policy", "explain", "--verb", "fly"]).ends_with(2);
    assert!(ran.stderr.contains("expected one of read_metadata"), "{}", ran.stderr);
    assert_eq!(home.belay(&["policy", "explain"]).ends_with(2).stdout, "");
}

const CHECKED: &str = r#"name: looked
worker: looker
about: Look at a file.
steps:
  - id: look
    about: Look.
    class: read
    run: ["true"]
"#;

#[test]
fn two_sets_differ_in_the_kinds_of_request_that_they_answer_differently() {
    let home = Home::new();
    copied(&home, "ladder.cedar", "principal.level >= 3 && context.risk <= 1", "principal.level >= 2 && context.risk <= 1");
    check(&home, &["policy", "diff", "built-in", "built-in"], expect![]);
    check(&home, &["policy", "diff", "built-in", "copy"], expect![]);
    let json = home.belay(&["policy", "diff", "built-in", "copy", "--format", "json"]).ends_with(1).json();
    assert_eq!(json["changes"][0]["to"], "permit");
    assert_eq!(home.belay(&["policy", "diff", "built-in", "nowhere"]).ends_with(2).stdout, "");
}

#[test]
fn a_copy_with_a_hole_in_a_hard_rule_is_what_is_checked() {
    let home = Home::new();
    copied(&home, "hard.cedar", "principal.quarantined }", "principal.quarantined && false }");
    for args in [&["policy", "check", "copy"][..], &["policy", "check", "--policies", "copy"]] {
        let ran = home.belay(args).ends_with(1);
        assert!(ran.stdout.contains("copy/hard.examples.yaml:"), "{}", ran.stdout);
        assert!(ran.stdout.contains("example of `H8-quarantine`"), "{}", ran.stdout);
    }
}

#[test]
fn the_default_policies_are_proved() {
    let home = Home::new();
    check(&home, &["policy", "prove"], expect![]);
    let json = home.belay(&["policy", "prove", "--format", "json"]).ends_with(0).json();
    assert_eq!((&json["schema"], &json["holds"]), (&"belay.policy-proof/1".into(), &true.into()));
    assert_eq!(json["rules"].as_array().unwrap().len(), 10);
}

#[test]
fn a_team_that_permits_everything_weakens_no_hard_rule() {
    let examples = "examples:
  - { policy: all, verb: run_query, level: L0, answer: permit }
  - { policy: all, verb: edit_control, answer: deny, decided: false }
";
    let home = team("@id(\"all\") permit (principal, action, resource);\n", examples);
    let _ = home.belay(&["policy", "check"]).ends_with(0);
    let json = home.belay(&["policy", "prove", "--format", "json"]).ends_with(0).json();
    assert_eq!(json["holds"], true);
}

#[test]
fn a_planted_hole_is_answered_with_the_request_that_slips_through() {
    let home = Home::new();
    copied(&home, "hard.cedar", "when { resource.zone == Belay::Zone::\"prod\" }", "when { resource.zone == Belay::Zone::\"staging\" }");
    home.write("copy/team.cedar", "@id(\"all\") permit (principal, action, resource);\n");
    let ran = home.belay(&["policy", "prove", "copy"]).ends_with(1);
    let told = ran.stdout.split("H3-grants").next().unwrap();
    for part in ["H2-production-write        DOES NOT HOLD: this request slips through", "principal  Belay::Worker::", "zone: \"Belay::Zone::\\\"prod\\\"\"", "rollback: false", "allowed by all"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let json = home.belay(&["policy", "prove", "copy", "--format", "json"]).ends_with(1).json();
    assert_eq!(json["holds"], false);
    let found = &json["rules"][1];
    assert_eq!((&found["rule"], &found["held"]), (&"H2-production-write".into(), &"not".into()));
    assert_eq!(found["request"]["resource_attributes"]["zone"], "Belay::Zone::\"prod\"");
    assert_eq!(found["request"]["allowed_by"], serde_json::json!(["all"]));
}

#[test]
fn without_a_solver_the_command_that_installs_one_is_named() {
    let home = Home::new();
    let output = Command::new(env!("CARGO_BIN_EXE_belay"))
        .args(["policy", "prove"])
        .env_clear()
        .env("HOME", home.work())
        .env("PATH", "/nowhere")
        .current_dir(home.work())
        .output()
        .unwrap();
    expect![].assert_eq(&crate::home::Ran::of(output).told(&home));
}

#[test]
fn the_files_of_belay_are_shown_and_copied_but_nothing_is_overwritten() {
    let home = Home::new();
    check(&home, &["policy", "show", "--out", "copy"], expect![]);
    let shown = home.belay(&["policy", "show", "hard.cedar"]).ends_with(0).stdout;
    assert_eq!(shown, std::fs::read_to_string(home.work().join("copy/hard.cedar")).unwrap());
    check(&home, &["policy", "show", "--out", "copy"], expect![]);
    check(&home, &["policy", "show", "soft.cedar"], expect![]);
    check(&home, &["policy", "check", "copy"], expect![]);
}
