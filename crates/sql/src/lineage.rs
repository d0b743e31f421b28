//! Where the columns of a query come from, and what decides its rows.

mod keys;
mod volatile;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::plan::{
    Call, Col, Expr, Lateral, Query, Rel, SetKind, SortKey, Subquery, SubqueryKind, WindowCall,
};
use crate::tables::TableName;
use crate::walk;

/// Where a query's output comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryLineage {
    pub outputs: Vec<OutputLineage>,
    /// What decides which rows there are, and how many: filters, joins, groups, and the tables whose
    /// rows they are.
    pub rows: BTreeSet<Source>,
    /// The outputs are all there are.
    pub is_complete: bool,
    /// Outputs that come out differently each time, or depend on who asks: `now()`, `random()`.
    pub volatile: BTreeSet<String>,
    /// Sets of outputs that are proved to identify a row: no two rows agree in all of them, where NULL
    /// agrees with NULL. An empty set: there is at most one row.
    pub keys: BTreeSet<Vec<String>>,
}

/// Where a column comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputLineage {
    pub name: String,
    pub data_type: Option<String>,
    pub sources: BTreeSet<Source>,
}

/// A column of a table, and how it has a part in what is made of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    pub table: TableName,
    /// `None`: any of its columns, or that it has a row at all.
    pub column: Option<String>,
    pub edge: Edge,
    pub confidence: Confidence,
}

/// How a column has a part in another, or in the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Edge {
    /// Its values become those of the other.
    Value,
    Filter,
    Join,
    Group,
    /// It is a window's partition.
    Window,
    Order,
}

impl Edge {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Filter => "filter",
            Self::Join => "join",
            Self::Group => "group",
            Self::Window => "window",
            Self::Order => "order",
        }
    }
}

/// How sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    Certain,
    /// Columns of a table are not known that has a part in it: a name without its table, or `*`.
    Likely,
}

impl Confidence {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
        }
    }
}

/// The lineage of a bound query. Call it in [`crate::with_deep_stack`].
pub fn lineage(query: &Query) -> QueryLineage {
    let mut walker = Walker { of: BTreeMap::new(), rows: BTreeSet::new() };
    walker.rel(&query.rel, Edge::Value);
    let mut lineage = QueryLineage {
        rows: std::mem::take(&mut walker.rows),
        is_complete: query.is_complete,
        keys: keys::keys(query),
        ..QueryLineage::default()
    };
    for output in &query.outputs {
        let made = walker.made(output.col);
        if made.is_volatile {
            lineage.volatile.insert(output.name.clone());
        }
        lineage.outputs.push(OutputLineage {
            name: output.name.clone(),
            data_type: output.data_type.clone(),
            sources: made.sources.iter().cloned().collect(),
        });
    }
    lineage
}

/// What one column is made of.
#[derive(Default)]
struct Made {
    sources: BTreeSet<Source>,
    is_volatile: bool,
}

impl Made {
    fn extend(&mut self, other: &Self) {
        self.sources.extend(other.sources.iter().cloned());
        self.is_volatile |= other.is_volatile;
    }

    /// The same columns in another part.
    fn extend_as(&mut self, other: &Self, edge: Edge) {
        self.is_volatile |= other.is_volatile;
        if edge == Edge::Value {
            self.sources.extend(other.sources.iter().cloned());
            return;
        }
        let others = other.sources.iter();
        self.sources.extend(others.map(|source| Source { edge, ..source.clone() }));
    }
}

struct Walker {
    of: BTreeMap<Col, Rc<Made>>,
    rows: BTreeSet<Source>,
}

impl Walker {
    fn made(&self, col: Col) -> Rc<Made> {
        self.of.get(&col).cloned().unwrap_or_default()
    }

    fn set(&mut self, col: Col, made: Made) {
        self.of.insert(col, Rc::new(made));
    }

    /// What an expression reads decides rows.
    fn decides(&mut self, expr: &Expr, edge: Edge) {
        let mut made = Made::default();
        self.expr(expr, Edge::Value, &mut made);
        let sources = made.sources.into_iter();
        self.rows.extend(sources.map(|source| Source { edge, ..source }));
    }

    fn value(&mut self, expr: &Expr) -> Made {
        let mut made = Made::default();
        self.expr(expr, Edge::Value, &mut made);
        made
    }

    /// A relation: sets what its columns are made of, and what decides its rows. `edge` is the part
    /// that the existence of its tables' rows has.
    fn rel(&mut self, rel: &Rel, edge: Edge) {
        match rel {
            Rel::Scan(scan) => {
                let of = |column: Option<&String>, confidence| Source {
                    table: scan.table.clone(),
                    column: column.cloned(),
                    edge: Edge::Value,
                    confidence,
                };
                self.rows.insert(Source { edge, ..of(None, Confidence::Certain) });
                for (name, col) in &scan.columns {
                    let is_guess = scan.guessed.contains(col);
                    let confidence =
                        if is_guess { Confidence::Likely } else { Confidence::Certain };
                    self.single(*col, of(Some(name), confidence));
                }
                if let Some(rest) = scan.rest {
                    self.single(rest, of(None, Confidence::Likely));
                }
            }
            Rel::Unit | Rel::RecursiveScan { .. } => (),
            Rel::Values { columns, rows } => {
                for (place, col) in columns.iter().enumerate() {
                    let mut made = Made::default();
                    for value in rows.iter().filter_map(|row| row.get(place)) {
                        self.expr(value, Edge::Value, &mut made);
                    }
                    self.set(*col, made);
                }
            }
            Rel::Extend { input, columns } => {
                self.rel(input, edge);
                for (col, expr) in columns {
                    let made = self.value(expr);
                    self.set(*col, made);
                }
            }
            Rel::Filter { input, predicates } => {
                self.rel(input, edge);
                predicates.iter().for_each(|predicate| self.decides(predicate, Edge::Filter));
            }
            Rel::Join { kind: _, left, right, on } => {
                self.rel(left, edge);
                self.rel(right, Edge::Join);
                on.iter().for_each(|condition| self.decides(condition, Edge::Join));
            }
            Rel::Lateral { input, function, keeps_empty: _ } => {
                self.rel(input, edge);
                match &**function {
                    Lateral::Call { name, arguments, columns } => {
                        let mut made =
                            Made { is_volatile: volatile::is_volatile(name), ..Made::default() };
                        for argument in arguments {
                            self.expr(argument, Edge::Value, &mut made);
                            self.decides(argument, Edge::Join);
                        }
                        let made = Rc::new(made);
                        for (_, col) in columns {
                            self.of.insert(*col, Rc::clone(&made));
                        }
                    }
                    Lateral::Query { rel, columns: _ } => self.rel(rel, Edge::Join),
                }
            }
            Rel::Aggregate { input, keys, grouping: _, measures } => {
                self.rel(input, edge);
                for (col, key) in keys {
                    let made = self.value(key);
                    self.set(*col, made);
                    self.decides(key, Edge::Group);
                }
                for (col, call) in measures {
                    let mut made = Made::default();
                    self.call(call, Edge::Value, &mut made);
                    Self::count_rows(call, input, &mut made);
                    self.set(*col, made);
                }
            }
            Rel::Window { input, columns } => {
                self.rel(input, edge);
                for (col, WindowCall { call, partition, order, frame: _ }) in columns {
                    let mut made = Made::default();
                    self.call(call, Edge::Value, &mut made);
                    if call.name == "count" {
                        Self::count_rows(call, input, &mut made);
                    }
                    for part in partition {
                        self.expr(part, Edge::Window, &mut made);
                    }
                    self.keys(order, &mut made);
                    self.set(*col, made);
                }
            }
            Rel::Distinct { input, columns } => {
                self.rel(input, edge);
                for col in columns {
                    self.decides(&Expr::Column(*col), Edge::Group);
                }
            }
            Rel::DistinctOn { input, on, order } => {
                self.rel(input, edge);
                on.iter().for_each(|expr| self.decides(expr, Edge::Group));
                order.iter().for_each(|key| self.decides(&key.expr, Edge::Order));
            }
            Rel::SetOperation { kind, all, inputs, columns } => {
                for input in inputs {
                    self.rel(&input.rel, edge);
                    if !(*all && *kind == SetKind::Union) {
                        let part = if *kind == SetKind::Union { Edge::Group } else { Edge::Filter };
                        for col in input.columns.iter().flatten() {
                            self.decides(&Expr::Column(*col), part);
                        }
                    }
                }
                for (place, col) in columns.iter().enumerate() {
                    let mut made = Made::default();
                    for (at, input) in inputs.iter().enumerate() {
                        // What EXCEPT takes away gives no values.
                        if *kind == SetKind::Except && at > 0 {
                            continue;
                        }
                        if let Some(Some(from)) = input.columns.get(place) {
                            made.extend(&self.made(*from));
                        }
                    }
                    self.set(*col, made);
                }
            }
            Rel::Limit { input, order, count, offset, with_ties: _ } => {
                self.rel(input, edge);
                order.iter().for_each(|key| self.decides(&key.expr, Edge::Order));
                count.iter().chain(offset).for_each(|expr| self.decides(expr, Edge::Filter));
            }
            Rel::Sort { input, order: _ } | Rel::Sample { input, how: _ } => self.rel(input, edge),
            Rel::Recursive { base, base_columns, step, step_columns, columns, all: _, name } => {
                self.rel(base, edge);
                for (col, from) in columns.iter().zip(base_columns) {
                    let made = self.made(*from);
                    self.of.insert(*col, made);
                }
                // Twice: what the first step adds may become values of other columns in the next.
                for _ in 0..=columns.len().min(8) {
                    let before: Vec<Rc<Made>> = columns.iter().map(|col| self.made(*col)).collect();
                    self.recursive_scans(step, name, &before);
                    self.rel(step, edge);
                    let mut is_same = true;
                    for ((col, from), before) in columns.iter().zip(step_columns).zip(&before) {
                        let mut made = Made::default();
                        made.extend(before);
                        made.extend(&self.made(*from));
                        is_same &= made.sources == before.sources
                            && made.is_volatile == before.is_volatile;
                        self.set(*col, made);
                    }
                    if is_same {
                        break;
                    }
                }
            }
            Rel::Opaque { text: _, inputs, arguments, columns } => {
                inputs.iter().for_each(|input| self.rel(input, edge));
                let mut made = Made::default();
                for argument in arguments {
                    self.expr(argument, Edge::Value, &mut made);
                    self.decides(argument, Edge::Group);
                }
                // The columns that pass unchanged stand first.
                let made = Rc::new(made);
                for (place, (_, col)) in columns.iter().enumerate() {
                    let passed = arguments.get(place).and_then(crate::bind::as_column);
                    let one = match passed {
                        Some(from) => self.made(from),
                        None => Rc::clone(&made),
                    };
                    self.of.insert(*col, one);
                }
            }
        }
    }

    /// `count(*)` has no arguments: it comes from the rows.
    fn count_rows(call: &Call, input: &Rel, made: &mut Made) {
        if !call.arguments.is_empty() {
            return;
        }
        let mut waiting = vec![input];
        while let Some(next) = waiting.pop() {
            if let Rel::Scan(scan) = next {
                made.sources.insert(Source {
                    table: scan.table.clone(),
                    column: None,
                    edge: Edge::Value,
                    confidence: Confidence::Certain,
                });
            }
            waiting.extend(walk::inputs(next));
        }
    }

    fn recursive_scans(&mut self, rel: &Rel, wanted: &str, values: &[Rc<Made>]) {
        if let Rel::RecursiveScan { name, columns } = rel
            && name == wanted
        {
            for (col, made) in columns.iter().zip(values) {
                self.of.insert(*col, Rc::clone(made));
            }
        }
        let mut inside = Vec::new();
        walk::own_exprs(rel, &mut |expr| inside.push(expr));
        for expr in inside {
            self.recursive_in(expr, wanted, values);
        }
        for input in walk::inputs(rel) {
            self.recursive_scans(input, wanted, values);
        }
    }

    fn recursive_in(&mut self, expr: &Expr, wanted: &str, values: &[Rc<Made>]) {
        if let Expr::Subquery(query) = expr {
            self.recursive_scans(&query.rel, wanted, values);
            return;
        }
        let mut parts = Vec::new();
        walk::parts(expr, &mut |part| parts.push(part));
        for part in parts {
            self.recursive_in(part, wanted, values);
        }
    }

    fn single(&mut self, col: Col, source: Source) {
        self.set(col, Made { sources: BTreeSet::from([source]), is_volatile: false });
    }

    fn keys(&mut self, order: &[SortKey], made: &mut Made) {
        for key in order {
            self.expr(&key.expr, Edge::Order, made);
        }
    }

    fn call(&mut self, call: &Call, edge: Edge, made: &mut Made) {
        let Call { name, distinct: _, arguments, order, filter, options: _ } = call;
        made.is_volatile |= volatile::is_volatile(name);
        for argument in arguments {
            self.expr(argument, edge, made);
        }
        self.keys(order, made);
        if let Some(filter) = filter {
            self.expr(filter, Edge::Filter, made);
        }
    }

    fn expr(&mut self, expr: &Expr, edge: Edge, made: &mut Made) {
        match expr {
            Expr::Column(col) => {
                let of = self.made(*col);
                made.extend_as(&of, edge);
            }
            Expr::Call(call) => self.call(call, edge, made),
            Expr::Subquery(query) => self.subquery(query, edge, made),
            Expr::Opaque { text: _, columns } => {
                for col in columns {
                    let of = self.made(*col);
                    made.extend_as(&of, edge);
                }
            }
            other => {
                let mut parts = Vec::new();
                walk::parts(other, &mut |part| parts.push(part));
                for part in parts {
                    self.expr(part, edge, made);
                }
            }
        }
    }

    /// A query inside an expression: its values, and what decides its rows, have a part.
    fn subquery(&mut self, query: &Subquery, edge: Edge, made: &mut Made) {
        let Subquery { kind, rel, columns, operands } = query;
        let outside = std::mem::take(&mut self.rows);
        self.rel(rel, Edge::Join);
        let rows = std::mem::replace(&mut self.rows, outside);
        let is_value = !matches!(kind, SubqueryKind::Exists { .. });
        if is_value {
            for col in columns {
                let of = self.made(*col);
                made.extend_as(&of, edge);
            }
        }
        for operand in operands {
            self.expr(operand, edge, made);
        }
        made.sources.extend(rows);
    }
}
