//! Merkle trees of RFC 6962, section 2.1: a frontier that grows in O(log n) memory, and a whole tree that
//! makes proofs.

use belay_model::Digest;

/// The root of a tree without leaves.
pub fn root_of_nothing() -> Digest {
    Digest::of("")
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
pub(crate) fn node(left: Digest, right: Digest) -> Digest {
    let mut bytes = [1_u8; 65];
    bytes[1..33].copy_from_slice(left.as_bytes());
    bytes[33..].copy_from_slice(right.as_bytes());
    Digest::of(bytes)
}

/// The roots of the complete subtrees that a tree of `size` leaves consists of, the largest first: all
/// that is needed to add leaves and to tell the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

impl Frontier {
    /// `None` where a tree of this size has another number of subtrees.
    pub fn new(size: u64, peaks: Vec<Digest>) -> Option<Self> {
        (usize::try_from(size.count_ones()).ok()? == peaks.len()).then_some(Self { size, peaks })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn peaks(&self) -> &[Digest] {
        &self.peaks
    }

    /// Adds the leaf with this hash.
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        // Each trailing one of the size is a complete subtree that the new one completes a larger one with.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node(left, hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    pub fn root(&self) -> Digest {
        let joined = self.peaks.iter().copied().rev().reduce(|right, left| node(left, right));
        joined.unwrap_or_else(root_of_nothing)
    }
}

/// All complete subtrees: twice the memory of the leaf hashes, and every proof in O(log² n).
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// By height: the roots of the complete subtrees of `2^height` leaves.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    pub fn size(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// Adds the leaf with this hash.
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        for height in 0.. {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let level = &mut self.levels[height];
            level.push(hash);
            let [.., left, right] = level[..] else { return };
            if level.len() % 2 == 1 {
                return;
            }
            hash = node(left, right);
        }
    }

    /// The root of the first `size` leaves; `None` where there are fewer.
    pub fn root(&self, size: usize) -> Option<Digest> {
        (size <= self.size()).then(|| self.range(0, size))
    }

    /// Which hashes, from the leaf upwards, lead from the leaf at `position` to the root of the first
    /// `size` leaves.
    pub fn inclusion(&self, position: usize, size: usize) -> Option<Vec<Digest>> {
        if position >= size || size > self.size() {
            return None;
        }
        let (mut start, mut end, mut path) = (0, size, Vec::new());
        while end - start > 1 {
            let middle = start + split(end - start);
            if position < middle {
                path.push(self.range(middle, end));
                end = middle;
            } else {
                path.push(self.range(start, middle));
                start = middle;
            }
        }
        path.reverse();
        Some(path)
    }

    /// Which hashes show that the tree of the first `old` leaves is the beginning of that of the first
    /// `new`.
    pub fn consistency(&self, old: usize, new: usize) -> Option<Vec<Digest>> {
        if old == 0 || old > new || new > self.size() {
            return None;
        }
        let (mut start, mut end, mut path) = (0, new, Vec::new());
        while end != old {
            let middle = start + split(end - start);
            if old <= middle {
                path.push(self.range(middle, end));
                end = middle;
            } else {
                path.push(self.range(start, middle));
                start = middle;
            }
        }
        // The old root itself is known to whoever asks.
        if start != 0 {
            path.push(self.range(start, end));
        }
        path.reverse();
        Some(path)
    }

    fn range(&self, start: usize, end: usize) -> Digest {
        let count = end - start;
        if count == 0 {
            return root_of_nothing();
        }
        if count.is_power_of_two() && start.is_multiple_of(count) {
            return self.levels[count.ilog2() as usize][start / count];
        }
        let middle = start + split(count);
        node(self.range(start, middle), self.range(middle, end))
    }
}

/// The largest power of two smaller than `count`, which is at least 2.
fn split(count: usize) -> usize {
    1 << (count - 1).ilog2()
}
