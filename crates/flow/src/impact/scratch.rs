//! Places of the run's own: a temporary folder and a schema prefix, both gone when the run is over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_diff::Dialect;
use belay_model::rows::Cell;
use belay_model::{Resource, RunId, Verb, Zone};
use belay_outside::OutsideError;
use belay_warehouse::{Database, Driver, Session, Statement, WarehouseError};
use fs_err as fs;
use serde_json::{Value, json};

use crate::FlowError;
use crate::supervisor::Supervisor;

/// What every scratch schema of belay is named after.
pub const PREFIX: &str = "belay_";

/// A temporary folder that goes when this is dropped. `belay clean` finds what a `kill -9` left.
#[derive(Debug)]
pub struct Workshop {
    folder: PathBuf,
}

impl Workshop {
    pub fn open(run: &Supervisor<'_>) -> Result<Self, FlowError> {
        let folder = shelf(run.desk.memory.folder()).join(run.run.id.to_string());
        fs::create_dir_all(&folder).map_err(OutsideError::io("cannot make a scratch folder"))?;
        Ok(Self { folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A file of the workshop that only its owner can read.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, FlowError> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(OutsideError::io("cannot make a scratch folder"))?;
        fs::write(&path, text).map_err(OutsideError::io("cannot write to the scratch folder"))?;
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&path, private)
            .map_err(OutsideError::io("cannot write to the scratch folder"))?;
        Ok(path)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed now is found by `belay clean`.
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Where the workshops of a state folder are.
pub fn shelf(state: &Path) -> PathBuf {
    state.join("tmp")
}

/// A claim on every schema whose name starts with `prefix`, in one DuckDB file. It is written down,
/// with its inverse, before the first schema is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub database: PathBuf,
    pub prefix: String,
}

impl Claim {
    pub fn of_run(run: &Supervisor<'_>, database: &Path) -> Self {
        Self { database: database.to_owned(), prefix: Self::prefix_of(run.run.id) }
    }

    /// The name that the scratch schemas of a run begin with.
    pub fn prefix_of(run: RunId) -> String {
        format!("{PREFIX}{}", run.short())
    }

    /// What `belay clean` reads.
    pub fn inverse(&self) -> String {
        let database = self.database.to_string_lossy();
        json!({"kind": "drop_schemas", "adapter": "duckdb", "database": database, "prefix": self.prefix})
            .to_string()
    }

    pub fn from_inverse(text: &str) -> Option<Self> {
        let inverse: Value = serde_json::from_str(text).ok()?;
        let prefix = inverse.get("prefix")?.as_str()?.to_owned();
        // Whatever a row says, nothing but belay's own schemas is ever dropped.
        let own = prefix.len() > PREFIX.len() && prefix.starts_with(PREFIX);
        let database = PathBuf::from(inverse.get("database")?.as_str()?);
        (own && inverse.get("kind")?.as_str()? == "drop_schemas")
            .then_some(Self { database, prefix })
    }

    /// `belay_0a1b2c3d` itself and what dbt derives from it, such as `belay_0a1b2c3d_marts`.
    pub fn covers(&self, schema: &str) -> bool {
        schema
            .strip_prefix(&self.prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    }

    pub fn resource(&self) -> Resource {
        Resource::new(format!("schema:{}*", self.prefix), Zone::Scratch)
    }

    /// Drops every schema of the claim and says which. Asked of the gate one by one.
    pub async fn release(
        &self,
        run: &mut Supervisor<'_>,
        driver: &Driver,
    ) -> Result<Vec<String>, FlowError> {
        let session = self.open(driver).await?;
        let released = self.drop_all(run, &session).await;
        session.close().await;
        released
    }

    /// Another review may be at work on the file: waits for it a while.
    async fn open(&self, driver: &Driver) -> Result<Session, FlowError> {
        const PATIENCE: u32 = 60;
        let mut tries = 0;
        loop {
            match Session::open(driver.clone(), Database::read_write(&self.database)).await {
                Err(WarehouseError::Locked { .. }) if tries < PATIENCE => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                opened => return Ok(opened?),
            }
        }
    }

    async fn drop_all(
        &self,
        run: &mut Supervisor<'_>,
        session: &Session,
    ) -> Result<Vec<String>, FlowError> {
        let dialect = Dialect::DuckDb;
        // Read as part of dropping: clearing up must work at every level and after any budget.
        let list = self.statement("find the scratch schemas", dialect.schemas_query(&self.prefix));
        let rows = run
            .perform(&list.action(), async |permit| session.query(permit, list.clone()).await)
            .await?;
        let mut dropped = Vec::new();
        for row in rows.rows {
            let [Cell::Text(database), Cell::Text(schema)] = row.as_slice() else { continue };
            if !self.covers(schema) {
                continue;
            }
            let name = format!("{}.{}", dialect.quote(database), dialect.quote(schema));
            let statement = self.statement(
                "drop a scratch schema",
                format!("DROP SCHEMA IF EXISTS {name} CASCADE"),
            );
            run.perform(&statement.action(), async |permit| {
                session.execute(permit, statement.clone()).await
            })
            .await?;
            dropped.push(schema.clone());
        }
        Ok(dropped)
    }

    fn statement(&self, purpose: &str, sql: String) -> Statement {
        Statement::new(Verb::DropScratch, self.resource(), purpose, sql)
    }
}

/// Looking whether anything of the claim is left.
pub fn looking(claim: &Claim) -> belay_model::Action {
    belay_model::Action::new(Verb::DropScratch, claim.resource()).with("database", "is gone")
}
