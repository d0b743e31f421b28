//! Arrays as relations.

use sqlparser::ast::{self, Expr as Ast, ObjectName, ObjectNamePart};

use super::from::{Source, SourceRel};
use super::scope::{Field, Relation, Rest, Scope};
use super::{Binder, unsupported};
use crate::plan::{Col, Expr, Lateral, Rel};
use crate::{Dialect, Unread, walk};

impl<'q> Binder<'q> {
    pub(super) fn unnest(
        &mut self,
        arrays: &'q [Ast],
        offset: Option<String>,
        alias: Option<&'q ast::TableAlias>,
    ) -> Result<Source, Unread> {
        let arguments = self.exprs(arrays)?;
        self.unnested(arguments, offset, alias)
    }

    pub(super) fn unnested(
        &mut self,
        arguments: Vec<Expr>,
        offset: Option<String>,
        alias: Option<&'q ast::TableAlias>,
    ) -> Result<Source, Unread> {
        let relation = alias.map(|alias| self.fold(&alias.name));
        let mut names: Vec<String> = alias
            .map(|alias| alias.columns.iter().map(|one| self.fold(&one.name)).collect())
            .unwrap_or_default();
        let is_named = !names.is_empty();
        let word = self.dialect.fold("unnest", false);
        if names.is_empty() {
            // PostgreSQL and BigQuery give an only column the name of its relation.
            names.push(match (&relation, self.dialect) {
                (Some(relation), Dialect::Postgres | Dialect::BigQuery | Dialect::Redshift)
                    if arguments.len() == 1 =>
                {
                    relation.clone()
                }
                _ => word.clone(),
            });
            while names.len() < arguments.len() {
                names.push(word.clone());
            }
        }
        if let Some(offset) = offset
            && names.len() == arguments.len()
        {
            names.push(offset);
        }
        let (columns, mut fields) = self.made(&names)?;
        if self.dialect == Dialect::BigQuery
            && !is_named
            && let [only, ..] = fields.as_slice()
        {
            // If the elements are structs, their fields are columns too.
            let rest = Rest { scan: None, hidden: names.iter().cloned().collect() };
            let rest = Field { name: "*".to_owned(), col: only.col, rest: Some(rest.into()) };
            fields.push(rest);
        }
        let relation = Relation { name: vec![relation.unwrap_or(word)], fields };
        Ok(called("unnest", arguments, columns, relation))
    }

    /// `FROM orders, orders.items AS item`.
    pub(super) fn column_as_table(
        &mut self,
        name: &ObjectName,
        alias: Option<&'q ast::TableAlias>,
    ) -> Result<Option<Source>, Unread> {
        let is_known_here = matches!(
            self.dialect,
            Dialect::BigQuery | Dialect::Redshift | Dialect::Databricks | Dialect::Generic
        );
        if !is_known_here || name.0.len() < 2 || self.frame().scope.relations.is_empty() {
            return Ok(None);
        }
        let parts = self.table_name(name)?;
        let first = parts.0.first().cloned().unwrap_or_default();
        let is_relation =
            self.frame().scope.relations.iter().any(|one| one.name.as_slice() == [first.clone()]);
        if !is_relation || self.tables.find(&parts).is_some() {
            return Ok(None);
        }
        let mut idents = Vec::with_capacity(name.0.len());
        for part in &name.0 {
            let ObjectNamePart::Identifier(ident) = part else {
                return unsupported("a computed name is not understood");
            };
            idents.push(ident.clone());
        }
        let array = self.name(&idents)?;
        self.unnested(vec![array], None, alias).map(Some)
    }
}

/// A function that makes rows. If it reads nothing that stands before it, it is a relation.
pub(super) fn called(
    name: &str,
    arguments: Vec<Expr>,
    columns: Vec<(String, Col)>,
    relation: Relation,
) -> Source {
    let reads = arguments.iter().any(|argument| !walk::columns(argument).is_empty());
    let function = Lateral::Call { name: name.to_owned(), arguments, columns };
    let rel = if reads {
        SourceRel::Lateral(function)
    } else {
        SourceRel::Rel(Rel::Lateral {
            input: Box::new(Rel::Unit),
            function: Box::new(function),
            keeps_empty: false,
        })
    };
    Source { rel, scope: Scope::of(relation) }
}
