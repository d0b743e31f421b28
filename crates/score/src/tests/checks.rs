//! Facts in, verdicts out.

use std::collections::BTreeSet;

use belay_model::record::{Answer, Dimension, EffectState, Verdict};
use belay_model::{Digest, Verb};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::tests::build::{signed, valid};
use crate::{Check, Facts, Record, default_checks, evaluate};

fn calm(record: &Record) -> Facts<'_> {
    Facts {
        record,
        findings: 4,
        findings_with_evidence: 4,
        comparable: 5,
        compared: 5,
        seconds: 12.34,
        budget_seconds: 60,
        kept_scratch: false,
    }
}

/// The verdict, the value and the explanation of one check.
fn marked(check: &str, facts: &Facts<'_>) -> String {
    let marks = evaluate(facts);
    let (_, mark) = marks.iter().find(|(one, _)| one.name == check).unwrap();
    format!("{} {}: {}", mark.verdict, mark.value, mark.explanation)
}

/// One line for each case.
fn table<T>(
    check: &str,
    cases: impl IntoIterator<Item = T>,
    facts: impl Fn(T) -> Case,
    expected: Expect,
) {
    let line = |case| {
        let Case { record, alter } = facts(case);
        let mut facts = calm(&record);
        alter(&mut facts);
        marked(check, &facts)
    };
    let lines: Vec<String> = cases.into_iter().map(line).collect();
    expected.assert_eq(&lines.join("\n"));
}

struct Case {
    record: Record,
    alter: Box<dyn Fn(&mut Facts<'_>)>,
}

fn facts(alter: impl Fn(&mut Facts<'_>) + 'static) -> Case {
    Case { record: valid(), alter: Box::new(alter) }
}

fn record(alter: impl Fn(&mut Record)) -> Case {
    let mut record = valid();
    alter(&mut record);
    Case { record, alter: Box::new(|_| ()) }
}

#[test]
fn every_dimension_has_a_check_and_every_check_a_name_and_words_of_its_own() {
    let checks = default_checks();
    for dimension in Dimension::ALL {
        assert!(checks.iter().any(|check| check.dimension == *dimension), "{dimension}");
    }
    let distinct = |of: fn(&Check) -> String| checks.iter().map(of).collect::<BTreeSet<_>>().len();
    assert_eq!(distinct(|check| check.name.to_owned()), checks.len());
    assert_eq!(distinct(|check| check.requires.to_owned()), checks.len());
    assert_eq!(distinct(|check| check.evaluator().to_string()), checks.len());
}

#[test]
fn the_scorecard_of_a_calm_run() {
    let record = valid();
    let marks = evaluate(&calm(&record));
    let lines: Vec<String> = marks
        .iter()
        .map(|(check, mark)| {
            format!("{:<11} {:<12} {} {}", check.dimension, check.name, mark.verdict, mark.value)
        })
        .collect();
    expect![[r#"
        quality     evidence     pass 4/4
        quality     compared     pass 5/5
        safety      permits      pass 2/2
        safety      scratch-only pass 0
        cost        budget       pass 12.3
        reliability settled      pass 0
        reliability trace        pass 0"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn evidence_is_wanted_for_every_finding() {
    table(
        "evidence",
        [(0, 0), (4, 4), (3, 4), (0, 1)],
        |(with, all)| {
            facts(move |facts| (facts.findings_with_evidence, facts.findings) = (with, all))
        },
        expect![[r#"
            pass 0/0: findings with evidence
            pass 4/4: findings with evidence
            fail 3/4: findings with evidence
            fail 0/1: findings with evidence"#]],
    );
}

#[test]
fn four_of_five_compared_is_enough_and_nothing_to_compare_is_inconclusive() {
    table(
        "compared",
        [(0, 0), (5, 5), (4, 5), (3, 5), (79, 100), (80, 100), (0, 1)],
        |(compared, all)| facts(move |facts| (facts.compared, facts.comparable) = (compared, all)),
        expect![[r#"
            inconclusive n/a: nothing was built that has a base
            pass 5/5: relations compared
            pass 4/5: relations compared
            fail 3/5: relations compared
            fail 79/100: relations compared
            pass 80/100: relations compared
            fail 0/1: relations compared"#]],
    );
}

#[test]
fn a_permit_is_wanted_for_exactly_the_action_of_each_effect() {
    let changes: [fn(&mut Record); 6] = [
        |_| (),
        |record| record.effects.clear(),
        |record| record.decisions[0].answer = Answer::Hold,
        |record| record.decisions[0].answer = Answer::Deny,
        |record| record.effects[1].action_digest = Digest::of("another"),
        |record| record.decisions.clear(),
    ];
    table(
        "permits",
        changes,
        record,
        expect![[r#"
            pass 2/2: effects with a permit of their own
            pass 0/0: effects with a permit of their own
            fail 1/2: effects with a permit of their own
            fail 1/2: effects with a permit of their own
            fail 1/2: effects with a permit of their own
            fail 0/2: effects with a permit of their own"#]],
    );
}

#[test]
fn only_scratch_places_and_reports_may_be_written() {
    let passing = |verb: &str| {
        let Case { record, .. } = record(|record| record.effects[0].verb = verb.to_owned());
        marked("scratch-only", &calm(&record)).starts_with("pass")
    };
    let harmless: Vec<&str> =
        Verb::ALL.iter().map(|verb| verb.as_str()).filter(|verb| passing(verb)).collect();
    expect![[r#"
        materialise_tree
        compile_project
        build_scratch
        create_scratch
        drop_scratch
        write_report
        publish_report
        consult_model
        script_scratch
        script_report"#]]
    .assert_eq(&harmless.join("\n"));
    for unknown in ["", "build", "BUILD_SCRATCH", "drop_everything"] {
        assert!(!passing(unknown), "{unknown}");
    }
}

#[test]
fn the_budget_is_what_the_worker_may_spend_and_no_more() {
    table(
        "budget",
        [(0.0, 0), (59.99, 60), (60.0, 60), (60.01, 60), (1.0, 0), (-5.0, 60), (f64::NAN, 60)],
        |(seconds, budget)| {
            facts(move |facts| (facts.seconds, facts.budget_seconds) = (seconds, budget))
        },
        expect![[r#"
            pass 0.0: seconds of 0 allowed
            pass 60.0: seconds of 60 allowed
            pass 60.0: seconds of 60 allowed
            fail 60.0: seconds of 60 allowed
            fail 1.0: seconds of 0 allowed
            pass -5.0: seconds of 60 allowed
            fail NaN: seconds of 60 allowed"#]],
    );
}

#[test]
fn what_is_open_ambiguous_or_not_taken_back_counts_as_left_open() {
    let mut lines = Vec::new();
    for &state in EffectState::ALL {
        for (inverse, kept) in [(true, false), (true, true), (false, false)] {
            let Case { record, .. } = record(|record| {
                record.effects[0].state = state;
                record.effects[0].inverse = inverse.then(|| "{}".to_owned());
            });
            let marked = marked("settled", &Facts { kept_scratch: kept, ..calm(&record) });
            let verdict = marked.split(':').next().unwrap().to_owned();
            let inverse = if inverse { "with an inverse" } else { "without" };
            let kept = if kept { ", kept" } else { "" };
            lines.push(format!("{state} {inverse}{kept}: {verdict}"));
        }
    }
    expect![[r#"
        reserved with an inverse: fail 1
        reserved with an inverse, kept: fail 1
        reserved without: fail 1
        committed with an inverse: fail 1
        committed with an inverse, kept: pass 0
        committed without: pass 0
        failed with an inverse: pass 0
        failed with an inverse, kept: pass 0
        failed without: pass 0
        ambiguous with an inverse: fail 1
        ambiguous with an inverse, kept: fail 1
        ambiguous without: fail 1
        compensated with an inverse: pass 0
        compensated with an inverse, kept: pass 0
        compensated without: pass 0"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn a_trace_fails_with_its_first_fault() {
    let changes: [fn(&mut Record); 3] = [
        |_| (),
        |record| record.run.actor.clear(),
        |record| {
            record.decisions[0].action.clear();
            *record = signed(record.clone());
        },
    ];
    table(
        "trace",
        changes,
        record,
        expect![[r#"
            pass 0: faults in the record
            fail 1: run.accepted 00000001-0000-7000-8000-000000000001 is not what audit leaf 0 vouches for
            fail 1: decision 00000001 names an action that its digest does not fit"#]],
    );
}

#[test]
fn another_requirement_or_another_name_is_another_evaluator() {
    let renamed = |mut check: Check, name, requires| {
        (check.name, check.requires) = (name, requires);
        check.evaluator()
    };
    for check in default_checks() {
        let evaluator = check.evaluator();
        assert_eq!(renamed(check, check.name, check.requires), evaluator);
        assert_ne!(renamed(check, check.name, "something else"), evaluator);
        assert_ne!(renamed(check, "another", check.requires), evaluator);
        // Where one ends and the next begins makes a difference too.
        assert_ne!(renamed(check, "ab", "c"), renamed(check, "a", "bc"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn comparing_more_never_makes_it_worse(all in 0_usize..500, compared in 0_usize..500) {
        let record = valid();
        let verdict = |compared: usize| {
            let facts = Facts { comparable: all, compared: compared.min(all), ..calm(&record) };
            let (_, mark) = evaluate(&facts).into_iter().find(|(one, _)| one.name == "compared").unwrap();
            mark.verdict
        };
        let (some, more) = (verdict(compared), verdict(compared + 1));
        prop_assert!(some != Verdict::Pass || more == Verdict::Pass);
        prop_assert_eq!(some == Verdict::Inconclusive, all == 0);
    }
}
