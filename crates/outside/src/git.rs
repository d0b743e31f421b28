//! Git, read through its own command line. The work tree, the index, refs, hooks and objects of the
//! user's repository are never touched: trees are written elsewhere through an index of belay's own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use belay_gate::Permit;
use belay_model::{Action, Resource, Verb, Zone};
use fs_err as fs;

use crate::process::{Finished, Program};
use crate::{OutsideError, Stop};

/// Variables by which a surrounding git (a hook, say) would lead ours astray.
const GIT_VARIABLES: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// A git repository with a work tree.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The top of the work tree.
    pub root: PathBuf,
    /// Where the objects are, also for linked work trees.
    objects: PathBuf,
    git: PathBuf,
}

/// A commit and the words by which the user named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub name: String,
    pub sha: String,
}

/// A tree to be written out: that of a commit, or of the work tree as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The id of the git tree: equal trees have equal ids.
    pub tree: String,
    /// Where objects are that the repository does not have (those of the work tree).
    objects: Option<PathBuf>,
}

impl Repository {
    /// The repository around `folder`.
    pub async fn around(folder: &Path) -> Result<Self, OutsideError> {
        let git = PathBuf::from("git");
        let program =
            program(&git, folder).args(["rev-parse", "--show-toplevel", "--git-common-dir"]);
        let finished = program.run(&Stop::never(), |_| ()).await?;
        if !finished.succeeded() {
            let message = complaint(&finished);
            // Git's own words: a repository of another user is not "no repository".
            return Err(if message.contains("not a git repository") {
                OutsideError::NoRepository { path: folder.to_owned() }
            } else {
                OutsideError::Git { purpose: "open the repository", message }
            });
        }
        let mut lines = finished.stdout.lines();
        let root = PathBuf::from(lines.next().unwrap_or_default());
        let common = folder.join(lines.next().unwrap_or_default());
        Ok(Self { root, objects: common.join("objects"), git })
    }

    /// The commit that `reference` names now.
    pub async fn commit(&self, reference: &str) -> Result<Commit, OutsideError> {
        let unknown = || OutsideError::NoSuchRef { reference: reference.to_owned() };
        let wanted = format!("{reference}^{{commit}}");
        let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted];
        let finished = self.run(args).await?;
        let sha = finished.stdout.trim();
        if !finished.succeeded() || sha.is_empty() {
            return Err(unknown());
        }
        Ok(Commit { name: reference.to_owned(), sha: sha.to_owned() })
    }

    /// Where pull requests go: `origin/HEAD`, else `main` or `master`, of the remote or here.
    pub async fn default_branch(&self) -> Result<Commit, OutsideError> {
        let remote =
            self.run(["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]).await?;
        let named = remote.stdout.trim().to_owned();
        let candidates = [named.as_str(), "origin/main", "origin/master", "main", "master"];
        for candidate in candidates.into_iter().filter(|candidate| !candidate.is_empty()) {
            if let Ok(commit) = self.commit(candidate).await {
                return Ok(commit);
            }
        }
        Err(OutsideError::NoDefaultBranch)
    }

    /// The best common ancestor of two commits.
    pub async fn merge_base(&self, base: &Commit, head: &str) -> Result<Commit, OutsideError> {
        let finished = self.run(["merge-base", &base.sha, head]).await?;
        let sha = finished.stdout.trim();
        if !finished.succeeded() || sha.is_empty() {
            let (base, head) = (base.name.clone(), head.to_owned());
            return Err(OutsideError::NoMergeBase { base, head });
        }
        Ok(Commit { name: format!("merge base with {}", base.name), sha: sha.to_owned() })
    }

    /// The branch that is checked out, if one is.
    pub async fn branch(&self) -> Result<Option<String>, OutsideError> {
        let finished = self.run(["symbolic-ref", "--quiet", "--short", "HEAD"]).await?;
        let name = finished.stdout.trim();
        Ok((finished.succeeded() && !name.is_empty()).then(|| name.to_owned()))
    }

    /// Subjects of the commits from `base` (without) to `head`, oldest first.
    pub async fn subjects(&self, base: &str, head: &str) -> Result<Vec<String>, OutsideError> {
        let range = format!("{base}..{head}");
        let finished =
            self.run(["log", "--reverse", "--format=%h %s", "--end-of-options", &range]).await?;
        Ok(finished.stdout.lines().map(str::to_owned).collect())
    }

    pub async fn tree_of(&self, commit: &Commit) -> Result<Snapshot, OutsideError> {
        let finished =
            self.run(["rev-parse", "--verify", &format!("{}^{{tree}}", commit.sha)]).await?;
        let finished = succeeded(finished, "find the tree of a commit")?;
        Ok(Snapshot { tree: finished.stdout.trim().to_owned(), objects: None })
    }

    /// The action of reading the work tree, tracked files and new ones that git does not ignore.
    pub fn snapshotting(&self, scratch: &Path) -> Action {
        Action::new(Verb::MaterialiseTree, Resource::new("tree:work-tree", Zone::Scratch))
            .with("root", self.root.to_string_lossy())
            .with("into", scratch.to_string_lossy())
    }

    /// Takes the work tree as it stands into objects under `scratch`.
    pub async fn snapshot(&self, permit: Permit, scratch: &Path) -> Result<Snapshot, OutsideError> {
        permit.admit(&self.snapshotting(scratch))?;
        let objects = scratch.join("objects");
        fs::create_dir_all(&objects).map_err(OutsideError::io("cannot make a scratch folder"))?;
        let index = scratch.join("work-tree.index");
        let own = |program: Program| {
            program
                .env("GIT_INDEX_FILE", &index)
                .env("GIT_OBJECT_DIRECTORY", &objects)
                .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &self.objects)
        };
        let started = own(self.program(["read-tree", "HEAD"])).run(&Stop::never(), |_| ()).await?;
        succeeded(started, "read the last commit")?;
        let added =
            own(self.program(["add", "--all", "--", "."])).run(&Stop::never(), |_| ()).await?;
        succeeded(added, "read the work tree")?;
        let written = own(self.program(["write-tree"])).run(&Stop::never(), |_| ()).await?;
        let tree = succeeded(written, "read the work tree")?.stdout.trim().to_owned();
        Ok(Snapshot { tree, objects: Some(objects) })
    }

    /// The action of writing a tree out to `folder`.
    pub fn materialising(&self, snapshot: &Snapshot, folder: &Path) -> Action {
        Action::new(
            Verb::MaterialiseTree,
            Resource::new(format!("tree:{}", snapshot.tree), Zone::Scratch),
        )
        .with("root", self.root.to_string_lossy())
        .with("into", folder.to_string_lossy())
    }

    /// Writes a tree out to `folder`, which must not exist.
    pub async fn materialise(
        &self,
        permit: Permit,
        snapshot: &Snapshot,
        folder: &Path,
    ) -> Result<(), OutsideError> {
        permit.admit(&self.materialising(snapshot, folder))?;
        fs::create_dir_all(folder).map_err(OutsideError::io("cannot make a scratch folder"))?;
        let index = folder.with_extension("index");
        let own = |program: Program| {
            let program = program.env("GIT_INDEX_FILE", &index);
            match &snapshot.objects {
                Some(objects) => program.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", objects),
                None => program,
            }
        };
        let read =
            own(self.program(["read-tree", &snapshot.tree])).run(&Stop::never(), |_| ()).await?;
        succeeded(read, "read a tree")?;
        let mut prefix = OsString::from("--prefix=");
        prefix.push(folder);
        prefix.push("/");
        let args = [OsString::from("checkout-index"), "--all".into(), "--force".into(), prefix];
        let written = own(self.program(args)).run(&Stop::never(), |_| ()).await?;
        succeeded(written, "write a tree out")?;
        Ok(())
    }

    async fn run<T: Into<OsString>>(
        &self,
        args: impl IntoIterator<Item = T>,
    ) -> Result<Finished, OutsideError> {
        self.program(args).run(&Stop::never(), |_| ()).await
    }

    fn program<T: Into<OsString>>(&self, args: impl IntoIterator<Item = T>) -> Program {
        program(&self.git, &self.root).args(args)
    }
}

pub(crate) fn program(git: &Path, folder: &Path) -> Program {
    let mut program = Program::new(git, folder);
    program.without = GIT_VARIABLES.to_vec();
    // No hook, no monitor and no prompt may run because belay looked at a repository.
    program
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
}

fn succeeded(finished: Finished, purpose: &'static str) -> Result<Finished, OutsideError> {
    if finished.succeeded() {
        Ok(finished)
    } else {
        Err(OutsideError::Git { purpose, message: complaint(&finished) })
    }
}

fn complaint(finished: &Finished) -> String {
    let text = finished.stderr.trim();
    let text = if text.is_empty() { finished.ending() } else { text.to_owned() };
    text.trim_start_matches("fatal: ").replace('\n', "; ")
}
