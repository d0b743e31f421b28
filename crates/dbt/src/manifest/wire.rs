//! The manifest as dbt writes it. One struct serves every section: dbt's sections overlap, and
//! an absent field costs nothing.

use serde::Deserialize;
use serde_json::Value;

use crate::id::NodeId;
use crate::lenient::{Entries, Loose, Text, Texts};
use crate::manifest::{Column, Macro, Node, Settings};

pub(super) type Section = Loose<Entries<Node>>;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireManifest {
    pub(super) metadata: Loose<WireMetadata>,
    pub(super) nodes: Section,
    pub(super) sources: Section,
    pub(super) exposures: Section,
    pub(super) metrics: Section,
    pub(super) semantic_models: Section,
    pub(super) saved_queries: Section,
    pub(super) unit_tests: Section,
    pub(super) functions: Section,
    pub(super) macros: Loose<Entries<Macro>>,
    pub(super) disabled: Loose<Entries<NodeId>>,
}

/// Only the metadata: what is left to say about a manifest whose body cannot be read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireHeader {
    pub(super) metadata: Loose<WireMetadata>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireMetadata {
    pub(super) dbt_schema_version: Text,
    pub(super) dbt_version: Text,
    pub(super) adapter_type: Text,
    pub(super) project_name: Text,
    pub(super) generated_at: Text,
    pub(super) invocation_id: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireNode {
    pub(super) name: Text,
    pub(super) resource_type: Text,
    pub(super) package_name: Text,
    pub(super) original_file_path: Text,
    pub(super) patch_path: Text,
    pub(super) fqn: Texts,
    pub(super) tags: Texts,
    pub(super) description: Text,
    pub(super) meta: Settings,
    pub(super) raw_code: Text,
    pub(super) compiled_code: Text,
    pub(super) language: Text,
    pub(super) checksum: Loose<WireChecksum>,
    pub(super) database: Text,
    pub(super) schema: Text,
    pub(super) alias: Text,
    pub(super) identifier: Text,
    pub(super) relation_name: Text,
    pub(super) config: Settings,
    pub(super) unrendered_config: Settings,
    pub(super) columns: Loose<Entries<Column>>,
    pub(super) constraints: Loose<Vec<Loose<WireConstraint>>>,
    pub(super) primary_key: Texts,
    pub(super) depends_on: Loose<WireDependsOn>,
    pub(super) access: Text,
    pub(super) group: Text,
    pub(super) version: Text,
    pub(super) latest_version: Text,
    pub(super) deprecation_date: Text,
    // tests
    pub(super) attached_node: Text,
    pub(super) column_name: Text,
    pub(super) test_metadata: Option<Loose<WireTestMetadata>>,
    // sources
    pub(super) source_name: Text,
    pub(super) loaded_at_field: Text,
    pub(super) loaded_at_query: Text,
    pub(super) freshness: Value,
    pub(super) external: Value,
    pub(super) quoting: Settings,
    pub(super) unrendered_database: Text,
    pub(super) unrendered_schema: Text,
    // exposures, metrics, semantic models, saved queries, unit tests, functions
    pub(super) r#type: Text,
    pub(super) maturity: Text,
    pub(super) owner: Settings,
    pub(super) url: Text,
    pub(super) label: Text,
    pub(super) type_params: Value,
    pub(super) filter: Value,
    pub(super) model: Value,
    pub(super) entities: Value,
    pub(super) dimensions: Value,
    pub(super) measures: Value,
    pub(super) defaults: Value,
    pub(super) primary_entity: Value,
    pub(super) query_params: Value,
    pub(super) exports: Value,
    pub(super) given: Value,
    pub(super) expect: Value,
    pub(super) overrides: Value,
    pub(super) arguments: Value,
    pub(super) returns: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireChecksum {
    pub(super) name: Text,
    pub(super) checksum: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireColumn {
    pub(super) name: Text,
    pub(super) description: Text,
    pub(super) data_type: Text,
    pub(super) constraints: Loose<Vec<Loose<WireConstraint>>>,
    pub(super) meta: Settings,
    pub(super) tags: Texts,
    pub(super) config: Settings,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireConstraint {
    pub(super) r#type: Text,
    pub(super) name: Text,
    pub(super) expression: Text,
    pub(super) columns: Texts,
    pub(super) to: Text,
    pub(super) to_columns: Texts,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireDependsOn {
    pub(super) nodes: Texts,
    pub(super) macros: Texts,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WireTestMetadata {
    pub(super) name: Text,
    pub(super) namespace: Text,
    pub(super) kwargs: Settings,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireMacro {
    pub(super) name: Text,
    pub(super) package_name: Text,
    pub(super) original_file_path: Text,
    pub(super) macro_sql: Text,
    pub(super) depends_on: Loose<WireDependsOn>,
}
