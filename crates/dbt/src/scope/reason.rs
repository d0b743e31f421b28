use std::fmt;

use crate::id::NodeId;

/// One way in which a node is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    New,
    Removed,
    /// New, with the same code as a node that was removed.
    Renamed {
        from: NodeId,
    },
    /// The code as written.
    Body,
    /// The code as written, yet it compiles to the same.
    Template,
    /// The code as written is the same, yet it compiles to something else: a variable, an
    /// environment variable or a macro.
    Compiled,
    /// A macro it calls, perhaps through others.
    Macro(NodeId),
    /// The code as written is the same, yet it reads other nodes: `latest_version`, a package.
    Parents,
    Config(Box<str>),
    /// The enforced contract.
    Contract,
    /// Where the node lives in the warehouse.
    Relation,
    /// What the source is.
    Source,
    /// When the source counts as stale.
    Freshness,
    /// The seed's file.
    Seed,
    /// What defines a metric, semantic model, saved query, function or exposure.
    Definition,
    /// What a generic test or a unit test asserts.
    Test,
    /// Declared columns that no contract enforces.
    Columns,
    /// Descriptions that dbt writes into the warehouse.
    PersistedDocs,
    /// Access, latest version or deprecation date: who may read it, and how.
    Interface,
    /// The folder it is written in: its `fqn`.
    Moved,
    Docs,
    /// Meta, tags, group, owner and the like.
    Metadata,
}

impl Reason {
    /// The stable word, without what it is about.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Removed => "removed",
            Self::Renamed { .. } => "renamed",
            Self::Body => "body",
            Self::Template => "template",
            Self::Compiled => "compiled",
            Self::Macro(_) => "macro",
            Self::Parents => "parents",
            Self::Config(_) => "config",
            Self::Contract => "contract",
            Self::Relation => "relation",
            Self::Source => "source",
            Self::Freshness => "freshness",
            Self::Seed => "seed",
            Self::Definition => "definition",
            Self::Test => "test",
            Self::Columns => "columns",
            Self::PersistedDocs => "persisted-docs",
            Self::Interface => "interface",
            Self::Moved => "moved",
            Self::Docs => "docs",
            Self::Metadata => "metadata",
        }
    }

    /// What is in the warehouse may differ, here and in whatever reads it.
    pub fn touches_data(&self) -> bool {
        match self {
            Self::New
            | Self::Removed
            | Self::Renamed { .. }
            | Self::Body
            | Self::Compiled
            | Self::Macro(_)
            | Self::Parents
            | Self::Config(_)
            | Self::Contract
            | Self::Relation
            | Self::Source
            | Self::Seed
            | Self::Definition => true,
            Self::Template
            | Self::Freshness
            | Self::Test
            | Self::Columns
            | Self::PersistedDocs
            | Self::Interface
            | Self::Moved
            | Self::Docs
            | Self::Metadata => false,
        }
    }

    /// The node itself must be built again, even if nothing that reads it must.
    pub fn needs_build(&self) -> bool {
        self.touches_data() || *self == Self::PersistedDocs
    }
}

/// The stable word with what it is about: `body`, `config:materialized`, `macro:macro.shop.cents`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        match self {
            Self::Renamed { from } => write!(f, ":{from}"),
            Self::Macro(id) => write!(f, ":{id}"),
            Self::Config(key) => write!(f, ":{key}"),
            _ => Ok(()),
        }
    }
}
