//! The canonical text of a value: the contract that lets two engines be compared by checksums. It is
//! written down in `docs/reference/diff.md`.

use crate::{Dialect, Kind};

/// What both sides of a column are written as. A column whose types differ takes a form that both
/// have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Digits without zeros at their end: `1.5`, `-7`.
    Decimal,
    /// Seventeen significant digits: `1.5000000000000000e+00`; `0`, `NaN`, `Infinity`.
    Float,
    /// `t` or `f`.
    Boolean,
    /// Microseconds since 1970 in UTC.
    Moment,
    /// Microseconds since midnight.
    Time,
    /// Hexadecimal, small letters.
    Binary,
    /// JSON. The engines order keys as they like; compared as values after they were fetched.
    Json,
    /// As the engine writes it.
    Text,
}

impl Form {
    /// The form of a pair of kinds.
    pub fn of(base: Kind, head: Kind) -> Self {
        let one = |kind| match kind {
            Kind::Integer | Kind::Decimal { .. } => Self::Decimal,
            Kind::Float { .. } => Self::Float,
            Kind::Boolean => Self::Boolean,
            Kind::Date | Kind::Timestamp | Kind::TimestampTz => Self::Moment,
            Kind::Time => Self::Time,
            Kind::Binary => Self::Binary,
            Kind::Json | Kind::Array => Self::Json,
            Kind::Text | Kind::Uuid | Kind::Interval | Kind::Other => Self::Text,
        };
        match (one(base), one(head)) {
            (base, head) if base == head => base,
            (Self::Decimal | Self::Float, Self::Decimal | Self::Float) => Self::Float,
            _ => Self::Text,
        }
    }

    /// Whether equal values have the same text on every engine, so that a checksum of it says what
    /// is equal. Where not, differing checksums say nothing yet.
    pub const fn is_canonical(self) -> bool {
        !matches!(self, Self::Json)
    }
}

/// The canonical text of `value`, NULL for NULL.
pub(crate) fn canonical(dialect: Dialect, value: &str, kind: Kind, form: Form) -> String {
    match form {
        Form::Decimal => decimal_text(dialect, value, kind),
        Form::Float => float_text(dialect, value),
        Form::Boolean => {
            format!("CASE WHEN {value} IS NULL THEN NULL WHEN {value} THEN 't' ELSE 'f' END")
        }
        Form::Moment => dialect.text(&dialect.micros(value)),
        Form::Time => dialect.text(&dialect.micros_of_day(value)),
        Form::Binary => match dialect {
            Dialect::DuckDb => format!("lower(hex({value}))"),
            Dialect::Postgres => format!("encode({value}, 'hex')"),
            Dialect::Snowflake => format!("LOWER(HEX_ENCODE({value}))"),
        },
        Form::Json => match dialect {
            Dialect::DuckDb => format!("CAST(to_json({value}) AS VARCHAR)"),
            Dialect::Postgres => format!("CAST(to_jsonb({value}) AS TEXT)"),
            Dialect::Snowflake => format!("TO_JSON({value})"),
        },
        Form::Text => match (dialect, kind) {
            (Dialect::Postgres, Kind::Boolean) => {
                format!("CASE WHEN {value} THEN 'true' WHEN NOT {value} THEN 'false' END")
            }
            (_, Kind::Decimal { .. }) => decimal_text(dialect, value, kind),
            _ => dialect.text(value),
        },
    }
}

/// An exact number without zeros at its end.
pub(crate) fn decimal_text(dialect: Dialect, value: &str, kind: Kind) -> String {
    let text = dialect.text(value);
    match (dialect, kind) {
        (_, Kind::Integer) => text,
        (Dialect::Postgres, _) => dialect.text(&format!("trim_scale({value})")),
        (_, Kind::Decimal { scale: Some(0), .. }) => text,
        (Dialect::DuckDb | Dialect::Snowflake, _) => format!("rtrim(rtrim({text}, '0'), '.')"),
    }
}

fn float_text(dialect: Dialect, value: &str) -> String {
    let double = dialect.double(value);
    let digits = match dialect {
        Dialect::DuckDb => format!("printf('%.16e', {double})"),
        Dialect::Postgres => format!("trim(to_char({double}, '9.9999999999999999EEEE'))"),
        Dialect::Snowflake => {
            format!("LOWER(TRIM(TO_VARCHAR({double}, 'S9.9999999999999999EE')))")
        }
    };
    let odd = |word: &str| dialect.double(&format!("'{word}'"));
    let (nan, most, least) = (odd("NaN"), odd(dialect.infinity()), odd(dialect.minus_infinity()));
    format!(
        "CASE WHEN {double} IS NULL THEN NULL WHEN {double} = 0 THEN '0' \
         WHEN {double} = {nan} THEN 'NaN' WHEN {double} = {most} THEN 'Infinity' \
         WHEN {double} = {least} THEN '-Infinity' ELSE {digits} END"
    )
}

/// The canonical text of a row: each value with its length before it, so that no two rows are
/// written alike; `n;` for NULL.
pub(crate) fn row_text(dialect: Dialect, values: &[String]) -> String {
    let one = |value: &String| {
        let length = dialect.text(&format!("length({value})"));
        format!("coalesce({length} || ':' || {value}, 'n;')")
    };
    if values.is_empty() {
        return "''".to_owned();
    }
    values.iter().map(one).collect::<Vec<_>>().join(" || ")
}

/// The first 60 bits of a text's MD5, as every engine can say them.
pub(crate) fn digest(dialect: Dialect, text: &str) -> String {
    match dialect {
        Dialect::DuckDb => format!("CAST('0x' || substr(md5({text}), 1, 15) AS BIGINT)"),
        Dialect::Postgres => {
            format!("CAST(CAST('x' || substr(md5({text}), 1, 15) AS BIT(60)) AS BIGINT)")
        }
        Dialect::Snowflake => format!("BITSHIFTRIGHT(MD5_NUMBER_UPPER64({text}), 4)"),
    }
}
