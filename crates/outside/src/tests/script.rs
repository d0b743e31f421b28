//! Commands of a team's own: real processes of a few lines of shell.

use std::path::Path;
use std::time::{Duration, Instant};

use belay_model::{Explain as _, Resource, Verb, Zone};
use tempfile::TempDir;

use super::{permit, temporary, write};
use crate::{
    KEPT_OUTPUT, OutsideError, Ran, Script, Stop, collect_outputs, digest_inputs, environment,
    run_script,
};

fn shell(root: &Path, text: &str) -> Script {
    let path = std::env::var_os("PATH").unwrap().to_string_lossy().into_owned();
    Script {
        verb: Verb::ScriptRead,
        resource: Resource::new("test:shell", Zone::Dev),
        targets: 1,
        sensitive: false,
        args: vec!["sh".to_owned(), "-c".to_owned(), text.to_owned()],
        root: root.to_owned(),
        folder: ".".to_owned(),
        environment: vec![("PATH".to_owned(), path)],
        patterns: Vec::new(),
        inputs: Vec::new(),
        expect: vec![0],
        limit: Duration::from_secs(20),
        grace: Duration::from_millis(300),
        inverse: None,
        run: "run-1".to_owned(),
        step: "step-1".to_owned(),
        idempotency_key: "key-1".to_owned(),
        launcher: None,
        mark: None,
    }
}

async fn ran(script: &Script) -> Ran {
    run_script(permit(&script.action()), script, &Stop::never(), |_| ()).await.unwrap()
}

async fn failed(script: &Script) -> OutsideError {
    run_script(permit(&script.action()), script, &Stop::never(), |_| ()).await.unwrap_err()
}

fn said(ran: &Ran) -> String {
    String::from_utf8_lossy(&ran.stdout).into_owned()
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
async fn exit_codes_and_signals_are_told_as_a_shell_tells_them() {
    let place = temporary();
    for (text, code) in [("true", 0), ("exit 3", 3), ("kill -KILL $$", 137), ("kill -TERM $$", 143)]
    {
        let ran = ran(&shell(place.path(), text)).await;
        assert_eq!((ran.code, ran.timed_out, ran.stopped), (Some(code), false, false), "{text}");
        assert_eq!(ran.ended_with(&[0, 3]), code < 4);
    }
}

#[tokio::test]
async fn only_the_promised_variables_are_seen() {
    let place = temporary();
    let known =
        [("PATH", "/usr/bin:/bin"), ("HOME", "/home/x"), ("ASKED", "yes"), ("SECRET", "s3")];
    let lookup = |name: &str| {
        known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let allowed = ["ASKED".to_owned(), "UNSET".to_owned()];
    let script =
        Script { environment: environment(&allowed, &lookup), ..shell(place.path(), "env") };
    let ran = ran(&script).await;
    let mut names: Vec<String> = said(&ran)
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.to_owned()))
        // The shell's own.
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(&name.as_str()))
        .collect();
    names.sort();
    let expected = ["ASKED", "BELAY_IDEMPOTENCY_KEY", "BELAY_RUN", "BELAY_STEP", "HOME", "PATH"];
    assert_eq!(names, expected);
    assert!(said(&ran).contains("BELAY_IDEMPOTENCY_KEY=key-1"));
}

#[tokio::test]
async fn a_secret_is_not_in_the_output_nor_in_the_action() {
    let place = temporary();
    let mut script = shell(place.path(), "echo a$DB_PASSWORD-b; echo $DB_PASSWORD >&2");
    script.environment.push(("DB_PASSWORD".to_owned(), "hunter2".to_owned()));
    let mut lines = Vec::new();
    let keep = |line: &str| lines.push(line.to_owned());
    let ran = run_script(permit(&script.action()), &script, &Stop::never(), keep).await.unwrap();
    assert_eq!((said(&ran).as_str(), ran.stderr.as_slice()), ("a*****-b\n", b"*****\n".as_slice()));
    let everything = format!("{lines:?}{script:?}{}", script.action().canonical());
    assert!(!everything.contains("hunter2"), "{everything}");
    assert!(everything.contains("DB_PASSWORD"));
}

#[tokio::test]
async fn it_runs_in_its_folder_and_finds_its_own_program_there() {
    let place = temporary();
    write(&place.path().join("sub/tool"), "#!/bin/sh\npwd\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(place.path().join("sub/tool"), mode).unwrap();
    let args = vec!["./tool".to_owned()];
    let script = Script { args, folder: "sub".to_owned(), ..shell(place.path(), "") };
    let folder = place.path().canonicalize().unwrap().join("sub");
    assert_eq!(said(&ran(&script).await).trim(), folder.to_string_lossy());
}

#[tokio::test]
async fn the_time_limit_ends_the_whole_group_even_what_does_not_listen() {
    let place = temporary();
    let text = "trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.05; done'";
    let script = Script { limit: Duration::from_millis(300), ..shell(place.path(), text) };
    let ran = ran(&script).await;
    assert_eq!((ran.code, ran.timed_out, ran.stopped), (None, true, false));
    let process = said(&ran).trim().to_owned();
    assert!(!process.is_empty() && dies(&process).await, "{process} outlives its limit");
}

#[tokio::test]
async fn who_is_asked_to_end_may_clear_up_and_say_so() {
    let place = temporary();
    let text = "trap 'echo cleared; exit 0' TERM; echo ready; while :; do sleep 0.02; done";
    let script = Script { grace: Duration::from_secs(10), ..shell(place.path(), text) };
    let (stopper, stop) = Stop::new();
    let asked = |line: &str| {
        if line == "ready" {
            stopper.stop();
        }
    };
    let ran = run_script(permit(&script.action()), &script, &stop, asked).await.unwrap();
    assert_eq!((ran.code, ran.stopped, said(&ran).as_str()), (None, true, "ready\ncleared\n"));
}

#[tokio::test]
async fn what_a_command_leaves_running_is_ended_with_it() {
    let place = temporary();
    let ran = ran(&shell(place.path(), "sleep 600 & echo $!; exit 5")).await;
    assert_eq!(ran.code, Some(5));
    assert!(dies(said(&ran).trim()).await);
}

#[tokio::test]
async fn of_much_output_the_beginning_and_the_end_are_kept() {
    let place = temporary();
    let text = "echo first; head -c 9000000 /dev/zero | tr '\\0' x; echo; echo last";
    let ran = ran(&shell(place.path(), text)).await;
    assert!(ran.truncated && ran.stdout.len() < KEPT_OUTPUT + 100, "{}", ran.stdout.len());
    let text = said(&ran);
    assert!(text.starts_with("first\nxxx") && text.ends_with("x\nlast\n"));
    assert!(text.contains(" bytes left out]"));
}

#[tokio::test]
async fn a_permit_for_another_command_admits_nothing() {
    let place = temporary();
    let other = shell(place.path(), "true");
    for script in [
        shell(place.path(), "touch made"),
        Script { folder: "x".to_owned(), ..other.clone() },
        Script { expect: vec![0, 1], ..other.clone() },
        Script { environment: vec![("ADDED".to_owned(), "1".to_owned())], ..other.clone() },
        Script { targets: 2, ..other.clone() },
        Script { sensitive: true, ..other.clone() },
        Script { inverse: Some("undo".to_owned()), ..other.clone() },
    ] {
        let stop = Stop::never();
        let run = run_script(permit(&other.action()), &script, &stop, |_| ());
        assert_eq!(run.await.unwrap_err().code(), "gate/permit-mismatch", "{script:?}");
    }
    assert!(!place.path().join("made").exists());
}

#[tokio::test]
async fn an_input_that_changed_since_stops_the_command() {
    let place = temporary();
    write(&place.path().join("sql/a.sql"), "select 1");
    let patterns = vec!["sql/*.sql".to_owned()];
    let inputs = digest_inputs(place.path(), &patterns).unwrap();
    let script = Script { patterns, inputs, ..shell(place.path(), "true") };
    assert_eq!(ran(&script).await.code, Some(0));
    write(&place.path().join("sql/b.sql"), "select 2");
    let error = failed(&script).await;
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("workflow/input-changed", "the input `sql/b.sql` changed after the step was decided")
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told_before_anything_starts() {
    let place = temporary();
    for program in ["belay-has-no-such-program", "./none"] {
        let script = Script { args: vec![program.to_owned()], ..shell(place.path(), "") };
        assert_eq!(failed(&script).await.code(), "setup/missing");
    }
    let away = Script { folder: "link".to_owned(), ..shell(place.path(), "true") };
    std::os::unix::fs::symlink("/tmp", place.path().join("link")).unwrap();
    assert_eq!(failed(&away).await.code(), "workflow/link-out");
}

fn tree() -> TempDir {
    let place = temporary();
    for file in ["a.sql", "sub/b.sql", "sub/deep/c.sql", "sub/d.txt", ".git/x.sql"] {
        write(&place.path().join(file), file);
    }
    place
}

#[test]
fn patterns_name_files_as_a_shell_does_and_folders_stand_for_all_in_them() {
    let place = tree();
    for (pattern, expected) in [
        ("a.sql", &["a.sql"][..]),
        ("*.sql", &["a.sql"]),
        ("**/*.sql", &["a.sql", "sub/b.sql", "sub/deep/c.sql"]),
        ("sub", &["sub/b.sql", "sub/d.txt", "sub/deep/c.sql"]),
        ("sub/*.???", &["sub/b.sql", "sub/d.txt"]),
        ("sub/**/*.sql", &["sub/b.sql", "sub/deep/c.sql"]),
    ] {
        let found = digest_inputs(place.path(), &[pattern.to_owned()]).unwrap();
        let found: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(found, expected, "{pattern}");
    }
}

#[test]
fn what_is_missing_is_an_error_for_an_input_and_told_for_an_output() {
    let place = tree();
    let patterns = ["a.sql".to_owned(), "none/*".to_owned()];
    let error = digest_inputs(place.path(), &patterns).unwrap_err();
    assert_eq!(error.to_string(), "the input `none/*` names no file");
    let outputs = collect_outputs(place.path(), &patterns).unwrap();
    assert_eq!(outputs.missing, ["none/*"]);
    assert_eq!(outputs.files[0].body.as_deref(), Some(b"a.sql".as_slice()));
}

#[test]
fn a_link_may_lead_within_the_root_and_not_out_of_it() {
    let place = tree();
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(to, place.path().join(name)).unwrap();
    };
    link("a.sql", "within.sql");
    link("/etc/passwd", "out.txt");
    link("/etc", "outside");
    link("..", "sub/deep/ring");
    let of = |pattern: &str| digest_inputs(place.path(), &[pattern.to_owned()]);
    let names =
        |pattern: &str| of(pattern).unwrap().into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(names("sub/deep/c*"), ["sub/deep/c.sql"]);
    assert_eq!(names("sub"), ["sub/b.sql", "sub/d.txt", "sub/deep/c.sql"]);
    assert_eq!(of("within.sql").unwrap()[0].1, of("a.sql").unwrap()[0].1);
    for pattern in
        ["out.txt", "out*", "outside", "outside/passwd", "outside/*", "../x", "/etc/passwd"]
    {
        assert_eq!(of(pattern).unwrap_err().code(), "workflow/link-out", "{pattern}");
    }
}
