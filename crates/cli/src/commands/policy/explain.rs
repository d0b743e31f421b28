//! `belay policy explain`: which policies decide, and what is missing.

use belay_gate::{Again, AgainError, Approval, Circumstances, Gate, Judged, Rules, Worker};
use belay_model::record::Decision;
use belay_model::{Action, Level, Resource, Timestamp, Verb, Zone};
use belay_store::StoreError;
use clap::Args;
use serde_json::{Value, json};

use crate::args::{PlainFormat, level};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

#[derive(Debug, Args)]
pub(crate) struct ExplainPolicyArgs {
    /// A run: each of its decisions, and what the policies of today would say.
    #[arg(long, value_name = "RUN", conflicts_with = "verb")]
    pub run: Option<String>,
    /// One decision, by its id.
    #[arg(long, value_name = "DECISION", conflicts_with = "verb")]
    pub decision: Option<String>,
    /// A made-up request: what the worker wants to do.
    #[arg(long, value_parser = verb, required_unless_present_any = ["run", "decision"])]
    pub verb: Option<Verb>,
    #[arg(long, value_parser = zone, default_value = "prod")]
    pub zone: Zone,
    #[arg(long, value_parser = level, default_value = "L2")]
    pub level: Level,
    #[arg(long, default_value = "example")]
    pub resource: String,
    #[arg(long, default_value = "worker")]
    pub worker: String,
    /// How many assets it touches.
    #[arg(long, default_value_t = 1)]
    pub targets: u32,
    /// How many independent people approved it.
    #[arg(long, default_value_t = 0)]
    pub approvals: u32,
    /// How many of them are stewards.
    #[arg(long, default_value_t = 0)]
    pub stewards: u32,
    /// It touches what the team marked as sensitive.
    #[arg(long)]
    pub sensitive: bool,
    /// The action declares how to take it back.
    #[arg(long)]
    pub inverse: bool,
    /// That way back is tested.
    #[arg(long)]
    pub tested: bool,
    /// A person said yes to this step.
    #[arg(long)]
    pub guided: bool,
    /// A learned behaviour contributed to it.
    #[arg(long)]
    pub learned: bool,
    /// The plan rests on text that nobody trusted wrote.
    #[arg(long)]
    pub tainted: bool,
    /// It is exactly the recorded inverse of an effect.
    #[arg(long)]
    pub rollback: bool,
    /// The workspace switched bounded L4 on.
    #[arg(long)]
    pub bounded: bool,
    /// The worker is in quarantine.
    #[arg(long)]
    pub quarantined: bool,
    /// The registry does not list the verb among the worker's tools.
    #[arg(long)]
    pub unlisted: bool,
    /// The run's budget is spent.
    #[arg(long)]
    pub over_budget: bool,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

fn verb(text: &str) -> Result<Verb, String> {
    let names = || Verb::ALL.map(Verb::as_str).join(", ");
    Verb::parse(text).ok_or_else(|| format!("expected one of {}", names()))
}

fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text).ok_or_else(|| "expected scratch, dev, staging or prod".to_owned())
}

pub(super) async fn explain(
    args: &ExplainPolicyArgs,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    if args.run.is_some() || args.decision.is_some() {
        return past(args, house, ui).await;
    }
    let rules = Rules::load(&house.policies()?)?;
    let Some(verb) = args.verb else { return Ok(Outcome::Clear) };
    let mut action = Action::new(verb, Resource::new(&args.resource, args.zone));
    action = action.touching(args.targets);
    action.sensitive = args.sensitive;
    action.inverse = args.inverse.then(|| "undo".to_owned());
    let worker = Worker {
        name: args.worker.clone(),
        owner: "owner".to_owned(),
        level: args.level,
        quarantined: args.quarantined,
        tools: if args.unlisted { vec![] } else { vec![verb] },
    };
    let humans = args.approvals.max(args.stewards);
    let expires = Timestamp::from_nanos(i64::MAX);
    let circumstances = Circumstances {
        learned: args.learned,
        tainted: args.tainted,
        rollback: args.rollback,
        bounded: args.bounded,
        inverse_tested: args.tested,
        guided: args.guided,
        spent_seconds: i64::from(args.over_budget),
        budget_seconds: 0,
        approval: (humans > 0).then_some(Approval { humans, stewards: args.stewards, expires }),
        now: Timestamp::from_nanos(0),
    };
    let judged = rules.judge(&worker, &action, circumstances);
    if ui.is_json() {
        ui.json(&judged_json(&judged))?;
    } else {
        ui.result(&told(&judged))?;
    }
    Ok(Outcome::Clear)
}

fn judged_json(judged: &Judged) -> Value {
    json!({
        "schema": "belay.policy-explain/1",
        "answer": judged.answer.as_str(),
        "risk": judged.assessment.risk.to_string(),
        "risk_reasons": judged.assessment.reasons,
        "determining": judged.determining,
        "reasons": judged.reasons,
        "missing": judged.missing,
    })
}

fn told(judged: &Judged) -> String {
    let mut text = format!(
        "answer   {}\nrisk     {}: {}\n",
        judged.answer,
        judged.assessment.risk,
        judged.assessment.reasons.join(", ")
    );
    judged.reasons.iter().for_each(|reason| text.push_str(&format!("because  {reason}\n")));
    judged.missing.iter().for_each(|missing| text.push_str(&format!("missing  {missing}\n")));
    text
}

/// Decisions of the record: what was said and why, and what the policies of today would say.
async fn past(args: &ExplainPolicyArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let runs = match &args.run {
        Some(run) => vec![desk.memory.find_run(run, desk.now()).await?],
        None => desk.memory.runs(desk.now()).await?,
    };
    let mut decisions = Vec::new();
    for run in &runs {
        decisions.extend(desk.memory.decisions(run.id).await?);
    }
    if let Some(text) = &args.decision {
        decisions.retain(|decision| is_named(decision, text));
        let (kind, text) = ("decision", text.clone());
        match decisions.len() {
            1 => (),
            0 => return Err(StoreError::NotFound { kind, text }.into()),
            count => return Err(StoreError::Vague { kind, text, count }.into()),
        }
    }
    let explained: Vec<Explained<'_>> =
        decisions.iter().map(|decision| Explained::of(decision, &desk.gate)).collect();
    if ui.is_json() {
        let decisions: Vec<Value> = explained.iter().map(Explained::json).collect();
        ui.json(&json!({"schema": "belay.policy-explain/1", "decisions": decisions}))?;
    } else {
        let texts: Vec<String> = explained.iter().map(Explained::text).collect();
        ui.result(&texts.concat())?;
    }
    Ok(Outcome::Clear)
}

/// By its id, or the start or the end of one.
fn is_named(decision: &Decision, text: &str) -> bool {
    let id = decision.id.to_string();
    !text.is_empty() && (id.starts_with(text) || id.ends_with(text))
}

/// A decision of the record beside what would be decided today.
struct Explained<'a> {
    decision: &'a Decision,
    what: String,
    /// Each determining policy with its reason.
    because: Vec<String>,
    today: Result<Again, AgainError>,
}

impl<'a> Explained<'a> {
    fn of(decision: &'a Decision, gate: &Gate) -> Self {
        let what = Action::parse(&decision.action).map_or_else(
            || decision.action.clone(),
            |action| {
                let (resource, zone) = (&action.resource.name, action.resource.zone.as_str());
                format!("{} {resource} ({zone})", action.verb)
            },
        );
        let sentence = |id: &String| match gate.rules().find(id) {
            Some(stated) if !stated.why.is_empty() => format!("{} ({id})", stated.why),
            Some(_) => id.clone(),
            None => format!("{id}, which is no policy any more"),
        };
        let because = decision.determining.iter().map(sentence).collect();
        Self { decision, what, because, today: gate.decide_again(decision) }
    }

    fn json(&self) -> Value {
        let Self { decision, what, because, .. } = self;
        let today = match &self.today {
            Ok(again) => json!({"answer": again.answer.as_str(), "determining": again.determining,
                                "missing": again.missing, "risk": again.risk.to_string()}),
            Err(error) => json!({"error": error.to_string()}),
        };
        json!({"decision": decision.id.to_string(), "run": decision.run.to_string(),
               "answer": decision.answer.as_str(), "level": decision.level.to_string(),
               "action": what, "risk": decision.risk.to_string(),
               "risk_reasons": decision.risk_reasons, "determining": decision.determining,
               "reasons": because, "missing": decision.missing, "today": today})
    }

    fn text(&self) -> String {
        let Self { decision, what, because, .. } = self;
        let (id, answer, level) = (decision.id.short(), decision.answer, decision.level);
        let risks = decision.risk_reasons.join(", ");
        let mut text = format!("{id}  {answer} at {level}: {what}\n  {}: {risks}\n", decision.risk);
        because.iter().for_each(|reason| text.push_str(&format!("  because {reason}\n")));
        decision.missing.iter().for_each(|one| text.push_str(&format!("  missing {one}\n")));
        match &self.today {
            Ok(again) if again.answer == decision.answer => (),
            Ok(again) => text.push_str(&format!(
                "  today: {} by {}\n",
                again.answer,
                again.determining.join(", ")
            )),
            Err(error) => text.push_str(&format!("  today: {error}\n")),
        }
        text
    }
}
