//! Reviews of a real dbt project in a real DuckDB.

use std::io::Read as _;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::home::{Home, Ran};
use crate::shop::{SHOP, first_review, furnish};

const BRANCH: &str = "promotions-and-loyalty";

fn findings_of<'a>(report: &'a Value, node: &str) -> Vec<&'a Value> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().filter(|finding| finding["node"] == node).collect()
}

fn scratch_is_gone(home: &Home) {
    let left = home.belay_in(SHOP, &["clean", "--dry-run"]).ends_with(0);
    assert_eq!(left.stdout, "nothing is left behind\n");
}

/// The last report of the shop, out of the record.
fn last_report(home: &Home) -> Value {
    home.belay_in(SHOP, &["review", "show", "--format", "json"]).ends_with(0).json()["report"]
        .clone()
}

#[test]
fn the_demo_names_the_planted_regression_and_proves_the_rest_harmless() {
    let home = Home::new();
    let shop = furnish(&home);
    let said = first_review();
    assert!(said.stdout.starts_with("risk CRITICAL"), "{}", said.stdout);
    assert!(
        said.stdout
            .contains("fct_orders: `order_id` identified every row in base and no longer does")
    );
    for next in ["belay review accept", "belay runs show", "belay trace check"] {
        assert!(said.stderr.contains(next), "{}", said.stderr);
    }
    let report = last_report(&home);
    let regression = findings_of(&report, "model.shop.fct_orders");
    assert!(
        regression.iter().any(
            |finding| finding["kind"] == "rows.duplicated" && finding["severity"] == "critical"
        )
    );
    // Formatting and refactoring: seen as changed, and proved to change nothing.
    for harmless in ["model.shop.stg_order_items", "model.shop.int_sessions_attributed"] {
        assert!(
            report["changed"].as_array().unwrap().iter().any(|node| node["node"] == harmless),
            "{harmless}"
        );
        assert!(
            report["harmless"].as_array().unwrap().iter().any(|node| node["node"] == harmless),
            "{harmless}"
        );
        assert!(
            findings_of(&report, harmless)
                .iter()
                .all(|finding| finding["severity"] == "info" || finding["severity"] == "low")
        );
    }
    let added = findings_of(&report, "model.shop.delivery_performance");
    assert!(added.iter().all(|finding| finding["severity"] == "info"), "{added:?}");
    let tiers = findings_of(&report, "model.shop.int_customer_loyalty");
    assert_eq!(tiers.len(), 1);
    assert_eq!(tiers[0]["column"], "loyalty_tier");
    assert!(
        report["tests"].as_array().unwrap().iter().all(|test| test["verdict"] != "regressed"),
        "no test catches it"
    );
    // What is marked sensitive is nowhere in the report.
    assert!(shop.join("report.html").is_file());
    assert!(!std::fs::read_to_string(shop.join("report.html")).unwrap().contains("@example"));
    scratch_is_gone(&home);
}

#[test]
fn a_review_touches_neither_the_work_tree_nor_git() {
    let home = Home::new();
    let shop = furnish(&home);
    // The user is in the middle of something.
    home.write(&format!("{SHOP}/models/staging/stg_orders.sql"), "select 1 as half_written");
    home.write(&format!("{SHOP}/models/new_idea.sql"), "select 1 as id");
    home.git(SHOP, &["add", "models/new_idea.sql"]);
    let before = (home.git(SHOP, &["status", "--porcelain"]), listing(&shop.join(".git")));
    let args = ["-q", "impact", "--head", BRANCH, "--no-build", "--format", "json"];
    let report = home.belay_in(SHOP, &args).ends_with(0).json();
    assert!(report["build"].is_null());
    assert_eq!(report["base"]["kind"], "commit");
    // The work tree as head sees what is not committed, and still touches nothing.
    let report = home
        .belay_in(SHOP, &["-q", "impact", "--no-build", "--format", "json", "--fail-on", "never"])
        .ends_with(0)
        .json();
    let changed: Vec<&str> = report["changed"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|node| node["node"].as_str())
        .collect();
    assert!(
        changed.contains(&"model.shop.new_idea") && changed.contains(&"model.shop.stg_orders"),
        "{changed:?}"
    );
    let after = (home.git(SHOP, &["status", "--porcelain"]), listing(&shop.join(".git")));
    assert_eq!(before.0, after.0);
    let touched: Vec<_> = after.1.iter().filter(|file| !before.1.contains(file)).collect();
    assert!(touched.is_empty() && before.1.len() == after.1.len(), "{touched:?}");
    assert!(!shop.join("target").exists() && !shop.join("logs").exists());
}

/// Every file below `folder` with its length and time of change.
fn listing(folder: &Path) -> Vec<(String, u64, Option<std::time::SystemTime>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let about = entry.metadata().unwrap();
            if about.is_dir() {
                open.push(entry.path());
            } else {
                found.push((
                    entry.path().display().to_string(),
                    about.len(),
                    about.modified().ok(),
                ));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_model_that_does_not_build_is_a_finding_and_the_rest_of_the_report_still_comes() {
    let home = Home::new();
    furnish(&home);
    home.git(SHOP, &["checkout", "--quiet", "main"]);
    home.write(
        &format!("{SHOP}/models/marts/marketing/promotion_performance.sql"),
        "select no_such_column from {{ ref('stg_promotions') }}",
    );
    let staging = home.work().join(SHOP).join("models/staging/stg_web_sessions.sql");
    let text = std::fs::read_to_string(&staging).unwrap();
    std::fs::write(&staging, format!("-- a comment\n{text}")).unwrap();
    let args = ["-q", "impact", "--format", "json"];
    let report = home.belay_in(SHOP, &args).ends_with(1).json();
    let failed = findings_of(&report, "model.shop.promotion_performance");
    assert!(
        failed
            .iter()
            .any(|finding| finding["kind"] == "build.failed" && finding["severity"] == "critical")
    );
    let said = failed[0]["evidence"][0].as_str().unwrap();
    assert!(said.contains("no_such_column"), "{said}");
    let harmless: Vec<&str> = report["harmless"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|node| node["node"].as_str())
        .collect();
    assert!(harmless.contains(&"model.shop.stg_web_sessions"), "{harmless:?}");
    // The threshold is the user's.
    drop(home.belay_in(SHOP, &["-q", "impact", "--no-build", "--fail-on", "never"]).ends_with(0));
    scratch_is_gone(&home);
}

#[test]
fn what_dbt_cannot_parse_is_told_once_in_its_own_words_with_the_log() {
    let home = Home::new();
    let shop = furnish(&home);
    home.write(&format!("{SHOP}/models/broken.sql"), "select {{ ref('nobody_made_this') }}");
    let ran = home.belay_in(SHOP, &["-q", "impact"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[dbt/failed]: dbt parse failed:"), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("nobody_made_this").count(), 1, "{}", ran.stderr);
    let log = std::fs::read_dir(shop.join(".belay/logs")).unwrap().next().unwrap().unwrap().path();
    assert!(ran.stderr.contains(&*log.to_string_lossy()), "{}", ran.stderr);
    assert!(std::fs::read_to_string(log).unwrap().contains("nobody_made_this"));
    scratch_is_gone(&home);
}

#[test]
fn a_ref_that_does_not_exist_and_a_database_that_is_missing_are_named() {
    let home = Home::new();
    let shop = furnish(&home);
    let ran = home.belay_in(SHOP, &["-q", "impact", "--head", "nowhere"]).ends_with(2);
    assert!(
        ran.stderr.contains("error[git/no-such-ref]: git knows no commit `nowhere`"),
        "{}",
        ran.stderr
    );
    std::fs::remove_file(shop.join("shop.duckdb")).unwrap();
    let ran = home.belay_in(SHOP, &["-q", "impact", "--head", BRANCH]).ends_with(2);
    assert!(ran.stderr.contains("error[warehouse/no-file]"), "{}", ran.stderr);
    scratch_is_gone(&home);
}

#[test]
fn a_locked_database_is_told_apart_from_a_broken_one() {
    let home = Home::new();
    let shop = furnish(&home);
    // DuckDB locks with fcntl, as this does; the holder lets go when its stdin closes.
    let script = "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()";
    let mut holder = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(shop.join("shop.duckdb"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = [0_u8; 4];
    holder.stdout.as_mut().unwrap().read_exact(&mut word).unwrap();
    let ran = home.belay_in(SHOP, &["-q", "impact", "--head", BRANCH]).ends_with(3);
    assert!(ran.stderr.contains("error[warehouse/locked]"), "{}", ran.stderr);
    drop(holder.stdin.take());
    let _ = holder.wait().unwrap();
    scratch_is_gone(&home);
}

/// Starts a review and waits until dbt builds in scratch.
#[expect(clippy::zombie_processes, reason = "the caller waits; when this panics, so does the test")]
fn building(home: &Home) -> Child {
    let child = home.start_in(SHOP, &["impact", "--head", BRANCH]);
    let began = Instant::now();
    loop {
        let record = home.belay_in(SHOP, &["runs", "show", "--format", "json"]).ends_with(0).json();
        let steps = record["steps"].as_array().unwrap();
        let builds = |step: &&Value| {
            step["name"].as_str().unwrap().starts_with("build ") && step["state"] == "running"
        };
        if record["run"]["state"] == "running" && steps.iter().any(|step| builds(&step)) {
            // A little further, so that dbt has made its schema.
            std::thread::sleep(Duration::from_secs(4));
            return child;
        }
        assert!(began.elapsed() < Duration::from_mins(4), "the build never began");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_killed_run_is_seen_as_interrupted_and_clean_drops_what_it_left() {
    let home = Home::new();
    furnish(&home);
    let mut child = building(&home);
    child.kill().unwrap();
    let _ = child.wait().unwrap();
    let runs = home.belay_in(SHOP, &["runs", "list", "--format", "json"]).ends_with(0).json();
    assert_eq!(runs["runs"][0]["state"], "interrupted");
    let run = runs["runs"][0]["run"].as_str().unwrap().to_owned();
    drop(home.belay_in(SHOP, &["doctor"]).ends_with(1));
    let cleaned = home.belay_in(SHOP, &["clean", "--format", "json"]).ends_with(0).json();
    assert_eq!(cleaned["leftovers"][0]["run"], run.as_str());
    scratch_is_gone(&home);
    for id in [run.as_str(), "last"] {
        let checked =
            home.belay_in(SHOP, &["trace", "check", id, "--format", "json"]).ends_with(0).json();
        assert_eq!(checked["valid"], true, "{checked}");
    }
    drop(home.belay_in(SHOP, &["doctor"]).ends_with(0));
}

#[test]
fn ctrl_c_ends_dbt_drops_the_scratch_schema_and_leaves_the_record_whole() {
    let home = Home::new();
    furnish(&home);
    let child = building(&home);
    let signalled = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signalled.success());
    let ran = Ran::of(child.wait_with_output().unwrap()).ends_with(3);
    assert!(ran.stderr.contains("error[run/interrupted]: interrupted"), "{}", ran.stderr);
    let record = home.belay_in(SHOP, &["runs", "show", "--format", "json"]).ends_with(0).json();
    assert_eq!(record["run"]["state"], "interrupted");
    scratch_is_gone(&home);
    let checked = home.belay_in(SHOP, &["trace", "check", "--format", "json"]).ends_with(0).json();
    assert_eq!(checked["valid"], true, "{checked}");
}

/// Answers a query over the shop's database, read by dbt's own DuckDB.
fn query(shop: &Path, sql: &str) -> String {
    let dbt = belay_outside::Cache::new(crate::home::cache()).dbt("duckdb").unwrap();
    let python = dbt.with_file_name("python");
    let script = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchall())";
    let output = std::process::Command::new(python)
        .args(["-c", script])
        .arg(shop.join("shop.duckdb"))
        .arg(sql)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn hooks_of_either_side_write_nothing_beside_the_scratch_schema() {
    let home = Home::new();
    let shop = furnish(&home);
    home.git(SHOP, &["checkout", "--quiet", "main"]);
    let project = std::fs::read_to_string(shop.join("dbt_project.yml")).unwrap();
    let hook = "on-run-start:\n  - create table analytics.hook_of_base as select 1 as id\n";
    home.write(&format!("{SHOP}/dbt_project.yml"), &format!("{project}\n{hook}"));
    home.git(SHOP, &["commit", "--quiet", "--all", "--message", "a hook"]);
    let hook = "on-run-end: create table analytics.hook_of_head as select 1 as id\n";
    home.write(&format!("{SHOP}/dbt_project.yml"), &format!("{project}\n{hook}"));
    let model = "models/marts/marketing/promotion_performance.sql";
    let text = std::fs::read_to_string(shop.join(model)).unwrap();
    home.write(&format!("{SHOP}/{model}"), &format!("-- reviewed\n{text}"));
    let report = home
        .belay_in(SHOP, &["-q", "impact", "--base", "HEAD", "--format", "json"])
        .ends_with(0)
        .json();
    let ran: Vec<&Value> =
        report["tests"].as_array().unwrap().iter().filter(|test| test["base"] == "pass").collect();
    assert!(!ran.is_empty(), "base's tests run on a read-only database: {}", report["notes"]);
    let left = query(
        &shop,
        "select table_name from duckdb_tables() where starts_with(table_name, 'hook')",
    );
    assert_eq!(left.trim(), "[]");
    scratch_is_gone(&home);
}

#[test]
fn a_node_outside_the_claimed_file_or_schema_is_refused_before_anything_is_built() {
    let home = Home::new();
    let shop = furnish(&home);
    home.write(
        &format!("{SHOP}/models/escapes.sql"),
        "{{ config(database='other') }} select 1 as id",
    );
    let ran = home.belay_in(SHOP, &["-q", "impact"]).ends_with(2);
    assert!(
        ran.stderr.contains("error[scratch/escape]: building would write to `other."),
        "{}",
        ran.stderr
    );
    home.write(&format!("{SHOP}/models/escapes.sql"), "select 1 as id");
    let macros = "{% macro generate_schema_name(custom, node) %}analytics{% endmacro %}";
    home.write(&format!("{SHOP}/macros/schema.sql"), macros);
    let ran = home.belay_in(SHOP, &["-q", "impact"]).ends_with(2);
    assert!(
        ran.stderr.contains("error[scratch/escape]: building would write to `shop.analytics."),
        "{}",
        ran.stderr
    );
    let built = query(&shop, "select count(*) from duckdb_tables() where table_name = 'escapes'");
    assert_eq!(built.trim(), "[(0,)]");
    scratch_is_gone(&home);
}
