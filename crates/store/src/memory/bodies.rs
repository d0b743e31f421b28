//! Bodies by digest: in the database where several machines share it, else in files. Each workspace has
//! its own, so that nobody reads or erases another's.

use belay_model::record::Audited;
use belay_model::{Digest, RunId, Timestamp, WorkspaceId};
use serde_json::{Value, json};

use super::Memory;
use crate::StoreError;
use crate::ask::{Engine, ask};
use crate::blobs::Blobs;
use crate::work::Work;

/// That a body was erased. The leaves that name its digest stay as they are.
#[derive(Debug)]
struct Erased {
    digest: Digest,
    at: Timestamp,
}

impl Audited for Erased {
    fn kind(&self) -> &'static str {
        "body.erased"
    }

    fn subject(&self) -> String {
        self.digest.to_string()
    }

    fn run(&self) -> Option<RunId> {
        None
    }

    fn body(&self) -> Value {
        json!({ "digest": self.digest.to_string(), "at": self.at.nanos() })
    }
}

impl Memory {
    /// Keeps a body and says under which digest. When this returns, it survives a power cut.
    pub async fn keep(&self, body: &[u8]) -> Result<Digest, StoreError> {
        if self.engine == Engine::Sqlite {
            return self.blobs.put(body);
        }
        let digest = Digest::of(body);
        // A body that was altered since is written anew.
        ask("INSERT INTO blob (workspace, digest, body) VALUES ($1, $2, $3)
             ON CONFLICT (workspace, digest) DO UPDATE SET body = excluded.body")
        .bind(self.workspace.as_str())
        .bind(digest)
        .bind(body.to_vec())
        .run(&self.pool)
        .await?;
        Ok(digest)
    }

    /// The body, checked against its digest.
    pub async fn body(&self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        if self.engine == Engine::Sqlite {
            return match self.blobs.get(digest) {
                Err(StoreError::BodyMissing { .. }) if self.names(digest).await? => {
                    self.old_blobs.get(digest)
                }
                answer => answer,
            };
        }
        let body: Option<Vec<u8>> =
            ask("SELECT body FROM blob WHERE workspace = $1 AND digest = $2")
                .bind(self.workspace.as_str())
                .bind(digest)
                .maybe(&self.pool)
                .await?;
        let body = body.ok_or_else(|| StoreError::BodyMissing { digest: digest.to_string() })?;
        if Digest::of(&body) == digest {
            Ok(body)
        } else {
            Err(StoreError::BodyAltered { digest: digest.to_string() })
        }
    }

    /// Erases a body, for good, and says whether there was one. Its rows and leaves stay, and another
    /// leaf says that it was erased.
    pub async fn erase(&self, digest: Digest, at: Timestamp) -> Result<bool, StoreError> {
        let mut work = Work::begin(self, None).await?;
        let erased = Erased { digest, at };
        if self.engine == Engine::Postgres {
            let gone = ask("DELETE FROM blob WHERE workspace = $1 AND digest = $2")
                .bind(self.workspace.as_str())
                .bind(digest)
                .run(work.on())
                .await?;
            if gone > 0 {
                work.append(&erased, at).await?;
                work.commit().await?;
            }
            return Ok(gone > 0);
        }
        let named_by = self.named_by(&mut work, digest).await?;
        let shared = self.old_blobs.has(digest) && named_by.contains(&self.workspace);
        if !shared && !self.blobs.has(digest) {
            work.abandon().await?;
            return Ok(false);
        }
        // The leaf first: should the file outlive it, erasing again takes both.
        work.append(&erased, at).await?;
        work.commit().await?;
        if shared {
            // The others keep a copy of their own.
            for other in named_by.iter().filter(|other| **other != self.workspace) {
                Blobs::of(&self.folder, other).put(&self.old_blobs.get(digest)?)?;
            }
            self.old_blobs.remove(digest)?;
        }
        self.blobs.remove(digest)?;
        Ok(true)
    }

    /// When the body was erased last, as its leaf says.
    pub async fn erased_at(&self, digest: Digest) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<i64> = ask(
            "SELECT at FROM audit WHERE workspace = $1 AND subject = $2 AND kind = 'body.erased'
             ORDER BY sequence DESC LIMIT 1",
        )
        .bind(self.workspace.as_str())
        .bind(digest)
        .maybe(&self.pool)
        .await?;
        Ok(at.map(Timestamp::from_nanos))
    }

    /// Whether an artefact of this workspace names the digest: a body that workspaces share is read only then.
    async fn names(&self, digest: Digest) -> Result<bool, StoreError> {
        let named: Option<i64> = ask(
            "SELECT bytes FROM artefact WHERE workspace = $1 AND digest = $2 AND kept = 1 LIMIT 1",
        )
        .bind(self.workspace.as_str())
        .bind(digest)
        .maybe(&self.pool)
        .await?;
        Ok(named.is_some())
    }

    async fn named_by(
        &self,
        work: &mut Work<'_>,
        digest: Digest,
    ) -> Result<Vec<WorkspaceId>, StoreError> {
        let names: Vec<String> =
            ask("SELECT DISTINCT workspace FROM artefact WHERE digest = $1 AND kept = 1")
                .bind(digest)
                .all(work.on())
                .await?;
        Ok(names.iter().filter_map(|name| WorkspaceId::parse(name).ok()).collect())
    }
}
