//! Two relations to be compared, and how their columns are told apart.

use crate::canonical::decimal_text;
use crate::relation::{ColumnPair, Side, pair_columns};
use crate::{Column, ColumnChange, Dialect, Kind, Tolerances};

/// What stands in place of a value that must not be shown.
pub(crate) const MASK: &str = "•••";

/// Columns that identify a row, and where that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub columns: Vec<String>,
    pub origin: String,
}

/// Two relations to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub dialect: Dialect,
    pub base: Side,
    pub head: Side,
    pub key: Option<Key>,
    /// Columns that are left out of the comparison of values, in lower case.
    pub ignored: Vec<String>,
    /// Columns whose values never leave the warehouse, in lower case.
    pub masked: Vec<String>,
    pub tolerances: Tolerances,
}

/// How many examples to fetch of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Samples {
    pub each: usize,
    /// Columns shown beside the key where a whole row is new or gone.
    pub columns: usize,
}

/// One side of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Which {
    Base,
    Head,
}

impl Which {
    pub const BOTH: [Self; 2] = [Self::Base, Self::Head];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Head => "head",
        }
    }

    /// What stands for it in names of columns: `b0` and `h0`.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Base => 'b',
            Self::Head => 'h',
        }
    }

    pub(crate) fn of(self, pair: &ColumnPair) -> Option<&Column> {
        match self {
            Self::Base => pair.base.as_ref(),
            Self::Head => pair.head.as_ref(),
        }
    }
}

impl Comparison {
    pub fn side(&self, which: Which) -> &Side {
        match which {
            Which::Base => &self.base,
            Which::Head => &self.head,
        }
    }

    /// Every column of either side.
    pub fn pairs(&self) -> Vec<ColumnPair> {
        pair_columns(&self.base.columns, &self.head.columns)
    }

    /// Columns whose values are compared: on both sides, not of the key, not ignored.
    pub fn compared(&self) -> Vec<ColumnPair> {
        let keys: Vec<String> =
            self.key.iter().flat_map(|key| &key.columns).map(|name| name.to_lowercase()).collect();
        let mut pairs = self.pairs();
        pairs.retain(|pair| {
            let name = pair.name.to_lowercase();
            pair.both().is_some() && !keys.contains(&name) && !self.ignored.contains(&name)
        });
        pairs
    }

    /// The columns of the key, in its order. `None` without a key, or where a side lacks a column of
    /// it.
    pub(crate) fn key_pairs(&self) -> Option<Vec<ColumnPair>> {
        let pairs = self.pairs();
        let find = |name: &String| {
            let is = |pair: &&ColumnPair| pair.both().is_some();
            let exact = pairs.iter().filter(is).find(|pair| pair.name == *name);
            exact.or_else(|| {
                pairs.iter().filter(is).find(|pair| pair.name.eq_ignore_ascii_case(name))
            })
        };
        self.key.as_ref()?.columns.iter().map(|name| find(name).cloned()).collect()
    }

    pub(crate) fn is_masked(&self, column: &str) -> bool {
        self.masked.contains(&column.to_lowercase())
    }

    pub(crate) fn from(&self, side: &Side) -> String {
        let relation = side.relation.quoted(self.dialect);
        match &side.filter {
            // An alias, because PostgreSQL wants one.
            Some(filter) => format!("(SELECT * FROM {relation} WHERE {filter}) AS filtered"),
            None => relation,
        }
    }

    /// The value of a column as one that can be compared and grouped.
    pub(crate) fn value(&self, column: &Column) -> String {
        self.dialect.comparable(&self.dialect.quote(&column.name), &column.data_type)
    }

    /// The key's values of a side: as text where its type changed to something that does not compare.
    pub(crate) fn key_values(&self, which: Which, key: &[ColumnPair]) -> Vec<String> {
        let one = |pair: &ColumnPair| {
            let value = self.value(which.of(pair)?);
            Some(if self.as_text(pair) { self.dialect.text(&value) } else { value })
        };
        key.iter().filter_map(one).collect()
    }

    /// Every column of the key stands.
    pub(crate) fn whole(&self, which: Which, key: &[ColumnPair]) -> String {
        let names = key.iter().filter_map(|pair| which.of(pair));
        let each: Vec<String> = names
            .map(|column| format!("{} IS NOT NULL", self.dialect.quote(&column.name)))
            .collect();
        each.join(" AND ")
    }

    /// A condition on `b<at>` and `h<at>`: NULL equals NULL; numbers within a tolerance are equal.
    pub(crate) fn differs(&self, at: usize, pair: &ColumnPair) -> String {
        let (b, h) = (format!("b{at}"), format!("h{at}"));
        let Some((base, head)) = pair.kinds(self.dialect) else { return "false".to_owned() };
        if let Some(tolerance) = self.tolerances.of(pair, self.dialect) {
            // As doubles: the least integer has no absolute value of its own type.
            let double = |value: &str, kind: Kind| match kind {
                kind if kind.is_moment() => self.dialect.seconds(value),
                _ => self.dialect.double(value),
            };
            let allowed = tolerance.allows_sql(self.dialect, &double(&b, base), &double(&h, head));
            return format!("({b} IS DISTINCT FROM {h} AND NOT coalesce({allowed}, false))");
        }
        if self.as_text(pair) {
            let (b, h) = (self.dialect.text(&b), self.dialect.text(&h));
            return format!("({b} IS DISTINCT FROM {h})");
        }
        if self.overflows(pair) {
            let (b, h) =
                (decimal_text(self.dialect, &b, base), decimal_text(self.dialect, &h, head));
            return format!("({b} IS DISTINCT FROM {h})");
        }
        format!("({b} IS DISTINCT FROM {h})")
    }

    /// The value of a side in a column that holds those of both.
    pub(crate) fn common_value(&self, which: Which, pair: &ColumnPair) -> Option<String> {
        let column = which.of(pair)?;
        let value = self.value(column);
        Some(if self.as_text(pair) {
            self.dialect.text(&value)
        } else if self.overflows(pair) {
            decimal_text(self.dialect, &value, self.dialect.kind(&column.data_type))
        } else {
            value
        })
    }

    /// DuckDB compares two decimals as one that holds both, and there may be none.
    fn overflows(&self, pair: &ColumnPair) -> bool {
        let (Dialect::DuckDb, ColumnChange::Retyped) = (self.dialect, pair.change()) else {
            return false;
        };
        let digits = |column: &Column| match self.dialect.kind(&column.data_type) {
            Kind::Decimal { digits, scale } => {
                let (digits, scale) = (digits.unwrap_or(18), scale.unwrap_or(3));
                Some((digits.saturating_sub(scale), scale))
            }
            Kind::Integer => Some((integer_digits(&column.data_type), 0)),
            _ => None,
        };
        let Some((base, head)) = pair.both() else { return false };
        let (Some(base), Some(head)) = (digits(base), digits(head)) else { return false };
        let scale = base.1.max(head.1);
        scale > 0 && base.0.max(head.0) + scale > 38
    }

    /// A retyped column is compared as numbers or moments where both are, else as text.
    pub(crate) fn as_text(&self, pair: &ColumnPair) -> bool {
        let Some((base, head)) = pair.kinds(self.dialect) else { return false };
        pair.change() == ColumnChange::Retyped
            && !(base.is_numeric() && head.is_numeric())
            && !(base.is_moment() && head.is_moment())
            && !(base == Kind::Text && head == Kind::Text)
    }

    /// The columns' values of a side as the engine hashes them: equal hashes on equal values of
    /// both sides. `None` where a column's type changed so that they would not be.
    pub(crate) fn hashable(&self, which: Which, pairs: &[ColumnPair]) -> Option<Vec<String>> {
        pairs.iter().map(|pair| self.hashable_value(which, pair)).collect()
    }

    fn hashable_value(&self, which: Which, pair: &ColumnPair) -> Option<String> {
        let value = self.value(which.of(pair)?);
        if pair.change() == ColumnChange::Same {
            return Some(value);
        }
        let unsigned = |column: &Column| column.data_type.to_uppercase().starts_with("UHUGE");
        match pair.kinds(self.dialect)? {
            (Kind::Integer, Kind::Integer) => match self.dialect {
                Dialect::DuckDb => {
                    let (base, head) = pair.both()?;
                    (!unsigned(base) && !unsigned(head))
                        .then(|| format!("CAST({value} AS HUGEINT)"))
                }
                Dialect::Postgres => Some(format!("CAST({value} AS BIGINT)")),
                Dialect::Snowflake => Some(value),
            },
            (Kind::Text, Kind::Text) => Some(self.dialect.text(&value)),
            _ => None,
        }
    }

    /// `CAST(expression AS text)`, or a mask where `column` must not be shown.
    pub(crate) fn masked_text(&self, expression: &str, column: &str) -> String {
        if self.is_masked(column) { masked(expression) } else { self.dialect.text(expression) }
    }
}

fn integer_digits(data_type: &str) -> u16 {
    match data_type.to_uppercase().as_str() {
        "TINYINT" | "UTINYINT" => 3,
        "SMALLINT" | "USMALLINT" => 5,
        "INTEGER" | "UINTEGER" => 10,
        "BIGINT" => 19,
        "UBIGINT" => 20,
        _ => 39,
    }
}

pub(crate) fn masked(expression: &str) -> String {
    format!("CASE WHEN {expression} IS NULL THEN NULL ELSE '{MASK}' END")
}
