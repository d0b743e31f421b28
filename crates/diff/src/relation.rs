//! Relations and their columns, and which column of one side stands for which of the other.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::{Dialect, Kind};

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

    /// What the types are, where both sides have one.
    pub fn kinds(&self, dialect: Dialect) -> Option<(Kind, Kind)> {
        let (base, head) = self.both()?;
        Some((dialect.kind(&base.data_type), dialect.kind(&head.data_type)))
    }

    /// Both columns, where both sides have one.
    pub fn both(&self) -> Option<(&Column, &Column)> {
        self.base.as_ref().zip(self.head.as_ref())
    }
}

/// Pairs columns by name: head's order, then what only base has. A name that both sides spell alike
/// goes before one that differs in case; an engine may hold `a` and `"A"`.
pub fn pair_columns(base: &[Column], head: &[Column]) -> Vec<ColumnPair> {
    let mut exact: HashMap<&str, usize> = HashMap::new();
    let mut folded: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, column) in base.iter().enumerate() {
        exact.insert(&column.name, at);
        folded.entry(column.name.to_ascii_lowercase()).or_default().push(at);
    }
    let spelled_alike: HashSet<usize> =
        head.iter().filter_map(|column| exact.get(column.name.as_str()).copied()).collect();
    let mut taken = spelled_alike.clone();
    let mut pairs: Vec<ColumnPair> = Vec::with_capacity(head.len());
    for column in head {
        let found = exact.get(column.name.as_str()).copied().or_else(|| {
            let alike = folded.get(&column.name.to_ascii_lowercase())?;
            alike.iter().copied().find(|at| taken.insert(*at))
        });
        pairs.push(ColumnPair {
            name: column.name.clone(),
            base: found.and_then(|at| base.get(at)).cloned(),
            head: Some(column.clone()),
        });
    }
    let left = base.iter().enumerate().filter(|(at, _)| !taken.contains(at));
    pairs.extend(left.map(|(_, column)| ColumnPair {
        name: column.name.clone(),
        base: Some(column.clone()),
        head: None,
    }));
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn columns(names: &[&str]) -> Vec<Column> {
        let column =
            |name: &&str| Column { name: (*name).to_owned(), data_type: "INTEGER".to_owned() };
        names.iter().map(column).collect()
    }

    #[test]
    fn columns_pair_blind_to_case_in_the_order_of_head() {
        let pairs =
            pair_columns(&columns(&["id", "Gone", "AMOUNT"]), &columns(&["amount", "new", "ID"]));
        let words: Vec<String> =
            pairs.iter().map(|pair| format!("{} {}", pair.name, pair.change().as_str())).collect();
        assert_eq!(words, ["amount same", "new added", "ID same", "Gone removed"]);
    }

    #[test]
    fn a_column_is_retyped_where_its_type_is_spelled_differently() {
        let mut head = columns(&["id"]);
        head[0].data_type = "BIGINT".to_owned();
        assert_eq!(pair_columns(&columns(&["ID"]), &head)[0].change(), ColumnChange::Retyped);
    }

    #[test]
    fn a_relation_is_quoted_part_by_part_and_shown_plain() {
        let name = RelationName {
            database: "my shop".to_owned(),
            schema: r#"a"b"#.to_owned(),
            identifier: "c.d".to_owned(),
        };
        assert_eq!(name.quoted(Dialect::DuckDb), r#""my shop"."a""b"."c.d""#);
        assert_eq!(name.to_string(), r#"my shop.a"b.c.d"#);
    }

    /// Columns as a warehouse has them: no two names are the same but for case.
    fn side() -> impl Strategy<Value = Vec<Column>> {
        let column = ("[a-eA-E]{1,2}", "(INTEGER|BIGINT|VARCHAR)");
        vec(column, 0..8).prop_map(|columns| {
            let mut side: Vec<Column> = Vec::new();
            for (name, data_type) in columns {
                if !side.iter().any(|column| column.name.eq_ignore_ascii_case(&name)) {
                    side.push(Column { name, data_type });
                }
            }
            side
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_column_stands_in_exactly_one_pair(base in side(), head in side()) {
            let pairs = pair_columns(&base, &head);
            let of_head: Vec<Column> = pairs.iter().filter_map(|pair| pair.head.clone()).collect();
            prop_assert_eq!(&of_head, &head);
            let mut of_base: Vec<Column> = pairs.iter().filter_map(|pair| pair.base.clone()).collect();
            let mut base = base;
            of_base.sort_by(|a, b| a.name.cmp(&b.name));
            base.sort_by(|a, b| a.name.cmp(&b.name));
            prop_assert_eq!(of_base, base);
        }

        #[test]
        fn the_sides_of_a_pair_have_its_name(base in side(), head in side()) {
            for pair in pair_columns(&base, &head) {
                prop_assert!(pair.base.is_some() || pair.head.is_some());
                for column in pair.base.iter().chain(&pair.head) {
                    prop_assert!(column.name.eq_ignore_ascii_case(&pair.name));
                }
            }
        }

        #[test]
        fn a_side_compared_with_itself_has_not_changed(side in side()) {
            for pair in pair_columns(&side, &side) {
                prop_assert_eq!(pair.change(), ColumnChange::Same);
            }
        }

        #[test]
        fn the_other_way_round_what_was_added_is_removed(base in side(), head in side()) {
            let turned = |change| match change {
                ColumnChange::Added => ColumnChange::Removed,
                ColumnChange::Removed => ColumnChange::Added,
                other => other,
            };
            let changes = |base: &[Column], head: &[Column]| {
                let pairs = pair_columns(base, head).into_iter();
                let mut all: Vec<_> = pairs
                    .map(|pair| (pair.name.to_lowercase(), pair.change()))
                    .collect();
                all.sort();
                all
            };
            let there = changes(&base, &head);
            let mut back: Vec<_> = changes(&head, &base)
                .into_iter()
                .map(|(name, change)| (name, turned(change)))
                .collect();
            back.sort();
            prop_assert_eq!(there, back);
        }
    }
}
