//! Keeping a build where it belongs: what it would write, and what would run beside it, is known before
//! it begins.

use std::collections::BTreeSet;
use std::path::Path;

use belay_dbt::manifest::{Kind, Node};
use belay_dbt::profile::without_run_hooks;
use belay_dbt::{Manifest, NodeId};
use belay_diff::{Dialect, RelationName};
use belay_outside::OutsideError;
use belay_warehouse::Address;
use fs_err as fs;

use super::scratch::Claim;
use crate::FlowError;
use crate::warehouse::Warehouse;

/// Nothing that the selection can reach may write anywhere but in the claimed schemas of the claimed
/// database, whatever the project's macros say, and no hook may run around the build unless the user lets
/// it.
pub(super) fn contained(
    claim: &Claim,
    address: &Address,
    scratch: &Manifest,
    selected: &[&NodeId],
    run_hooks: bool,
) -> Result<(), FlowError> {
    let hooks = scratch.of_kind(Kind::Operation);
    if let Some(hook) = hooks.into_iter().find(|_| !run_hooks) {
        return Err(FlowError::RunHook { hook: hook.id.to_string() });
    }
    let database = address.database();
    let is_here = |name: &str| match address {
        // DuckDB knows no case in names; to PostgreSQL another case is another database.
        Address::File(_) => name.eq_ignore_ascii_case(&database),
        Address::Postgres(_) | Address::Other(_) => name == database,
    };
    for node in reachable(scratch, selected).into_iter().filter(|node| writes(node)) {
        let no_place = || FlowError::NoPlace { node: node.id.to_string() };
        let relation = relation(node).ok_or_else(no_place)?;
        if !claim.covers(&relation.schema) || !is_here(&relation.database) {
            return Err(FlowError::OutsideScratch {
                node: node.id.to_string(),
                relation: relation.to_string(),
                prefix: claim.prefix.clone(),
            });
        }
    }
    Ok(())
}

/// Whether dbt makes a relation of it. A test does when it keeps its failures.
fn writes(node: &Node) -> bool {
    let kept = node.config.text("store_failures_as");
    match node.kind {
        Kind::Model => !node.is_ephemeral(),
        Kind::Test => {
            node.config.is_on("store_failures") || kept.is_some_and(|kind| kind != "ephemeral")
        }
        Kind::UnitTest | Kind::Source | Kind::Exposure => false,
        _ => true,
    }
}

/// Exactly these nodes, by their full names and kinds, and no test that nobody asked for.
pub(super) fn selectors<'a>(
    manifest: &Manifest,
    nodes: impl IntoIterator<Item = &'a NodeId>,
) -> Vec<String> {
    let names = nodes.into_iter().filter_map(|id| {
        let node = manifest.node(id)?;
        let kind = node.kind.as_str().replace(' ', "_");
        Some(format!("fqn:{},resource_type:{kind}", full_name(node)))
    });
    let flags = ["--indirect-selection", "empty", "--select"].map(str::to_owned);
    flags.into_iter().chain(names).collect()
}

fn full_name(node: &Node) -> String {
    node.fqn.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(".")
}

/// Every node that [`selectors`] can match: to dbt a full name is also the name of a folder, with or
/// without its package, so that `shop.marts` reaches all that is below `models/marts/`.
fn reachable<'a>(manifest: &'a Manifest, selected: &[&NodeId]) -> Vec<&'a Node> {
    let wanted: BTreeSet<(Kind, String)> = selected
        .iter()
        .filter_map(|id| manifest.node(id))
        .map(|node| (node.kind, full_name(node)))
        .collect();
    let is_reached = |node: &&Node| {
        let name = full_name(node);
        let parts: Vec<&str> = name.split('.').collect();
        // From the package, and from the folder after it, for dbt lets the package be left out.
        let ranges = (0..parts.len().min(2))
            .flat_map(|from| (from + 1..=parts.len()).map(move |to| from..to));
        let mut names = ranges.filter_map(|range| Some(parts.get(range)?.join(".")));
        names.any(|name| wanted.contains(&(node.kind, name)))
    };
    manifest.nodes().filter(is_reached).collect()
}

/// Takes the hooks that dbt runs around every invocation out of a scratch tree and its packages: they
/// are SQL of the pull request that no selection limits and no claim covers.
pub(super) fn drop_run_hooks(project: &Path) -> Result<(), FlowError> {
    let packages = fs::read_dir(project.join("dbt_packages")).into_iter().flatten().flatten();
    let folders = packages.map(|entry| entry.path()).chain([project.to_owned()]);
    for file in folders.map(|folder| folder.join("dbt_project.yml")).filter(|file| file.is_file()) {
        let text = fs::read_to_string(&file);
        let text = text.map_err(|source| FlowError::Unreadable { path: file.clone(), source })?;
        let kept = without_run_hooks(&text);
        if kept != text {
            // Never through a link: what is taken out is taken out of the copy.
            fs::remove_file(&file)
                .map_err(OutsideError::io("cannot write to the scratch folder"))?;
            fs::write(&file, kept)
                .map_err(OutsideError::io("cannot write to the scratch folder"))?;
        }
    }
    Ok(())
}

/// Where a node lives; nothing for what lives nowhere.
pub(super) fn relation(node: &Node) -> Option<RelationName> {
    if node.is_ephemeral() {
        return None;
    }
    let relation = node.relation.as_ref()?;
    Some(RelationName {
        database: relation.database.as_deref()?.to_owned(),
        schema: relation.schema.as_deref()?.to_owned(),
        identifier: relation.identifier.to_string(),
    })
}

/// Sources that the scratch parse places inside the claim, and where they really are.
pub(super) fn source_aliases(
    claim: &Claim,
    head: &Manifest,
    scratch: &Manifest,
) -> Vec<(RelationName, RelationName)> {
    let moved = |node: &Node| {
        let (there, here) = (relation(scratch.node(&node.id)?)?, relation(node)?);
        (there != here && claim.covers(&there.schema)).then_some((there, here))
    };
    head.of_kind(Kind::Source).filter_map(moved).collect()
}

pub(super) fn alias_statements(
    warehouse: &Warehouse,
    dialect: Dialect,
    aliases: &[(RelationName, RelationName)],
) -> Vec<String> {
    let schema = |name: &RelationName| {
        format!("CREATE SCHEMA IF NOT EXISTS {}", warehouse.schema(&name.database, &name.schema))
    };
    let mut statements: Vec<String> = aliases.iter().map(|(there, _)| schema(there)).collect();
    statements.dedup();
    statements.extend(aliases.iter().map(|(there, here)| {
        format!("CREATE VIEW {} AS SELECT * FROM {}", there.quoted(dialect), here.quoted(dialect))
    }));
    statements
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(kind: &str, fqn: &[&str], schema: &str, config: Value) -> (String, Value) {
        let name = *fqn.last().unwrap();
        let id = format!("{kind}.{}.{name}", fqn[0]);
        let node = json!({
            "unique_id": id, "name": name, "resource_type": kind, "package_name": fqn[0], "fqn": fqn,
            "original_file_path": "models/x.sql", "raw_code": "", "database": "shop", "schema": schema,
            "alias": name, "config": config, "unrendered_config": {}, "columns": {}, "tags": [],
            "depends_on": {"nodes": [], "macros": []}, "checksum": {"name": "none", "checksum": ""},
        });
        (id, node)
    }

    fn manifest(nodes: Vec<(String, Value)>) -> Manifest {
        let nodes: serde_json::Map<String, Value> = nodes.into_iter().collect();
        let text = json!({
            "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
                         "dbt_version": "1.11.16", "adapter_type": "duckdb", "project_name": "shop"},
            "nodes": nodes, "sources": {}, "macros": {}, "exposures": {}, "metrics": {}, "disabled": {},
        });
        Manifest::parse(text.to_string().as_bytes()).unwrap()
    }

    fn check(nodes: Vec<(String, Value)>, selected: &[&str]) -> Result<(), FlowError> {
        check_at(&Address::File("/data/shop.duckdb".into()), nodes, selected)
    }

    fn check_at(
        address: &Address,
        nodes: Vec<(String, Value)>,
        selected: &[&str],
    ) -> Result<(), FlowError> {
        let claim = Claim {
            adapter: address.adapter().to_owned(),
            database: address.to_string(),
            prefix: "belay_1".to_owned(),
            login: None,
        };
        let ids: Vec<NodeId> = selected.iter().map(|id| NodeId::from(*id)).collect();
        contained(&claim, address, &manifest(nodes), &ids.iter().collect::<Vec<_>>(), false)
    }

    fn table() -> Value {
        json!({"materialized": "table"})
    }

    #[test]
    fn on_a_server_the_database_is_the_one_of_the_target_to_the_letter() {
        let server = |database: &str| {
            let server = belay_warehouse::Postgres::new("h", 5432, database, "u");
            Address::Postgres(Box::new(server))
        };
        let inside = || vec![node("model", &["shop", "orders"], "belay_1_marts", table())];
        assert!(check_at(&server("shop"), inside(), &["model.shop.orders"]).is_ok());
        for other in ["Shop", "shop2"] {
            let refused = check_at(&server(other), inside(), &["model.shop.orders"]);
            assert!(matches!(refused, Err(FlowError::OutsideScratch { .. })), "{other}");
        }
    }

    #[test]
    fn what_stays_in_the_claim_is_let_through() {
        let inside = vec![
            node("model", &["shop", "orders"], "belay_1_marts", table()),
            node("test", &["shop", "unique_orders"], "analytics_audit", json!({})),
            node("model", &["shop", "other"], "analytics", table()),
        ];
        assert!(check(inside, &["model.shop.orders", "test.shop.unique_orders"]).is_ok());
    }

    #[test]
    fn a_test_that_keeps_its_failures_is_checked_like_a_model() {
        for kept in [json!({"store_failures": true}), json!({"store_failures_as": "table"})] {
            let nodes = vec![node("test", &["shop", "t"], "audit", kept)];
            let refused = check(nodes, &["test.shop.t"]).unwrap_err();
            assert!(matches!(refused, FlowError::OutsideScratch { .. }), "{refused}");
        }
    }

    #[test]
    fn a_name_that_is_also_a_folder_reaches_what_is_below_it() {
        let nodes = || {
            vec![
                node("model", &["shop", "marts"], "belay_1", table()),
                node("model", &["shop", "marts", "orders"], "analytics", table()),
            ]
        };
        assert!(matches!(
            check(nodes(), &["model.shop.marts"]),
            Err(FlowError::OutsideScratch { .. })
        ));
        let other_kind = vec![
            node("model", &["shop", "marts"], "belay_1", table()),
            node("snapshot", &["shop", "marts", "history"], "snapshots", json!({})),
        ];
        assert!(check(other_kind, &["model.shop.marts"]).is_ok(), "the selector names the kind");
        let other_package = vec![
            node("model", &["shop", "marts"], "belay_1", table()),
            node("model", &["lib", "shop", "marts"], "analytics", table()),
        ];
        let refused = check(other_package, &["model.shop.marts"]);
        assert!(
            matches!(refused, Err(FlowError::OutsideScratch { .. })),
            "dbt leaves a package out at will"
        );
    }
}
