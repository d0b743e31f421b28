//! `belay review`: what a person says of a report.

use belay_flow::report;
use belay_flow::review::{self, Case, Subject, Word};
use belay_model::record::{Disposition, Judgement, Review};
use serde_json::{Value, json};

use super::records::{moment, rows, table};
use crate::args::{Format, JudgeArgs, ReviewCommand, ReviewShowArgs};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

pub(crate) async fn review(
    command: &ReviewCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    match command {
        ReviewCommand::List(_) => {
            let reviews = desk.memory.reviews().await?;
            list(&reviews, ui)?;
        }
        ReviewCommand::Show(args) => show(args, &review::case(&desk, &args.review).await?, ui)?,
        ReviewCommand::Accept(args) => judge(args, Judgement::Accept, &desk, ui).await?,
        ReviewCommand::Reject(args) => judge(args, Judgement::Reject, &desk, ui).await?,
    }
    Ok(Outcome::Clear)
}

fn list(reviews: &[Review], ui: &Ui) -> Result<(), Failure> {
    if ui.is_json() {
        let rows: Vec<Value> = reviews.iter().map(review_json).collect();
        return ui.json(&json!({"schema": "belay.reviews/1", "reviews": rows}));
    }
    if reviews.is_empty() {
        ui.note("no reviews yet: `belay impact` opens one");
        return Ok(());
    }
    let mut list = table(&["review", "run", "state", "opened", "about"]);
    for review in reviews {
        list.add_row([
            review.id.short(),
            review.run.short(),
            review.state.to_string(),
            moment(review.created),
            review.title.clone(),
        ]);
    }
    ui.result(&rows(&list))
}

fn show(args: &ReviewShowArgs, case: &Case, ui: &Ui) -> Result<(), Failure> {
    match args.format {
        Format::Json => ui.json(&case_json(case)),
        Format::Md | Format::Html | Format::Text => {
            let text = match (&case.subject, args.format) {
                (Subject::Impact(report), Format::Md) => report::markdown(report),
                (Subject::Impact(report), Format::Html) => report::html(report)?,
                (Subject::Impact(report), _) => report::terminal(report),
                (Subject::Result(result), _) => result_text(case, result),
            };
            ui.result(&text)?;
            if args.format != Format::Text {
                return Ok(());
            }
            ui.result(&format!("\nreview {} is {}\n", case.review.id.short(), case.review.state))?;
            case.dispositions.iter().try_for_each(|said| ui.result(&line(said)))
        }
    }
}

/// What a workflow came to; what each step printed and made is in the run.
fn result_text(case: &Case, result: &Value) -> String {
    let word = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut text = format!("{}\n", case.review.title);
    for name in ["purpose", "level", "risk"] {
        text.push_str(&format!("  {name:<8} {}\n", word(name)));
    }
    let steps = result.get("steps").and_then(Value::as_array).into_iter().flatten();
    for step in steps {
        let part = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default();
        text.push_str(&format!("  {:<8} {}\n", part("state"), part("step")));
    }
    text.push_str(&format!("  belay runs show {}\n", case.review.run.short()));
    text
}

fn line(said: &Disposition) -> String {
    let about = said.finding.as_deref().unwrap_or("the report");
    let reason = said.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!(
        "  {} {}s {about}{reason} ({}, {})\n",
        said.reviewer,
        said.judgement,
        said.identity,
        moment(said.at)
    )
}

async fn judge(
    args: &JudgeArgs,
    judgement: Judgement,
    desk: &belay_flow::Desk,
    ui: &Ui,
) -> Result<(), Failure> {
    let word = Word {
        judgement,
        finding: args.finding.clone(),
        reason: args.reason.clone(),
        reviewer: desk.actor.clone(),
    };
    let case = review::judge(desk, &args.review, &word).await?;
    if ui.is_json() {
        return ui.json(&case_json(&case));
    }
    let about = args.finding.as_ref().map_or_else(
        || format!("run {} is now {}", case.review.run.short(), case.review.state),
        |finding| {
            format!("finding {finding}: {judgement}; the report is still {}", case.review.state)
        },
    );
    ui.result(&format!("{about}\n"))
}

fn case_json(case: &Case) -> Value {
    json!({
        "schema": "belay.review/1",
        "review": review_json(&case.review),
        "dispositions": case.dispositions.iter().map(disposition_json).collect::<Vec<_>>(),
        "report": match &case.subject {
            Subject::Impact(report) => json!(report),
            Subject::Result(result) => result.clone(),
        },
    })
}

fn review_json(review: &Review) -> Value {
    json!({
        "review": review.id.to_string(),
        "run": review.run.to_string(),
        "kind": review.kind,
        "state": review.state.as_str(),
        "title": review.title,
        "subject": review.subject.to_string(),
        "opened": moment(review.created),
    })
}

pub(crate) fn disposition_json(said: &Disposition) -> Value {
    json!({
        "finding": said.finding,
        "reviewer": said.reviewer,
        "identity": said.identity,
        "judgement": said.judgement.as_str(),
        "reason": said.reason,
        "at": moment(said.at),
    })
}
