//! The level in force: the lowest of all that have a say, and which of them that is.

use belay_gate::{Deed, Matter};
use belay_model::record::Control;
use belay_model::{ControlId, Level};

use crate::registry::Registered;
use crate::run_error::RunError;
use crate::{Desk, FlowError};

/// Something that limits how far a worker may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceiling {
    /// Such as "the worker's ceiling".
    pub what: &'static str,
    pub level: Level,
    /// Where it was set and by whom.
    pub origin: String,
}

/// The level in force and everything that was considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub level: Level,
    /// The lowest first: the first one binds.
    pub ceilings: Vec<Ceiling>,
    /// The workspace lets bounded production writes happen at L4.
    pub bounded: bool,
    pub quarantined: bool,
}

impl Standing {
    /// What binds, in words.
    pub fn binding(&self) -> String {
        self.ceilings
            .first()
            .map_or_else(String::new, |first| format!("{} ({})", first.what, first.origin))
    }
}

/// The names under which controls stand.
fn of_level(worker: &str, workflow: &str) -> String {
    format!("level:{worker}/{workflow}")
}
const TIER: &str = "tier";
const BOUNDED: &str = "bounded-writes";
fn of_quarantine(worker: &str) -> String {
    format!("quarantine:{worker}")
}

/// What the worker may do in this workspace, computed from its file, the workflow's, the controls and
/// what was asked for.
pub async fn standing(
    desk: &Desk,
    worker: &Registered,
    workflow: &str,
    own_ceiling: Option<Level>,
    asked: Option<Level>,
) -> Result<Standing, FlowError> {
    let controls = desk.memory.controls().await?;
    let find = |name: &str| controls.iter().find(|control| control.name == name);
    let level_of = |control: &Control| -> Level {
        // A level that cannot be read is no licence.
        control.value.parse().unwrap_or(Level::L0)
    };
    let origin = |control: &Control| format!("set by {}: {}", control.by, control.reason);
    let mut ceilings = vec![Ceiling {
        what: "the worker's ceiling",
        level: worker.ceiling,
        origin: format!("worker `{}`", worker.name),
    }];
    if let Some(level) = own_ceiling {
        let origin = format!("workflow `{workflow}`");
        ceilings.push(Ceiling { what: "the workflow's ceiling", level, origin });
    }
    ceilings.push(match find(&of_level(&worker.name, workflow)) {
        Some(control) => Ceiling {
            what: "the level that was set",
            level: level_of(control),
            origin: origin(control),
        },
        None => Ceiling {
            what: "the level it starts with",
            level: worker.level,
            origin: format!("worker `{}`", worker.name),
        },
    });
    ceilings.push(match find(TIER) {
        Some(control) => Ceiling {
            what: "the workspace's tier",
            level: level_of(control),
            origin: origin(control),
        },
        None => {
            Ceiling { what: "the workspace's tier", level: Level::L4, origin: "default".to_owned() }
        }
    });
    if let Some(level) = asked {
        let origin = "this run".to_owned();
        ceilings.push(Ceiling { what: "the level that was asked for", level, origin });
    }
    // Stable: of two that say the same, the one that is harder to change is named.
    ceilings.sort_by_key(|ceiling| ceiling.level);
    let level = ceilings.first().map_or(Level::L0, |first| first.level);
    let on = |name: &str| find(name).is_some_and(|control| control.value == "on");
    Ok(Standing {
        level,
        ceilings,
        bounded: on(BOUNDED),
        quarantined: worker.quarantined || on(&of_quarantine(&worker.name)),
    })
}

/// A change that a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The level of one worker in one workflow.
    Level {
        workflow: String,
        level: Level,
    },
    /// The workspace's ceiling.
    Tier(Level),
    /// Bounded production writes at L4.
    Bounded(bool),
    Quarantine(bool),
}

/// Makes a change of control: asked of the gate, and written down with who, why and when.
pub async fn change(
    desk: &Desk,
    worker: Option<&Registered>,
    change: &Change,
    reason: &str,
) -> Result<Control, FlowError> {
    if reason.trim().is_empty() {
        return Err(FlowError::NoReason);
    }
    let named = || worker.ok_or(FlowError::Run(RunError::NoWorker));
    let (name, value, deed) = match change {
        Change::Level { workflow, level } => {
            let worker = named()?;
            within(worker, *level)?;
            let current = standing(desk, worker, workflow, None, None).await?;
            let set = current.ceilings.iter().find(|ceiling| {
                ceiling.what == "the level that was set"
                    || ceiling.what == "the level it starts with"
            });
            let raises = set.is_none_or(|set| *level > set.level);
            let deed = if raises { Deed::RaiseLevel } else { Deed::LowerLevel };
            (of_level(&worker.name, workflow), level.to_string(), deed)
        }
        Change::Tier(level) => {
            if *level >= Level::L5 {
                return Err(RunError::AboveCeiling { level: *level, ceiling: Level::L4 }.into());
            }
            let controls = desk.memory.controls().await?;
            let now = controls.iter().find(|control| control.name == TIER);
            let now = now.and_then(|control| control.value.parse().ok()).unwrap_or(Level::L4);
            let deed = if *level > now { Deed::RaiseLevel } else { Deed::LowerLevel };
            (TIER.to_owned(), level.to_string(), deed)
        }
        Change::Bounded(on) => {
            let deed = if *on { Deed::SwitchBounded } else { Deed::LowerLevel };
            (BOUNDED.to_owned(), switch(*on), deed)
        }
        Change::Quarantine(on) => {
            let deed = if *on { Deed::Quarantine } else { Deed::Reinstate };
            (of_quarantine(&named()?.name), switch(*on), deed)
        }
    };
    let owner = worker.map(|worker| worker.owner.clone()).unwrap_or_default();
    let person = desk.person();
    let matter = Matter { id: name.clone(), owner, author: String::new() };
    desk.gate.may(&person, deed, &matter)?;
    let control = Control {
        id: ControlId::new(desk.id()),
        name,
        value,
        by: person.name,
        identity: person.identity,
        reason: desk.redactor.text(reason).into_owned(),
        at: desk.now(),
    };
    desk.memory.set_control(&control).await?;
    Ok(control)
}

fn switch(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn within(worker: &Registered, level: Level) -> Result<(), FlowError> {
    if level > worker.ceiling {
        return Err(RunError::AboveCeiling { level, ceiling: worker.ceiling }.into());
    }
    Ok(())
}
