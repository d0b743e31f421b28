//! A comparison from beginning to end: one question after another, of whoever holds a session.

use belay_model::rows::Rows;

use crate::estimate::{Interval, Sampled, Share};
use crate::{
    AnswerError, ColumnDiff, Comparison, Dialect, Example, ExampleKind, Key, Matching, Method,
    Plan, Profile, Samples, Tally,
};

/// Rows of both sides that are joined without a second thought.
const FEW: i64 = 200_000;

/// Rows that a bucket holds, about.
const IN_BUCKET: i64 = 40;

/// Rows of a side from which facts of a column are taken.
const LOOKED_AT: u64 = 1_000_000;

/// Columns whose facts are taken.
const FACTS: usize = 12;

/// What a comparison may cost. Beyond it, a sample is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Rows of either side.
    pub max_rows: Option<u64>,
    /// Bytes of either side, reckoned from the rows and the types of the columns.
    pub max_bytes: Option<u64>,
}

/// What is compared, and how it may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Without a key: one is found among the candidates.
    pub comparison: Comparison,
    /// Possible keys, the most trusted first.
    pub candidates: Vec<Key>,
    pub samples: Samples,
    pub limits: Limits,
}

/// How the rows were told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Number of rows and checksum of all values are the same: nothing was joined.
    Checksum,
    /// Every row of both sides in a full join.
    Join,
    /// The rows of those buckets of keys whose checksums differ, in a full join.
    Buckets,
    /// Rows as a multiset.
    Multiset,
}

impl How {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Checksum => "checksum",
            Self::Join => "join",
            Self::Buckets => "buckets",
            Self::Multiset => "multiset",
        }
    }
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// With the key that was found.
    pub comparison: Comparison,
    pub method: Method,
    pub how: How,
    pub base: Profile,
    pub head: Profile,
    pub tally: Tally,
    pub columns: Vec<ColumnDiff>,
    pub examples: Vec<Example>,
    /// Keys that do not identify base's rows, in the order in which they were tried.
    pub rejected: Vec<Key>,
    /// The tally and what follows from it are of a sample.
    pub sampled: Option<Sampled>,
}

/// Compares. `ask` gets a purpose ("count rows and nulls") and SQL that reads.
pub async fn run<E: From<AnswerError>>(
    course: Course,
    ask: &mut impl AsyncFnMut(&'static str, String) -> Result<Rows, E>,
) -> Result<Outcome, E> {
    let Course { mut comparison, candidates, samples, limits } = course;
    comparison.key = None;
    let mut answers = Vec::new();
    for sql in comparison.profile_sqls() {
        answers.push(ask("count rows and nulls", sql).await?);
    }
    let (mut base, mut head) = Profile::read(&answers)?;
    let rejected = find_key(&mut comparison, &candidates, &mut base, &mut head, ask).await?;
    let share = share(&comparison, limits, base.rows.max(head.rows));
    let method = if comparison.key.is_some() { Method::Key } else { Method::Multiset };

    let is_equal = base.rows == head.rows
        && (base.rows == 0 || (base.checksum.is_some() && base.checksum == head.checksum));
    let (how, tally, mut examples) = if is_equal {
        (How::Checksum, equal(&comparison, &base), Vec::new())
    } else if comparison.key.is_none() {
        let plan = Plan { share, ..Plan::default() };
        let rows = ask("compare the rows as a multiset", comparison.tally_sql(plan)).await?;
        (How::Multiset, Tally::read(&rows, Method::Multiset)?, Vec::new())
    } else {
        keyed(&comparison, &base, &head, samples, share, ask).await?
    };
    let mut columns = comparison.columns(&base, &head, Some(&tally));
    if head.duplicate_keys > Some(0)
        && samples.each > 0
        && let Some(sql) = comparison.duplicates_sql(samples)
    {
        let rows = ask("fetch examples of duplicated keys", sql).await?;
        let mut repeated = comparison.examples(&rows, &[], samples);
        repeated.append(&mut examples);
        examples = repeated;
    }
    facts(&comparison, &mut columns, &base, &head, ask).await?;
    let sampled =
        share.filter(|_| how != How::Checksum).map(|share| sampled(share, &tally, &base, &head));
    Ok(Outcome { comparison, method, how, base, head, tally, columns, examples, rejected, sampled })
}

/// The first candidate that identifies base's rows. A key that only head breaks is kept: that is the
/// finding.
async fn find_key<E: From<AnswerError>>(
    comparison: &mut Comparison,
    candidates: &[Key],
    base: &mut Profile,
    head: &mut Profile,
    ask: &mut impl AsyncFnMut(&'static str, String) -> Result<Rows, E>,
) -> Result<Vec<Key>, E> {
    let mut rejected = Vec::new();
    for key in candidates {
        comparison.key = Some(key.clone());
        let Some(sql) = comparison.unique_sql((base, head)) else { continue };
        let answer = ask("verify the key", sql).await?;
        if !Profile::read_unique(&answer, (base, head))?
            && let Some(sql) = comparison.repeats_sql()
        {
            let answer = ask("count repeated keys", sql).await?;
            Profile::read_repeats(&answer, (base, head))?;
        }
        if base.duplicate_keys == Some(0) && base.null_keys == Some(0) {
            return Ok(rejected);
        }
        rejected.push(key.clone());
    }
    comparison.key = None;
    base.forget_key();
    head.forget_key();
    Ok(rejected)
}

/// The sample that keeps within the limits; `None` is everything.
fn share(comparison: &Comparison, limits: Limits, rows: i64) -> Option<Share> {
    let rows = u64::try_from(rows).unwrap_or_default();
    let widths = comparison.pairs().into_iter().filter_map(|pair| pair.head.or(pair.base));
    let width: u64 = widths.map(|column| comparison.dialect.kind(&column.data_type).width()).sum();
    let by_bytes = limits.max_bytes.map(|bytes| bytes / width.max(1));
    let most = limits.max_rows.into_iter().chain(by_bytes).min()?;
    Share::of(most, rows).filter(|_| comparison.can_sample())
}

/// What a join of equal sides would count.
fn equal(comparison: &Comparison, base: &Profile) -> Tally {
    let matching = comparison.key.as_ref().map(|_| Matching {
        matched: base.rows - base.null_keys.unwrap_or_default(),
        changed: 0,
        columns: vec![0; comparison.compared().len()],
    });
    Tally { added: 0, removed: 0, matching }
}

async fn keyed<E: From<AnswerError>>(
    comparison: &Comparison,
    base: &Profile,
    head: &Profile,
    samples: Samples,
    share: Option<Share>,
    ask: &mut impl AsyncFnMut(&'static str, String) -> Result<Rows, E>,
) -> Result<(How, Tally, Vec<Example>), E> {
    let repeated = base.duplicate_keys != Some(0) || head.duplicate_keys != Some(0);
    let mut plan = Plan { repeated, buckets: None, share };
    let fraction = share.map_or(1.0, Share::as_fraction);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a size")]
    let rows = ((base.rows.saturating_add(head.rows)) as f64 * fraction) as i64;
    let is_small = rows <= FEW;
    if !is_small {
        plan.buckets = buckets(comparison, plan, rows / 2, ask).await?;
    }
    let wide = comparison.compared().len() > comparison.carried().len();
    if (is_small || plan.buckets.is_some())
        && !wide
        && let Some(sql) = comparison.rows_sql(plan, samples)
    {
        let rows = ask("compare the rows", sql).await?;
        let (tally, examples) = comparison.rows(&rows, samples)?;
        let how = if plan.buckets.is_some() { How::Buckets } else { How::Join };
        return Ok((how, tally, examples));
    }
    plan.buckets = None;
    let rows = ask("compare the rows", comparison.tally_sql(plan)).await?;
    let tally = Tally::read(&rows, Method::Key)?;
    let examples = examples(comparison, plan, &tally, samples, ask).await?;
    Ok((How::Join, tally, examples))
}

/// How many buckets, where they pay: on an engine that hashes a row faster than it joins one, and
/// where few of them differ.
async fn buckets<E: From<AnswerError>>(
    comparison: &Comparison,
    plan: Plan,
    rows: i64,
    ask: &mut impl AsyncFnMut(&'static str, String) -> Result<Rows, E>,
) -> Result<Option<u32>, E> {
    let pays = match comparison.dialect {
        Dialect::DuckDb | Dialect::Snowflake => true,
        // Measured: grouping its rows into buckets costs more than joining them.
        Dialect::Postgres => false,
    };
    if !pays || !comparison.can_bucket() {
        return Ok(None);
    }
    let bits = (rows / IN_BUCKET).max(1).ilog2().clamp(6, 24);
    let plan = Plan { buckets: Some(bits), ..plan };
    let Some(sql) = comparison.probe_sql(plan) else { return Ok(None) };
    let answer = ask("see how much differs", sql).await?;
    let numbers =
        answer.rows.first().and_then(|row| Some((row.first()?.int()?, row.get(1)?.int()?)));
    let (all, differ) = numbers.ok_or(AnswerError { question: "probe" })?;
    // Where a fifth of the buckets differ, the join of their rows is nearly the join of all.
    Ok((differ * 5 <= all).then_some(bits))
}

async fn examples<E: From<AnswerError>>(
    comparison: &Comparison,
    plan: Plan,
    tally: &Tally,
    samples: Samples,
    ask: &mut impl AsyncFnMut(&'static str, String) -> Result<Rows, E>,
) -> Result<Vec<Example>, E> {
    if samples.each == 0 || tally.is_equal() {
        return Ok(Vec::new());
    }
    let compared = comparison.compared();
    let counts = tally.matching.iter().flat_map(|matching| &matching.columns);
    let changed: Vec<String> = compared
        .into_iter()
        .zip(counts)
        .filter(|(_, count)| **count > 0)
        .map(|(pair, _)| pair.name)
        .collect();
    let kinds: Vec<ExampleKind> = [
        (ExampleKind::Changed, changed.len()),
        (ExampleKind::Added, usize::from(tally.added > 0)),
        (ExampleKind::Removed, usize::from(tally.removed > 0)),
    ]
    .into_iter()
    .filter_map(|(kind, there)| (there > 0).then_some(kind))
    .collect();
    let Some(sql) = comparison.samples_sql(plan, &changed, samples, &kinds) else {
        return Ok(Vec::new());
    };
    let rows = ask("fetch example rows", sql).await?;
    Ok(comparison.examples(&rows, &changed, samples))
}

/// Facts of the columns that changed, the most changed first.
async fn facts<E: From<AnswerError>>(
    comparison: &Comparison,
    columns: &mut [ColumnDiff],
    base: &Profile,
    head: &Profile,
    ask: &mut impl AsyncFnMut(&'static str, String) -> Result<Rows, E>,
) -> Result<(), E> {
    let rows = u64::try_from(base.rows.max(head.rows)).unwrap_or_default();
    let share = Share::of(LOOKED_AT, rows);
    if share.is_some() && !comparison.can_sample() {
        return Ok(());
    }
    let pairs = comparison.compared();
    let mut changed: Vec<&mut ColumnDiff> =
        columns.iter_mut().filter(|column| column.changed > Some(0)).collect();
    changed.sort_by_key(|column| std::cmp::Reverse(column.changed));
    for column in changed.into_iter().take(FACTS) {
        if let Some(pair) = pairs.iter().find(|pair| pair.name == column.name) {
            let sql = comparison.facts_sql(pair, share);
            let answer = ask("see how the values are spread", sql).await?;
            column.facts.read(&answer, share)?;
        }
    }
    Ok(())
}

fn sampled(share: Share, tally: &Tally, base: &Profile, head: &Profile) -> Sampled {
    let part = |rows: i64| {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a size")]
        let part = (rows as f64 * share.as_fraction()).round() as i64;
        part
    };
    let matching = tally.matching.as_ref();
    let of = |profile: &Profile, left: i64| {
        matching.map_or(part(profile.rows), |matching| matching.matched + left)
    };
    Sampled {
        share: share.as_fraction(),
        rows: of(base, tally.removed),
        changed: matching.map(|matching| Interval::wilson(matching.changed, matching.matched)),
        added: Interval::wilson(tally.added, of(head, tally.added).max(tally.added)),
        removed: Interval::wilson(tally.removed, of(base, tally.removed).max(tally.removed)),
    }
}
