//! How far apart two values may be and still count as equal.

use std::collections::BTreeMap;

use crate::{ColumnPair, Dialect, Kind};

/// Equal within `max(abs, rel · max(|a|, |b|))`. Of moments `abs` is in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    pub abs: f64,
    pub rel: f64,
}

/// The tolerances of a comparison. What stands here never enters a checksum: rows whose checksums
/// differ are compared value by value.
#[derive(Debug, Clone, PartialEq)]
pub struct Tolerances {
    /// Of floating-point columns that have none of their own.
    pub float: Tolerance,
    /// By name, in lower case: of numbers of any kind, and of moments.
    pub columns: BTreeMap<String, Tolerance>,
}

/// One unit in the last place of single precision, 2⁻²³: 0.1 as single and as double are closer.
const SINGLE: f64 = 1.192_092_9e-7;

impl Default for Tolerances {
    /// Sums of the same numbers in another order differ by less than 1e-9 of their size.
    fn default() -> Self {
        Self { float: Tolerance { abs: 0.0, rel: 1e-9 }, columns: BTreeMap::new() }
    }
}

impl Tolerances {
    /// The tolerance that holds for a pair of columns, if one does.
    pub fn of(&self, pair: &ColumnPair, dialect: Dialect) -> Option<Tolerance> {
        self.of_kinds(&pair.name.to_lowercase(), pair.kinds(dialect)?)
    }

    /// The same by a column's name in lower case and its kinds.
    pub(crate) fn of_kinds(&self, name: &str, (base, head): (Kind, Kind)) -> Option<Tolerance> {
        let own = self.columns.get(name).copied();
        if base.is_numeric() && head.is_numeric() {
            let is_single = base.is_single() || head.is_single();
            let float = Tolerance {
                rel: if is_single { self.float.rel.max(SINGLE) } else { self.float.rel },
                ..self.float
            };
            return own.or_else(|| (base.is_float() || head.is_float()).then_some(float));
        }
        own.filter(|_| base.is_moment() && head.is_moment())
    }
}

impl Tolerance {
    /// Whether two numbers are equal within the tolerance. NaN equals NaN, an infinity itself.
    #[expect(clippy::float_cmp, reason = "equal values need no tolerance")]
    pub fn allows(self, a: f64, b: f64) -> bool {
        if a == b || (a.is_nan() && b.is_nan()) {
            return true;
        }
        a.is_finite()
            && b.is_finite()
            && (a - b).abs() <= self.abs.max(self.rel * a.abs().max(b.abs()))
    }

    /// The same in SQL, of two expressions that are doubles: NULL where one is NULL.
    pub(crate) fn allows_sql(self, dialect: Dialect, x: &str, y: &str) -> String {
        let greatest = format!("greatest(abs({x}), abs({y}))");
        let rel = format!("{:e} * {greatest}", self.rel);
        let bound = if self.abs > 0.0 { format!("greatest({:e}, {rel})", self.abs) } else { rel };
        match dialect {
            Dialect::DuckDb | Dialect::Snowflake => format!(
                "{} AND {} AND abs({x} - {y}) <= {bound}",
                dialect.is_finite(x),
                dialect.is_finite(y)
            ),
            // Here a double that overflows, or underflows to nothing, is an error.
            Dialect::Postgres => format!(
                "CASE WHEN abs({x}) < 1e300 AND abs({y}) < 1e300 AND {greatest} > 1e-290 \
                 THEN abs({x} - {y}) <= {bound} ELSE {greatest} <= {:e} END",
                self.abs / 2.0
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_the_greater_of_the_absolute_and_the_relative_one() {
        let tolerance = Tolerance { abs: 0.01, rel: 1e-3 };
        for (a, b, equal) in [
            (1.0, 1.009, true),
            (1.0, 1.011, false),
            (1_000.0, 1_000.9, true),
            (1_000.0, 1_001.1, false),
            (0.0, -0.0, true),
            (f64::NAN, f64::NAN, true),
            (f64::NAN, 1.0, false),
            (f64::INFINITY, f64::INFINITY, true),
            (f64::INFINITY, f64::MAX, false),
        ] {
            assert_eq!(tolerance.allows(a, b), equal, "{a} and {b}");
        }
    }
}
