//! Macros: which changed, and which nodes that reaches.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::id::NodeId;
use crate::manifest::{Macro, Manifest, Node};
use crate::scope::spelling::same_code;

/// Packages that come with dbt or an adapter. Nobody edits them; an upgrade changes dozens.
const ENGINE_PACKAGES: [&str; 27] = [
    "dbt",
    "dbt_athena",
    "dbt_bigquery",
    "dbt_clickhouse",
    "dbt_databricks",
    "dbt_databend",
    "dbt_doris",
    "dbt_dremio",
    "dbt_duckdb",
    "dbt_fabric",
    "dbt_fabricspark",
    "dbt_firebolt",
    "dbt_glue",
    "dbt_impala",
    "dbt_materialize",
    "dbt_mysql",
    "dbt_oracle",
    "dbt_postgres",
    "dbt_redshift",
    "dbt_salesforce",
    "dbt_snowflake",
    "dbt_spark",
    "dbt_sqlite",
    "dbt_sqlserver",
    "dbt_synapse",
    "dbt_trino",
    "dbt_vertica",
];

/// Words that make a macro or a model compile to something else each time.
const VOLATILE: [&str; 3] = ["run_started_at", "invocation_id", "modules.datetime"];

type Origins = HashMap<NodeId, BTreeSet<NodeId>>;

pub(super) struct MacroChanges<'a> {
    head: &'a Manifest,
    base: &'a Manifest,
    /// Of each macro in head: the changed macros it calls, perhaps itself.
    in_head: Origins,
    /// Of each macro in base: the removed macros it called, perhaps itself.
    in_base: Origins,
    /// Macros that compile to something else each time.
    volatile: HashSet<NodeId>,
    /// Changed macros that materialise, by `materialization_<name>_`.
    materializations: Vec<&'a Macro>,
    changed: BTreeSet<NodeId>,
    pub(super) engine_macros_differ: usize,
}

impl<'a> MacroChanges<'a> {
    pub(super) fn between(base: &'a Manifest, head: &'a Manifest) -> Self {
        let differ = |found: &&Macro| {
            base.macros.get(&found.id).is_none_or(|old| !same_code(&old.sql, &found.sql))
        };
        let gone = |found: &&Macro| !head.macros.contains_key(&found.id);
        let engine = |found: &&Macro| is_engine(found, head);
        let own = |found: &&Macro| !is_engine(found, head) && !is_snapshot(found);
        let changed: Vec<_> = head.macros.values().filter(differ).filter(own).collect();
        let removed: Vec<_> = base.macros.values().filter(gone).filter(own).collect();
        let volatile = head.macros.values().filter(own).filter(|found| is_volatile(&found.sql));
        let in_head = origins(head, &changed);
        Self {
            materializations: materializations(head, &in_head),
            changed: changed.iter().chain(&removed).map(|found| found.id.clone()).collect(),
            in_base: origins(base, &removed),
            volatile: origins(head, &volatile.collect::<Vec<_>>()).into_keys().collect(),
            engine_macros_differ: head.macros.values().filter(differ).filter(engine).count()
                + base.macros.values().filter(gone).filter(engine).count(),
            in_head,
            head,
            base,
        }
    }

    /// Macros that differ, those of dbt and the adapter aside.
    pub(super) fn changed(&self) -> BTreeSet<NodeId> {
        self.changed.clone()
    }

    /// The changed macros that the node's code, hooks or materialisation call.
    pub(super) fn reaching(&self, base: &Node, head: &Node) -> BTreeSet<NodeId> {
        let now = head.macros.iter().filter_map(|id| self.in_head.get(id));
        let before = base.macros.iter().filter_map(|id| self.in_base.get(id));
        let mut found = self.in_materialization(head);
        found.extend(now.chain(before).flatten().cloned());
        found
    }

    /// The changed macros that act on the node outside of its compiled code: its materialisation
    /// and its hooks.
    pub(super) fn beyond_the_code(&self, base: &Node, head: &Node) -> BTreeSet<NodeId> {
        let mut found = self.in_materialization(head);
        let hooks = hooks(head);
        if hooks.is_empty() {
            return found;
        }
        let in_hooks = |manifest: &Manifest, id: &NodeId| {
            manifest.macros.get(id).is_some_and(|called| hooks.contains(&*called.name))
        };
        let now = head.macros.iter().filter(|id| in_hooks(self.head, id));
        let before = base.macros.iter().filter(|id| in_hooks(self.base, id));
        found.extend(now.filter_map(|id| self.in_head.get(id)).flatten().cloned());
        found.extend(before.filter_map(|id| self.in_base.get(id)).flatten().cloned());
        found
    }

    /// dbt does not list the materialisation among a node's macros.
    fn in_materialization(&self, head: &Node) -> BTreeSet<NodeId> {
        let Some(materialized) = head.materialized() else { return BTreeSet::new() };
        let prefix = format!("materialization_{materialized}_");
        self.materializations
            .iter()
            .filter(|found| found.name.strip_prefix(&prefix).is_some_and(|of| !of.contains('_')))
            .filter_map(|found| self.in_head.get(&found.id))
            .flatten()
            .cloned()
            .collect()
    }

    /// Compiling the node twice gives two results.
    pub(super) fn is_volatile(&self, node: &Node) -> bool {
        is_volatile(&node.raw_code) || node.macros.iter().any(|id| self.volatile.contains(id))
    }
}

fn materializations<'a>(head: &'a Manifest, in_head: &Origins) -> Vec<&'a Macro> {
    let named = |found: &&Macro| found.name.starts_with("materialization_");
    head.macros.values().filter(named).filter(|found| in_head.contains_key(&found.id)).collect()
}

fn is_engine(found: &Macro, manifest: &Manifest) -> bool {
    ENGINE_PACKAGES.contains(&&*found.package)
        || found.package.strip_prefix("dbt_") == Some(&*manifest.metadata.adapter)
}

/// dbt Fusion lists each snapshot's block as a macro too; dbt Core does not.
fn is_snapshot(found: &Macro) -> bool {
    found.id.as_str().starts_with("snapshot.")
}

fn is_volatile(code: &str) -> bool {
    VOLATILE.iter().any(|word| code.contains(word))
}

fn hooks(node: &Node) -> String {
    let of = |key| node.config.value(key).map(ToString::to_string).unwrap_or_default();
    ["pre-hook", "post-hook", "pre_hook", "post_hook"].map(of).concat()
}

/// For each macro that calls one of `roots`, directly or through others: which.
fn origins(manifest: &Manifest, roots: &[&Macro]) -> Origins {
    let mut callers: HashMap<&NodeId, Vec<&NodeId>> = HashMap::new();
    if !roots.is_empty() {
        for caller in manifest.macros.values() {
            for called in &caller.macros {
                callers.entry(called).or_default().push(&caller.id);
            }
        }
    }
    let mut origins = Origins::new();
    for root in roots {
        let mut waiting = vec![&root.id];
        while let Some(id) = waiting.pop() {
            if origins.entry(id.clone()).or_default().insert(root.id.clone()) {
                waiting.extend(callers.get(id).into_iter().flatten());
            }
        }
    }
    origins
}
