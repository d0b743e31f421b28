//! DuckDB.

use crate::kind::{Kind, parameters};

pub(super) fn kind(data_type: &str) -> Kind {
    if data_type.ends_with(']') {
        return Kind::Array;
    }
    let (name, numbers) = parameters(data_type);
    match name.as_str() {
        "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" | "HUGEINT" | "UTINYINT" | "USMALLINT"
        | "UINTEGER" | "UBIGINT" | "UHUGEINT" => Kind::Integer,
        "DECIMAL" | "NUMERIC" => {
            Kind::Decimal { digits: numbers.first().copied(), scale: numbers.get(1).copied() }
        }
        "FLOAT" | "REAL" => Kind::Float { single: true },
        "DOUBLE" => Kind::Float { single: false },
        "BOOLEAN" => Kind::Boolean,
        "VARCHAR" => Kind::Text,
        "UUID" => Kind::Uuid,
        "BLOB" => Kind::Binary,
        "DATE" => Kind::Date,
        "TIME" => Kind::Time,
        "TIMESTAMP" => Kind::Timestamp,
        "TIMESTAMP WITH TIME ZONE" => Kind::TimestampTz,
        "INTERVAL" => Kind::Interval,
        "JSON" => Kind::Json,
        _ => Kind::Other,
    }
}

/// DuckDB sums these in 128 bits, and they can fill them: decimals leave ten digits for the number
/// of rows, or count as wide.
fn is_wide(data_type: &str) -> bool {
    let (name, numbers) = parameters(data_type);
    match name.as_str() {
        "HUGEINT" | "UHUGEINT" => true,
        "DECIMAL" => numbers.first().is_none_or(|digits| *digits > 28),
        _ => false,
    }
}

pub(super) fn sum(column: &str, data_type: &str) -> String {
    // Of the widest types even the sum of two can be too much.
    if is_wide(data_type) {
        format!("fsum(CAST({column} AS DOUBLE))")
    } else {
        format!("CAST(sum({column}) AS DOUBLE)")
    }
}

/// An exact count of distinct integers between `least` and `greatest`: a bit for each.
pub(super) fn distinct_bits(column: &str, least: i64, greatest: i64) -> String {
    format!("CAST(bit_count(bitstring_agg({column}, {least}, {greatest})) AS BIGINT)")
}

pub(super) fn columns_query(wanted: &str) -> String {
    format!(
        "SELECT database_name, schema_name, table_name, column_name, data_type\n\
         FROM duckdb_columns()\n\
         WHERE (lower(database_name), lower(schema_name), lower(table_name)) IN ({wanted})\n\
         ORDER BY database_name, schema_name, table_name, column_index"
    )
}

pub(super) fn schemas_query(prefix: &str) -> String {
    format!(
        "SELECT database_name, schema_name FROM duckdb_schemas()\n\
         WHERE starts_with(schema_name, {prefix}) AND NOT internal\n\
         ORDER BY database_name, schema_name"
    )
}
