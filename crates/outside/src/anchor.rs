//! Where checkpoints of the audit are put, out of reach of whoever keeps the store: a file that grows, or
//! a ref of belay's own with a commit for each. Nothing that stands there is ever taken away.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use belay_gate::Permit;
use belay_model::{Action, Digest, Resource, Timestamp, Verb, Zone};
use fs_err as fs;
use tempfile::TempDir;

use crate::git::program;
use crate::{OutsideError, Repository, Stop};

/// The refs that belay may write.
const OWN: &str = "refs/belay/";

/// The name of the note in the trees of the ref's commits.
const NAME: &str = "checkpoint";

/// A place outside of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchor {
    /// Notes, one behind the other.
    File(PathBuf),
    /// The ref's commit holds the newest note, its ancestors the earlier ones.
    Git(String),
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchored {
    /// The notes; empty where there is none yet.
    pub text: String,
    /// Another text has another version: what is put there goes behind exactly this one.
    pub version: String,
}

impl fmt::Display for Anchor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "file:{}", path.display()),
            Self::Git(reference) => write!(out, "git:{reference}"),
        }
    }
}

impl Anchor {
    /// Reads `file:PATH` or `git:REF`; a relative path counts from `folder`.
    pub fn parse(text: &str, folder: &Path) -> Option<Self> {
        match text.split_once(':')? {
            ("file", path) if !path.is_empty() => Some(Self::File(folder.join(path))),
            ("git", reference) if !reference.is_empty() && !reference.starts_with('-') => {
                Some(Self::Git(reference.to_owned()))
            }
            _ => None,
        }
    }

    /// Belay writes to files, and below `refs/belay/`.
    pub fn is_ours(&self) -> bool {
        match self {
            Self::File(_) => true,
            Self::Git(reference) => is_own(reference),
        }
    }

    /// What stands there now; `folder` is in the repository.
    pub async fn read(&self, folder: &Path) -> Result<Anchored, OutsideError> {
        match self {
            Self::File(path) => {
                let text = match fs::read_to_string(path) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                    read => read.map_err(OutsideError::io("cannot read the anchor"))?,
                };
                let version = Digest::of(&text).to_string();
                Ok(Anchored { text, version })
            }
            Self::Git(reference) => {
                let repository = Repository::around(folder).await?;
                let commit = match repository.commit(reference).await {
                    Err(OutsideError::NoSuchRef { .. }) => {
                        return Ok(Anchored { text: String::new(), version: String::new() });
                    }
                    found => found?,
                };
                let blob = format!("{}:{NAME}", commit.sha);
                let words = ["cat-file", "blob", &blob];
                let text = git(&repository, &[], &words, "read the anchor").await?;
                Ok(Anchored { text, version: commit.sha })
            }
        }
    }

    /// The action of putting `note` behind what stands there.
    pub fn putting(&self, note: &str, behind: &Anchored) -> Action {
        Action::new(Verb::WriteReport, Resource::new(format!("anchor:{self}"), Zone::Dev))
            .with("note", Digest::of(note).to_string())
            .with("behind", &behind.version)
    }

    /// Puts `note` behind what stands there; refused when something else stands there by now.
    pub async fn put(
        &self,
        permit: Permit,
        folder: &Path,
        note: &str,
        behind: &Anchored,
        at: Timestamp,
    ) -> Result<(), OutsideError> {
        permit.admit(&self.putting(note, behind))?;
        match self {
            Self::File(path) => append(path, note, behind),
            Self::Git(reference) if is_own(reference) => {
                let repository = Repository::around(folder).await?;
                commit(&repository, reference, note, behind, at).await
            }
            Self::Git(reference) => {
                let message = format!("`{reference}` is not below `{OWN}`");
                Err(OutsideError::Git { purpose: "write the anchor", message })
            }
        }
    }
}

fn is_own(reference: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let word = |word: &str| !word.is_empty() && word.chars().all(fits);
    reference.strip_prefix(OWN).is_some_and(|rest| rest.split('/').all(word))
}

fn append(path: &Path, note: &str, behind: &Anchored) -> Result<(), OutsideError> {
    let doing = || OutsideError::io(format!("cannot write the anchor `{}`", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(doing())?;
    }
    let opened = fs::OpenOptions::new().create(true).append(true).open(path);
    let mut file = opened.map_err(doing())?;
    file.file().lock().map_err(doing())?;
    let now = fs::read(path).map_err(doing())?;
    if Digest::of(now).to_string() != behind.version {
        let changed = std::io::Error::other("it changed in the meantime");
        return Err(doing()(changed));
    }
    file.write_all(note.as_bytes()).and_then(|()| file.sync_all()).map_err(doing())
}

/// A commit with the note, whose parent is the one before; the ref moves only if it still stands there.
async fn commit(
    repository: &Repository,
    reference: &str,
    note: &str,
    behind: &Anchored,
    at: Timestamp,
) -> Result<(), OutsideError> {
    let doing = || OutsideError::io("cannot make a folder for the anchor");
    let scratch = TempDir::new().map_err(doing())?;
    let file = scratch.path().join(NAME);
    fs::write(&file, note).map_err(doing())?;
    let when = format!("@{} +0000", at.nanos() / 1_000_000_000);
    let index = scratch.path().join("index").to_string_lossy().into_owned();
    let mut env = vec![("GIT_INDEX_FILE", index)];
    env.extend(["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|name| (name, "belay".to_owned())));
    let mail = "belay@localhost";
    env.extend(["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|name| (name, mail.to_owned())));
    env.extend(["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"].map(|name| (name, when.clone())));
    let purpose = "write the anchor";
    let file = file.to_string_lossy();
    let words = ["hash-object", "-w", "--no-filters", "--", &file];
    let blob = git(repository, &env, &words, purpose).await?;
    let entry = format!("100644,{},{NAME}", blob.trim());
    git(repository, &env, &["update-index", "--add", "--cacheinfo", &entry], purpose).await?;
    let tree = git(repository, &env, &["write-tree"], purpose).await?;
    let mut words = vec!["commit-tree", tree.trim(), "-m", "belay: a checkpoint of the audit"];
    if !behind.version.is_empty() {
        words.extend(["-p", &behind.version]);
    }
    let commit = git(repository, &env, &words, purpose).await?;
    // An empty old value: the ref must not exist.
    let moved = ["update-ref", reference, commit.trim(), &behind.version];
    git(repository, &env, &moved, purpose).await?;
    Ok(())
}

async fn git(
    repository: &Repository,
    env: &[(&str, String)],
    words: &[&str],
    purpose: &'static str,
) -> Result<String, OutsideError> {
    let mut program = program(Path::new("git"), &repository.root).args(words.iter().copied());
    for (name, value) in env {
        program = program.env(name, value.as_str());
    }
    let finished = program.run(&Stop::never(), |_| ()).await?;
    if finished.succeeded() {
        Ok(finished.stdout)
    } else {
        let message = finished.stderr.trim().trim_start_matches("fatal: ").replace('\n', "; ");
        Err(OutsideError::Git { purpose, message })
    }
}
