//! Where engines differ: names of types and functions, each engine in a module of its own.

mod duckdb;
mod postgres;
mod snowflake;

use crate::RelationName;
use crate::kind::Kind;

/// An engine whose SQL belay writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    DuckDb,
    Postgres,
    Snowflake,
}

impl Dialect {
    pub const ALL: [Self; 3] = [Self::DuckDb, Self::Postgres, Self::Snowflake];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DuckDb => "duckdb",
            Self::Postgres => "postgres",
            Self::Snowflake => "snowflake",
        }
    }

    /// The dialect of a dbt adapter, if belay writes it.
    pub fn of_adapter(adapter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == adapter)
    }

    /// An identifier between quotes.
    pub fn quote(self, identifier: &str) -> String {
        match self {
            Self::DuckDb | Self::Postgres | Self::Snowflake => {
                format!("\"{}\"", identifier.replace('"', "\"\""))
            }
        }
    }

    pub fn text_literal(self, text: &str) -> String {
        let quoted = text.replace('\'', "''");
        match self {
            Self::DuckDb | Self::Postgres => format!("'{quoted}'"),
            // Here a backslash escapes.
            Self::Snowflake => format!("'{}'", quoted.replace('\\', "\\\\")),
        }
    }

    pub fn kind(self, data_type: &str) -> Kind {
        match self {
            Self::DuckDb => duckdb::kind(data_type),
            Self::Postgres => postgres::kind(data_type),
            Self::Snowflake => snowflake::kind(data_type),
        }
    }

    pub fn is_numeric(self, data_type: &str) -> bool {
        self.kind(data_type).is_numeric()
    }

    pub fn is_float(self, data_type: &str) -> bool {
        self.kind(data_type).is_float()
    }

    /// A point in time, of whatever grain.
    pub fn is_moment(self, data_type: &str) -> bool {
        self.kind(data_type).is_moment()
    }

    pub(crate) const fn text_type(self) -> &'static str {
        match self {
            Self::DuckDb | Self::Snowflake => "VARCHAR",
            Self::Postgres => "TEXT",
        }
    }

    pub(crate) const fn double_type(self) -> &'static str {
        match self {
            Self::DuckDb | Self::Snowflake => "DOUBLE",
            Self::Postgres => "DOUBLE PRECISION",
        }
    }

    pub(crate) fn text(self, expression: &str) -> String {
        format!("CAST({expression} AS {})", self.text_type())
    }

    pub(crate) fn double(self, expression: &str) -> String {
        format!("CAST({expression} AS {})", self.double_type())
    }

    /// How many rows meet a condition.
    pub(crate) fn count_where(self, condition: &str) -> String {
        match self {
            Self::DuckDb | Self::Postgres => format!("count(*) FILTER (WHERE {condition})"),
            Self::Snowflake => format!("COUNT_IF({condition})"),
        }
    }

    /// Neither NaN nor an infinity, of a double.
    pub(crate) fn is_finite(self, double: &str) -> String {
        match self {
            Self::DuckDb => format!("isfinite({double})"),
            Self::Postgres | Self::Snowflake => {
                let odd: Vec<String> = ["NaN", self.infinity(), self.minus_infinity()]
                    .iter()
                    .map(|word| self.double(&format!("'{word}'")))
                    .collect();
                format!("({double} NOT IN ({}))", odd.join(", "))
            }
        }
    }

    pub(crate) const fn infinity(self) -> &'static str {
        match self {
            Self::DuckDb | Self::Postgres => "Infinity",
            Self::Snowflake => "inf",
        }
    }

    pub(crate) const fn minus_infinity(self) -> &'static str {
        match self {
            Self::DuckDb | Self::Postgres => "-Infinity",
            Self::Snowflake => "-inf",
        }
    }

    /// Seconds since 1970 in UTC as a double, of a moment.
    pub(crate) fn seconds(self, moment: &str) -> String {
        format!("({} / 1e6)", self.double(&self.micros(moment)))
    }

    /// Microseconds since 1970 in UTC, of a moment: the greatest and the least number for the
    /// infinities.
    pub(crate) fn micros(self, moment: &str) -> String {
        match self {
            Self::DuckDb => format!(
                "CASE WHEN isfinite({moment}) THEN epoch_us({moment}) \
                 WHEN {moment} > DATE '2000-01-01' THEN {0} WHEN {moment} IS NOT NULL THEN -{0} END",
                i64::MAX
            ),
            Self::Postgres => format!(
                "CASE WHEN isfinite({moment}) THEN CAST(extract(epoch FROM {moment}) * 1000000 AS BIGINT) \
                 WHEN {moment} > DATE '2000-01-01' THEN {0} WHEN {moment} IS NOT NULL THEN -{0} END",
                i64::MAX
            ),
            Self::Snowflake => format!("DATE_PART(EPOCH_MICROSECOND, {moment})"),
        }
    }

    /// Microseconds since midnight, of a time.
    pub(crate) fn micros_of_day(self, time: &str) -> String {
        match self {
            Self::DuckDb => format!("epoch_us({time})"),
            Self::Postgres => format!("CAST(extract(epoch FROM {time}) * 1000000 AS BIGINT)"),
            Self::Snowflake => format!("DATEDIFF(MICROSECOND, TIME '00:00:00', {time})"),
        }
    }

    /// The sum of a numeric column as a double, of whatever size.
    pub fn sum(self, column: &str, data_type: &str) -> String {
        match self {
            Self::DuckDb => duckdb::sum(column, data_type),
            // A sum of `numeric` has no end here, and one of doubles may overflow: it is an error.
            Self::Postgres => {
                let is_float = self.is_float(data_type);
                let column = if is_float {
                    format!(
                        "CASE WHEN abs({column}) < 1e290 OR abs({column}) >= 'Infinity' THEN {column} END"
                    )
                } else {
                    column.to_owned()
                };
                format!("CAST(sum({column}) AS DOUBLE PRECISION)")
            }
            Self::Snowflake => format!("SUM(CAST({column} AS DOUBLE))"),
        }
    }

    /// The column as something that can be compared, grouped and hashed. Equal is what the engine
    /// calls equal, but for JSON, whose keys have no order.
    pub(crate) fn comparable(self, expression: &str, data_type: &str) -> String {
        match (self, self.kind(data_type)) {
            (Self::Postgres, Kind::Json) if !data_type.eq_ignore_ascii_case("jsonb") => {
                format!("CAST({expression} AS JSONB)")
            }
            // `character(n)` ignores blanks at its end in comparisons, and its text does not.
            (Self::Postgres, Kind::Other) => self.text(expression),
            (Self::Snowflake, Kind::Json | Kind::Array) => format!("TO_JSON({expression})"),
            (Self::Snowflake, Kind::Other) => format!("TO_VARCHAR({expression})"),
            (Self::DuckDb | Self::Postgres | Self::Snowflake, _) => expression.to_owned(),
        }
    }

    /// A number of 60 bits for values of this engine: equal values have the same. Never compared
    /// across engines.
    pub(crate) fn hash(self, expressions: &[String]) -> String {
        let all = expressions.join(", ");
        match self {
            Self::DuckDb => format!("CAST(hash({all}) >> 4 AS BIGINT)"),
            Self::Postgres => {
                format!("(hash_record_extended(ROW({all}), 0) & 1152921504606846975)")
            }
            Self::Snowflake => format!("BITAND(HASH({all}), 1152921504606846975)"),
        }
    }

    /// The sum of numbers of 60 bits, folded into 60 bits.
    pub(crate) fn folded_sum(self, number: &str) -> String {
        match self {
            Self::DuckDb | Self::Postgres => {
                format!("CAST(sum({number}) % 1152921504606846976 AS BIGINT)")
            }
            Self::Snowflake => format!("CAST(MOD(SUM({number}), 1152921504606846976) AS BIGINT)"),
        }
    }

    /// The low `bits` of a number.
    pub(crate) fn low_bits(self, number: &str, bits: u32) -> String {
        let mask = (1_u64 << bits) - 1;
        match self {
            Self::DuckDb | Self::Postgres => format!("({number} & {mask})"),
            Self::Snowflake => format!("BITAND({number}, {mask})"),
        }
    }

    /// How many distinct values there are: exactly.
    pub(crate) fn distinct(self, expressions: &[String], range: Option<(i64, i64)>) -> String {
        match (self, expressions, range) {
            (Self::DuckDb, [one], Some((least, greatest))) => {
                duckdb::distinct_bits(one, least, greatest)
            }
            (Self::DuckDb | Self::Postgres, [one], _) => format!("count(DISTINCT {one})"),
            (Self::DuckDb | Self::Postgres, several, _) => {
                format!("count(DISTINCT ({}))", several.join(", "))
            }
            (Self::Snowflake, several, _) => format!("COUNT(DISTINCT {})", several.join(", ")),
        }
    }

    /// `WITH … AS`, kept where it is read more than once, or written into its only reader.
    pub(crate) const fn with(self, is_kept: bool) -> &'static str {
        match (self, is_kept) {
            (Self::DuckDb | Self::Postgres, true) => "AS MATERIALIZED",
            (Self::DuckDb | Self::Postgres, false) => "AS NOT MATERIALIZED",
            (Self::Snowflake, _) => "AS",
        }
    }

    /// Names, types and positions of the columns of relations: database, schema, relation and column
    /// as the engine stores them, and the type.
    pub fn columns_query(self, relations: &[&RelationName]) -> String {
        let wanted: Vec<String> = relations
            .iter()
            .map(|relation| {
                let [database, schema, table] =
                    relation.parts().map(|part| self.text_literal(&part.to_lowercase()));
                format!("({database}, {schema}, {table})")
            })
            .collect();
        match self {
            Self::DuckDb => duckdb::columns_query(&wanted.join(", ")),
            Self::Postgres => postgres::columns_query(&wanted.join(", ")),
            Self::Snowflake => snowflake::columns_query(relations),
        }
    }

    /// Names of the schemas that start with `prefix`: in every attached database of DuckDB, in the
    /// session's own elsewhere.
    pub fn schemas_query(self, prefix: &str) -> String {
        let prefix = self.text_literal(prefix);
        match self {
            Self::DuckDb => duckdb::schemas_query(&prefix),
            Self::Postgres => postgres::schemas_query(&prefix),
            Self::Snowflake => snowflake::schemas_query(&prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUCK: Dialect = Dialect::DuckDb;

    #[test]
    fn only_adapters_that_belay_writes_have_a_dialect() {
        assert_eq!(Dialect::of_adapter("duckdb"), Some(DUCK));
        assert_eq!(Dialect::of_adapter("postgres"), Some(Dialect::Postgres));
        assert_eq!(Dialect::of_adapter("snowflake"), Some(Dialect::Snowflake));
        for other in ["bigquery", "DuckDB", ""] {
            assert_eq!(Dialect::of_adapter(other), None, "{other}");
        }
    }

    #[test]
    fn quotes_inside_names_and_texts_are_doubled() {
        for (text, identifier, literal) in [
            ("a", r#""a""#, "'a'"),
            (r#"a"b"#, r#""a""b""#, r#"'a"b'"#),
            ("it's", r#""it's""#, "'it''s'"),
            ("", r#""""#, "''"),
        ] {
            assert_eq!(
                (DUCK.quote(text).as_str(), DUCK.text_literal(text).as_str()),
                (identifier, literal)
            );
        }
    }

    #[test]
    fn numbers_are_told_from_what_only_holds_numbers() {
        for number in
            ["TINYINT", "BIGINT", "UHUGEINT", "DECIMAL(18,2)", "DOUBLE", "FLOAT", "integer"]
        {
            assert!(DUCK.is_numeric(number), "{number}");
        }
        for other in [
            "VARCHAR",
            "BOOLEAN",
            "DATE",
            "INTERVAL",
            "BIT",
            "INTEGER[]",
            "DECIMAL(18,2)[]",
            "DECIMAL(18,2)[3]",
            "DOUBLE[][]",
            "STRUCT(a INTEGER)",
            "MAP(INTEGER, INTEGER)",
            "ENUM('DECIMAL(1,1)')",
        ] {
            assert!(!DUCK.is_numeric(other), "{other}");
        }
    }

    #[test]
    fn floats_and_moments_are_told_by_their_types() {
        for (data_type, is_float, is_moment) in [
            ("DOUBLE", true, false),
            ("FLOAT", true, false),
            ("DECIMAL(18,2)", false, false),
            ("FLOAT[3]", false, false),
            ("DATE", false, true),
            ("TIMESTAMP", false, true),
            ("TIMESTAMP WITH TIME ZONE", false, true),
            ("TIME", false, false),
            ("DATE[]", false, false),
        ] {
            assert_eq!(
                (DUCK.is_float(data_type), DUCK.is_moment(data_type)),
                (is_float, is_moment),
                "{data_type}"
            );
        }
    }

    #[test]
    fn sums_that_could_be_too_big_are_taken_of_doubles() {
        for (data_type, exact) in [
            ("INTEGER", true),
            ("UBIGINT", true),
            ("DOUBLE", true),
            ("DECIMAL(18,2)", true),
            ("DECIMAL(28,2)", true),
            ("DECIMAL(29,0)", false),
            ("DECIMAL(38,10)", false),
            ("DECIMAL", false),
            ("HUGEINT", false),
            ("UHUGEINT", false),
        ] {
            let sum = if exact { "CAST(sum(x) AS DOUBLE)" } else { "fsum(CAST(x AS DOUBLE))" };
            assert_eq!(DUCK.sum("x", data_type), sum, "{data_type}");
        }
    }
}
