//! PIVOT and UNPIVOT: rows to columns and back, where all columns can be named.

use std::collections::BTreeSet;

use sqlparser::ast::{
    self, Expr as Ast, ExprWithAlias, NullInclusion, PivotValueSource, TableFactor,
};

use super::expr::{compound, text};
use super::from::{Source, SourceRel};
use super::scope::{Clause, Field, Relation, Scope};
use super::{Binder, as_column, unsupported};
use crate::plan::{Col, Expr, Literal, Rel};
use crate::{Dialect, Unread, walk};

impl<'q> Binder<'q> {
    /// What is turned, bound by itself: its rows and columns.
    fn turned(&mut self, table: &'q TableFactor) -> Result<(Rel, Scope, Vec<Field>), Unread> {
        let source = self.factor(table)?;
        let SourceRel::Rel(rel) = source.rel else {
            return unsupported("what is pivoted reads what stands before it");
        };
        let fields = source.scope.all(self.dialect);
        if fields.iter().any(|field| field.rest.is_some()) {
            return unsupported("the columns are not known of what is pivoted");
        }
        Ok((rel, source.scope, fields))
    }

    /// Binds within a scope of its own.
    fn within<T>(
        &mut self,
        scope: Scope,
        work: impl FnOnce(&mut Self) -> Result<T, Unread>,
    ) -> Result<T, Unread> {
        let outer = std::mem::replace(&mut self.frame().scope, scope);
        let done = work(self);
        self.frame().scope = outer;
        done
    }

    pub(super) fn pivot(
        &mut self,
        table: &'q TableFactor,
        aggregates: &'q [ExprWithAlias],
        value_column: &'q [Ast],
        values: &'q PivotValueSource,
        alias: Option<&'q ast::TableAlias>,
    ) -> Result<Source, Unread> {
        let PivotValueSource::List(values) = values else {
            return unsupported("the columns of a PIVOT over a query or ANY are not known");
        };
        let (rel, scope, fields) = self.turned(table)?;
        let (calls, on, listed) = self.within(scope, |binder| {
            let calls = binder.pivot_calls(aggregates)?;
            let on = binder.exprs(value_column)?;
            let listed: Result<Vec<Expr>, Unread> =
                values.iter().map(|value| binder.expr(&value.expr)).collect();
            Ok((calls, on, listed?))
        })?;
        let used: BTreeSet<Col> = calls.iter().chain(&on).flat_map(walk::columns).collect();
        let kept = fields.iter().filter(|field| !used.contains(&field.col));
        let mut names: Vec<String> = kept.clone().map(|field| field.name.clone()).collect();
        let mut arguments: Vec<Expr> = kept.map(|field| Expr::Column(field.col)).collect();
        for (value, bound) in values.iter().zip(&listed) {
            let value = self.pivot_value_name(value, bound)?;
            for call in aggregates {
                let call = call.alias.as_ref().map(|alias| self.fold(alias));
                names.push(self.pivot_name(&value, call.as_deref(), aggregates.len())?);
            }
        }
        let kept = arguments.len();
        arguments.push(compound("aggregates", calls));
        arguments.push(compound("on", on));
        arguments.push(compound("in", listed));
        self.opaque(format!("pivot of {kept}"), rel, arguments, &names, alias)
    }

    fn pivot_calls(&mut self, aggregates: &'q [ExprWithAlias]) -> Result<Vec<Expr>, Unread> {
        let mut calls = Vec::with_capacity(aggregates.len());
        for ExprWithAlias { expr, alias: _ } in aggregates {
            let frame = self.frame();
            let clause = std::mem::replace(&mut frame.clause, Clause::Qualify);
            let before = std::mem::take(&mut frame.measures);
            let bound = self.expr(expr);
            let frame = self.frame();
            frame.clause = clause;
            let made = std::mem::replace(&mut frame.measures, before);
            let bound = bound?;
            let [(col, call)] = made.as_slice() else {
                return unsupported("a PIVOT of no plain aggregate is not understood");
            };
            if as_column(&bound) != Some(*col) {
                return unsupported("a PIVOT of no plain aggregate is not understood");
            }
            calls.push(Expr::Call(call.clone()));
        }
        Ok(calls)
    }

    fn pivot_value_name(&self, value: &ExprWithAlias, bound: &Expr) -> Result<String, Unread> {
        if let Some(alias) = &value.alias {
            return Ok(self.fold(alias));
        }
        match bound {
            Expr::Literal(Literal::Text(text)) => Ok(match self.dialect {
                // The quotes are part of the name.
                Dialect::Snowflake => format!("'{text}'"),
                other => other.fold(text, true),
            }),
            Expr::Literal(Literal::Number(number)) => Ok(match self.dialect {
                Dialect::BigQuery => format!("_{number}"),
                _ => number.clone(),
            }),
            _ => unsupported("what a PIVOT calls its columns is not known"),
        }
    }

    fn pivot_name(&self, value: &str, call: Option<&str>, count: usize) -> Result<String, Unread> {
        match (call, count, self.dialect) {
            (None, 1, _)
            | (Some(_), 1, Dialect::Snowflake | Dialect::Databricks | Dialect::DuckDb) => {
                Ok(value.to_owned())
            }
            (Some(call), _, Dialect::BigQuery) => Ok(format!("{call}_{value}")),
            (Some(call), _, _) => Ok(format!("{value}_{call}")),
            (None, ..) => unsupported("what a PIVOT calls its columns is not known"),
        }
    }

    pub(super) fn unpivot(
        &mut self,
        table: &'q TableFactor,
        value: &'q Ast,
        name: &'q ast::Ident,
        columns: &'q [ExprWithAlias],
        nulls: Option<&NullInclusion>,
        alias: Option<&'q ast::TableAlias>,
    ) -> Result<Source, Unread> {
        let Ast::Identifier(value) = value else {
            return unsupported("an UNPIVOT into several columns is not understood");
        };
        let (rel, scope, fields) = self.turned(table)?;
        let (sources, labels) = self.within(scope, |binder| {
            let mut sources = Vec::with_capacity(columns.len());
            let mut labels = Vec::with_capacity(columns.len());
            for ExprWithAlias { expr, alias } in columns {
                let source = binder.expr(expr)?;
                let label = match (alias, expr) {
                    (Some(alias), _) => binder.fold(alias),
                    (None, Ast::Identifier(ident)) => binder.fold(ident),
                    _ => return unsupported("an UNPIVOT of an expression is not understood"),
                };
                sources.push(source);
                labels.push(text(label));
            }
            Ok((sources, labels))
        })?;
        let used: BTreeSet<Col> = sources.iter().flat_map(walk::columns).collect();
        let kept: Vec<&Field> = fields.iter().filter(|field| !used.contains(&field.col)).collect();
        let mut names: Vec<String> = kept.iter().map(|field| field.name.clone()).collect();
        let (name, value) = (self.fold(name), self.fold(value));
        // Snowflake puts the name before the value; BigQuery and DuckDB the other way round.
        names.extend(match self.dialect {
            Dialect::BigQuery => [value, name],
            _ => [name, value],
        });
        let mut arguments: Vec<Expr> = kept.iter().map(|field| Expr::Column(field.col)).collect();
        let count = arguments.len();
        arguments.push(compound("columns", sources));
        arguments.push(compound("labels", labels));
        let nulls = match nulls {
            Some(NullInclusion::IncludeNulls) => " with nulls",
            Some(NullInclusion::ExcludeNulls) | None => "",
        };
        self.opaque(format!("unpivot of {count}{nulls}"), rel, arguments, &names, alias)
    }

    fn opaque(
        &mut self,
        text: String,
        input: Rel,
        arguments: Vec<Expr>,
        names: &[String],
        alias: Option<&'q ast::TableAlias>,
    ) -> Result<Source, Unread> {
        let (columns, fields) = self.made(names)?;
        let rel = SourceRel::Rel(Rel::Opaque { text, inputs: vec![input], arguments, columns });
        self.aliased(rel, Relation { name: Vec::new(), fields }, alias)
    }
}
