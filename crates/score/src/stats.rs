//! Intervals and tests for small samples, each by a named method.

use crate::suite::Method;

/// An estimate's interval; an end that the sample cannot bound is absent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    pub method: Method,
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases")]
fn real(count: usize) -> f64 {
    count as f64
}

/// The two-sided interval of a share (E. B. Wilson, 1927).
pub(crate) fn wilson(yes: usize, of: usize, confidence: f64) -> Option<Interval> {
    if of == 0 {
        return None;
    }
    let (n, p, z) = (real(of), real(yes) / real(of), quantile(f64::midpoint(1.0, confidence)));
    let (centre, spread) =
        (p + z * z / (2.0 * n), z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt());
    let scale = 1.0 + z * z / n;
    let (lower, upper) = ((centre - spread) / scale, (centre + spread) / scale);
    Some(Interval {
        lower: Some(if yes == 0 { 0.0 } else { lower.max(0.0) }),
        upper: Some(if yes == of { 1.0 } else { upper.min(1.0) }),
        method: Method::Wilson,
    })
}

/// The 95 % interval of a share, as (lower, upper), by Wilson's score; none of nothing.
pub fn share_interval(yes: usize, of: usize) -> Option<(f64, f64)> {
    let interval = wilson(yes, of, 0.95)?;
    interval.lower.zip(interval.upper)
}

/// The exact interval of a quantile from order statistics: the ranks whose binomial tails are within
/// what is left of the confidence (David and Nagaraja, Order Statistics, 7.1). `sorted` ascends.
pub(crate) fn order_statistics(sorted: &[f64], q: f64, confidence: f64) -> Interval {
    let n = sorted.len();
    let tail = (1.0 - confidence) / 2.0;
    // P(X_(r) > quantile) = P(Bin(n, q) <= r - 1), P(X_(s) < quantile) = P(Bin(n, q) >= s).
    let below: Vec<f64> = (0..=n)
        .scan(0.0, |sum, k| {
            *sum += binomial(n, k, q);
            Some(*sum)
        })
        .collect();
    let at_most = |k: usize| below.get(k).copied().unwrap_or(1.0);
    let lower = (1..=n).rev().find(|rank| at_most(rank - 1) <= tail);
    let upper = (1..=n).find(|rank| 1.0 - at_most(rank - 1) <= tail);
    let value = |rank: Option<usize>| rank.and_then(|rank| sorted.get(rank - 1).copied());
    Interval { lower: value(lower), upper: value(upper), method: Method::OrderStatistics }
}

/// The percentile interval of a mean from 2,000 resamples (Efron, 1979), with a fixed seed: the same
/// sample always has the same interval.
pub(crate) fn bootstrap(values: &[f64], confidence: f64) -> Option<Interval> {
    const RESAMPLES: usize = 2000;
    if values.len() < 2 {
        return None;
    }
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    };
    let count = values.len() as u64;
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn = (0..count).map(|_| {
                let at = usize::try_from(next() % count).unwrap_or_default();
                values.get(at).copied().unwrap_or_default()
            });
            drawn.sum::<f64>() / real(values.len())
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some(Interval {
        lower: Some(at_quantile(&means, tail)),
        upper: Some(at_quantile(&means, 1.0 - tail)),
        method: Method::Bootstrap,
    })
}

/// The smallest value that at least a share `q` of the sample does not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank within the sample"
)]
pub(crate) fn at_quantile(sorted: &[f64], q: f64) -> f64 {
    let rank = ((q * real(sorted.len())).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / real(values.len().max(1))
}

/// The one-sided exact test of `McNemar` (1947): how likely so many pairs got worse, if worse and better
/// were equally likely.
pub(crate) fn mcnemar(worse: usize, better: usize) -> f64 {
    let n = worse + better;
    (worse..=n).map(|k| binomial(n, k, 0.5)).sum::<f64>().min(1.0)
}

/// The one-sided lower bound of a paired difference of shares (new minus old), adjusted for small
/// samples by half a pair in each cell (Agresti and Min, 2005).
pub(crate) fn paired_lower(worse: usize, better: usize, pairs: usize, alpha: f64) -> f64 {
    let (b, c, n) = (real(worse) + 0.5, real(better) + 0.5, real(pairs) + 2.0);
    let difference = (c - b) / n;
    let variance = ((b + c) - (c - b) * (c - b) / n) / (n * n);
    difference - quantile(1.0 - alpha) * variance.sqrt()
}

fn binomial(n: usize, k: usize, p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return if (p <= 0.0 && k == 0) || (p >= 1.0 && k == n) { 1.0 } else { 0.0 };
    }
    let choose: f64 = (1..=k).map(|step| (real(n - k + step)).ln() - real(step).ln()).sum::<f64>();
    (choose + real(k) * p.ln() + real(n - k) * (1.0 - p).ln()).exp()
}

/// The quantile of the normal distribution, by bisection of its tail: exact to nine digits where it is
/// used, and nothing to look up.
fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-10.0_f64, 10.0_f64);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if normal(middle) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The distribution function of the normal distribution, from its series (Abramowitz and Stegun,
/// 26.2.10).
fn normal(x: f64) -> f64 {
    let clamped = x.clamp(-8.0, 8.0);
    let (mut term, mut sum, mut k) = (clamped, clamped, 1.0);
    while term.abs() > 1e-17 * sum.abs() && k < 400.0 {
        term *= clamped * clamped / (2.0 * k + 1.0);
        sum += term;
        k += 1.0;
    }
    0.5 + sum * (-clamped * clamped / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-4, "{left} is not {right}");
    }

    #[test]
    fn figures_from_the_books() {
        near(quantile(0.975), 1.959_964);
        near(quantile(0.95), 1.644_854);
        let interval = wilson(8, 10, 0.95).unwrap();
        near(interval.lower.unwrap(), 0.490_16);
        near(interval.upper.unwrap(), 0.943_32);
        near(mcnemar(5, 0), 1.0 / 32.0);
        near(mcnemar(3, 3), 0.656_25);
        assert_eq!(wilson(0, 0, 0.95), None);
    }

    #[test]
    fn a_small_sample_cannot_bound_a_high_quantile() {
        let few: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(order_statistics(&few, 0.95, 0.95).upper, None);
        let many: Vec<f64> = (0..200).map(f64::from).collect();
        let interval = order_statistics(&many, 0.95, 0.95);
        assert!(interval.lower.unwrap() < 190.0 && interval.upper.unwrap() > 190.0);
        let median = order_statistics(&many[..10], 0.5, 0.95);
        assert_eq!((median.lower, median.upper), (Some(1.0), Some(8.0)));
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_estimate_and_more_evidence_makes_it_narrower(
            of in 1_usize..200, share in 0.0..=1.0_f64
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
            let yes = (share * real(of)) as usize;
            let one = wilson(yes, of, 0.95).unwrap();
            let p = real(yes) / real(of);
            prop_assert!(one.lower.unwrap() <= p + 1e-9 && p <= one.upper.unwrap() + 1e-9);
            let ten = wilson(yes * 10, of * 10, 0.95).unwrap();
            let width = |i: Interval| i.upper.unwrap() - i.lower.unwrap();
            prop_assert!(width(ten) <= width(one) + 1e-9);
        }

        #[test]
        fn resampling_is_repeatable_and_stays_within_the_sample(
            values in prop::collection::vec(-1e6..1e6_f64, 2..30)
        ) {
            let interval = bootstrap(&values, 0.9).unwrap();
            prop_assert_eq!(Some(interval), bootstrap(&values, 0.9));
            let (low, high) = (interval.lower.unwrap(), interval.upper.unwrap());
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(least - 1e-6 <= low && low <= high && high <= most + 1e-6);
        }

        #[test]
        fn another_pair_that_got_worse_never_looks_better(worse in 0_usize..30, better in 0_usize..30) {
            prop_assert!(mcnemar(worse + 1, better) <= mcnemar(worse, better) + 1e-12);
            let pairs = 100;
            prop_assert!(
                paired_lower(worse + 1, better, pairs, 0.05) <= paired_lower(worse, better, pairs, 0.05)
            );
        }
    }
}
