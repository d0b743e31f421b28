//! The use case: artefacts of a project are read, and a question about it is answered.

use std::path::{Path, PathBuf};

use belay_dbt::{Catalog, Manifest};
use belay_model::Digest;
use belay_sql::with_deep_stack;
use fs_err as fs;

use super::error::LineageError;
use super::walk::{Direction, walk};
use super::wire::{self, Lineage};
use super::{Cache, Graph, Project, dot, find, html, text};
use crate::FlowError;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `MODEL` or `MODEL.COLUMN`.
    pub what: String,
    pub direction: Direction,
    /// How many links far; all the way without.
    pub depth: Option<usize>,
}

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    /// With the types of columns, or without.
    Text {
        types: bool,
    },
    Dot,
    Html,
}

/// A project that was read from its artefacts.
#[derive(Debug)]
pub struct Loaded {
    pub manifest: Manifest,
    pub catalog: Option<Catalog>,
    pub project: Project,
}

/// Reads the manifest, and the catalog if one is named. What was read before is found again in the
/// folder `cache`.
pub fn load(
    manifest: &Path,
    catalog: Option<&Path>,
    cache: Option<&Path>,
) -> Result<Loaded, FlowError> {
    let kept = cache.map(|folder| kept(folder, manifest));
    let bytes = match fs::read(manifest) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let folder = manifest.parent().unwrap_or(manifest);
            return Err(FlowError::NoManifest { path: folder.to_owned() });
        }
        Err(source) => return Err(FlowError::Unreadable { path: manifest.to_owned(), source }),
    };
    let side = || manifest.display().to_string();
    let manifest =
        Manifest::parse(&bytes).map_err(|source| FlowError::Manifest { side: side(), source })?;
    drop(bytes);
    let catalog = catalog.map(read_catalog).transpose()?;
    let mut cache = kept.as_deref().and_then(|path| fs::read(path).ok());
    let mut cache = Cache::parse(&cache.take().unwrap_or_default());
    let project = Project::with_cache(&manifest, catalog.as_ref(), &mut cache);
    if let Some(path) = kept.filter(|_| cache.is_changed()) {
        // Without a cache it only takes longer the next time.
        drop(cache.to_json().map(|text| keep(&path, &text)));
    }
    Ok(Loaded { manifest, catalog, project })
}

/// The file of a project's cache.
fn kept(folder: &Path, manifest: &Path) -> PathBuf {
    let whole = fs::canonicalize(manifest).unwrap_or_else(|_| manifest.to_owned());
    let name = Digest::of(whole.as_os_str().as_encoded_bytes()).short();
    folder.join(format!("{name}.json"))
}

/// Written whole, then put in its place: whoever reads it sees the old one or the new one.
fn keep(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

fn read_catalog(path: &Path) -> Result<Catalog, FlowError> {
    let unreadable = |source| FlowError::Unreadable { path: path.to_owned(), source };
    let bytes = fs::read(path).map_err(unreadable)?;
    let path = path.to_owned();
    Catalog::parse(&bytes).map_err(|source| FlowError::Catalog { path, source })
}

/// Where dbt has put its artefacts: `target` of the project that `folder` is in.
pub fn target_of(folder: &Path) -> Result<PathBuf, FlowError> {
    let project = folder.ancestors().find(|path| path.join("dbt_project.yml").is_file());
    let project = project.ok_or_else(|| FlowError::NoProject { path: folder.to_owned() })?;
    Ok(project.join("target"))
}

impl Loaded {
    /// Answers a question.
    pub fn answer(&self, asked: &Asked) -> Result<Lineage, FlowError> {
        let Self { manifest, project, .. } = self;
        if !project.cycle.is_empty() {
            let path = project.cycle.iter().chain(project.cycle.first());
            let path = path.map(ToString::to_string).collect();
            return Err(LineageError::Cycle { path }.into());
        }
        let graph = with_deep_stack(|| Graph::of(manifest, project)).unwrap_or_default();
        let start = find::find(manifest, project, &graph, &asked.what)?;
        let walk = walk(&graph, &start, asked.direction, asked.depth);
        Ok(wire::lineage(manifest, project, &graph, &start, asked.direction, &walk))
    }
}

impl Loaded {
    /// What would make the answer better.
    pub fn advice(&self, answer: &Lineage) -> Vec<String> {
        let mut advice = Vec::new();
        let not_compiled = |node: &&wire::Node| node.understood == "rendered";
        let rendered = answer.nodes.iter().filter(not_compiled).count();
        let uncompiled = answer
            .unread
            .iter()
            .filter(|unread| unread.why.starts_with("dbt has not compiled"))
            .count();
        if rendered + uncompiled > 0 {
            advice.push(format!(
                "{} of the nodes shown are not compiled in this manifest: `dbt compile` would say more",
                rendered + uncompiled
            ));
        }
        let is_open =
            |node: &&wire::Node| !node.complete && matches!(node.kind.as_str(), "source" | "seed");
        let open = answer.nodes.iter().filter(is_open).count();
        if open > 0 && self.catalog.is_none() {
            advice.push(format!(
                "the columns of {open} sources and seeds are not all known: `dbt docs generate` writes a catalog"
            ));
        }
        advice
    }
}

impl Form {
    pub fn render(self, lineage: &Lineage) -> Result<String, FlowError> {
        match self {
            Self::Json => serde_json::to_string_pretty(lineage)
                .map(|text| text + "\n")
                .map_err(|error| FlowError::Render { message: error.to_string() }),
            Self::Text { types } => Ok(text::text(lineage, types)),
            Self::Dot => Ok(dot::dot(lineage)),
            Self::Html => html::html(lineage),
        }
    }
}
