//! From syntax to a plan: every name finds the column that it means, or the query is not read.
//!
//! Nothing is dropped in silence: syntax is taken apart field by field, so that a clause nobody
//! thought of makes the query unread, never misread.

mod aggregate;
mod call;
mod constant;
mod expr;
mod from;
mod join;
mod names;
mod order;
mod pivot;
mod recursive;
mod rules;
mod scope;
mod select;
mod set;
mod star;
mod table_function;
mod types;
mod unnest;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use sqlparser::ast::{self, Ident, ObjectName, ObjectNamePart};

use crate::plan::{Col, Expr, Output, Query, Rel};
use crate::tables::{TableName, Tables};
use crate::{Dialect, Unread, parse, walk};
use scope::{Env, Field, Frame};
pub use types::of_text as canonical_type;

/// How deeply what is bound may be nested. A chain of operators is as deep as it is long.
const DEEPEST: usize = 10_000;

/// How many relations, columns and expressions a plan may have in all. A common table expression
/// stands wherever it is used, so that a short text can mean a plan without end.
const LARGEST: usize = 3_000_000;

/// Reads one query: parses it and finds what its names mean. Call it in [`crate::with_deep_stack`].
///
/// # Errors
///
/// Why it was not understood; such a query is unknown, not wrong.
pub fn read(text: &str, dialect: Dialect, tables: &Tables) -> Result<Query, Unread> {
    let query = parse(text, dialect)?;
    bind(&query, dialect, tables)
}

/// Finds what the names of a query mean. Call it in [`crate::with_deep_stack`].
///
/// # Errors
///
/// Why it was not understood.
pub fn bind(query: &ast::Query, dialect: Dialect, tables: &Tables) -> Result<Query, Unread> {
    let mut binder = Binder {
        dialect,
        tables,
        types: Vec::new(),
        open: HashMap::new(),
        frames: Vec::new(),
        depth: 0,
        size: 0,
    };
    let bound = binder.query(query, &Env::default())?;
    Ok(binder.finish(bound))
}

/// A part of the query that is bound: its rows, and its columns by name.
struct Bound {
    rel: Rel,
    fields: Vec<Field>,
}

/// A table whose columns are not all known, while the query is being read.
#[derive(Default)]
struct OpenScan {
    columns: Vec<(String, Col)>,
    guessed: BTreeSet<Col>,
    is_rest_read: bool,
}

struct Binder<'q> {
    dialect: Dialect,
    tables: &'q Tables,
    /// By the number of the column.
    types: Vec<Option<String>>,
    /// By the column that stands for what is not known.
    open: HashMap<Col, OpenScan>,
    frames: Vec<Frame<'q>>,
    depth: usize,
    size: usize,
}

fn unsupported<T>(why: impl Into<String>) -> Result<T, Unread> {
    Err(Unread::Unsupported(why.into()))
}

impl<'q> Binder<'q> {
    fn finish(mut self, bound: Bound) -> Query {
        let Bound { mut rel, fields } = bound;
        let is_complete = fields.iter().all(|field| field.rest.is_none());
        for field in &fields {
            self.read_rest(field);
        }
        let outputs = fields
            .into_iter()
            .map(|field| Output {
                data_type: self.type_of_col(field.col),
                name: field.name,
                col: field.col,
            })
            .collect();
        if !self.open.is_empty() {
            walk::scans_mut(&mut rel, &mut |scan| {
                let Some(open) = scan.rest.and_then(|rest| self.open.remove(&rest)) else { return };
                scan.columns = open.columns;
                scan.guessed = open.guessed;
                if !open.is_rest_read {
                    scan.rest = None;
                }
            });
        }
        Query { rel, outputs, is_complete }
    }

    /// A new column.
    fn col(&mut self, data_type: Option<String>) -> Result<Col, Unread> {
        self.spend(1)?;
        let number = u32::try_from(self.types.len()).map_err(|_| too_large())?;
        self.types.push(data_type);
        Ok(Col(number))
    }

    fn type_of_col(&self, col: Col) -> Option<String> {
        self.types.get(col.0 as usize).cloned().flatten()
    }

    fn spend(&mut self, size: usize) -> Result<(), Unread> {
        self.size = self.size.saturating_add(size);
        if self.size > LARGEST { Err(too_large()) } else { Ok(()) }
    }

    /// One level deeper for as long as the work takes.
    fn deeper<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Unread>,
    ) -> Result<T, Unread> {
        if self.depth >= DEEPEST {
            return Err(Unread::TooDeep);
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    /// What stands for unknown columns is read as a whole.
    fn read_rest(&mut self, field: &Field) {
        let scan = field.rest.as_ref().and_then(|rest| rest.scan);
        if let Some(open) = scan.and_then(|scan| self.open.get_mut(&scan)) {
            open.is_rest_read = true;
        }
    }

    fn fold(&self, ident: &Ident) -> String {
        self.dialect.fold(&ident.value, ident.quote_style.is_some())
    }

    fn table_name(&self, name: &ObjectName) -> Result<TableName, Unread> {
        let mut parts = Vec::with_capacity(name.0.len());
        for part in &name.0 {
            match part {
                ObjectNamePart::Identifier(ident) => parts.push(self.fold(ident)),
                ObjectNamePart::Function(_) => {
                    return unsupported(format!("the table name `{name}` is computed"));
                }
            }
        }
        Ok(TableName(parts))
    }

    /// A query, with everything around its body.
    fn query(&mut self, query: &'q ast::Query, env: &Env<'q>) -> Result<Bound, Unread> {
        self.deeper(|binder| binder.query_here(query, env))
    }

    fn query_here(&mut self, query: &'q ast::Query, env: &Env<'q>) -> Result<Bound, Unread> {
        let ast::Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        for (is_there, what) in [
            (!locks.is_empty(), "FOR UPDATE or FOR SHARE"),
            (for_clause.is_some(), "FOR XML, JSON or BROWSE"),
            (settings.is_some(), "SETTINGS"),
            (format_clause.is_some(), "FORMAT"),
            (!pipe_operators.is_empty(), "a pipe operator"),
        ] {
            if is_there {
                return unsupported(format!("{what} is not understood"));
            }
        }
        let env = &self.with(with.as_ref(), env)?;
        let limit = self.limit_of(limit_clause.as_ref(), fetch.as_ref())?;
        match &**body {
            ast::SetExpr::Select(select) => self.select(select, order_by.as_ref(), limit, env),
            other => {
                let bound = self.set_expr(other, env)?;
                self.order_outputs(bound, order_by.as_ref(), limit, env)
            }
        }
    }

    fn set_expr(&mut self, body: &'q ast::SetExpr, env: &Env<'q>) -> Result<Bound, Unread> {
        use ast::SetExpr::{
            Delete, Insert, Merge, Query, Select, SetOperation, Table, Update, Values,
        };
        match body {
            Select(select) => {
                self.deeper(|binder| binder.select(select, None, order::Limit::default(), env))
            }
            Query(query) => self.query(query, env),
            SetOperation { .. } => self.deeper(|binder| binder.set_operation(body, env)),
            Values(values) => self.values(values, env),
            Table(table) => {
                let ast::Table { table_name, schema_name } = &**table;
                let parts = [schema_name, table_name].into_iter().flatten();
                let parts = parts.map(|part| self.dialect.fold(part, false)).collect();
                let (rel, relation) = self.scan(TableName(parts), None, env)?;
                Ok(Bound { rel, fields: relation.fields })
            }
            Insert(_) | Update(_) | Delete(_) | Merge(_) => {
                unsupported("a statement that writes stands where a query should")
            }
        }
    }

    /// The environment in which the body of a query finds its common table expressions.
    fn with(&mut self, with: Option<&'q ast::With>, env: &Env<'q>) -> Result<Env<'q>, Unread> {
        let mut env = env.clone();
        let Some(ast::With { with_token: _, recursive, cte_tables }) = with else {
            return Ok(env);
        };
        for cte in cte_tables {
            let ast::Cte { alias, query: _, from, materialized: _, closing_paren_token: _ } = cte;
            if from.is_some() || alias.at.is_some() {
                return unsupported(format!("the clause of `{}` is not understood", alias.name));
            }
            env = Env(Some(Rc::new(scope::CteNode {
                name: self.fold(&alias.name),
                body: scope::CteBody::Query { cte, is_recursive: *recursive },
                outer: env,
                frames: self.frames.len(),
            })));
        }
        Ok(env)
    }
}

fn too_large() -> Unread {
    Unread::Unsupported("written out, it is too large".to_owned())
}

/// An expression that only names a column.
pub(crate) fn as_column(expr: &Expr) -> Option<Col> {
    match expr {
        Expr::Column(col) => Some(*col),
        _ => None,
    }
}
