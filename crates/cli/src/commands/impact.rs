//! `belay impact`: reviews a dbt change. Exit 1 when the risk reaches the threshold.

use std::path::Path;

use belay_diff::Limits;
use belay_flow::impact::{self, DiffSettings, Request, Reviewed, Settings};
use belay_flow::report::Form;
use belay_flow::{Desk, FlowError, base_state, summary};
use belay_model::record::{Score, Verdict};
use belay_outside::Repository;
use belay_outside::language_model::{LanguageModel, ModelApi};

use super::work::by_hand;
use crate::args::{FailOn, ImpactArgs, ImpactFormat, fail_on, level};
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
    let request = with_base_state(args, &house, request(args, &house)?).await?;
    let desk = house.desk(ui).await?;
    if args.queue {
        let run = impact::enqueue(&desk, &request).await?;
        ui.result(&format!("run {} waits for `belay work`\n", run.id.short()))?;
        return Ok(Outcome::Clear);
    }
    let reviewed = impact::review(&desk, &house.tools, &request).await;
    let reviewed = by_hand(&desk, reviewed, ui).await?;
    ui.result(&form(args.format).render(&reviewed.report)?)?;
    for out in &args.out {
        ui.note(&format!("wrote {}", out.display()));
    }
    after(&desk, &reviewed, ui);
    Ok(verdict(&house, args.fail_on, &reviewed))
}

/// With the base that the default branch's last run left, if it is the right one.
async fn with_base_state(
    args: &ImpactArgs,
    house: &House,
    mut request: Request,
) -> Result<Request, Failure> {
    let Some(folder) = &args.base_state else { return Ok(request) };
    let repository = Repository::around(&house.folder).await.map_err(FlowError::from)?;
    // A folder of artefacts is of what is checked out.
    let head =
        args.head.as_deref().filter(|head| !house.folder.join(head).is_dir()).unwrap_or("HEAD");
    let (branch, folder) = (request.settings.default_branch.as_deref(), house.folder.join(folder));
    let (folder, remark) =
        base_state::check(&repository, branch, head, &folder, args.allow_stale_base).await?;
    request.base = Some(folder.to_string_lossy().into_owned());
    request.remarks.extend(remark);
    Ok(request)
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
        everything: args.everything,
        keep: args.keep,
        level: args.level.or_else(|| config.text("impact.level").and_then(|text| level(text).ok())),
        database: args.database.clone(),
        copies: copies.collect::<Result<_, Failure>>()?,
        pull_request: args.pull_request.as_ref().map(|path| house.folder.join(path)),
        remarks: Vec::new(),
        settings: settings(house)?,
    })
}

pub(crate) fn settings(house: &House) -> Result<Settings, Failure> {
    let config = &house.config;
    Ok(Settings {
        keys: config.keys("impact.keys"),
        sensitive: config.list("impact.sensitive"),
        samples: config.count("impact.samples").unwrap_or(3),
        threads: config.count("impact.threads"),
        external_access: config.flag("impact.external_access"),
        memory_limit: config.text("impact.memory_limit").map(str::to_owned),
        run_hooks: config.flag("impact.run_hooks"),
        default_branch: config.text("impact.default_branch").map(str::to_owned),
        summary: summary(house)?,
        diff: DiffSettings {
            limits: Limits {
                max_rows: config.size("diff.max_rows"),
                max_bytes: config.size("diff.max_bytes"),
            },
            max_seconds: config.size("diff.max_seconds"),
            tolerance: config.tolerances("diff.tolerance"),
        },
    })
}

/// The language model that the configuration names, if it names one.
fn summary(house: &House) -> Result<Option<summary::Settings>, Failure> {
    let config = &house.config;
    let Some(api) = config.text("summary.api") else { return Ok(None) };
    let wrong = |message: String| Failure::input("summary/settings", message);
    let needed = |name: &str| {
        let missing = || wrong(format!("`summary.api` is set, and `{name}` is not"));
        config.text(name).ok_or_else(missing)
    };
    let api = ModelApi::parse(api).ok_or_else(|| {
        wrong(format!("`summary.api` is `{api}`")).help("write openai or anthropic")
    })?;
    let variable = config.text("summary.key_env").unwrap_or("BELAY_MODEL_KEY");
    let key = (house.tools.env)(variable).ok_or_else(|| {
        wrong(format!("the variable `{variable}` holds no key for the language model"))
            .help("set it, name another with `summary.key_env`, or take `summary.api` out")
    })?;
    let price = |name: &str| match config.text(name).map(str::parse::<f64>) {
        None => Ok(None),
        Some(Ok(price)) if price.is_finite() && price >= 0.0 => Ok(Some(price)),
        Some(_) => Err(wrong(format!("`{name}` is no price"))),
    };
    let tokens = config.count("summary.max_tokens").unwrap_or(600) as u64;
    let model =
        LanguageModel::new(api, needed("summary.url")?, needed("summary.model")?, key, tokens);
    Ok(Some(summary::Settings {
        model: model.map_err(FlowError::from)?,
        rows: config.flag("summary.rows"),
        price: price("summary.price_in")?.zip(price("summary.price_out")?),
    }))
}

const fn form(format: ImpactFormat) -> Form {
    match format {
        ImpactFormat::Text => Form::Text,
        ImpactFormat::Json => Form::Json,
        ImpactFormat::Md => Form::Markdown,
        ImpactFormat::Html => Form::Html,
        ImpactFormat::Sarif => Form::Sarif,
        ImpactFormat::Junit => Form::Junit,
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
        Some("sarif") => Ok(Form::Sarif),
        Some("xml") => Ok(Form::Junit),
        _ => Err(Failure::input(
            "report/form",
            format!("cannot tell the form of `{}`", out.display()),
        )
        .help("end the name with .html, .md, .json, .sarif or .xml")),
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
