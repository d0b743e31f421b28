//! `belay state`: the base of later reviews, as the default branch's last run left it.

use belay_flow::{FlowError, base_state};
use belay_outside::Repository;
use serde_json::json;

use crate::args::StateCommand;
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn state(
    command: &StateCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let repository = Repository::around(&house.folder).await.map_err(FlowError::from)?;
    let (told, commit, remark) = match command {
        StateCommand::Save(args) => {
            let (from, out) = (house.folder.join(&args.artefacts), house.folder.join(&args.out));
            let state = base_state::save(&repository, &from, &out).await?;
            ("saved", state.commit, None)
        }
        StateCommand::Check(args) => {
            let folder = house.folder.join(&args.folder);
            let branch = house.config.text("impact.default_branch");
            let (_, remark) =
                base_state::check(&repository, branch, "HEAD", &folder, args.allow_stale_base)
                    .await?;
            let state = base_state::read(&folder).map_err(FlowError::from)?;
            (if remark.is_some() { "stale" } else { "current" }, state.commit, remark)
        }
    };
    if ui.is_json() {
        let document = json!({
            "schema": base_state::SCHEMA, "is": told, "commit": commit, "remark": remark,
        });
        ui.json(&document)?;
    } else {
        ui.result(&format!("the base state of commit {commit} is {told}\n"))?;
        if let Some(remark) = remark {
            ui.note(&remark);
        }
    }
    Ok(Outcome::Clear)
}
