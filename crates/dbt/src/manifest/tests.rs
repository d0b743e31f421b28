use belay_model::Explain;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixture::Project;

fn shop() -> Project {
    Project::new()
        .node("seed", "raw", &[], json!({ "checksum": { "name": "sha256", "checksum": "a" } }))
        .node(
            "model",
            "orders",
            &["seed.shop.raw"],
            json!({
                "raw_code": "select 1", "version": 2, "tags": "daily", "access": "public",
                "config": { "materialized": "table", "unique_key": "id", "meta": { "tier": 1 },
                            "contract": { "enforced": true } },
                "columns": {
                    "at": { "name": "at", "description": "when", "config": { "meta": { "pii": true } } },
                    "id": { "name": "id", "data_type": "bigint",
                            "constraints": [{ "type": "primary_key" }] },
                },
            }),
        )
        .test("unique", "orders", "id")
        .node("exposure", "board", &["model.shop.orders"],
            json!({ "type": "dashboard", "maturity": "high", "owner": { "name": "Ada" } }))
}

fn check(json: &str, expected: Expect) {
    let shown = match Manifest::parse(json.as_bytes()) {
        Ok(manifest) => format!("{} nodes", manifest.nodes().count()),
        Err(error) => {
            let help = error.help().unwrap_or_default();
            format!("error[{}]: {error}\n  help: {help}", error.code())
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_model_keeps_what_a_review_needs() {
    let manifest = shop().manifest();
    let orders = manifest.node(&"model.shop.orders".into()).unwrap();
    assert_eq!(orders.materialized(), Some("table"));
    assert_eq!(orders.unique_key(), ["id"]);
    assert_eq!(orders.access(), Some("public"));
    assert_eq!(orders.meta_value("tier"), Some(&json!(1)));
    assert_eq!(orders.version.as_deref(), Some("2"));
    assert_eq!(*orders.tags, ["daily".into()]);
    assert!(orders.contract_enforced() && orders.is_enabled());
    let columns: Vec<_> = orders.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(columns, ["at", "id"]);
    assert_eq!(orders.column("AT").unwrap().meta.value("pii"), Some(&json!(true)));
}

#[test]
fn parents_and_children_come_from_the_nodes_themselves() {
    let manifest = shop().manifest();
    let ids = |nodes: Vec<&Node>| nodes.iter().map(|node| node.id.to_string()).collect::<Vec<_>>();
    let orders = "model.shop.orders".into();
    assert_eq!(ids(manifest.parents(&orders).collect()), ["seed.shop.raw"]);
    assert_eq!(
        ids(manifest.children(&orders).collect()),
        ["exposure.shop.board", "test.shop.unique_orders_id"]
    );
    assert_eq!(manifest.of_kind(Kind::Test).count(), 1);
    assert_eq!(manifest.node(&orders).unwrap().kind.as_str(), "model");
}

#[test]
fn facts_follow_the_kind() {
    let manifest = shop().manifest();
    let test = manifest.node(&"test.shop.unique_orders_id".into()).unwrap();
    let test = test.generic_test().unwrap();
    assert_eq!((&*test.name, test.column.as_deref()), ("unique", Some("id")));
    let board = manifest.node(&"exposure.shop.board".into()).unwrap();
    assert_eq!(board.exposure().unwrap().owner_name.as_deref(), Some("Ada"));
}

#[test]
fn every_known_schema_version_is_read() {
    for version in [9, 10, 11, 12, 20] {
        check(&shop().schema_version(version).json(), expect!["4 nodes"]);
    }
}

#[test]
fn other_schema_versions_are_refused_by_name() {
    check(
        &shop().schema_version(8).json(),
        expect![[r#"
        error[manifest/too-old]: manifest schema v8 is too old: belay reads v9 to v12, and v20
          help: parse the project with dbt 1.5 or later"#]],
    );
    check(
        &shop().schema_version(13).json(),
        expect![[r#"
        error[manifest/too-new]: manifest schema v13 is newer than this belay: it reads v9 to v12, and v20
          help: update belay, or parse the project with an older dbt"#]],
    );
    check(
        &shop().schema_version(21).json(),
        expect![[r#"
        error[manifest/too-new]: manifest schema v21 is newer than this belay: it reads v9 to v12, and v20
          help: update belay, or parse the project with an older dbt"#]],
    );
}

#[test]
fn what_is_no_manifest_says_what_it_is() {
    check(
        "",
        expect![[r#"
        error[manifest/cut-short]: the manifest is cut short: it ends after 0 bytes, in the middle of a value
          help: wait until dbt has finished, or copy the file again; it was not written to its end"#]],
    );
    check(
        "{\"metadata\": {\"dbt",
        expect![[r#"
        error[manifest/cut-short]: the manifest is cut short: it ends after 18 bytes, in the middle of a value
          help: wait until dbt has finished, or copy the file again; it was not written to its end"#]],
    );
    check(
        "{\n  \"metadata\": nonsense}",
        expect![[r#"
        error[manifest/not-json]: the manifest is not JSON at line 2, column 16
          help: run `dbt parse` again and give belay the `target/manifest.json` it writes"#]],
    );
    check(
        "{\"hello\": 1}",
        expect![[r#"
        error[manifest/not-a-manifest]: this is JSON, but not a dbt manifest: it has no `metadata.dbt_schema_version`
          help: give belay the `manifest.json` from dbt's target folder"#]],
    );
    check(
        "[1]",
        expect![[r#"
        error[manifest/not-a-manifest]: this is JSON, but not a dbt manifest: it has no `metadata.dbt_schema_version`
          help: give belay the `manifest.json` from dbt's target folder"#]],
    );
    let catalog =
        r#"{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}}"#;
    check(
        catalog,
        expect![[r#"
        error[manifest/other-artefact]: this is another dbt artefact, not a manifest: its schema is `https://schemas.getdbt.com/dbt/catalog/v1.json`
          help: give belay the `manifest.json` from dbt's target folder"#]],
    );
    let deep = format!("{{\"nodes\": {{\"a\": {{\"config\": {}", "{\"a\":".repeat(300));
    check(
        &deep,
        expect![[r#"
        error[manifest/too-deep]: the manifest is nested too deeply at line 1, column 648
          help: run `dbt parse` again and give belay the `target/manifest.json` it writes"#]],
    );
}

#[test]
fn a_strange_shape_is_explained_by_the_version_if_that_is_unknown() {
    let odd = Project::new().node("model", "odd", &[], json!({ "constraints": { "a": 1 } }));
    check(
        &odd.clone().schema_version(13).json(),
        expect![[r#"
        error[manifest/too-new]: manifest schema v13 is newer than this belay: it reads v9 to v12, and v20
          help: update belay, or parse the project with an older dbt"#]],
    );
    assert_eq!(
        Manifest::parse(odd.json().as_bytes()).unwrap_err().code(),
        "manifest/unexpected-shape"
    );
}

#[test]
fn a_byte_order_mark_is_skipped() {
    check(&format!("\u{feff}{}", shop().json()), expect!["4 nodes"]);
}

#[test]
fn fields_of_another_type_than_expected_are_left_out() {
    let odd = Project::new().node(
        "model",
        "odd",
        &[],
        json!({ "description": 5, "tags": null, "columns": null, "checksum": "text", "config": [],
                "depends_on": null, "constraints": "none", "primary_key": "id", "fqn": 7 }),
    );
    let manifest = odd.manifest();
    let node = manifest.node(&"model.shop.odd".into()).unwrap();
    assert_eq!((&*node.description, &*node.primary_key), ("5", &["id".into()][..]));
    assert!(node.columns.is_empty() && node.checksum.is_none() && node.config.is_empty());
}

proptest! {
    #[test]
    fn a_manifest_cut_anywhere_is_called_cut_short(part in 0.0..1.0_f64) {
        let json = shop().json();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a small positive length")]
        let end = (json.len() as f64 * part) as usize;
        let error = Manifest::parse(&json.as_bytes()[..end]).unwrap_err();
        prop_assert_eq!(error.code(), "manifest/cut-short");
    }

    #[test]
    fn damaged_bytes_never_panic(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = shop().json().into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(manifest) = Manifest::parse(&bytes) {
            let scope = crate::Scope::between(&manifest, &manifest);
            prop_assert!(scope.is_empty());
            let whole = shop().manifest();
            let there = crate::Scope::between(&whole, &manifest);
            let back = crate::Scope::between(&manifest, &whole);
            prop_assert!(there.affected.keys().all(|id| manifest.node(id).is_some()));
            prop_assert!(back.affected.keys().all(|id| whole.node(id).is_some()));
        }
    }
}
