//! How grave an action is: a deterministic classifier, versioned, tested like a parser.

use std::fmt;

use crate::{Action, Class, Zone};

/// The version of [`assess`]; recorded with every decision.
pub const CLASSIFIER: &str = "risk/2";

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

/// What the action itself does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits {
    /// The plan rests on text that nobody trusted wrote.
    pub tainted: bool,
    /// The declared inverse was run and shown to bring back what was there.
    pub inverse_tested: bool,
}

/// From how many assets on the blast radius raises the risk by itself.
pub const MANY: u32 = 10;

/// Classifies an action.
///
/// Class and zone give the start. What cannot be taken back, touches sensitive data, touches
/// [`MANY`] assets or more, or was asked for by untrusted text, raises it by one each. Reading and
/// reporting never rise above R1. A write to production starts at R3; only where its inverse is
/// tested and nothing else speaks against it is it R2, and never less.
pub fn assess(action: &Action, traits: Traits) -> Assessment {
    let (class, zone) = (action.verb.class(), action.resource.zone);
    let start = start(class, zone);
    let mut reasons = vec![format!("{} in {}", class.as_str(), zone.as_str())];
    if harmless(class) {
        if action.sensitive {
            reasons.push("sensitive data".to_owned());
        }
        return Assessment { risk: if action.sensitive { Risk::R1 } else { start }, reasons };
    }
    let mut risk = start;
    let raises = [
        (start > Risk::R1 && !action.reversible(), "cannot be taken back"),
        (action.sensitive, "sensitive data"),
        (action.targets >= MANY, "many assets at once"),
        (traits.tainted, "the plan rests on untrusted text"),
    ];
    for (_, reason) in raises.into_iter().filter(|(holds, _)| *holds) {
        risk = risk.raised();
        reasons.push(reason.to_owned());
    }
    let tested = traits.inverse_tested && action.inverse.is_some();
    if class == Class::Write && zone == Zone::Prod && tested && risk == start && action.targets <= 1
    {
        reasons.push("one asset, and the way back is tested".to_owned());
        risk = Risk::R2;
    }
    Assessment { risk, reasons }
}

const fn harmless(class: Class) -> bool {
    matches!(class, Class::Read | Class::Report)
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
    use proptest::prelude::*;

    use super::*;
    use crate::{Resource, Verb};

    fn action(verb: Verb, zone: Zone) -> Action {
        Action::new(verb, Resource::new("x", zone))
    }

    #[test]
    fn the_table_of_cases() {
        let plain = action;
        let undone = |verb, zone| action(verb, zone).undone_by("undo");
        let (calm, tainted) = (Traits::default(), Traits { tainted: true, inverse_tested: true });
        let tested = Traits { tainted: false, inverse_tested: true };
        let cases = [
            (plain(Verb::RunQuery, Zone::Prod), calm, Risk::R0),
            (plain(Verb::RunQuery, Zone::Prod).sensitive(), tainted, Risk::R1),
            (plain(Verb::RunQuery, Zone::Prod).touching(1_000), tainted, Risk::R0),
            (plain(Verb::WriteReport, Zone::Prod).sensitive(), tainted, Risk::R1),
            (plain(Verb::BuildScratch, Zone::Scratch), calm, Risk::R0),
            (plain(Verb::BuildScratch, Zone::Scratch), tainted, Risk::R1),
            (plain(Verb::BuildScratch, Zone::Scratch).sensitive(), tainted, Risk::R2),
            (plain(Verb::BuildScratch, Zone::Prod), calm, Risk::R3),
            (plain(Verb::WriteTable, Zone::Dev), calm, Risk::R1),
            (undone(Verb::WriteTable, Zone::Dev).touching(MANY), tested, Risk::R2),
            (undone(Verb::WriteTable, Zone::Staging), calm, Risk::R2),
            (plain(Verb::WriteTable, Zone::Staging), calm, Risk::R3),
            (plain(Verb::WriteTable, Zone::Prod), calm, Risk::R4),
            (plain(Verb::WriteTable, Zone::Prod), tested, Risk::R4),
            (undone(Verb::WriteTable, Zone::Prod), calm, Risk::R3),
            (undone(Verb::WriteTable, Zone::Prod), tested, Risk::R2),
            (undone(Verb::WriteTable, Zone::Prod).touching(2), tested, Risk::R3),
            (undone(Verb::WriteTable, Zone::Prod).sensitive(), tested, Risk::R4),
            (undone(Verb::WriteTable, Zone::Prod), tainted, Risk::R4),
            (undone(Verb::ScriptWrite, Zone::Prod), tested, Risk::R2),
            (undone(Verb::ChangeModel, Zone::Prod), tested, Risk::R3),
            (plain(Verb::GrantPrivilege, Zone::Dev), calm, Risk::R3),
            (undone(Verb::GrantPrivilege, Zone::Prod), tested, Risk::R3),
            (plain(Verb::GrantPrivilege, Zone::Prod), tainted, Risk::R4),
            (plain(Verb::EditControl, Zone::Dev), calm, Risk::R4),
        ];
        for (action, traits, expected) in cases {
            assert_eq!(assess(&action, traits).risk, expected, "{action:?} {traits:?}");
        }
    }

    prop_compose! {
        fn any_case()(
            verb in prop::sample::select(&Verb::ALL[..]),
            zone in prop::sample::select(&Zone::ALL[..]),
            targets in prop_oneof![1u32..20, Just(u32::MAX)],
            sensitive: bool, inverse: bool, tainted: bool, inverse_tested: bool,
        ) -> (Action, Traits) {
            let mut action = action(verb, zone).touching(targets);
            action.sensitive = sensitive;
            action.inverse = inverse.then(|| "undo".to_owned());
            (action, Traits { tainted, inverse_tested })
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_makes_an_action_graver_never_lowers_its_risk((action, traits) in any_case()) {
            let before = assess(&action, traits).risk;
            let closer = Zone::ALL.into_iter().find(|zone| *zone > action.resource.zone);
            let mut graver = vec![
                (action.clone().touching(action.targets.saturating_add(1)), traits),
                (action.clone().sensitive(), traits),
                (action.clone(), Traits { tainted: true, ..traits }),
                (action.clone(), Traits { inverse_tested: false, ..traits }),
                (Action { inverse: None, ..action.clone() }, traits),
            ];
            graver.extend(closer.map(|zone| {
                (Action { resource: Resource::new("x", zone), ..action.clone() }, traits)
            }));
            for (graver, traits) in graver {
                let after = assess(&graver, traits).risk;
                prop_assert!(before <= after, "{before} > {after}: {graver:?} {traits:?}");
            }
        }

        #[test]
        fn a_production_write_is_never_below_r2((action, traits) in any_case(), index in 0usize..3) {
            let verb = [Verb::WriteTable, Verb::DropAsset, Verb::ScriptWrite][index];
            let action = Action { verb, resource: Resource::new("x", Zone::Prod), ..action };
            let risk = assess(&action, traits).risk;
            let mild = traits.inverse_tested
                && !traits.tainted
                && !action.sensitive
                && action.targets == 1
                && action.inverse.is_some();
            prop_assert_eq!(risk == Risk::R2, mild);
            prop_assert!(risk >= Risk::R2);
        }
    }
}
