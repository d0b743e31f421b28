//! Data types: their canonical letters, and those of expressions where they are plain.

use sqlparser::ast::DataType;

use super::Binder;
use crate::Dialect;
use crate::plan::{Call, Expr, Literal, SubqueryKind};

/// A type in canonical letters, so that synonyms of one engine are one.
pub(super) fn canonical(data_type: &DataType, dialect: Dialect) -> String {
    of_text(&data_type.to_string(), dialect)
}

/// The same for a type that a catalog names.
pub fn of_text(text: &str, dialect: Dialect) -> String {
    let lower = text.trim().to_lowercase();
    let (head, tail) = match lower.find(['(', '[', '<']) {
        Some(at) => lower.split_at(at),
        None => (lower.as_str(), ""),
    };
    // `timestamp(3) with time zone`: what follows the parentheses belongs to the name.
    let (tail, after) = match (tail.starts_with('('), tail.rfind(')')) {
        (true, Some(at)) => tail.split_at(at + 1),
        _ => (tail, ""),
    };
    let head = format!("{}{}", head.trim(), if after.starts_with('[') { "" } else { after });
    let tail = if after.starts_with('[') { format!("{tail}{after}") } else { tail.to_owned() };
    let tail = tail.replace(", ", ",");
    let name = synonym(head.trim(), dialect);
    match (name, tail.as_str(), dialect) {
        // A length that the engine does not keep.
        ("varchar", _, Dialect::DuckDb) if !tail.contains('[') => "varchar".to_owned(),
        ("integer" | "bigint" | "smallint", _, Dialect::DuckDb) if tail.starts_with('(') => {
            name.to_owned()
        }
        ("decimal", "", Dialect::DuckDb) => "decimal(18,3)".to_owned(),
        ("decimal", "", Dialect::Snowflake) => "decimal(38,0)".to_owned(),
        _ => format!("{name}{tail}"),
    }
}

#[expect(clippy::match_same_arms, reason = "one engine after the other")]
fn synonym(name: &str, dialect: Dialect) -> &str {
    use Dialect::{BigQuery, Databricks, DuckDb, Generic, Postgres, Redshift, Snowflake};
    match (dialect, name) {
        // Every whole number of Snowflake is NUMBER(38, 0).
        (Snowflake, "int" | "integer" | "bigint" | "smallint" | "tinyint" | "byteint") => {
            "decimal(38,0)"
        }
        (Snowflake, "float" | "float4" | "float8" | "double" | "double precision" | "real") => {
            "double"
        }
        (Snowflake, "number" | "numeric" | "decimal" | "dec") => "decimal",
        (Snowflake, "datetime" | "timestamp without time zone" | "timestampntz") => "timestamp_ntz",
        (Snowflake, "timestampltz") => "timestamp_ltz",
        (Snowflake, "timestamptz" | "timestamp with time zone") => "timestamp_tz",
        (Snowflake, "varbinary") => "binary",
        (BigQuery, "int" | "integer" | "bigint" | "smallint" | "tinyint" | "byteint" | "int64") => {
            "bigint"
        }
        (BigQuery, "float64" | "float") => "double",
        (BigQuery, "decimal") => "numeric",
        (BigQuery, "bigdecimal") => "bignumeric",
        (Databricks, "long") => "bigint",
        (Databricks, "short") => "smallint",
        (Databricks, "byte") => "tinyint",
        (Databricks, "real" | "float") => "real",
        (DuckDb, "float" | "float4") => "real",
        (DuckDb, "long") => "bigint",
        (DuckDb, "short") => "smallint",
        (DuckDb, "datetime" | "timestamp without time zone") => "timestamp",
        (Postgres | Redshift | Generic, "timestamp without time zone") => "timestamp",
        (_, "timestamptz") => "timestamp with time zone",
        (_, "timetz") => "time with time zone",
        (_, "time without time zone") => "time",
        (_, "int" | "int4" | "int32" | "signed") => "integer",
        (_, "int8" | "int64") => "bigint",
        (_, "int2" | "int16") => "smallint",
        (_, "float8" | "double precision" | "float64") => "double",
        (_, "float4" | "float32") => "real",
        (Postgres | Redshift | Generic, "float") => "double",
        (_, "numeric" | "dec") => "decimal",
        (_, "bool") => "boolean",
        (
            DuckDb | Snowflake | BigQuery | Databricks,
            "text" | "string" | "char" | "bpchar" | "character varying" | "character" | "nvarchar"
            | "varchar" | "char varying",
        ) => "varchar",
        (_, "character varying" | "char varying" | "nvarchar") => "varchar",
        (_, "character" | "bpchar") => "char",
        (_, "bytea" | "bytes" | "varbinary") => "blob",
        (_, other) => other,
    }
}

/// The name under which PostgreSQL keeps a type, which a column without a name gets.
pub(super) fn internal(canonical: &str) -> String {
    let name = canonical.split(['(', '[']).next().unwrap_or_default();
    match name {
        "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "double" => "float8",
        "real" => "float4",
        "decimal" => "numeric",
        "boolean" => "bool",
        "timestamp with time zone" => "timestamptz",
        "char" => "bpchar",
        "blob" => "bytea",
        other => other,
    }
    .to_owned()
}

impl Binder<'_> {
    /// The type of an expression where nothing has to be computed to say it.
    pub(super) fn type_of(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Column(col) => self.type_of_col(*col),
            Expr::Cast { data_type, .. } => Some(data_type.clone()),
            Expr::Literal(Literal::Boolean(_)) | Expr::In { .. } => Some("boolean".to_owned()),
            Expr::Literal(Literal::Typed(data_type, _)) => match data_type.as_str() {
                "bytes" | "hex" => None,
                other => Some(other.to_owned()),
            },
            Expr::Literal(Literal::Number(number)) => self.type_of_number(number),
            Expr::Literal(Literal::Text(_)) => self.text_type(),
            Expr::Call(call) => self.type_of_call(call),
            Expr::Binary { operator, left, right } => match operator.as_str() {
                "and"
                | "or"
                | "="
                | "<>"
                | "<"
                | ">"
                | "<="
                | ">="
                | "like"
                | "ilike"
                | "is distinct from"
                | "is not distinct from" => Some("boolean".to_owned()),
                "||" => match (self.type_of(left)?, self.type_of(right)?) {
                    (left, right) if left == right && left.starts_with("varchar") => {
                        self.text_type()
                    }
                    _ => None,
                },
                _ => None,
            },
            Expr::Unary { operator, operand } => match operator.as_str() {
                "-" => self.type_of(operand),
                "not" => Some("boolean".to_owned()),
                other if other.starts_with("is ") => Some("boolean".to_owned()),
                _ => None,
            },
            Expr::Case { branches, otherwise, .. } => {
                let mut results = branches
                    .iter()
                    .map(|(_, result)| result)
                    .chain(otherwise.as_deref())
                    .filter(|result| !matches!(result, Expr::Literal(Literal::Null)));
                let first = self.type_of(results.next()?)?;
                results.all(|other| self.type_of(other).as_ref() == Some(&first)).then_some(first)
            }
            Expr::Subquery(query) => match (&query.kind, query.columns.as_slice()) {
                (SubqueryKind::Scalar, [only]) => self.type_of_col(*only),
                (
                    SubqueryKind::Exists { .. }
                    | SubqueryKind::In { .. }
                    | SubqueryKind::Quantified(_),
                    _,
                ) => Some("boolean".to_owned()),
                _ => None,
            },
            Expr::Literal(Literal::Null | Literal::Parameter(_))
            | Expr::Compound { .. }
            | Expr::Opaque { .. } => None,
        }
    }

    fn text_type(&self) -> Option<String> {
        match self.dialect {
            Dialect::DuckDb | Dialect::BigQuery | Dialect::Databricks => Some("varchar".to_owned()),
            Dialect::Postgres => Some("text".to_owned()),
            // The length of a text decides.
            Dialect::Snowflake | Dialect::Redshift | Dialect::Generic => None,
        }
    }

    fn type_of_number(&self, number: &str) -> Option<String> {
        let digits = number.strip_prefix('-').unwrap_or(number);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let value: i128 = number.parse().ok()?;
        match self.dialect {
            Dialect::DuckDb | Dialect::Postgres | Dialect::Redshift | Dialect::Databricks => {
                if i32::try_from(value).is_ok() {
                    Some("integer".to_owned())
                } else if i64::try_from(value).is_ok() {
                    Some("bigint".to_owned())
                } else {
                    None
                }
            }
            Dialect::BigQuery => i64::try_from(value).is_ok().then(|| "bigint".to_owned()),
            Dialect::Snowflake | Dialect::Generic => None,
        }
    }

    pub(super) fn type_of_call(&self, call: &Call) -> Option<String> {
        let first = || call.arguments.first().and_then(|argument| self.type_of(argument));
        let whole = match self.dialect {
            Dialect::Snowflake => "decimal(18,0)",
            _ => "bigint",
        };
        match call.name.as_str() {
            "count" | "countif" | "approx_count_distinct" => Some(whole.to_owned()),
            "count_if" => (self.dialect != Dialect::DuckDb).then(|| whole.to_owned()),
            "row_number" | "rank" | "dense_rank" => {
                (self.dialect != Dialect::Databricks).then(|| whole.to_owned())
            }
            "min" | "max" | "any_value" | "first_value" | "last_value" | "nth_value"
                if call.arguments.len() == 1 || call.name == "nth_value" =>
            {
                first()
            }
            "lag" | "lead" => first(),
            "bool_and" | "bool_or" | "every" | "logical_and" | "logical_or" | "booland_agg"
            | "boolor_agg" | "starts_with" | "contains" | "regexp_matches" => {
                (call.name != "contains" || self.dialect != Dialect::Generic)
                    .then(|| "boolean".to_owned())
            }
            "current_date" => Some("date".to_owned()),
            "current_timestamp" | "now" => match self.dialect {
                Dialect::DuckDb | Dialect::Postgres | Dialect::Redshift => {
                    Some("timestamp with time zone".to_owned())
                }
                Dialect::Snowflake => Some("timestamp_ltz".to_owned()),
                Dialect::BigQuery | Dialect::Databricks => Some("timestamp".to_owned()),
                Dialect::Generic => None,
            },
            "lower" | "upper" | "trim" | "ltrim" | "rtrim" | "replace" | "concat" | "substring"
            | "substr" | "string_agg" | "md5" => match self.dialect {
                Dialect::DuckDb => Some("varchar".to_owned()),
                Dialect::Postgres => Some("text".to_owned()),
                _ => None,
            },
            "coalesce" | "nullif" | "ifnull" | "nvl" | "greatest" | "least" => {
                let arguments = &call.arguments;
                let mut types = arguments
                    .iter()
                    .filter(|argument| !matches!(argument, Expr::Literal(Literal::Null)))
                    .map(|argument| self.type_of(argument));
                let one = types.next()??;
                if call.name == "nullif" {
                    return Some(one);
                }
                types.all(|other| other.as_ref() == Some(&one)).then_some(one)
            }
            _ => None,
        }
    }
}
