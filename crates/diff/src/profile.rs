//! The statements about one side as a whole: how many rows, NULLs, sums; a checksum of everything;
//! whether a key identifies its rows.

use belay_model::rows::{Cell, Rows};

use crate::compare::Which;
use crate::relation::ColumnPair;
use crate::{AnswerError, Column, Comparison, Dialect, Kind};

/// Columns that one statement measures: PostgreSQL selects no more than 1,664 expressions.
const GROUP: usize = 300;

/// Expressions for each column.
const MEASURES: usize = 4;

/// One side, measured.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    pub rows: i64,
    /// Keys that stand more than once, and how many rows that is too many. `None` without a key.
    pub duplicate_keys: Option<i64>,
    pub extra_rows: Option<i64>,
    pub null_keys: Option<i64>,
    /// For each column of [`Comparison::pairs`]: NULLs and sum.
    pub columns: Vec<(Option<i64>, Option<f64>)>,
    /// For each column of [`Comparison::pairs`]: least and greatest, of numbers and moments that may
    /// be shown.
    pub ranges: Vec<(Option<String>, Option<String>)>,
    /// Of every value that is compared, whatever the order of the rows. `None` where the types do not
    /// allow one, and of no rows.
    pub checksum: Option<i64>,
}

impl Comparison {
    /// One row a side: `side, rows, checksum`, then for each column of [`Comparison::pairs`] its
    /// count of NULLs, its sum, its least and its greatest value (NULL where it has none, or must not
    /// be shown: the sum over one row is its value). Wide relations take several statements.
    pub fn profile_sqls(&self) -> Vec<String> {
        let pairs = self.pairs();
        let groups =
            if pairs.is_empty() { vec![&pairs[..]] } else { pairs.chunks(GROUP).collect() };
        let checksum = self.checksum_columns(&pairs);
        groups
            .into_iter()
            .enumerate()
            .map(|(at, group)| {
                let side = |which: Which| {
                    let checksum = checksum.as_ref().filter(|_| at == 0).and_then(|columns| {
                        let values = self.hashable(which, columns)?;
                        Some(self.dialect.folded_sum(&self.dialect.hash(&values)))
                    });
                    let checksum = checksum.unwrap_or_else(|| "CAST(NULL AS BIGINT)".to_owned());
                    let measures: String =
                        group.iter().map(|pair| self.measures(which.of(pair))).collect();
                    format!(
                        "SELECT '{}' AS side, count(*) AS row_count, {checksum} AS checksum{measures}\nFROM {}",
                        which.as_str(),
                        self.from(self.side(which))
                    )
                };
                format!("{}\nUNION ALL\n{}\nORDER BY side", side(Which::Base), side(Which::Head))
            })
            .collect()
    }

    /// What the checksum is taken of, where there is one: columns that only one side has are not in
    /// it, and neither are those left out.
    fn checksum_columns(&self, pairs: &[ColumnPair]) -> Option<Vec<ColumnPair>> {
        let mut shared = pairs.to_vec();
        shared.retain(|pair| {
            pair.both().is_some() && !self.ignored.contains(&pair.name.to_lowercase())
        });
        let is_possible = !shared.is_empty()
            && shared.len() <= GROUP
            && self.hashable(Which::Base, &shared).is_some();
        is_possible.then_some(shared)
    }

    fn measures(&self, column: Option<&Column>) -> String {
        let (no_number, no_text) = (self.dialect.double("NULL"), self.dialect.text("NULL"));
        let Some(column) = column else {
            return format!(",\n  CAST(NULL AS BIGINT), {no_number}, {no_text}, {no_text}");
        };
        let name = self.dialect.quote(&column.name);
        let kind = self.dialect.kind(&column.data_type);
        let shown = !self.is_masked(&column.name);
        let sum = if kind.is_numeric() && shown {
            self.dialect.sum(&name, &column.data_type)
        } else {
            no_number
        };
        let (least, greatest) = if shown && (kind.is_numeric() || kind.is_moment()) {
            let text = |of: &str| self.dialect.text(&format!("{of}({name})"));
            (text("min"), text("max"))
        } else {
            (no_text.clone(), no_text)
        };
        format!(",\n  count(*) - count({name}), {sum}, {least}, {greatest}")
    }

    /// One row a side: `side, whole, distinct`: rows whose key has no NULL, and how many keys they
    /// have. The second may be too low, never too high: where both are equal the key is one.
    /// `profiles` are base's and head's.
    pub fn unique_sql(&self, profiles: (&Profile, &Profile)) -> Option<String> {
        let key = self.key_pairs()?;
        let side = |which: Which, profile: &Profile| {
            let values = self.key_values(which, &key);
            let (relation, whole) = (self.from(self.side(which)), self.whole(which, &key));
            let label = which.as_str();
            if self.dialect == Dialect::Postgres && values.len() > 1 {
                // Its `count(DISTINCT …)` sorts, and sorting texts is slow.
                return format!(
                    "SELECT '{label}' AS side, CAST(coalesce(sum(n), 0) AS BIGINT) AS whole, count(*) AS keys\n\
                     FROM (SELECT count(*) AS n FROM {relation} WHERE {whole} GROUP BY {}) AS groups",
                    values.join(", ")
                );
            }
            let range = self.bits_range(which, &key, profile);
            let is_integer = key.len() == 1
                && key.iter().all(|pair| {
                    pair.kinds(self.dialect)
                        .is_some_and(|kinds| kinds == (Kind::Integer, Kind::Integer))
                });
            let distinct = if self.dialect == Dialect::DuckDb && !is_integer {
                // Different hashes have different keys.
                self.dialect.distinct(&[self.dialect.hash(&values)], None)
            } else {
                self.dialect.distinct(&values, range)
            };
            format!(
                "SELECT '{label}' AS side, count(*) AS whole, {distinct} AS keys\nFROM {relation} WHERE {whole}"
            )
        };
        Some(format!(
            "{}\nUNION ALL\n{}\nORDER BY side",
            side(Which::Base, profiles.0),
            side(Which::Head, profiles.1)
        ))
    }

    /// The range of an integer key that lies close enough for a bit for each number.
    fn bits_range(
        &self,
        which: Which,
        key: &[ColumnPair],
        profile: &Profile,
    ) -> Option<(i64, i64)> {
        let [only] = key else { return None };
        let column = which.of(only)?;
        // DuckDB has no bits for the widest of its integers.
        let is_narrow = matches!(
            column.data_type.to_uppercase().as_str(),
            "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT"
        );
        if !is_narrow || self.as_text(only) || self.side(which).filter.is_some() {
            return None;
        }
        let at = self.pairs().iter().position(|pair| pair.name == only.name)?;
        let (least, greatest) = profile.ranges.get(at)?;
        let (least, greatest) = (least.as_ref()?.parse().ok()?, greatest.as_ref()?.parse().ok()?);
        let width = i64::checked_sub(greatest, least)?;
        (width < 1 << 29 && width / 64 <= profile.rows).then_some((least, greatest))
    }

    /// One row a side: `side, null_keys, duplicate_keys, extra_rows`, exactly.
    pub fn repeats_sql(&self) -> Option<String> {
        let key = self.key_pairs()?;
        let side = |which: Which| {
            let values = self.key_values(which, &key).join(", ");
            let (relation, whole) = (self.from(self.side(which)), self.whole(which, &key));
            format!(
                "SELECT '{}' AS side,\n  (SELECT {} FROM {relation}) AS null_keys,\n  \
                 count(*) AS duplicate_keys, CAST(coalesce(sum(n - 1), 0) AS BIGINT) AS extra_rows\n\
                 FROM (SELECT count(*) AS n FROM {relation} WHERE {whole} GROUP BY {values} HAVING count(*) > 1) AS repeated",
                which.as_str(),
                self.dialect.count_where(&format!("NOT ({whole})"))
            )
        };
        Some(format!("{}\nUNION ALL\n{}\nORDER BY side", side(Which::Base), side(Which::Head)))
    }
}

impl Profile {
    /// Reads base and head from the answers to [`Comparison::profile_sqls`].
    pub fn read(answers: &[Rows]) -> Result<(Self, Self), AnswerError> {
        let wrong = || AnswerError { question: "profile" };
        let side = |which: Which| {
            let mut profile: Option<Self> = None;
            for answer in answers {
                let row = row_of(answer, which).ok_or_else(wrong)?;
                profile.get_or_insert(Self::begun(row).ok_or_else(wrong)?).measure(row);
            }
            profile.ok_or_else(wrong)
        };
        Ok((side(Which::Base)?, side(Which::Head)?))
    }

    fn begun(row: &[Cell]) -> Option<Self> {
        let checksum = row.get(2)?.int();
        Some(Self { rows: row.get(1)?.int()?, checksum, ..Self::default() })
    }

    fn measure(&mut self, row: &[Cell]) {
        for column in row.get(3..).unwrap_or_default().chunks(MEASURES) {
            let text = |at: usize| column.get(at).and_then(Cell::text).map(str::to_owned);
            self.columns
                .push((column.first().and_then(Cell::int), column.get(1).and_then(Cell::float)));
            self.ranges.push((text(2), text(3)));
        }
    }

    /// Reads the answer to [`Comparison::unique_sql`] into both sides. False where a key may stand
    /// more than once: then [`Comparison::repeats_sql`] tells.
    pub fn read_unique(
        answer: &Rows,
        profiles: (&mut Self, &mut Self),
    ) -> Result<bool, AnswerError> {
        let mut all = true;
        for (which, profile) in [(Which::Base, profiles.0), (Which::Head, profiles.1)] {
            let numbers = numbers(answer, which).filter(|numbers| numbers.len() == 2);
            let Some([whole, keys]) = numbers.as_deref() else {
                return Err(AnswerError { question: "key" });
            };
            profile.null_keys = Some(profile.rows - whole);
            (profile.duplicate_keys, profile.extra_rows) = (Some(0), Some(0));
            all &= whole == keys;
        }
        Ok(all)
    }

    /// Reads the answer to [`Comparison::repeats_sql`] into both sides.
    pub fn read_repeats(
        answer: &Rows,
        profiles: (&mut Self, &mut Self),
    ) -> Result<(), AnswerError> {
        for (which, profile) in [(Which::Base, profiles.0), (Which::Head, profiles.1)] {
            let numbers = numbers(answer, which);
            let Some([nulls, duplicates, extra]) = numbers.as_deref() else {
                return Err(AnswerError { question: "key" });
            };
            profile.null_keys = Some(*nulls);
            (profile.duplicate_keys, profile.extra_rows) = (Some(*duplicates), Some(*extra));
        }
        Ok(())
    }

    /// No key was verified.
    pub(crate) fn forget_key(&mut self) {
        (self.null_keys, self.duplicate_keys, self.extra_rows) = (None, None, None);
    }
}

fn row_of(answer: &Rows, which: Which) -> Option<&[Cell]> {
    let is = |row: &&Vec<Cell>| row.first().and_then(Cell::text) == Some(which.as_str());
    answer.rows.iter().find(is).map(Vec::as_slice)
}

fn numbers(answer: &Rows, which: Which) -> Option<Vec<i64>> {
    row_of(answer, which)?.get(1..)?.iter().map(Cell::int).collect()
}

#[cfg(test)]
mod tests {
    use belay_model::Explain as _;
    use belay_model::explain::Blame;

    use super::*;

    fn rows(rows: Vec<Vec<Cell>>) -> Rows {
        Rows { columns: vec![], rows }
    }

    fn side(label: &str, count: i64) -> Vec<Cell> {
        let text = |text: &str| Cell::Text(text.to_owned());
        let mut row = vec![text(label), Cell::Int(count), Cell::Int(77)];
        row.extend([Cell::Int(1), Cell::Float(2.5), text("0.5"), text("2")]);
        row.extend([Cell::Int(0), Cell::Null, Cell::Null, Cell::Null]);
        row
    }

    #[test]
    fn a_profile_is_read_in_either_order() {
        for answer in [[side("base", 1), side("head", 2)], [side("head", 2), side("base", 1)]] {
            let (base, head) = Profile::read(&[rows(answer.to_vec())]).unwrap();
            assert_eq!((base.rows, head.rows, base.duplicate_keys), (1, 2, None));
            assert_eq!(head.columns, [(Some(1), Some(2.5)), (Some(0), None)]);
            assert_eq!(head.ranges[0], (Some("0.5".to_owned()), Some("2".to_owned())));
            assert_eq!(head.checksum, Some(77));
        }
    }

    #[test]
    fn a_wide_profile_comes_in_parts() {
        let part = rows(vec![side("base", 1), side("head", 2)]);
        let (base, _) = Profile::read(&[part.clone(), part]).unwrap();
        assert_eq!((base.rows, base.columns.len(), base.ranges.len()), (1, 4, 4));
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
            let error = Profile::read(&[rows(answer)]).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the answer to the profile query has an unexpected shape"
            );
            assert_eq!((error.code(), error.blame()), ("diff/answer", Blame::Belay));
        }
    }
}
