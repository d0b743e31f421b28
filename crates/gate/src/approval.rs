//! Counting yeses: only those of independent people, to exactly what was asked.

use std::collections::BTreeMap;

use belay_model::Timestamp;
use belay_model::record::{ApprovalRequest, Ballot, Vote};

/// The roles whose yes counts.
const COUNTING: [&str; 3] = ["reviewer", "steward", "admin"];

/// How many independent people said yes to exactly one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval {
    pub humans: u32,
    /// How many of them are stewards.
    pub stewards: u32,
    pub expires: Timestamp,
}

impl Approval {
    /// Counts the people who said yes to exactly the request's subject, who are neither its author nor
    /// the worker's owner, and who hold a role that counts. `proved_only`: only people who signed in.
    ///
    /// A no stops a request elsewhere; here it is only no yes.
    pub fn tally(votes: &[Vote], request: &ApprovalRequest, proved_only: bool) -> Self {
        let involved = [same(&request.author), same(&request.owner)];
        let counts = |vote: &&Vote| {
            vote.approval == request.id
                && vote.subject == request.subject
                && vote.ballot == Ballot::Yes
                && (!proved_only || vote.identity == "proved")
                && vote.roles.iter().any(|role| COUNTING.contains(&role.as_str()))
        };
        let mut people: BTreeMap<String, bool> = BTreeMap::new();
        for vote in votes.iter().filter(counts) {
            let voter = same(&vote.voter);
            if !voter.is_empty() && !involved.contains(&voter) {
                // A person has one vote; of two, the first is the one that counts.
                people.entry(voter).or_insert(vote.roles.iter().any(|role| role == "steward"));
            }
        }
        let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        Self {
            humans: count(people.len()),
            stewards: count(people.values().filter(|steward| **steward).count()),
            expires: request.expires,
        }
    }
}

/// A name as it is compared: `Ada ` and `ada` are one person.
pub(crate) fn same(name: &str) -> String {
    name.trim().to_lowercase()
}
