//! What is fetched is checked, and put in place whole.

use std::path::PathBuf;

use belay_model::{Digest, Explain as _};
use flate2::Compression;
use flate2::write::GzEncoder;
use fs_err as fs;

use crate::setup::unpack;
use crate::tests::{names, temporary, write};
use crate::{Cache, DUCKDB, DriverPackage, OutsideError, POSTGRES, Registry, dbt_requirements};

fn package(members: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, body) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(body.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, body.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// A pin of `package` with `library` inside.
fn pinned(package: &[u8], library: &str) -> DriverPackage {
    DriverPackage {
        name: "duckdb",
        title: "the DuckDB driver",
        version: "1.0.0",
        registry: Registry::Npm,
        package: "@duckdb/bindings@1.0.0",
        package_sha256: leaked(Digest::of(package).to_string()),
        member: "package/libduckdb.so",
        library_sha256: leaked(Digest::of(library).to_string()),
    }
}

fn whole() -> (Vec<u8>, DriverPackage) {
    let package = package(&[("package/README.md", "read me"), ("package/libduckdb.so", "library")]);
    let driver = pinned(&package, "library");
    (package, driver)
}

fn cache() -> (tempfile::TempDir, Cache) {
    let place = temporary();
    let cache = Cache::new(place.path().join("cache"));
    (place, cache)
}

#[test]
fn a_package_that_is_what_it_should_be_is_put_in_place() {
    let ((place, cache), (package, driver)) = (cache(), whole());
    assert!(!cache.verify(&driver).unwrap());
    cache.place(&driver, &package).unwrap();
    assert!(cache.verify(&driver).unwrap());
    let library = cache.library(&driver);
    assert_eq!(library, cache.folder().join("drivers/duckdb-1.0.0/libduckdb.so"));
    assert_eq!(fs::read(library).unwrap(), b"library");
    assert_eq!(names(place.path()), ["cache/drivers/duckdb-1.0.0/libduckdb.so"]);
}

#[test]
fn a_wrong_digest_is_named_and_leaves_nothing_in_place() {
    let (package, right) = whole();
    let wrong = leaked(Digest::of("another").to_string());
    let cases = [
        (
            DriverPackage { package_sha256: wrong, ..right },
            "@duckdb/bindings@1.0.0",
            Digest::of(&package),
        ),
        (
            DriverPackage { library_sha256: wrong, ..right },
            "package/libduckdb.so",
            Digest::of("library"),
        ),
    ];
    for (driver, blamed, digest) in cases {
        let (place, cache) = cache();
        let error = cache.place(&driver, &package).unwrap_err();
        assert_eq!(error.code(), "setup/checksum");
        let OutsideError::Checksum { what, expected, found } = error else { panic!("{error:?}") };
        assert_eq!((what.as_str(), expected.as_str(), found), (blamed, wrong, digest.to_string()));
        assert_eq!(names(place.path()), [] as [&str; 0]);
    }
}

#[test]
fn a_package_that_was_cut_short_or_lacks_the_library_is_refused() {
    let (body, driver) = whole();
    let cases = [
        (body[..body.len() / 2].to_vec(), "files/io"),
        (b"<html>not found</html>".to_vec(), "files/io"),
        (Vec::new(), "files/io"),
        (package(&[("package/README.md", "read me")]), "setup/failed"),
        (package(&[("other/libduckdb.so", "library")]), "setup/failed"),
    ];
    for (body, code) in cases {
        assert_eq!(unpack(&body, &driver).unwrap_err().code(), code, "{} bytes", body.len());
    }
    assert_eq!(unpack(&body, &driver).unwrap(), b"library");
}

#[test]
fn a_library_that_was_altered_is_noticed() {
    let ((_place, cache), (package, driver)) = (cache(), whole());
    cache.place(&driver, &package).unwrap();
    fs::write(cache.library(&driver), "altered").unwrap();
    assert_eq!(cache.verify(&driver).unwrap_err().code(), "setup/checksum");
    cache.place(&driver, &package).unwrap();
    assert!(cache.verify(&driver).unwrap());
}

#[test]
fn a_dbt_counts_only_when_it_was_installed_whole() {
    let (_place, cache) = cache();
    assert_eq!(cache.dbt("duckdb"), None);
    let folder = cache.folder().join("dbt").join(Digest::of(crate::DBT_REQUIREMENTS).short());
    write(&folder.join("bin/dbt"), "#!/bin/sh");
    assert_eq!(cache.dbt("duckdb"), None);
    write(&folder.join("complete"), "");
    assert_eq!(cache.dbt("duckdb"), Some(folder.join("bin/dbt")));
}

#[tokio::test]
async fn what_is_in_place_is_not_fetched_again() {
    let ((_place, cache), (package, driver)) = (cache(), whole());
    cache.place(&driver, &package).unwrap();
    let said = |line: &str| panic!("it is fetching: {line}");
    let path = cache.install_driver(&driver, &crate::Stop::never(), said).await.unwrap();
    assert_eq!(path, cache.library(&driver));
    let dbt = cache.folder().join("dbt").join(Digest::of(crate::DBT_REQUIREMENTS).short());
    write(&dbt.join("complete"), "");
    let path: PathBuf = cache.install_dbt("duckdb", &crate::Stop::never(), said).await.unwrap();
    assert_eq!(path, dbt.join("bin/dbt"));
}

#[test]
fn every_pin_is_a_version_and_a_digest() {
    let adapters = ["duckdb", "postgres"].map(|adapter| dbt_requirements(adapter).unwrap());
    for line in adapters.iter().flat_map(|text| text.lines()) {
        let pinned = line.is_empty()
            || line.starts_with('#')
            || line.starts_with(' ')
            || line.contains("==");
        assert!(pinned, "{line}");
    }
    for driver in [DUCKDB, POSTGRES].into_iter().flatten() {
        assert!(driver.package.contains(driver.version));
        for digest in [driver.package_sha256, driver.library_sha256] {
            assert!(digest.parse::<Digest>().is_ok(), "{digest}");
        }
    }
}

#[test]
fn the_private_dbt_has_the_adapter_that_the_project_runs_on_and_no_other() {
    assert_eq!(dbt_requirements("duckdb").as_deref(), Some(crate::DBT_REQUIREMENTS));
    let postgres = dbt_requirements("postgres").unwrap();
    let has = |text: &str, name: &str| text.lines().any(|line| line.starts_with(name));
    for name in ["dbt-core==", "dbt-postgres==", "psycopg2-binary=="] {
        assert!(has(&postgres, name), "{name}");
    }
    assert!(!has(&postgres, "dbt-duckdb") && !has(&postgres, "duckdb=="));
    assert_eq!(dbt_requirements("snowflake"), None);
}
