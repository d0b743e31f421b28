//! Where the record is kept: how a store is opened, brought up to date and shared between processes.

use std::borrow::Cow;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_model::{Digest, WorkspaceId};
use fs_err as fs;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AnyPool, Connection as _, Executor as _};

use crate::ask::{Engine, ask};
use crate::blobs::Blobs;
use crate::{Memory, StoreError};

/// Forward only. A released migration is never edited: sqlx compares its checksum.
type Migrations = &'static [(i64, &'static str, &'static str)];

const SQLITE: Migrations = &[
    (1, "record", include_str!("../migrations/sqlite/0001_record.sql")),
    (2, "control plane", include_str!("../migrations/sqlite/0002_control_plane.sql")),
];

const POSTGRES: Migrations =
    &[(1, "record", include_str!("../migrations/postgres/0001_record.sql"))];

/// FULL and `on`: a commit is on the disk before anyone is told of it. Without recursive triggers,
/// `INSERT OR REPLACE` would go around the ones that keep audit leaves.
const SQLITE_SESSION: &str = "PRAGMA busy_timeout = 30000; PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON";
const POSTGRES_SESSION: &str = "SET synchronous_commit = on; SET statement_timeout = '60s';
    SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'";

/// How long to look for a PostgreSQL server.
const PATIENCE: Duration = Duration::from_secs(10);

/// What owners of leases on this machine start with, unless it is told its name.
const HERE: &str = "localhost";

/// The record, and the state folder beside it: presence marks of live runs and, with SQLite, the
/// database and the bodies.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: AnyPool,
    pub(crate) engine: Engine,
    pub(crate) name: String,
    folder: PathBuf,
    host: String,
}

/// A migration that a store still needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    pub version: i64,
    pub name: &'static str,
}

impl Store {
    /// Opens the SQLite store in `folder`, making both where they do not exist.
    ///
    /// The folder ignores itself in git, so that the user's own `.gitignore` is left alone.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        make(folder)?;
        let lock = alone(folder).await?;
        let store = Self::reach(Engine::Sqlite, "", folder).await?;
        store.migrate().await?;
        drop(lock);
        Ok(store)
    }

    /// Opens the store at `url`, of the form `postgres://USER:PASSWORD@HOST/DATABASE`. Marks of live
    /// runs are kept in `folder`.
    pub async fn connect(url: &str, folder: &Path) -> Result<Self, StoreError> {
        make(folder)?;
        let store = Self::reach(engine_of(url)?, url, folder).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Whether there is a SQLite store in `folder`. Opening would make one.
    pub fn must_exist(folder: &Path) -> Result<(), StoreError> {
        if folder.join("belay.db").is_file() {
            Ok(())
        } else {
            Err(StoreError::NoStore { folder: folder.to_owned() })
        }
    }

    /// What [`Store::connect`], or [`Store::open`] where there is no `url`, would bring up to date.
    /// Changes nothing; a store that is not there yet needs everything.
    pub async fn pending(url: Option<&str>, folder: &Path) -> Result<Vec<Pending>, StoreError> {
        let engine = url.map_or(Ok(Engine::Sqlite), engine_of)?;
        let all = |from: i64| {
            let later = migrations(engine).iter().filter(move |step| step.0 > from);
            later.map(|&(version, name, _)| Pending { version, name }).collect()
        };
        if engine == Engine::Sqlite && !folder.join("belay.db").exists() {
            return Ok(all(0));
        }
        let store = Self::reach(engine, url.unwrap_or_default(), folder).await?;
        let known = match engine {
            Engine::Sqlite => "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
            Engine::Postgres => {
                "SELECT count(*) FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')"
            }
        };
        let is_known: Option<i64> = ask(known).maybe(&store.pool).await?;
        let newest: Option<i64> = if is_known == Some(0) {
            None
        } else {
            ask("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").maybe(&store.pool).await?
        };
        store.pool.close().await;
        let (newest, last) = (newest.unwrap_or_default(), migrations(engine).last());
        match last {
            Some(&(last, ..)) if newest > last => {
                Err(StoreError::Newer { store: store.name, version: newest })
            }
            _ => Ok(all(newest)),
        }
    }

    /// Opens without a look at the tables.
    async fn reach(engine: Engine, url: &str, folder: &Path) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let path = folder.join("belay.db");
        let (options, name) = match engine {
            Engine::Sqlite => {
                let store = path.display().to_string();
                let options = sqlite(&path)
                    .map_err(|source| StoreError::Open { store: store.clone(), source })?;
                (options, store)
            }
            Engine::Postgres => {
                let name = without_password(url);
                let options = url.parse().ok().and_then(pinned);
                (options.ok_or_else(|| StoreError::Url { url: name.clone() })?, name)
            }
        };
        let (session, size) = match engine {
            // One writer at a time is all that SQLite has.
            Engine::Sqlite => (SQLITE_SESSION, 1),
            Engine::Postgres => (POSTGRES_SESSION, 4),
        };
        // The pool would go on trying for long; what is wrong is said at once.
        let failed = |source| StoreError::Open { store: name.clone(), source };
        let mut first = AnyConnection::connect_with(&options).await.map_err(failed)?;
        first.execute(session).await.map_err(failed)?;
        first.close().await.map_err(failed)?;
        let mut pool =
            AnyPoolOptions::new().max_connections(size).after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(session).await.map(drop) })
            });
        if engine == Engine::Postgres {
            pool = pool.acquire_timeout(PATIENCE);
        }
        let pool = pool.connect_lazy_with(options);
        let (folder, host) = (folder.to_owned(), HERE.to_owned());
        Ok(Self { pool, engine, name, folder, host })
    }

    /// Says which machine this is, as in the owners of leases (`HOST/PID`): of processes here their
    /// marks tell whether they live, of others their leases.
    #[must_use]
    pub fn on_host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// What one workspace remembers. There is no way to ask without naming a workspace.
    pub fn workspace(&self, workspace: WorkspaceId) -> Memory {
        let place = (self.pool.clone(), self.engine);
        Memory::new(place, workspace, self.host.clone(), self.folder.clone())
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it is, without a password.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Waits until everything is written and the store is closed.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn files(&self, workspace: &WorkspaceId) -> Blobs {
        Blobs::of(&self.folder, workspace)
    }

    pub(crate) fn old_files(&self) -> Blobs {
        Blobs::old(&self.folder)
    }

    pub(crate) fn kept_files(&self) -> Result<Vec<(WorkspaceId, Digest)>, StoreError> {
        Blobs::all(&self.folder)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let step = |&(version, name, sql): &(i64, &'static str, &'static str)| {
            let sql = sqlx::SqlSafeStr::into_sql_str(sql);
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
        };
        let steps = migrations(self.engine).iter().map(step).collect();
        let store = self.name.clone();
        Migrator::with_migrations(steps).run(&self.pool).await.map_err(|source| match source {
            MigrateError::VersionMissing(version) => StoreError::Newer { store, version },
            source => StoreError::Migrate { store, source },
        })
    }
}

const fn migrations(engine: Engine) -> Migrations {
    match engine {
        Engine::Sqlite => SQLITE,
        Engine::Postgres => POSTGRES,
    }
}

/// The scheme, the host and the database of a store's URL: what may be shown.
pub fn without_password(url: &str) -> String {
    let Ok(options) = url.parse::<AnyConnectOptions>() else {
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        return format!("{scheme}://…");
    };
    let url = options.database_url;
    format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// Errors never repeat a URL beyond its scheme: it may hold a password.
fn engine_of(url: &str) -> Result<Engine, StoreError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    match scheme {
        "postgres" | "postgresql" => Ok(Engine::Postgres),
        _ => Err(StoreError::Url { url: without_password(url) }),
    }
}

/// The URL with everything said that `PG..` variables and a password file would say in its stead.
/// Nothing, if it does not say where the store is and who comes.
fn pinned(mut options: AnyConnectOptions) -> Option<AnyConnectOptions> {
    let url = &mut options.database_url;
    let said: Vec<String> = url.query_pairs().map(|(key, _)| key.into_owned()).collect();
    let says = |keys: &[&str]| said.iter().any(|key| keys.contains(&key.as_str()));
    let host = url.host_str().is_some_and(|host| !host.is_empty()) || says(&["host", "hostaddr"]);
    let user = !url.username().is_empty() || says(&["user"]);
    let database = url.path().len() > 1 || says(&["dbname"]);
    if !(host && user && database) {
        return None;
    }
    let password = url.password().is_some() || says(&["password"]);
    let defaults = [
        (url.port().is_some() || says(&["port"]), "port", "5432"),
        (password, "password", ""),
        (says(&["sslmode", "ssl-mode"]), "sslmode", "prefer"),
        (says(&["application_name"]), "application_name", "belay"),
    ];
    let mut pairs = url.query_pairs_mut();
    for (_, key, value) in defaults.into_iter().filter(|(is_said, ..)| !is_said) {
        pairs.append_pair(key, value);
    }
    drop(pairs);
    Some(options)
}

/// The file as a URL, whatever letters its path is made of.
fn sqlite(path: &Path) -> Result<AnyConnectOptions, sqlx::Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    // Links are followed here: a URL would take `..` for the folder above in writing.
    let folder = path.parent().unwrap_or(path).canonicalize()?;
    let path = folder.join(path.file_name().unwrap_or_default());
    // Made here and only here: a connection that is made anew finds the file or fails.
    fs::OpenOptions::new().append(true).create(true).open(&path)?;
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let spell = |&byte: &u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    format!("sqlite:{}?mode=rw", bytes.map(spell).collect::<String>()).parse()
}

fn make(folder: &Path) -> Result<(), StoreError> {
    let made = fs::create_dir_all(folder);
    made.map_err(StoreError::io(format!("cannot make the state folder `{}`", folder.display())))?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(&ignore, "*\n").map_err(StoreError::io("cannot write to the state folder"))?;
    }
    Ok(())
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
