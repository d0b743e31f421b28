//! Groups: what may be read behind them, and as what.

use std::collections::{BTreeSet, HashSet};

use sqlparser::ast::{self, Expr as Ast, GroupByExpr, GroupByWithModifier};

use super::call::bare;
use super::scope::{Clause, Step};
use super::select::Parts;
use super::{Binder, as_column, unsupported};
use crate::plan::{Call, Col, Expr, Grouping, Literal, Rel};
use crate::{Dialect, Unread, walk};

/// How many grouping sets a CUBE may be written out to.
const SETS: usize = 4_096;

/// The keys of a GROUP BY.
pub(super) struct Grouped {
    keys: Vec<Expr>,
    sets: Option<Vec<BTreeSet<usize>>>,
    /// There is a GROUP BY at all.
    is_there: bool,
}

impl<'q> Binder<'q> {
    pub(super) fn group_by(&mut self, group_by: &'q GroupByExpr) -> Result<Grouped, Unread> {
        let mut grouped = Grouped { keys: Vec::new(), sets: None, is_there: true };
        let modifiers = match group_by {
            GroupByExpr::All(modifiers) => {
                self.group_by_all(&mut grouped);
                modifiers
            }
            GroupByExpr::Expressions(exprs, modifiers) => {
                grouped.is_there = !exprs.is_empty() || !modifiers.is_empty();
                for expr in exprs {
                    self.group_key(&mut grouped, expr)?;
                }
                modifiers
            }
        };
        for modifier in modifiers {
            let all: Vec<usize> = (0..grouped.keys.len()).collect();
            match modifier {
                GroupByWithModifier::Rollup => {
                    let parts: Vec<Vec<usize>> = all.iter().map(|key| vec![*key]).collect();
                    grouped.combine(rollup(&parts))?;
                }
                GroupByWithModifier::Cube => {
                    let parts: Vec<Vec<usize>> = all.iter().map(|key| vec![*key]).collect();
                    grouped.combine(cube(&parts)?)?;
                }
                GroupByWithModifier::Totals => return unsupported("WITH TOTALS is not understood"),
                GroupByWithModifier::GroupingSets(expr) => {
                    grouped.sets = None;
                    self.group_key(&mut grouped, expr)?;
                }
            }
        }
        Ok(grouped)
    }

    /// Every item that aggregates nothing is a key.
    fn group_by_all(&mut self, grouped: &mut Grouped) {
        let frame = self.frame();
        let keys = frame
            .items
            .iter()
            .filter_map(|item| item.expr.as_ref())
            .filter(|expr| !walk::columns(expr).iter().any(|col| frame.late.contains(col)));
        for key in keys {
            if !grouped.keys.contains(key) {
                grouped.keys.push(key.clone());
            }
        }
    }

    fn group_key(&mut self, grouped: &mut Grouped, expr: &'q Ast) -> Result<(), Unread> {
        match expr {
            Ast::Rollup(parts) => {
                let parts = self.key_lists(grouped, parts)?;
                grouped.combine(rollup(&parts))
            }
            Ast::Cube(parts) => {
                let parts = self.key_lists(grouped, parts)?;
                grouped.combine(cube(&parts)?)
            }
            Ast::GroupingSets(parts) => {
                let parts = self.key_lists(grouped, parts)?;
                grouped.combine(parts.into_iter().map(|part| part.into_iter().collect()).collect())
            }
            Ast::Tuple(parts) => {
                let mut keys = BTreeSet::new();
                for part in parts {
                    keys.insert(self.key(grouped, part)?);
                }
                grouped.combine(vec![keys])
            }
            Ast::Function(function)
                if ["rollup", "cube", "grouping sets"]
                    .contains(&function.name.to_string().to_lowercase().as_str()) =>
            {
                let ast::FunctionArguments::List(list) = &function.args else {
                    return unsupported("ROLLUP or CUBE of nothing");
                };
                let mut parts = Vec::new();
                for arg in &list.args {
                    let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) = arg else {
                        return unsupported("ROLLUP or CUBE of something named");
                    };
                    let list = match expr {
                        Ast::Tuple(list) => list.as_slice(),
                        one => std::slice::from_ref(one),
                    };
                    let keys = list.iter().map(|part| self.key(grouped, part));
                    parts.push(keys.collect::<Result<Vec<_>, _>>()?);
                }
                match function.name.to_string().to_lowercase().as_str() {
                    "rollup" => grouped.combine(rollup(&parts)),
                    "cube" => grouped.combine(cube(&parts)?),
                    _ => grouped.combine(
                        parts.into_iter().map(|part| part.into_iter().collect()).collect(),
                    ),
                }
            }
            expr => {
                let key = self.key(grouped, expr)?;
                grouped.combine(vec![BTreeSet::from([key])])
            }
        }
    }

    fn key_lists(
        &mut self,
        grouped: &mut Grouped,
        lists: &'q [Vec<Ast>],
    ) -> Result<Vec<Vec<usize>>, Unread> {
        lists.iter().map(|list| list.iter().map(|expr| self.key(grouped, expr)).collect()).collect()
    }

    /// The place of a key among the keys.
    fn key(&mut self, grouped: &mut Grouped, expr: &'q Ast) -> Result<usize, Unread> {
        let key = match super::order::ordinal(expr) {
            Some(place) => {
                self.frame().clause = Clause::GroupBy;
                if self.frame().items.iter().take(place + 1).any(|item| item.rest.is_some()) {
                    return unsupported("a column's number counts columns that are not known");
                }
                self.use_item(place)?
            }
            None => self.clause_expr(Clause::GroupBy, expr)?,
        };
        let frame = self.frame();
        if walk::columns(&key).iter().any(|col| frame.late.contains(col)) {
            return unsupported("GROUP BY groups by an aggregate or a window");
        }
        Ok(grouped.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            grouped.keys.push(key);
            grouped.keys.len() - 1
        }))
    }

    /// Groups the rows, if the query does, and makes what is behind read the groups.
    pub(super) fn aggregated(
        &mut self,
        rel: Rel,
        grouped: Grouped,
        mut parts: Parts,
    ) -> Result<(Rel, Parts), Unread> {
        let measures = std::mem::take(&mut self.frame().measures);
        if measures.is_empty() && !grouped.is_there && parts.having.is_empty() {
            return Ok((rel, parts));
        }
        let Grouped { keys, sets, is_there: _ } = grouped;
        let mut columns = Vec::with_capacity(keys.len());
        for key in keys {
            let data_type = self.type_of(&key);
            columns.push((self.col(data_type)?, key));
        }
        let mut groups = Groups {
            keys: columns,
            before: self.frame().named.clone(),
            measures,
            is_lenient: matches!(self.dialect, Dialect::Postgres | Dialect::Generic),
            extra: Vec::new(),
            failed: false,
        };
        for col in early_of(&rel) {
            groups.before.insert(col);
        }
        for expr in parts.late_exprs() {
            groups.root(expr);
        }
        let mut steps = std::mem::take(&mut self.frame().steps);
        for step in &mut steps {
            match step {
                Step::Extend(_, expr) => groups.root(expr),
                Step::Rows(_, call) => {
                    call.arguments.iter_mut().for_each(|argument| groups.root(argument));
                }
                Step::Window(_, window) => {
                    walk::exprs_of_window_mut(window, &mut |expr| groups.root(expr));
                }
            }
        }
        self.frame().steps = steps;
        if groups.failed {
            return unsupported("a column is selected that is neither grouped nor aggregated");
        }
        let extra = std::mem::take(&mut groups.extra);
        for col in extra {
            let data_type = self.type_of_col(col);
            let made = self.col(data_type)?;
            groups.measures.push((made, bare("any_value", vec![Expr::Column(col)])));
            let mut replace = |expr: &mut Expr| {
                walk::exprs_mut(expr, &mut |expr| {
                    if as_column(expr) == Some(col) {
                        *expr = Expr::Column(made);
                    }
                });
            };
            parts.late_exprs().for_each(&mut replace);
            for step in &mut self.frame().steps {
                match step {
                    Step::Extend(_, expr) => replace(expr),
                    Step::Rows(_, call) => call.arguments.iter_mut().for_each(&mut replace),
                    Step::Window(_, window) => walk::exprs_of_window_mut(window, &mut replace),
                }
            }
        }
        let grouping = match sets {
            None => Grouping::Plain,
            Some(sets) if sets.len() == 1 && sets[0].len() == groups.keys.len() => Grouping::Plain,
            Some(sets) => {
                Grouping::Sets(sets.into_iter().map(|set| set.into_iter().collect()).collect())
            }
        };
        let rel = Rel::Aggregate {
            input: Box::new(rel),
            keys: groups.keys,
            grouping,
            measures: groups.measures,
        };
        Ok((rel, parts))
    }
}

/// Columns that were computed before the groups.
fn early_of(rel: &Rel) -> Vec<Col> {
    let mut found = Vec::new();
    let mut next = rel;
    loop {
        next = match next {
            Rel::Filter { input, .. } => input,
            Rel::Extend { input, columns } => {
                found.extend(columns.iter().map(|(col, _)| *col));
                input
            }
            _ => return found,
        };
    }
}

struct Groups {
    keys: Vec<(Col, Expr)>,
    /// Columns that only rows have, not groups.
    before: HashSet<Col>,
    measures: Vec<(Col, Call)>,
    is_lenient: bool,
    /// Columns that depend on the keys, as PostgreSQL allows.
    extra: Vec<Col>,
    failed: bool,
}

impl Groups {
    /// An expression that stands by itself: here a constant may be a key.
    fn root(&mut self, expr: &mut Expr) {
        if let Some((col, _)) = self.keys.iter().find(|(_, key)| key == expr) {
            *expr = Expr::Column(*col);
            return;
        }
        self.inside(expr);
    }

    fn inside(&mut self, expr: &mut Expr) {
        let is_constant = matches!(
            expr,
            Expr::Literal(
                Literal::Null
                    | Literal::Boolean(_)
                    | Literal::Number(_)
                    | Literal::Text(_)
                    | Literal::Typed(..)
            )
        );
        if !is_constant && let Some((col, _)) = self.keys.iter().find(|(_, key)| key == expr) {
            *expr = Expr::Column(*col);
            return;
        }
        if let Expr::Column(col) = expr {
            if self.before.contains(col) {
                if self.is_lenient {
                    if !self.extra.contains(col) {
                        self.extra.push(*col);
                    }
                } else {
                    self.failed = true;
                }
            }
            return;
        }
        walk::parts_mut(expr, &mut |part| self.inside(part));
    }
}

impl Grouped {
    /// Every set so far with every one of these.
    fn combine(&mut self, sets: Vec<BTreeSet<usize>>) -> Result<(), Unread> {
        if let (Some([before]), [more]) = (self.sets.as_deref_mut(), sets.as_slice()) {
            before.extend(more);
            return Ok(());
        }
        let before = self.sets.take().unwrap_or_else(|| vec![BTreeSet::new()]);
        if before.len().saturating_mul(sets.len()) > SETS {
            return unsupported("there are too many grouping sets");
        }
        let combined =
            before.iter().flat_map(|left| sets.iter().map(move |right| left | right)).collect();
        self.sets = Some(combined);
        Ok(())
    }
}

fn rollup(parts: &[Vec<usize>]) -> Vec<BTreeSet<usize>> {
    (0..=parts.len())
        .rev()
        .map(|count| parts.iter().take(count).flatten().copied().collect())
        .collect()
}

fn cube(parts: &[Vec<usize>]) -> Result<Vec<BTreeSet<usize>>, Unread> {
    if parts.len() > 12 {
        return unsupported("there are too many grouping sets");
    }
    Ok((0..1_usize << parts.len())
        .rev()
        .map(|mask| {
            let chosen = parts.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1);
            chosen.flat_map(|(_, part)| part).copied().collect()
        })
        .collect())
}
