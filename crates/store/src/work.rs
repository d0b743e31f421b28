//! A piece of work on the record: one transaction that writes rows with their audit leaves.

use belay_model::record::{Audited, Leaf};
use belay_model::{Digest, RunId, Timestamp};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection};

use crate::StoreError;
use crate::ask::{Engine, ask};
use crate::memory::Memory;

/// How far the clock may stand behind the newest leaf: machines that share a store never agree quite.
pub const SLACK_SECONDS: u16 = 5 * 60;

const SLACK: i64 = SLACK_SECONDS as i64 * 1_000_000_000;

/// One transaction of one workspace. Nobody else writes in the workspace until it ends: its place in
/// the audit tree is taken first, so what is read here is still so when it is committed.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    /// Gone as soon as it is committed. A connection whose transaction was not is closed: some errors
    /// (a full disk) end a transaction and some do not, and a closed one holds none.
    connection: PoolConnection<Any>,
    is_over: bool,
    memory: &'a Memory,
    size: i64,
    newest: i64,
    grown: bool,
    /// Marks of runs that nobody works on any more, once this is committed.
    left: Vec<(RunId, i64)>,
}

impl<'a> Work<'a> {
    /// Begins. A handle that holds a lease on `run` may write to it only while no newer lease exists.
    pub(crate) async fn begin(
        memory: &'a Memory,
        run: Option<RunId>,
    ) -> Result<Work<'a>, StoreError> {
        let workspace = memory.workspace.as_str();
        let (begin, tree) = match memory.engine {
            Engine::Sqlite => {
                ("BEGIN IMMEDIATE", "SELECT size, newest FROM tree WHERE workspace = $1")
            }
            Engine::Postgres => {
                ("BEGIN", "SELECT size, newest FROM tree WHERE workspace = $1 FOR UPDATE")
            }
        };
        let connection = memory.pool.acquire().await?;
        let (size, newest, grown, left) = (0, 0, false, Vec::new());
        let mut work = Self { connection, is_over: false, memory, size, newest, grown, left };
        ask(begin).run(work.on()).await?;
        let mut found: Option<(i64, i64)> = ask(tree).bind(workspace).maybe(work.on()).await?;
        if found.is_none() {
            ask("INSERT INTO tree (workspace, size, newest) VALUES ($1, 0, 0)
                 ON CONFLICT (workspace) DO NOTHING")
            .bind(workspace)
            .run(work.on())
            .await?;
            found = ask(tree).bind(workspace).maybe(work.on()).await?;
        }
        (work.size, work.newest) = found.unwrap_or_default();
        if let Some(lease) = memory.lease.as_ref().filter(|lease| Some(lease.run) == run) {
            let fence: Option<i64> = ask("SELECT fence FROM job WHERE workspace = $1 AND run = $2")
                .bind(workspace)
                .bind(lease.run)
                .maybe(work.on())
                .await?;
            if fence != Some(lease.fence) {
                return Err(StoreError::LeaseLost { run: lease.run });
            }
        }
        Ok(work)
    }

    pub(crate) fn on(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }

    /// Appends the leaf for `row` as it now stands.
    pub(crate) async fn append(
        &mut self,
        row: &(impl Audited + Sync),
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if at.nanos() < self.newest - SLACK {
            let newest = Timestamp::from_nanos(self.newest);
            return Err(StoreError::ClockBack { at, newest });
        }
        let workspace = self.memory.workspace.as_str();
        let mut leaf = Leaf {
            sequence: self.size,
            form: 2,
            kind: row.kind().to_owned(),
            subject: row.subject(),
            run: row.run(),
            body: row.body_digest(),
            at,
            hash: Digest::of(""),
        };
        leaf.hash = leaf.expected_hash(workspace);
        ask("INSERT INTO audit (workspace, sequence, form, kind, subject, run, body, at, hash)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(workspace)
        .bind(leaf.sequence)
        .bind(leaf.form)
        .bind(leaf.kind)
        .bind(leaf.subject)
        .bind(leaf.run)
        .bind(leaf.body)
        .bind(leaf.at)
        .bind(leaf.hash)
        .run(self.on())
        .await?;
        self.size += 1;
        self.newest = self.newest.max(at.nanos());
        self.grown = true;
        Ok(())
    }

    /// From here on `at` counts as the newest time, if the clock stands too far behind it.
    pub(crate) fn accept(&mut self, at: Timestamp) -> bool {
        let behind = at.nanos() < self.newest - SLACK;
        if behind {
            self.newest = at.nanos();
        }
        behind
    }

    /// Before a row is updated: its last leaf must vouch for it as it stands, else the new leaf would
    /// vouch for what somebody slipped in.
    pub(crate) async fn vouched(&mut self, row: &(impl Audited + Sync)) -> Result<(), StoreError> {
        let (kind, subject) = (row.kind(), row.subject());
        let family = kind.split('.').next().unwrap_or(kind);
        let last: Option<String> =
            ask("SELECT body FROM audit WHERE workspace = $1 AND subject = $2
               AND (kind = $3 OR kind LIKE $3 || '.%') ORDER BY sequence DESC LIMIT 1")
            .bind(self.memory.workspace.as_str())
            .bind(&subject)
            .bind(family)
            .maybe(self.on())
            .await?;
        if last == Some(row.body_digest().to_string()) {
            Ok(())
        } else {
            Err(StoreError::Tampered { kind: family.to_owned(), subject })
        }
    }

    /// Nobody works on `run` under `fence` any more.
    pub(crate) fn leave(&mut self, run: RunId, fence: i64) {
        self.left.push((run, fence));
    }

    /// When this returns, everything is on the disk. When it fails on the way, the record says
    /// whether it is: nothing here is ever tried again.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        if self.grown {
            let (size, newest) = (self.size, self.newest);
            ask("UPDATE tree SET size = $2, newest = $3 WHERE workspace = $1")
                .bind(self.memory.workspace.as_str())
                .bind(size)
                .bind(newest)
                .run(self.on())
                .await?;
        }
        ask("COMMIT").run(self.on()).await?;
        self.is_over = true;
        for (run, fence) in &self.left {
            self.memory.presence.forget(*run, *fence);
        }
        Ok(())
    }

    /// Nothing is to be written after all.
    pub(crate) async fn abandon(mut self) -> Result<(), StoreError> {
        ask("ROLLBACK").run(self.on()).await?;
        self.is_over = true;
        Ok(())
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.connection.close_on_drop();
        }
    }
}
