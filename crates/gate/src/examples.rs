//! Examples beside policies: requests whose answer is written down, checked whenever policies load.

use belay_model::record::Answer;
use belay_model::{Action, Level, Resource, Timestamp, Verb, Zone};
use serde::Deserialize;

use crate::gate::{Approval, Circumstances, Gate, Worker};
use crate::policy::{PolicyError, Source};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Examples {
    examples: Vec<Example>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    /// The policy that the example is about.
    policy: String,
    verb: String,
    answer: String,
    /// Whether that policy is among those that decided.
    #[serde(default = "yes")]
    decided: bool,
    #[serde(default = "prod")]
    zone: String,
    #[serde(default = "l4")]
    level: String,
    #[serde(default)]
    approvals: u32,
    #[serde(default)]
    owner_approved: bool,
    #[serde(default)]
    expired: bool,
    #[serde(default)]
    inverse: bool,
    #[serde(default)]
    learned: bool,
    #[serde(default)]
    tainted: bool,
    #[serde(default)]
    quarantined: bool,
    #[serde(default)]
    over_budget: bool,
}

fn yes() -> bool {
    true
}

fn prod() -> String {
    "prod".to_owned()
}

fn l4() -> String {
    "L4".to_owned()
}

const NOW: Timestamp = Timestamp::from_nanos(1_000_000_000_000_000_000);

/// Checks every example of every source, and that no policy is without one.
pub(crate) fn check(gate: &Gate, sources: &[Source]) -> Result<(), PolicyError> {
    let mut wrong = Vec::new();
    let mut exemplified = Vec::new();
    for source in sources {
        let unreadable =
            |message: String| PolicyError::Examples { file: source.file.to_owned(), message };
        let parsed: Examples = serde_saphyr::from_str(source.examples)
            .map_err(|error| unreadable(error.to_string()))?;
        for example in parsed.examples {
            let outcome = try_out(gate, &example).map_err(unreadable)?;
            wrong.extend(outcome.map(|found| format!("{}: {found}", describe(&example))));
            exemplified.push(example.policy);
        }
    }
    // Judging is asked elsewhere, by people; its examples are unit tests.
    let silent =
        gate.policy_ids().filter(|id| *id != "judge" && !exemplified.iter().any(|seen| seen == id));
    wrong.extend(silent.map(|id| format!("policy `{id}` has no example")));
    if wrong.is_empty() { Ok(()) } else { Err(PolicyError::ExamplesFail { wrong }) }
}

fn describe(example: &Example) -> String {
    format!("example of `{}` ({} in {})", example.policy, example.verb, example.zone)
}

/// `Some` says how the answer differs from the one written down.
fn try_out(gate: &Gate, example: &Example) -> Result<Option<String>, String> {
    let unknown = |kind: &str, text: &str| format!("unknown {kind} `{text}`");
    let verb = Verb::parse(&example.verb).ok_or_else(|| unknown("verb", &example.verb))?;
    let zone = Zone::parse(&example.zone).ok_or_else(|| unknown("zone", &example.zone))?;
    let level: Level = example.level.parse().map_err(|_| unknown("level", &example.level))?;
    let expected =
        Answer::parse(&example.answer).ok_or_else(|| unknown("answer", &example.answer))?;

    let mut action = Action::new(verb, Resource::new("example", zone));
    if example.inverse {
        action = action.undone_by("undo");
    }
    let worker = Worker {
        name: "worker".to_owned(),
        owner: "owner".to_owned(),
        level,
        quarantined: example.quarantined,
    };
    let expires = if example.expired { NOW } else { Timestamp::from_nanos(i64::MAX) };
    let approval = (example.approvals > 0).then_some(Approval {
        humans: example.approvals,
        stewards: 0,
        by_owner: example.owner_approved,
        expires,
    });
    let circumstances = Circumstances {
        learned: example.learned,
        tainted: example.tainted,
        spent_seconds: i64::from(example.over_budget),
        budget_seconds: 0,
        approval,
        now: NOW,
    };
    let ruling = gate.decide(&worker, &action, circumstances);
    let decided = ruling.determining.contains(&example.policy);
    let as_expected = ruling.answer == expected && decided == example.decided;
    Ok((!as_expected).then(|| {
        format!("expected {expected}, got {} by [{}]", ruling.answer, ruling.determining.join(", "))
    }))
}
