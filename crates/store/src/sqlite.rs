//! The SQLite file: how it is opened, brought up to date and shared between processes.

use std::borrow::Cow;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_model::WorkspaceId;
use fs_err as fs;
use sqlx::SqlitePool;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::{Memory, StoreError};

/// Forward only. A released migration is never edited: sqlx compares its checksum.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "record", include_str!("../migrations/sqlite/0001_record.sql")),
    (2, "control plane", include_str!("../migrations/sqlite/0002_control_plane.sql")),
];

/// The state folder: the database, the bodies and the presence marks of live runs.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    folder: PathBuf,
}

impl Store {
    /// Opens the store in `folder`, making both where they do not exist.
    ///
    /// The folder ignores itself in git, so that the user's own `.gitignore` is left alone.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        let made = fs::create_dir_all(folder);
        made.map_err(StoreError::io(format!(
            "cannot make the state folder `{}`",
            folder.display()
        )))?;
        let ignore = folder.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n")
                .map_err(StoreError::io("cannot write to the state folder"))?;
        }
        let lock = alone(folder).await?;
        let path = folder.join("belay.db");
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a commit is on the disk before anyone is told of it.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // Else `INSERT OR REPLACE` would go around the triggers that keep audit leaves.
            .pragma("recursive_triggers", "ON")
            .busy_timeout(Duration::from_secs(30));
        let opened = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        let pool = opened.map_err(|source| StoreError::Open { path: path.clone(), source })?;
        migrate(&pool, &path).await?;
        drop(lock);
        Ok(Self { pool, folder: folder.to_owned() })
    }

    /// What one workspace remembers. There is no way to ask without naming a workspace.
    pub fn workspace(&self, workspace: WorkspaceId) -> Memory {
        Memory::new(self.pool.clone(), workspace, self.folder.clone())
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Waits until nobody else opens the store: two that bring a fresh one up to date at once would trip
/// over each other.
async fn alone(folder: &Path) -> Result<fs::File, StoreError> {
    let failed = || StoreError::io("cannot lock the state folder");
    let file = fs::File::create(folder.join("belay.lock")).map_err(failed())?;
    loop {
        match file.file().try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(TryLockError::Error(error)) => return Err(failed()(error)),
        }
    }
}

async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let step = |&(version, name, sql): &(i64, &'static str, &'static str)| {
        let sql = sqlx::SqlSafeStr::into_sql_str(sql);
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    };
    let migrator = Migrator::with_migrations(MIGRATIONS.iter().map(step).collect());
    migrator.run(pool).await.map_err(|source| match source {
        MigrateError::VersionMissing(version) => {
            StoreError::Newer { path: path.to_owned(), version }
        }
        source => StoreError::Migrate { path: path.to_owned(), source },
    })
}
