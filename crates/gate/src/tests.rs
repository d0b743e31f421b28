use std::fmt::Write as _;

use belay_model::record::{
    Answer, ApprovalKind, ApprovalRequest, ApprovalState, Ballot, Decision, Vote,
};
use belay_model::{
    Action, Class, Digest, Explain as _, Level, Resource, Risk, Timestamp, Verb, Zone, canonical,
    risk,
};
use proptest::prelude::*;

use crate::{
    AgainError, Approval, Circumstances, Deed, Gate, Matter, Needs, Person, PolicyFile, Ruling,
    Worker, built_in_files,
};

mod again;
mod approvals;
mod hostile;
mod ladder;
mod pages;
mod people;
mod workspace;

fn gate() -> &'static Gate {
    static GATE: std::sync::LazyLock<Gate> = std::sync::LazyLock::new(|| Gate::built_in().unwrap());
    &GATE
}

fn worker(level: Level) -> Worker {
    Worker {
        name: "dbt-impact".to_owned(),
        owner: "data-team".to_owned(),
        level,
        quarantined: false,
        tools: Verb::ALL.to_vec(),
    }
}

fn calm() -> Circumstances {
    Circumstances {
        learned: false,
        tainted: false,
        rollback: false,
        bounded: false,
        inverse_tested: false,
        guided: false,
        spent_seconds: 0,
        budget_seconds: 60,
        approval: None,
        now: Timestamp::from_nanos(1_000),
    }
}

fn approved(humans: u32, stewards: u32) -> Option<Approval> {
    let expires = Timestamp::from_nanos(i64::MAX);
    (humans > 0).then_some(Approval { humans, stewards, expires })
}

fn on_prod(verb: Verb) -> Action {
    Action::new(verb, Resource::new("orders", Zone::Prod))
}

fn any_action() -> impl Strategy<Value = Action> {
    let verb = prop::sample::select(&Verb::ALL[..]);
    let zone = prop::sample::select(&Zone::ALL[..]);
    (verb, zone, 1u32..12, any::<bool>(), any::<bool>()).prop_map(
        |(verb, zone, targets, sensitive, inverse)| {
            let mut action = Action::new(verb, Resource::new("orders", zone)).touching(targets);
            action.sensitive = sensitive;
            action.inverse = inverse.then(|| "undo".to_owned());
            action
        },
    )
}

fn any_worker() -> impl Strategy<Value = Worker> {
    let level = prop::sample::select(&Level::ALL[..]);
    (level, any::<bool>(), any::<bool>()).prop_map(|(level, quarantined, listed)| Worker {
        quarantined,
        tools: if listed { Verb::ALL.to_vec() } else { vec![] },
        ..worker(level)
    })
}

prop_compose! {
    fn any_circumstances()(
        learned: bool, tainted: bool, rollback: bool, bounded: bool, inverse_tested: bool,
        guided: bool, spent: bool, expired: bool, humans in 0u32..4, stewards in 0u32..4,
    ) -> Circumstances {
        let expires = Timestamp::from_nanos(if expired { 0 } else { i64::MAX });
        let given = Approval { humans, stewards: stewards.min(humans), expires };
        Circumstances {
            learned, tainted, rollback, bounded, inverse_tested, guided,
            spent_seconds: if spent { 61 } else { 0 },
            approval: (humans > 0).then_some(given),
            ..calm()
        }
    }
}

fn quick() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) }
}
