//! One SELECT.

use sqlparser::ast::{self, Distinct, Expr as Ast};

use super::order::Limit;
use super::scope::{Clause, Env, Field, Frame, Item, ItemSource, Scope, Step};
use super::{Binder, Bound, as_column, unsupported};
use crate::plan::{Col, Expr, Lateral, Rel, SortKey};
use crate::{Unread, walk};

/// The conjuncts of a condition.
pub(super) fn conjuncts(condition: Expr) -> Vec<Expr> {
    let mut found = Vec::new();
    let mut waiting = vec![condition];
    while let Some(next) = waiting.pop() {
        match next {
            Expr::Binary { operator, left, right } if operator == "and" => {
                waiting.push(*right);
                waiting.push(*left);
            }
            other => found.push(other),
        }
    }
    found
}

/// What stands around the select list, bound.
pub(super) struct Parts {
    pub(super) filter: Vec<Expr>,
    pub(super) having: Vec<Expr>,
    pub(super) qualify: Vec<Expr>,
    pub(super) order: Vec<SortKey>,
    pub(super) distinct_on: Vec<Expr>,
    pub(super) items: Vec<Expr>,
}

impl Parts {
    /// Everything that is computed after grouping.
    pub(super) fn late_exprs(&mut self) -> impl Iterator<Item = &mut Expr> {
        self.having
            .iter_mut()
            .chain(&mut self.qualify)
            .chain(self.order.iter_mut().map(|key| &mut key.expr))
            .chain(&mut self.distinct_on)
            .chain(&mut self.items)
    }
}

impl<'q> Binder<'q> {
    pub(super) fn select(
        &mut self,
        select: &'q ast::Select,
        order_by: Option<&'q ast::OrderBy>,
        limit: Limit,
        env: &Env<'q>,
    ) -> Result<Bound, Unread> {
        self.frames.push(Frame::new(env.clone()));
        let bound = self.select_here(select, order_by, limit);
        self.frames.pop();
        bound
    }

    fn select_here(
        &mut self,
        select: &'q ast::Select,
        order_by: Option<&'q ast::OrderBy>,
        limit: Limit,
    ) -> Result<Bound, Unread> {
        let ast::Select {
            select_token: _,
            optimizer_hints: _,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        for (is_there, what) in [
            (select_modifiers.as_ref().is_some_and(ast::SelectModifiers::is_any_set), "a modifier"),
            (exclude.is_some(), "EXCLUDE behind the select list"),
            (into.is_some(), "INTO"),
            (prewhere.is_some(), "PREWHERE"),
            (!connect_by.is_empty(), "CONNECT BY"),
            (!cluster_by.is_empty(), "CLUSTER BY"),
            (!distribute_by.is_empty(), "DISTRIBUTE BY"),
            (!sort_by.is_empty(), "SORT BY"),
            (value_table_mode.is_some(), "AS STRUCT or AS VALUE"),
        ] {
            if is_there {
                return unsupported(format!("{what} is not understood"));
            }
        }
        let limit = self.top(top.as_ref(), limit)?;
        let (rel, scope) = self.from(from, lateral_views)?;
        let frame = self.frame();
        frame.scope = scope;
        frame.windows = named_window;
        let items = match flavor {
            ast::SelectFlavor::FromFirstNoSelect => self.everything()?,
            ast::SelectFlavor::Standard | ast::SelectFlavor::FromFirst => self.items(projection)?,
        };
        let count = items.len();
        let frame = self.frame();
        for (place, item) in items.iter().enumerate() {
            if item.is_alias {
                frame.aliases.entry(item.name.clone()).or_insert(place);
            }
        }
        frame.items = items;

        let filter = self.condition(Clause::Where, selection.as_ref())?;
        for place in 0..count {
            self.item(place)?;
        }
        let grouped = self.group_by(group_by)?;
        let having = self.condition(Clause::Having, having.as_ref())?;
        let qualify = self.condition(Clause::Qualify, qualify.as_ref())?;
        let order = self.order_keys(order_by)?;
        let distinct_on = match distinct {
            Some(Distinct::On(exprs)) => exprs
                .iter()
                .map(|expr| self.clause_expr(Clause::OrderBy, expr))
                .collect::<Result<_, _>>()?,
            _ => Vec::new(),
        };
        let is_distinct = matches!(distinct, Some(Distinct::Distinct));
        let items = self.frame().items.iter().filter_map(|item| item.expr.clone()).collect();
        let parts = Parts { filter, having, qualify, order, distinct_on, items };
        let rel = self.before_groups(rel, parts.filter.clone());
        let (rel, parts) = self.aggregated(rel, grouped, parts)?;
        self.after_groups(rel, parts, is_distinct, limit)
    }

    /// Every column that `*` means here.
    pub(super) fn all(&mut self) -> Vec<Field> {
        let dialect = self.dialect;
        self.frame().scope.all(dialect)
    }

    /// `FROM t` without a select list.
    fn everything(&mut self) -> Result<Vec<Item<'q>>, Unread> {
        let fields = self.all();
        if fields.is_empty() {
            return unsupported("nothing is selected");
        }
        Ok(fields
            .into_iter()
            .map(|field| {
                self.read_rest(&field);
                self.frame().named.insert(field.col);
                Item {
                    name: field.name,
                    is_alias: false,
                    source: ItemSource::Column,
                    rest: field.rest,
                    expr: Some(Expr::Column(field.col)),
                    is_being_bound: false,
                }
            })
            .collect())
    }

    /// Binds one item of the select list, if it is not yet.
    pub(super) fn item(&mut self, place: usize) -> Result<(), Unread> {
        let frame = self.frame();
        let Some(item) = frame.items.get_mut(place) else {
            return unsupported(format!("there is no column number {}", place + 1));
        };
        let ItemSource::Ast(expr) = item.source else { return Ok(()) };
        if item.expr.is_some() {
            return Ok(());
        }
        item.is_being_bound = true;
        let before = (frame.clause, frame.is_in_aggregate, frame.is_bare);
        (frame.clause, frame.is_in_aggregate, frame.is_bare) =
            (Clause::Select(place), false, false);
        let bound = self.expr(expr);
        let frame = self.frame();
        (frame.clause, frame.is_in_aggregate, frame.is_bare) = before;
        if let Some(item) = frame.items.get_mut(place) {
            item.is_being_bound = false;
            item.expr = Some(bound?);
        }
        Ok(())
    }

    pub(super) fn clause_expr(&mut self, clause: Clause, expr: &'q Ast) -> Result<Expr, Unread> {
        let frame = self.frame();
        frame.clause = clause;
        frame.is_bare = matches!(expr, Ast::Identifier(_));
        let bound = self.expr(expr);
        self.frame().is_bare = false;
        bound
    }

    fn condition(
        &mut self,
        clause: Clause,
        condition: Option<&'q Ast>,
    ) -> Result<Vec<Expr>, Unread> {
        match condition {
            Some(condition) => Ok(conjuncts(self.clause_expr(clause, condition)?)),
            None => Ok(Vec::new()),
        }
    }

    fn before_groups(&mut self, mut rel: Rel, filter: Vec<Expr>) -> Rel {
        for column in std::mem::take(&mut self.frame().early) {
            rel = Rel::Extend { input: Box::new(rel), columns: vec![column] };
        }
        filtered(rel, filter)
    }

    fn after_groups(
        &mut self,
        mut rel: Rel,
        parts: Parts,
        is_distinct: bool,
        limit: Limit,
    ) -> Result<Bound, Unread> {
        let Parts { filter: _, having, qualify, mut order, distinct_on, items } = parts;
        let steps = std::mem::take(&mut self.frame().steps);
        let (before, after) = split_steps(steps);
        rel = filtered(with_steps(rel, before), having);
        rel = filtered(with_steps(rel, after), qualify);

        let list = std::mem::take(&mut self.frame().items);
        let mut fields = Vec::with_capacity(items.len());
        let mut computed: Vec<(Col, Expr)> = Vec::new();
        for (item, expr) in list.into_iter().zip(items) {
            let known = as_column(&expr)
                .or_else(|| computed.iter().find(|(_, known)| *known == expr).map(|(col, _)| *col));
            let col = if let Some(col) = known {
                col
            } else {
                let data_type = self.type_of(&expr);
                let col = self.col(data_type)?;
                computed.push((col, expr));
                col
            };
            fields.push(Field { name: item.name, col, rest: item.rest });
        }
        for key in &mut order {
            if let Some((col, _)) = computed.iter().find(|(_, expr)| *expr == key.expr) {
                key.expr = Expr::Column(*col);
            }
        }
        let mut on = distinct_on;
        for expr in &mut on {
            if let Some((col, _)) = computed.iter().find(|(_, known)| known == expr) {
                *expr = Expr::Column(*col);
            }
        }
        if !computed.is_empty() {
            rel = Rel::Extend { input: Box::new(rel), columns: computed };
        }
        if is_distinct {
            let mut columns: Vec<Col> = Vec::new();
            for field in &fields {
                if !columns.contains(&field.col) {
                    columns.push(field.col);
                }
            }
            if order
                .iter()
                .any(|key| walk::columns(&key.expr).iter().any(|col| !columns.contains(col)))
            {
                return unsupported("DISTINCT is ordered by what it does not select");
            }
            rel = Rel::Distinct { input: Box::new(rel), columns };
            opaque_rests(&mut fields);
        }
        if !on.is_empty() {
            rel = Rel::DistinctOn { input: Box::new(rel), on, order: order.clone() };
        }
        let rel = limit.around(rel, order);
        Ok(Bound { rel, fields })
    }
}

/// Behind something that keeps only its own columns no further column of a table can be read.
pub(super) fn opaque_rests(fields: &mut [Field]) {
    for field in fields {
        if let Some(rest) = &mut field.rest {
            let hidden = rest.hidden.clone();
            *rest = std::rc::Rc::new(super::scope::Rest { scan: None, hidden });
        }
    }
}

pub(super) fn filtered(rel: Rel, predicates: Vec<Expr>) -> Rel {
    if predicates.is_empty() {
        return rel;
    }
    Rel::Filter { input: Box::new(rel), predicates }
}

/// Steps that need no window, which HAVING may use, and the others.
fn split_steps(steps: Vec<Step>) -> (Vec<Step>, Vec<Step>) {
    let mut behind: Vec<Col> = Vec::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Extend(col, expr)
                if !walk::columns(&expr).iter().any(|col| behind.contains(col)) =>
            {
                before.push(Step::Extend(col, expr));
            }
            Step::Extend(col, _) | Step::Window(col, _) | Step::Rows(col, _) => {
                behind.push(col);
                after.push(step);
            }
        }
    }
    (before, after)
}

/// Windows that do not read each other are computed at once.
fn with_steps(mut rel: Rel, steps: Vec<Step>) -> Rel {
    let mut group = Vec::new();
    for step in steps {
        match step {
            Step::Rows(col, call) => {
                let function = Lateral::Call {
                    columns: vec![(call.name.clone(), col)],
                    name: call.name,
                    arguments: call.arguments,
                };
                rel = Rel::Lateral {
                    input: Box::new(windowed(rel, std::mem::take(&mut group))),
                    function: Box::new(function),
                    keeps_empty: false,
                };
            }
            Step::Window(col, window) => {
                let mut reads = Vec::new();
                walk::columns_of_window(&window, &mut reads);
                if group.iter().any(|(known, _)| reads.contains(known)) {
                    rel = windowed(rel, std::mem::take(&mut group));
                }
                group.push((col, window));
            }
            Step::Extend(col, expr) => {
                rel = windowed(rel, std::mem::take(&mut group));
                rel = Rel::Extend { input: Box::new(rel), columns: vec![(col, expr)] };
            }
        }
    }
    windowed(rel, group)
}

fn windowed(rel: Rel, columns: Vec<(Col, crate::plan::WindowCall)>) -> Rel {
    if columns.is_empty() {
        return rel;
    }
    Rel::Window { input: Box::new(rel), columns }
}

/// A scope over outputs that already are.
pub(super) fn scope_of(fields: &[Field]) -> Scope {
    Scope::of(super::scope::Relation { name: Vec::new(), fields: fields.to_vec() })
}
