//! What people may do: judge, approve, give and take authority, start and stop.

use std::collections::{HashMap, HashSet};

use belay_model::record::Answer;
use cedar_policy::{Context, Entity, EntityUid, Request};

use crate::Refused;
use crate::approval::same;
use crate::rules::{Rules, entity, reference, text, uid};
use crate::slices::Said;

/// A person who wants to do something that only people do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    /// `asserted` at a local command line, `proved` by a sign-in.
    pub identity: String,
    /// Such as `reviewer` or `steward`.
    pub roles: Vec<String>,
}

/// What only people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    JudgeReport,
    /// Say yes or no to an action. Whose yes counts is [`crate::Approval::tally`]'s business.
    Approve,
    RaiseLevel,
    LowerLevel,
    SwitchBounded,
    Quarantine,
    Reinstate,
    Start,
    Cancel,
    RollBack,
    /// Say what one did at L0.
    ReportStep,
    /// Say how an ambiguous effect ended.
    Resolve,
    /// Erase a body: a person's data goes for good.
    EraseBody,
    AcceptClock,
}

impl Deed {
    pub const ALL: [Self; 14] = [
        Self::JudgeReport,
        Self::Approve,
        Self::RaiseLevel,
        Self::LowerLevel,
        Self::SwitchBounded,
        Self::Quarantine,
        Self::Reinstate,
        Self::Start,
        Self::Cancel,
        Self::RollBack,
        Self::ReportStep,
        Self::Resolve,
        Self::EraseBody,
        Self::AcceptClock,
    ];

    /// The name of the Cedar action.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JudgeReport => "judge_report",
            Self::Approve => "approve",
            Self::RaiseLevel => "raise_level",
            Self::LowerLevel => "lower_level",
            Self::SwitchBounded => "switch_bounded",
            Self::Quarantine => "quarantine",
            Self::Reinstate => "reinstate",
            Self::Start => "start",
            Self::Cancel => "cancel",
            Self::RollBack => "roll_back",
            Self::ReportStep => "report_step",
            Self::Resolve => "resolve",
            Self::EraseBody => "erase_body",
            Self::AcceptClock => "accept_clock",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| deed.as_str() == text)
    }
}

/// What a person decides about: a report, an approval, a worker, a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matter {
    pub id: String,
    /// Who owns the worker that it concerns.
    pub owner: String,
    /// Who started it.
    pub author: String,
}

impl Rules {
    /// Whether a person may do something, and which policies decided.
    pub fn may(
        &self,
        person: &Person,
        deed: Deed,
        matter: &Matter,
    ) -> Result<Vec<String>, Refused> {
        let said = self.said_of_person(person, deed, matter);
        match said {
            Ok(Said { allowed: true, determining }) => Ok(determining),
            Ok(Said { determining, .. }) if !determining.is_empty() => {
                Err(refused(determining.iter().map(|id| self.sentence(id)).collect(), determining))
            }
            Ok(_) => Err(refused(vec![nobody(person, deed)], vec![])),
            Err(why) => Err(refused(vec![format!("unanswerable: {why}")], vec![])),
        }
    }

    fn said_of_person(&self, person: &Person, deed: Deed, matter: &Matter) -> Result<Said, String> {
        let human = |name: &str| uid("Human", &same(name));
        let roles: HashSet<EntityUid> =
            person.roles.iter().map(|role| uid("Role", role)).collect::<Result<_, _>>()?;
        let principal = human(&person.name)?;
        let identity = HashMap::from([("identity".to_owned(), text(&person.identity))]);
        let entities = [
            Entity::new(principal.clone(), identity, roles).map_err(|error| error.to_string())?,
            entity(
                uid("Matter", &matter.id)?,
                [
                    ("owner", reference(human(&matter.owner)?)),
                    ("author", reference(human(&matter.author)?)),
                ],
            )?,
        ];
        let (verb, resource) = (uid("Action", deed.as_str())?, uid("Matter", &matter.id)?);
        let request =
            Request::new(principal, verb, resource, Context::empty(), Some(self.schema()))
                .map_err(|error| error.to_string())?;
        self.answer(&request, entities)
    }
}

fn nobody(person: &Person, deed: Deed) -> String {
    let roles = if person.roles.is_empty() {
        "without a role".to_owned()
    } else {
        format!("as {}", person.roles.join(", "))
    };
    format!("no policy lets `{}` {} {roles}", person.name, deed.as_str().replace('_', " "))
}

fn refused(reasons: Vec<String>, determining: Vec<String>) -> Refused {
    Refused { answer: Answer::Deny, reasons, missing: vec![], determining }
}
