//! A query with every name resolved: relations that make columns, expressions that read them.
//!
//! Columns have numbers that are unique in the query, so that an expression says by itself what it
//! reads, wherever it is moved. A common table expression stands wherever it is used, with numbers
//! of its own each time.

use std::collections::BTreeSet;

use crate::tables::TableName;

/// The number of a column, unique in its [`Query`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Col(pub u32);

/// A bound query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub rel: Rel,
    /// What the query returns, in order.
    pub outputs: Vec<Output>,
    /// The outputs are all there are. Otherwise a `*` over a table of unknown columns is among them.
    pub is_complete: bool,
}

/// A column that a query returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Folded.
    pub name: String,
    pub col: Col,
    pub data_type: Option<String>,
}

/// Something with rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Rel {
    Scan(Scan),
    /// One row without columns: a `SELECT` without `FROM`.
    Unit,
    Values {
        columns: Vec<Col>,
        rows: Vec<Vec<Expr>>,
    },
    /// Adds columns; those of the input stay readable.
    Extend {
        input: Box<Rel>,
        columns: Vec<(Col, Expr)>,
    },
    /// Keeps rows for which each predicate is true.
    Filter {
        input: Box<Rel>,
        predicates: Vec<Expr>,
    },
    Join {
        kind: JoinKind,
        left: Box<Rel>,
        right: Box<Rel>,
        on: Vec<Expr>,
    },
    /// For each row of the input the rows of a table function over it: UNNEST, FLATTEN, a lateral
    /// subquery. With `keeps_empty` a row without any stays, with NULLs.
    Lateral {
        input: Box<Rel>,
        function: Box<Lateral>,
        keeps_empty: bool,
    },
    /// One row for each combination of the keys; without keys, one row.
    Aggregate {
        input: Box<Rel>,
        keys: Vec<(Col, Expr)>,
        grouping: Grouping,
        measures: Vec<(Col, Call)>,
    },
    /// Adds columns computed over other rows of the input.
    Window {
        input: Box<Rel>,
        columns: Vec<(Col, WindowCall)>,
    },
    /// One row of those that agree in all these columns. Only these stay readable.
    Distinct {
        input: Box<Rel>,
        columns: Vec<Col>,
    },
    /// The first row, by `order`, of those that agree in `on`.
    DistinctOn {
        input: Box<Rel>,
        on: Vec<Expr>,
        order: Vec<SortKey>,
    },
    SetOperation {
        kind: SetKind,
        all: bool,
        inputs: Vec<SetInput>,
        columns: Vec<Col>,
    },
    /// The first rows by `order`. No order at all is an arbitrary choice.
    Limit {
        input: Box<Rel>,
        order: Vec<SortKey>,
        count: Option<Expr>,
        offset: Option<Expr>,
        with_ties: bool,
    },
    /// An order without a limit: rows and values are those of the input.
    Sort {
        input: Box<Rel>,
        order: Vec<SortKey>,
    },
    /// A random part of the rows; `how` is the clause in canonical letters.
    Sample {
        input: Box<Rel>,
        how: String,
    },
    Recursive {
        base: Box<Rel>,
        base_columns: Vec<Col>,
        step: Box<Rel>,
        step_columns: Vec<Col>,
        columns: Vec<Col>,
        all: bool,
        name: String,
    },
    /// The recursive query itself, read in its own step.
    RecursiveScan {
        name: String,
        columns: Vec<Col>,
    },
    /// Understood only as a text in canonical letters: PIVOT, `MATCH_RECOGNIZE`, a table function.
    Opaque {
        text: String,
        inputs: Vec<Rel>,
        arguments: Vec<Expr>,
        columns: Vec<(String, Col)>,
    },
}

/// A table that is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// The full name if the table is known, else as written.
    pub table: TableName,
    /// The columns known beforehand, and those that the query names.
    pub columns: Vec<(String, Col)>,
    /// Stands for all further columns, where `*` is read and the table's columns are not known.
    pub rest: Option<Col>,
    /// Those of `columns` that nobody said are this table's: their names stand alone, no table is
    /// known to have them, and no other than this one could.
    pub guessed: BTreeSet<Col>,
    /// Sets of the columns that identify a row, as [`crate::Table::keys`] has them.
    pub keys: Vec<Vec<Col>>,
    /// A time-travel or partition clause in canonical letters.
    pub version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JoinKind {
    /// Also a cross join: without `on`.
    Inner,
    Left,
    Full,
    Semi,
    Anti,
    /// The row of the right side that is the closest one before.
    AsOf,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Lateral {
    /// `UNNEST(x)`, `FLATTEN(input => x)`, `generate_series(…)`: its name, arguments, columns made.
    Call { name: String, arguments: Vec<Expr>, columns: Vec<(String, Col)> },
    /// A subquery that reads columns of the input.
    Query { rel: Box<Rel>, columns: Vec<Col> },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Grouping {
    Plain,
    /// Positions in the keys, for each grouping set; `ROLLUP` and `CUBE` are written out.
    Sets(Vec<Vec<usize>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SetKind {
    Union,
    Intersect,
    Except,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SetInput {
    pub rel: Rel,
    /// The input's column for each column of the operation; `None` is NULL (`UNION BY NAME`).
    pub columns: Vec<Option<Col>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    pub expr: Expr,
    pub descending: bool,
    /// As written; the default differs by engine.
    pub nulls_first: Option<bool>,
}

/// A function over arguments; also an aggregate.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Lower case.
    pub name: String,
    pub distinct: bool,
    /// `count(*)` has none.
    pub arguments: Vec<Expr>,
    /// Inside the parentheses or `WITHIN GROUP`.
    pub order: Vec<SortKey>,
    pub filter: Option<Box<Expr>>,
    /// `IGNORE NULLS`, a separator clause and the like, in canonical letters.
    pub options: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct WindowCall {
    pub call: Call,
    pub partition: Vec<Expr>,
    pub order: Vec<SortKey>,
    /// In canonical letters; `None` is the default of the engine.
    pub frame: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Column(Col),
    Literal(Literal),
    Call(Call),
    /// `name` is a symbol or a word in lower case: `+`, `and`, `like`, `||`, `->>`.
    Binary {
        operator: String,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `not`, `-`, `~`, `is null`, `is true`, …
    Unary {
        operator: String,
        operand: Box<Expr>,
    },
    Case {
        operand: Option<Box<Expr>>,
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    /// `data_type` in canonical letters.
    Cast {
        operand: Box<Expr>,
        data_type: String,
        is_try: bool,
    },
    In {
        operand: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    Subquery(Box<Subquery>),
    /// Arrays, structs, tuples, JSON paths, field access: a word for what it is, and its parts.
    Compound {
        what: String,
        parts: Vec<Expr>,
    },
    /// Understood only as a text in canonical letters, with the columns that it reads.
    Opaque {
        text: String,
        columns: Vec<Col>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Literal {
    Null,
    Boolean(bool),
    /// As written, without a leading `+`.
    Number(String),
    Text(String),
    /// `DATE '…'`, `INTERVAL '…'`, `X'…'`: its type in lower case, then its text.
    Typed(String, String),
    /// A parameter or a placeholder.
    Parameter(String),
}

/// A query inside an expression. It may read columns of the queries around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    pub kind: SubqueryKind,
    pub rel: Rel,
    pub columns: Vec<Col>,
    /// What stands before `IN` or the comparison.
    pub operands: Vec<Expr>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SubqueryKind {
    Scalar,
    Exists {
        negated: bool,
    },
    In {
        negated: bool,
    },
    /// `= ANY`, `> ALL`: the operator and the quantifier in lower case.
    Quantified(String),
    Array,
}
