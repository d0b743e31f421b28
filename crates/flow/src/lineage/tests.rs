//! Projects of a few nodes, and what is found in them.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::lineage::graph::Place;

/// A manifest under construction: package `shop`, database `db`, schema `main`.
struct Shop {
    manifest: Value,
    catalog: Option<Value>,
}

impl Shop {
    fn new() -> Self {
        Self::on("duckdb")
    }

    fn on(adapter: &str) -> Self {
        let manifest = json!({
            "metadata": {
                "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
                "adapter_type": adapter,
            },
            "nodes": {}, "sources": {}, "exposures": {}, "metrics": {}, "semantic_models": {},
            "saved_queries": {}, "unit_tests": {},
        });
        Self { manifest, catalog: None }
    }

    /// A model whose query dbt compiled.
    fn model(self, name: &str, parents: &[&str], sql: &str) -> Self {
        self.node("nodes", "model", name, parents, json!({ "compiled_code": sql }))
    }

    fn node(
        mut self,
        section: &str,
        kind: &str,
        name: &str,
        parents: &[&str],
        more: Value,
    ) -> Self {
        let last = name.rsplit('.').next().unwrap();
        let mut node = json!({
            "name": last, "resource_type": kind, "package_name": "shop", "alias": last,
            "original_file_path": format!("models/{name}.sql"),
            "database": "db", "schema": "main", "relation_name": format!(r#""db"."main"."{last}""#),
            "language": "sql", "depends_on": { "nodes": parents },
            "config": { "materialized": "view" },
        });
        for (key, value) in more.as_object().unwrap() {
            node[key] = value.clone();
        }
        self.manifest[section][format!("{kind}.shop.{name}")] = node;
        self
    }

    fn source(self, name: &str, columns: &[&str]) -> Self {
        let (system, table) = name.split_once('.').unwrap();
        let id = format!("source.shop.{name}");
        let relation = format!(r#""db"."{system}"."{table}""#);
        let more = json!({ "source_name": system, "identifier": table, "relation_name": relation });
        let shop = self.node("sources", "source", name, &[], more);
        if columns.is_empty() { shop } else { shop.in_catalog(&id, columns) }
    }

    fn in_catalog(mut self, id: &str, columns: &[&str]) -> Self {
        let catalog = self.catalog.get_or_insert_with(|| {
            let schema = "https://schemas.getdbt.com/dbt/catalog/v1.json";
            json!({ "metadata": { "dbt_schema_version": schema }, "nodes": {} })
        });
        for (at, column) in columns.iter().enumerate() {
            let (name, data_type) = column.split_once(' ').unwrap_or((column, "INTEGER"));
            let entry = json!({ "name": name, "type": data_type, "index": at + 1 });
            catalog["nodes"][id]["columns"][name] = entry;
        }
        self
    }

    fn test(self, name: &str, model: &str, column: &str) -> Self {
        let on = format!("model.shop.{model}");
        let more = json!({
            "attached_node": on, "column_name": column,
            "test_metadata": { "name": name, "kwargs": { "column_name": column } },
        });
        self.node("nodes", "test", &format!("{name}_{model}_{column}"), &[&on], more)
    }

    fn read(&self) -> (Manifest, Option<Catalog>) {
        let manifest = Manifest::parse(self.manifest.to_string().as_bytes()).unwrap();
        let catalog = self.catalog.as_ref();
        let catalog = catalog.map(|json| Catalog::parse(json.to_string().as_bytes()).unwrap());
        (manifest, catalog)
    }

    fn project(&self) -> Project {
        let (manifest, catalog) = self.read();
        Project::of(&manifest, catalog.as_ref())
    }

    fn answer(&self, what: &str, direction: Direction) -> Result<wire::Lineage, crate::FlowError> {
        let (manifest, catalog) = self.read();
        let project = Project::of(&manifest, catalog.as_ref());
        let loaded = Loaded { manifest, catalog, project };
        loaded.answer(&Asked { what: what.to_owned(), direction, depth: None })
    }

    #[track_caller]
    fn text(&self, what: &str, direction: Direction, expected: Expect) {
        let answer = self.answer(what, direction).unwrap();
        expected.assert_eq(&Form::Text { types: false }.render(&answer).unwrap());
    }
}

/// A node in a few lines: columns with what they are made from, then what decides rows.
fn shown(project: &Project, id: &str) -> String {
    let node = &project.of[&NodeId::from(id)];
    let read = |read: &Read| {
        let place = read.node.as_ref().map_or_else(|| read.table.to_string(), ToString::to_string);
        let place = place.rsplit("shop.").next().unwrap().to_owned();
        let column = read.column.as_deref().unwrap_or("*");
        let likely = if read.confidence == Confidence::Likely { "?" } else { "" };
        format!("{place}.{column}:{}{likely}", found::word(read.edge))
    };
    let all = |reads: &BTreeSet<Read>| reads.iter().map(read).collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    if let Understood::No(why) = &node.understood {
        out.push_str(&format!("unread: {why}\n"));
    }
    for output in &node.outputs {
        let sources = output.sources.as_ref().map_or_else(|| "??".to_owned(), all);
        out.push_str(format!("{} <- {sources}", output.name).trim_end());
        out.push('\n');
    }
    if !node.rows.is_empty() {
        out.push_str(&format!("rows <- {}\n", all(&node.rows)));
    }
    if !node.table.is_complete {
        out.push_str("and there may be more\n");
    }
    for key in &node.table.keys {
        out.push_str(&format!("key {}\n", key.join(", ")));
    }
    for note in &node.notes {
        out.push_str(&format!("note {note}\n"));
    }
    out
}

#[track_caller]
fn check(shop: &Shop, id: &str, expected: Expect) {
    expected.assert_eq(&shown(&shop.project(), id));
}

#[test]
fn a_star_is_known_from_what_the_parents_return() {
    let shop = Shop::new()
        .source("raw.orders", &["id", "amount", "status VARCHAR"])
        .model(
            "stg",
            &["source.shop.raw.orders"],
            r#"select id as order_id, amount / 100 as amount, status from "db"."raw"."orders""#,
        )
        .model(
            "mart",
            &["model.shop.stg"],
            r#"select * from "db"."main"."stg" where status = 'paid'"#,
        );
    check(
        &shop,
        "model.shop.stg",
        expect![[r#"
            order_id <- raw.orders.id:value
            amount <- raw.orders.amount:value
            status <- raw.orders.status:value
            rows <- raw.orders.*:value
        "#]],
    );
    check(
        &shop,
        "model.shop.mart",
        expect![[r#"
            order_id <- stg.order_id:value
            amount <- stg.amount:value
            status <- stg.status:value
            rows <- stg.*:value stg.status:filter
        "#]],
    );
}

#[test]
fn without_a_catalog_a_star_over_a_source_is_incomplete_and_names_are_likely() {
    let shop = Shop::new().source("raw.orders", &[]).model(
        "stg",
        &["source.shop.raw.orders"],
        r#"select *, id + 1 as next from "db"."raw"."orders""#,
    );
    check(
        &shop,
        "model.shop.stg",
        expect![[r#"
            next <- raw.orders.id:value?
            rows <- raw.orders.*:value
            and there may be more
        "#]],
    );
}

#[test]
fn a_column_that_only_readers_name_is_followed_through_stars() {
    let star = |parent: &str| format!(r#"select * from "db"."{parent}""#);
    let shop = Shop::new()
        .source("raw.orders", &[])
        .model("one", &["source.shop.raw.orders"], &star(r#"raw"."orders"#))
        .model("two", &["model.shop.one"], &star(r#"main"."one"#))
        .model("end", &["model.shop.two"], r#"select amount as a from "db"."main"."two""#);
    shop.text(
        "end.a",
        Direction::Up,
        expect![[r#"
            end.a
            model.shop.end · models/end.sql

            comes from
              └─ two.amount               value, likely
                 └─ one.amount            value, likely
                    └─ raw.orders.amount  value, likely · source

            rows decided by
              end  the rows of two
              two  the rows of one
              one  the rows of raw.orders
        "#]],
    );
    shop.text(
        "raw.orders.amount",
        Direction::Down,
        expect![[r#"
            raw.orders.amount
            source.shop.raw.orders · models/raw.orders.sql

            goes into
              └─ one.amount     value, likely
                 └─ two.amount  value, likely
                    └─ end.a    value, likely
        "#]],
    );
}

#[test]
fn the_catalog_of_a_model_names_the_columns_behind_a_star() {
    let shop = Shop::new()
        .source("raw.orders", &[])
        .model("stg", &["source.shop.raw.orders"], r#"select * from "db"."raw"."orders""#)
        .in_catalog("model.shop.stg", &["id", "amount"]);
    check(
        &shop,
        "model.shop.stg",
        expect![[r#"
            id <- raw.orders.id:value?
            amount <- raw.orders.amount:value?
            rows <- raw.orders.*:value
            note columns behind a `*` are those of the catalog
        "#]],
    );
}

#[test]
fn a_catalog_older_than_the_query_makes_it_doubtful_and_not_unread() {
    let shop = Shop::new().source("raw.orders", &["id"]).model(
        "stg",
        &["source.shop.raw.orders"],
        r#"select id, new_column from "db"."raw"."orders""#,
    );
    check(
        &shop,
        "model.shop.stg",
        expect![[r#"
            id <- raw.orders.id:value?
            new_column <- raw.orders.new_column:value?
            rows <- raw.orders.*:value?
            note it is read as if the tables it reads had more columns than is known: the column `new_column` is in no relation that is read
        "#]],
    );
}

#[test]
fn an_ephemeral_model_is_a_node_of_its_own() {
    let own = json!({ "config": { "materialized": "ephemeral" }, "relation_name": null,
                      "compiled_code": "select id, id * 2 as twice from \"db\".\"raw\".\"orders\"" });
    let shop = Shop::new()
        .source("raw.orders", &["id"])
        .node("nodes", "model", "eph", &["source.shop.raw.orders"], own)
        .model(
            "mart",
            &["model.shop.eph"],
            "with __dbt__cte__eph as (\nselect id, id * 2 as twice from \"db\".\"raw\".\"orders\"\n) select twice from __dbt__cte__eph",
        );
    check(
        &shop,
        "model.shop.mart",
        expect![[r#"
            twice <- eph.twice:value
            rows <- eph.*:value
        "#]],
    );
}

#[test]
fn code_that_dbt_has_not_compiled_is_read_if_it_only_refers_to_nodes() {
    let raw = |sql: &str| json!({ "raw_code": sql });
    let shop = Shop::new()
        .source("raw.orders", &["id"])
        .node(
            "nodes",
            "model",
            "stg",
            &["source.shop.raw.orders"],
            raw("{{ config(tags=['a']) }} select id from {{ source('raw', 'orders') }}"),
        )
        .node("nodes", "model", "mart", &["model.shop.stg"], raw("select id from {{ ref('stg') }}"))
        .node(
            "nodes",
            "model",
            "macros",
            &["model.shop.stg"],
            raw("select {{ cents('id') }} from {{ ref('stg') }}"),
        );
    check(
        &shop,
        "model.shop.mart",
        expect![[r#"
            id <- stg.id:value?
            rows <- stg.*:value?
        "#]],
    );
    check(
        &shop,
        "model.shop.macros",
        expect![[r#"
        unread: dbt has not compiled it: run `dbt compile`
        and there may be more
    "#]],
    );
}

#[test]
fn a_snapshot_has_the_columns_that_dbt_adds() {
    let snapshot = |name: &str, config: Value| json!({ "compiled_code": format!("select id, at from \"db\".\"raw\".\"{name}\""), "config": config });
    let shop = Shop::new()
        .source("raw.orders", &["id", "at TIMESTAMP"])
        .node(
            "nodes",
            "snapshot",
            "timed",
            &["source.shop.raw.orders"],
            snapshot(
                "orders",
                json!({ "strategy": "timestamp", "updated_at": "at", "unique_key": "id" }),
            ),
        )
        .node(
            "nodes",
            "snapshot",
            "checked",
            &["source.shop.raw.orders"],
            snapshot(
                "orders",
                json!({ "strategy": "check", "hard_deletes": "new_record",
                "snapshot_meta_column_names": { "dbt_valid_from": "since" } }),
            ),
        );
    check(
        &shop,
        "snapshot.shop.timed",
        expect![[r#"
            id <- raw.orders.id:value
            at <- raw.orders.at:value
            dbt_scd_id <- raw.orders.at:value
            dbt_updated_at <- raw.orders.at:value
            dbt_valid_from <- raw.orders.at:value
            dbt_valid_to <- raw.orders.at:value
            rows <- raw.orders.*:value
        "#]],
    );
    check(
        &shop,
        "snapshot.shop.checked",
        expect![[r#"
            id <- raw.orders.id:value
            at <- raw.orders.at:value
            dbt_scd_id <-
            dbt_updated_at <-
            since <-
            dbt_valid_to <-
            dbt_is_deleted <-
            rows <- raw.orders.*:value
        "#]],
    );
    let project = shop.project();
    assert_eq!(project.of[&NodeId::from("snapshot.shop.checked")].volatile.len(), 5);
}

#[test]
fn what_is_not_understood_says_why_and_keeps_the_columns_that_are_declared() {
    let python = json!({ "language": "python", "compiled_code": "def model(dbt, session): ...",
                         "columns": { "id": { "name": "id" } } });
    let shop = Shop::new()
        .source("raw.orders", &["id"])
        .node("nodes", "model", "py", &["source.shop.raw.orders"], python)
        .model("broken", &["model.shop.py"], "select id,, from x")
        .model("child", &["model.shop.py"], r#"select id from "db"."main"."py""#);
    check(
        &shop,
        "model.shop.py",
        expect![[r#"
        unread: it is written in python, not in SQL
        id <- ??
        and there may be more
    "#]],
    );
    check(
        &shop,
        "model.shop.broken",
        expect![[r#"
        unread: it does not parse as duckdb SQL: Expected: an expression, found: , at Line: 1, Column: 11
        and there may be more
    "#]],
    );
    check(
        &shop,
        "model.shop.child",
        expect![[r#"
            id <- py.id:value
            rows <- py.*:value
        "#]],
    );
    shop.text(
        "py",
        Direction::Up,
        expect![[r#"
        py
        model.shop.py · 1 column known, there may be more · models/py.sql

        columns
          id  ← nobody knows

        rows decided by
          py  may read anything of raw.orders

        begins at
          source raw.orders

        not understood
          py  it is written in python, not in SQL
    "#]],
    );
}

#[test]
fn tests_that_look_at_every_row_make_keys() {
    let with = |config: Value| {
        json!({ "config": config, "attached_node": "model.shop.a", "column_name": "b",
        "test_metadata": { "name": "unique", "kwargs": { "column_name": "b" } } })
    };
    let shop = Shop::new()
        .source("raw.t", &["a", "b"])
        .model("a", &["source.shop.raw.t"], r#"select a, b from "db"."raw"."t""#)
        .test("unique", "a", "A")
        .test("not_null", "a", "A")
        .test("not_null", "a", "b");
    let warns = with(json!({ "severity": "warn" }));
    let filtered = with(json!({ "where": "b > 0" }));
    let shop = shop.node("nodes", "test", "warns", &["model.shop.a"], warns).node(
        "nodes",
        "test",
        "filtered",
        &["model.shop.a"],
        filtered,
    );
    check(
        &shop,
        "model.shop.a",
        expect![[r#"
            a <- raw.t.a:value
            b <- raw.t.b:value
            rows <- raw.t.*:value
            key a
        "#]],
    );
}

#[test]
fn an_incremental_model_may_read_what_it_made_before() {
    let more = json!({ "config": { "materialized": "incremental" },
        "compiled_code": r#"select id, at from "db"."raw"."t" where at > (select max(at) from "db"."main"."inc")"# });
    let shop = Shop::new().source("raw.t", &["id", "at"]).node(
        "nodes",
        "model",
        "inc",
        &["source.shop.raw.t"],
        more,
    );
    check(
        &shop,
        "model.shop.inc",
        expect![[r#"
            id <- raw.t.id:value
            at <- raw.t.at:value
            rows <- inc.*:filter inc.at:filter? raw.t.*:value raw.t.at:filter
        "#]],
    );
    let project = shop.project();
    let id = NodeId::from("model.shop.inc");
    let query = with_deep_stack(|| project.query(&id).unwrap().map(|query| query.outputs.len()));
    assert_eq!(query.unwrap(), Ok(2));
}

#[test]
fn a_source_over_a_relation_that_a_seed_makes_comes_from_the_seed() {
    let seed = json!({ "relation_name": r#""db"."raw"."orders""# });
    let shop = Shop::new()
        .node("nodes", "seed", "orders", &[], seed)
        .in_catalog("seed.shop.orders", &["id"])
        .source("raw.orders", &["id"]);
    check(
        &shop,
        "source.shop.raw.orders",
        expect![[r#"
        id <- orders.id:value
        note it is the relation that `seed.shop.orders` makes
    "#]],
    );
}

#[test]
fn names_fold_as_the_engine_folds_them() {
    let more = json!({ "relation_name": "DB.main.stg", "compiled_code": "select Id, \"Mixed\" as \"Mixed\" from DB.RAW.T" });
    let shop = Shop::on("snowflake")
        .node(
            "sources",
            "source",
            "raw.t",
            &[],
            json!({ "source_name": "raw", "relation_name": "db.raw.T" }),
        )
        .in_catalog("source.shop.raw.t", &["ID", "Mixed"])
        .node("nodes", "model", "stg", &["source.shop.raw.t"], more);
    check(
        &shop,
        "model.shop.stg",
        expect![[r#"
            ID <- raw.t.ID:value
            Mixed <- raw.t.Mixed:value
            rows <- raw.t.*:value
        "#]],
    );
    assert_eq!(shop.answer("stg.id", Direction::Up).unwrap().of.column.as_deref(), Some("ID"));
    assert_eq!(
        shop.answer("stg.Mixed", Direction::Up).unwrap().of.column.as_deref(),
        Some("Mixed")
    );
}

#[test]
fn a_circle_is_named_and_everything_below_it_is_unread() {
    let shop = Shop::new()
        .model("a", &["model.shop.b"], r#"select 1 as x from "db"."main"."b""#)
        .model("b", &["model.shop.a"], r#"select 1 as x from "db"."main"."a""#)
        .model("c", &["model.shop.b"], r#"select x from "db"."main"."b""#);
    assert_eq!(shop.project().unread().count(), 3);
    let error = shop.answer("c", Direction::Up).unwrap_err();
    expect!["nodes of the project read each other in a circle: model.shop.a reads model.shop.b reads model.shop.a"]
        .assert_eq(&error.to_string());
}

#[test]
fn a_cache_gives_the_same_project_and_reads_nothing_twice() {
    let shop = wide();
    let (manifest, catalog) = shop.read();
    let mut cache = Cache::default();
    let first = Project::with_cache(&manifest, catalog.as_ref(), &mut cache);
    assert!(cache.is_changed());
    let mut kept = Cache::parse(cache.to_json().unwrap().as_bytes());
    let second = Project::with_cache(&manifest, catalog.as_ref(), &mut kept);
    assert!(!kept.is_changed(), "something was read a second time");
    assert_eq!(first.of, second.of);
}

/// Orders and payments, a metric, an exposure, a contract.
fn wide() -> Shop {
    let measures = json!([
        { "name": "revenue", "agg": "sum", "expr": "amount * 2" },
        { "name": "orders", "agg": "count", "expr": "1" },
    ]);
    let contract = json!({
        "config": { "materialized": "table", "contract": { "enforced": true } },
        "columns": { "order_id": { "name": "order_id" }, "amount": { "name": "amount" },
                     "status": { "name": "status" } },
        "compiled_code": r#"select o.order_id, sum(p.paid) as amount, max(o.status) as status
            from "db"."main"."stg_orders" o left join "db"."main"."stg_payments" p on o.order_id = p.order_id
            where o.status <> 'test' group by o.order_id"#,
    });
    Shop::new()
        .source("raw.orders", &["id", "status VARCHAR"])
        .source("raw.payments", &["id", "order_id", "cents"])
        .model("stg_orders", &["source.shop.raw.orders"],
            r#"select id as order_id, status from "db"."raw"."orders""#)
        .model("stg_payments", &["source.shop.raw.payments"],
            r#"select order_id, cents / 100 as paid from "db"."raw"."payments""#)
        .node("nodes", "model", "orders", &["model.shop.stg_orders", "model.shop.stg_payments"], contract)
        .model("big", &["model.shop.orders"],
            r#"select order_id, current_timestamp as at from "db"."main"."orders" where amount > 100"#)
        .test("not_null", "orders", "amount")
        .test("unique", "stg_orders", "order_id")
        .node("exposures", "exposure", "board", &["model.shop.big"], json!({ "type": "dashboard" }))
        .node("semantic_models", "semantic_model", "orders_semantic", &["model.shop.orders"],
            json!({ "model": "ref('orders')", "measures": measures,
                    "entities": [{ "name": "order", "type": "primary", "expr": "order_id" }] }))
        .node("metrics", "metric", "revenue", &["semantic_model.shop.orders_semantic"],
            json!({ "type_params": { "measure": { "name": "revenue" } } }))
        .node("saved_queries", "saved_query", "weekly", &["metric.shop.revenue"], json!({}))
        .node("unit_tests", "unit_test", "sums", &["model.shop.orders"],
            json!({ "model": "orders", "expect": { "rows": [{ "order_id": 1, "amount": 2 }] } }))
}

#[test]
fn up_follows_values_and_names_what_decides_rows() {
    wide().text(
        "orders.amount",
        Direction::Up,
        expect![[r#"
            orders.amount
            model.shop.orders · under contract · models/orders.sql

            comes from
              └─ stg_payments.paid      value
                 └─ raw.payments.cents  value · source

            rows decided by
              orders        filter: stg_orders.status
              orders        group: stg_orders.order_id
              orders        join: stg_orders.order_id, stg_payments, stg_payments.order_id
              orders        the rows of stg_orders
              stg_payments  the rows of raw.payments
        "#]],
    );
    wide().text(
        "big",
        Direction::Up,
        expect![[r#"
            big
            model.shop.big · 2 columns · models/big.sql
            key: order_id

            columns
              order_id  ← orders.order_id
              at        differs from run to run

            rows decided by
              big           filter: orders.amount
              big           the rows of orders
              orders        filter: stg_orders.status
              orders        group: stg_orders.order_id
              orders        join: stg_orders.order_id, stg_payments, stg_payments.order_id
              orders        the rows of stg_orders
              stg_orders    the rows of raw.orders
              stg_payments  the rows of raw.payments

            begins at
              source raw.orders, source raw.payments
        "#]],
    );
}

#[test]
fn down_goes_from_columns_to_rows_to_whoever_reads_them() {
    wide().text(
        "raw.payments.cents",
        Direction::Down,
        expect![[r#"
        raw.payments.cents
        source.shop.raw.payments · integer · models/raw.payments.sql

        goes into
          └─ stg_payments.paid  value
             └─ orders.amount   value

        decides rows of
          big  filter: orders.amount

        exposures
          board  big (which columns is not known)

        metrics
          revenue  orders_semantic.revenue

        semantic models
          orders_semantic  orders.amount

        saved queries
          weekly  revenue

        tests
          not_null_orders_amount  orders.amount

        unit tests
          sums  orders.amount

        contracts
          orders: amount
    "#]],
    );
    wide().text(
        "orders.status",
        Direction::Down,
        expect![[r#"
        orders.status
        model.shop.orders · varchar · under contract · models/orders.sql

        goes into
          no column of another node

        contracts
          orders: status
    "#]],
    );
    wide().text(
        "stg_orders",
        Direction::Down,
        expect![[r#"
            stg_orders
            model.shop.stg_orders · 2 columns · models/stg_orders.sql

            columns
              order_id
              status

            read by
              orders  reads order_id, status

            decides rows of
              orders  filter: stg_orders.status, group: stg_orders.order_id, join: stg_orders.order_id, rows of stg_orders

            exposures
              board  big (which columns is not known)

            semantic models
              orders_semantic  orders.order_id

            tests
              unique_stg_orders_order_id  stg_orders.order_id

            unit tests
              sums  orders.order_id

            contracts
              orders: order_id, status
        "#]],
    );
}

#[test]
fn what_is_declared_over_models_can_be_asked_for() {
    wide().text(
        "weekly",
        Direction::Up,
        expect![[r#"
            weekly
            saved_query.shop.weekly · models/weekly.sql

            reads
              revenue  metric

            rows decided by
              orders        filter: stg_orders.status
              orders        group: stg_orders.order_id
              orders        join: stg_orders.order_id, stg_payments, stg_payments.order_id
              orders        the rows of stg_orders
              stg_payments  the rows of raw.payments

            begins at
              source raw.payments
        "#]],
    );
    wide().text(
        "board",
        Direction::Up,
        expect![[r#"
            board
            exposure.shop.board · models/board.sql

            reads
              big  model · which columns is not known

            rows decided by
              big           filter: orders.amount
              big           the rows of orders
              orders        filter: stg_orders.status
              orders        group: stg_orders.order_id
              orders        join: stg_orders.order_id, stg_payments, stg_payments.order_id
              orders        the rows of stg_orders
              stg_orders    the rows of raw.orders
              stg_payments  the rows of raw.payments

            begins at
              source raw.orders, source raw.payments
        "#]],
    );
}

#[test]
fn the_picture_holds_each_node_once_and_none_over_another() {
    let answer = wide().answer("orders", Direction::Both).unwrap();
    let drawing = layout::draw(&answer);
    let drawn = answer.nodes.iter().filter(|node| !node.kind.contains("test")).count();
    assert_eq!(drawing.boxes.len(), drawn);
    for (at, one) in drawing.boxes.iter().enumerate() {
        for other in drawing.boxes.iter().skip(at + 1) {
            let apart = one.x + one.width <= other.x
                || other.x + other.width <= one.x
                || one.y + one.height <= other.y
                || other.y + other.height <= one.y;
            assert!(apart, "{} lies over {}", one.label, other.label);
        }
        assert!(one.x >= 0 && one.y >= 0 && one.x + one.width <= drawing.width);
        assert!(one.y + one.height <= drawing.height);
    }
    for link in answer.links.iter().filter(|link| !link.to.node.contains("test.")) {
        let x = |id: &str| drawing.boxes.iter().find(|shape| shape.node.id == id).unwrap().x;
        assert!(x(&link.from.node) < x(&link.to.node), "{link:?} goes backwards");
    }
}

#[test]
fn a_page_escapes_what_artefacts_say() {
    let shop =
        Shop::new().model("evil", &[], r#"select 1 as "<script>alert(1)</script>", 2 as "a""b""#);
    let answer = shop.answer("evil", Direction::Both).unwrap();
    let page = Form::Html.render(&answer).unwrap();
    assert!(!page.contains("<script>alert"), "{page}");
    let dot = Form::Dot.render(&answer).unwrap();
    assert!(dot.contains("&lt;script&gt;") && !dot.contains("<script>"), "{dot}");
}

#[test]
fn names_are_found_by_every_spelling_and_refused_with_advice() {
    let version = |version: u32| {
        json!({ "version": version, "latest_version": 2,
        "compiled_code": "select 1 as x", "name": "multi" })
    };
    let shop = wide().node("nodes", "model", "multi.v1", &[], version(1)).node(
        "nodes",
        "model",
        "multi.v2",
        &[],
        version(2),
    );
    for (asked, expected) in [
        ("orders", "model.shop.orders"),
        ("shop.orders", "model.shop.orders"),
        ("model.shop.orders", "model.shop.orders"),
        ("model.shop.orders.amount", "model.shop.orders amount"),
        ("orders.AMOUNT", "model.shop.orders amount"),
        ("raw.orders.id", "source.shop.raw.orders id"),
        ("multi", "model.shop.multi.v2"),
        ("multi.v1", "model.shop.multi.v1"),
        ("multi.v1.x", "model.shop.multi.v1 x"),
        ("board", "exposure.shop.board"),
    ] {
        let of = shop.answer(asked, Direction::Up).unwrap().of;
        let found = [Some(of.node), of.column].into_iter().flatten().collect::<Vec<_>>().join(" ");
        assert_eq!(found, expected, "{asked}");
    }
    let shop = shop.source("other.payments", &["id"]);
    for (asked, expected) in [
        (
            "oders.id",
            "the project has no model, seed, snapshot or source `oders.id`: did you mean `orders`?",
        ),
        (
            "orders.amont",
            "`model.shop.orders` has no column `amont`: its columns are order_id, amount, status",
        ),
        (
            "payments",
            "`payments` can be `source.shop.other.payments` or `source.shop.raw.payments`: write one of these ids",
        ),
        (
            "zzz",
            "the project has no model, seed, snapshot or source `zzz`: `dbt ls` lists the names",
        ),
    ] {
        use belay_model::Explain as _;
        let error = shop.answer(asked, Direction::Up).unwrap_err();
        assert_eq!(format!("{error}: {}", error.help().unwrap_or_default()), expected);
    }
}

#[test]
fn depth_counts_links() {
    let (manifest, catalog) = wide().read();
    let project = Project::of(&manifest, catalog.as_ref());
    let graph = with_deep_stack(|| Graph::of(&manifest, &project)).unwrap();
    let start = Place::of(&"model.shop.orders".into(), Some("amount"));
    let far = |depth| {
        let walk = walk(&graph, &start, Direction::Up, depth);
        walk.nodes.keys().any(|id| id.as_str().starts_with("source."))
    };
    assert_eq!((far(Some(1)), far(Some(2)), far(None)), (false, true, true));
}
