//! Made-up projects and data, to try the assessment on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use belay_dbt::{Manifest, NodeId, Scope};
use belay_diff::{
    ColumnChange, ColumnDiff, Facts, How, Key, Matching, Method, Profile, RelationName, Tally,
};
use belay_model::{Columns, Effect, Meaning, RowEffect};
use serde_json::{Value, json};

use crate::impact::{Compared, Edit, EditKind, Findings, Meanings, Side, SideSource};

/// A project in two versions, its data, and what the code says.
pub(crate) struct World {
    nodes: BTreeMap<String, Value>,
    exposures: BTreeMap<String, Value>,
    edited: BTreeSet<String>,
    pub data: Vec<Compared>,
    pub meaning: Meanings,
}

pub(crate) fn id(name: &str) -> NodeId {
    format!("model.shop.{name}").as_str().into()
}

impl World {
    /// Models from `name: parent parent`, one a line. A name with a star is edited.
    pub(crate) fn of(lines: &str) -> Self {
        let mut world = Self {
            nodes: BTreeMap::new(),
            exposures: BTreeMap::new(),
            edited: BTreeSet::new(),
            data: vec![],
            meaning: Meanings::default(),
        };
        for line in lines.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty()) {
            let (name, parents) = line.split_once(':').unwrap_or((line, ""));
            let edited = name.ends_with('*');
            let name = name.trim_end_matches('*').trim();
            let parents: Vec<String> =
                parents.split_whitespace().map(|parent| id(parent).to_string()).collect();
            if let Some(name) = name.strip_prefix('@') {
                let full = format!("exposure.shop.{name}");
                world.exposures.insert(full.clone(), json!({
                    "unique_id": full, "name": name, "resource_type": "exposure", "type": "dashboard",
                    "maturity": "high", "depends_on": {"nodes": parents}, "fqn": ["shop", name],
                    "package_name": "shop", "original_file_path": "models/exposures.yml",
                }));
                continue;
            }
            let full = id(name).to_string();
            world.nodes.insert(full.clone(), json!({
                "unique_id": full, "name": name, "resource_type": "model", "package_name": "shop",
                "original_file_path": format!("models/{name}.sql"), "fqn": ["shop", name],
                "raw_code": "select 1", "language": "sql", "database": "shop", "schema": "main",
                "alias": name, "config": {"materialized": "table"}, "tags": ["nightly"],
                "depends_on": {"nodes": parents, "macros": []}, "columns": {},
                "checksum": {"name": "sha256", "checksum": "x"},
            }));
            if edited {
                world.edited.insert(full);
            }
        }
        world
    }

    /// What the code says of a node.
    pub(crate) fn effect(&mut self, name: &str, effect: Effect) -> &mut Self {
        self.meaning.effects.insert(id(name), effect);
        self
    }

    pub(crate) fn set(&mut self, name: &str, change: impl FnOnce(&mut Value)) -> &mut Self {
        change(self.nodes.get_mut(id(name).as_str()).unwrap());
        self
    }

    /// An edit of one node that reaches others.
    pub(crate) fn edit(&mut self, node: &str, reaches: &[&str]) -> &mut Self {
        let reached = reaches.iter().map(|name| match name.strip_prefix('@') {
            Some(exposure) => NodeId::from(format!("exposure.shop.{exposure}").as_str()),
            None => id(name),
        });
        self.meaning.edits.push(Edit {
            id: format!("E-{node}"),
            kind: EditKind::File,
            title: format!("models/{node}.sql"),
            path: Some(format!("models/{node}.sql")),
            line: Some(7),
            nodes: BTreeSet::from([id(node)]),
            reaches: reached.chain([id(node)]).collect(),
        });
        self
    }

    /// A relation of a thousand rows, the same on both sides but for what `change` does.
    pub(crate) fn compared(&mut self, name: &str, change: impl FnOnce(&mut Compared)) -> &mut Self {
        let mut compared = same(name);
        change(&mut compared);
        self.data.push(compared);
        self
    }

    pub(crate) fn findings(&self) -> Findings {
        let manifest = |head: bool| {
            let mut nodes = self.nodes.clone();
            for (id, node) in &mut nodes {
                if !head && self.edited.contains(id) {
                    node["raw_code"] = "select 0".into();
                }
            }
            json!({
                "metadata": {
                    "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
                    "dbt_version": "1.11.16", "adapter_type": "duckdb", "project_name": "shop",
                },
                "nodes": nodes, "sources": {}, "macros": {}, "exposures": self.exposures,
                "metrics": {}, "disabled": {},
            })
            .to_string()
        };
        let side = |head: bool| Side {
            source: SideSource::Artefacts(PathBuf::from(if head { "head" } else { "base" })),
            manifest: Manifest::parse(manifest(head).as_bytes()).unwrap(),
            manifest_bytes: Vec::new(),
            run_results: None,
            project: None,
            artefacts: PathBuf::new(),
        };
        let (base, head) = (side(false), side(true));
        Findings {
            scope: Scope::between(&base.manifest, &head.manifest),
            base,
            head,
            commits: vec![],
            built: None,
            tests: vec![],
            data: self.data.clone(),
            uncompared: vec![],
            notes: vec![],
            vars_changed: false,
            meaning: self.meaning.clone(),
            rules: crate::impact::Rules::default(),
            overrides: vec![],
        }
    }
}

pub(crate) fn column(name: &str) -> ColumnDiff {
    ColumnDiff {
        name: name.to_owned(),
        change: ColumnChange::Same,
        type_base: Some("BIGINT".to_owned()),
        type_head: Some("BIGINT".to_owned()),
        compared: Some(1_000),
        changed: Some(0),
        nulls_base: Some(0),
        nulls_head: Some(0),
        sum_base: None,
        sum_head: None,
        facts: Facts::default(),
    }
}

pub(crate) fn profile(rows: i64) -> Profile {
    Profile {
        rows,
        duplicate_keys: Some(0),
        extra_rows: Some(0),
        null_keys: Some(0),
        ..Profile::default()
    }
}

/// A thousand rows with a key, the same on both sides.
pub(crate) fn same(name: &str) -> Compared {
    Compared {
        node: id(name),
        relation: RelationName {
            database: "shop".to_owned(),
            schema: "analytics".to_owned(),
            identifier: name.to_owned(),
        },
        key: Some(Key { columns: vec!["id".to_owned()], origin: "unique test".to_owned() }),
        method: Method::Key,
        how: How::Join,
        base: profile(1_000),
        head: profile(1_000),
        tally: Tally {
            added: 0,
            removed: 0,
            matching: Some(Matching { matched: 1_000, changed: 0, columns: vec![] }),
        },
        columns: vec![column("id"), column("amount")],
        examples: vec![],
        sampled: None,
        volatile: BTreeSet::new(),
        remark: None,
    }
}

/// So many of a thousand rows have another amount.
pub(crate) fn moved(rows: i64) -> impl FnOnce(&mut Compared) {
    move |compared| {
        compared.columns[1].changed = Some(rows);
        compared.tally.matching =
            Some(Matching { matched: 1_000, changed: rows, columns: vec![0, rows] });
    }
}

pub(crate) fn values(names: &[&str]) -> Effect {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Effect {
        values: Columns::These(names),
        reasons: vec!["another expression".to_owned()],
        ..Effect::none(Meaning::Values)
    }
}

pub(crate) fn rows(why: RowEffect) -> Effect {
    Effect {
        rows: BTreeSet::from([why]),
        reasons: vec!["another filter".to_owned()],
        ..Effect::none(Meaning::Rows)
    }
}

/// The assessment in a few lines.
pub(crate) fn told(assessed: &super::Assessed) -> String {
    let mut out = format!("{} ({} points)\n", assessed.level, assessed.score);
    for one in &assessed.findings {
        let finding = &one.finding;
        let node = finding.node.as_deref().map_or("project", crate::report::short);
        let column = finding.column.as_deref().map(|column| format!(".{column}"));
        let fact = if one.is_fact { "!" } else { "" };
        let edits: Vec<&str> = one.caused_by.iter().map(String::as_str).collect();
        writeln!(
            out,
            "  {}{fact} {} {node}{} [{}] {}",
            finding.severity,
            finding.kind,
            column.unwrap_or_default(),
            edits.join(" "),
            finding.message
        )
        .unwrap();
        for place in &one.places {
            let node = crate::report::short(place.node.as_str());
            writeln!(out, "    {} {node}: {}", place.severity, place.message).unwrap();
        }
        if let Some(why) = &one.accepted {
            writeln!(out, "    accepted: {why}").unwrap();
        }
    }
    for cause in &assessed.causes {
        for factor in &cause.factors {
            writeln!(out, "  {:>2} {}: {}", factor.points, factor.name, factor.why).unwrap();
        }
    }
    out
}
