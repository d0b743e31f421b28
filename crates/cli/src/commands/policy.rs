//! `belay policy`: what the policies say, whether they hold together, and what gets past them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use belay_gate::{
    Approval, Circumstances, Judged, PolicyFile, Rules, Worker, built_in_files, try_examples,
};
use belay_model::{Action, Level, Resource, Timestamp, Verb, Zone};
use belay_proof::{Held, prove};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::records::{rows, table};
use crate::args::{PlainFormat, level};
use crate::failure::{Failure, Outcome};
use crate::house::{House, solver};
use crate::ui::Ui;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check that the workspace's policies parse, fit the schema and have examples that hold. Exit 1 if not.
    Check(PolicyArgs),
    /// Run every example, belay's own and the workspace's. Exit 1 when one comes out differently.
    Test(PolicyArgs),
    /// Say which policies decide, and what is missing: for a run's decisions, or a made-up request.
    Explain(Box<ExplainPolicyArgs>),
    /// Say which kinds of request two sets of policies answer differently. Exit 1 if there are any.
    Diff(DiffArgs),
    /// Prove that the hard rules hold under every workspace's policies, or print what slips through (exit 1).
    Prove(PolicyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// A folder of policies instead of belay/policies. With a hard.cedar in it, it also stands in for
    /// belay's own.
    #[arg(long, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// A folder of policies, or `built-in`.
    pub a: String,
    pub b: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainPolicyArgs {
    /// A run: each decision is explained by the policies of today.
    #[arg(long, value_name = "RUN", conflicts_with = "verb")]
    pub run: Option<String>,
    /// A made-up request: what the worker wants to do.
    #[arg(long, value_parser = verb, required_unless_present = "run")]
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
    #[arg(long, default_value_t = 0)]
    pub stewards: u32,
    #[arg(long)]
    pub sensitive: bool,
    /// The action declares how to take it back.
    #[arg(long)]
    pub inverse: bool,
    /// That way back is tested.
    #[arg(long)]
    pub tested: bool,
    #[arg(long)]
    pub guided: bool,
    #[arg(long)]
    pub learned: bool,
    #[arg(long)]
    pub tainted: bool,
    #[arg(long)]
    pub rollback: bool,
    #[arg(long)]
    pub bounded: bool,
    #[arg(long)]
    pub quarantined: bool,
    #[arg(long)]
    pub unlisted: bool,
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

impl PolicyCommand {
    pub(crate) fn format(&self) -> PlainFormat {
        match self {
            Self::Check(args) | Self::Test(args) | Self::Prove(args) => args.format,
            Self::Explain(args) => args.format,
            Self::Diff(args) => args.format,
        }
    }
}

pub(crate) async fn policy(
    command: &PolicyCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    match command {
        PolicyCommand::Check(args) => check(args, house, ui),
        PolicyCommand::Test(args) => test(args, house, ui),
        PolicyCommand::Explain(args) => explain(args, house, ui).await,
        PolicyCommand::Diff(args) => diff(args, ui),
        PolicyCommand::Prove(args) => proof(args, house, ui).await,
    }
}

/// Belay's own policies, or what stands in for them, and those that are added.
fn sets(args: &PolicyArgs, house: &House) -> Result<(Vec<PolicyFile>, Vec<PolicyFile>), Failure> {
    match &args.policies {
        Some(folder) => split(folder),
        None => Ok((built_in_files(), house.policies()?)),
    }
}

fn split(folder: &Path) -> Result<(Vec<PolicyFile>, Vec<PolicyFile>), Failure> {
    if !folder.is_dir() {
        let message = format!("there is no folder `{}`", folder.display());
        return Err(Failure::input("files/unreadable", message));
    }
    let files = crate::house::policies_in(folder)?;
    if !folder.join("hard.cedar").is_file() {
        return Ok((built_in_files(), files));
    }
    let own = ["hard.cedar", "ladder.cedar", "people.cedar"];
    Ok(files.into_iter().partition(|file| {
        own.iter().any(|name| Path::new(&file.file).file_name().is_some_and(|own| own == *name))
    }))
}

fn check(args: &PolicyArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let (_, added) = sets(args, house)?;
    let (count, faults) = match Rules::load(&added) {
        Ok(rules) => (rules.stated().count(), vec![]),
        Err(errors) => (0, errors.faults),
    };
    if ui.is_json() {
        let faults: Vec<Value> = faults
            .iter()
            .map(|fault| {
                json!({"code": fault.kind.code(), "file": fault.file, "line": fault.line,
                       "message": fault.message})
            })
            .collect();
        ui.json(&json!({"schema": "belay.policy-check/1", "files": added.len(),
                        "policies": count, "faults": faults}))?;
    } else if faults.is_empty() {
        let files = added.len();
        ui.result(&format!("{count} policies hold together, {files} files of the workspace\n"))?;
    } else {
        let lines: Vec<String> =
            faults.iter().map(|fault| format!("{fault} [{}]\n", fault.kind.code())).collect();
        ui.result(&lines.concat())?;
    }
    Ok(if faults.is_empty() { Outcome::Clear } else { Outcome::No })
}

fn test(args: &PolicyArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let (own, added) = sets(args, house)?;
    let (mut tried, mut faults) = try_examples(&Rules::try_out(&own, &[])?, &own);
    let (more, others) = try_examples(&Rules::try_out(&own, &added)?, &added);
    tried.extend(more);
    faults.extend(others);
    let failed = tried.iter().filter(|tried| !tried.holds()).count();
    if ui.is_json() {
        let examples: Vec<Value> = tried
            .iter()
            .map(|tried| {
                json!({"file": tried.file, "line": tried.line, "policy": tried.policy,
                       "request": tried.request, "expected": tried.expected.as_str(),
                       "answer": tried.got.as_str(), "determining": tried.determining,
                       "decides": tried.decides, "holds": tried.holds()})
            })
            .collect();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        ui.json(&json!({"schema": "belay.policy-test/1", "examples": examples,
                        "failed": failed, "faults": faults}))?;
    } else {
        let mut list = table(&["", "policy", "request", "expected", "answer", "example"]);
        for tried in &tried {
            list.add_row([
                if tried.holds() { "ok" } else { "FAILS" }.to_owned(),
                tried.policy.clone(),
                tried.request.clone(),
                tried.expected.to_string(),
                tried.got.to_string(),
                format!("{}:{}", tried.file, tried.line),
            ]);
        }
        let mut text = rows(&list);
        faults.iter().for_each(|fault| text.push_str(&format!("{fault}\n")));
        text.push_str(&format!("\n{} examples, {failed} fail\n", tried.len()));
        ui.result(&text)?;
    }
    Ok(if failed == 0 && faults.is_empty() { Outcome::Clear } else { Outcome::No })
}

async fn explain(args: &ExplainPolicyArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    if let Some(run) = &args.run {
        return explain_run(run, house, ui).await;
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

async fn explain_run(run: &str, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let run = desk.memory.find_run(run, desk.now()).await?;
    let decisions = desk.memory.decisions(run.id).await?;
    let (mut documents, mut text) = (Vec::new(), String::new());
    for decision in &decisions {
        let today = match desk.gate.decide_again(decision) {
            Ok(again) => json!({"answer": again.answer.as_str(), "determining": again.determining,
                                "missing": again.missing, "risk": again.risk.to_string()}),
            Err(error) => json!({"error": error.to_string()}),
        };
        let action = Action::parse(&decision.action);
        let what = action.map_or_else(
            || decision.action.clone(),
            |action| {
                format!(
                    "{} {} ({})",
                    action.verb,
                    action.resource.name,
                    action.resource.zone.as_str()
                )
            },
        );
        text.push_str(&format!(
            "{}  {} at {}: {what}\n  {}: {}\n",
            decision.id.short(),
            decision.answer,
            decision.level,
            decision.risk,
            decision.risk_reasons.join(", ")
        ));
        for id in &decision.determining {
            let why = desk.gate.rules().find(id).map(|stated| stated.why.clone());
            text.push_str(&format!("  because {} ({id})\n", why.unwrap_or_default()));
        }
        decision
            .missing
            .iter()
            .for_each(|missing| text.push_str(&format!("  missing {missing}\n")));
        if today.get("answer").is_none_or(|answer| answer != decision.answer.as_str()) {
            let word = today.get("answer").or(today.get("error")).and_then(Value::as_str);
            text.push_str(&format!("  today: {}\n", word.unwrap_or_default()));
        }
        documents.push(
            json!({"decision": decision.id.to_string(), "answer": decision.answer.as_str(),
            "action": what, "risk": decision.risk.to_string(), "determining": decision.determining,
            "missing": decision.missing, "today": today}),
        );
    }
    if ui.is_json() {
        ui.json(&json!({"schema": "belay.policy-explain/1", "run": run.id.to_string(), "decisions": documents}))?;
    } else {
        ui.result(&text)?;
    }
    Ok(Outcome::Clear)
}

fn diff(args: &DiffArgs, ui: &Ui) -> Result<Outcome, Failure> {
    let read = |name: &str| {
        let (own, added) =
            if name == "built-in" { (built_in_files(), vec![]) } else { split(Path::new(name))? };
        Ok::<_, Failure>(Rules::try_out(&own, &added)?)
    };
    let changes = changes(&read(&args.a)?, &read(&args.b)?);
    if ui.is_json() {
        let changes: Vec<Value> = changes
            .iter()
            .map(|((verb, facts, from, to), places)| {
                json!({"verb": verb, "facts": facts, "from": from, "to": to, "where": places})
            })
            .collect();
        ui.json(&json!({"schema": "belay.policy-diff/1", "changes": changes}))?;
    } else {
        let mut text = String::new();
        for ((verb, facts, from, to), places) in &changes {
            text.push_str(&format!("{verb} ({facts}): {from} → {to}\n  {}\n", places.join(", ")));
        }
        if text.is_empty() {
            text = "no kind of request changes its answer\n".to_owned();
        }
        ui.result(&text)?;
    }
    Ok(if changes.is_empty() { Outcome::Clear } else { Outcome::No })
}

type Kind = (String, String, String, String);

/// Every verb, zone and level under each set of facts, where the two answer differently.
fn changes(a: &Rules, b: &Rules) -> BTreeMap<Kind, Vec<String>> {
    let calm = Circumstances {
        learned: false,
        tainted: false,
        rollback: false,
        bounded: false,
        inverse_tested: false,
        guided: false,
        spent_seconds: 0,
        budget_seconds: 0,
        approval: None,
        now: Timestamp::from_nanos(0),
    };
    let given = |humans, stewards| {
        let expires = Timestamp::from_nanos(i64::MAX);
        Circumstances { approval: Some(Approval { humans, stewards, expires }), ..calm }
    };
    let facts = [
        ("nothing said", calm, false),
        ("guided", Circumstances { guided: true, ..calm }, false),
        ("approved by one", given(1, 0), false),
        ("approved by a steward", given(1, 1), false),
        ("approved by two", given(2, 0), false),
        ("learned", Circumstances { learned: true, ..calm }, false),
        ("tainted", Circumstances { tainted: true, ..calm }, false),
        ("over budget", Circumstances { spent_seconds: 1, ..calm }, false),
        ("taking back", Circumstances { rollback: true, ..calm }, false),
        ("bounded, tested", Circumstances { bounded: true, inverse_tested: true, ..calm }, false),
        ("quarantined", calm, true),
    ];
    let mut changes: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
    for (fact, circumstances, quarantined) in facts {
        for verb in Verb::ALL {
            for (zone, level) in
                Zone::ALL.into_iter().flat_map(|zone| Level::ALL.map(|level| (zone, level)))
            {
                let worker = Worker {
                    name: "worker".to_owned(),
                    owner: "owner".to_owned(),
                    level,
                    quarantined,
                    tools: vec![verb],
                };
                let action = Action::new(verb, Resource::new("example", zone)).undone_by("undo");
                let answer = |rules: &Rules| rules.judge(&worker, &action, circumstances).answer;
                let (from, to) = (answer(a), answer(b));
                if from != to {
                    let kind =
                        (verb.to_string(), fact.to_owned(), from.to_string(), to.to_string());
                    changes.entry(kind).or_default().push(format!("{} {level}", zone.as_str()));
                }
            }
        }
    }
    changes
}

async fn proof(args: &PolicyArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let (own, added) = sets(args, house)?;
    let rules = Rules::try_out(&own, &added)?;
    let began = Instant::now();
    let clock = || began.elapsed();
    let proved = prove(&rules, &solver(), &clock, |_| ()).await?;
    if ui.is_json() {
        let findings: Vec<Value> = proved
            .findings
            .iter()
            .map(|finding| {
                let (held, slipped) = match &finding.held {
                    Held::Always => ("always", None),
                    Held::OnlyHere(slipped) => ("only-here", Some(slipped)),
                    Held::Not(slipped) => ("not", Some(slipped)),
                };
                let request = slipped.map(|slipped| {
                    json!({"principal": slipped.principal, "action": slipped.action,
                           "resource": slipped.resource, "context": slipped.context,
                           "principal_attributes": slipped.principal_attributes,
                           "resource_attributes": slipped.resource_attributes,
                           "approval": slipped.approval, "allowed_by": slipped.allowed_by})
                });
                json!({"rule": finding.rule, "held": held, "checks": finding.checks, "request": request})
            })
            .collect();
        ui.json(&json!({"schema": "belay.policy-proof/1", "holds": proved.holds(),
                        "policy": rules.digest().to_string(), "rules": findings}))?;
    } else {
        let mut text = String::new();
        for finding in &proved.findings {
            let (words, slipped) = match &finding.held {
                Held::Always => ("holds under every policy that a workspace could add", None),
                Held::OnlyHere(slipped) => {
                    ("WEAKENED: holds here, but a permit would let this through", Some(slipped))
                }
                Held::Not(slipped) => ("DOES NOT HOLD: this request slips through", Some(slipped)),
            };
            text.push_str(&format!("{:<26} {words} ({} checks)\n", finding.rule, finding.checks));
            for line in slipped.iter().flat_map(|slipped| slipped.lines()) {
                text.push_str(&format!("  {line}\n"));
            }
        }
        ui.result(&text)?;
    }
    Ok(if proved.holds() { Outcome::Clear } else { Outcome::No })
}
