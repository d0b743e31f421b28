//! The GitHub Action, step by step as its file says, on a repository here and a strict double of the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::commands::manifest;
use crate::git_host::{GitHost, TOKEN};
use crate::home::{Home, Ran};

fn ci(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci").join(name).canonicalize().unwrap()
}

/// A repository whose pull request changes a model, with the artefacts of both sides beside it, as a
/// team has them that runs dbt itself.
fn repository(home: &Home) {
    let of = |code: &str| {
        manifest(12, &[("orders", code, &[]), ("daily", "select * from orders", &["orders"])])
    };
    home.write(
        ".gitignore",
        ".belay\nbelay-state\nbelay-report\nhead\nevent.json\noutputs\nsummary\n",
    );
    home.write("models/orders.sql", "select 1 as id\n");
    home.write("target/manifest.json", &of("select 1 as id"));
    home.write("belay.toml", "workspace = \"acme\"\n");
    for args in [&["init", "-q"][..], &["add", "-A"], &["commit", "-qm", "shop"]] {
        home.git("", args);
    }
    drop(home.belay(&["state", "save"]).ends_with(0));
    home.git("", &["switch", "-qc", "change"]);
    home.write("models/orders.sql", "-- a remark\nselect 2 as id\n");
    home.write("head/manifest.json", &of("select 2 as id"));
    home.git("", &["commit", "-qam", "another id"]);
}

/// Runs every `run:` step of the composite action, and says which step ended with what.
fn run_action(home: &Home, host: &GitHost, inputs: &[(&str, &str)]) -> Vec<(String, Ran)> {
    let text = std::fs::read_to_string(ci("github/action.yml")).unwrap();
    let action: Value = serde_saphyr::from_str(&text).unwrap();
    let mut outputs: BTreeMap<String, String> = BTreeMap::new();
    let mut ended = Vec::new();
    for step in action["runs"]["steps"].as_array().unwrap() {
        let value = |expression: &str| -> String {
            let expression = expression.trim();
            if let Some(name) = expression.strip_prefix("inputs.") {
                let given = inputs.iter().find(|(known, _)| *known == name);
                let default = &action["inputs"][name]["default"];
                assert!(!default.is_null(), "the action has no input `{name}`");
                return given.map_or(default.as_str().unwrap(), |(_, value)| value).to_owned();
            }
            if expression == "github.action_path" {
                return ci("github").display().to_string();
            }
            let of_step = expression.strip_prefix("steps.").unwrap();
            let (id, name) = of_step.split_once(".outputs.").unwrap();
            outputs.get(&format!("{id}.{name}")).cloned().unwrap_or_default()
        };
        if let Some(condition) = step["if"].as_str() {
            let (left, right) = condition.split_once(" == ").unwrap();
            if value(left) != right.trim_matches('\'') {
                continue;
            }
        }
        let variables = step["env"].as_object().unwrap().iter();
        let mut variables: Vec<(String, String)> = variables
            .map(|(name, text)| (name.clone(), filled(text.as_str().unwrap(), &value)))
            .collect();
        home.write("outputs", "");
        let files = home.work();
        let at = |name: &str| files.join(name).display().to_string();
        for (name, text) in [
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("CI", "true".to_owned()),
            ("GITHUB_EVENT_PATH", at("event.json")),
            ("GITHUB_OUTPUT", at("outputs")),
            ("GITHUB_REPOSITORY", "acme/shop".to_owned()),
            ("GITHUB_API_URL", host.url.clone()),
        ] {
            variables.push((name.to_owned(), text));
        }
        let output: Output = home.bash(step["run"].as_str().unwrap(), &variables);
        let ran = Ran::of(output);
        let code = ran.code;
        ended.push((step["name"].as_str().unwrap().to_owned(), ran));
        if code != 0 {
            break;
        }
        if let Some(id) = step["id"].as_str() {
            for line in std::fs::read_to_string(at("outputs")).unwrap().lines() {
                let (name, value) = line.split_once('=').unwrap();
                outputs.insert(format!("{id}.{name}"), value.to_owned());
            }
        }
    }
    ended
}

fn filled(text: &str, value: &dyn Fn(&str) -> String) -> String {
    match text.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")) {
        Some(expression) => value(expression),
        None => text.to_owned(),
    }
}

fn event(home: &Home) -> String {
    let head = home.git("", &["rev-parse", "HEAD"]).trim().to_owned();
    let event = format!(
        r#"{{"pull_request": {{"number": 12, "head": {{"sha": "{head}", "repo": {{"full_name": "acme/shop"}}}},
            "base": {{"repo": {{"full_name": "acme/shop"}}}}}}}}"#
    );
    home.write("event.json", &event);
    head
}

const INPUTS: [(&str, &str); 3] =
    [("belay", env!("CARGO_BIN_EXE_belay")), ("token", TOKEN), ("base-state", "belay-state")];

#[test]
fn the_action_reviews_comments_checks_and_annotates() {
    let (home, host) = (Home::new(), GitHost::github());
    repository(&home);
    let head = event(&home);
    // Head's artefacts stand for a parse here: the review itself is tried elsewhere.
    let steps = run_action(&home, &host, &[&INPUTS[..], &[("head", "head")]].concat());
    let names: Vec<(&str, i32)> =
        steps.iter().map(|(name, ran)| (name.as_str(), ran.code)).collect();
    let wanted = [("Build belay", 0), ("Review", 0), ("Publish", 0), ("Verdict", 0)];
    assert_eq!(names, wanted, "{steps:#?}");
    let state = host.state.lock().unwrap();
    assert_eq!((state.comments.len(), state.checks.len()), (1, 1));
    assert_eq!(state.checks[0]["head_sha"], head);
    drop(state);
    for form in ["report.md", "report.html", "report.json"] {
        assert!(home.work().join("belay-report").join(form).is_file(), "{form}");
    }
    host.took_everything();
}

#[test]
fn a_base_state_that_is_missing_changed_or_stale_fails_loudly() {
    let (home, host) = (Home::new(), GitHost::github());
    repository(&home);
    let _head = event(&home);
    let inputs = [&INPUTS[..], &[("head", "head")]].concat();
    let fails = |slug: &str| {
        let steps = run_action(&home, &host, &inputs);
        let (name, ran) = steps.last().unwrap();
        assert_eq!((name.as_str(), ran.code), ("Review", 2), "{ran:?}");
        assert!(ran.stderr.contains(&format!("error[base-state/{slug}]")), "{}", ran.stderr);
    };
    let kept = std::fs::read_to_string(home.work().join("belay-state/manifest.json")).unwrap();
    home.write("belay-state/manifest.json", &kept.replace("orders", "others"));
    fails("changed");
    home.write("belay-state/manifest.json", &kept);
    home.git("", &["switch", "-q", "main"]);
    home.git("", &["commit", "-q", "--allow-empty", "-m", "later"]);
    home.git("", &["switch", "-q", "change"]);
    home.git("", &["rebase", "-q", "main"]);
    fails("stale");
    home.remove("belay-state/belay-state.json");
    fails("none");
    assert!(host.state.lock().unwrap().asked.is_empty());
}

#[test]
fn a_stale_base_state_is_taken_when_asked_and_the_report_says_so() {
    let home = Home::new();
    repository(&home);
    home.git("", &["switch", "-q", "main"]);
    home.git("", &["commit", "-q", "--allow-empty", "-m", "later"]);
    home.git("", &["switch", "-q", "change"]);
    home.git("", &["rebase", "-q", "main"]);
    drop(home.belay(&["state", "check"]).ends_with(2));
    let args = ["impact", "--base-state", "belay-state", "--head", "head", "--allow-stale-base"];
    let ran = home.belay(&[&args[..], &["--format", "json"]].concat()).ends_with(0);
    let notes = ran.json()["notes"].to_string();
    assert!(notes.contains("the base state is of commit"), "{notes}");
}

#[test]
fn a_state_is_saved_of_a_commit_only() {
    let home = Home::new();
    repository(&home);
    home.write("models/orders.sql", "select 3 as id\n");
    let ran = home.belay(&["state", "save"]).ends_with(2);
    assert!(ran.stderr.contains("error[base-state/dirty]"), "{}", ran.stderr);
    assert!(ran.stderr.contains("models/orders.sql"), "{}", ran.stderr);
}
