//! What a changed config key does. docs/reference/meaning.md has the table; a test compares them.

use std::collections::BTreeSet;

use belay_dbt::manifest::Node;
use belay_model::change::{Columns, Effect, Meaning, RowEffect};

use super::effect::plain;

/// What a key is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// How the result is stored.
    Storage,
    /// Who may read it, what is written beside it.
    Label,
    /// Which rows the next increment, or the next snapshot, brings.
    Increment(RowEffect),
    /// What the next increment writes into rows that are there.
    Overwrite,
    /// SQL that runs around the node.
    Hook,
    /// How a seed's file is read.
    File,
}

/// Keys that are known, in the order of the documentation.
const KEYS: &[(&str, About)] = &[
    ("unique_key", About::Increment(RowEffect::Dedup)),
    ("incremental_strategy", About::Increment(RowEffect::Dedup)),
    ("incremental_predicates", About::Increment(RowEffect::Filter)),
    ("predicates", About::Increment(RowEffect::Filter)),
    ("event_time", About::Increment(RowEffect::Filter)),
    ("begin", About::Increment(RowEffect::Filter)),
    ("batch_size", About::Increment(RowEffect::Filter)),
    ("lookback", About::Increment(RowEffect::Filter)),
    ("strategy", About::Increment(RowEffect::Filter)),
    ("check_cols", About::Increment(RowEffect::Filter)),
    ("updated_at", About::Increment(RowEffect::Filter)),
    ("hard_deletes", About::Increment(RowEffect::Filter)),
    ("invalidate_hard_deletes", About::Increment(RowEffect::Filter)),
    ("dbt_valid_to_current", About::Overwrite),
    ("merge_update_columns", About::Overwrite),
    ("merge_exclude_columns", About::Overwrite),
    ("pre-hook", About::Hook),
    ("post-hook", About::Hook),
    ("delimiter", About::File),
    ("column_types", About::File),
    ("quote_columns", About::File),
    ("on_schema_change", About::Storage),
    ("full_refresh", About::Storage),
    ("concurrent_batches", About::Storage),
    ("partition_by", About::Storage),
    ("partitions", About::Storage),
    ("partition_expiration_days", About::Storage),
    ("require_partition_filter", About::Storage),
    ("cluster_by", About::Storage),
    ("clustered_by", About::Storage),
    ("liquid_clustered_by", About::Storage),
    ("automatic_clustering", About::Storage),
    ("buckets", About::Storage),
    ("sort", About::Storage),
    ("sort_type", About::Storage),
    ("dist", About::Storage),
    ("bind", About::Storage),
    ("backup", About::Storage),
    ("indexes", About::Storage),
    ("unlogged", About::Storage),
    ("transient", About::Storage),
    ("table_format", About::Storage),
    ("file_format", About::Storage),
    ("location_root", About::Storage),
    ("tblproperties", About::Storage),
    ("hours_to_expiration", About::Storage),
    ("kms_key_name", About::Storage),
    ("snowflake_warehouse", About::Storage),
    ("query_tag", About::Storage),
    ("target_lag", About::Storage),
    ("secure", About::Storage),
    ("auto_refresh", About::Storage),
    ("threads", About::Storage),
    ("grants", About::Label),
    ("copy_grants", About::Label),
    ("labels", About::Label),
    ("persist_docs", About::Label),
    ("severity", About::Label),
    ("store_failures", About::Label),
    ("store_failures_as", About::Label),
];

/// The effect of `key`, which differs between `old` and `new`.
pub(super) fn effect(key: &str, old: &Node, new: &Node) -> Effect {
    match key {
        "materialized" => materialized(old, new),
        "snapshot_meta_column_names" => {
            Effect::unknown("the snapshot's own columns are named otherwise")
        }
        "enabled" => plain(Meaning::Metadata, "`enabled` is written otherwise"),
        _ => match KEYS.iter().find(|(known, _)| *known == key) {
            Some((_, about)) => of(*about, key, old, new),
            None => Effect::unknown(format!(
                "nobody knows what the config `{key}` does: a materialisation may read it"
            )),
        },
    }
}

fn of(about: About, key: &str, old: &Node, new: &Node) -> Effect {
    let rows = |why: RowEffect, reason: String| Effect {
        rows: BTreeSet::from([why]),
        reasons: vec![reason],
        ..Effect::none(Meaning::Rows)
    };
    match about {
        About::Storage => plain(Meaning::Physical, format!("the config `{key}` changed")),
        About::Label => plain(Meaning::Metadata, format!("the config `{key}` changed")),
        // Built afresh, nothing shows: the next increment does.
        About::Increment(why) => {
            rows(why, format!("`{key}` changed: which rows the next increment writes may differ"))
        }
        About::Overwrite => Effect {
            values: Columns::All,
            reasons: vec![format!("`{key}` changed: what the next increment writes may differ")],
            ..Effect::none(Meaning::Values)
        },
        About::Hook if hooks_are_harmless(key, old) && hooks_are_harmless(key, new) => {
            plain(Meaning::Physical, format!("a {key} changed that touches no rows"))
        }
        About::Hook => Effect::unknown(format!("a {key} changed, and its SQL may do anything")),
        About::File => {
            Effect::unknown(format!("`{key}` changed: the seed's file is read otherwise"))
        }
    }
}

fn materialized(old: &Node, new: &Node) -> Effect {
    let (from, to) = (old.materialized().unwrap_or("view"), new.materialized().unwrap_or("view"));
    let reason = format!("a {to} that was a {from}");
    let known = |kind: &str| {
        ["view", "table", "ephemeral", "materialized_view", "dynamic_table"].contains(&kind)
    };
    match (from, to) {
        (from, to) if known(from) && known(to) => {
            let gone = to == "ephemeral" && from != "ephemeral";
            let why = if gone { format!("{reason}: its relation is gone") } else { reason };
            plain(if gone { Meaning::Schema } else { Meaning::Physical }, why)
        }
        // Its rows were, or will be, those that increments brought.
        (from, to) if from == "incremental" || to == "incremental" => Effect {
            rows: BTreeSet::from([RowEffect::Source]),
            values: Columns::All,
            reasons: vec![format!(
                "{reason}: rows that increments brought may differ from those of a fresh build"
            )],
            ..Effect::none(Meaning::Rows)
        },
        _ => Effect::unknown(reason),
    }
}

/// Each statement only grants, analyses, comments or indexes.
fn hooks_are_harmless(key: &str, node: &Node) -> bool {
    const HARMLESS: [&str; 8] = [
        "grant ",
        "revoke ",
        "analyze",
        "vacuum",
        "comment ",
        "create index",
        "create unique index",
        "optimize ",
    ];
    let other = key.replace('-', "_");
    let hooks = node.config.value(key).or_else(|| node.config.value(&other));
    let statements = |text: &str| -> Vec<String> {
        text.split(';')
            .map(|part| part.trim().to_lowercase())
            .filter(|part| !part.is_empty())
            .collect()
    };
    let harmless = |text: &str| {
        // Jinja can say anything.
        let plain = !text.contains("{{") && !text.contains("{%");
        plain
            && statements(text).iter().all(|one| HARMLESS.iter().any(|word| one.starts_with(word)))
    };
    texts(hooks).iter().all(|text| harmless(text))
}

/// Every text in a hook, whichever way dbt wrote it.
fn texts(value: Option<&serde_json::Value>) -> Vec<String> {
    use serde_json::Value;
    match value {
        Some(Value::String(text)) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ Value::Object(_)) => texts(Some(&inner)),
            _ => vec![text.clone()],
        },
        Some(Value::Array(items)) => items.iter().flat_map(|item| texts(Some(item))).collect(),
        Some(Value::Object(fields)) => {
            fields.get("sql").map(|sql| texts(Some(sql))).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_key_stands_in_the_documentation() {
        let page = include_str!("../../../../../docs/reference/meaning.md");
        let missing: Vec<&str> = KEYS
            .iter()
            .map(|(key, _)| *key)
            .filter(|key| !page.contains(&format!("`{key}`")))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
