use std::collections::BTreeSet;

use belay_model::{Explain as _, Severity};
use expect_test::expect;

use super::cases::Kind;
use super::trial::{Measured, Tried};
use super::{Card, Form, Request, choose, read};

#[test]
fn the_built_in_cases_fit_their_projects_and_are_enough() {
    let projects = read(None).unwrap();
    let names: Vec<&str> = projects.iter().map(|project| project.name.as_str()).collect();
    assert_eq!(names, ["jaffle_shop", "rides", "shop"]);
    let of = |kind: Kind| {
        projects.iter().flat_map(|project| &project.cases).filter(|case| case.kind == kind).count()
    };
    assert!(of(Kind::Regression) >= 60 && of(Kind::Benign) >= 40);
    let classes: BTreeSet<&str> = projects
        .iter()
        .flat_map(|project| &project.cases)
        .filter(|case| case.kind == Kind::Regression)
        .map(|case| case.class.as_str())
        .collect();
    assert!(classes.len() >= 25, "{classes:?}");
}

/// A folder with one project of one file.
fn folder(case: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    };
    write("own/project/models/a.sql", "select 1 as one, 1 as uno\n");
    write("own/cases/all.yaml", &format!("schema: belay.bench-cases/1\ncases:\n{case}"));
    folder
}

fn case(edits: &str) -> String {
    format!("  - {{id: a, kind: benign, class: c, why: w, edits: [{edits}]}}\n")
}

#[test]
fn an_edit_finds_its_text_once_or_says_why_not() {
    let faults: Vec<String> = [
        "{file: models/a.sql, find: two, put: three}",
        "{file: models/a.sql, find: '1', put: '2'}",
        "{file: models/b.sql, remove: true}",
        "{file: models/a.sql, put: '2'}",
        "{file: ../a.sql, write: x}",
        "{file: models/a.sql, find: one, put: one}",
        "{file: models/a.sql, find: one, put: two, because: x}",
    ]
    .iter()
    .map(|edit| {
        let error = read(Some(folder(&case(edit)).path())).unwrap_err();
        assert_eq!(error.code(), "bench/cases");
        error.to_string().lines().next().unwrap_or_default().to_owned()
    })
    .collect();
    let known = faults.get(..6).unwrap().join("\n") + "\n";
    expect![[r"
        the cases in `own` cannot be used: case a, `models/a.sql`: it does not hold `two`
        the cases in `own` cannot be used: case a, `models/a.sql`: it holds `1` 2 times
        the cases in `own` cannot be used: case a, `models/b.sql`: there is no such file
        the cases in `own` cannot be used: case a, `models/a.sql`: an edit needs `find` and `put`, `write`, or `remove`
        the cases in `own` cannot be used: case a, `../a.sql`: the path leads out of the project
        the cases in `own` cannot be used: case a edits nothing
    "]]
    .assert_eq(&known);
    assert!(faults.last().unwrap().contains("because"), "{faults:?}");
    let twice = case("{file: models/a.sql, find: '1', put: '2', all: true}").repeat(2);
    let error = read(Some(folder(&twice).path())).unwrap_err();
    assert_eq!(error.to_string(), "the cases in `own` cannot be used: `a` is there twice");
}

#[test]
fn a_head_is_the_project_with_the_edits_in_their_order() {
    let edits = "{file: models/a.sql, find: '1', put: '2', all: true}, \
                 {file: models/a.sql, find: uno, put: due}, {file: models/b.sql, write: select 3}";
    let projects = read(Some(folder(&case(edits)).path())).unwrap();
    let [project] = projects.as_slice() else { panic!("{projects:?}") };
    let head = project.cases[0].head(project).unwrap();
    let text = |path: &str| String::from_utf8(head[std::path::Path::new(path)].clone()).unwrap();
    assert_eq!(text("models/a.sql"), "select 2 as one, 2 as due\n");
    assert_eq!(text("models/b.sql"), "select 3");
}

#[test]
fn cases_of_a_folder_can_be_about_a_built_in_project() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("shop/cases");
    fs_err::create_dir_all(&cases).unwrap();
    let edit = "{file: models/staging/stg_returns.sql, write: select 1}";
    let text = format!("schema: belay.bench-cases/1\ncases:\n{}", case(edit));
    fs_err::write(cases.join("own.yaml"), text).unwrap();
    let projects = read(Some(folder.path())).unwrap();
    assert_eq!(projects.len(), 1);
    assert!(projects[0].data.is_some() && projects[0].files.len() > 30);
    assert!(projects[0].cases[0].head(&projects[0]).is_ok());
}

#[test]
fn what_is_asked_for_has_to_exist() {
    let asked = |projects: &[&str], cases: &[&str]| {
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let request =
            Request { projects: owned(projects), cases: owned(cases), ..Request::default() };
        choose(read(None).unwrap(), &request)
    };
    let chosen = asked(&["rides"], &["rides-utc-days"]).unwrap();
    assert_eq!((chosen.len(), chosen[0].cases.len()), (1, 1));
    assert_eq!(asked(&["nowhere"], &[]).unwrap_err().code(), "bench/no-project");
    // A case of another project than the one asked for is none.
    assert_eq!(asked(&["shop"], &["rides-utc-days"]).unwrap_err().code(), "bench/no-case");
}

fn tried(id: &str, kind: Kind, level: Result<Severity, String>) -> Tried {
    Tried {
        id: id.to_owned(),
        project: "own".to_owned(),
        kind,
        class: "filter".to_owned(),
        why: "It matters.".to_owned(),
        tests_fail: false,
        level,
        findings: Vec::new(),
        seconds: 2.0,
        measured: None,
    }
}

#[test]
fn a_card_counts_what_was_caught_and_what_was_a_false_alarm() {
    let card = Card::of(vec![
        tried("one", Kind::Regression, Ok(Severity::Critical)),
        tried("two", Kind::Regression, Ok(Severity::Medium)),
        tried("three", Kind::Benign, Ok(Severity::Medium)),
        tried("four", Kind::Benign, Err("dbt/failed: no".to_owned())),
    ]);
    assert!(!card.is_good());
    expect![[r"
        regressions caught as high or critical   1 of 2, 50.0 % (95 % interval 9.5 % to 90.5 %)
        by the projects' own tests               0 of 2, 0 % (95 % interval 0 % to 65.8 %)
        false alarms on benign changes           1 of 2, 50.0 % (95 % interval 9.5 % to 90.5 %)
        benign changes called medium             1 of 2, 50.0 % (95 % interval 9.5 % to 90.5 %)

        REGRESSION                           CAUGHT   TESTS FAIL
        filter                               1 of 2            0

        BENIGN CHANGE                         QUIET   TESTS FAIL
        filter                               1 of 2            0

        WRONG
          two: medium, MISSED, 2.0 s
              It matters.
          four: no review (dbt/failed: no), FALSE ALARM, 2.0 s
              It matters.

        4 cases, 8 s of reviews, 2.0 s each
    "]]
    .assert_eq(&card.render(Form::Text));
    let json: serde_json::Value = serde_json::from_str(&card.render(Form::Json)).unwrap();
    assert_eq!(json["schema"], "belay.bench-regressions/1");
    assert_eq!(json["caught"]["yes"], 1);
    assert_eq!(json["cases"][3]["error"], "dbt/failed: no");
}

#[test]
fn a_case_that_is_not_what_it_says_makes_the_card_bad() {
    let measured = |faults: &[&str], differences: &[&str]| {
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Some(Measured { faults: owned(faults), differences: owned(differences) })
    };
    let fault = |kind, level, measured| {
        let one = Tried { measured, ..tried("one", kind, Ok(level)) };
        let fault = one.fault().unwrap_or_default();
        assert_eq!(Card::of(vec![one]).is_good(), fault.is_empty());
        fault
    };
    let regression = |measured| fault(Kind::Regression, Severity::High, measured);
    let benign = |measured| fault(Kind::Benign, Severity::Info, measured);
    assert_eq!(regression(measured(&[], &["t has other rows"])), "");
    assert_eq!(regression(measured(&[], &[])), "it changes nothing in the data");
    assert_eq!(benign(measured(&[], &[])), "");
    assert_eq!(benign(measured(&[], &["t is gone"])), "it is not benign: t is gone");
    assert_eq!(
        regression(measured(&["test.a: fail"], &["t is gone"])),
        "it says that the project's tests pass, and: test.a: fail"
    );
}

#[test]
fn a_schema_of_another_version_is_refused() {
    let folder = folder("  []\n");
    let path = folder.path().join("own/cases/all.yaml");
    fs_err::write(&path, "schema: belay.bench-cases/9\ncases: []\n").unwrap();
    let error = read(Some(folder.path())).unwrap_err();
    assert!(error.to_string().contains("expected `belay.bench-cases/1`"), "{error}");
}
