//! Tiny manifests for tests.

use serde_json::{Value, json};

use crate::manifest::Manifest;

/// A manifest under construction: schema v12, one package `shop`, database `db`, schema `main`.
#[derive(Clone)]
pub(crate) struct Project {
    json: Value,
    database: &'static str,
    schema: &'static str,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self::at("db", "main")
    }

    /// Parsed for another target.
    pub(crate) fn at(database: &'static str, schema: &'static str) -> Self {
        let json = json!({
            "metadata": {
                "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
                "dbt_version": "1.11.16",
                "adapter_type": "duckdb",
                "project_name": "shop",
            },
            "nodes": {}, "sources": {}, "macros": {}, "exposures": {}, "metrics": {},
            "semantic_models": {}, "saved_queries": {}, "unit_tests": {}, "disabled": {},
        });
        Self { json, database, schema }
    }

    pub(crate) fn dbt(mut self, version: &str) -> Self {
        self.json["metadata"]["dbt_version"] = version.into();
        self
    }

    pub(crate) fn schema_version(mut self, version: u32) -> Self {
        let url = format!("https://schemas.getdbt.com/dbt/manifest/v{version}.json");
        self.json["metadata"]["dbt_schema_version"] = url.into();
        self
    }

    pub(crate) fn model(self, name: &str, parents: &[&str], sql: &str) -> Self {
        self.node("model", name, parents, json!({ "raw_code": sql }))
    }

    pub(crate) fn node(mut self, kind: &str, name: &str, parents: &[&str], more: Value) -> Self {
        let id = format!("{kind}.shop.{name}");
        let mut node = json!({
            "name": name,
            "resource_type": kind,
            "package_name": "shop",
            "original_file_path": format!("{kind}s/{name}.sql"),
            "fqn": ["shop", name],
            "alias": name,
            "database": self.database,
            "schema": self.schema,
            "relation_name": format!(r#""{}"."{}"."{name}""#, self.database, self.schema),
            "config": { "enabled": true, "materialized": "view" },
            "unrendered_config": {},
            "depends_on": { "nodes": parents, "macros": [] },
        });
        merge(&mut node, more);
        let section = match kind {
            "source" => "sources",
            "exposure" => "exposures",
            "metric" => "metrics",
            "unit_test" => "unit_tests",
            _ => "nodes",
        };
        self.json[section][id] = node;
        self
    }

    /// A generic test `test.shop.<name>_<model>_<column>`.
    pub(crate) fn test(self, name: &str, model: &str, column: &str) -> Self {
        let on = format!("model.shop.{model}");
        let more = json!({
            "attached_node": on,
            "column_name": column,
            "test_metadata": { "name": name, "kwargs": { "column_name": column } },
            "raw_code": "{{ test(**_dbt_generic_test_kwargs) }}",
            "config": { "materialized": "test", "severity": "ERROR" },
        });
        self.node("test", &format!("{name}_{model}_{column}"), &[&on], more)
    }

    pub(crate) fn macro_(mut self, id: &str, calls: &[&str], sql: &str) -> Self {
        let mut parts = id.split('.').skip(1);
        self.json["macros"][id] = json!({
            "package_name": parts.next(),
            "name": parts.next(),
            "macro_sql": sql,
            "depends_on": { "macros": calls },
        });
        self
    }

    pub(crate) fn disabled(mut self, id: &str) -> Self {
        self.json["disabled"][id] = json!([{}]);
        self
    }

    pub(crate) fn json(&self) -> String {
        self.json.to_string()
    }

    pub(crate) fn manifest(&self) -> Manifest {
        Manifest::parse(self.json().as_bytes()).unwrap()
    }
}

/// Lays `more` over `value`, key by key.
fn merge(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::Object(fields), Value::Object(more)) => {
            for (key, field) in more {
                merge(fields.entry(key).or_insert(Value::Null), field);
            }
        }
        (value, more) => *value = more,
    }
}
