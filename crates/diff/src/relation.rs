//! Relations and their columns, and which column of one side stands for which of the other.

use std::fmt;

use crate::Dialect;

/// A relation by its three names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelationName {
    pub database: String,
    pub schema: String,
    pub identifier: String,
}

impl RelationName {
    pub fn parts(&self) -> [&str; 3] {
        [&self.database, &self.schema, &self.identifier]
    }

    pub fn quoted(&self, dialect: Dialect) -> String {
        self.parts().map(|part| dialect.quote(part)).join(".")
    }
}

impl fmt::Display for RelationName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.parts().join("."))
    }
}

/// A column as the warehouse describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub data_type: String,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    pub relation: RelationName,
    pub columns: Vec<Column>,
    /// A condition that rows must meet, such as `"dbt_valid_to" IS NULL`.
    pub filter: Option<String>,
}

/// What became of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColumnChange {
    Same,
    Added,
    Removed,
    Retyped,
}

impl ColumnChange {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Retyped => "retyped",
        }
    }
}

/// A column name with its side or sides. At least one is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPair {
    pub name: String,
    pub base: Option<Column>,
    pub head: Option<Column>,
}

impl ColumnPair {
    pub fn change(&self) -> ColumnChange {
        match (&self.base, &self.head) {
            (Some(base), Some(head)) if base.data_type == head.data_type => ColumnChange::Same,
            (Some(_), Some(_)) => ColumnChange::Retyped,
            (Some(_), None) => ColumnChange::Removed,
            (None, _) => ColumnChange::Added,
        }
    }

    /// Both columns, where both sides have one.
    pub fn both(&self) -> Option<(&Column, &Column)> {
        self.base.as_ref().zip(self.head.as_ref())
    }
}

/// Pairs columns by name, blind to case: head's order, then what only base has.
pub fn pair_columns(base: &[Column], head: &[Column]) -> Vec<ColumnPair> {
    let find = |columns: &[Column], name: &str| {
        columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)).cloned()
    };
    let in_head = head.iter().map(|column| ColumnPair {
        name: column.name.clone(),
        base: find(base, &column.name),
        head: Some(column.clone()),
    });
    let only_base = base.iter().filter(|column| find(head, &column.name).is_none()).map(|column| {
        ColumnPair { name: column.name.clone(), base: Some(column.clone()), head: None }
    });
    in_head.chain(only_base).collect()
}
