//! Reviews that build only what can see the change.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::home::Home;
use crate::shop::{SHOP, furnish};

/// The shop on its main branch, with `from` replaced by `to` in each of the files.
fn edited(home: &Home, edits: &[(&str, &str, &str)]) {
    let shop = furnish(home);
    home.git(SHOP, &["checkout", "--quiet", "main"]);
    for (file, from, to) in edits {
        let text = fs::read_to_string(shop.join(file)).unwrap();
        assert!(text.contains(from), "{file} does not hold {from}");
        fs::write(shop.join(file), text.replace(from, to)).unwrap();
    }
}

fn review(home: &Home, more: &[&str]) -> Value {
    let args = ["-q", "impact", "--format", "json", "--fail-on", "never"];
    home.belay_in(SHOP, &[&args, more].concat()).ends_with(0).json()
}

fn names<'a>(rows: &'a Value, key: &str) -> BTreeSet<&'a str> {
    let rows = rows.as_array().unwrap().iter();
    rows.filter_map(|row| row[key].as_str()?.rsplit('.').next()).collect()
}

#[test]
fn a_macro_that_changes_no_query_reaches_nobody() {
    let home = Home::new();
    let words = "part / whole in percent";
    edited(&home, &[("macros/percentage.sql", words, "a part of the whole, in percent")]);
    let report = review(&home, &[]);
    assert_eq!(names(&report["changed"], "node"), BTreeSet::new());
    assert_eq!(names(&report["affected"], "node"), BTreeSet::new());
    assert_eq!(report["selection"]["build"], serde_json::json!([]));
    assert_eq!(report["risk"]["level"], "info");
}

#[test]
fn a_variable_reaches_exactly_the_models_whose_query_it_changes() {
    let home = Home::new();
    edited(&home, &[("dbt_project.yml", "2025-09-30", "2025-09-29")]);
    let report = review(&home, &["--no-build"]);
    let changed = BTreeSet::from(["customer_value_features", "inventory_status"]);
    assert_eq!(names(&report["changed"], "node"), changed);
    let edits = report["edits"].as_array().unwrap();
    assert_eq!(edits.len(), 1, "{edits:?}");
    assert_eq!(edits[0]["title"], "var as_of_date");
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.iter().any(|finding| finding["kind"] == "vars.changed"), "{findings:?}");
}

#[test]
fn an_added_column_spares_whoever_does_not_read_it() {
    let home = Home::new();
    let column = "    sales_channel,\n";
    let more = "    sales_channel,\n    upper(sales_channel) as channel_label,\n";
    edited(&home, &[("models/staging/stg_orders.sql", column, more)]);
    let report = review(&home, &[]);
    assert_eq!(report["changed"][0]["meaning"], "additive");
    assert_eq!(report["selection"]["build"], serde_json::json!(["model.shop.stg_orders"]));
    assert!(names(&report["spared"], "node").contains("fct_orders"));
    let everything = review(&home, &["--everything"]);
    assert!(everything["selection"]["build"].as_array().unwrap().len() > 8);
    assert_eq!(names(&everything["spared"], "node"), BTreeSet::new());
}

#[test]
fn below_an_output_that_came_out_equal_nothing_more_is_built() {
    let home = Home::new();
    let from = "from {{ source('raw', 'orders') }}";
    let filtered = "from {{ source('raw', 'orders') }}\nwhere id is not null";
    edited(&home, &[("models/staging/stg_orders.sql", from, filtered)]);
    let report = review(&home, &[]);
    assert_eq!(report["changed"][0]["meaning"], "rows");
    assert_eq!(names(&report["data"], "node"), BTreeSet::from(["stg_orders"]));
    let cut = names(&report["cut_off"], "node");
    assert!(cut.contains("fct_orders") && cut.len() >= 8, "{cut:?}");
}

#[test]
fn a_changed_increment_is_seen_though_a_fresh_build_comes_out_the_same() {
    let home = Home::new();
    let model = "models/marts/finance/fct_orders.sql";
    edited(&home, &[(model, "max(order_date) - 30", "max(order_date) - 3")]);
    let report = review(&home, &["--no-build"]);
    let changed = &report["changed"][0];
    assert_eq!(changed["node"], "model.shop.fct_orders");
    assert_eq!(changed["meaning"], "rows");
}
