//! Why a question about lineage has no answer.

use belay_model::Explain;

/// How many names a message lists.
const LISTED: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum LineageError {
    #[error("the project has no model, seed, snapshot or source `{name}`")]
    UnknownModel { name: String, nearest: Vec<String> },
    #[error("`{node}` has no column `{column}`")]
    UnknownColumn { node: String, column: String, columns: Vec<String> },
    #[error("`{name}` can be {}", spelled(.ids))]
    Ambiguous { name: String, ids: Vec<String> },
    #[error("nodes of the project read each other in a circle: {}", .path.join(" reads "))]
    Cycle { path: Vec<String> },
}

fn spelled(names: &[String]) -> String {
    let listed: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(LISTED);
    match (listed.split_last(), more) {
        (Some((last, [])), 0) => last.clone(),
        (Some((last, first)), 0) => format!("{} or {last}", first.join(", ")),
        _ => format!("{} and {more} more", listed.join(", ")),
    }
}

impl Explain for LineageError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownModel { .. } => "lineage/unknown-model",
            Self::UnknownColumn { .. } => "lineage/unknown-column",
            Self::Ambiguous { .. } => "lineage/ambiguous",
            Self::Cycle { .. } => "lineage/cycle",
        }
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::UnknownModel { nearest, .. } if nearest.is_empty() => {
                "`dbt ls` lists the names".to_owned()
            }
            Self::UnknownModel { nearest, .. } => format!("did you mean {}?", spelled(nearest)),
            Self::UnknownColumn { columns, .. } if columns.is_empty() => {
                "none of its columns is known: run `dbt docs generate`, which writes catalog.json"
                    .to_owned()
            }
            Self::UnknownColumn { columns, .. } => format!("its columns are {}", listed(columns)),
            Self::Ambiguous { .. } => "write one of these ids".to_owned(),
            Self::Cycle { .. } => "run `dbt parse`: dbt itself makes no such manifest".to_owned(),
        })
    }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED).map(String::as_str).collect();
    let more = names.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
