//! The demo's repository.

use std::path::PathBuf;

use belay_model::Explain as _;
use fs_err as fs;

use crate::tests::{permit, temporary};
use crate::{Chapter, Repository, write_history, writing_history};

fn chapters() -> Vec<Chapter> {
    let chapter = |branch: &str, message: &str, files: &[(&str, &str)]| Chapter {
        branch: branch.to_owned(),
        message: message.to_owned(),
        files: files
            .iter()
            .map(|(path, body)| (PathBuf::from(path), body.as_bytes().to_vec()))
            .collect(),
    };
    vec![
        chapter("main", "Start the shop\n", &[("models/orders.sql", "select 1"), ("a.txt", "a")]),
        chapter("main", "Say more", &[("a.txt", "b")]),
        chapter("change", "Change orders", &[("models/orders.sql", "select 2")]),
    ]
}

#[tokio::test]
async fn every_demo_has_the_same_commits() {
    let mut told = Vec::new();
    for _ in 0..2 {
        let place = temporary();
        let action = writing_history(place.path(), &chapters());
        write_history(permit(&action), place.path(), &chapters()).await.unwrap();
        let repository = Repository::around(place.path()).await.unwrap();
        assert_eq!(repository.branch().await.unwrap().as_deref(), Some("change"));
        let main = repository.default_branch(None).await.unwrap();
        assert_eq!(repository.merge_base(&main, "HEAD").await.unwrap().sha, main.sha);
        let subjects = repository.subjects(&main.sha, "HEAD").await.unwrap();
        assert!(subjects.len() == 1 && subjects[0].ends_with(" Change orders"), "{subjects:?}");
        let orders = fs::read_to_string(place.path().join("models/orders.sql")).unwrap();
        assert_eq!(orders, "select 2");
        told.push((main.sha, repository.commit("HEAD").await.unwrap().sha));
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn a_permit_for_another_history_writes_nothing() {
    let place = temporary();
    let action = writing_history(place.path(), &chapters()[..2]);
    let error = write_history(permit(&action), place.path(), &chapters()).await.unwrap_err();
    assert_eq!(error.code(), "gate/permit-mismatch");
    assert!(crate::tests::names(place.path()).is_empty());
}
