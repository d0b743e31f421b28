//! The decision: policies × level × approvals, and what is missing where the answer is not yes.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use belay_model::explain::Blame;
use belay_model::record::Answer;
use belay_model::{Action, Assessment, Digest, Explain, Level, Timestamp, risk};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request,
    Response, RestrictedExpression,
};

use crate::examples;
use crate::permit::Permit;
use crate::policy::{BUILT_IN, Policies, PolicyError};

/// Who wants to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    pub name: String,
    pub owner: String,
    /// The level in force: the lowest of all ceilings.
    pub level: Level,
    pub quarantined: bool,
}

/// A person who wants to judge a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    /// `asserted` at a local command line, `proved` by a sign-in.
    pub identity: String,
    /// Such as `reviewer` or `steward`.
    pub roles: Vec<String>,
}

/// The people who said yes to exactly this action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval {
    pub humans: u32,
    pub stewards: u32,
    /// The owner or the author is among them: then the yes does not count.
    pub by_owner: bool,
    pub expires: Timestamp,
}

/// What else bears on a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    pub learned: bool,
    pub tainted: bool,
    pub spent_seconds: i64,
    pub budget_seconds: i64,
    pub approval: Option<Approval>,
    pub now: Timestamp,
}

/// What the gate said, with all that the record needs. A permit is inside only when it said yes.
#[derive(Debug)]
pub struct Ruling {
    pub answer: Answer,
    pub assessment: Assessment,
    pub level: Level,
    /// Ids of the policies that decided; empty where no policy allows it.
    pub determining: Vec<String>,
    /// What would have to hold for a yes, in words; empty when the answer is yes, or never.
    pub missing: Vec<String>,
    /// Why, in the words of the policies.
    pub reasons: Vec<String>,
    permit: Option<Permit>,
}

impl Ruling {
    /// The permit, or why there is none.
    pub fn permit(self) -> Result<Permit, Refused> {
        self.permit.ok_or(Refused {
            answer: self.answer,
            reasons: self.reasons,
            missing: self.missing,
        })
    }
}

/// The gate did not say yes.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("the gate answered {answer}: {}", reasons.join("; "))]
pub struct Refused {
    pub answer: Answer,
    pub reasons: Vec<String>,
    pub missing: Vec<String>,
}

impl Explain for Refused {
    fn code(&self) -> &'static str {
        if self.answer == Answer::Hold { "gate/held" } else { "gate/denied" }
    }

    fn help(&self) -> Option<String> {
        (!self.missing.is_empty()).then(|| format!("missing: {}", self.missing.join(", ")))
    }

    fn blame(&self) -> Blame {
        if self.answer == Answer::Hold { Blame::Held } else { Blame::Input }
    }
}

/// The policy engine with its policies.
#[derive(Debug)]
pub struct Gate {
    policies: Policies,
    authorizer: Authorizer,
}

impl Gate {
    /// The hard rules and the default ladder. Their examples are checked here, every time.
    pub fn built_in() -> Result<Self, PolicyError> {
        let gate = Self { policies: Policies::load(&BUILT_IN)?, authorizer: Authorizer::new() };
        examples::check(&gate, &BUILT_IN)?;
        Ok(gate)
    }

    /// The digest of schema and policies: part of every decision and, later, of every approval.
    pub fn digest(&self) -> Digest {
        self.policies.digest
    }

    /// The ids of the policies in force.
    pub fn policy_ids(&self) -> impl Iterator<Item = &str> {
        self.policies.why.keys().map(String::as_str)
    }

    /// Decides one action. Whatever goes wrong inside counts as no.
    pub fn decide(&self, worker: &Worker, action: &Action, circumstances: Circumstances) -> Ruling {
        let assessment = risk::assess(action, circumstances.tainted);
        let question = Question { worker, action, assessment: &assessment, circumstances };
        let (allowed, determining) = self.ask(&question);
        let missing = if allowed { vec![] } else { self.missing(&question) };
        let answer = match (allowed, missing.is_empty()) {
            (true, _) => Answer::Permit,
            (false, false) => Answer::Hold,
            (false, true) => Answer::Deny,
        };
        let reasons = self.reasons(answer, &determining, &question);
        let permit = allowed.then(|| Permit::new(action));
        Ruling { answer, level: worker.level, assessment, determining, missing, reasons, permit }
    }

    /// Whether a person may judge a report.
    pub fn judge(&self, person: &Person, review: &str) -> Result<(), Refused> {
        let allowed = self.judgement(person, review).unwrap_or(false);
        let reasons = vec![format!("no policy lets `{}` judge a report", person.name)];
        if allowed {
            Ok(())
        } else {
            Err(Refused { answer: Answer::Deny, reasons, missing: vec![] })
        }
    }

    fn judgement(&self, person: &Person, review: &str) -> Result<bool, String> {
        let roles = person.roles.iter().map(|role| uid("Role", role)).collect::<Result<_, _>>()?;
        let identity = RestrictedExpression::new_string(person.identity.clone());
        let attributes = HashMap::from([("identity".to_owned(), identity)]);
        let principal = uid("Human", &person.name)?;
        let human =
            Entity::new(principal.clone(), attributes, roles).map_err(|error| error.to_string())?;
        let (verb, review) = (uid("Action", "judge_report")?, uid("Review", review)?);
        let request =
            Request::new(principal, verb, review, Context::empty(), Some(&self.policies.schema))
                .map_err(|error| error.to_string())?;
        let entities = self.policies.actions.clone().add_entities([human], None);
        let entities = entities.map_err(|error| error.to_string())?;
        let response = self.authorizer.is_authorized(&request, &self.policies.set, &entities);
        Ok(response.decision() == Decision::Allow
            && response.diagnostics().errors().next().is_none())
    }

    fn ask(&self, question: &Question<'_>) -> (bool, Vec<String>) {
        match self.response(question) {
            Ok(response) => {
                let mut ids: Vec<String> =
                    response.diagnostics().reason().map(ToString::to_string).collect();
                ids.sort();
                // An error while a policy is evaluated could hide a forbid: fail closed.
                let clean = response.diagnostics().errors().next().is_none();
                (response.decision() == Decision::Allow && clean, ids)
            }
            Err(why) => (false, vec![format!("unanswerable: {why}")]),
        }
    }

    fn response(&self, question: &Question<'_>) -> Result<Response, String> {
        let asset = uid("Asset", &question.action.resource.name)?;
        let principal = uid("Worker", &question.worker.name)?;
        let verb = uid("Action", question.action.verb.as_str())?;
        let context = question.context()?;
        let request = Request::new(principal, verb, asset, context, Some(&self.policies.schema))
            .map_err(|error| error.to_string())?;
        Ok(self.authorizer.is_authorized(
            &request,
            &self.policies.set,
            &question.entities(&self.policies.actions)?,
        ))
    }

    /// The least that a person could add to turn the answer into a yes: found by asking again with
    /// an approval that does not exist.
    fn missing(&self, question: &Question<'_>) -> Vec<String> {
        let expires = Timestamp::from_nanos(i64::MAX);
        let ladder = [
            (1, 0, "approval by one person who is not the owner"),
            (1, 1, "approval by one steward who is not the owner"),
            (2, 0, "approval by two people, neither of them the owner"),
            (2, 1, "approval by two people, one of them a steward, neither of them the owner"),
        ];
        let enough = ladder.into_iter().find(|&(humans, stewards, _)| {
            let approval = Some(Approval { humans, stewards, by_owner: false, expires });
            let circumstances = Circumstances { approval, ..question.circumstances };
            self.ask(&Question { circumstances, ..*question }).0
        });
        enough.map(|(_, _, words)| words.to_owned()).into_iter().collect()
    }

    fn reasons(
        &self,
        answer: Answer,
        determining: &[String],
        question: &Question<'_>,
    ) -> Vec<String> {
        let why = |id: &String| {
            self.policies.why.get(id).map_or_else(|| id.clone(), |why| format!("{why} ({id})"))
        };
        if determining.is_empty() && answer != Answer::Permit {
            let (verb, level) = (question.action.verb, question.worker.level);
            let zone = question.action.resource.zone.as_str();
            let spent =
                question.circumstances.spent_seconds > question.circumstances.budget_seconds;
            let budget = if spent { ", and the run's budget is spent" } else { "" };
            return vec![format!(
                "no policy lets a worker at {level} {verb} in {zone} by itself{budget}"
            )];
        }
        determining.iter().map(why).collect()
    }
}

#[derive(Clone, Copy)]
struct Question<'a> {
    worker: &'a Worker,
    action: &'a Action,
    assessment: &'a Assessment,
    circumstances: Circumstances,
}

impl Question<'_> {
    fn approval_id(&self) -> Result<EntityUid, String> {
        uid("Approval", &self.action.digest().to_string())
    }

    fn context(&self) -> Result<Context, String> {
        let circumstances = self.circumstances;
        let approval = RestrictedExpression::new_entity_uid(self.approval_id()?);
        let pairs = [
            ("risk", long(self.assessment.risk.number())),
            ("reversible", RestrictedExpression::new_bool(self.action.reversible())),
            ("learned", RestrictedExpression::new_bool(circumstances.learned)),
            ("tainted", RestrictedExpression::new_bool(circumstances.tainted)),
            ("spentSeconds", long(circumstances.spent_seconds)),
            ("budgetSeconds", long(circumstances.budget_seconds)),
            ("approval", approval),
            ("now", long(circumstances.now.millis())),
        ];
        Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value)))
            .map_err(|error| error.to_string())
    }

    fn entities(&self, actions: &Entities) -> Result<Entities, String> {
        let owner = uid("Human", &self.worker.owner)?;
        let zone = uid("Zone", self.action.resource.zone.as_str())?;
        let worker = entity(
            uid("Worker", &self.worker.name)?,
            [
                ("owner", RestrictedExpression::new_entity_uid(owner.clone())),
                ("level", long(self.worker.level.number())),
                ("quarantined", RestrictedExpression::new_bool(self.worker.quarantined)),
            ],
        )?;
        let asset = entity(
            uid("Asset", &self.action.resource.name)?,
            [("zone", RestrictedExpression::new_entity_uid(zone))],
        )?;
        let nobody =
            Approval { humans: 0, stewards: 0, by_owner: false, expires: Timestamp::from_nanos(0) };
        let given = self.circumstances.approval.unwrap_or(nobody);
        let approval = entity(
            self.approval_id()?,
            [
                ("humans", long(i64::from(given.humans))),
                ("stewards", long(i64::from(given.stewards))),
                ("byOwner", RestrictedExpression::new_bool(given.by_owner)),
                ("expires", long(given.expires.millis())),
            ],
        )?;
        // Built here from typed values, so checking them against the schema again would only cost.
        actions
            .clone()
            .add_entities([worker, asset, approval], None)
            .map_err(|error| error.to_string())
    }
}

fn long(number: i64) -> RestrictedExpression {
    RestrictedExpression::new_long(number)
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let name =
        EntityTypeName::from_str(&format!("Belay::{kind}")).map_err(|error| error.to_string())?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}

fn entity<const N: usize>(
    uid: EntityUid,
    attributes: [(&str, RestrictedExpression); N],
) -> Result<Entity, String> {
    let attributes: HashMap<String, RestrictedExpression> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Entity::new(uid, attributes, HashSet::new()).map_err(|error| error.to_string())
}
