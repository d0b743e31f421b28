//! The rules: policies × level × circumstances, and what is missing where the answer is not yes. They
//! judge and hand out nothing; a [`crate::Permit`] comes only from a [`crate::Gate`].

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use belay_model::record::Answer;
use belay_model::{Action, Assessment, Digest, Timestamp, risk};
use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression, Schema,
};

use crate::approval::same;
use crate::asked::Asked;
use crate::fault::{FaultKind, PolicyErrors, PolicyFault, fault};
use crate::needs::{self, Needs};
use crate::policy::{Policies, PolicyFile, Stated, built_in_files};
use crate::slices::{Said, Slices};
use crate::{Approval, Circumstances, Worker, examples};

/// Policies in force, ready to judge.
#[derive(Debug)]
pub struct Rules {
    policies: Policies,
    slices: Slices,
    authorizer: Authorizer,
}

/// What the rules say of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub answer: Answer,
    pub assessment: Assessment,
    /// Ids of the policies that decided; empty where no policy allows it.
    pub determining: Vec<String>,
    /// What would have to hold for a yes, in words; empty when the answer is yes, or never.
    pub missing: Vec<String>,
    /// The same in figures.
    pub needs: Option<Needs>,
    /// Why, in the words of the policies.
    pub reasons: Vec<String>,
}

impl Rules {
    /// Belay's own policies and a workspace's; the examples of all of them have to hold.
    pub fn load(added: &[PolicyFile]) -> Result<Self, PolicyErrors> {
        Self::stand_in(&built_in_files(), added)
    }

    /// As [`Rules::load`], with `own` in place of belay's own policies: to check a copy that somebody
    /// changed. Nothing can act on such rules.
    pub fn stand_in(own: &[PolicyFile], added: &[PolicyFile]) -> Result<Self, PolicyErrors> {
        let (rules, mut faults) = Self::read(own, added);
        // Belay's examples are about belay's policies: a team may permit more, below the hard rules.
        let (alone, _) = Self::read(own, &[]);
        for (rules, files) in [(&alone, own), (&rules, added)] {
            faults.extend(rules.iter().flat_map(|rules| examples::faults(rules, files)));
        }
        settle(rules, faults, &built_in_files())
    }

    /// `own` in place of belay's own policies, and no examples asked for: to look at what another set
    /// of policies would say. Nothing can act on such rules.
    pub fn try_out(own: &[PolicyFile], added: &[PolicyFile]) -> Result<Self, PolicyErrors> {
        let (rules, faults) = Self::read(own, added);
        settle(rules, faults, &built_in_files())
    }

    fn read(own: &[PolicyFile], added: &[PolicyFile]) -> (Option<Self>, Vec<PolicyFault>) {
        let (policies, mut faults) = Policies::read(own, added);
        let Some(policies) = policies else { return (None, faults) };
        match Slices::of(&policies.set, &policies.schema) {
            Ok(slices) => {
                let authorizer = Authorizer::new();
                (Some(Self { policies, slices, authorizer }), faults)
            }
            Err(message) => {
                faults.push(fault("belay.cedarschema", None, FaultKind::Type, message));
                (None, faults)
            }
        }
    }

    /// The digest of schema and policies: part of every decision and every approval.
    pub fn digest(&self) -> Digest {
        self.policies.digest
    }

    /// The policies in force by their ids, and what is known of each.
    pub fn stated(&self) -> impl Iterator<Item = (&str, &Stated)> {
        self.policies.stated.iter().map(|(id, stated)| (id.as_str(), stated))
    }

    pub fn find(&self, id: &str) -> Option<&Stated> {
        self.policies.stated.get(id)
    }

    /// The policies as Cedar has them, for whoever reasons about all requests at once.
    pub fn policy_set(&self) -> &PolicySet {
        &self.policies.set
    }

    pub fn schema(&self) -> &Schema {
        &self.policies.schema
    }

    /// Judges one action.
    pub fn judge(&self, worker: &Worker, action: &Action, circumstances: Circumstances) -> Judged {
        self.judge_asked(&Asked::of(worker, action, circumstances), action)
    }

    /// Judges one action. Whatever goes wrong inside counts as no.
    pub(crate) fn judge_asked(&self, asked: &Asked, action: &Action) -> Judged {
        let assessment = risk::assess(action, asked.traits());
        let Said { allowed, determining } = self.ask(asked, action, &assessment);
        let needs = if allowed {
            None
        } else {
            needs::search(asked.circumstances, |circumstances| {
                let asked = Asked { circumstances, ..asked.clone() };
                self.ask(&asked, action, &assessment).allowed
            })
        };
        let answer = match (allowed, needs) {
            (true, _) => Answer::Permit,
            (false, Some(_)) => Answer::Hold,
            (false, None) => Answer::Deny,
        };
        let missing = needs.map(Needs::words).unwrap_or_default();
        let reasons = self.reasons(answer, &determining, asked, action);
        Judged { answer, assessment, determining, missing, needs, reasons }
    }

    fn ask(&self, asked: &Asked, action: &Action, assessment: &Assessment) -> Said {
        self.said(asked, action, assessment).unwrap_or_else(|why| Said {
            allowed: false,
            determining: vec![format!("unanswerable: {why}")],
        })
    }

    fn said(
        &self,
        asked: &Asked,
        action: &Action,
        assessment: &Assessment,
    ) -> Result<Said, String> {
        let (request, entities) = self.question(asked, action, assessment)?;
        self.slices.decide(&self.authorizer, &request, &entities)
    }

    /// A question as Cedar takes it, for whoever wants to ask Cedar itself.
    pub fn as_cedar(
        &self,
        worker: &Worker,
        action: &Action,
        circumstances: Circumstances,
    ) -> Result<(Request, Entities), String> {
        let asked = Asked::of(worker, action, circumstances);
        self.question(&asked, action, &risk::assess(action, asked.traits()))
    }

    fn question(
        &self,
        asked: &Asked,
        action: &Action,
        assessment: &Assessment,
    ) -> Result<(Request, Entities), String> {
        let approval = uid("Approval", &action.digest().to_string())?;
        let asset = uid("Asset", &action.resource.name)?;
        let principal = uid("Worker", &asked.name)?;
        let verb = uid("Action", action.verb.as_str())?;
        let context = context(asked, action, assessment, approval.clone())?;
        let entities = [
            worker(asked, principal.clone())?,
            entity(
                asset.clone(),
                [
                    ("name", text(&action.resource.name)),
                    ("zone", reference(uid("Zone", action.resource.zone.as_str())?)),
                ],
            )?,
            approved(asked.circumstances.approval, approval)?,
        ];
        let request = Request::new(principal, verb, asset, context, Some(&self.policies.schema))
            .map_err(|error| error.to_string())?;
        let entities = self.with_action(&request, entities)?;
        Ok((request, entities))
    }

    /// The entities of a request and the groups of its action. They are built from typed values, so
    /// checking them against the schema again would only cost.
    fn with_action<const N: usize>(
        &self,
        request: &Request,
        entities: [Entity; N],
    ) -> Result<Entities, String> {
        let known = request.action().and_then(|action| self.slices.entities(action));
        let known = known.ok_or("the request names no known action")?;
        known.clone().add_entities(entities, None).map_err(|error| error.to_string())
    }

    pub(crate) fn answer<const N: usize>(
        &self,
        request: &Request,
        entities: [Entity; N],
    ) -> Result<Said, String> {
        let entities = self.with_action(request, entities)?;
        self.slices.decide(&self.authorizer, request, &entities)
    }

    /// The sentence behind a policy, with its id.
    pub(crate) fn sentence(&self, id: &str) -> String {
        match self.find(id) {
            Some(stated) if !stated.why.is_empty() => format!("{} ({id})", stated.why),
            _ => id.to_owned(),
        }
    }

    fn reasons(
        &self,
        answer: Answer,
        determining: &[String],
        asked: &Asked,
        action: &Action,
    ) -> Vec<String> {
        if !determining.is_empty() || answer == Answer::Permit {
            return determining.iter().map(|id| self.sentence(id)).collect();
        }
        let (verb, zone, level) = (action.verb, action.resource.zone.as_str(), asked.level);
        let spent = asked.circumstances.spent_seconds > asked.circumstances.budget_seconds;
        let budget = if spent { ", and the run's budget is spent" } else { "" };
        vec![format!("no policy lets a worker at {level} {verb} in {zone} by itself{budget}")]
    }
}

fn settle(
    rules: Option<Rules>,
    mut faults: Vec<PolicyFault>,
    own: &[PolicyFile],
) -> Result<Rules, PolicyErrors> {
    faults.sort();
    faults.dedup();
    match rules {
        Some(rules) if faults.is_empty() => Ok(rules),
        _ => {
            let mine = |fault: &PolicyFault| {
                let names = |file: &PolicyFile| [file.file.clone(), file.examples_file()];
                fault.file == "belay.cedarschema"
                    || own.iter().any(|file| names(file).contains(&fault.file))
            };
            let built_in = faults.iter().all(mine);
            Err(PolicyErrors { faults, built_in })
        }
    }
}

fn context(
    asked: &Asked,
    action: &Action,
    assessment: &Assessment,
    approval: EntityUid,
) -> Result<Context, String> {
    let now = asked.circumstances;
    let pairs = [
        ("risk", long(assessment.risk.number())),
        ("targets", long(i64::from(action.targets))),
        ("sensitive", flag(action.sensitive)),
        ("reversible", flag(action.reversible())),
        ("inverseTested", flag(now.inverse_tested && action.inverse.is_some())),
        ("learned", flag(now.learned)),
        ("tainted", flag(now.tainted)),
        ("rollback", flag(now.rollback)),
        ("bounded", flag(now.bounded)),
        ("guided", flag(now.guided)),
        ("listed", flag(asked.listed)),
        ("spentSeconds", long(now.spent_seconds)),
        ("budgetSeconds", long(now.budget_seconds)),
        ("approval", reference(approval)),
        ("now", long(now.now.millis())),
    ];
    Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value)))
        .map_err(|error| error.to_string())
}

fn worker(asked: &Asked, uid_of_worker: EntityUid) -> Result<Entity, String> {
    entity(
        uid_of_worker,
        [
            ("name", text(&asked.name)),
            ("owner", reference(uid("Human", &same(&asked.owner))?)),
            ("level", long(asked.level.number())),
            ("quarantined", flag(asked.quarantined)),
        ],
    )
}

fn approved(given: Option<Approval>, uid: EntityUid) -> Result<Entity, String> {
    let nobody = Approval { humans: 0, stewards: 0, expires: Timestamp::from_nanos(0) };
    let given = given.unwrap_or(nobody);
    entity(
        uid,
        [
            ("humans", long(i64::from(given.humans))),
            ("stewards", long(i64::from(given.stewards))),
            ("expires", long(given.expires.millis())),
        ],
    )
}

fn long(number: i64) -> RestrictedExpression {
    RestrictedExpression::new_long(number)
}

fn flag(holds: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(holds)
}

pub(crate) fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

pub(crate) fn reference(uid: EntityUid) -> RestrictedExpression {
    RestrictedExpression::new_entity_uid(uid)
}

pub(crate) fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let name =
        EntityTypeName::from_str(&format!("Belay::{kind}")).map_err(|error| error.to_string())?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}

pub(crate) fn entity<const N: usize>(
    uid: EntityUid,
    attributes: [(&str, RestrictedExpression); N],
) -> Result<Entity, String> {
    let attributes: HashMap<String, RestrictedExpression> =
        attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Entity::new(uid, attributes, HashSet::new()).map_err(|error| error.to_string())
}
