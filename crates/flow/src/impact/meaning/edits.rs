//! What somebody edited: the changed nodes, grouped by cause.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use belay_dbt::manifest::Node;
use belay_dbt::scope::Reason;
use belay_dbt::{Manifest, NodeId};
use belay_model::Digest;
use belay_model::change::Meaning;
use fs_err as fs;
use serde_json::Value;

use super::spread::Spread;
use super::{Change, Edit, EditKind, Meanings};

/// What one edit is known by; the same in every review of the same change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: EditKind,
    title: String,
    path: Option<String>,
}

impl Key {
    fn new(kind: EditKind, title: impl Into<String>, path: Option<&str>) -> Self {
        let path = path.filter(|path| !path.is_empty()).map(str::to_owned);
        Self { kind, title: title.into(), path }
    }

    fn id(&self) -> String {
        let told = format!("{}\0{}", self.kind.as_str(), self.title);
        format!("E-{}", Digest::of(told).short())
    }
}

/// Every edit, with the nodes it explains and those that can see it.
pub(super) fn edits(change: &Change<'_>, found: &Meanings, spread: &Spread) -> Vec<Edit> {
    let project = Texts::of(change);
    let mut nodes: BTreeMap<Key, BTreeSet<NodeId>> = BTreeMap::new();
    for id in &change.scope.macros {
        nodes.entry(of_macro(change, id)).or_default();
    }
    for (id, reasons) in &change.scope.changed {
        let Some(node) = change.head.node(id).or_else(|| change.base.node(id)) else { continue };
        for key in causes(change, &project, node, reasons) {
            nodes.entry(key).or_default().insert(id.clone());
        }
    }
    let seers = seers(spread);
    let edit = |(key, nodes): (Key, BTreeSet<NodeId>)| {
        let line = key.path.as_deref().and_then(|path| first_changed_line(change, path));
        let reaches = reached(&nodes, found, &seers);
        Edit {
            id: key.id(),
            kind: key.kind,
            title: key.title,
            path: key.path,
            line,
            nodes,
            reaches,
        }
    };
    nodes.into_iter().map(edit).collect()
}

/// The edits that explain why a node changed.
fn causes(
    change: &Change<'_>,
    project: &Texts,
    node: &Node,
    reasons: &BTreeSet<Reason>,
) -> BTreeSet<Key> {
    let root = &change.head.metadata.project;
    if node.package != *root && !root.is_empty() {
        let key = Key::new(EditKind::Engine, format!("package {}", node.package), None);
        return BTreeSet::from([key]);
    }
    let file = || Key::new(EditKind::File, &*node.path, Some(&node.path));
    let written = |reason: &Reason| {
        matches!(reason, Reason::Body | Reason::Template | Reason::New | Reason::Removed)
            || matches!(reason, Reason::Renamed { .. } | Reason::Moved)
    };
    let in_file = reasons.iter().any(written);
    let by_macro = reasons.iter().any(|reason| matches!(reason, Reason::Macro(_)));
    let properties = || {
        let path = node.properties.as_deref().unwrap_or(&node.path);
        Key::new(EditKind::Properties, path, Some(path))
    };
    let mut causes = BTreeSet::new();
    for reason in reasons {
        match reason {
            reason if written(reason) => {
                causes.insert(file());
            }
            Reason::Macro(id) => {
                causes.insert(of_macro(change, id));
            }
            // A macro or the file itself explains it.
            Reason::Compiled | Reason::Parents if by_macro || in_file => (),
            Reason::Compiled => causes.extend(project.variables(change, node)),
            Reason::Parents => {
                causes.insert(Key::new(EditKind::Properties, "what `ref` leads to", None));
            }
            Reason::Seed => {
                causes.insert(Key::new(EditKind::Seed, &*node.path, Some(&node.path)));
            }
            Reason::Source => {
                let title = format!("source {}", node.fqn.last().unwrap_or(&node.name));
                causes.insert(Key::new(EditKind::Source, title, Some(&node.path)));
            }
            Reason::Config(key) => {
                causes.insert(project.config(node, key, in_file, &file, &properties));
            }
            Reason::Relation => {
                causes.insert(project.config(node, "schema", in_file, &file, &properties));
            }
            _ => {
                causes.insert(properties());
            }
        }
    }
    causes
}

fn of_macro(change: &Change<'_>, id: &NodeId) -> Key {
    let known = change.head.macros.get(id).or_else(|| change.base.macros.get(id));
    let Some(known) = known else { return Key::new(EditKind::Macro, id.as_str(), None) };
    if known.package != change.head.metadata.project && !change.head.metadata.project.is_empty() {
        return Key::new(EditKind::Engine, format!("package {}", known.package), None);
    }
    Key::new(EditKind::Macro, format!("macro {}", known.name), Some(&known.path))
}

/// `dbt_project.yml` of both sides, where they are at hand.
struct Texts {
    differ: bool,
    vars: BTreeSet<String>,
}

impl Texts {
    fn of(change: &Change<'_>) -> Self {
        let text = |folder: Option<&Path>| fs::read_to_string(folder?.join("dbt_project.yml")).ok();
        let (base, head) = (text(change.base_folder), text(change.head_folder));
        let vars = |text: &Option<String>| {
            let project: Option<Value> =
                text.as_deref().and_then(|text| serde_saphyr::from_str(text).ok());
            let mut found = BTreeMap::new();
            flatten(project.as_ref().and_then(|project| project.get("vars")), &mut found);
            found
        };
        let (before, now) = (vars(&base), vars(&head));
        let names = before.keys().chain(now.keys());
        let differ = names.filter(|name| before.get(*name) != now.get(*name));
        Self { vars: differ.cloned().collect(), differ: base != head }
    }

    /// The changed variables that the node's code, or a macro that it calls, names.
    fn variables(&self, change: &Change<'_>, node: &Node) -> BTreeSet<Key> {
        let mut named = BTreeSet::new();
        let mut look = |code: &str| {
            let quoted = |name: &&String| {
                code.contains(&format!("'{name}'")) || code.contains(&format!("\"{name}\""))
            };
            named.extend(self.vars.iter().filter(quoted).cloned());
        };
        look(&node.raw_code);
        for code in called(change.head, node) {
            look(code);
        }
        if named.is_empty() {
            // Named in a way that cannot be seen: any of them.
            named.clone_from(&self.vars);
        }
        let path = Some("dbt_project.yml");
        let keys: BTreeSet<Key> =
            named.iter().map(|name| Key::new(EditKind::Var, format!("var {name}"), path)).collect();
        if keys.is_empty() {
            let what = "a variable of the command line or of the environment";
            return BTreeSet::from([Key::new(EditKind::Var, what, None)]);
        }
        keys
    }

    /// Where a config was changed: in the file, in `dbt_project.yml`, or in YAML beside the code.
    fn config(
        &self,
        node: &Node,
        key: &str,
        in_file: bool,
        file: &impl Fn() -> Key,
        properties: &impl Fn() -> Key,
    ) -> Key {
        if in_file && node.raw_code.contains("config") {
            return file();
        }
        if self.differ {
            let title = format!("config {key} in dbt_project.yml");
            return Key::new(EditKind::Config, title, Some("dbt_project.yml"));
        }
        let Key { title, path, .. } = properties();
        Key { kind: EditKind::Config, title: format!("config {key} in {title}"), path }
    }
}

/// The code of the macros that a node calls, directly or not.
fn called<'a>(head: &'a Manifest, node: &Node) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<&NodeId> = node.macros.iter().collect();
    let mut found = Vec::new();
    while let Some(id) = waiting.pop() {
        let Some(known) = head.macros.get(id).filter(|_| seen.insert(id.clone())) else { continue };
        found.push(&*known.sql);
        waiting.extend(known.macros.iter());
    }
    found
}

/// Variables by name; those of one package stand below its name.
fn flatten(vars: Option<&Value>, found: &mut BTreeMap<String, Value>) {
    for (name, value) in vars.and_then(Value::as_object).into_iter().flatten() {
        found.insert(name.clone(), value.clone());
        if value.is_object() {
            flatten(Some(value), found);
        }
    }
}

/// From each node to those that can see its change.
fn seers(spread: &Spread) -> BTreeMap<&NodeId, Vec<&NodeId>> {
    let mut seers: BTreeMap<&NodeId, Vec<&NodeId>> = BTreeMap::new();
    for (child, parents) in &spread.sees {
        for parent in parents {
            seers.entry(parent).or_default().push(child);
        }
    }
    seers
}

fn reached(
    nodes: &BTreeSet<NodeId>,
    found: &Meanings,
    seers: &BTreeMap<&NodeId, Vec<&NodeId>>,
) -> BTreeSet<NodeId> {
    let counts = |id: &&NodeId| {
        let effect = found.effects.get(*id);
        effect.is_some_and(|effect| !effect.is_invisible() || effect.meaning > Meaning::Metadata)
    };
    let mut waiting: Vec<&NodeId> = nodes.iter().filter(counts).collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if reached.insert(id.clone()) {
            waiting.extend(seers.get(id).into_iter().flatten());
        }
    }
    reached
}

/// The first line of head's file that base's does not have there; from 1.
fn first_changed_line(change: &Change<'_>, path: &str) -> Option<u32> {
    let read = |folder: Option<&Path>| fs::read_to_string(folder?.join(path)).ok();
    let head = read(change.head_folder)?;
    let base = read(change.base_folder).unwrap_or_default();
    let same = head.lines().zip(base.lines()).take_while(|(head, base)| head == base).count();
    let last = head.lines().count().max(1);
    if head == base {
        return None;
    }
    u32::try_from((same + 1).min(last)).ok()
}
