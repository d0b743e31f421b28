//! Two relations in two databases: each side sends checksums of buckets of keys, and only the rows of
//! buckets that differ. Both engines write values in their [canonical](crate::Form) text.

use std::collections::{BTreeSet, HashMap};

use belay_model::rows::{Cell, Rows};
use serde_json::Value;

use crate::canonical::{canonical, digest, row_text};
use crate::compare::{MASK, Which};
use crate::estimate::{Interval, Sampled};
use crate::relation::{ColumnPair, Side, pair_columns};
use crate::{
    AnswerError, Dialect, Example, ExampleKind, Form, Key, Kind, Matching, Samples, Tally,
    Tolerance, Tolerances,
};

/// Rows that a bucket holds, about.
const IN_BUCKET: i64 = 40;

/// Buckets that one statement names.
const NAMED: usize = 10_000;

/// Rows of a side that are fetched at once.
const AT_ONCE: i64 = 500_000;

/// Rows of a side that are fetched at all, where nothing else is said.
const FETCHED: i64 = 2_000_000;

/// One side: where it is, and how its engine is spoken to.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub dialect: Dialect,
    pub side: Side,
}

/// Two relations of two databases.
#[derive(Debug, Clone, PartialEq)]
pub struct Across {
    pub base: End,
    pub head: End,
    pub key: Option<Key>,
    /// Columns that are left out of the comparison of values, in lower case.
    pub ignored: Vec<String>,
    /// Columns whose values never leave their database, in lower case: a digest does.
    pub masked: Vec<String>,
    pub tolerances: Tolerances,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct AcrossOutcome {
    pub rows: (i64, i64),
    /// Keys that stand more than once among the rows that were fetched, by side. They are left out of
    /// the tally.
    pub duplicate_keys: (i64, i64),
    pub null_keys: (i64, i64),
    pub tally: Tally,
    pub examples: Vec<Example>,
    /// How many buckets there were, and in how many something differed.
    pub buckets: (i64, i64),
    /// Rows that were sent, of both sides.
    pub fetched: i64,
    pub sampled: Option<Sampled>,
}

/// A column of both sides, and how it is written and compared.
#[derive(Debug, Clone)]
struct Column {
    pair: ColumnPair,
    kinds: (Kind, Kind),
    form: Form,
    is_masked: bool,
    tolerance: Option<Tolerance>,
}

/// Bucket, rows and checksum of a side.
type Buckets = HashMap<i64, (i64, Option<i64>)>;

impl Across {
    fn end(&self, which: Which) -> &End {
        match which {
            Which::Base => &self.base,
            Which::Head => &self.head,
        }
    }

    fn columns(&self) -> Vec<Column> {
        let pairs = pair_columns(&self.base.side.columns, &self.head.side.columns);
        pairs.into_iter().filter_map(|pair| self.column(pair)).collect()
    }

    fn column(&self, pair: ColumnPair) -> Option<Column> {
        let (base, head) = pair.both()?;
        let kinds =
            (self.base.dialect.kind(&base.data_type), self.head.dialect.kind(&head.data_type));
        let name = pair.name.to_lowercase();
        Some(Column {
            kinds,
            form: Form::of(kinds.0, kinds.1),
            is_masked: self.masked.contains(&name),
            tolerance: self.tolerances.of_kinds(&name, kinds),
            pair,
        })
    }

    /// The key's columns, then those compared.
    fn parts(&self) -> (Vec<Column>, Vec<Column>) {
        let columns = self.columns();
        let is = |column: &Column, name: &String| column.pair.name.eq_ignore_ascii_case(name);
        let names = self.key.as_ref().map(|key| key.columns.clone()).unwrap_or_default();
        let key: Vec<Column> = names
            .iter()
            .filter_map(|name| columns.iter().find(|column| is(column, name)).cloned())
            .collect();
        let mut compared = columns;
        compared.retain(|column| {
            !names.iter().any(|name| is(column, name))
                && !self.ignored.contains(&column.pair.name.to_lowercase())
        });
        (key, compared)
    }

    /// The canonical texts of a side's columns. A masked one is its digest.
    fn texts(&self, which: Which, columns: &[Column]) -> Vec<String> {
        let dialect = self.end(which).dialect;
        let text = |column: &Column| {
            let kind = if which == Which::Base { column.kinds.0 } else { column.kinds.1 };
            let name = dialect.quote(&which.of(&column.pair)?.name);
            let text = canonical(dialect, &name, kind, column.form);
            Some(if column.is_masked { dialect.text(&digest(dialect, &text)) } else { text })
        };
        columns.iter().filter_map(text).collect()
    }

    /// Rows with a whole key.
    fn whole(&self, which: Which, key: &[Column]) -> String {
        let dialect = self.end(which).dialect;
        let names = key.iter().filter_map(|column| which.of(&column.pair));
        let each: Vec<String> =
            names.map(|column| format!("{} IS NOT NULL", dialect.quote(&column.name))).collect();
        if each.is_empty() { "1 = 1".to_owned() } else { each.join(" AND ") }
    }

    fn from(&self, which: Which) -> String {
        let End { dialect, side } = self.end(which);
        let relation = side.relation.quoted(*dialect);
        match &side.filter {
            Some(filter) => format!("(SELECT * FROM {relation} WHERE {filter}) AS filtered"),
            None => relation,
        }
    }

    /// `rows, null_keys` of a side.
    fn count_sql(&self, which: Which) -> String {
        let (key, _) = self.parts();
        let nulls =
            self.end(which).dialect.count_where(&format!("NOT ({})", self.whole(which, &key)));
        format!("SELECT count(*) AS row_count, {nulls} AS null_keys FROM {}", self.from(which))
    }

    fn bucket(&self, which: Which, bits: u32) -> String {
        let (key, compared) = self.parts();
        let dialect = self.end(which).dialect;
        let by = if key.is_empty() { &compared } else { &key };
        let text = row_text(dialect, &self.texts(which, by));
        dialect.low_bits(&digest(dialect, &text), bits)
    }

    /// `bucket, rows, checksum` of a side.
    pub fn buckets_sql(&self, which: Which, bits: u32) -> String {
        let (key, compared) = self.parts();
        let dialect = self.end(which).dialect;
        let columns: Vec<Column> = key.iter().chain(&compared).cloned().collect();
        let row = digest(dialect, &row_text(dialect, &self.texts(which, &columns)));
        format!(
            "SELECT {} AS bucket, count(*) AS n, {} AS s\nFROM {} WHERE {} GROUP BY 1",
            self.bucket(which, bits),
            dialect.folded_sum(&row),
            self.from(which),
            self.whole(which, &key)
        )
    }

    /// The canonical texts of the rows of some buckets: the key's columns, then those compared.
    pub fn rows_sql(&self, which: Which, bits: u32, buckets: &Wanted<'_>) -> String {
        let (key, compared) = self.parts();
        let columns: Vec<Column> = key.iter().chain(&compared).cloned().collect();
        let mut texts = self.texts(which, &columns);
        if texts.is_empty() {
            texts.push("1".to_owned());
        }
        let bucket = self.bucket(which, bits);
        let within = match buckets {
            Wanted::Named(names) => {
                let names: Vec<String> = names.iter().map(i64::to_string).collect();
                format!("{bucket} IN ({})", names.join(", "))
            }
            Wanted::Between(from, to) => format!("{bucket} BETWEEN {from} AND {to}"),
        };
        format!(
            "SELECT {}\nFROM {} WHERE {} AND {within}",
            texts.join(", "),
            self.from(which),
            self.whole(which, &key)
        )
    }

    /// Compares. `ask` gets a side, a purpose and SQL that reads. At most `most` rows of a side are
    /// fetched; beyond that a sample of the buckets is.
    pub async fn run<E: From<AnswerError>>(
        &self,
        samples: Samples,
        most: Option<u64>,
        ask: &mut impl AsyncFnMut(Which, &'static str, String) -> Result<Rows, E>,
    ) -> Result<AcrossOutcome, E> {
        let mut counts = [(0, 0); 2];
        for (which, counted) in Which::BOTH.into_iter().zip(&mut counts) {
            let answer = ask(which, "count rows", self.count_sql(which)).await?;
            let numbers = answer.rows.first().map(Vec::as_slice).unwrap_or_default();
            let [Cell::Int(rows), Cell::Int(nulls)] = numbers else {
                return Err(AnswerError { question: "count" }.into());
            };
            *counted = (*rows, *nulls);
        }
        let [base, head] = counts;
        let bits = (base.0.max(head.0) / IN_BUCKET).max(1).ilog2().clamp(4, 22);
        let mut sums: Vec<Buckets> = Vec::new();
        for which in Which::BOTH {
            let answer = ask(which, "sum up the buckets", self.buckets_sql(which, bits)).await?;
            sums.push(read_buckets(&answer)?);
        }
        let [ours, theirs] = sums.as_slice() else {
            return Err(AnswerError { question: "buckets" }.into());
        };
        let bad: BTreeSet<i64> = { ours.keys().chain(theirs.keys()) }
            .filter(|bucket| ours.get(bucket) != theirs.get(bucket))
            .copied()
            .collect();
        let most = most.and_then(|most| i64::try_from(most).ok()).unwrap_or(FETCHED);
        let end = affordable(&bad, ours, theirs, most, 1 << bits);
        let chosen: Vec<i64> = bad.range(..end).copied().collect();
        let mut join = Join::new(self, samples);
        for part in parts(&chosen, ours, theirs, bits) {
            let mut sides = Vec::new();
            for which in Which::BOTH {
                let sql = self.rows_sql(which, bits, &part);
                sides.push(ask(which, "fetch rows of buckets that differ", sql).await?);
            }
            let [one, other] =
                <[Rows; 2]>::try_from(sides).map_err(|_| AnswerError { question: "rows" })?;
            join.add(one, other);
        }
        let chosen: BTreeSet<i64> = chosen.into_iter().collect();
        let equal: i64 = { ours.iter() }
            .filter(|(bucket, _)| **bucket < end && !bad.contains(bucket))
            .map(|(_, (rows, _))| rows)
            .sum();
        let mut outcome = join.finish(equal);
        outcome.rows = (base.0, head.0);
        outcome.null_keys = (base.1, head.1);
        outcome.buckets = (1 << bits, i64::try_from(bad.len()).unwrap_or(i64::MAX));
        if chosen.len() < bad.len() {
            outcome.sampled = Some(sampled(&outcome.tally, ours, theirs, end, bits));
        }
        Ok(outcome)
    }
}

/// Which buckets a statement fetches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted<'a> {
    Named(&'a [i64]),
    /// From one to another, with both: where most of them differ.
    Between(i64, i64),
}

fn read_buckets(answer: &Rows) -> Result<Buckets, AnswerError> {
    let row = |row: &Vec<Cell>| match row.as_slice() {
        [bucket, rows, sum] => Some((bucket.int()?, (rows.int()?, sum.int()))),
        _ => None,
    };
    let all: Option<Buckets> = answer.rows.iter().map(row).collect();
    all.ok_or(AnswerError { question: "buckets" })
}

fn rows_in(bucket: i64, ours: &Buckets, theirs: &Buckets) -> i64 {
    let rows = |side: &Buckets| side.get(&bucket).map_or(0, |(rows, _)| *rows);
    rows(ours).max(rows(theirs))
}

/// The end of the buckets whose differing ones have no more than `most` rows.
fn affordable(bad: &BTreeSet<i64>, ours: &Buckets, theirs: &Buckets, most: i64, all: i64) -> i64 {
    let mut rows = 0;
    for bucket in bad {
        rows += rows_in(*bucket, ours, theirs);
        if rows > most {
            // One at least, or nothing would be known.
            return (*bucket).max(bad.first().map_or(1, |first| first + 1));
        }
    }
    all
}

/// The buckets in portions that fit into memory, and into a statement.
fn parts<'a>(chosen: &'a [i64], ours: &Buckets, theirs: &Buckets, bits: u32) -> Vec<Wanted<'a>> {
    let is_dense = chosen.len() > (1 << bits) / 5 && chosen.len() > NAMED;
    let mut parts = Vec::new();
    let (mut start, mut rows) = (0, 0);
    let mut cut = |from: usize, to: usize| {
        let Some(part) = chosen.get(from..to).filter(|part| !part.is_empty()) else { return };
        match (part.first(), part.last()) {
            (Some(first), Some(last)) if is_dense => parts.push(Wanted::Between(*first, *last)),
            _ => parts.push(Wanted::Named(part)),
        }
    };
    for (at, bucket) in chosen.iter().enumerate() {
        let more = rows_in(*bucket, ours, theirs);
        if rows + more > AT_ONCE || (!is_dense && at - start >= NAMED) {
            cut(start, at);
            (start, rows) = (at, 0);
        }
        rows += more;
    }
    cut(start, chosen.len());
    parts
}

fn sampled(tally: &Tally, ours: &Buckets, theirs: &Buckets, end: i64, bits: u32) -> Sampled {
    let rows = |side: &Buckets| -> i64 {
        side.iter().filter(|(bucket, _)| **bucket < end).map(|(_, (rows, _))| rows).sum()
    };
    let (base, head) = (rows(ours), rows(theirs));
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let share = end as f64 / f64::from(1_u32 << bits);
    let matching = tally.matching.as_ref();
    Sampled {
        share,
        rows: base,
        changed: matching.map(|matching| Interval::wilson(matching.changed, matching.matched)),
        added: Interval::wilson(tally.added, head),
        removed: Interval::wilson(tally.removed, base),
    }
}

/// Canonical texts of a row.
type Texts = Vec<Option<String>>;

/// Rows of both sides, brought together portion by portion.
struct Join<'a> {
    across: &'a Across,
    key: Vec<Column>,
    compared: Vec<Column>,
    samples: Samples,
    matched: i64,
    changed: i64,
    columns: Vec<i64>,
    added: i64,
    removed: i64,
    duplicates: (i64, i64),
    fetched: i64,
    examples: Vec<Example>,
}

impl<'a> Join<'a> {
    fn new(across: &'a Across, samples: Samples) -> Self {
        let (key, compared) = across.parts();
        Self {
            across,
            columns: vec![0; compared.len()],
            key,
            compared,
            samples,
            matched: 0,
            changed: 0,
            added: 0,
            removed: 0,
            duplicates: (0, 0),
            fetched: 0,
            examples: Vec::new(),
        }
    }

    fn add(&mut self, base: Rows, head: Rows) {
        self.fetched += i64::try_from(base.rows.len() + head.rows.len()).unwrap_or(i64::MAX);
        if self.across.key.is_none() {
            self.add_multiset(base, head);
            return;
        }
        let (base, head) = (self.by_key(base), self.by_key(head));
        let several = |rows: &&Vec<Texts>| rows.len() > 1;
        let count = |side: &HashMap<Texts, Vec<Texts>>| {
            i64::try_from(side.values().filter(several).count()).unwrap_or(i64::MAX)
        };
        self.duplicates.0 += count(&base);
        self.duplicates.1 += count(&head);
        for (key, rows) in &base {
            let others = head.get(key).map(Vec::as_slice).unwrap_or_default();
            match (rows.as_slice(), others) {
                ([one], [other]) => self.matched(key, one, other),
                ([one], []) => self.one_sided(ExampleKind::Removed, key, one),
                _ => (),
            }
        }
        for (key, rows) in &head {
            if let ([one], false) = (rows.as_slice(), base.contains_key(key)) {
                self.one_sided(ExampleKind::Added, key, one);
            }
        }
    }

    fn by_key(&self, rows: Rows) -> HashMap<Texts, Vec<Texts>> {
        let mut all: HashMap<Texts, Vec<Texts>> = HashMap::with_capacity(rows.rows.len());
        for row in rows.rows {
            let mut key = texts(row);
            let values = key.split_off(self.key.len().min(key.len()));
            all.entry(key).or_default().push(values);
        }
        all
    }

    fn matched(&mut self, key: &Texts, base: &Texts, head: &Texts) {
        self.matched += 1;
        let mut values = Vec::new();
        let cells = base.iter().zip(head);
        for ((column, count), (b, h)) in self.compared.iter().zip(&mut self.columns).zip(cells) {
            if column.differs(b.as_deref(), h.as_deref()) {
                *count += 1;
                let masked =
                    |value: &Option<String>, text: &str| value.as_ref().map(|_| text.to_owned());
                values.push(if column.is_masked {
                    let differs = format!("{MASK} (differs)");
                    (column.pair.name.clone(), masked(b, MASK), masked(h, &differs))
                } else {
                    (column.pair.name.clone(), column.shown(b.as_ref()), column.shown(h.as_ref()))
                });
            }
        }
        if !values.is_empty() {
            self.changed += 1;
            self.show(ExampleKind::Changed, key, values);
        }
    }

    fn one_sided(&mut self, kind: ExampleKind, key: &Texts, row: &Texts) {
        let is_added = kind == ExampleKind::Added;
        if is_added {
            self.added += 1;
        } else {
            self.removed += 1;
        }
        if !self.wants(kind) {
            return;
        }
        let values = { self.compared.iter().zip(row) }
            .take(self.samples.columns)
            .map(|(column, value)| {
                let value = column.shown(value.as_ref());
                let (base, head) = if is_added { (None, value) } else { (value, None) };
                (column.pair.name.clone(), base, head)
            })
            .collect();
        self.show(kind, key, values);
    }

    fn wants(&self, kind: ExampleKind) -> bool {
        self.examples.iter().filter(|example| example.kind == kind).count() < self.samples.each
    }

    fn show(
        &mut self,
        kind: ExampleKind,
        key: &Texts,
        values: Vec<(String, Option<String>, Option<String>)>,
    ) {
        if !self.wants(kind) {
            return;
        }
        let named = self.key.iter().zip(key);
        let key = named
            .map(|(column, value)| (column.pair.name.clone(), column.shown(value.as_ref())))
            .collect();
        let values = values.into_iter().take(self.samples.columns).collect();
        self.examples.push(Example { kind, key, values, times: None });
    }

    fn add_multiset(&mut self, base: Rows, head: Rows) {
        let mut surplus: HashMap<Vec<Option<String>>, i64> = HashMap::new();
        for (rows, step) in [(head, 1), (base, -1)] {
            for row in rows.rows {
                let cells = self.compared.iter().zip(texts(row));
                let plain = cells.map(|(column, value)| column.plain(value)).collect();
                *surplus.entry(plain).or_default() += step;
            }
        }
        for count in surplus.into_values() {
            self.added += count.max(0);
            self.removed += (-count).max(0);
        }
    }

    fn finish(mut self, equal: i64) -> AcrossOutcome {
        self.examples.sort_by(|one, other| {
            (one.kind.as_str(), &one.key).cmp(&(other.kind.as_str(), &other.key))
        });
        let matching = Matching {
            matched: self.matched + equal,
            changed: self.changed,
            columns: self.columns,
        };
        AcrossOutcome {
            rows: (0, 0),
            duplicate_keys: self.duplicates,
            null_keys: (0, 0),
            tally: Tally {
                added: self.added,
                removed: self.removed,
                matching: self.across.key.as_ref().map(|_| matching),
            },
            examples: self.examples,
            buckets: (0, 0),
            fetched: self.fetched,
            sampled: None,
        }
    }
}

fn texts(row: Vec<Cell>) -> Texts {
    let text = |cell: Cell| if let Cell::Text(text) = cell { Some(text) } else { None };
    row.into_iter().map(text).collect()
}

impl Column {
    /// The canonical texts are compared, and where they differ the values.
    fn differs(&self, base: Option<&str>, head: Option<&str>) -> bool {
        if base == head {
            return false;
        }
        let (Some(base), Some(head)) = (base, head) else { return true };
        if self.is_masked {
            return true;
        }
        if self.form == Form::Json {
            return plain_json(base) != plain_json(head);
        }
        let Some(tolerance) = self.tolerance else { return true };
        let number = |text: &str| -> Option<f64> {
            let number: f64 = text.parse().ok()?;
            Some(if self.form == Form::Moment { number / 1e6 } else { number })
        };
        !number(base).zip(number(head)).is_some_and(|(base, head)| tolerance.allows(base, head))
    }

    /// The value in a form that is equal where values are, but for tolerances.
    fn plain(&self, value: Option<String>) -> Option<String> {
        match self.form {
            Form::Json if !self.is_masked => value.map(|text| plain_json(&text)),
            _ => value,
        }
    }

    /// For people.
    fn shown(&self, value: Option<&String>) -> Option<String> {
        let text = value?;
        if self.is_masked {
            return Some(MASK.to_owned());
        }
        Some(match self.form {
            Form::Moment => text.parse().map_or_else(|_| text.clone(), moment),
            Form::Float => {
                text.parse::<f64>().map_or_else(|_| text.clone(), |number| number.to_string())
            }
            _ => text.clone(),
        })
    }
}

/// JSON with its keys sorted and its numbers in one spelling. What is no JSON stays as it is.
fn plain_json(text: &str) -> String {
    fn plain(value: Value) -> Value {
        match value {
            Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
            Value::Object(fields) => {
                let mut fields: Vec<_> =
                    fields.into_iter().map(|(name, value)| (name, plain(value))).collect();
                fields.sort_by(|one, other| one.0.cmp(&other.0));
                Value::Object(fields.into_iter().collect())
            }
            #[expect(clippy::cast_precision_loss, reason = "only where the number is whole anyway")]
            Value::Number(number) => match number.as_f64() {
                Some(double)
                    if number.is_f64()
                        && double.fract() == 0.0
                        && double.abs() < 2_f64.powi(53) =>
                {
                    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
                    let whole = double as i64;
                    debug_assert!((whole as f64 - double).abs() < 0.5);
                    Value::from(whole)
                }
                _ => Value::Number(number),
            },
            other => other,
        }
    }
    serde_json::from_str(text).map_or_else(|_| text.to_owned(), |value| plain(value).to_string())
}

/// Microseconds since 1970 as `2024-02-29 12:30:00.5`; days by Howard Hinnant's `civil_from_days`.
fn moment(micros: i64) -> String {
    if micros == i64::MAX || micros == -i64::MAX {
        return if micros > 0 { "infinity".to_owned() } else { "-infinity".to_owned() };
    }
    let (days, of_day) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let seconds = of_day / 1_000_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = format!(".{:06}", of_day % 1_000_000);
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_people_write_it() {
        for (micros, text) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59.999999"),
            (1_709_209_800_500_000, "2024-02-29 12:30:00.5"),
            (-62_135_596_800_000_000, "0001-01-01 00:00:00"),
        ] {
            assert_eq!(moment(micros), text);
        }
    }

    #[test]
    fn json_is_equal_whatever_the_order_of_its_keys() {
        let same = [
            r#"{"a": 1, "b": [1.0, null, {"d": 2, "c": "x"}]}"#,
            r#"{"b":[1,null,{"c":"x","d":2.0}],"a":1}"#,
        ];
        assert_eq!(plain_json(same[0]), plain_json(same[1]));
        assert_ne!(plain_json("[1, 2]"), plain_json("[2, 1]"), "of a list the order counts");
        assert_ne!(plain_json("1"), plain_json("\"1\""));
        assert_eq!(plain_json("no json"), "no json");
    }

    #[test]
    fn buckets_are_fetched_in_portions_and_as_many_as_may_be() {
        let side = |rows: i64| (0..64).map(|bucket| (bucket, (rows, Some(0)))).collect::<Buckets>();
        let (ours, theirs) = (side(10), side(11));
        let bad: BTreeSet<i64> = (0..64).collect();
        assert_eq!(affordable(&bad, &ours, &theirs, 1_000_000, 64), 64);
        assert_eq!(affordable(&bad, &ours, &theirs, 110, 64), 10);
        assert_eq!(affordable(&bad, &ours, &theirs, 0, 64), 1, "one at least");
        let chosen: Vec<i64> = bad.into_iter().collect();
        assert_eq!(parts(&chosen, &ours, &theirs, 6), [Wanted::Named(&chosen)]);
        let (big, all) = (side(200_000), chosen.len());
        assert_eq!(parts(&chosen, &big, &big, 6).len(), all.div_ceil(2));
    }
}
