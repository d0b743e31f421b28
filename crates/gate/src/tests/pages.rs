//! The pages say what the policies say.

use super::*;
use crate::SCHEMA;

const RISK: &str = include_str!("../../../../docs/reference/risk.md");
const POLICY: &str = include_str!("../../../../docs/reference/policy.md");

#[test]
fn the_tables_of_rules_are_those_of_the_files() {
    let mut rows = 0;
    for (id, stated) in gate().rules().stated() {
        let row = match (stated.file.as_str(), stated.forbids) {
            ("hard.cedar", _) => format!("| `{id}` | {} |", stated.why),
            (_, true) => format!("| `{id}` | forbids | {} |", stated.why),
            (_, false) => format!("| `{id}` | permits | {} |", stated.why),
        };
        assert!(RISK.lines().any(|line| line == row), "missing in risk.md: {row}");
        rows += 1;
    }
    let tables = RISK.split("### Hard rules").nth(1).unwrap();
    let listed = tables.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(listed, rows, "risk.md lists policies that there are not");
}

#[test]
fn every_verb_stands_in_the_row_of_its_class() {
    for verb in Verb::ALL {
        let class = verb.class().as_str().replace('_', " ");
        let row = RISK.lines().find(|line| line.starts_with(&format!("| {class} |"))).unwrap();
        assert!(row.contains(&format!("`{verb}`")), "{verb}: {row}");
        for zone in Zone::ALL {
            let action = Action::new(verb, Resource::new("x", zone)).undone_by("undo");
            let risk = risk::assess(&action, risk::Traits::default()).risk.to_string();
            let column = Zone::ALL.iter().position(|one| *one == zone).unwrap() + 3;
            assert_eq!(row.split('|').nth(column).unwrap().trim(), risk, "{verb} {zone:?}");
        }
    }
    assert!(RISK.contains(risk::CLASSIFIER));
}

#[test]
fn the_page_about_policies_has_the_schema() {
    assert!(POLICY.contains(SCHEMA));
}
