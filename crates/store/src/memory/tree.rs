//! The audit tree of the workspace: its leaves in order, and the checkpoints that were signed of it.

use belay_model::record::Leaf;
use belay_model::{Digest, Timestamp};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Memory, all};
use crate::StoreError;
use crate::rows::FromRow;

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
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
        let root: String = row.try_get("root")?;
        Ok(Self {
            size: row.try_get("size")?,
            root: root.parse().map_err(|_| StoreError::Corrupt { column: "root", value: root })?,
            note: row.try_get("note")?,
            anchor: row.try_get("anchor")?,
            at: Timestamp::from_nanos(row.try_get("at")?),
        })
    }
}

impl Memory {
    /// How many leaves the tree has.
    pub async fn tree_size(&self) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT size FROM tree WHERE workspace = $1")
            .bind(self.workspace.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(row.map(|row| row.try_get("size")).transpose()?.unwrap_or(0))
    }

    /// At most `limit` leaves from position `from` on, in order.
    pub async fn tree_leaves(&self, from: i64, limit: i64) -> Result<Vec<Leaf>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM audit WHERE workspace = $1 AND sequence >= $2 ORDER BY sequence LIMIT $3",
        )
        .bind(self.workspace.as_str())
        .bind(from)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        all(&rows)
    }

    /// Remembers a signed note. A later one of the same tree takes the place of the first: it was put
    /// outside, or another key signed it.
    pub async fn add_checkpoint(&self, signed: &SignedTree) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO checkpoint (workspace, size, root, note, anchor, at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (workspace, size) DO UPDATE
               SET note = excluded.note, anchor = coalesce(excluded.anchor, checkpoint.anchor),
                   at = excluded.at
               WHERE checkpoint.root = excluded.root",
        )
        .bind(self.workspace.as_str())
        .bind(signed.size)
        .bind(signed.root.to_string())
        .bind(&signed.note)
        .bind(&signed.anchor)
        .bind(signed.at.nanos())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// All signed notes, the smallest tree first.
    pub async fn checkpoints(&self) -> Result<Vec<SignedTree>, StoreError> {
        let rows = sqlx::query("SELECT * FROM checkpoint WHERE workspace = $1 ORDER BY size")
            .bind(self.workspace.as_str())
            .fetch_all(&self.pool)
            .await?;
        all(&rows)
    }

    /// The signed note of the largest tree.
    pub async fn last_checkpoint(&self) -> Result<Option<SignedTree>, StoreError> {
        let row =
            sqlx::query("SELECT * FROM checkpoint WHERE workspace = $1 ORDER BY size DESC LIMIT 1")
                .bind(self.workspace.as_str())
                .fetch_optional(&self.pool)
                .await?;
        row.as_ref().map(SignedTree::from_row).transpose()
    }
}
