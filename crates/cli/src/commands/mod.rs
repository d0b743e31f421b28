//! One function a command: translate, call, print.

mod clean;
mod demo;
mod eval;
mod impact;
mod records;
mod reviews;
mod setup;

use crate::args::{Cli, Command};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::pages;
use crate::ui::Ui;

pub(crate) async fn run(cli: &Cli, ui: &Ui) -> Result<Outcome, Failure> {
    match &cli.command {
        Command::Demo(args) => demo::demo(args, ui).await,
        Command::Eval(command) => eval::eval(command, &House::here()?, ui).await,
        Command::Init(_) => setup::init(&House::here()?, ui).await,
        Command::Impact(args) => impact::impact(args, House::here()?, ui).await,
        Command::Runs(command) => records::runs(command, &House::here()?, ui).await,
        Command::Trace(command) => records::trace(command, &House::here()?, ui).await,
        Command::Review(command) => reviews::review(command, &House::here()?, ui).await,
        Command::Clean(args) => clean::clean(args, &House::here()?, ui).await,
        Command::Drivers(command) => setup::drivers(command, &House::here()?, ui).await,
        Command::Doctor(_) => setup::doctor(&House::here()?, ui).await,
        Command::Config(_) => setup::config(&House::here()?, ui),
        Command::Schema(args) => pages::schema(args.name.as_deref(), ui),
        Command::Explain(args) => pages::explain(args.slug.as_deref(), ui),
    }
}
