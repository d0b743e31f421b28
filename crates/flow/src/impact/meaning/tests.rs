//! Small projects, base against head: what the change means, whom it spares, who edited what.

use std::fmt::Write;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

/// A project: name, materialisation, parents, compiled code.
#[derive(Clone)]
struct Shop {
    nodes: Vec<Value>,
    macros: Value,
}

impl Shop {
    /// `raw.orders` with four columns, and what reads it.
    fn new() -> Self {
        let shop = Self { nodes: Vec::new(), macros: json!({}) };
        let raw = json!({
            "unique_id": "source.shop.raw.orders", "name": "orders", "resource_type": "source",
            "source_name": "raw", "identifier": "orders", "schema": "raw", "database": "db",
            "relation_name": r#""db"."raw"."orders""#, "package_name": "shop",
            "original_file_path": "models/sources.yml", "fqn": ["shop", "raw", "orders"],
            "columns": {
                "id": {"name": "id", "data_type": "bigint"},
                "zone": {"name": "zone", "data_type": "varchar"},
                "amount": {"name": "amount", "data_type": "bigint"},
                "status": {"name": "status", "data_type": "varchar"},
            },
        });
        let mut shop = shop;
        shop.nodes.push(raw);
        shop.model(
            "stg",
            &["source.shop.raw.orders"],
            r#"select id, upper(zone) as zone, amount, status from "db"."raw"."orders""#,
        )
        .model(
            "by_amount",
            &["model.shop.stg"],
            r#"select id, amount from "db"."main"."stg" where status = 'paid'"#,
        )
        .model(
            "by_zone",
            &["model.shop.stg"],
            r#"select zone, count(*) as n from "db"."main"."stg" group by zone"#,
        )
        .model("everything", &["model.shop.stg"], r#"select * from "db"."main"."stg""#)
        .model(
            "total",
            &["model.shop.by_amount"],
            r#"select sum(amount) as total from "db"."main"."by_amount""#,
        )
    }

    fn model(self, name: &str, parents: &[&str], sql: &str) -> Self {
        self.node(name, json!({"compiled_code": sql, "raw_code": sql, "depends_on": {"nodes": parents, "macros": []}}))
    }

    fn node(mut self, name: &str, more: Value) -> Self {
        let kind = more.get("resource_type").and_then(Value::as_str).unwrap_or("model").to_owned();
        let mut node = json!({
            "unique_id": format!("{kind}.shop.{name}"), "name": name, "resource_type": kind,
            "package_name": "shop", "original_file_path": format!("models/{name}.sql"),
            "fqn": ["shop", name], "alias": name, "database": "db", "schema": "main",
            "relation_name": format!(r#""db"."main"."{name}""#),
            "config": {"enabled": true, "materialized": "table"}, "unrendered_config": {},
        });
        for (key, value) in more.as_object().unwrap() {
            node[key] = value.clone();
        }
        self.nodes.retain(|old| old["unique_id"] != node["unique_id"]);
        self.nodes.push(node);
        self
    }

    fn manifest(&self) -> Manifest {
        let mut json = json!({
            "metadata": {
                "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
                "dbt_version": "1.11.16", "adapter_type": "duckdb", "project_name": "shop",
            },
            "nodes": {}, "sources": {}, "exposures": {}, "macros": self.macros,
        });
        for node in &self.nodes {
            let section = match node["resource_type"].as_str().unwrap() {
                "source" => "sources",
                "exposure" => "exposures",
                _ => "nodes",
            };
            json[section][node["unique_id"].as_str().unwrap()] = node.clone();
        }
        Manifest::parse(json.to_string().as_bytes()).unwrap()
    }
}

fn check(head: &Shop, expected: &Expect) {
    check_both(&Shop::new(), head, expected);
}

fn check_both(base: &Shop, head: &Shop, expected: &Expect) {
    let (base, head) = (base.manifest(), head.manifest());
    let scope = Scope::between(&base, &head);
    let change =
        Change { base: &base, head: &head, scope: &scope, base_folder: None, head_folder: None };
    let (found, due) =
        belay_sql::with_deep_stack(|| of(&change, &Both::of((&base, None), (&head, None), &scope)))
            .unwrap();
    let mut text = String::new();
    let short = |id: &NodeId| id.as_str().rsplit('.').next().unwrap().to_owned();
    for (id, effect) in &found.effects {
        let columns = effect::columns_in_words(effect).unwrap_or_default();
        writeln!(
            text,
            "{}: {} {columns} | {}",
            short(id),
            effect.meaning,
            effect.reasons.join("; ")
        )
        .unwrap();
    }
    for Spared { node, proof } in &found.spared {
        writeln!(text, "spared {}: {proof}", short(node)).unwrap();
    }
    for Broken { node, column, parent } in &found.broken {
        writeln!(text, "broken {}: {column} of {}", short(node), short(parent)).unwrap();
    }
    for edit in &found.edits {
        let names = |ids: &BTreeSet<NodeId>| ids.iter().map(short).collect::<Vec<_>>().join(" ");
        writeln!(text, "edit {}: {} -> {}", edit.title, names(&edit.nodes), names(&edit.reaches))
            .unwrap();
    }
    let built: Vec<String> = due.build.iter().map(short).collect();
    writeln!(text, "build {}", built.join(" ")).unwrap();
    expected.assert_eq(&text);
}

const STG: &[&str] = &["source.shop.raw.orders"];

#[test]
fn a_changed_column_reaches_only_those_that_read_it() {
    let head = Shop::new().model(
        "stg",
        STG,
        r#"select id, lower(zone) as zone, amount, status from "db"."raw"."orders""#,
    );
    check(
        &head,
        &expect![[r#"
        by_amount: unknown  | this belay does not bind queries yet
        by_zone: unknown  | this belay does not bind queries yet
        everything: unknown  | this belay does not bind queries yet
        stg: values `zone` | column `zone` is lower(zone) now, was upper(zone)
        total: unknown  | this belay does not bind queries yet
        edit models/stg.sql: stg -> by_amount by_zone everything stg total
        build stg by_amount by_zone everything total
    "#]],
    );
}

#[test]
fn another_layout_of_the_query_reaches_nobody() {
    let head = Shop::new().model(
        "stg",
        STG,
        "SELECT id, upper(zone) AS zone, amount, status\n-- a note\nFROM \"db\".\"raw\".\"orders\"",
    );
    check(
        &head,
        &expect![[r#"
        by_amount: cosmetic  | 
        by_zone: cosmetic  | 
        everything: cosmetic  | 
        stg: cosmetic  | 
        total: cosmetic  | 
        spared by_amount: the change of `stg` is cosmetic
        spared by_zone: the change of `stg` is cosmetic
        spared everything: the change of `stg` is cosmetic
        spared total: `by_amount` is spared itself
        edit models/stg.sql: stg -> 
        build stg
    "#]],
    );
}

#[test]
fn an_added_column_reaches_only_a_star() {
    let head = Shop::new().model("stg", STG, r#"select id, upper(zone) as zone, amount, status, amount * 2 as twice from "db"."raw"."orders""#);
    check(
        &head,
        &expect![[r#"
        by_amount: unknown  | this belay does not bind queries yet
        by_zone: unknown  | this belay does not bind queries yet
        everything: unknown  | this belay does not bind queries yet
        stg: additive `twice` | column `twice` is new: amount * 2
        total: unknown  | this belay does not bind queries yet
        edit models/stg.sql: stg -> by_amount by_zone everything stg total
        build stg by_amount by_zone everything total
    "#]],
    );
}

#[test]
fn a_filter_reaches_every_reader() {
    let head = Shop::new().model("stg", STG, r#"select id, upper(zone) as zone, amount, status from "db"."raw"."orders" where amount > 0"#);
    check(
        &head,
        &expect![[r#"
        by_amount: unknown  | this belay does not bind queries yet
        by_zone: unknown  | this belay does not bind queries yet
        everything: unknown  | this belay does not bind queries yet
        stg: rows  | the filter amount > 0 came
        total: unknown  | this belay does not bind queries yet
        edit models/stg.sql: stg -> by_amount by_zone everything stg total
        build stg by_amount by_zone everything total
    "#]],
    );
}

#[test]
fn a_column_that_is_gone_breaks_its_readers() {
    let head =
        Shop::new().model("stg", STG, r#"select id, amount, status from "db"."raw"."orders""#);
    check(
        &head,
        &expect![[r#"
        by_amount: unknown  | this belay does not bind queries yet
        by_zone: unknown  | this belay does not bind queries yet
        everything: unknown  | this belay does not bind queries yet
        stg: schema `zone` | column `zone` went
        total: unknown  | this belay does not bind queries yet
        edit models/stg.sql: stg -> by_amount by_zone everything stg total
        build stg by_amount by_zone everything total
    "#]],
    );
}

#[test]
fn what_cannot_be_read_spares_nobody() {
    let head = Shop::new().model("stg", STG, "this is no query");
    check(
        &head,
        &expect![[r#"
        by_amount: unknown  | this belay does not bind queries yet
        by_zone: unknown  | this belay does not bind queries yet
        everything: unknown  | this belay does not bind queries yet
        stg: unknown  | head is not understood: it does not parse as duckdb SQL: Expected: an SQL statement, found: this at Line: 1, Column: 1
        total: unknown  | this belay does not bind queries yet
        edit models/stg.sql: stg -> by_amount by_zone everything stg total
        build stg by_amount by_zone everything total
    "#]],
    );
    let model = |sql: &str| Shop::new().model("by_amount", &["model.shop.stg"], sql);
    let odd = "frobnicate the orders";
    let (base, mut head) = (model(odd), model(odd));
    head = head.model(
        "stg",
        STG,
        r#"select id, lower(zone) as zone, amount, status from "db"."raw"."orders""#,
    );
    check_both(
        &base,
        &head,
        &expect![[r#"
        by_amount: unknown  | it does not parse as duckdb SQL: Expected: an SQL statement, found: frobnicate at Line: 1, Column: 1
        by_zone: unknown  | this belay does not bind queries yet
        everything: unknown  | this belay does not bind queries yet
        stg: values `zone` | column `zone` is lower(zone) now, was upper(zone)
        total: unknown  | this belay does not bind queries yet
        edit models/stg.sql: stg -> by_amount by_zone everything stg total
        build stg by_amount by_zone everything total
    "#]],
    );
}

#[test]
fn how_a_model_is_stored_reaches_nobody_and_an_unknown_key_everybody() {
    let stored =
        |config: Value| {
            let sql = r#"select id, upper(zone) as zone, amount, status from "db"."raw"."orders""#;
            Shop::new().node("stg", json!({
            "compiled_code": sql, "raw_code": sql, "depends_on": {"nodes": STG, "macros": []},
            "config": config, "unrendered_config": config,
        }))
        };
    let base = stored(json!({"materialized": "table"}));
    check_both(
        &base,
        &stored(json!({"materialized": "view"})),
        &expect![[r#"
        by_amount: cosmetic  | 
        by_zone: cosmetic  | 
        everything: cosmetic  | 
        stg: physical  | a view that was a table
        total: cosmetic  | 
        spared by_amount: the change of `stg` is physical
        spared by_zone: the change of `stg` is physical
        spared everything: the change of `stg` is physical
        spared total: `by_amount` is spared itself
        edit config materialized in models/stg.sql: stg -> stg
        build stg
    "#]],
    );
    check_both(
        &base,
        &stored(json!({"materialized": "table", "flavour": "odd"})),
        &expect![[r#"
        by_amount: unknown  | this belay does not bind queries yet
        by_zone: unknown  | this belay does not bind queries yet
        everything: unknown  | this belay does not bind queries yet
        stg: unknown  | nobody knows what the config `flavour` does: a materialisation may read it
        total: unknown  | this belay does not bind queries yet
        edit config flavour in models/stg.sql: stg -> by_amount by_zone everything stg total
        build stg by_amount by_zone everything total
    "#]],
    );
}

#[test]
fn a_renamed_model_is_new_and_its_readers_see_nothing() {
    let sql = r#"select id, amount from "db"."main"."stg" where status = 'paid'"#;
    let mut head = Shop::new().model("paid", &["model.shop.stg"], sql).model(
        "total",
        &["model.shop.paid"],
        r#"select sum(amount) as total from "db"."main"."paid""#,
    );
    head.nodes.retain(|node| node["name"] != "by_amount");
    check(
        &head,
        &expect![[r#"
        by_amount: removed  | head does not have it
        paid: new  | the same query as `model.shop.by_amount`, under another name: whoever reads it by the old one finds nothing
        total: cosmetic  | 
        edit models/by_amount.sql: by_amount -> by_amount
        edit models/paid.sql: paid -> paid
        edit models/total.sql: total -> 
        build paid total
    "#]],
    );
}
