//! `belay eval`: suites, datasets and scorecards.

use belay_flow::eval::{self, Form, Range, Request};
use belay_model::Explain as _;
use belay_score::scorecard::{Scorecard, Word};
use serde_json::{Value, json};

use super::records::{rows, table};
use crate::args::{
    CardFormat, EvalCheckArgs, EvalCommand, EvalFreezeArgs, EvalRunArgs, EvalShowArgs, PlainFormat,
};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn eval(
    command: &EvalCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    match command {
        EvalCommand::List(_) => list(house, ui),
        EvalCommand::Check(args) => check(args, house, ui),
        EvalCommand::Run(args) => run(args, house, ui).await,
        EvalCommand::Freeze(args) => freeze(args, house, ui).await,
        EvalCommand::Show(args) => show(args, house, ui).await,
    }
}

fn list(house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let shelf = house.shelf()?;
    let mut text = table(&["suite", "version", "checks", "from", "purpose"]);
    let mut found = Vec::new();
    for name in shelf.names() {
        let shelved = shelf.suite(&name)?;
        let (suite, file) = (&shelved.suite, &shelved.file);
        found.push(json!({"suite": name, "version": suite.version, "checks": suite.checks.len(),
                          "file": file, "purpose": suite.purpose, "digest": suite.digest.to_string()}));
        let checks = suite.checks.len().to_string();
        text.add_row([&name, &suite.version, &checks, file, &suite.purpose]);
    }
    if ui.is_json() {
        ui.json(&json!({"schema": "belay.suites/1", "suites": found}))?;
    } else {
        ui.result(&rows(&text))?;
    }
    Ok(Outcome::Clear)
}

/// Reads every suite, so that one that is wrong does not hide the next. Exit 2 when one is.
fn check(args: &EvalCheckArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let shelf = house.shelf()?;
    let names = if args.suites.is_empty() { shelf.names() } else { args.suites.clone() };
    let mut checked: Vec<Value> = Vec::new();
    let mut wrong = Vec::new();
    for name in &names {
        match shelf.suite(name) {
            Ok(shelved) => {
                checked.push(json!({"suite": name, "file": shelved.file, "valid": true}));
            }
            Err(error) if error.code() == "eval/suite" => wrong.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    if !wrong.is_empty() {
        return Err(Failure::input("eval/suite", wrong.join("\n")));
    }
    if args.format == PlainFormat::Json {
        ui.json(&json!({"schema": "belay.eval-check/1", "suites": checked}))?;
    } else {
        ui.result(&format!("{} suites can be used: {}\n", names.len(), names.join(", ")))?;
    }
    Ok(Outcome::Clear)
}

async fn run(args: &EvalRunArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let shelf = house.shelf()?;
    let suite = shelf.suite(&args.suite)?;
    let desk = house.desk(ui).await?;
    let range = range(house).await?;
    let request = Request {
        suite: &suite,
        dataset: args.dataset.clone(),
        baseline: args.baseline.clone(),
        trials: args.trials.map(usize::from),
        out: args.out.clone(),
    };
    let card = eval::run(&desk, &house.tools, &shelf, &range, &request).await?;
    print(&card, args.format, &suite.file, ui)?;
    if let Some(out) = &args.out {
        ui.note(&format!("wrote the scorecard to {}", out.display()));
    }
    Ok(match card.verdict {
        Word::Pass => Outcome::Clear,
        Word::Fail => Outcome::No,
        Word::Inconclusive => Outcome::Inconclusive,
    })
}

/// A record of its own for executed cases, inside belay's temporary folder.
async fn range(house: &House) -> Result<Range, Failure> {
    let folder = house.state_folder().join("tmp").join(format!("range-{}", std::process::id()));
    let mut apart = House::open(&house.folder)?;
    apart.config.set("state", folder.join("state").to_string_lossy().into_owned());
    let desk = apart.desk(&Ui::new(PlainFormat::Text, true)).await?;
    Ok(Range { desk, folder })
}

async fn freeze(args: &EvalFreezeArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    if !(0.0..=1.0).contains(&args.holdout) {
        return Err(Failure::input("usage", "`--holdout` must be a share from 0 to 1"));
    }
    let desk = house.desk(ui).await?;
    let frozen = eval::dataset::freeze(&desk, &args.query, args.holdout).await?;
    fs_err::write(&args.out, &frozen.text)
        .map_err(|error| Failure::surroundings("files/io", error.to_string()))?;
    if ui.is_json() {
        ui.json(&json!({"schema": "belay.eval-freeze/1", "file": args.out.display().to_string(),
                        "digest": frozen.digest, "cases": frozen.cases, "held_out": frozen.held_out}))?;
    } else {
        ui.result(&format!(
            "froze {} cases, {} of them held out, to {}\n  digest {}\n",
            frozen.cases,
            frozen.held_out,
            args.out.display(),
            frozen.digest
        ))?;
    }
    Ok(Outcome::Clear)
}

async fn show(args: &EvalShowArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let card = eval::card(&desk, &args.run, None).await?;
    print(&card, args.format, &format!("belay/evaluators/{}.yaml", card.suite), ui)?;
    Ok(Outcome::Clear)
}

fn print(card: &Scorecard, format: CardFormat, file: &str, ui: &Ui) -> Result<(), Failure> {
    let form = match format {
        CardFormat::Text => Form::Text,
        CardFormat::Json => Form::Json,
        CardFormat::Md => Form::Markdown,
        CardFormat::Junit => Form::Junit,
        CardFormat::Sarif => Form::Sarif,
    };
    ui.result(&form.render(card, file)?)
}
