//! Walks over plans: what an expression reads, and the parts of one that may be replaced.

use crate::plan::{Call, Col, Expr, Lateral, Rel, Scan, SetInput, SortKey, Subquery, WindowCall};

/// The columns that an expression reads, also in queries inside it (with those they make).
pub(crate) fn columns(expr: &Expr) -> Vec<Col> {
    let mut found = Vec::new();
    columns_into(expr, &mut found);
    found
}

fn columns_into(expr: &Expr, found: &mut Vec<Col>) {
    match expr {
        Expr::Column(col) => found.push(*col),
        Expr::Opaque { text: _, columns } => found.extend(columns),
        other => parts(other, &mut |part| columns_into(part, found)),
    }
}

pub(crate) fn columns_of_call(call: &Call, found: &mut Vec<Col>) {
    parts_of_call(call, &mut |part| columns_into(part, found));
}

pub(crate) fn columns_of_window(window: &WindowCall, found: &mut Vec<Col>) {
    let WindowCall { call, partition, order, frame: _ } = window;
    columns_of_call(call, found);
    for part in partition.iter().chain(order.iter().map(|key| &key.expr)) {
        columns_into(part, found);
    }
}

/// How many expressions one is made of.
pub(crate) fn size(expr: &Expr) -> usize {
    let mut count = 1;
    parts(expr, &mut |part| count += size(part));
    count
}

fn parts_of_call<'e>(call: &'e Call, see: &mut dyn FnMut(&'e Expr)) {
    let Call { name: _, distinct: _, arguments, order, filter, options: _ } = call;
    arguments.iter().for_each(&mut *see);
    order.iter().for_each(|key| see(&key.expr));
    filter.iter().for_each(|filter| see(filter));
}

/// The expressions directly inside one; for a query inside it, all of the query's.
pub(crate) fn parts<'e>(expr: &'e Expr, see: &mut dyn FnMut(&'e Expr)) {
    match expr {
        Expr::Column(_) | Expr::Literal(_) | Expr::Opaque { .. } => (),
        Expr::Call(call) => parts_of_call(call, see),
        Expr::Binary { operator: _, left, right } => {
            see(left);
            see(right);
        }
        Expr::Unary { operator: _, operand } | Expr::Cast { operand, .. } => see(operand),
        Expr::Case { operand, branches, otherwise } => {
            operand.iter().for_each(|operand| see(operand));
            for (condition, result) in branches {
                see(condition);
                see(result);
            }
            otherwise.iter().for_each(|otherwise| see(otherwise));
        }
        Expr::In { operand, list, negated: _ } => {
            see(operand);
            list.iter().for_each(see);
        }
        Expr::Subquery(query) => {
            let Subquery { kind: _, rel, columns: _, operands } = &**query;
            operands.iter().for_each(&mut *see);
            exprs_of_rel(rel, see);
        }
        Expr::Compound { what: _, parts } => parts.iter().for_each(see),
    }
}

/// The relations that one reads directly.
pub(crate) fn inputs(rel: &Rel) -> Vec<&Rel> {
    match rel {
        Rel::Scan(_) | Rel::Unit | Rel::Values { .. } | Rel::RecursiveScan { .. } => Vec::new(),
        Rel::Extend { input, .. }
        | Rel::Filter { input, .. }
        | Rel::Aggregate { input, .. }
        | Rel::Window { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::DistinctOn { input, .. }
        | Rel::Limit { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Sample { input, .. } => vec![input],
        Rel::Join { left, right, .. } => vec![left, right],
        Rel::Lateral { input, function, keeps_empty: _ } => match &**function {
            Lateral::Call { .. } => vec![input],
            Lateral::Query { rel, columns: _ } => vec![input, rel],
        },
        Rel::SetOperation { inputs, .. } => inputs.iter().map(|one| &one.rel).collect(),
        Rel::Recursive { base, step, .. } => vec![base, step],
        Rel::Opaque { inputs, .. } => inputs.iter().collect(),
    }
}

/// The expressions of a relation, and of those it reads.
fn exprs_of_rel<'e>(rel: &'e Rel, see: &mut dyn FnMut(&'e Expr)) {
    own_exprs(rel, see);
    for input in inputs(rel) {
        exprs_of_rel(input, see);
    }
}

/// The expressions of a relation itself.
pub(crate) fn own_exprs<'e>(rel: &'e Rel, see: &mut dyn FnMut(&'e Expr)) {
    let keys = |order: &'e [SortKey], see: &mut dyn FnMut(&'e Expr)| {
        order.iter().for_each(|key| see(&key.expr));
    };
    match rel {
        Rel::Scan(_)
        | Rel::Unit
        | Rel::Distinct { .. }
        | Rel::SetOperation { .. }
        | Rel::Sample { .. }
        | Rel::Recursive { .. }
        | Rel::RecursiveScan { .. } => (),
        Rel::Values { columns: _, rows } => rows.iter().flatten().for_each(see),
        Rel::Extend { input: _, columns } => columns.iter().for_each(|(_, expr)| see(expr)),
        Rel::Filter { input: _, predicates } => predicates.iter().for_each(see),
        Rel::Join { on, .. } => on.iter().for_each(see),
        Rel::Lateral { function, .. } => match &**function {
            Lateral::Call { arguments, .. } => arguments.iter().for_each(see),
            Lateral::Query { .. } => (),
        },
        Rel::Aggregate { input: _, keys, grouping: _, measures } => {
            keys.iter().for_each(|(_, key)| see(key));
            measures.iter().for_each(|(_, call)| parts_of_call(call, see));
        }
        Rel::Window { input: _, columns } => {
            for (_, WindowCall { call, partition, order, frame: _ }) in columns {
                parts_of_call(call, see);
                partition.iter().for_each(&mut *see);
                keys(order, see);
            }
        }
        Rel::DistinctOn { input: _, on, order } => {
            on.iter().for_each(&mut *see);
            keys(order, see);
        }
        Rel::Limit { input: _, order, count, offset, with_ties: _ } => {
            keys(order, see);
            count.iter().chain(offset).for_each(see);
        }
        Rel::Sort { input: _, order } => keys(order, see),
        Rel::Opaque { arguments, .. } => arguments.iter().for_each(see),
    }
}

fn parts_of_call_mut(call: &mut Call, see: &mut dyn FnMut(&mut Expr)) {
    let Call { name: _, distinct: _, arguments, order, filter, options: _ } = call;
    arguments.iter_mut().for_each(&mut *see);
    order.iter_mut().for_each(|key| see(&mut key.expr));
    filter.iter_mut().for_each(|filter| see(filter));
}

pub(crate) fn exprs_of_window_mut(window: &mut WindowCall, see: &mut dyn FnMut(&mut Expr)) {
    let WindowCall { call, partition, order, frame: _ } = window;
    parts_of_call_mut(call, see);
    partition.iter_mut().for_each(&mut *see);
    order.iter_mut().for_each(|key| see(&mut key.expr));
}

/// An expression and all inside it, the outer before the inner.
pub(crate) fn exprs_mut(expr: &mut Expr, see: &mut dyn FnMut(&mut Expr)) {
    see(expr);
    parts_mut(expr, &mut |part| exprs_mut(part, see));
}

/// [`parts`], to be replaced.
pub(crate) fn parts_mut(expr: &mut Expr, see: &mut dyn FnMut(&mut Expr)) {
    match expr {
        Expr::Column(_) | Expr::Literal(_) | Expr::Opaque { .. } => (),
        Expr::Call(call) => parts_of_call_mut(call, see),
        Expr::Binary { operator: _, left, right } => {
            see(left);
            see(right);
        }
        Expr::Unary { operator: _, operand } | Expr::Cast { operand, .. } => see(operand),
        Expr::Case { operand, branches, otherwise } => {
            operand.iter_mut().for_each(|operand| see(operand));
            for (condition, result) in branches {
                see(condition);
                see(result);
            }
            otherwise.iter_mut().for_each(|otherwise| see(otherwise));
        }
        Expr::In { operand, list, negated: _ } => {
            see(operand);
            list.iter_mut().for_each(see);
        }
        Expr::Subquery(query) => {
            let Subquery { kind: _, rel, columns: _, operands } = &mut **query;
            operands.iter_mut().for_each(&mut *see);
            exprs_of_rel_mut(rel, see);
        }
        Expr::Compound { what: _, parts } => parts.iter_mut().for_each(see),
    }
}

fn inputs_mut(rel: &mut Rel) -> Vec<&mut Rel> {
    match rel {
        Rel::Scan(_) | Rel::Unit | Rel::Values { .. } | Rel::RecursiveScan { .. } => Vec::new(),
        Rel::Extend { input, .. }
        | Rel::Filter { input, .. }
        | Rel::Aggregate { input, .. }
        | Rel::Window { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::DistinctOn { input, .. }
        | Rel::Limit { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Sample { input, .. } => vec![input],
        Rel::Join { left, right, .. } => vec![left, right],
        Rel::Lateral { input, function, keeps_empty: _ } => match &mut **function {
            Lateral::Call { .. } => vec![input],
            Lateral::Query { rel, columns: _ } => vec![input, rel],
        },
        Rel::SetOperation { inputs, .. } => {
            inputs.iter_mut().map(|SetInput { rel, columns: _ }| rel).collect()
        }
        Rel::Recursive { base, step, .. } => vec![base, step],
        Rel::Opaque { inputs, .. } => inputs.iter_mut().collect(),
    }
}

fn exprs_of_rel_mut(rel: &mut Rel, see: &mut dyn FnMut(&mut Expr)) {
    own_exprs_mut(rel, see);
    for input in inputs_mut(rel) {
        exprs_of_rel_mut(input, see);
    }
}

fn own_exprs_mut(rel: &mut Rel, see: &mut dyn FnMut(&mut Expr)) {
    match rel {
        Rel::Scan(_)
        | Rel::Unit
        | Rel::Distinct { .. }
        | Rel::SetOperation { .. }
        | Rel::Sample { .. }
        | Rel::Recursive { .. }
        | Rel::RecursiveScan { .. } => (),
        Rel::Values { columns: _, rows } => rows.iter_mut().flatten().for_each(see),
        Rel::Extend { input: _, columns } => columns.iter_mut().for_each(|(_, expr)| see(expr)),
        Rel::Filter { input: _, predicates } => predicates.iter_mut().for_each(see),
        Rel::Join { on, .. } => on.iter_mut().for_each(see),
        Rel::Lateral { function, .. } => match &mut **function {
            Lateral::Call { arguments, .. } => arguments.iter_mut().for_each(see),
            Lateral::Query { .. } => (),
        },
        Rel::Aggregate { input: _, keys, grouping: _, measures } => {
            keys.iter_mut().for_each(|(_, key)| see(key));
            measures.iter_mut().for_each(|(_, call)| parts_of_call_mut(call, see));
        }
        Rel::Window { input: _, columns } => {
            columns.iter_mut().for_each(|(_, window)| exprs_of_window_mut(window, see));
        }
        Rel::DistinctOn { input: _, on, order } => {
            on.iter_mut().for_each(&mut *see);
            order.iter_mut().for_each(|key| see(&mut key.expr));
        }
        Rel::Limit { input: _, order, count, offset, with_ties: _ } => {
            order.iter_mut().for_each(|key| see(&mut key.expr));
            count.iter_mut().chain(offset).for_each(see);
        }
        Rel::Sort { input: _, order } => order.iter_mut().for_each(|key| see(&mut key.expr)),
        Rel::Opaque { arguments, .. } => arguments.iter_mut().for_each(see),
    }
}

/// Every scan of a plan, also in queries inside expressions.
pub(crate) fn scans_mut(rel: &mut Rel, see: &mut dyn FnMut(&mut Scan)) {
    if let Rel::Scan(scan) = rel {
        see(scan);
    }
    own_exprs_mut(rel, &mut |expr| scans_in(expr, see));
    for input in inputs_mut(rel) {
        scans_mut(input, see);
    }
}

fn scans_in(expr: &mut Expr, see: &mut dyn FnMut(&mut Scan)) {
    match expr {
        Expr::Subquery(query) => {
            query.operands.iter_mut().for_each(|operand| scans_in(operand, see));
            scans_mut(&mut query.rel, see);
        }
        other => parts_mut(other, &mut |part| scans_in(part, see)),
    }
}
