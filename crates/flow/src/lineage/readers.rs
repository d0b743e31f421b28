//! What is declared over columns: exposures, metrics and what they are made from, tests.

use std::collections::BTreeSet;

use belay_dbt::manifest::{Facts, Kind, Node};
use belay_dbt::{Manifest, NodeId};
use belay_sql::lineage::lineage;
use belay_sql::{Dialect, TableName, Tables};
use serde_json::Value;

use super::graph::{Link, LinkKind, Place};
use super::{Confidence, Project, bind, found};

pub(super) fn links(manifest: &Manifest, project: &Project) -> Vec<Link> {
    manifest.nodes().flat_map(|node| Reader { manifest, project, node }.links()).collect()
}

struct Reader<'a> {
    manifest: &'a Manifest,
    project: &'a Project,
    node: &'a Node,
}

impl Reader<'_> {
    fn links(&self) -> Vec<Link> {
        match self.node.kind {
            // Nobody knows which columns a dashboard reads.
            Kind::Exposure => self.whole(LinkKind::Reads),
            Kind::SemanticModel => self.semantic_model(),
            Kind::Metric => self.metric(),
            Kind::SavedQuery => self.saved_query(),
            Kind::Test => self.test(),
            Kind::UnitTest => self.unit_test(),
            _ => Vec::new(),
        }
    }

    fn link(&self, from: Place, to: Option<&str>, kind: LinkKind, confidence: Confidence) -> Link {
        Link { from, to: Place::of(&self.node.id, to), kind, confidence }
    }

    /// Of each parent, no one knows what.
    fn whole(&self, kind: LinkKind) -> Vec<Link> {
        let parents = self.manifest.parents(&self.node.id);
        let link =
            |parent: &Node| self.link(Place::of(&parent.id, None), None, kind, Confidence::Likely);
        parents.map(link).collect()
    }

    fn definition(&self, key: &str) -> Option<&Value> {
        match &self.node.facts {
            Facts::Definition(definition) => definition.value(key),
            _ => None,
        }
    }

    /// Its measures, dimensions and entities, each over columns of the model.
    fn semantic_model(&self) -> Vec<Link> {
        let Some(model) = self.manifest.parents(&self.node.id).find(|parent| {
            matches!(parent.kind, Kind::Model | Kind::Source | Kind::Seed | Kind::Snapshot)
        }) else {
            return Vec::new();
        };
        let mut links = Vec::new();
        for part in ["entities", "dimensions", "measures"] {
            let elements = self.definition(part).and_then(Value::as_array);
            for element in elements.into_iter().flatten() {
                let Some(name) = element.get("name").and_then(Value::as_str) else { continue };
                let expression = element.get("expr").and_then(Value::as_str).unwrap_or(name);
                for (column, confidence) in self.columns_in(&model.id, expression) {
                    let from = Place { node: model.id.clone(), column };
                    links.push(self.link(from, Some(name), LinkKind::Reads, confidence));
                }
            }
        }
        links
    }

    /// The columns of a model that an expression reads; `None` for who knows which.
    fn columns_in(&self, model: &NodeId, expression: &str) -> Vec<(Option<String>, Confidence)> {
        let unknown = || vec![(None, Confidence::Likely)];
        let Some(table) = self.project.of.get(model).map(|node| &node.table) else {
            return unknown();
        };
        let dialect = self.project.dialect;
        let name = TableName(vec![dialect.fold("t", false)]);
        let tables: Tables = [(name, table.clone())].into_iter().collect();
        let text = format!("select {expression} as x from t");
        match bind::query(&text, dialect, &tables) {
            Ok(query) => found::columns(&lineage(&query)).into_iter().collect(),
            Err(_) => unknown(),
        }
    }

    /// Its measures, or the metrics that it is made from.
    fn metric(&self) -> Vec<Link> {
        let parameters = self.definition("type_params");
        let mut named = BTreeSet::new();
        for key in ["measure", "numerator", "denominator"] {
            let one = parameters.and_then(|parameters| parameters.get(key));
            named.extend(one.and_then(name_of));
        }
        for key in ["input_measures", "metrics"] {
            let many = parameters.and_then(|parameters| parameters.get(key)?.as_array());
            named.extend(many.into_iter().flatten().filter_map(name_of));
        }
        let mut links = Vec::new();
        for parent in self.manifest.parents(&self.node.id) {
            let elements: Vec<&str> = measures(parent);
            let measured = named.iter().filter(|name| elements.contains(name));
            let places: Vec<Place> =
                measured.map(|name| Place::of(&parent.id, Some(name))).collect();
            if places.is_empty() {
                let certain = parent.kind == Kind::Metric;
                let confidence = if certain { Confidence::Certain } else { Confidence::Likely };
                let from = Place::of(&parent.id, None);
                links.push(self.link(from, None, LinkKind::Reads, confidence));
            }
            let link = |from| self.link(from, None, LinkKind::Reads, Confidence::Certain);
            links.extend(places.into_iter().map(link));
        }
        links
    }

    fn saved_query(&self) -> Vec<Link> {
        let parents = self.manifest.parents(&self.node.id);
        let link = |parent: &Node| {
            let from = Place::of(&parent.id, None);
            self.link(from, None, LinkKind::Reads, Confidence::Certain)
        };
        parents.map(link).collect()
    }

    fn test(&self) -> Vec<Link> {
        let Some(test) = self.node.generic_test() else { return self.query_of_test() };
        let attached = test.attached_to.clone().or_else(|| self.node.parents.last().cloned());
        let Some(attached) = attached else { return self.whole(LinkKind::Tests) };
        let mut columns: Vec<(NodeId, String)> = Vec::new();
        let column = test.column.as_deref().map(str::to_owned);
        let several = test.arguments.texts("combination_of_columns");
        columns.extend(column.into_iter().chain(several).map(|name| (attached.clone(), name)));
        if let Some(field) = test.arguments.text("field") {
            columns.push((self.other(&attached), field.to_owned()));
        }
        if columns.is_empty() {
            return self.query_of_test();
        }
        let link = |(node, column): (NodeId, String)| {
            let column = self.spelled(&node, &column);
            let from = Place { node, column: Some(column) };
            self.link(from, None, LinkKind::Tests, Confidence::Certain)
        };
        columns.into_iter().map(link).collect()
    }

    /// The model that a relationship leads to; a model may refer to itself.
    fn other(&self, attached: &NodeId) -> NodeId {
        let parents = self.manifest.parents(&self.node.id);
        let other = parents.map(|parent| &parent.id).find(|id| *id != attached);
        other.unwrap_or(attached).clone()
    }

    /// A column as the node spells it.
    fn spelled(&self, node: &NodeId, name: &str) -> String {
        let dialect: Dialect = self.project.dialect;
        let bare = name.trim_matches(['"', '`']);
        let known = self.project.of.get(node);
        let known = known.and_then(|known| {
            known.outputs.iter().find(|output| output.name.eq_ignore_ascii_case(bare))
        });
        known.map_or_else(|| dialect.fold(bare, false), |output| output.name.clone())
    }

    /// A test that is a query of its own: every column that it reads.
    fn query_of_test(&self) -> Vec<Link> {
        let Some(text) = self.node.compiled_code.as_deref() else {
            return self.whole(LinkKind::Tests);
        };
        let parents: Vec<NodeId> =
            self.manifest.parents(&self.node.id).map(|parent| parent.id.clone()).collect();
        let tables = self.project.tables_of(&parents);
        let Ok(query) = bind::query(text, self.project.dialect, &tables) else {
            return self.whole(LinkKind::Tests);
        };
        let reads = found::all(&lineage(&query));
        let link = |(table, column, confidence): (TableName, Option<String>, Confidence)| {
            let node = parents.iter().find(|parent| {
                self.project.of.get(*parent).is_some_and(|node| node.name.as_ref() == Some(&table))
            })?;
            let from = Place { node: node.clone(), column };
            Some(self.link(from, None, LinkKind::Tests, confidence))
        };
        reads.into_iter().filter_map(link).collect()
    }

    /// The columns whose values it expects.
    fn unit_test(&self) -> Vec<Link> {
        let expected = self.definition("expect").and_then(|expect| expect.get("rows"));
        let rows = expected.and_then(Value::as_array).into_iter().flatten();
        let columns: BTreeSet<String> =
            rows.filter_map(Value::as_object).flat_map(|row| row.keys().cloned()).collect();
        let model = self.definition("model").and_then(Value::as_str);
        let parents = self.manifest.parents(&self.node.id);
        let tested = parents.filter(|parent| model.is_none_or(|model| &*parent.name == model));
        let Some(tested) = tested.last() else { return Vec::new() };
        if columns.is_empty() {
            let from = Place::of(&tested.id, None);
            return vec![self.link(from, None, LinkKind::Tests, Confidence::Likely)];
        }
        let link = |column: String| {
            let column = self.spelled(&tested.id, &column);
            let from = Place { node: tested.id.clone(), column: Some(column) };
            self.link(from, None, LinkKind::Tests, Confidence::Certain)
        };
        columns.into_iter().map(link).collect()
    }
}

fn name_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("name")?.as_str())
}

fn measures(node: &Node) -> Vec<&str> {
    let Facts::Definition(definition) = &node.facts else { return Vec::new() };
    let measures = definition.value("measures").and_then(Value::as_array);
    measures.into_iter().flatten().filter_map(name_of).collect()
}
