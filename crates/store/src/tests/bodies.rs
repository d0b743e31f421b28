//! Bodies by digest.

use belay_model::{Digest, Explain as _};
use fs_err as fs;
use proptest::prelude::*;

use crate::blobs::Blobs;

fn blobs() -> (tempfile::TempDir, Blobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path().join("blobs"));
    (folder, blobs)
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let shelves = fs::read_dir(folder.join("blobs")).unwrap();
    let entries = shelves.flat_map(|shelf| fs::read_dir(shelf.unwrap().path()).unwrap());
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn the_same_body_is_kept_once_under_its_digest() {
    let (folder, blobs) = blobs();
    let digest = blobs.put(b"report").unwrap();
    assert_eq!(digest, Digest::of("report"));
    assert_eq!(blobs.put(b"report").unwrap(), digest);
    let name = digest.to_string();
    assert_eq!(
        files(folder.path()),
        [folder.path().join("blobs").join(name.split_at(2).0).join(&name)]
    );
    assert_eq!(blobs.get(digest).unwrap(), b"report");
}

#[test]
fn a_body_that_was_altered_is_not_handed_out() {
    for altered in ["Report", "", "report and more"] {
        let (folder, blobs) = blobs();
        let digest = blobs.put(b"report").unwrap();
        fs::write(&files(folder.path())[0], altered).unwrap();
        let error = blobs.get(digest).unwrap_err();
        assert_eq!(error.code(), "record/body-altered", "{altered}");
    }
}

#[test]
fn keeping_a_body_again_mends_what_was_altered() {
    let (folder, blobs) = blobs();
    let digest = blobs.put(b"report").unwrap();
    fs::write(&files(folder.path())[0], "cut sho").unwrap();
    blobs.put(b"report").unwrap();
    assert_eq!(blobs.get(digest).unwrap(), b"report");
}

#[test]
fn a_body_that_was_erased_is_missing() {
    let (folder, blobs) = blobs();
    let digest = blobs.put(b"report").unwrap();
    fs::remove_file(&files(folder.path())[0]).unwrap();
    assert_eq!(blobs.get(digest).unwrap_err().code(), "record/body-missing");
    assert_eq!(blobs.get(Digest::of("another")).unwrap_err().code(), "record/body-missing");
}

#[test]
fn a_folder_that_cannot_be_written_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("blobs"), "a file in the way").unwrap();
    let blobs = Blobs::new(folder.path().join("blobs"));
    assert_eq!(blobs.put(b"report").unwrap_err().code(), "store/io");
    assert_eq!(blobs.get(Digest::of("report")).unwrap_err().code(), "store/io");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_body_comes_back_as_it_went_in(body in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let (_folder, blobs) = blobs();
        let digest = blobs.put(&body).unwrap();
        prop_assert_eq!(blobs.get(digest).unwrap(), body);
    }
}
