//! Workers and workflows of a repository, and the guard beside a command.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};

use crate::home::{Home, Ran};

fn check(home: &Home, args: &[&str], expected: Expect) {
    expected.assert_eq(&home.belay(args).told(home));
}

/// A home that holds one of the examples, as it is in a fresh clone.
fn example(name: &str) -> Home {
    let home = Home::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    let mut git = Command::new("git");
    git.args(["ls-files", "-co", "--exclude-standard"]).current_dir(&root);
    let listed = git.output().unwrap();
    for path in String::from_utf8(listed.stdout).unwrap().lines() {
        home.write(path, &std::fs::read_to_string(root.join(path)).unwrap());
    }
    home
}

#[test]
fn a_step_is_shown_as_a_person_does_it_by_hand() {
    let home = example("role-audit");
    check(
        &home,
        &["workflows", "show", "role-audit"],
        expect![[r#"
            exit 0
            --- stdout
            role-audit: Compare the roles in the database with those that were agreed on; revoke the one too many.
            worker role-steward; belay/workflows/role-audit.yaml, b4b2caf9663d

            [ ] audit: List roles that nobody agreed on
                type   python3 scripts/roles.py audit --sql sql/audit.sql
                expect exit 0
                class  read on database:roles.db in prod

            [ ] revoke: Take `finance_admin` away from `contractor`
                type   python3 scripts/roles.py revoke --role finance_admin --member contractor
                expect exit 0
                check  python3 scripts/roles.py has --role finance_admin --member contractor  (exit 11: done; exit 10: not done)
                undo   python3 scripts/roles.py grant --role finance_admin --member contractor
                class  grant on role:finance_admin in prod, sensitive

            [ ] confirm: Look whether anything is left over
                type   python3 scripts/roles.py audit --sql sql/audit.sql --must-be-clean
                expect exit 0
                class  read on database:roles.db in prod
            --- stderr
        "#]],
    );
    let shown = home.belay(&["workflows", "show", "role-audit", "--format", "json"]).ends_with(0);
    let shown = shown.json();
    assert_eq!(shown["schema"], "belay.workflow-shown/1");
    assert_eq!(shown["steps"][1]["inverse"]["run"][2], "grant");
    assert_eq!(shown["steps"][1]["probe"]["done"][0], 11);
}

#[test]
fn workers_and_workflows_are_listed_and_checked() {
    let home = example("deck");
    check(
        &home,
        &["workers", "list"],
        expect![[r#"
            exit 0
            --- stdout
             WORKER        OWNER                    LEVEL  CEILING  WORKFLOWS       FROM
             audit         whoever-keeps-the-store  L2     L2       audit-anchor    built in
             dbt-impact    data-team                L2     L3       dbt-pr-impact   built in
             deck-builder  analytics                L2     L4       deck            repository
             demo          whoever-runs-the-demo    L2     L2       demo            built in
             evaluator     data-team                L2     L2       evaluate        built in
             publisher     data-team                L2     L2       publish-report  built in
            --- stderr
        "#]],
    );
    check(
        &home,
        &["workers", "show", "deck-builder"],
        expect![[r#"
            exit 0
            --- stdout
            deck-builder: Makes a deck of slides from the figures of a query.

            owner       analytics
            level       L2, ceiling L4
            workflows   deck
            tools       script_read, script_report
            classes     read, report
            evaluators  none
            budget      300 s
            from        belay/workers/deck-builder.yaml
            digest      ee83cc09df16

            rollback    docs/rollback.md
            --- stderr
        "#]],
    );
    check(
        &home,
        &["workflows", "list"],
        expect![[r#"
        exit 0
        --- stdout
         WORKFLOW  WORKER        STEPS  GRAVEST  PURPOSE
         deck      deck-builder  2      report   Revenue by month and region, as a deck for the Monday meeting.
        --- stderr
    "#]],
    );
    check(
        &home,
        &["workflows", "check"],
        expect![[r#"
            exit 0
            --- stdout
            6 workers and 1 workflow: no fault
            --- stderr
        "#]],
    );
    let workers = home.belay(&["workers", "list", "--format", "json"]).ends_with(0).json();
    assert_eq!(workers["schema"], "belay.workers/1");
    assert_eq!(workers["workers"][2]["worker"], "deck-builder");
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let home = Home::new();
    check(
        &home,
        &["workers", "show", "nobody"],
        expect![[r#"
            exit 2
            --- stdout
            --- stderr
            error[worker/unknown]: there is no worker `nobody`
              help: the workers are: audit, dbt-impact, demo, evaluator, publisher
        "#]],
    );
    check(
        &home,
        &["workflows", "show", "nothing"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[workflow/unknown]: there is no workflow `nothing`
          help: write it in belay/workflows
    "#]],
    );
    check(
        &home,
        &["workflows", "list"],
        expect![[r#"
        exit 0
        --- stdout
        --- stderr
        no workflows yet: write one in belay/workflows
    "#]],
    );
}

#[test]
fn every_fault_of_every_file_is_told_with_its_line() {
    let home = example("deck");
    home.write(
        "belay/workflows/bad.yaml",
        "schema: belay.workflow/1\nname: bad\nsteps:\n\t- id: x\n",
    );
    home.write(
        "belay/workers/bad.yaml",
        "schema: belay.worker/1\nname: bad\nname: bad\ntools: [fly]\n",
    );
    check(
        &home,
        &["workers", "check"],
        expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[worker/invalid]: belay/workers/bad.yaml:1: `budget` is missing
          belay/workers/bad.yaml:1: `ceiling` is missing
          belay/workers/bad.yaml:1: `classes` is missing
          belay/workers/bad.yaml:1: `evaluators` is missing
          belay/workers/bad.yaml:1: `level` is missing
          belay/workers/bad.yaml:1: `owner` is missing
          belay/workers/bad.yaml:1: `purpose` is missing
          belay/workers/bad.yaml:1: `rollback` is missing
          belay/workers/bad.yaml:1: `workflows` is missing
          belay/workers/bad.yaml:3: `name` is given twice
          belay/workers/bad.yaml:4: unknown tool `fly`
          belay/workflows/bad.yaml:4: a tab in the indentation: use spaces
          help: correct the lines named; `docs/reference/workers.md` has every key
    "#]],
    );
    let ran = home.belay(&["workflows", "check", "--format", "json"]).ends_with(2);
    assert!(
        ran.stdout.is_empty() && ran.stderr.contains(r#""code":"worker/invalid""#),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_argument_that_no_input_names_gets_a_hint() {
    let home = example("deck");
    let path = "belay/workflows/deck.yaml";
    let text = std::fs::read_to_string(home.work().join(path)).unwrap();
    home.write(path, &text.replace("scripts/deck.py, data/orders.csv]", "data/orders.csv]"));
    check(
        &home,
        &["workflows", "check"],
        expect![[r#"
            exit 0
            --- stdout
            6 workers and 1 workflow: no fault
            --- stderr
            hint: belay/workflows/deck.yaml:7: step `look` names `scripts/deck.py`, which is not among its inputs: a change of it would not be noticed
        "#]],
    );
}

/// Runs a line that `workflows show` printed, as a person would.
fn typed(home: &Home, line: &str) -> Ran {
    let path = std::env::var_os("PATH").unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(home.work()).env_clear().env("PATH", path);
    Ran::of(command.output().unwrap())
}

#[test]
fn the_printed_lines_of_the_role_audit_do_what_they_say() {
    let home = example("role-audit");
    let shown = home.belay(&["workflows", "show", "role-audit", "--format", "json"]).ends_with(0);
    let steps = shown.json()["steps"].clone();
    let line =
        |step: usize, what: &str| steps[step]["checklist"][what].as_str().unwrap().to_owned();
    let run = |text: String| typed(&home, &text);
    // Before the database is there the probe cannot tell.
    assert_eq!(run(line(1, "check")).code, 1);
    drop(run("python3 scripts/roles.py setup".to_owned()).ends_with(0));
    assert!(run(line(0, "type")).ends_with(0).stdout.contains("contractor"));
    assert_eq!(run(line(2, "type")).code, 1);
    assert_eq!(run(line(1, "check")).code, 10);
    drop(run(line(1, "type")).ends_with(0));
    assert_eq!(run(line(1, "check")).code, 11);
    drop(run(line(2, "type")).ends_with(0));
    drop(run(line(1, "undo")).ends_with(0));
    assert_eq!(run(line(1, "check")).code, 10);
    let twice = "export BELAY_IDEMPOTENCY_KEY=k; python3 scripts/roles.py revoke --role reader --member ana; \
                 python3 scripts/roles.py revoke --role reader --member ana";
    assert!(run(twice.to_owned()).ends_with(0).stdout.contains("was done before under this key"));
}

#[test]
fn the_printed_lines_of_the_deck_build_it_and_refuse_bad_orders() {
    let home = example("deck");
    let shown = home.belay(&["workflows", "show", "deck", "--format", "json"]).ends_with(0).json();
    let line = |step: usize| shown["steps"][step]["checklist"]["type"].as_str().unwrap().to_owned();
    drop(typed(&home, &line(0)).ends_with(0));
    drop(typed(&home, &line(1)).ends_with(0));
    let deck = std::fs::read_to_string(home.work().join("out/deck.html")).unwrap();
    assert!(deck.contains("1,355.00 in all") && deck.matches("<section>").count() == 4, "{deck}");
    home.write("data/orders.csv", "order_id,ordered_at,region,amount\n1,2026-01-01,north,x\n1,2026-01-01,north,2\n1,2026-01-01,north,2\n");
    let ran = typed(&home, &line(0)).ends_with(1);
    assert_eq!(
        ran.stderr,
        "data/orders.csv:2: `x` is no amount\ndata/orders.csv: order 1 is there twice\n"
    );
}

/// Whether a process is there and not merely waiting to be buried.
fn lives(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

#[test]
fn the_guard_kills_the_whole_group_when_belay_dies() {
    let mut guard = Command::new(env!("CARGO_BIN_EXE_belay"))
        .args([
            "__guard",
            "sh",
            "-c",
            "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.05; done'",
        ])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Vec::new();
    let mut stdout = guard.stdout.take().unwrap();
    let mut byte = [0];
    while stdout.read(&mut byte).unwrap() == 1 && byte != [b'\n'] {
        process.extend(byte);
    }
    let process = String::from_utf8(process).unwrap();
    assert!(lives(&process));
    // As when belay is killed: its end of the pipe closes.
    drop(guard.stdin.take());
    let start = Instant::now();
    while lives(&process) && start.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!lives(&process), "a grandchild outlives belay");
    guard.wait().unwrap();
}

#[test]
fn the_guard_ends_as_its_command_does() {
    for (text, code) in [("exit 7", 7), ("kill -KILL $$", 137)] {
        let status = Command::new(env!("CARGO_BIN_EXE_belay"))
            .args(["__guard", "sh", "-c", text])
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .map(|mut guard| {
                let lifeline = guard.stdin.take();
                let status = guard.wait().unwrap();
                drop(lifeline);
                status
            });
        assert_eq!(status.unwrap().code(), Some(code), "{text}");
    }
}

#[test]
fn the_guard_holds_its_mark_while_the_command_may_run() {
    let home = Home::new();
    let mark = home.work().join("mark");
    let mut guard = Command::new(env!("CARGO_BIN_EXE_belay"))
        .args(["__guard", "--mark"])
        .arg(&mark)
        .args(["sh", "-c", "echo begun; sleep 30"])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut begun = [0; 6];
    guard.stdout.take().unwrap().read_exact(&mut begun).unwrap();
    let file = std::fs::File::open(&mark).unwrap();
    assert!(file.try_lock_shared().is_err(), "the command runs, and nobody sees it");
    drop(guard.stdin.take());
    guard.wait().unwrap();
    file.try_lock_shared().unwrap();
}

#[test]
fn a_guard_whose_belay_is_gone_begins_nothing() {
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(writer);
    let status = Command::new(env!("CARGO_BIN_EXE_belay"))
        .args(["__guard", "touch", "made"])
        .current_dir(home.work())
        .process_group(0)
        .stdin(reader)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(137));
    assert!(!home.work().join("made").exists());
}
