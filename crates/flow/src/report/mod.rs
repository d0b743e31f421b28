//! The report of a review in the forms that people and programs read.

mod html;
mod markdown;
mod terminal;
pub mod wire;

#[cfg(test)]
mod tests;

pub use html::html;
pub use markdown::markdown;
pub use terminal::terminal;
pub use wire::build;

use crate::FlowError;

/// A form that a report can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    Markdown,
    Html,
}

impl Form {
    pub fn render(self, report: &wire::Impact) -> Result<String, FlowError> {
        match self {
            Self::Text => Ok(terminal(report)),
            Self::Json => json(report),
            Self::Markdown => Ok(markdown(report)),
            Self::Html => html(report),
        }
    }
}

/// The `belay.impact/1` document, indented, with a final line break.
pub fn json(report: &wire::Impact) -> Result<String, FlowError> {
    let text = serde_json::to_string_pretty(report);
    let text = text.map_err(|error| FlowError::Render { message: error.to_string() })?;
    Ok(text + "\n")
}

/// Reads a report back from the record.
pub fn parse(body: &[u8]) -> Result<wire::Impact, FlowError> {
    serde_json::from_slice(body).map_err(|error| FlowError::Render { message: error.to_string() })
}

/// The last part of a dbt unique id, for people: of a test without the hash behind it.
pub(crate) fn short(node: &str) -> &str {
    let mut parts = node.split('.').skip(2);
    let name = parts.next().unwrap_or(node);
    if node.starts_with("source.") || node.starts_with("unit_test.") {
        parts.next().unwrap_or(name)
    } else {
        name
    }
}
