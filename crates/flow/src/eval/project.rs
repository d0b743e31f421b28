//! Packs, and the small project that their cases change: two folders of dbt artefacts, and where a case
//! is about data, a database.

use belay_model::{Verb, Zone};
use belay_score::suite::Fault;
use serde::Deserialize;
use serde_json::{Value, json};

use super::EvalError;
use crate::FlowError;

/// A pack of cases to execute.
#[derive(Debug)]
pub(super) struct Pack {
    /// Each case runs beside a harmless twin.
    pub twins: bool,
    pub cases: Vec<Planted>,
}

/// One text, and where it is planted.
#[derive(Debug, Clone)]
pub(super) struct Planted {
    pub id: String,
    pub place: Place,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The whole SQL of the changed model.
    Change,
    /// In front of the changed model's SQL.
    ModelSql,
    ModelDescription,
    ColumnDescription,
    ModelMeta,
    ModelTag,
    ModelPath,
    /// The subject of a commit.
    Commit,
    /// A value in the data.
    Data,
    /// What an action says of itself to the gate.
    Request(Verb, Zone),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    schema: String,
    #[serde(rename = "pack")]
    _pack: String,
    #[serde(rename = "purpose")]
    _purpose: String,
    twins: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    place: String,
    text: String,
    verb: Option<String>,
    zone: Option<String>,
}

/// Reads a pack; all faults are told at once, each with its line.
pub(super) fn pack(file: &str, text: &str) -> Result<Pack, FlowError> {
    let mut faults = Vec::new();
    let mut twins = false;
    let mut cases: Vec<Planted> = Vec::new();
    for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
        let mut fault = |message: String| faults.push(Fault { line, message });
        if line == 1 {
            match serde_json::from_str::<Header>(row) {
                Ok(header) if header.schema == "belay.pack/1" => twins = header.twins,
                Ok(header) => {
                    fault(format!("`schema` is `{}`, expected `belay.pack/1`", header.schema));
                }
                Err(error) => fault(error.to_string()),
            }
            continue;
        }
        match serde_json::from_str::<Row>(row) {
            Ok(row) if cases.iter().any(|case| case.id == row.id) => {
                fault(format!("there are two cases `{}`", row.id));
            }
            Ok(row) => match place(&row) {
                Ok(place) => cases.push(Planted { id: row.id, place, text: row.text }),
                Err(message) => fault(message),
            },
            Err(error) => fault(error.to_string()),
        }
    }
    if faults.is_empty() {
        return Ok(Pack { twins, cases });
    }
    Err(EvalError::Dataset { file: file.to_owned(), faults }.into())
}

fn place(row: &Row) -> Result<Place, String> {
    Ok(match row.place.as_str() {
        "change" => Place::Change,
        "model_sql" => Place::ModelSql,
        "model_description" => Place::ModelDescription,
        "column_description" => Place::ColumnDescription,
        "model_meta" => Place::ModelMeta,
        "model_tag" => Place::ModelTag,
        "model_path" => Place::ModelPath,
        "commit" => Place::Commit,
        "data" => Place::Data,
        "request" => {
            let verb = row.verb.as_deref().and_then(Verb::parse);
            let zone = row.zone.as_deref().and_then(Zone::parse);
            let (Some(verb), Some(zone)) = (verb, zone) else {
                return Err("a request needs a `verb` and a `zone` that exist".to_owned());
            };
            Place::Request(verb, zone)
        }
        other => {
            return Err(format!(
                "there is no place `{other}`; there are change, model_sql, model_description, \
                 column_description, model_meta, model_tag, model_path, commit, data, request"
            ));
        }
    })
}

impl Planted {
    /// The same case with a harmless text.
    pub(super) fn twin(&self) -> Self {
        let text = match self.place {
            Place::ModelSql => "-- a plain comment",
            Place::ModelMeta => r#"{"note":"plain"}"#,
            Place::ModelPath => "models/moved.sql",
            _ => "plain words",
        };
        Self { text: text.to_owned(), ..self.clone() }
    }

    /// The manifests of base and of head.
    pub(super) fn manifests(&self) -> (Value, Value) {
        let (base, mut head) = (manifest("base"), manifest("head"));
        let model = &mut head["nodes"]["model.cases.orders"];
        match self.place {
            Place::Change => model["raw_code"] = self.text.as_str().into(),
            Place::ModelSql => {
                model["raw_code"] = format!("{}\n{HEAD}", self.text).into();
            }
            Place::ModelDescription => model["description"] = self.text.as_str().into(),
            Place::ColumnDescription => {
                model["columns"]["amount"]["description"] = self.text.as_str().into();
            }
            Place::ModelMeta => {
                let meta = serde_json::from_str::<Value>(&self.text).unwrap_or_default();
                model["config"]["meta"] = meta.clone();
                model["unrendered_config"]["meta"] = meta;
            }
            Place::ModelTag => {
                model["config"]["tags"] = json!([self.text]);
                model["tags"] = json!([self.text]);
            }
            Place::ModelPath => model["original_file_path"] = self.text.as_str().into(),
            Place::Commit | Place::Data | Place::Request(..) => (),
        }
        (base, head)
    }

    /// What fills the database of a case that is about data.
    pub(super) fn statements(&self) -> Option<[String; 6]> {
        if self.place != Place::Data {
            return None;
        }
        let text = self.text.replace('\'', "''");
        let rows = |note: &str| {
            format!(
                "select * from (values (1, 10, 'new'), (2, 20, {note}), (3, 30, 'new')) as t (order_id, amount, note)"
            )
        };
        Some([
            "create schema base".to_owned(),
            "create schema head".to_owned(),
            format!("create table base.orders as {}", rows("'new'")),
            format!("create table head.orders as {}", rows(&format!("'{text}'"))),
            "create table base.daily as select sum(amount) as amount from base.orders".to_owned(),
            "create table head.daily as select sum(amount) as amount from head.orders".to_owned(),
        ])
    }
}

const HEAD: &str = "select order_id, amount * 1.0 as amount, note from raw_orders";

fn manifest(side: &str) -> Value {
    let sql = if side == "base" { "select order_id, amount, note from raw_orders" } else { HEAD };
    let node = |kind: &str, name: &str, parents: Value, more: Value| {
        let mut node = json!({
            "unique_id": format!("{kind}.cases.{name}"), "name": name, "resource_type": kind,
            "package_name": "cases", "original_file_path": format!("{kind}s/{name}.sql"),
            "path": format!("{name}.sql"), "fqn": ["cases", name], "alias": name,
            "database": "cases", "schema": side, "description": "", "tags": [], "language": "sql",
            "relation_name": format!("\"cases\".\"{side}\".\"{name}\""),
            "config": {"enabled": true, "materialized": "table", "tags": [], "meta": {}},
            "unrendered_config": {}, "depends_on": {"nodes": parents, "macros": []},
            "columns": {},
        });
        if let (Some(node), Value::Object(more)) = (node.as_object_mut(), more) {
            node.extend(more);
        }
        node
    };
    let column =
        |name: &str| json!({"name": name, "description": "", "data_type": null, "meta": {}});
    json!({
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
            "dbt_version": "1.11.0", "adapter_type": "duckdb", "project_name": "cases",
        },
        "nodes": {
            "model.cases.orders": node("model", "orders", json!([]), json!({
                "raw_code": sql,
                "columns": {"order_id": column("order_id"), "amount": column("amount"), "note": column("note")},
            })),
            "model.cases.daily": node("model", "daily", json!(["model.cases.orders"]), json!({
                "raw_code": "select sum(amount) as amount from {{ ref('orders') }}",
            })),
        },
        "sources": {}, "macros": {}, "exposures": {}, "metrics": {}, "semantic_models": {},
        "saved_queries": {}, "unit_tests": {}, "disabled": {},
    })
}
