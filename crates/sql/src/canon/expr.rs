//! Expressions as terms.

use super::block::Definition;
use super::names;
use super::seal::{EnvId, Sealer};
use super::term::{Op, Term};
use crate::Dialect;
use crate::plan::{Expr, Literal, Subquery, SubqueryKind};

impl<'a> Sealer<'a, '_> {
    pub(super) fn exprs(&mut self, env: EnvId, exprs: &'a [Expr]) -> Vec<Term> {
        exprs.iter().map(|expr| self.expr(env, expr)).collect()
    }

    /// An expression of which only matters whether it is true.
    pub(super) fn condition(&mut self, env: EnvId, expr: &'a Expr) -> Term {
        match expr {
            Expr::Binary { operator, .. } if operator == "and" => {
                let parts = chain(expr, "and");
                let parts = parts.into_iter().map(|part| self.condition(env, part)).collect();
                self.terms.and(parts)
            }
            Expr::Subquery(subquery)
                if is_membership(&subquery.kind)
                    && subquery.operands.len() == subquery.columns.len() =>
            {
                let inner = self.subquery_env(env, subquery);
                let mut equal = Vec::new();
                for (operand, col) in subquery.operands.iter().zip(&subquery.columns) {
                    let operand = self.expr(env, operand);
                    let outer = self.outer(operand);
                    let value = self.column(inner, *col);
                    equal.push(self.terms.equal(value, outer));
                }
                let rows = self.rows_where(inner, equal);
                self.terms.make(Op::Exists, "", vec![rows])
            }
            other => self.expr(env, other),
        }
    }

    /// A value of this query, as a query inside it sees it.
    fn outer(&mut self, term: Term) -> Term {
        if self.terms.is_constant(term) {
            return term;
        }
        let node = self.terms.node(term).clone();
        if matches!(node.op, Op::Call | Op::Cast | Op::TryCast) {
            let args = node.args.into_iter().map(|arg| self.outer(arg)).collect();
            return self.terms.rebuild(node.op, &node.text, args);
        }
        self.terms.make(Op::Outer, "", vec![term])
    }

    pub(super) fn expr(&mut self, env: EnvId, expr: &'a Expr) -> Term {
        match expr {
            Expr::Column(col) => self.column(env, *col),
            Expr::Literal(literal) => self.literal(literal),
            Expr::Call(call) => self.function(env, call),
            Expr::Binary { operator, left, right } => self.binary(env, expr, operator, left, right),
            Expr::Unary { operator, operand } => {
                let operand = self.expr(env, operand);
                self.unary(operator, operand)
            }
            Expr::Case { operand, branches, otherwise } => {
                let operand = operand.as_ref().map(|operand| self.expr(env, operand));
                let mut pairs = Vec::new();
                for (when, then) in branches {
                    let when = match operand {
                        None => self.condition(env, when),
                        Some(operand) => {
                            let when = self.expr(env, when);
                            self.terms.equal(operand, when)
                        }
                    };
                    pairs.push((when, self.expr(env, then)));
                }
                let otherwise = otherwise.as_ref().map(|otherwise| self.expr(env, otherwise));
                self.terms.case(pairs, otherwise)
            }
            Expr::Cast { operand, data_type, is_try } => {
                let target = names::data_type(data_type, self.dialect);
                if self.type_of(env, operand).as_deref() == Some(&target) {
                    return self.expr(env, operand);
                }
                let operand = self.expr(env, operand);
                self.terms.cast(operand, &target, *is_try)
            }
            Expr::In { operand, list, negated } => {
                let operand = self.expr(env, operand);
                let list = self.exprs(env, list);
                let is_in = self.terms.is_in(operand, list);
                if *negated { self.terms.not(is_in, true) } else { is_in }
            }
            Expr::Subquery(subquery) => self.subquery(env, subquery),
            Expr::Compound { what, parts } => {
                let parts = self.exprs(env, parts);
                self.compound(what, parts)
            }
            Expr::Opaque { text, columns } => {
                let columns = columns.iter().map(|col| self.column(env, *col)).collect();
                self.terms.make(Op::Opaque, text.as_str(), columns)
            }
        }
    }

    fn literal(&mut self, literal: &Literal) -> Term {
        match literal {
            Literal::Null => self.terms.literal("null"),
            Literal::Boolean(value) => self.terms.boolean(*value),
            Literal::Number(number) => self.terms.literal(number.to_lowercase()),
            Literal::Text(text) => self.terms.literal(format!("'{text}'")),
            Literal::Typed(data_type, text) => {
                let data_type = names::data_type(data_type, self.dialect);
                if matches!(data_type.as_str(), "date" | "timestamp" | "timestamptz" | "time") {
                    let text = self.terms.literal(format!("'{text}'"));
                    return self.terms.cast(text, &data_type, false);
                }
                self.terms.literal(format!("{data_type} '{text}'"))
            }
            Literal::Parameter(name) => self.terms.literal(format!("?{name}")),
        }
    }

    fn orders_totally(&self) -> bool {
        // There comparisons with NaN are false.
        !matches!(self.dialect, Dialect::BigQuery | Dialect::Generic)
    }

    fn unary(&mut self, operator: &str, operand: Term) -> Term {
        let orders = self.orders_totally();
        match operator {
            "not" => self.terms.not(operand, orders),
            "is null" | "is unknown" => self.terms.is_null(operand),
            "is not null" | "is not unknown" => {
                let is_null = self.terms.is_null(operand);
                self.terms.not(is_null, orders)
            }
            "is not true" => {
                let is_true = self.terms.call("is true", vec![operand]);
                self.terms.not(is_true, orders)
            }
            "is not false" => {
                let is_false = self.terms.call("is false", vec![operand]);
                self.terms.not(is_false, orders)
            }
            "-" => self.terms.call("negative", vec![operand]),
            other => self.terms.call(other, vec![operand]),
        }
    }

    fn binary(
        &mut self,
        env: EnvId,
        whole: &'a Expr,
        operator: &str,
        left: &'a Expr,
        right: &'a Expr,
    ) -> Term {
        if matches!(operator, "and" | "or" | "||") {
            let parts = chain(whole, operator);
            let parts = parts.into_iter().map(|part| self.expr(env, part)).collect();
            return match operator {
                "and" => self.terms.and(parts),
                "or" => self.terms.or(parts),
                _ => self.terms.call("||", parts),
            };
        }
        if let "=" | "==" | "<>" | "!=" = operator
            && let Some(term) = self.compared_with_boolean(env, operator, left, right)
        {
            return term;
        }
        let (a, b) = (self.expr(env, left), self.expr(env, right));
        match operator {
            "=" | "==" => self.terms.equal(a, b),
            "<>" | "!=" => self.terms.not_equal(a, b),
            "<" => self.terms.less(a, b),
            ">" => self.terms.less(b, a),
            "<=" => self.terms.at_most(a, b),
            ">=" => self.terms.at_most(b, a),
            "<=>" => self.terms.call("is not distinct from", vec![a, b]),
            "not like" | "not ilike" => {
                let like = self.terms.call(operator.trim_start_matches("not "), vec![a, b]);
                self.terms.not(like, true)
            }
            "is not distinct from" => {
                let distinct = self.terms.call("is distinct from", vec![a, b]);
                self.terms.not(distinct, true)
            }
            other => {
                let name = names::function(other, 2, self.dialect).to_owned();
                self.terms.call(&name, vec![a, b])
            }
        }
    }

    /// `x = true` is `x`, where x is a boolean.
    fn compared_with_boolean(
        &mut self,
        env: EnvId,
        operator: &str,
        left: &'a Expr,
        right: &'a Expr,
    ) -> Option<Term> {
        let (value, other) = match (left, right) {
            (Expr::Literal(Literal::Boolean(value)), other)
            | (other, Expr::Literal(Literal::Boolean(value))) => (*value, other),
            _ => return None,
        };
        let term = self.expr(env, other);
        // Elsewhere numbers compare with booleans too.
        let is_typed =
            matches!(self.dialect, Dialect::Postgres | Dialect::BigQuery | Dialect::Redshift);
        if !is_typed
            && !self.terms.is_predicate(term)
            && self.type_of(env, other).as_deref() != Some("boolean")
        {
            return None;
        }
        let is_equal = matches!(operator, "=" | "==");
        let orders = self.orders_totally();
        Some(if value == is_equal { term } else { self.terms.not(term, orders) })
    }

    /// The type of an expression, where it is certain.
    pub(super) fn type_of(&self, env: EnvId, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Cast { data_type, is_try: false, .. } => {
                Some(names::data_type(data_type, self.dialect))
            }
            Expr::Literal(Literal::Boolean(_)) => Some("boolean".to_owned()),
            Expr::Column(col) => {
                let mut at = Some(env);
                while let Some(here) = at {
                    let scope = self.envs[here].block.scope;
                    if let Some((_, definition)) = self.blocks.seen_from(scope, *col) {
                        return match definition {
                            Definition::Expr(expr) => self.type_of(here, expr),
                            Definition::Column(source, name) => self.column_type(*source, name),
                            _ => None,
                        };
                    }
                    at = self.envs[here].parent;
                }
                None
            }
            _ => None,
        }
    }

    fn subquery_env(&mut self, env: EnvId, subquery: &'a Subquery) -> EnvId {
        let key: *const _ = &raw const subquery.rel;
        let known = self.blocks.subqueries.get(&key).cloned();
        let block = known.unwrap_or_else(|| self.blocks.closed(&subquery.rel));
        self.blocks.subqueries.insert(key, block.clone());
        self.open(block, Some(env))
    }

    fn subquery(&mut self, env: EnvId, subquery: &'a Subquery) -> Term {
        let inner = self.subquery_env(env, subquery);
        let shows_order = subquery.kind == SubqueryKind::Array;
        let rows = self.rows_in_order(inner, shows_order);
        let mut args = Vec::new();
        if !matches!(subquery.kind, SubqueryKind::Exists { .. } | SubqueryKind::Scalar) {
            let operands = self.exprs(env, &subquery.operands);
            args.push(self.terms.list(operands));
        }
        args.push(rows);
        for col in &subquery.columns {
            args.push(self.column(inner, *col));
        }
        match &subquery.kind {
            SubqueryKind::Scalar => self.terms.make(Op::Scalar, "", args),
            SubqueryKind::Exists { negated } => {
                let exists = self.terms.make(Op::Exists, "", vec![rows]);
                if *negated { self.terms.not(exists, true) } else { exists }
            }
            SubqueryKind::In { negated } => {
                let is_in = self.terms.make(Op::Quantified, "in", args);
                if *negated { self.terms.not(is_in, true) } else { is_in }
            }
            SubqueryKind::Quantified(how) => {
                let how = how.replace("some", "any");
                let op = if how == "= any" { "in" } else { &how };
                self.terms.make(Op::Quantified, op, args)
            }
            SubqueryKind::Array => self.terms.make(Op::Quantified, "array", args),
        }
    }
}

/// `in (select …)`, also spelled `= any (select …)`.
fn is_membership(kind: &SubqueryKind) -> bool {
    match kind {
        SubqueryKind::In { negated } => !negated,
        SubqueryKind::Quantified(how) => matches!(how.as_str(), "= any" | "= some"),
        _ => false,
    }
}

/// The operands of a chain of one associative operator, however long it is.
fn chain<'a>(expr: &'a Expr, name: &str) -> Vec<&'a Expr> {
    let mut found = Vec::new();
    let mut open = vec![expr];
    while let Some(next) = open.pop() {
        match next {
            Expr::Binary { operator, left, right } if operator == name => {
                open.push(right);
                open.push(left);
            }
            other => found.push(other),
        }
    }
    found
}
