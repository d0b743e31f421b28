//! Moving a record from one store to another, whole: every workspace, every row, every body, and the
//! audit leaves as they are.

use std::collections::{BTreeMap, BTreeSet};

use belay_model::{Digest, WorkspaceId};
use sqlx::any::AnyRow;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row as _};

use crate::ask::{Engine, Value, ask};
use crate::rows::{FromRow, unescape};
use crate::{Store, StoreError};

/// A table with its key, its texts and its numbers. In this order no row refers to one that comes later.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    key: &'static str,
    pub(crate) texts: &'static str,
    pub(crate) numbers: &'static str,
}

const fn table(
    name: &'static str,
    key: &'static str,
    texts: &'static str,
    numbers: &'static str,
) -> Table {
    Table { name, key, texts, numbers }
}

pub(crate) const TABLES: &[Table] = &[
    table(
        "run",
        "workspace, id",
        "workspace id workflow worker worker_digest trigger actor policy parent input state outcome",
        "level started ended",
    ),
    table("step", "workspace, id", "workspace id run name state note", "number started ended"),
    table(
        "decision",
        "workspace, id",
        "workspace id run step principal action action_digest risk_reasons answer determining missing \
         policy circumstances approval",
        "risk level at",
    ),
    table(
        "effect",
        "workspace, id",
        "workspace id run step decision action_digest idempotency_key verb target inverse state receipt",
        "reserved settled",
    ),
    table("artefact", "workspace, id", "workspace id run name media_type digest", "bytes kept at"),
    table(
        "score",
        "workspace, id",
        "workspace id run dimension name evaluator verdict value explanation",
        "at",
    ),
    table("review", "workspace, id", "workspace id run kind subject title state", "created"),
    table(
        "disposition",
        "workspace, review, finding, reviewer",
        "workspace review finding reviewer identity judgement reason",
        "at",
    ),
    table(
        "approval",
        "workspace, id",
        "workspace id run kind subject plan snapshot policy summary missing author owner state",
        "risk humans stewards created expires decided",
    ),
    table(
        "vote",
        "workspace, approval, voter",
        "workspace approval voter identity roles ballot subject reason",
        "at",
    ),
    table(
        "job",
        "workspace, run",
        "workspace run queue state owner",
        "ready priority attempt until fence cancel",
    ),
    table("control", "workspace, id", "workspace id name value by identity reason", "at"),
    table(
        "span",
        "workspace, trace, span",
        "workspace trace span parent name status body",
        "started ended received",
    ),
    table(
        "audit",
        "workspace, sequence",
        "workspace kind subject run body hash",
        "sequence form at",
    ),
    table("tree", "workspace", "workspace", "size newest"),
    table("checkpoint", "workspace, size", "workspace root note anchor", "size at"),
];

/// How many rows are read at a time.
const PAGE: i64 = 500;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub workspaces: usize,
    /// Of each table, in the order in which they were copied.
    pub rows: Vec<(&'static str, usize)>,
    pub bodies: usize,
}

/// Values of one row: texts, then numbers.
struct Cells(Vec<Value>);

impl FromRow for Cells {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let cell = |index: usize| {
            let number: Result<Option<i64>, _> = row.try_get(index);
            match number {
                Ok(number) => Ok(Value::Integer(number)),
                Err(_) => {
                    row.try_get(index).map(|text: Option<String>| Value::Text(text.map(unescape)))
                }
            }
        };
        Ok(Self((0..row.len()).map(cell).collect::<Result<_, sqlx::Error>>()?))
    }
}

impl Table {
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.texts.split_whitespace().chain(self.numbers.split_whitespace())
    }

    /// Texts first, in the same order on both engines.
    fn quoted(&self) -> String {
        self.columns().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    }

    async fn page(&self, on: &mut AnyConnection, offset: i64) -> Result<Vec<Cells>, StoreError> {
        let (columns, name, key) = (self.quoted(), self.name, self.key);
        let sql = format!("SELECT {columns} FROM {name} ORDER BY {key} LIMIT $1 OFFSET $2");
        ask(AssertSqlSafe(sql)).bind(PAGE).bind(offset).all(on).await
    }

    async fn insert(&self, on: &mut AnyConnection, cells: Cells) -> Result<(), StoreError> {
        let places: Vec<String> = (1..=cells.0.len()).map(|place| format!("${place}")).collect();
        let (columns, name, places) = (self.quoted(), self.name, places.join(", "));
        let texts = self.texts.split_whitespace().count();
        let sql = format!("INSERT INTO {name} ({columns}) VALUES ({places})");
        let typed = cells.0.into_iter().enumerate().map(|(place, value)| match value {
            // NULL has no type of its own; PostgreSQL wants one.
            Value::Integer(None) if place < texts => Value::Text(None),
            value => value,
        });
        typed.fold(ask(AssertSqlSafe(sql)), crate::ask::Ask::bind).run(on).await.map(drop)
    }

    /// The number of rows and a digest that changes with any value of any of them, in whatever order
    /// the engine sorts them.
    async fn sum(&self, on: &mut AnyConnection) -> Result<(usize, [u8; 32]), StoreError> {
        let (mut count, mut sum) = (0, [0; 32]);
        loop {
            let offset = i64::try_from(count).unwrap_or(i64::MAX);
            let page = self.page(on, offset).await?;
            let read = page.len();
            for cells in page {
                let spelled: Vec<String> = cells
                    .0
                    .into_iter()
                    .map(|value| match value {
                        Value::Text(Some(text)) => serde_json::Value::from(text).to_string(),
                        Value::Integer(Some(number)) => number.to_string(),
                        _ => "null".to_owned(),
                    })
                    .collect();
                let digest = Digest::of(spelled.join(","));
                sum.iter_mut().zip(bytes_of(digest)).for_each(|(all, one)| *all ^= one);
            }
            count += read;
            if i64::try_from(read).unwrap_or(PAGE) < PAGE {
                return Ok((count, sum));
            }
        }
    }
}

fn bytes_of(digest: Digest) -> Vec<u8> {
    let spelled = digest.to_string();
    let pairs = spelled.as_bytes().chunks(2);
    pairs
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()))
        .map(Option::unwrap_or_default)
        .collect()
}

impl Store {
    /// Copies everything of this store to `target`, which must hold no rows, and compares afterwards. The
    /// rows come in one transaction after the bodies: a copy that fails leaves no row, and is simply
    /// begun again. Nobody should write to this store meanwhile; what would differ is found.
    pub async fn copy(&self, target: &Self) -> Result<Copied, StoreError> {
        let bodies = self.bodies().await?;
        let mut to = target.pool.acquire().await?;
        refuse_rows(target, &mut to).await?;
        drop(to);
        for (workspace, digest) in &bodies {
            let body = self.workspace(workspace.clone()).body(*digest).await?;
            target.workspace(workspace.clone()).keep(&body).await?;
        }

        let (mut from, mut to) =
            (Reading::begin(self).await?, Reading::begin_writing(target).await?);
        refuse_rows(target, &mut to.connection).await?;
        let mut rows = Vec::new();
        for table in TABLES {
            let mut offset = 0;
            loop {
                let page = table.page(&mut from.connection, offset).await?;
                let read = i64::try_from(page.len()).unwrap_or(PAGE);
                for cells in page {
                    table.insert(&mut to.connection, cells).await?;
                }
                offset += read;
                if read < PAGE {
                    break;
                }
            }
            let (count, sum) = table.sum(&mut from.connection).await?;
            if table.sum(&mut to.connection).await? != (count, sum) {
                return Err(StoreError::CopyDiffers { what: table.name.to_owned() });
            }
            rows.push((table.name, count));
        }
        for (workspace, digest) in &bodies {
            // Reading compares a body with its digest.
            target.body_on(&mut to.connection, workspace, *digest).await?;
        }
        if self.bodies_on(&mut from.connection).await? != bodies {
            return Err(StoreError::CopyDiffers { what: "bodies".to_owned() });
        }
        let workspaces: BTreeSet<String> =
            ask("SELECT workspace FROM tree").all(&mut *to.connection).await?.into_iter().collect();
        to.commit().await?;
        from.commit().await?;
        Ok(Copied { workspaces: workspaces.len(), rows, bodies: bodies.len() })
    }

    async fn body_on(
        &self,
        on: &mut AnyConnection,
        workspace: &WorkspaceId,
        digest: Digest,
    ) -> Result<(), StoreError> {
        let body = match self.engine {
            Engine::Sqlite => self.files(workspace).get(digest)?,
            Engine::Postgres => {
                let found: Option<Vec<u8>> =
                    ask("SELECT body FROM blob WHERE workspace = $1 AND digest = $2")
                        .bind(workspace.as_str())
                        .bind(digest)
                        .maybe(on)
                        .await?;
                found.unwrap_or_default()
            }
        };
        if Digest::of(&body) == digest {
            Ok(())
        } else {
            Err(StoreError::BodyAltered { digest: digest.to_string() })
        }
    }

    async fn bodies(&self) -> Result<Vec<(WorkspaceId, Digest)>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        self.bodies_on(&mut connection).await
    }

    /// Every body with the workspace that it belongs to.
    async fn bodies_on(
        &self,
        on: &mut AnyConnection,
    ) -> Result<Vec<(WorkspaceId, Digest)>, StoreError> {
        if self.engine == Engine::Postgres {
            let named: Vec<(String, String)> =
                ask("SELECT workspace, digest FROM blob").all(on).await?;
            return Ok(named_bodies(named));
        }
        // Of bodies from before 0.2, which workspaces shared: those that an artefact names.
        let named: Vec<(String, String)> =
            ask("SELECT DISTINCT workspace, digest FROM artefact WHERE kept = 1").all(on).await?;
        let old = self.old_files();
        let mut found: BTreeMap<(WorkspaceId, String), Digest> = named_bodies(named)
            .into_iter()
            .filter(|(_, digest)| old.has(*digest))
            .map(|(workspace, digest)| ((workspace, digest.to_string()), digest))
            .collect();
        for (workspace, digest) in self.kept_files()? {
            found.insert((workspace, digest.to_string()), digest);
        }
        Ok(found.into_iter().map(|((workspace, _), digest)| (workspace, digest)).collect())
    }
}

fn named_bodies(named: Vec<(String, String)>) -> Vec<(WorkspaceId, Digest)> {
    let mut named = named;
    named.sort();
    let parsed = named.iter().filter_map(|(workspace, digest)| {
        Some((WorkspaceId::parse(workspace).ok()?, digest.parse().ok()?))
    });
    parsed.collect()
}

async fn refuse_rows(store: &Store, on: &mut AnyConnection) -> Result<(), StoreError> {
    for table in TABLES {
        let sql = format!("SELECT count(*) FROM {}", table.name);
        let count: Option<i64> = ask(AssertSqlSafe(sql)).maybe(&mut *on).await?;
        if count != Some(0) {
            return Err(StoreError::NotEmpty { store: store.name.clone() });
        }
    }
    Ok(())
}

/// One view of a store for as long as it is read, or one transaction to fill it. A connection that does
/// not come to its end is closed, and with it the transaction.
struct Reading {
    connection: PoolConnection<Any>,
    is_over: bool,
}

impl Reading {
    async fn begin(store: &Store) -> Result<Self, StoreError> {
        Self::with(
            store,
            match store.engine {
                Engine::Sqlite => "BEGIN",
                Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            },
        )
        .await
    }

    async fn begin_writing(store: &Store) -> Result<Self, StoreError> {
        Self::with(
            store,
            match store.engine {
                Engine::Sqlite => "BEGIN IMMEDIATE",
                Engine::Postgres => "BEGIN ISOLATION LEVEL SERIALIZABLE",
            },
        )
        .await
    }

    async fn with(store: &Store, begin: &'static str) -> Result<Self, StoreError> {
        let mut reading = Self { connection: store.pool.acquire().await?, is_over: false };
        ask(begin).run(&mut *reading.connection).await?;
        Ok(reading)
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        ask("COMMIT").run(&mut *self.connection).await?;
        self.is_over = true;
        Ok(())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if !self.is_over {
            self.connection.close_on_drop();
        }
    }
}
