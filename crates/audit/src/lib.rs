//! The audit tree: RFC 6962 hashes and proofs, signed checkpoints (C2SP signed-note and
//! tlog-checkpoint), and exports that an outsider verifies with nothing but the public key.

mod checkpoint;
mod error;
mod export;
mod note;
mod proof;
mod tree;
mod verify;

pub use checkpoint::{Checkpoint, origin};
pub use error::{AuditError, Fault, Why};
pub use export::{SCHEMA, checkpoint_line, header_line, leaf_line};
pub use note::{Signer, VerifierKey, notes, verifier_keys};
pub use proof::{ProofFault, Proven, verify_consistency, verify_inclusion};
pub use tree::{Frontier, Tree, root_of_nothing};
pub use verify::{Auditor, Report, Tail, verify};

#[cfg(test)]
mod tests;
