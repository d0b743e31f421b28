//! From a manifest to a [`Project`]: each node understood against what its parents return.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::catalog::CatalogRelation;
use belay_dbt::manifest::{Kind, Node};
use belay_dbt::{Catalog, Manifest, NodeId};
use belay_sql::{Dialect, Table, TableName, Tables, Unread, plan};

use super::names::{self, EPHEMERAL};
use super::render::{Reference, render};
use super::{Confidence, Edge, NodeLineage, Output, Project, Read, Understood, order, shape};

/// Everything at once. Call it on a deep stack.
pub(super) fn project(manifest: &Manifest, catalog: Option<&Catalog>) -> Project {
    let mut reading = Reading::new(manifest, catalog);
    for id in reading.project.order.clone() {
        if let Some(node) = manifest.node(&id) {
            reading.take_in(node);
        }
    }
    reading.leave_out_circles();
    reading.project
}

impl Project {
    /// Only what stands in catalog and YAML, for when there is no reading of queries at all.
    pub(super) fn not_understood(
        manifest: &Manifest,
        catalog: Option<&Catalog>,
        why: &str,
    ) -> Self {
        let mut reading = Reading::new(manifest, catalog);
        for node in manifest.nodes().filter(|node| has_columns(node.kind)) {
            let lineage = reading.unread(node, why.to_owned());
            reading.project.of.insert(node.id.clone(), lineage);
        }
        reading.project
    }
}

fn has_columns(kind: Kind) -> bool {
    matches!(kind, Kind::Model | Kind::Seed | Kind::Snapshot | Kind::Source)
}

/// A query as a plan. The queries of ephemeral models that are among `tables` are taken out, so
/// that each is read like a table.
pub(super) fn query(text: &str, dialect: Dialect, tables: &Tables) -> Result<plan::Query, Unread> {
    let mut query = belay_sql::parse(text, dialect)?;
    if let Some(with) = &mut query.with {
        with.cte_tables.retain(|cte| {
            let name = &cte.alias.name;
            let name = TableName(vec![dialect.fold(&name.value, name.quote_style.is_some())]);
            !(name.0.iter().any(|name| is_ephemeral(name)) && tables.find(&name).is_some())
        });
        if with.cte_tables.is_empty() {
            query.with = None;
        }
    }
    Err(Unread::Unsupported("this belay does not bind queries yet".to_owned()))
}

fn is_ephemeral(name: &str) -> bool {
    name.get(..EPHEMERAL.len()).is_some_and(|start| start.eq_ignore_ascii_case(EPHEMERAL))
}

/// A project while it is being read.
struct Reading<'a> {
    manifest: &'a Manifest,
    catalog: Option<&'a Catalog>,
    project: Project,
    /// Every relation's name, for names that are spelled in part.
    known: Tables,
}

impl<'a> Reading<'a> {
    fn new(manifest: &'a Manifest, catalog: Option<&'a Catalog>) -> Self {
        let dialect = Dialect::of_adapter(&manifest.metadata.adapter);
        let mut by_table = BTreeMap::new();
        // What makes a relation counts before a source that is declared over it.
        let (sources, made): (Vec<_>, Vec<_>) = manifest
            .nodes()
            .filter(|node| has_columns(node.kind))
            .partition(|node| node.kind == Kind::Source);
        for node in sources.into_iter().chain(made) {
            if let Some(name) = names::name(node, dialect) {
                by_table.insert(name, node.id.clone());
            }
        }
        let known = by_table.keys().map(|name: &TableName| (name.clone(), Table::default()));
        let known = known.collect();
        let (order, cycle) = order::order(manifest);
        let project = Project { dialect, of: BTreeMap::new(), order, cycle, by_table };
        Self { manifest, catalog, project, known }
    }

    fn dialect(&self) -> Dialect {
        self.project.dialect
    }

    fn catalog(&self, node: &Node) -> Option<&'a CatalogRelation> {
        self.catalog.and_then(|catalog| catalog.relation(&node.id))
    }

    fn take_in(&mut self, node: &Node) {
        let lineage = match node.kind {
            Kind::Source | Kind::Seed => self.declared(node),
            Kind::Model | Kind::Snapshot => self.of_query(node),
            _ => return,
        };
        self.project.of.insert(node.id.clone(), lineage);
    }

    /// What a node is before its query is looked at.
    fn begun(&self, node: &Node, understood: Understood) -> NodeLineage {
        let table = shape::declared(node, self.catalog(node), self.dialect());
        NodeLineage {
            kind: node.kind,
            name: names::name(node, self.dialect()),
            table,
            understood,
            text: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            rows: BTreeSet::new(),
            volatile: BTreeSet::new(),
            notes: Vec::new(),
        }
    }

    /// The table is what is known; nobody knows where its columns come from.
    fn unread(&self, node: &Node, why: String) -> NodeLineage {
        let mut lineage = self.begun(node, Understood::No(why));
        lineage.outputs = outputs_of(&lineage.table, None);
        self.put_keys(node, &mut lineage);
        lineage
    }

    fn put_keys(&self, node: &Node, lineage: &mut NodeLineage) {
        let keys = shape::keys(self.manifest, &node.id, &lineage.table, self.dialect());
        lineage.table.keys.extend(keys);
    }

    /// A source or a seed. A source over a relation that a node makes comes from that node.
    fn declared(&self, node: &Node) -> NodeLineage {
        let mut lineage = self.begun(node, Understood::Declared);
        let maker = lineage.name.as_ref().and_then(|name| self.project.by_table.get(name));
        let maker = maker.filter(|maker| **maker != node.id).cloned();
        lineage.outputs = outputs_of(&lineage.table, Some(&BTreeSet::new()));
        if let (Some(maker), Some(table)) = (maker, &lineage.name) {
            for output in &mut lineage.outputs {
                let read = Read {
                    node: Some(maker.clone()),
                    table: table.clone(),
                    column: Some(output.name.clone()),
                    edge: Edge::Value,
                    confidence: Confidence::Certain,
                };
                output.sources = Some(BTreeSet::from([read]));
            }
            lineage.notes.push(format!("it is the relation that `{maker}` makes"));
        }
        self.put_keys(node, &mut lineage);
        lineage
    }

    fn of_query(&self, node: &Node) -> NodeLineage {
        if node.language.as_deref().is_some_and(|language| language != "sql") {
            let language = node.language.as_deref().unwrap_or_default();
            return self.unread(node, format!("it is written in {language}, not in SQL"));
        }
        let compiled = node.compiled_code.clone();
        let (text, understood) = match compiled {
            Some(text) => (Some(text), Understood::Compiled),
            None => (self.rendered(node), Understood::Rendered),
        };
        let Some(text) = text else {
            let why = "dbt has not compiled it: run `dbt compile`";
            return self.unread(node, why.to_owned());
        };
        let inputs = self.inputs(node);
        let mut lineage = self.unread(node, "this belay does not bind queries yet".to_owned());
        let _ = understood;
        lineage.text = Some(text);
        lineage.inputs = inputs;
        lineage
    }

    /// The nodes that a query can read by name: parents with a relation, and itself.
    fn inputs(&self, node: &Node) -> Vec<NodeId> {
        let parents = self.manifest.parents(&node.id).filter(|parent| {
            let lineage = self.project.of.get(&parent.id);
            // What is not known of an ephemeral model stands in the reader's own query.
            lineage.is_some_and(|lineage| {
                !(parent.is_ephemeral() && matches!(lineage.understood, Understood::No(_)))
            })
        });
        parents.map(|parent| parent.id.clone()).collect()
    }

    /// The code with its references put in, where it needs nothing else of dbt.
    fn rendered(&self, node: &Node) -> Option<Box<str>> {
        let mut relation = |reference: &Reference<'_>| {
            let named = self.referred(node, reference)?;
            if named.is_ephemeral() {
                let name = names::name(named, self.dialect())?;
                return name.0.into_iter().next();
            }
            named.relation.as_ref()?.name.as_deref().map(str::to_owned)
        };
        render(&node.raw_code, &mut relation).map(Into::into)
    }

    /// The parent that a reference means.
    fn referred<'b>(&'b self, node: &'b Node, reference: &Reference<'_>) -> Option<&'b Node> {
        let mut parents = self.manifest.parents(&node.id);
        match reference {
            Reference::Config => None,
            Reference::This => Some(node),
            Reference::Source { system, name } => parents.find(|parent| {
                parent.source().is_some_and(|source| &*source.system == *system)
                    && &*parent.name == *name
            }),
            Reference::Ref { package, name, version } => {
                let fits: Vec<&Node> = parents
                    .filter(|parent| {
                        parent.kind != Kind::Source
                            && &*parent.name == *name
                            && package.is_none_or(|package| &*parent.package == package)
                    })
                    .collect();
                let wanted = |parent: &&&Node| match version {
                    Some(version) => parent.version.as_deref() == Some(*version),
                    None => fits.len() == 1 || parent.version == parent.latest_version,
                };
                fits.iter().find(wanted).copied()
            }
        }
    }

    /// Members of a circle, and whoever depends on one.
    fn leave_out_circles(&mut self) {
        if self.project.cycle.is_empty() {
            return;
        }
        let circle = self.project.cycle.iter().chain(self.project.cycle.first());
        let circle: Vec<&str> = circle.map(NodeId::as_str).collect();
        let why = format!("its project goes in a circle: {}", circle.join(" reads "));
        for node in self.manifest.nodes() {
            if has_columns(node.kind) && !self.project.of.contains_key(&node.id) {
                let lineage = self.unread(node, why.clone());
                self.project.of.insert(node.id.clone(), lineage);
            }
        }
    }
}

fn outputs_of(table: &Table, sources: Option<&BTreeSet<Read>>) -> Vec<Output> {
    let output = |(name, data_type): &(String, Option<String>)| Output {
        name: name.clone(),
        data_type: data_type.clone(),
        sources: sources.cloned(),
    };
    table.columns.iter().map(output).collect()
}
