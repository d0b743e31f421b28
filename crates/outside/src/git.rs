//! Git, read through its own command line. The work tree, the index, refs, hooks and objects of the
//! user's repository are never touched: commits are written elsewhere through an index of belay's own, and of
//! the work tree the files themselves are copied.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use belay_gate::Permit;
use belay_model::{Action, Digest, Resource, Verb, Zone};
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
    /// The id of the git tree, or the digest of the work tree: equal trees have equal ids.
    pub tree: String,
    /// The copy of the work tree, until it is moved to its place.
    copy: Option<PathBuf>,
}

impl Repository {
    /// The repository around `folder`.
    pub async fn around(folder: &Path) -> Result<Self, OutsideError> {
        let git = PathBuf::from("git");
        let program = program(&git, folder).args(["rev-parse", "--show-toplevel"]);
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
        let root = PathBuf::from(finished.stdout.trim_end_matches('\n'));
        Ok(Self { root, git })
    }

    /// The commit that `reference` names now.
    pub async fn commit(&self, reference: &str) -> Result<Commit, OutsideError> {
        let unknown = || OutsideError::NoSuchRef { reference: reference.to_owned() };
        let wanted = format!("{reference}^{{commit}}");
        let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted];
        let finished = self.run(args).await?;
        let sha = finished.stdout.trim();
        // `^main` is no name of a commit, but git reads it as "without main" and answers `^` and an id.
        let named = !sha.is_empty() && sha.chars().all(|letter| letter.is_ascii_hexdigit());
        if !finished.succeeded() || !named {
            return Err(unknown());
        }
        Ok(Commit { name: reference.to_owned(), sha: sha.to_owned() })
    }

    /// Where pull requests go: `origin/HEAD`, else `main` or `master`, of the remote or here.
    pub async fn default_branch(&self, named: Option<&str>) -> Result<Commit, OutsideError> {
        if let Some(named) = named {
            return self.commit(named).await;
        }
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
        let finished = self.run(["merge-base", "--end-of-options", &base.sha, head]).await?;
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

    /// Short id and whole message of each commit from `base` (without) to `head`, oldest first.
    pub async fn messages(
        &self,
        base: &str,
        head: &str,
    ) -> Result<Vec<(String, String)>, OutsideError> {
        let range = format!("{base}..{head}");
        let args = ["log", "--reverse", "-z", "--format=%h%n%B", "--end-of-options", &range];
        let finished = self.run(args).await?;
        let messages = finished.stdout.split('\0').filter_map(|one| one.split_once('\n'));
        Ok(messages.map(|(commit, text)| (commit.to_owned(), text.to_owned())).collect())
    }

    /// A tracked file with changes that are in no commit, if there is one.
    pub async fn first_uncommitted(&self) -> Result<Option<String>, OutsideError> {
        let args = ["status", "--porcelain", "--untracked-files=no", "-z"];
        let finished = succeeded(self.run(args).await?, "look at the work tree")?;
        let first = finished.stdout.split('\0').next().and_then(|entry| entry.get(3..));
        Ok(first.filter(|path| !path.is_empty()).map(str::to_owned))
    }

    /// Where each file that differs between two commits first differs: its path from the root, and a
    /// line of `head`. Files that `head` does not have are left out.
    pub async fn first_changes(
        &self,
        base: &str,
        head: &str,
    ) -> Result<BTreeMap<String, u32>, OutsideError> {
        let args = ["-c", "core.quotePath=false", "diff", "--no-color", "--no-ext-diff"];
        let more = ["--no-textconv", "--no-renames", "--unified=0", "--src-prefix=a/"];
        let last = ["--dst-prefix=b/", "--end-of-options", base, head];
        let finished = self.run(args.into_iter().chain(more).chain(last)).await?;
        Ok(first_lines(&succeeded(finished, "compare two commits")?.stdout))
    }

    pub async fn tree_of(&self, commit: &Commit) -> Result<Snapshot, OutsideError> {
        let finished =
            self.run(["rev-parse", "--verify", &format!("{}^{{tree}}", commit.sha)]).await?;
        let finished = succeeded(finished, "find the tree of a commit")?;
        Ok(Snapshot { tree: finished.stdout.trim().to_owned(), copy: None })
    }

    /// The action of reading the work tree, tracked files and new ones that git does not ignore.
    pub fn snapshotting(&self, scratch: &Path) -> Action {
        Action::new(Verb::MaterialiseTree, Resource::new("tree:work-tree", Zone::Scratch))
            .with("root", self.root.to_string_lossy())
            .with("into", scratch.to_string_lossy())
    }

    /// Copies the work tree as it stands to a folder under `scratch`. Git only lists the files: even
    /// an index and an object folder of our own would make it freshen the repository's objects.
    pub async fn snapshot(&self, permit: Permit, scratch: &Path) -> Result<Snapshot, OutsideError> {
        permit.admit(&self.snapshotting(scratch))?;
        let args =
            ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
        let listed = succeeded(self.run(args).await?, "list the work tree")?;
        let copy = scratch.join("work-tree");
        fs::create_dir_all(&copy).map_err(OutsideError::io("cannot make a scratch folder"))?;
        let left_out = self.left_out().await?;
        self.fill_in(&left_out, &copy).await?;
        let mut told = String::new();
        for name in listed.stdout.split('\0').filter(|name| !name.is_empty()) {
            let to = copy.join(name);
            let digest = if left_out.contains(name) {
                content(&to)?
            } else if behind_link(&self.root, Path::new(name)) {
                // To git a file behind a link is deleted. To a copy that follows the link, source and
                // target would be the same file.
                None
            } else {
                copy_file(&self.root.join(name), &to)?
            };
            told.extend(digest.map(|digest| format!("{name}\0{digest}\0")));
        }
        Ok(Snapshot { tree: format!("work-tree:{}", Digest::of(told)), copy: Some(copy) })
    }

    /// What a sparse work tree does not hold although the commit has it: that is no deletion.
    async fn left_out(&self) -> Result<BTreeSet<String>, OutsideError> {
        let args = ["ls-files", "-z", "-t", "--cached"];
        let tagged = succeeded(self.run(args).await?, "list the work tree")?.stdout;
        let skipped = tagged.split('\0').filter_map(|line| line.strip_prefix("S "));
        let absent = |name: &&str| fs::symlink_metadata(self.root.join(name)).is_err();
        Ok(skipped.filter(absent).map(str::to_owned).collect())
    }

    /// Writes files out of the user's index, which is only read.
    async fn fill_in(&self, names: &BTreeSet<String>, folder: &Path) -> Result<(), OutsideError> {
        let names: Vec<&String> = names.iter().collect();
        for some in names.chunks(500) {
            let args = ["checkout-index", "--force", "--ignore-skip-worktree-bits"];
            let program =
                self.program(args).args([into(folder), "--".into()]).args(some.iter().copied());
            let written = program.run(&Stop::never(), |_| ()).await?;
            succeeded(written, "write out what a sparse work tree leaves out")?;
        }
        Ok(())
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
        if let Some(copy) = &snapshot.copy {
            return fs::rename(copy, folder)
                .map_err(OutsideError::io("cannot place the work tree"));
        }
        fs::create_dir_all(folder).map_err(OutsideError::io("cannot make a scratch folder"))?;
        let index = folder.with_extension("index");
        let own = |program: Program| program.env("GIT_INDEX_FILE", &index);
        let read =
            own(self.program(["read-tree", &snapshot.tree])).run(&Stop::never(), |_| ()).await?;
        succeeded(read, "read a tree")?;
        let args = ["checkout-index".into(), "--all".into(), "--force".into(), into(folder)];
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

/// Reads a diff without context: of each file that is still there the first line that is new, or the
/// one before what went.
fn first_lines(diff: &str) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    let mut file = None;
    // Between the header of a hunk and the next one stand lines of files, which can look like anything.
    let mut left = 0_u32;
    for line in diff.lines() {
        if left > 0 && line.starts_with(['+', '-']) {
            left -= 1;
            continue;
        }
        if line.starts_with("diff --git ") {
            file = None;
        } else if let Some(path) = line.strip_prefix("+++ b/") {
            file = Some(path.trim_end_matches('\t').to_owned());
        } else if let Some((removed, added)) = line.strip_prefix("@@ -").and_then(hunk) {
            left = removed.1 + added.1;
            if let Some(file) = file.take() {
                found.insert(file, added.0.max(1));
            }
        }
    }
    found
}

/// `3,2 +5 @@ …` as the first line and the number of lines of both sides.
fn hunk(header: &str) -> Option<((u32, u32), (u32, u32))> {
    let (removed, rest) = header.split_once(" +")?;
    let (added, _) = rest.split_once(" @@")?;
    let range = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    Some((range(removed)?, range(added)?))
}

/// The option by which `checkout-index` writes to `folder`.
fn into(folder: &Path) -> OsString {
    let mut prefix = OsString::from("--prefix=");
    prefix.push(folder);
    prefix.push("/");
    prefix
}

/// What a file or a link holds.
fn content(path: &Path) -> Result<Option<Digest>, OutsideError> {
    let reading = || OutsideError::io(format!("cannot read `{}`", path.display()));
    if path.is_symlink() {
        let target = fs::read_link(path).map_err(reading())?;
        return Ok(Some(Digest::of(target.as_os_str().as_encoded_bytes())));
    }
    Ok(Some(Digest::of(fs::read(path).map_err(reading())?)))
}

/// Copies a file or a link and says what it holds; nothing for a file that was deleted, or a folder (a
/// repository in the repository).
fn copy_file(from: &Path, to: &Path) -> Result<Option<Digest>, OutsideError> {
    let copying = || OutsideError::io(format!("cannot copy `{}`", from.display()));
    let Ok(about) = fs::symlink_metadata(from) else { return Ok(None) };
    // A folder is a repository in the repository; a pipe or a device would never end.
    if !about.is_file() && !about.is_symlink() {
        return Ok(None);
    }
    fs::create_dir_all(to.parent().unwrap_or(to)).map_err(copying())?;
    if about.is_symlink() {
        let target = fs::read_link(from).map_err(copying())?;
        fs_err::os::unix::fs::symlink(&target, to).map_err(copying())?;
    } else {
        // With its permissions: a program stays one.
        fs::copy(from, to).map_err(copying())?;
    }
    content(to)
}

/// Whether a folder on the way to `name` is a link.
fn behind_link(root: &Path, name: &Path) -> bool {
    let folders = name.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    let mut kinds = folders.map(|folder| fs::symlink_metadata(root.join(folder)));
    kinds.any(|about| about.is_ok_and(|about| about.is_symlink()))
}

/// The first link below `folder` that leads out of it: nothing may be read or written through it.
pub fn link_out(folder: &Path) -> Result<Option<PathBuf>, OutsideError> {
    let reading = || OutsideError::io(format!("cannot read `{}`", folder.display()));
    let root = fs::canonicalize(folder).map_err(reading())?;
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(reading())? {
            let entry = entry.map_err(reading())?;
            let kind = entry.file_type().map_err(reading())?;
            let leads_out =
                || fs::canonicalize(entry.path()).is_ok_and(|target| !target.starts_with(&root));
            if kind.is_symlink() && leads_out() {
                return Ok(Some(entry.path()));
            }
            if kind.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(None)
}

pub(crate) fn program(git: &Path, folder: &Path) -> Program {
    let mut program = Program::new(git, folder);
    program.without = GIT_VARIABLES.to_vec();
    // No hook, no monitor and no prompt may run because belay looked at a repository.
    program
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"])
        .args(["-c", "log.showSignature=false"])
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
