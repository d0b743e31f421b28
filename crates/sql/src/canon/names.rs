//! What functions, operators and types are called: one spelling each, by dialect, and the few
//! facts about them that the rules need.

use crate::Dialect;

/// The one name of a function that has several in this dialect.
pub(crate) fn function(name: &str, arguments: usize, dialect: Dialect) -> &str {
    use Dialect::{BigQuery, Databricks, DuckDb, Generic, Postgres, Redshift, Snowflake};
    match (name, arguments) {
        ("ifnull" | "nvl", 2) => "coalesce",
        ("substr", _) if dialect != Generic => "substring",
        ("char_length" | "character_length" | "len", 1) => "length",
        ("ucase", 1) => "upper",
        ("lcase", 1) => "lower",
        ("pow", 2) => "power",
        ("ceiling", 1) => "ceil",
        ("mean", 1) => "avg",
        ("stddev", 1)
            if matches!(dialect, DuckDb | Postgres | Snowflake | BigQuery | Databricks) =>
        {
            "stddev_samp"
        }
        ("variance", 1)
            if matches!(dialect, DuckDb | Postgres | Snowflake | BigQuery | Databricks) =>
        {
            "var_samp"
        }
        ("every" | "logical_and" | "booland_agg", 1) => "bool_and",
        ("logical_or" | "boolor_agg" | "some", 1) => "bool_or",
        ("listagg" | "group_concat", _) if matches!(dialect, DuckDb | Snowflake) => "string_agg",
        ("list", 1) if dialect == DuckDb => "array_agg",
        ("arbitrary", 1) if dialect == DuckDb => "first",
        ("arg_max", 2) if dialect == DuckDb => "max_by",
        ("arg_min", 2) if dialect == DuckDb => "min_by",
        ("countif", 1) => "count_if",
        ("now", 0) if matches!(dialect, DuckDb | Postgres | Databricks) => "current_timestamp",
        ("getdate", 0) if dialect == Snowflake => "current_timestamp",
        ("datediff", 3) if dialect == DuckDb => "date_diff",
        ("datetrunc", 2) if dialect == DuckDb => "date_trunc",
        ("datepart", 2) if dialect == DuckDb => "date_part",
        ("timediff" | "timestampdiff", 3) if dialect == Snowflake => "datediff",
        ("timeadd" | "timestampadd", 3) if dialect == Snowflake => "dateadd",
        ("startswith" | "prefix", 2) if matches!(dialect, DuckDb | Snowflake | Databricks) => {
            "starts_with"
        }
        ("suffix", 2) if dialect == DuckDb => "ends_with",
        ("endswith", 2) if matches!(dialect, Snowflake | Databricks) => "ends_with",
        ("strpos", 2) if matches!(dialect, DuckDb | Postgres | BigQuery | Redshift) => "instr",
        ("mod", 2) if !matches!(dialect, BigQuery | Generic) => "%",
        ("mod", 2) => "mod",
        ("uuid" | "gen_random_uuid", 0) if dialect == DuckDb => "gen_random_uuid",
        ("approx_count_distinct" | "approx_distinct", 1) => "approx_count_distinct",
        // NULL in, NULL out: there it is the operator.
        ("concat", 2..) if matches!(dialect, Snowflake | BigQuery) => "||",
        ("concat", 2) if dialect == Redshift => "||",
        _ => name,
    }
}

#[expect(clippy::match_same_arms, reason = "a line for each dialect's own words")]
/// A type's one spelling. Types that differ in what they hold or in what a catalog shows stay apart.
pub(crate) fn data_type(name: &str, dialect: Dialect) -> String {
    use Dialect::{BigQuery, DuckDb, Postgres, Redshift, Snowflake};
    let lower = name.trim().to_lowercase();
    let (base, parameters) = match lower.split_once('(') {
        Some((base, rest)) => (base.trim_end(), Some(rest)),
        None => (lower.as_str(), None),
    };
    let one = match base {
        "int" | "int4" | "integer" | "signed" if dialect == Snowflake => "decimal(38,0)",
        "bigint" | "smallint" | "tinyint" | "byteint" if dialect == Snowflake => "decimal(38,0)",
        "numeric" | "number" | "decimal" if dialect == Snowflake && parameters.is_none() => {
            "decimal(38,0)"
        }
        "int" | "int4" | "integer" | "signed" | "int64" | "bigint" | "smallint" | "tinyint"
        | "byteint"
            if dialect == BigQuery =>
        {
            "bigint"
        }
        "int" | "int4" | "integer" | "signed" => "integer",
        "int8" | "bigint" | "long" | "int64" => "bigint",
        "int2" | "smallint" | "short" | "int16" => "smallint",
        "bool" | "boolean" | "logical" => "boolean",
        "float" | "float4" | "float8" | "real" | "double" | "double precision"
            if dialect == Snowflake =>
        {
            "double"
        }
        "float" if matches!(dialect, Postgres | Redshift) && parameters.is_none() => "double",
        "float8" | "double" | "double precision" | "float64" => "double",
        "float" | "float4" | "real" | "float32" => "real",
        "varchar" | "text" | "string" | "char varying" | "character varying" | "nvarchar"
            if matches!(dialect, DuckDb) =>
        {
            return "varchar".to_owned();
        }
        "text" | "string" | "varchar" if parameters.is_none() && dialect != Postgres => "varchar",
        "character varying" | "char varying" => "varchar",
        "varchar" => "varchar",
        "numeric" | "decimal" | "number" | "dec" if dialect == DuckDb && parameters.is_none() => {
            "decimal(18,3)"
        }
        "numeric" | "decimal" | "number" | "dec" => "decimal",
        "timestamp without time zone" | "timestamp" => "timestamp",
        "datetime" if matches!(dialect, DuckDb) => "timestamp",
        "timestamp_ntz" | "datetime" if dialect == Snowflake => "timestamp_ntz",
        "timestamptz" | "timestamp with time zone" => "timestamptz",
        other => other,
    };
    match parameters {
        None => one.to_owned(),
        Some(parameters) => {
            let parameters: String = parameters.chars().filter(|c| !c.is_whitespace()).collect();
            format!("{one}({parameters}")
        }
    }
}

/// Two orders of the arguments give the same. Sums of floats are commutative, not associative.
pub(crate) fn is_commutative(name: &str) -> bool {
    matches!(
        name,
        "+" | "*"
            | "is distinct from"
            | "is not distinct from"
            | "greatest"
            | "least"
            | "&"
            | "|"
            | "#"
    )
}

pub(crate) fn is_associative(name: &str) -> bool {
    matches!(name, "||" | "greatest" | "least")
}

/// NULL whenever one argument is NULL, in every dialect.
pub(crate) fn is_strict(name: &str) -> bool {
    matches!(
        name,
        "+" | "-"
            | "*"
            | "/"
            | "//"
            | "%"
            | "||"
            | "~"
            | "negative"
            | "like"
            | "ilike"
            | "upper"
            | "lower"
            | "trim"
            | "ltrim"
            | "rtrim"
            | "length"
            | "abs"
            | "round"
            | "floor"
            | "ceil"
            | "date_trunc"
            | "datediff"
            | "date_diff"
            | "dateadd"
            | "date_add"
            | "date_sub"
            | "substring"
            | "replace"
            | "left"
            | "right"
            | "power"
            | "sqrt"
            | "exp"
            | "ln"
            | "starts_with"
            | "ends_with"
            | "split_part"
            | "date_part"
            | "year"
            | "month"
            | "day"
            | "nullif first"
            | "initcap"
            | "reverse"
            | "sign"
            | "trunc"
            | "mod"
    ) || name.starts_with("extract ")
}

/// Another value at each call.
pub(crate) fn is_volatile(name: &str) -> bool {
    matches!(
        name,
        "random"
            | "rand"
            | "randn"
            | "uuid"
            | "gen_random_uuid"
            | "uuid_string"
            | "generate_uuid"
            | "newid"
            | "nextval"
            | "uniform"
            | "normal"
            | "randstr"
            | "seq1"
            | "seq2"
            | "seq4"
            | "seq8"
            | "clock_timestamp"
            | "timeofday"
            | "uuid_generate_v4"
            | "uuidv4"
            | "uuidv7"
            | "setseed"
            | "currval"
            | "monotonically_increasing_id"
            | "shuffle"
            | "zipf"
    )
}

/// An aggregate that is known, and what it does with its input.
pub(crate) struct Aggregate {
    /// NULLs count for nothing: a condition may stand as FILTER or as CASE.
    pub(crate) ignores_nulls: bool,
    /// The order of its input does not show.
    pub(crate) ignores_order: bool,
    /// Duplicates do not show.
    pub(crate) ignores_duplicates: bool,
}

pub(crate) fn aggregate(name: &str) -> Aggregate {
    let (ignores_nulls, ignores_order, ignores_duplicates) = match name {
        "min" | "max" | "bool_and" | "bool_or" | "bit_and" | "bit_or" => (true, true, true),
        "count"
        | "sum"
        | "avg"
        | "stddev_samp"
        | "stddev_pop"
        | "stddev"
        | "var_samp"
        | "var_pop"
        | "variance"
        | "count_if"
        | "approx_count_distinct"
        | "median" => (true, true, false),
        "percentile_cont" | "percentile_disc" => (true, false, false),
        _ => (false, false, false),
    };
    Aggregate { ignores_nulls, ignores_order, ignores_duplicates }
}

/// A window function whose result no frame changes.
pub(crate) fn ignores_frame(name: &str) -> bool {
    matches!(
        name,
        "row_number"
            | "rank"
            | "dense_rank"
            | "percent_rank"
            | "cume_dist"
            | "ntile"
            | "lag"
            | "lead"
    )
}

/// A window function whose result depends on an order even if none is written.
pub(crate) fn needs_order(name: &str) -> bool {
    ignores_frame(name) || !aggregate(name).ignores_order
}

/// A function whose first argument, a text, is the name of a part of a date.
pub(crate) fn takes_date_part(name: &str) -> bool {
    matches!(
        name,
        "date_trunc"
            | "date_part"
            | "datediff"
            | "date_diff"
            | "dateadd"
            | "date_add"
            | "extract"
            | "date_sub"
            | "last_day"
            | "datetrunc"
            | "datepart"
    )
}

/// Where NULLs stand if nothing is said; `None`: not known.
pub(crate) fn nulls_first(descending: bool, dialect: Dialect) -> Option<bool> {
    match dialect {
        Dialect::DuckDb => Some(false),
        Dialect::Postgres | Dialect::Redshift | Dialect::Snowflake => Some(descending),
        Dialect::BigQuery | Dialect::Databricks => Some(!descending),
        Dialect::Generic => None,
    }
}

/// A function that makes several rows of one, where a value should stand.
pub(crate) fn makes_rows(name: &str) -> bool {
    matches!(
        name,
        "unnest"
            | "explode"
            | "explode_outer"
            | "posexplode"
            | "posexplode_outer"
            | "inline"
            | "inline_outer"
            | "stack"
            | "flatten"
            | "generate_series"
            | "generate_subscripts"
            | "json_array_elements"
            | "json_array_elements_text"
            | "jsonb_array_elements"
            | "jsonb_array_elements_text"
            | "json_each"
            | "jsonb_each"
            | "json_each_text"
            | "jsonb_each_text"
            | "json_object_keys"
            | "jsonb_object_keys"
            | "regexp_matches"
            | "regexp_split_to_table"
            | "string_to_table"
            | "jsonb_path_query"
            | "json_to_recordset"
            | "split_to_table"
            | "range"
            | "variant_explode"
    )
}
