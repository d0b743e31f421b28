//! From what dbt writes to what belay means.

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::id::NodeId;
use crate::lenient::{Entry, Loose, Text, Texts};
use crate::manifest::node::{
    Checksum, Column, Constraint, Exposure, Facts, GenericTest, Kind, Node, Relation, Source,
};
use crate::manifest::wire::{
    WireChecksum, WireColumn, WireConstraint, WireDependsOn, WireMacro, WireNode,
};
use crate::manifest::{Macro, Settings};

impl Entry for Node {
    type Wire = Loose<WireNode>;

    fn read(id: Box<str>, Loose(wire): Self::Wire) -> Self {
        node(id, wire)
    }
}

impl Entry for Macro {
    type Wire = Loose<WireMacro>;

    fn read(id: Box<str>, Loose(wire): Self::Wire) -> Self {
        Self {
            id: NodeId::new(id),
            name: wire.name.or_empty(),
            package: wire.package_name.or_empty(),
            path: wire.original_file_path.or_empty(),
            sql: wire.macro_sql.or_empty(),
            macros: ids(wire.depends_on.0.macros),
        }
    }
}

impl Entry for Column {
    type Wire = Loose<WireColumn>;

    fn read(key: Box<str>, Loose(wire): Self::Wire) -> Self {
        column(key, wire)
    }
}

/// Of what is disabled only the ids matter.
impl Entry for NodeId {
    type Wire = IgnoredAny;

    fn read(id: Box<str>, _: IgnoredAny) -> Self {
        Self::new(id)
    }
}

fn node(id: Box<str>, mut wire: WireNode) -> Node {
    let kind = kind(&id, &wire);
    let Loose(WireDependsOn { nodes, macros }) = std::mem::take(&mut wire.depends_on);
    Node {
        id: NodeId::new(id),
        kind,
        facts: facts(kind, &mut wire),
        relation: relation(&mut wire),
        checksum: checksum(wire.checksum.0),
        name: wire.name.or_empty(),
        package: wire.package_name.or_empty(),
        path: wire.original_file_path.or_empty(),
        properties: wire.patch_path.filled().map(without_package),
        fqn: wire.fqn.0,
        tags: wire.tags.0,
        description: wire.description.or_empty(),
        raw_code: wire.raw_code.or_empty(),
        compiled_code: wire.compiled_code.filled(),
        increment: None,
        language: wire.language.filled(),
        config: wire.config,
        unrendered_config: wire.unrendered_config,
        columns: wire.columns.0.0,
        constraints: constraints(wire.constraints),
        primary_key: wire.primary_key.0,
        parents: ids(nodes),
        macros: ids(macros),
        version: wire.version.filled(),
        latest_version: wire.latest_version.filled(),
        deprecation_date: wire.deprecation_date.filled(),
        meta: wire.meta,
        access: wire.access.filled(),
        group: wire.group.filled(),
    }
}

/// The path in `shop://models/schema.yml`.
fn without_package(path: Box<str>) -> Box<str> {
    match path.split_once("://") {
        Some((_, inside)) => inside.into(),
        None => path,
    }
}

/// Unit tests, metrics and the like may come without a resource type: their id begins with it.
fn kind(id: &str, wire: &WireNode) -> Kind {
    let named = wire.resource_type.0.as_deref().map_or(Kind::Other, Kind::named);
    let prefix = || id.split('.').next().unwrap_or_default();
    if named == Kind::Other { Kind::named(prefix()) } else { named }
}

fn ids(texts: Texts) -> Vec<NodeId> {
    texts.0.into_iter().map(NodeId::new).collect()
}

fn checksum(wire: WireChecksum) -> Option<Checksum> {
    let algorithm = wire.name.filled()?;
    Some(Checksum { algorithm, digest: wire.checksum.or_empty() })
}

fn relation(wire: &mut WireNode) -> Option<Relation> {
    let name = std::mem::take(&mut wire.relation_name).filled();
    let alias = std::mem::take(&mut wire.alias).filled();
    let identifier = alias.or_else(|| std::mem::take(&mut wire.identifier).filled())?;
    let database = std::mem::take(&mut wire.database).filled();
    let schema = std::mem::take(&mut wire.schema).filled();
    Some(Relation { database, schema, identifier, name })
}

fn column(key: Box<str>, wire: WireColumn) -> Column {
    let meta = match wire.config.value("meta") {
        Some(Value::Object(fields)) => settings(fields),
        _ => wire.meta,
    };
    Column {
        name: wire.name.filled().unwrap_or(key),
        description: wire.description.or_empty(),
        data_type: wire.data_type.filled(),
        constraints: constraints(wire.constraints),
        meta,
        tags: wire.tags.0,
    }
}

fn settings(fields: &serde_json::Map<String, Value>) -> Settings {
    let mut settings = Settings::default();
    for (key, value) in fields {
        settings.put(key, value.clone());
    }
    settings
}

fn constraints(wire: Loose<Vec<Loose<WireConstraint>>>) -> Vec<Constraint> {
    wire.0.into_iter().map(|Loose(constraint)| self::constraint(constraint)).collect()
}

fn constraint(wire: WireConstraint) -> Constraint {
    Constraint {
        kind: wire.r#type.or_empty(),
        columns: wire.columns.0,
        expression: wire.expression.filled(),
        name: wire.name.filled(),
        to: wire.to.filled(),
        to_columns: wire.to_columns.0,
    }
}

fn facts(kind: Kind, wire: &mut WireNode) -> Facts {
    match kind {
        Kind::Test => generic_test(wire).map_or(Facts::None, Facts::GenericTest),
        Kind::Source => Facts::Source(source(wire)),
        Kind::Exposure => Facts::Exposure(exposure(wire)),
        Kind::Metric | Kind::SemanticModel | Kind::SavedQuery | Kind::UnitTest | Kind::Function => {
            Facts::Definition(definition(kind, wire))
        }
        _ => Facts::None,
    }
}

fn generic_test(wire: &mut WireNode) -> Option<GenericTest> {
    let Loose(metadata) = wire.test_metadata.take()?;
    let name = metadata.name.filled()?;
    let column = take(&mut wire.column_name);
    Some(GenericTest {
        name,
        namespace: metadata.namespace.filled(),
        column: column.or_else(|| metadata.kwargs.text("column_name").map(Into::into)),
        arguments: metadata.kwargs,
        attached_to: take(&mut wire.attached_node).map(NodeId::new),
    })
}

fn source(wire: &mut WireNode) -> Source {
    Source {
        system: std::mem::take(&mut wire.source_name).or_empty(),
        loaded_at_field: take(&mut wire.loaded_at_field),
        loaded_at_query: take(&mut wire.loaded_at_query),
        freshness: wire.freshness.take(),
        external: wire.external.take(),
        quoting: std::mem::take(&mut wire.quoting),
        unrendered_database: take(&mut wire.unrendered_database),
        unrendered_schema: take(&mut wire.unrendered_schema),
    }
}

fn exposure(wire: &mut WireNode) -> Exposure {
    Exposure {
        kind: std::mem::take(&mut wire.r#type).or_empty(),
        maturity: take(&mut wire.maturity),
        owner_name: wire.owner.text("name").map(Into::into),
        owner_email: wire.owner.text("email").map(Into::into),
        url: take(&mut wire.url),
        label: take(&mut wire.label),
    }
}

fn definition(kind: Kind, wire: &mut WireNode) -> Settings {
    let mut definition = Settings::default();
    if kind == Kind::Metric
        && let Some(text) = take(&mut wire.r#type)
    {
        definition.put("type", Value::String(text.into()));
    }
    let parts = [
        ("type_params", &mut wire.type_params),
        ("filter", &mut wire.filter),
        ("model", &mut wire.model),
        ("entities", &mut wire.entities),
        ("dimensions", &mut wire.dimensions),
        ("measures", &mut wire.measures),
        ("defaults", &mut wire.defaults),
        ("primary_entity", &mut wire.primary_entity),
        ("query_params", &mut wire.query_params),
        ("exports", &mut wire.exports),
        ("given", &mut wire.given),
        ("expect", &mut wire.expect),
        ("overrides", &mut wire.overrides),
        ("arguments", &mut wire.arguments),
        ("returns", &mut wire.returns),
    ];
    for (key, value) in parts {
        definition.put(key, value.take());
    }
    definition
}

fn take(text: &mut Text) -> Option<Box<str>> {
    std::mem::take(text).filled()
}
