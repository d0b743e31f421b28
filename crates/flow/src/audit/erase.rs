//! Erasing a body: a person's data goes, and that it went, by whom and why stays.

use belay_gate::{Deed, Matter};
use belay_model::record::{Artefact, Control};
use belay_model::{ControlId, Digest, Timestamp};

use crate::{Desk, FlowError};

/// A body that is no more.
#[derive(Debug, Clone)]
pub struct Erased {
    pub digest: Digest,
    /// Why, by whom and when, as it is on record.
    pub control: Control,
}

/// The name of the row that says who erased a body and why.
fn name(digest: Digest) -> String {
    format!("erase:{digest}")
}

/// Erases a body for good: asked of the gate, and written down with who, why and when. The reason is on
/// record before the body goes, so that nothing is ever erased without one.
pub async fn erase(desk: &Desk, digest: Digest, reason: &str) -> Result<Erased, FlowError> {
    if reason.trim().is_empty() {
        return Err(FlowError::NoReason);
    }
    // Nothing is written about a body that is not there.
    match desk.memory.body(digest).await {
        Ok(_) | Err(belay_store::StoreError::BodyAltered { .. }) => (),
        Err(missing) => return Err(missing.into()),
    }
    let person = desk.person();
    let name = name(digest);
    let matter = Matter { id: name.clone(), owner: String::new(), author: String::new() };
    desk.gate.may(&person, Deed::EraseBody, &matter)?;
    let control = Control {
        id: ControlId::new(desk.id()),
        name,
        value: "erased".to_owned(),
        by: person.name,
        identity: person.identity,
        reason: desk.redactor.text(reason).into_owned(),
        at: desk.now(),
    };
    desk.memory.set_control(&control).await?;
    desk.memory.erase(digest, desk.now()).await?;
    Ok(Erased { digest, control })
}

/// When the body of an artefact was erased; `None` when no leaf says so, or when the body was kept
/// again since.
pub(crate) async fn erased_at(
    desk: &Desk,
    artefact: &Artefact,
) -> Result<Option<Timestamp>, FlowError> {
    let erased = desk.memory.erased_at(artefact.digest).await?;
    Ok(erased.filter(|erased| *erased >= artefact.at))
}
