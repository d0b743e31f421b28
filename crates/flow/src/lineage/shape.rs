//! What is known of a node's columns beside its query: the catalog, the YAML, keys that tests hold.

use std::collections::BTreeSet;

use belay_dbt::catalog::CatalogRelation;
use belay_dbt::key::{KeyOrigin, candidate_keys};
use belay_dbt::manifest::Node;
use belay_dbt::{Manifest, NodeId};
use belay_sql::{Dialect, Table};

/// The columns that catalog or YAML name. Only the catalog and an enforced contract name them all.
pub(super) fn declared(node: &Node, found: Option<&CatalogRelation>, dialect: Dialect) -> Table {
    if let Some(found) = found.filter(|found| !found.columns.is_empty()) {
        let column = |column: &belay_dbt::catalog::CatalogColumn| {
            (dialect.fold(&column.name, true), column.data_type.as_deref().map(str::to_lowercase))
        };
        let columns = found.columns.iter().map(column).collect();
        return Table { columns, is_complete: true, keys: BTreeSet::new() };
    }
    let column = |column: &belay_dbt::manifest::Column| {
        (dialect.fold(&column.name, false), column.data_type.as_deref().map(str::to_lowercase))
    };
    Table {
        columns: node.columns.iter().map(column).collect(),
        is_complete: node.contract_enforced() && !node.columns.is_empty(),
        keys: BTreeSet::new(),
    }
}

/// The columns that dbt adds to a snapshot: as it names them here, and by default.
pub(super) fn snapshot_columns(node: &Node, dialect: Dialect) -> Vec<(String, &'static str)> {
    let names = node.config.value("snapshot_meta_column_names");
    let named = |column: &'static str| {
        let name = names.and_then(|names| names.get(column)?.as_str()).unwrap_or(column);
        (dialect.fold(name, false), column)
    };
    let mut columns =
        ["dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to"].map(named).to_vec();
    if node.config.text("hard_deletes") == Some("new_record") {
        columns.push(named("dbt_is_deleted"));
    }
    columns
}

/// Sets of the table's columns that the project vouches for: a primary key that the engine
/// enforces, or tests for uniqueness and NULL that fail a build.
pub(super) fn keys(
    manifest: &Manifest,
    id: &NodeId,
    table: &Table,
    dialect: Dialect,
) -> BTreeSet<Vec<String>> {
    let is_enforced = matches!(dialect, Dialect::DuckDb | Dialect::Postgres);
    let constraints = candidate_keys(manifest, id)
        .into_iter()
        .filter(|key| is_enforced && key.origin == KeyOrigin::EnforcedPrimaryKey)
        .map(|key| key.columns);
    constraints
        .chain(tested(manifest, id))
        .filter_map(|columns| columns.iter().map(|name| spelled(table, name)).collect())
        .collect()
}

/// A column as the table spells it, if only one can be meant.
fn spelled(table: &Table, name: &str) -> Option<String> {
    let name = name.trim_matches(['"', '`']);
    let mut fits = table.columns.iter().filter(|(column, _)| column.eq_ignore_ascii_case(name));
    match (fits.next(), fits.next()) {
        (Some((column, _)), None) => Some(column.clone()),
        _ => None,
    }
}

fn tested(manifest: &Manifest, id: &NodeId) -> Vec<Vec<String>> {
    let (mut unique, mut not_null) = (Vec::new(), BTreeSet::new());
    for child in manifest.children(id).filter(|child| fails_on_any_row(child)) {
        let Some(test) = child.generic_test() else { continue };
        if test.attached_to.as_ref().is_some_and(|attached| attached != id) {
            continue;
        }
        let column = test.column.as_deref().map(str::to_owned);
        match (test.namespace.as_deref(), &*test.name) {
            (None, "unique") => unique.extend(column.map(|column| vec![column])),
            (None, "not_null") => not_null.extend(column),
            (_, "unique_combination_of_columns") => {
                let columns = test.arguments.texts("combination_of_columns");
                unique.extend((!columns.is_empty()).then_some(columns));
            }
            _ => (),
        }
    }
    unique.retain(|columns| columns.iter().all(|column| not_null.contains(column)));
    unique
}

/// The test looks at every row, and a single bad one stops a build.
fn fails_on_any_row(test: &Node) -> bool {
    let config = |key| test.config.text(key);
    test.is_enabled()
        && test.config.value("where").is_none()
        && config("severity").is_none_or(|severity| severity.eq_ignore_ascii_case("error"))
        && config("error_if").is_none_or(|condition| condition == "!= 0")
        && config("fail_calc").is_none_or(|calculation| calculation == "count(*)")
}
