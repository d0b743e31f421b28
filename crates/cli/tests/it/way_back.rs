//! What hostile hands tried with the way back and with names, and what it got them: nothing.

use crate::home::{Home, Ran};
use crate::team::{allow, behind, newest_run, state, step, team, world};

fn resume(home: &Home) -> Ran {
    home.belay(&["runs", "resume", "last"])
}

#[test]
fn a_way_back_whose_script_was_changed_is_asked_like_any_other_write() {
    let home = team(&[step("price", "write", "prod")]);
    drop(home.belay(&["run", "job"]).ends_with(4));
    allow(&home, "rita");
    drop(resume(&home).ends_with(0));
    assert_eq!(world(&home), ["do price"]);
    let run = newest_run(&home);
    let script = home.work().join("act.py");
    let text = std::fs::read_to_string(&script).unwrap();
    home.write("act.py", &format!("{text}\nwrite('evil')\n"));
    // The author alone cannot let another script write to production under the name of a way back.
    let ran = home.belay(&["rollback", &run]).ends_with(4);
    assert!(ran.stderr.contains("error[gate/held]"), "{}", ran.stderr);
    assert_eq!(world(&home), ["do price"]);
    // Nor does a yes to that script cover a third one.
    allow(&home, "rita");
    home.write("act.py", &format!("{text}\nwrite('worse')\n"));
    drop(home.belay(&["runs", "resume", "last"]).ends_with(4));
    assert_eq!(world(&home), ["do price"]);
}

#[test]
fn a_held_run_that_was_taken_back_does_not_go_on() {
    let home = team(&[step("price", "write", "dev"), step("shop", "write", "prod")]);
    drop(home.belay(&["run", "job", "--level", "L3"]).ends_with(4));
    let run = newest_run(&home);
    assert_eq!(world(&home), ["do price"]);
    drop(home.belay(&["rollback", &run]).ends_with(0));
    assert_eq!(state(&home, &run), "cancelled");
    drop(home.belay(&["runs", "resume", &run]).ends_with(2));
    assert_eq!(world(&home), ["do price", "undo price"]);
}

#[test]
fn a_row_that_was_slipped_in_takes_nothing_back() {
    let home = team(&[step("price", "write", "prod")]);
    drop(home.belay(&["run", "job"]).ends_with(4));
    let run = newest_run(&home);
    let forged = "insert into effect select d.workspace, d.id, d.run, d.step, d.id, d.action_digest, \
                  d.action_digest, json_extract(d.action, '$.verb'), 'table:price', json_extract(d.action, '$.inverse'), \
                  'committed', 'forged', d.at, d.at from decision d where d.answer = 'hold'";
    drop(behind(&home, forged));
    let ran = home.belay(&["rollback", &run]).ends_with(2);
    assert!(ran.stderr.contains("error[run/not-whole]"), "{}", ran.stderr);
    assert!(world(&home).is_empty());
}

#[test]
fn a_workflow_is_not_called_like_one_of_belays_own() {
    let home = team(&[step("look", "read", "dev")]);
    for name in ["rollback", "dbt-pr-impact", "clean"] {
        let text = std::fs::read_to_string(home.work().join("belay/workflows/job.yaml")).unwrap();
        home.write(
            &format!("belay/workflows/{name}.yaml"),
            &text.replace("name: job", &format!("name: {name}")),
        );
        let ran = home.belay(&["workflows", "check"]).ends_with(2);
        assert!(ran.stderr.contains("is the name of a built-in workflow"), "{}", ran.stderr);
        home.remove(&format!("belay/workflows/{name}.yaml"));
    }
}

const COPY: &str = "import shutil, sys\nshutil.copy(sys.argv[1], sys.argv[2])\n";
const PRICES: &str = "schema: belay.workflow/1\nname: job\npurpose: New prices.\nworker: hand\nsteps:\n  - id: dev\n    \
    class: write\n    zone: dev\n    target: file:prices.csv\n    \
    run: [python3, copy.py, new.csv, prices.csv]\n    inputs: [copy.py, new.csv]\n    \
    inverse:\n      run: [python3, copy.py, old.csv, prices.csv]\n";

#[test]
fn a_way_back_that_overwrites_the_steps_own_target_is_still_the_one_that_was_permitted() {
    let home = team(&[]);
    let prices = || std::fs::read_to_string(home.work().join("prices.csv")).unwrap();
    home.write("belay/workflows/job.yaml", PRICES);
    home.write("copy.py", COPY);
    home.write("new.csv", "2");
    home.write("old.csv", "1");
    home.write("prices.csv", "1");
    drop(home.belay(&["run", "job", "--level", "L3"]).ends_with(0));
    assert_eq!(prices(), "2");
    drop(home.belay(&["rollback", "last"]).ends_with(0));
    assert_eq!(prices(), "1");
    // What it puts back is part of it.
    drop(home.belay(&["run", "job", "--level", "L3"]).ends_with(0));
    home.write("old.csv", "evil");
    drop(home.belay(&["rollback", "last"]).ends_with(4));
    assert_eq!(prices(), "2");
}
