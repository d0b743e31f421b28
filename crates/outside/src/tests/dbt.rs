//! dbt's words, and dbt itself as a few lines of shell.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use belay_model::{Explain as _, Resource, Verb, Zone};
use expect_test::expect;
use fs_err as fs;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::dbt::{Line, failure, plain, read};
use crate::process::Finished;
use crate::tests::{permit, temporary, write};
use crate::{Dbt, DbtCommand, DbtEvent, DbtOutcome, OutsideError, Stop};

const SECRET: &str = "hunter2-and-more";

/// A project folder with a dbt that does what `script` says; `$target` is where artefacts go.
struct Fake {
    place: TempDir,
    dbt: Dbt,
}

impl Fake {
    fn new(script: &str) -> Self {
        let place = temporary();
        let text = format!(
            "#!/bin/sh\nall=\"$*\"\nwhile [ $# -gt 0 ]; do\n  case $1 in --target-path) target=$2;; \
             --log-path) log=$2;; esac\n  shift\ndone\n\
             say() {{ printf '{{\"info\": {{\"level\": \"%s\", \"msg\": \"%s\"}}, \"data\": {{}}}}\\n' \"$1\" \"$2\"; }}\n\
             {script}\n"
        );
        let (source, program) = (place.path().join("dbt.txt"), place.path().join("dbt"));
        write(&source, &text);
        // Copied by another process: a file that this one has open for writing could not be run.
        let made = Command::new("install").args(["-m", "755"]).args([&source, &program]).status();
        assert!(made.unwrap().success());
        fs::create_dir_all(place.path().join("project")).unwrap();
        Self { dbt: Dbt { program, launcher: None }, place }
    }

    fn command(&self) -> DbtCommand {
        let folder = |name: &str| self.place.path().join(name);
        DbtCommand {
            name: "build",
            verb: Verb::BuildScratch,
            resource: Resource::new("schema:belay_0a1b", Zone::Scratch),
            project: folder("project"),
            profiles: folder("profiles"),
            target: "belay".to_owned(),
            artefacts: folder("artefacts"),
            args: vec!["--select".to_owned(), "orders+".to_owned()],
            inverse: Some("{}".to_owned()),
            env: vec![("DBT_ENV_SECRET_BELAY_0".to_owned(), SECRET.to_owned())],
        }
    }

    fn log(&self) -> PathBuf {
        self.place.path().join("artefacts/logs/dbt.log")
    }

    async fn run(&self) -> (Result<DbtOutcome, OutsideError>, Vec<DbtEvent>) {
        let (command, mut events) = (self.command(), Vec::new());
        let permit = permit(&command.action());
        let event = |event| events.push(event);
        let outcome = self.dbt.run(permit, &command, &Stop::never(), event).await;
        (outcome, events)
    }
}

// ---- words

#[test]
fn a_line_of_the_log_is_an_event_an_error_or_passed_over() {
    let event = |message: &str, position| {
        Some(Line::Event(DbtEvent { message: message.to_owned(), position }))
    };
    let error = |message: &str| Some(Line::Error(message.to_owned()));
    let cases = [
        ("", None),
        ("a print in a macro", None),
        ("[]", None),
        ("null", None),
        ("{}", None),
        (r#"{"info": {"msg": 7}}"#, None),
        (r#"{"info": {"level": "info"}}"#, None),
        (r#"{"info": {"level": "info", "msg": ""}}"#, None),
        (r#"{"info": {"level": "info", "msg": "  \n "}}"#, None),
        (
            r#"{"info": {"level": "info", "msg": " Running with dbt \n"}}"#,
            event("Running with dbt", None),
        ),
        (r#"{"info": {"msg": "no level"}}"#, event("no level", None)),
        (r#"{"info": {"level": "warn", "msg": "deprecated"}}"#, event("deprecated", None)),
        (r#"{"info": {"level": "info", "msg": "\u001b[32mOK\u001b[0m"}}"#, event("OK", None)),
        (r#"{"info": {"level": "error", "msg": "\u001b[31mbad\u001b[0m "}}"#, error("bad")),
        (r#"{"info": {"level": "error", "msg": ""}}"#, error("")),
        (
            r#"{"info": {"level": "info", "msg": "1 of 9 START"}, "data": {"index": 1, "total": 9, "description": "sql view model shop.orders"}}"#,
            event("sql view model shop.orders", Some((1, 9))),
        ),
        (
            r#"{"info": {"level": "info", "msg": "OK"}, "data": {"index": 2, "total": 9}}"#,
            event("OK", Some((2, 9))),
        ),
        (r#"{"info": {"level": "info", "msg": "OK"}, "data": {"index": 2}}"#, event("OK", None)),
        (
            r#"{"info": {"level": "info", "msg": "OK"}, "data": {"index": -2, "total": "9"}}"#,
            event("OK", None),
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(read(line), expected, "{line}");
    }
}

#[test]
fn terminal_colours_are_taken_out() {
    for (text, expected) in [
        ("", ""),
        ("plain é", "plain é"),
        ("\u{1b}[1;31mred\u{1b}[0m and \u{1b}[Kmore", "red and more"),
        ("cut off \u{1b}[3", "cut off "),
        ("\u{1b}", ""),
    ] {
        assert_eq!(plain(text), expected, "{text:?}");
    }
}

fn ended(code: i32, stderr: &str) -> Finished {
    let status: ExitStatus = std::os::unix::process::ExitStatusExt::from_raw(code << 8);
    Finished { status, stdout: String::new(), stderr: stderr.to_owned() }
}

#[test]
fn what_went_wrong_is_said_once_and_in_full() {
    let cases: &[(&[&str], &str, &str)] = &[
        (&[], "", "exit 2"),
        (&[], "Traceback\n\n  Error: x  \n", "Traceback\n    Error: x"),
        (&["", ""], "", "exit 2"),
        (&["bad"], "noise", "bad"),
        (&["bad", "bad"], "", "bad"),
        (&["bad", "worse"], "", "bad\n  worse"),
        (
            &["Compilation Error in model orders\n  no column x", "no column x"],
            "",
            "Compilation Error in model orders\n    no column x",
        ),
        (
            &["Compilation Error", "Compilation Error in model orders: no column x"],
            "",
            "Compilation Error in model orders: no column x",
        ),
        (&["a", "b", "a and b"], "", "a and b"),
    ];
    for (errors, stderr, expected) in cases {
        let errors: Vec<String> = errors.iter().map(|&error| error.to_owned()).collect();
        assert_eq!(failure(&errors, &ended(2, stderr)), *expected, "{errors:?}");
    }
    let endless: Vec<String> = (100..200).map(|number| format!("error {number}")).collect();
    assert_eq!(failure(&endless, &ended(2, "")).lines().count(), 20);
}

proptest! {
    #[test]
    fn any_line_is_read_without_a_fault(line in ".{0,40}", message in any::<String>()) {
        drop(read(&line));
        let line = serde_json::json!({"info": {"level": "error", "msg": message}}).to_string();
        let Some(Line::Error(error)) = read(&line) else { panic!("{line}") };
        let coloured = error.contains('\u{1b}');
        prop_assert!(!coloured);
    }
}

// ---- runs

#[tokio::test]
async fn a_clean_run_tells_its_progress_and_leaves_its_results() {
    let fake = Fake::new(
        r#"say info "Running with dbt"
echo "a print in a macro"
echo '{"info": {"level": "info", "msg": "1 of 1 OK"}, "data": {"index": 1, "total": 1, "description": "model orders"}}'
echo "$all" > "$target/run_results.json""#,
    );
    let (outcome, events) = fake.run().await;
    let outcome = outcome.unwrap();
    assert!(outcome.clean && outcome.errors.is_empty());
    assert_eq!(outcome.log, fake.log());
    let event = |message: &str, position| DbtEvent { message: message.to_owned(), position };
    assert_eq!(events, [event("Running with dbt", None), event("model orders", Some((1, 1)))]);

    let asked = String::from_utf8(fake.command().artefact("run_results.json").unwrap()).unwrap();
    let place = fake.place.path().to_str().unwrap();
    expect![[r#"
        --log-format json --no-use-colors build --project-dir PLACE/project --profiles-dir PLACE/profiles --target-path PLACE/artefacts --log-path PLACE/artefacts/logs --target belay --select orders+
    "#]]
    .assert_eq(&asked.replace(place, "PLACE"));
    let error = fake.command().artefact("manifest.json").unwrap_err();
    assert_eq!(error.code(), "dbt/no-artefact");
    assert_eq!(error.to_string(), "dbt build left no `manifest.json`");
}

#[tokio::test]
async fn a_failure_without_results_is_an_error_in_dbts_own_words() {
    let fake = Fake::new(
        r#"say info "Running with dbt"
say error "Encountered an error:"
say error "Runtime Error in project"
say error "Runtime Error in project"
exit 2"#,
    );
    let (outcome, events) = fake.run().await;
    assert_eq!(events.len(), 1);
    let error = outcome.unwrap_err();
    assert_eq!(error.code(), "dbt/failed");
    assert_eq!(
        error.to_string(),
        "dbt build failed: Encountered an error:\n  Runtime Error in project"
    );
    assert_eq!(error.help().unwrap(), format!("the whole log is in `{}`", fake.log().display()));
}

#[tokio::test]
async fn a_failure_before_any_log_is_told_from_stderr_or_the_exit_code() {
    for (script, expected) in [
        ("echo 'No such command' >&2; exit 2", "dbt build failed: No such command"),
        ("exit 7", "dbt build failed: exit 7"),
        ("kill -KILL $$", "dbt build failed: signal 9"),
    ] {
        let error = Fake::new(script).run().await.0.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_failed_node_with_results_is_an_outcome_and_no_error() {
    let fake = Fake::new(
        r#"echo '{}' > "$target/run_results.json"
say error "Database Error in model orders"
exit 1"#,
    );
    let outcome = fake.run().await.0.unwrap();
    assert!(!outcome.clean);
    assert_eq!(outcome.errors, ["Database Error in model orders"]);
}

#[tokio::test]
async fn results_of_an_earlier_run_are_not_taken_for_this_ones() {
    let fake = Fake::new("exit 1");
    write(&fake.place.path().join("artefacts/run_results.json"), "{}");
    assert_eq!(fake.run().await.0.unwrap_err().code(), "dbt/failed");
    assert!(!fake.place.path().join("artefacts/run_results.json").exists());
}

#[tokio::test]
async fn a_dbt_that_is_not_there_is_missing() {
    let fake = Fake::new("");
    let dbt = Dbt { program: fake.place.path().join("no/dbt"), ..fake.dbt.clone() };
    let command = fake.command();
    let error = dbt.run(permit(&command.action()), &command, &Stop::never(), |_| ()).await;
    assert_eq!(error.unwrap_err().code(), "setup/missing");
    assert_eq!(dbt.version().await.unwrap_err().code(), "setup/missing");
}

#[tokio::test]
async fn a_version_is_what_dbt_says_or_why_it_does_not() {
    let version = async |script: &str| Fake::new(script).dbt.version().await;
    let said = version("echo Core: 1.10; echo Plugins: duckdb >&2").await.unwrap();
    assert!(said.contains("Core: 1.10") && said.contains("Plugins: duckdb"), "{said}");
    let error = version("echo Traceback >&2; echo ImportError: x >&2; exit 1").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot set up dbt: ImportError: x");
    let error = version("exit 1").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot set up dbt: it does not start");
}

// ---- permits and secrets

#[tokio::test]
async fn a_permit_for_another_command_runs_nothing() {
    let fake = Fake::new(r#"echo ran > "$target/ran""#);
    let command = fake.command();
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let others = [
        DbtCommand { name: "run", ..command.clone() },
        DbtCommand { verb: Verb::TestRelations, ..command.clone() },
        DbtCommand { resource: Resource::new("schema:other", Zone::Scratch), ..command.clone() },
        DbtCommand { project: "/other".into(), ..command.clone() },
        DbtCommand { profiles: "/other".into(), ..command.clone() },
        DbtCommand { artefacts: "/other".into(), ..command.clone() },
        DbtCommand { target: "prod".to_owned(), ..command.clone() },
        DbtCommand { inverse: None, ..command.clone() },
        DbtCommand { args: vec![], ..command.clone() },
        DbtCommand { args: words(&["--select", "orders"]), ..command.clone() },
        // The same letters, and another selection.
        DbtCommand { args: words(&["--select orders+"]), ..command.clone() },
    ];
    for other in others {
        let permit = permit(&other.action());
        let refused = fake.dbt.run(permit, &command, &Stop::never(), |_| ()).await;
        assert_eq!(refused.expect_err(&format!("{other:?}")).code(), "gate/permit-mismatch");
    }
    assert!(!fake.place.path().join("artefacts").exists());
}

#[tokio::test]
async fn secrets_reach_dbt_and_nobody_else() {
    let fake = Fake::new(
        r#"printf '%s' "$DBT_ENV_SECRET_BELAY_0" > "$target/seen"
echo "$all" > "$target/args"
say info "connecting with $DBT_ENV_SECRET_BELAY_0"
say error "cannot connect with password=$DBT_ENV_SECRET_BELAY_0 to shop"
echo "stderr: $DBT_ENV_SECRET_BELAY_0" >&2
exit 1"#,
    );
    let command = fake.command();
    assert_eq!(format!("{:?}", command.action()).matches(SECRET).count(), 0);
    assert_eq!(format!("{command:?}").matches(SECRET).count(), 0);
    let (outcome, events) = fake.run().await;
    assert_eq!(std::fs::read(command.artefacts.join("seen")).unwrap(), SECRET.as_bytes());
    assert!(!String::from_utf8(command.artefact("seen").unwrap()).unwrap().contains(SECRET));
    assert!(!String::from_utf8(command.artefact("args").unwrap()).unwrap().contains(SECRET));
    assert!(!format!("{events:?}").contains(SECRET), "{events:?}");
    let error = outcome.unwrap_err();
    assert_eq!(error.to_string(), "dbt build failed: cannot connect with password=***** to shop");
    assert!(!format!("{error:?} {:?}", error.help()).contains(SECRET));
}

#[tokio::test]
async fn secrets_are_hidden_in_what_is_left_on_stderr_and_in_outcomes_too() {
    let fake = Fake::new("echo \"no: $DBT_ENV_SECRET_BELAY_0\" >&2; exit 1");
    assert_eq!(fake.run().await.0.unwrap_err().to_string(), "dbt build failed: no: *****");
    let fake = Fake::new(
        r#"echo '{}' > "$target/run_results.json"; say error "no: $DBT_ENV_SECRET_BELAY_0"; exit 1"#,
    );
    assert_eq!(fake.run().await.0.unwrap().errors, ["no: *****"]);
}

#[tokio::test]
async fn a_stop_ends_dbt() {
    let fake = Fake::new("say info ready; sleep 60");
    let command = fake.command();
    let (stopper, stop) = Stop::new();
    let run = fake.dbt.run(permit(&command.action()), &command, &stop, |_| stopper.stop());
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), run).await;
    assert_eq!(ended.expect("it did not end").unwrap_err().code(), "run/interrupted");
}

#[test]
fn an_artefact_is_read_from_where_dbt_was_told_to_write() {
    let fake = Fake::new("");
    write(&fake.place.path().join("artefacts/manifest.json"), "{}");
    assert_eq!(fake.command().artefact("manifest.json").unwrap(), b"{}");
    assert!(Path::new(&fake.command().artefacts).is_absolute());
}
