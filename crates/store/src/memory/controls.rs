//! Levels, ceilings and switches: each change is a row, the newest of a name is in force. Which is the
//! newest tells the place in the audit tree and no clock.

use belay_model::Timestamp;
use belay_model::record::Control;

use super::Memory;
use crate::StoreError;
use crate::ask::ask;
use crate::work::Work;

impl Memory {
    pub async fn set_control(&self, control: &Control) -> Result<(), StoreError> {
        let mut work = Work::begin(self, None).await?;
        self.control_in(&mut work, control).await?;
        work.commit().await
    }

    pub(super) async fn control_in(
        &self,
        work: &mut Work<'_>,
        control: &Control,
    ) -> Result<(), StoreError> {
        ask(r#"INSERT INTO control (workspace, id, name, value, "by", identity, reason, at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"#)
        .bind(self.workspace.as_str())
        .bind(control.id)
        .bind(&control.name)
        .bind(&control.value)
        .bind(&control.by)
        .bind(&control.identity)
        .bind(&control.reason)
        .bind(control.at)
        .run(work.on())
        .await?;
        work.append(control, control.at).await
    }

    /// What is in force: the newest of each name, by name. A row without an audit leaf never is.
    pub async fn controls(&self) -> Result<Vec<Control>, StoreError> {
        let newest = "SELECT c.* FROM control c
                      JOIN audit a ON a.workspace = c.workspace AND a.subject = c.id
                      WHERE c.workspace = $1 AND a.kind = 'control.set' AND NOT EXISTS
                        (SELECT 1 FROM control n
                         JOIN audit l ON l.workspace = n.workspace AND l.subject = n.id
                         WHERE n.workspace = c.workspace AND n.name = c.name
                           AND l.kind = 'control.set' AND l.sequence > a.sequence)
                      ORDER BY c.name";
        let mut work = Work::begin(self, None).await?;
        let controls: Vec<Control> =
            ask(newest).bind(self.workspace.as_str()).all(work.on()).await?;
        for control in &controls {
            work.vouched(control).await?;
        }
        work.abandon().await?;
        Ok(controls)
    }

    /// Every change of every control, oldest first, also such as no leaf vouches for.
    pub async fn control_rows(&self) -> Result<Vec<Control>, StoreError> {
        self.fetch("SELECT * FROM control WHERE workspace = $1 ORDER BY at, id", &[]).await
    }

    /// Every change of one name, newest first.
    pub async fn control_history(&self, name: &str) -> Result<Vec<Control>, StoreError> {
        let all = "SELECT c.* FROM control c
                   JOIN audit a ON a.workspace = c.workspace AND a.subject = c.id
                   WHERE c.workspace = $1 AND c.name = $2 AND a.kind = 'control.set'
                   ORDER BY a.sequence DESC";
        self.fetch(all, &[name]).await
    }

    /// The time of the newest leaf, as far as the record counts it.
    pub async fn newest(&self) -> Result<Timestamp, StoreError> {
        let newest: Option<i64> = ask("SELECT newest FROM tree WHERE workspace = $1")
            .bind(self.workspace.as_str())
            .maybe(&self.pool)
            .await?;
        Ok(Timestamp::from_nanos(newest.unwrap_or_default()))
    }

    /// A person says that the clock which wrote the newest leaves was wrong, and that it is
    /// `control.at` now: from here on that counts. Jobs that were to wait until a later time are ready,
    /// and leases until then have run out. Leaves and rows stay as they are. Returns whether there was
    /// anything to say; if not, nothing is written.
    pub async fn accept_clock(&self, control: &Control) -> Result<bool, StoreError> {
        let mut work = Work::begin(self, None).await?;
        if !work.accept(control.at) {
            work.abandon().await?;
            return Ok(false);
        }
        self.control_in(&mut work, control).await?;
        for late in ["ready", "until"] {
            let sql = format!(
                "UPDATE job SET {late} = $2 WHERE workspace = $1 AND {late} > $2 AND state <> 'done'"
            );
            ask(sqlx::AssertSqlSafe(sql))
                .bind(self.workspace.as_str())
                .bind(control.at)
                .run(work.on())
                .await?;
        }
        work.commit().await?;
        Ok(true)
    }
}
