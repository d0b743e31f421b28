//! `belay.dataset/1`: runs on record, frozen into a file with a digest of every case and of all.

use belay_model::{Digest, canonical};
use belay_score::cel::Expression;
use belay_score::suite::{Fault, Split};
use belay_score::{Case, Trial, redacted};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EvalError, select};
use crate::{Desk, FlowError};

const SCHEMA: &str = "belay.dataset/1";

/// The first line: where the cases are from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    schema: String,
    /// Of the digests of all cases, in order.
    digest: String,
    cases: usize,
    query: String,
    workspace: String,
    /// The share of cases that are held out.
    holdout: f64,
    made_ms: i64,
    belay: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    case: String,
    digest: String,
    split: String,
    record: Value,
}

/// A dataset that was frozen.
#[derive(Debug)]
pub struct Frozen {
    pub text: String,
    pub digest: String,
    pub cases: usize,
    pub held_out: usize,
}

/// Freezes the runs that a query selects; `holdout` is the share of them that tuning must not see. Which
/// ones is decided by the digest of what was asked, so a case is held out in every dataset or in none.
pub async fn freeze(desk: &Desk, query: &str, holdout: f64) -> Result<Frozen, FlowError> {
    let wrong = |message: String| FlowError::from(EvalError::Query { message });
    let parsed = Expression::parse(query).map_err(wrong)?;
    let documents = select(desk, Some(&parsed), |run| run.worker != "evaluator", None).await?;
    let documents = documents.map_err(wrong)?;
    if documents.is_empty() {
        return Err(EvalError::Nothing.into());
    }
    let lines: Vec<Line> = documents.into_iter().map(|document| line(document, holdout)).collect();
    let digest = of_all(&lines);
    let header = Header {
        schema: SCHEMA.to_owned(),
        digest: digest.clone(),
        cases: lines.len(),
        query: query.to_owned(),
        workspace: desk.memory.workspace().to_string(),
        holdout,
        made_ms: desk.now().millis(),
        belay: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let render = |value: serde_json::Result<String>| {
        value.map_err(|error| FlowError::Render { message: error.to_string() })
    };
    let mut text = render(serde_json::to_string(&header))? + "\n";
    for line in &lines {
        text.push_str(&render(serde_json::to_string(line))?);
        text.push('\n');
    }
    let held_out = lines.iter().filter(|line| line.split == Split::Holdout.as_str()).count();
    Ok(Frozen { text, digest, cases: lines.len(), held_out })
}

fn line(document: Value, holdout: f64) -> Line {
    let asked = document["run"]["input_digest"].as_str().unwrap_or_default().to_owned();
    let first: u32 = Digest::of(&asked)
        .as_bytes()
        .iter()
        .take(4)
        .fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
    let held = f64::from(first) / (f64::from(u32::MAX) + 1.0) < holdout;
    let record = redacted(document);
    Line {
        case: record["run"]["id"].as_str().unwrap_or_default().to_owned(),
        digest: canonical::digest(&record).to_string(),
        split: if held { Split::Holdout } else { Split::Train }.as_str().to_owned(),
        record,
    }
}

fn of_all(lines: &[Line]) -> String {
    let all: Vec<String> =
        lines.iter().map(|line| format!("{} {} {}", line.case, line.split, line.digest)).collect();
    Digest::of(all.join("\n")).to_string()
}

/// Reads a dataset back; a case or a list of cases that is not what its digest says is a fault.
pub fn read(file: &str, text: &str, split: Option<Split>) -> Result<Vec<Case>, FlowError> {
    let mut faults = Vec::new();
    let mut rows = (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty());
    let header: Option<Header> = rows.next().and_then(|(line, row)| {
        serde_json::from_str(row)
            .map_err(|error| faults.push(Fault { line, message: error.to_string() }))
            .ok()
    });
    let mut lines = Vec::new();
    for (number, row) in rows {
        match serde_json::from_str::<Line>(row) {
            Ok(line) if canonical::digest(&line.record).to_string() == line.digest => {
                lines.push(line);
            }
            Ok(line) => faults.push(Fault {
                line: number,
                message: format!("case {} is not what its digest says", line.case),
            }),
            Err(error) => faults.push(Fault { line: number, message: error.to_string() }),
        }
    }
    match &header {
        None if faults.is_empty() => {
            faults.push(Fault { line: 0, message: "it is empty".to_owned() });
        }
        Some(header) if header.schema != SCHEMA => {
            let message = format!("`schema` is `{}`, expected `{SCHEMA}`", header.schema);
            faults.push(Fault { line: 1, message });
        }
        Some(header)
            if faults.is_empty()
                && (header.cases != lines.len() || header.digest != of_all(&lines)) =>
        {
            let message = "the cases are not those that it was frozen with".to_owned();
            faults.push(Fault { line: 1, message });
        }
        _ => (),
    }
    if !faults.is_empty() {
        faults.sort();
        return Err(EvalError::Dataset { file: file.to_owned(), faults }.into());
    }
    let wanted = |line: &Line| split.is_none_or(|split| line.split == split.as_str());
    Ok(lines
        .into_iter()
        .filter(wanted)
        .map(|line| Case {
            id: line.case,
            trials: vec![Trial { record: line.record, attack: None }],
        })
        .collect())
}
