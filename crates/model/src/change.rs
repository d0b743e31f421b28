//! What a change to a query, or to a node of a project, means for whoever reads its output.

use std::collections::BTreeSet;
use std::fmt;

/// What a change means. Ordered by how much it asks of a reviewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Meaning {
    /// Another text, the same query.
    Cosmetic,
    /// Descriptions, tags, owners: nothing that is in the warehouse.
    Metadata,
    /// How it is stored, not what: materialisation, clustering, an order without a limit.
    Physical,
    /// Columns more, at the end or in between; everything else as it was.
    Additive,
    /// A node that base does not have.
    New,
    /// Values of columns in rows that stay.
    Values,
    /// Which rows there are, or how many.
    Rows,
    /// A column is gone, has another name, another type or another place.
    Schema,
    /// A node that head does not have.
    Removed,
    /// Not understood: anything may have changed.
    Unknown,
}

impl Meaning {
    pub const ALL: [Self; 10] = [
        Self::Cosmetic,
        Self::Metadata,
        Self::Physical,
        Self::Additive,
        Self::New,
        Self::Values,
        Self::Rows,
        Self::Schema,
        Self::Removed,
        Self::Unknown,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cosmetic => "cosmetic",
            Self::Metadata => "metadata",
            Self::Physical => "physical",
            Self::Additive => "additive",
            Self::New => "new",
            Self::Values => "values",
            Self::Rows => "rows",
            Self::Schema => "schema",
            Self::Removed => "removed",
            Self::Unknown => "unknown",
        }
    }

    /// No value and no row that base has can come out differently.
    pub const fn keeps_data(self) -> bool {
        matches!(self, Self::Cosmetic | Self::Metadata | Self::Physical | Self::Additive)
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// What may bring rows in or take rows out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowEffect {
    Filter,
    Join,
    /// What one row stands for: group keys, unnesting.
    Grain,
    /// DISTINCT, or keeping one row of several.
    Dedup,
    SetOperation,
    Limit,
    /// Another relation is read.
    Source,
    /// The rows of a relation that is read may differ.
    Upstream,
}

impl RowEffect {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Join => "join",
            Self::Grain => "grain",
            Self::Dedup => "dedup",
            Self::SetOperation => "set operation",
            Self::Limit => "limit",
            Self::Source => "source",
            Self::Upstream => "upstream",
        }
    }
}

/// Some columns, or every one there is. Names are folded as the engine folds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    These(BTreeSet<String>),
    All,
}

impl Default for Columns {
    fn default() -> Self {
        Self::These(BTreeSet::new())
    }
}

impl Columns {
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::These(names) if names.is_empty())
    }

    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(name),
        }
    }

    pub fn extend(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::These(mine), Self::These(theirs)) => mine.extend(theirs.iter().cloned()),
            (_, Self::All) => *self = Self::All,
            (Self::All, Self::These(_)) => (),
        }
    }
}

/// What a change is predicted to do to the output of one query or node, from code alone. What is
/// not named here is claimed to stay as it is: a diff of the data can refute it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub meaning: Meaning,
    /// Columns whose values may differ in rows that both sides have.
    pub values: Columns,
    /// Why rows may come or go; empty if they cannot.
    pub rows: BTreeSet<RowEffect>,
    pub added: BTreeSet<String>,
    pub removed: BTreeSet<String>,
    /// From the name in base to the name in head.
    pub renamed: BTreeSet<(String, String)>,
    pub retyped: BTreeSet<String>,
    /// For people, the gravest first: `the filter on status went`.
    pub reasons: Vec<String>,
}

impl Effect {
    /// No change that anybody could see in the data.
    pub fn none(meaning: Meaning) -> Self {
        Self {
            meaning,
            values: Columns::default(),
            rows: BTreeSet::new(),
            added: BTreeSet::new(),
            removed: BTreeSet::new(),
            renamed: BTreeSet::new(),
            retyped: BTreeSet::new(),
            reasons: Vec::new(),
        }
    }

    /// Nobody knows: every row and every column may differ.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self {
            values: Columns::All,
            rows: BTreeSet::from([RowEffect::Upstream]),
            reasons: vec![why.into()],
            ..Self::none(Meaning::Unknown)
        }
    }

    /// Nothing that a reader of the output could notice.
    pub fn is_invisible(&self) -> bool {
        self.values.is_empty()
            && self.rows.is_empty()
            && self.added.is_empty()
            && self.removed.is_empty()
            && self.renamed.is_empty()
            && self.retyped.is_empty()
            && self.meaning != Meaning::Unknown
    }
}
