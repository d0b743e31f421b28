use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::manifest::Node;

/// Who reads whom, by position among the manifest's nodes.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    parents: Vec<Vec<u32>>,
    children: Vec<Vec<u32>>,
}

impl Graph {
    /// `nodes` are sorted by id.
    pub(super) fn new(nodes: &[Node]) -> Self {
        let mut graph = Self::empty(nodes.len());
        for (child, node) in nodes.iter().enumerate() {
            for parent in &node.parents {
                if let Ok(parent) = nodes.binary_search_by(|other| other.id.cmp(parent)) {
                    graph.link(parent, child);
                }
            }
        }
        graph.tidy();
        graph
    }

    pub(crate) fn parents(&self, at: usize) -> &[u32] {
        self.parents.get(at).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn children(&self, at: usize) -> &[u32] {
        self.children.get(at).map(Vec::as_slice).unwrap_or_default()
    }

    fn empty(len: usize) -> Self {
        Self { parents: vec![Vec::new(); len], children: vec![Vec::new(); len] }
    }

    fn link(&mut self, parent: usize, child: usize) {
        let (Ok(parent_u32), Ok(child_u32)) = (u32::try_from(parent), u32::try_from(child)) else {
            return;
        };
        if let Some(parents) = self.parents.get_mut(child) {
            parents.push(parent_u32);
        }
        if let Some(children) = self.children.get_mut(parent) {
            children.push(child_u32);
        }
    }

    fn tidy(&mut self) {
        for list in self.parents.iter_mut().chain(&mut self.children) {
            list.sort_unstable();
            list.dedup();
        }
    }
}

/// Parents first; among equals the smaller position first. Members of a cycle, which only a
/// damaged manifest has, come last.
pub(crate) fn order<'a>(len: usize, children: impl Fn(usize) -> &'a [u32]) -> Vec<usize> {
    let mut waiting = vec![0_u32; len];
    for child in (0..len).flat_map(&children) {
        waiting[*child as usize] += 1;
    }
    let mut ready: BinaryHeap<_> = (0..len).filter(|at| waiting[*at] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(len);
    while let Some(Reverse(at)) = ready.pop() {
        order.push(at);
        for child in children(at) {
            let child = *child as usize;
            waiting[child] -= 1;
            if waiting[child] == 0 {
                ready.push(Reverse(child));
            }
        }
    }
    order.extend((0..len).filter(|at| waiting[*at] > 0));
    order
}
