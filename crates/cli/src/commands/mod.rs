//! One function a command: translate, call, print.

mod approvals;
pub(crate) mod audit;
mod bench;
mod clean;
mod demo;
mod eval;
mod impact;
mod level;
mod lineage;
pub(crate) mod policy;
mod publish;
pub(crate) mod records;
mod reviews;
mod setup;
mod state;
pub(crate) mod sql;
mod store;
mod trace;
mod work;
mod workers;

use crate::args::{
    Cli, Command, EvalCommand, LevelCommand, ReviewCommand, RunsCommand, TraceCommand,
};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::pages;
use crate::ui::Ui;

/// Does what was asked, and signs what it left in the audit.
pub(crate) async fn run(cli: &Cli, ui: &Ui) -> Result<Outcome, Failure> {
    let outcome = asked(cli, ui).await;
    // What kept belay from its store would keep it from signing, too.
    let cut_off = outcome.as_ref().is_err_and(Failure::is_of_surroundings);
    if !cut_off && leaves_a_record(&cli.command) {
        audit::vouch(ui).await;
    }
    outcome
}

/// Commands that end a run or write down what a person said. A worker signs while it is at work.
fn leaves_a_record(command: &Command) -> bool {
    match command {
        Command::Impact(_)
        | Command::Run(_)
        | Command::Rollback(_)
        | Command::Clean(_)
        | Command::Approve(_)
        | Command::Deny(_)
        | Command::Publish(_)
        | Command::Eval(EvalCommand::Run(_))
        | Command::Trace(TraceCommand::Listen(_))
        | Command::Review(ReviewCommand::Accept(_) | ReviewCommand::Reject(_))
        | Command::Audit(audit::AuditCommand::Erase(_)) => true,
        Command::Runs(command) => {
            !matches!(command, RunsCommand::List(_) | RunsCommand::Show(_) | RunsCommand::Replay(_))
        }
        Command::Level(command) => !matches!(command, LevelCommand::Show(_)),
        _ => false,
    }
}

async fn asked(cli: &Cli, ui: &Ui) -> Result<Outcome, Failure> {
    match &cli.command {
        Command::Audit(command) => audit::audit(command, ui).await,
        Command::Bench(command) => bench::bench(command, &House::here()?, ui).await,
        Command::Demo(args) => demo::demo(args, ui).await,
        Command::Eval(command) => eval::eval(command, &House::here()?, ui).await,
        Command::Init(_) => setup::init(&House::here()?, ui).await,
        Command::Impact(args) => impact::impact(args, House::here()?, ui).await,
        Command::Publish(args) => publish::publish(args, &House::here()?, ui).await,
        Command::Lineage(args) => lineage::lineage(args, &House::here()?, ui),
        Command::Run(args) => work::start(args, &House::here()?, ui).await,
        Command::Runs(command) => runs(command, &House::here()?, ui).await,
        Command::Rollback(args) => work::roll_back(args, &House::here()?, ui).await,
        Command::Work(args) => work::work(args, &House::here()?, ui).await,
        Command::Approvals(command) => approvals::approvals(command, &House::here()?, ui).await,
        Command::Approve(args) => approvals::approve(args, &House::here()?, ui).await,
        Command::Deny(args) => approvals::deny(args, &House::here()?, ui).await,
        Command::Level(command) => level::level(command, &House::here()?, ui).await,
        Command::Trace(command) => trace::trace(command, &House::here()?, ui).await,
        Command::Policy(command) => policy::policy(command, &House::here()?, ui).await,
        Command::Review(command) => reviews::review(command, &House::here()?, ui).await,
        Command::Sql(command) => sql::sql(command, ui),
        Command::Workers(command) => workers::workers(command, &House::here()?, ui),
        Command::Workflows(command) => workers::workflows(command, &House::here()?, ui),
        Command::Clean(args) => clean::clean(args, &House::here()?, ui).await,
        Command::Drivers(command) => setup::drivers(command, &House::here()?, ui).await,
        Command::Doctor(_) => setup::doctor(&House::here()?, ui).await,
        Command::Config(_) => setup::config(&House::here()?, ui),
        Command::Migrate(args) => store::migrate(args, &House::here()?, ui).await,
        Command::State(command) => state::state(command, &House::here()?, ui).await,
        Command::Store(command) => store::store(command, &House::here()?, ui).await,
        Command::Schema(args) => pages::schema(args.name.as_deref(), ui),
        Command::Explain(args) => pages::explain(args.slug.as_deref(), ui),
    }
}

async fn runs(command: &RunsCommand, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    match command {
        RunsCommand::List(_) => records::list_runs(house, ui).await,
        RunsCommand::Show(args) => records::show_run(args, house, ui).await,
        RunsCommand::Resume(args) => work::resume(args, house, ui).await,
        RunsCommand::Cancel(args) => work::cancel(args, house, ui).await,
        RunsCommand::Report(args) => work::report(args, house, ui).await,
        RunsCommand::Resolve(args) => work::resolve(args, house, ui).await,
        RunsCommand::Replay(args) => work::replay(args, house, ui).await,
    }
}
