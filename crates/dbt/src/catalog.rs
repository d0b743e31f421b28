//! What the warehouse says: the true columns of relations, as `dbt docs generate` found them.

use std::collections::BTreeMap;

use belay_model::Explain;
use serde::Deserialize;

use crate::id::NodeId;
use crate::lenient::{Entries, Entry, Loose, Text};

/// `catalog.json`: the columns of each relation that was there when it was written.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub generated_at: Box<str>,
    /// Models, seeds, snapshots and sources.
    pub relations: BTreeMap<NodeId, CatalogRelation>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogRelation {
    /// As the warehouse calls it: `BASE TABLE`, `VIEW`.
    pub kind: Box<str>,
    /// In the order of the relation, spelled as the warehouse spells them.
    pub columns: Vec<CatalogColumn>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogColumn {
    pub name: Box<str>,
    pub data_type: Option<Box<str>>,
    index: i64,
}

/// Why `catalog.json` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("the catalog is not JSON at line {line}, column {column}")]
    NotJson { line: usize, column: usize, source: serde_json::Error },
    #[error("the catalog is cut short: it ends after {bytes} bytes, in the middle of a value")]
    CutShort { bytes: usize },
    #[error("this is JSON, but not a dbt catalog: it has no `metadata.dbt_schema_version`")]
    NotACatalog,
    #[error("this is another dbt artefact, not a catalog: its schema is `{schema}`")]
    OtherArtefact { schema: String },
    #[error("catalog schema v{found} is not known: belay reads v1")]
    UnknownVersion { found: u32 },
}

impl Explain for CatalogError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "catalog/not-json",
            Self::CutShort { .. } => "catalog/cut-short",
            Self::NotACatalog => "catalog/not-a-catalog",
            Self::OtherArtefact { .. } => "catalog/other-artefact",
            Self::UnknownVersion { .. } => "catalog/unknown-version",
        }
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Self::CutShort { .. } => "wait until dbt has finished; it writes the file at the end",
            Self::UnknownVersion { .. } => "update belay, or leave the catalog out",
            _ => "give belay the `catalog.json` that `dbt docs generate` writes",
        };
        Some(help.to_owned())
    }
}

impl Catalog {
    /// Reads `catalog.json`. Unknown fields are passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, CatalogError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let wire: Wire = serde_json::from_slice(bytes).map_err(|source| {
            if source.is_eof() {
                return CatalogError::CutShort { bytes: bytes.len() };
            }
            CatalogError::NotJson { line: source.line(), column: source.column(), source }
        })?;
        let Loose(metadata) = wire.metadata;
        let schema = metadata.dbt_schema_version.filled().ok_or(CatalogError::NotACatalog)?;
        check_version(&schema)?;
        let relations = wire.nodes.0.0.into_iter().chain(wire.sources.0.0);
        Ok(Self { generated_at: metadata.generated_at.or_empty(), relations: relations.collect() })
    }

    pub fn relation(&self, id: &NodeId) -> Option<&CatalogRelation> {
        self.relations.get(id)
    }
}

/// The version in `https://schemas.getdbt.com/dbt/catalog/v1.json`.
fn check_version(schema: &str) -> Result<(), CatalogError> {
    let version = schema
        .split_once("/catalog/v")
        .map(|(_, rest)| rest.strip_suffix(".json").unwrap_or(rest))
        .and_then(|digits| digits.parse().ok());
    match version {
        Some(1) => Ok(()),
        Some(found) => Err(CatalogError::UnknownVersion { found }),
        None => Err(CatalogError::OtherArtefact { schema: schema.to_owned() }),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wire {
    metadata: Loose<WireMetadata>,
    nodes: Loose<Entries<(NodeId, CatalogRelation)>>,
    sources: Loose<Entries<(NodeId, CatalogRelation)>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireMetadata {
    dbt_schema_version: Text,
    generated_at: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireRelation {
    metadata: Loose<WireRelationMetadata>,
    columns: Loose<Entries<CatalogColumn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireRelationMetadata {
    r#type: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireColumn {
    r#type: Text,
    index: Text,
    name: Text,
}

impl Entry for (NodeId, CatalogRelation) {
    type Wire = Loose<WireRelation>;

    fn read(id: Box<str>, Loose(wire): Self::Wire) -> Self {
        let Loose(Entries(mut columns)) = wire.columns;
        columns.sort_by_key(|column| column.index);
        let kind = wire.metadata.0.r#type.or_empty();
        (NodeId::new(id), CatalogRelation { kind, columns })
    }
}

impl Entry for CatalogColumn {
    type Wire = Loose<WireColumn>;

    fn read(key: Box<str>, Loose(wire): Self::Wire) -> Self {
        let index = wire.index.filled().and_then(|digits| digits.parse().ok());
        Self {
            name: wire.name.filled().unwrap_or(key),
            data_type: wire.r#type.filled(),
            index: index.unwrap_or(i64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::{Value, json};

    use super::*;

    fn catalog(nodes: Value) -> String {
        json!({
            "metadata": {
                "dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json",
                "generated_at": "2026-01-01T00:00:00Z",
            },
            "nodes": nodes,
            "sources": { "source.shop.raw.orders": { "columns": { "id": { "type": "INTEGER", "index": 1 } } } },
            "errors": null,
        })
        .to_string()
    }

    fn refused(json: &str, expected: Expect) {
        let error = Catalog::parse(json.as_bytes()).unwrap_err();
        let help = error.help().unwrap_or_default();
        expected.assert_eq(&format!("error[{}]: {error}\n  help: {help}", error.code()));
    }

    #[test]
    fn columns_come_in_the_order_of_the_relation_and_keep_their_letters() {
        let columns = json!({
            "B": { "type": "TEXT", "index": 10, "name": "B", "comment": null },
            "A": { "type": "NUMBER", "index": "9", "name": "A", "unknown": [1] },
            "no_place": { "type": null },
        });
        let node = json!({ "metadata": { "type": "VIEW" }, "columns": columns, "stats": {} });
        let read = Catalog::parse(catalog(json!({ "model.shop.a": node })).as_bytes()).unwrap();
        let relation = read.relation(&"model.shop.a".into()).unwrap();
        let names: Vec<_> = relation
            .columns
            .iter()
            .map(|column| format!("{} {:?}", column.name, column.data_type))
            .collect();
        assert_eq!(names, [r#"A Some("NUMBER")"#, r#"B Some("TEXT")"#, "no_place None"]);
        assert_eq!(&*relation.kind, "VIEW");
        assert!(read.relation(&"source.shop.raw.orders".into()).is_some());
    }

    #[test]
    fn odd_shapes_are_passed_over() {
        let read = Catalog::parse(catalog(json!([1])).as_bytes()).unwrap();
        assert_eq!(read.relations.len(), 1);
        let read = Catalog::parse(catalog(json!({ "a": { "columns": 7 }, "b": null })).as_bytes());
        assert_eq!(read.unwrap().relations.len(), 3);
    }

    #[test]
    fn what_is_no_catalog_says_what_it_is() {
        refused(
            "{",
            expect![[r#"
                error[catalog/cut-short]: the catalog is cut short: it ends after 1 bytes, in the middle of a value
                  help: wait until dbt has finished; it writes the file at the end"#]],
        );
        refused(
            "{\n  nonsense}",
            expect![[r#"
                error[catalog/not-json]: the catalog is not JSON at line 2, column 3
                  help: give belay the `catalog.json` that `dbt docs generate` writes"#]],
        );
        refused(
            "{}",
            expect![[r#"
                error[catalog/not-a-catalog]: this is JSON, but not a dbt catalog: it has no `metadata.dbt_schema_version`
                  help: give belay the `catalog.json` that `dbt docs generate` writes"#]],
        );
        refused(
            &catalog(json!({})).replace("catalog/v1", "catalog/v2"),
            expect![[r#"
                error[catalog/unknown-version]: catalog schema v2 is not known: belay reads v1
                  help: update belay, or leave the catalog out"#]],
        );
        refused(
            &catalog(json!({})).replace("catalog/v1", "manifest/v12"),
            expect![[r#"
                error[catalog/other-artefact]: this is another dbt artefact, not a catalog: its schema is `https://schemas.getdbt.com/dbt/manifest/v12.json`
                  help: give belay the `catalog.json` that `dbt docs generate` writes"#]],
        );
    }
}
