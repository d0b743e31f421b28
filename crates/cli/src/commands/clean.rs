//! `belay clean`: drops what interrupted runs left behind.

use belay_flow::clean::{self, Leftover};
use serde_json::{Value, json};

use crate::args::CleanArgs;
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn clean(args: &CleanArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    if args.dry_run {
        let found = clean::leftovers(&desk).await?;
        let lines: Vec<(Value, String)> =
            found.iter().map(|one| (json_of(one, &[]), words(one))).collect();
        return print(ui, "would drop", lines);
    }
    let cleaned = clean::clean(&desk, &house.tools).await?;
    let lines = cleaned
        .iter()
        .map(|one| {
            let dropped = if one.dropped.is_empty() {
                "no schema was left".to_owned()
            } else {
                one.dropped.join(", ")
            };
            (json_of(&one.leftover, &one.dropped), format!("{} ({dropped})", words(&one.leftover)))
        })
        .collect();
    print(ui, "dropped", lines)
}

fn print(ui: &Ui, verb: &str, lines: Vec<(Value, String)>) -> Result<Outcome, Failure> {
    if ui.is_json() {
        let rows: Vec<Value> = lines.into_iter().map(|(row, _)| row).collect();
        ui.json(&json!({"schema": "belay.clean/1", "action": verb, "leftovers": rows}))?;
    } else if lines.is_empty() {
        ui.result("nothing is left behind\n")?;
    } else {
        lines.into_iter().try_for_each(|(_, line)| ui.result(&format!("{verb} {line}\n")))?;
    }
    Ok(Outcome::Clear)
}

fn words(leftover: &Leftover) -> String {
    let schema = leftover.claim.as_ref().map(|claim| format!("schemas `{}*`", claim.prefix));
    let folder = leftover.folder.as_ref().map(|_| "a temporary folder".to_owned());
    let what: Vec<String> = [schema, folder].into_iter().flatten().collect();
    format!("{} of run {}, {}", what.join(" and "), leftover.run.id.short(), leftover.run.state)
}

fn json_of(leftover: &Leftover, dropped: &[String]) -> Value {
    json!({
        "run": leftover.run.id.to_string(),
        "state": leftover.run.state.as_str(),
        "schemas": leftover.claim.as_ref().map(|claim| format!("{}*", claim.prefix)),
        "database": leftover.claim.as_ref().map(|claim| &claim.database),
        "folder": leftover.folder.as_ref().map(|folder| folder.display().to_string()),
        "dropped": dropped,
    })
}
