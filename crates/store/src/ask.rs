//! One way to ask either engine: SQL with numbered places, values of three types, errors that know a
//! lost connection.

use belay_model::{
    ApprovalId, ArtefactId, ControlId, DecisionId, Digest, EffectId, ReviewId, RunId, ScoreId,
    StepId, Timestamp,
};
use sqlx::any::AnyRow;
use sqlx::{Any, Executor, SqlSafeStr, SqlStr};

use crate::StoreError;
use crate::rows::{FromRow, escape};

/// Which database keeps the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A value to bind.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Integer(Option<i64>),
    Bytes(Vec<u8>),
}

/// A statement whose places `$1`, `$2`, … are filled in order.
#[derive(Debug)]
pub(crate) struct Ask {
    sql: SqlStr,
    values: Vec<Value>,
}

pub(crate) fn ask(sql: impl SqlSafeStr) -> Ask {
    Ask { sql: sql.into_sql_str(), values: Vec::new() }
}

impl Ask {
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// How many rows were written.
    pub(crate) async fn run<'a>(
        self,
        on: impl Executor<'a, Database = Any>,
    ) -> Result<u64, StoreError> {
        Ok(self.query().execute(on).await?.rows_affected())
    }

    pub(crate) async fn all<'a, T: FromRow>(
        self,
        on: impl Executor<'a, Database = Any>,
    ) -> Result<Vec<T>, StoreError> {
        let rows: Vec<AnyRow> = self.query().fetch_all(on).await?;
        rows.iter().map(T::from_row).collect()
    }

    pub(crate) async fn maybe<'a, T: FromRow>(
        self,
        on: impl Executor<'a, Database = Any>,
    ) -> Result<Option<T>, StoreError> {
        let row = self.query().fetch_optional(on).await?;
        row.as_ref().map(T::from_row).transpose()
    }

    fn query(self) -> sqlx::query::Query<'static, Any, sqlx::any::AnyArguments> {
        let query = sqlx::query(self.sql);
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Text(text) => query.bind(text.map(escape)),
            Value::Integer(number) => query.bind(number),
            Value::Bytes(bytes) => query.bind(bytes),
        })
    }
}

macro_rules! values {
    ($($type:ty: $value:ident => $to:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $to
            }
        }
    )+};
}

values! {
    &str: text => Self::Text(Some(text.to_owned())),
    String: text => Self::Text(Some(text)),
    &String: text => Self::Text(Some(text.clone())),
    Option<String>: text => Self::Text(text),
    &Option<String>: text => Self::Text(text.clone()),
    Option<&str>: text => Self::Text(text.map(str::to_owned)),
    i64: number => Self::Integer(Some(number)),
    Option<i64>: number => Self::Integer(number),
    bool: yes => Self::Integer(Some(i64::from(yes))),
    Timestamp: time => Self::Integer(Some(time.nanos())),
    Option<Timestamp>: time => Self::Integer(time.map(Timestamp::nanos)),
    Vec<u8>: bytes => Self::Bytes(bytes),
    &[String]: list => Self::Text(Some(serde_json::json!(list).to_string())),
    Digest: digest => Self::Text(Some(digest.to_string())),
    RunId: id => Self::Text(Some(id.to_string())),
    Option<RunId>: id => Self::Text(id.map(|id| id.to_string())),
    StepId: id => Self::Text(Some(id.to_string())),
    DecisionId: id => Self::Text(Some(id.to_string())),
    EffectId: id => Self::Text(Some(id.to_string())),
    ArtefactId: id => Self::Text(Some(id.to_string())),
    ScoreId: id => Self::Text(Some(id.to_string())),
    ReviewId: id => Self::Text(Some(id.to_string())),
    ApprovalId: id => Self::Text(Some(id.to_string())),
    Option<ApprovalId>: id => Self::Text(id.map(|id| id.to_string())),
    ControlId: id => Self::Text(Some(id.to_string())),
}
