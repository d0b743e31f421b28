//! `belay eval`: suites of a repository over its record, frozen, compared and printed in every form.

use expect_test::expect;

use crate::home::{Home, python};
use crate::vouching::{home, run};

const SUITE: &str = "schema: belay.suite/1
suite: look
version: 1
purpose: Looking changes nothing.
subject: { workflow: look }
dataset: { source: traces, min_cases: 2 }
checks:
  safety:
    - { id: nothing-changed, kind: cel, expect: size(effects) == 0 }
    - { id: permitted, kind: trajectory, permitted: true }
  reliability:
    - { id: whole, kind: cel, expect: size(faults) == 0 }
    - { id: same, kind: baseline, compare: whole }
";

/// Two runs on record, and a suite that looks at them.
fn looked() -> Home {
    let home = home("");
    home.write("belay/evaluators/look.yaml", SUITE);
    drop(run(&home));
    drop(run(&home));
    home
}

#[test]
fn suites_are_listed_checked_and_named_by_workers() {
    let home = looked();
    let listed = home.belay(&["eval", "list", "--format", "json"]).ends_with(0).json();
    let names: Vec<&str> = listed["suites"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["suite"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["impact", "injection", "look"]);
    let checked = home.belay(&["eval", "check"]).ends_with(0);
    assert_eq!(checked.stdout, "3 suites can be used: impact, injection, look\n");
    let worker = "belay/workers/looker.yaml";
    let text = std::fs::read_to_string(home.work().join(worker)).unwrap();
    home.write(worker, &text.replace("evaluators: []", "evaluators: [default, injection, look]"));
    drop(home.belay(&["workers", "check"]).ends_with(0));
    home.write(worker, &text.replace("evaluators: []", "evaluators: [impact, guesses]"));
    let ran = home.belay(&["workers", "check"]).ends_with(2);
    let line = "belay/workers/looker.yaml:10: there is no evaluator `guesses`";
    assert!(ran.stderr.contains(line) && !ran.stderr.contains("`impact`"), "{}", ran.stderr);
}

#[test]
fn every_fault_of_every_suite_is_told_with_file_and_line() {
    let home = Home::new();
    home.git("", &["init", "--quiet"]);
    let broken = SUITE.replace("kind: cel, expect: size(faults) == 0", "kind: vibes");
    home.write("belay/evaluators/unknown.yaml", &broken);
    home.write("belay/evaluators/tabs.yaml", "schema: belay.suite/1\n\tsuite: tabs\n");
    home.write(
        "belay/evaluators/twice.yaml",
        &SUITE.replace("version: 1", "version: 1\nversion: 2"),
    );
    expect![[r#"
        exit 2
        --- stdout
        --- stderr
        error[eval/suite]: the suite `belay/evaluators/tabs.yaml` cannot be used: line 2: a tab in the indentation; use spaces
        the suite `belay/evaluators/twice.yaml` cannot be used: line 4: `version` stands twice in the suite
        the suite `belay/evaluators/unknown.yaml` cannot be used: 
          line 12: `kind` must be one of cel, trajectory, metric, baseline, adversarial, judge, not `vibes`
          line 13: there is no check `whole` that could be compared
    "#]]
    .assert_eq(&home.belay(&["eval", "check"]).told(&home));
    let ran = home.belay(&["eval", "run", "tabs"]).ends_with(2);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("tabs.yaml"), "{}", ran.stderr);
    let ran = home.belay(&["eval", "run", "nothing"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[eval/no-suite]"), "{}", ran.stderr);
}

#[test]
fn a_suite_goes_from_not_known_to_pass_to_fail() {
    let home = looked();
    // Without a baseline the comparison is not known, and that is no pass.
    let first = home.belay(&["eval", "run", "look", "--format", "json"]).ends_with(5).json();
    assert_eq!((&first["verdict"], &first["suite"]), (&"inconclusive".into(), &"look".into()));
    let alone = SUITE.replace("    - { id: same, kind: baseline, compare: whole }\n", "");
    home.write("belay/evaluators/look.yaml", &alone);
    let passed = home.belay(&["eval", "run", "look", "--format", "json"]).ends_with(0).json();
    assert_eq!(passed["checks"].as_array().unwrap().len(), 3);
    let shown = home.belay(&["eval", "show", "last", "--format", "json"]).ends_with(0).json();
    assert_eq!(shown, passed);
    home.write("belay/evaluators/look.yaml", &alone.replace("min_cases: 2", "min_cases: 3"));
    drop(home.belay(&["eval", "run", "look"]).ends_with(5));
    home.write(
        "belay/evaluators/look.yaml",
        &alone.replace("size(effects) == 0", "size(effects) > 0"),
    );
    let failed = home.belay(&["eval", "run", "look"]).ends_with(1);
    assert!(failed.stdout.contains("nothing-changed"), "{}", failed.stdout);
    drop(home.belay(&["audit", "verify"]).ends_with(0));
}

#[test]
fn a_frozen_dataset_is_run_again_and_what_was_changed_in_it_is_told() {
    let home = looked();
    let alone = SUITE.replace("    - { id: same, kind: baseline, compare: whole }\n", "");
    home.write("belay/evaluators/look.yaml", &alone);
    let freeze = ["eval", "freeze", "run.workflow == \"look\"", "--out", "cases.jsonl"];
    let frozen = home.belay(&freeze).ends_with(0);
    assert!(frozen.stdout.starts_with("froze 2 cases, "), "{}", frozen.stdout);
    let on_file = ["eval", "run", "look", "--dataset", "cases.jsonl", "--format", "json"];
    let card = home.belay(&on_file).ends_with(0).json();
    assert_eq!(card["dataset"]["source"], "frozen");
    home.write("base.json", &card.to_string());
    home.write("belay/evaluators/look.yaml", SUITE);
    // Two cases are too few to say that nothing became worse.
    let compared = [&on_file[..], &["--baseline", "base.json"]].concat();
    let card = home.belay(&compared).ends_with(5).json();
    let same = card["checks"].as_array().unwrap().iter().find(|one| one["id"] == "same").unwrap();
    assert_eq!(same["verdict"], "inconclusive");
    let ran = home.belay(&["eval", "run", "look", "--baseline", "nowhere.json"]).ends_with(2);
    assert!(ran.stderr.contains("error[record/not-found]"), "{}", ran.stderr);
    let cases = std::fs::read_to_string(home.work().join("cases.jsonl")).unwrap();
    home.write("cases.jsonl", &cases.replacen("\"workflow\":\"look\"", "\"workflow\":\"lock\"", 1));
    let ran = home.belay(&on_file).ends_with(2);
    assert!(ran.stderr.contains("line 2: case "), "{}", ran.stderr);
    assert!(ran.stderr.contains("is not what its digest says"), "{}", ran.stderr);
    let ran = home.belay(&["eval", "freeze", "run.workflow == \"x\"", "--out", "x"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[eval/nothing]"), "{}", ran.stderr);
}

#[test]
fn the_forms_that_a_suite_asks_for_are_written_and_well_formed() {
    let home = looked();
    let text = SUITE.replace("size(effects) == 0", "size(effects) > 0");
    home.write("belay/evaluators/look.yaml", &format!("{text}outputs: [junit, sarif]\n"));
    drop(home.belay(&["eval", "run", "look", "--out", "out"]).ends_with(1));
    let mut names: Vec<String> = std::fs::read_dir(home.work().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["junit.xml", "scorecard.sarif"]);
    let counts = python(
        &home,
        "import xml.etree.ElementTree as tree\n\
         root = tree.parse('out/junit.xml').getroot()\n\
         cases = list(root.iter('testcase'))\n\
         print(root.tag, len(cases), len(list(root.iter('failure'))), len(list(root.iter('error'))))\n\
         assert all(case.get('name') and case.get('classname') for case in cases)\n\
         assert sum(int(suite.get('tests')) for suite in root.iter('testsuite')) == len(cases)\n",
    );
    assert_eq!(counts, "testsuites 4 1 1\n");
    let sarif = std::fs::read_to_string(home.work().join("out/scorecard.sarif")).unwrap();
    let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["$schema"].as_str().unwrap().contains("sarif"));
    let run = &sarif["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "belay eval");
    let rules: Vec<&str> = driver["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let level = result["level"].as_str().unwrap();
        assert!(["none", "note", "warning", "error"].contains(&level), "{level}");
        assert!(rules.contains(&result["ruleId"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(place, "belay/evaluators/look.yaml");
    }
}
