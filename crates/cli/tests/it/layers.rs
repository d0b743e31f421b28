//! The direction of the house: a crate uses only crates above it; crates on the same row never meet.

use std::collections::BTreeMap;
use std::process::Command;

const ROWS: [&[&str]; 7] = [
    &["belay-model"],
    &[
        "belay-audit",
        "belay-sql",
        "belay-dbt",
        "belay-diff",
        "belay-grants",
        "belay-otlp",
        "belay-score",
        "belay-learn",
    ],
    &["belay-gate"],
    &["belay-warehouse", "belay-store", "belay-outside", "belay-proof"],
    &["belay-flow"],
    &["belay-server"],
    &["belay"],
];

/// What the crates above the line must not depend on: they are pure.
const IMPURE: [&str; 4] = ["tokio", "sqlx", "fs-err", "adbc_driver_manager"];

fn dependencies() -> BTreeMap<String, Vec<(String, bool)>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let of = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let dependencies = dependencies
            .map(|one| (one["name"].as_str().unwrap().to_owned(), one["kind"].is_null()));
        (package["name"].as_str().unwrap().to_owned(), dependencies.collect())
    };
    packages.iter().map(of).collect()
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&name))
}

#[test]
fn every_crate_uses_only_crates_above_it() {
    for (name, dependencies) in dependencies() {
        let own = row(&name).unwrap_or_else(|| panic!("`{name}` has no row: add it to the house"));
        for (dependency, _) in
            dependencies.iter().filter(|(dependency, _)| dependency.starts_with("belay"))
        {
            assert!(row(dependency).unwrap() < own, "`{name}` must not use `{dependency}`");
        }
    }
}

#[test]
fn the_upper_rooms_are_pure() {
    for (name, dependencies) in dependencies() {
        if row(&name).unwrap() > 2 {
            continue;
        }
        for (dependency, _) in dependencies.iter().filter(|(_, normal)| *normal) {
            assert!(!IMPURE.contains(&dependency.as_str()), "`{name}` must not use `{dependency}`");
        }
    }
}
