//! What a person means by `orders`, `orders.amount`, `raw.orders.id` or a full id.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use belay_dbt::manifest::{Kind, Node};
use belay_dbt::{Manifest, NodeId};

use super::error::LineageError;
use super::graph::{Graph, Place};
use super::{Dialect, Project};

/// How far a name may be from one that exists to be offered.
const NEAR: usize = 3;

/// The place that `asked` names.
pub(super) fn find(
    manifest: &Manifest,
    project: &Project,
    graph: &Graph,
    asked: &str,
) -> Result<Place, LineageError> {
    let asked = asked.trim();
    let whole = named(manifest, asked);
    if !whole.is_empty() {
        return Ok(Place::of(only(asked, whole)?, None));
    }
    // The column's name may have dots, too: the longest name of a node that fits counts.
    let dots = asked.char_indices().rev().filter(|(_, letter)| *letter == '.');
    for (at, _) in dots {
        let (name, column) = asked.split_at(at);
        let nodes = named(manifest, name);
        if !nodes.is_empty() {
            let node = only(name, nodes)?;
            return column_of(project, graph, node, column.trim_start_matches('.'));
        }
    }
    let name = asked.to_owned();
    Err(LineageError::UnknownModel { name, nearest: nearest(manifest, asked) })
}

fn only<'a>(name: &str, ids: Vec<&'a NodeId>) -> Result<&'a NodeId, LineageError> {
    if let [id] = ids.as_slice() {
        return Ok(id);
    }
    let ids = ids.into_iter().map(ToString::to_string).collect();
    Err(LineageError::Ambiguous { name: name.to_owned(), ids })
}

/// Nodes with that name: those that have data, else what is declared over them. A name without a
/// version is the latest one's.
fn named<'a>(manifest: &'a Manifest, name: &str) -> Vec<&'a NodeId> {
    let id: NodeId = name.into();
    if let Some(node) = manifest.node(&id) {
        return vec![&node.id];
    }
    let fits: Vec<&Node> =
        manifest.nodes().filter(|node| spellings(node).iter().any(|text| text == name)).collect();
    let has_data = |node: &&&Node| {
        matches!(node.kind, Kind::Model | Kind::Seed | Kind::Snapshot | Kind::Source)
    };
    let first: Vec<&Node> = match fits.iter().filter(has_data).copied().collect::<Vec<_>>() {
        none if none.is_empty() => fits,
        some => some,
    };
    // A model is meant before a source of the same name: a source has a longer one.
    let made: Vec<&Node> = first.iter().filter(|node| node.kind != Kind::Source).copied().collect();
    let first = if made.is_empty() { first } else { made };
    let latest: Vec<&Node> = first
        .iter()
        .filter(|node| node.version.is_none() || node.version == node.latest_version)
        .copied()
        .collect();
    let meant = if latest.is_empty() { first } else { latest };
    meant.into_iter().map(|node| &node.id).collect()
}

/// Every way to write a node's name, beside its id.
fn spellings(node: &Node) -> Vec<String> {
    let name = match node.source() {
        Some(source) => vec![node.name.to_string(), format!("{}.{}", source.system, node.name)],
        None => vec![node.name.to_string()],
    };
    let version = node.version.as_ref();
    let versioned = version.map(|version| format!("{}.v{version}", node.name));
    let name: Vec<String> = name.into_iter().chain(versioned).collect();
    let packaged = name.iter().map(|name| format!("{}.{name}", node.package));
    packaged.chain(name.iter().cloned()).collect()
}

fn column_of(
    project: &Project,
    graph: &Graph,
    node: &NodeId,
    column: &str,
) -> Result<Place, LineageError> {
    let mut known: Vec<&str> = project
        .of
        .get(node)
        .map(|node| node.outputs.iter().map(|output| output.name.as_str()).collect())
        .unwrap_or_default();
    let seen: BTreeSet<&str> = known.iter().copied().collect();
    known.extend(graph.columns(node).into_iter().filter(|name| !seen.contains(name)));
    let bare = column.trim_matches(['"', '`']);
    let folded = if project.dialect == Dialect::Snowflake {
        bare.to_uppercase()
    } else {
        bare.to_lowercase()
    };
    let exact = known.iter().find(|name| **name == bare);
    let found = exact.or_else(|| known.iter().find(|name| **name == folded));
    let alone = || {
        let mut fits = known.iter().filter(|name| name.eq_ignore_ascii_case(bare));
        fits.next().filter(|_| fits.next().is_none())
    };
    match found.or_else(alone) {
        Some(name) => Ok(Place::of(node, Some(name))),
        None => Err(LineageError::UnknownColumn {
            node: node.to_string(),
            column: bare.to_owned(),
            columns: known.into_iter().map(str::to_owned).collect(),
        }),
    }
}

/// The names most like it, the most like first.
fn nearest(manifest: &Manifest, asked: &str) -> Vec<String> {
    let wanted = asked.to_lowercase();
    let wanted = [wanted.as_str(), wanted.split('.').next().unwrap_or_default()];
    let mut near: Vec<(usize, Reverse<usize>, String)> = manifest
        .nodes()
        .filter(|node| !node.kind.is_test() && node.kind != Kind::Operation)
        .filter_map(|node| {
            let name = match node.source() {
                Some(source) => format!("{}.{}", source.system, node.name),
                None => node.name.to_string(),
            };
            let lower = name.to_lowercase();
            let far = wanted.iter().map(|wanted| {
                let is_part = wanted.len() > 2 && lower.contains(wanted);
                if is_part { 1 } else { distance(wanted, &lower) }
            });
            let far = far.min()?;
            (far <= NEAR.min(asked.len() / 2)).then_some((far, Reverse(name.len()), name))
        })
        .collect();
    near.sort();
    near.dedup_by(|a, b| a.2 == b.2);
    near.into_iter().take(NEAR).map(|(_, _, name)| name).collect()
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, letter) in a.chars().enumerate() {
        let mut before = at;
        let mut left = at + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (place, other) in row.iter_mut().skip(1).zip(&b) {
            let changed = before + usize::from(letter != *other);
            before = *place;
            left = changed.min(before + 1).min(left + 1);
            *place = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distance_counts_letters_put_in_taken_out_and_changed() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("orders", "orders", 0),
            ("oders", "orders", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
