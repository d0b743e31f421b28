//! What engines know by name: aggregates, functions without parentheses, parts of dates, and what
//! a column is called that the query does not name.

use sqlparser::ast::{self, Expr as Ast};

use super::Binder;
use super::call::plain;
use crate::Dialect;
use crate::plan::{Call, Expr};

/// Aggregates of any engine, sorted. One that is missing here is taken for a function of each row:
/// with GROUP BY, or over plain columns beside an aggregate, that is noticed.
const AGGREGATES: &[&str] = &[
    "any_value",
    "approx_count_distinct",
    "approx_distinct",
    "approx_percentile",
    "approx_percentile_accumulate",
    "approx_percentile_combine",
    "approx_quantile",
    "approx_quantiles",
    "approx_top_count",
    "approx_top_k",
    "approx_top_k_accumulate",
    "approx_top_sum",
    "approximate_jaccard_index",
    "approximate_similarity",
    "arbitrary",
    "arg_max",
    "arg_max_null",
    "arg_min",
    "arg_min_null",
    "argmax",
    "argmin",
    "array_agg",
    "array_concat_agg",
    "array_union_agg",
    "array_unique_agg",
    "avg",
    "bit_and",
    "bit_and_agg",
    "bit_or",
    "bit_or_agg",
    "bit_xor",
    "bit_xor_agg",
    "bitand_agg",
    "bitmap_construct_agg",
    "bitmap_or_agg",
    "bitor_agg",
    "bitstring_agg",
    "bitxor_agg",
    "bool_and",
    "bool_or",
    "booland_agg",
    "boolor_agg",
    "boolxor_agg",
    "collect_list",
    "collect_set",
    "corr",
    "count",
    "count_if",
    "count_min_sketch",
    "count_star",
    "countif",
    "covar_pop",
    "covar_samp",
    "entropy",
    "every",
    "favg",
    "first",
    "fsum",
    "geomean",
    "geometric_mean",
    "group_concat",
    "grouping",
    "grouping_id",
    "hash_agg",
    "histogram",
    "histogram_exact",
    "histogram_numeric",
    "hll",
    "hll_accumulate",
    "hll_combine",
    "hll_sketch_agg",
    "hll_union_agg",
    "json_agg",
    "json_arrayagg",
    "json_group_array",
    "json_group_object",
    "json_group_structure",
    "json_object_agg",
    "json_objectagg",
    "jsonb_agg",
    "jsonb_object_agg",
    "kahan_sum",
    "kurtosis",
    "kurtosis_pop",
    "last",
    "list",
    "listagg",
    "logical_and",
    "logical_or",
    "mad",
    "max",
    "max_by",
    "mean",
    "median",
    "min",
    "min_by",
    "minhash",
    "minhash_combine",
    "mode",
    "object_agg",
    "percentile",
    "percentile_approx",
    "percentile_cont",
    "percentile_disc",
    "product",
    "quantile",
    "quantile_cont",
    "quantile_disc",
    "range_agg",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "reservoir_quantile",
    "schema_of_json_agg",
    "sem",
    "skewness",
    "some",
    "st_union_agg",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "sum_no_overflow",
    "sumkahan",
    "try_avg",
    "try_sum",
    "var_pop",
    "var_samp",
    "variance",
    "variance_pop",
    "variance_samp",
    "wavg",
    "xmlagg",
];

pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.binary_search(&name).is_ok() || name.starts_with("array_agg")
}

/// Functions that make rows where they stand in a select list.
pub(super) fn makes_rows(name: &str, dialect: Dialect) -> bool {
    match name {
        "unnest"
        | "explode"
        | "explode_outer"
        | "posexplode"
        | "posexplode_outer"
        | "inline"
        | "inline_outer"
        | "stack"
        | "json_array_elements"
        | "jsonb_array_elements"
        | "json_array_elements_text"
        | "jsonb_array_elements_text"
        | "json_each"
        | "jsonb_each"
        | "json_each_text"
        | "jsonb_each_text"
        | "json_object_keys"
        | "jsonb_object_keys"
        | "regexp_split_to_table"
        | "string_to_table"
        | "generate_subscripts" => true,
        "generate_series" | "regexp_matches" | "jsonb_path_query" => dialect == Dialect::Postgres,
        _ => false,
    }
}

/// Words that are a call without parentheses.
const WORDS: &[&str] = &[
    "current_catalog",
    "current_database",
    "current_date",
    "current_datetime",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "current_warehouse",
    "getdate",
    "localtime",
    "localtimestamp",
    "rownum",
    "session_user",
    "sysdate",
    "systimestamp",
    "user",
];

pub(super) fn word_function(word: &str) -> Option<Expr> {
    let word = word.to_lowercase();
    WORDS.contains(&word.as_str()).then(|| plain(&word, Vec::new()))
}

/// Spellings of one call that mean the same in every engine.
pub(super) fn settle(call: &mut Call) {
    if WORDS.contains(&call.name.as_str()) && call.arguments.is_empty() {
        call.options.clear();
    }
}

const DATE_PARTS: &[&str] = &[
    "century",
    "centuries",
    "c",
    "d",
    "date",
    "day",
    "day_of_week",
    "day_of_week_iso",
    "day_of_year",
    "dayofmonth",
    "dayofweek",
    "dayofweek_iso",
    "dayofweekiso",
    "dayofyear",
    "days",
    "dd",
    "decade",
    "decades",
    "dow",
    "doy",
    "dy",
    "dw",
    "epoch",
    "epoch_microsecond",
    "epoch_millisecond",
    "epoch_nanosecond",
    "epoch_second",
    "h",
    "hh",
    "hour",
    "hours",
    "hrs",
    "isodow",
    "isoweek",
    "isoyear",
    "m",
    "microsecond",
    "microseconds",
    "mi",
    "millennium",
    "millisecond",
    "milliseconds",
    "min",
    "minute",
    "minutes",
    "mins",
    "mm",
    "mon",
    "mons",
    "month",
    "months",
    "ms",
    "msec",
    "n",
    "nanosecond",
    "nanoseconds",
    "ns",
    "q",
    "qtr",
    "qtrs",
    "quarter",
    "quarters",
    "s",
    "sec",
    "second",
    "seconds",
    "secs",
    "ss",
    "time",
    "timezone",
    "us",
    "usec",
    "w",
    "week",
    "week_iso",
    "weekday",
    "weekiso",
    "weekofyear",
    "weekofyear_iso",
    "weeks",
    "wk",
    "ww",
    "y",
    "year",
    "years",
    "yearofweek",
    "yearofweekiso",
    "yr",
    "yrs",
    "yy",
    "yyyy",
];

/// Functions whose first argument is a part of a date.
const PART_FIRST: &[&str] = &[
    "date_add",
    "date_part",
    "date_diff",
    "date_sub",
    "date_trunc",
    "dateadd",
    "datediff",
    "datename",
    "datepart",
    "datesub",
    "datetrunc",
    "time_slice",
    "timeadd",
    "timediff",
    "timestamp_add",
    "timestampadd",
    "timestampdiff",
    "trunc",
];

/// Functions whose last argument is one.
const PART_LAST: &[&str] = &[
    "date_diff",
    "date_trunc",
    "datetime_diff",
    "datetime_trunc",
    "last_day",
    "next_day",
    "time_diff",
    "time_trunc",
    "timestamp_diff",
    "timestamp_trunc",
    "trunc",
];

/// A bare word that is a part of a date at this place of this function's arguments.
pub(super) fn date_part(name: &str, place: usize, count: usize, arg: &Ast) -> Option<String> {
    let is_first = place == 0 && count > 1 && PART_FIRST.contains(&name);
    let is_last = place > 0 && place + 1 == count && PART_LAST.contains(&name);
    if !is_first && !is_last {
        return None;
    }
    match arg {
        Ast::Identifier(ident) if ident.quote_style.is_none() => {
            let word = ident.value.to_lowercase();
            DATE_PARTS.contains(&word.as_str()).then_some(word)
        }
        // `week(monday)`.
        Ast::Function(function) if function.name.to_string().eq_ignore_ascii_case("week") => {
            Some(function.to_string().to_lowercase())
        }
        _ => None,
    }
}

/// How DuckDB writes an expression, as far as it differs from how it was written.
fn duckdb_name(expr: &Ast) -> String {
    match expr {
        Ast::Nested(inner) => duckdb_name(inner),
        Ast::BinaryOp { left, op, right } => {
            format!("({} {op} {})", duckdb_name(left), duckdb_name(right))
        }
        Ast::Cast { expr, data_type, format: None, kind } => {
            let word = if *kind == ast::CastKind::TryCast { "try_cast" } else { "cast" };
            format!("{word}({} as {data_type})", duckdb_name(expr))
        }
        Ast::Function(function) if function.over.is_none() && function.filter.is_none() => {
            let ast::FunctionArguments::List(list) = &function.args else {
                return expr.to_string();
            };
            let is_plain = list.duplicate_treatment.is_none()
                && list.clauses.is_empty()
                && function.within_group.is_empty();
            let arguments: Option<Vec<String>> = list
                .args
                .iter()
                .map(|arg| match arg {
                    ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => {
                        Some(duckdb_name(expr))
                    }
                    _ => None,
                })
                .collect();
            match (arguments, is_plain) {
                (Some(arguments), true) => format!("{}({})", function.name, arguments.join(", ")),
                (None, true) if expr.to_string().eq_ignore_ascii_case("count(*)") => {
                    "count_star()".to_owned()
                }
                _ => expr.to_string(),
            }
        }
        other => other.to_string(),
    }
}

impl Binder<'_> {
    /// What a column is called that the query does not name; `number` counts the unnamed ones.
    pub(super) fn implied_name(&self, expr: &Ast, number: usize) -> String {
        match expr {
            Ast::Identifier(ident) => self.fold(ident),
            Ast::CompoundIdentifier(idents) => {
                idents.last().map(|ident| self.fold(ident)).unwrap_or_default()
            }
            Ast::CompoundFieldAccess { access_chain, .. }
                if let Some(ast::AccessExpr::Dot(Ast::Identifier(ident))) = access_chain.last() =>
            {
                self.fold(ident)
            }
            Ast::Nested(inner) => self.implied_name(inner, number),
            Ast::Prefixed { value, .. } => self.implied_name(value, number),
            _ => match self.dialect {
                Dialect::BigQuery => format!("f{number}_"),
                Dialect::Postgres | Dialect::Redshift => self.postgres_name(expr),
                Dialect::Snowflake => expr.to_string().to_uppercase(),
                Dialect::DuckDb => duckdb_name(expr).to_lowercase(),
                Dialect::Databricks | Dialect::Generic => expr.to_string().to_lowercase(),
            },
        }
    }

    /// The rules of PostgreSQL's `FigureColname`: a function's name, the name below a cast.
    fn postgres_name(&self, expr: &Ast) -> String {
        match expr {
            Ast::Identifier(_) | Ast::CompoundIdentifier(_) => self.implied_name(expr, 0),
            Ast::Nested(inner) | Ast::Collate { expr: inner, .. } => self.postgres_name(inner),
            Ast::Cast { expr, data_type, .. } => match self.postgres_name(expr) {
                name if name == "?column?" => {
                    super::types::internal(&super::types::canonical(data_type, self.dialect))
                }
                name => name,
            },
            Ast::Function(function) => function
                .name
                .0
                .last()
                .and_then(|part| part.as_ident())
                .map(|ident| self.fold(ident))
                .unwrap_or_default(),
            Ast::Case { else_result, .. } => match else_result.as_deref() {
                Some(
                    other @ (Ast::Identifier(_) | Ast::CompoundIdentifier(_) | Ast::Function(_)),
                ) => self.postgres_name(other),
                _ => "case".to_owned(),
            },
            Ast::Exists { .. } => "exists".to_owned(),
            Ast::Array(_) => "array".to_owned(),
            Ast::Tuple(_) => "row".to_owned(),
            Ast::Extract { .. } => "extract".to_owned(),
            Ast::Ceil { .. } => "ceil".to_owned(),
            Ast::Floor { .. } => "floor".to_owned(),
            Ast::Position { .. } => "position".to_owned(),
            Ast::Substring { .. } => "substring".to_owned(),
            Ast::Trim { .. } => "btrim".to_owned(),
            Ast::Overlay { .. } => "overlay".to_owned(),
            Ast::AtTimeZone { .. } => "timezone".to_owned(),
            Ast::Interval(_) => "interval".to_owned(),
            Ast::TypedString(typed) => typed.data_type.to_string().to_lowercase(),
            Ast::Value(value) if matches!(value.value, ast::Value::Boolean(_)) => "bool".to_owned(),
            Ast::Subquery(query) => match &*query.body {
                ast::SetExpr::Select(select) => match select.projection.as_slice() {
                    [ast::SelectItem::UnnamedExpr(expr)] => self.postgres_name(expr),
                    [ast::SelectItem::ExprWithAlias { alias, .. }] => self.fold(alias),
                    _ => "?column?".to_owned(),
                },
                _ => "?column?".to_owned(),
            },
            _ => "?column?".to_owned(),
        }
    }
}
