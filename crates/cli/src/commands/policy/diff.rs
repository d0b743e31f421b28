//! `belay policy diff`: which kinds of request two sets of policies answer differently.

use std::collections::BTreeMap;
use std::path::Path;

use belay_gate::{Approval, Circumstances, Rules, Worker, built_in_files};
use belay_model::{Action, Level, Resource, Timestamp, Verb, Zone};
use clap::Args;
use serde_json::{Value, json};

use super::split;
use crate::args::PlainFormat;
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// A folder of policies, or `built-in`.
    pub a: String,
    /// A folder of policies, or `built-in`.
    pub b: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

pub(super) fn diff(args: &DiffArgs, ui: &Ui) -> Result<Outcome, Failure> {
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
            text.push_str("no kind of request changes its answer\n");
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
    if a.digest() == b.digest() {
        return changes;
    }
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
