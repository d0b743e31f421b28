//! Spans as a tree: children below their parent, in the order in which they began.

use std::collections::{BTreeMap, BTreeSet};

use belay_otlp::wire::{ResourceSpans, Span, hex, plain};
use serde_json::Value;

/// One span in the tree.
#[derive(Debug, Clone)]
pub struct Node {
    /// 0 for a root.
    pub depth: usize,
    /// No span with the same parent comes after it.
    pub last: bool,
    pub trace: String,
    pub span: String,
    pub parent: Option<String>,
    pub service: Option<String>,
    pub name: String,
    pub started: u64,
    pub ended: u64,
    /// `unset`, `ok` or `error`.
    pub status: &'static str,
    pub message: String,
    pub attributes: Value,
    /// Time, name and attributes.
    pub events: Vec<(u64, String, Value)>,
}

/// The tree from its root down. A span whose parent is not there is a root; so is the first span of a
/// circle.
pub fn tree(groups: &[ResourceSpans]) -> Vec<Node> {
    let mut spans: Vec<(&Span, Option<&str>)> = groups
        .iter()
        .flat_map(|group| group.spans().map(|span| (span, group.of_resource("service.name"))))
        .collect();
    spans.sort_by_key(|(span, _)| (span.start_time_unix_nano, &span.span_id));
    let there: BTreeSet<&[u8]> = spans.iter().map(|(span, _)| span.span_id.as_slice()).collect();
    let mut children: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    let mut roots = Vec::new();
    for (at, (span, _)) in spans.iter().enumerate() {
        let parent = span.parent_span_id.as_slice();
        if there.contains(parent) {
            children.entry(parent).or_default().push(at);
        } else {
            roots.push(at);
        }
    }
    let mut nodes = Vec::with_capacity(spans.len());
    let mut seen = vec![false; spans.len()];
    // Whatever the roots do not reach goes in a circle: it comes last, from its first span on.
    for root in roots.into_iter().chain(0..spans.len()) {
        let mut open = vec![(root, 0, true)];
        while let Some((at, depth, last)) = open.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let (span, service) = spans[at];
            nodes.push(node(span, service, depth, last));
            let below =
                children.get(span.span_id.as_slice()).map(Vec::as_slice).unwrap_or_default();
            let count = below.len();
            let below = below.iter().enumerate().rev();
            open.extend(below.map(|(nth, child)| (*child, depth + 1, nth + 1 == count)));
        }
    }
    nodes
}

fn node(span: &Span, service: Option<&str>, depth: usize, last: bool) -> Node {
    let status = span.status.as_ref();
    let parent = Some(&span.parent_span_id).filter(|id| !id.is_empty());
    Node {
        depth,
        last,
        trace: hex(&span.trace_id),
        span: hex(&span.span_id),
        parent: parent.map(|id| hex(id)),
        service: service.map(str::to_owned),
        name: span.name.clone(),
        started: span.start_time_unix_nano,
        ended: span.end_time_unix_nano,
        status: match status.map(|status| status.code) {
            Some(1) => "ok",
            Some(2) => "error",
            _ => "unset",
        },
        message: status.map(|status| status.message.clone()).unwrap_or_default(),
        attributes: plain(&span.attributes),
        events: span
            .events
            .iter()
            .map(|event| (event.time_unix_nano, event.name.clone(), plain(&event.attributes)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use belay_otlp::wire::ScopeSpans;

    fn names(spans: &[(u8, u8, u64)]) -> String {
        let span = |(id, parent, began): &(u8, u8, u64)| Span {
            span_id: vec![*id],
            parent_span_id: if *parent == 0 { Vec::new() } else { vec![*parent] },
            name: id.to_string(),
            start_time_unix_nano: *began,
            ..Span::default()
        };
        let spans = spans.iter().map(span).collect();
        let group = ResourceSpans {
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        };
        let line = |node: &Node| format!("{}{}", ">".repeat(node.depth), node.name);
        tree(&[group]).iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn children_stand_below_their_parent_in_the_order_of_their_beginning() {
        assert_eq!(names(&[(3, 1, 9), (2, 1, 5), (1, 0, 1), (4, 2, 6)]), "1 >2 >>4 >3");
    }

    #[test]
    fn orphans_are_roots_and_circles_end() {
        assert_eq!(names(&[(1, 9, 1), (2, 3, 2), (3, 2, 3), (4, 4, 4)]), "1 2 >3 4");
    }
}
