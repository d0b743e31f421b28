//! ORDER BY, LIMIT and their kin.

use sqlparser::ast::{self, Expr as Ast, LimitClause, OrderByKind};

use super::expr::compound;
use super::scope::{Clause, Env, Frame, Item, ItemSource};
use super::select::scope_of;
use super::{Binder, Bound, unsupported};
use crate::Unread;
use crate::plan::{Col, Expr, Literal, Rel, SortKey};

/// How many rows of a query there are at most.
#[derive(Default)]
pub(super) struct Limit {
    count: Option<Expr>,
    offset: Option<Expr>,
    with_ties: bool,
}

impl Limit {
    /// The rows in this order, and no more of them than this.
    pub(super) fn around(self, rel: Rel, order: Vec<SortKey>) -> Rel {
        let Self { count, offset, with_ties } = self;
        if count.is_some() || offset.is_some() {
            return Rel::Limit { input: Box::new(rel), order, count, offset, with_ties };
        }
        if order.is_empty() { rel } else { Rel::Sort { input: Box::new(rel), order } }
    }
}

/// `ORDER BY 2`: the place, from zero.
pub(super) fn ordinal(expr: &Ast) -> Option<usize> {
    let Ast::Value(value) = expr else { return None };
    let ast::Value::Number(number, _) = &value.value else { return None };
    number.parse::<usize>().ok()?.checked_sub(1)
}

fn is_unlimited(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(Literal::Null))
}

impl<'q> Binder<'q> {
    pub(super) fn limit_of(
        &mut self,
        clause: Option<&'q LimitClause>,
        fetch: Option<&'q ast::Fetch>,
    ) -> Result<Limit, Unread> {
        let mut limit = Limit::default();
        match clause {
            None => (),
            Some(LimitClause::LimitOffset { limit: count, offset, limit_by }) => {
                if !limit_by.is_empty() {
                    return unsupported("LIMIT … BY is not understood");
                }
                limit.count = count.as_ref().map(|count| self.bound_count(count)).transpose()?;
                if let Some(ast::Offset { value, rows: _ }) = offset {
                    limit.offset = Some(self.bound_count(value)?);
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit: count }) => {
                limit.count = Some(self.bound_count(count)?);
                limit.offset = Some(self.bound_count(offset)?);
            }
        }
        if let Some(ast::Fetch { with_ties, percent, quantity }) = fetch {
            if limit.count.is_some() {
                return unsupported("there are both LIMIT and FETCH");
            }
            let count = match quantity {
                Some(quantity) => self.bound_count(quantity)?,
                None => Expr::Literal(Literal::Number("1".to_owned())),
            };
            limit.count = Some(percent_of(count, *percent));
            limit.with_ties = *with_ties;
        }
        limit.count = limit.count.filter(|count| !is_unlimited(count));
        limit.offset = limit.offset.filter(|offset| {
            !is_unlimited(offset) && *offset != Expr::Literal(Literal::Number("0".to_owned()))
        });
        Ok(limit)
    }

    fn bound_count(&mut self, count: &'q Ast) -> Result<Expr, Unread> {
        self.constant(count, &Env::default())
    }

    pub(super) fn top(
        &mut self,
        top: Option<&'q ast::Top>,
        mut limit: Limit,
    ) -> Result<Limit, Unread> {
        let Some(ast::Top { with_ties, percent, quantity }) = top else { return Ok(limit) };
        if limit.count.is_some() {
            return unsupported("there are both LIMIT and TOP");
        }
        let count = match quantity {
            Some(ast::TopQuantity::Expr(expr)) => self.bound_count(expr)?,
            Some(ast::TopQuantity::Constant(count)) => {
                Expr::Literal(Literal::Number(count.to_string()))
            }
            None => return unsupported("TOP of nothing"),
        };
        limit.count = Some(percent_of(count, *percent));
        limit.with_ties = *with_ties;
        Ok(limit)
    }

    /// The keys of ORDER BY, where the select list and what it reads are in sight.
    pub(super) fn order_keys(
        &mut self,
        order_by: Option<&'q ast::OrderBy>,
    ) -> Result<Vec<SortKey>, Unread> {
        let Some(ast::OrderBy { kind, interpolate }) = order_by else { return Ok(Vec::new()) };
        if interpolate.is_some() {
            return unsupported("INTERPOLATE is not understood");
        }
        self.frame().clause = Clause::OrderBy;
        let keys = match kind {
            OrderByKind::All(options) => {
                let count = self.frame().items.len();
                return (0..count)
                    .map(|place| {
                        let expr = self.use_item(place)?;
                        Self::sort_key(expr, options)
                    })
                    .collect();
            }
            OrderByKind::Expressions(keys) => keys,
        };
        let mut bound = Vec::with_capacity(keys.len());
        for ast::OrderByExpr { expr, options, with_fill } in keys {
            if with_fill.is_some() {
                return unsupported("WITH FILL is not understood");
            }
            let key = match ordinal(expr) {
                Some(place) => {
                    let items = &self.frame().items;
                    if items.iter().take(place + 1).any(|item| item.rest.is_some()) {
                        return unsupported("a column's number counts columns that are not known");
                    }
                    self.use_item(place)?
                }
                None => self.clause_expr(Clause::OrderBy, expr)?,
            };
            bound.push(Self::sort_key(key, options)?);
        }
        Ok(bound)
    }

    /// ORDER BY and LIMIT around something that is no SELECT: only its outputs are in sight.
    pub(super) fn order_outputs(
        &mut self,
        bound: Bound,
        order_by: Option<&'q ast::OrderBy>,
        limit: Limit,
        env: &Env<'q>,
    ) -> Result<Bound, Unread> {
        let Bound { rel, fields } = bound;
        let mut frame = Frame::new(env.clone());
        frame.scope = scope_of(&fields);
        frame.items = fields
            .iter()
            .map(|field| Item {
                name: field.name.clone(),
                is_alias: false,
                source: ItemSource::Column,
                rest: field.rest.clone(),
                expr: Some(Expr::Column(field.col)),
                is_being_bound: false,
            })
            .collect();
        self.frames.push(frame);
        let order = self.order_keys(order_by);
        self.frames.pop();
        Ok(Bound { rel: limit.around(rel, order?), fields })
    }

    /// A list of rows.
    pub(super) fn values(
        &mut self,
        values: &'q ast::Values,
        env: &Env<'q>,
    ) -> Result<Bound, Unread> {
        let ast::Values { explicit_row: _, value_keyword: _, rows } = values;
        self.frames.push(Frame::new(env.clone()));
        let bound: Result<Vec<Vec<Expr>>, Unread> =
            rows.iter().map(|row| self.exprs(&row.content)).collect();
        self.frames.pop();
        let rows = bound?;
        let width = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|row| row.len() != width) {
            return unsupported("the rows of VALUES are not equally long");
        }
        let mut fields = Vec::with_capacity(width);
        for place in 0..width {
            let types: Vec<_> =
                rows.iter().filter_map(|row| row.get(place)).map(|one| self.type_of(one)).collect();
            let data_type = types.first().cloned().flatten();
            let is_one = types.iter().all(|other| *other == data_type);
            let col = self.col(data_type.filter(|_| is_one))?;
            fields.push(super::scope::Field::named(self.values_name(place), col));
        }
        let columns: Vec<Col> = fields.iter().map(|field| field.col).collect();
        Ok(Bound { rel: Rel::Values { columns, rows }, fields })
    }

    /// What an engine calls a column of VALUES.
    fn values_name(&self, place: usize) -> String {
        let name = match self.dialect {
            crate::Dialect::DuckDb => format!("col{place}"),
            crate::Dialect::Databricks => format!("col{}", place + 1),
            _ => format!("column{}", place + 1),
        };
        self.dialect.fold(&name, false)
    }
}

fn percent_of(count: Expr, percent: bool) -> Expr {
    if percent { compound("percent", vec![count]) } else { count }
}
