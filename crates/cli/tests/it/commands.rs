//! Commands that need neither dbt nor a warehouse.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::home::Home;

fn check(home: &Home, args: &[&str], expected: Expect) {
    expected.assert_eq(&home.belay(args).told(home));
}

/// A manifest as `dbt parse` writes it, as small as it can be.
pub(crate) fn manifest(version: u32, models: &[(&str, &str, &[&str])]) -> String {
    let node = |(name, code, parents): &(&str, &str, &[&str])| {
        let id = format!("model.shop.{name}");
        let parents: Vec<String> =
            parents.iter().map(|parent| format!("model.shop.{parent}")).collect();
        let node = json!({
            "unique_id": id, "name": name, "resource_type": "model", "package_name": "shop",
            "original_file_path": format!("models/{name}.sql"), "fqn": ["shop", name], "raw_code": code,
            "language": "sql", "database": "shop", "schema": "analytics", "alias": name,
            "relation_name": format!("\"shop\".\"analytics\".\"{name}\""),
            "config": {"materialized": "view"}, "unrendered_config": {}, "columns": {}, "tags": [],
            "depends_on": {"nodes": parents, "macros": []}, "checksum": {"name": "sha256", "checksum": "x"},
        });
        (id, node)
    };
    let nodes: serde_json::Map<String, Value> = models.iter().map(node).collect();
    json!({
        "metadata": {
            "dbt_schema_version": format!("https://schemas.getdbt.com/dbt/manifest/v{version}.json"),
            "dbt_version": "1.11.16", "adapter_type": "duckdb", "project_name": "shop",
            "generated_at": "2026-01-01T00:00:00Z",
        },
        "nodes": nodes, "sources": {}, "macros": {}, "exposures": {}, "metrics": {}, "disabled": {},
    })
    .to_string()
}

pub(crate) fn pair(home: &Home) {
    let base = manifest(
        12,
        &[("a", "select 1 as x", &[]), ("b", "select * from a", &["a"]), ("c", "select 3", &[])],
    );
    let head = manifest(
        12,
        &[("a", "select 2 as x", &[]), ("b", "select * from a", &["a"]), ("c", "select 3", &[])],
    );
    home.write("base/manifest.json", &base);
    home.write("head/target/manifest.json", &head);
}

#[test]
fn a_command_that_does_not_exist_is_a_usage_error() {
    let ran = Home::new().belay(&["impct"]).ends_with(2);
    assert!(ran.stdout.is_empty());
    assert!(
        ran.stderr.starts_with("error[usage]: unrecognized subcommand 'impct'"),
        "{}",
        ran.stderr
    );
}

#[test]
fn outside_of_a_repository_impact_says_what_to_do() {
    check(
        &Home::new(),
        &["--quiet", "impact"],
        expect![[r#"
            exit 2
            --- stdout
            --- stderr
            error[git/no-repository]: `WORK` is not in a git repository
              help: run it inside a repository, or give two folders of dbt artefacts: `--base DIR --head DIR`
        "#]],
    );
}

#[test]
fn in_a_repository_without_a_project_impact_says_so() {
    let home = Home::new();
    home.git("", &["init", "--quiet"]);
    check(
        &home,
        &["--quiet", "impact"],
        expect![[r#"
            exit 2
            --- stdout
            --- stderr
            error[dbt/no-project]: there is no dbt project in `WORK` or above it
              help: go to the folder of a dbt project, or give two folders of dbt artefacts: `--base DIR --head DIR`
        "#]],
    );
}

#[test]
fn errors_are_json_where_the_result_would_be() {
    let home = Home::new();
    let ran = home.belay(&["--quiet", "impact", "--format", "json"]).ends_with(2);
    let error: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["schema"], "belay.error/1");
    assert_eq!(error["code"], "git/no-repository");
    assert!(ran.stdout.is_empty());
}

#[test]
fn two_folders_of_artefacts_need_nothing_else() {
    let home = Home::new();
    pair(&home);
    let args = ["--quiet", "impact", "--base", "base", "--head", "head", "--format", "json"];
    let report = home.belay(&args).ends_with(0).json();
    assert_eq!(
        report["changed"],
        json!([{"node": "model.shop.a", "reasons": ["body"], "meaning": "values",
            "columns": ["x"], "path": "models/a.sql"}])
    );
    assert_eq!(
        report["affected"],
        json!([{"node": "model.shop.b", "via": ["model.shop.a"], "columns": ["x"], "rows": false}])
    );
    assert_eq!(report["selection"]["build"], json!(["model.shop.a", "model.shop.b"]));
    assert_eq!(report["data"], json!([]));
    assert!(
        !home.work().join(".belay").exists(),
        "the record is elsewhere when there is no repository"
    );
    let checked = home.belay(&["trace", "check", "--format", "json"]).ends_with(0).json();
    assert_eq!(checked["valid"], true);
}

#[test]
fn the_report_of_artefacts_validates_against_the_published_schema() {
    let home = Home::new();
    pair(&home);
    let schema = home.belay(&["schema", "impact"]).ends_with(0).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let report = home
        .belay(&["-q", "impact", "--base", "base", "--head", "head", "--format", "json"])
        .ends_with(0)
        .json();
    assert!(validator.is_valid(&report));
    let mut other = report.clone();
    other["schema"] = json!("belay.impact/2");
    assert!(!validator.is_valid(&other));
    other = report;
    other["risk"]["level"] = json!("grave");
    assert!(!validator.is_valid(&other));
}

#[test]
fn a_manifest_that_cannot_be_read_is_refused_with_its_reason_and_leaves_a_failed_run() {
    let whole = manifest(12, &[("a", "select 1", &[])]);
    let cut = whole.get(..whole.len() / 2).unwrap();
    let newer = manifest(21, &[]);
    let cases = [
        (cut, "manifest/cut-short"),
        ("{}", "manifest/not-a-manifest"),
        ("not json", "manifest/not-json"),
        (newer.as_str(), "manifest/too-new"),
    ];
    for (text, slug) in cases {
        let home = Home::new();
        pair(&home);
        home.write("head/target/manifest.json", text);
        let ran = home.belay(&["-q", "impact", "--base", "base", "--head", "head"]).ends_with(2);
        assert!(
            ran.stderr.starts_with(&format!("error[{slug}]: the manifest of head")),
            "{}",
            ran.stderr
        );
        let runs = home.belay(&["runs", "list", "--format", "json"]).ends_with(0).json();
        assert_eq!(runs["runs"][0]["state"], "failed", "{slug}");
        let checked = home.belay(&["trace", "check", "--format", "json"]).ends_with(0).json();
        assert_eq!(checked["valid"], true, "{slug}");
    }
}

#[test]
fn a_guided_worker_is_held_before_its_first_step() {
    let home = Home::new();
    pair(&home);
    let ran = home
        .belay(&["-q", "impact", "--base", "base", "--head", "head", "--level", "L1"])
        .ends_with(4);
    assert!(ran.stderr.contains("error[gate/held]"), "{}", ran.stderr);
    assert!(ran.stderr.contains("missing: a yes to this step"), "{}", ran.stderr);
    let runs = home.belay(&["runs", "list", "--format", "json"]).ends_with(0).json();
    assert_eq!(runs["runs"][0]["state"], "held");
}

#[test]
fn a_review_is_judged_once_and_a_rejection_needs_a_reason() {
    let home = Home::new();
    pair(&home);
    drop(home.belay(&["-q", "impact", "--base", "base", "--head", "head"]).ends_with(0));
    let silent = home.belay(&["review", "reject"]).ends_with(2);
    assert!(silent.stderr.contains("error[review/no-reason]"));
    let unknown = home.belay(&["review", "accept", "--finding", "F-0"]).ends_with(2);
    assert!(unknown.stderr.contains("error[review/no-finding]"));
    let ran = home
        .belay(&["review", "reject", "--reason", "b is wrong", "--format", "json"])
        .ends_with(0)
        .json();
    assert_eq!(ran["review"]["state"], "rejected");
    assert_eq!(ran["dispositions"][0]["reviewer"], "tester");
    assert_eq!(ran["dispositions"][0]["identity"], "asserted");
    let runs = home.belay(&["runs", "list", "--format", "json"]).ends_with(0).json();
    assert_eq!(runs["runs"][0]["state"], "rejected");
    let again = home.belay(&["review", "accept"]).ends_with(2);
    assert!(again.stderr.contains("error[review/closed]"), "{}", again.stderr);
    let checked = home.belay(&["trace", "check", "--format", "json"]).ends_with(0).json();
    assert_eq!(checked["valid"], true);
}

#[test]
fn faults_of_the_configuration_are_all_named() {
    let home = Home::new();
    home.write("belay.toml", "[impact]\nfail_on = \"grave\"\nsampels = 3\n");
    check(
        &home,
        &["config"],
        expect![[r#"
            exit 2
            --- stdout
            --- stderr
            error[config/invalid]: the configuration has 2 faults
              because: belay.toml:2: `impact.fail_on` is not info, low, medium, high, critical or never
              because: belay.toml:3: unknown setting `impact.sampels`
              help: run `belay explain config/invalid` for the settings there are
        "#]],
    );
}

#[test]
fn a_demo_never_goes_over_what_is_there() {
    let home = Home::new();
    home.write("mine/notes.txt", "keep me");
    check(
        &home,
        &["demo", "--dir", "mine"],
        expect![[r#"
            exit 2
            --- stdout
            --- stderr
            error[demo/occupied]: `mine` holds something that is no finished demo
              help: name another folder: --dir DIR
        "#]],
    );
    assert_eq!(std::fs::read_to_string(home.work().join("mine/notes.txt")).unwrap(), "keep me");
}

#[test]
fn a_run_that_nobody_knows_is_an_input_error() {
    let ran = Home::new().belay(&["runs", "show", "abc"]).ends_with(2);
    assert!(ran.stderr.contains("error[record/not-found]: no run matches `abc`"), "{}", ran.stderr);
}
