//! Which nodes a change reaches downstream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::id::NodeId;
use crate::manifest::{Manifest, order};

/// The changed nodes through which a node is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Via {
    roots: Arc<[NodeId]>,
    bits: Box<[u64]>,
}

impl Via {
    /// Sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = &NodeId> {
        let is_set =
            |at: usize| self.bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1);
        self.roots.iter().enumerate().filter(move |(at, _)| is_set(*at)).map(|(_, root)| root)
    }

    pub fn len(&self) -> usize {
        self.bits.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn contains(&self, id: &NodeId) -> bool {
        let at = self.roots.binary_search(id).ok();
        at.is_some_and(|at| self.bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1))
    }
}

impl std::fmt::Debug for Via {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The nodes of head below `roots`. Where a root was removed, base says who read it.
pub(super) fn affected(
    base: &Manifest,
    head: &Manifest,
    roots: &BTreeSet<NodeId>,
) -> BTreeMap<NodeId, Via> {
    let union = Union::of(base, head, roots);
    let sets = union.spread(roots);
    let roots: Arc<[NodeId]> = roots.iter().cloned().collect();
    let reached = head.nodes().zip(sets).filter(|(_, bits)| bits.iter().any(|word| *word != 0));
    reached.map(|(node, bits)| (node.id.clone(), Via { roots: Arc::clone(&roots), bits })).collect()
}

/// Head's nodes at their positions there, then the removed roots.
struct Union {
    children: Vec<Vec<u32>>,
    /// The position of each root, in the roots' order.
    roots: Vec<usize>,
}

impl Union {
    fn of(base: &Manifest, head: &Manifest, roots: &BTreeSet<NodeId>) -> Self {
        let mut children: Vec<_> =
            (0..head.len()).map(|at| head.graph().children(at).to_vec()).collect();
        let gone: Vec<_> = roots.iter().filter(|id| head.position(id).is_none()).collect();
        let find = |id: &NodeId| {
            let among_gone = || gone.binary_search(&id).ok().map(|at| head.len() + at);
            head.position(id).or_else(among_gone)
        };
        for id in &gone {
            let readers = base.children(id).filter_map(|reader| find(&reader.id));
            children.push(readers.filter_map(|at| u32::try_from(at).ok()).collect());
        }
        let roots = roots.iter().filter_map(find).collect();
        Self { children, roots }
    }

    /// For each node, the set of roots above it, as bits in the roots' order.
    fn spread(&self, roots: &BTreeSet<NodeId>) -> Vec<Box<[u64]>> {
        let len = self.children.len();
        let words = roots.len().div_ceil(64);
        let mut above = vec![vec![0_u64; words].into_boxed_slice(); len];
        let mut root_at = vec![None; len];
        for (bit, at) in self.roots.iter().enumerate() {
            root_at[*at] = Some(bit);
        }
        let order = order(len, |at| &self.children[at]);
        while self.pass(&order, &root_at, &mut above) {}
        above
    }

    /// One pass in order is enough, and a second finds nothing, unless the graph has a cycle.
    fn pass(&self, order: &[usize], root_at: &[Option<usize>], above: &mut [Box<[u64]>]) -> bool {
        let mut has_grown = false;
        for at in order {
            let mut passed_on = above[*at].clone();
            if let Some(bit) = root_at[*at] {
                passed_on[bit / 64] |= 1 << (bit % 64);
            }
            if passed_on.iter().all(|word| *word == 0) {
                continue;
            }
            for child in &self.children[*at] {
                for (word, more) in above[*child as usize].iter_mut().zip(&passed_on) {
                    has_grown |= *word | more != *word;
                    *word |= more;
                }
            }
        }
        has_grown
    }
}
