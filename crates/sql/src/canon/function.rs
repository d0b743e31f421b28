//! Calls of functions, aggregates and windows as terms.

use super::block::{Source, SourceId};
use super::names;
use super::seal::{EnvId, Sealer};
use super::term::{Op, Term};
use crate::Dialect;
use crate::plan::Call;

impl<'a> Sealer<'a, '_> {
    pub(super) fn name_of(&self, call: &Call) -> String {
        names::function(&call.name, call.arguments.len(), self.dialect).to_owned()
    }

    pub(super) fn column_type(&self, source: SourceId, name: &str) -> Option<String> {
        let Source::Scan(scan) = &self.blocks.sources[source] else { return None };
        let (_, table) = self.blocks.tables.find(&scan.table)?;
        let (_, data_type) = table.columns.iter().find(|(known, _)| known == name)?;
        data_type.as_ref().map(|data_type| names::data_type(data_type, self.dialect))
    }

    pub(super) fn function(&mut self, env: EnvId, call: &'a Call) -> Term {
        let name = self.name_of(call);
        let mut args = self.exprs(env, &call.arguments);
        if names::is_volatile(&name) {
            let next = self.volatile.len();
            let place = *self.volatile.entry(&raw const *call).or_insert(next);
            args.push(self.terms.literal(format!("#{place}{}", self.side)));
            return self.terms.call(&name, args);
        }
        let is_plain = !call.distinct
            && call.order.is_empty()
            && call.filter.is_none()
            && call.options.is_empty();
        if !is_plain {
            let (name, args, options) = self.aggregate_parts(env, call);
            let args = self.terms.list(args);
            let options = self.terms.list(options);
            return self.terms.make(Op::Call, format!("{name} of"), vec![args, options]);
        }
        if names::takes_date_part(&name)
            && let Some(first) = args.first_mut()
        {
            let node = self.terms.node(*first);
            if node.op == Op::Literal {
                let text = node.text.to_lowercase();
                *first = self.terms.literal(text);
            }
        }
        self.special(&name, &args).unwrap_or_else(|| self.terms.call(&name, args))
    }

    /// Functions that are other spellings of something else.
    fn special(&mut self, name: &str, args: &[Term]) -> Option<Term> {
        use Dialect::{BigQuery, Databricks, DuckDb, Redshift, Snowflake};
        let dialect = self.dialect;
        Some(match (name, args) {
            ("coalesce", [_, ..]) => self.terms.coalesce(args.to_vec()),
            ("iff" | "if", [when, then, otherwise]) => {
                self.terms.case(vec![(*when, *then)], Some(*otherwise))
            }
            ("if" | "iff", [when, then]) => self.terms.case(vec![(*when, *then)], None),
            ("nullif", [a, b]) => {
                let equal = self.terms.equal(*a, *b);
                let null = self.terms.literal("null");
                self.terms.case(vec![(equal, null)], Some(*a))
            }
            ("nvl2", [a, b, c]) => {
                let is_null = self.terms.is_null(*a);
                self.terms.case(vec![(is_null, *c)], Some(*b))
            }
            ("zeroifnull", [a]) => {
                let zero = self.terms.literal("0");
                self.terms.coalesce(vec![*a, zero])
            }
            ("nullifzero", [a]) => {
                let zero = self.terms.literal("0");
                let equal = self.terms.equal(*a, zero);
                let null = self.terms.literal("null");
                self.terms.case(vec![(equal, null)], Some(*a))
            }
            ("equal_null", [a, b]) => {
                let distinct = self.terms.call("is distinct from", vec![*a, *b]);
                self.terms.not(distinct, true)
            }
            ("date" | "to_date", [a]) if matches!(dialect, Snowflake) => {
                self.terms.cast(*a, "date", false)
            }
            ("date", [a]) if matches!(dialect, Databricks | Redshift) => {
                self.terms.cast(*a, "date", false)
            }
            ("date", [a]) if dialect == BigQuery => self.terms.cast(*a, "date", false),
            ("to_varchar" | "to_char", [a]) if dialect == Snowflake => {
                self.terms.cast(*a, "varchar", false)
            }
            ("to_double", [a]) if dialect == Snowflake => self.terms.cast(*a, "double", false),
            ("left", [a, n]) if matches!(dialect, DuckDb | Snowflake | BigQuery | Databricks) => {
                // A negative count means something else.
                self.terms.node(*n).text.parse::<u32>().ok()?;
                let one = self.terms.literal("1");
                self.terms.call("substring", vec![*a, one, *n])
            }
            ("year" | "quarter" | "month" | "day" | "hour" | "minute", [a])
                if matches!(dialect, DuckDb | Snowflake | Databricks) =>
            {
                let part = self.terms.literal(format!("'{name}'"));
                self.terms.call("date_part", vec![part, *a])
            }
            ("is_null" | "isnull", [a]) if dialect == Databricks => self.terms.is_null(*a),
            ("array_construct", _) if dialect == Snowflake => {
                self.terms.call("array", args.to_vec())
            }
            ("list_value" | "array_value", _) if dialect == DuckDb => {
                self.terms.call("array", args.to_vec())
            }
            _ => return None,
        })
    }

    pub(super) fn compound(&mut self, what: &str, parts: Vec<Term>) -> Term {
        if let Some(field) = what.strip_prefix("extract ")
            && !matches!(self.dialect, Dialect::Postgres | Dialect::Redshift | Dialect::Generic)
            && let [value] = parts.as_slice()
        {
            let part = self.terms.literal(format!("'{field}'"));
            return self.terms.call("date_part", vec![part, *value]);
        }
        self.terms.call(what, parts)
    }

    /// Name, arguments, and the rest, with FILTER as CASE and without what does not show.
    pub(super) fn aggregate_parts(
        &mut self,
        env: EnvId,
        call: &'a Call,
    ) -> (String, Vec<Term>, Vec<Term>) {
        let mut name = self.name_of(call);
        let mut facts = names::aggregate(&name);
        let mut args = self.exprs(env, &call.arguments);
        let null = self.terms.literal("null");
        if name == "count_if" && args.len() == 1 && !call.distinct {
            let one = self.terms.literal("1");
            args = vec![self.terms.case(vec![(args[0], one)], None)];
            "count".clone_into(&mut name);
            facts = names::aggregate("count");
        }
        if name == "count" && !call.distinct && args.len() == 1 {
            args = self.counted(args[0]);
        }
        let mut options: Vec<Term> =
            call.options.iter().map(|option| self.terms.literal(option.as_str())).collect();
        if let Some(filter) = &call.filter {
            let when = self.condition(env, filter);
            if facts.ignores_nulls && args.len() <= 1 && call.options.is_empty() {
                let one = self.terms.literal("1");
                let value = args.first().copied().unwrap_or(one);
                args = vec![self.terms.case(vec![(when, value)], Some(null))];
                if name == "count" && !call.distinct {
                    args = self.counted(args[0]);
                }
            } else {
                options.push(self.terms.make(Op::Call, "filter", vec![when]));
            }
        }
        if call.distinct && !facts.ignores_duplicates {
            name.push_str(" distinct");
        }
        if !facts.ignores_order && !call.order.is_empty() {
            let order = self.order(env, &call.order);
            let order = self.terms.list(order);
            options.push(order);
        }
        (name, args, options)
    }

    /// What `count` counts: nothing in particular, where it is never NULL.
    fn counted(&mut self, value: Term) -> Vec<Term> {
        if self.terms.is_value_literal(value) {
            return Vec::new();
        }
        let node = self.terms.node(value).clone();
        if node.op == Op::Case
            && let [when, then, otherwise] = node.args.as_slice()
            && self.terms.is_value_literal(*then)
            && self.terms.is_null_literal(*otherwise)
        {
            let one = self.terms.literal("1");
            return vec![self.terms.case(vec![(*when, one)], None)];
        }
        vec![value]
    }

    /// An aggregate over the rows of a block, one value for each combination of the keys.
    pub(super) fn measure(
        &mut self,
        env: EnvId,
        call: &'a Call,
        rows: Term,
        keys: &[Term],
        sets: Term,
    ) -> Term {
        let name = self.name_of(call);
        let sees_order = !names::aggregate(&name).ignores_order && call.order.is_empty();
        let rows = if sees_order { self.rows_in_order(env, true) } else { rows };
        let (name, args, options) = self.aggregate_parts(env, call);
        let keys = if keys.is_empty() { self.terms.list(Vec::new()) } else { self.grain(keys) };
        let args = self.terms.list(args);
        let options = self.terms.list(options);
        self.terms.make(Op::Measure, name, vec![rows, keys, sets, args, options])
    }

    /// The frame of a window, if it is not the usual one; that depends on whether there is an order.
    pub(super) fn frame(&self, name: &str, frame: Option<&str>, has_order: bool) -> Option<String> {
        if names::ignores_frame(name) {
            return None;
        }
        let frame = frame?.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        let frame = match frame.as_str() {
            "range unbounded preceding" => "range between unbounded preceding and current row",
            "rows unbounded preceding" => "rows between unbounded preceding and current row",
            other => other,
        };
        let is_whole = frame == "rows between unbounded preceding and unbounded following"
            || frame == "range between unbounded preceding and unbounded following";
        let is_running = frame == "range between unbounded preceding and current row";
        // There these look at the whole partition, even with an order.
        let looks_at_all = self.dialect == Dialect::Snowflake
            && matches!(name, "first_value" | "last_value" | "nth_value");
        let is_usual = match (has_order, looks_at_all) {
            // Without an order all rows are peers of the current one.
            (false, _) => is_whole || is_running,
            (true, true) => is_whole,
            (true, false) => is_running,
        };
        (!is_usual).then(|| frame.to_owned())
    }
}
