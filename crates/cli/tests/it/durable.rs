//! Runs that outlive their process: cut off, taken up, called off, taken back, shared by workers.

use std::fs::File;
use std::process::Child;

use crate::home::{Home, Ran};
use crate::team::{
    Step, allow, behind, keys, newest_run, show, state, step, team, wait_for, worker, world,
};

const SLOW: Step = Step { how: "wait-after", ..step("dev", "write", "dev") };
const LATE: Step = Step { how: "wait-before", ..step("dev", "write", "dev") };

fn resume(home: &Home) -> Ran {
    home.belay(&["runs", "resume", "last"])
}

/// `kill -9` in the middle of the step that waits.
fn cut_off(home: &Home, args: &[&str]) {
    let mut child = home.start_in("", args);
    wait_for(home, "begun");
    child.kill().unwrap();
    child.wait().unwrap();
    // The command dies with belay, but not at the same moment.
    File::open(home.work().join("begun")).unwrap().lock().unwrap();
    home.remove("begun");
    home.write("go", "");
}

fn end(child: Child) -> Ran {
    Ran::of(child.wait_with_output().unwrap())
}

fn valid(home: &Home) {
    drop(home.belay(&["trace", "check", "last"]).ends_with(0));
    drop(home.belay(&["audit", "verify"]).ends_with(0));
}

const RUN: [&str; 4] = ["run", "job", "--level", "L3"];

#[test]
fn a_change_that_a_probe_finds_is_not_done_again() {
    let home = team(&[step("look", "read", "prod"), Step { probe: true, ..SLOW }]);
    cut_off(&home, &RUN);
    assert_eq!(state(&home, "last"), "interrupted");
    drop(resume(&home).ends_with(0));
    assert_eq!(world(&home), ["look look", "do dev"]);
    let effect = &show(&home, "last")["effects"][0];
    assert_eq!(effect["state"], "committed");
    assert!(effect["receipt"].as_str().unwrap().contains("it took"), "{effect}");
    valid(&home);
}

#[test]
fn a_change_that_a_probe_does_not_find_is_done_under_the_same_key() {
    let home = team(&[Step { probe: true, ..LATE }]);
    cut_off(&home, &RUN);
    drop(resume(&home).ends_with(0));
    assert_eq!(world(&home), ["do dev"]);
    let keys = keys(&home);
    assert_eq!(keys.len(), 3, "begun, probed, done: {keys:?}");
    assert_eq!(keys[0], keys[2]);
    assert_eq!(keys[0].replace("do", "has"), keys[1]);
    valid(&home);
}

#[test]
fn a_change_of_which_nobody_can_tell_waits_for_a_person() {
    for (probe, word) in [(true, "--took"), (false, "--took"), (false, "--absent")] {
        let home = team(&[Step { probe, ..if word == "--took" { SLOW } else { LATE } }]);
        home.write("blind", "");
        cut_off(&home, &RUN);
        // However often it is taken up.
        for _ in 0..2 {
            let ran = resume(&home).ends_with(4);
            assert!(ran.stderr.contains("error[run/unclear]"), "{}", ran.stderr);
            assert!(ran.stderr.contains("belay runs resolve"), "{}", ran.stderr);
        }
        assert_eq!(state(&home, "last"), "held");
        let resolve = |who: &str, step: &str, reason: &str| {
            home.belay_as(who, &["runs", "resolve", "last", step, word, "--reason", reason])
        };
        assert!(resolve("vera", "dev", "I looked").ends_with(2).stderr.contains("gate/denied"));
        assert!(resolve("ada", "look", "x").ends_with(2).stderr.contains("run/nothing-unclear"));
        assert!(resolve("ada", "dev", " ").ends_with(2).stderr.contains("review/no-reason"));
        drop(resolve("ada", "dev", "I looked").ends_with(0));
        drop(resume(&home).ends_with(0));
        assert_eq!(world(&home), ["do dev"], "{probe} {word}");
        valid(&home);
    }
}

#[test]
fn a_step_that_only_reads_is_begun_again() {
    let home = team(&[Step { how: "wait-before", ..step("look", "read", "prod") }]);
    cut_off(&home, &RUN);
    drop(resume(&home).ends_with(0));
    assert_eq!(world(&home), ["look look"]);
}

#[test]
fn a_run_stops_before_its_next_step_when_it_is_cancelled() {
    let home = team(&[SLOW, step("next", "write", "dev")]);
    let child = home.start_in("", &RUN);
    wait_for(&home, "begun");
    let cancel = ["runs", "cancel", "last", "--reason", "wrong day"];
    assert!(home.belay_as("vera", &cancel).ends_with(2).stderr.contains("gate/denied"));
    let ran = home.belay(&cancel).ends_with(0);
    assert!(ran.stdout.contains("stops before its next step"), "{}", ran.stdout);
    assert!(resume(&home).ends_with(3).stderr.contains("run/busy"));
    home.write("go", "");
    let ran = end(child).ends_with(1);
    assert!(ran.stderr.contains("error[run/cancelled]"), "{}", ran.stderr);
    assert_eq!(world(&home), ["do dev"]);
    assert_eq!(state(&home, "last"), "cancelled");
    assert!(home.belay(&cancel).ends_with(2).stderr.contains("run/not-now"));
    assert!(resume(&home).ends_with(2).stderr.contains("run/not-now"));
    drop(home.belay(&["rollback", "last"]).ends_with(0));
    assert_eq!(world(&home), ["do dev", "undo dev"]);
}

#[test]
fn what_waits_is_over_as_soon_as_it_is_cancelled() {
    let home = team(&[step("prod", "write", "prod")]);
    let cancel = ["runs", "cancel", "last", "--reason", "wrong day"];
    for (args, before) in
        [(&["run", "job", "--queue"][..], "queued"), (&["run", "job"][..], "held")]
    {
        let code = if before == "held" { 4 } else { 0 };
        drop(home.belay(args).ends_with(code));
        assert_eq!(state(&home, "last"), before);
        let ran = home.belay(&cancel).ends_with(0);
        assert!(ran.stdout.contains("is cancelled"), "{}", ran.stdout);
        assert_eq!(state(&home, "last"), "cancelled");
    }
    drop(home.belay(&["work", "--drain"]).ends_with(0));
    assert_eq!(world(&home), [""; 0]);
    valid(&home);
}

fn three() -> Home {
    let home =
        team(&[step("a", "write", "dev"), step("b", "write", "dev"), step("c", "write", "dev")]);
    drop(home.belay(&RUN).ends_with(0));
    home
}

#[test]
fn a_rollback_goes_backwards_and_leaves_the_rest_when_an_inverse_fails() {
    let home = three();
    let run = newest_run(&home);
    home.write("broken-undo-b", "");
    let dry = home.belay(&["rollback", &run, "--dry-run"]).ends_with(0);
    assert_eq!(dry.stdout.lines().count(), 3, "{}", dry.stdout);
    let ran = home.belay(&["rollback", &run]).ends_with(1);
    assert!(ran.stderr.contains("error[run/step-failed]: step `undo-b`"), "{}", ran.stderr);
    assert_eq!(world(&home)[3..], ["undo c", "undo b"]);
    home.remove("broken-undo-b");
    drop(home.belay(&["rollback", &run]).ends_with(0));
    assert_eq!(world(&home)[5..], ["undo b", "undo a"]);
    let again = home.belay(&["rollback", &run]).ends_with(0);
    assert_eq!(again.stdout, "there is nothing to take back\n");
    valid(&home);
}

#[test]
fn an_inverse_that_was_cut_off_is_not_done_twice() {
    let home = three();
    let run = newest_run(&home);
    home.write("slow-undo-b", "");
    cut_off(&home, &["rollback", &run]);
    assert_eq!(world(&home)[3..], ["undo c", "undo b"]);
    let second = home.belay(&["rollback", &run]).ends_with(2);
    assert!(second.stderr.contains("error[run/taking-back]"), "{}", second.stderr);
    assert!(resume(&home).ends_with(4).stderr.contains("step `undo-b`"));
    let resolve = ["runs", "resolve", "last", "undo-b", "--took", "--reason", "it is gone"];
    drop(home.belay(&resolve).ends_with(0));
    drop(resume(&home).ends_with(0));
    assert_eq!(world(&home)[5..], ["undo a"]);
    for effect in show(&home, &run)["effects"].as_array().unwrap() {
        assert_eq!(effect["state"], "compensated");
    }
    valid(&home);
}

#[test]
fn replaying_a_run_shows_what_a_new_policy_would_change() {
    let home = three();
    let same = home.belay(&["runs", "replay", "last"]).ends_with(0);
    assert!(same.stdout.contains("3 decisions, 0 would differ"), "{}", same.stdout);
    home.write("belay/policies/team.cedar", POLICY);
    home.write("belay/policies/team.examples.yaml", EXAMPLES);
    let other = home.belay(&["runs", "replay", "last"]).ends_with(1);
    assert!(other.stdout.contains("3 decisions, 1 would differ"), "{}", other.stdout);
    assert!(other.stdout.contains("was permit, today deny"), "{}", other.stdout);
    assert!(other.stdout.contains("leave-b-alone"), "{}", other.stdout);
}

pub(crate) const POLICY: &str = r#"
@id("leave-b-alone")
@why("table b belongs to others")
forbid (principal is Belay::Worker, action in Belay::Action::"act.write", resource)
when { resource.name == "table:b" };
"#;

pub(crate) const EXAMPLES: &str = "examples:
  - { policy: leave-b-alone, verb: script_write, zone: dev, level: L4, resource: 'table:b', inverse: true, answer: deny }
  - { policy: leave-b-alone, verb: script_write, zone: dev, level: L4, resource: 'table:a', inverse: true, answer: permit, decided: false }
";

#[test]
fn several_workers_share_a_queue_and_do_each_run_once() {
    let home = team(&[step("look", "read", "prod"), step("dev", "write", "dev")]);
    for _ in 0..6 {
        drop(home.belay(&["run", "job", "--queue"]).ends_with(0));
    }
    let workers: Vec<Child> =
        (0..2).map(|_| home.start_in("", &["work", "--drain", "--format", "json"])).collect();
    let done: u64 = workers
        .into_iter()
        .map(|child| end(child).ends_with(0).json()["finished"].as_u64().unwrap())
        .sum();
    assert_eq!(done, 6);
    let mut keys = keys(&home);
    assert_eq!(keys.len(), 12);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 12, "each step of each run has a key of its own");
    valid(&home);
}

#[test]
fn a_run_that_a_worker_held_goes_on_after_a_yes() {
    let home = team(&[step("dev", "write", "dev"), step("prod", "write", "prod")]);
    drop(home.belay(&["run", "job", "--queue"]).ends_with(0));
    let work = || home.belay(&["work", "--drain"]).ends_with(0).stdout;
    assert_eq!(work(), "0 finished, 1 held, 0 failed\n");
    assert_eq!(work(), "0 finished, 0 held, 0 failed\n");
    allow(&home, "rita");
    assert_eq!(work(), "1 finished, 0 held, 0 failed\n");
    assert_eq!(world(&home), ["do dev", "do prod"]);
    assert_eq!(show(&home, "last")["run"]["actor"], "tester");
}

#[test]
fn a_worker_that_is_asked_to_end_ends_after_its_step_and_another_goes_on() {
    let home = team(&[SLOW, step("next", "write", "dev")]);
    drop(home.belay(&["run", "job", "--queue"]).ends_with(0));
    let child = home.start_in("", &["work"]);
    wait_for(&home, "begun");
    let end_it = format!("import os, signal; os.kill({}, signal.SIGTERM)", child.id());
    drop(home.python(&["-c", &end_it]).ends_with(0));
    home.write("go", "");
    let ran = end(child).ends_with(0);
    assert_eq!(ran.stdout, "0 finished, 0 held, 0 failed, 1 left to others\n");
    assert_eq!(world(&home), ["do dev"]);
    assert_eq!(show(&home, "last")["effects"][0]["state"], "committed");
    let ran = home.belay(&["work", "--drain"]).ends_with(0);
    assert_eq!(ran.stdout, "1 finished, 0 held, 0 failed\n");
    assert_eq!(world(&home), ["do dev", "do next"]);
    valid(&home);
}

#[test]
fn of_two_processes_that_hold_a_run_only_the_newer_one_writes() {
    let home = team(&[Step { probe: true, ..SLOW }, step("next", "write", "dev")]);
    let child = home.start_in("", &RUN);
    wait_for(&home, "begun");
    // As if the first one were silent for longer than its lease, on another machine.
    let id = newest_run(&home);
    for mark in std::fs::read_dir(home.work().join(".belay/live")).unwrap() {
        std::fs::remove_file(mark.unwrap().path()).unwrap();
    }
    drop(behind(&home, "UPDATE job SET until = 1"));
    drop(home.belay(&["runs", "resume", &id]).ends_with(0));
    assert_eq!(world(&home), ["do dev", "do next"]);
    home.write("go", "");
    let ran = end(child).ends_with(3);
    assert!(ran.stderr.contains("error[run/lease-lost]"), "{}", ran.stderr);
    assert_eq!(world(&home), ["do dev", "do next"]);
    assert_eq!(state(&home, &id), "accepted");
    valid(&home);
}

#[test]
fn what_earlier_attempts_worked_counts_against_the_budget() {
    for (more, code) in [(0_i64, 0), (1000, 4)] {
        let home = team(&[
            step("look", "read", "prod"),
            step("prod", "write", "prod"),
            step("after", "read", "prod"),
        ]);
        worker(&home, "L4", 60);
        drop(home.belay(&RUN).ends_with(4));
        let longer =
            format!("UPDATE step SET started = started - {more}000000000 WHERE name = 'look'");
        drop(behind(&home, &longer));
        allow(&home, "rita");
        let ran = resume(&home).ends_with(code);
        assert_eq!(ran.stderr.contains("gate/held"), code == 4, "{}", ran.stderr);
    }
}

#[test]
fn the_time_after_a_crash_is_nobodys_work() {
    let home = team(&[Step { probe: true, ..SLOW }]);
    cut_off(&home, &RUN);
    // As if it were noticed long after the lease ran out.
    drop(behind(&home, "UPDATE job SET until = 1"));
    assert_eq!(state(&home, "last"), "interrupted");
    let ended = behind(&home, "SELECT ended - started FROM step");
    assert_eq!(ended.stdout, "0\n");
    drop(resume(&home).ends_with(0));
    valid(&home);
}
