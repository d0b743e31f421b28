use super::*;

#[test]
fn the_built_in_policies_load_and_their_examples_hold() {
    assert!(gate().policy_ids().count() >= 25);
}

#[test]
fn a_permit_is_for_exactly_the_action_it_was_asked_for() {
    let query = on_prod(Verb::RunQuery).with("sql", "select 1");
    let permit = |action| gate().decide(&worker(Level::L2), action, calm()).permit().unwrap();
    assert!(permit(&query).admit(&query).is_ok());
    for other in [
        query.clone().with("sql", "drop table orders"),
        query.clone().touching(2),
        query.clone().sensitive(),
    ] {
        assert!(permit(&query).admit(&other).is_err(), "{other:?}");
    }
}

fn missing(level: Level, action: &Action, circumstances: Circumstances) -> (Answer, Vec<String>) {
    let ruling = gate().decide(&worker(level), action, circumstances);
    (ruling.answer, ruling.missing)
}

#[test]
fn a_hold_names_what_is_missing_and_a_denial_has_nothing_to_offer() {
    let one = "approval by one person who is not the owner".to_owned();
    let step = "a yes to this step".to_owned();
    let two = "approval by two people, neither of them the owner".to_owned();
    let undone = |verb| on_prod(verb).undone_by("undo");
    let guided = Circumstances { guided: true, ..calm() };
    let (hold, deny) = (Answer::Hold, Answer::Deny);
    let cases = [
        (Level::L2, on_prod(Verb::GrantPrivilege), calm(), hold, vec![two]),
        (Level::L2, undone(Verb::WriteTable), calm(), hold, vec![one.clone()]),
        (Level::L1, undone(Verb::WriteTable), calm(), hold, vec![step.clone(), one.clone()]),
        (Level::L1, undone(Verb::WriteTable), guided, hold, vec![one]),
        (Level::L1, on_prod(Verb::RunQuery), calm(), hold, vec![step]),
        (Level::L0, on_prod(Verb::RunQuery), guided, deny, vec![]),
        (Level::L4, on_prod(Verb::EditControl), calm(), deny, vec![]),
    ];
    for (level, action, circumstances, answer, words) in cases {
        assert_eq!(missing(level, &action, circumstances), (answer, words), "{level} {action:?}");
    }
}

#[test]
fn what_is_needed_is_said_in_figures_and_words() {
    for (guided, humans, stewards, words) in [
        (false, 1, 1, "approval by one steward who is not the owner"),
        (false, 2, 1, "approval by two people, one of them a steward, neither of them the owner"),
        (false, 2, 2, "approval by two stewards, neither of them the owner"),
        (false, 3, 2, "approval by three people, two of them stewards, none of them the owner"),
        (true, 1, 0, "a yes to this step, approval by one person who is not the owner"),
        (true, 0, 0, "a yes to this step"),
    ] {
        assert_eq!(Needs { guided, humans, stewards }.words().join(", "), words);
    }
}

/// Every way a production write gets through without a person is one of two.
fn excused(action: &Action, worker: &Worker, circumstances: Circumstances) -> bool {
    let assessed = risk::assess(
        action,
        risk::Traits {
            tainted: circumstances.tainted,
            inverse_tested: circumstances.inverse_tested,
        },
    );
    let bounded = circumstances.bounded
        && worker.level == Level::L4
        && assessed.risk == Risk::R2
        && circumstances.inverse_tested
        && !circumstances.learned
        && !circumstances.tainted;
    circumstances.rollback || bounded
}

fn people(circumstances: Circumstances) -> u32 {
    let valid = |given: &Approval| circumstances.now < given.expires;
    circumstances.approval.filter(valid).map_or(0, |given| given.humans)
}

proptest! {
    #![proptest_config(quick())]

    #[test]
    fn without_people_no_grant_no_model_logic_and_no_unexcused_production_write(
        worker in any_worker(), action in any_action(), circumstances in any_circumstances(),
    ) {
        let answer = gate().decide(&worker, &action, circumstances).answer;
        if answer != Answer::Permit {
            return Ok(());
        }
        let class = action.verb.class();
        prop_assert!(class != Class::Control);
        if matches!(class, Class::Grant | Class::ModelLogic) {
            prop_assert!(people(circumstances) > 0);
        }
        if class == Class::Write && action.resource.zone == Zone::Prod {
            prop_assert!(people(circumstances) > 0 || excused(&action, &worker, circumstances));
        }
        if class == Class::Scratch {
            prop_assert_eq!(action.resource.zone, Zone::Scratch);
        }
    }

    #[test]
    fn taking_back_a_write_is_permitted_at_every_level_and_in_quarantine(
        worker in any_worker(), action in any_action(), circumstances in any_circumstances(),
    ) {
        let action = match action.verb.class() {
            Class::Write => action,
            Class::Scratch => Action { resource: Resource::new("x", Zone::Scratch), ..action },
            _ => Action { verb: Verb::DropAsset, ..action },
        };
        let back = Circumstances { rollback: true, ..circumstances };
        prop_assert_eq!(gate().decide(&worker, &action, back).answer, Answer::Permit);
    }

    #[test]
    fn more_approval_never_turns_a_yes_into_a_no(
        worker in any_worker(), action in any_action(), circumstances in any_circumstances(),
    ) {
        let answer = |humans, guided| {
            let circumstances = Circumstances { approval: approved(humans, 0), guided, ..circumstances };
            gate().decide(&worker, &action, circumstances).answer == Answer::Permit
        };
        for guided in [false, true] {
            prop_assert!(answer(0, guided) <= answer(1, guided) && answer(1, guided) <= answer(2, guided));
            prop_assert!(answer(1, false) <= answer(1, guided));
        }
    }

    #[test]
    fn what_is_named_as_missing_is_enough_and_nothing_else_is_offered(
        worker in any_worker(), action in any_action(), circumstances in any_circumstances(),
    ) {
        let ruling = gate().decide(&worker, &action, circumstances);
        prop_assert_eq!(ruling.needs.is_some(), ruling.answer == Answer::Hold);
        if let Some(needs) = ruling.needs {
            let circumstances = Circumstances {
                guided: circumstances.guided || needs.guided,
                approval: approved(needs.humans, needs.stewards).or(circumstances.approval),
                ..circumstances
            };
            prop_assert_eq!(gate().decide(&worker, &action, circumstances).answer, Answer::Permit);
        }
    }
}

/// Who may do what by themselves: the checked-in picture of the ladder. A change of policy shows as a
/// change of this table.
#[test]
fn the_matrix_of_verbs_zones_and_levels() {
    let tested = Circumstances { inverse_tested: true, ..calm() };
    let blocks = [
        ("as it is", calm()),
        ("a yes to the step", Circumstances { guided: true, ..calm() }),
        ("bounded L4 is on and the way back is tested", Circumstances { bounded: true, ..tested }),
        ("taking back", Circumstances { rollback: true, ..calm() }),
        ("the plan rests on untrusted text", Circumstances { tainted: true, ..calm() }),
    ];
    let mut table = String::new();
    let mut first: Vec<String> = Vec::new();
    for (title, circumstances) in blocks {
        let rows = rows(circumstances);
        let rest = if first.is_empty() { "" } else { " (where it differs)" };
        writeln!(table, "# {title}{rest}\n{:27} L0     L1     L2     L3     L4     L5", "")
            .unwrap();
        for row in rows.iter().filter(|row| !first.contains(row)) {
            writeln!(table, "{row}").unwrap();
        }
        table.push('\n');
        if first.is_empty() {
            first = rows;
        }
    }
    expect_test::expect_file!["../../policies/matrix.txt"].assert_eq(&table);
}

/// One line for each verb and zone, of actions that can be taken back.
fn rows(circumstances: Circumstances) -> Vec<String> {
    let cell = |verb, zone, level| {
        let action = Action::new(verb, Resource::new("x", zone)).undone_by("undo");
        match gate().decide(&worker(level), &action, circumstances).answer {
            Answer::Permit => "permit",
            Answer::Hold => "hold  ",
            Answer::Deny => "deny  ",
        }
    };
    let row = |verb: Verb, zone: Zone| {
        let cells = Level::ALL.map(|level| cell(verb, zone, level)).join(" ");
        format!("{:<18} {:<8} {}", verb.as_str(), zone.as_str(), cells.trim_end())
    };
    Verb::ALL.into_iter().flat_map(|verb| Zone::ALL.map(|zone| row(verb, zone))).collect()
}
