//! Audit leaves: one for every row that belay acknowledges, in the transaction that writes the row.

use belay_model::record::{Audited, Leaf};
use belay_model::{Digest, Timestamp, WorkspaceId};
use sqlx::{Row as _, Sqlite, Transaction};

use crate::StoreError;

/// Appends the leaf for `row` as it now stands.
pub(crate) async fn append(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: &WorkspaceId,
    row: &(impl Audited + Sync),
    at: Timestamp,
) -> Result<(), StoreError> {
    let grown = sqlx::query(
        "INSERT INTO tree (workspace, size) VALUES (?, 1)
         ON CONFLICT (workspace) DO UPDATE SET size = tree.size + 1 RETURNING size",
    )
    .bind(workspace.as_str())
    .fetch_one(&mut **transaction)
    .await?;
    let size: i64 = grown.try_get("size")?;
    let leaf = Leaf {
        sequence: size - 1,
        form: 2,
        kind: row.kind().to_owned(),
        subject: row.subject(),
        run: row.run(),
        body: row.body_digest(),
        at,
        hash: Digest::of(""),
    };
    let hash = leaf.expected_hash(workspace.as_str());
    sqlx::query(
        "INSERT INTO audit (workspace, sequence, form, kind, subject, run, body, at, hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(workspace.as_str())
    .bind(leaf.sequence)
    .bind(leaf.form)
    .bind(leaf.kind)
    .bind(leaf.subject)
    .bind(leaf.run.map(|run| run.to_string()))
    .bind(leaf.body.to_string())
    .bind(at.nanos())
    .bind(hash.to_string())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
