//! What a change means for each node that it reaches, from code alone: the claims that the data are
//! held against.

use std::collections::{BTreeMap, BTreeSet};

use belay_dbt::NodeId;
use belay_model::change::Effect;

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
