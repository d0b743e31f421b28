//! Where engines differ: names of types and functions, in one place.

/// An engine whose SQL belay writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    DuckDb,
}

impl Dialect {
    /// The dialect of a dbt adapter, if belay writes it.
    pub fn of_adapter(adapter: &str) -> Option<Self> {
        match adapter {
            "duckdb" => Some(Self::DuckDb),
            _ => None,
        }
    }

    /// An identifier between quotes.
    pub fn quote(self, identifier: &str) -> String {
        match self {
            Self::DuckDb => format!("\"{}\"", identifier.replace('"', "\"\"")),
        }
    }

    pub fn text_literal(self, text: &str) -> String {
        match self {
            Self::DuckDb => format!("'{}'", text.replace('\'', "''")),
        }
    }

    pub fn is_numeric(self, data_type: &str) -> bool {
        const EXACT: [&str; 11] = [
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "HUGEINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
            "UHUGEINT",
            "DECIMAL",
        ];
        let base = base_name(data_type);
        self.is_float(data_type) || EXACT.contains(&base.as_str())
    }

    pub fn is_float(self, data_type: &str) -> bool {
        match self {
            Self::DuckDb => matches!(base_name(data_type).as_str(), "FLOAT" | "DOUBLE" | "REAL"),
        }
    }

    /// A point in time, of whatever grain.
    pub fn is_moment(self, data_type: &str) -> bool {
        match self {
            Self::DuckDb => matches!(data_type, "DATE" | "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE"),
        }
    }

    /// The sum of a numeric column as a double, of whatever size.
    pub fn sum(self, column: &str, data_type: &str) -> String {
        match self {
            // Of the widest types even the sum of two can be too much.
            Self::DuckDb if is_wide(data_type) => format!("fsum(CAST({column} AS DOUBLE))"),
            Self::DuckDb => format!("CAST(sum({column}) AS DOUBLE)"),
        }
    }

    /// Names, types and positions of the columns of relations.
    pub fn columns_query(self, relations: &[&super::RelationName]) -> String {
        let wanted: Vec<String> = relations
            .iter()
            .map(|relation| {
                let [database, schema, table] =
                    relation.parts().map(|part| self.text_literal(&part.to_lowercase()));
                format!("({database}, {schema}, {table})")
            })
            .collect();
        match self {
            Self::DuckDb => format!(
                "SELECT database_name, schema_name, table_name, column_name, data_type\n\
                 FROM duckdb_columns()\n\
                 WHERE (lower(database_name), lower(schema_name), lower(table_name)) IN ({})\n\
                 ORDER BY database_name, schema_name, table_name, column_index",
                wanted.join(", ")
            ),
        }
    }

    /// Names of the schemas that start with `prefix`, in every attached database.
    pub fn schemas_query(self, prefix: &str) -> String {
        match self {
            Self::DuckDb => format!(
                "SELECT database_name, schema_name FROM duckdb_schemas()\n\
                 WHERE starts_with(schema_name, {}) AND NOT internal\n\
                 ORDER BY database_name, schema_name",
                self.text_literal(prefix)
            ),
        }
    }
}

/// `DECIMAL(18,2)` is a `DECIMAL`, a `DECIMAL(18,2)[]` is not.
fn base_name(data_type: &str) -> String {
    let in_brackets = data_type.strip_suffix(')').and_then(|whole| whole.split_once('('));
    in_brackets.map_or(data_type, |(name, _)| name).trim().to_uppercase()
}

/// DuckDB sums these in 128 bits, and they can fill them: decimals leave ten digits for the number
/// of rows, or count as wide.
fn is_wide(data_type: &str) -> bool {
    match base_name(data_type).as_str() {
        "HUGEINT" | "UHUGEINT" => true,
        "DECIMAL" => {
            let digits =
                data_type.split(['(', ',']).nth(1).and_then(|width| width.trim().parse().ok());
            digits.is_none_or(|digits: u8| digits > 28)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUCK: Dialect = Dialect::DuckDb;

    #[test]
    fn only_adapters_that_belay_writes_have_a_dialect() {
        assert_eq!(Dialect::of_adapter("duckdb"), Some(DUCK));
        for other in ["postgres", "snowflake", "DuckDB", ""] {
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
