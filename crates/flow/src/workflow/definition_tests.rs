use std::time::Duration;

use belay_model::{Class, Explain as _, Level, Verb, Zone};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Command, Workflow};
use crate::workflow::checklist::{quoted, shell_line};

const FULL: &str = r#"schema: belay.workflow/1
name: w
purpose: Does it.
worker: hand
level: L3
tainted: true
steps:
  - id: look
    class: read
    zone: prod
    target: database:x
    run: [psql, -c, "select 'a b'"]
    targets: 1
  - id: revoke
    title: Take a role away
    class: grant
    zone: prod
    target: role:x
    targets: 2
    sensitive: true
    run: [./revoke.sh, "a b"]
    folder: scripts
    environment: [PGPASSWORD, PGHOST]
    time_limit: 2m
    expect: [0, 3]
    inputs: [scripts/*.sh]
    outputs: [out/log.txt]
    inverse:
      run: [./grant.sh]
    probe:
      run: [./has.sh]
      environment: []
      time_limit: 10s
      done: [11]
      absent: [10]
"#;

fn faults(text: &str, expected: Expect) {
    let faults = Workflow::parse("belay/workflows/w.yaml", text).unwrap_err();
    assert_eq!(faults.code(), "workflow/invalid");
    let lines: Vec<String> =
        faults.0.iter().map(|fault| format!("{}: {}\n", fault.line, fault.what)).collect();
    expected.assert_eq(&lines.concat());
}

fn with(from: &str, to: &str) -> String {
    assert!(FULL.contains(from), "{from}");
    FULL.replacen(from, to, 1)
}

#[test]
fn every_key_is_read() {
    let workflow = Workflow::parse("belay/workflows/w.yaml", FULL).unwrap();
    assert_eq!((workflow.level, workflow.tainted), (Some(Level::L3), true));
    let look = workflow.step("look").unwrap();
    assert_eq!((look.title.as_str(), look.targets, look.line), ("look", 1, 8));
    assert_eq!(look.command.time_limit, super::TIME_LIMIT);
    let revoke = workflow.step("revoke").unwrap();
    assert_eq!((revoke.class, revoke.zone, revoke.targets), (Class::Grant, Zone::Prod, 2));
    assert_eq!(revoke.verb(), Some(Verb::ScriptGrant));
    assert_eq!(revoke.command.environment, ["PGHOST", "PGPASSWORD"]);
    let inverse = revoke.inverse.as_ref().unwrap();
    assert_eq!((inverse.folder.as_str(), inverse.time_limit), ("scripts", Duration::from_mins(2)));
    assert_eq!((inverse.environment.len(), inverse.expect.as_slice()), (2, [0].as_slice()));
    let probe = revoke.probe.as_ref().unwrap();
    assert_eq!(
        (probe.done.as_slice(), probe.absent.as_slice()),
        ([11].as_slice(), [10].as_slice())
    );
    assert_eq!(probe.command.environment, [""; 0]);
    let bound = ["scripts/*.sh", "scripts/grant.sh", "scripts/has.sh", "scripts/revoke.sh"];
    assert_eq!(revoke.bound_files(), bound);
}

#[test]
fn all_faults_of_a_file_are_told_at_once_with_their_lines() {
    faults(
        r#"schema: belay.workflow/2
name: other
worker: A B
level: L5
colour: red
steps:
  - id: one
    class: control
    zone: moon
    target: ""
    run: []
    time_limit: 2 days
    targets: 0
    sensitive: maybe
  - id: two
    class: write
    zone: prod
    target: x
    run: [/bin/sh]
    folder: ../x
    inputs: [/etc/passwd, "a[", .git/config]
    environment: [BELAY_RUN, "a b"]
    expect: [256]
  - id: two
    class: scratch
    zone: dev
    target: x
    target: y
    run: true
    targets: 1
"#,
        expect![[r#"
            1: `purpose` is missing
            1: `schema` is `belay.workflow/2`, expected `belay.workflow/1`
            2: `name` is `other`, but the file is `w`
            3: `worker` is `A B`, expected lower-case letters, digits, `-` and `_`, at most 63, not beginning with a mark
            4: `level` is L5; no ceiling is above L4
            5: unknown key `colour`; known: schema, name, purpose, worker, level, tainted, steps
            8: no step of a workflow edits control
            9: unknown zone `moon`; known: scratch, dev, staging, prod
            10: `target` is empty
            11: `run` names no program
            12: unknown time_limit `2 days`; known: `90s`, `10m`, `2h`, at most a day
            13: `targets` is a number, expected a whole number, 1 to 1000000
            14: `sensitive` is text, expected true or false
            15: step `two` changes what others see: say how to take it back (`inverse`), or why nothing can (`irreversible`)
            19: `/bin/sh` is absolute; use a name on PATH, or a path in the folder
            20: `folder`: `../x` leads up; paths are under the repository's root
            21: `inputs`: `.git/config` is not the workflow's to name
            21: `inputs`: `/etc/passwd` is absolute; paths are under the repository's root
            21: `inputs`: `a[` is no pattern: invalid range pattern
            22: `environment`: `a b` is no name of a variable
            22: `environment`: belay itself sets `BELAY_RUN`
            23: `expect` is a number, expected whole numbers, 0 to 255
            23: `expect` names no exit code
            24: step `two` is there already, on line 15
            26: step `two` is of class scratch: its zone must be `scratch`
            28: `target` is given twice
            29: `run` is true or false, expected a list
            29: `run` names no program
        "#]],
    );
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    faults(
        "schema: x\nsteps:\n\t- id: a\n  \t- id: b\n",
        expect![[r#"
            3: a tab in the indentation: use spaces
            4: a tab in the indentation: use spaces
        "#]],
    );
    faults(
        "- a\n",
        expect![[r#"
        1: the document is a list, expected a mapping
    "#]],
    );
    for broken in ["", "a: [", "a: b: c", "a: *x", "? [a]\n: b", "a: 1.5", "---\na: 1\n---\nb: 2\n"]
    {
        assert!(Workflow::parse("w.yaml", broken).is_err(), "{broken}");
    }
}

#[test]
fn keys_that_contradict_one_another_are_faults() {
    faults(
        &with("    inverse:\n", "    irreversible: no way back\n    inverse:\n"),
        expect![[r#"
            28: step `revoke` has an inverse and says that it has none
        "#]],
    );
    faults(
        &with("absent: [10]", "absent: [11]"),
        expect![[r#"
            31: the probe's exit 11 means both done and absent
        "#]],
    );
    faults(
        &with("      absent: [10]\n", ""),
        expect![[r#"
            31: `absent` is missing in the probe
        "#]],
    );
    faults(
        &with("targets: 1", "irreversible: it reads"),
        expect![[r#"
        13: step `look` only reads: there is nothing to take back
    "#]],
    );
}

#[test]
fn a_step_that_cannot_be_taken_back_may_say_why() {
    let text = with("    inverse:\n      run: [./grant.sh]\n", "    irreversible: mail is out\n");
    let workflow = Workflow::parse("w.yaml", &text).unwrap();
    assert_eq!(workflow.steps[1].irreversible.as_deref(), Some("mail is out"));
}

#[test]
fn text_that_a_terminal_would_hide_is_refused() {
    for hidden in ["\\e[2K", "\\u202e", "\\u200b", "\\r", "\\0"] {
        let text = with("title: Take a role away", &format!("title: \"x{hidden}y\""));
        let faults = Workflow::parse("w.yaml", &text).unwrap_err();
        assert!(faults.to_string().contains("a terminal hides"), "{faults}");
    }
}

#[test]
fn the_checklist_is_what_a_person_types() {
    let workflow = Workflow::parse("w.yaml", FULL).unwrap();
    let lists: Vec<String> =
        workflow.steps.iter().map(|step| step.checklist().to_string()).collect();
    expect![[r#"
        [ ] look: look
            type   psql -c 'select '\''a b'\'''
            expect exit 0
        [ ] revoke: Take a role away
            needs  PGHOST, PGPASSWORD
            type   (cd ./scripts && ./revoke.sh 'a b')
            expect exit 0 or 3
            leaves out/log.txt
            check  (cd ./scripts && ./has.sh)  (exit 11: done; exit 10: not done)
            undo   (cd ./scripts && ./grant.sh)
    "#]]
    .assert_eq(&lists.concat());
}

fn command(args: Vec<String>) -> Command {
    Command {
        args,
        folder: ".".to_owned(),
        environment: vec!["A".to_owned()],
        time_limit: Duration::from_secs(7),
        expect: vec![0, 2],
    }
}

#[test]
fn a_real_shell_reads_back_the_arguments() {
    let nasty =
        ["", "a b", "'", "\"$HOME\"", "`id`", "a\nb", "~", "*", "=x", "A=b", "-n", "é;|&<>#!\\"];
    let mut args = vec!["printf".to_owned(), "%s\\0".to_owned()];
    args.extend(nasty.map(str::to_owned));
    let line = shell_line(&command(args));
    let said = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.split_terminator('\0').collect::<Vec<_>>(), nasty);
}

proptest! {
    #[test]
    fn a_recorded_command_reads_back(args in prop::collection::vec(".*", 1..5)) {
        let command = command(args);
        prop_assert_eq!(Command::from_json(&command.to_json()), Some(command));
    }

    #[test]
    fn no_text_makes_the_reader_fail_otherwise_than_with_a_fault(text in "[a-z:\\-\\[\\]{}&*!|> \n\t\"']{0,80}") {
        prop_assert!(Workflow::parse("w.yaml", &text).is_err());
    }

    #[test]
    fn quoting_leaves_no_letter_that_a_shell_acts_on(word in ".*") {
        let quoted = quoted(&word);
        let plain = quoted.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./:,@+".contains(letter));
        prop_assert!(plain || (quoted.starts_with('\'') && quoted.ends_with('\'')));
    }
}
