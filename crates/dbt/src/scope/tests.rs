use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixture::Project;

/// raw → orders → daily → board, with a test on orders.
fn shop() -> Project {
    shop_at("db", "main")
}

fn shop_at(database: &'static str, schema: &'static str) -> Project {
    Project::at(database, schema)
        .node("seed", "raw", &[], seed("a"))
        .model("orders", &["seed.shop.raw"], "select * from {{ ref('raw') }}")
        .model("daily", &["model.shop.orders"], "select count(*) from {{ ref('orders') }}")
        .test("unique", "orders", "id")
        .node("exposure", "board", &["model.shop.daily"], json!({ "type": "dashboard" }))
}

fn seed(digest: &str) -> Value {
    json!({ "checksum": { "name": "sha256", "checksum": digest },
            "config": { "materialized": "seed" } })
}

fn scope(base: &Project, head: &Project) -> Scope {
    Scope::between(&base.manifest(), &head.manifest())
}

/// Names without the kind and the package.
fn short(id: &NodeId) -> &str {
    id.as_str().rsplit('.').next().unwrap_or_default()
}

fn list<'a>(ids: impl IntoIterator<Item = &'a NodeId>) -> String {
    ids.into_iter().map(short).collect::<Vec<_>>().join(" ")
}

fn check(base: &Project, head: &Project, expected: Expect) {
    let scope = scope(base, head);
    let mut shown = String::new();
    for (id, reasons) in &scope.changed {
        let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
        shown += &format!("{}: {}\n", short(id), reasons.join(", "));
    }
    for (id, via) in &scope.affected {
        shown += &format!("{} via {}\n", short(id), list(via.iter()));
    }
    for (id, removal) in &scope.removed {
        let how = if removal.is_disabled { "disabled" } else { "gone" };
        shown += &format!("{} {how}, orphans: {}\n", short(id), list(&removal.orphans));
    }
    if !scope.selection.build.is_empty() || !scope.selection.test.is_empty() {
        shown += &format!(
            "build {}; test {}\n",
            list(&scope.selection.build),
            list(&scope.selection.test)
        );
    }
    expected.assert_eq(&shown);
}

/// One model with these extra fields on each side.
fn check_model(old: Value, new: Value, expected: Expect) {
    let with = |more| Project::new().node("model", "orders", &[], more);
    check(&with(old), &with(new), expected);
}

#[test]
fn a_changed_body_reaches_everything_below_it() {
    let head = shop().model("orders", &["seed.shop.raw"], "select 1");
    check(
        &shop(),
        &head,
        expect![[r#"
        orders: body
        board via orders
        daily via orders
        unique_orders_id via orders
        build orders daily; test unique_orders_id
    "#]],
    );
}

#[test]
fn a_changed_seed_is_told_by_the_hash_of_its_file() {
    check(
        &shop(),
        &shop().node("seed", "raw", &[], seed("b")),
        expect![[r#"
        raw: seed
        board via raw
        daily via raw
        orders via raw
        unique_orders_id via raw
        build raw orders daily; test unique_orders_id
    "#]],
    );
}

#[test]
fn a_seed_that_dbt_did_not_hash_is_called_uncomparable() {
    let large = json!({ "checksum": { "name": "path", "checksum": "seeds/raw.csv" } });
    let large = Project::new().node("seed", "raw", &[], large);
    let scope = scope(&large, &large);
    assert!(scope.is_empty());
    assert_eq!(list(&scope.uncomparable), "raw");
}

#[test]
fn a_seed_that_outgrew_hashing_has_changed() {
    let mut large = seed("seeds/raw.csv");
    large["checksum"]["name"] = "path".into();
    check(
        &shop(),
        &shop().node("seed", "raw", &[], large),
        expect![[r#"
            raw: seed
            board via raw
            daily via raw
            orders via raw
            unique_orders_id via raw
            build raw orders daily; test unique_orders_id
        "#]],
    );
}

#[test]
fn checksums_of_models_do_not_matter() {
    check_model(
        json!({ "raw_code": "select 1", "checksum": { "name": "sha256", "checksum": "a" } }),
        json!({ "raw_code": "select 1", "checksum": { "name": "sha256", "checksum": "b" } }),
        expect![[""]],
    );
}

#[test]
fn line_endings_do_not_matter() {
    check_model(
        json!({ "raw_code": "select 1\r\nfrom a\r\n" }),
        json!({ "raw_code": "select 1\nfrom a" }),
        expect![[""]],
    );
}

#[test]
fn a_config_counts_by_key_and_not_by_spelling() {
    check_model(
        json!({ "unrendered_config": { "materialized": "view", "cluster_by": ["a", "b"],
                "unique_key": "id", "pre_hook": "x", "meta": {} } }),
        json!({ "unrendered_config": { "materialized": "table", "cluster_by": "['a', 'b']",
                "unique_key": "['id']", "pre-hook": "x" } }),
        expect![[r#"
            orders: config:materialized
            build orders; test 
        "#]],
    );
}

#[test]
fn a_config_behind_a_variable_counts_by_its_value() {
    let config = |value: &str| {
        json!({ "config": { "materialized": value },
                "unrendered_config": { "materialized": "{{ var('kind') }}" } })
    };
    check_model(
        config("view"),
        config("table"),
        expect![[r#"
        orders: config:materialized
        build orders; test 
    "#]],
    );
}

#[test]
fn what_only_documents_builds_nothing() {
    check_model(
        json!({ "description": "a", "columns": { "id": { "name": "id", "description": "a" } } }),
        json!({ "description": "b", "columns": { "id": { "name": "id", "data_type": "int" } },
                "tags": ["x"], "unrendered_config": { "meta": { "a": 1 } },
                "access": "public", "fqn": ["shop", "marts", "orders"] }),
        expect![[r#"
            orders: columns, interface, moved, docs, metadata
        "#]],
    );
}

#[test]
fn descriptions_that_dbt_persists_build_the_node_but_not_its_readers() {
    let described = |text: &str| {
        let more =
            json!({ "description": text, "config": { "persist_docs": { "relation": true } } });
        Project::new().node("model", "orders", &[], more).model(
            "daily",
            &["model.shop.orders"],
            "select 1",
        )
    };
    check(
        &described("a"),
        &described("b"),
        expect![[r#"
        orders: persisted-docs
        build orders; test 
    "#]],
    );
}

#[test]
fn an_enforced_contract_counts_in_whatever_order_its_columns_stand() {
    let model = |columns: Value| json!({ "columns": columns, "config": { "contract": { "enforced": true, "checksum": "x" } } });
    let id = json!({ "name": "id", "data_type": "BIGINT" });
    let at = json!({ "name": "at", "data_type": "date" });
    check_model(
        model(json!({ "b": at, "a": id })),
        model(json!({ "a": { "name": "id", "data_type": "bigint" }, "b": at })),
        expect![[""]],
    );
    check_model(
        model(json!({ "a": id, "b": at })),
        model(json!({ "a": id })),
        expect![[r#"
        orders: contract, docs
        build orders; test 
    "#]],
    );
}

#[test]
fn another_alias_is_another_relation() {
    let base = shop();
    let alias = json!({ "alias": "orders_v2", "unrendered_config": { "alias": "orders_v2" },
                        "relation_name": r#""db"."main"."orders_v2""#,
                        "raw_code": "select * from {{ ref('raw') }}" });
    check(
        &base,
        &shop().node("model", "orders", &["seed.shop.raw"], alias),
        expect![[r#"
        orders: relation
        board via orders
        daily via orders
        unique_orders_id via orders
        build orders daily; test unique_orders_id
    "#]],
    );
}

#[test]
fn a_new_model_arrives_and_a_removed_one_leaves_orphans() {
    let base = shop();
    let head = Project::new()
        .node("seed", "raw", &[], seed("a"))
        .model("daily", &["seed.shop.raw"], "select count(*) from {{ ref('raw') }}")
        .node("exposure", "board", &["model.shop.daily"], json!({ "type": "dashboard" }))
        .model("fresh", &["model.shop.daily"], "select 2")
        .disabled("model.shop.orders");
    check(
        &base,
        &head,
        expect![[r#"
        daily: body
        fresh: new
        orders: removed
        unique_orders_id: removed
        board via daily orders
        daily via orders
        fresh via daily orders
        orders disabled, orphans: daily
        unique_orders_id gone, orphans: 
        build daily fresh; test 
    "#]],
    );
}

#[test]
fn a_model_under_another_name_is_a_rename() {
    let base = Project::new().model("orders", &[], "select 1 as id");
    let head = Project::new().model("purchases", &[], "select 1 as id");
    check(
        &base,
        &head,
        expect![[r#"
        orders: removed
        purchases: new, renamed:model.shop.orders
        orders gone, orphans: 
        build purchases; test 
    "#]],
    );
}

fn macros(cents: &str) -> Project {
    let calls = json!({ "raw_code": "{{ money() }}",
                        "depends_on": { "macros": ["macro.shop.money"] } });
    Project::new()
        .macro_("macro.shop.cents", &[], cents)
        .macro_("macro.shop.money", &["macro.shop.cents"], "{{ cents() }}")
        .macro_("macro.shop.loop", &["macro.shop.loop", "macro.shop.cents"], "loop")
        .node("model", "orders", &[], calls)
        .model("other", &[], "select 1")
}

fn compiled(project: Project, code: &str) -> Project {
    project.node(
        "model",
        "orders",
        &[],
        json!({ "raw_code": "{{ money() }}", "compiled_code": code,
                "depends_on": { "macros": ["macro.shop.money"] } }),
    )
}

#[test]
fn a_macro_counts_wherever_it_is_called_if_nothing_is_compiled() {
    check(
        &macros("100"),
        &macros("1000"),
        expect![[r#"
        orders: macro:macro.shop.cents
        build orders; test 
    "#]],
    );
    assert_eq!(scope(&macros("100"), &macros("1000")).compared_by, ComparedBy::RawAndMacros);
}

#[test]
fn a_macro_that_compiles_to_the_same_does_not_count() {
    let (base, head) = (compiled(macros("100"), "select 1"), compiled(macros("{# #}"), "select 1"));
    check(&base, &head, expect![[""]]);
    assert_eq!(scope(&base, &head).compared_by, ComparedBy::Partly { compiled: 1, of: 2 });
}

#[test]
fn a_macro_that_compiles_to_something_else_is_named() {
    check(
        &compiled(macros("100"), "a"),
        &compiled(macros("1000"), "b"),
        expect![[r#"
        orders: compiled, macro:macro.shop.cents
        build orders; test 
    "#]],
    );
}

#[test]
fn a_variable_shows_in_what_compiles() {
    check(
        &compiled(macros("100"), "a"),
        &compiled(macros("100"), "b"),
        expect![[r#"
        orders: compiled
        build orders; test 
    "#]],
    );
}

#[test]
fn code_that_compiles_differently_each_time_is_compared_as_written() {
    let stamped = |time: &str| {
        let more = json!({ "raw_code": "select '{{ run_started_at }}'",
                           "compiled_code": format!("select '{time}'") });
        Project::new().node("model", "orders", &[], more)
    };
    check(&stamped("2026-01-01"), &stamped("2026-01-02"), expect![[""]]);
}

#[test]
fn a_template_that_compiles_to_the_same_touches_no_data() {
    check_model(
        json!({ "raw_code": "select 1 {# a #}", "compiled_code": "select 1" }),
        json!({ "raw_code": "select 1 {# b #}", "compiled_code": "select 1" }),
        expect![[r#"
            orders: template
        "#]],
    );
}

#[test]
fn an_incremental_model_is_compared_as_written_for_only_half_of_it_compiles() {
    let model = |raw: &str| {
        json!({ "raw_code": raw, "compiled_code": "select 1",
                "config": { "materialized": "incremental" } })
    };
    check_model(
        model("select 1 {% if is_incremental() %} where a {% endif %}"),
        model("select 1 {% if is_incremental() %} where b {% endif %}"),
        expect![[r#"
            orders: body
            build orders; test 
        "#]],
    );
}

#[test]
fn a_macro_in_a_hook_or_a_materialization_counts_beside_compiled_code() {
    let project = |sql: &str| {
        let more = |materialized: &str, hook: Value, called: &[&str]| {
            json!({ "raw_code": "x", "compiled_code": "x", "depends_on": { "macros": called },
                    "config": { "materialized": materialized, "post-hook": hook } })
        };
        let hook = json!([{ "sql": "{{ share() }}" }]);
        Project::new()
            .macro_("macro.shop.share", &[], sql)
            .macro_("macro.shop.materialization_ledger_default", &["macro.shop.share"], "m")
            .node("model", "hooked", &[], more("table", hook, &["macro.shop.share"]))
            .node("model", "called", &[], more("table", json!([]), &["macro.shop.share"]))
            .node("model", "ledger", &[], more("ledger", json!([]), &[]))
    };
    check(
        &project("a"),
        &project("b"),
        expect![[r#"
        hooked: macro:macro.shop.share
        ledger: macro:macro.shop.share
        build hooked ledger; test 
    "#]],
    );
}

#[test]
fn macros_of_the_engine_are_told_as_an_upgrade() {
    let project = |version: &str, sql: &str| {
        let calls =
            json!({ "depends_on": { "macros": ["macro.dbt.star", "macro.dbt_duckdb.now"] } });
        Project::new()
            .dbt(version)
            .macro_("macro.dbt.star", &[], sql)
            .macro_("macro.dbt_duckdb.now", &[], sql)
            .node("model", "orders", &[], calls)
    };
    let scope = scope(&project("1.11.16", "a"), &project("1.12.6", "b"));
    assert!(scope.is_empty());
    assert_eq!(scope.engine_upgraded, Some(("1.11.16".into(), "1.12.6".into())));
    assert_eq!(scope.engine_macros_differ, 2);
}

#[test]
fn a_snapshot_that_fusion_lists_as_a_macro_is_none() {
    let core = Project::new().node("snapshot", "snap", &[], json!({ "raw_code": "select 1" }));
    let id = "snapshot.shop.snapshot_snap";
    let calls = json!({ "raw_code": "select 1", "depends_on": { "macros": [id] } });
    let fusion =
        Project::new().macro_(id, &[], "{% snapshot snap %}").node("snapshot", "snap", &[], calls);
    assert!(scope(&core, &fusion).is_empty() && scope(&fusion, &core).is_empty());
}

#[test]
fn macros_of_a_package_such_as_dbt_utils_count() {
    let project = |sql: &str| {
        let calls = json!({ "depends_on": { "macros": ["macro.dbt_utils.star"] } });
        Project::new().macro_("macro.dbt_utils.star", &[], sql).node("model", "orders", &[], calls)
    };
    check(
        &project("a"),
        &project("b"),
        expect![[r#"
        orders: macro:macro.dbt_utils.star
        build orders; test 
    "#]],
    );
}

fn source(schema: &str, written: &str, more: Value) -> Project {
    let fields = json!({ "alias": null, "identifier": "orders", "schema": schema,
                         "unrendered_schema": written, "config": { "materialized": null } });
    let mut fields = fields;
    for (key, value) in more.as_object().unwrap() {
        fields[key] = value.clone();
    }
    shop().node("source", "orders", &[], fields).model("stg", &["source.shop.orders"], "select 1")
}

#[test]
fn a_source_that_moved_touches_data_and_its_freshness_does_not() {
    let base = source("raw", "raw", json!({}));
    check(
        &base,
        &source("lake", "lake", json!({})),
        expect![[r#"
        orders: source
        stg via orders
        build stg; test 
    "#]],
    );
    let fresher = json!({ "freshness": { "warn_after": { "count": 1, "period": "day" } } });
    check(
        &base,
        &source("raw", "raw", fresher),
        expect![[r#"
        orders: freshness
    "#]],
    );
    let empty = json!({ "freshness": { "warn_after": { "count": null, "period": null } } });
    check(&base, &source("raw", "raw", empty), expect![[""]]);
}

#[test]
fn a_source_behind_a_variable_counts_by_its_value() {
    let written = "{{ var('raw') }}";
    check(
        &source("raw", written, json!({})),
        &source("lake", written, json!({})),
        expect![[r#"
        orders: source
        stg via orders
        build stg; test 
    "#]],
    );
}

#[test]
fn metrics_exposures_and_tests_count_by_what_defines_them() {
    let project = |agg: &str, kind: &str, value: &str, severity: &str| {
        shop()
            .node(
                "metric",
                "revenue",
                &["model.shop.daily"],
                json!({ "type_params": { "a": agg } }),
            )
            .node("exposure", "board", &["model.shop.daily"], json!({ "type": kind }))
            .node(
                "unit_test",
                "adds",
                &["model.shop.daily"],
                json!({ "expect": { "rows": value } }),
            )
            .node(
                "test",
                "none",
                &["model.shop.daily"],
                json!({ "raw_code": "select 1", "unrendered_config": { "severity": severity } }),
            )
    };
    check(
        &project("sum", "dashboard", "1", "error"),
        &project("avg", "notebook", "2", "warn"),
        expect![[r#"
            board: definition
            revenue: definition
            none: config:severity
            adds: test
            build ; test none adds
        "#]],
    );
}

#[test]
fn ephemeral_models_pass_a_change_on_and_are_not_built() {
    let project = |sql: &str| {
        let ephemeral = json!({ "raw_code": sql, "config": { "materialized": "ephemeral" } });
        Project::new().node("model", "orders", &[], ephemeral).test("unique", "orders", "id").model(
            "daily",
            &["model.shop.orders"],
            "select 1",
        )
    };
    check(
        &project("a"),
        &project("b"),
        expect![[r#"
        orders: body
        daily via orders
        unique_orders_id via orders
        build daily; test unique_orders_id
    "#]],
    );
}

#[test]
fn who_reads_a_changed_ephemeral_model_is_affected_but_not_changed() {
    let project = |sql: &str| {
        let ephemeral = json!({ "raw_code": sql, "compiled_code": sql,
                                "config": { "materialized": "ephemeral" } });
        let reader = json!({ "raw_code": "select * from {{ ref('orders') }}",
                             "compiled_code": format!("with orders as ({sql}) select 1") });
        Project::new().node("model", "orders", &[], ephemeral).node(
            "model",
            "daily",
            &["model.shop.orders"],
            reader,
        )
    };
    check(
        &project("a"),
        &project("b"),
        expect![[r#"
        orders: body
        daily via orders
        build daily; test 
    "#]],
    );
}

#[test]
fn another_parent_counts_even_if_the_code_stays() {
    let base = shop().model("orders_v2", &[], "select 3");
    let head = base.clone().model(
        "daily",
        &["model.shop.orders_v2"],
        "select count(*) from {{ ref('orders') }}",
    );
    check(
        &base,
        &head,
        expect![[r#"
        daily: parents
        board via daily
        build daily; test 
    "#]],
    );
}

#[test]
fn the_build_order_puts_parents_first_whatever_they_are_called() {
    let project = |sql: &str| {
        Project::new()
            .model("z", &[], sql)
            .model("m", &["model.shop.z"], "m")
            .model("a", &["model.shop.m"], "a")
            .model("b", &["model.shop.z"], "b")
    };
    check(
        &project("1"),
        &project("2"),
        expect![[r#"
        z: body
        a via z
        b via z
        m via z
        build z b m a; test 
    "#]],
    );
}

#[test]
fn a_cycle_in_a_damaged_manifest_ends() {
    let project = |sql: &str| {
        Project::new().model("a", &["model.shop.b"], sql).model("b", &["model.shop.a"], "b")
    };
    check(
        &project("1"),
        &project("2"),
        expect![[r#"
        a: body
        a via a
        b via a
        build a b; test 
    "#]],
    );
}

/// Two targets of the same project: quoted relation names in compiled code, a source beside the
/// target's schema, a custom schema under it.
fn targeted(database: &'static str, schema: &'static str) -> Project {
    let marts = format!("{schema}_marts");
    let raw = format!("{schema}_raw");
    let name = |schema: &str, name: &str| format!(r#""{database}"."{schema}"."{name}""#);
    Project::at(database, schema)
        .node(
            "source",
            "events",
            &[],
            json!({ "alias": null, "identifier": "events", "schema": raw,
                    "unrendered_schema": "{{ target.schema }}_raw",
                    "relation_name": name(&raw, "events") }),
        )
        .node(
            "model",
            "orders",
            &["source.shop.events"],
            json!({ "raw_code": "select * from {{ source('events') }}",
                    "compiled_code": format!("select * from {}", name(&raw, "events")) }),
        )
        .node(
            "model",
            "daily",
            &["model.shop.orders"],
            json!({ "schema": marts, "relation_name": name(&marts, "daily"),
                    "unrendered_config": { "schema": "marts" },
                    "raw_code": "select '{{ target.schema }}', * from {{ ref('orders') }}",
                    "compiled_code":
                        format!("select '{schema}', * from {}", name(schema, "orders")) }),
        )
}

#[test]
fn another_target_is_no_change_of_the_project() {
    for (database, schema) in [("db", "pr_1"), ("ci", "main"), ("ci", "pr_1")] {
        let scope = scope(&targeted("db", "main"), &targeted(database, schema));
        assert!(scope.is_empty(), "{database}.{schema}: {:?}", scope.changed);
        assert!(scope.is_retargeted);
        assert_eq!(scope.compared_by, ComparedBy::Compiled);
    }
}

#[test]
fn a_target_that_spreads_or_gathers_custom_schemas_is_no_change_either() {
    let gathered = targeted("db", "pr_1").node(
        "model",
        "daily",
        &["model.shop.orders"],
        json!({ "schema": "pr_1", "relation_name": r#""db"."pr_1"."daily""#,
                "unrendered_config": { "schema": "marts" },
                "raw_code": "select '{{ target.schema }}', * from {{ ref('orders') }}",
                "compiled_code": r#"select 'pr_1', * from "db"."pr_1"."orders""# }),
    );
    assert!(scope(&targeted("db", "main"), &gathered).is_empty());
    assert!(scope(&gathered, &targeted("db", "main")).is_empty());
}

#[test]
fn one_schema_that_moves_alone_is_a_change() {
    let project = |marts: &str| {
        let more = json!({ "schema": marts, "unrendered_config": { "schema": "{{ var('x') }}" } });
        shop().node("model", "top", &["model.shop.daily"], more)
    };
    check(
        &project("a"),
        &project("b"),
        expect![[r#"
        top: relation
        build top; test 
    "#]],
    );
}

#[test]
fn a_change_shows_through_another_target() {
    let head = targeted("ci", "pr_1").node(
        "model",
        "orders",
        &["source.shop.events"],
        json!({ "raw_code": "select * from {{ source('events') }}",
                "compiled_code": r#"select distinct * from "ci"."pr_1_raw"."events""# }),
    );
    check(
        &targeted("db", "main"),
        &head,
        expect![[r#"
        orders: compiled
        daily via orders
        build orders daily; test 
    "#]],
    );
}

#[test]
fn unquoted_names_are_not_mistaken_for_longer_ones() {
    let project = |schema: &'static str| {
        let orders = json!({ "relation_name": format!("db.{schema}.orders") });
        let longer = json!({ "relation_name": format!("db.{schema}.orders_all") });
        let code = format!("select * from db.{schema}.orders join db.{schema}.orders_all");
        Project::at("db", schema)
            .node("model", "orders", &[], orders)
            .node("model", "orders_all", &[], longer)
            .node(
                "model",
                "both",
                &["model.shop.orders", "model.shop.orders_all"],
                json!({ "raw_code": "x", "compiled_code": code }),
            )
    };
    assert!(scope(&project("main"), &project("pr_1")).is_empty());
}

/// A project of models `m0…`, each with an arbitrary body and arbitrary earlier parents.
fn projects() -> impl Strategy<Value = Vec<(u8, Vec<prop::sample::Index>)>> {
    let parents = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    prop::collection::vec((0..4_u8, parents), 1..12)
}

fn project(
    database: &'static str,
    schema: &'static str,
    models: &[(u8, Vec<prop::sample::Index>)],
) -> Project {
    let mut project = Project::at(database, schema);
    for (at, (body, parents)) in models.iter().enumerate() {
        let earlier = parents.iter().filter(|_| at > 0).map(|parent| parent.index(at.max(1)));
        let earlier: Vec<_> = earlier.map(|parent| format!("model.shop.m{parent}")).collect();
        let earlier: Vec<_> = earlier.iter().map(String::as_str).collect();
        project = project.model(&format!("m{at}"), &earlier, &format!("select {body}"));
    }
    project
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_project_beside_itself_has_an_empty_scope(models in projects()) {
        let project = project("db", "main", &models);
        let scope = scope(&project, &project);
        prop_assert!(scope.is_empty() && scope.affected.is_empty());
        prop_assert_eq!(scope.selection, Selection::default());
    }

    #[test]
    fn another_schema_for_all_gives_an_empty_scope(models in projects()) {
        let scope = scope(&project("db", "main", &models), &project("ci", "pr_7", &models));
        prop_assert!(scope.is_empty(), "{:?}", scope.changed);
    }

    #[test]
    fn all_that_is_built_has_its_due_parents_built_before(old in projects(), new in projects()) {
        let (base, head) = (project("db", "main", &old), project("db", "main", &new));
        let (scope, head) = (scope(&base, &head), head.manifest());
        let build = &scope.selection.build;
        for (at, id) in build.iter().enumerate() {
            for parent in head.parents(id) {
                let before = build.iter().position(|other| *other == parent.id);
                prop_assert!(before.is_none_or(|before| before < at));
            }
        }
        for (id, via) in &scope.affected {
            prop_assert!(build.contains(id) && !via.is_empty());
            prop_assert!(via.iter().all(|root| via.contains(root)));
        }
    }
}
