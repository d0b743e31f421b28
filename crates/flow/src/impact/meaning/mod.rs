//! What a change means for each node that it reaches, from code alone: the claims that the data are
//! held against.

mod config;
mod due;
mod edits;
mod effect;
mod own;
mod queries;
mod seed;
mod spread;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use belay_dbt::scope::Selection;
use belay_dbt::{Catalog, Manifest, NodeId, Scope};
use belay_model::change::Effect;
use fs_err as fs;

use self::queries::{Both, Queries};
use super::Side;

/// What is compared.
#[derive(Debug, Clone, Copy)]
struct Change<'a> {
    base: &'a Manifest,
    head: &'a Manifest,
    scope: &'a Scope,
    /// The folders of the two projects, where they are at hand.
    base_folder: Option<&'a Path>,
    head_folder: Option<&'a Path>,
}

impl Change<'_> {
    /// The node changed, or is below one that did.
    fn concerns(&self, id: &NodeId) -> bool {
        self.scope.changed.contains_key(id) || self.scope.affected.contains_key(id)
    }
}

/// What a change means for each node that it reaches, and what is left to build and test.
pub(super) fn meanings(base: &Side, head: &Side, scope: &Scope) -> (Meanings, Selection) {
    let catalog = |side: &Side| -> Option<Catalog> {
        let bytes = fs::read(side.artefacts.join("catalog.json")).ok()?;
        Catalog::parse(&bytes).ok()
    };
    let (base_catalog, head_catalog) = (catalog(base), catalog(head));
    let change = Change {
        base: &base.manifest,
        head: &head.manifest,
        scope,
        base_folder: base.project.as_deref(),
        head_folder: head.project.as_deref(),
    };
    let work = || {
        let queries = Both::of(
            (&base.manifest, base_catalog.as_ref()),
            (&head.manifest, head_catalog.as_ref()),
            scope,
        );
        of(&change, &queries)
    };
    match belay_sql::with_deep_stack(work) {
        Ok(found) => found,
        // No thread with a deep stack could be had: then nothing is known, and nothing is spared.
        Err(unread) => {
            let why = unread.to_string();
            let all = scope.changed.keys().chain(scope.affected.keys());
            let effects = all.map(|id| (id.clone(), Effect::unknown(why.clone()))).collect();
            (Meanings { effects, ..Meanings::default() }, scope.selection.clone())
        }
    }
}

fn of(change: &Change<'_>, queries: &impl Queries) -> (Meanings, Selection) {
    let mut found = Meanings::default();
    let spread = spread::spread(change, queries, &mut found);
    found.edits = edits::edits(change, &found, &spread);
    for (id, macros) in &change.scope.unmoved {
        let names = macros.iter().map(|id| id.as_str().rsplit('.').next().unwrap_or_default());
        let proof =
            format!("it compiles to the same query, though it calls {}", effect::list(names));
        if !change.concerns(id) {
            found.spared.push(Spared { node: id.clone(), proof });
        }
    }
    let selection = due::selection(change, &found);
    (found, selection)
}

/// What the two projects' code says of the change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meanings {
    /// Of each changed and each affected node. A node that is not here has no prediction.
    pub effects: BTreeMap<NodeId, Effect>,
    /// Nodes below a change that cannot see it.
    pub spared: Vec<Spared>,
    /// Nodes that were not built, because what they read came out equal.
    pub cut_off: Vec<CutOff>,
    pub edits: Vec<Edit>,
    /// Nodes whose query was not understood, and why.
    pub unread: Vec<(NodeId, String)>,
    /// Columns that somebody still reads and that are gone.
    pub broken: Vec<Broken>,
    /// Columns that come out differently each time the node is built: of the clock, of chance.
    pub volatile: BTreeMap<NodeId, BTreeSet<String>>,
}

/// A node that cannot see the change, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spared {
    pub node: NodeId,
    /// In words: `reads only id and amount of stg_orders; only zone changed`.
    pub proof: String,
}

/// A node whose build was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutOff {
    pub node: NodeId,
    /// The node above it that came out equal.
    pub because: NodeId,
}

/// A column that `node` reads of `parent`, and that head's `parent` does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub node: NodeId,
    pub column: String,
    pub parent: NodeId,
}

/// One thing that somebody edited, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Stable across runs of the same change: `E-` and a short digest.
    pub id: String,
    pub kind: EditKind,
    /// For people: `models/a.sql`, `macro cents_to_dollars`, `var region`.
    pub title: String,
    /// The file, from the project's root.
    pub path: Option<String>,
    /// The first line of the file that changed.
    pub line: Option<u32>,
    /// Changed nodes that it explains.
    pub nodes: BTreeSet<NodeId>,
    /// Every node that can see it, those nodes among them.
    pub reaches: BTreeSet<NodeId>,
}

/// What was edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EditKind {
    /// The file of a model, snapshot, analysis or function.
    File,
    Macro,
    /// A variable or an environment variable: the code is the same, what it compiles to is not.
    Var,
    Seed,
    Source,
    /// Configuration in `dbt_project.yml` or a properties file.
    Config,
    /// A test, a contract, an exposure, a description: YAML beside the code.
    Properties,
    /// A package, or dbt itself.
    Engine,
}

impl EditKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Macro => "macro",
            Self::Var => "var",
            Self::Seed => "seed",
            Self::Source => "source",
            Self::Config => "config",
            Self::Properties => "properties",
            Self::Engine => "engine",
        }
    }
}
