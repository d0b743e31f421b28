//! The report of a review in the forms that people and programs read.

mod escape;
mod fit;
mod html;
mod junit;
mod markdown;
mod picture;
mod sarif;
mod terminal;
mod view;
pub mod wire;
mod write;

#[cfg(test)]
mod tests;

pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use sarif::sarif;
pub use terminal::terminal;
pub use write::build;

use crate::FlowError;

/// A form that a report can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    Markdown,
    Html,
    Sarif,
    Junit,
}

impl Form {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Text, Self::Json, Self::Markdown, Self::Html, Self::Sarif, Self::Junit];
        all.into_iter().find(|form| form.as_str() == text)
    }

    pub fn render(self, report: &wire::Impact) -> Result<String, FlowError> {
        match self {
            Self::Text => Ok(terminal(report)),
            Self::Json => json(report),
            Self::Markdown => Ok(markdown(report)),
            Self::Html => html(report),
            Self::Sarif => sarif(report),
            Self::Junit => junit(report),
        }
    }
}

/// The report as people may see it: without letters that steer a terminal or turn text around, and
/// with nothing so long that it hides the rest. Programs get it as it is.
pub(crate) fn legible(report: &wire::Impact) -> wire::Impact {
    const LONGEST: usize = 500;
    fn tame(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = legible_text(text, LONGEST),
            serde_json::Value::Array(items) => items.iter_mut().for_each(tame),
            serde_json::Value::Object(members) => members.values_mut().for_each(tame),
            _ => (),
        }
    }
    let Ok(mut value) = serde_json::to_value(report) else { return report.clone() };
    tame(&mut value);
    serde_json::from_value(value).unwrap_or_else(|_| report.clone())
}

fn legible_text(text: &str, longest: usize) -> String {
    let turns = |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let tamed = |letter: char| if letter.is_control() || turns(letter) { ' ' } else { letter };
    let mut kept: String = text.chars().take(longest).map(tamed).collect();
    if text.chars().nth(longest).is_some() {
        kept.push('…');
    }
    kept
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
