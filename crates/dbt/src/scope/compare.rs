//! One node of base beside the same node of head.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::manifest::{Column, Constraint, Facts, Kind, Manifest, Node, Settings};
use crate::scope::Reason;
use crate::scope::macros::MacroChanges;
use crate::scope::spelling::{canonical, same, same_code};
use crate::scope::target::{Retarget, same_place_configured};

/// Keys that say where a node lives: judged as the relation.
const PLACE_KEYS: [&str; 5] = ["database", "schema", "alias", "target_database", "target_schema"];

/// Keys that change nothing in the warehouse.
const INERT_KEYS: [&str; 6] = ["meta", "tags", "docs", "group", "description", "static_analysis"];

/// Keys judged elsewhere: the contract, persisted docs, access and a source's freshness.
const OTHER_KEYS: [&str; 5] =
    ["contract", "access", "freshness", "loaded_at_field", "loaded_at_query"];

/// Keys whose rendered value differs from target to target by design.
const RENDERED_NOISE: [&str; 2] = ["quoting", "packages"];

/// Keys where one text means a list of one.
const LIST_KEYS: [&str; 2] = ["unique_key", "check_cols"];

pub(super) struct Comparison<'a> {
    pub(super) base: &'a Manifest,
    pub(super) head: &'a Manifest,
    pub(super) retarget: Retarget,
    pub(super) macros: MacroChanges<'a>,
}

/// What compiled code says about a node.
#[derive(Clone, Copy, PartialEq)]
enum Compiled {
    Same,
    Different,
    /// One side is not compiled, or compiling does not show what would run.
    Unknown,
}

impl Comparison<'_> {
    pub(super) fn reasons(&self, old: &Node, new: &Node) -> BTreeSet<Reason> {
        let mut reasons = BTreeSet::new();
        match new.kind {
            Kind::Seed => reasons.extend(seed(old, new)),
            Kind::Source => reasons.extend(self.source(old, new)),
            _ => reasons.extend(self.code(old, new)),
        }
        reasons.extend(facts(old, new));
        reasons.extend(self.configs(old, new));
        reasons.extend(self.relation(old, new));
        reasons.extend(columns_and_docs(old, new));
        reasons.extend(interface(old, new));
        reasons
    }

    fn code(&self, old: &Node, new: &Node) -> BTreeSet<Reason> {
        let body = !same_code(&old.raw_code, &new.raw_code);
        let compiled = self.compiled(old, new);
        let macros = if compiled == Compiled::Same {
            self.macros.beyond_the_code(old, new)
        } else {
            self.macros.reaching(old, new)
        };
        let mut reasons: BTreeSet<_> = macros.into_iter().map(Reason::Macro).collect();
        match (body, compiled) {
            (true, Compiled::Same) => reasons.extend([Reason::Template]),
            (true, _) => reasons.extend([Reason::Body]),
            (false, Compiled::Same) => {}
            (false, _) if !same_parents(old, new) => reasons.extend([parents(new.kind)]),
            (false, Compiled::Different) => reasons.extend([Reason::Compiled]),
            (false, Compiled::Unknown) => {}
        }
        reasons
    }

    fn compiled(&self, old: &Node, new: &Node) -> Compiled {
        let (Some(old_code), Some(new_code)) = (&old.compiled_code, &new.compiled_code) else {
            return Compiled::Unknown;
        };
        if shows_only_half(new) || shows_only_half(old) || self.macros.is_volatile(new) {
            return Compiled::Unknown;
        }
        let same_increment = match (&old.increment, &new.increment) {
            (Some(before), Some(now)) => self.compiles_to_the_same((old, before), (new, now)),
            (before, now) => before.is_some() == now.is_some(),
        };
        if same_increment && self.compiles_to_the_same((old, old_code), (new, new_code)) {
            Compiled::Same
        } else if self.pastes_in_a_change(new) {
            Compiled::Unknown
        } else {
            Compiled::Different
        }
    }

    fn compiles_to_the_same(
        &self,
        (old, old_code): (&Node, &str),
        (new, new_code): (&Node, &str),
    ) -> bool {
        same_code(old_code, new_code)
            || self.retarget.same_compiled((self.base, old), (self.head, new), (old_code, new_code))
    }

    /// The compiled code of an ephemeral model stands in that of its readers. Where it changed,
    /// the readers are affected, but not changed themselves.
    fn pastes_in_a_change(&self, new: &Node) -> bool {
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<_> = self.head.parents(&new.id).collect();
        while let Some(parent) = waiting.pop() {
            if !parent.is_ephemeral() || !seen.insert(&parent.id) {
                continue;
            }
            if !self.is_pasted_the_same(parent) {
                return true;
            }
            waiting.extend(self.head.parents(&parent.id));
        }
        false
    }

    fn is_pasted_the_same(&self, new: &Node) -> bool {
        let Some(old) = self.base.node(&new.id) else { return false };
        match (&old.compiled_code, &new.compiled_code) {
            (Some(old_code), Some(new_code)) => {
                self.compiles_to_the_same((old, old_code), (new, new_code))
            }
            _ => same_code(&old.raw_code, &new.raw_code),
        }
    }

    fn configs(&self, old: &Node, new: &Node) -> BTreeSet<Reason> {
        let written = differing(&old.unrendered_config, &new.unrendered_config);
        let mut reasons: BTreeSet<_> = written.filter_map(config_reason).collect();
        if self.can_compare_rendered() {
            let rendered = differing(&old.config, &new.config)
                .filter(|key| !RENDERED_NOISE.contains(key) && !INERT_KEYS.contains(key));
            reasons.extend(rendered.filter_map(config_reason));
        }
        reasons
    }

    /// A variable may change what a config means while its text stays. So may another target or
    /// another dbt, which no reviewer wants to hear about at every node.
    fn can_compare_rendered(&self) -> bool {
        let same_engine = self.base.metadata.dbt_version == self.head.metadata.dbt_version;
        same_engine && !self.retarget.is_moved()
    }

    fn relation(&self, old: &Node, new: &Node) -> Option<Reason> {
        if !new.kind.is_built() {
            return None;
        }
        let configured = same_place_configured(&old.unrendered_config, &new.unrendered_config);
        // A config that says otherwise and leads to the same place is a matter of spelling.
        let same_place = old.relation == new.relation && old.relation.is_some();
        (!self.retarget.explains(old, new) || (!configured && !same_place))
            .then_some(Reason::Relation)
    }

    fn source(&self, old: &Node, new: &Node) -> BTreeSet<Reason> {
        let (Some(before), Some(now)) = (old.source(), new.source()) else {
            return BTreeSet::new();
        };
        let mut reasons = BTreeSet::new();
        let written_same = before.unrendered_database == now.unrendered_database
            && before.unrendered_schema == now.unrendered_schema;
        let knows_written = now.unrendered_schema.is_some() || now.unrendered_database.is_some();
        let lives_elsewhere = match (&old.relation, &new.relation) {
            (Some(was), Some(is)) if written_same && knows_written && self.retarget.is_moved() => {
                was.identifier != is.identifier
            }
            (Some(was), Some(is)) => !self.retarget.explains_source(was, is),
            (was, is) => was.is_some() != is.is_some(),
        };
        let external = canonical(&before.external) != canonical(&now.external);
        if lives_elsewhere || external || !same_settings(&before.quoting, &now.quoting) {
            reasons.insert(Reason::Source);
        }
        let freshness = without_nothing(&before.freshness) == without_nothing(&now.freshness)
            && before.loaded_at_field == now.loaded_at_field
            && before.loaded_at_query == now.loaded_at_query;
        if !freshness {
            reasons.insert(Reason::Freshness);
        }
        reasons
    }
}

/// `is_incremental()` takes one branch when compiled and perhaps the other when run, unless both are
/// known; a Python model is not compiled at all.
fn shows_only_half(node: &Node) -> bool {
    (may_add(node) && node.increment.is_none()) || node.language.as_deref() == Some("python")
}

/// What it compiles to depends on what is there already.
pub(super) fn may_add(node: &Node) -> bool {
    node.materialized() == Some("incremental") || node.raw_code.contains("is_incremental")
}

fn seed(old: &Node, new: &Node) -> Option<Reason> {
    let (Some(before), Some(now)) = (&old.checksum, &new.checksum) else { return None };
    if !can_compare_seed(old, new) {
        return None;
    }
    (before != now).then_some(Reason::Seed)
}

/// dbt hashed both files, and in the same way; or one outgrew hashing, which is a change.
pub(super) fn can_compare_seed(old: &Node, new: &Node) -> bool {
    match (&old.checksum, &new.checksum) {
        (Some(before), Some(now)) => match (before.is_of_path(), now.is_of_path()) {
            (true, true) => false,
            (false, false) => before.algorithm == now.algorithm && &*now.algorithm != "none",
            _ => true,
        },
        _ => false,
    }
}

fn same_parents(old: &Node, new: &Node) -> bool {
    old.parents.iter().collect::<BTreeSet<_>>() == new.parents.iter().collect::<BTreeSet<_>>()
}

/// For what holds no code, whom it reads is part of its definition.
fn parents(kind: Kind) -> Reason {
    match kind {
        Kind::Exposure | Kind::Metric | Kind::SemanticModel | Kind::SavedQuery => {
            Reason::Definition
        }
        Kind::UnitTest => Reason::Test,
        _ => Reason::Parents,
    }
}

fn facts(old: &Node, new: &Node) -> Option<Reason> {
    match (&old.facts, &new.facts) {
        (Facts::GenericTest(before), Facts::GenericTest(now)) => {
            let same = before.name == now.name
                && before.namespace == now.namespace
                && before.attached_to == now.attached_to
                && same_settings(&before.arguments, &now.arguments);
            (!same).then_some(Reason::Test)
        }
        (Facts::Exposure(before), Facts::Exposure(now)) => {
            let same = (&before.kind, &before.url) == (&now.kind, &now.url);
            let reason = if same { Reason::Metadata } else { Reason::Definition };
            (before != now).then_some(reason)
        }
        (Facts::Definition(before), Facts::Definition(now)) => {
            let reason = if new.kind == Kind::UnitTest { Reason::Test } else { Reason::Definition };
            (!same_settings(before, now)).then_some(reason)
        }
        _ => None,
    }
}

fn config_reason(key: &str) -> Option<Reason> {
    if INERT_KEYS.contains(&key) {
        Some(Reason::Metadata)
    } else if PLACE_KEYS.contains(&key) || OTHER_KEYS.contains(&key) {
        None
    } else {
        Some(Reason::Config(config_key(key).into()))
    }
}

fn config_key(key: &str) -> &str {
    match key {
        "pre_hook" => "pre-hook",
        "post_hook" => "post-hook",
        other => other,
    }
}

fn same_settings(old: &Settings, new: &Settings) -> bool {
    differing(old, new).next().is_none()
}

/// The keys whose values differ, however they are spelled.
fn differing<'a>(old: &'a Settings, new: &'a Settings) -> impl Iterator<Item = &'a str> {
    // Nearly all are equal to the letter, which is quick to see.
    let pair = (old != new).then_some((old, new));
    pair.into_iter().flat_map(|(old, new)| {
        let changed = new.iter().filter(|(key, value)| {
            find(old, key).is_none_or(|before| !same_under(key, before, value))
        });
        let gone = old.iter().filter(|(key, _)| find(new, key).is_none());
        changed.chain(gone).map(|(key, _)| key)
    })
}

fn find<'a>(settings: &'a Settings, key: &str) -> Option<&'a Value> {
    settings.value(key).or_else(|| match key {
        "pre-hook" => settings.value("pre_hook"),
        "pre_hook" => settings.value("pre-hook"),
        "post-hook" => settings.value("post_hook"),
        "post_hook" => settings.value("post-hook"),
        _ => None,
    })
}

fn same_under(key: &str, old: &Value, new: &Value) -> bool {
    same(old, new) || (LIST_KEYS.contains(&key) && listed(old) == listed(new))
}

fn listed(value: &Value) -> String {
    let text = canonical(value);
    if text.starts_with('[') { text } else { format!("[{text},]") }
}

/// The value without fields that are null or empty: dbt versions disagree on writing them.
fn without_nothing(value: &Value) -> Value {
    let Value::Object(fields) = value else { return value.clone() };
    let filled: serde_json::Map<_, _> = fields
        .iter()
        .map(|(key, field)| (key.clone(), without_nothing(field)))
        .filter(|(_, field)| !field.is_null())
        .collect();
    if filled.is_empty() { Value::Null } else { Value::Object(filled) }
}

fn columns_and_docs(old: &Node, new: &Node) -> BTreeSet<Reason> {
    let mut reasons = BTreeSet::new();
    let (of_relation, of_columns) = new.persists_docs();
    if old.description != new.description {
        reasons.insert(docs(of_relation));
    }
    if old.tags != new.tags {
        reasons.insert(Reason::Metadata);
    }
    reasons.extend(contract(old, new));
    if old.columns != new.columns {
        if column_descriptions(old) != column_descriptions(new) {
            reasons.insert(docs(of_columns));
        }
        if column_labels(old) != column_labels(new) {
            reasons.insert(Reason::Metadata);
        }
    }
    reasons
}

/// Recomputed, for dbt versions hash contracts differently or not at all.
fn contract(old: &Node, new: &Node) -> Option<Reason> {
    let is_same = || {
        (&old.columns, &old.constraints) == (&new.columns, &new.constraints)
            || declared(old) == declared(new)
    };
    match (old.contract_enforced(), new.contract_enforced()) {
        (true, true) => (!is_same()).then_some(Reason::Contract),
        (false, false) => (!is_same()).then_some(Reason::Columns),
        _ => Some(Reason::Contract),
    }
}

fn docs(are_persisted: bool) -> Reason {
    if are_persisted { Reason::PersistedDocs } else { Reason::Docs }
}

/// What a contract would bind: names, types and constraints, in whatever order.
#[derive(PartialEq)]
struct Declared<'a> {
    columns: BTreeSet<(&'a str, String, Vec<&'a Constraint>)>,
    constraints: BTreeSet<&'a Constraint>,
}

fn declared(node: &Node) -> Declared<'_> {
    let columns = node.columns.iter().filter(|column| is_declared(node, column));
    let columns = columns.map(|column| {
        let data_type = column.data_type.as_deref().unwrap_or_default().trim().to_lowercase();
        (&*column.name, data_type, column.constraints.iter().collect())
    });
    Declared { columns: columns.collect(), constraints: node.constraints.iter().collect() }
}

/// Without a contract a bare name is documentation, not a declaration.
fn is_declared(node: &Node, column: &Column) -> bool {
    node.contract_enforced() || column.data_type.is_some() || !column.constraints.is_empty()
}

fn column_descriptions(node: &Node) -> BTreeSet<(&str, &str)> {
    node.columns.iter().map(|column| (&*column.name, &*column.description)).collect()
}

/// Tags and meta, as far as a column has any.
fn column_labels(node: &Node) -> BTreeSet<(&str, &[Box<str>], String)> {
    let labelled =
        node.columns.iter().filter(|column| !column.tags.is_empty() || !column.meta.is_empty());
    labelled
        .map(|column| {
            let meta =
                column.meta.iter().map(|(key, value)| format!("{key}={}\n", canonical(value)));
            (&*column.name, &*column.tags, meta.collect())
        })
        .collect()
}

fn interface(old: &Node, new: &Node) -> BTreeSet<Reason> {
    let mut reasons = BTreeSet::new();
    let same = old.access() == new.access()
        && old.latest_version == new.latest_version
        && old.deprecation_date == new.deprecation_date;
    if !same && new.kind == Kind::Model {
        reasons.insert(Reason::Interface);
    }
    if old.group() != new.group() {
        reasons.insert(Reason::Metadata);
    }
    if old.fqn != new.fqn {
        reasons.insert(Reason::Moved);
    }
    reasons
}
