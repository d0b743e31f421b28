//! Terms: what a value or a set of rows is, by content.
//!
//! The terms of both queries of a comparison live in one table in which each content stands once:
//! two terms have the same number if, and only if, they are the same.

use std::collections::HashMap;

/// The number of a term in [`Terms`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Term(u32);

/// What a term is; its arguments are other terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Op {
    // Rows.
    /// A table; the text is its name, with its version if there is one.
    Table,
    /// Sources, joined units, and predicates, each as a list: the rows of their product for which
    /// all predicates are true.
    Block,
    /// One row for each combination of keys: input rows, list of keys, grouping sets or nothing.
    Group,
    /// The one row of an aggregate without keys.
    One,
    /// Branches, each a [`Op::Branch`]; the text is `union`, `intersect` or `except`.
    Set,
    /// Rows and, where they decide about rows, the columns.
    Branch,
    /// Rows in an order that what is computed over them can see.
    Sorted,
    /// Both sides, then the conditions.
    Full,
    /// One side of a full join.
    Side,
    /// The rows of the right side that fit a left row; with NULLs where there are none.
    Left,
    /// The rows of a lateral subquery; the text is `left` if a row without any stays.
    Lateral,
    /// A table function over values of the row.
    Function,
    Recursive,
    Opaque,
    // Names of sources inside a block.
    /// One of several sources of the same content: the content, and what tells it from the others.
    Instance,
    /// Where a source is looked at, to tell it from others of the same content.
    Me,
    // Values.
    /// A column by name, of a source.
    Column,
    /// A value that is computed in a source that stands more than once.
    Member,
    /// A value of a joined unit: NULL where the unit has no row.
    Optional,
    /// A value of the query around this one.
    Outer,
    Literal,
    /// The text is the function's or operator's name.
    Call,
    And,
    Or,
    Not,
    Eq,
    Ne,
    Lt,
    Le,
    IsNull,
    /// Operand, then the list in a fixed order.
    In,
    /// Condition, result, condition, result, …, otherwise.
    Case,
    Coalesce,
    Cast,
    TryCast,
    /// An aggregate: rows, keys, arguments, order, options.
    Measure,
    /// A window: rows, arguments, partition, order, options; the text is the function.
    Window,
    SortKey,
    Scalar,
    Exists,
    /// In a subquery of one column, or compared with one; the text says how.
    Quantified,
    /// The row is among the first: rows, order, count, offset.
    Limited,
    Sampled,
    /// A column of a set operation: branch rows and value, for each branch.
    Union,
    /// A key of grouping sets.
    SetsKey,
    List,
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) text: String,
    pub(crate) args: Vec<Term>,
    /// How many queries further out it reads; none: it means the same wherever it stands.
    pub(crate) reach: u32,
}

/// All terms there are, each once.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    nodes: Vec<Node>,
    index: HashMap<(Op, String, Vec<Term>), Term>,
    /// Groups that were written as DISTINCT; for words only.
    distinct: std::collections::BTreeSet<Term>,
}

impl Terms {
    pub(crate) fn make(&mut self, op: Op, text: impl Into<String>, args: Vec<Term>) -> Term {
        let key = (op, text.into(), args);
        if let Some(found) = self.index.get(&key) {
            return *found;
        }
        let reach = self.reach(op, &key.2);
        let term = Term(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let (op, text, args) = key.clone();
        self.nodes.push(Node { op, text, args, reach });
        self.index.insert(key, term);
        term
    }

    fn reach(&self, op: Op, args: &[Term]) -> u32 {
        let of = |args: &[Term]| args.iter().map(|arg| self.node(*arg).reach).max().unwrap_or(0);
        match op {
            Op::Outer => of(args) + 1,
            // Made of terms of the query inside.
            Op::Group
            | Op::Measure
            | Op::Left
            | Op::Lateral
            | Op::Side
            | Op::Branch
            | Op::Union
            | Op::SetsKey
            | Op::Scalar
            | Op::Exists
            | Op::Recursive => of(args).saturating_sub(1),
            // The first argument is of this query, the others are of the one inside.
            Op::Optional | Op::Member | Op::Quantified | Op::Opaque => match args.split_first() {
                Some((own, inner)) => of(&[*own]).max(of(inner).saturating_sub(1)),
                None => 0,
            },
            _ => of(args),
        }
    }

    pub(crate) fn node(&self, term: Term) -> &Node {
        &self.nodes[term.0 as usize]
    }

    pub(crate) fn note_distinct(&mut self, group: Term) {
        self.distinct.insert(group);
    }

    pub(crate) fn was_distinct(&self, group: Term) -> bool {
        self.distinct.contains(&group)
    }

    pub(crate) fn op(&self, term: Term) -> Op {
        self.node(term).op
    }

    pub(crate) fn args(&self, term: Term) -> &[Term] {
        &self.node(term).args
    }

    pub(crate) fn list(&mut self, args: Vec<Term>) -> Term {
        self.make(Op::List, "", args)
    }

    pub(crate) fn nothing(&mut self) -> Term {
        self.make(Op::Nothing, "", Vec::new())
    }

    /// The same members in the fixed order, each once.
    pub(crate) fn set(&mut self, mut args: Vec<Term>) -> Term {
        args.sort_unstable();
        args.dedup();
        self.list(args)
    }

    /// The same members in the fixed order, as often as they stand.
    pub(crate) fn bag(&mut self, mut args: Vec<Term>) -> Term {
        args.sort_unstable();
        self.list(args)
    }

    /// Whether `part` stands anywhere in `term`.
    pub(crate) fn contains(&self, term: Term, part: Term) -> bool {
        let mut seen = std::collections::HashSet::new();
        let mut open = vec![term];
        while let Some(next) = open.pop() {
            if next == part {
                return true;
            }
            // What is made of others comes after them.
            if next > part && seen.insert(next) {
                open.extend_from_slice(self.args(next));
            }
        }
        false
    }

    /// Everything that stands in `term`, itself included, each once.
    pub(crate) fn parts(&self, term: Term) -> Vec<Term> {
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![term];
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend_from_slice(self.args(next));
            }
        }
        seen.into_iter().collect()
    }
}
