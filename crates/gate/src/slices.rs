//! Which policies could apply to a request. Cedar looks at every policy of a set; belay hands it only
//! those whose scope does not already rule the request out.
//!
//! Sound: a policy is left out only where its scope names another action, another type of principal,
//! or one other principal or resource. Cedar would have found it not to apply.

use std::collections::HashMap;

use cedar_policy::{
    ActionConstraint, Authorizer, Decision, Entities, EntityUid, Policy, PolicySet,
    PrincipalConstraint, Request, ResourceConstraint, Schema,
};

/// The policies of a set, by what their scope says.
#[derive(Debug)]
pub(crate) struct Slices {
    actions: HashMap<EntityUid, Slice>,
}

/// What could apply to one action.
#[derive(Debug)]
struct Slice {
    /// The action and the groups that it is in, which every request needs.
    entities: Entities,
    general: PolicySet,
    /// For exactly this principal or this resource.
    special: HashMap<EntityUid, PolicySet>,
}

/// What Cedar said.
#[derive(Debug)]
pub(crate) struct Said {
    pub allowed: bool,
    /// The ids of the policies that decided, in order.
    pub determining: Vec<String>,
}

impl Slices {
    pub(crate) fn of(set: &PolicySet, schema: &Schema) -> Result<Self, String> {
        let all = schema.action_entities().map_err(|error| error.to_string())?;
        let mut actions = HashMap::new();
        for environment in schema.request_envs() {
            let uid = environment.action().clone();
            let kind = environment.principal().clone();
            let with_groups: Vec<EntityUid> =
                all.ancestors(&uid).into_iter().flatten().cloned().chain([uid.clone()]).collect();
            let own = all.iter().filter(|entity| with_groups.contains(&entity.uid())).cloned();
            let entities = Entities::from_entities(own, None).map_err(|error| error.to_string())?;
            let mut slice = Slice { entities, general: PolicySet::new(), special: HashMap::new() };
            for policy in set.policies() {
                let applies = acts_on(policy, &with_groups)
                    && may_be(policy, |uid_or_type| match uid_or_type {
                        Scope::Type(name) => *name == kind,
                        Scope::One(uid) => *uid.type_name() == kind,
                    });
                if applies {
                    slice.add(policy.clone())?;
                }
            }
            actions.insert(uid, slice);
        }
        Ok(Self { actions })
    }

    /// The entities of an action, to which those of a request are added.
    pub(crate) fn entities(&self, action: &EntityUid) -> Option<&Entities> {
        self.actions.get(action).map(|slice| &slice.entities)
    }

    /// Decides over the whole set by asking about the parts that could apply. A forbid of one part wins
    /// over the permits of all.
    pub(crate) fn decide(
        &self,
        authorizer: &Authorizer,
        request: &Request,
        entities: &Entities,
    ) -> Result<Said, String> {
        let unanswerable = || "the request names no known action".to_owned();
        let slice = request.action().and_then(|action| self.actions.get(action));
        let slice = slice.ok_or_else(unanswerable)?;
        let named = [request.principal(), request.resource()].into_iter().flatten();
        let special = named.filter_map(|uid| slice.special.get(uid));
        let (mut forbids, mut permits, mut clean) = (Vec::new(), Vec::new(), true);
        for part in special.chain([&slice.general]) {
            let response = authorizer.is_authorized(request, part, entities);
            // An error while a policy is evaluated could hide a forbid: fail closed.
            clean &= response.diagnostics().errors().next().is_none();
            let ids = response.diagnostics().reason().map(ToString::to_string);
            match response.decision() {
                Decision::Allow => permits.extend(ids),
                Decision::Deny => forbids.extend(ids),
            }
        }
        let allowed = clean && forbids.is_empty() && !permits.is_empty();
        let mut determining = if forbids.is_empty() { permits } else { forbids };
        determining.sort();
        Ok(Said { allowed, determining })
    }
}

impl Slice {
    fn add(&mut self, policy: Policy) -> Result<(), String> {
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Eq(uid) => Some(uid),
            _ => None,
        };
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Eq(uid) => Some(uid),
            _ => None,
        };
        let set = match resource.or(principal) {
            Some(uid) => self.special.entry(uid).or_default(),
            None => &mut self.general,
        };
        set.add(policy).map_err(|error| error.to_string())
    }
}

fn acts_on(policy: &Policy, action_and_groups: &[EntityUid]) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => action_and_groups.last() == Some(&uid),
        ActionConstraint::In(uids) => uids.iter().any(|uid| action_and_groups.contains(uid)),
    }
}

enum Scope<'a> {
    Type(&'a cedar_policy::EntityTypeName),
    One(&'a EntityUid),
}

fn may_be(policy: &Policy, fits: impl Fn(Scope<'_>) -> bool) -> bool {
    match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
        PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => {
            fits(Scope::Type(&name))
        }
        PrincipalConstraint::Eq(uid) => fits(Scope::One(&uid)),
    }
}
