//! What the comparison of one relation amounts to.

use belay_diff::{ColumnChange, ColumnDiff};
use belay_model::{Finding, Severity};

use super::{Consumers, finding};
use crate::figures::{amount, counted, counted_usize, grouped, percent, share, signed};
use crate::impact::compare::Compared;

pub(super) fn data_findings(compared: &Compared, consumers: Consumers<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = grain(compared, consumers).into_iter().collect();
    found.extend(rows(compared));
    found.extend(compared.columns.iter().filter_map(|column| shape(compared, column)));
    found.extend(nulls(compared));
    found.extend(values(compared));
    found
}

/// A key that identified base's rows and does not identify head's: a join fans out, or a dedup is
/// gone. Whatever sums these rows is wrong.
fn grain(compared: &Compared, consumers: Consumers<'_>) -> Option<Finding> {
    let keys = compared.head.duplicate_keys.filter(|count| *count > 0)?;
    let key = compared.key.as_ref()?;
    let extra = compared.head.extra_rows.unwrap_or_default();
    let columns = key.columns.join(", ");
    let message = format!(
        "`{columns}` identified every row in base and no longer does: {} stand more than once, {} too many",
        counted(keys, "key"),
        counted(extra, "row")
    );
    let mut evidence = vec![
        format!("key `{columns}`: {}", key.origin),
        format!(
            "rows: {} in base, {} in head",
            grouped(compared.base.rows),
            grouped(compared.head.rows)
        ),
        format!("duplicated keys: 0 in base, {} in head", grouped(keys)),
    ];
    let readers = consumers.exposures(&compared.node);
    if !readers.is_empty() {
        let names: Vec<String> = readers.iter().map(|id| consumers.name(id)).collect();
        evidence.push(format!("reaches {}", names.join(", ")));
    }
    Some(finding("rows.duplicated", Severity::Critical, &compared.node, message, evidence))
}

fn rows(compared: &Compared) -> Vec<Finding> {
    let (base, head) = (compared.base.rows, compared.head.rows);
    let evidence = || {
        let how = compared.key.as_ref().map_or("as a multiset".to_owned(), |key| {
            format!("by key `{}`", key.columns.join(", "))
        });
        vec![format!(
            "rows: {} in base, {} in head; {} added, {} removed ({how})",
            grouped(base),
            grouped(head),
            grouped(compared.tally.added),
            grouped(compared.tally.removed)
        )]
    };
    if base > 0 && head == 0 {
        let message = format!("all {} rows are gone", grouped(base));
        return vec![finding(
            "rows.emptied",
            Severity::Critical,
            &compared.node,
            message,
            evidence(),
        )];
    }
    // Without a key a changed row counts as one removed and one added: only the net tells of rows.
    let (added, removed) = match compared.key {
        Some(_) => (compared.tally.added, compared.tally.removed),
        None => ((head - base).max(0), (base - head).max(0)),
    };
    let mut found = Vec::new();
    let mut push = |kind, verb, count: i64, high: f64| {
        if count > 0 {
            let share = share(count, base);
            let severity = if share >= high { Severity::High } else { Severity::Medium };
            let severity = held_back(severity, compared);
            let message = format!("{} {verb} ({})", counted(count, "row"), percent(share));
            found.push(finding(kind, severity, &compared.node, message, evidence()));
        }
    };
    push("rows.removed", "removed", removed, 0.01);
    push("rows.added", "added", added, 0.05);
    if compared.key.is_none() {
        let moved = compared.tally.added.min(compared.tally.removed);
        if moved > 0 {
            let share = share(moved, base);
            let severity = if share >= 0.5 { Severity::High } else { Severity::Medium };
            let severity = held_back(severity, compared);
            let message = format!(
                "{} differ ({}); without a key, belay cannot say in which columns",
                counted(moved, "row"),
                percent(share)
            );
            found.push(finding("rows.differ", severity, &compared.node, message, evidence()));
        }
    }
    found
}

fn shape(compared: &Compared, column: &ColumnDiff) -> Option<Finding> {
    let types = || {
        let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "absent".to_owned());
        vec![format!(
            "type: {} in base, {} in head",
            word(&column.type_base),
            word(&column.type_head)
        )]
    };
    let (kind, severity, message) = match column.change {
        ColumnChange::Same => return None,
        ColumnChange::Added => ("column.added", Severity::Info, "the column is new"),
        ColumnChange::Removed => ("column.removed", Severity::High, "the column is gone"),
        ColumnChange::Retyped if widens(column) => {
            ("column.retyped", Severity::Low, "the column has a wider type")
        }
        ColumnChange::Retyped => {
            ("column.retyped", Severity::Medium, "the column has another type")
        }
    };
    let about = finding(kind, severity, &compared.node, message.to_owned(), types());
    Some(Finding { column: Some(column.name.clone()), ..about })
}

/// Every value of the old type is one of the new: a longer text, a wider whole number, a decimal with
/// at least as many digits on both sides of the point.
fn widens(column: &ColumnDiff) -> bool {
    const WHOLE: [&[&str]; 4] = [
        &["TINYINT", "INT1"],
        &["SMALLINT", "INT2"],
        &["INTEGER", "INT", "INT4"],
        &["BIGINT", "INT8"],
    ];
    const TEXT: [&str; 4] = ["VARCHAR", "CHARACTER VARYING", "TEXT", "STRING"];
    let (Some(base), Some(head)) = (&column.type_base, &column.type_head) else { return false };
    let ((was, from), (is, to)) = (type_of(base), type_of(head));
    let rank = |name: &str| WHOLE.iter().position(|names| names.contains(&name));
    let is_text = |name: &str| TEXT.contains(&name);
    let is_decimal = |name: &str| matches!(name, "DECIMAL" | "NUMERIC" | "NUMBER");
    if let (Some(was), Some(is)) = (rank(&was), rank(&is)) {
        return was < is;
    }
    match (from.as_slice(), to.as_slice()) {
        (_, []) => is_text(&was) && is_text(&is),
        ([was_long], [long]) => is_text(&was) && is_text(&is) && was_long <= long,
        ([was_digits, was_scale], [digits, scale]) => {
            is_decimal(&was)
                && is_decimal(&is)
                && was_scale <= scale
                && was_digits - was_scale <= digits - scale
        }
        _ => false,
    }
}

/// `DECIMAL(18,2)` as its name and its figures.
fn type_of(text: &str) -> (String, Vec<i64>) {
    let upper = text.to_uppercase();
    let (name, rest) = upper.split_once('(').unwrap_or((&upper, ""));
    let figures = rest.trim_end_matches(')').split(',');
    let figures = figures.filter_map(|figure| figure.trim().parse().ok()).collect();
    (name.trim().to_owned(), figures)
}

/// One finding a relation, led by the column whose share of NULLs rose most.
fn nulls(compared: &Compared) -> Option<Finding> {
    let mut rises: Vec<(f64, &ColumnDiff, String)> =
        compared.columns.iter().filter_map(|column| null_rise(compared, column)).collect();
    rises.sort_by(|one, other| other.0.total_cmp(&one.0));
    let (rise, worst, figures) = rises.first()?;
    let severity = if *rise >= 0.01 { Severity::High } else { Severity::Medium };
    let severity = held_back(severity, compared);
    let message = match rises.len() {
        1 => format!("more NULLs: {figures}"),
        count => format!(
            "more NULLs in {}; most: `{}`, {figures}",
            counted_usize(count, "column"),
            worst.name
        ),
    };
    let evidence =
        rises.iter().map(|(_, column, figures)| format!("`{}`: {figures}", column.name)).collect();
    let about = finding("nulls.increased", severity, &compared.node, message, evidence);
    let column = if rises.len() == 1 { Some(worst.name.clone()) } else { None };
    Some(Finding { column, ..about })
}

/// By how much the share of NULLs rose, where that is worth a word, with its figures.
fn null_rise<'a>(
    compared: &Compared,
    column: &'a ColumnDiff,
) -> Option<(f64, &'a ColumnDiff, String)> {
    if matches!(column.change, ColumnChange::Added | ColumnChange::Removed) {
        return None;
    }
    let before = share(column.nulls_base?, compared.base.rows);
    let after = share(column.nulls_head?, compared.head.rows);
    let figures = format!("{} of the rows, {} in base", percent(after), percent(before));
    (after - before >= 0.001).then_some((after - before, column, figures))
}

/// Below this many rows on both sides a share says little: one row of three is a third.
const TINY: i64 = 10;

/// A judgement by share, held back where there are too few rows to speak of shares.
fn held_back(severity: Severity, compared: &Compared) -> Severity {
    let tiny = compared.base.rows < TINY && compared.head.rows < TINY;
    if tiny { severity.min(Severity::Medium) } else { severity }
}

/// One finding a relation, as grave as its gravest column: a join that goes wrong moves every measure,
/// and ten lines about one cause hide the next.
fn values(compared: &Compared) -> Option<Finding> {
    let mut moved: Vec<Moved<'_>> = compared.columns.iter().filter_map(Moved::of).collect();
    moved.sort_by(|one, other| {
        let weight = |moved: &Moved<'_>| (moved.severity(), moved.shift.unwrap_or_default().abs());
        weight(other).partial_cmp(&weight(one)).unwrap_or(std::cmp::Ordering::Equal)
    });
    let worst = moved.first()?;
    let message = match moved.as_slice() {
        [only] => format!("{}{}", only.rows(), only.sum_moved()),
        all => format!(
            "{} changed; most: `{}`, {}{}",
            counted_usize(all.len(), "column"),
            worst.column.name,
            worst.rows(),
            worst.sum_moved()
        ),
    };
    let evidence = moved.iter().map(Moved::evidence).collect();
    let severity = held_back(worst.severity(), compared);
    let about = finding("values.changed", severity, &compared.node, message, evidence);
    let column = if moved.len() == 1 { Some(worst.column.name.clone()) } else { None };
    Some(Finding { column, ..about })
}

/// A column with rows that differ.
struct Moved<'a> {
    column: &'a ColumnDiff,
    changed: i64,
    of: i64,
    shift: Option<f64>,
}

impl<'a> Moved<'a> {
    fn of(column: &'a ColumnDiff) -> Option<Self> {
        let changed = column.changed.filter(|count| *count > 0)?;
        Some(Self { column, changed, of: column.compared?, shift: shift(column) })
    }

    fn severity(&self) -> Severity {
        match (share(self.changed, self.of), self.shift.map(f64::abs)) {
            (_, Some(shift)) if shift >= 0.10 => Severity::High,
            (share, _) if share >= 0.5 => Severity::High,
            (share, _) if share >= 0.001 => Severity::Medium,
            _ => Severity::Low,
        }
    }

    fn rows(&self) -> String {
        let share = percent(share(self.changed, self.of));
        format!("{} of {} rows changed ({share})", grouped(self.changed), grouped(self.of))
    }

    fn sum_moved(&self) -> String {
        let worth = self.shift.filter(|shift| shift.abs() >= 0.000_05);
        worth.map(|shift| format!(", its sum by {}", signed(shift))).unwrap_or_default()
    }

    fn evidence(&self) -> String {
        let sums = self.column.sum_base.zip(self.column.sum_head);
        let sums = sums.map(|(base, head)| {
            format!("; sum {} in base, {} in head", amount(base), amount(head))
        });
        format!("`{}`: {}{}", self.column.name, self.rows(), sums.unwrap_or_default())
    }
}

/// By how much the sum moved, where it means something: identifiers sum to nonsense, but then they do
/// not change without their rows.
fn shift(column: &ColumnDiff) -> Option<f64> {
    let (base, head) = (column.sum_base?, column.sum_head?);
    (base.abs() > f64::EPSILON).then(|| (head - base) / base.abs())
}
