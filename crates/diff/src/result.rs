//! What the statements of a comparison answered.

use belay_model::Explain;
use belay_model::explain::Blame;
use belay_model::rows::{Cell, Rows};

use crate::compare::{Comparison, Samples};
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

/// One side of the profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub rows: i64,
    /// Keys that stand more than once, and how many rows that is too many. `None` without a key.
    pub duplicate_keys: Option<i64>,
    pub extra_rows: Option<i64>,
    pub null_keys: Option<i64>,
    /// For each column of [`Comparison::pairs`]: NULLs and sum.
    pub columns: Vec<(Option<i64>, Option<f64>)>,
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExampleKind {
    Changed,
    Added,
    Removed,
    Duplicated,
}

impl ExampleKind {
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

impl Profile {
    /// Reads base and head from the answer to [`Comparison::profile_sql`].
    pub fn read(rows: &Rows) -> Result<(Self, Self), AnswerError> {
        let wrong = || AnswerError { question: "profile" };
        let side = |label: &str| {
            let is_side = |row: &&Vec<Cell>| row.first().and_then(Cell::text) == Some(label);
            Self::row(rows.rows.iter().find(is_side).ok_or_else(wrong)?).ok_or_else(wrong)
        };
        Ok((side("base")?, side("head")?))
    }

    fn row(row: &[Cell]) -> Option<Self> {
        let (head, columns) = row.split_at_checked(5)?;
        Some(Self {
            rows: head.get(1)?.int()?,
            duplicate_keys: head.get(2)?.int(),
            extra_rows: head.get(3)?.int(),
            null_keys: head.get(4)?.int(),
            columns: columns
                .chunks(2)
                .map(|pair| (pair.first().and_then(Cell::int), pair.get(1).and_then(Cell::float)))
                .collect(),
        })
    }
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
            (Method::Key, &[matched, added, removed, changed, ref columns @ ..]) => {
                let matching = Matching { matched, changed, columns: columns.to_vec() };
                Ok(Self { added, removed, matching: Some(matching) })
            }
            _ => Err(wrong()),
        }
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
        let of =
            |profile: &Profile, at: usize| profile.columns.get(at).copied().unwrap_or_default();
        let one = |(at, pair): (usize, crate::ColumnPair)| {
            let place = compared.iter().position(|other| other.name == pair.name);
            let counted = matching.zip(place);
            let ((nulls_base, sum_base), (nulls_head, sum_head)) = (of(base, at), of(head, at));
            ColumnDiff {
                change: pair.change(),
                type_base: pair.base.map(|column| column.data_type),
                type_head: pair.head.map(|column| column.data_type),
                compared: counted.map(|(matching, _)| matching.matched),
                changed: counted.and_then(|(matching, place)| matching.columns.get(place).copied()),
                name: pair.name,
                nulls_base,
                nulls_head,
                sum_base,
                sum_head,
            }
        };
        self.pairs().into_iter().enumerate().map(one).collect()
    }

    /// Reads the answer to [`Comparison::samples_sql`].
    pub fn examples(&self, rows: &Rows, changed: &[String], samples: Samples) -> Vec<Example> {
        let shown = self.shown(changed, samples);
        rows.rows.iter().filter_map(|row| self.example(row, &shown)).collect()
    }

    fn example(&self, row: &[Cell], shown: &[(usize, String)]) -> Option<Example> {
        let kind = match row.first()?.text()? {
            "changed" => ExampleKind::Changed,
            "added" => ExampleKind::Added,
            "removed" => ExampleKind::Removed,
            "duplicated" => ExampleKind::Duplicated,
            _ => return None,
        };
        let (key, rest) = row.get(1..)?.split_at_checked(self.key.as_ref()?.columns.len())?;
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

    fn side(label: &str, count: i64) -> Vec<Cell> {
        let mut row = vec![Cell::Text(label.to_owned()), Cell::Int(count)];
        row.extend([Cell::Null, Cell::Null, Cell::Null, Cell::Int(1), Cell::Float(2.5)]);
        row.extend([Cell::Int(0), Cell::Null]);
        row
    }

    #[test]
    fn a_profile_is_read_in_either_order() {
        for answer in [[side("base", 1), side("head", 2)], [side("head", 2), side("base", 1)]] {
            let (base, head) = Profile::read(&rows(answer.to_vec())).unwrap();
            assert_eq!((base.rows, head.rows, base.duplicate_keys), (1, 2, None));
            assert_eq!(head.columns, [(Some(1), Some(2.5)), (Some(0), None)]);
        }
    }

    #[test]
    fn a_profile_of_another_shape_is_our_fault() {
        let short = vec![Cell::Text("head".to_owned()), Cell::Int(1)];
        let no_count = [vec![Cell::Text("head".to_owned())], vec![Cell::Null; 4]].concat();
        for answer in [
            vec![],
            vec![side("base", 1)],
            vec![side("base", 1), short],
            vec![side("base", 1), no_count],
        ] {
            let error = Profile::read(&rows(answer)).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the answer to the profile query has an unexpected shape"
            );
            assert_eq!((error.code(), error.blame()), ("diff/answer", Blame::Belay));
        }
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
