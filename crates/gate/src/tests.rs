use std::fmt::Write as _;

use belay_model::record::Answer;
use belay_model::{Action, Level, Resource, Timestamp, Verb, Zone};

use crate::{Approval, Circumstances, Gate, Person, Worker};

fn gate() -> Gate {
    Gate::built_in().unwrap()
}

fn worker(level: Level) -> Worker {
    Worker {
        name: "dbt-impact".to_owned(),
        owner: "data-team".to_owned(),
        level,
        quarantined: false,
    }
}

fn calm() -> Circumstances {
    Circumstances {
        learned: false,
        tainted: false,
        spent_seconds: 0,
        budget_seconds: 60,
        approval: None,
        now: Timestamp::from_nanos(1_000),
    }
}

#[test]
fn the_built_in_policies_load_and_their_examples_hold() {
    assert!(gate().policy_ids().count() >= 15);
}

#[test]
fn a_permit_is_for_exactly_the_action_it_was_asked_for() {
    let action = Action::new(Verb::RunQuery, Resource::new("warehouse:shop", Zone::Prod));
    let query = action.clone().with("sql", "select 1");
    let permit = |action| gate().decide(&worker(Level::L2), action, calm()).permit().unwrap();
    assert!(permit(&query).admit(&query).is_ok());
    assert!(permit(&query).admit(&action.with("sql", "drop table orders")).is_err());
}

#[test]
fn a_hold_names_what_is_missing_and_a_denial_has_nothing_to_offer() {
    let action = |verb| Action::new(verb, Resource::new("orders", Zone::Prod));
    let held = gate().decide(&worker(Level::L2), &action(Verb::GrantPrivilege), calm());
    assert_eq!(held.answer, Answer::Hold);
    assert_eq!(held.missing, ["approval by two people, neither of them the owner"]);
    let denied = gate().decide(&worker(Level::L4), &action(Verb::EditControl), calm());
    assert_eq!(denied.answer, Answer::Deny);
    assert!(denied.missing.is_empty());
}

#[test]
fn only_a_reviewer_or_a_steward_judges() {
    for (role, may) in
        [("reviewer", true), ("steward", true), ("viewer", false), ("owner of all", false)]
    {
        let roles = vec![role.to_owned()];
        let person = Person { name: "ada".to_owned(), identity: "asserted".to_owned(), roles };
        assert_eq!(gate().judge(&person, "r1").is_ok(), may, "{role}");
    }
}

#[test]
fn more_approval_never_turns_a_yes_into_a_no() {
    let gate = gate();
    for verb in Verb::ALL {
        for zone in Zone::ALL {
            for level in Level::ALL {
                let action = Action::new(verb, Resource::new("x", zone)).undone_by("undo");
                let answer = |humans| {
                    let expires = Timestamp::from_nanos(i64::MAX);
                    let given = Approval { humans, stewards: 0, by_owner: false, expires };
                    let circumstances =
                        Circumstances { approval: (humans > 0).then_some(given), ..calm() };
                    gate.decide(&worker(level), &action, circumstances).answer == Answer::Permit
                };
                assert!(
                    answer(0) <= answer(1) && answer(1) <= answer(2),
                    "{verb} {zone:?} {level}"
                );
            }
        }
    }
}

/// Who may do what by themselves: the checked-in picture of the ladder. A change of policy shows as a
/// change of this table.
#[test]
fn the_matrix_of_verbs_zones_and_levels() {
    let gate = gate();
    let mut table = String::new();
    for verb in Verb::ALL {
        for zone in Zone::ALL {
            let letter = |level| {
                let action = Action::new(verb, Resource::new("x", zone)).undone_by("undo");
                match gate.decide(&worker(level), &action, calm()).answer {
                    Answer::Permit => "permit",
                    Answer::Hold => "hold  ",
                    Answer::Deny => "deny  ",
                }
            };
            let row = Level::ALL.map(letter).join(" ");
            writeln!(table, "{:<16} {:<8} {}", verb.as_str(), zone.as_str(), row.trim_end())
                .unwrap();
        }
    }
    expect_test::expect_file!["../policies/matrix.txt"].assert_eq(&table);
}
