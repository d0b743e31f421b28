//! `belay impact`: reviews a dbt change. Exit 1 when the risk reaches the threshold.

use std::path::Path;

use belay_flow::impact::{self, Request, Reviewed, Settings};
use belay_flow::{Desk, report};
use belay_model::record::{Score, Verdict};

use crate::args::{FailOn, Format, ImpactArgs, fail_on, level};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn impact(
    args: &ImpactArgs,
    mut house: House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    if let Some(target) = &args.target {
        house.config.set("dbt.target", target.clone());
        house.tools.settings.target = Some(target.clone());
    }
    if let Some(out) = &args.out {
        form_of(out)?;
    }
    let desk = house.desk(ui).await?;
    let request = request(args, &house);
    let reviewed = impact::review(&desk, &house.tools, &request).await?;
    print(args, &reviewed, ui)?;
    if let Some(out) = &args.out {
        let body = rendered(form_of(out)?, &reviewed)?;
        impact::export(&desk, reviewed.run, &house.folder.join(out), body.as_bytes()).await?;
        ui.note(&format!("wrote {}", out.display()));
    }
    after(&desk, &reviewed, ui);
    let threshold = match (args.fail_on, house.config.text("impact.fail_on").map(fail_on)) {
        (Some(asked), _) | (None, Some(Ok(asked))) => asked,
        _ => FailOn::Never,
    };
    Ok(match threshold {
        FailOn::From(severity) if reviewed.level >= severity => Outcome::No,
        _ => Outcome::Clear,
    })
}

pub(crate) fn request(args: &ImpactArgs, house: &House) -> Request {
    let config = &house.config;
    Request {
        folder: house.folder.clone(),
        base: args.base.clone(),
        head: args.head.clone(),
        build: !args.no_build,
        keep: args.keep,
        level: args.level.or_else(|| config.text("impact.level").and_then(|text| level(text).ok())),
        database: args.database.clone(),
        settings: settings(house),
    }
}

pub(crate) fn settings(house: &House) -> Settings {
    let config = &house.config;
    Settings {
        keys: config.keys("impact.keys"),
        sensitive: config.list("impact.sensitive"),
        samples: config.count("impact.samples").unwrap_or(3),
        threads: config.count("impact.threads"),
        external_access: config.flag("impact.external_access"),
        memory_limit: config.text("impact.memory_limit").map(str::to_owned),
    }
}

fn print(args: &ImpactArgs, reviewed: &Reviewed, ui: &Ui) -> Result<(), Failure> {
    ui.result(&rendered(args.format, reviewed)?)
}

fn rendered(format: Format, reviewed: &Reviewed) -> Result<String, Failure> {
    let report = &reviewed.report;
    Ok(match format {
        Format::Text => report::terminal(report),
        Format::Json => report::json(report)?,
        Format::Md => report::markdown(report),
        Format::Html => report::html(report)?,
    })
}

fn form_of(out: &Path) -> Result<Format, Failure> {
    match out.extension().and_then(|ending| ending.to_str()) {
        Some("html") => Ok(Format::Html),
        Some("md") => Ok(Format::Md),
        Some("json") => Ok(Format::Json),
        _ => Err(Failure::input(
            "report/form",
            format!("cannot tell the form of `{}`", out.display()),
        )
        .help("end the name with .html, .md or .json")),
    }
}

/// What comes next, beside the result.
pub(crate) fn after(desk: &Desk, reviewed: &Reviewed, ui: &Ui) {
    let failed: Vec<&Score> =
        reviewed.scores.iter().filter(|score| score.verdict == Verdict::Fail).collect();
    for score in &failed {
        let (dimension, check) = (score.dimension, &score.check);
        ui.note(&format!(
            "scorecard: {dimension}/{check} failed: {} {}",
            score.value, score.explanation
        ));
    }
    let passed = reviewed.scores.iter().filter(|score| score.verdict == Verdict::Pass).count();
    let (all, review) = (reviewed.scores.len(), reviewed.review.short());
    ui.note(&format!(
        "\nscorecard {passed} of {all} passed · recorded for `{}`\nnext:\n  belay review show {review} --format md\n  \
         belay review accept {review}    or    belay review reject {review} --reason \"…\"\n  belay runs show {}\n  belay trace check {}",
        desk.actor,
        reviewed.run.short(),
        reviewed.run.short()
    ));
}
