//! `belay lineage`: where columns come from and who depends on them, from dbt's artefacts.

use std::path::PathBuf;

use belay_flow::lineage::{self, Asked, Direction, Form};

use super::records::plain;
use crate::args::{LineageArgs, LineageFormat};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) fn lineage(args: &LineageArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let manifest = manifest(args, house)?;
    let beside = manifest.with_file_name("catalog.json");
    let catalog = args.catalog.as_ref().map(|path| house.folder.join(path));
    let catalog = catalog.or_else(|| beside.is_file().then_some(beside));
    let cache = house.tools.cache.folder().join("lineage");
    let loaded = lineage::load(&manifest, catalog.as_deref(), Some(&cache))?;
    let direction = match (args.up, args.down) {
        (true, _) => Direction::Up,
        (_, true) => Direction::Down,
        _ => Direction::Both,
    };
    let depth = args.depth.and_then(|depth| usize::try_from(depth).ok());
    let answer = loaded.answer(&Asked { what: args.what.clone(), direction, depth })?;
    let text = match args.format {
        LineageFormat::Text => plain(&Form::Text { types: args.column_types }.render(&answer)?),
        LineageFormat::Dot => Form::Dot.render(&answer)?,
        LineageFormat::Html => Form::Html.render(&answer)?,
        LineageFormat::Json => Form::Json.render(&answer)?,
    };
    ui.result(&text)?;
    for advice in loaded.advice(&answer) {
        ui.note(&advice);
    }
    Ok(Outcome::Clear)
}

fn manifest(args: &LineageArgs, house: &House) -> Result<PathBuf, Failure> {
    Ok(match (&args.manifest, &args.target_dir) {
        (Some(file), _) => house.folder.join(file),
        (None, Some(folder)) => house.folder.join(folder).join("manifest.json"),
        (None, None) => lineage::target_of(&house.folder)?.join("manifest.json"),
    })
}
