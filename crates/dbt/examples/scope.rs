//! Prints what changed between two manifests: `scope BASE HEAD [changed|affected|build|test|none]`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example has no Ui")]

use std::collections::BTreeSet;
use std::time::Instant;

use belay_dbt::scope::Reason;
use belay_dbt::{Manifest, Scope};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<_> = std::env::args().skip(1).collect();
    let [base, head, rest @ ..] = &*paths else { return Err("usage: scope BASE HEAD".into()) };
    let (base, head) = (read(base)?, read(head)?);
    let start = Instant::now();
    let scope = Scope::between(&base, &head);
    eprintln!("scope in {:?}", start.elapsed());
    eprintln!(
        "{} changed, {} affected, {} to build, {} to test, {} removed; by {:?}, engine {:?} ({} macros), retargeted {}",
        scope.changed.len(),
        scope.affected.len(),
        scope.selection.build.len(),
        scope.selection.test.len(),
        scope.removed.len(),
        scope.compared_by,
        scope.engine_upgraded,
        scope.engine_macros_differ,
        scope.is_retargeted,
    );
    for line in lines(&scope, rest.first().map_or("changed", String::as_str)) {
        println!("{line}");
    }
    Ok(())
}

fn lines(scope: &Scope, part: &str) -> Vec<String> {
    let words = |reasons: &BTreeSet<Reason>| {
        reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    match part {
        "changed" => {
            scope.changed.iter().map(|(id, why)| format!("{id}\t{}", words(why))).collect()
        }
        "affected" => {
            scope.affected.iter().map(|(id, via)| format!("{id}\t{}", via.len())).collect()
        }
        "build" => scope.selection.build.iter().map(ToString::to_string).collect(),
        "test" => scope.selection.test.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

fn read(path: &str) -> Result<Manifest, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let start = Instant::now();
    let manifest = Manifest::parse(&bytes)?;
    let nodes = manifest.nodes().count();
    eprintln!("{path}: {nodes} nodes, {} bytes in {:?}", bytes.len(), start.elapsed());
    Ok(manifest)
}
