//! Decides whether a worker may act, and is the only place where a [`Permit`] comes into being.
//! Pure: policies are text, the time is an argument, the answer is a value.
//!
//! A side effect without a permit does not compile, because no other crate can make one:
//!
//! ```compile_fail
//! let permit = belay_gate::Permit { action: belay_model::Digest::of("drop everything") };
//! ```
//!
//! nor take a second one from the first:
//!
//! ```compile_fail
//! fn twice(permit: belay_gate::Permit) -> (belay_gate::Permit, belay_gate::Permit) {
//!     (permit.clone(), permit)
//! }
//! ```
//!
//! nor use one up twice:
//!
//! ```compile_fail
//! fn twice(permit: belay_gate::Permit, action: &belay_model::Action) {
//!     let _ = permit.admit(action);
//!     let _ = permit.admit(action);
//! }
//! ```
//!
//! Using it once is fine, so the three above fail for the reason they name:
//!
//! ```
//! fn once(permit: belay_gate::Permit, action: &belay_model::Action) -> bool {
//!     permit.admit(action).is_ok()
//! }
//! ```

mod approval;
mod asked;
mod depth;
mod examples;
mod fault;
mod gate;
mod needs;
mod people;
mod permit;
mod policy;
mod rules;
mod slices;

pub use approval::Approval;
pub use asked::{Circumstances, Worker};
pub use examples::{Tried, try_examples};
pub use fault::{FaultKind, PolicyErrors, PolicyFault};
pub use gate::{Again, AgainError, Gate, Refused, Ruling};
pub use needs::Needs;
pub use people::{Deed, Matter, Person};
pub use permit::{Permit, PermitMismatch};
pub use policy::{PolicyFile, SCHEMA, Stated, built_in_files};
pub use rules::{Judged, Rules};

#[cfg(test)]
mod tests;
