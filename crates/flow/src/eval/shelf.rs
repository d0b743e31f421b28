//! Where suites are: in the binary, and under `belay/evaluators` of the repository, which comes first.

use std::path::{Path, PathBuf};

use belay_score::suite::{self, Fault, Suite};
use fs_err as fs;

use super::EvalError;
use crate::FlowError;

const BUILT_IN: [(&str, &str); 2] = [
    ("impact", include_str!("../../evaluators/impact.yaml")),
    ("injection", include_str!("../../evaluators/injection.yaml")),
];

const PACKS: [(&str, &str); 2] = [
    ("changes.jsonl", include_str!("../../evaluators/changes.jsonl")),
    ("injection.jsonl", include_str!("../../evaluators/injection.jsonl")),
];

/// Whether there is a built-in suite of this name. `default` are the seven checks of a review.
pub fn exists(name: &str) -> bool {
    name == "default" || BUILT_IN.iter().any(|(known, _)| *known == name)
}

/// The suites that can be run here.
#[derive(Debug)]
pub struct Shelf {
    /// Where the user stands.
    folder: PathBuf,
    files: Vec<PathBuf>,
}

/// A suite and where it is from.
#[derive(Debug)]
pub struct Shelved {
    pub name: String,
    /// For people; `built-in:NAME` for one of the binary.
    pub file: String,
    /// Files that the suite names are beside it.
    folder: Option<PathBuf>,
    pub suite: Suite,
}

impl Shelved {
    pub(super) fn faulty(&self, faults: Vec<Fault>) -> FlowError {
        EvalError::Suite { file: self.file.clone(), faults }.into()
    }
}

impl Shelf {
    /// `root` is the repository's; without one there are the built-in suites only.
    pub fn open(folder: &Path, root: Option<&Path>) -> Result<Self, FlowError> {
        let mut files = Vec::new();
        let own = root.map(|root| root.join("belay/evaluators")).filter(|own| own.is_dir());
        if let Some(own) = own {
            let unreadable = |source| FlowError::Unreadable { path: own.clone(), source };
            for entry in fs::read_dir(&own).map_err(unreadable)? {
                let path = entry.map_err(unreadable)?.path();
                if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
                    files.push(path);
                }
            }
        }
        files.sort();
        Ok(Self { folder: folder.to_owned(), files })
    }

    /// The names of all suites: file names without their endings.
    pub fn names(&self) -> Vec<String> {
        let own = self.files.iter().filter_map(|path| path.file_stem());
        let mut names: Vec<String> = own.map(|stem| stem.to_string_lossy().into_owned()).collect();
        names.extend(BUILT_IN.iter().map(|(name, _)| (*name).to_owned()));
        names.sort();
        names.dedup();
        names
    }

    pub fn exists(&self, name: &str) -> bool {
        exists(name) || self.names().iter().any(|known| known == name)
    }

    /// The suite of this name, or in this file.
    pub fn suite(&self, name: &str) -> Result<Shelved, FlowError> {
        let own = self.files.iter().find(|path| path.file_stem().is_some_and(|stem| stem == name));
        let named = self.folder.join(name);
        let ending = named.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        let path = own.cloned().or((ending && named.is_file()).then_some(named));
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
        let (file, folder, text) = match (path, built_in) {
            (Some(path), _) => {
                let read = fs::read_to_string(&path);
                let unreadable = |source| FlowError::Unreadable { path: path.clone(), source };
                let shown = path.strip_prefix(&self.folder).unwrap_or(&path).display().to_string();
                (shown, path.parent().map(Path::to_owned), read.map_err(unreadable)?)
            }
            (None, Some((_, text))) => (format!("built-in:{name}"), None, (*text).to_owned()),
            (None, None) => {
                let (name, known) = (name.to_owned(), self.names());
                return Err(EvalError::NoSuite { name, known }.into());
            }
        };
        let suite =
            suite::read(&text).map_err(|faults| EvalError::Suite { file: file.clone(), faults })?;
        Ok(Shelved { name: name.to_owned(), file, folder, suite })
    }

    /// A dataset or a pack: a file where the user stands, beside the suite, or in the binary.
    pub(super) fn data(&self, name: &str, suite: &Shelved) -> Result<(String, String), FlowError> {
        let beside = suite.folder.as_ref().map(|folder| folder.join(name));
        for path in [Some(self.folder.join(name)), beside].into_iter().flatten() {
            if path.is_file() {
                let text = fs::read_to_string(&path);
                let text = text.map_err(|source| FlowError::Unreadable { path, source })?;
                return Ok((name.to_owned(), text));
            }
        }
        let stem = name.strip_suffix(".jsonl").unwrap_or(name);
        let pack = PACKS.iter().find(|(known, _)| known.strip_suffix(".jsonl") == Some(stem));
        pack.map(|(known, text)| ((*known).to_owned(), (*text).to_owned()))
            .ok_or_else(|| EvalError::NoDataset { name: name.to_owned() }.into())
    }

    /// The text of a file that the user named, if it is one.
    pub(super) fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_suites_and_packs_can_be_read() {
        for (name, text) in BUILT_IN {
            let suite = suite::read(text).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
            assert_eq!(suite.name, name);
            assert!(exists(name));
        }
        for (name, text) in PACKS {
            assert!(!super::super::project::pack(name, text).unwrap().cases.is_empty());
        }
        assert!(exists("default") && !exists("nothing"));
    }
}
