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
        matches!(base_name(data_type).as_str(), "FLOAT" | "DOUBLE" | "REAL")
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

/// `DECIMAL(18,2)` is a `DECIMAL`.
fn base_name(data_type: &str) -> String {
    data_type.split('(').next().unwrap_or(data_type).trim().to_uppercase()
}
