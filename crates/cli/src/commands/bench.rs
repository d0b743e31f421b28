//! `belay bench`: what reviews catch, measured.

use belay_flow::bench::{self, Form, Project, Request};
use belay_flow::eval::Range;
use serde_json::{Value, json};

use super::records::{rows, table};
use crate::args::{BenchCommand, BenchFormat, PlainFormat, RegressionsArgs};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn bench(
    command: &BenchCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let BenchCommand::Regressions(args) = command;
    regressions(args, house, ui).await
}

async fn regressions(args: &RegressionsArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let request = Request {
        projects: args.project.clone(),
        cases: args.case.clone(),
        measure: args.measure,
        sql: args.sql.as_ref().map(|folder| house.folder.join(folder)),
    };
    let folder = args.against.as_ref().map(|folder| house.folder.join(folder));
    let projects = bench::choose(bench::read(folder.as_deref())?, &request)?;
    if args.list {
        return list(&projects, ui);
    }
    // Everything of the bench, its record too, is in folders that go when it is over.
    let mut ranges = Vec::new();
    for job in 0..args.jobs {
        ranges.push(range(house, job).await?);
    }
    let told = apart(house, &ranges, ui).await?;
    let card = bench::run(&told, &house.tools, &ranges, &projects, &request).await?;
    ui.result(&card.render(match args.format {
        BenchFormat::Text => Form::Text,
        BenchFormat::Json => Form::Json,
        BenchFormat::Md => Form::Markdown,
    }))?;
    Ok(if card.is_good() { Outcome::Clear } else { Outcome::No })
}

/// The desk that people are told at; nothing is recorded there.
async fn apart(house: &House, ranges: &[Range], ui: &Ui) -> Result<belay_flow::Desk, Failure> {
    let mut told = House::open(&house.folder)?;
    if let Some(first) = ranges.first() {
        told.config.set("state", first.folder.join("told").to_string_lossy().into_owned());
    }
    told.desk(ui).await
}

async fn range(house: &House, job: u8) -> Result<Range, Failure> {
    let name = format!("bench-{}-{job}", std::process::id());
    let folder = house.state_folder().join("tmp").join(name);
    let mut apart = House::open(&house.folder)?;
    apart.config.set("state", folder.join("state").to_string_lossy().into_owned());
    let desk = apart.desk(&Ui::new(PlainFormat::Text, true)).await?;
    Ok(Range { desk, folder })
}

fn list(projects: &[Project], ui: &Ui) -> Result<Outcome, Failure> {
    if ui.is_json() {
        let cases = projects.iter().flat_map(|project| {
            let of = |case: &bench::Case| {
                json!({"id": case.id, "project": project.name, "kind": case.kind.as_str(),
                       "class": case.class, "why": case.why, "tests_fail": case.tests_fail})
            };
            project.cases.iter().map(of).collect::<Vec<Value>>()
        });
        let cases: Vec<Value> = cases.collect();
        ui.json(&json!({"schema": "belay.bench-cases-list/1", "cases": cases}))?;
        return Ok(Outcome::Clear);
    }
    let mut text = table(&["case", "project", "kind", "class"]);
    for project in projects {
        for case in &project.cases {
            text.add_row([&case.id, &project.name, case.kind.as_str(), &case.class]);
        }
    }
    ui.result(&rows(&text))?;
    Ok(Outcome::Clear)
}
