//! A request that slips through, in the words of the policies.

use cedar_policy::{Authorizer, Decision, Entities, EntityUid, PolicySet, Request};
use cedar_policy_symcc::Env;
use serde_json::Value;

/// A concrete request that a rule should have stopped and the policies allow.
#[derive(Debug, Clone)]
pub struct Slipped {
    pub principal: String,
    pub action: String,
    pub resource: String,
    /// What is known of the principal, such as its level.
    pub principal_attributes: Value,
    pub resource_attributes: Value,
    pub approval: Value,
    pub context: Value,
    /// The policies that allow it.
    pub allowed_by: Vec<String>,
    env: Box<Env>,
}

impl Slipped {
    /// Asks Cedar itself. `None`: the solver's request is not allowed after all.
    pub(crate) fn confirmed(env: &Env, set: &PolicySet) -> Option<Self> {
        let response = Authorizer::new().is_authorized(&env.request, set, &env.entities);
        if response.decision() != Decision::Allow {
            return None;
        }
        let mut allowed_by: Vec<String> =
            response.diagnostics().reason().map(ToString::to_string).collect();
        allowed_by.sort();
        Some(Self::of(env, allowed_by))
    }

    /// The request as Cedar takes it.
    pub fn as_cedar(&self) -> (&Request, &Entities) {
        (&self.env.request, &self.env.entities)
    }

    fn of(env: &Env, allowed_by: Vec<String>) -> Self {
        let (request, entities) = (&env.request, &env.entities);
        let name = |uid: Option<&EntityUid>| uid.map(ToString::to_string).unwrap_or_default();
        let attributes = |uid: Option<&EntityUid>| {
            let entity = uid.and_then(|uid| entities.get(uid));
            let json = entity.and_then(|entity| entity.to_json_value().ok());
            plain(
                json.and_then(|mut json| json.get_mut("attrs").map(Value::take))
                    .unwrap_or_default(),
            )
        };
        let mut context = request
            .context()
            .and_then(|context| context.to_json_value().ok())
            .map(plain)
            .unwrap_or_default();
        let approval = entities
            .iter()
            .find(|entity| {
                let id = entity.uid().to_string();
                context.get("approval").and_then(Value::as_str) == Some(id.as_str())
            })
            .map(cedar_policy::Entity::uid);
        if let Some(context) = context.as_object_mut() {
            context.remove("approval");
        }
        Self {
            principal: name(request.principal()),
            action: name(request.action()),
            resource: name(request.resource()),
            principal_attributes: attributes(request.principal()),
            resource_attributes: attributes(request.resource()),
            approval: attributes(approval.as_ref()),
            context,
            allowed_by,
            env: Box::new(env.clone()),
        }
    }

    /// One line for each part, for a terminal.
    pub fn lines(&self) -> Vec<String> {
        vec![
            format!("principal  {} {}", self.principal, said(&self.principal_attributes)),
            format!("action     {}", self.action),
            format!("resource   {} {}", self.resource, said(&self.resource_attributes)),
            format!("approval   {}", said(&self.approval)),
            format!("context    {}", said(&self.context)),
            format!("allowed by {}", self.allowed_by.join(", ")),
        ]
    }
}

/// `{level: 4, quarantined: false}`.
fn said(value: &Value) -> String {
    let Some(members) = value.as_object() else { return String::new() };
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{{{}}}", members.join(", "))
}

/// Cedar's JSON with entities as `Type::"id"` instead of nested objects.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(mut members) => {
            if let Some(Value::Object(entity)) = members.get("__entity") {
                let part =
                    |name: &str| entity.get(name).and_then(Value::as_str).unwrap_or_default();
                return format!("{}::{:?}", part("type"), part("id")).into();
            }
            members.iter_mut().for_each(|(_, value)| *value = plain(value.take()));
            Value::Object(members)
        }
        other => other,
    }
}
