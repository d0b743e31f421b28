//! UNION, INTERSECT, EXCEPT.

use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};

use super::scope::{Env, Field, Rest};
use super::{Binder, Bound, unsupported};
use crate::plan::{Col, Rel, SetInput, SetKind};
use crate::{Dialect, Unread};

#[derive(Clone, Copy, PartialEq, Eq)]
struct Operation {
    kind: SetKind,
    all: bool,
    by_name: bool,
}

impl Operation {
    fn of(op: SetOperator, quantifier: SetQuantifier) -> Self {
        let kind = match op {
            SetOperator::Union => SetKind::Union,
            SetOperator::Intersect => SetKind::Intersect,
            SetOperator::Except | SetOperator::Minus => SetKind::Except,
        };
        let (all, by_name) = match quantifier {
            SetQuantifier::All => (true, false),
            SetQuantifier::Distinct | SetQuantifier::None => (false, false),
            SetQuantifier::AllByName => (true, true),
            SetQuantifier::ByName | SetQuantifier::DistinctByName => (false, true),
        };
        Self { kind, all, by_name }
    }

    /// `(a op b) op c` is the same as one operation over all three.
    fn is_flat(self) -> bool {
        self.kind == SetKind::Union && !self.by_name
    }
}

impl<'q> Binder<'q> {
    pub(super) fn set_operation(
        &mut self,
        body: &'q SetExpr,
        env: &Env<'q>,
    ) -> Result<Bound, Unread> {
        let SetExpr::SetOperation { op, set_quantifier, left, right } = body else {
            return self.set_expr(body, env);
        };
        let operation = Operation::of(*op, *set_quantifier);
        // A long chain of UNION ALL is as deep as it is long, on the left.
        let mut inputs: Vec<&'q SetExpr> = vec![right];
        let mut first: &'q SetExpr = left;
        while operation.is_flat()
            && let SetExpr::SetOperation { op, set_quantifier, left, right } = first
            && Operation::of(*op, *set_quantifier) == operation
        {
            inputs.push(right);
            first = left;
        }
        inputs.push(first);
        let mut bound = Vec::with_capacity(inputs.len());
        for input in inputs.into_iter().rev() {
            bound.push(self.set_expr(input, env)?);
        }
        self.combined(operation, bound)
    }

    fn combined(&mut self, operation: Operation, bound: Vec<Bound>) -> Result<Bound, Unread> {
        if operation.by_name {
            self.by_name(operation, bound)
        } else {
            self.by_place(operation, bound)
        }
    }

    fn by_place(&mut self, operation: Operation, bound: Vec<Bound>) -> Result<Bound, Unread> {
        let Some(first) = bound.first() else { return unsupported("a set operation of nothing") };
        let shape = |bound: &Bound| -> Vec<bool> {
            bound.fields.iter().map(|field| field.rest.is_some()).collect()
        };
        let wanted = shape(first);
        if bound.iter().any(|other| shape(other) != wanted) {
            let is_known =
                bound.iter().all(|one| one.fields.iter().all(|field| field.rest.is_none()));
            return unsupported(if is_known {
                "the sides of a set operation have different numbers of columns"
            } else {
                "the sides of a set operation cannot be matched: the columns of a `*` are not known"
            });
        }
        let mut fields = Vec::with_capacity(wanted.len());
        for (place, field) in first.fields.iter().enumerate() {
            let types: Vec<Option<String>> = bound
                .iter()
                .filter_map(|one| one.fields.get(place))
                .map(|field| self.type_of_col(field.col))
                .collect();
            let data_type = common(&types);
            let col = self.col(data_type)?;
            let rest = field
                .rest
                .as_ref()
                .map(|rest| std::rc::Rc::new(Rest { scan: None, hidden: rest.hidden.clone() }));
            fields.push(Field { name: field.name.clone(), col, rest });
        }
        let inputs = bound
            .into_iter()
            .map(|one| {
                for field in &one.fields {
                    self.read_rest(field);
                }
                let columns = one.fields.iter().map(|field| Some(field.col)).collect();
                SetInput { rel: one.rel, columns }
            })
            .collect();
        let columns: Vec<Col> = fields.iter().map(|field| field.col).collect();
        let Operation { kind, all, by_name: _ } = operation;
        Ok(Bound { rel: Rel::SetOperation { kind, all, inputs, columns }, fields })
    }

    fn by_name(&mut self, operation: Operation, bound: Vec<Bound>) -> Result<Bound, Unread> {
        let mut names: Vec<String> = Vec::new();
        for field in bound.iter().flat_map(|one| &one.fields) {
            if field.rest.is_some() {
                return unsupported("BY NAME matches columns that are not known");
            }
            if !names.contains(&field.name) {
                names.push(field.name.clone());
            }
        }
        if operation.kind != SetKind::Union {
            return unsupported("only UNION goes BY NAME");
        }
        let place = |one: &Bound, name: &str| {
            one.fields.iter().find(|field| field.name == name).map(|field| field.col)
        };
        let mut fields = Vec::with_capacity(names.len());
        for name in &names {
            let types: Vec<Option<String>> = bound
                .iter()
                .filter_map(|one| place(one, name))
                .map(|col| self.type_of_col(col))
                .collect();
            let data_type = common(&types);
            fields.push(Field::named(name, self.col(data_type)?));
        }
        let inputs = bound
            .into_iter()
            .map(|one| {
                let columns = names.iter().map(|name| place(&one, name)).collect();
                SetInput { rel: one.rel, columns }
            })
            .collect();
        let columns: Vec<Col> = fields.iter().map(|field| field.col).collect();
        let Operation { kind, all, by_name: _ } = operation;
        Ok(Bound { rel: Rel::SetOperation { kind, all, inputs, columns }, fields })
    }

    /// Whether a CTE of this dialect may read itself without saying RECURSIVE.
    pub(super) fn is_recursive_by_itself(&self) -> bool {
        self.dialect == Dialect::Snowflake
    }
}

/// The type that all have.
fn common(types: &[Option<String>]) -> Option<String> {
    let first = types.first()?.clone()?;
    types.iter().all(|other| other.as_ref() == Some(&first)).then_some(first)
}
