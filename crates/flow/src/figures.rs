//! Figures as people write them.

#[expect(clippy::cast_precision_loss, reason = "a share for people")]
pub(crate) fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 { f64::from(u8::from(part > 0)) } else { part as f64 / whole as f64 }
}

/// `1 row`, `2 rows`, `1,234 rows`.
pub(crate) fn counted(count: i64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

pub(crate) fn counted_usize(count: usize, noun: &str) -> String {
    counted(i64::try_from(count).unwrap_or(i64::MAX), noun)
}

/// `1,234,567`.
pub(crate) fn grouped(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    format!("{}{}", if count < 0 { "-" } else { "" }, groups.join(","))
}

/// `5.6 %`, `0.02 %`, `< 0.01 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent == 0.0 => "0 %".to_owned(),
        _ if percent < 0.01 => "< 0.01 %".to_owned(),
        _ if percent < 1.0 => format!("{percent:.2} %"),
        _ => format!("{percent:.1} %"),
    }
}

pub(crate) fn signed(shift: f64) -> String {
    format!("{}{}", if shift < 0.0 { "-" } else { "+" }, percent(shift.abs()))
}

/// A sum with two decimals and groups.
pub(crate) fn amount(value: f64) -> String {
    if value.abs() >= 1e15 || !value.is_finite() {
        return format!("{value:e}");
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 1e15")]
    let cents = (value.abs() * 100.0).round() as i64;
    let sign = if value < 0.0 { "-" } else { "" };
    match cents % 100 {
        0 => format!("{sign}{}", grouped(cents / 100)),
        rest => format!("{sign}{}.{rest:02}", grouped(cents / 100)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        let counts = [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")];
        counts.iter().for_each(|(count, text)| assert_eq!(grouped(*count), *text));
        let shares = [
            (0.0, "0 %"),
            (0.000_01, "< 0.01 %"),
            (0.005, "0.50 %"),
            (0.123, "12.3 %"),
            (9.0, "900.0 %"),
        ];
        shares.iter().for_each(|(share, text)| assert_eq!(percent(*share), *text));
        let sums = [(0.0, "0"), (1_234.5, "1,234.50"), (-0.005, "-0.01"), (1e18, "1e18")];
        sums.iter().for_each(|(sum, text)| assert_eq!(amount(*sum), *text));
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(2, "row"), "2 rows");
    }
}
