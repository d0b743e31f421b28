use std::path::{Path, PathBuf};

use belay_model::Explain as _;
use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::Registry;

const WORKER: &str = "schema: belay.worker/1
name: hand
owner: team
purpose: x
workflows: [flow]
ceiling: L3
level: L2
tools: [script_read]
classes: [read]
evaluators: [impact]
budget: {seconds: 60}
rollback: docs/back.md
";

const WORKFLOW: &str = "schema: belay.workflow/1
name: flow
purpose: x
worker: hand
steps:
  - id: look
    class: read
    zone: dev
    target: x
    run: [ls]
";

fn house(files: &[(&str, &str)]) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let whole = [
        ("belay/workers/hand.yaml", WORKER),
        ("belay/workflows/flow.yaml", WORKFLOW),
        ("docs/back.md", ""),
    ];
    for (path, text) in whole.iter().chain(files) {
        let path = place.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    place
}

fn load(root: &Path) -> Result<Registry, super::Faults> {
    Registry::load(Some(root), &crate::eval::exists)
}

fn faults(place: &TempDir, expected: Expect) {
    expected.assert_eq(&(load(place.path()).unwrap_err().to_string() + "\n"));
}

#[test]
fn a_repository_adds_to_what_is_built_in() {
    let place = house(&[]);
    let registry = load(place.path()).unwrap();
    let names: Vec<&str> = registry.workers().map(|worker| worker.name.as_str()).collect();
    assert_eq!(names, ["audit", "dbt-impact", "demo", "evaluator", "hand", "publisher"]);
    let worker = registry.worker_of(registry.workflow("flow").unwrap()).unwrap();
    assert_eq!((worker.name.as_str(), worker.workflow.as_str()), ("hand", "flow"));
    let nothing = tempfile::tempdir().unwrap();
    for root in [Some(nothing.path()), None] {
        assert_eq!(Registry::load(root, &|_| false).unwrap().workers().count(), 5);
    }
}

#[test]
fn what_a_worker_names_must_exist() {
    let worker = WORKER
        .replace("docs/back.md", "docs/none.md")
        .replace("impact", "none/such")
        .replace("[flow]", "[flow, none]");
    faults(
        &house(&[("belay/workers/hand.yaml", &worker)]),
        expect![[r#"
            belay/workers/hand.yaml:5: there is no workflow `none`
              belay/workers/hand.yaml:10: there is no evaluator `none/such`
              belay/workers/hand.yaml:12: the rollback document `docs/none.md` does not exist
        "#]],
    );
}

#[test]
fn a_workflow_needs_a_worker_that_names_it_and_has_its_tools() {
    let other = WORKFLOW.replace("name: flow", "name: other");
    let grave = WORKFLOW
        .replace("name: flow", "name: grave")
        .replace("worker: hand", "worker: nobody")
        .replace("class: read", "class: report");
    let flow = WORKFLOW.replace("class: read", "class: report");
    let place = house(&[
        ("belay/workflows/other.yaml", &other),
        ("belay/workflows/grave.yaml", &grave),
        ("belay/workflows/flow.yaml", &flow),
    ]);
    faults(
        &place,
        expect![[r#"
            belay/workflows/flow.yaml:6: step `look` needs the tool `script_report`, which worker `hand` does not have
              belay/workflows/grave.yaml: there is no worker `nobody`
              belay/workflows/other.yaml: worker `hand` does not name this workflow
        "#]],
    );
}

#[test]
fn faults_of_all_files_come_together_and_one_fault_is_told_once() {
    let place = house(&[
        ("belay/workers/hand.yaml", "schema: x\n\tname: y\n"),
        ("belay/workflows/flow.yaml", &WORKFLOW.replace("purpose", "porpoise")),
        ("belay/workflows/short.yml", "a: 1"),
        ("belay/workers/dbt-impact.yaml", &WORKER.replace("name: hand", "name: dbt-impact")),
    ]);
    faults(
        &place,
        expect![[r#"
            belay/workers/dbt-impact.yaml:2: `dbt-impact` is the name of a built-in worker
              belay/workers/hand.yaml:2: a tab in the indentation: use spaces
              belay/workflows/flow.yaml:1: `purpose` is missing
              belay/workflows/flow.yaml:3: unknown key `porpoise`; known: schema, name, purpose, worker, level, tainted, steps
              belay/workflows/short.yml: its ending must be `.yaml`
        "#]],
    );
    assert_eq!(load(place.path()).unwrap_err().code(), "worker/invalid");
}

#[test]
fn no_file_is_read_from_outside_the_repository() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("w.yaml"), WORKFLOW).unwrap();
    let place = house(&[]);
    let link = |to: PathBuf, name: &str| {
        std::os::unix::fs::symlink(to, place.path().join(name)).unwrap();
    };
    link(outside.path().join("w.yaml"), "belay/workflows/link.yaml");
    std::fs::remove_file(place.path().join("docs/back.md")).unwrap();
    link(outside.path().join("w.yaml"), "docs/back.md");
    faults(
        &place,
        expect![[r#"
            belay/workers/hand.yaml:12: the rollback document `docs/back.md` leads out of the repository
              belay/workflows/link.yaml: leads out of the repository
        "#]],
    );
}

#[test]
fn the_examples_are_valid() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&examples).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let registry = load(&path).unwrap_or_else(|faults| panic!("{faults}"));
            names.extend(registry.workflows().map(|workflow| workflow.name.clone()));
            for step in registry.workflows().flat_map(|workflow| &workflow.steps) {
                assert_eq!(step.unbound_arguments(), [""; 0], "{}", step.id);
            }
        }
    }
    names.sort();
    assert_eq!(names, ["deck", "role-audit", "slim-ci"]);
}

#[test]
fn the_reference_pages_name_every_key() {
    use crate::workflow::definition::{COMMAND_KEYS, KEYS, PROBE_KEYS, STEP_KEYS};
    let page = include_str!("../../../../docs/reference/workflows.md");
    let keys = KEYS.iter().chain(&STEP_KEYS).chain(&COMMAND_KEYS).chain(&PROBE_KEYS);
    for key in keys {
        assert!(page.contains(&format!("| `{key}` |")), "workflows.md: {key}");
    }
    let page = include_str!("../../../../docs/reference/workers.md");
    for key in super::worker::KEYS {
        assert!(page.contains(&format!("| `{key}` |")), "workers.md: {key}");
    }
}
