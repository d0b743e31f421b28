//! The right to do one thing once.

use belay_model::explain::Blame;
use belay_model::{Action, Digest, Explain};

/// The gate's yes to exactly one action. Made only by [`crate::Gate`], never copied, gone once used.
#[derive(Debug)]
#[must_use = "a permit that is not used was asked for in vain"]
pub struct Permit {
    action: Digest,
}

impl Permit {
    pub(crate) fn new(action: &Action) -> Self {
        Self { action: action.digest() }
    }

    /// Uses the permit up for `action`: what the outside is about to do, spelled by the outside
    /// itself and not by the one who asked.
    pub fn admit(self, action: &Action) -> Result<(), PermitMismatch> {
        let attempted = action.digest();
        if self.action == attempted {
            Ok(())
        } else {
            Err(PermitMismatch { permitted: self.action, attempted })
        }
    }
}

/// A permit was presented for another action than the one it was given for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the permit is for action `{}`, not for `{}`", permitted.short(), attempted.short())]
pub struct PermitMismatch {
    pub permitted: Digest,
    pub attempted: Digest,
}

impl Explain for PermitMismatch {
    fn code(&self) -> &'static str {
        "gate/permit-mismatch"
    }

    fn blame(&self) -> Blame {
        Blame::Belay
    }
}
