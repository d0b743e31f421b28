//! Where the nodes of an answer stand in a picture: layers from left to right, parents first.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::text::labels;
use super::wire::{End, Lineage, Link, Node};

/// Sizes in pixels of the picture at its natural scale.
const HEADER: i64 = 34;
const ROW: i64 = 20;
const LETTER: i64 = 7;
const LETTER_OF_KIND: usize = 7;
const GAP: (i64, i64) = (90, 22);
const WIDTH: (i64, i64) = (150, 340);
const MARGIN: i64 = 24;

/// More columns than these are counted, not drawn.
const COLUMNS: usize = 40;

#[derive(Debug)]
pub(super) struct Drawing<'a> {
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) boxes: Vec<Shape<'a>>,
    pub(super) curves: Vec<Curve<'a>>,
}

#[derive(Debug)]
pub(super) struct Shape<'a> {
    pub(super) node: &'a Node,
    pub(super) label: Cow<'a, str>,
    pub(super) number: usize,
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) is_asked: bool,
    pub(super) ports: Vec<Port<'a>>,
    /// Columns that are not drawn.
    pub(super) more: usize,
}

#[derive(Debug)]
pub(super) struct Port<'a> {
    pub(super) number: usize,
    pub(super) name: &'a str,
    pub(super) data_type: Option<&'a str>,
    pub(super) is_volatile: bool,
    pub(super) is_asked: bool,
    /// Below the top of its box.
    pub(super) top: i64,
}

#[derive(Debug)]
pub(super) struct Curve<'a> {
    pub(super) path: String,
    pub(super) link: &'a Link,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) title: String,
}

/// Tests are many and have no columns: they are listed, not drawn.
fn is_drawn(node: &Node) -> bool {
    !matches!(node.kind.as_str(), "test" | "unit test")
}

pub(super) fn draw(lineage: &Lineage) -> Drawing<'_> {
    let nodes: Vec<&Node> = lineage.nodes.iter().filter(|node| is_drawn(node)).collect();
    let at: BTreeMap<&str, usize> =
        nodes.iter().enumerate().map(|(at, node)| (node.id.as_str(), at)).collect();
    let mut pairs = BTreeSet::new();
    for link in &lineage.links {
        if let (Some(from), Some(to)) = (at.get(&*link.from.node), at.get(&*link.to.node))
            && from != to
        {
            pairs.insert((*from, *to));
        }
    }
    let layers = ordered(layers(nodes.len(), &pairs), &pairs);
    let labels = labels(lineage);
    let mut boxes: Vec<Shape<'_>> = nodes
        .iter()
        .enumerate()
        .map(|(number, node)| {
            let label = labels.get(node.id.as_str()).cloned();
            shape(node, label.unwrap_or(Cow::Borrowed(&node.id)), number, lineage)
        })
        .collect();
    let (width, height) = place(&mut boxes, &layers, &pairs);
    let curves =
        lineage.links.iter().filter_map(|link| curve(link, &boxes, &at, &labels)).collect();
    Drawing { width, height, boxes, curves }
}

fn shape<'a>(
    node: &'a Node,
    label: Cow<'a, str>,
    number: usize,
    lineage: &'a Lineage,
) -> Shape<'a> {
    let is_asked = node.id == lineage.of.node;
    let on_the_way: Vec<_> = node.columns.iter().filter(|column| column.on_the_way).collect();
    let more = on_the_way.len().saturating_sub(COLUMNS);
    let ports: Vec<Port<'_>> = on_the_way
        .into_iter()
        .take(COLUMNS)
        .enumerate()
        .map(|(number, column)| Port {
            number,
            name: &column.name,
            data_type: column.data_type.as_deref(),
            is_volatile: column.volatile,
            is_asked: is_asked && lineage.of.column.as_ref() == Some(&column.name),
            top: HEADER + ROW * count(number),
        })
        .collect();
    let typed = |port: &Port<'_>| {
        let data_type = port.data_type.map_or(0, |name| name.chars().count().min(14) + 2);
        port.name.chars().count() + data_type
    };
    let longest = ports.iter().map(typed).max().unwrap_or_default();
    // The kind stands beside the name anyway.
    let plain = format!("{} {}", node.kind, node.name) == label;
    let label = if plain { Cow::Borrowed(node.name.as_str()) } else { label };
    let title = label.chars().count() * 8 + node.kind.chars().count() * LETTER_OF_KIND + 34;
    let width = (count(longest) * LETTER + 28).max(count(title)).clamp(WIDTH.0, WIDTH.1);
    let rows = count(ports.len() + usize::from(more > 0));
    let height = HEADER + ROW * rows + if rows > 0 { 6 } else { 0 };
    Shape { node, label, number, x: 0, y: 0, width, height, is_asked, ports, more }
}

/// Each node one layer after its last parent; one without parents just before its first child.
fn layers(len: usize, pairs: &BTreeSet<(usize, usize)>) -> Vec<usize> {
    let mut layer = vec![0_usize; len];
    // Nodes come parents first, so that one round is enough; a second one sees that it was.
    for _ in 0..2 {
        for (from, to) in pairs {
            let next = layer.get(*from).copied().unwrap_or_default() + 1;
            if let Some(layer) = layer.get_mut(*to).filter(|layer| **layer < next.min(len)) {
                *layer = next;
            }
        }
    }
    for at in (0..len).rev() {
        let has_parent = pairs.iter().any(|(_, to)| *to == at);
        let children = pairs.iter().filter(|(from, _)| *from == at);
        let first = children.filter_map(|(_, to)| layer.get(*to).copied()).min();
        if let (false, Some(first), Some(layer)) = (has_parent, first, layer.get_mut(at)) {
            *layer = first.saturating_sub(1);
        }
    }
    layer
}

/// The nodes of each layer, those near each other that have the same neighbours.
fn ordered(layer: Vec<usize>, pairs: &BTreeSet<(usize, usize)>) -> Vec<Vec<usize>> {
    let count_of = layer.iter().max().map_or(0, |last| last + 1);
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); count_of];
    for (at, layer) in layer.iter().enumerate() {
        if let Some(nodes) = layers.get_mut(*layer) {
            nodes.push(at);
        }
    }
    let mut neighbours: Vec<Vec<usize>> = vec![Vec::new(); layer.len()];
    for (from, to) in pairs {
        for (one, other) in [(from, to), (to, from)] {
            if let Some(list) = neighbours.get_mut(*one) {
                list.push(*other);
            }
        }
    }
    for _ in 0..4 {
        let mut rank = vec![0_i64; layer.len()];
        for nodes in &layers {
            let total = count(nodes.len().max(1));
            for (at, node) in nodes.iter().enumerate() {
                if let Some(rank) = rank.get_mut(*node) {
                    *rank = count(at) * 10_000 / total;
                }
            }
        }
        let middle = |node: &usize| {
            let ranks = neighbours.get(*node).into_iter().flatten();
            let ranks: Vec<i64> = ranks.filter_map(|other| rank.get(*other).copied()).collect();
            let own = rank.get(*node).copied().unwrap_or_default();
            if ranks.is_empty() { own } else { ranks.iter().sum::<i64>() / count(ranks.len()) }
        };
        for nodes in &mut layers {
            nodes.sort_by_key(|node| (middle(node), *node));
        }
    }
    layers
}

/// Gives each box its place: as high as the boxes that it is linked with, none over another.
fn place(
    boxes: &mut [Shape<'_>],
    layers: &[Vec<usize>],
    pairs: &BTreeSet<(usize, usize)>,
) -> (i64, i64) {
    let mut x = MARGIN;
    for nodes in layers {
        let mut widest = 0;
        for node in nodes {
            if let Some(shape) = boxes.get_mut(*node) {
                shape.x = x;
                widest = widest.max(shape.width);
            }
        }
        x += widest + GAP.0;
    }
    for backwards in [false, true, false] {
        let count_of = layers.len();
        for step in 0..count_of {
            let at = if backwards { count_of - 1 - step } else { step };
            let nodes = layers.get(at).map(Vec::as_slice).unwrap_or_default();
            let wanted: Vec<i64> =
                nodes.iter().map(|node| wanted(boxes, *node, pairs, backwards)).collect();
            let mut bottom = i64::MIN / 2;
            for (node, wanted) in nodes.iter().zip(wanted) {
                if let Some(shape) = boxes.get_mut(*node) {
                    shape.y = wanted.max(bottom);
                    bottom = shape.y + shape.height + GAP.1;
                }
            }
        }
    }
    let top = boxes.iter().map(|shape| shape.y).min().unwrap_or_default();
    for shape in &mut *boxes {
        shape.y += MARGIN - top;
    }
    let bottom = boxes.iter().map(|shape| shape.y + shape.height).max().unwrap_or_default();
    let right = boxes.iter().map(|shape| shape.x + shape.width).max().unwrap_or_default();
    (right + MARGIN, bottom + MARGIN)
}

/// The height at which a box is level with the middle of its parents, or of its children.
fn wanted(
    boxes: &[Shape<'_>],
    node: usize,
    pairs: &BTreeSet<(usize, usize)>,
    by_children: bool,
) -> i64 {
    let Some(own) = boxes.get(node) else { return 0 };
    let others: Vec<i64> = pairs
        .iter()
        .filter_map(|(from, to)| match by_children {
            true if *from == node => boxes.get(*to),
            false if *to == node => boxes.get(*from),
            _ => None,
        })
        .map(|other| other.y + other.height / 2)
        .collect();
    if others.is_empty() {
        return own.y;
    }
    others.iter().sum::<i64>() / count(others.len()) - own.height / 2
}

fn curve<'a>(
    link: &'a Link,
    boxes: &[Shape<'a>],
    at: &BTreeMap<&str, usize>,
    labels: &BTreeMap<&str, Cow<'_, str>>,
) -> Option<Curve<'a>> {
    let from = boxes.get(*at.get(&*link.from.node)?)?;
    let to = boxes.get(*at.get(&*link.to.node)?)?;
    let (x1, y1) = (from.x + from.width, from.y + port_of(from, &link.from));
    let (x2, y2) = (to.x, to.y + port_of(to, &link.to));
    let bend = ((x2 - x1) / 2).clamp(50, 160);
    let label = |end: &End| {
        let node = labels.get(end.node.as_str()).map_or("", |label| label);
        end.column.as_ref().map_or_else(|| node.to_owned(), |column| format!("{node}.{column}"))
    };
    let likely = if link.confidence == "certain" { "" } else { ", likely" };
    Some(Curve {
        path: format!("M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}", x1 + bend, x2 - bend),
        from: key(from, &link.from),
        to: key(to, &link.to),
        title: format!("{} → {} ({}{likely})", label(&link.from), label(&link.to), link.kind),
        link,
    })
}

fn port_of(shape: &Shape<'_>, end: &End) -> i64 {
    let port = shape.ports.iter().find(|port| Some(port.name) == end.column.as_deref());
    port.map_or(HEADER / 2, |port| port.top + ROW / 2)
}

/// What the script knows an end of a curve by.
fn key(shape: &Shape<'_>, end: &End) -> String {
    let port = shape.ports.iter().find(|port| Some(port.name) == end.column.as_deref());
    port.map_or_else(
        || shape.number.to_string(),
        |port| format!("{}.{}", shape.number, port.number),
    )
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX / 1_000_000)
}
