//! Spans that others sent: kept a batch at a time, each with an audit leaf, read back by trace.

use belay_model::Timestamp;
use belay_model::record::{Span, SpanBatch};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Memory, all};
use crate::rows::FromRow;
use crate::{StoreError, audit};

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
#[expect(clippy::struct_field_names, reason = "a trace is named by its trace id")]
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
        let mut work = self.pool.begin().await?;
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
                let mut query = sqlx::query(sqlx::AssertSqlSafe(sql.as_str()));
                for row in rows {
                    query = query
                        .bind(self.workspace.as_str())
                        .bind(&row.trace)
                        .bind(&row.span)
                        .bind(&row.parent)
                        .bind(&row.name)
                        .bind(row.started.nanos())
                        .bind(row.ended.nanos())
                        .bind(&row.status)
                        .bind(&row.body)
                        .bind(row.received.nanos());
                }
                stored += query.execute(&mut *work).await?.rows_affected();
            }
            audit::append(&mut work, &self.workspace, batch, batch.received).await?;
            let sent = u64::try_from(batch.spans.len()).unwrap_or(u64::MAX);
            added.push(Added { stored, duplicates: sent.saturating_sub(stored) });
        }
        work.commit().await?;
        Ok(added)
    }

    /// The spans of a trace, in the order in which they began.
    pub async fn spans(&self, trace: &str) -> Result<Vec<Span>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM span WHERE workspace = $1 AND trace = $2 ORDER BY started, span",
        )
        .bind(self.workspace.as_str())
        .bind(trace)
        .fetch_all(&self.pool)
        .await?;
        all(&rows)
    }

    /// Traces of others that began at `since` or later, newest first.
    pub async fn traces(&self, since: Option<Timestamp>) -> Result<Vec<Trace>, StoreError> {
        let rows = sqlx::query(
            "SELECT t.trace, t.spans, t.started, t.ended, t.errors,
               (SELECT f.name FROM span f WHERE f.workspace = $1 AND f.trace = t.trace
                ORDER BY f.started, f.span LIMIT 1) AS name
             FROM (SELECT trace, count(*) AS spans, min(started) AS started, max(ended) AS ended,
                     CAST(sum(CASE WHEN status = 'error' THEN 1 ELSE 0 END) AS BIGINT) AS errors
                   FROM span WHERE workspace = $1 GROUP BY trace) t
             WHERE t.started >= $2 ORDER BY t.started DESC, t.trace",
        )
        .bind(self.workspace.as_str())
        .bind(since.map_or(i64::MIN, Timestamp::nanos))
        .fetch_all(&self.pool)
        .await?;
        all(&rows)
    }

    /// The trace with this id, or the start of one.
    pub async fn find_trace(&self, text: &str) -> Result<String, StoreError> {
        let missing = || StoreError::NotFound { kind: "trace", text: text.to_owned() };
        if text.is_empty() || !text.chars().all(|letter| letter.is_ascii_hexdigit()) {
            return Err(missing());
        }
        let start = text.to_ascii_lowercase();
        let rows = sqlx::query(
            "SELECT DISTINCT trace FROM span WHERE workspace = $1 AND trace >= $2 AND trace < $3
             ORDER BY trace LIMIT 9",
        )
        .bind(self.workspace.as_str())
        .bind(&start)
        // The letter after the last hex digit.
        .bind(format!("{start}g"))
        .fetch_all(&self.pool)
        .await?;
        match rows.as_slice() {
            [] => Err(missing()),
            [row] => Ok(row.try_get("trace")?),
            rows => {
                Err(StoreError::Vague { kind: "trace", text: text.to_owned(), count: rows.len() })
            }
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
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
        let moment =
            |column: &str| Ok::<_, sqlx::Error>(Timestamp::from_nanos(row.try_get(column)?));
        Ok(Self {
            trace: row.try_get("trace")?,
            span: row.try_get("span")?,
            parent: row.try_get("parent")?,
            name: row.try_get("name")?,
            started: moment("started")?,
            ended: moment("ended")?,
            status: row.try_get("status")?,
            body: row.try_get("body")?,
            received: moment("received")?,
        })
    }
}

impl FromRow for Trace {
    fn from_row(row: &SqliteRow) -> Result<Self, StoreError> {
        let moment =
            |column: &str| Ok::<_, sqlx::Error>(Timestamp::from_nanos(row.try_get(column)?));
        Ok(Self {
            trace: row.try_get("trace")?,
            name: row.try_get("name")?,
            spans: row.try_get("spans")?,
            started: moment("started")?,
            ended: moment("ended")?,
            errors: row.try_get("errors")?,
        })
    }
}
