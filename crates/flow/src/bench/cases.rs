//! The cases: mutated and benign pull requests, each a list of edits of a project's files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use fs_err as fs;
use include_dir::{Dir, DirEntry, include_dir};
use serde::Deserialize;

use super::BenchError;
use crate::{FlowError, demo};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../bench");
const SCHEMA: &str = "belay.bench-cases/1";
/// The project whose files are those of `belay demo`.
const SHOP: &str = "shop";

/// A project with the cases that are tried on it.
#[derive(Debug, Clone)]
pub struct Project {
    pub name: String,
    /// By path, relative to the project.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Statements that fill its sources before it is built.
    pub data: Option<String>,
    /// Statements that bring the next day's rows, for cases that only an increment shows.
    pub next: Option<String>,
    pub cases: Vec<Case>,
}

/// One pull request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub id: String,
    pub kind: Kind,
    /// What is wrong with it, or what it tidies: `join key`, `formatting`.
    pub class: String,
    /// Why a reviewer would want to know, or would not.
    pub why: String,
    #[serde(default)]
    pub shows: Shows,
    /// Whether one of the project's own tests fails on it, or it does not build, as measured.
    #[serde(default)]
    pub tests_fail: bool,
    pub edits: Vec<Edit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Regression,
    Benign,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Benign => "benign",
        }
    }
}

/// Where a regression shows in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shows {
    /// When everything is built anew.
    #[default]
    Build,
    /// When the next day's rows are built on top of what is there.
    Increment,
}

/// One change of one file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    pub file: PathBuf,
    /// Text that stands in the file exactly once, unless `all`.
    pub find: Option<String>,
    /// What takes its place.
    pub put: Option<String>,
    #[serde(default)]
    pub all: bool,
    /// The whole file anew.
    pub write: Option<String>,
    #[serde(default)]
    pub remove: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    cases: Vec<Case>,
}

/// Reads the built-in projects, or those of a folder. A project of a folder without files of its own
/// is the built-in one of that name with the folder's cases.
pub fn read(folder: Option<&Path>) -> Result<Vec<Project>, FlowError> {
    let built_in = gather(&collect(&BUILT_IN))?;
    let Some(folder) = folder else { return Ok(built_in) };
    let mut files = BTreeMap::new();
    walk(folder, folder, &mut files)?;
    let mut projects = gather(&files)?;
    let known: Vec<String> = built_in.iter().map(|project| project.name.clone()).collect();
    for project in &mut projects {
        if !project.files.is_empty() {
            continue;
        }
        let like = built_in.iter().find(|built_in| built_in.name == project.name);
        let Some(like) = like else {
            let name = project.name.clone();
            return Err(BenchError::NoProject { name, known: known.clone() }.into());
        };
        project.files.clone_from(&like.files);
        project.data = project.data.take().or_else(|| like.data.clone());
        project.next = project.next.take().or_else(|| like.next.clone());
    }
    projects.retain(|project| !project.cases.is_empty());
    Ok(projects)
}

/// `NAME/project/…`, `NAME/data.sql`, `NAME/next.sql`, `NAME/cases/….yaml`.
fn gather(files: &BTreeMap<PathBuf, Vec<u8>>) -> Result<Vec<Project>, FlowError> {
    let mut projects: BTreeMap<String, Project> = BTreeMap::new();
    for (path, body) in files {
        let mut parts = path.components();
        let Some(Component::Normal(name)) = parts.next() else { continue };
        let rest = parts.as_path();
        if rest.as_os_str().is_empty() {
            continue;
        }
        let name = name.to_string_lossy().into_owned();
        let project = projects.entry(name.clone()).or_insert_with(|| Project {
            name,
            files: BTreeMap::new(),
            data: None,
            next: None,
            cases: Vec::new(),
        });
        let text = || String::from_utf8_lossy(body).into_owned();
        if let Ok(inside) = rest.strip_prefix("project") {
            project.files.insert(inside.to_owned(), body.clone());
        } else if rest == Path::new("data.sql") {
            project.data = Some(text());
        } else if rest == Path::new("next.sql") {
            project.next = Some(text());
        } else if rest.starts_with("cases") {
            project.cases.extend(parse(&path.display().to_string(), &text())?);
        }
    }
    if let Some(shop) = projects.get_mut(SHOP).filter(|shop| shop.files.is_empty()) {
        shop.files = demo::project().into_iter().collect();
        shop.data = Some(demo::data());
    }
    let mut seen = BTreeSet::new();
    for project in projects.values() {
        for case in &project.cases {
            if !seen.insert(case.id.clone()) {
                let (file, message) =
                    (project.name.clone(), format!("`{}` is there twice", case.id));
                return Err(BenchError::Cases { file, message }.into());
            }
            // A case that does not fit its project is a fault of the case, and told before any work.
            if !project.files.is_empty() {
                case.head(project)?;
            }
        }
    }
    Ok(projects.into_values().collect())
}

fn parse(file: &str, text: &str) -> Result<Vec<Case>, BenchError> {
    let fault = |message: String| BenchError::Cases { file: file.to_owned(), message };
    let read: File = serde_saphyr::from_str(text).map_err(|error| fault(error.to_string()))?;
    if read.schema != SCHEMA {
        return Err(fault(format!("`schema` is `{}`, expected `{SCHEMA}`", read.schema)));
    }
    Ok(read.cases)
}

impl Case {
    /// The project's files as this pull request leaves them.
    pub fn head(&self, project: &Project) -> Result<BTreeMap<PathBuf, Vec<u8>>, BenchError> {
        let mut files = project.files.clone();
        for edit in &self.edits {
            let fault = |message: &str| BenchError::Cases {
                file: project.name.clone(),
                message: format!("case {}, `{}`: {message}", self.id, edit.file.display()),
            };
            let leads_out = |part: Component<'_>| !matches!(part, Component::Normal(_));
            if edit.file.components().any(leads_out) {
                return Err(fault("the path leads out of the project"));
            }
            if edit.remove {
                files.remove(&edit.file).ok_or_else(|| fault("there is no such file"))?;
                continue;
            }
            if let Some(text) = &edit.write {
                files.insert(edit.file.clone(), text.clone().into_bytes());
                continue;
            }
            let (Some(find), Some(put)) = (&edit.find, &edit.put) else {
                return Err(fault("an edit needs `find` and `put`, `write`, or `remove`"));
            };
            let body = files.get(&edit.file).ok_or_else(|| fault("there is no such file"))?;
            let text = String::from_utf8_lossy(body).into_owned();
            match text.matches(find.as_str()).count() {
                0 => return Err(fault(&format!("it does not hold `{find}`"))),
                1 => (),
                _ if edit.all => (),
                more => return Err(fault(&format!("it holds `{find}` {more} times"))),
            }
            files.insert(edit.file.clone(), text.replace(find.as_str(), put).into_bytes());
        }
        if files == project.files {
            let (file, message) = (project.name.clone(), format!("case {} edits nothing", self.id));
            return Err(BenchError::Cases { file, message });
        }
        Ok(files)
    }
}

fn collect(dir: &Dir<'_>) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir];
    while let Some(dir) = open.pop() {
        for entry in dir.entries() {
            match entry {
                DirEntry::Dir(dir) => open.push(dir),
                DirEntry::File(file) => {
                    found.insert(file.path().to_owned(), file.contents().to_owned());
                }
            }
        }
    }
    found
}

fn walk(
    root: &Path,
    folder: &Path,
    found: &mut BTreeMap<PathBuf, Vec<u8>>,
) -> Result<(), FlowError> {
    let unreadable = |source| FlowError::Unreadable { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            walk(root, &path, found)?;
        } else {
            let body = fs::read(&path)
                .map_err(|source| FlowError::Unreadable { path: path.clone(), source })?;
            found.insert(path.strip_prefix(root).unwrap_or(&path).to_owned(), body);
        }
    }
    Ok(())
}
