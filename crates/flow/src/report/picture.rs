//! The lineage of a change as a picture: what was edited, what it moved, who reads that.

use std::collections::{BTreeMap, BTreeSet};

use super::short;
use super::wire::{Impact, Severity};

/// A node of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    pub id: String,
    pub name: String,
    pub state: State,
    pub is_edited: bool,
    /// From the left.
    pub layer: usize,
    /// From the top of its layer.
    pub place: usize,
}

/// What is known of a node, by which it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Its data differ, or something speaks against it: high or critical.
    Grave,
    /// Its data differ, or something speaks against it.
    Moved,
    /// Nobody compared it.
    Open,
    Exposure,
    /// Proved to be the same.
    Still,
    /// Proved not to see the change.
    Spared,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Grave => "grave",
            Self::Moved => "moved",
            Self::Open => "open",
            Self::Exposure => "exposure",
            Self::Still => "still",
            Self::Spared => "spared",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Picture {
    pub boxes: Vec<Shape>,
    /// From and to, as places in `boxes`.
    pub arrows: Vec<(usize, usize)>,
    /// Nodes for which there was no room.
    pub left_out: usize,
}

/// Draws the most important nodes, at most `most` of them.
pub(super) fn draw(report: &Impact, most: usize) -> Picture {
    let states = states(report);
    let edited: BTreeSet<&str> =
        report.edits.iter().flat_map(|edit| &edit.nodes).map(String::as_str).collect();
    let mut order: Vec<(&str, State)> = states.into_iter().collect();
    order.sort_by_key(|(id, state)| (!edited.contains(id), *state, *id));
    let left_out = order.len().saturating_sub(most);
    order.truncate(most);
    let shown: BTreeSet<&str> = order.iter().map(|(id, _)| *id).collect();
    let arrows: Vec<(&str, &str)> = report
        .lineage
        .iter()
        .map(|arrow| (arrow.from.as_str(), arrow.to.as_str()))
        .filter(|(from, to)| shown.contains(from) && shown.contains(to) && from != to)
        .collect();
    let layers = layers(&shown, &arrows);
    let mut boxes: Vec<Shape> = order
        .iter()
        .map(|(id, state)| Shape {
            id: (*id).to_owned(),
            name: short(id).to_owned(),
            state: *state,
            is_edited: edited.contains(id),
            layer: layers.get(id).copied().unwrap_or_default(),
            place: 0,
        })
        .collect();
    arrange(&mut boxes, &arrows);
    let at: BTreeMap<&str, usize> =
        boxes.iter().enumerate().map(|(at, one)| (one.id.as_str(), at)).collect();
    let arrows = arrows.iter().filter_map(|(from, to)| Some((*at.get(from)?, *at.get(to)?)));
    Picture { arrows: arrows.collect(), left_out, boxes }
}

fn states(report: &Impact) -> BTreeMap<&str, State> {
    let mut states: BTreeMap<&str, State> = BTreeMap::new();
    let all = report.lineage.iter().flat_map(|arrow| [arrow.from.as_str(), arrow.to.as_str()]);
    let changed = report.edits.iter().flat_map(|edit| &edit.nodes).map(String::as_str);
    for id in all.chain(changed) {
        if id.starts_with("test.") || id.starts_with("unit_test.") {
            continue;
        }
        let exposure = id.starts_with("exposure.");
        states.insert(id, if exposure { State::Exposure } else { State::Open });
    }
    for one in &report.spared {
        states.insert(&one.node, State::Spared);
    }
    for one in &report.harmless {
        states.insert(&one.node, State::Still);
    }
    let said = report.findings.iter().filter(|one| one.severity >= Severity::Medium);
    let said = said.flat_map(|one| {
        let own = one.node.as_deref().map(|node| (node, one.severity));
        own.into_iter().chain(one.places.iter().map(|place| (place.node.as_str(), place.severity)))
    });
    for (node, severity) in said {
        if let Some(state) = states.get_mut(node) {
            let grave = if severity >= Severity::High { State::Grave } else { State::Moved };
            *state = (*state).min(grave);
        }
    }
    states
}

/// The longest way to each node from where nothing shown is above it.
fn layers<'a>(
    shown: &BTreeSet<&'a str>,
    arrows: &[(&'a str, &'a str)],
) -> BTreeMap<&'a str, usize> {
    let mut layers: BTreeMap<&str, usize> = shown.iter().map(|id| (*id, 0)).collect();
    // As often as there are nodes at most: dbt's graph has no cycle, and a false one must end too.
    for _ in 0..shown.len() {
        let mut settled = true;
        for (from, to) in arrows {
            let least = layers.get(from).copied().unwrap_or_default() + 1;
            if let Some(layer) = layers.get_mut(to).filter(|layer| **layer < least && least < 40) {
                *layer = least;
                settled = false;
            }
        }
        if settled {
            break;
        }
    }
    layers
}

/// Puts each node near what it reads, to keep arrows short.
fn arrange(boxes: &mut [Shape], arrows: &[(&str, &str)]) {
    let deepest = boxes.iter().map(|one| one.layer).max().unwrap_or_default();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for layer in 0..=deepest {
        let mut members: Vec<(usize, usize)> = boxes
            .iter()
            .enumerate()
            .filter(|(_, one)| one.layer == layer)
            .map(|(at, one)| {
                let above = arrows.iter().filter(|(_, to)| *to == one.id);
                let above: Vec<usize> =
                    above.filter_map(|(from, _)| places.get(*from).copied()).collect();
                let middle = if above.is_empty() {
                    at * 100
                } else {
                    above.iter().sum::<usize>() * 100 / above.len()
                };
                (middle, at)
            })
            .collect();
        members.sort_unstable();
        for (place, (_, at)) in members.into_iter().enumerate() {
            if let Some(one) = boxes.get_mut(at) {
                one.place = place;
                places.insert(one.id.clone(), place);
            }
        }
    }
}

/// The picture for Markdown: a Mermaid flow chart.
pub(super) fn mermaid(picture: &Picture) -> String {
    let safe = |name: &str| {
        let kept = name.chars().map(|letter| {
            if letter.is_alphanumeric() || "_-.".contains(letter) { letter } else { ' ' }
        });
        kept.take(60).collect::<String>()
    };
    let mut out = "```mermaid\nflowchart LR\n".to_owned();
    for (at, one) in picture.boxes.iter().enumerate() {
        let (open, close) = if one.state == State::Exposure { ("([", "])") } else { ("[", "]") };
        let mark = if one.is_edited { "✎ " } else { "" };
        out.push_str(&format!(
            "  n{at}{open}\"{mark}{}\"{close}:::{}\n",
            safe(&one.name),
            one.state.as_str()
        ));
    }
    for (from, to) in &picture.arrows {
        out.push_str(&format!("  n{from} --> n{to}\n"));
    }
    out.push_str(
        "  classDef grave fill:#fbd5d1,stroke:#b42318,color:#1c2024\n  \
           classDef moved fill:#fdeebf,stroke:#946200,color:#1c2024\n  \
           classDef still fill:#d9f2e5,stroke:#067647,color:#1c2024\n  \
           classDef spared fill:#eef1f4,stroke:#9aa1a9,color:#60666d\n  \
           classDef open fill:#ffffff,stroke:#9aa1a9,color:#1c2024\n  \
           classDef exposure fill:#dbe8fd,stroke:#175cd3,color:#1c2024\n```\n",
    );
    out
}

const WIDTH: usize = 186;
const HEIGHT: usize = 32;
const GAP_X: usize = 40;
const GAP_Y: usize = 14;
const MARGIN: usize = 12;

/// A box as the page draws it.
pub(super) struct Drawn<'a> {
    pub x: usize,
    pub y: usize,
    pub name: String,
    pub full: &'a str,
    pub class: &'static str,
    pub is_edited: bool,
}

impl Picture {
    pub(super) fn width(&self) -> usize {
        let layers = self.boxes.iter().map(|one| one.layer).max().unwrap_or_default() + 1;
        layers * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    }

    fn tallest(&self) -> usize {
        self.boxes.iter().map(|one| one.place).max().unwrap_or_default() + 1
    }

    pub(super) fn height(&self) -> usize {
        self.tallest() * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    }

    fn at(&self, one: &Shape) -> (usize, usize) {
        // Short layers stand in the middle.
        let of_layer = self.boxes.iter().filter(|other| other.layer == one.layer).count();
        let shift = (self.tallest() - of_layer) * (HEIGHT + GAP_Y) / 2;
        (MARGIN + one.layer * (WIDTH + GAP_X), MARGIN + shift + one.place * (HEIGHT + GAP_Y))
    }

    pub(super) fn drawn(&self) -> Vec<Drawn<'_>> {
        const LETTERS: usize = 23;
        let drawn = self.boxes.iter().map(|one| {
            let (x, y) = self.at(one);
            let mut name: String = one.name.chars().take(LETTERS).collect();
            if one.name.chars().count() > LETTERS {
                name.pop();
                name.push('…');
            }
            Drawn { x, y, name, full: &one.id, class: one.state.as_str(), is_edited: one.is_edited }
        });
        drawn.collect()
    }

    /// The arrows as paths of SVG.
    pub(super) fn paths(&self) -> Vec<String> {
        let ends = self.arrows.iter().filter_map(|(from, to)| {
            Some((self.at(self.boxes.get(*from)?), self.at(self.boxes.get(*to)?)))
        });
        ends.map(|((x1, y1), (x2, y2))| {
            let (x1, y1, y2) = (x1 + WIDTH, y1 + HEIGHT / 2, y2 + HEIGHT / 2);
            let middle = GAP_X / 2 + x1;
            let late = x2.saturating_sub(GAP_X / 2).max(middle);
            format!("M{x1} {y1} C{middle} {y1} {middle} {y2} {late} {y2} L{x2} {y2}")
        })
        .collect()
    }
}
