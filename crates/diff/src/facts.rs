//! More facts of a column that changed: distinct values, the most frequent ones, how far its
//! distribution moved.

use belay_model::rows::{Cell, Rows};

use crate::compare::Which;
use crate::estimate::Share;
use crate::relation::ColumnPair;
use crate::{AnswerError, ColumnChange, Comparison, Kind, Plan};

/// What is known of a column beside its counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    /// Least and greatest, of numbers and moments that may be shown.
    pub range_base: Option<(String, String)>,
    pub range_head: Option<(String, String)>,
    /// Distinct values among the rows that were looked at, NULL not counted.
    pub distinct: Option<(i64, i64)>,
    /// The most frequent values, with how often base and head have them. Empty where they must not
    /// be shown.
    pub top: Vec<TopValue>,
    /// How far the distribution moved: the total variation distance, from 0 (the same) to 1 (nothing
    /// in common). Of numbers and moments over the tenths of base, of others over their values.
    pub shift: Option<f64>,
    /// The share of the rows that were looked at for the above; 1 is all of them.
    pub looked_at: Option<f64>,
}

/// A value with its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopValue {
    pub value: Option<String>,
    pub base: i64,
    pub head: i64,
}

/// How many of the most frequent values are fetched.
const TOP: usize = 5;

/// Longest value that is fetched, in characters.
const WIDTH: usize = 80;

impl Comparison {
    /// Rows `facts, NULL, distinct base, distinct head, shift` and `top, value, times base, times
    /// head, NULL` of one column of [`Comparison::compared`].
    pub fn facts_sql(&self, pair: &ColumnPair, share: Option<Share>) -> String {
        let plan = Plan { share, ..Plan::default() };
        let sampled = self.key_pairs().unwrap_or_else(|| self.compared());
        let numeric = |which: Which| {
            let kind = which.of(pair).map(|column| self.dialect.kind(&column.data_type));
            kind.is_some_and(|kind| kind.is_numeric() || kind.is_moment())
        };
        let ordered = Which::BOTH.into_iter().all(numeric);
        let side = |which: Which, counts: &str| {
            let value = self.common_value(which, pair).unwrap_or_default();
            let is_number = |(base, head): (Kind, Kind)| base.is_numeric() && head.is_numeric();
            let value = if pair.change() != ColumnChange::Same
                && pair.kinds(self.dialect).is_some_and(is_number)
            {
                self.dialect.double(&value)
            } else {
                value
            };
            let share = self.share(which, plan, &sampled);
            let share = share.map(|share| format!(" WHERE {share}")).unwrap_or_default();
            format!(
                "SELECT {value} AS v, {counts} FROM {}{share} GROUP BY 1",
                self.from(self.side(which))
            )
        };
        let bin = if ordered {
            // How many tenths of base's rows lie below: what only head has falls between.
            "CASE WHEN v IS NULL THEN -1 ELSE floor(10.0 * coalesce(sum(b) OVER \
             (PARTITION BY CASE WHEN v IS NULL THEN 1 ELSE 0 END ORDER BY v ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) \
             / (SELECT greatest(sum(b), 1) FROM counted)) END"
        } else {
            "row_number() OVER (ORDER BY v)"
        };
        let double = |value: &str| self.dialect.double(value);
        let shift = format!(
            "(SELECT sum(abs({} / (SELECT sum(b) FROM counted) - {} / (SELECT sum(h) FROM counted))) / 2 FROM \
             (SELECT sum(b) AS b, sum(h) AS h FROM (SELECT b, h, {bin} AS bin FROM counted) AS binned GROUP BY bin) AS bins)",
            double("b"),
            double("h")
        );
        let shift = format!(
            "CASE WHEN (SELECT sum(b) FROM counted) > 0 AND (SELECT sum(h) FROM counted) > 0 THEN {} END",
            double(&shift)
        );
        let count = |condition: &str| self.dialect.count_where(condition);
        let top = if self.is_masked(&pair.name) {
            String::new()
        } else {
            format!(
                "\nUNION ALL\n(SELECT 'top', substr({}, 1, {WIDTH}), CAST(b AS BIGINT), CAST(h AS BIGINT), {} FROM counted \
                 ORDER BY b + h DESC, v LIMIT {TOP})",
                self.dialect.text("v"),
                double("NULL")
            )
        };
        format!(
            "WITH counted {} (\n  SELECT v, sum(b) AS b, sum(h) AS h FROM (\n    {}\n    UNION ALL\n    {}\n  ) AS sides GROUP BY v\n)\n\
             SELECT 'facts' AS what, {} AS v, {} AS b, {} AS h, {shift} AS shift FROM counted{top}",
            self.dialect.with(true),
            side(Which::Base, "count(*) AS b, 0 AS h"),
            side(Which::Head, "0 AS b, count(*) AS h"),
            self.dialect.text("NULL"),
            count("b > 0 AND v IS NOT NULL"),
            count("h > 0 AND v IS NOT NULL"),
        )
    }
}

impl Facts {
    /// Reads the answer to [`Comparison::facts_sql`].
    pub fn read(&mut self, rows: &Rows, share: Option<Share>) -> Result<(), AnswerError> {
        let wrong = || AnswerError { question: "facts" };
        for row in &rows.rows {
            let [Cell::Text(what), value, base, head, shift] = row.as_slice() else {
                return Err(wrong());
            };
            let (base, head) = base.int().zip(head.int()).ok_or_else(wrong)?;
            if what == "facts" {
                self.distinct = Some((base, head));
                self.shift = shift.float();
            } else {
                let value = value.text().map(str::to_owned);
                self.top.push(TopValue { value, base, head });
            }
        }
        self.looked_at = Some(share.map_or(1.0, Share::as_fraction));
        Ok(())
    }
}
