//! What can be wrong with the cases of the bench.

use belay_model::Explain;

#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("the cases in `{file}` cannot be used: {message}")]
    Cases { file: String, message: String },
    #[error("no case is called `{name}`")]
    NoCase { name: String },
    #[error("there is no project `{name}` to try cases on")]
    NoProject { name: String, known: Vec<String> },
    #[error("the project `{project}` does not build as it is: {message}")]
    Base { project: String, message: String },
}

impl Explain for BenchError {
    fn code(&self) -> &'static str {
        match self {
            Self::Cases { .. } => "bench/cases",
            Self::NoCase { .. } => "bench/no-case",
            Self::NoProject { .. } => "bench/no-project",
            Self::Base { .. } => "bench/base",
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::Cases { .. } => "docs/reference/bench.md says what a case is made of".to_owned(),
            Self::NoCase { .. } => {
                "`belay bench regressions --list` shows the cases with their ids".to_owned()
            }
            Self::NoProject { known, .. } => format!("the projects are: {}", known.join(", ")),
            Self::Base { .. } => {
                "a project has to build with all its tests green before cases can be tried on it"
                    .to_owned()
            }
        })
    }
}
