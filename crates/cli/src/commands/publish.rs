//! `belay publish`: shows a finished report on its pull request.

use belay_flow::publish::{self, Publication};
use belay_model::Severity;
use belay_outside::Repository;
use belay_outside::host::{Host, HostKind, PullRequest};
use serde_json::json;

use crate::args::{FailOn, PublishArgs, PublishTo, fail_on};
use crate::ci::{self, Job};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn publish(
    args: &PublishArgs,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let env = |name: &str| (house.tools.env)(name);
    let desk = house.desk(ui).await?;
    let finished = publish::finished(&desk, &args.run).await?;
    let publication = Publication {
        name: args.name.clone().unwrap_or_else(|| workspace(house)),
        fail_on: threshold(args, house),
        artefact: args.artefact.clone(),
    };
    if args.dry_run {
        let (_, body) = publish::comment(&publication, &finished.report);
        ui.result(&body)?;
        return Ok(Outcome::Clear);
    }
    let pull = pull_request(args, &Job::read(&env))?;
    let token = ci::token(pull.host, &env).ok_or_else(|| {
        let names = ci::names(pull.host);
        Failure::input("publish/no-token", format!("there is no token for {}", pull.shown()))
            .help(format!("put it into the variable {} or {}", names[0], names[1]))
    })?;
    let repository = Repository::around(&house.folder).await.ok();
    let head = pull.head.clone();
    let host = Host::new(pull, token).map_err(belay_flow::FlowError::from)?;
    let changes = publish::changes(repository.as_ref(), &finished.report, &head).await;
    let shown = publish::publish(&desk, &host, &finished, &publication, &changes).await?;
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.published/1",
            "run": shown.run.id.to_string(),
            "report": finished.run.id.to_string(),
            "pull_request": host.pull.shown(),
            "comment": {"how": shown.comment.how, "url": shown.comment.url},
            "check": {"how": shown.check.how, "url": shown.check.url},
            "annotations": shown.annotations,
        }))?;
    } else {
        let place =
            if shown.comment.url.is_empty() { host.pull.shown() } else { shown.comment.url };
        ui.result(&format!(
            "comment {} · check {} with {} annotations · {place}\n",
            shown.comment.how, shown.check.how, shown.annotations
        ))?;
    }
    Ok(Outcome::Clear)
}

fn workspace(house: &House) -> String {
    house.config.text("workspace").unwrap_or("default").to_owned()
}

fn threshold(args: &PublishArgs, house: &House) -> Option<Severity> {
    let configured = house.config.text("impact.fail_on").map(fail_on);
    match (args.fail_on, configured) {
        (Some(FailOn::From(severity)), _) | (None, Some(Ok(FailOn::From(severity)))) => {
            Some(severity)
        }
        _ => None,
    }
}

/// What the arguments say, then what the environment does.
fn pull_request(args: &PublishArgs, job: &Job) -> Result<PullRequest, Failure> {
    let missing = |what: &str, option: &str| {
        Failure::input("publish/no-pull-request", format!("nothing says {what}")).help(format!(
            "give it: `{option}`; in a CI job for a pull request it is found by itself"
        ))
    };
    let asked = args.to.map(|to| match to {
        PublishTo::Github => HostKind::GitHub,
        PublishTo::Gitlab => HostKind::GitLab,
    });
    let host = asked.or(job.host).ok_or_else(|| missing("which git host", "--to github|gitlab"))?;
    // Another host's job says nothing about this one.
    let none = Job::default();
    let job = if job.host == Some(host) { job } else { &none };
    let api = args.api.clone().or_else(|| job.api.clone());
    Ok(PullRequest {
        host,
        api: api.ok_or_else(|| missing("where its API is", "--api URL"))?,
        project: args
            .project
            .clone()
            .or_else(|| job.project.clone())
            .ok_or_else(|| missing("which project", "--project NAME"))?,
        number: args
            .number
            .or(job.number)
            .ok_or_else(|| missing("which pull request", "--number N"))?,
        head: args
            .commit
            .clone()
            .or_else(|| job.head.clone())
            .ok_or_else(|| missing("which commit the check belongs to", "--commit SHA"))?,
    })
}
