//! FROM: tables, queries, and what stands beside them.

use sqlparser::ast::{self, Expr as Ast, TableFactor};

use super::recursive::rename_fields;
use super::scope::{Clause, Env, Field, Relation, Rest, Scope};
use super::{Binder, Bound, OpenScan, unsupported};
use crate::Unread;
use crate::plan::{Col, JoinKind, Lateral, Rel, Scan};
use crate::tables::TableName;

/// A part of FROM: its rows, what they are called, and whether it reads what stands before it.
pub(super) struct Source {
    pub(super) rel: SourceRel,
    pub(super) scope: Scope,
}

pub(super) enum SourceRel {
    Rel(Rel),
    /// To be computed for each row before it.
    Lateral(Lateral),
}

impl<'q> Binder<'q> {
    pub(super) fn from(
        &mut self,
        from: &'q [ast::TableWithJoins],
        lateral_views: &'q [ast::LateralView],
    ) -> Result<(Rel, Scope), Unread> {
        let mut made: Option<Rel> = None;
        for tree in from {
            made = Some(self.tree(made, tree)?);
        }
        let mut rel = made.unwrap_or(Rel::Unit);
        for view in lateral_views {
            rel = self.lateral_view(rel, view)?;
        }
        let scope = std::mem::take(&mut self.frame().scope);
        Ok((rel, scope))
    }

    /// One item of FROM with its joins, beside what stands before it. The frame's scope is that of
    /// everything so far.
    fn tree(&mut self, before: Option<Rel>, tree: &'q ast::TableWithJoins) -> Result<Rel, Unread> {
        let ast::TableWithJoins { relation, joins } = tree;
        let outer = std::mem::take(&mut self.frame().scope);
        // What is joined here sees what stands before the comma only if it is lateral.
        self.frame().scope = outer.clone();
        let source = self.factor(relation)?;
        let mut rel = match (source.rel, before) {
            (SourceRel::Rel(rel), None) => rel,
            (SourceRel::Rel(rel), Some(before)) if joins.is_empty() => cross(before, rel),
            (SourceRel::Rel(rel), Some(before)) => {
                self.frame().scope = source.scope;
                let mut joined = rel;
                for join in joins {
                    joined = self.join(joined, join)?;
                }
                let inner = std::mem::take(&mut self.frame().scope);
                let mut scope = outer;
                scope.extend(inner);
                self.frame().scope = scope;
                return Ok(cross(before, joined));
            }
            (SourceRel::Lateral(function), before) => Rel::Lateral {
                input: Box::new(before.unwrap_or(Rel::Unit)),
                function: Box::new(function),
                keeps_empty: false,
            },
        };
        let mut scope = outer;
        scope.extend(source.scope);
        self.frame().scope = scope;
        for join in joins {
            rel = self.join(rel, join)?;
        }
        Ok(rel)
    }

    pub(super) fn factor(&mut self, factor: &'q TableFactor) -> Result<Source, Unread> {
        self.deeper(|binder| binder.factor_here(factor))
    }

    fn factor_here(&mut self, factor: &'q TableFactor) -> Result<Source, Unread> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints: _,
            } => {
                if !with_hints.is_empty() && !with_hints.iter().all(is_hint) {
                    return unsupported(format!("the options of `{name}` are not understood"));
                }
                if !partitions.is_empty() {
                    return unsupported("PARTITION is not understood");
                }
                if json_path.is_some() {
                    return unsupported("a path behind a table is not understood");
                }
                if let Some(args) = args {
                    let ast::TableFunctionArgs { args, settings } = args;
                    if settings.is_some() {
                        return unsupported("SETTINGS are not understood");
                    }
                    let source =
                        self.table_function(name, args, *with_ordinality, alias.as_ref())?;
                    return Self::sampled(source, sample.as_ref());
                }
                if *with_ordinality {
                    return unsupported("WITH ORDINALITY of a table is not understood");
                }
                if let Some(source) = self.column_as_table(name, alias.as_ref())? {
                    return Self::sampled(source, sample.as_ref());
                }
                let version = version.as_ref().map(|version| version.to_string().to_lowercase());
                let env = self.frame().env.clone();
                let (rel, relation) = self.scan(self.table_name(name)?, version, &env)?;
                let source = self.aliased(SourceRel::Rel(rel), relation, alias.as_ref())?;
                Self::sampled(source, sample.as_ref())
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                let source = self.derived(*lateral, subquery, alias.as_ref())?;
                Self::sampled(source, sample.as_ref())
            }
            TableFactor::TableFunction { expr, alias } => {
                let Ast::Function(function) = expr else {
                    return unsupported("TABLE(…) of no function is not understood");
                };
                let ast::FunctionArguments::List(list) = &function.args else {
                    return unsupported("TABLE(…) of no arguments is not understood");
                };
                self.table_function(&function.name, &list.args, false, alias.as_ref())
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality, alias } => {
                self.table_function(name, args, *with_ordinality, alias.as_ref())
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset,
                with_offset_alias,
                with_ordinality,
            } => {
                let offset = if *with_offset {
                    let name = with_offset_alias.as_ref().map(|ident| self.fold(ident));
                    Some(name.unwrap_or_else(|| self.dialect.fold("offset", false)))
                } else if *with_ordinality {
                    Some(self.dialect.fold("ordinality", false))
                } else {
                    None
                };
                self.unnest(array_exprs, offset, alias.as_ref())
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.nested(table_with_joins, alias.as_ref())
            }
            TableFactor::Pivot {
                table,
                aggregate_functions,
                value_column,
                value_source,
                default_on_null,
                alias,
            } => {
                if default_on_null.is_some() {
                    return unsupported("DEFAULT ON NULL is not understood");
                }
                self.pivot(table, aggregate_functions, value_column, value_source, alias.as_ref())
            }
            TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } => {
                self.unpivot(table, value, name, columns, null_inclusion.as_ref(), alias.as_ref())
            }
            TableFactor::JsonTable { .. }
            | TableFactor::OpenJsonTable { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::UnpivotExpr { .. }
            | TableFactor::MatchRecognize { .. }
            | TableFactor::SemanticView { .. } => {
                unsupported(format!("`{}` is not understood", first_words(&factor.to_string())))
            }
        }
    }

    /// A table, or the common table expression of that name.
    pub(super) fn scan(
        &mut self,
        name: TableName,
        version: Option<String>,
        env: &Env<'q>,
    ) -> Result<(Rel, Relation), Unread> {
        if let [only] = name.0.as_slice()
            && version.is_none()
            && let Some(node) = env.find(only)
        {
            let node = std::rc::Rc::clone(node);
            let Bound { rel, mut fields } = self.use_cte(&node)?;
            Field::tell_apart(&mut fields, self.dialect);
            return Ok((rel, Relation { name: name.0, fields }));
        }
        let known = self.tables.find(&name);
        let qualifier = name.0.clone();
        let (table, known) = match known {
            Some((full, table)) => (full.clone(), Some(table)),
            None => (name, None),
        };
        let mut columns: Vec<(String, Col)> = Vec::new();
        for (name, data_type) in known.map(|table| table.columns.as_slice()).unwrap_or_default() {
            columns.push((name.clone(), self.col(data_type.clone())?));
        }
        let mut fields: Vec<Field> =
            columns.iter().map(|(name, col)| Field::named(name, *col)).collect();
        let mut rest = None;
        if !known.is_some_and(|table| table.is_complete) {
            let col = self.col(None)?;
            rest = Some(col);
            self.open.insert(col, OpenScan { columns: columns.clone(), ..OpenScan::default() });
            let unknown = Rest { scan: Some(col), ..Rest::default() };
            fields.push(Field { name: "*".to_owned(), col, rest: Some(unknown.into()) });
        }
        let col_of = |name: &String| columns.iter().find(|(known, _)| known == name);
        let keys = known.into_iter().flat_map(|table| &table.keys);
        let keys = keys
            .filter_map(|key| key.iter().map(|name| col_of(name).map(|(_, col)| *col)).collect());
        let keys: Vec<Vec<Col>> = keys.collect();
        let guessed = std::collections::BTreeSet::new();
        let scan = Scan { table, columns, rest, guessed, keys, version };
        Ok((Rel::Scan(scan), Relation { name: qualifier, fields }))
    }

    /// What an alias makes of a relation.
    pub(super) fn aliased(
        &mut self,
        rel: SourceRel,
        mut relation: Relation,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Source, Unread> {
        if let Some(ast::TableAlias { explicit: _, name, columns, at }) = alias {
            if at.is_some() {
                return unsupported("AT is not understood");
            }
            let alias = self.fold(name);
            let names: Vec<String> = columns.iter().map(|one| self.fold(&one.name)).collect();
            rename_fields(&mut relation.fields, &names, &alias)?;
            relation.name = vec![alias];
        }
        Ok(Source { rel, scope: Scope::of(relation) })
    }

    fn sampled(source: Source, sample: Option<&'q ast::TableSampleKind>) -> Result<Source, Unread> {
        let Some(
            ast::TableSampleKind::BeforeTableAlias(sample)
            | ast::TableSampleKind::AfterTableAlias(sample),
        ) = sample
        else {
            return Ok(source);
        };
        let how = sample.to_string().to_lowercase();
        match source.rel {
            SourceRel::Rel(rel) => {
                let rel = SourceRel::Rel(Rel::Sample { input: Box::new(rel), how });
                Ok(Source { rel, scope: source.scope })
            }
            SourceRel::Lateral(_) => unsupported("a sample of a lateral function"),
        }
    }

    fn derived(
        &mut self,
        lateral: bool,
        subquery: &'q ast::Query,
        alias: Option<&'q ast::TableAlias>,
    ) -> Result<Source, Unread> {
        // DuckDB takes a query for lateral as soon as it reads what stands before it.
        let may_read = lateral || self.dialect == crate::Dialect::DuckDb;
        let frame = self.frame();
        let (was_hidden, was_read) = (frame.is_hidden, frame.is_read_inside);
        frame.is_hidden = !may_read;
        frame.is_read_inside = false;
        let env = frame.env.clone();
        let clause = std::mem::replace(&mut frame.clause, Clause::From);
        let level = self.frames.len() - 1;
        let bound = self.query(subquery, &env);
        let frame = &mut self.frames[level];
        let is_read = frame.is_read_inside;
        frame.is_hidden = was_hidden;
        frame.is_read_inside = was_read;
        frame.clause = clause;
        let Bound { rel, mut fields } = bound?;
        Field::tell_apart(&mut fields, self.dialect);
        let columns = fields.iter().map(|field| field.col).collect();
        let rel = if is_read {
            SourceRel::Lateral(Lateral::Query { rel: Box::new(rel), columns })
        } else {
            SourceRel::Rel(rel)
        };
        self.aliased(rel, Relation { name: Vec::new(), fields }, alias)
    }

    /// `(a JOIN b …)`.
    fn nested(
        &mut self,
        tree: &'q ast::TableWithJoins,
        alias: Option<&'q ast::TableAlias>,
    ) -> Result<Source, Unread> {
        let outer = std::mem::take(&mut self.frame().scope);
        let rel = self.tree(None, tree);
        let scope = std::mem::replace(&mut self.frame().scope, outer);
        let rel = SourceRel::Rel(rel?);
        if alias.is_none() {
            return Ok(Source { rel, scope });
        }
        let relation = Relation { name: Vec::new(), fields: scope.all(self.dialect) };
        self.aliased(rel, relation, alias)
    }
}

/// `WITH (NOLOCK)`: how to read, not what.
fn is_hint(hint: &Ast) -> bool {
    matches!(hint, Ast::Identifier(_))
}

pub(super) fn cross(left: Rel, right: Rel) -> Rel {
    if left == Rel::Unit {
        return right;
    }
    Rel::Join {
        kind: JoinKind::Inner,
        left: Box::new(left),
        right: Box::new(right),
        on: Vec::new(),
    }
}

/// The beginning of a text, to name it by.
pub(super) fn first_words(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().take(6).collect();
    words.join(" ")
}

/// One argument of a function, if it is a plain expression.
pub(super) fn plain_argument(arg: &ast::FunctionArg) -> Option<(Option<String>, &Ast)> {
    match arg {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some((None, expr)),
        ast::FunctionArg::Named { name, arg: ast::FunctionArgExpr::Expr(expr), operator: _ } => {
            Some((Some(name.value.to_lowercase()), expr))
        }
        ast::FunctionArg::ExprNamed {
            name: Ast::Identifier(name),
            arg: ast::FunctionArgExpr::Expr(expr),
            operator: _,
        } => Some((Some(name.value.to_lowercase()), expr)),
        _ => None,
    }
}
