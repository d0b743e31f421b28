//! Samples by the hash of a key, and what they say of the whole.

use crate::Dialect;

/// A share of the rows, in parts of 2²⁰.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

const PARTS: u32 = 1 << 20;

impl Share {
    /// The share that makes `rows` of `all`; `None` where that is every row.
    pub fn of(rows: u64, all: u64) -> Option<Self> {
        let parts = u128::from(rows) * u128::from(PARTS) / u128::from(all.max(1));
        let parts = u32::try_from(parts).ok().filter(|parts| *parts < PARTS)?;
        Some(Self(parts.max(1)))
    }

    pub fn as_fraction(self) -> f64 {
        f64::from(self.0) / f64::from(PARTS)
    }

    /// Bits that the buckets do not use.
    pub(crate) fn condition(self, dialect: Dialect, hash: &str) -> String {
        let high = match dialect {
            Dialect::DuckDb | Dialect::Postgres => format!("(({hash} >> 40) & {})", PARTS - 1),
            Dialect::Snowflake => {
                format!("BITAND(BITSHIFTRIGHT({hash}, 40), {})", PARTS - 1)
            }
        };
        format!("{high} < {}", self.0)
    }
}

/// Between which shares the true one lies, with a confidence of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

impl Interval {
    /// Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and
    /// statistical inference", 1927) of `hits` among `of`: it holds near 0 and 1, where a review's
    /// shares are. Nothing seen says nothing: the interval is then everything.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn wilson(hits: i64, of: i64) -> Self {
        if of <= 0 {
            return Self { low: 0.0, high: 1.0 };
        }
        let (n, p) = (of as f64, hits as f64 / of as f64);
        let z2 = Z * Z;
        let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        let low = if hits <= 0 { 0.0 } else { (middle - half).max(0.0) };
        let high = if hits >= of { 1.0 } else { (middle + half).min(1.0) };
        Self { low, high }
    }
}

/// What a sample says of the whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampled {
    /// Of the keys.
    pub share: f64,
    /// Rows of base that were looked at.
    pub rows: i64,
    /// Rows changed among the matched. `None` without a key.
    pub changed: Option<Interval>,
    /// Rows of head that base has not.
    pub added: Interval,
    /// Rows of base that head has not.
    pub removed: Interval,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        for (hits, of, low, high) in [
            (0, 0, 0.0, 1.0),
            (0, 10, 0.0, 0.2775),
            (10, 10, 0.7225, 1.0),
            (1, 10, 0.0179, 0.4042),
            (50, 100, 0.4038, 0.5962),
        ] {
            let interval = Interval::wilson(hits, of);
            let near = |a: f64, b: f64| (a - b).abs() < 1e-4;
            assert!(near(interval.low, low) && near(interval.high, high), "{interval:?}");
        }
    }

    #[test]
    fn a_share_is_never_nothing_and_never_everything() {
        assert_eq!(Share::of(10, 10), None);
        assert_eq!(Share::of(11, 10), None);
        assert_eq!(Share::of(0, 0), Some(Share(1)));
        assert_eq!(Share::of(1, u64::MAX), Some(Share(1)));
        assert_eq!(Share::of(1, 4).map(Share::as_fraction), Some(0.25));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_share_that_was_seen_lies_in_its_interval(of in 1_i32..100_000, part in 0.0..=1.0) {
            #[expect(clippy::cast_possible_truncation, reason = "a test")]
            let hits = (f64::from(of) * part) as i32;
            let seen = f64::from(hits) / f64::from(of);
            let Interval { low, high } = Interval::wilson(hits.into(), of.into());
            prop_assert!(0.0 <= low && low <= seen + 1e-12 && seen <= high + 1e-12 && high <= 1.0);
        }
    }
}
