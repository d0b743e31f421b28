//! Filters as far in as they mean the same: under an aggregate what only reads its keys, under a
//! window what only reads its partition, under a union into each branch.

use std::collections::{BTreeSet, HashMap};

use super::names;
use crate::plan::{Col, Expr, Grouping, JoinKind, Literal, Rel, SetInput, SetKind};

pub(super) fn push(rel: Rel) -> Rel {
    into(rel, Vec::new())
}

/// The relation with these predicates over it.
fn into(rel: Rel, mut wanted: Vec<Expr>) -> Rel {
    match rel {
        Rel::Filter { input, predicates } => {
            wanted.extend(predicates.into_iter().flat_map(conjuncts));
            into(*input, wanted)
        }
        Rel::Extend { input, columns } => {
            let aliases: HashMap<Col, Expr> = columns
                .iter()
                .filter(|(_, expr)| matches!(expr, Expr::Column(_)))
                .map(|(col, expr)| (*col, expr.clone()))
                .collect();
            let made: BTreeSet<Col> = columns.iter().map(|(col, _)| *col).collect();
            let (inside, outside) = split(wanted, |reads| {
                reads.iter().all(|col| !made.contains(col) || aliases.contains_key(col))
            });
            let inside = inside.into_iter().map(|one| substituted(one, &aliases)).collect();
            let input = Box::new(into(*input, inside));
            over(Rel::Extend { input, columns }, outside)
        }
        Rel::Aggregate { input, keys, grouping: Grouping::Plain, measures } if !keys.is_empty() => {
            let own: HashMap<Col, Expr> = keys
                .iter()
                .filter(|(_, expr)| is_movable(expr, &mut BTreeSet::new()))
                .cloned()
                .collect();
            let (inside, outside) = split(wanted, |reads| {
                !reads.is_empty() && reads.iter().all(|col| own.contains_key(col))
            });
            let inside = inside.into_iter().map(|one| substituted(one, &own)).collect();
            let input = Box::new(into(*input, inside));
            let grouping = Grouping::Plain;
            over(Rel::Aggregate { input, keys, grouping, measures }, outside)
        }
        Rel::Window { input, columns } => {
            let mut shared: Option<BTreeSet<Col>> = None;
            for (_, call) in &columns {
                let own: BTreeSet<Col> = call
                    .partition
                    .iter()
                    .filter_map(|key| if let Expr::Column(col) = key { Some(*col) } else { None })
                    .collect();
                shared = Some(match shared {
                    None => own,
                    Some(shared) => shared.intersection(&own).copied().collect(),
                });
            }
            let shared = shared.unwrap_or_default();
            let (inside, outside) = split(wanted, |reads| {
                !reads.is_empty() && reads.iter().all(|col| shared.contains(col))
            });
            let input = Box::new(into(*input, inside));
            over(Rel::Window { input, columns }, outside)
        }
        Rel::Distinct { input, columns } => {
            let own: BTreeSet<Col> = columns.iter().copied().collect();
            let (inside, outside) =
                split(wanted, |reads| reads.iter().all(|col| own.contains(col)));
            over(Rel::Distinct { input: Box::new(into(*input, inside)), columns }, outside)
        }
        Rel::Sort { input, order } => Rel::Sort { input: Box::new(into(*input, wanted)), order },
        Rel::SetOperation { kind, all, inputs, columns } => {
            let own: BTreeSet<Col> = columns.iter().copied().collect();
            let is_union = kind == SetKind::Union;
            let (inside, outside) = split(wanted, |reads| {
                is_union && !reads.is_empty() && reads.iter().all(|col| own.contains(col))
            });
            let inputs = inputs
                .into_iter()
                .map(|input| {
                    let through: HashMap<Col, Expr> = columns
                        .iter()
                        .zip(&input.columns)
                        .map(|(col, inner)| {
                            let null = Expr::Literal(Literal::Null);
                            (*col, inner.map_or(null, Expr::Column))
                        })
                        .collect();
                    let inside =
                        inside.iter().map(|one| substituted(one.clone(), &through)).collect();
                    SetInput { rel: into(input.rel, inside), columns: input.columns }
                })
                .collect();
            over(Rel::SetOperation { kind, all, inputs, columns }, outside)
        }
        Rel::Join { kind, left, right, on } => join(kind, *left, *right, on, wanted),
        Rel::Lateral { input, function, keeps_empty } => {
            over(Rel::Lateral { input: Box::new(push(*input)), function, keeps_empty }, wanted)
        }
        Rel::Aggregate { input, keys, grouping, measures } => {
            over(Rel::Aggregate { input: Box::new(push(*input)), keys, grouping, measures }, wanted)
        }
        Rel::DistinctOn { input, on, order } => {
            over(Rel::DistinctOn { input: Box::new(push(*input)), on, order }, wanted)
        }
        Rel::Limit { input, order, count, offset, with_ties } => {
            let input = Box::new(push(*input));
            over(Rel::Limit { input, order, count, offset, with_ties }, wanted)
        }
        Rel::Sample { input, how } => {
            over(Rel::Sample { input: Box::new(push(*input)), how }, wanted)
        }
        other => over(other, wanted),
    }
}

fn join(kind: JoinKind, left: Rel, right: Rel, on: Vec<Expr>, wanted: Vec<Expr>) -> Rel {
    let goes_left =
        matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti);
    let made_left: BTreeSet<Col> = super::block::visible(&left).into_iter().collect();
    let made_right: BTreeSet<Col> = super::block::visible(&right).into_iter().collect();
    let (lefts, wanted) = split(wanted, |reads| {
        goes_left && !reads.is_empty() && reads.iter().all(|col| made_left.contains(col))
    });
    // A condition of the join on the right side alone is a filter of the right side.
    let goes_right = goes_left;
    let (mut rights, on) = split(on.into_iter().flat_map(conjuncts).collect(), |reads| {
        goes_right && !reads.is_empty() && reads.iter().all(|col| made_right.contains(col))
    });
    let (more, wanted) = split(wanted, |reads| {
        kind == JoinKind::Inner
            && !reads.is_empty()
            && reads.iter().all(|col| made_right.contains(col))
    });
    rights.extend(more);
    let (on_left, on) = split(on, |reads| {
        kind == JoinKind::Inner
            && !reads.is_empty()
            && reads.iter().all(|col| made_left.contains(col))
    });
    let lefts = lefts.into_iter().chain(on_left).collect();
    let (left, right) = (Box::new(into(left, lefts)), Box::new(into(right, rights)));
    over(Rel::Join { kind, left, right, on }, wanted)
}

fn over(rel: Rel, predicates: Vec<Expr>) -> Rel {
    if predicates.is_empty() {
        return rel;
    }
    Rel::Filter { input: Box::new(rel), predicates }
}

fn conjuncts(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::Binary { operator, left, right } if operator == "and" => {
            let mut all = conjuncts(*left);
            all.extend(conjuncts(*right));
            all
        }
        other => vec![other],
    }
}

/// Those that may go in: the test sees the columns that one reads.
fn split(predicates: Vec<Expr>, may: impl Fn(&BTreeSet<Col>) -> bool) -> (Vec<Expr>, Vec<Expr>) {
    predicates.into_iter().partition(|one| {
        let mut reads = BTreeSet::new();
        is_movable(one, &mut reads) && may(&reads)
    })
}

/// It depends on nothing but these columns.
fn is_movable(expr: &Expr, reads: &mut BTreeSet<Col>) -> bool {
    let mut all = |exprs: &[Expr]| exprs.iter().all(|one| is_movable(one, reads));
    match expr {
        Expr::Column(col) => {
            reads.insert(*col);
            true
        }
        Expr::Literal(_) => true,
        Expr::Call(call) => {
            !names::is_volatile(&call.name)
                && !names::makes_rows(&call.name)
                && call.filter.is_none()
                && call.order.is_empty()
                && all(&call.arguments)
        }
        Expr::Binary { left, right, .. } => is_movable(left, reads) && is_movable(right, reads),
        Expr::Unary { operand, .. } | Expr::Cast { operand, .. } => is_movable(operand, reads),
        Expr::In { operand, list, .. } => {
            is_movable(operand, reads) && { list.iter().all(|one| is_movable(one, reads)) }
        }
        Expr::Case { operand, branches, otherwise } => {
            operand.iter().chain(otherwise).all(|one| is_movable(one, reads))
                && branches
                    .iter()
                    .all(|(when, then)| is_movable(when, reads) && is_movable(then, reads))
        }
        Expr::Compound { parts, .. } => all(parts),
        Expr::Subquery(_) | Expr::Opaque { .. } => false,
    }
}

fn substituted(expr: Expr, by: &HashMap<Col, Expr>) -> Expr {
    let boxed = |one: Box<Expr>| Box::new(substituted(*one, by));
    let all = |many: Vec<Expr>| -> Vec<Expr> {
        many.into_iter().map(|one| substituted(one, by)).collect()
    };
    match expr {
        Expr::Column(col) => by.get(&col).cloned().unwrap_or(Expr::Column(col)),
        Expr::Call(mut call) => {
            call.arguments = all(call.arguments);
            Expr::Call(call)
        }
        Expr::Binary { operator, left, right } => {
            Expr::Binary { operator, left: boxed(left), right: boxed(right) }
        }
        Expr::Unary { operator, operand } => Expr::Unary { operator, operand: boxed(operand) },
        Expr::Cast { operand, data_type, is_try } => {
            Expr::Cast { operand: boxed(operand), data_type, is_try }
        }
        Expr::In { operand, list, negated } => {
            Expr::In { operand: boxed(operand), list: all(list), negated }
        }
        Expr::Case { operand, branches, otherwise } => Expr::Case {
            operand: operand.map(boxed),
            branches: branches
                .into_iter()
                .map(|(when, then)| (substituted(when, by), substituted(then, by)))
                .collect(),
            otherwise: otherwise.map(boxed),
        },
        Expr::Compound { what, parts } => Expr::Compound { what, parts: all(parts) },
        other @ (Expr::Literal(_) | Expr::Subquery(_) | Expr::Opaque { .. }) => other,
    }
}
