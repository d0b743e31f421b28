//! How effects flow down: each node's own, and what its query makes of those above it.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::manifest::{Kind, Node};
use belay_dbt::{Manifest, NodeId};
use belay_model::change::{Effect, Meaning};

use super::effect::{both, columns_in_words, list, plain};
use super::queries::Queries;
use super::{Broken, Change, Meanings, Spared, own};

/// What came of it, beside what [`Meanings`] holds.
#[derive(Debug, Default)]
pub(super) struct Spread {
    /// From each node to the parents whose change it can see.
    pub sees: BTreeMap<NodeId, BTreeSet<NodeId>>,
}

pub(super) fn spread(change: &Change<'_>, queries: &impl Queries, found: &mut Meanings) -> Spread {
    let mut spread = Spread::default();
    let gone = change.scope.changed.keys().filter(|id| change.head.node(id).is_none());
    for old in gone.filter_map(|id| change.base.node(id)) {
        found.effects.insert(old.id.clone(), own::effect(change, queries, old));
    }
    for id in change.head.in_order() {
        let Some(node) = change.head.node(&id) else { continue };
        let is_changed = change.scope.changed.contains_key(&id);
        let is_affected = change.scope.affected.contains_key(&id);
        if !is_changed && (node.kind.is_test() || !is_affected) {
            continue;
        }
        let own = is_changed.then(|| own::effect(change, queries, node));
        let above = if is_affected { visible(change, found, node) } else { BTreeMap::new() };
        let upstream = from_above(change, queries, node, &above, found, &mut spread);
        if own.is_none() && upstream.is_invisible() {
            let proof = proof(change, queries, found, node);
            found.spared.push(Spared { node: id.clone(), proof });
        }
        let effect = match own {
            Some(own) if above.is_empty() => own,
            Some(own) => both(own, upstream),
            None => upstream,
        };
        if let Some(why) = queries.unread(&id) {
            found.unread.push((id.clone(), why));
        }
        let volatile = queries.volatile(&id);
        if !volatile.is_empty() {
            found.volatile.insert(id.clone(), volatile);
        }
        found.effects.insert(id, effect);
    }
    spread
}

/// The parents whose effects could be seen, with those effects.
fn visible(change: &Change<'_>, found: &Meanings, node: &Node) -> BTreeMap<NodeId, Effect> {
    let is_changed = change.scope.changed.contains_key(&node.id);
    let seen = |parent: &Node| {
        let id = &parent.id;
        let effect = match found.effects.get(id) {
            Some(effect) => effect.clone(),
            // A circle, which only a damaged manifest has.
            None if change.concerns(id) => Effect::unknown("what it reads, reads it"),
            None => return None,
        };
        (!effect.is_invisible()).then(|| (id.clone(), effect))
    };
    let gone =
        change.base.parents(&node.id).filter(|parent| change.head.node(&parent.id).is_none());
    // Whoever does not read it any more has changed itself.
    let gone = gone
        .filter(|_| !is_changed)
        .map(|parent| (parent.id.clone(), Effect::unknown(format!("`{}` is gone", parent.name))));
    change.head.parents(&node.id).filter_map(seen).chain(gone).collect()
}

/// What the changes above do to the node.
fn from_above(
    change: &Change<'_>,
    queries: &impl Queries,
    node: &Node,
    above: &BTreeMap<NodeId, Effect>,
    found: &mut Meanings,
    spread: &mut Spread,
) -> Effect {
    if above.is_empty() {
        return Effect::none(Meaning::Cosmetic);
    }
    let broken = broken(change, queries, node, above);
    if let Some(first) = broken.first() {
        let why = format!(
            "it reads `{}` of `{}`, which is gone",
            first.column,
            name(change.head, &first.parent)
        );
        spread.sees.insert(node.id.clone(), above.keys().cloned().collect());
        found.broken.extend(broken);
        return Effect::unknown(why);
    }
    let effect = through(change.head, queries, node, above);
    if !effect.is_invisible() {
        let alone = |parent: &NodeId, of: &Effect| {
            above.len() == 1
                || effect.meaning == Meaning::Unknown
                || !through(
                    change.head,
                    queries,
                    node,
                    &BTreeMap::from([(parent.clone(), of.clone())]),
                )
                .is_invisible()
        };
        let mut parents: BTreeSet<NodeId> = above
            .iter()
            .filter(|(parent, of)| alone(parent, of))
            .map(|(id, _)| id.clone())
            .collect();
        // Only together can they be seen: then it is all of them.
        if parents.is_empty() {
            parents.extend(above.keys().cloned());
        }
        spread.sees.insert(node.id.clone(), parents);
    }
    effect
}

fn through(
    head: &Manifest,
    queries: &impl Queries,
    node: &Node,
    above: &BTreeMap<NodeId, Effect>,
) -> Effect {
    match node.kind {
        Kind::Exposure | Kind::Metric | Kind::SemanticModel | Kind::SavedQuery => {
            let all = above.values().cloned().reduce(both);
            let mut effect = all.unwrap_or_else(|| Effect::none(Meaning::Cosmetic));
            effect.reasons =
                vec![format!("it reads {}", list(above.keys().map(|id| name(head, id))))];
            return effect;
        }
        Kind::Model | Kind::Snapshot => (),
        _ => {
            return Effect::unknown(format!(
                "what a {} makes of it is not known",
                node.kind.as_str()
            ));
        }
    }
    if node.language.as_deref() == Some("python") {
        return Effect::unknown("Python models are not read");
    }
    let nameless = above.keys().find(|id| queries.table(id).is_none());
    if let Some(parent) = nameless {
        return Effect::unknown(format!(
            "it reads `{}`, which is not known here",
            name(head, parent)
        ));
    }
    let upstream = above.iter();
    let upstream =
        upstream.filter_map(|(id, effect)| Some((queries.table(id)?, as_read(effect)))).collect();
    let effect = queries.propagated(&node.id, &upstream);
    if effect.is_invisible() || effect.meaning == Meaning::Unknown {
        return effect;
    }
    // The rows that are there already came from what was there before.
    match node.kind {
        Kind::Snapshot => {
            both(effect, plain(Meaning::Rows, "a snapshot keeps what was there before"))
        }
        _ => effect,
    }
}

/// The effect as a reader sees it, who read the node before it got this name.
fn as_read(effect: &Effect) -> Effect {
    let mut effect = effect.clone();
    if effect.meaning == Meaning::New {
        effect.meaning = if !effect.rows.is_empty() {
            Meaning::Rows
        } else if !effect.values.is_empty() {
            Meaning::Values
        } else if effect.removed.is_empty() && effect.retyped.is_empty() {
            Meaning::Additive
        } else {
            Meaning::Schema
        };
    }
    effect
}

/// Columns that the node still reads and that are gone.
fn broken(
    change: &Change<'_>,
    queries: &impl Queries,
    node: &Node,
    above: &BTreeMap<NodeId, Effect>,
) -> Vec<Broken> {
    let mut found = Vec::new();
    for (parent, effect) in above {
        let renamed = effect.renamed.iter().map(|(from, _)| from);
        let gone: BTreeSet<&String> = effect.removed.iter().chain(renamed).collect();
        if gone.is_empty() || change.base.node(&node.id).is_none() {
            continue;
        }
        let Some(reads) = queries.reads(&node.id, parent) else { continue };
        let is_changed = change.scope.changed.contains_key(&node.id);
        let still = |column: &str| {
            // A changed query that can be read reads only what there is.
            !is_changed || (queries.unread(&node.id).is_some() && mentions(node, column))
        };
        for column in gone.into_iter().filter(|column| reads.contains(*column) && still(column)) {
            found.push(Broken {
                node: node.id.clone(),
                column: column.clone(),
                parent: parent.clone(),
            });
        }
    }
    found
}

fn mentions(node: &Node, column: &str) -> bool {
    let code = node.compiled_code.as_deref().unwrap_or(&node.raw_code).to_lowercase();
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.split(|letter| !is_word(letter)).any(|word| word == column)
}

/// Why the node cannot see the change, in words.
fn proof(change: &Change<'_>, queries: &impl Queries, found: &Meanings, node: &Node) -> String {
    let mut said = Vec::new();
    for parent in change.head.parents(&node.id) {
        let Some(effect) = found.effects.get(&parent.id) else { continue };
        let of = &parent.name;
        if effect.is_invisible() {
            said.push(match effect.meaning {
                Meaning::Cosmetic if !change.scope.changed.contains_key(&parent.id) => {
                    format!("`{of}` is spared itself")
                }
                meaning => format!("the change of `{of}` is {meaning}"),
            });
            continue;
        }
        let reads = queries.reads(&node.id, &parent.id);
        let reads = reads.map(|columns| list(columns.iter().map(String::as_str)));
        let only = reads.filter(|columns| !columns.is_empty());
        let reads = only.map_or_else(
            || format!("no changed column of `{of}` is read"),
            |columns| format!("reads only {columns} of `{of}`"),
        );
        let changed = columns_in_words(effect);
        said.push(
            changed.map_or_else(
                || reads.clone(),
                |columns| format!("{reads}; only {columns} changed"),
            ),
        );
    }
    if said.is_empty() { "nothing that it reads changes".to_owned() } else { said.join(" · ") }
}

fn name<'a>(manifest: &'a Manifest, id: &'a NodeId) -> &'a str {
    manifest.node(id).map_or(id.as_str(), |node| &node.name)
}
