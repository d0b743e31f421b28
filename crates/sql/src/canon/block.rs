//! Blocks: the relations of a plan, flattened.
//!
//! A block stands for the product of its sources, each row joined with the rows of each unit (a
//! left join's right side, which may read the sources and other units), filtered by its predicates.
//! Inner joins and filters go up into the block, in whatever order they were written; a left join
//! is a member of a set. An aggregate, a set operation, a full join begin a block of their own and
//! stand in the outer block as a source. Windows and limits remember the block as it was under
//! them, and are values and predicates about its rows.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use crate::Dialect;
use crate::plan::{
    Call, Col, Expr, Grouping, JoinKind, Lateral, Query, Rel, Scan, SetInput, SetKind, SortKey,
    WindowCall,
};
use crate::tables::Tables;

pub(super) type SourceId = usize;
pub(super) type UnitId = usize;
pub(super) type ScopeId = usize;

/// Where columns are made: a block, or a unit of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// The scope of which this one is a unit.
    pub(super) parent: Option<(ScopeId, UnitId)>,
    /// It turned out to be a part of this one.
    pub(super) part_of: Option<ScopeId>,
}

#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    pub(super) scope: ScopeId,
    pub(super) sources: Vec<SourceId>,
    pub(super) units: Vec<UnitId>,
    pub(super) predicates: Vec<Predicate<'a>>,
    /// An order without a limit, which functions that depend on order can see.
    pub(super) order: Option<&'a [SortKey]>,
    /// Units whose rows must be there for a row to stay: their sources are this block's.
    pub(super) dissolved: BTreeSet<UnitId>,
}

#[derive(Debug, Clone)]
pub(super) enum Predicate<'a> {
    Is(&'a Expr),
    /// Not one: each row becomes as many as the value has members.
    Expands(&'a Expr),
    Exists {
        unit: UnitId,
        negated: bool,
    },
    Limited {
        before: Rc<Block<'a>>,
        limit: Limit<'a>,
    },
    /// The first row of those that agree in `on`.
    First {
        before: Rc<Block<'a>>,
        on: &'a [Expr],
        order: &'a [SortKey],
    },
    Sampled {
        before: Rc<Block<'a>>,
        how: &'a str,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Limit<'a> {
    pub(super) order: &'a [SortKey],
    pub(super) count: Option<&'a Expr>,
    pub(super) offset: Option<&'a Expr>,
    pub(super) with_ties: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnitKind {
    Left,
    /// A subquery for each row; with `keeps_empty` a row without any stays.
    Lateral {
        keeps_empty: bool,
    },
    /// The right side of a semi or anti join.
    Half,
    /// A side of a full or as-of join.
    Side,
}

#[derive(Debug)]
pub(super) struct Unit<'a> {
    pub(super) kind: UnitKind,
    pub(super) block: Rc<Block<'a>>,
}

#[derive(Debug)]
pub(super) enum Source<'a> {
    Scan(&'a Scan),
    Group {
        block: Rc<Block<'a>>,
        keys: Vec<(Col, Key<'a>)>,
        sets: Option<&'a [Vec<usize>]>,
        /// Written as DISTINCT.
        is_distinct: bool,
    },
    Set {
        kind: SetKind,
        all: bool,
        branches: Vec<SetBranch<'a>>,
    },
    Full {
        sides: [UnitId; 2],
        on: &'a [Expr],
        is_as_of: bool,
    },
    Function {
        name: &'a str,
        arguments: &'a [Expr],
    },
    Recursive {
        name: &'a str,
        all: bool,
        base: SetBranch<'a>,
        step: SetBranch<'a>,
    },
    RecursiveScan(&'a str),
    Opaque {
        text: &'a str,
        inputs: Vec<SetBranch<'a>>,
        arguments: &'a [Expr],
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    Expr(&'a Expr),
    Col(Col),
}

#[derive(Debug)]
pub(super) struct SetBranch<'a> {
    pub(super) block: Rc<Block<'a>>,
    pub(super) columns: Vec<BranchColumn<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum BranchColumn<'a> {
    Null,
    Col(Col),
    Expr(&'a Expr),
}

/// What a column is.
#[derive(Debug, Clone)]
pub(super) enum Definition<'a> {
    Column(SourceId, &'a str),
    /// All the columns of a table that are not known.
    Rest(SourceId),
    Expr(&'a Expr),
    Window {
        call: &'a WindowCall,
        before: Rc<Block<'a>>,
    },
    Key(SourceId, usize),
    Measure(SourceId, &'a Call),
    Branches(SourceId, usize),
}

/// A query in blocks.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    pub(super) tables: &'a Tables,
    dialect: Dialect,
    pub(super) scopes: Vec<Scope>,
    pub(super) sources: Vec<Source<'a>>,
    pub(super) units: Vec<Unit<'a>>,
    /// A column may be made anew further out, by DISTINCT.
    pub(super) columns: HashMap<Col, Vec<(ScopeId, Definition<'a>)>>,
    pub(super) subqueries: HashMap<*const Rel, Rc<Block<'a>>>,
}

impl<'a> Blocks<'a> {
    pub(super) fn of(
        query: &'a Query,
        dialect: Dialect,
        tables: &'a Tables,
    ) -> (Self, Rc<Block<'a>>) {
        let mut blocks = Self {
            tables,
            dialect,
            scopes: Vec::new(),
            sources: Vec::new(),
            units: Vec::new(),
            columns: HashMap::new(),
            subqueries: HashMap::new(),
        };
        let block = blocks.closed(&query.rel);
        (blocks, block)
    }

    fn scope(&mut self, parent: Option<(ScopeId, UnitId)>) -> ScopeId {
        self.scopes.push(Scope { parent, part_of: None });
        self.scopes.len() - 1
    }

    /// A relation as a block of its own.
    pub(super) fn closed(&mut self, rel: &'a Rel) -> Rc<Block<'a>> {
        let scope = self.scope(None);
        Rc::new(self.block(rel, scope))
    }

    fn define(&mut self, scope: ScopeId, col: Col, definition: Definition<'a>) {
        self.columns.entry(col).or_default().push((scope, definition));
    }

    fn empty(scope: ScopeId) -> Block<'a> {
        Block {
            scope,
            sources: Vec::new(),
            units: Vec::new(),
            predicates: Vec::new(),
            order: None,
            dissolved: BTreeSet::new(),
        }
    }

    fn source(&mut self, scope: ScopeId, source: Source<'a>) -> (Block<'a>, SourceId) {
        self.sources.push(source);
        let id = self.sources.len() - 1;
        (Block { sources: vec![id], ..Self::empty(scope) }, id)
    }

    fn block(&mut self, rel: &'a Rel, scope: ScopeId) -> Block<'a> {
        match rel {
            Rel::Unit => Self::empty(scope),
            Rel::Scan(scan) => {
                let (block, id) = self.source(scope, Source::Scan(scan));
                for (name, col) in &scan.columns {
                    self.define(scope, *col, Definition::Column(id, name));
                }
                if let Some(rest) = scan.rest {
                    self.define(scope, rest, Definition::Rest(id));
                }
                block
            }
            Rel::Values { columns, rows } => {
                let branches = rows
                    .iter()
                    .map(|row| SetBranch {
                        block: self.closed(&Rel::Unit),
                        columns: row.iter().map(BranchColumn::Expr).collect(),
                    })
                    .collect();
                self.set(scope, SetKind::Union, true, branches, columns)
            }
            Rel::Extend { input, columns } => {
                let mut block = self.block(input, scope);
                for (col, expr) in columns {
                    self.define(scope, *col, Definition::Expr(expr));
                    if makes_rows(expr, self.dialect) {
                        block.predicates.push(Predicate::Expands(expr));
                    }
                }
                block
            }
            Rel::Filter { input, predicates } => {
                let mut block = self.block(input, scope);
                block.predicates.extend(predicates.iter().map(Predicate::Is));
                self.dissolve(&mut block);
                block
            }
            Rel::Join { kind, left, right, on } => self.join(*kind, left, right, on, scope),
            Rel::Lateral { input, function, keeps_empty } => {
                self.lateral(input, function, *keeps_empty, scope)
            }
            Rel::Aggregate { input, keys, grouping, measures } => {
                let inner = self.closed(input);
                let sets = match grouping {
                    Grouping::Plain => None,
                    Grouping::Sets(sets) => Some(sets.as_slice()),
                };
                let keys: Vec<_> = keys.iter().map(|(col, expr)| (*col, Key::Expr(expr))).collect();
                let cols: Vec<Col> = keys.iter().map(|(col, _)| *col).collect();
                let (block, id) = self
                    .source(scope, Source::Group { block: inner, keys, sets, is_distinct: false });
                for (index, col) in cols.into_iter().enumerate() {
                    self.define(scope, col, Definition::Key(id, index));
                }
                for (col, call) in measures {
                    self.define(scope, *col, Definition::Measure(id, call));
                }
                block
            }
            Rel::Window { input, columns } => {
                let block = self.block(input, scope);
                let before = Rc::new(block.clone());
                for (col, call) in columns {
                    let before = Rc::clone(&before);
                    self.define(scope, *col, Definition::Window { call, before });
                }
                block
            }
            Rel::Distinct { input, columns } => {
                let inner_scope = self.scope(None);
                let inner = self.block(input, inner_scope);
                if self.is_unique(&inner, columns) {
                    self.scopes[inner_scope].part_of = Some(scope);
                    return Block { scope, ..inner };
                }
                self.distinct(Rc::new(inner), columns, scope)
            }
            Rel::DistinctOn { input, on, order } => {
                let mut block = self.block(input, scope);
                let before = Rc::new(block.clone());
                block.predicates.push(Predicate::First { before, on, order });
                block
            }
            Rel::SetOperation { kind, all, inputs, columns } => {
                let mut branches = Vec::new();
                for input in inputs {
                    let cols = input.columns.iter().map(|col| match col {
                        Some(col) => BranchColumn::Col(*col),
                        None => BranchColumn::Null,
                    });
                    self.branches(*kind, *all, &input.rel, cols.collect(), &mut branches);
                }
                if *kind == SetKind::Union && !all {
                    // Each row once, of those of UNION ALL.
                    let inner = self.scope(None);
                    let block = self.set(inner, *kind, true, branches, columns);
                    return self.distinct(Rc::new(block), columns, scope);
                }
                self.set(scope, *kind, *all, branches, columns)
            }
            Rel::Limit { input, order, count, offset, with_ties } => {
                let mut block = self.block(input, scope);
                let before = Rc::new(block.clone());
                let (count, offset) = (count.as_ref(), offset.as_ref());
                let limit = Limit { order, count, offset, with_ties: *with_ties };
                block.predicates.push(Predicate::Limited { before, limit });
                block.order = Some(order);
                block
            }
            Rel::Sort { input, order } => {
                let mut block = self.block(input, scope);
                block.order = Some(order);
                block
            }
            Rel::Sample { input, how } => {
                let mut block = self.block(input, scope);
                let before = Rc::new(block.clone());
                block.predicates.push(Predicate::Sampled { before, how });
                block
            }
            Rel::Recursive { base, base_columns, step, step_columns, columns, all, name } => {
                let base = self.branch(base, base_columns);
                let step = self.branch(step, step_columns);
                let (block, id) =
                    self.source(scope, Source::Recursive { name, all: *all, base, step });
                for (index, col) in columns.iter().enumerate() {
                    self.define(scope, *col, Definition::Branches(id, index));
                }
                block
            }
            Rel::RecursiveScan { name, columns } => {
                let (block, id) = self.source(scope, Source::RecursiveScan(name));
                for (index, col) in columns.iter().enumerate() {
                    self.define(scope, *col, Definition::Branches(id, index));
                }
                block
            }
            Rel::Opaque { text, inputs, arguments, columns } => {
                let inputs =
                    inputs.iter().map(|input| self.branch(input, &visible(input))).collect();
                let (block, id) = self.source(scope, Source::Opaque { text, inputs, arguments });
                for (name, col) in columns {
                    self.define(scope, *col, Definition::Column(id, name));
                }
                block
            }
        }
    }

    fn branch(&mut self, rel: &'a Rel, columns: &[Col]) -> SetBranch<'a> {
        let columns = columns.iter().map(|col| BranchColumn::Col(*col)).collect();
        SetBranch { block: self.closed(rel), columns }
    }

    fn set(
        &mut self,
        scope: ScopeId,
        kind: SetKind,
        all: bool,
        branches: Vec<SetBranch<'a>>,
        columns: &[Col],
    ) -> Block<'a> {
        let (block, id) = self.source(scope, Source::Set { kind, all, branches });
        for (index, col) in columns.iter().enumerate() {
            self.define(scope, *col, Definition::Branches(id, index));
        }
        block
    }

    fn distinct(&mut self, inner: Rc<Block<'a>>, columns: &[Col], scope: ScopeId) -> Block<'a> {
        let keys = columns.iter().map(|col| (*col, Key::Col(*col))).collect();
        let (block, id) =
            self.source(scope, Source::Group { block: inner, keys, sets: None, is_distinct: true });
        for (index, col) in columns.iter().enumerate() {
            self.define(scope, *col, Definition::Key(id, index));
        }
        block
    }

    /// The branches of an input: those of a union inside a union are the outer one's, if the outer
    /// one keeps all rows as the inner does, or none of both twice.
    fn branches(
        &mut self,
        kind: SetKind,
        all: bool,
        rel: &'a Rel,
        columns: Vec<BranchColumn<'a>>,
        into: &mut Vec<SetBranch<'a>>,
    ) {
        if kind == SetKind::Union
            && let Rel::SetOperation { kind: SetKind::Union, all: inner_all, inputs, columns: made } =
                rel
            && (*inner_all || !all)
        {
            for SetInput { rel, columns: inner } in inputs {
                let through = columns
                    .iter()
                    .map(|column| match column {
                        BranchColumn::Col(col) => {
                            let place = made.iter().position(|one| one == col);
                            match place.and_then(|place| inner.get(place)).copied().flatten() {
                                Some(col) => BranchColumn::Col(col),
                                None => BranchColumn::Null,
                            }
                        }
                        other => *other,
                    })
                    .collect();
                self.branches(kind, all, rel, through, into);
            }
            return;
        }
        into.push(SetBranch { block: self.closed(rel), columns });
    }

    fn unit(&mut self, kind: UnitKind, outer: ScopeId, rel: &'a Rel) -> UnitId {
        self.units.push(Unit { kind, block: Rc::new(Self::empty(outer)) });
        let id = self.units.len() - 1;
        let scope = self.scope(Some((outer, id)));
        let block = self.block(rel, scope);
        self.units[id].block = Rc::new(block);
        id
    }

    fn join(
        &mut self,
        kind: JoinKind,
        left: &'a Rel,
        right: &'a Rel,
        on: &'a [Expr],
        scope: ScopeId,
    ) -> Block<'a> {
        let conditions = on.iter().map(Predicate::Is);
        match kind {
            JoinKind::Inner => {
                let mut block = self.block(left, scope);
                let other = self.block(right, scope);
                block.take(other);
                block.predicates.extend(conditions);
                self.dissolve(&mut block);
                block
            }
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti => {
                let mut block = self.block(left, scope);
                let unit_kind =
                    if kind == JoinKind::Left { UnitKind::Left } else { UnitKind::Half };
                let unit = self.unit(unit_kind, scope, right);
                let mut inner = Block::clone(&self.units[unit].block);
                inner.predicates.extend(conditions);
                self.dissolve(&mut inner);
                self.units[unit].block = Rc::new(inner);
                if kind == JoinKind::Left {
                    block.units.push(unit);
                } else {
                    let negated = kind == JoinKind::Anti;
                    block.predicates.push(Predicate::Exists { unit, negated });
                }
                block.order = None;
                block
            }
            JoinKind::Full | JoinKind::AsOf => {
                let left = self.unit(UnitKind::Side, scope, left);
                let right = self.unit(UnitKind::Side, scope, right);
                let is_as_of = kind == JoinKind::AsOf;
                self.source(scope, Source::Full { sides: [left, right], on, is_as_of }).0
            }
        }
    }

    fn lateral(
        &mut self,
        input: &'a Rel,
        function: &'a Lateral,
        keeps_empty: bool,
        scope: ScopeId,
    ) -> Block<'a> {
        let mut block = self.block(input, scope);
        match function {
            Lateral::Call { name, arguments, columns } => {
                let unit = keeps_empty.then(|| {
                    let block = Rc::new(Self::empty(scope));
                    self.units.push(Unit { kind: UnitKind::Left, block });
                    self.units.len() - 1
                });
                let place = unit.map_or(scope, |unit| self.scope(Some((scope, unit))));
                let (call, id) = self.source(place, Source::Function { name, arguments });
                for (name, col) in columns {
                    self.define(place, *col, Definition::Column(id, name));
                }
                match unit {
                    None => block.take(call),
                    Some(unit) => {
                        self.units[unit].block = Rc::new(call);
                        block.units.push(unit);
                    }
                }
            }
            Lateral::Query { rel, columns: _ } => {
                let unit = self.unit(UnitKind::Lateral { keeps_empty }, scope, rel);
                block.units.push(unit);
            }
        }
        block
    }
}

/// Somewhere in it is a function that makes several rows of one.
pub(super) fn makes_rows(expr: &Expr, dialect: Dialect) -> bool {
    let names_one = |call: &Call| {
        super::names::makes_rows(&call.name)
            // A number of one row, or a list, elsewhere.
            && match call.name.as_str() {
                "generate_series" | "range" | "regexp_matches" => dialect == Dialect::Postgres,
                _ => true,
            }
    };
    match expr {
        Expr::Call(call) => {
            names_one(call) || call.arguments.iter().any(|one| makes_rows(one, dialect))
        }
        Expr::Binary { left, right, .. } => makes_rows(left, dialect) || makes_rows(right, dialect),
        Expr::Unary { operand, .. } | Expr::Cast { operand, .. } => makes_rows(operand, dialect),
        Expr::Compound { parts, .. } => parts.iter().any(|part| makes_rows(part, dialect)),
        Expr::Case { operand, branches, otherwise } => {
            let operand = operand.iter().chain(otherwise).any(|one| makes_rows(one, dialect));
            operand
                || branches
                    .iter()
                    .any(|(when, then)| makes_rows(when, dialect) || makes_rows(then, dialect))
        }
        _ => false,
    }
}

/// The columns that can be read over a relation.
pub(super) fn visible(rel: &Rel) -> Vec<Col> {
    match rel {
        Rel::Unit => Vec::new(),
        Rel::Scan(scan) => scan.columns.iter().map(|(_, col)| *col).chain(scan.rest).collect(),
        Rel::Values { columns, .. }
        | Rel::Distinct { columns, .. }
        | Rel::SetOperation { columns, .. }
        | Rel::Recursive { columns, .. }
        | Rel::RecursiveScan { columns, .. } => columns.clone(),
        Rel::Extend { input, columns } => {
            visible(input).into_iter().chain(columns.iter().map(|(col, _)| *col)).collect()
        }
        Rel::Window { input, columns } => {
            visible(input).into_iter().chain(columns.iter().map(|(col, _)| *col)).collect()
        }
        Rel::Filter { input, .. }
        | Rel::DistinctOn { input, .. }
        | Rel::Limit { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Sample { input, .. } => visible(input),
        Rel::Join { kind: JoinKind::Semi | JoinKind::Anti, left, .. } => visible(left),
        Rel::Join { left, right, .. } => visible(left).into_iter().chain(visible(right)).collect(),
        Rel::Lateral { input, function, .. } => {
            let mut all = visible(input);
            match &**function {
                Lateral::Call { columns, .. } => all.extend(columns.iter().map(|(_, col)| *col)),
                Lateral::Query { columns, .. } => all.extend(columns),
            }
            all
        }
        Rel::Aggregate { keys, measures, .. } => {
            let keys = keys.iter().map(|(col, _)| *col);
            keys.chain(measures.iter().map(|(col, _)| *col)).collect()
        }
        Rel::Opaque { columns, .. } => columns.iter().map(|(_, col)| *col).collect(),
    }
}

impl<'a> Block<'a> {
    /// Takes over what another block has.
    pub(super) fn take(&mut self, other: Block<'a>) {
        self.sources.extend(other.sources);
        self.units.extend(other.units);
        self.predicates.extend(other.predicates);
        self.dissolved.extend(other.dissolved);
        self.order = None;
    }
}
