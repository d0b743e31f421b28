//! Every error has a page, and every page an error.

use std::collections::BTreeSet;
use std::path::Path;

use crate::home::Home;

const PAGES: &str = include_str!("../../../../docs/reference/errors.md");

/// Every string literal of the form `room/what` in the sources that is an error's slug: in a `code()`
/// or in a call of `Failure`.
fn slugs_in_code() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut open = vec![crates.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                slugs_of(&std::fs::read_to_string(path).unwrap(), &mut found);
            }
        }
    }
    found.insert("usage".to_owned());
    found
}

fn slugs_of(text: &str, found: &mut BTreeSet<String>) {
    let mut bodies: Vec<&str> = text
        .split("fn code(")
        .skip(1)
        .map(|rest| rest.split("\n    }\n").next().unwrap())
        .collect();
    let calls = ["Failure::input(", "Failure::surroundings("];
    bodies.extend(
        calls
            .iter()
            .flat_map(|call| text.split(call).skip(1))
            .map(|rest| rest.split(',').next().unwrap()),
    );
    for body in bodies {
        let literals = body.split('"').skip(1).step_by(2);
        let is_slug = |text: &&str| {
            text.split_once('/').is_some_and(|(room, what)| {
                let word = |text: &str| {
                    !text.is_empty()
                        && text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
                };
                word(room) && word(what)
            })
        };
        found.extend(literals.filter(is_slug).map(str::to_owned));
    }
}

#[test]
fn every_slug_in_the_code_has_a_page_and_every_page_a_slug() {
    let pages: BTreeSet<String> =
        PAGES.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect();
    let code = slugs_in_code();
    let missing: Vec<_> = code.difference(&pages).collect();
    let idle: Vec<_> = pages.difference(&code).filter(|slug| *slug != "flow/unknown").collect();
    assert!(missing.is_empty(), "no page for {missing:?}");
    assert!(idle.is_empty(), "no error for {idle:?}");
}

#[test]
fn explain_prints_the_page_of_a_slug() {
    let home = Home::new();
    let ran = home.belay(&["explain", "dbt/no-project"]).ends_with(0);
    assert!(ran.stdout.starts_with("dbt/no-project\n\n"), "{}", ran.stdout);
    let unknown = home.belay(&["explain", "no/such"]).ends_with(2);
    assert!(unknown.stderr.contains("error[explain/unknown]: there is no error `no/such`"));
}
