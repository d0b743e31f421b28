use super::*;

fn recorded(worker: &Worker, action: &Action, ruling: &Ruling) -> Decision {
    const ID: &str = "01990000-0000-7000-8000-000000000007";
    Decision {
        id: ID.parse().unwrap(),
        run: ID.parse().unwrap(),
        step: ID.parse().unwrap(),
        principal: worker.name.clone(),
        action: canonical::json(&action.canonical()),
        action_digest: action.digest(),
        risk: ruling.assessment.risk,
        risk_reasons: ruling.assessment.reasons.clone(),
        level: ruling.level,
        answer: ruling.answer,
        determining: ruling.determining.clone(),
        missing: ruling.missing.clone(),
        policy: gate().digest(),
        circumstances: ruling.circumstances.clone(),
        approval: None,
        at: Timestamp::from_nanos(7),
    }
}

proptest! {
    #![proptest_config(quick())]

    #[test]
    fn a_recorded_decision_is_decided_again_alike(
        worker in any_worker(), action in any_action(), circumstances in any_circumstances(),
    ) {
        let ruling = gate().decide(&worker, &action, circumstances);
        let again = gate().decide_again(&recorded(&worker, &action, &ruling)).unwrap();
        prop_assert_eq!(again.answer, ruling.answer);
        prop_assert_eq!(again.determining, ruling.determining);
        prop_assert_eq!(again.missing, ruling.missing);
        prop_assert_eq!(again.risk, ruling.assessment.risk);
    }
}

#[test]
fn rows_without_circumstances_and_rows_that_are_not_whole_are_errors() {
    let (worker, action) = (worker(Level::L2), on_prod(Verb::RunQuery));
    let whole = recorded(&worker, &action, &gate().decide(&worker, &action, calm()));
    let error = |decision: Decision| gate().decide_again(&decision).unwrap_err();
    let old = Decision { circumstances: String::new(), ..whole.clone() };
    assert!(matches!(error(old), AgainError::NoCircumstances { .. }));
    let torn = [
        Decision { action: "{}".to_owned(), ..whole.clone() },
        Decision { circumstances: whole.circumstances.replace("tainted", "stained"), ..whole },
    ];
    for decision in torn {
        assert!(matches!(error(decision), AgainError::Unreadable { .. }));
    }
}
