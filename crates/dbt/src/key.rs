//! Which columns may identify a row, judging by what the project says.

use std::collections::BTreeSet;

use crate::id::NodeId;
use crate::manifest::{Constraint, Kind, Manifest, Node};

/// Columns that may identify a row. Nothing here proves it: whoever uses a key verifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub columns: Vec<String>,
    pub origin: KeyOrigin,
}

/// Why columns may be a key; the more trusted origin first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyOrigin {
    EnforcedPrimaryKey,
    DeclaredPrimaryKey,
    InferredByDbt,
    UniqueAndNotNullTests,
    UniqueCombinationTest,
    UniqueConstraint,
    UniqueTest,
    UniqueKeyConfig,
    SnapshotKey,
}

impl KeyOrigin {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EnforcedPrimaryKey => "primary key constraint under an enforced contract",
            Self::DeclaredPrimaryKey => "declared primary key constraint",
            Self::InferredByDbt => "primary key inferred by dbt",
            Self::UniqueAndNotNullTests => "unique and not_null tests",
            Self::UniqueCombinationTest => "unique_combination_of_columns test",
            Self::UniqueConstraint => "unique constraint",
            Self::UniqueTest => "unique test",
            Self::UniqueKeyConfig => "unique_key config",
            Self::SnapshotKey => "snapshot key and its valid-from column",
        }
    }
}

/// The candidates for a node, the most trusted first; each set of columns once.
pub fn candidate_keys(manifest: &Manifest, id: &NodeId) -> Vec<Key> {
    let Some(node) = manifest.node(id) else { return Vec::new() };
    let tests = Tests::on(manifest, node);
    let mut keys = constraint_keys(node, "primary_key", primary_origin(node));
    keys.extend(inferred(node, &tests));
    keys.extend(tests.unique_and_not_null());
    keys.extend(tests.combinations.iter().cloned());
    keys.extend(constraint_keys(node, "unique", KeyOrigin::UniqueConstraint));
    keys.extend(tests.unique());
    keys.extend(config_key(node));
    once_each(keys)
}

fn primary_origin(node: &Node) -> KeyOrigin {
    if node.contract_enforced() {
        KeyOrigin::EnforcedPrimaryKey
    } else {
        KeyOrigin::DeclaredPrimaryKey
    }
}

/// dbt takes a column for a key when it is one of a tested combination and not null: that column
/// alone is none.
fn inferred(node: &Node, tests: &Tests) -> Option<Key> {
    let inferred = key(node.primary_key.iter(), KeyOrigin::InferredByDbt)?;
    let is_part = |combination: &Key| {
        combination.columns.len() > inferred.columns.len()
            && inferred.columns.iter().all(|column| combination.columns.contains(column))
    };
    let is_unique = inferred.columns.iter().any(|column| tests.unique.contains(column));
    (is_unique || !tests.combinations.iter().any(is_part)).then_some(inferred)
}

fn constraint_keys(node: &Node, kind: &str, origin: KeyOrigin) -> Vec<Key> {
    let is_of_kind = |constraint: &&Constraint| constraint.kind.eq_ignore_ascii_case(kind);
    let of_model = node.constraints.iter().filter(is_of_kind);
    let of_model = of_model.filter_map(|constraint| key(constraint.columns.iter(), origin));
    let of_columns = node
        .columns
        .iter()
        .filter(|column| column.constraints.iter().any(|found| is_of_kind(&found)));
    of_model
        .chain(of_columns.filter_map(|column| key([&column.name].into_iter(), origin)))
        .collect()
}

/// A snapshot holds many rows for each key: only with the moment they began do they differ.
fn config_key(node: &Node) -> Option<Key> {
    let mut columns = node.unique_key();
    if node.kind != Kind::Snapshot {
        return key(columns.iter(), KeyOrigin::UniqueKeyConfig);
    }
    if columns.is_empty() {
        return None;
    }
    let names = node.config.value("snapshot_meta_column_names");
    let valid_from = names.and_then(|names| names.get("dbt_valid_from")?.as_str());
    columns.push(valid_from.unwrap_or("dbt_valid_from").to_owned());
    key(columns.iter(), KeyOrigin::SnapshotKey)
}

fn key<T: AsRef<str>>(columns: impl Iterator<Item = T>, origin: KeyOrigin) -> Option<Key> {
    let columns: Vec<_> = columns.map(|column| bare(column.as_ref()).to_owned()).collect();
    let are_columns = !columns.is_empty() && columns.iter().all(|column| is_column(column));
    are_columns.then_some(Key { columns, origin })
}

/// A quoted column without its quotes.
fn bare(column: &str) -> &str {
    let column = column.trim();
    ['"', '`']
        .iter()
        .find_map(|quote| column.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(column)
}

/// `unique_key` and tests may hold an expression, such as `a || '-' || b`: that is no column.
fn is_column(text: &str) -> bool {
    !text.is_empty() && !text.contains(['(', ')', '|', '\'', '"', ',', '+', '{', '\n'])
}

fn once_each(keys: Vec<Key>) -> Vec<Key> {
    let mut seen = BTreeSet::new();
    let set =
        |key: &Key| key.columns.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>();
    keys.into_iter().filter(|key| seen.insert(set(key))).collect()
}

/// What a node's tests say about keys.
#[derive(Default)]
struct Tests {
    unique: Vec<String>,
    not_null: BTreeSet<String>,
    combinations: Vec<Key>,
}

impl Tests {
    fn on(manifest: &Manifest, node: &Node) -> Self {
        let mut tests = Self::default();
        let children = manifest.children(&node.id);
        for (child, test) in children.filter_map(|child| Some((child, child.generic_test()?))) {
            let is_about_node = test.attached_to.as_ref().is_none_or(|id| *id == node.id);
            // A test with a filter says nothing about the other rows.
            if !is_about_node || !child.is_enabled() || child.config.value("where").is_some() {
                continue;
            }
            let column = test.column.as_deref().map(str::to_owned);
            match &*test.name {
                "unique" => tests.unique.extend(column),
                "not_null" => tests.not_null.extend(column),
                "unique_combination_of_columns" => {
                    let columns = test.arguments.texts("combination_of_columns");
                    let found = key(columns.iter(), KeyOrigin::UniqueCombinationTest);
                    tests.combinations.extend(found);
                }
                _ => {}
            }
        }
        tests
    }

    fn unique_and_not_null(&self) -> impl Iterator<Item = Key> {
        let both = self.unique.iter().filter(|column| self.not_null.contains(*column));
        both.filter_map(|column| key([column].into_iter(), KeyOrigin::UniqueAndNotNullTests))
    }

    fn unique(&self) -> impl Iterator<Item = Key> {
        self.unique.iter().filter_map(|column| key([column].into_iter(), KeyOrigin::UniqueTest))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use super::*;
    use crate::fixture::Project;

    fn check(project: Project, id: &str, expected: Expect) {
        let keys = candidate_keys(&project.manifest(), &id.into());
        let line = |key: &Key| format!("{}: {}\n", key.columns.join(", "), key.origin.as_str());
        expected.assert_eq(&keys.iter().map(line).collect::<String>());
    }

    fn orders(more: Value) -> Project {
        Project::new().node("model", "orders", &[], more)
    }

    fn combination(project: Project, columns: Value) -> Project {
        let more = json!({
            "attached_node": "model.shop.orders",
            "test_metadata": { "name": "unique_combination_of_columns", "namespace": "dbt_utils",
                               "kwargs": { "combination_of_columns": columns } },
        });
        project.node("test", "combination", &["model.shop.orders"], more)
    }

    #[test]
    fn the_most_trusted_origin_comes_first_and_each_key_once() {
        let project = orders(json!({
            "constraints": [{ "type": "primary_key", "columns": ["a", "b"] }],
            "columns": { "c": { "name": "c", "constraints": [{ "type": "unique" }] } },
            "primary_key": ["b", "a"],
            "config": { "unique_key": "\"f\"", "contract": { "enforced": true } },
        }));
        let project = project
            .test("unique", "orders", "d")
            .test("not_null", "orders", "d")
            .test("unique", "orders", "e");
        check(
            project,
            "model.shop.orders",
            expect![[r#"
                a, b: primary key constraint under an enforced contract
                d: unique and not_null tests
                c: unique constraint
                e: unique test
                f: unique_key config
            "#]],
        );
    }

    #[test]
    fn a_constraint_without_a_contract_is_only_declared() {
        let column = json!({ "id": { "name": "id", "constraints": [{ "type": "primary_key" }] } });
        check(
            orders(json!({ "columns": column })),
            "model.shop.orders",
            expect![[r#"
            id: declared primary key constraint
        "#]],
        );
    }

    #[test]
    fn part_of_a_combination_is_no_key_although_dbt_infers_it() {
        let project = combination(orders(json!({ "primary_key": ["a"] })), json!(["a", "b"]));
        check(
            project.test("not_null", "orders", "a"),
            "model.shop.orders",
            expect![[r#"
            a, b: unique_combination_of_columns test
        "#]],
        );
    }

    #[test]
    fn an_expression_is_no_column() {
        let config = json!({ "config": { "unique_key": "a || '-' || b" } });
        check(orders(config), "model.shop.orders", expect![[""]]);
    }

    #[test]
    fn a_test_with_a_filter_proves_nothing_about_the_other_rows() {
        let more = json!({ "attached_node": "model.shop.orders", "config": { "where": "x = 1" },
                           "test_metadata": { "name": "unique", "kwargs": { "column_name": "id" } } });
        let project = orders(json!({})).node("test", "filtered", &["model.shop.orders"], more);
        check(project, "model.shop.orders", expect![[""]]);
    }

    #[test]
    fn a_snapshot_is_keyed_with_the_moment_its_rows_begin() {
        let config = json!({ "config": { "unique_key": ["id", "region"] } });
        let project = Project::new().node("snapshot", "snap", &[], config);
        check(
            project,
            "snapshot.shop.snap",
            expect![[r#"
            id, region, dbt_valid_from: snapshot key and its valid-from column
        "#]],
        );
    }

    #[test]
    fn an_unknown_node_has_no_keys() {
        check(Project::new(), "model.shop.orders", expect![[""]]);
    }
}
