//! Proves, for all requests at once, that the hard rules hold: under the policies of a workspace, and
//! under every policy that a workspace could ever add. Where one does not hold, a request that slips
//! through is handed back.
//!
//! Each claim describes the requests that a rule is there to stop. A set of policies keeps it if no
//! request is both described and allowed. Policies are compiled to SMT by Cedar's own symbolic compiler;
//! a solver, cvc5, searches for such a request, and finding none is the proof.
//!
//! Why one check covers every workspace: a policy that is added permits or forbids. A permit allows at
//! most what `permit (principal, action, resource);` allows, and a forbid allows nothing. So what belay's
//! forbids and that one permit do not allow, no workspace can allow.

mod claims;
mod prove;
mod request;

pub use claims::{Claim, claims};
pub use prove::{Finding, Held, ProofError, Proved, prove};
pub use request::Slipped;

#[cfg(test)]
mod tests;
