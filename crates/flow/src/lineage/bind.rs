//! From a manifest to a [`Project`]: each node understood against what its parents return.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use belay_dbt::catalog::CatalogRelation;
use belay_dbt::manifest::{Kind, Node};
use belay_dbt::{Catalog, Manifest, NodeId};
use belay_model::Digest;
use belay_sql::{Dialect, Table, TableName, Tables, Unread, plan};

use super::cache::{self, Cache, Found};
use super::names::{self, EPHEMERAL};
use super::render::{Reference, render};
use super::{
    Confidence, Edge, NodeLineage, Output, Project, Read, Understood, found, order, shape,
};

/// Everything at once. Call it on a deep stack.
pub(super) fn project(
    manifest: &Manifest,
    catalog: Option<&Catalog>,
    cache: &mut Cache,
) -> Project {
    let mut reading = Reading::new(manifest, catalog);
    for id in reading.project.order.clone() {
        if let Some(node) = manifest.node(&id) {
            reading.take_in(node, cache);
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
    belay_sql::bind(&query, dialect, tables)
}

fn is_ephemeral(name: &str) -> bool {
    name.get(..EPHEMERAL.len()).is_some_and(|start| start.eq_ignore_ascii_case(EPHEMERAL))
}

/// What a query returns and reads. What is said to be known of the tables may be out of date: a
/// query that contradicts it is read again with less taken for granted.
fn read(text: &str, dialect: Dialect, tables: Vec<(TableName, Table)>) -> Result<Found, Unread> {
    let certain: Tables = tables.iter().cloned().collect();
    let unread = match query(text, dialect, &certain) {
        Ok(query) => return Ok(found::of(&query)),
        Err(unread) => unread,
    };
    let open = |(name, table): (TableName, Table)| (name, Table { is_complete: false, ..table });
    let open: Tables = tables.into_iter().map(open).collect();
    match query(text, dialect, &open) {
        Ok(query) => Ok(found::doubtful(found::of(&query), unread.to_string())),
        Err(_) => Err(unread),
    }
}

/// A project while it is being read.
struct Reading<'a> {
    manifest: &'a Manifest,
    catalog: Option<&'a Catalog>,
    project: Project,
    /// Every relation's name, for names that are spelled in part.
    known: Tables,
    /// What is known of each node's table, by content.
    shapes: BTreeMap<NodeId, Digest>,
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
        Self { manifest, catalog, project, known, shapes: BTreeMap::new() }
    }

    fn dialect(&self) -> Dialect {
        self.project.dialect
    }

    fn catalog(&self, node: &Node) -> Option<&'a CatalogRelation> {
        self.catalog.and_then(|catalog| catalog.relation(&node.id))
    }

    fn take_in(&mut self, node: &Node, cache: &mut Cache) {
        let lineage = match node.kind {
            Kind::Source | Kind::Seed => self.declared(node),
            Kind::Model | Kind::Snapshot => self.of_query(node, cache),
            _ => return,
        };
        self.shapes.insert(node.id.clone(), cache::shape(&lineage.table));
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
            star: BTreeSet::new(),
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

    fn of_query(&self, node: &Node, cache: &mut Cache) -> NodeLineage {
        if let Some(language) = node.language.as_deref().filter(|language| *language != "sql") {
            return self.unread(node, format!("it is written in {language}, not in SQL"));
        }
        let (text, understood) = match node.compiled_code.clone() {
            Some(text) => (Some(text), Understood::Compiled),
            None => (self.rendered(node), Understood::Rendered),
        };
        let Some(text) = text else {
            let why = "dbt has not compiled it: run `dbt compile`";
            return self.unread(node, why.to_owned());
        };
        let inputs = self.inputs(node);
        let own = self.begun(node, understood);
        let found = self.found(&text, &inputs, node, &own, cache);
        let mut lineage = match found {
            Ok(found) => self.filled(node, own, &inputs, &found),
            Err(unread) => self.unread(node, unread.to_string()),
        };
        lineage.text = Some(text);
        lineage.inputs = inputs;
        self.put_keys(node, &mut lineage);
        lineage
    }

    /// Out of the cache, or by reading.
    fn found(
        &self,
        text: &str,
        inputs: &[NodeId],
        node: &Node,
        own: &NodeLineage,
        cache: &mut Cache,
    ) -> Result<Arc<Found>, Unread> {
        let known = inputs.iter().filter_map(|id| {
            let name = self.project.of.get(id)?.name.as_ref()?;
            Some((name, *self.shapes.get(id)?))
        });
        let own = inputs.contains(&node.id).then(|| {
            let table = Table { is_complete: false, ..own.table.clone() };
            Some((own.name.clone()?, table))
        });
        let own = own.flatten();
        let itself = own.iter().map(|(name, table)| (name, cache::shape(table)));
        let key = cache::key(text, self.dialect(), known.chain(itself));
        if let Some(found) = cache.get(key) {
            return Ok(found);
        }
        let tables = inputs.iter().filter_map(|id| {
            let input = self.project.of.get(id)?;
            Some((input.name.clone()?, input.table.clone()))
        });
        let found = Arc::new(read(text, self.dialect(), tables.chain(own).collect())?);
        cache.put(key, Arc::clone(&found));
        Ok(found)
    }

    /// A node whose query was read.
    fn filled(
        &self,
        node: &Node,
        mut lineage: NodeLineage,
        inputs: &[NodeId],
        found: &Found,
    ) -> NodeLineage {
        let declared = std::mem::take(&mut lineage.table);
        let confidence = match lineage.understood {
            Understood::Rendered => Confidence::Likely,
            _ => Confidence::Certain,
        };
        let reads = found::reads(found, confidence, |table| self.meant(table, inputs));
        let at = |at: &usize| reads.get(*at).cloned();
        lineage.rows = found.rows.iter().filter_map(at).collect();
        lineage.star = found.star.iter().filter_map(at).collect();
        lineage.volatile.clone_from(&found.volatile);
        for cache::FoundOutput(name, data_type, sources) in &found.outputs {
            let sources = Some(sources.iter().filter_map(at).collect());
            let output = Output { name: name.clone(), data_type: data_type.clone(), sources };
            lineage.outputs.push(output);
        }
        lineage.table.is_complete = found.is_complete;
        lineage.table.keys.clone_from(&found.keys);
        if let Some(doubt) = &found.doubt {
            lineage.notes.push(format!(
                "it is read as if the tables it reads had more columns than is known: {doubt}"
            ));
        }
        if node.kind == Kind::Snapshot {
            self.put_snapshot_columns(node, &mut lineage);
        }
        check(&mut lineage, &declared);
        let column = |output: &Output| (output.name.clone(), output.data_type.clone());
        lineage.table.columns = lineage.outputs.iter().map(column).collect();
        lineage
    }

    /// What dbt adds: a row for each state of a record, and the moments between which it held.
    fn put_snapshot_columns(&self, node: &Node, lineage: &mut NodeLineage) {
        // The keys of the query hold for one state only.
        lineage.table.keys.clear();
        let updated_at = node.config.text("updated_at");
        let updated_at = updated_at.map(|column| self.dialect().fold(column, false));
        let updated_at =
            lineage.outputs.iter().find(|output| Some(&output.name) == updated_at.as_ref());
        let updated_at = updated_at.and_then(|output| output.sources.clone());
        for (name, _) in shape::snapshot_columns(node, self.dialect()) {
            if updated_at.is_none() {
                lineage.volatile.insert(name.clone());
            }
            let sources = Some(updated_at.clone().unwrap_or_default());
            lineage.outputs.push(Output { name, data_type: None, sources });
        }
    }

    /// The node that a query means by a table's name: one that it may read before any other.
    fn meant(&self, table: &TableName, inputs: &[NodeId]) -> Option<NodeId> {
        let is_it = |id: &&NodeId| {
            self.project.of.get(*id).is_some_and(|node| node.name.as_ref() == Some(table))
        };
        if let Some(input) = inputs.iter().find(is_it) {
            return Some(input.clone());
        }
        let (full, _) = self.known.find(table)?;
        self.project.by_table.get(full).cloned()
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
        let itself = (node.materialized() == Some("incremental")).then(|| node.id.clone());
        parents.map(|parent| parent.id.clone()).chain(itself).collect()
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

/// The catalog, or the YAML of a contract, as a check, and for columns that a `*` hides.
fn check(lineage: &mut NodeLineage, declared: &Table) {
    if !declared.is_complete {
        return;
    }
    let has = |name: &String| lineage.outputs.iter().any(|output| output.name == *name);
    let missing: Vec<&(String, Option<String>)> =
        declared.columns.iter().filter(|(name, _)| !has(name)).collect();
    if !lineage.table.is_complete {
        let hidden = missing.into_iter().map(|(name, data_type)| Output {
            name: name.clone(),
            data_type: data_type.clone(),
            sources: (!lineage.star.is_empty()).then(|| found::named(&lineage.star, name)),
        });
        let hidden: Vec<Output> = hidden.collect();
        lineage.outputs.extend(hidden);
        lineage.table.is_complete = true;
        lineage.notes.push("columns behind a `*` are those of the catalog".to_owned());
    } else if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).take(5).collect();
        lineage.notes.push(format!(
            "the catalog has columns that the query does not make: {}; it may be older than the query",
            names.join(", ")
        ));
    }
    for output in lineage.outputs.iter_mut().filter(|output| output.data_type.is_none()) {
        let known = declared.columns.iter().find(|(name, _)| *name == output.name);
        output.data_type = known.and_then(|(_, data_type)| data_type.clone());
    }
}
