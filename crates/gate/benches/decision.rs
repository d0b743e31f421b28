//! How long one decision takes, with belay's own policies and with a thousand of a workspace's, against
//! plain Cedar that looks at the whole set, its request and entities ready made. A decision of the gate is
//! more: risk, digest, entities, the answer, what is missing, and the circumstances for the record.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use belay_gate::{Circumstances, Gate, PolicyFile, Worker};
use belay_model::{Action, Level, Resource, Timestamp, Verb, Zone};
use cedar_policy::Authorizer;

const ROUNDS: usize = 60;
const POLICIES: usize = 1_000;

/// What teams write: rules about one table, about one worker, and about names that begin alike.
fn mixed(number: usize) -> String {
    let classes = ["read", "scratch", "report", "write", "model_logic", "grant"];
    let class = classes[number % classes.len()];
    match number % 10 {
        0..=4 => format!(
            "forbid (principal is Belay::Worker, action in Belay::Action::\"act.write\", resource == Belay::Asset::\"table_{number}\");"
        ),
        5 | 6 => format!(
            "forbid (principal == Belay::Worker::\"worker_{number}\", action, resource) when {{ context.tainted }};"
        ),
        _ => format!(
            "forbid (principal is Belay::Worker, action in Belay::Action::\"act.{class}\", resource) when {{ resource.name like \"schema_{number}.*\" }};"
        ),
    }
}

/// What no scope rules out: each is looked at for every write.
fn broad(number: usize) -> String {
    format!(
        "forbid (principal is Belay::Worker, action in Belay::Action::\"act.write\", resource) when {{ resource.name like \"schema_{number}.*\" }};"
    )
}

fn gate(policy: fn(usize) -> String) -> Gate {
    let (mut policies, mut examples) = (String::new(), "examples:\n".to_owned());
    for number in 0..POLICIES {
        writeln!(policies, "@id(\"team-{number}\")\n{}", policy(number)).unwrap();
        let (verb, resource, worker) = subject(&policies);
        writeln!(
            examples,
            "  - {{ policy: team-{number}, verb: {verb}, zone: dev, inverse: true, tainted: true, resource: {resource}, worker: {worker}, answer: deny }}\n  - {{ policy: team-{number}, verb: read_tree, zone: dev, answer: permit, decided: false }}"
        )
        .unwrap();
    }
    let file = "belay/policies/team.cedar".to_owned();
    Gate::load(&[PolicyFile { file, policies, examples: Some(examples) }]).unwrap()
}

/// What the last policy of a text forbids.
fn subject(policies: &str) -> (&'static str, String, String) {
    let last = policies.lines().last().unwrap_or_default();
    let quoted = |before: &str, ends: &[char]| {
        let rest = last.split_once(before).map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split(ends).next()).map(str::to_owned)
    };
    let verbs = [
        ("act.scratch", "create_scratch"),
        ("act.report", "write_report"),
        ("act.write", "write_table"),
        ("act.model_logic", "change_model"),
        ("act.grant", "grant_privilege"),
    ];
    let named = verbs.iter().find(|(class, _)| last.contains(class));
    let verb = named.map_or("run_query", |(_, verb)| verb);
    let asset = quoted("Asset::\"", &['"']);
    let name = quoted("like \"", &['*']).map(|start| format!("{start}orders"));
    let worker = quoted("Worker::\"", &['"']).unwrap_or_else(|| "worker".to_owned());
    (verb, asset.or(name).unwrap_or_else(|| "orders".to_owned()), worker)
}

struct Question {
    worker: Worker,
    action: Action,
    circumstances: Circumstances,
}

/// Every verb and zone at L2 to L4.
fn questions() -> Vec<Question> {
    let circumstances = Circumstances {
        learned: false,
        tainted: true,
        rollback: false,
        bounded: false,
        inverse_tested: false,
        guided: false,
        spent_seconds: 0,
        budget_seconds: 60,
        approval: None,
        now: Timestamp::from_nanos(1_000),
    };
    let mut questions = Vec::new();
    for verb in Verb::ALL {
        for zone in Zone::ALL {
            for level in [Level::L2, Level::L3, Level::L4] {
                let worker = Worker {
                    name: "dbt-impact".to_owned(),
                    owner: "data-team".to_owned(),
                    level,
                    quarantined: false,
                    tools: Verb::ALL.to_vec(),
                };
                let resource = Resource::new("schema_7.orders_daily", zone);
                let action = Action::new(verb, resource).undone_by("undo").with("sql", "select 1");
                questions.push(Question { worker, action, circumstances });
            }
        }
    }
    questions
}

/// Each single call, in order of time.
fn timed(questions: &[Question], mut ask: impl FnMut(usize, &Question)) -> Vec<Duration> {
    let mut times = Vec::with_capacity(ROUNDS * questions.len());
    for _ in 0..ROUNDS {
        for (number, question) in questions.iter().enumerate() {
            let began = Instant::now();
            ask(number, question);
            times.push(began.elapsed());
        }
    }
    times.sort();
    times
}

fn at(times: &[Duration], share: usize) -> f64 {
    times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6
}

fn measure(name: &str, gate: &Gate) {
    let questions = questions();
    let decided = timed(&questions, |_, question| {
        black_box(gate.decide(&question.worker, &question.action, question.circumstances));
    });
    let ready: Vec<_> = questions
        .iter()
        .map(|one| gate.rules().as_cedar(&one.worker, &one.action, one.circumstances).unwrap())
        .collect();
    let authorizer = Authorizer::new();
    let plain = timed(&questions, |number, _| {
        let (request, entities) = &ready[number];
        black_box(authorizer.is_authorized(request, gate.rules().policy_set(), entities));
    });
    let count = gate.policy_ids().count();
    println!(
        "{name:<30} {count:>5} policies  gate median {:>7.1} µs, p99 {:>7.1} µs   plain Cedar median {:>7.1} µs, p99 {:>7.1} µs   ratio {:.2}",
        at(&decided, 50),
        at(&decided, 99),
        at(&plain, 50),
        at(&plain, 99),
        at(&decided, 50) / at(&plain, 50),
    );
}

fn main() {
    measure("built-in", &Gate::built_in().unwrap());
    measure("and 1,000 of a team, mixed", &gate(mixed));
    measure("and 1,000 about all writes", &gate(broad));
}
