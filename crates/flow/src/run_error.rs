//! How a run can come to a stop that is nobody's defect: held, called off, unclear.

use belay_gate::Refused;
use belay_model::explain::Blame;
use belay_model::{Explain, Level};

#[derive(Debug, Clone, thiserror::Error)]
pub enum RunError {
    #[error("{refused}")]
    Held { refused: Box<Refused>, approval: String, run: String },
    #[error("`{by}` said no to {summary}: {reason}")]
    SaidNo { summary: String, by: String, reason: String },
    #[error("the run was cancelled")]
    Cancelled,
    #[error("nobody knows whether step `{step}` took: {why}")]
    Unclear { run: String, step: String, why: String },
    #[error("at L0 a person does the work: {left} of {all} steps are not reported yet")]
    Assisted { run: String, next: String, left: usize, all: usize },
    #[error("step `{step}` ended with {what}")]
    StepFailed { step: String, what: String },
    #[error("workflow `{workflow}` is not what it was when the run began")]
    Changed { workflow: String },
    #[error("there is no workflow `{name}`")]
    NoWorkflow { name: String },
    #[error("there is no worker `{name}`")]
    UnknownWorker { name: String },
    #[error("name a worker")]
    NoWorker,
    #[error("{level} is above the ceiling, {ceiling}")]
    AboveCeiling { level: Level, ceiling: Level },
    #[error("run {run} is {state}")]
    NotNow { run: String, state: String, wanted: &'static str },
    #[error("the next step to report is `{next}`, not `{step}`")]
    NotThisStep { step: String, next: String },
    #[error("step `{step}` has no effect that is unclear")]
    NothingUnclear { step: String },
    #[error("belay cannot take back `{verb}` on `{target}`")]
    NoWayBack { verb: String, target: String },
    #[error("run {run} is taking this back already, and is {state}")]
    TakingBack { run: String, state: String },
    #[error("the record of run {run} is not whole: {fault}")]
    NotWhole { run: String, fault: String },
    #[error("the approval was asked under the digest `{subject}`")]
    OtherDigest { subject: String },
    #[error("a run of `{workflow}` cannot be taken up again")]
    NotResumable { workflow: String },
}

impl Explain for RunError {
    fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "gate/held",
            Self::SaidNo { .. } => "approval/denied",
            Self::Cancelled => "run/cancelled",
            Self::Unclear { .. } => "run/unclear",
            Self::Assisted { .. } => "run/assisted",
            Self::StepFailed { .. } => "run/step-failed",
            Self::Changed { .. } => "workflow/changed",
            Self::NoWorkflow { .. } => "workflow/unknown",
            Self::UnknownWorker { .. } => "worker/unknown",
            Self::NoWorker => "worker/missing",
            Self::AboveCeiling { .. } => "level/above-ceiling",
            Self::NotNow { .. } => "run/not-now",
            Self::NotThisStep { .. } => "run/not-this-step",
            Self::NothingUnclear { .. } => "run/nothing-unclear",
            Self::NoWayBack { .. } => "run/no-way-back",
            Self::TakingBack { .. } => "run/taking-back",
            Self::NotWhole { .. } => "run/not-whole",
            Self::OtherDigest { .. } => "approval/other-digest",
            Self::NotResumable { .. } => "run/not-resumable",
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Held { refused, approval, run } => format!(
                "missing: {}; `belay approvals show {approval}` says what would be done, `belay approve \
                 {approval}` says yes, then `belay runs resume {run}` goes on",
                refused.missing.join(", ")
            ),
            Self::SaidNo { .. } => "start a new run when the reason is gone".to_owned(),
            Self::Cancelled => "`belay rollback` takes back what it did".to_owned(),
            Self::Unclear { run, step, .. } => format!(
                "look, then say so: `belay runs resolve {run} {step} --took` or `--absent`, with --reason"
            ),
            Self::Assisted { run, next, .. } => {
                format!("do it, then `belay runs report {run} {next} --exit CODE`")
            }
            Self::StepFailed { .. } => {
                "`belay runs show` has what it printed; `belay rollback` takes the run back"
                    .to_owned()
            }
            Self::Changed { .. } => {
                "`belay runs cancel` it, then start the workflow as it is now".to_owned()
            }
            Self::NoWorkflow { .. } => "`belay workflows list` shows the ones there are".to_owned(),
            Self::UnknownWorker { .. } | Self::NoWorker => {
                "`belay workers list` shows the ones there are".to_owned()
            }
            Self::AboveCeiling { .. } => {
                "the ceiling stands in the worker's file; L5 is never granted".to_owned()
            }
            Self::NotNow { wanted, .. } => format!("this is for runs that are {wanted}"),
            Self::NotThisStep { next, .. } => format!("report `{next}` first"),
            Self::NothingUnclear { .. } => "`belay runs show` lists the effects".to_owned(),
            Self::NoWayBack { .. } => {
                "take it back by hand; `belay runs show` says what was done".to_owned()
            }
            Self::TakingBack { run, .. } => {
                format!("`belay runs resume {run}` goes on with it; nothing is taken back twice")
            }
            Self::NotWhole { run, .. } => {
                format!("`belay trace check {run}` names every fault; take it back by hand")
            }
            Self::OtherDigest { .. } => {
                "look again with `belay approvals show`: it may not be what you read".to_owned()
            }
            Self::NotResumable { .. } => "start a new one".to_owned(),
        })
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Held { .. } | Self::Unclear { .. } | Self::Assisted { .. } => Blame::Held,
            Self::StepFailed { .. } | Self::Cancelled | Self::SaidNo { .. } => Blame::Answer,
            _ => Blame::Input,
        }
    }
}
