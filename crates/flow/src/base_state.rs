//! The base of a review as artefacts that the default branch's last run left: kept with the commit they
//! are of, and taken only if that is the commit that a change goes out from.

use std::path::{Path, PathBuf};

use belay_dbt::Manifest;
use belay_model::Digest;
use belay_model::Explain;
use belay_model::explain::Blame;
use belay_outside::Repository;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::FlowError;

pub const SCHEMA: &str = "belay.base-state/1";

/// The file that says what the others are.
pub const FILE: &str = "belay-state.json";

/// What is kept, where there is one. Only the manifest has to be.
const ARTEFACTS: [&str; 4] = ["manifest.json", "run_results.json", "catalog.json", "sources.json"];

/// `belay-state.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    schema: String,
    /// The commit whose project these artefacts are of.
    pub commit: String,
    pub dbt_version: String,
    files: Vec<File>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    name: String,
    digest: String,
}

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("`{folder}` holds no base state: {message}")]
    None { folder: String, message: String },
    #[error("`{file}` of the base state is not what was saved")]
    Changed { file: String },
    #[error("the base state is of commit {found}, and this change goes out from {wanted}")]
    Stale { found: String, wanted: String },
    #[error("`{path}` has changes that are in no commit, so the artefacts are of none")]
    Dirty { path: String },
}

impl Explain for StateError {
    fn code(&self) -> &'static str {
        match self {
            Self::None { .. } => "base-state/none",
            Self::Changed { .. } => "base-state/changed",
            Self::Stale { .. } => "base-state/stale",
            Self::Dirty { .. } => "base-state/dirty",
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            Self::None { .. } => {
                "let the default branch's job run `belay state save`, and fetch what it kept for the merge base"
            }
            Self::Changed { .. } => "fetch it again: it was damaged or changed on its way",
            Self::Stale { .. } => {
                "fetch the state of that commit; or take this one all the same with `--allow-stale-base`, and \
                 the report says so"
            }
            Self::Dirty { .. } => "commit them first, or save the state from a clean checkout",
        };
        Some(text.to_owned())
    }

    fn blame(&self) -> Blame {
        Blame::Input
    }
}

/// Keeps the artefacts in `from` in the folder `out`, as those of the commit that is checked out.
pub async fn save(repository: &Repository, from: &Path, out: &Path) -> Result<State, FlowError> {
    let none = |message: String| StateError::None { folder: from.display().to_string(), message };
    let bytes = fs::read(from.join(ARTEFACTS[0])).map_err(|error| none(error.to_string()))?;
    let manifest = Manifest::parse(&bytes)
        .map_err(|source| FlowError::Manifest { side: from.display().to_string(), source })?;
    if let Some(path) = repository.first_uncommitted().await? {
        return Err(StateError::Dirty { path }.into());
    }
    let commit = repository.commit("HEAD").await?.sha;
    let unwritable = |source| FlowError::Unreadable { path: out.to_owned(), source };
    fs::create_dir_all(out).map_err(unwritable)?;
    let mut files = Vec::new();
    for name in ARTEFACTS {
        let path = from.join(name);
        if !path.is_file() {
            continue;
        }
        let unreadable = |source| FlowError::Unreadable { path: path.clone(), source };
        let bytes = fs::read(&path).map_err(unreadable)?;
        fs::write(out.join(name), &bytes).map_err(unwritable)?;
        files.push(File { name: name.to_owned(), digest: Digest::of(&bytes).to_string() });
    }
    let dbt_version = manifest.metadata.dbt_version.to_string();
    let state = State { schema: SCHEMA.to_owned(), commit, dbt_version, files };
    let text = serde_json::to_string_pretty(&state)
        .map_err(|error| FlowError::Render { message: error.to_string() })?;
    // Last: a folder without it holds no state.
    fs::write(out.join(FILE), text + "\n").map_err(unwritable)?;
    Ok(state)
}

/// Reads a state and checks that its files are those that were saved.
pub fn read(folder: &Path) -> Result<State, StateError> {
    let none = |message: String| StateError::None { folder: folder.display().to_string(), message };
    let text = fs::read(folder.join(FILE)).map_err(|error| none(error.to_string()))?;
    let state: State =
        serde_json::from_slice(&text).map_err(|error| none(format!("{FILE}: {error}")))?;
    if state.schema != SCHEMA {
        return Err(none(format!("{FILE} has the schema `{}`", state.schema)));
    }
    for file in &state.files {
        // Names are those that belay wrote, so none leads elsewhere.
        let known = ARTEFACTS.contains(&file.name.as_str());
        let same = known
            && fs::read(folder.join(&file.name))
                .is_ok_and(|bytes| Digest::of(&bytes).to_string() == file.digest);
        if !same {
            return Err(StateError::Changed { file: file.name.clone() });
        }
    }
    Ok(state)
}

/// The state in `folder`, if it is of the commit that this change goes out from. With `allow_stale` one
/// of another commit is taken too, and the second part says so, for the report.
pub async fn check(
    repository: &Repository,
    default_branch: Option<&str>,
    head: &str,
    folder: &Path,
    allow_stale: bool,
) -> Result<(PathBuf, Option<String>), FlowError> {
    let state = read(folder)?;
    let branch = repository.default_branch(default_branch).await?;
    let wanted = repository.merge_base(&branch, head).await?.sha;
    if state.commit == wanted {
        return Ok((folder.to_owned(), None));
    }
    let stale = StateError::Stale { found: short(&state.commit), wanted: short(&wanted) };
    if allow_stale {
        let remark =
            format!("{stale}: what changed between the two is shown as if it were of this change");
        return Ok((folder.to_owned(), Some(remark)));
    }
    Err(stale.into())
}

fn short(commit: &str) -> String {
    commit.chars().take(12).collect()
}
