//! Places of the run's own: a temporary folder and a schema prefix, both gone when the run is over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_model::rows::Cell;
use belay_model::{Resource, RunId, Verb, Zone};
use belay_outside::OutsideError;
use belay_warehouse::{Session, Statement, WarehouseError};
use fs_err as fs;
use serde_json::{Value, json};

use crate::FlowError;
use crate::supervisor::Supervisor;
use crate::tools::{LocalProject, Tools};
use crate::warehouse::Warehouse;

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

/// A claim on every schema whose name starts with `prefix`, in one database. It is written down, with
/// its inverse, before the first schema is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub adapter: String,
    /// A DuckDB file, or an address without user and password.
    pub database: String,
    pub prefix: String,
    /// Who lets belay in; a file needs nobody.
    pub login: Option<Login>,
}

/// Where the login to a claimed database stands. The login itself is never written down: whoever
/// clears up reads the profile again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The profiles.yml.
    pub profiles: PathBuf,
    pub profile: String,
    pub target: String,
    /// The project's folder.
    pub project: PathBuf,
}

impl Claim {
    pub fn of_run(run: &Supervisor<'_>, warehouse: &Warehouse, project: &LocalProject) -> Self {
        let address = &warehouse.address;
        Self {
            adapter: address.adapter().to_owned(),
            database: address.to_string(),
            prefix: Self::prefix_of(run.run.id),
            login: address.file().is_none().then(|| project.login()),
        }
    }

    /// The name that the scratch schemas of a run begin with.
    pub fn prefix_of(run: RunId) -> String {
        format!("{PREFIX}{}", run.short())
    }

    /// What `belay clean` reads.
    pub fn inverse(&self) -> String {
        let mut inverse = json!({
            "kind": "drop_schemas", "adapter": self.adapter,
            "database": self.database, "prefix": self.prefix,
        });
        if let (Some(login), Some(members)) = (&self.login, inverse.as_object_mut()) {
            let login = json!({
                "profiles": login.profiles.to_string_lossy(), "profile": login.profile,
                "target": login.target, "project": login.project.to_string_lossy(),
            });
            members.insert("login".to_owned(), login);
        }
        inverse.to_string()
    }

    pub fn from_inverse(text: &str) -> Option<Self> {
        let inverse: Value = serde_json::from_str(text).ok()?;
        let of = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let login = |value: &Value| {
            Some(Login {
                profiles: of(value, "profiles")?.into(),
                profile: of(value, "profile")?,
                target: of(value, "target")?,
                project: of(value, "project")?.into(),
            })
        };
        let claim = Self {
            adapter: of(&inverse, "adapter")?,
            database: of(&inverse, "database")?,
            prefix: of(&inverse, "prefix")?,
            login: inverse.get("login").map(login).unwrap_or_default(),
        };
        // Whatever a row says, nothing but belay's own schemas is ever dropped.
        let own = claim.prefix.len() > PREFIX.len() && claim.prefix.starts_with(PREFIX);
        let can_open = (claim.adapter == "duckdb") == claim.login.is_none();
        (own && can_open && of(&inverse, "kind")? == "drop_schemas").then_some(claim)
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

    /// Takes the claim back: drops its schemas and says which. A file that is gone took them along.
    pub async fn take_back(
        &self,
        run: &mut Supervisor<'_>,
        tools: &Tools,
    ) -> Result<Vec<String>, FlowError> {
        if let Some(warehouse) = tools.claimed(run.desk, self).await? {
            return self.release(run, &warehouse).await;
        }
        let looking = self.looking();
        run.perform(&looking, async |permit| permit.admit(&looking).map_err(OutsideError::from))
            .await?;
        Ok(Vec::new())
    }

    /// Drops every schema of the claim and says which. Asked of the gate one by one.
    pub async fn release(
        &self,
        run: &mut Supervisor<'_>,
        warehouse: &Warehouse,
    ) -> Result<Vec<String>, FlowError> {
        let session = open(warehouse).await?;
        let released = self.drop_all(run, &session, warehouse).await;
        session.close().await;
        released
    }

    async fn drop_all(
        &self,
        run: &mut Supervisor<'_>,
        session: &Session,
        warehouse: &Warehouse,
    ) -> Result<Vec<String>, FlowError> {
        let query = warehouse.dialect()?.schemas_query(&self.prefix);
        // Read as part of dropping: clearing up must work at every level and after any budget.
        let list = self.statement("find the scratch schemas", query);
        let rows = run
            .perform(&list.action(), async |permit| session.query(permit, list.clone()).await)
            .await?;
        let mut dropped = Vec::new();
        for row in rows.rows {
            let [Cell::Text(database), Cell::Text(schema)] = row.as_slice() else { continue };
            if !self.covers(schema) {
                continue;
            }
            let name = warehouse.schema(database, schema);
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

    /// Looking whether anything of the claim is left.
    fn looking(&self) -> belay_model::Action {
        belay_model::Action::new(Verb::DropScratch, self.resource()).with("database", "is gone")
    }
}

/// Another review may be at work on a DuckDB file: waits for it a while.
async fn open(warehouse: &Warehouse) -> Result<Session, FlowError> {
    const PATIENCE: u32 = 60;
    let mut tries = 0;
    loop {
        match Session::open(warehouse.driver.clone(), warehouse.writing()).await {
            Err(WarehouseError::Locked { .. }) if tries < PATIENCE => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            opened => return Ok(opened?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_read_back_as_it_was_written_and_holds_no_login() {
        let file = Claim {
            adapter: "duckdb".to_owned(),
            database: "/data/shop.duckdb".to_owned(),
            prefix: "belay_1".to_owned(),
            login: None,
        };
        let login = Login {
            profiles: "/p/profiles.yml".into(),
            profile: "shop".to_owned(),
            target: "dev".to_owned(),
            project: "/p".into(),
        };
        let server = Claim {
            adapter: "postgres".to_owned(),
            database: "postgres://h:5432/shop".to_owned(),
            login: Some(login),
            ..file.clone()
        };
        for claim in [file, server] {
            assert_eq!(Claim::from_inverse(&claim.inverse()), Some(claim));
        }
    }

    #[test]
    fn nothing_but_belays_own_schemas_can_be_claimed() {
        let inverse = |prefix: &str, adapter: &str| {
            json!({"kind": "drop_schemas", "adapter": adapter, "database": "d", "prefix": prefix})
                .to_string()
        };
        assert!(Claim::from_inverse(&inverse("belay_1", "duckdb")).is_some());
        for (prefix, adapter) in
            [("analytics", "duckdb"), ("belay_", "duckdb"), ("belay_1", "postgres")]
        {
            assert_eq!(Claim::from_inverse(&inverse(prefix, adapter)), None, "{prefix} {adapter}");
        }
    }
}
