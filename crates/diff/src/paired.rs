//! The statements that bring the rows of both sides together.

use crate::compare::{Which, masked};
use crate::estimate::Share;
use crate::relation::ColumnPair;
use crate::{Comparison, ExampleKind, Samples, compare::MASK};

/// How rows are brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plan {
    /// Some keys stand more than once: they are looked for and left out.
    pub repeated: bool,
    /// Rows fall into 2^bits buckets by their key; only those of buckets whose checksums differ are
    /// joined. Needs a key that identifies base's rows, and [`Comparison::can_bucket`].
    pub buckets: Option<u32>,
    /// Only rows whose key (or, without one, whole row) hashes into this share.
    pub share: Option<Share>,
}

/// Most columns whose values a statement for counts and examples carries.
const CARRIED: usize = 64;

impl Comparison {
    /// Buckets need hashes of key and row that are equal where the values are.
    pub fn can_bucket(&self) -> bool {
        self.key_pairs().is_some_and(|key| {
            self.hashable(Which::Base, &key).is_some()
                && self.hashable(Which::Base, &self.compared()).is_some()
        })
    }

    /// Rows can be sampled by a hash of their key, or of the whole row.
    pub fn can_sample(&self) -> bool {
        let sampled = self.key_pairs().unwrap_or_else(|| self.compared());
        !sampled.is_empty() && self.hashable(Which::Base, &sampled).is_some()
    }

    /// One row: of one bucket in 64, how many there are and in how many the checksums differ.
    pub fn probe_sql(&self, plan: Plan) -> Option<String> {
        let key = self.key_pairs()?;
        let few = 1_u64 << plan.buckets?.saturating_sub(6);
        let bucket = |which: Which| self.bucket(which, plan, &key);
        let condition = |which: Which| {
            let few = bucket(which).map(|of| format!(" AND {of} < {few}"));
            format!("{}{}", self.condition(which, plan, &key), few.unwrap_or_default())
        };
        let tables = self.bucket_tables(&key, &self.compared(), &condition, &bucket);
        Some(format!(
            "WITH {}\nSELECT (SELECT count(*) FROM base_buckets) AS buckets, count(*) AS differ FROM bad",
            tables.join(",\n")
        ))
    }

    /// Which rows of a side are joined at all.
    fn condition(&self, which: Which, plan: Plan, key: &[ColumnPair]) -> String {
        let share = self.share(which, plan, key).map(|share| format!(" AND {share}"));
        format!("{}{}", self.whole(which, key), share.unwrap_or_default())
    }

    fn bucket(&self, which: Which, plan: Plan, key: &[ColumnPair]) -> Option<String> {
        let values = self.hashable(which, key)?;
        Some(self.dialect.low_bits(&self.dialect.hash(&values), plan.buckets?))
    }

    /// With a key, one row: `matched, added, removed, changed`, then for every column of
    /// [`Comparison::compared`] how many matched rows differ in it. Keys that stand more than once on
    /// either side, and NULL keys, are left out: the profile counts them. Without a key, one row:
    /// `added, removed` as multisets.
    pub fn tally_sql(&self, plan: Plan) -> String {
        let Some(key) = self.key_pairs() else { return self.multiset_sql(plan) };
        let compared = self.compared();
        let named = |(count, name): (String, &str)| match name {
            "" => count,
            name => format!("{count} AS {name}"),
        };
        let counts: Vec<String> = self.counts(plan, &compared).into_iter().map(named).collect();
        format!(
            "{}\nSELECT {}\nFROM paired",
            self.paired(plan, &key, &compared, false),
            counts.join(",\n  ")
        )
    }

    /// The counts of a tally. Rows of buckets that are equal are matched, though nobody joins them.
    fn counts(&self, plan: Plan, compared: &[ColumnPair]) -> Vec<(String, &'static str)> {
        let both = "in_base AND in_head";
        let count = |condition: &str| self.dialect.count_where(condition);
        let equal = if plan.buckets.is_some() {
            " + (SELECT coalesce(sum(n), 0) FROM base_buckets) - (SELECT coalesce(sum(n), 0) FROM bad)"
        } else {
            ""
        };
        let matched = if equal.is_empty() {
            count(both)
        } else {
            format!("CAST({}{equal} AS BIGINT)", count(both))
        };
        let mut counts = vec![
            (matched, "matched"),
            (count("in_base IS NULL"), "added"),
            (count("in_head IS NULL"), "removed"),
            (count(&format!("{both} AND ({})", any(0..compared.len()))), "changed"),
        ];
        counts.extend((0..compared.len()).map(|at| (count(&format!("{both} AND d{at}")), "")));
        counts
    }

    /// Both sides in one table with a number of +1 and -1, summed by row: an `EXCEPT ALL` both ways
    /// at once, and in engines that have none.
    fn multiset_sql(&self, plan: Plan) -> String {
        let pairs = self.compared();
        let select = |which: Which, number: &str| {
            let columns: Vec<String> = pairs
                .iter()
                .enumerate()
                .filter_map(|(at, pair)| {
                    Some(format!("{} AS c{at}, ", self.common_value(which, pair)?))
                })
                .collect();
            let share = self.share(which, plan, &pairs);
            let condition = share.map(|share| format!(" WHERE {share}")).unwrap_or_default();
            format!(
                "SELECT {}{number} AS n FROM {}{condition}",
                columns.concat(),
                self.from(self.side(which))
            )
        };
        let names: Vec<String> = (0..pairs.len()).map(|at| format!("c{at}")).collect();
        let group = if names.is_empty() {
            String::new()
        } else {
            format!(" GROUP BY {}", names.join(", "))
        };
        format!(
            "SELECT CAST(coalesce(sum(CASE WHEN n > 0 THEN n END), 0) AS BIGINT) AS added,\n  \
             CAST(coalesce(sum(CASE WHEN n < 0 THEN -n END), 0) AS BIGINT) AS removed\n\
             FROM (\n  SELECT sum(n) AS n FROM (\n    {}\n    UNION ALL\n    {}\n  ) AS sides{group}\n) AS rows_of_both",
            select(Which::Head, "1"),
            select(Which::Base, "-1"),
        )
    }

    /// Rows to show, as text: `kind`, the key's columns, then for each column of
    /// [`Comparison::shown`] its value in base and in head, where they differ. Only the kinds asked
    /// for, and only with a key.
    pub fn samples_sql(
        &self,
        plan: Plan,
        changed: &[String],
        samples: Samples,
        kinds: &[ExampleKind],
    ) -> Option<String> {
        let key = self.key_pairs()?;
        let compared = self.compared();
        let shown: Vec<usize> =
            self.shown(changed, samples).into_iter().map(|(at, _)| at).collect();
        let picks: Vec<String> =
            kinds.iter().filter_map(|kind| self.pick(*kind, "", &key, &shown, samples)).collect();
        if picks.is_empty() {
            return None;
        }
        // A join for each kind, whose rows stream by: one join kept for all would hold every row.
        let is_kept = plan.buckets.is_some();
        Some(format!(
            "{}\n{}",
            self.paired(plan, &key, &compared, is_kept),
            picks.join("\nUNION ALL\n")
        ))
    }

    /// Counts and examples in one statement, for few rows or few differing ones, which are kept
    /// between the two: `kind, counts, key…, values…`. The row of kind `tally` has its counts as
    /// text with commas between; the others are examples with the first columns compared.
    pub fn rows_sql(&self, plan: Plan, samples: Samples) -> Option<String> {
        let key = self.key_pairs()?;
        let compared = self.compared();
        let shown: Vec<usize> = (0..compared.len().min(CARRIED)).collect();
        let no_text = self.dialect.text("NULL");
        let counts: Vec<String> = self
            .counts(plan, &compared)
            .iter()
            .map(|(count, _)| self.dialect.text(count))
            .collect();
        let nulls = format!(", {no_text}").repeat(key.len() + 2 * shown.len());
        let mut parts = vec![format!(
            "SELECT 'tally' AS kind, {} AS counts{nulls} FROM paired",
            counts.join(" || ',' || ")
        )];
        if samples.each > 0 {
            let filler = format!(", {no_text}");
            let kinds = [ExampleKind::Changed, ExampleKind::Added, ExampleKind::Removed];
            parts.extend(
                kinds.iter().filter_map(|kind| self.pick(*kind, &filler, &key, &shown, samples)),
            );
        }
        Some(format!(
            "{}\n{}",
            self.paired(plan, &key, &compared, true),
            parts.join("\nUNION ALL\n")
        ))
    }

    /// Columns of [`Comparison::compared`] that [`Comparison::rows_sql`] carries.
    pub(crate) fn carried(&self) -> Vec<(usize, String)> {
        self.compared().into_iter().map(|pair| pair.name).enumerate().take(CARRIED).collect()
    }

    fn pick(
        &self,
        kind: ExampleKind,
        filler: &str,
        key: &[ColumnPair],
        shown: &[usize],
        samples: Samples,
    ) -> Option<String> {
        let compared = self.compared();
        let condition = match kind {
            ExampleKind::Changed => {
                format!("in_base AND in_head AND ({})", any(shown.iter().copied()))
            }
            ExampleKind::Added => "in_base IS NULL".to_owned(),
            ExampleKind::Removed => "in_head IS NULL".to_owned(),
            ExampleKind::Duplicated => return None,
        };
        let keys: Vec<String> = (0..key.len()).map(|at| format!("k{at}")).collect();
        let key_text: String = keys
            .iter()
            .zip(key)
            .map(|(alias, pair)| format!(", {}", self.masked_text(alias, &pair.name)))
            .collect();
        let values: String = shown
            .iter()
            .filter_map(|at| Some(self.shown_values(*at, compared.get(*at)?)))
            .collect();
        Some(format!(
            "(SELECT '{}' AS kind{filler}{key_text}{values} FROM paired WHERE {condition} ORDER BY {} LIMIT {})",
            kind.as_str(),
            keys.join(", "),
            samples.each
        ))
    }

    fn shown_values(&self, at: usize, pair: &ColumnPair) -> String {
        let (b, h) = (format!("b{at}"), format!("h{at}"));
        if self.is_masked(&pair.name) {
            // Whether it differs may be known, what it is may not.
            return format!(
                ", {}, CASE WHEN {h} IS NOT NULL AND in_base AND in_head AND d{at} \
                 THEN '{MASK} (differs)' ELSE {} END",
                masked(&b),
                masked(&h)
            );
        }
        // Equal values may be spelled in two ways: 1.5 and 1.50.
        let text = |value: &str| format!("CASE WHEN d{at} THEN {} END", self.dialect.text(value));
        format!(", {}, {}", text(&b), text(&h))
    }

    /// Which columns of [`Comparison::compared`] the samples show, with their names: those that
    /// changed, else the first few.
    pub fn shown(&self, changed: &[String], samples: Samples) -> Vec<(usize, String)> {
        let all = self.compared().into_iter().map(|pair| pair.name).enumerate();
        let named: Vec<(usize, String)> =
            all.clone().filter(|(_, name)| changed.contains(name)).take(samples.columns).collect();
        if named.is_empty() { all.take(samples.columns).collect() } else { named }
    }

    /// Keys that stand more than once in head: `kind, key…, times`, the most frequent first.
    pub fn duplicates_sql(&self, samples: Samples) -> Option<String> {
        let key = self.key_pairs()?;
        let values = self.key_values(Which::Head, &key);
        let text: String = values
            .iter()
            .zip(&key)
            .map(|(value, pair)| format!(", {}", self.masked_text(value, &pair.name)))
            .collect();
        let values = values.join(", ");
        Some(format!(
            "SELECT 'duplicated' AS kind{text}, count(*) AS times FROM {} WHERE {}\nGROUP BY {values} HAVING count(*) > 1\n\
             ORDER BY count(*) DESC, {values} LIMIT {}",
            self.from(&self.head),
            self.whole(Which::Head, &key),
            samples.each
        ))
    }

    /// The condition that keeps a share of the rows, the same of both sides.
    pub(crate) fn share(&self, which: Which, plan: Plan, columns: &[ColumnPair]) -> Option<String> {
        let values = self.hashable(which, columns)?;
        Some(plan.share?.condition(self.dialect, &self.dialect.hash(&values)))
    }

    /// The full join on the key, without keys that are no keys.
    fn paired(
        &self,
        plan: Plan,
        key: &[ColumnPair],
        compared: &[ColumnPair],
        is_kept: bool,
    ) -> String {
        let condition = |which: Which| self.condition(which, plan, key);
        let bucket = |which: Which| self.bucket(which, plan, key);
        let mut tables: Vec<String> = Vec::new();
        if plan.buckets.is_some() {
            tables.extend(self.bucket_tables(key, compared, &condition, &bucket));
        }
        let bad = |which: Which| {
            let bucket = bucket(which);
            bucket.map(|of| format!(" AND {of} IN (SELECT bucket FROM bad)")).unwrap_or_default()
        };
        let keys_of = |which: Which| {
            let values = self.key_values(which, key);
            let named = values.iter().enumerate().map(|(at, value)| format!("{value} AS k{at}"));
            named.collect::<Vec<_>>().join(", ")
        };
        let aliases: Vec<String> = (0..key.len()).map(|at| format!("k{at}")).collect();
        for which in Which::BOTH {
            let letter = which.letter();
            let values: String = compared
                .iter()
                .enumerate()
                .filter_map(|(at, pair)| {
                    Some(format!(", {} AS {letter}{at}", self.value(which.of(pair)?)))
                })
                .collect();
            tables.push(format!(
                "{letter} {} (SELECT true AS present, {}{values} FROM {} WHERE {}{})",
                self.dialect.with(false),
                keys_of(which),
                self.from(self.side(which)),
                condition(which),
                bad(which)
            ));
        }
        let on = |left: &str, right: &str| {
            let equal: Vec<String> =
                aliases.iter().map(|alias| format!("{left}.{alias} = {right}.{alias}")).collect();
            equal.join(" AND ")
        };
        let from = |letter: char| {
            if plan.repeated {
                format!(
                    "(SELECT * FROM {letter} WHERE NOT EXISTS (SELECT 1 FROM several s WHERE {})) {letter}",
                    on(&letter.to_string(), "s")
                )
            } else {
                letter.to_string()
            }
        };
        if plan.repeated {
            let several = |which: Which| {
                format!(
                    "SELECT {0} FROM (SELECT {1} FROM {2} WHERE {3}{4}) AS keys_of_{5} GROUP BY {0} HAVING count(*) > 1",
                    aliases.join(", "),
                    keys_of(which),
                    self.from(self.side(which)),
                    condition(which),
                    bad(which),
                    which.as_str()
                )
            };
            tables.push(format!(
                "several {} ({} UNION {})",
                self.dialect.with(true),
                several(Which::Base),
                several(Which::Head)
            ));
        }
        let keys: String = aliases
            .iter()
            .map(|alias| format!(", coalesce(b.{alias}, h.{alias}) AS {alias}"))
            .collect();
        let values: String = compared
            .iter()
            .enumerate()
            .map(|(at, pair)| format!(",\n    b{at}, h{at}, {} AS d{at}", self.differs(at, pair)))
            .collect();
        tables.push(format!(
            "paired {} (\n  SELECT b.present AS in_base, h.present AS in_head{keys}{values}\n  \
             FROM {}\n  FULL OUTER JOIN {}\n    ON {}\n)",
            self.dialect.with(is_kept),
            from('b'),
            from('h'),
            on("b", "h"),
        ));
        format!("WITH {}", tables.join(",\n"))
    }

    /// Checksums by bucket of both sides, and the buckets where they differ.
    fn bucket_tables(
        &self,
        key: &[ColumnPair],
        compared: &[ColumnPair],
        condition: &dyn Fn(Which) -> String,
        bucket: &dyn Fn(Which) -> Option<String>,
    ) -> Vec<String> {
        let columns: Vec<ColumnPair> = key.iter().chain(compared).cloned().collect();
        let mut tables: Vec<String> = Which::BOTH
            .into_iter()
            .filter_map(|which| {
                let row = self.dialect.hash(&self.hashable(which, &columns)?);
                Some(format!(
                    "{}_buckets {} (SELECT {} AS bucket, count(*) AS n, {} AS s FROM {} WHERE {} GROUP BY 1)",
                    which.as_str(),
                    self.dialect.with(true),
                    bucket(which)?,
                    self.dialect.folded_sum(&row),
                    self.from(self.side(which)),
                    condition(which)
                ))
            })
            .collect();
        tables.push(format!(
            "bad {} (\n  SELECT coalesce(x.bucket, y.bucket) AS bucket, coalesce(x.n, 0) AS n\n  \
             FROM base_buckets x FULL OUTER JOIN head_buckets y ON x.bucket = y.bucket\n  \
             WHERE x.n IS DISTINCT FROM y.n OR x.s IS DISTINCT FROM y.s\n)",
            self.dialect.with(true)
        ));
        tables
    }
}

/// Any of these columns differs.
fn any(columns: impl Iterator<Item = usize>) -> String {
    let flags: Vec<String> = columns.map(|at| format!("d{at}")).collect();
    if flags.is_empty() { "false".to_owned() } else { flags.join(" OR ") }
}
