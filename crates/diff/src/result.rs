//! What the statements of a comparison answered.

use std::collections::{HashMap, HashSet};

use belay_model::Explain;
use belay_model::explain::Blame;
use belay_model::rows::{Cell, Rows};

use crate::compare::{Comparison, Samples};
use crate::facts::Facts;
use crate::profile::Profile;
use crate::relation::ColumnChange;

/// Two answers of the warehouse that do not fit the question.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the answer to the {question} query has an unexpected shape")]
pub struct AnswerError {
    pub question: &'static str,
}

impl Explain for AnswerError {
    fn code(&self) -> &'static str {
        "diff/answer"
    }

    fn blame(&self) -> Blame {
        Blame::Belay
    }
}

/// How rows were told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A full join on a key.
    Key,
    /// Rows as a multiset: how many are in one side only.
    Multiset,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Multiset => "multiset",
        }
    }
}

/// Counts of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    pub added: i64,
    pub removed: i64,
    /// With a key only.
    pub matching: Option<Matching>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    pub matched: i64,
    pub changed: i64,
    /// For each column of [`Comparison::compared`]: matched rows that differ in it.
    pub columns: Vec<i64>,
}

/// One column of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDiff {
    pub name: String,
    pub change: ColumnChange,
    pub type_base: Option<String>,
    pub type_head: Option<String>,
    /// How many rows were compared, and how many differ; `None` where none could be.
    pub compared: Option<i64>,
    pub changed: Option<i64>,
    pub nulls_base: Option<i64>,
    pub nulls_head: Option<i64>,
    pub sum_base: Option<f64>,
    pub sum_head: Option<f64>,
    pub facts: Facts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExampleKind {
    Changed,
    Added,
    Removed,
    Duplicated,
}

impl ExampleKind {
    fn parse(text: &str) -> Option<Self> {
        [Self::Changed, Self::Added, Self::Removed, Self::Duplicated]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Duplicated => "duplicated",
        }
    }
}

/// A row to show. Values are text; `None` is NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    pub kind: ExampleKind,
    pub key: Vec<(String, Option<String>)>,
    /// Column, value in base, value in head.
    pub values: Vec<(String, Option<String>, Option<String>)>,
    /// How often a duplicated key stands in head.
    pub times: Option<i64>,
}

impl Tally {
    /// Reads the answer to [`Comparison::tally_sql`].
    pub fn read(rows: &Rows, method: Method) -> Result<Self, AnswerError> {
        let wrong = || AnswerError { question: "tally" };
        let [row] = rows.rows.as_slice() else { return Err(wrong()) };
        let numbers: Vec<i64> =
            row.iter().map(Cell::int).collect::<Option<_>>().ok_or_else(wrong)?;
        match (method, numbers.as_slice()) {
            (Method::Multiset, &[added, removed]) => Ok(Self { added, removed, matching: None }),
            (Method::Key, counts) => Self::of_key(counts).ok_or_else(wrong),
            (Method::Multiset, _) => Err(wrong()),
        }
    }

    fn of_key(counts: &[i64]) -> Option<Self> {
        let &[matched, added, removed, changed, ref columns @ ..] = counts else { return None };
        let matching = Matching { matched, changed, columns: columns.to_vec() };
        Some(Self { added, removed, matching: Some(matching) })
    }

    /// Nothing was added, removed or changed.
    pub fn is_equal(&self) -> bool {
        self.added == 0
            && self.removed == 0
            && self.matching.as_ref().is_none_or(|matching| matching.changed == 0)
    }
}

impl Comparison {
    /// Puts the two profiles and the tally together, column by column.
    pub fn columns(
        &self,
        base: &Profile,
        head: &Profile,
        tally: Option<&Tally>,
    ) -> Vec<ColumnDiff> {
        let compared = self.compared();
        let matching = tally.and_then(|tally| tally.matching.as_ref());
        let range = |profile: &Profile, at: usize| {
            let (least, greatest) = profile.ranges.get(at).cloned().unwrap_or_default();
            least.zip(greatest)
        };
        let of =
            |profile: &Profile, at: usize| profile.columns.get(at).copied().unwrap_or_default();
        let place_of: HashMap<String, usize> =
            compared.iter().enumerate().map(|(at, pair)| (pair.name.clone(), at)).collect();
        let one = |(at, pair): (usize, crate::ColumnPair)| {
            let place = place_of.get(&pair.name).copied();
            let counted = matching.zip(place);
            let ((nulls_base, sum_base), (nulls_head, sum_head)) = (of(base, at), of(head, at));
            ColumnDiff {
                change: pair.change(),
                type_base: pair.base.map(|column| column.data_type),
                type_head: pair.head.map(|column| column.data_type),
                compared: counted.map(|(matching, _)| matching.matched),
                changed: counted.and_then(|(matching, place)| matching.columns.get(place).copied()),
                facts: Facts {
                    range_base: range(base, at),
                    range_head: range(head, at),
                    ..Facts::default()
                },
                name: pair.name,
                nulls_base,
                nulls_head,
                sum_base,
                sum_head,
            }
        };
        self.pairs().into_iter().enumerate().map(one).collect()
    }

    /// Reads the answer to [`Comparison::rows_sql`]: the counts, and examples that show what
    /// [`Comparison::shown`] names.
    pub fn rows(
        &self,
        rows: &Rows,
        samples: Samples,
    ) -> Result<(Tally, Vec<Example>), AnswerError> {
        let wrong = || AnswerError { question: "rows" };
        let kind = |row: &&Vec<Cell>| row.first().and_then(Cell::text) == Some("tally");
        let counts = rows.rows.iter().find(kind).and_then(|row| row.get(1)?.text());
        let counts: Vec<i64> = counts
            .ok_or_else(wrong)?
            .split(',')
            .map(|count| count.parse().map_err(|_| wrong()))
            .collect::<Result<_, _>>()?;
        let tally = Tally::of_key(&counts).ok_or_else(wrong)?;
        let names = self.compared().into_iter().map(|pair| pair.name);
        let by_column = tally.matching.iter().flat_map(|matching| &matching.columns);
        let changed: Vec<String> =
            names.zip(by_column).filter(|(_, count)| **count > 0).map(|(name, _)| name).collect();
        let shown: HashSet<String> =
            self.shown(&changed, samples).into_iter().map(|(_, name)| name).collect();
        let carried = self.carried();
        let mut examples: Vec<Example> = { rows.rows.iter() }
            .filter_map(|row| {
                let kind = ExampleKind::parse(row.first()?.text()?)?;
                self.example_of(kind, row.get(2..)?, &carried)
            })
            .collect();
        for example in &mut examples {
            example.values.retain(|(name, _, _)| shown.contains(name));
        }
        Ok((tally, examples))
    }

    /// Reads the answer to [`Comparison::samples_sql`].
    pub fn examples(&self, rows: &Rows, changed: &[String], samples: Samples) -> Vec<Example> {
        let shown = self.shown(changed, samples);
        rows.rows.iter().filter_map(|row| self.example(row, &shown)).collect()
    }

    fn example(&self, row: &[Cell], shown: &[(usize, String)]) -> Option<Example> {
        let kind = ExampleKind::parse(row.first()?.text()?)?;
        self.example_of(kind, row.get(1..)?, shown)
    }

    fn example_of(
        &self,
        kind: ExampleKind,
        cells: &[Cell],
        shown: &[(usize, String)],
    ) -> Option<Example> {
        let (key, rest) = cells.split_at_checked(self.key.as_ref()?.columns.len())?;
        let names = self.key.iter().flat_map(|key| key.columns.iter().cloned());
        let key = names.zip(key.iter().map(owned)).collect();
        if kind == ExampleKind::Duplicated {
            return Some(Example {
                kind,
                key,
                values: vec![],
                times: rest.first().and_then(Cell::int),
            });
        }
        let pairs =
            rest.chunks(2).map(|pair| (pair.first().and_then(owned), pair.get(1).and_then(owned)));
        let named =
            shown.iter().zip(pairs).map(|((_, name), (base, head))| (name.clone(), base, head));
        // Of a changed row only what changed is shown; of a new or lost one what there is.
        let values =
            named.filter(|(_, base, head)| kind != ExampleKind::Changed || base != head).collect();
        Some(Example { kind, key, values, times: None })
    }
}

fn owned(cell: &Cell) -> Option<String> {
    cell.text().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: Vec<Vec<Cell>>) -> Rows {
        Rows { columns: vec![], rows }
    }

    fn tally(method: Method, cells: &[i64]) -> Result<Tally, AnswerError> {
        Tally::read(&rows(vec![cells.iter().copied().map(Cell::Int).collect()]), method)
    }

    #[test]
    fn a_tally_is_read_by_its_method() {
        let multiset = Tally { added: 1, removed: 2, matching: None };
        assert_eq!(tally(Method::Multiset, &[1, 2]), Ok(multiset));
        let matching = Matching { matched: 9, changed: 3, columns: vec![3, 0] };
        let keyed = Tally { added: 1, removed: 2, matching: Some(matching) };
        assert_eq!(tally(Method::Key, &[9, 1, 2, 3, 3, 0]), Ok(keyed));
    }

    #[test]
    fn a_tally_of_another_shape_is_refused() {
        let wrong = Err(AnswerError { question: "tally" });
        for (method, cells) in [
            (Method::Multiset, &[1][..]),
            (Method::Multiset, &[1, 2, 3]),
            (Method::Key, &[1, 2, 3]),
        ] {
            assert_eq!(tally(method, cells), wrong, "{cells:?}");
        }
        assert_eq!(Tally::read(&rows(vec![]), Method::Key), wrong);
        assert_eq!(Tally::read(&rows(vec![vec![]; 2]), Method::Key), wrong);
        assert_eq!(Tally::read(&rows(vec![vec![Cell::Null; 2]]), Method::Multiset), wrong);
    }
}
