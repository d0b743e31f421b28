//! The SQL of one engine: which grammar reads it, and how it spells a name.

use sqlparser::dialect as grammar;

/// An engine's SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    DuckDb,
    Postgres,
    Snowflake,
    BigQuery,
    Databricks,
    Redshift,
    /// None of these: the widest grammar, and names are compared without case.
    Generic,
}

impl Dialect {
    pub const ALL: [Self; 7] = [
        Self::DuckDb,
        Self::Postgres,
        Self::Snowflake,
        Self::BigQuery,
        Self::Databricks,
        Self::Redshift,
        Self::Generic,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::Postgres => "postgres",
            Self::Snowflake => "snowflake",
            Self::BigQuery => "bigquery",
            Self::Databricks => "databricks",
            Self::Redshift => "redshift",
            Self::Generic => "generic",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == text)
    }

    /// The dialect of a dbt adapter.
    pub fn of_adapter(adapter: &str) -> Self {
        match adapter {
            "postgresql" => Self::Postgres,
            "spark" => Self::Databricks,
            other => Self::parse(other).unwrap_or(Self::Generic),
        }
    }

    /// A name as the engine stores it: what is not quoted is folded, and so are quoted names where
    /// the engine compares names without case.
    pub fn fold(self, name: &str, is_quoted: bool) -> String {
        match self {
            Self::Snowflake | Self::Postgres if is_quoted => name.to_owned(),
            Self::Snowflake => name.to_uppercase(),
            Self::Postgres
            | Self::DuckDb
            | Self::BigQuery
            | Self::Databricks
            | Self::Redshift
            | Self::Generic => name.to_lowercase(),
        }
    }

    pub(crate) fn grammar(self) -> Box<dyn grammar::Dialect> {
        match self {
            Self::DuckDb => Box::new(grammar::DuckDbDialect {}),
            Self::Postgres => Box::new(grammar::PostgreSqlDialect {}),
            Self::Snowflake => Box::new(grammar::SnowflakeDialect {}),
            Self::BigQuery => Box::new(grammar::BigQueryDialect {}),
            Self::Databricks => Box::new(grammar::DatabricksDialect {}),
            Self::Redshift => Box::new(grammar::RedshiftSqlDialect {}),
            Self::Generic => Box::new(grammar::GenericDialect {}),
        }
    }
}
