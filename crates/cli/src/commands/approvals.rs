//! `belay approvals`, `belay approve`, `belay deny`.

use belay_flow::approval::{self, Question, Word};
use belay_flow::{Desk, trace};
use belay_model::record::{ApprovalRequest, ApprovalState, Ballot};
use serde_json::{Value, json};

use super::records::{moment, plain, rows, table};
use crate::args::{ApprovalsCommand, ApproveArgs, DenyArgs};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn approvals(
    command: &ApprovalsCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    match command {
        ApprovalsCommand::List(args) => {
            let mut requests = approval::questions(&desk).await?;
            if !args.all {
                requests.retain(|request| request.state.is_alive());
            }
            list(&requests, ui)?;
        }
        ApprovalsCommand::Show(args) => {
            let question = approval::question(&desk, &args.approval).await?;
            show(&desk, &question, ui).await?;
        }
    }
    Ok(Outcome::Clear)
}

pub(crate) async fn approve(
    args: &ApproveArgs,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let subject = args.digest.as_deref().map(|text| {
        let wrong = |error: belay_model::digest::NotADigest| {
            Failure::input("approval/other-digest", error.to_string())
                .help("`belay approvals show` prints the digest")
        };
        text.parse().map_err(wrong)
    });
    let word =
        Word { ballot: Ballot::Yes, subject: subject.transpose()?, reason: args.reason.clone() };
    said(&desk, &approval::cast(&desk, &args.approval, &word).await?, ui)
}

pub(crate) async fn deny(args: &DenyArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let word = Word { ballot: Ballot::No, subject: None, reason: Some(args.reason.clone()) };
    said(&desk, &approval::cast(&desk, &args.approval, &word).await?, ui)
}

/// A yes that does not count is written down all the same, and its giver is told.
fn said(desk: &Desk, question: &Question, ui: &Ui) -> Result<Outcome, Failure> {
    let request = &question.request;
    let own = question.votes.iter().find(|vote| vote.voter == desk.actor);
    let discounted = own.and_then(|vote| approval::discounted(desk, request, vote));
    if ui.is_json() {
        ui.json(&question_json(desk, question, None))?;
    } else {
        let state = match (request.state, discounted) {
            (ApprovalState::Open, Some(why)) => format!("still open; your yes {why}"),
            (ApprovalState::Open, None) => format!("still open: {}", request.missing),
            (state, _) => state.to_string(),
        };
        ui.result(&format!("approval {}: {state}\n", request.id.short()))?;
    }
    if request.state == ApprovalState::Granted {
        ui.note(&format!("to go on:\n  belay runs resume {}", request.run.short()));
    }
    Ok(if discounted.is_some() { Outcome::No } else { Outcome::Clear })
}

fn list(requests: &[ApprovalRequest], ui: &Ui) -> Result<(), Failure> {
    if ui.is_json() {
        let list: Vec<Value> = requests.iter().map(request_json).collect();
        return ui.json(&json!({"schema": "belay.approvals/1", "approvals": list}));
    }
    if requests.is_empty() {
        ui.note("nobody is asked anything");
        return Ok(());
    }
    let mut list = table(&["approval", "run", "state", "risk", "what", "missing", "expires"]);
    for request in requests {
        list.add_row([
            request.id.short(),
            request.run.short(),
            request.state.to_string(),
            request.risk.to_string(),
            request.summary.clone(),
            request.missing.clone(),
            moment(request.expires),
        ]);
    }
    ui.result(&rows(&list))
}

async fn show(desk: &Desk, question: &Question, ui: &Ui) -> Result<(), Failure> {
    let request = &question.request;
    let record = trace::record(desk, &request.run.to_string()).await?;
    let asked = record.decisions.iter().rev().find(|one| one.action_digest == request.plan);
    let action = asked.and_then(|one| serde_json::from_str::<Value>(&one.action).ok());
    if ui.is_json() {
        return ui.json(&question_json(desk, question, action));
    }
    let mut text = format!(
        "approval  {}\nstate     {}\nrun       {} of {} by {} (asserted)\nwhat      {}\nrisk      {}\nmissing   {}\ndigest    {}\nexpires   {}\n",
        request.id,
        request.state,
        request.run.short(),
        record.run.workflow,
        request.author,
        request.summary,
        request.risk,
        request.missing,
        request.subject,
        moment(request.expires),
    );
    if let Some(action) = &action {
        let pretty = serde_json::to_string_pretty(action).unwrap_or_default();
        text.push_str(&format!("\nexactly this would be done:\n{pretty}\n"));
    }
    for vote in &question.votes {
        let why = approval::discounted(desk, request, vote)
            .map(|why| format!(" ({why})"))
            .unwrap_or_default();
        let reason = vote.reason.as_deref().map(|one| format!(": {one}")).unwrap_or_default();
        text.push_str(&format!(
            "\n{} said {} ({}, {}){reason}{why}",
            vote.voter,
            vote.ballot,
            vote.identity,
            moment(vote.at)
        ));
    }
    if !question.votes.is_empty() {
        text.push('\n');
    }
    if request.state == ApprovalState::Open {
        text.push_str(&format!(
            "\nto say yes to exactly this:\n  belay approve {} --digest {}\n",
            request.id.short(),
            request.subject
        ));
    }
    ui.result(&plain(&text))
}

fn request_json(request: &ApprovalRequest) -> Value {
    json!({
        "approval": request.id.to_string(),
        "run": request.run.to_string(),
        "kind": request.kind.as_str(),
        "state": request.state.as_str(),
        "what": request.summary,
        "risk": request.risk.to_string(),
        "missing": request.missing,
        "humans": request.humans,
        "stewards": request.stewards,
        "digest": request.subject.to_string(),
        "plan": request.plan.to_string(),
        "snapshot": request.snapshot.to_string(),
        "policy": request.policy.to_string(),
        "author": request.author,
        "owner": request.owner,
        "created": moment(request.created),
        "expires": moment(request.expires),
    })
}

fn question_json(desk: &Desk, question: &Question, action: Option<Value>) -> Value {
    let votes: Vec<Value> = question
        .votes
        .iter()
        .map(|vote| {
            json!({
                "voter": vote.voter,
                "ballot": vote.ballot.as_str(),
                "identity": vote.identity,
                "roles": vote.roles,
                "reason": vote.reason,
                "discounted": approval::discounted(desk, &question.request, vote),
                "at": moment(vote.at),
            })
        })
        .collect();
    json!({
        "schema": "belay.approval/1",
        "approval": request_json(&question.request),
        "action": action,
        "votes": votes,
        "counted": {"humans": question.counted.humans, "stewards": question.counted.stewards},
    })
}
