//! What is known of the tables that queries read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A table's name as a query spells it, each part folded by [`crate::Dialect::fold`]:
/// `database.schema.table`, with as many parts as were written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName(pub Vec<String>);

impl fmt::Display for TableName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("."))
    }
}

/// A table's columns, folded, in order, with types where they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub columns: Vec<(String, Option<String>)>,
    /// There are no other columns. Otherwise `*` is not known, and a name may be one of them.
    pub is_complete: bool,
    /// Sets of columns that identify a row: no two rows agree in all of them, none is NULL.
    pub keys: BTreeSet<Vec<String>>,
}

/// Tables by name. A query may spell fewer parts than a name here has: the last parts count, if
/// only one table has them.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    by_name: BTreeMap<TableName, Table>,
    /// From the last part to the full names that end with it.
    by_last: BTreeMap<String, Vec<TableName>>,
}

impl Tables {
    pub fn insert(&mut self, name: TableName, table: Table) {
        if let Some(last) = name.0.last() {
            let names = self.by_last.entry(last.clone()).or_default();
            if !names.contains(&name) {
                names.push(name.clone());
            }
        }
        self.by_name.insert(name, table);
    }

    /// The same tables, of which no key is known.
    pub(crate) fn without_keys(&self) -> Self {
        let mut tables = self.clone();
        tables.by_name.values_mut().for_each(|table| table.keys.clear());
        tables
    }

    /// The table that a query means by `name`, under its full name.
    pub fn find(&self, name: &TableName) -> Option<(&TableName, &Table)> {
        if let Some(exact) = self.by_name.get_key_value(name) {
            return Some(exact);
        }
        let mut fits =
            self.by_last.get(name.0.last()?)?.iter().filter(|full| full.0.ends_with(&name.0));
        match (fits.next(), fits.next()) {
            (Some(one), None) => self.by_name.get_key_value(one),
            _ => None,
        }
    }
}

impl FromIterator<(TableName, Table)> for Tables {
    fn from_iter<I: IntoIterator<Item = (TableName, Table)>>(tables: I) -> Self {
        let mut found = Self::default();
        for (name, table) in tables {
            found.insert(name, table);
        }
        found
    }
}
