//! What each changed node does by itself, from the ways in which it changed.

use std::collections::BTreeSet;

use belay_dbt::manifest::{Kind, Node};
use belay_dbt::scope::Reason;
use belay_model::change::{Columns, Effect, Meaning, RowEffect};
use fs_err as fs;

use super::effect::{both, plain};
use super::queries::{Compared, Queries};
use super::{Change, config, seed};

/// The effect of what was changed at the node itself. `None` for a test, which makes no data.
pub(super) fn effect(change: &Change<'_>, queries: &impl Queries, node: &Node) -> Effect {
    let reasons: BTreeSet<&Reason> = change.scope.reasons(&node.id).collect();
    if reasons.contains(&Reason::Removed) {
        return plain(Meaning::Removed, "head does not have it");
    }
    if reasons.contains(&Reason::New) {
        return arrived(&reasons);
    }
    let Some(old) = change.base.node(&node.id) else { return arrived(&reasons) };
    let mut found = Effect::none(Meaning::Cosmetic);
    if reasons.iter().any(|reason| is_of_query(reason)) {
        found = both(found, of_query(queries, old, node, &reasons));
    }
    for reason in reasons {
        found = both(found, of_reason(change, reason, old, node));
    }
    found
}

fn arrived(reasons: &BTreeSet<&Reason>) -> Effect {
    let renamed = reasons.iter().find_map(|reason| match reason {
        Reason::Renamed { from } => Some(from),
        _ => None,
    });
    match renamed {
        Some(from) => plain(
            Meaning::New,
            format!(
                "the same query as `{from}`, under another name: whoever reads it by the old one finds nothing"
            ),
        ),
        None => plain(Meaning::New, "base does not have it"),
    }
}

fn is_of_query(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Body | Reason::Template | Reason::Compiled | Reason::Macro(_) | Reason::Parents
    )
}

/// What the queries of both sides say.
fn of_query(queries: &impl Queries, old: &Node, new: &Node, reasons: &BTreeSet<&Reason>) -> Effect {
    match new.kind {
        Kind::Model | Kind::Snapshot | Kind::Analysis => (),
        // A test says something about data and changes none.
        Kind::Test | Kind::UnitTest => return plain(Meaning::Metadata, "the test changed"),
        _ => return Effect::unknown(format!("the code of a {} changed", new.kind.as_str())),
    }
    if new.language.as_deref() == Some("python") {
        return Effect::unknown("Python models are not read");
    }
    let known = old.compiled_code.is_some() && new.compiled_code.is_some();
    let Compared { afresh, increment } = queries.compared(&new.id);
    let Some(afresh) = afresh else {
        return Effect::unknown("its query is not compiled on both sides");
    };
    let beyond =
        reasons.iter().any(|reason| matches!(reason, Reason::Macro(_))) && known && same(old, new);
    if beyond {
        return Effect::unknown("a macro of its hooks or of its materialisation changed");
    }
    let may_add = |node: &Node| node.materialized() == Some("incremental");
    match increment {
        Some(increment) => both(afresh, as_increment(increment)),
        None if may_add(new) && may_add(old) && old.raw_code != new.raw_code => both(
            afresh,
            Effect::unknown("only the query that builds it afresh was compared, not its increment"),
        ),
        None => afresh,
    }
}

fn same(old: &Node, new: &Node) -> bool {
    old.compiled_code == new.compiled_code && old.increment == new.increment
}

/// What differs when the model adds to what is there.
fn as_increment(mut effect: Effect) -> Effect {
    if !effect.is_invisible() {
        for reason in &mut effect.reasons {
            *reason = format!("as an increment: {reason}");
        }
    }
    effect
}

fn of_reason(change: &Change<'_>, reason: &Reason, old: &Node, new: &Node) -> Effect {
    let rows_of_another_table = || Effect {
        values: Columns::All,
        rows: BTreeSet::from([RowEffect::Source]),
        reasons: vec!["the source is another relation".to_owned()],
        ..Effect::none(Meaning::Rows)
    };
    match reason {
        Reason::Body
        | Reason::Template
        | Reason::Compiled
        | Reason::Macro(_)
        | Reason::Parents
        | Reason::New
        | Reason::Removed
        | Reason::Renamed { .. } => Effect::none(Meaning::Cosmetic),
        Reason::Config(_) if new.kind.is_test() => plain(Meaning::Metadata, "the test changed"),
        Reason::Config(key) => config::effect(key, old, new),
        Reason::Contract => contract(old, new),
        Reason::Relation => {
            plain(Meaning::Schema, "its relation is elsewhere: `ref` finds it, others do not")
        }
        Reason::Source => rows_of_another_table(),
        Reason::Seed => of_seed(change, old, new),
        Reason::Definition => definition(new),
        Reason::Test => plain(Meaning::Metadata, "the test changed"),
        Reason::Freshness => plain(Meaning::Metadata, "when the source counts as stale"),
        Reason::Columns => plain(Meaning::Metadata, "declared columns that no contract enforces"),
        Reason::PersistedDocs | Reason::Docs => plain(Meaning::Metadata, "descriptions"),
        Reason::Interface => {
            plain(Meaning::Metadata, "who may read it, or which version is latest")
        }
        Reason::Moved => plain(Meaning::Metadata, "the folder that it is written in"),
        Reason::Metadata => plain(Meaning::Metadata, "tags, meta, group or owner"),
    }
}

/// A contract changes no data by itself; another type in it casts.
fn contract(old: &Node, new: &Node) -> Effect {
    match (old.contract_enforced(), new.contract_enforced()) {
        (true, false) => plain(Meaning::Metadata, "its contract is not enforced any more"),
        (false, true) => plain(Meaning::Physical, "its contract is enforced now"),
        _ => {
            let kind = |text: Option<&str>| text.map(|text| text.trim().to_lowercase());
            let retyped: BTreeSet<String> = { new.columns.iter() }
                .filter(|column| {
                    let before = old.column(&column.name);
                    before.is_some_and(|before| {
                        kind(before.data_type.as_deref()) != kind(column.data_type.as_deref())
                    })
                })
                .map(|column| column.name.to_lowercase())
                .collect();
            let meaning = if retyped.is_empty() { Meaning::Physical } else { Meaning::Schema };
            Effect { retyped, ..plain(meaning, "its contract says otherwise") }
        }
    }
}

fn of_seed(change: &Change<'_>, old: &Node, new: &Node) -> Effect {
    let text =
        |folder: Option<&std::path::Path>, node: &Node| fs::read(folder?.join(&*node.path)).ok();
    match (text(change.base_folder, old), text(change.head_folder, new)) {
        (Some(before), Some(now)) => seed::compare(&before, &now),
        _ => Effect::unknown("the seed's file changed; its text is not at hand"),
    }
}

fn definition(node: &Node) -> Effect {
    let reason = format!("what the {} is changed", node.kind.as_str());
    match node.kind {
        Kind::Exposure => plain(Meaning::Metadata, reason),
        Kind::Metric | Kind::SemanticModel | Kind::SavedQuery => {
            Effect { values: Columns::All, ..plain(Meaning::Values, reason) }
        }
        _ => Effect::unknown(reason),
    }
}
