//! `belay policy prove`: the proof, or the request that slips through.

use std::time::Instant;

use belay_gate::Rules;
use belay_proof::{Held, ProofError, prove};
use serde_json::{Value, json};

use super::{PolicyArgs, sets};
use crate::failure::{Failure, Outcome};
use crate::house::{House, solver};
use crate::ui::Ui;

pub(super) async fn proof(args: &PolicyArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let (own, added) = sets(args, house)?;
    let rules = Rules::try_out(&own, &added)?;
    let solver = solver(&house.tools.cache).ok_or(ProofError::NoSolver)?;
    let began = Instant::now();
    let clock = || began.elapsed();
    let proved = prove(&rules, &solver.program, &clock, |_| ()).await?;
    if ui.is_json() {
        let findings: Vec<Value> = proved
            .findings
            .iter()
            .map(|finding| {
                let (held, slipped) = match &finding.held {
                    Held::Always => ("always", None),
                    Held::OnlyHere(slipped) => ("only-here", Some(slipped)),
                    Held::Not(slipped) => ("not", Some(slipped)),
                };
                let request = slipped.map(|slipped| {
                    json!({"principal": slipped.principal, "action": slipped.action,
                           "resource": slipped.resource, "context": slipped.context,
                           "principal_attributes": slipped.principal_attributes,
                           "resource_attributes": slipped.resource_attributes,
                           "approval": slipped.approval, "allowed_by": slipped.allowed_by})
                });
                json!({"rule": finding.rule, "held": held, "checks": finding.checks, "request": request})
            })
            .collect();
        ui.json(&json!({"schema": "belay.policy-proof/1", "holds": proved.holds(),
                        "policy": rules.digest().to_string(), "rules": findings}))?;
    } else {
        let mut text = String::new();
        for finding in &proved.findings {
            let (words, slipped) = match &finding.held {
                Held::Always => ("holds under every policy that a workspace could add", None),
                Held::OnlyHere(slipped) => {
                    ("WEAKENED: holds here, but a permit would let this through", Some(slipped))
                }
                Held::Not(slipped) => ("DOES NOT HOLD: this request slips through", Some(slipped)),
            };
            text.push_str(&format!("{:<26} {words} ({} checks)\n", finding.rule, finding.checks));
            for line in slipped.iter().flat_map(|slipped| slipped.lines()) {
                text.push_str(&format!("  {line}\n"));
            }
        }
        ui.result(&text)?;
    }
    Ok(if proved.holds() { Outcome::Clear } else { Outcome::No })
}
