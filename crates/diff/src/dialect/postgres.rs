//! PostgreSQL, 14 and later.

use crate::kind::{Kind, parameters};

/// Of the name that `format_type` gives.
pub(super) fn kind(data_type: &str) -> Kind {
    if data_type.ends_with("[]") {
        return Kind::Array;
    }
    let (name, numbers) = parameters(data_type);
    match name.as_str() {
        "SMALLINT" | "INTEGER" | "BIGINT" => Kind::Integer,
        "NUMERIC" => {
            Kind::Decimal { digits: numbers.first().copied(), scale: numbers.get(1).copied() }
        }
        "REAL" => Kind::Float { single: true },
        "DOUBLE PRECISION" => Kind::Float { single: false },
        "BOOLEAN" => Kind::Boolean,
        "TEXT" | "CHARACTER VARYING" | "CHARACTER" | "NAME" => Kind::Text,
        "UUID" => Kind::Uuid,
        "BYTEA" => Kind::Binary,
        "DATE" => Kind::Date,
        "TIME WITHOUT TIME ZONE" => Kind::Time,
        "TIMESTAMP WITHOUT TIME ZONE" => Kind::Timestamp,
        "TIMESTAMP WITH TIME ZONE" => Kind::TimestampTz,
        "INTERVAL" => Kind::Interval,
        "JSON" | "JSONB" => Kind::Json,
        _ => Kind::Other,
    }
}

/// Views and materialised views have their columns here, which `information_schema` leaves out for
/// the latter.
pub(super) fn columns_query(wanted: &str) -> String {
    format!(
        "SELECT CAST(current_database() AS TEXT), CAST(n.nspname AS TEXT), CAST(c.relname AS TEXT),\n  \
         CAST(a.attname AS TEXT), format_type(a.atttypid, a.atttypmod)\n\
         FROM pg_catalog.pg_attribute a\n\
         JOIN pg_catalog.pg_class c ON c.oid = a.attrelid\n\
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n\
         WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'f', 'p')\n  \
         AND (lower(current_database()), lower(n.nspname), lower(c.relname)) IN ({wanted})\n\
         ORDER BY n.nspname, c.relname, a.attnum"
    )
}

pub(super) fn schemas_query(prefix: &str) -> String {
    format!(
        "SELECT CAST(current_database() AS TEXT), CAST(nspname AS TEXT) FROM pg_catalog.pg_namespace\n\
         WHERE starts_with(CAST(nspname AS TEXT), {prefix})\n\
         ORDER BY nspname"
    )
}
