//! An answer as one self-contained page: a picture to move about in, and the same as text.

use askama::Template;

use super::layout::{Drawing, draw};
use super::text::text;
use super::wire::{Lineage, Node};
use crate::FlowError;

#[derive(Template)]
#[template(path = "lineage.html")]
struct Page<'a> {
    lineage: &'a Lineage,
    title: String,
    drawing: Drawing<'a>,
    text: String,
}

/// Renders the page. The template escapes everything that is not its own.
pub(super) fn html(lineage: &Lineage) -> Result<String, FlowError> {
    let node = lineage.nodes.iter().find(|node| node.id == lineage.of.node);
    let name = node.map_or(lineage.of.node.as_str(), |node| node.name.as_str());
    let title = match &lineage.of.column {
        Some(column) => format!("{name}.{column}"),
        None => name.to_owned(),
    };
    let page = Page { lineage, title, drawing: draw(lineage), text: text(lineage, true) };
    page.render().map_err(|error| FlowError::Render { message: error.to_string() })
}

/// The kinds of links of the legend, as far as the picture has them.
const KINDS: [(&str, &str); 10] = [
    ("value", "the value goes into the column"),
    ("filter", "decides rows: filter"),
    ("join", "decides rows: join"),
    ("group", "decides rows: grouping"),
    ("window", "partition or order of a window"),
    ("order", "order"),
    ("reads", "read by"),
    ("tests", "tested by"),
    ("rows", "its rows depend on it"),
    ("unknown", "not understood: may read anything"),
];

impl Page<'_> {
    fn legend(&self) -> Vec<(&'static str, &'static str)> {
        let there = |kind: &str| self.drawing.curves.iter().any(|curve| curve.link.kind == kind);
        KINDS.into_iter().filter(|(kind, _)| there(kind)).collect()
    }

    /// In the class of a box: what it is, in one word.
    #[expect(clippy::unused_self, reason = "a template reaches only methods of its page")]
    fn class(&self, node: &Node) -> String {
        let kind = node.kind.replace(' ', "-");
        if node.understood == "unread" { format!("{kind} unread") } else { kind }
    }

    fn of(&self, kind: &str) -> usize {
        self.lineage.nodes.iter().filter(|node| node.kind == kind).count()
    }

    fn counts(&self) -> String {
        let kinds = [
            "source",
            "seed",
            "snapshot",
            "model",
            "semantic model",
            "metric",
            "saved query",
            "exposure",
            "test",
            "unit test",
        ];
        let counted = kinds.into_iter().map(|kind| (kind, self.of(kind)));
        let shown =
            counted.filter(|(_, count)| *count > 0).map(|(kind, count)| match (count, kind) {
                (1, kind) => format!("1 {kind}"),
                (count, "saved query") => format!("{count} saved queries"),
                (count, kind) => format!("{count} {kind}s"),
            });
        shown.collect::<Vec<_>>().join(" · ")
    }
}
