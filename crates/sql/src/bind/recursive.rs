//! Common table expressions where they are used, also within themselves.

use std::rc::Rc;

use sqlparser::ast::{self, SetExpr, SetOperator, SetQuantifier};

use super::scope::{CteBody, CteNode, Env, Field};
use super::{Binder, Bound, unsupported};
use crate::Unread;
use crate::plan::{Col, Rel};

impl<'q> Binder<'q> {
    /// A common table expression stands wherever it is used, with columns of its own.
    pub(super) fn use_cte(&mut self, node: &Rc<CteNode<'q>>) -> Result<Bound, Unread> {
        match &node.body {
            CteBody::Itself(columns) => {
                let mut fields = Vec::with_capacity(columns.len());
                for (name, data_type) in columns {
                    fields.push(Field::named(name, self.col(data_type.clone())?));
                }
                let columns = fields.iter().map(|field| field.col).collect();
                let rel = Rel::RecursiveScan { name: node.name.clone(), columns };
                Ok(Bound { rel, fields })
            }
            CteBody::Query { cte, is_recursive } => {
                let hidden = self.frames.split_off(node.frames.min(self.frames.len()));
                let bound = self.deeper(|binder| binder.cte(node, cte, *is_recursive));
                self.frames.extend(hidden);
                bound
            }
        }
    }

    fn cte(
        &mut self,
        node: &Rc<CteNode<'q>>,
        cte: &'q ast::Cte,
        is_recursive: bool,
    ) -> Result<Bound, Unread> {
        let names: Vec<String> =
            cte.alias.columns.iter().map(|column| self.fold(&column.name)).collect();
        let may_recurse = is_recursive || self.is_recursive_by_itself();
        if may_recurse
            && let SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, left, right } =
                &*cte.query.body
            && mentions(right, &node.name)
        {
            return self.recursion(node, &cte.query, names, *set_quantifier, left, right);
        }
        let bound = self.query(&cte.query, &node.outer)?;
        rename(bound, &names, &node.name)
    }

    fn recursion(
        &mut self,
        node: &Rc<CteNode<'q>>,
        query: &'q ast::Query,
        names: Vec<String>,
        quantifier: SetQuantifier,
        base: &'q SetExpr,
        step: &'q SetExpr,
    ) -> Result<Bound, Unread> {
        let ast::Query {
            with,
            body: _,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        let is_plain = order_by.is_none()
            && limit_clause.is_none()
            && fetch.is_none()
            && locks.is_empty()
            && for_clause.is_none()
            && settings.is_none()
            && format_clause.is_none()
            && pipe_operators.is_empty();
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::None | SetQuantifier::Distinct => false,
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                return unsupported("a recursive query BY NAME is not understood");
            }
        };
        if !is_plain {
            return unsupported("a recursive query with a clause of its own is not understood");
        }
        let env = self.with(with.as_ref(), &node.outer)?;
        let base = rename(self.set_expr(base, &env)?, &names, &node.name)?;
        if base.fields.iter().any(|field| field.rest.is_some()) {
            return unsupported("a recursive query begins with columns that are not known");
        }
        let columns =
            base.fields.iter().map(|field| (field.name.clone(), self.type_of_col(field.col)));
        let columns: Vec<(String, Option<String>)> = columns.collect();
        let itself = Env(Some(Rc::new(CteNode {
            name: node.name.clone(),
            body: CteBody::Itself(columns.clone()),
            outer: env,
            frames: self.frames.len(),
        })));
        let step = self.set_expr(step, &itself)?;
        if step.fields.len() != base.fields.len()
            || step.fields.iter().any(|field| field.rest.is_some())
        {
            return unsupported(format!(
                "the sides of the recursive `{}` have different columns",
                node.name
            ));
        }
        let mut fields = Vec::with_capacity(columns.len());
        for (name, data_type) in columns {
            fields.push(Field::named(name, self.col(data_type)?));
        }
        let cols =
            |fields: &[Field]| -> Vec<Col> { fields.iter().map(|field| field.col).collect() };
        let rel = Rel::Recursive {
            base_columns: cols(&base.fields),
            base: Box::new(base.rel),
            step_columns: cols(&step.fields),
            step: Box::new(step.rel),
            columns: cols(&fields),
            all,
            name: node.name.clone(),
        };
        Ok(Bound { rel, fields })
    }
}

/// Whether the text of a query has this name in it.
fn mentions(body: &SetExpr, name: &str) -> bool {
    body.to_string().to_lowercase().contains(&name.to_lowercase())
}

/// The columns under the names that an alias lists.
pub(super) fn rename(mut bound: Bound, names: &[String], relation: &str) -> Result<Bound, Unread> {
    rename_fields(&mut bound.fields, names, relation)?;
    Ok(bound)
}

pub(super) fn rename_fields(
    fields: &mut [Field],
    names: &[String],
    relation: &str,
) -> Result<(), Unread> {
    if names.is_empty() {
        return Ok(());
    }
    if names.len() > fields.len()
        || fields.iter().take(names.len()).any(|field| field.rest.is_some())
    {
        return unsupported(format!("`{relation}` lists columns that are not known to be there"));
    }
    for (field, name) in fields.iter_mut().zip(names) {
        field.name.clone_from(name);
    }
    Ok(())
}
