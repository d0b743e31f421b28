//! Audit leaves: one for every row that belay acknowledges, in the transaction that writes the row.

use belay_model::record::{Audited, Leaf};
use belay_model::{Digest, Timestamp, WorkspaceId};
use sqlx::{Sqlite, Transaction};

use crate::StoreError;

/// Appends the leaf for `row` as it now stands.
pub(crate) async fn append(
    transaction: &mut Transaction<'_, Sqlite>,
    workspace: &WorkspaceId,
    row: &(impl Audited + Sync),
    at: Timestamp,
) -> Result<(), StoreError> {
    let (kind, subject, body) = (row.kind(), row.subject(), row.body_digest());
    let canonical = Leaf::canonical(workspace.as_str(), kind, &subject, body, at);
    sqlx::query(
        "INSERT INTO audit (workspace, kind, subject, run, body, at, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(workspace.as_str())
    .bind(kind)
    .bind(subject)
    .bind(row.run().map(|run| run.to_string()))
    .bind(body.to_string())
    .bind(at.nanos())
    .bind(Digest::of_leaf(canonical.as_bytes()).to_string())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
