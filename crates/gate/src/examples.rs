//! Examples beside policies: requests whose answer is written down, checked whenever policies load.

use belay_model::record::Answer;
use belay_model::{Action, Level, Resource, Timestamp, Verb, Zone};
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::fault::{FaultKind, PolicyFault, fault};
use crate::{Approval, Circumstances, Deed, Matter, Person, PolicyFile, Rules, Worker};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Examples {
    examples: Vec<Example>,
}

/// A request and its answer: with `verb` of a worker, with `deed` of a person.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    /// The policy that the example is about.
    policy: Spanned<String>,
    verb: Option<String>,
    deed: Option<String>,
    answer: String,
    /// Whether that policy is among those that decided.
    #[serde(default = "yes")]
    decided: bool,
    #[serde(default = "prod")]
    zone: String,
    #[serde(default = "l4")]
    level: String,
    #[serde(default = "example")]
    resource: String,
    #[serde(default = "worker")]
    worker: String,
    #[serde(default = "owner")]
    owner: String,
    #[serde(default = "author")]
    author: String,
    #[serde(default = "ada")]
    person: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default = "yes")]
    proved: bool,
    #[serde(default)]
    approvals: u32,
    #[serde(default)]
    stewards: u32,
    #[serde(default)]
    expired: bool,
    #[serde(default)]
    guided: bool,
    #[serde(default)]
    inverse: bool,
    #[serde(default)]
    tested: bool,
    #[serde(default = "one")]
    targets: u32,
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    learned: bool,
    #[serde(default)]
    tainted: bool,
    #[serde(default)]
    rollback: bool,
    #[serde(default)]
    bounded: bool,
    #[serde(default)]
    quarantined: bool,
    #[serde(default = "yes")]
    listed: bool,
    #[serde(default)]
    over_budget: bool,
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

fn prod() -> String {
    "prod".to_owned()
}

fn l4() -> String {
    "L4".to_owned()
}

fn example() -> String {
    "example".to_owned()
}

fn worker() -> String {
    "worker".to_owned()
}

fn owner() -> String {
    "owner".to_owned()
}

fn author() -> String {
    "author".to_owned()
}

fn ada() -> String {
    "ada".to_owned()
}

const NOW: Timestamp = Timestamp::from_nanos(1_000_000_000_000_000_000);

/// How one example came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub file: String,
    pub line: usize,
    pub policy: String,
    /// Such as `write_table in prod at L4` or `raise_level`.
    pub request: String,
    pub expected: Answer,
    pub got: Answer,
    /// The policies that decided.
    pub determining: Vec<String>,
    /// Whether the example says that its policy decides.
    pub decides: bool,
}

impl Tried {
    pub fn holds(&self) -> bool {
        self.got == self.expected && self.decides == self.determining.contains(&self.policy)
    }

    fn difference(&self) -> String {
        let by = if self.determining.is_empty() {
            "no policy".to_owned()
        } else {
            self.determining.join(", ")
        };
        let role = if self.decides { "decided by" } else { "not decided by" };
        format!(
            "example of `{}` ({}): expected {} {role} it, got {} by {by}",
            self.policy, self.request, self.expected, self.got
        )
    }
}

/// Tries every example of `files`; the faults are of examples that cannot be read or tried.
pub fn try_examples(rules: &Rules, files: &[PolicyFile]) -> (Vec<Tried>, Vec<PolicyFault>) {
    let (mut tried, mut faults) = (Vec::new(), Vec::new());
    for file in files {
        let Some(text) = &file.examples else { continue };
        let place = file.examples_file();
        match serde_saphyr::from_str::<Examples>(text) {
            Err(error) => {
                let line = error.location().and_then(|place| usize::try_from(place.line()).ok());
                let message = error.without_snippet().to_string();
                let message = message.lines().next().unwrap_or_default();
                // Advice for whoever calls the parser is none for whoever wrote the file.
                let message =
                    message.replace(", set DuplicateKeyPolicy in Options if acceptable", "");
                faults.push(fault(&place, line, FaultKind::Examples, message));
            }
            Ok(parsed) => {
                for example in parsed.examples {
                    let line = usize::try_from(example.policy.referenced.line()).unwrap_or(1);
                    match try_out(rules, &example, &place, line) {
                        Ok(outcome) => tried.push(outcome),
                        Err(message) => {
                            faults.push(fault(&place, Some(line), FaultKind::Examples, message));
                        }
                    }
                }
            }
        }
    }
    (tried, faults)
}

/// Everything wrong with the examples: those that fail, and policies without one for or against.
pub(crate) fn faults(rules: &Rules, files: &[PolicyFile]) -> Vec<PolicyFault> {
    let mut all = Vec::new();
    for file in files {
        let (tried, faults) = try_examples(rules, std::slice::from_ref(file));
        let readable = faults.is_empty();
        all.extend(faults);
        all.extend(tried.iter().filter(|tried| !tried.holds()).map(|tried| {
            fault(&tried.file, Some(tried.line), FaultKind::ExamplesFail, tried.difference())
        }));
        let policies = rules.stated().filter(|(_, stated)| stated.file == file.file);
        for (id, stated) in policies.filter(|_| readable) {
            for (decides, word) in [(true, "for"), (false, "against")] {
                if !tried.iter().any(|tried| tried.policy == id && tried.decides == decides) {
                    let place = file.examples_file();
                    let message = format!("policy `{id}` has no example {word} it in `{place}`");
                    let kind = FaultKind::NoExamples;
                    all.push(fault(&file.file, Some(stated.line), kind, message));
                }
            }
        }
    }
    all
}

fn try_out(rules: &Rules, example: &Example, file: &str, line: usize) -> Result<Tried, String> {
    let policy = example.policy.value.clone();
    if rules.find(&policy).is_none() {
        return Err(format!("there is no policy `{policy}`"));
    }
    let expected = known("answer", &example.answer, Answer::parse)?;
    let (request, got, determining) = match (&example.verb, &example.deed) {
        (Some(verb), None) => of_worker(rules, example, verb)?,
        (None, Some(deed)) => of_person(rules, example, deed)?,
        _ => return Err("an example has either a `verb` or a `deed`".to_owned()),
    };
    let decides = example.decided;
    Ok(Tried { file: file.to_owned(), line, policy, request, expected, got, determining, decides })
}

fn known<T>(kind: &str, text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, String> {
    parse(text).ok_or_else(|| format!("unknown {kind} `{text}`"))
}

type Outcome = (String, Answer, Vec<String>);

fn of_worker(rules: &Rules, example: &Example, verb: &str) -> Result<Outcome, String> {
    let verb = known("verb", verb, Verb::parse)?;
    let zone = known("zone", &example.zone, Zone::parse)?;
    let level: Level = known("level", &example.level, |text| text.parse().ok())?;
    let mut action =
        Action::new(verb, Resource::new(&example.resource, zone)).touching(example.targets);
    action.sensitive = example.sensitive;
    action.inverse = example.inverse.then(|| "undo".to_owned());
    let worker = Worker {
        name: example.worker.clone(),
        owner: example.owner.clone(),
        level,
        quarantined: example.quarantined,
        tools: if example.listed { vec![verb] } else { vec![] },
    };
    let expires = if example.expired { NOW } else { Timestamp::from_nanos(i64::MAX) };
    let (humans, stewards) = (example.approvals.max(example.stewards), example.stewards);
    let circumstances = Circumstances {
        learned: example.learned,
        tainted: example.tainted,
        rollback: example.rollback,
        bounded: example.bounded,
        inverse_tested: example.tested,
        guided: example.guided,
        spent_seconds: i64::from(example.over_budget),
        budget_seconds: 0,
        approval: (humans > 0).then_some(Approval { humans, stewards, expires }),
        now: NOW,
    };
    let judged = rules.judge(&worker, &action, circumstances);
    let request = format!("{verb} in {} at {level}", zone.as_str());
    Ok((request, judged.answer, judged.determining))
}

fn of_person(rules: &Rules, example: &Example, deed: &str) -> Result<Outcome, String> {
    let deed = known("deed", deed, Deed::parse)?;
    let person = Person {
        name: example.person.clone(),
        identity: if example.proved { "proved" } else { "asserted" }.to_owned(),
        roles: example.roles.clone(),
    };
    let matter = Matter {
        id: example.resource.clone(),
        owner: example.owner.clone(),
        author: example.author.clone(),
    };
    let (answer, determining) = match rules.may(&person, deed, &matter) {
        Ok(determining) => (Answer::Permit, determining),
        Err(refused) => (refused.answer, refused.determining),
    };
    Ok((deed.as_str().to_owned(), answer, determining))
}
