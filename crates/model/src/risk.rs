//! How grave an action is: a deterministic classifier, versioned, tested like a parser.

use std::fmt;

use crate::{Action, Class, Zone};

/// The version of [`assess`]; recorded with every decision.
pub const CLASSIFIER: &str = "risk/1";

/// R0 none to R4 critical.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Risk {
    R0,
    R1,
    R2,
    R3,
    R4,
}

impl Risk {
    pub const ALL: [Self; 5] = [Self::R0, Self::R1, Self::R2, Self::R3, Self::R4];

    pub const fn number(self) -> i64 {
        self as i64
    }

    fn raised(self) -> Self {
        Self::ALL.into_iter().find(|risk| *risk > self).unwrap_or(Self::R4)
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "R{}", self.number())
    }
}

/// A risk and the sentence fragments that explain it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    pub risk: Risk,
    pub reasons: Vec<String>,
}

/// Classifies an action. `tainted`: the plan rests on text that nobody trusted wrote.
///
/// Class and zone give the start; what cannot be taken back, and what untrusted text asked for,
/// raise it by one each. Reading never rises above R1.
pub fn assess(action: &Action, tainted: bool) -> Assessment {
    let (class, zone) = (action.verb.class(), action.resource.zone);
    let mut risk = start(class, zone);
    let mut reasons = vec![format!("{} in {}", class.as_str(), zone.as_str())];
    if risk > Risk::R1 && !action.reversible() {
        risk = risk.raised();
        reasons.push("cannot be taken back".to_owned());
    }
    if tainted && !matches!(class, Class::Read | Class::Report) {
        risk = risk.raised();
        reasons.push("the plan rests on untrusted text".to_owned());
    }
    Assessment { risk, reasons }
}

const fn start(class: Class, zone: Zone) -> Risk {
    match (class, zone) {
        (Class::Read | Class::Report, _) | (Class::Scratch, Zone::Scratch | Zone::Dev) => Risk::R0,
        (Class::Write | Class::ModelLogic, Zone::Scratch | Zone::Dev) => Risk::R1,
        (Class::Write | Class::ModelLogic, Zone::Staging)
        | (Class::Grant, Zone::Scratch | Zone::Dev) => Risk::R2,
        // A scratch verb aimed at a shared place is a write by another name.
        (Class::Scratch | Class::Grant, Zone::Staging | Zone::Prod)
        | (Class::Write | Class::ModelLogic, Zone::Prod) => Risk::R3,
        (Class::Control, _) => Risk::R4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Resource, Verb};

    fn action(verb: Verb, zone: Zone) -> Action {
        Action::new(verb, Resource::new("x", zone))
    }

    #[test]
    fn the_table_of_cases() {
        let cases = [
            (Verb::RunQuery, Zone::Prod, false, Risk::R0),
            (Verb::BuildScratch, Zone::Scratch, false, Risk::R0),
            (Verb::BuildScratch, Zone::Scratch, true, Risk::R1),
            (Verb::BuildScratch, Zone::Prod, false, Risk::R3),
            (Verb::WriteTable, Zone::Dev, false, Risk::R1),
            (Verb::WriteTable, Zone::Prod, false, Risk::R4),
            (Verb::GrantPrivilege, Zone::Dev, false, Risk::R3),
            (Verb::GrantPrivilege, Zone::Prod, true, Risk::R4),
            (Verb::EditControl, Zone::Dev, false, Risk::R4),
        ];
        for (verb, zone, tainted, expected) in cases {
            assert_eq!(assess(&action(verb, zone), tainted).risk, expected, "{verb} in {zone:?}");
        }
    }

    #[test]
    fn a_closer_zone_or_taint_or_a_missing_inverse_never_lowers_risk() {
        for verb in Verb::ALL {
            for pair in Zone::ALL.windows(2) {
                for tainted in [false, true] {
                    let near = assess(&action(verb, pair[0]), tainted).risk;
                    assert!(near <= assess(&action(verb, pair[1]), tainted).risk, "{verb}");
                }
            }
            for zone in Zone::ALL {
                let plain = action(verb, zone);
                assert!(assess(&plain, false).risk <= assess(&plain, true).risk, "{verb}");
                let undoable = plain.clone().undone_by("undo");
                assert!(assess(&undoable, false).risk <= assess(&plain, false).risk, "{verb}");
            }
        }
    }
}
