//! From blocks to terms.
//!
//! A block is sealed in an environment that gives its sources names by content: a table is called
//! as it is, however it was aliased; of several sources of one content each is called by what the
//! predicates say of it, and where they say the same, by its place. Any names would do, as long as
//! they tell the sources apart: equal terms then are equal up to the names.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::block::{
    Block, Blocks, Definition, Limit, Predicate, ScopeId, SourceId, UnitId, UnitKind,
};
use super::term::{Op, Term, Terms};
use super::{Content, Output};
use crate::Dialect;
use crate::plan::{Call, Col, Query, SortKey, WindowCall};
use crate::tables::Tables;

pub(super) type EnvId = usize;

#[derive(Debug)]
pub(super) struct Env<'a> {
    pub(super) parent: Option<EnvId>,
    pub(super) block: Rc<Block<'a>>,
    pub(super) labels: HashMap<SourceId, Label>,
    /// What the names of the sources are made of.
    pub(super) leaves: BTreeSet<Term>,
    pub(super) units: HashMap<UnitId, (EnvId, Term)>,
    pub(super) inner: HashMap<SourceId, Inner>,
    memo: HashMap<Col, Term>,
    rows: Option<Term>,
}

/// What a source is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) term: Term,
    /// Its values need no name: no other source could be meant.
    pub(super) is_clear: bool,
}

/// What was found inside a source.
#[derive(Debug, Clone)]
pub(super) enum Inner {
    Group {
        env: EnvId,
        rows: Term,
        keys: Vec<Term>,
        sets: Term,
    },
    /// For each column its term.
    Columns(Vec<Term>),
}

#[derive(Debug)]
pub(super) struct Sealer<'a, 't> {
    pub(super) terms: &'t mut Terms,
    pub(super) blocks: Blocks<'a>,
    pub(super) dialect: Dialect,
    pub(super) envs: Vec<Env<'a>>,
    pub(super) recursive: Vec<&'a str>,
    /// Calls that give another value each time, by where they stand.
    pub(super) volatile: HashMap<*const Call, usize>,
    /// Tells the calls of one query from those of the other, where they cannot be matched.
    pub(super) side: &'t str,
    snapshots: HashMap<(*const Block<'a>, Option<EnvId>), EnvId>,
    root: Rc<Block<'a>>,
}

impl<'a, 't> Sealer<'a, 't> {
    pub(super) fn new(
        query: &'a Query,
        dialect: Dialect,
        tables: &'a Tables,
        terms: &'t mut Terms,
        side: &'t str,
    ) -> Self {
        let (blocks, root) = Blocks::of(query, dialect, tables);
        Self {
            terms,
            blocks,
            dialect,
            envs: Vec::new(),
            recursive: Vec::new(),
            volatile: HashMap::new(),
            side,
            snapshots: HashMap::new(),
            root,
        }
    }

    pub(super) fn content(mut self, query: &'a Query) -> Content {
        let root = Rc::clone(&self.root);
        let order = root.order.unwrap_or_default();
        let env = self.open(root, None);
        let rows = self.rows(env);
        let outputs = query
            .outputs
            .iter()
            .map(|output| Output {
                name: output.name.clone(),
                value: self.column(env, output.col),
                data_type: output.data_type.clone(),
            })
            .collect();
        let order = self.order(env, order);
        Content { rows, outputs, order, is_complete: query.is_complete }
    }

    /// An environment for a block, its sources named.
    pub(super) fn open(&mut self, block: Rc<Block<'a>>, parent: Option<EnvId>) -> EnvId {
        let env = self.bare(block, parent);
        self.name_sources(env);
        env
    }

    pub(super) fn bare(&mut self, block: Rc<Block<'a>>, parent: Option<EnvId>) -> EnvId {
        self.envs.push(Env {
            parent,
            block,
            labels: HashMap::new(),
            leaves: BTreeSet::new(),
            units: HashMap::new(),
            inner: HashMap::new(),
            memo: HashMap::new(),
            rows: None,
        });
        self.envs.len() - 1
    }

    pub(super) fn block(&self, env: EnvId) -> Rc<Block<'a>> {
        Rc::clone(&self.envs[env].block)
    }

    /// Forgets what columns are: names have changed.
    pub(super) fn forget_columns(&mut self, env: EnvId) {
        self.envs[env].memo.clear();
    }

    /// What decides which rows the block has.
    pub(super) fn rows(&mut self, env: EnvId) -> Term {
        if let Some(rows) = self.envs[env].rows {
            return rows;
        }
        let rows = self.rows_where(env, Vec::new());
        self.envs[env].rows = Some(rows);
        rows
    }

    /// What decides which rows the block has for which these conditions are true as well.
    pub(super) fn rows_where(&mut self, env: EnvId, conditions: Vec<Term>) -> Term {
        let block = self.block(env);
        let mut sources = Vec::new();
        for source in &block.sources {
            let label = self.envs[env].labels[source];
            // One row more or less in a product changes nothing.
            if self.terms.op(label.term) != Op::One {
                sources.push(label.term);
            }
        }
        let mut units = Vec::new();
        for unit in &block.units {
            // At most one row for each: it takes none and adds none.
            if !self.blocks.is_lookup(*unit) {
                units.push(self.unit(env, *unit).1);
            }
        }
        let predicates = self.predicates(env, &block.predicates, conditions);
        if let ([one], true, true) = (sources.as_slice(), units.is_empty(), predicates.is_empty()) {
            return *one;
        }
        let sources = self.terms.bag(sources);
        let units = self.terms.bag(units);
        let predicates = self.terms.set(predicates);
        self.terms.make(Op::Block, "", vec![sources, units, predicates])
    }

    /// All that must be true, in one form.
    pub(super) fn predicates(
        &mut self,
        env: EnvId,
        predicates: &[Predicate<'a>],
        further: Vec<Term>,
    ) -> Vec<Term> {
        let mut parts = further;
        for predicate in predicates {
            parts.push(self.predicate(env, predicate));
        }
        let all = self.terms.and(parts);
        let parts = self.terms.conjuncts(all);
        let parts: Vec<Term> = parts
            .into_iter()
            .map(|part| match self.terms.node(part) {
                node if node.op == Op::Call && node.text == "is true" => node.args[0],
                _ => part,
            })
            .collect();
        let parts = self.terms.without_implied(parts);
        parts.into_iter().filter(|part| !self.terms.is_true(*part)).collect()
    }

    fn predicate(&mut self, env: EnvId, predicate: &Predicate<'a>) -> Term {
        match predicate {
            Predicate::Is(expr) => self.condition(env, expr),
            Predicate::Expands(expr) => {
                let value = self.expr(env, expr);
                self.terms.make(Op::Call, "expand", vec![value])
            }
            Predicate::Exists { unit, negated } => {
                let (inner, _) = self.unit(env, *unit);
                let rows = self.rows(inner);
                let exists = self.terms.make(Op::Exists, "", vec![rows]);
                if *negated { self.terms.not(exists, true) } else { exists }
            }
            Predicate::Limited { before, limit } => self.limited(env, before, *limit),
            Predicate::First { before, on, order } => {
                let inner = self.snapshot(env, before);
                let rows = self.rows(inner);
                let partition = self.exprs(inner, on);
                let partition = self.terms.set(partition);
                let order = self.order(inner, order);
                let order = self.kept_order(order, partition);
                let number = self.window_term(inner, "row_number", rows, partition, order);
                let number = self.of_row(env, inner, number);
                let one = self.terms.literal("1");
                self.terms.equal(number, one)
            }
            Predicate::Sampled { before, how } => {
                let inner = self.snapshot(env, before);
                let rows = self.rows(inner);
                let sampled = self.terms.make(Op::Sampled, *how, vec![rows]);
                self.of_row(env, inner, sampled)
            }
        }
    }

    fn limited(&mut self, env: EnvId, before: &Rc<Block<'a>>, limit: Limit<'a>) -> Term {
        let inner = self.snapshot(env, before);
        let written =
            if limit.order.is_empty() { before.order.unwrap_or_default() } else { limit.order };
        let rows = self.rows(inner);
        let order = self.order(inner, written);
        let order = self.terms.list(order);
        let nothing = self.terms.nothing();
        let count = limit.count.map_or(nothing, |count| self.expr(inner, count));
        let offset = limit.offset.map_or(nothing, |offset| self.expr(inner, offset));
        let zero = self.terms.literal("0");
        let offset = if offset == zero { nothing } else { offset };
        let ties = if limit.with_ties { "with ties" } else { "" };
        let limited = self.terms.make(Op::Limited, ties, vec![rows, order, count, offset]);
        self.of_row(env, inner, limited)
    }

    /// The environment of a block as it was further in.
    pub(super) fn snapshot(&mut self, env: EnvId, before: &Rc<Block<'a>>) -> EnvId {
        let parent = self.envs[env].parent;
        let key = (Rc::as_ptr(before), parent);
        if let Some(known) = self.snapshots.get(&key) {
            return *known;
        }
        let inner = self.open(Rc::clone(before), parent);
        self.snapshots.insert(key, inner);
        inner
    }

    /// A value of a row as it was further in: of which row, where names have changed since.
    pub(super) fn of_row(&mut self, env: EnvId, inner: EnvId, value: Term) -> Term {
        let block = self.block(inner);
        let mut renamed = Vec::new();
        for source in &block.sources {
            let then = self.envs[inner].labels.get(source).copied();
            let now = self.envs[env].labels.get(source).copied();
            if let (Some(then), Some(now)) = (then, now)
                && then.term != now.term
            {
                renamed.push(self.terms.list(vec![then.term, now.term]));
            }
        }
        if renamed.is_empty() {
            return value;
        }
        let renamed = self.terms.set(renamed);
        self.terms.make(Op::Call, "of row", vec![value, renamed])
    }

    /// A unit's environment and its name.
    pub(super) fn unit(&mut self, env: EnvId, unit: UnitId) -> (EnvId, Term) {
        if let Some(known) = self.envs[env].units.get(&unit) {
            return *known;
        }
        let block = Rc::clone(&self.blocks.units[unit].block);
        let kind = self.blocks.units[unit].kind;
        let inner = self.open(block, Some(env));
        let rows = self.rows(inner);
        let name = match kind {
            UnitKind::Left | UnitKind::Half => self.terms.make(Op::Left, "", vec![rows]),
            UnitKind::Lateral { keeps_empty } => {
                let text = if keeps_empty { "left" } else { "" };
                self.terms.make(Op::Lateral, text, vec![rows])
            }
            UnitKind::Side => self.terms.make(Op::Side, "", vec![rows]),
        };
        let same = self.envs[env]
            .units
            .iter()
            .filter(|(_, (_, known))| {
                *known == name
                    || self.terms.op(*known) == Op::Instance && self.terms.args(*known)[0] == name
            })
            .count();
        let name = if same == 0 {
            name
        } else {
            let place = self.terms.literal(format!("#{same}"));
            self.terms.make(Op::Instance, "", vec![name, place])
        };
        self.envs[env].units.insert(unit, (inner, name));
        (inner, name)
    }

    /// What a column is, seen from `env`.
    pub(super) fn column(&mut self, env: EnvId, col: Col) -> Term {
        if let Some(known) = self.envs[env].memo.get(&col) {
            return *known;
        }
        let term = self.find_column(env, col);
        self.envs[env].memo.insert(col, term);
        term
    }

    fn find_column(&mut self, env: EnvId, col: Col) -> Term {
        let (mut at, mut out) = (Some(env), 0);
        while let Some(here) = at {
            if let Some((unit, definition)) = self.seen(here, col) {
                let mut term = match unit {
                    Some(unit) => {
                        let (inner, name) = self.unit(here, unit);
                        let value = self.column(inner, col);
                        self.terms.optional(name, value)
                    }
                    None => self.definition(here, &definition),
                };
                for _ in 0..out {
                    term = self.terms.make(Op::Outer, "", vec![term]);
                }
                return term;
            }
            (at, out) = (self.envs[here].parent, out + 1);
        }
        // A plan whose column nobody makes: it is equal to nothing but itself.
        self.terms.make(Op::Opaque, format!("column {}", col.0), Vec::new())
    }

    /// The definition of a column, or the unit to look for it in.
    fn seen(&self, env: EnvId, col: Col) -> Option<(Option<UnitId>, Definition<'a>)> {
        let block = &self.envs[env].block;
        let here = self.resolved(block.scope);
        for (made, definition) in self.blocks.columns.get(&col)? {
            let path = self.blocks.path(*made);
            let Some(end) = path.iter().position(|(scope, _)| *scope == here) else { continue };
            let unit = path[..=end]
                .iter()
                .rev()
                .filter_map(|(_, unit)| *unit)
                .find(|unit| !block.dissolved.contains(unit));
            return Some((unit, definition.clone()));
        }
        None
    }

    fn resolved(&self, scope: ScopeId) -> ScopeId {
        self.blocks.path(scope).first().map_or(scope, |(scope, _)| *scope)
    }

    fn definition(&mut self, env: EnvId, definition: &Definition<'a>) -> Term {
        match definition {
            Definition::Column(source, name) => {
                let label = self.envs[env].labels.get(source).map(|label| label.term);
                self.terms.make(Op::Column, *name, label.into_iter().collect())
            }
            Definition::Rest(source) => {
                let label = self.envs[env].labels.get(source).map(|label| label.term);
                self.terms.make(Op::Column, "*", label.into_iter().collect())
            }
            Definition::Expr(expr) => self.expr(env, expr),
            Definition::Window { call, before } => self.window(env, call, before),
            Definition::Key(source, index) => {
                let inner = self.envs[env].inner.get(source).cloned();
                let Some(Inner::Group { keys, sets, rows, .. }) = inner else {
                    return self.terms.nothing();
                };
                let mut value = keys[*index];
                if self.terms.op(sets) != Op::Nothing {
                    value = self.terms.make(Op::SetsKey, "", vec![value, sets, rows]);
                }
                self.member(env, *source, value)
            }
            Definition::Measure(source, call) => {
                let inner = self.envs[env].inner.get(source).cloned();
                let Some(Inner::Group { env: inside, keys, sets, rows }) = inner else {
                    return self.terms.nothing();
                };
                let value = self.measure(inside, call, rows, &keys, sets);
                self.member(env, *source, value)
            }
            Definition::Branches(source, index) => {
                let inner = self.envs[env].inner.get(source).cloned();
                if let Some(Inner::Columns(columns)) = inner {
                    self.member(env, *source, columns[*index])
                } else {
                    let label = self.envs[env].labels.get(source).map(|label| label.term);
                    self.terms.make(Op::Column, index.to_string(), label.into_iter().collect())
                }
            }
        }
    }

    /// A value that was found inside a source, seen from outside.
    fn member(&mut self, env: EnvId, source: SourceId, value: Term) -> Term {
        let Some(label) = self.envs[env].labels.get(&source).copied() else { return value };
        if self.terms.op(value) == Op::Literal
            || label.is_clear && self.terms.node(value).reach == 0
        {
            return value;
        }
        self.terms.make(Op::Member, "", vec![label.term, value])
    }

    fn window(&mut self, env: EnvId, call: &'a WindowCall, before: &Rc<Block<'a>>) -> Term {
        let inner = self.snapshot(env, before);
        let name = self.name_of(&call.call);
        let partition = self.exprs(inner, &call.partition);
        let mut partition: Vec<Term> =
            partition.into_iter().filter(|key| !self.terms.is_constant(*key)).collect();
        partition.sort_unstable();
        partition.dedup();
        let partition = self.terms.list(partition);
        let order = self.order(inner, &call.order);
        let order = self.kept_order(order, partition);
        let rows = self.rows_in_order(inner, order.is_empty() && super::names::needs_order(&name));
        let (name, mut arguments, mut options) = self.aggregate_parts(inner, &call.call);
        if matches!(name.as_str(), "lag" | "lead") && arguments.len() == 1 {
            arguments.push(self.terms.literal("1"));
        }
        if let Some(frame) = self.frame(&name, call.frame.as_deref(), !order.is_empty()) {
            options.push(self.terms.literal(frame));
        }
        let order = self.terms.list(order);
        let arguments = self.terms.list(arguments);
        let options = self.terms.list(options);
        let args = vec![rows, arguments, partition, order, options];
        let value = self.terms.make(Op::Window, name, args);
        self.of_row(env, inner, value)
    }

    fn window_term(
        &mut self,
        inner: EnvId,
        name: &str,
        rows: Term,
        partition: Term,
        order: Vec<Term>,
    ) -> Term {
        let rows = if order.is_empty() { self.rows_in_order(inner, true) } else { rows };
        let order = self.terms.list(order);
        let none = self.terms.list(Vec::new());
        self.terms.make(Op::Window, name, vec![rows, none, partition, order, none])
    }

    /// The rows of a block, with their order if something can see it.
    pub(super) fn rows_in_order(&mut self, env: EnvId, shows: bool) -> Term {
        let rows = self.rows(env);
        let written: Option<&'a [SortKey]> = self.envs[env].block.order;
        match written {
            Some(order) if shows && !order.is_empty() => {
                let order = self.order(env, order);
                let order = self.terms.list(order);
                self.terms.make(Op::Sorted, "", vec![rows, order])
            }
            _ => rows,
        }
    }

    /// An order without what is the same throughout a partition.
    fn kept_order(&self, order: Vec<Term>, partition: Term) -> Vec<Term> {
        let same = self.terms.args(partition);
        order.into_iter().filter(|key| !same.contains(&self.terms.args(*key)[0])).collect()
    }

    pub(super) fn order(&mut self, env: EnvId, order: &'a [SortKey]) -> Vec<Term> {
        let mut keys: Vec<Term> = Vec::new();
        for key in order {
            let value = self.expr(env, &key.expr);
            let is_repeated = keys.iter().any(|key| self.terms.args(*key)[0] == value);
            if self.terms.is_constant(value) || is_repeated {
                continue;
            }
            let nulls = key.nulls_first.or(super::names::nulls_first(key.descending, self.dialect));
            let nulls = match nulls {
                Some(true) => " nulls first",
                Some(false) => " nulls last",
                None => "",
            };
            let text = format!("{}{nulls}", if key.descending { "desc" } else { "asc" });
            keys.push(self.terms.make(Op::SortKey, text, vec![value]));
        }
        keys
    }
}
