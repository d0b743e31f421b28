//! `belay impact`: reviews a dbt change. Exit 1 when the risk reaches the threshold.

use std::path::Path;

use belay_diff::Limits;
use belay_flow::Desk;
use belay_flow::impact::{self, DiffSettings, Request, Reviewed, Settings};
use belay_flow::report::Form;
use belay_model::record::{Score, Verdict};

use super::work::by_hand;
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
    let request = request(args, &house)?;
    let desk = house.desk(ui).await?;
    if args.queue {
        let run = impact::enqueue(&desk, &request).await?;
        ui.result(&format!("run {} waits for `belay work`\n", run.id.short()))?;
        return Ok(Outcome::Clear);
    }
    let reviewed = impact::review(&desk, &house.tools, &request).await;
    let reviewed = by_hand(&desk, reviewed, ui).await?;
    ui.result(&form(args.format).render(&reviewed.report)?)?;
    if let Some(out) = &args.out {
        ui.note(&format!("wrote {}", out.display()));
    }
    after(&desk, &reviewed, ui);
    Ok(verdict(&house, args.fail_on, &reviewed))
}

/// Whether the risk reaches the threshold.
pub(crate) fn verdict(house: &House, asked: Option<FailOn>, reviewed: &Reviewed) -> Outcome {
    let threshold = match (asked, house.config.text("impact.fail_on").map(fail_on)) {
        (Some(asked), _) | (None, Some(Ok(asked))) => asked,
        _ => FailOn::Never,
    };
    match threshold {
        FailOn::From(severity) if reviewed.level >= severity => Outcome::No,
        _ => Outcome::Clear,
    }
}

fn request(args: &ImpactArgs, house: &House) -> Result<Request, Failure> {
    let config = &house.config;
    let copies = args.out.iter().map(|out| Ok((house.folder.join(out), form_of(out)?)));
    Ok(Request {
        folder: house.folder.clone(),
        base: args.base.clone(),
        head: args.head.clone(),
        build: !args.no_build,
        keep: args.keep,
        level: args.level.or_else(|| config.text("impact.level").and_then(|text| level(text).ok())),
        database: args.database.clone(),
        copies: copies.collect::<Result<_, Failure>>()?,
        settings: settings(house),
    })
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
        run_hooks: config.flag("impact.run_hooks"),
        default_branch: config.text("impact.default_branch").map(str::to_owned),
        diff: DiffSettings {
            limits: Limits {
                max_rows: config.size("diff.max_rows"),
                max_bytes: config.size("diff.max_bytes"),
            },
            max_seconds: config.size("diff.max_seconds"),
            tolerance: config.tolerances("diff.tolerance"),
        },
    }
}

const fn form(format: Format) -> Form {
    match format {
        Format::Text => Form::Text,
        Format::Json => Form::Json,
        Format::Md => Form::Markdown,
        Format::Html => Form::Html,
    }
}

/// What the ending of a file asks for.
fn form_of(out: &Path) -> Result<Form, Failure> {
    if out.is_dir() {
        let message = format!("`{}` is a folder", out.display());
        return Err(Failure::input("report/form", message).help("name a file in it"));
    }
    match out.extension().and_then(|ending| ending.to_str()) {
        Some("html") => Ok(Form::Html),
        Some("md") => Ok(Form::Markdown),
        Some("json") => Ok(Form::Json),
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
    let count = |verdict| reviewed.scores.iter().filter(|score| score.verdict == verdict).count();
    let (passed, open) = (count(Verdict::Pass), count(Verdict::Inconclusive));
    let open = if open > 0 { format!(", {open} inconclusive") } else { String::new() };
    let all = reviewed.scores.len();
    let run = reviewed.run.short();
    let word = match reviewed.concluded.review() {
        Some(review) => {
            let review = review.short();
            format!(
                "  belay review show {review} --format md\n  \
                 belay review accept {review}    or    belay review reject {review} --reason \"…\"\n"
            )
        }
        None => String::new(),
    };
    ui.note(&format!(
        "\nscorecard {passed} of {all} passed{open} · recorded for `{}`\nnext:\n{word}  belay runs show {run}\n  belay trace check {run}",
        desk.actor,
    ));
}
