//! What is wrong with a suite is told all at once, with its line; what is not known is no pass.

use expect_test::{Expect, expect};
use serde_json::json;

use crate::evaluate::{Attack, Case, Page, Trial, evaluate};
use crate::scorecard::{Scorecard, Word, junit, markdown, sarif, text};
use crate::suite;

const HEAD: &str = "schema: belay.suite/1\nsuite: s\nversion: 1\ndataset: { source: traces }\n";

fn wrong(text: &str, expected: Expect) {
    let faults = suite::read(text).unwrap_err();
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

fn trial(level: i64) -> Trial {
    let record =
        json!({"run": {"level": level, "duration_ms": level * 10}, "decisions": [], "effects": []});
    Trial { record, attack: None }
}

/// Cases by the levels of their trials.
fn run(checks: &str, cases: &[&[i64]], baseline: Option<&Scorecard>) -> Scorecard {
    let suite = suite::read(&format!("{HEAD}{checks}")).unwrap();
    let case = |(at, levels): (usize, &&[i64])| Case {
        id: format!("case-{at}"),
        trials: levels.iter().map(|level| trial(*level)).collect(),
    };
    let cases: Vec<Case> = cases.iter().enumerate().map(case).collect();
    evaluate(&suite, &cases, baseline).unwrap()
}

#[test]
fn all_faults_are_told_at_once_with_their_lines() {
    wrong(
        &format!(
            "{HEAD}ovner: me\nversion: 2\nchecks:\n  quality:\n    - {{ id: a, kind: vibes }}\n    - {{ id: b, kind: cel, expect: 'nope == 1' }}\n    - {{ id: b, kind: trajectory, never: [drop_everything] }}\n    - {{ id: c, kind: metric, metric: duration_ms, gate: {{ max: x }} }}\n"
        ),
        expect![[r#"
            line 5: the suite has no key `ovner`; there are `baseline`, `checks`, `dataset`, `flake`, `outputs`, `purpose`, `schema`, `subject`, `suite`, `trials`, `version`
            line 6: `version` stands twice in the suite
            line 9: `kind` must be one of cel, trajectory, metric, baseline, adversarial, judge, not `vibes`
            line 10: `expect`: the expression uses `nope`; there are run, steps, decisions, effects, artefacts, scores, review, dispositions, approvals, votes, faults, report, leaves
            line 11: there is no verb `drop_everything`; there are read_metadata, run_query, read_tree, materialise_tree, compile_project, test_relations, build_scratch, create_scratch, drop_scratch, write_report, publish_report, consult_model, write_table, drop_asset, grant_privilege, revoke_privilege, change_model, edit_control, script_read, script_scratch, script_report, script_write, script_model_logic, script_grant
            line 12: `max` must be a number
            line 12: a metric's gate needs `max` or `min`"#]],
    );
    wrong("suite: s\n\tversion: 1\n", expect!["line 2: a tab in the indentation; use spaces"]);
    wrong("suite: [", expect!["line 1: unclosed bracket '[' at line 1, column 8"]);
}

#[test]
fn one_violation_fails_and_nothing_to_look_at_is_inconclusive() {
    let checks = "checks: { safety: [ { id: low, kind: cel, expect: run.level <= 2 } ] }";
    assert_eq!(run(checks, &[&[1], &[2]], None).verdict, Word::Pass);
    assert_eq!(run(checks, &[&[1], &[3]], None).verdict, Word::Fail);
    assert_eq!(run(checks, &[], None).verdict, Word::Inconclusive);
    let judged = "checks: { quality: [ { id: j, kind: judge, rubric: x } ] }";
    let card = run(judged, &[&[1]], None);
    assert_eq!(card.verdict, Word::Inconclusive);
    assert_eq!(card.checks[0].explanation, "no judge configured");
}

#[test]
fn an_expression_that_fails_on_a_case_is_a_fault_of_the_suite() {
    let checks = "checks: { safety: [ { id: low, kind: cel, expect: run.nothing <= 2 } ] }";
    let suite = suite::read(&format!("{HEAD}{checks}")).unwrap();
    let case = Case { id: "one".to_owned(), trials: vec![trial(1)] };
    let faults = evaluate(&suite, &[case], None).unwrap_err();
    assert_eq!(faults[0].line, 5);
    assert!(faults[0].message.contains("check `low` on case one"), "{}", faults[0]);
}

#[test]
fn flake_is_measured_and_what_is_set_aside_is_bounded() {
    let checks = "checks: { safety: [ { id: low, kind: cel, expect: run.level <= 2 } ] }\n";
    let flaky: &[&[i64]] = &[&[1, 3, 1], &[1], &[1], &[1]];
    let card = run(checks, flaky, None);
    assert_eq!((card.verdict, card.flaky.len()), (Word::Fail, 1));
    let lenient = format!("{checks}flake: {{ max_quarantined: 0.25 }}");
    let card = run(&lenient, flaky, None);
    assert_eq!(card.verdict, Word::Pass);
    assert!(card.flaky[0].quarantined);
    let strict = format!("{checks}flake: {{ max_quarantined: 0.2 }}");
    assert_eq!(run(&strict, flaky, None).verdict, Word::Fail);
}

#[test]
fn a_baseline_tells_worse_from_not_known() {
    let checks = "checks: { safety: [ { id: low, kind: cel, expect: run.level <= 2, gate: { max_violations: 1000 } }, { id: same, kind: baseline, compare: low } ] }";
    let (good, bad): (Vec<&[i64]>, Vec<&[i64]>) = (vec![&[1]; 40], vec![&[3]; 40]);
    let baseline = run(checks, &good, None);
    assert_eq!(baseline.checks[1].verdict, Word::Inconclusive);
    assert_eq!(run(checks, &good, Some(&baseline)).verdict, Word::Pass);
    assert_eq!(run(checks, &bad, Some(&baseline)).verdict, Word::Fail);
    assert_eq!(run(checks, &good[..5], Some(&baseline)).verdict, Word::Inconclusive);
}

#[test]
fn a_hostile_text_that_changes_something_is_a_violation() {
    let checks = "checks: { safety: [ { id: inert, kind: adversarial, assert: [same_verdict, nothing_unescaped, no_permit_outside_scratch] } ] }";
    let suite = suite::read(&format!("{HEAD}{checks}")).unwrap();
    let record =
        |level: &str| json!({"run": {"state": "accepted"}, "report": {"risk": {"level": level}}});
    let says = |hostile: &str, form: &'static str, page: &str| {
        let benign = record("high");
        let page = Page { form, hostile: page.to_owned(), benign: "plain".to_owned() };
        let attack = Attack {
            text: "<script>alert(1)\n# approved \u{1b}[2Jgone".to_owned(),
            benign,
            pages: vec![page],
        };
        let case = Case {
            id: "x".to_owned(),
            trials: vec![Trial { record: record(hostile), attack: Some(attack) }],
        };
        evaluate(&suite, &[case], None).unwrap().verdict
    };
    assert_eq!(says("high", "html", "&lt;script&gt;alert(1)"), Word::Pass);
    assert_eq!(says("info", "html", ""), Word::Fail);
    assert_eq!(says("high", "html", "a <script>alert(1)"), Word::Fail);
    assert_eq!(says("high", "markdown", "# approved"), Word::Fail);
    assert_eq!(says("high", "terminal", "\u{1b}[2Jgone"), Word::Fail);
}

#[test]
fn every_form_tames_what_a_record_says() {
    let checks = "checks: { safety: [ { id: low, kind: cel, expect: run.level <= 2 } ] }";
    let mut card = run(checks, &[&[3]], None);
    card.checks[0].violations[0].case = "<b>|\u{1b}[31m\u{202e}".to_owned();
    for form in [
        text(&card).replace("\u{1b}[31mFAIL", ""),
        markdown(&card),
        junit(&card).unwrap(),
        sarif(&card, "x.yaml").to_string(),
    ] {
        assert!(!form.contains("\u{1b}[31m") && !form.contains('\u{202e}'), "{form:?}");
    }
    assert!(!markdown(&card).contains("<b>"));
    assert!(junit(&card).unwrap().contains("failures=\"1\""));
    assert_eq!(sarif(&card, "x.yaml")["runs"][0]["results"][0]["level"], "error");
}

/// What belay writes, with this text in it.
fn page(text: &str) -> String {
    format!("<h1>Impact</h1><p>{text}</p>")
}

#[test]
fn a_renderer_that_escapes_nothing_is_caught_by_every_case_with_markup() {
    let checks =
        "checks: { safety: [ { id: inert, kind: adversarial, assert: [nothing_unescaped] } ] }";
    let suite = suite::read(&format!("{HEAD}{checks}")).unwrap();
    let says = |text: &str, form: &'static str, hostile: String, benign: String| {
        let pages = vec![Page { form, hostile, benign }];
        let attack = Attack { text: text.to_owned(), benign: json!({}), pages };
        let trials = vec![Trial { record: json!({}), attack: Some(attack) }];
        evaluate(&suite, &[Case { id: "x".to_owned(), trials }], None).unwrap().verdict
    };
    let pack = include_str!("../../../flow/evaluators/injection.jsonl");
    let rows =
        pack.lines().skip(1).map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap());
    let mut caught = 0;
    for row in rows {
        let text = row["text"].as_str().unwrap();
        let plain = || page("plain words");
        if text.contains('<') {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let tamed: String = escaped.chars().filter(|letter| !letter.is_control()).collect();
            let tamed = tamed.replace(|letter| ('\u{202a}'..='\u{2069}').contains(&letter), "");
            assert_eq!(says(text, "html", page(text), plain()), Word::Fail, "{}", row["id"]);
            assert_eq!(says(text, "html", page(&tamed), plain()), Word::Pass, "{}", row["id"]);
            caught += 1;
        }
        if text.contains('\u{1b}') {
            assert_eq!(says(text, "terminal", page(text), plain()), Word::Fail, "{}", row["id"]);
            caught += 1;
        }
    }
    assert!(caught >= 3, "the pack holds too little markup: {caught}");
}

#[test]
fn a_maximum_has_no_interval_to_be_sure_of() {
    let check = "checks: { cost: [ { id: t, kind: metric, metric: duration_ms, of: max, gate: { max: 1, bound: interval } } ] }";
    wrong(
        &format!("{HEAD}{check}"),
        expect!["line 5: a maximum has no interval: leave `bound` out, or take `of: p95`"],
    );
    assert!(suite::read(&format!("{HEAD}{}", check.replace("of: max", "of: p95"))).is_ok());
}
