//! A record whose newest entries are from a clock that was far ahead: looked at, and let go of by a word
//! that stands in the record.

use belay_gate::{Deed, Matter};
use belay_model::record::Control;
use belay_model::{ControlId, Timestamp};
use belay_store::SLACK_SECONDS;

use crate::{Desk, FlowError};

/// How the clock stands to the record of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub now: Timestamp,
    /// Of the newest entry.
    pub newest: Timestamp,
    /// Somebody's word that the clock is right was needed, and was written down.
    pub accepted: bool,
}

impl Standing {
    /// Whether it stands too far before the newest entry for anything to be written.
    pub fn is_behind(&self) -> bool {
        self.behind() > f64::from(SLACK_SECONDS)
    }

    /// How far the clock stands before the newest entry, in seconds.
    pub fn behind(&self) -> f64 {
        self.newest.seconds_since(self.now).max(0.0)
    }
}

pub async fn look(desk: &Desk) -> Result<Standing, FlowError> {
    let (now, newest) = (desk.now(), desk.memory.newest().await?);
    Ok(Standing { now, newest, accepted: false })
}

/// Says that the clock is right now, and that the one which wrote the newest entries was not.
pub async fn accept(desk: &Desk, reason: &str) -> Result<Standing, FlowError> {
    if reason.trim().is_empty() {
        return Err(FlowError::NoReason);
    }
    let before = look(desk).await?;
    let person = desk.person();
    let matter =
        Matter { id: Control::CLOCK.to_owned(), owner: String::new(), author: String::new() };
    desk.gate.may(&person, Deed::AcceptClock, &matter)?;
    let control = Control {
        id: ControlId::new(desk.id()),
        name: Control::CLOCK.to_owned(),
        value: "accepted".to_owned(),
        by: person.name,
        identity: person.identity,
        reason: desk.redactor.text(reason).into_owned(),
        at: before.now,
    };
    let accepted = desk.memory.accept_clock(&control).await?;
    Ok(Standing { accepted, ..before })
}
