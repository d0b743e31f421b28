//! The export, JSON Lines. A line is exactly as written here, byte for byte; the value of `leaf` is the
//! text that the leaf's hash is of, so that any tool with SHA-256 can check it.
//!
//! ```text
//! {"checkpoints":1,"schema":"belay.audit/1","size":2,"workspace":"default"}
//! {"hash":"…","leaf":{…}}
//! {"hash":"…","leaf":{…},"row":{…}}
//! {"checkpoint":"belay/default\n2\n…"}
//! ```
//!
//! A checkpoint stands behind the last leaf that it covers.

use std::borrow::Cow;

use belay_model::canonical;
use belay_model::record::Leaf;
use serde::Deserialize;
use serde_json::{Deserializer, json};

/// The first line's `schema`.
pub const SCHEMA: &str = "belay.audit/1";

/// The first line, without its newline.
pub fn header_line(workspace: &str, size: u64, checkpoints: u64) -> String {
    canonical::json(&json!({
        "schema": SCHEMA, "workspace": workspace, "size": size, "checkpoints": checkpoints,
    }))
}

/// The line of a leaf; `row` is the canonical body of its row, where that is still what the leaf
/// vouches for.
pub fn leaf_line(leaf: &Leaf, workspace: &str, row: Option<&str>) -> String {
    let row = row.map_or_else(String::new, |row| format!(",\"row\":{row}"));
    format!("{{\"hash\":\"{}\",\"leaf\":{}{row}}}", leaf.hash, leaf.canonical(workspace))
}

/// The line of a signed note.
pub fn checkpoint_line(note: &str) -> String {
    canonical::json(&json!({ "checkpoint": note }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub schema: String,
    pub workspace: String,
    pub size: u64,
    pub checkpoints: u64,
}

/// What the text of a leaf says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeafText<'a> {
    /// Unix time in nanoseconds. Vouched for by the hash; read, so that nothing else stands here.
    #[serde(rename = "at")]
    _at: i64,
    #[serde(borrow)]
    pub body: Cow<'a, str>,
    pub form: Option<i64>,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    pub position: Option<i64>,
    #[serde(borrow, rename = "run")]
    _run: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "subject")]
    _subject: Cow<'a, str>,
    #[serde(borrow)]
    pub workspace: Cow<'a, str>,
}

/// The parts of a leaf's line.
#[derive(Debug)]
pub(crate) struct LeafLine<'a> {
    pub hash: &'a str,
    /// The bytes that were hashed.
    pub text: &'a str,
    pub leaf: LeafText<'a>,
    pub row: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    checkpoint: String,
}

/// A line behind the first.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    Leaf(LeafLine<'a>),
    Checkpoint(String),
}

pub(crate) fn parse_header(line: &str) -> Result<Header, String> {
    let header: Header = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if header.schema != SCHEMA {
        return Err(format!("`schema` is `{}`, expected `{SCHEMA}`", header.schema));
    }
    if header_line(&header.workspace, header.size, header.checkpoints) != line {
        return Err("the first line is not spelled as belay spells it".to_owned());
    }
    Ok(header)
}

pub(crate) fn parse(line: &str) -> Result<Line<'_>, String> {
    if let Some(rest) = line.strip_prefix("{\"hash\":\"") {
        return parse_leaf(rest).map(Line::Leaf);
    }
    let signed: Signed = serde_json::from_str(line)
        .map_err(|error| format!("neither a leaf nor a checkpoint ({error})"))?;
    if checkpoint_line(&signed.checkpoint) == line {
        Ok(Line::Checkpoint(signed.checkpoint))
    } else {
        Err("the checkpoint is not spelled as belay spells it".to_owned())
    }
}

fn parse_leaf(rest: &str) -> Result<LeafLine<'_>, String> {
    let (hash, rest) = rest.split_once("\",\"leaf\":").ok_or("`leaf` is missing")?;
    let mut values = Deserializer::from_str(rest).into_iter::<LeafText<'_>>();
    let leaf = values.next().ok_or("`leaf` is empty")?.map_err(|error| error.to_string())?;
    let (text, rest) = rest.split_at_checked(values.byte_offset()).ok_or("the leaf has no end")?;
    let row = match rest.strip_prefix(",\"row\":") {
        Some(row) => Some(row.strip_suffix('}').ok_or("the line has no end")?),
        None if rest == "}" => None,
        None => return Err("something else stands behind the leaf".to_owned()),
    };
    Ok(LeafLine { hash, text, leaf, row })
}
