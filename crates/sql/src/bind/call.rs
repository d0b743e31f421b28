//! Functions, aggregates and windows.

use sqlparser::ast::{
    self, DuplicateTreatment, Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, NullTreatment, WindowFrameBound, WindowType,
};

use super::expr::{compound, text};
use super::scope::{Clause, Step};
use super::{Binder, names, unsupported};
use crate::Unread;
use crate::plan::{Call, Expr, SortKey, SubqueryKind, WindowCall};

/// A call of a function of each row.
pub(super) fn plain(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Call(bare(name, arguments))
}

pub(super) fn bare(name: &str, arguments: Vec<Expr>) -> Call {
    Call {
        name: name.to_owned(),
        distinct: false,
        arguments,
        order: Vec::new(),
        filter: None,
        options: Vec::new(),
    }
}

fn nulls_option(treatment: NullTreatment) -> Option<String> {
    match treatment {
        NullTreatment::IgnoreNulls => Some("ignore nulls".to_owned()),
        // What is so without saying it.
        NullTreatment::RespectNulls => None,
    }
}

impl<'q> Binder<'q> {
    pub(super) fn plain_call(&mut self, name: &str, parts: &[&'q Ast]) -> Result<Expr, Unread> {
        let parts = parts.iter().map(|part| self.expr(part)).collect::<Result<_, _>>()?;
        Ok(plain(name, parts))
    }

    pub(super) fn function(&mut self, function: &'q ast::Function) -> Result<Expr, Unread> {
        let ast::Function {
            name,
            uses_odbc_syntax: _,
            parameters,
            args,
            within_group,
            filter,
            null_treatment,
            over,
        } = function;
        let name = name.to_string().replace(['"', '`'], "").to_lowercase();
        if let FunctionArguments::Subquery(query) = args {
            let kind = if name == "array" { SubqueryKind::Array } else { SubqueryKind::Scalar };
            let query = self.subquery(kind, query, Vec::new())?;
            return Ok(if name == "array" { query } else { plain(&name, vec![query]) });
        }
        if !matches!(parameters, FunctionArguments::None) {
            return unsupported(format!("the parameters of `{name}` are not understood"));
        }
        let is_aggregate = over.is_none()
            && (names::is_aggregate(&name)
                || filter.is_some()
                || !within_group.is_empty()
                || has_aggregate_clauses(args));
        if !is_aggregate && over.is_none() {
            let mut call = self.call(&name, args, within_group, null_treatment.as_ref())?;
            names::settle(&mut call);
            if names::makes_rows(&call.name, self.dialect) {
                return self.made_rows(call);
            }
            return Ok(Expr::Call(call));
        }
        if let Some(over) = over {
            return self.window(&name, function, over);
        }
        self.aggregate(&name, function)
    }

    /// `SELECT unnest(tags)`: each element is a row.
    fn made_rows(&mut self, call: Call) -> Result<Expr, Unread> {
        let frame = self.frame();
        let is_there = |step: &Step| matches!(step, Step::Rows(..));
        if !matches!(frame.clause, Clause::Select(_))
            || frame.is_in_aggregate
            || frame.steps.iter().any(is_there)
        {
            return unsupported(format!("`{}` makes rows where that is not understood", call.name));
        }
        let col = self.col(None)?;
        let frame = self.frame();
        frame.steps.push(Step::Rows(col, call));
        frame.late.insert(col);
        Ok(Expr::Column(col))
    }

    fn call(
        &mut self,
        name: &str,
        args: &'q FunctionArguments,
        within_group: &'q [ast::OrderByExpr],
        null_treatment: Option<&NullTreatment>,
    ) -> Result<Call, Unread> {
        let mut call = bare(name, Vec::new());
        call.options.extend(null_treatment.copied().and_then(nulls_option));
        call.order = self.sort_keys(within_group)?;
        let FunctionArguments::List(list) = args else { return Ok(call) };
        let ast::FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        call.distinct = matches!(duplicate_treatment, Some(DuplicateTreatment::Distinct));
        for (place, arg) in args.iter().enumerate() {
            self.argument(&mut call, arg, place, args.len())?;
        }
        for clause in clauses {
            match clause {
                FunctionArgumentClause::IgnoreOrRespectNulls(treatment) => {
                    call.options.extend(nulls_option(*treatment));
                }
                FunctionArgumentClause::OrderBy(keys) => call.order = self.sort_keys(keys)?,
                FunctionArgumentClause::Where(condition) => {
                    call.filter = Some(Box::new(self.expr(condition)?));
                }
                FunctionArgumentClause::Limit(limit) => {
                    let limit = self.expr(limit)?;
                    call.arguments.push(compound("limit", vec![limit]));
                }
                FunctionArgumentClause::Having(ast::HavingBound(kind, bound)) => {
                    let bound = self.expr(bound)?;
                    let what = format!("having {kind}").to_lowercase();
                    call.arguments.push(compound(what, vec![bound]));
                }
                FunctionArgumentClause::OnOverflow(overflow) => {
                    call.options.push(overflow.to_string());
                }
                FunctionArgumentClause::Separator(separator) => {
                    let separator = Self::literal(&separator.value)?;
                    call.arguments.push(compound("separator", vec![separator]));
                }
                FunctionArgumentClause::JsonNullClause(clause) => {
                    call.options.push(clause.to_string().to_lowercase());
                }
                FunctionArgumentClause::JsonReturningClause(clause) => {
                    call.options.push(clause.to_string().to_lowercase());
                }
            }
        }
        Ok(call)
    }

    fn argument(
        &mut self,
        call: &mut Call,
        arg: &'q FunctionArg,
        place: usize,
        count: usize,
    ) -> Result<(), Unread> {
        let (name, arg) = match arg {
            FunctionArg::Unnamed(arg) => (None, arg),
            FunctionArg::Named { name, arg, operator: _ } => (Some(name.value.to_lowercase()), arg),
            FunctionArg::ExprNamed { name, arg, operator: _ } => match name {
                Ast::Identifier(name) => (Some(name.value.to_lowercase()), arg),
                name => {
                    // `object_construct`-like pairs whose key is computed.
                    let key = self.expr(name)?;
                    let value = self.argument_value(call, arg, place, count)?;
                    let Some(value) = value else { return unsupported("a `*` has a key") };
                    call.arguments.push(compound("pair", vec![key, value]));
                    return Ok(());
                }
            },
        };
        let Some(value) = self.argument_value(call, arg, place, count)? else { return Ok(()) };
        call.arguments.push(match name {
            Some(name) => compound(format!("{name} =>"), vec![value]),
            None => value,
        });
        Ok(())
    }

    fn argument_value(
        &mut self,
        call: &Call,
        arg: &'q FunctionArgExpr,
        place: usize,
        count: usize,
    ) -> Result<Option<Expr>, Unread> {
        match arg {
            FunctionArgExpr::Expr(expr) => {
                if let Some(part) = names::date_part(&call.name, place, count, expr) {
                    return Ok(Some(text(part)));
                }
                self.expr(expr).map(Some)
            }
            FunctionArgExpr::Wildcard if call.name == "count" && !call.distinct => Ok(None),
            FunctionArgExpr::Wildcard => self.row_argument(None).map(Some),
            FunctionArgExpr::QualifiedWildcard(name) => {
                let name = self.table_name(name)?;
                self.row_argument(Some(&name.0)).map(Some)
            }
            FunctionArgExpr::WildcardWithOptions(_) => {
                unsupported(format!("the `*` in `{}` has clauses", call.name))
            }
        }
    }

    /// `f(*)`, `f(t.*)`: all columns of the relations.
    fn row_argument(&mut self, qualifier: Option<&[String]>) -> Result<Expr, Unread> {
        let dialect = self.dialect;
        let scope = &self.frame().scope;
        let fields: Vec<_> = match qualifier {
            None => scope.all(dialect),
            Some(qualifier) => match scope.qualified(qualifier).next() {
                Some(relation) => relation.fields.clone(),
                None => {
                    return unsupported(format!("`{}` is no relation here", qualifier.join(".")));
                }
            },
        };
        let mut parts = Vec::with_capacity(fields.len());
        for field in fields {
            self.read_rest(&field);
            self.frame().named.insert(field.col);
            parts.push(Expr::Column(field.col));
        }
        Ok(compound("row", parts))
    }

    fn aggregate(&mut self, name: &str, function: &'q ast::Function) -> Result<Expr, Unread> {
        let frame = self.frame();
        if frame.is_in_aggregate {
            return unsupported(format!("`{name}` aggregates an aggregate"));
        }
        if matches!(frame.clause, Clause::From | Clause::Where | Clause::GroupBy) {
            return unsupported(format!("`{name}` aggregates where there are no groups"));
        }
        frame.is_in_aggregate = true;
        let call = self.aggregate_call(name, function);
        self.frame().is_in_aggregate = false;
        let call = call?;
        if let Some((col, _)) = self.frame().measures.iter().find(|(_, known)| *known == call) {
            return Ok(Expr::Column(*col));
        }
        if self.is_of_outer(&call) {
            return unsupported(format!("`{name}` aggregates columns of a query around it"));
        }
        let data_type = self.type_of_call(&call);
        let col = self.col(data_type)?;
        let frame = self.frame();
        frame.measures.push((col, call));
        frame.late.insert(col);
        Ok(Expr::Column(col))
    }

    fn aggregate_call(&mut self, name: &str, function: &'q ast::Function) -> Result<Call, Unread> {
        let mut call = self.call(
            name,
            &function.args,
            &function.within_group,
            function.null_treatment.as_ref(),
        )?;
        if let Some(filter) = &function.filter {
            if call.filter.is_some() {
                return unsupported(format!("`{name}` has two filters"));
            }
            call.filter = Some(Box::new(self.expr(filter)?));
        }
        Ok(call)
    }

    /// It reads columns, but none of this query: then it belongs to a query around this one.
    fn is_of_outer(&mut self, call: &Call) -> bool {
        let mut columns = Vec::new();
        crate::walk::columns_of_call(call, &mut columns);
        let frame = self.frame();
        !columns.is_empty()
            && frame.lambdas.is_empty()
            && !columns.iter().any(|col| {
                frame.named.contains(col) || frame.early.iter().any(|(early, _)| early == col)
            })
    }

    fn window(
        &mut self,
        name: &str,
        function: &'q ast::Function,
        over: &'q WindowType,
    ) -> Result<Expr, Unread> {
        let frame = self.frame();
        if frame.is_in_aggregate
            || matches!(
                frame.clause,
                Clause::From | Clause::Where | Clause::GroupBy | Clause::Having
            )
        {
            return unsupported(format!("the window of `{name}` stands where none can"));
        }
        let mut call = self.aggregate_call(name, function)?;
        names::settle(&mut call);
        let mut window = WindowCall { call, partition: Vec::new(), order: Vec::new(), frame: None };
        self.over(&mut window, over, 0)?;
        let known = self.frame().steps.iter().find_map(|step| match step {
            Step::Window(col, known) if *known == window => Some(*col),
            _ => None,
        });
        if let Some(col) = known {
            return Ok(Expr::Column(col));
        }
        let data_type = self.type_of_call(&window.call);
        let col = self.col(data_type)?;
        let frame = self.frame();
        frame.steps.push(Step::Window(col, window));
        frame.late.insert(col);
        Ok(Expr::Column(col))
    }

    fn over(
        &mut self,
        window: &mut WindowCall,
        over: &'q WindowType,
        depth: usize,
    ) -> Result<(), Unread> {
        match over {
            WindowType::NamedWindow(name) => self.named_window(window, name, depth),
            WindowType::WindowSpec(spec) => self.window_spec(window, spec, depth),
        }
    }

    fn named_window(
        &mut self,
        window: &mut WindowCall,
        name: &ast::Ident,
        depth: usize,
    ) -> Result<(), Unread> {
        let folded = self.fold(name);
        let windows = self.frame().windows;
        let named = windows.iter().find(|ast::NamedWindowDefinition(name, _)| {
            self.dialect.fold(&name.value, name.quote_style.is_some()) == folded
        });
        match named {
            Some(_) if depth > windows.len() => {
                unsupported(format!("the window `{name}` is defined by itself"))
            }
            Some(ast::NamedWindowDefinition(_, ast::NamedWindowExpr::NamedWindow(name))) => {
                self.named_window(window, name, depth + 1)
            }
            Some(ast::NamedWindowDefinition(_, ast::NamedWindowExpr::WindowSpec(spec))) => {
                self.window_spec(window, spec, depth + 1)
            }
            None => unsupported(format!("there is no window `{name}`")),
        }
    }

    fn window_spec(
        &mut self,
        window: &mut WindowCall,
        spec: &'q ast::WindowSpec,
        depth: usize,
    ) -> Result<(), Unread> {
        let ast::WindowSpec { window_name, partition_by, order_by, window_frame } = spec;
        if let Some(name) = window_name {
            self.named_window(window, name, depth)?;
        }
        if !partition_by.is_empty() {
            window.partition = self.exprs(partition_by)?;
        }
        if !order_by.is_empty() {
            window.order = self.sort_keys(order_by)?;
        }
        if let Some(ast::WindowFrame { units, start_bound, end_bound }) = window_frame {
            let start = frame_bound(start_bound, "preceding")?;
            let end = match end_bound {
                Some(bound) => frame_bound(bound, "following")?,
                None => "current row".to_owned(),
            };
            let units = units.to_string().to_lowercase();
            window.frame = Some(format!("{units} between {start} and {end}"));
        }
        Ok(())
    }

    pub(super) fn sort_keys(
        &mut self,
        keys: &'q [ast::OrderByExpr],
    ) -> Result<Vec<SortKey>, Unread> {
        keys.iter()
            .map(|key| {
                let ast::OrderByExpr { expr, options, with_fill } = key;
                if with_fill.is_some() {
                    return unsupported("WITH FILL is not understood");
                }
                let expr = self.expr(expr)?;
                Self::sort_key(expr, options)
            })
            .collect()
    }

    pub(super) fn sort_key(expr: Expr, options: &ast::OrderByOptions) -> Result<SortKey, Unread> {
        let ast::OrderByOptions { sort, nulls_first } = options;
        let descending = match sort {
            None | Some(ast::OrderBySort::Asc) => false,
            Some(ast::OrderBySort::Desc) => true,
            Some(ast::OrderBySort::Using(_)) => {
                return unsupported("ORDER BY … USING is not understood");
            }
        };
        Ok(SortKey { expr, descending, nulls_first: *nulls_first })
    }
}

fn has_aggregate_clauses(args: &FunctionArguments) -> bool {
    let FunctionArguments::List(list) = args else { return false };
    list.duplicate_treatment == Some(DuplicateTreatment::Distinct)
        || list.clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)))
}

/// A bound of a frame in canonical letters. Only constants are understood.
fn frame_bound(bound: &WindowFrameBound, unbounded: &str) -> Result<String, Unread> {
    let (amount, way) = match bound {
        WindowFrameBound::CurrentRow => return Ok("current row".to_owned()),
        WindowFrameBound::Preceding(amount) => (amount, "preceding"),
        WindowFrameBound::Following(amount) => (amount, "following"),
    };
    match amount.as_deref() {
        None => Ok(format!("unbounded {way}")),
        Some(Ast::Value(value)) => Ok(format!("{value} {way}")),
        Some(Ast::Interval(interval)) if matches!(*interval.value, Ast::Value(_)) => {
            Ok(format!("{interval} {way}").to_lowercase())
        }
        Some(Ast::Cast { expr, data_type, .. }) if matches!(**expr, Ast::Value(_)) => {
            Ok(format!("{expr}::{data_type} {way}").to_lowercase())
        }
        Some(other) => {
            unsupported(format!("a frame that begins or ends at `{other}` ({unbounded})"))
        }
    }
}
