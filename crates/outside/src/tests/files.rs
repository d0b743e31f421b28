//! Reports: whole or not at all.

use std::os::unix::fs::PermissionsExt as _;

use belay_model::Explain as _;
use fs_err as fs;

use crate::tests::{names, permit, temporary};
use crate::{write_report, writing};

#[test]
fn a_report_is_written_and_its_folders_are_made() {
    let place = temporary();
    let path = place.path().join("reports/2026/report.md");
    for body in [&b"# first"[..], b"", b"# second, longer than the first"] {
        write_report(permit(&writing(&path, body)), &path, body).unwrap();
        assert_eq!(fs::read(&path).unwrap(), body);
    }
    assert_eq!(names(place.path()), ["reports/2026/report.md"]);
}

#[test]
fn a_permit_for_another_body_or_another_path_writes_nothing() {
    let place = temporary();
    let (path, other) = (place.path().join("report.md"), place.path().join("other.md"));
    for action in [writing(&path, b"other"), writing(&other, b"report")] {
        let error = write_report(permit(&action), &path, b"report").unwrap_err();
        assert_eq!(error.code(), "gate/permit-mismatch");
    }
    assert_eq!(names(place.path()), [] as [&str; 0]);
}

#[test]
fn a_report_that_cannot_be_put_in_place_leaves_nothing_behind() {
    let place = temporary();
    fs::write(place.path().join("file"), "in the way").unwrap();
    fs::create_dir_all(place.path().join("folder.md/full")).unwrap();
    for path in ["file/report.md", "folder.md"] {
        let path = place.path().join(path);
        let error = write_report(permit(&writing(&path, b"x")), &path, b"x").unwrap_err();
        assert_eq!(error.code(), "files/io");
        assert_eq!(error.to_string(), format!("cannot write `{}`", path.display()));
    }
    assert_eq!(names(place.path()), ["file"]);
}

#[test]
fn a_report_may_be_read_by_whoever_may_read_new_files() {
    let place = temporary();
    let (path, plain) = (place.path().join("report.md"), place.path().join("plain"));
    fs::write(&plain, "x").unwrap();
    write_report(permit(&writing(&path, b"x")), &path, b"x").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(format!("{:o}", mode(path)), format!("{:o}", mode(plain)));
}
