//! Joins, and the columns that they merge.

use sqlparser::ast::{self, JoinConstraint, JoinOperator};

use super::expr::binary;
use super::from::SourceRel;
use super::scope::{Field, Merged, Scope};
use super::select::{conjuncts, filtered};
use super::{Binder, as_column, unsupported};
use crate::Unread;
use crate::plan::{Col, Expr, JoinKind, Lateral, Literal, Rel};

/// How two sides are joined, before right joins are turned round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain(JoinKind),
    Right,
    RightSemi,
    RightAnti,
}

/// Columns and their names.
type Named = Vec<(String, Col)>;

/// What USING or NATURAL found in both sides.
struct Pair {
    name: String,
    left: Expr,
    right: Expr,
}

impl<'q> Binder<'q> {
    /// Joins one more relation to `left`, whose columns are the frame's scope.
    pub(super) fn join(&mut self, left: Rel, join: &'q ast::Join) -> Result<Rel, Unread> {
        let ast::Join { relation, global, join_operator } = join;
        if *global {
            return unsupported("GLOBAL joins are not understood");
        }
        let (kind, constraint, condition) = match join_operator {
            JoinOperator::Join(on)
            | JoinOperator::Inner(on)
            | JoinOperator::CrossJoin(on)
            | JoinOperator::StraightJoin(on) => (Kind::Plain(JoinKind::Inner), on, None),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => {
                (Kind::Plain(JoinKind::Left), on, None)
            }
            JoinOperator::Right(on) | JoinOperator::RightOuter(on) => (Kind::Right, on, None),
            JoinOperator::FullOuter(on) => (Kind::Plain(JoinKind::Full), on, None),
            JoinOperator::Semi(on) | JoinOperator::LeftSemi(on) => {
                (Kind::Plain(JoinKind::Semi), on, None)
            }
            JoinOperator::Anti(on) | JoinOperator::LeftAnti(on) => {
                (Kind::Plain(JoinKind::Anti), on, None)
            }
            JoinOperator::RightSemi(on) => (Kind::RightSemi, on, None),
            JoinOperator::RightAnti(on) => (Kind::RightAnti, on, None),
            JoinOperator::CrossApply => (Kind::Plain(JoinKind::Inner), &JoinConstraint::None, None),
            JoinOperator::OuterApply => (Kind::Plain(JoinKind::Left), &JoinConstraint::None, None),
            JoinOperator::AsOf { match_condition, constraint } => {
                (Kind::Plain(JoinKind::AsOf), constraint, Some(match_condition))
            }
            JoinOperator::ArrayJoin
            | JoinOperator::LeftArrayJoin
            | JoinOperator::InnerArrayJoin => return unsupported("ARRAY JOIN is not understood"),
        };
        let before = self.frame().scope.clone();
        let source = self.factor(relation)?;
        let (pairs, mut on) = match constraint {
            JoinConstraint::None => (Vec::new(), Vec::new()),
            JoinConstraint::On(on) => {
                self.frame().scope.extend(source.scope.clone());
                (Vec::new(), conjuncts(self.expr(on)?))
            }
            JoinConstraint::Using(names) => {
                let mut pairs = Vec::with_capacity(names.len());
                for name in names {
                    let name = self.table_name(name)?.0.pop().unwrap_or_default();
                    pairs.push(self.pair(name, &before, &source.scope)?);
                }
                (pairs, Vec::new())
            }
            JoinConstraint::Natural => (self.common(&before, &source.scope)?, Vec::new()),
        };
        if let Some(condition) = condition {
            let mut both = before.clone();
            both.extend(source.scope.clone());
            self.frame().scope = both;
            on.extend(conjuncts(self.expr(condition)?));
        }
        on.extend(pairs.iter().map(|pair| binary("=", pair.left.clone(), pair.right.clone())));
        on.retain(|condition| *condition != Expr::Literal(Literal::Boolean(true)));
        let mut rel = match source.rel {
            SourceRel::Rel(right) => joined(kind, left, right, on),
            SourceRel::Lateral(function) => lateral(kind, left, function, on)?,
        };
        let mut scope = match kind {
            Kind::RightSemi | Kind::RightAnti => source.scope,
            Kind::Plain(JoinKind::Semi | JoinKind::Anti) => before,
            _ => {
                let mut scope = before;
                scope.extend(source.scope);
                self.merge(&mut scope, kind, pairs, &mut rel)?;
                scope
            }
        };
        std::mem::swap(&mut self.frame().scope, &mut scope);
        Ok(rel)
    }

    fn pair(&mut self, name: String, left: &Scope, right: &Scope) -> Result<Pair, Unread> {
        let left = self.column_in(left, &name)?;
        let right = self.column_in(right, &name)?;
        Ok(Pair { name, left, right })
    }

    fn column_in(&mut self, scope: &Scope, name: &str) -> Result<Expr, Unread> {
        let before = std::mem::replace(&mut self.frame().scope, scope.clone());
        let found = self.plain_column(name);
        self.frame().scope = before;
        match found? {
            Some(expr) => Ok(expr),
            None => unsupported(format!("USING has the column `{name}`, which a side has not")),
        }
    }

    fn common(&mut self, left: &Scope, right: &Scope) -> Result<Vec<Pair>, Unread> {
        let (left_fields, right_fields) = (left.all(self.dialect), right.all(self.dialect));
        if left_fields.iter().chain(&right_fields).any(|field| field.rest.is_some()) {
            return unsupported("a NATURAL join is over columns that are not known");
        }
        let names = left_fields.into_iter().map(|field| field.name);
        names
            .filter(|name| right_fields.iter().any(|field| field.name == *name))
            .map(|name| self.pair(name, left, right))
            .collect()
    }

    /// The columns that both sides gave, as one.
    fn merge(
        &mut self,
        scope: &mut Scope,
        kind: Kind,
        pairs: Vec<Pair>,
        rel: &mut Rel,
    ) -> Result<(), Unread> {
        let mut made: Vec<(Col, Expr)> = Vec::new();
        let mut merged = Vec::with_capacity(pairs.len());
        for Pair { name, left, right } in pairs {
            let value = match kind {
                Kind::Plain(JoinKind::Full) => {
                    super::call::plain("coalesce", vec![left.clone(), right.clone()])
                }
                Kind::Right => right.clone(),
                _ => left.clone(),
            };
            let col = if let Some(col) = as_column(&value) {
                col
            } else {
                let data_type = self.type_of(&value);
                let col = self.col(data_type)?;
                made.push((col, value));
                col
            };
            let mut parts: Vec<Col> = [&left, &right].into_iter().filter_map(as_column).collect();
            // A column that was merged before is now part of the new one.
            scope.merged.retain(|old| {
                let is_same = old.name == name;
                if is_same {
                    parts.extend(&old.parts);
                }
                !is_same
            });
            merged.push(Merged { name, col, parts });
        }
        if !made.is_empty() {
            let input = std::mem::replace(rel, Rel::Unit);
            *rel = Rel::Extend { input: Box::new(input), columns: made };
        }
        let older = std::mem::take(&mut scope.merged);
        scope.merged = merged;
        scope.merged.extend(older);
        Ok(())
    }

    /// `LATERAL VIEW explode(tags) t AS tag`.
    pub(super) fn lateral_view(
        &mut self,
        input: Rel,
        view: &'q ast::LateralView,
    ) -> Result<Rel, Unread> {
        let ast::LateralView { lateral_view, lateral_view_name, lateral_col_alias, outer } = view;
        let ast::Expr::Function(function) = lateral_view else {
            return unsupported("LATERAL VIEW of no function is not understood");
        };
        let ast::FunctionArguments::List(list) = &function.args else {
            return unsupported("LATERAL VIEW of no arguments is not understood");
        };
        let name = function.name.to_string().to_lowercase();
        let arguments = self.table_arguments(&list.args)?;
        let names: Vec<String> = lateral_col_alias.iter().map(|ident| self.fold(ident)).collect();
        let names = if names.is_empty() {
            match super::table_function::columns(&name, self.dialect, arguments.len()) {
                Some(names) => names,
                None => return unsupported(format!("the columns of `{name}` are not known")),
            }
        } else {
            names
        };
        let relation = self.table_name(lateral_view_name)?.0;
        let (columns, fields) = self.made(&names)?;
        let function = Lateral::Call { name, arguments, columns };
        self.frame().scope.extend(Scope::of(super::scope::Relation { name: relation, fields }));
        Ok(Rel::Lateral {
            input: Box::new(input),
            function: Box::new(function),
            keeps_empty: *outer,
        })
    }

    /// New columns of these names.
    pub(super) fn made(&mut self, names: &[String]) -> Result<(Named, Vec<Field>), Unread> {
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            columns.push((name.clone(), self.col(None)?));
        }
        let fields = columns.iter().map(|(name, col)| Field::named(name, *col)).collect();
        Ok((columns, fields))
    }
}

fn joined(kind: Kind, left: Rel, right: Rel, on: Vec<Expr>) -> Rel {
    let (kind, left, right) = match kind {
        Kind::Plain(kind) => (kind, left, right),
        Kind::Right => (JoinKind::Left, right, left),
        Kind::RightSemi => (JoinKind::Semi, right, left),
        Kind::RightAnti => (JoinKind::Anti, right, left),
    };
    Rel::Join { kind, left: Box::new(left), right: Box::new(right), on }
}

fn lateral(kind: Kind, left: Rel, function: Lateral, on: Vec<Expr>) -> Result<Rel, Unread> {
    let input = Box::new(left);
    match kind {
        Kind::Plain(JoinKind::Inner) => {
            let rel = Rel::Lateral { input, function: Box::new(function), keeps_empty: false };
            Ok(filtered(rel, on))
        }
        Kind::Plain(JoinKind::Left) => {
            let function = Box::new(if on.is_empty() { function } else { only(function, on) });
            Ok(Rel::Lateral { input, function, keeps_empty: true })
        }
        _ => unsupported("a lateral relation is neither inner nor left joined"),
    }
}

/// The rows of a lateral relation for which a condition holds.
fn only(function: Lateral, on: Vec<Expr>) -> Lateral {
    match function {
        Lateral::Query { rel, columns } => {
            Lateral::Query { rel: Box::new(filtered(*rel, on)), columns }
        }
        Lateral::Call { ref columns, .. } => {
            let columns = columns.iter().map(|(_, col)| *col).collect();
            let rel = Rel::Lateral {
                input: Box::new(Rel::Unit),
                function: Box::new(function),
                keeps_empty: false,
            };
            Lateral::Query { rel: Box::new(filtered(rel, on)), columns }
        }
    }
}
