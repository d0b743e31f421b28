//! What can be wrong with suites, datasets and baselines.

use belay_model::Explain;
use belay_score::suite::Fault;

#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    #[error("there is no suite `{name}`")]
    NoSuite { name: String, known: Vec<String> },
    #[error("the suite `{file}` cannot be used: {}", listed(faults))]
    Suite { file: String, faults: Vec<Fault> },
    #[error("there is no dataset `{name}`")]
    NoDataset { name: String },
    #[error("the dataset `{file}` cannot be used: {}", listed(faults))]
    Dataset { file: String, faults: Vec<Fault> },
    #[error("there is no scorecard `{name}`")]
    NoScorecard { name: String },
    #[error("the scorecard `{name}` cannot be used: {message}")]
    Scorecard { name: String, message: String },
    #[error("the query cannot be used: {message}")]
    Query { message: String },
    #[error("nothing fits the query")]
    Nothing,
}

fn listed(faults: &[Fault]) -> String {
    match faults {
        [one] => one.to_string(),
        many => many.iter().map(|fault| format!("\n  {fault}")).collect(),
    }
}

impl Explain for EvalError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuite { .. } => "eval/no-suite",
            Self::Suite { .. } => "eval/suite",
            Self::NoDataset { .. } => "eval/no-dataset",
            Self::Dataset { .. } => "eval/dataset",
            Self::NoScorecard { .. } => "eval/no-scorecard",
            Self::Scorecard { .. } => "eval/scorecard",
            Self::Query { .. } => "eval/query",
            Self::Nothing => "eval/nothing",
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoSuite { known, .. } => format!("the suites are: {}", known.join(", ")),
            Self::Suite { .. } => {
                "correct it; `belay eval check` tells all faults at once".to_owned()
            }
            Self::NoDataset { .. } => {
                "name a file, or a built-in pack: changes, injection".to_owned()
            }
            Self::Dataset { .. } => "freeze it again: `belay eval freeze`".to_owned(),
            Self::NoScorecard { .. } => {
                "name a scorecard's file or an evaluation's run; `belay eval run` makes one"
                    .to_owned()
            }
            Self::Scorecard { .. } => "name a scorecard that belay wrote".to_owned(),
            Self::Query { .. } => "write it like `run.workflow == \"dbt-pr-impact\"`".to_owned(),
            Self::Nothing => "`belay runs list` shows what is on record".to_owned(),
        })
    }
}
