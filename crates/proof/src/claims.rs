//! What has to hold, one claim for each hard rule.

use std::str::FromStr;

use cedar_policy::{PolicyId, PolicySet};

use crate::ProofError;

const CLAIMS: &str = include_str!("claims.cedar");

/// The requests that a hard rule is there to stop.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The id of the rule.
    pub rule: String,
    pub(crate) described: PolicySet,
}

/// All claims, in the order of the rules.
pub fn claims() -> Result<Vec<Claim>, ProofError> {
    let broken = |message: String| ProofError::Claims { message };
    let parsed = PolicySet::from_str(CLAIMS).map_err(|error| broken(error.to_string()))?;
    let mut claims = Vec::new();
    for policy in parsed.policies() {
        let rule = policy.annotation("id").unwrap_or_default().to_owned();
        let described = PolicySet::from_policies([policy.new_id(PolicyId::new(&rule))]);
        let described = described.map_err(|error| broken(error.to_string()))?;
        claims.push(Claim { rule, described });
    }
    let number = |claim: &Claim| {
        let digits = claim.rule.trim_start_matches('H').split('-').next();
        digits.and_then(|digits| digits.parse::<u32>().ok())
    };
    claims.sort_by_key(number);
    Ok(claims)
}
