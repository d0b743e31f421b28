//! Whether people said yes to what needed people: the proof, from the record alone, that no grave
//! action went ahead without the approval of exactly that action.

use std::collections::{BTreeMap, BTreeSet};

use belay_model::record::{Answer, ApprovalKind, ApprovalRequest, ApprovalState, Ballot, Decision};
use belay_model::{ApprovalId, Class, Risk, Verb, Zone};
use serde_json::Value;

use crate::Record;

pub(crate) fn unapproved(record: &Record, faults: &mut Vec<String>) {
    let asked: BTreeMap<ApprovalId, &ApprovalRequest> =
        record.approvals.iter().map(|request| (request.id, request)).collect();
    let mut spent = BTreeSet::new();
    for decision in record.decisions.iter().filter(|one| one.answer == Answer::Permit) {
        let name = format!("decision {}", decision.id.short());
        let request = decision.approval.and_then(|id| asked.get(&id).copied());
        if decision.approval.is_some() && request.is_none() {
            faults.push(format!("{name} names an approval that is not there"));
            continue;
        }
        if !needs_people(decision) {
            continue;
        }
        let Some(request) = request else {
            faults.push(format!("{name} permits {} without an approval", what(decision)));
            continue;
        };
        if !spent.insert(request.id) {
            faults.push(format!("{name} rests on an approval that was already spent"));
        }
        let doubts = doubts(record, decision, request);
        faults.extend(doubts.into_iter().map(|doubt| format!("{name} rests on {doubt}")));
    }
}

fn what(decision: &Decision) -> String {
    let verb = Asked::of(decision).verb;
    format!("{} at {}", if verb.is_empty() { "an action" } else { &verb }, decision.risk)
}

/// Grave by its risk, or by what it changes wherever its risk stands. What takes back an effect and
/// what the workspace's switch for bounded writes covers are exceptions, for writes and scratch only.
fn needs_people(decision: &Decision) -> bool {
    let asked = Asked::of(decision);
    let never_excepted = matches!(asked.class, Some(Class::Grant | Class::ModelLogic));
    let write = asked.class == Some(Class::Write) && asked.zone == Zone::Prod.as_str();
    let grave = decision.risk >= Risk::R3 || never_excepted || write;
    let circumstances: Value = serde_json::from_str(&decision.circumstances).unwrap_or_default();
    let is = |name: &str| circumstances.get(name).and_then(Value::as_bool) == Some(true);
    let clean_up = asked.verb == Verb::DropScratch.as_str() && asked.zone == Zone::Scratch.as_str();
    let bounded = is("bounded") && write && decision.risk <= Risk::R2;
    grave && (never_excepted || !(is("rollback") || bounded || clean_up))
}

/// What the recorded action says of itself.
struct Asked {
    verb: String,
    class: Option<Class>,
    zone: String,
}

impl Asked {
    fn of(decision: &Decision) -> Self {
        let action: Value = serde_json::from_str(&decision.action).unwrap_or_default();
        let text =
            |name: &str| action.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let verb = text("verb");
        Self { class: Verb::parse(&verb).map(Verb::class), zone: text("zone"), verb }
    }
}

/// Why an approval does not carry a decision.
fn doubts(record: &Record, decision: &Decision, request: &ApprovalRequest) -> Vec<String> {
    let mut doubts = Vec::new();
    let mut doubt = |holds: bool, words: &str| {
        if !holds {
            doubts.push(words.to_owned());
        }
    };
    doubt(request.kind == ApprovalKind::Action, "a yes to a step, not to the action");
    doubt(request.plan == decision.action_digest, "an approval of another action");
    doubt(request.policy == decision.policy, "an approval under other policies");
    let binding = ApprovalRequest::binding(request.plan, request.snapshot, request.policy);
    doubt(request.subject == binding, "an approval that binds something else than it says");
    doubt(decision.at < request.expires, "an approval that had expired");
    doubt(
        request.state == ApprovalState::Used,
        &format!("an approval that is {}, not used", request.state),
    );
    let subject = request.id.to_string();
    let granted =
        record.leaves.iter().any(|leaf| leaf.kind == "approval.granted" && leaf.subject == subject);
    doubt(granted, "an approval that nobody saw granted");
    let (humans, stewards) = counted(record, decision, request);
    // A critical action takes two people, whatever the question said.
    let needed = request.humans.max(if decision.risk == Risk::R4 { 2 } else { 1 });
    doubt(
        humans >= needed,
        &format!("{humans} independent yes votes in time, of {needed} that it takes"),
    );
    doubt(
        stewards >= request.stewards,
        &format!("{stewards} stewards' votes in time, of {} that it takes", request.stewards),
    );
    doubts
}

/// Distinct people who said yes to exactly this in time, and how many of them were stewards. The
/// person who started the run, the plan's author and the worker's owner do not count.
fn counted(record: &Record, decision: &Decision, request: &ApprovalRequest) -> (i64, i64) {
    let plain = |name: &str| name.trim().to_lowercase();
    let involved: Vec<String> =
        [&request.author, &request.owner, &record.run.actor].map(|name| plain(name)).into();
    let mut people: BTreeMap<String, bool> = BTreeMap::new();
    let votes = record.votes.iter().filter(|vote| {
        vote.approval == request.id
            && vote.ballot == Ballot::Yes
            && vote.subject == request.subject
            && vote.at <= decision.at
            && vote.at < request.expires
            && !involved.contains(&plain(&vote.voter))
    });
    for vote in votes {
        let steward = vote.roles.iter().any(|role| role == "steward");
        *people.entry(plain(&vote.voter)).or_default() |= steward;
    }
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    (count(people.len()), count(people.values().filter(|steward| **steward).count()))
}
