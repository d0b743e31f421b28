use belay_model::{Explain as _, Level};
use expect_test::{Expect, expect};

use super::{DBT_IMPACT, Origin, Registered};

fn faults(text: &str, expected: Expect) {
    let faults = Registered::parse("dbt-impact.yaml", text, Origin::Repository).unwrap_err();
    assert_eq!(faults.code(), "worker/invalid");
    expected.assert_eq(&(faults.to_string() + "\n"));
}

#[test]
fn the_built_in_workers_are_valid_and_start_supervised() {
    assert_eq!(Registered::demo().unwrap().level, Level::L2);
    let worker = Registered::dbt_impact().unwrap();
    assert_eq!(worker.level_in_force(None), Level::L2);
    assert_eq!(worker.level_in_force(Some(Level::L1)), Level::L1);
    assert_eq!(worker.level_in_force(Some(Level::L5)), Level::L3);
    assert_eq!(worker.running("clean").workflow, "clean");
}

#[test]
fn all_faults_of_a_file_are_told_at_once_with_their_lines() {
    faults(
        "schema: belay.worker/1
name: dbt-impact
ovner: data-team
owner: ' '
purpose: x
workflows: []
ceiling: L5
level: L9
tools: [run_quary, edit_control, write_table, run_query, run_query]
classes: [read, control]
evaluators: none
budget: {seconds: 0, hours: 1}
quarantined: 'no'
quarantined: false
",
        expect![[r#"
            dbt-impact.yaml:1: `rollback` is missing
              dbt-impact.yaml:3: unknown key `ovner`; known: schema, name, owner, purpose, workflows, ceiling, level, tools, classes, evaluators, budget, rollback, quarantined
              dbt-impact.yaml:4: `owner` is empty
              dbt-impact.yaml:6: `workflows` is empty
              dbt-impact.yaml:7: `ceiling` is L5; no ceiling is above L4
              dbt-impact.yaml:8: unknown level `L9`; known: L0, L1, L2, L3, L4
              dbt-impact.yaml:9: `tools` names `run_query` twice
              dbt-impact.yaml:9: no worker edits control
              dbt-impact.yaml:9: tool `write_table` is of class `write`, which `classes` does not name
              dbt-impact.yaml:9: unknown tool `run_quary`
              dbt-impact.yaml:10: unknown class `control`; known: read, scratch, report, write, model_logic, grant
              dbt-impact.yaml:11: `evaluators` is text, expected a list
              dbt-impact.yaml:12: `seconds` is a number, expected a whole number, 1 to 2678400
              dbt-impact.yaml:12: unknown key `hours`; known: seconds
              dbt-impact.yaml:13: `quarantined` is text, expected true or false
              dbt-impact.yaml:14: `quarantined` is given twice
        "#]],
    );
}

#[test]
fn a_level_above_the_ceiling_is_a_fault() {
    faults(
        &DBT_IMPACT.replace("ceiling: L3 ", "ceiling: L1 "),
        expect![[r#"
        dbt-impact.yaml:8: `level` L2 is above the ceiling L1
    "#]],
    );
}
