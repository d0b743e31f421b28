//! `belay schema` and `belay explain`: reference pages out of the binary.

use belay_flow::lineage::wire as lineage;
use belay_flow::report::wire;
use schemars::schema_for;

use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

/// What every error means, one section a slug.
const ERRORS: &str = include_str!("../../../docs/reference/errors.md");

/// Documents that have a published schema.
pub(crate) const SCHEMAS: [&str; 4] = ["impact", "lineage", "scorecard", "sql-compare"];

pub(crate) fn schema(name: Option<&str>, ui: &Ui) -> Result<Outcome, Failure> {
    match name {
        None => ui.result(&format!("{}\n", SCHEMAS.join("\n")))?,
        Some("impact") => ui.json(&impact_schema())?,
        Some("lineage") => ui.json(&lineage_schema())?,
        Some("scorecard") => ui.json(&belay_flow::eval::scorecard_schema())?,
        Some("sql-compare") => ui.json(&crate::commands::sql::schema())?,
        Some(name) => {
            return Err(Failure::input("schema/unknown", format!("there is no schema `{name}`"))
                .help(format!("the schemas are: {}", SCHEMAS.join(", "))));
        }
    }
    Ok(Outcome::Clear)
}

/// The schema of `belay.impact/1`; `schema` must say just that.
pub(crate) fn impact_schema() -> schemars::Schema {
    let mut schema = schema_for!(wire::Impact);
    if let Some(word) = schema.pointer_mut("/properties/schema") {
        *word = serde_json::json!({"const": wire::SCHEMA});
    }
    schema
}

/// The schema of `belay.lineage/1`.
fn lineage_schema() -> schemars::Schema {
    let mut schema = schema_for!(lineage::Lineage);
    if let Some(word) = schema.pointer_mut("/properties/schema") {
        *word = serde_json::json!({"const": lineage::SCHEMA});
    }
    schema
}

pub(crate) fn explain(slug: Option<&str>, ui: &Ui) -> Result<Outcome, Failure> {
    let Some(slug) = slug else {
        let slugs: Vec<&str> = ERRORS.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        ui.result(&format!("{}\n", slugs.join("\n")))?;
        return Ok(Outcome::Clear);
    };
    match page(slug) {
        Some(page) => {
            ui.result(&format!("{slug}\n\n{}\n", page.trim()))?;
            Ok(Outcome::Clear)
        }
        None => Err(Failure::input("explain/unknown", format!("there is no error `{slug}`"))
            .help("`belay explain` lists all of them")),
    }
}

/// The text of a section.
fn page(slug: &str) -> Option<String> {
    let mut sections = ERRORS.split("\n## ");
    let section = sections.find(|section| section.lines().next() == Some(slug))?;
    Some(section.lines().skip(1).collect::<Vec<_>>().join("\n"))
}
