//! Real repositories in temporary folders. What belay reads must come out right, and nothing of the
//! user's may change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use belay_model::Explain as _;
use fs_err as fs;
use tempfile::TempDir;

use crate::tests::{listing, names, permit, temporary, write};
use crate::{OutsideError, Repository, Snapshot};

/// Git as a user runs it, with an identity and without this machine's configuration.
fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Anne", "-c", "user.email=anne@example.com"])
        .args(["-c", "commit.gpgSign=false", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(folder: &Path, message: &str) -> String {
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--allow-empty", "--message", message]);
    git(folder, &["rev-parse", "HEAD"])
}

/// A repository in `folder` with one commit: two models, a program and a link.
fn project_in(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    git(folder, &["init", "--quiet"]);
    write(&folder.join("dbt_project.yml"), "name: shop\n");
    write(&folder.join("models/orders.sql"), "select 1\n");
    write(&folder.join("models/gone.sql"), "select 0\n");
    write(&folder.join("with space/é.sql"), "select 2\n");
    write(&folder.join(".gitignore"), "target/\n*.log\n");
    std::os::unix::fs::symlink("models/orders.sql", folder.join("link.sql")).unwrap();
    commit(folder, "Start the shop");
}

fn project() -> TempDir {
    let place = temporary();
    project_in(place.path());
    place
}

async fn around(folder: &Path) -> Repository {
    Repository::around(folder).await.unwrap()
}

/// Everything that could be touched: content, and when the index was written.
fn state(folder: &Path) -> (BTreeMap<PathBuf, String>, Vec<std::time::SystemTime>) {
    let listing = listing(folder);
    let indices = listing.keys().filter(|path| path.ends_with("index"));
    let times = indices.map(|path| fs::metadata(folder.join(path)).unwrap().modified().unwrap());
    let times = times.collect();
    (listing, times)
}

/// The work tree as belay sees it, written out.
async fn work_tree(repository: &Repository) -> (TempDir, PathBuf) {
    let scratch = temporary();
    let action = repository.snapshotting(scratch.path());
    let snapshot = repository.snapshot(permit(&action), scratch.path()).await.unwrap();
    let tree = scratch.path().join("tree");
    materialised(repository, &snapshot, &tree).await;
    (scratch, tree)
}

async fn materialised(repository: &Repository, snapshot: &Snapshot, folder: &Path) {
    let action = repository.materialising(snapshot, folder);
    repository.materialise(permit(&action), snapshot, folder).await.unwrap();
}

// ---- repositories and names

#[tokio::test]
async fn a_folder_without_a_repository_is_told_apart_from_a_repository_that_does_not_open() {
    let place = temporary();
    let error = Repository::around(place.path()).await.unwrap_err();
    assert!(
        matches!(&error, OutsideError::NoRepository { path } if path == place.path()),
        "{error:?}"
    );

    let bare = temporary();
    git(bare.path(), &["init", "--quiet", "--bare"]);
    assert_eq!(Repository::around(bare.path()).await.unwrap_err().code(), "git/failed");
}

#[tokio::test]
async fn a_repository_is_found_from_a_folder_inside() {
    let place = project();
    let root = fs::canonicalize(place.path()).unwrap();
    for folder in [root.clone(), root.join("models"), root.join("with space")] {
        assert_eq!(around(&folder).await.root, root);
    }
}

#[tokio::test]
async fn a_reference_names_a_commit_or_nothing() {
    let place = project();
    let first = git(place.path(), &["rev-parse", "HEAD"]);
    let second = commit(place.path(), "Second");
    git(place.path(), &["tag", "--annotate", "v1", "--message", "one", &first]);
    let repository = around(place.path()).await;
    for (reference, sha) in [
        ("HEAD", &second),
        ("main", &second),
        ("@", &second),
        ("HEAD~1", &first),
        ("v1", &first),
        (first.split_at(12).0, &first),
    ] {
        let commit = repository.commit(reference).await.unwrap();
        assert_eq!((commit.name.as_str(), &commit.sha), (reference, sha));
    }
    for reference in [
        "",
        " ",
        "none",
        "HEAD~9",
        "a b",
        "main none",
        "--upload-pack=x",
        "--all",
        "-h",
        "--end-of-options",
        "HEAD^{tree}",
        "HEAD:models",
        "HEAD..main",
        "^HEAD",
        "main\n",
        "models/orders.sql",
    ] {
        let error = repository.commit(reference).await.expect_err(reference);
        assert_eq!(error.code(), "git/no-such-ref", "{reference}: {error:?}");
    }
}

#[tokio::test]
async fn the_default_branch_is_the_remotes_before_ours() {
    let place = project();
    let folder = place.path();
    let repository = around(folder).await;
    let named = async || repository.default_branch(None).await.map(|commit| commit.name);

    assert_eq!(named().await.unwrap(), "main");
    git(folder, &["branch", "--move", "main", "master"]);
    assert_eq!(named().await.unwrap(), "master");
    git(folder, &["update-ref", "refs/remotes/origin/master", "HEAD"]);
    assert_eq!(named().await.unwrap(), "origin/master");
    git(folder, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    assert_eq!(named().await.unwrap(), "origin/main");
    git(folder, &["update-ref", "refs/remotes/origin/trunk", "HEAD"]);
    git(folder, &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    assert_eq!(named().await.unwrap(), "origin/trunk");
    // The remote's branch was renamed since.
    git(folder, &["update-ref", "-d", "refs/remotes/origin/trunk"]);
    assert_eq!(named().await.unwrap(), "origin/main");
}

#[tokio::test]
async fn without_a_usual_name_there_is_no_default_branch() {
    let place = project();
    git(place.path(), &["branch", "--move", "main", "trunk"]);
    let error = around(place.path()).await.default_branch(None).await.unwrap_err();
    assert_eq!(error.code(), "git/no-default-branch");
}

#[tokio::test]
async fn the_branch_is_told_unless_the_head_is_detached() {
    let place = project();
    let repository = around(place.path()).await;
    assert_eq!(repository.branch().await.unwrap().as_deref(), Some("main"));
    git(place.path(), &["checkout", "--quiet", "--detach"]);
    assert_eq!(repository.branch().await.unwrap(), None);
}

#[tokio::test]
async fn the_merge_base_is_where_two_histories_part() {
    let place = project();
    let folder = place.path();
    let fork = git(folder, &["rev-parse", "HEAD"]);
    git(folder, &["checkout", "--quiet", "-b", "change"]);
    let tip = commit(folder, "On the branch");
    git(folder, &["checkout", "--quiet", "main"]);
    commit(folder, "Meanwhile");
    git(folder, &["checkout", "--quiet", "--orphan", "alone"]);
    commit(folder, "Another history");

    let repository = around(folder).await;
    let main = repository.commit("main").await.unwrap();
    for head in ["change", &tip] {
        let base = repository.merge_base(&main, head).await.unwrap();
        assert_eq!((base.sha, base.name.as_str()), (fork.clone(), "merge base with main"));
    }
    for head in ["alone", "none", "--octopus", "--all", "", "a b"] {
        let error = repository.merge_base(&main, head).await.expect_err(head);
        assert_eq!(error.code(), "git/no-merge-base", "{head}");
    }
    let subjects = repository.subjects(&fork, "change").await.unwrap();
    assert_eq!(subjects, [format!("{} On the branch", tip.split_at(7).0)]);
}

// ---- trees

#[tokio::test]
async fn the_work_tree_comes_out_as_it_stands() {
    let place = project();
    let root = place.path();
    write(&root.join("models/orders.sql"), "select 1 -- changed\n");
    write(&root.join("models/new.sql"), "select 3\n");
    write(&root.join("models/staged.sql"), "select 4\n");
    git(root, &["add", "models/staged.sql"]);
    write(&root.join("models/staged.sql"), "select 4 -- and changed again\n");
    fs::remove_file(root.join("models/gone.sql")).unwrap();
    write(&root.join("target/manifest.json"), "{}");
    write(&root.join("dbt.log"), "noise");
    write(&root.join("models/two\nlines.sql"), "select 6\n");
    write(&root.join("run.sh"), "#!/bin/sh\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(root.join("run.sh"), executable).unwrap();

    let (_scratch, tree) = work_tree(&around(root).await).await;
    assert_eq!(
        names(&tree),
        [
            ".gitignore",
            "dbt_project.yml",
            "link.sql",
            "models/new.sql",
            "models/orders.sql",
            "models/staged.sql",
            "models/two\nlines.sql",
            "run.sh",
            "with space/é.sql",
        ]
    );
    let (there, here) = (listing(&tree), listing(root));
    for (path, what) in &there {
        assert_eq!(Some(what), here.get(path), "{}", path.display());
    }
    let mode = std::os::unix::fs::PermissionsExt::mode;
    assert_eq!(mode(&fs::metadata(tree.join("run.sh")).unwrap().permissions()) & 0o111, 0o111);
}

#[tokio::test]
async fn tracked_files_that_git_would_ignore_belong_to_the_work_tree() {
    let place = project();
    let root = place.path();
    write(&root.join("committed.log"), "old");
    git(root, &["add", "--force", "committed.log"]);
    commit(root, "Keep a log");
    write(&root.join("committed.log"), "new");
    write(&root.join("staged [1].log"), "forced");
    git(root, &["add", "--force", "staged [1].log"]);
    write(&root.join("deleted.log"), "forced, then deleted");
    git(root, &["add", "--force", "deleted.log"]);
    fs::remove_file(root.join("deleted.log")).unwrap();
    write(&root.join("ignored.log"), "ignored");

    let (_scratch, tree) = work_tree(&around(root).await).await;
    assert_eq!(fs::read_to_string(tree.join("committed.log")).unwrap(), "new");
    assert_eq!(fs::read_to_string(tree.join("staged [1].log")).unwrap(), "forced");
    assert!(!tree.join("deleted.log").exists() && !tree.join("ignored.log").exists());
}

#[tokio::test]
async fn a_sparse_work_tree_is_not_a_work_tree_with_deletions() {
    let place = project();
    let root = place.path();
    git(root, &["sparse-checkout", "set", "models"]);
    assert!(!root.join("with space").exists());
    write(&root.join("models/orders.sql"), "select 1 -- changed\n");
    let (_scratch, tree) = work_tree(&around(root).await).await;
    assert_eq!(
        fs::read_to_string(tree.join("models/orders.sql")).unwrap(),
        "select 1 -- changed\n"
    );
    assert_eq!(fs::read_to_string(tree.join("with space/é.sql")).unwrap(), "select 2\n");
}

#[tokio::test]
async fn nothing_of_the_users_repository_changes() {
    let place = project();
    let root = place.path();
    write(&root.join("models/orders.sql"), "select 1 -- changed\n");
    write(&root.join("models/new.sql"), "select 3\n");
    git(root, &["add", "models/new.sql"]);
    git(root, &["branch", "change"]);
    let linked = temporary();
    git(
        root,
        &["worktree", "add", "--quiet", linked.path().join("tree").to_str().unwrap(), "change"],
    );
    let linked_root = linked.path().join("tree");
    write(&linked_root.join("models/linked.sql"), "select 5\n");
    // A hook or a monitor of the user's must not run because belay looked.
    let hook = "#!/bin/sh\necho ran >> \"$(git rev-parse --show-toplevel)/hook-ran\"\n";
    for name in ["post-index-change", "post-checkout", "pre-commit", "fsmonitor"] {
        let path = root.join(".git/hooks").join(name);
        write(&path, hook);
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    git(root, &["config", "core.fsmonitor", ".git/hooks/fsmonitor"]);

    let before = (state(root), state(linked.path()));
    for folder in
        [root.to_owned(), root.join("models"), linked_root.clone(), linked_root.join("models")]
    {
        let repository = around(&folder).await;
        let (_scratch, tree) = work_tree(&repository).await;
        let in_main = repository.root == fs::canonicalize(root).unwrap();
        assert_eq!(tree.join("models/linked.sql").exists(), !in_main);
        assert_eq!(tree.join("models/new.sql").exists(), in_main);

        let commit = repository.commit("HEAD").await.unwrap();
        let snapshot = repository.tree_of(&commit).await.unwrap();
        let place = temporary();
        materialised(&repository, &snapshot, &place.path().join("tree")).await;
        repository.default_branch(None).await.unwrap();
        repository.subjects("HEAD", "HEAD").await.unwrap();
    }
    assert_eq!((state(root), state(linked.path())), before);
}

#[tokio::test]
async fn a_commit_comes_out_exactly() {
    let place = project();
    let root = place.path();
    write(
        &root.join(".gitattributes"),
        "models/gone.sql export-ignore\nmodels/orders.sql export-subst\n",
    );
    write(&root.join("models/orders.sql"), "select '$Format:%H$'\n");
    write(&root.join("run.sh"), "#!/bin/sh\n");
    fs::set_permissions(root.join("run.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    commit(root, "With attributes");
    let mut expected = listing(root);
    expected.retain(|path, _| !path.starts_with(".git"));
    // What is not committed has no part in it.
    write(&root.join("models/orders.sql"), "changed");
    write(&root.join("models/new.sql"), "new");

    let repository = around(root).await;
    let snapshot = repository.tree_of(&repository.commit("HEAD").await.unwrap()).await.unwrap();
    let out = temporary();
    let folder = out.path().join("deep/tree");
    materialised(&repository, &snapshot, &folder).await;
    assert_eq!(listing(&folder), expected);
    let mode = std::os::unix::fs::PermissionsExt::mode;
    assert_eq!(mode(&fs::metadata(folder.join("run.sh")).unwrap().permissions()) & 0o111, 0o111);
}

#[tokio::test]
async fn equal_trees_have_equal_ids() {
    let place = project();
    let repository = around(place.path()).await;
    let scratch = temporary();
    let snapshot = async |folder: &str| {
        let scratch = scratch.path().join(folder);
        let action = repository.snapshotting(&scratch);
        repository.snapshot(permit(&action), &scratch).await.unwrap().tree
    };
    let mut seen = vec![snapshot("first").await];
    assert_eq!(snapshot("again").await, seen[0]);
    let root = place.path();
    let changes: [(&str, &dyn Fn()); 4] = [
        ("new", &|| write(&root.join("models/new.sql"), "select 3\n")),
        ("changed", &|| write(&root.join("models/new.sql"), "select 4\n")),
        ("renamed", &|| fs::rename(root.join("models/new.sql"), root.join("new.sql")).unwrap()),
        ("deleted", &|| fs::remove_file(root.join("models/gone.sql")).unwrap()),
    ];
    for (name, change) in changes {
        change();
        let tree = snapshot(name).await;
        assert!(!seen.contains(&tree), "{name}");
        seen.push(tree);
    }
    // What git ignores makes no difference.
    write(&root.join("dbt.log"), "noise");
    assert_eq!(Some(&snapshot("ignored").await), seen.last());
}

#[tokio::test]
async fn a_permit_is_for_one_tree_and_one_folder() {
    let place = project();
    let repository = around(place.path()).await;
    let tree = async |reference: &str| {
        let commit = repository.commit(reference).await.unwrap();
        repository.tree_of(&commit).await.unwrap()
    };
    let first = tree("HEAD").await;
    write(&place.path().join("models/new.sql"), "select 3\n");
    commit(place.path(), "Second");
    let second = tree("HEAD").await;
    let out = temporary();
    let (here, there) = (out.path().join("here"), out.path().join("there"));
    for action in [
        repository.materialising(&first, &here),
        repository.materialising(&second, &there),
        repository.snapshotting(&here),
    ] {
        let refused = repository.materialise(permit(&action), &second, &here).await.unwrap_err();
        assert_eq!(refused.code(), "gate/permit-mismatch");
    }
    let refused = repository.snapshot(permit(&repository.snapshotting(&there)), &here).await;
    assert_eq!(refused.unwrap_err().code(), "gate/permit-mismatch");
    assert_eq!(listing(out.path()), BTreeMap::new());
}

#[tokio::test]
async fn odd_places_make_no_difference() {
    let outer = temporary();
    for name in ["a b", "a:b", "a\"b", "quote'd", "é", "-option"] {
        let root = outer.path().join(name);
        project_in(&root);
        write(&root.join("models/new.sql"), "select 3\n");
        let (_scratch, tree) = work_tree(&around(&root).await).await;
        assert_eq!(
            fs::read_to_string(tree.join("models/new.sql")).unwrap(),
            "select 3\n",
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_folder_may_be_named_from_where_belay_stands() {
    let place = project();
    let here = std::env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(fs::canonicalize(place.path()).unwrap().strip_prefix("/").unwrap());
    assert!(relative.is_relative());
    write(&place.path().join("models/new.sql"), "select 3\n");
    for folder in [relative.clone(), relative.join("models")] {
        let repository = around(&folder).await;
        let (_scratch, tree) = work_tree(&repository).await;
        assert!(tree.join("models/new.sql").exists());
    }
}

#[tokio::test]
async fn a_repository_without_a_commit_has_a_work_tree_and_nothing_to_compare_it_to() {
    let place = temporary();
    git(place.path(), &["init", "--quiet"]);
    let repository = around(place.path()).await;
    assert_eq!(repository.commit("HEAD").await.unwrap_err().code(), "git/no-such-ref");
    assert_eq!(repository.default_branch(None).await.unwrap_err().code(), "git/no-default-branch");
    write(&place.path().join("new.sql"), "select 1\n");
    let (_scratch, tree) = work_tree(&repository).await;
    assert_eq!(names(&tree), ["new.sql"]);
}

#[tokio::test]
async fn a_tracked_folder_that_became_a_link_is_copied_as_a_link_and_its_files_are_left_alone() {
    let (place, elsewhere) = (project(), temporary());
    let moved = elsewhere.path().join("models");
    fs::rename(place.path().join("models"), &moved).unwrap();
    std::os::unix::fs::symlink(&moved, place.path().join("models")).unwrap();
    let repository = around(place.path()).await;
    let (_scratch, tree) = work_tree(&repository).await;
    assert_eq!(fs::read_to_string(moved.join("orders.sql")).unwrap(), "select 1\n");
    assert!(tree.join("models").is_symlink());
    assert_eq!(crate::link_out(&tree).unwrap(), Some(tree.join("models")));
}

#[tokio::test]
async fn a_pipe_in_place_of_a_file_does_not_hold_the_snapshot_up() {
    let place = project();
    let pipe = place.path().join("models/orders.sql");
    fs::remove_file(&pipe).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (_scratch, tree) = work_tree(&around(place.path()).await).await;
    assert!(!tree.join("models/orders.sql").exists());
}

#[test]
fn links_inside_the_tree_lead_nowhere_out() {
    let place = project();
    assert_eq!(crate::link_out(place.path()).unwrap(), None);
    std::os::unix::fs::symlink("/etc", place.path().join("etc")).unwrap();
    assert_eq!(crate::link_out(place.path()).unwrap(), Some(place.path().join("etc")));
}
