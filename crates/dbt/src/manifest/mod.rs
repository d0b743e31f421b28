//! A dbt manifest: what a project is, as dbt parsed it.

mod convert;
mod error;
mod graph;
mod node;
mod settings;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

pub use self::error::ManifestError;
pub use self::node::{
    Checksum, Column, Constraint, Exposure, Facts, GenericTest, Kind, Node, Relation, Source,
};
pub use self::settings::Settings;

pub(crate) use self::graph::{Graph, order};

use self::wire::{Section, WireHeader, WireManifest, WireMetadata};
use crate::id::NodeId;
use crate::lenient::Loose;

const KNOWN_VERSIONS: &str = "v9 to v12, and v20";

/// A project as dbt parsed it: every node, every macro, and who depends on whom.
#[derive(Debug)]
pub struct Manifest {
    pub metadata: Metadata,
    pub macros: BTreeMap<NodeId, Macro>,
    /// Ids of what is switched off.
    pub disabled: BTreeSet<NodeId>,
    /// Sorted by id.
    nodes: Vec<Node>,
    graph: Graph,
}

#[derive(Clone, Debug)]
pub struct Metadata {
    pub schema_version: u32,
    pub dbt_version: Box<str>,
    pub adapter: Box<str>,
    pub project: Box<str>,
    pub generated_at: Box<str>,
    pub invocation_id: Option<Box<str>>,
}

#[derive(Clone, Debug)]
pub struct Macro {
    pub id: NodeId,
    pub name: Box<str>,
    pub package: Box<str>,
    /// The file it is written in, from the root of its package.
    pub path: Box<str>,
    pub sql: Box<str>,
    /// The macros it calls.
    pub macros: Vec<NodeId>,
}

impl Manifest {
    /// Reads `manifest.json`, as dbt Core 1.5 and later or dbt Fusion write it.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let wire: WireManifest =
            serde_json::from_slice(bytes).map_err(|error| explain(error, bytes))?;
        let metadata = metadata(wire.metadata.0)?;
        let nodes = nodes([
            wire.nodes,
            wire.sources,
            wire.exposures,
            wire.metrics,
            wire.semantic_models,
            wire.saved_queries,
            wire.unit_tests,
            wire.functions,
        ]);
        let macros = wire.macros.0.0.into_iter().map(|found| (found.id.clone(), found));
        let graph = Graph::new(&nodes);
        Ok(Self {
            metadata,
            macros: macros.collect(),
            disabled: wire.disabled.0.0.into_iter().collect(),
            nodes,
            graph,
        })
    }

    /// Tells what incremental models compile to when they add to what is there. dbt compiles each
    /// for one case only, and [`Node::compiled_code`] is to be that of building it afresh.
    pub fn set_increments(&mut self, mut code: BTreeMap<NodeId, Box<str>>) {
        for node in &mut self.nodes {
            node.increment = code.remove(&node.id);
        }
    }

    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.node_at(self.position(id)?)
    }

    /// Every node, sorted by id.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.kind == kind)
    }

    /// What the node reads, as far as it is in the manifest.
    pub fn parents(&self, id: &NodeId) -> impl Iterator<Item = &Node> {
        let parents = self.position(id).map(|at| self.graph.parents(at)).unwrap_or_default();
        parents.iter().filter_map(|at| self.node_at(*at as usize))
    }

    /// What reads the node. Worked out from the nodes themselves, not from the file's child map.
    pub fn children(&self, id: &NodeId) -> impl Iterator<Item = &Node> {
        let children = self.position(id).map(|at| self.graph.children(at)).unwrap_or_default();
        children.iter().filter_map(|at| self.node_at(*at as usize))
    }

    /// Every node, parents first; in a cycle in some order.
    pub fn in_order(&self) -> Vec<NodeId> {
        let at = order(self.len(), |at| self.graph.children(at));
        at.into_iter().filter_map(|at| Some(self.node_at(at)?.id.clone())).collect()
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn position(&self, id: &NodeId) -> Option<usize> {
        self.nodes.binary_search_by(|node| node.id.cmp(id)).ok()
    }

    pub(crate) fn node_at(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }
}

fn nodes<const N: usize>(sections: [Section; N]) -> Vec<Node> {
    let mut nodes = Vec::with_capacity(sections.iter().map(|section| section.0.0.len()).sum());
    for Loose(entries) in sections {
        nodes.extend(entries.0);
    }
    nodes.sort_by(|a, b| a.id.cmp(&b.id));
    nodes.dedup_by(|a, b| a.id == b.id);
    nodes
}

/// An unknown version explains a strange shape better than the shape itself does.
fn explain(error: serde_json::Error, bytes: &[u8]) -> ManifestError {
    if error.is_data()
        && let Ok(header) = serde_json::from_slice::<WireHeader>(bytes)
        && let Err(reason) = metadata(header.metadata.0)
    {
        return reason;
    }
    ManifestError::from_json(error, bytes.len())
}

fn metadata(wire: WireMetadata) -> Result<Metadata, ManifestError> {
    let schema = wire.dbt_schema_version.filled().ok_or(ManifestError::NotAManifest)?;
    Ok(Metadata {
        schema_version: known_version(&schema)?,
        dbt_version: wire.dbt_version.or_empty(),
        adapter: wire.adapter_type.or_empty(),
        project: wire.project_name.or_empty(),
        generated_at: wire.generated_at.or_empty(),
        invocation_id: wire.invocation_id.filled(),
    })
}

/// The version in `https://schemas.getdbt.com/dbt/manifest/v12.json`.
fn known_version(schema: &str) -> Result<u32, ManifestError> {
    let version = schema
        .split_once("/manifest/v")
        .map(|(_, rest)| rest.strip_suffix(".json").unwrap_or(rest))
        .and_then(|digits| digits.parse().ok());
    match version {
        Some(known @ (9..=12 | 20)) => Ok(known),
        Some(found @ 0..=8) => Err(ManifestError::TooOld { found }),
        Some(found) => Err(ManifestError::TooNew { found }),
        None => Err(ManifestError::OtherArtefact { schema: schema.to_owned() }),
    }
}
