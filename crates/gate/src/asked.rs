//! Who asks, and under which circumstances: what a decision rests on beside the action itself, and
//! its spelling in the record.

use belay_model::risk::{self, Traits};
use belay_model::{Action, Level, Timestamp, Verb, canonical};
use serde_json::{Value, json};

use crate::Approval;

/// Who wants to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    pub name: String,
    pub owner: String,
    /// The level in force: the lowest of all ceilings.
    pub level: Level,
    pub quarantined: bool,
    /// What the registry lists. A verb that is not among them is refused.
    pub tools: Vec<Verb>,
}

/// What else bears on a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// A learned behaviour contributed to the action.
    pub learned: bool,
    /// The plan rests on text that nobody trusted wrote.
    pub tainted: bool,
    /// The action is exactly the recorded inverse of an effect. Belay computes it; no worker says so.
    pub rollback: bool,
    /// The workspace switched bounded L4 on.
    pub bounded: bool,
    /// The declared inverse was run and brought back what was there.
    pub inverse_tested: bool,
    /// A person said yes to beginning this very step at L1.
    pub guided: bool,
    pub spent_seconds: i64,
    pub budget_seconds: i64,
    /// The yeses to exactly this action, by [`Approval::tally`].
    pub approval: Option<Approval>,
    pub now: Timestamp,
}

/// A worker and its circumstances as they are asked about one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub name: String,
    pub owner: String,
    pub level: Level,
    pub quarantined: bool,
    pub listed: bool,
    pub circumstances: Circumstances,
}

impl Asked {
    pub(crate) fn of(worker: &Worker, action: &Action, circumstances: Circumstances) -> Self {
        Self {
            name: worker.name.clone(),
            owner: worker.owner.clone(),
            level: worker.level,
            quarantined: worker.quarantined,
            listed: worker.tools.contains(&action.verb),
            circumstances,
        }
    }

    pub(crate) fn traits(&self) -> Traits {
        let Circumstances { tainted, inverse_tested, .. } = self.circumstances;
        Traits { tainted, inverse_tested }
    }

    /// Canonical JSON of everything but the action and the worker's name, which stand beside it.
    pub(crate) fn canonical(&self) -> String {
        let now = self.circumstances;
        canonical::json(&json!({
            "owner": self.owner,
            "level": self.level.to_string(),
            "quarantined": self.quarantined,
            "listed": self.listed,
            "learned": now.learned,
            "tainted": now.tainted,
            "rollback": now.rollback,
            "bounded": now.bounded,
            "inverse_tested": now.inverse_tested,
            "guided": now.guided,
            "spent_seconds": now.spent_seconds,
            "budget_seconds": now.budget_seconds,
            "approval": now.approval.map(|given| json!({
                "humans": given.humans,
                "stewards": given.stewards,
                "expires": given.expires.nanos(),
            })),
            "now": now.now.nanos(),
            "classifier": risk::CLASSIFIER,
        }))
    }

    /// Reads [`Asked::canonical`] back. `None`: it is none; nothing is assumed for what is not there.
    pub(crate) fn parse(name: &str, text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let flag = |name: &str| value.get(name)?.as_bool();
        let number = |name: &str| value.get(name)?.as_i64();
        let approval = match value.get("approval")? {
            Value::Null => None,
            given => {
                let count = |name: &str| u32::try_from(given.get(name)?.as_u64()?).ok();
                Some(Approval {
                    humans: count("humans")?,
                    stewards: count("stewards")?,
                    expires: Timestamp::from_nanos(given.get("expires")?.as_i64()?),
                })
            }
        };
        Some(Self {
            name: name.to_owned(),
            owner: value.get("owner")?.as_str()?.to_owned(),
            level: value.get("level")?.as_str()?.parse().ok()?,
            quarantined: flag("quarantined")?,
            listed: flag("listed")?,
            circumstances: Circumstances {
                learned: flag("learned")?,
                tainted: flag("tainted")?,
                rollback: flag("rollback")?,
                bounded: flag("bounded")?,
                inverse_tested: flag("inverse_tested")?,
                guided: flag("guided")?,
                spent_seconds: number("spent_seconds")?,
                budget_seconds: number("budget_seconds")?,
                approval,
                now: Timestamp::from_nanos(number("now")?),
            },
        })
    }
}
