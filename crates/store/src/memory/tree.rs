//! The audit tree of the workspace: its leaves in order, and the checkpoints that were signed of it.

use belay_model::record::Leaf;
use belay_model::{Digest, Timestamp};
use sqlx::any::AnyRow;

use super::Memory;
use crate::StoreError;
use crate::ask::ask;
use crate::rows::{FromRow, integer, maybe_text, parsed, text, time};

/// A signed note of the first `size` leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTree {
    pub size: i64,
    pub root: Digest,
    pub note: String,
    /// Where it was put outside, such as `git:refs/belay/audit`.
    pub anchor: Option<String>,
    pub at: Timestamp,
}

impl FromRow for SignedTree {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            size: integer(row, "size")?,
            root: parsed(row, "root")?,
            note: text(row, "note")?,
            anchor: maybe_text(row, "anchor")?,
            at: time(row, "at")?,
        })
    }
}

impl Memory {
    /// How many leaves the tree has.
    pub async fn tree_size(&self) -> Result<i64, StoreError> {
        let size = ask("SELECT size FROM tree WHERE workspace = $1")
            .bind(self.workspace.as_str())
            .maybe(&self.pool)
            .await?;
        Ok(size.unwrap_or(0))
    }

    /// At most `limit` leaves from position `from` on, in order.
    pub async fn tree_leaves(&self, from: i64, limit: i64) -> Result<Vec<Leaf>, StoreError> {
        ask("SELECT * FROM audit WHERE workspace = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3")
            .bind(self.workspace.as_str())
            .bind(from)
            .bind(limit)
            .all(&self.pool)
            .await
    }

    /// Remembers a signed note. A later one of the same tree takes the place of the first: it was put
    /// outside, or another key signed it.
    pub async fn add_checkpoint(&self, signed: &SignedTree) -> Result<(), StoreError> {
        ask("INSERT INTO checkpoint (workspace, size, root, note, anchor, at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (workspace, size) DO UPDATE
               SET note = excluded.note, anchor = coalesce(excluded.anchor, checkpoint.anchor),
                   at = excluded.at
               WHERE checkpoint.root = excluded.root")
        .bind(self.workspace.as_str())
        .bind(signed.size)
        .bind(signed.root)
        .bind(&signed.note)
        .bind(&signed.anchor)
        .bind(signed.at)
        .run(&self.pool)
        .await?;
        Ok(())
    }

    /// All signed notes, the smallest tree first.
    pub async fn checkpoints(&self) -> Result<Vec<SignedTree>, StoreError> {
        ask("SELECT * FROM checkpoint WHERE workspace = $1 ORDER BY size")
            .bind(self.workspace.as_str())
            .all(&self.pool)
            .await
    }

    /// The signed note of the largest tree.
    pub async fn last_checkpoint(&self) -> Result<Option<SignedTree>, StoreError> {
        ask("SELECT * FROM checkpoint WHERE workspace = $1 ORDER BY size DESC LIMIT 1")
            .bind(self.workspace.as_str())
            .maybe(&self.pool)
            .await
    }
}
