//! What counts how much. The table in `docs/reference/risk.md` is printed from here; a test compares.

use belay_model::{Meaning, Severity};

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    pub name: &'static str,
    pub points: i64,
    pub when: &'static str,
}

const fn weight(name: &'static str, points: i64, when: &'static str) -> Weight {
    Weight { name, points, when }
}

pub(super) const CRITICAL: Weight =
    weight("evidence: critical", 60, "the gravest finding of the cause is critical");
pub(super) const HIGH: Weight =
    weight("evidence: high", 25, "the gravest finding of the cause is high");
pub(super) const MEDIUM: Weight =
    weight("evidence: medium", 17, "the gravest finding of the cause is medium");
pub(super) const LOW: Weight =
    weight("evidence: low", 2, "the gravest finding of the cause is low");
pub(super) const UNKNOWN: Weight =
    weight("meaning: unknown", 8, "an edit was not understood: anything may have changed");
pub(super) const REMOVED: Weight = weight("meaning: removed", 7, "an edit takes a node away");
pub(super) const SCHEMA: Weight =
    weight("meaning: schema", 7, "an edit removes, renames, retypes or moves a column");
pub(super) const ROWS: Weight =
    weight("meaning: rows", 7, "an edit changes which rows there are, or how many");
pub(super) const VALUES: Weight =
    weight("meaning: values", 6, "an edit changes values in rows that stay");
pub(super) const EXPOSURE_HIGH: Weight =
    weight("consumer: exposure", 4, "an exposure of high maturity is reached");
pub(super) const EXPOSURE_MEDIUM: Weight = weight(
    "consumer: exposure",
    3,
    "the most mature exposure that is reached is of medium maturity",
);
pub(super) const EXPOSURE_LOW: Weight =
    weight("consumer: exposure", 2, "only exposures of low or no maturity are reached");
pub(super) const NOBODY_KNOWN: Weight = weight(
    "consumer: not known",
    2,
    "no exposure is reached: who reads it outside the project is not known",
);
pub(super) const PROMISED: Weight = weight(
    "consumer: promised",
    1,
    "a node with an enforced contract or with public access is reached",
);
pub(super) const MANY_READERS: Weight =
    weight("consumer: fan-out", 3, "five nodes or more are reached below the edit");
pub(super) const SOME_READERS: Weight =
    weight("consumer: fan-out", 2, "one to four nodes are reached below the edit");
pub(super) const NOT_COMPARED: Weight = weight(
    "not verified: no data",
    4,
    "a node that the edit can change was not compared with its base",
);
pub(super) const SAMPLED: Weight =
    weight("not verified: sampled", 3, "a node that the edit can change was compared in part");
pub(super) const NO_KEY: Weight =
    weight("not verified: no key", 2, "a node that differs was compared without a key");

/// From these points on a cause has this level; a cause without a fact is high at most.
pub(super) const LEVELS: [(Severity, i64); 4] =
    [(Severity::Critical, 60), (Severity::High, 25), (Severity::Medium, 10), (Severity::Low, 1)];

/// All of them, in the order of the table.
#[cfg(test)]
pub(super) const ALL: [&Weight; 19] = [
    &CRITICAL,
    &HIGH,
    &MEDIUM,
    &LOW,
    &UNKNOWN,
    &REMOVED,
    &SCHEMA,
    &ROWS,
    &VALUES,
    &EXPOSURE_HIGH,
    &EXPOSURE_MEDIUM,
    &EXPOSURE_LOW,
    &NOBODY_KNOWN,
    &PROMISED,
    &MANY_READERS,
    &SOME_READERS,
    &NOT_COMPARED,
    &SAMPLED,
    &NO_KEY,
];

pub(super) const fn of_severity(severity: Severity) -> Option<&'static Weight> {
    match severity {
        Severity::Critical => Some(&CRITICAL),
        Severity::High => Some(&HIGH),
        Severity::Medium => Some(&MEDIUM),
        Severity::Low => Some(&LOW),
        Severity::Info => None,
    }
}

pub(super) const fn of_meaning(meaning: Meaning) -> Option<&'static Weight> {
    match meaning {
        Meaning::Unknown => Some(&UNKNOWN),
        Meaning::Removed => Some(&REMOVED),
        Meaning::Schema => Some(&SCHEMA),
        Meaning::Rows => Some(&ROWS),
        Meaning::Values => Some(&VALUES),
        Meaning::Cosmetic
        | Meaning::Metadata
        | Meaning::Physical
        | Meaning::Additive
        | Meaning::New => None,
    }
}

/// The level that points amount to. Only a fact makes it critical.
pub(super) fn level_of(points: i64, has_fact: bool) -> Severity {
    let reached = LEVELS.iter().find(|(_, from)| points >= *from);
    let level = reached.map_or(Severity::Info, |(level, _)| *level);
    if has_fact { level } else { level.min(Severity::High) }
}
