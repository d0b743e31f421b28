//! Checking proofs: RFC 9162, sections 2.1.3.2 and 2.1.4.2. And the document in which one is handed over.

use belay_model::Digest;
use serde::{Deserialize, Serialize};

use crate::tree::node;
use crate::{Checkpoint, VerifierKey, origin};

/// Whether the leaf with hash `leaf` stands at `position` in the tree of `size` leaves with this root.
pub fn verify_inclusion(
    leaf: Digest,
    position: u64,
    size: u64,
    path: &[Digest],
    root: Digest,
) -> bool {
    if position >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (position, size - 1, leaf);
    for &sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(sibling, hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Whether the tree of `old` leaves with root `old_root` is the beginning of that of `new` leaves.
pub fn verify_consistency(
    old: u64,
    old_root: Digest,
    new: u64,
    new_root: Digest,
    path: &[Digest],
) -> bool {
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    if old == 0 || old > new {
        return false;
    }
    // The old root stands in for the first hash where it is a node of the new tree.
    let own = [old_root];
    let first = if old.is_power_of_two() { own.as_slice() } else { &[] };
    let mut path = first.iter().chain(path).copied();
    let Some(seed) = path.next() else { return false };
    let shift = (old - 1).trailing_ones();
    let (mut at, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (mut old_hash, mut new_hash) = (seed, seed);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_hash = node(sibling, old_hash);
            new_hash = node(sibling, new_hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node(new_hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == old_root && new_hash == new_root
}

/// Leaves with the proof that each stands in a signed tree: `belay.audit-proof/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    pub schema: String,
    pub workspace: String,
    /// The signed note of the tree.
    pub checkpoint: String,
    pub leaves: Vec<ProvenLeaf>,
    /// What to check, in words.
    pub check: String,
}

/// One leaf on its way to the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenLeaf {
    pub position: u64,
    /// The bytes that are hashed.
    pub leaf: String,
    /// From the leaf upwards, in hex.
    pub path: Vec<String>,
}

/// Why a proof does not hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProofFault {
    #[error("it is no `belay.audit-proof/1` document: {0}")]
    Form(String),
    #[error("the checkpoint: {0}")]
    Checkpoint(String),
    #[error("leaf {0} does not lead to the root that was signed")]
    Path(u64),
}

impl Proven {
    pub const SCHEMA: &'static str = "belay.audit-proof/1";
    const CHECK: &'static str = "The hash of a leaf is SHA-256(0x00 ‖ leaf). Join it with the hashes of its path as RFC 9162, 2.1.3.2, \
         says: the result must be the root in the checkpoint, whose signature the public key must verify. \
         `belay audit verify FILE --key KEY` does it.";

    pub fn new(
        workspace: &str,
        checkpoint: &str,
        leaves: impl IntoIterator<Item = (u64, String, Vec<Digest>)>,
    ) -> Self {
        let leaf = |(position, leaf, path): (u64, String, Vec<Digest>)| ProvenLeaf {
            position,
            leaf,
            path: path.iter().map(ToString::to_string).collect(),
        };
        Self {
            schema: Self::SCHEMA.to_owned(),
            workspace: workspace.to_owned(),
            checkpoint: checkpoint.to_owned(),
            leaves: leaves.into_iter().map(leaf).collect(),
            check: Self::CHECK.to_owned(),
        }
    }

    /// Checks the signature and the path of every leaf; the answer is the checkpoint they stand in.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Checkpoint, ProofFault> {
        let wrong = |what: &str| ProofFault::Form(what.to_owned());
        if self.schema != Self::SCHEMA {
            return Err(wrong("`schema` is another"));
        }
        if self.leaves.is_empty() {
            return Err(wrong("it proves no leaf"));
        }
        let checkpoint = Checkpoint::open(&self.checkpoint, keys)
            .map_err(|error| ProofFault::Checkpoint(error.to_string()))?;
        if checkpoint.origin != origin(&self.workspace) {
            return Err(ProofFault::Checkpoint(format!("it is of `{}`", checkpoint.origin)));
        }
        for leaf in &self.leaves {
            let path: Result<Vec<Digest>, _> = leaf.path.iter().map(|hash| hash.parse()).collect();
            let path = path.map_err(|error| ProofFault::Form(error.to_string()))?;
            let hash = Digest::of_leaf(leaf.leaf.as_bytes());
            if !verify_inclusion(hash, leaf.position, checkpoint.size, &path, checkpoint.root) {
                return Err(ProofFault::Path(leaf.position));
            }
        }
        Ok(checkpoint)
    }
}
