//! `belay bench regressions`: cases with a known answer, reviewed for real.

use crate::home::Home;

/// Two that have to be caught, and two that nobody should be bothered with, on the smallest project.
#[test]
fn a_few_regressions_are_caught_and_benign_changes_stay_quiet() {
    let home = Home::new();
    let cases = [
        "jaffle-cents-as-dollars",
        "jaffle-customers-inner-join",
        "jaffle-formatted",
        "jaffle-described",
    ];
    let mut words = vec!["bench", "regressions", "--format", "json"];
    words.extend(cases.iter().flat_map(|case| ["--case", case]));
    let card = home.belay(&words).ends_with(0).json();
    assert_eq!(card["schema"], "belay.bench-regressions/1");
    let count = |key: &str| (card[key]["yes"].as_i64().unwrap(), card[key]["of"].as_i64().unwrap());
    assert_eq!((count("caught"), count("false_alarms")), ((2, 2), (0, 2)));
    // Nothing is left behind, the record of the bench's own runs neither.
    let left = home.belay(&["clean", "--dry-run"]).ends_with(0);
    assert!(!left.stdout.contains("bench"), "{}", left.stdout);
}

#[test]
fn cases_are_listed_and_unknown_ones_refused() {
    let home = Home::new();
    let words = ["bench", "regressions", "--list", "--format", "json"];
    let listed = home.belay(&words).ends_with(0).json();
    assert!(listed["cases"].as_array().unwrap().len() >= 100);
    let ran = home.belay(&["bench", "regressions", "--case", "nothing"]).ends_with(2);
    assert!(ran.stderr.contains("bench/no-case"), "{}", ran.stderr);
    home.write("own/shop/cases/a.yaml", "schema: belay.bench-cases/1\ncases: 3\n");
    let ran = home.belay(&["bench", "regressions", "--against", "own", "--list"]).ends_with(2);
    assert!(ran.stderr.contains("bench/cases") && ran.stdout.is_empty(), "{}", ran.stderr);
}
