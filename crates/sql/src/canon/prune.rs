//! A plan without the columns that nobody reads.

use std::collections::HashSet;

use super::block::makes_rows;
use crate::Dialect;
use crate::plan::{
    Call, Col, Expr, Lateral, Query, Rel, SetInput, SetKind, SortKey, Subquery, SubqueryKind,
    WindowCall,
};

/// The query without what none of its outputs, rows, or order needs.
pub(crate) fn prune(query: &Query, dialect: Dialect) -> Query {
    let mut needed = Needed { columns: HashSet::new(), all: false, dialect };
    needed.columns.extend(query.outputs.iter().map(|output| output.col));
    Query {
        rel: needed.rel(&query.rel),
        outputs: query.outputs.clone(),
        is_complete: query.is_complete,
    }
}

/// Columns that something further out reads. A column is made further in than it is read.
struct Needed {
    columns: HashSet<Col>,
    /// Something reads by names that it does not tell.
    all: bool,
    dialect: Dialect,
}

impl Needed {
    fn has(&self, col: Col) -> bool {
        self.all || self.columns.contains(&col)
    }

    fn rel(&mut self, rel: &Rel) -> Rel {
        match rel {
            Rel::Scan(_) | Rel::Unit | Rel::RecursiveScan { .. } => rel.clone(),
            Rel::Values { columns, rows } => {
                let rows = rows.iter().map(|row| self.exprs(row)).collect();
                Rel::Values { columns: columns.clone(), rows }
            }
            Rel::Extend { input, columns } => {
                let mut kept = Vec::new();
                for (col, expr) in columns.iter().rev() {
                    if self.has(*col) || makes_rows(expr, self.dialect) {
                        kept.push((*col, self.expr(expr)));
                    }
                }
                kept.reverse();
                let input = self.rel(input);
                if kept.is_empty() {
                    return input;
                }
                Rel::Extend { input: Box::new(input), columns: kept }
            }
            Rel::Filter { input, predicates } => {
                let predicates = self.exprs(predicates);
                Rel::Filter { predicates, input: self.boxed(input) }
            }
            Rel::Join { kind, left, right, on } => {
                let on = self.exprs(on);
                let right = self.boxed(right);
                Rel::Join { kind: *kind, left: self.boxed(left), right, on }
            }
            Rel::Lateral { input, function, keeps_empty } => {
                let function = Box::new(match &**function {
                    Lateral::Call { name, arguments, columns } => Lateral::Call {
                        name: name.clone(),
                        arguments: self.exprs(arguments),
                        columns: columns.clone(),
                    },
                    Lateral::Query { rel, columns } => {
                        Lateral::Query { rel: self.boxed(rel), columns: columns.clone() }
                    }
                });
                Rel::Lateral { function, input: self.boxed(input), keeps_empty: *keeps_empty }
            }
            Rel::Aggregate { input, keys, grouping, measures } => {
                let mut kept = Vec::new();
                for (col, call) in measures {
                    if self.has(*col) {
                        kept.push((*col, self.call(call)));
                    }
                }
                let keys = keys.iter().map(|(col, expr)| (*col, self.expr(expr))).collect();
                Rel::Aggregate {
                    input: self.boxed(input),
                    keys,
                    grouping: grouping.clone(),
                    measures: kept,
                }
            }
            Rel::Window { input, columns } => {
                let mut kept = Vec::new();
                for (col, call) in columns.iter().rev() {
                    if self.has(*col) {
                        kept.push((*col, self.window(call)));
                    }
                }
                kept.reverse();
                let input = self.rel(input);
                if kept.is_empty() {
                    return input;
                }
                Rel::Window { input: Box::new(input), columns: kept }
            }
            Rel::Distinct { input, columns } => {
                self.columns.extend(columns);
                Rel::Distinct { input: self.boxed(input), columns: columns.clone() }
            }
            Rel::DistinctOn { input, on, order } => {
                let (on, order) = (self.exprs(on), self.order(order));
                Rel::DistinctOn { input: self.boxed(input), on, order }
            }
            Rel::SetOperation { kind, all, inputs, columns } => {
                let keeps: Vec<bool> = columns
                    .iter()
                    .map(|col| *kind != SetKind::Union || !all || self.has(*col))
                    .collect();
                let inputs = inputs
                    .iter()
                    .map(|input| {
                        let kept = kept(&input.columns, &keeps);
                        self.columns.extend(kept.iter().flatten());
                        SetInput { rel: self.rel(&input.rel), columns: kept }
                    })
                    .collect();
                Rel::SetOperation { kind: *kind, all: *all, inputs, columns: kept(columns, &keeps) }
            }
            Rel::Limit { input, order, count, offset, with_ties } => {
                let order = self.order(order);
                let count = count.as_ref().map(|count| self.expr(count));
                let offset = offset.as_ref().map(|offset| self.expr(offset));
                let input = self.boxed(input);
                Rel::Limit { input, order, count, offset, with_ties: *with_ties }
            }
            Rel::Sort { input, order } => {
                let order = self.order(order);
                Rel::Sort { input: self.boxed(input), order }
            }
            Rel::Sample { input, how } => {
                Rel::Sample { input: self.boxed(input), how: how.clone() }
            }
            Rel::Recursive { base, base_columns, step, step_columns, columns, all, name } => {
                self.columns.extend(base_columns);
                self.columns.extend(step_columns);
                Rel::Recursive {
                    base: self.boxed(base),
                    base_columns: base_columns.clone(),
                    step: self.boxed(step),
                    step_columns: step_columns.clone(),
                    columns: columns.clone(),
                    all: *all,
                    name: name.clone(),
                }
            }
            Rel::Opaque { text, inputs, arguments, columns } => {
                let arguments = self.exprs(arguments);
                let all = std::mem::replace(&mut self.all, true);
                let inputs = inputs.iter().map(|input| self.rel(input)).collect();
                self.all = all;
                Rel::Opaque { text: text.clone(), inputs, arguments, columns: columns.clone() }
            }
        }
    }

    fn boxed(&mut self, rel: &Rel) -> Box<Rel> {
        Box::new(self.rel(rel))
    }

    fn exprs(&mut self, exprs: &[Expr]) -> Vec<Expr> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn order(&mut self, order: &[SortKey]) -> Vec<SortKey> {
        order.iter().map(|key| SortKey { expr: self.expr(&key.expr), ..key.clone() }).collect()
    }

    fn boxed_expr(&mut self, expr: &Expr) -> Box<Expr> {
        Box::new(self.expr(expr))
    }

    fn call(&mut self, call: &Call) -> Call {
        Call {
            name: call.name.clone(),
            distinct: call.distinct,
            arguments: self.exprs(&call.arguments),
            order: self.order(&call.order),
            filter: call.filter.as_ref().map(|filter| self.boxed_expr(filter)),
            options: call.options.clone(),
        }
    }

    fn window(&mut self, call: &WindowCall) -> WindowCall {
        WindowCall {
            call: self.call(&call.call),
            partition: self.exprs(&call.partition),
            order: self.order(&call.order),
            frame: call.frame.clone(),
        }
    }

    fn expr(&mut self, expr: &Expr) -> Expr {
        match expr {
            Expr::Column(col) => {
                self.columns.insert(*col);
                expr.clone()
            }
            Expr::Literal(_) => expr.clone(),
            Expr::Call(call) => Expr::Call(self.call(call)),
            Expr::Binary { operator, left, right } => Expr::Binary {
                operator: operator.clone(),
                left: self.boxed_expr(left),
                right: self.boxed_expr(right),
            },
            Expr::Unary { operator, operand } => {
                Expr::Unary { operator: operator.clone(), operand: self.boxed_expr(operand) }
            }
            Expr::Case { operand, branches, otherwise } => Expr::Case {
                operand: operand.as_ref().map(|operand| self.boxed_expr(operand)),
                branches: branches
                    .iter()
                    .map(|(when, then)| (self.expr(when), self.expr(then)))
                    .collect(),
                otherwise: otherwise.as_ref().map(|otherwise| self.boxed_expr(otherwise)),
            },
            Expr::Cast { operand, data_type, is_try } => Expr::Cast {
                operand: self.boxed_expr(operand),
                data_type: data_type.clone(),
                is_try: *is_try,
            },
            Expr::In { operand, list, negated } => Expr::In {
                operand: self.boxed_expr(operand),
                list: self.exprs(list),
                negated: *negated,
            },
            Expr::Subquery(subquery) => Expr::Subquery(Box::new(self.subquery(subquery))),
            Expr::Compound { what, parts } => {
                Expr::Compound { what: what.clone(), parts: self.exprs(parts) }
            }
            Expr::Opaque { columns, .. } => {
                self.columns.extend(columns);
                expr.clone()
            }
        }
    }

    fn subquery(&mut self, subquery: &Subquery) -> Subquery {
        let operands = self.exprs(&subquery.operands);
        let is_exists = matches!(subquery.kind, SubqueryKind::Exists { .. });
        let columns = if is_exists { Vec::new() } else { subquery.columns.clone() };
        self.columns.extend(&columns);
        Subquery { kind: subquery.kind.clone(), rel: self.rel(&subquery.rel), columns, operands }
    }
}

fn kept<T: Clone>(all: &[T], keeps: &[bool]) -> Vec<T> {
    all.iter().zip(keeps).filter(|(_, keeps)| **keeps).map(|(one, _)| one.clone()).collect()
}
