//! Spans that others sent: kept a batch at a time, each with an audit leaf, read back by trace.

use belay_model::Timestamp;
use belay_model::record::{Span, SpanBatch};
use sqlx::any::AnyRow;

use super::Memory;
use crate::StoreError;
use crate::ask::ask;
use crate::rows::{FromRow, integer, maybe_text, text, time};
use crate::work::Work;

/// Rows of one INSERT: ten parameters each, well below the 32,766 that SQLite allows.
const ROWS: usize = 64;

/// Columns of a row of `span`.
const COLUMNS: usize = 10;

/// What became of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    pub stored: u64,
    /// Spans that were there already, by trace and span id. They are left as they were.
    pub duplicates: u64,
}

/// One trace of others, in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "what a trace id is called everywhere")]
pub struct Trace {
    pub trace: String,
    /// The name of the span that began first.
    pub name: String,
    pub spans: i64,
    pub started: Timestamp,
    pub ended: Timestamp,
    pub errors: i64,
}

impl Memory {
    /// Keeps the spans of all `batches`, or of none, with one leaf for each batch. When this returns,
    /// they survive a power cut.
    pub async fn add_spans(&self, batches: &[SpanBatch]) -> Result<Vec<Added>, StoreError> {
        let mut work = Work::begin(self, None).await?;
        let mut added = Vec::with_capacity(batches.len());
        let full = statement(ROWS);
        for batch in batches {
            let mut stored = 0;
            for rows in batch.spans.chunks(ROWS) {
                let rest;
                let sql = if rows.len() == ROWS {
                    &full
                } else {
                    rest = statement(rows.len());
                    &rest
                };
                let mut query = ask(sqlx::AssertSqlSafe(sql.as_str()));
                for row in rows {
                    query = query
                        .bind(self.workspace.as_str())
                        .bind(&row.trace)
                        .bind(&row.span)
                        .bind(&row.parent)
                        .bind(&row.name)
                        .bind(row.started)
                        .bind(row.ended)
                        .bind(&row.status)
                        .bind(&row.body)
                        .bind(row.received);
                }
                stored += query.run(work.on()).await?;
            }
            work.append(batch, batch.received).await?;
            let sent = u64::try_from(batch.spans.len()).unwrap_or(u64::MAX);
            added.push(Added { stored, duplicates: sent.saturating_sub(stored) });
        }
        work.commit().await?;
        Ok(added)
    }

    /// The spans of a trace, in the order in which they began.
    pub async fn spans(&self, trace: &str) -> Result<Vec<Span>, StoreError> {
        ask("SELECT * FROM span WHERE workspace = $1 AND trace = $2 ORDER BY started, span")
            .bind(self.workspace.as_str())
            .bind(trace)
            .all(&self.pool)
            .await
    }

    /// Traces of others that began at `since` or later, newest first.
    pub async fn traces(&self, since: Option<Timestamp>) -> Result<Vec<Trace>, StoreError> {
        ask("SELECT t.trace, t.spans, t.started, t.ended, t.errors,
               (SELECT f.name FROM span f WHERE f.workspace = $1 AND f.trace = t.trace
                ORDER BY f.started, f.span LIMIT 1) AS name
             FROM (SELECT trace, count(*) AS spans, min(started) AS started, max(ended) AS ended,
                     CAST(sum(CASE WHEN status = 'error' THEN 1 ELSE 0 END) AS BIGINT) AS errors
                   FROM span WHERE workspace = $1 GROUP BY trace) t
             WHERE t.started >= $2 ORDER BY t.started DESC, t.trace")
        .bind(self.workspace.as_str())
        .bind(since.map_or(i64::MIN, Timestamp::nanos))
        .all(&self.pool)
        .await
    }

    /// The trace with this id, or the start of one.
    pub async fn find_trace(&self, text: &str) -> Result<String, StoreError> {
        let known = || text.to_owned();
        let missing = || StoreError::NotFound { kind: "trace", text: known() };
        if text.is_empty() || !text.chars().all(|letter| letter.is_ascii_hexdigit()) {
            return Err(missing());
        }
        let traces: Vec<String> = ask(
            "SELECT DISTINCT trace FROM span WHERE workspace = $1 AND trace >= $2 AND trace < $3
             ORDER BY trace LIMIT 9",
        )
        .bind(self.workspace.as_str())
        .bind(text.to_ascii_lowercase())
        // The letter after the last hex digit.
        .bind(format!("{}g", text.to_ascii_lowercase()))
        .all(&self.pool)
        .await?;
        match traces.as_slice() {
            [] => Err(missing()),
            [trace] => Ok(trace.clone()),
            traces => Err(StoreError::Vague { kind: "trace", text: known(), count: traces.len() }),
        }
    }
}

/// `INSERT .. VALUES ($1, ..), ($11, ..)` for so many rows.
fn statement(rows: usize) -> String {
    let values: Vec<String> = (0..rows)
        .map(|row| {
            let first = row * COLUMNS + 1;
            let marks: Vec<String> =
                (first..first + COLUMNS).map(|number| format!("${number}")).collect();
            format!("({})", marks.join(", "))
        })
        .collect();
    format!(
        "INSERT INTO span (workspace, trace, span, parent, name, started, ended, status, body, received)
         VALUES {} ON CONFLICT DO NOTHING",
        values.join(", ")
    )
}

impl FromRow for Span {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            trace: text(row, "trace")?,
            span: text(row, "span")?,
            parent: maybe_text(row, "parent")?,
            name: text(row, "name")?,
            started: time(row, "started")?,
            ended: time(row, "ended")?,
            status: text(row, "status")?,
            body: text(row, "body")?,
            received: time(row, "received")?,
        })
    }
}

impl FromRow for Trace {
    fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        Ok(Self {
            trace: text(row, "trace")?,
            name: text(row, "name")?,
            spans: integer(row, "spans")?,
            started: time(row, "started")?,
            ended: time(row, "ended")?,
            errors: integer(row, "errors")?,
        })
    }
}
