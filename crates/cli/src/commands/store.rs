//! `belay store copy`, `belay store clock` and `belay migrate`: where the record is kept.

use std::path::Path;

use belay_flow::clock;
use belay_store::{Store, without_password};
use serde_json::{Value, json};

use super::records::instant;
use crate::args::{MigrateArgs, StoreClockArgs, StoreCommand, StoreCopyArgs};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

/// Stands for the store of the configuration, so that no password need stand on a command line.
const CONFIGURED: &str = "store";

pub(crate) async fn store(
    command: &StoreCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    match command {
        StoreCommand::Copy(args) => copy(args, house, ui).await,
        StoreCommand::Clock(args) => clock(args, house, ui).await,
    }
}

async fn clock(args: &StoreClockArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let standing = match args.reason.as_deref().filter(|_| args.accept) {
        Some(reason) => clock::accept(&desk, reason).await?,
        None => clock::look(&desk).await?,
    };
    let is_behind = standing.is_behind();
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.store-clock/1",
            "now": instant(standing.now),
            "newest": instant(standing.newest),
            "behind_seconds": standing.behind(),
            "accepted": standing.accepted,
        }))?;
    } else if standing.accepted {
        ui.result(&format!(
            "from now on {} counts as the newest time of the record; it was {}\n",
            instant(standing.now),
            instant(standing.newest)
        ))?;
    } else if is_behind {
        ui.result(&format!(
            "the clock stands at {}, the newest entry of the record at {}: nothing is written before that\n",
            instant(standing.now),
            instant(standing.newest)
        ))?;
    } else {
        ui.result("the clock agrees with the record\n")?;
    }
    Ok(if is_behind && !standing.accepted { Outcome::No } else { Outcome::Clear })
}

async fn copy(args: &StoreCopyArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let from = existing(&args.from, house).await?;
    let to = open(&args.to, house).await?;
    let copied = from.copy(&to).await?;
    from.close().await;
    to.close().await;
    if ui.is_json() {
        let rows: serde_json::Map<String, Value> =
            copied.rows.iter().map(|(table, count)| ((*table).to_owned(), json!(count))).collect();
        ui.json(&json!({
            "schema": "belay.store-copy/1",
            "from": from.name(),
            "to": to.name(),
            "workspaces": copied.workspaces,
            "rows": rows,
            "bodies": copied.bodies,
        }))?;
    } else {
        let rows: usize = copied.rows.iter().map(|(_, count)| count).sum();
        ui.result(&format!(
            "copied {rows} rows of {} workspaces and {} bodies from {} to {}, and compared them\n",
            copied.workspaces,
            copied.bodies,
            from.name(),
            to.name(),
        ))?;
    }
    Ok(Outcome::Clear)
}

pub(crate) async fn migrate(
    args: &MigrateArgs,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let (url, folder) = (house.config.text("store"), house.state_folder());
    let pending = Store::pending(url, &folder).await?;
    if !args.check && !pending.is_empty() {
        house.store().await?.close().await;
    }
    let name = url.map_or_else(|| folder.join("belay.db").display().to_string(), without_password);
    if ui.is_json() {
        let steps: Vec<Value> = pending
            .iter()
            .map(|step| json!({"version": step.version, "name": step.name}))
            .collect();
        ui.json(&json!({
            "schema": "belay.migrate/1",
            "store": name,
            "done": !args.check,
            "migrations": steps,
        }))?;
    } else if pending.is_empty() {
        ui.result(&format!("{name} is up to date\n"))?;
    } else {
        let verb = if args.check { "needs" } else { "now has" };
        for step in &pending {
            ui.result(&format!("{name} {verb} migration {}, {}\n", step.version, step.name))?;
        }
    }
    Ok(if args.check && !pending.is_empty() { Outcome::No } else { Outcome::Clear })
}

/// A URL, the configured store, or the state folder of a SQLite store.
async fn open(place: &str, house: &House) -> Result<Store, Failure> {
    if place == CONFIGURED {
        return house.store().await;
    }
    if place.contains("://") {
        Ok(Store::connect(place, &house.state_folder()).await?)
    } else {
        Ok(Store::open(&house.folder.join(place)).await?)
    }
}

/// The same, of a store that must be there: a wrong name would make an empty one.
async fn existing(place: &str, house: &House) -> Result<Store, Failure> {
    if !place.contains("://") && place != CONFIGURED {
        Store::must_exist(&house.folder.join(Path::new(place)))?;
    }
    open(place, house).await
}
