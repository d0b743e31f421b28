//! Figures of a run.

use serde_json::Value;

use super::{Case, Mark, Said};
use crate::suite::{Check, Kind, Measure};

/// The figure, where the record has it.
pub(super) fn measure(of: &Measure, record: &Value) -> Result<Option<f64>, String> {
    let run = &record["run"];
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let count = |name: &str| record[name].as_array().map(|rows| rows.len() as f64);
    Ok(match of {
        Measure::DurationMs => run["duration_ms"].as_f64(),
        Measure::CostMicroUsd => run["cost_micro_usd"].as_f64(),
        Measure::ErrorRate => run["state"]
            .as_str()
            .map(|state| f64::from(u8::from(matches!(state, "failed" | "interrupted")))),
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        Measure::Findings => record["report"]["findings"].as_array().map(|rows| rows.len() as f64),
        Measure::Decisions => count("decisions"),
        Measure::Effects => count("effects"),
        Measure::Refusals => record["decisions"].as_array().map(|rows| {
            let refused = rows.iter().filter(|row| row["answer"] != "permit").count();
            #[expect(clippy::cast_precision_loss, reason = "figures for people")]
            let refused = refused as f64;
            refused
        }),
        Measure::PassHatK(_) => None,
        Measure::Value(expression) => Some(expression.number(record)?),
    })
}

/// A measure of what the other checks say, and not of the record.
pub(super) fn rests_on_others(check: &Check) -> bool {
    matches!(check.kind, Kind::Metric { of: Measure::PassHatK(_), .. })
}

/// Whether all of `k` trials did what every other check requires; a case with fewer trials says
/// nothing.
pub(super) fn pass_hat(
    check: &Check,
    cases: &[Case],
    clusters: &[String],
    others: &[Vec<Said>],
) -> Vec<Said> {
    let Kind::Metric { of: Measure::PassHatK(k), .. } = &check.kind else { return Vec::new() };
    let said = |(at, (case, cluster)): (usize, (&Case, &String))| {
        let marks = || others.iter().filter_map(|said| said.get(at)).map(|one| &one.marks);
        let wrong =
            |trial: usize| marks().any(|marks| matches!(marks.get(trial), Some(Mark::Violated(_))));
        let enough = case.trials.len() >= *k;
        let solved = f64::from(u8::from(!(0..*k).any(wrong)));
        let mark = if enough { Mark::Measured(solved) } else { Mark::Aside };
        let (case, cluster) = (case.id.clone(), cluster.clone());
        Said { case, cluster, marks: vec![mark], quarantined: false }
    };
    cases.iter().zip(clusters).enumerate().map(said).collect()
}

pub(super) fn unit(kind: &Kind) -> &'static str {
    match kind {
        Kind::Metric { of, .. } => match of {
            Measure::DurationMs => "ms",
            Measure::CostMicroUsd => "micro_usd",
            of if of.is_rate() => "share",
            _ => "count",
        },
        _ => "share",
    }
}
