//! Levels, ceilings and switches: each change is a row, the newest of a name is in force.

use belay_model::Timestamp;
use belay_model::record::Control;

use super::Memory;
use crate::StoreError;
use crate::ask::ask;
use crate::work::Work;

impl Memory {
    /// Writes a change. One that would stand before an earlier change of the same name is refused: it
    /// would be acknowledged and never be in force.
    pub async fn set_control(&self, control: &Control) -> Result<(), StoreError> {
        let mut work = Work::begin(self, None).await?;
        let newest: Option<i64> = ask(
            "SELECT at FROM control WHERE workspace = $1 AND name = $2 ORDER BY at DESC LIMIT 1",
        )
        .bind(self.workspace.as_str())
        .bind(&control.name)
        .maybe(work.on())
        .await?;
        if let Some(newest) = newest.filter(|newest| *newest > control.at.nanos()) {
            let newest = Timestamp::from_nanos(newest);
            return Err(StoreError::ClockBack { at: control.at, newest });
        }
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
        work.append(control, control.at).await?;
        work.commit().await
    }

    /// What is in force: the newest of each name, by name.
    pub async fn controls(&self) -> Result<Vec<Control>, StoreError> {
        let newest = "SELECT * FROM control c WHERE workspace = $1 AND NOT EXISTS
                        (SELECT 1 FROM control n WHERE n.workspace = c.workspace AND n.name = c.name
                           AND (n.at > c.at OR (n.at = c.at AND n.id > c.id))) ORDER BY name";
        let mut work = Work::begin(self, None).await?;
        let controls: Vec<Control> =
            ask(newest).bind(self.workspace.as_str()).all(work.on()).await?;
        for control in &controls {
            work.vouched(control).await?;
        }
        work.abandon().await?;
        Ok(controls)
    }

    /// Every change of every control, oldest first.
    pub async fn control_rows(&self) -> Result<Vec<Control>, StoreError> {
        self.fetch("SELECT * FROM control WHERE workspace = $1 ORDER BY at, id", &[]).await
    }

    /// Every change of one name, newest first.
    pub async fn control_history(&self, name: &str) -> Result<Vec<Control>, StoreError> {
        let all =
            "SELECT * FROM control WHERE workspace = $1 AND name = $2 ORDER BY at DESC, id DESC";
        self.fetch(all, &[name]).await
    }
}
