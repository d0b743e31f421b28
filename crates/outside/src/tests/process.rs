//! Child processes of a few lines of shell, and the wish to stop.

use std::path::Path;
use std::time::{Duration, Instant};

use belay_model::Explain as _;
use tokio::time::timeout;

use crate::process::{Finished, Program};
use crate::tests::temporary;
use crate::{OutsideError, Stop};

fn shell(script: &str) -> Program {
    Program::new("/bin/sh", Path::new("/")).args(["-c", script])
}

/// How it ended, and the lines that it said as they came.
async fn ran(program: &Program) -> (Finished, Vec<String>) {
    let mut lines = Vec::new();
    let finished = program.run(&Stop::never(), |line| lines.push(line.to_owned())).await.unwrap();
    (finished, lines)
}

/// Runs a script until its first line, then asks it to stop. Returns that line.
async fn stopped(program: &Program) -> String {
    let (stopper, stop) = Stop::new();
    let mut said = String::new();
    let ended = program.run(&stop, |line| {
        if said.is_empty() {
            line.clone_into(&mut said);
        }
        stopper.stop();
    });
    let error = timeout(Duration::from_secs(5), ended).await.expect("it did not end").unwrap_err();
    assert!(matches!(error, OutsideError::Stopped), "{error:?}");
    said
}

/// Whether a process is there and not merely waiting to be buried.
fn lives(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

async fn dies(process: &str) -> bool {
    let start = Instant::now();
    while lives(process) && start.elapsed() < Duration::from_secs(3) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    !lives(process)
}

#[tokio::test]
async fn lines_come_as_they_are_said() {
    let cases: &[(&str, &[&str])] = &[
        ("true", &[]),
        ("echo one; echo two", &["one", "two"]),
        ("printf 'one\\ntwo'", &["one", "two"]),
        ("printf '\\n\\n'", &["", ""]),
        ("echo silent >&2", &[]),
        (r"printf 'caf\351\nna\303\257ve\n'", &["caf\u{fffd}", "naïve"]),
    ];
    for (script, expected) in cases {
        let (finished, lines) = ran(&shell(script)).await;
        assert_eq!(lines, *expected, "{script}");
        assert_eq!(finished.stdout.lines().collect::<Vec<_>>(), *expected, "{script}");
        assert!(finished.succeeded());
    }
}

#[tokio::test]
async fn a_line_is_seen_before_the_next_one_is_said() {
    let place = temporary();
    let seen = place.path().join("seen");
    let script =
        format!("echo first; until [ -e {} ]; do sleep 0.01; done; echo second", seen.display());
    let program = shell(&script);
    let stop = Stop::never();
    let run = program.run(&stop, |line| {
        if line == "first" {
            std::fs::write(&seen, "").unwrap();
        }
    });
    timeout(Duration::from_secs(5), run).await.expect("lines are held back").unwrap();
}

#[tokio::test]
async fn how_it_ended_is_told() {
    for (script, succeeded, ending) in [
        ("exit 0", true, "exit 0"),
        ("exit 3", false, "exit 3"),
        ("kill -KILL $$", false, "signal 9"),
    ] {
        let (finished, _) = ran(&shell(script)).await;
        assert_eq!((finished.succeeded(), finished.ending().as_str()), (succeeded, ending));
    }
    assert_eq!(ran(&shell("echo why >&2; exit 1")).await.0.stderr, "why\n");
}

#[tokio::test]
async fn much_output_on_both_ends_does_not_block() {
    let script =
        "i=0; while [ $i -lt 20000 ]; do echo line $i; echo complaint $i >&2; i=$((i+1)); done";
    let program = shell(script);
    let finished = timeout(Duration::from_secs(20), ran(&program)).await.expect("it hangs");
    assert_eq!((finished.1.len(), finished.0.stderr.lines().count()), (20000, 20000));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_missing_and_one_that_is_none_does_not_start() {
    let place = temporary();
    let none = place.path().join("no-program");
    std::fs::write(&none, "text").unwrap();
    for (program, code, message) in [
        (
            "belay-has-no-such-program",
            "setup/missing",
            "`belay-has-no-such-program` is not installed, or not on PATH",
        ),
        (none.to_str().unwrap(), "process/start", "cannot start `no-program`"),
    ] {
        let error =
            Program::new(program, Path::new("/")).run(&Stop::never(), |_| ()).await.unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, message));
    }
}

#[tokio::test]
async fn a_program_is_not_missing_because_its_folder_or_its_launcher_is() {
    let gone = temporary().path().join("gone");
    let mut unlaunched = shell("true");
    unlaunched.launcher = Some(gone.clone());
    for program in [Program { folder: gone, ..shell("true") }, unlaunched] {
        let error = program.run(&Stop::never(), |_| ()).await.unwrap_err();
        assert_eq!(error.code(), "process/start");
        assert_eq!(error.to_string(), "cannot start `sh`");
    }
}

#[tokio::test]
async fn the_child_has_its_folder_its_variables_no_input_and_not_what_was_taken_away() {
    let place = temporary();
    let folder = std::fs::canonicalize(place.path()).unwrap();
    let mut program = Program::new("/bin/sh", &folder)
        .args(["-c", r#"pwd; echo "$GREETING"; echo "${PATH-gone}"; cat"#])
        .env("GREETING", "grüß dich");
    program.without = vec!["PATH"];
    program.env.push(("ENV".into(), "".into()));
    program.args[1] = r#"pwd; echo "$GREETING"; /usr/bin/env | grep -c '^PATH=' ; /bin/cat"#.into();
    let (_, lines) = ran(&program).await;
    assert_eq!(lines[..2], [folder.to_str().unwrap(), "grüß dich"]);
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[tokio::test]
async fn a_launcher_is_handed_the_whole_command_line() {
    let mut program = Program::new("dbt", Path::new("/")).args(["parse", "a b"]);
    program.launcher = Some("/bin/echo".into());
    assert_eq!(ran(&program).await.1, ["__launch dbt parse a b"]);
}

#[tokio::test]
async fn a_stop_reaches_the_child_and_lets_it_clear_up() {
    let place = temporary();
    let cleared = place.path().join("cleared");
    let script = format!(
        "trap 'echo clearing; echo up >&2; echo > {}; exit 0' TERM; echo $$; while true; do sleep 0.01; done",
        cleared.display()
    );
    let child = stopped(&shell(&script)).await;
    assert!(cleared.exists(), "it was not let");
    assert!(dies(&child).await);
}

#[tokio::test]
async fn a_child_that_will_not_end_is_made_to() {
    let mut program = shell("trap '' TERM; echo $$; while true; do sleep 0.01; done");
    program.grace = Duration::from_millis(200);
    let child = stopped(&program).await;
    assert!(dies(&child).await);
}

#[tokio::test]
async fn grandchildren_end_with_the_child() {
    for grandchild in [
        "sleep 60 &",
        // It is deaf from its birth, and the child does not wait for it.
        "trap '' TERM; sh -c 'while true; do sleep 0.01; done' & trap - TERM;",
    ] {
        let mut program = shell(&format!("{grandchild} echo $!; wait"));
        program.grace = Duration::from_millis(500);
        let grandchild_id = stopped(&program).await;
        assert!(dies(&grandchild_id).await, "{grandchild}");
    }
}

#[tokio::test]
async fn a_wish_that_came_before_the_start_is_heard_too() {
    let (stopper, stop) = Stop::new();
    stopper.stop();
    let program = shell("sleep 60");
    let run = timeout(Duration::from_secs(5), program.run(&stop, |_| ()));
    assert_eq!(run.await.expect("it was not heard").unwrap_err().code(), "run/interrupted");
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_any_more_ends() {
    let program = shell("echo $$ > pid; exec sleep 60");
    let place = temporary();
    let program = Program { folder: place.path().to_owned(), ..program };
    let pid = place.path().join("pid");
    let stop = Stop::never();
    {
        let run = program.run(&stop, |_| ());
        assert!(timeout(Duration::from_millis(500), run).await.is_err());
    }
    assert!(dies(std::fs::read_to_string(pid).unwrap().trim()).await);
}

#[tokio::test]
async fn once_asked_it_stays_asked_for_every_clone() {
    let (stopper, stop) = Stop::new();
    let early = stop.clone();
    assert!(!stop.is_asked());
    let waiting = tokio::spawn(async move { early.asked().await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    stopper.stop();
    stopper.stop();
    waiting.await.unwrap();
    drop(stopper);
    assert!(stop.is_asked() && stop.clone().is_asked());
    stop.asked().await;
}

#[tokio::test]
async fn what_nobody_can_ask_for_never_comes() {
    let short = Duration::from_millis(50);
    assert!(timeout(short, Stop::never().asked()).await.is_err());
    let (stopper, stop) = Stop::new();
    drop(stopper);
    assert!(timeout(short, stop.asked()).await.is_err());
    assert!(!stop.is_asked());
}
