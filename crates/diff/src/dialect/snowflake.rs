//! Snowflake. What is written here is parsed with Snowflake's grammar in the tests; no Snowflake has
//! run it.

use super::Dialect;
use crate::RelationName;
use crate::kind::{Kind, parameters};

pub(super) fn kind(data_type: &str) -> Kind {
    let (name, numbers) = parameters(data_type);
    match name.as_str() {
        "NUMBER" | "DECIMAL" | "NUMERIC" if numbers.get(1).is_none_or(|scale| *scale == 0) => {
            Kind::Integer
        }
        "NUMBER" | "DECIMAL" | "NUMERIC" => {
            Kind::Decimal { digits: numbers.first().copied(), scale: numbers.get(1).copied() }
        }
        "INT" | "INTEGER" | "BIGINT" => Kind::Integer,
        "FLOAT" | "DOUBLE" | "REAL" | "DOUBLE PRECISION" => Kind::Float { single: false },
        "BOOLEAN" => Kind::Boolean,
        "TEXT" | "VARCHAR" | "STRING" | "CHAR" => Kind::Text,
        "BINARY" | "VARBINARY" => Kind::Binary,
        "DATE" => Kind::Date,
        "TIME" => Kind::Time,
        "TIMESTAMP_NTZ" | "DATETIME" => Kind::Timestamp,
        "TIMESTAMP_LTZ" | "TIMESTAMP_TZ" => Kind::TimestampTz,
        "VARIANT" | "OBJECT" => Kind::Json,
        "ARRAY" => Kind::Array,
        _ => Kind::Other,
    }
}

/// The `information_schema` of each database that is asked about.
pub(super) fn columns_query(relations: &[&RelationName]) -> String {
    let dialect = Dialect::Snowflake;
    let mut databases: Vec<&str> =
        relations.iter().map(|relation| relation.database.as_str()).collect();
    databases.sort_unstable_by_key(|name| name.to_lowercase());
    databases.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    let of = |database: &&str| {
        let here = relations.iter().filter(|one| one.database.eq_ignore_ascii_case(database));
        let wanted: Vec<String> = here
            .map(|one| {
                let text = |part: &str| dialect.text_literal(&part.to_lowercase());
                format!("({}, {})", text(&one.schema), text(&one.identifier))
            })
            .collect();
        format!(
            "SELECT table_catalog, table_schema, table_name, column_name,\n  \
             CASE WHEN data_type = 'NUMBER' \
             THEN 'NUMBER(' || numeric_precision || ',' || numeric_scale || ')' ELSE data_type END AS data_type,\n  \
             ordinal_position\n\
             FROM {}.information_schema.columns\n\
             WHERE (lower(table_schema), lower(table_name)) IN ({})",
            unquoted(database),
            wanted.join(", ")
        )
    };
    let all: Vec<String> = databases.iter().map(of).collect();
    format!(
        "SELECT table_catalog, table_schema, table_name, column_name, data_type FROM (\n{}\n) AS c\n\
         ORDER BY table_catalog, table_schema, table_name, ordinal_position",
        all.join("\nUNION ALL\n")
    )
}

/// A database is written in small letters in a project and stored in capitals: only a name that needs
/// quotes keeps its case.
fn unquoted(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    Dialect::Snowflake.quote(&if is_plain { name.to_uppercase() } else { name.to_owned() })
}

pub(super) fn schemas_query(prefix: &str) -> String {
    format!(
        "SELECT catalog_name, schema_name FROM information_schema.schemata\n\
         WHERE STARTSWITH(LOWER(schema_name), LOWER({prefix}))\n\
         ORDER BY catalog_name, schema_name"
    )
}
