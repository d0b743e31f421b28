//! Functions that stand for a table.

use sqlparser::ast::{self, FunctionArg, ObjectName};

use super::expr::compound;
use super::from::{Source, SourceRel, plain_argument};
use super::scope::Relation;
use super::unnest::called;
use super::{Binder, unsupported};
use crate::plan::Expr;
use crate::tables::TableName;
use crate::{Dialect, Unread, walk};

/// The columns that a function makes, where it always makes the same.
pub(super) fn columns(name: &str, dialect: Dialect, arguments: usize) -> Option<Vec<String>> {
    let names: &[&str] = match (dialect, name) {
        (Dialect::Snowflake | Dialect::Generic, "flatten") => {
            &["seq", "key", "path", "index", "value", "this"]
        }
        (Dialect::Snowflake, "split_to_table" | "strtok_split_to_table") => {
            &["seq", "index", "value"]
        }
        (Dialect::Snowflake, "generator") => &[],
        (Dialect::DuckDb, "json_each" | "json_tree") => {
            &["key", "value", "type", "atom", "id", "parent", "fullkey", "path"]
        }
        (Dialect::DuckDb, "range" | "generate_series") => return Some(vec![name.to_owned()]),
        (Dialect::Databricks, "range") => &["id"],
        (Dialect::Databricks, "explode" | "explode_outer") if arguments == 1 => &["col"],
        (Dialect::Databricks, "posexplode" | "posexplode_outer") if arguments == 1 => {
            &["pos", "col"]
        }
        (_, "json_each" | "jsonb_each" | "json_each_text" | "jsonb_each_text") => &["key", "value"],
        (
            _,
            "json_array_elements"
            | "jsonb_array_elements"
            | "json_array_elements_text"
            | "jsonb_array_elements_text",
        ) => &["value"],
        _ => return None,
    };
    Some(names.iter().map(|name| dialect.fold(name, false)).collect())
}

/// Functions of one column that is called as they are, or as the relation.
const SERIES: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "json_object_keys",
    "jsonb_object_keys",
    "regexp_split_to_table",
    "string_to_table",
    "generate_date_array",
    "generate_array",
];

/// Functions that read a file or another database: a table of columns that nobody knows.
const READERS: &[&str] = &[
    "delta_scan",
    "external_query",
    "glob",
    "iceberg_scan",
    "mysql_query",
    "parquet_scan",
    "postgres_query",
    "postgres_scan",
    "read_csv",
    "read_csv_auto",
    "read_files",
    "read_json",
    "read_json_auto",
    "read_ndjson",
    "read_parquet",
    "read_text",
    "read_xlsx",
    "result_scan",
    "sqlite_scan",
    "st_read",
];

impl<'q> Binder<'q> {
    pub(super) fn table_arguments(&mut self, args: &'q [FunctionArg]) -> Result<Vec<Expr>, Unread> {
        let mut arguments = Vec::with_capacity(args.len());
        for arg in args {
            let Some((name, expr)) = plain_argument(arg) else {
                return unsupported(format!("the argument `{arg}` is not understood"));
            };
            let expr = self.expr(expr)?;
            arguments.push(match name {
                Some(name) => compound(format!("{name} =>"), vec![expr]),
                None => expr,
            });
        }
        Ok(arguments)
    }

    pub(super) fn table_function(
        &mut self,
        name: &ObjectName,
        args: &'q [FunctionArg],
        with_ordinality: bool,
        alias: Option<&'q ast::TableAlias>,
    ) -> Result<Source, Unread> {
        let function = name.to_string().replace(['"', '`'], "").to_lowercase();
        // `TABLE(FLATTEN(…))`.
        if function == "table"
            && let [arg] = args
            && let Some((None, ast::Expr::Function(inner))) = plain_argument(arg)
            && let ast::FunctionArguments::List(list) = &inner.args
        {
            return self.table_function(&inner.name, &list.args, with_ordinality, alias);
        }
        if READERS.contains(&function.as_str()) {
            return self.reader(&function, args, alias);
        }
        let arguments = self.table_arguments(args)?;
        let ordinality = with_ordinality.then(|| self.dialect.fold("ordinality", false));
        if function == "unnest" {
            return self.unnested(arguments, ordinality, alias);
        }
        let alias_name = alias.map(|alias| self.fold(&alias.name));
        let listed: Vec<String> = alias
            .map(|alias| alias.columns.iter().map(|one| self.fold(&one.name)).collect())
            .unwrap_or_default();
        let mut names = match columns(&function, self.dialect, arguments.len()) {
            Some(names) => names,
            None if SERIES.contains(&function.as_str()) => {
                vec![alias_name.clone().unwrap_or_else(|| self.dialect.fold(&function, false))]
            }
            None if !listed.is_empty() => listed.clone(),
            None => return unsupported(format!("the columns of `{function}` are not known")),
        };
        names.extend(ordinality.filter(|_| listed.len() <= names.len()));
        if listed.len() > names.len() {
            return unsupported(format!("`{function}` has fewer columns than its alias lists"));
        }
        for (name, listed) in names.iter_mut().zip(&listed) {
            name.clone_from(listed);
        }
        let (columns, fields) = self.made(&names)?;
        let relation = Relation {
            name: vec![alias_name.unwrap_or_else(|| self.dialect.fold(&function, false))],
            fields,
        };
        Ok(called(&function, arguments, columns, relation))
    }

    /// A file as a table that is called like the call.
    fn reader(
        &mut self,
        function: &str,
        args: &'q [FunctionArg],
        alias: Option<&'q ast::TableAlias>,
    ) -> Result<Source, Unread> {
        let arguments = self.table_arguments(args)?;
        if arguments.iter().any(|argument| !walk::columns(argument).is_empty()) {
            return unsupported(format!("`{function}` reads files that a column names"));
        }
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let name = TableName(vec![format!("{function}({})", args.join(", "))]);
        let (rel, mut relation) = self.scan(name, None, &super::scope::Env::default())?;
        relation.name = vec![self.dialect.fold(function, false)];
        self.aliased(SourceRel::Rel(rel), relation, alias)
    }
}
