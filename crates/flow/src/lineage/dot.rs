//! An answer as a graph for Graphviz: a node with a port for each column on the way.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::text::labels;
use super::wire::{Lineage, Node};

pub(super) fn dot(lineage: &Lineage) -> String {
    let labels = labels(lineage);
    let mut out = String::from(
        "digraph lineage {\n  rankdir=LR;\n  node [shape=plain fontname=\"Helvetica\" fontsize=11];\n  edge [color=\"#60666d\" fontname=\"Helvetica\" fontsize=9];\n",
    );
    for node in &lineage.nodes {
        let label = labels.get(node.id.as_str()).map_or(&*node.id, |label| label);
        let id = quoted(&node.id);
        let _infallible = writeln!(out, "  {id} [label=<{}>];", table(node, label, lineage));
    }
    for link in &lineage.links {
        let port = |column: &Option<String>| column.as_deref().unwrap_or(ROWS).to_owned();
        let style = match (link.kind.as_str(), link.confidence.as_str()) {
            ("value", "certain") => "",
            ("value", _) => " [style=dashed]",
            (kind, "certain") => &format!(" [label={} style=dotted]", quoted(kind)),
            (kind, _) => &format!(" [label={} style=\"dotted\" color=\"#b8860b\"]", quoted(kind)),
        };
        let from = format!("{}:{}:e", quoted(&link.from.node), quoted(&port(&link.from.column)));
        let to = format!("{}:{}:w", quoted(&link.to.node), quoted(&port(&link.to.column)));
        let _infallible = writeln!(out, "  {from} -> {to}{style};");
    }
    out.push_str("}\n");
    out
}

/// The port of a node's title: its rows.
const ROWS: &str = " rows";

fn table(node: &Node, label: &str, lineage: &Lineage) -> String {
    let is_asked = node.id == lineage.of.node;
    let colour = if is_asked { "#dbe9ff" } else { "#f1f3f5" };
    let mut rows = format!(
        "<tr><td port=\"{ROWS}\" bgcolor=\"{colour}\"><b>{}</b> <font color=\"#60666d\">{}</font></td></tr>",
        escaped(label),
        escaped(&node.kind)
    );
    let mut ports = BTreeSet::new();
    for column in node.columns.iter().filter(|column| column.on_the_way) {
        if ports.insert(&column.name) {
            let name = escaped(&column.name);
            rows.push_str(&format!("<tr><td port=\"{name}\" align=\"left\">{name}</td></tr>"));
        }
    }
    format!(
        "<table border=\"0\" cellborder=\"1\" cellspacing=\"0\" cellpadding=\"4\" color=\"#c4c9cf\">{rows}</table>"
    )
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " "))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
