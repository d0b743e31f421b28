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
    drop(home.belay(&["policy", "show", "--out", "copy"]).ends_with(0));
    let path = home.work().join("copy").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_policy_that_tightens_is_checked_and_decides() {
    let home = team(FREEZE, EXAMPLES);
    check(
        &home,
        &["policy", "check"],
        expect![[r#"
            exit 0
            --- stdout
            32 policies hold together, 1 files of the workspace
            --- stderr
        "#]],
    );
    let json = home.belay(&["policy", "check", "--format", "json"]).ends_with(0).json();
    assert_eq!((&json["files"], &json["faults"]), (&1.into(), &serde_json::json!([])));
    let explain = [
        "policy",
        "explain",
        "--verb",
        "write_table",
        "--zone",
        "dev",
        "--level",
        "L4",
        "--inverse",
        "--resource",
        "finance.ledger",
    ];
    check(
        &home,
        &explain,
        expect![[r#"
        exit 0
        --- stdout
        answer   deny
        risk     R1: write in dev
        because  finance is frozen (freeze)
        --- stderr
    "#]],
    );
    let ran = home.belay(&["policy", "test"]).ends_with(0);
    assert!(ran.stdout.contains("belay/policies/team.examples.yaml:2"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("examples, 0 fail\n"), "{}", ran.stdout);
}

#[test]
fn a_policy_that_takes_the_name_of_a_hard_rule_is_refused_with_its_line() {
    let permit = "\n\n@id(\"H2-production-write\")\npermit (principal, action, resource);\n";
    let home = team(&format!("{FREEZE}{permit}"), EXAMPLES);
    check(
        &home,
        &["policy", "check"],
        expect![[r#"
        exit 1
        --- stdout
        belay/policies/team.cedar:7: `H2-production-write` is one of belay's own policies [policy/reserved]
        --- stderr
    "#]],
    );
    let json = home.belay(&["policy", "check", "--format", "json"]).ends_with(1).json();
    assert_eq!(json["faults"][0]["code"], "policy/reserved");
    assert_eq!(json["faults"][0]["line"], 7);
    // Nothing works with such policies: not even what has nothing to do with them.
    check(
        &home,
        &["runs", "list"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[policy/reserved]: belay/policies/team.cedar:7: `H2-production-write` is one of belay's own policies
          help: give the policy an id of its own; a forbid of belay's always wins
    "#]],
    );
}

#[test]
fn what_does_not_parse_or_fit_the_schema_names_file_and_line() {
    let home =
        team("@id(\"a\")\npermit (principal, action, resource)\nwhen { 1 = 2 };\n", EXAMPLES);
    check(
        &home,
        &["policy", "check"],
        expect![[r#"
        exit 1
        --- stdout
        belay/policies/team.cedar:3: '=' is not a valid operator in Cedar; try using '==' instead [policy/parse]
        belay/policies/team.examples.yaml:2: there is no policy `freeze` [policy/examples]
        belay/policies/team.examples.yaml:3: there is no policy `freeze` [policy/examples]
        --- stderr
    "#]],
    );
    let colour = FREEZE.replace("resource.name like", "resource.colour like");
    let home = team(&colour, EXAMPLES);
    check(
        &home,
        &["policy", "check"],
        expect![[r#"
        exit 1
        --- stdout
        belay/policies/team.cedar:4: for policy `freeze`, attribute `colour` on entity type `Belay::Asset` not found; did you mean `zone`? [policy/type]
        belay/policies/team.examples.yaml:2: example of `freeze` (write_table in dev at L4): expected deny decided by it, got deny by L3-low-risk, L4-reversible [policy/examples-fail]
        belay/policies/team.examples.yaml:3: example of `freeze` (write_table in dev at L4): expected permit not decided by it, got deny by L3-low-risk, L4-reversible [policy/examples-fail]
        --- stderr
    "#]],
    );
    let deep = FREEZE.replace("like", &format!("like {}", "(".repeat(100_000)));
    let home = team(&deep, EXAMPLES);
    check(
        &home,
        &["policy", "check"],
        expect![[r#"
        exit 1
        --- stdout
        belay/policies/team.cedar:4: more than 32 brackets inside each other [policy/parse]
        belay/policies/team.examples.yaml:2: there is no policy `freeze` [policy/examples]
        belay/policies/team.examples.yaml:3: there is no policy `freeze` [policy/examples]
        --- stderr
    "#]],
    );
}

#[test]
fn examples_that_are_missing_or_fail_are_faults() {
    let home = team(FREEZE, "examples: []\n");
    check(
        &home,
        &["policy", "check"],
        expect![[r#"
        exit 1
        --- stdout
        belay/policies/team.cedar:1: policy `freeze` has no example against it in `belay/policies/team.examples.yaml` [policy/no-examples]
        belay/policies/team.cedar:1: policy `freeze` has no example for it in `belay/policies/team.examples.yaml` [policy/no-examples]
        --- stderr
    "#]],
    );
    let home = team(FREEZE, &EXAMPLES.replace("answer: deny", "answer: hold"));
    check(
        &home,
        &["policy", "check"],
        expect![[r#"
        exit 1
        --- stdout
        belay/policies/team.examples.yaml:2: example of `freeze` (write_table in dev at L4): expected hold decided by it, got deny by freeze [policy/examples-fail]
        --- stderr
    "#]],
    );
    let ran = home.belay(&["policy", "test"]).ends_with(1);
    assert!(ran.stdout.contains("FAILS"), "{}", ran.stdout);
    let json = home.belay(&["policy", "test", "--format", "json"]).ends_with(1).json();
    assert_eq!(json["failed"], 1);
}

#[test]
fn yaml_with_tabs_duplicate_or_unknown_keys_is_a_fault_with_its_line() {
    for (examples, expected) in [
        (
            "examples:\n\t- { policy: freeze }\n",
            expect![[r#"
            belay/policies/team.examples.yaml:2: tabs disallowed within this context (block indentation) at line 2, column 2 [policy/examples]
        "#]],
        ),
        (
            "examples:\n  - policy: freeze\n    verb: write_table\n    verb: drop_asset\n    answer: deny\n",
            expect![[r#"
                belay/policies/team.examples.yaml:4: duplicate mapping key: verb at line 4, column 5 [policy/examples]
            "#]],
        ),
        (
            "examples:\n  - { policy: freeze, verb: write_table, colour: red, answer: deny }\n",
            expect![[r#"
                belay/policies/team.examples.yaml:2: unknown field `colour`, expected one of policy, verb, deed, answer, decided, zone, level, resource, worker, owner, author, person, roles, proved, approvals, stewards, expired, guided, inverse, tested, targets, sensitive, learned, tainted, rollback, bounded, quarantined, listed, over_budget at line 2, column 42 [policy/examples]
            "#]],
        ),
    ] {
        let home = team(FREEZE, examples);
        let ran = home.belay(&["policy", "check"]).ends_with(1);
        expected.assert_eq(&ran.stdout);
    }
}

#[test]
fn a_made_up_request_is_explained_with_what_is_missing() {
    let home = Home::new();
    check(
        &home,
        &["policy", "explain", "--verb", "grant_privilege"],
        expect![[r#"
        exit 0
        --- stdout
        answer   hold
        risk     R4: grant in prod, cannot be taken back
        because  whatever affects grants needs a person's approval, in every zone (H3-grants)
        because  a critical action needs two people (H5-two-people)
        missing  approval by two people, neither of them the owner
        --- stderr
    "#]],
    );
    let json = home
        .belay(&["policy", "explain", "--verb", "grant_privilege", "--inverse", "--format", "json"])
        .ends_with(0)
        .json();
    expect![[r#"
        {
          "schema": "belay.policy-explain/1",
          "answer": "hold",
          "risk": "R3",
          "risk_reasons": [
            "grant in prod"
          ],
          "determining": [
            "H3-grants"
          ],
          "reasons": [
            "whatever affects grants needs a person's approval, in every zone (H3-grants)"
          ],
          "missing": [
            "approval by one person who is not the owner"
          ]
        }
    "#]]
    .assert_eq(&format!("{json:#}\n"));
    let ran = home.belay(&["policy", "explain", "--verb", "fly"]).ends_with(2);
    assert!(ran.stderr.contains("expected one of read_metadata"), "{}", ran.stderr);
    assert_eq!(home.belay(&["policy", "explain"]).ends_with(2).stdout, "");
}

/// A home in which one command was decided on: a script that reads.
fn with_a_run() -> Home {
    let home = Home::new();
    home.write("belay.toml", "");
    home.write(
        "belay/workers/looker.yaml",
        "schema: belay.worker/1\nname: looker\nowner: data\npurpose: Looks.\nworkflows: [look]\nceiling: L2\nlevel: L2\ntools: [script_read]\nclasses: [read]\nevaluators: []\nbudget:\n  seconds: 60\nrollback: rollback.md\n",
    );
    home.write("rollback.md", "Nothing to take back.\n");
    home.write(
        "belay/workflows/look.yaml",
        "schema: belay.workflow/1\nname: look\nworker: looker\npurpose: Looks.\nsteps:\n  - id: look\n    title: Look\n    class: read\n    zone: dev\n    target: file:x\n    run: [sh, -c, 'true']\n    time_limit: 30s\n    expect: [0]\n",
    );
    home
}

#[test]
fn a_past_decision_is_explained_by_run_and_by_its_id() {
    let home = with_a_run();
    drop(home.belay(&["run", "look"]).ends_with(0));
    let of_run =
        home.belay(&["policy", "explain", "--run", "last", "--format", "json"]).ends_with(0);
    let json = of_run.json();
    let decision = &json["decisions"][0];
    assert_eq!(
        (&decision["answer"], &decision["today"]["answer"]),
        (&"permit".into(), &"permit".into())
    );
    assert_eq!(decision["reasons"][0], "supervised: reads within the budget (L2-read)");
    let id = decision["decision"].as_str().unwrap();
    let ran = home.belay(&["policy", "explain", "--decision", id]).ends_with(0);
    let short = id.split_at(28).1;
    assert!(
        ran.stdout.starts_with(&format!("{short}  permit at L2: script_read")),
        "{}",
        ran.stdout
    );
    let ran = home.belay(&["policy", "explain", "--decision", "ffffffff"]).ends_with(2);
    assert!(ran.stderr.contains("error[record/not-found]"), "{}", ran.stderr);

    // What a team forbids afterwards shows as what would be said today.
    home.write("belay/policies/team.cedar", "@id(\"no-reads\")\nforbid (principal is Belay::Worker, action == Belay::Action::\"script_read\", resource);\n");
    home.write("belay/policies/team.examples.yaml", "examples:\n  - { policy: no-reads, verb: script_read, answer: deny }\n  - { policy: no-reads, verb: run_query, answer: permit, decided: false }\n");
    let ran = home.belay(&["policy", "explain", "--decision", short]).ends_with(0);
    assert!(ran.stdout.ends_with("  today: deny by no-reads\n"), "{}", ran.stdout);
}

#[test]
fn two_sets_differ_in_the_kinds_of_request_that_they_answer_differently() {
    let home = Home::new();
    copied(
        &home,
        "ladder.cedar",
        "principal.level >= 3 && context.risk <= 1",
        "principal.level >= 2 && context.risk <= 1",
    );
    check(
        &home,
        &["policy", "diff", "built-in", "built-in"],
        expect![[r#"
        exit 0
        --- stdout
        no kind of request changes its answer
        --- stderr
    "#]],
    );
    check(
        &home,
        &["policy", "diff", "built-in", "copy"],
        expect![[r#"
        exit 1
        --- stdout
        drop_asset (bounded, tested): hold → permit
          scratch L2, dev L2
        drop_asset (guided): hold → permit
          scratch L2, dev L2
        drop_asset (learned): hold → permit
          scratch L2, dev L2
        drop_asset (nothing said): hold → permit
          scratch L2, dev L2
        drop_asset (over budget): hold → permit
          scratch L2, dev L2
        script_write (bounded, tested): hold → permit
          scratch L2, dev L2
        script_write (guided): hold → permit
          scratch L2, dev L2
        script_write (learned): hold → permit
          scratch L2, dev L2
        script_write (nothing said): hold → permit
          scratch L2, dev L2
        script_write (over budget): hold → permit
          scratch L2, dev L2
        write_table (bounded, tested): hold → permit
          scratch L2, dev L2
        write_table (guided): hold → permit
          scratch L2, dev L2
        write_table (learned): hold → permit
          scratch L2, dev L2
        write_table (nothing said): hold → permit
          scratch L2, dev L2
        write_table (over budget): hold → permit
          scratch L2, dev L2
        --- stderr
    "#]],
    );
    let json =
        home.belay(&["policy", "diff", "built-in", "copy", "--format", "json"]).ends_with(1).json();
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
    check(
        &home,
        &["policy", "prove"],
        expect![[r#"
        exit 0
        --- stdout
        H1-learned-high-risk       holds under every policy that a workspace could add (24 checks)
        H2-production-write        holds under every policy that a workspace could add (3 checks)
        H3-grants                  holds under every policy that a workspace could add (3 checks)
        H4-model-logic             holds under every policy that a workspace could add (2 checks)
        H5-two-people              holds under every policy that a workspace could add (24 checks)
        H6-scratch-stays-scratch   holds under every policy that a workspace could add (6 checks)
        H7-control                 holds under every policy that a workspace could add (1 checks)
        H8-quarantine              holds under every policy that a workspace could add (24 checks)
        H9-taint                   holds under every policy that a workspace could add (24 checks)
        H10-unlisted-tool          holds under every policy that a workspace could add (24 checks)
        --- stderr
    "#]],
    );
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
    drop(home.belay(&["policy", "check"]).ends_with(0));
    let json = home.belay(&["policy", "prove", "--format", "json"]).ends_with(0).json();
    assert_eq!(json["holds"], true);
}

#[test]
fn a_planted_hole_is_answered_with_the_request_that_slips_through() {
    let home = Home::new();
    copied(
        &home,
        "hard.cedar",
        "when { resource.zone == Belay::Zone::\"prod\" }",
        "when { resource.zone == Belay::Zone::\"staging\" }",
    );
    home.write("copy/team.cedar", "@id(\"all\") permit (principal, action, resource);\n");
    let ran = home.belay(&["policy", "prove", "copy"]).ends_with(1);
    let told = ran.stdout.split("H3-grants").next().unwrap();
    for part in [
        "H2-production-write        DOES NOT HOLD: this request slips through",
        "principal  Belay::Worker::",
        "zone: \"Belay::Zone::\\\"prod\\\"\"",
        "rollback: false",
        "allowed by all",
    ] {
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
    expect![[r#"
        exit 3
        --- stdout
        --- stderr
        error[proof/solver]: there is no cvc5: CVC5 names none, and it is neither on the PATH nor in belay's cache
          help: run `belay drivers install --cvc5`, or name a cvc5 of your own in CVC5
    "#]].assert_eq(&crate::home::Ran::of(output).told(&home));
}

#[test]
fn the_files_of_belay_are_shown_and_copied_but_nothing_is_overwritten() {
    let home = Home::new();
    check(
        &home,
        &["policy", "show", "--out", "copy"],
        expect![[r#"
        exit 0
        --- stdout
        wrote belay.cedarschema, hard.cedar, hard.examples.yaml, ladder.cedar, ladder.examples.yaml, people.cedar, people.examples.yaml into copy
        --- stderr
    "#]],
    );
    let shown = home.belay(&["policy", "show", "hard.cedar"]).ends_with(0).stdout;
    assert_eq!(shown, std::fs::read_to_string(home.work().join("copy/hard.cedar")).unwrap());
    check(
        &home,
        &["policy", "show", "--out", "copy"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[policy/exists]: there is already a `copy/belay.cedarschema`
          help: name an empty folder
    "#]],
    );
    check(
        &home,
        &["policy", "show", "soft.cedar"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[policy/no-file]: belay has no policy file `soft.cedar`
          help: there are belay.cedarschema, hard.cedar, hard.examples.yaml, ladder.cedar, ladder.examples.yaml, people.cedar, people.examples.yaml
    "#]],
    );
    check(
        &home,
        &["policy", "check", "copy"],
        expect![[r#"
            exit 0
            --- stdout
            31 policies hold together, 0 files of the workspace
            --- stderr
        "#]],
    );
}
