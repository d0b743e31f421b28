//! The statements of a comparison: one profiles both sides, one compares them row by row, one fetches
//! the few rows that are shown.

use crate::relation::{ColumnPair, Side, pair_columns};
use crate::{ColumnChange, Dialect};

/// Relative difference below which two floating-point values count as equal: sums of the same
/// numbers in another order differ by less.
const FLOAT_TOLERANCE: &str = "1e-9";

/// What stands in place of a value that must not be shown.
const MASK: &str = "•••";

/// Columns that identify a row, and where that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub columns: Vec<String>,
    pub origin: String,
}

/// Two relations to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub dialect: Dialect,
    pub base: Side,
    pub head: Side,
    pub key: Option<Key>,
    /// Columns that are left out of the comparison of values, in lower case.
    pub ignored: Vec<String>,
    /// Columns whose values never leave the warehouse, in lower case.
    pub masked: Vec<String>,
}

/// How many examples to fetch of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Samples {
    pub each: usize,
    /// Columns shown beside the key where a whole row is new or gone.
    pub columns: usize,
}

impl Comparison {
    /// Every column of either side.
    pub fn pairs(&self) -> Vec<ColumnPair> {
        pair_columns(&self.base.columns, &self.head.columns)
    }

    /// Columns whose values are compared: on both sides, not of the key, not ignored.
    pub fn compared(&self) -> Vec<ColumnPair> {
        let is_key = |name: &str| {
            self.key
                .iter()
                .flat_map(|key| &key.columns)
                .any(|column| column.eq_ignore_ascii_case(name))
        };
        let ignored = |name: &str| self.ignored.contains(&name.to_lowercase());
        let mut pairs = self.pairs();
        pairs.retain(|pair| pair.both().is_some() && !is_key(&pair.name) && !ignored(&pair.name));
        pairs
    }

    /// One row a side: `side, rows, duplicate_keys, extra_rows, null_keys`, then for every column of
    /// [`Comparison::pairs`] its count of NULLs and its sum (NULL where it has none, or must not be
    /// shown: the sum over one row is its value).
    pub fn profile_sql(&self) -> String {
        let side = |label: &str, side: &Side, of: fn(&ColumnPair) -> Option<&crate::Column>| {
            let measures =
                self.pairs().iter().map(|pair| self.measure(of(pair))).collect::<String>();
            let (duplicates, null_keys) = self.key_measures(side);
            format!(
                "SELECT '{label}' AS side, count(*) AS rows, {duplicates},\n  {null_keys}{measures}\nFROM {}",
                self.from(side)
            )
        };
        let base = side("base", &self.base, |pair| pair.base.as_ref());
        let head = side("head", &self.head, |pair| pair.head.as_ref());
        format!("{base}\nUNION ALL\n{head}\nORDER BY side")
    }

    fn measure(&self, column: Option<&crate::Column>) -> String {
        let Some(column) = column else {
            return ",\n  CAST(NULL AS BIGINT), CAST(NULL AS DOUBLE)".to_owned();
        };
        let name = self.dialect.quote(&column.name);
        let sum = if self.dialect.is_numeric(&column.data_type) && !self.is_masked(&column.name) {
            self.dialect.sum(&name, &column.data_type)
        } else {
            "CAST(NULL AS DOUBLE)".to_owned()
        };
        format!(",\n  count(*) - count({name}), {sum}")
    }

    fn key_measures(&self, side: &Side) -> (String, String) {
        let Some(key) = self.key_columns() else {
            let none = "CAST(NULL AS BIGINT)";
            return (
                format!("{none} AS duplicate_keys, {none} AS extra_rows"),
                format!("{none} AS null_keys"),
            );
        };
        let groups = format!(
            "(SELECT count(*) AS n FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1)",
            self.from(side),
            not_null(&key),
            key.join(", ")
        );
        let duplicates = format!(
            "(SELECT count(*) FROM {groups}) AS duplicate_keys,\n  \
             (SELECT CAST(coalesce(sum(n - 1), 0) AS BIGINT) FROM {groups}) AS extra_rows"
        );
        (duplicates, format!("count(*) FILTER (WHERE NOT ({})) AS null_keys", not_null(&key)))
    }

    /// With a key, one row: `matched, added, removed, changed`, then for every column of
    /// [`Comparison::compared`] how many matched rows differ in it. Keys that stand more than once on
    /// either side, and NULL keys, are left out: the profile counts them. Without a key, one row:
    /// `added, removed` as multisets.
    pub fn tally_sql(&self) -> String {
        let Some(key) = self.key_columns() else { return self.multiset_sql() };
        let compared = self.compared();
        let flags: Vec<String> = (0..compared.len()).map(|at| format!("d{at}")).collect();
        let any = if flags.is_empty() { "false".to_owned() } else { flags.join(" OR ") };
        let both = "in_base AND in_head";
        let counts: String = flags
            .iter()
            .map(|flag| format!(",\n  count(*) FILTER (WHERE {both} AND {flag})"))
            .collect();
        format!(
            "{}\nSELECT count(*) FILTER (WHERE {both}) AS matched,\n  \
             count(*) FILTER (WHERE in_base IS NULL) AS added,\n  \
             count(*) FILTER (WHERE in_head IS NULL) AS removed,\n  \
             count(*) FILTER (WHERE {both} AND ({any})) AS changed{counts}\nFROM paired",
            self.paired(&key, &compared)
        )
    }

    fn multiset_sql(&self) -> String {
        let pairs: Vec<ColumnPair> = self.compared();
        let text = |column: &crate::Column, pair: &ColumnPair| {
            let name = self.dialect.quote(&column.name);
            if self.as_text(pair) { format!("CAST({name} AS VARCHAR)") } else { name }
        };
        let select = |side: &Side, of: fn(&ColumnPair) -> Option<&crate::Column>| {
            let columns: Vec<String> =
                pairs.iter().filter_map(|pair| Some(text(of(pair)?, pair))).collect();
            let columns = if columns.is_empty() { "1".to_owned() } else { columns.join(", ") };
            format!("SELECT {columns} FROM {}", self.from(side))
        };
        let base = select(&self.base, |pair| pair.base.as_ref());
        let head = select(&self.head, |pair| pair.head.as_ref());
        format!(
            "SELECT (SELECT count(*) FROM ({head} EXCEPT ALL {base})) AS added,\n  \
             (SELECT count(*) FROM ({base} EXCEPT ALL {head})) AS removed"
        )
    }

    /// Rows to show, as text: `kind`, the key's columns, then for each column that `changed` names
    /// its value in base and in head, where they differ. Only with a key.
    pub fn samples_sql(&self, changed: &[String], samples: Samples) -> Option<String> {
        let key = self.key_columns()?;
        let shown: Vec<ColumnPair> = self.compared();
        let of_interest: Vec<usize> =
            self.shown(changed, samples).into_iter().map(|(at, _)| at).collect();
        let flags: Vec<String> = of_interest.iter().map(|at| format!("d{at}")).collect();
        let any = if flags.is_empty() { "false".to_owned() } else { flags.join(" OR ") };
        let keys: Vec<String> = (0..key.len()).map(|at| format!("k{at}")).collect();
        let names = &self.key.as_ref()?.columns;
        let key_text: String =
            keys.iter().zip(names).map(|(alias, name)| self.masked_text(alias, name)).collect();
        let values: String = of_interest
            .iter()
            .filter_map(|at| Some((at, shown.get(*at)?)))
            .map(|(at, pair)| {
                let (b, h) = (format!("b{at}"), format!("h{at}"));
                if self.is_masked(&pair.name) {
                    // Whether it differs may be known, what it is may not.
                    format!(
                        ", {}, CASE WHEN {h} IS NOT NULL AND in_base AND in_head AND d{at} \
                         THEN '{MASK} (differs)' ELSE {} END",
                        masked(&b),
                        masked(&h)
                    )
                } else {
                    // Equal values may be spelled in two ways: 1.5 and 1.50.
                    let text = |value| format!("CASE WHEN d{at} THEN CAST({value} AS VARCHAR) END");
                    format!(", {}, {}", text(b), text(h))
                }
            })
            .collect();
        let pick = |kind: &str, condition: &str| {
            format!(
                "(SELECT '{kind}' AS kind{key_text}{values} FROM paired WHERE {condition} ORDER BY {} LIMIT {})",
                keys.join(", "),
                samples.each
            )
        };
        Some(format!(
            "{}\n{}\nUNION ALL\n{}\nUNION ALL\n{}",
            self.paired(&key, &shown),
            pick("changed", &format!("in_base AND in_head AND ({any})")),
            pick("added", "in_base IS NULL"),
            pick("removed", "in_head IS NULL")
        ))
    }

    /// Which columns of [`Comparison::compared`] the samples show, with their names: those that
    /// changed, else the first few.
    pub fn shown(&self, changed: &[String], samples: Samples) -> Vec<(usize, String)> {
        let all = self.compared().into_iter().map(|pair| pair.name).enumerate();
        let named: Vec<(usize, String)> =
            all.clone().filter(|(_, name)| changed.contains(name)).take(samples.columns).collect();
        if named.is_empty() { all.take(samples.columns).collect() } else { named }
    }

    /// Keys that stand more than once in head: `key…, times`, the most frequent first.
    pub fn duplicates_sql(&self, samples: Samples) -> Option<String> {
        let key = self.key_columns()?;
        let names = &self.key.as_ref()?.columns;
        let text: Vec<String> =
            key.iter().zip(names).map(|(quoted, name)| self.masked_text(quoted, name)).collect();
        Some(format!(
            "SELECT 'duplicated' AS kind{}, count(*) AS times FROM {} WHERE {}\nGROUP BY {} HAVING count(*) > 1\n\
             ORDER BY count(*) DESC, {} LIMIT {}",
            text.concat(),
            self.from(&self.head),
            not_null(&key),
            key.join(", "),
            key.join(", "),
            samples.each
        ))
    }

    /// `, CAST(expression AS VARCHAR)`, or a mask where `column` must not be shown.
    fn masked_text(&self, expression: &str, column: &str) -> String {
        if self.is_masked(column) {
            format!(", {}", masked(expression))
        } else {
            format!(", CAST({expression} AS VARCHAR)")
        }
    }

    fn is_masked(&self, column: &str) -> bool {
        self.masked.contains(&column.to_lowercase())
    }

    /// The full join on the key, without keys that are no keys.
    fn paired(&self, key: &[String], compared: &[ColumnPair]) -> String {
        let pairs = self.pairs();
        let pair_of =
            |name: &String| pairs.iter().find(|pair| pair.name.eq_ignore_ascii_case(name));
        let as_text: Vec<bool> = self
            .key
            .iter()
            .flat_map(|key| &key.columns)
            .map(|name| pair_of(name).is_some_and(|pair| self.as_text(pair)))
            .collect();
        let side = |side: &Side, letter: char, of: fn(&ColumnPair) -> Option<&crate::Column>| {
            let keys: String = key
                .iter()
                .zip(&as_text)
                .enumerate()
                .map(|(at, (name, as_text))| {
                    if *as_text {
                        format!(", CAST({name} AS VARCHAR) AS k{at}")
                    } else {
                        format!(", {name} AS k{at}")
                    }
                })
                .collect();
            let values: String = compared
                .iter()
                .enumerate()
                .filter_map(|(at, pair)| {
                    Some(format!(", {} AS {letter}{at}", self.dialect.quote(&of(pair)?.name)))
                })
                .collect();
            format!(
                "SELECT true AS present{keys}{values} FROM {} WHERE {}",
                self.from(side),
                not_null(key)
            )
        };
        let aliases: Vec<String> = (0..key.len()).map(|at| format!("k{at}")).collect();
        let on = |left: &str, right: &str| {
            let equal: Vec<String> =
                aliases.iter().map(|alias| format!("{left}.{alias} = {right}.{alias}")).collect();
            equal.join(" AND ")
        };
        let several = |side: &str| {
            format!("SELECT {0} FROM {side} GROUP BY {0} HAVING count(*) > 1", aliases.join(", "))
        };
        let keys: String = aliases
            .iter()
            .map(|alias| format!(", coalesce(b.{alias}, h.{alias}) AS {alias}"))
            .collect();
        let values: String = compared
            .iter()
            .enumerate()
            .map(|(at, pair)| format!(",\n    b{at}, h{at}, {} AS d{at}", self.differs(at, pair)))
            .collect();
        format!(
            "WITH b AS ({}),\nh AS ({}),\nseveral AS ({} UNION {}),\npaired AS (\n  \
             SELECT b.present AS in_base, h.present AS in_head{keys}{values}\n  \
             FROM (SELECT * FROM b WHERE NOT EXISTS (SELECT 1 FROM several s WHERE {})) b\n  \
             FULL OUTER JOIN (SELECT * FROM h WHERE NOT EXISTS (SELECT 1 FROM several s WHERE {})) h\n    ON {}\n)",
            side(&self.base, 'b', |pair| pair.base.as_ref()),
            side(&self.head, 'h', |pair| pair.head.as_ref()),
            several("b"),
            several("h"),
            on("b", "s"),
            on("h", "s"),
            on("b", "h"),
        )
    }

    /// NULL equals NULL; floats within the tolerance are equal.
    fn differs(&self, at: usize, pair: &ColumnPair) -> String {
        let (b, h) = (format!("b{at}"), format!("h{at}"));
        let Some((base, head)) = pair.both() else { return "false".to_owned() };
        let numeric = |column: &crate::Column| self.dialect.is_numeric(&column.data_type);
        let float = |column: &crate::Column| self.dialect.is_float(&column.data_type);
        if numeric(base) && numeric(head) && (float(base) || float(head)) {
            // As doubles: the least integer has no absolute value of its own type.
            let (x, y) = (format!("{b}::DOUBLE"), format!("{h}::DOUBLE"));
            return format!(
                "({b} IS DISTINCT FROM {h} AND NOT coalesce(isfinite({x}) AND isfinite({y}) \
                 AND abs({x} - {y}) <= {FLOAT_TOLERANCE} * greatest(abs({x}), abs({y})), false))"
            );
        }
        if self.as_text(pair) {
            return format!("(CAST({b} AS VARCHAR) IS DISTINCT FROM CAST({h} AS VARCHAR))");
        }
        format!("({b} IS DISTINCT FROM {h})")
    }

    /// A retyped column is compared as numbers or moments where both are, else as text.
    fn as_text(&self, pair: &ColumnPair) -> bool {
        let both = |is: fn(Dialect, &str) -> bool| {
            pair.both().is_some_and(|(base, head)| {
                is(self.dialect, &base.data_type) && is(self.dialect, &head.data_type)
            })
        };
        pair.change() == ColumnChange::Retyped
            && !both(Dialect::is_numeric)
            && !both(Dialect::is_moment)
    }

    fn from(&self, side: &Side) -> String {
        let relation = side.relation.quoted(self.dialect);
        match &side.filter {
            Some(filter) => format!("(SELECT * FROM {relation} WHERE {filter})"),
            None => relation,
        }
    }

    fn key_columns(&self) -> Option<Vec<String>> {
        let key = self.key.as_ref()?;
        Some(key.columns.iter().map(|column| self.dialect.quote(column)).collect())
    }
}

fn masked(expression: &str) -> String {
    format!("CASE WHEN {expression} IS NULL THEN NULL ELSE '{MASK}' END")
}

fn not_null(columns: &[String]) -> String {
    let each: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
    each.join(" AND ")
}
