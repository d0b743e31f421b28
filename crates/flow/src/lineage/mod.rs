//! The column graph of a dbt project, from its artefacts alone: which columns each node has, what
//! they are made from, and what decides which rows there are.
//!
//! Nodes are understood parents first, each query bound against what its parents were found to
//! return. What is not understood says why, and is never taken for a node without sources.

mod bind;
pub mod cache;
mod dot;
pub mod error;
mod find;
mod found;
pub mod graph;
mod html;
mod layout;
mod load;
mod names;
mod order;
mod readers;
mod render;
mod shape;
#[cfg(test)]
mod tests;
mod text;
mod walk;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};

pub use self::cache::Cache;
pub use self::error::LineageError;
pub use self::graph::Graph;
pub use self::load::{Asked, Form, Loaded, load, target_of};
pub use self::walk::{Direction, walk};

use belay_dbt::manifest::Kind;
use belay_dbt::{Catalog, Manifest, NodeId};
pub use belay_sql::lineage::{Confidence, Edge};
use belay_sql::{Dialect, Table, TableName, Tables, Unread, plan, with_deep_stack};

/// A project, every node understood as far as it can be.
#[derive(Debug)]
pub struct Project {
    pub dialect: Dialect,
    pub of: BTreeMap<NodeId, NodeLineage>,
    /// Parents first.
    pub order: Vec<NodeId>,
    /// Nodes that read each other in a circle, which only a damaged manifest has. They are not
    /// understood.
    pub cycle: Vec<NodeId>,
    by_table: BTreeMap<TableName, NodeId>,
}

/// One node: what it returns, and from what.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeLineage {
    pub kind: Kind,
    /// How queries name it; of an ephemeral model, the name of the query that dbt puts into its
    /// readers.
    pub name: Option<TableName>,
    /// What a query that reads it can know: columns, types, keys.
    pub table: Table,
    pub understood: Understood,
    /// The query, if it has one: as dbt compiled it, or with its references put in by belay.
    pub text: Option<Box<str>>,
    /// The nodes that its query can name, itself among them if it reads what it made before.
    pub inputs: Vec<NodeId>,
    /// Every column, in order.
    pub outputs: Vec<Output>,
    /// What decides which rows there are: filters, joins, group keys.
    pub rows: BTreeSet<Read>,
    /// What the columns come from that nobody has named: a `*` over tables that are not known whole.
    pub star: BTreeSet<Read>,
    /// Columns that come out differently each time: they read the clock or are random.
    pub volatile: BTreeSet<String>,
    /// What else a reader should know, in words.
    pub notes: Vec<String>,
}

/// A column of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub name: String,
    pub data_type: Option<String>,
    /// `None`: nobody knows. Empty: a constant, or data from outside.
    pub sources: Option<BTreeSet<Read>>,
}

/// Something of a node, or of a table that no node makes, that a query reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    pub node: Option<NodeId>,
    pub table: TableName,
    /// `None`: the rows, whatever is in them.
    pub column: Option<String>,
    pub edge: Edge,
    pub confidence: Confidence,
}

/// How a node came to be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Understood {
    /// From the query that dbt compiled.
    Compiled,
    /// dbt has not compiled it; its code refers to other nodes and uses no other Jinja.
    Rendered,
    /// It has no query: a source, a seed.
    Declared,
    /// Not at all, and why.
    No(String),
}

impl Project {
    /// Understands a whole project. Never fails: what is not understood says so.
    pub fn of(manifest: &Manifest, catalog: Option<&Catalog>) -> Self {
        Self::with_cache(manifest, catalog, &mut Cache::default())
    }

    /// The same; what the cache knows is not read again, and what is read goes into it.
    pub fn with_cache(manifest: &Manifest, catalog: Option<&Catalog>, cache: &mut Cache) -> Self {
        let failed = |unread: Unread| Self::not_understood(manifest, catalog, &unread.to_string());
        with_deep_stack(|| bind::project(manifest, catalog, cache)).unwrap_or_else(failed)
    }

    pub fn node(&self, id: &NodeId) -> Option<&NodeLineage> {
        self.of.get(id)
    }

    /// The node that a query means by the full name of a table.
    pub fn named(&self, table: &TableName) -> Option<&NodeId> {
        self.by_table.get(table)
    }

    /// What is known of the tables that a node's query reads.
    pub fn tables(&self, id: &NodeId) -> Tables {
        let Some(node) = self.of.get(id) else { return Tables::default() };
        let mut tables = self.tables_of(&node.inputs);
        if let Some(name) = node.name.clone().filter(|_| node.inputs.contains(id)) {
            // It reads what it made before, which may have had other columns.
            tables.insert(name, Table { is_complete: false, ..node.table.clone() });
        }
        tables
    }

    fn tables_of(&self, nodes: &[NodeId]) -> Tables {
        let known = nodes.iter().filter_map(|input| self.of.get(input));
        known.filter_map(|node| Some((node.name.clone()?, node.table.clone()))).collect()
    }

    /// A node's query as a plan, ephemeral models as tables of their own. `None` for a node
    /// without a query. Call it inside [`with_deep_stack`].
    pub fn query(&self, id: &NodeId) -> Option<Result<plan::Query, Unread>> {
        let text = self.of.get(id)?.text.as_deref()?;
        Some(bind::query(text, self.dialect, &self.tables(id)))
    }

    /// Nodes with a query that was not understood, and why.
    pub fn unread(&self) -> impl Iterator<Item = (&NodeId, &str)> {
        self.of.iter().filter_map(|(id, node)| match &node.understood {
            Understood::No(why) => Some((id, why.as_str())),
            _ => None,
        })
    }
}

impl NodeLineage {
    pub const fn is_unread(&self) -> bool {
        matches!(self.understood, Understood::No(_))
    }

    /// The column as the engine folds its name.
    pub fn output(&self, name: &str) -> Option<&Output> {
        self.outputs.iter().find(|output| output.name == name)
    }
}
