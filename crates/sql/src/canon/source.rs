//! The sources of a block: what each is by content, and what it is called.

use std::collections::{BTreeMap, BTreeSet};

use super::block::{BranchColumn, Key, SetBranch, Source, SourceId};
use super::seal::{EnvId, Inner, Label, Sealer};
use super::term::{Op, Term};
use crate::plan::SetKind;

impl<'a> Sealer<'a, '_> {
    pub(super) fn name_sources(&mut self, env: EnvId) {
        let sources = self.block(env).sources.clone();
        let is_function = |sealer: &Self, id: SourceId| {
            matches!(sealer.blocks.sources[id], Source::Function { .. })
        };
        // A table function may read the sources before it.
        let (functions, others): (Vec<_>, Vec<_>) =
            sources.iter().partition(|source| is_function(self, **source));
        let mut by_origin: BTreeMap<Term, Vec<SourceId>> = BTreeMap::new();
        for source in others {
            let origin = self.origin(env, source);
            by_origin.entry(origin).or_default().push(source);
        }
        let mut seen: BTreeSet<Term> = BTreeSet::new();
        for (origin, sources) in &by_origin {
            if let [one] = sources.as_slice() {
                let label = Label { term: *origin, is_clear: false };
                self.envs[env].labels.insert(*one, label);
                if self.terms.op(*origin) == Op::Table {
                    seen.insert(*origin);
                }
            }
        }
        // Tables keep their names; what was found in other sources may be called as it is there,
        // unless that could be mistaken for something else.
        let mut leaves: BTreeMap<SourceId, BTreeSet<Term>> = BTreeMap::new();
        for (origin, sources) in &by_origin {
            if let [one] = sources.as_slice()
                && self.terms.op(*origin) != Op::Table
            {
                leaves.insert(*one, self.leaves(env, *one, *origin));
            }
        }
        for (source, own) in &leaves {
            let others = leaves.iter().filter(|(other, _)| *other != source);
            let is_clear =
                own.is_disjoint(&seen) && others.clone().all(|(_, others)| own.is_disjoint(others));
            if let Some(label) = self.envs[env].labels.get_mut(source) {
                label.is_clear = is_clear;
            }
        }
        for (origin, sources) in by_origin {
            if self.terms.op(origin) == Op::One {
                for source in sources {
                    let label = Label { term: origin, is_clear: true };
                    self.envs[env].labels.insert(source, label);
                }
            } else if sources.len() > 1 {
                self.tell_apart(env, origin, &sources);
            }
        }
        for source in functions {
            let origin = self.origin(env, source);
            let same = self.envs[env].labels.values().filter(|label| {
                label.term == origin
                    || self.terms.op(label.term) == Op::Instance
                        && self.terms.args(label.term)[0] == origin
            });
            let place = same.count();
            let term = if place == 0 {
                origin
            } else {
                let place = self.terms.literal(format!("#{place}"));
                self.terms.make(Op::Instance, "", vec![origin, place])
            };
            self.envs[env].labels.insert(source, Label { term, is_clear: false });
        }
        let mut all = seen;
        for source in &sources {
            let Some(label) = self.envs[env].labels.get(source).copied() else { continue };
            match leaves.get(source) {
                Some(own) if label.is_clear => all.extend(own),
                _ => {
                    all.insert(label.term);
                }
            }
        }
        self.envs[env].leaves = all;
    }

    fn leaves(&self, env: EnvId, source: SourceId, origin: Term) -> BTreeSet<Term> {
        match self.envs[env].inner.get(&source) {
            Some(Inner::Group { env, .. }) => self.envs[*env].leaves.clone(),
            _ => BTreeSet::from([origin]),
        }
    }

    /// Names for several sources of one content: what the predicates say of each, else its place.
    fn tell_apart(&mut self, env: EnvId, origin: Term, sources: &[SourceId]) {
        let block = self.block(env);
        let me = self.terms.make(Op::Me, "", vec![origin]);
        let mut colours = vec![origin; sources.len()];
        for _ in 0..2 {
            let mut next = Vec::new();
            for (place, source) in sources.iter().enumerate() {
                let looked_at = self.bare(block.clone(), self.envs[env].parent);
                let labels = self.envs[env].labels.clone();
                self.envs[looked_at].labels = labels;
                let inner = self.envs[env].inner.clone();
                self.envs[looked_at].inner = inner;
                for other in &block.sources {
                    let unnamed = Label { term: origin, is_clear: false };
                    self.envs[looked_at].labels.entry(*other).or_insert(unnamed);
                }
                for (other, colour) in sources.iter().zip(&colours) {
                    let colour = self.terms.make(Op::Instance, "", vec![origin, *colour]);
                    let label = Label { term: colour, is_clear: false };
                    self.envs[looked_at].labels.insert(*other, label);
                }
                self.envs[looked_at].labels.insert(*source, Label { term: me, is_clear: false });
                let said = self.predicates(looked_at, &block.predicates, Vec::new());
                let said: Vec<Term> =
                    said.into_iter().filter(|one| self.terms.contains(*one, me)).collect();
                let said = self.terms.set(said);
                next.push(self.terms.list(vec![colours[place], said]));
            }
            colours = next;
        }
        for (place, source) in sources.iter().enumerate() {
            let same = colours[..place].iter().filter(|one| **one == colours[place]).count();
            let mut args = vec![origin, colours[place]];
            if same > 0 {
                args.push(self.terms.literal(format!("#{same}")));
            }
            let term = self.terms.make(Op::Instance, "", args);
            self.envs[env].labels.insert(*source, Label { term, is_clear: false });
        }
    }

    /// What a source is, by content.
    fn origin(&mut self, env: EnvId, id: SourceId) -> Term {
        match &self.blocks.sources[id] {
            Source::Scan(scan) => {
                let version = scan.version.as_ref().map(|version| format!(" {version}"));
                let text = format!("{}{}", scan.table, version.unwrap_or_default());
                self.terms.make(Op::Table, text, Vec::new())
            }
            Source::Group { block, keys, sets, is_distinct } => {
                let (block, keys, sets) = (block.clone(), keys.clone(), *sets);
                let is_distinct = *is_distinct;
                let inside = self.open(block, Some(env));
                let rows = self.rows(inside);
                let mut values = Vec::new();
                for (_, key) in &keys {
                    values.push(match key {
                        Key::Expr(expr) => self.expr(inside, expr),
                        Key::Col(col) => self.column(inside, *col),
                    });
                }
                let sets = match sets {
                    None => self.terms.nothing(),
                    Some(sets) => {
                        let mut all = Vec::new();
                        for set in sets {
                            let set = set.iter().filter_map(|place| values.get(*place).copied());
                            all.push(self.terms.set(set.collect()));
                        }
                        self.terms.bag(all)
                    }
                };
                let found = Inner::Group { env: inside, rows, keys: values.clone(), sets };
                self.envs[env].inner.insert(id, found);
                if values.is_empty() && self.terms.op(sets) == Op::Nothing && !is_distinct {
                    return self.terms.make(Op::One, "", Vec::new());
                }
                let keys = self.grain(&values);
                let group = self.terms.make(Op::Group, "", vec![rows, keys, sets]);
                if is_distinct {
                    self.terms.note_distinct(group);
                }
                group
            }
            Source::Set { .. } => self.set_origin(env, id),
            Source::Full { sides, on, is_as_of } => {
                let (sides, on, is_as_of) = (*sides, *on, *is_as_of);
                let names = sides.map(|side| self.unit(env, side).1);
                let on: Vec<Term> = on.iter().map(|expr| self.expr(env, expr)).collect();
                let on = self.terms.and(on);
                let mut both = names.to_vec();
                if !is_as_of {
                    both.sort_unstable();
                }
                both.push(on);
                let text = if is_as_of { "asof" } else { "" };
                let origin = self.terms.make(Op::Full, text, both);
                self.forget_columns(env);
                for (side, name) in sides.into_iter().zip(names) {
                    let name = self.terms.make(Op::Instance, "", vec![origin, name]);
                    if let Some(known) = self.envs[env].units.get_mut(&side) {
                        known.1 = name;
                    }
                }
                origin
            }
            Source::Function { name, arguments } => {
                let (name, arguments) = (*name, *arguments);
                let arguments = self.exprs(env, arguments);
                self.terms.make(Op::Function, name, arguments)
            }
            Source::Recursive { .. } => self.recursive_origin(env, id),
            Source::RecursiveScan(name) => {
                let depth = self.recursive.iter().rev().position(|known| known == name);
                let text = format!("recursive {}", depth.unwrap_or(usize::MAX));
                self.terms.make(Op::Table, text, Vec::new())
            }
            Source::Opaque { .. } => self.opaque_origin(env, id),
        }
    }

    /// The keys of a group as a set. A constant among others tells no rows apart.
    pub(super) fn grain(&mut self, keys: &[Term]) -> Term {
        let telling: Vec<Term> =
            keys.iter().copied().filter(|key| !self.terms.is_constant(*key)).collect();
        self.terms.set(if telling.is_empty() { keys.to_vec() } else { telling })
    }

    fn branch(
        &mut self,
        env: EnvId,
        place: impl Fn(&Self) -> Option<SetBranchParts<'a>>,
    ) -> (Term, Vec<Term>) {
        let Some((block, columns)) = place(self) else {
            return (self.terms.nothing(), Vec::new());
        };
        let inside = self.open(block, Some(env));
        let rows = self.rows(inside);
        let mut values = Vec::new();
        for column in columns {
            values.push(match column {
                BranchColumn::Null => self.terms.literal("null"),
                BranchColumn::Col(col) => self.column(inside, col),
                BranchColumn::Expr(expr) => self.expr(inside, expr),
            });
        }
        (rows, values)
    }

    fn set_origin(&mut self, env: EnvId, id: SourceId) -> Term {
        let Source::Set { kind, all, branches } = &self.blocks.sources[id] else {
            return self.terms.nothing();
        };
        let (kind, all, count) = (*kind, *all, branches.len());
        let mut found = Vec::new();
        for place in 0..count {
            found.push(self.branch(env, |sealer| match &sealer.blocks.sources[id] {
                Source::Set { branches, .. } => branches.get(place).map(parts),
                _ => None,
            }));
        }
        // The order of the branches is of no account, except for what EXCEPT takes from.
        match kind {
            SetKind::Union | SetKind::Intersect => found.sort(),
            SetKind::Except => {
                if let Some((_, taken)) = found.split_first_mut() {
                    taken.sort();
                }
            }
        }
        let width = found.first().map_or(0, |(_, values)| values.len());
        let shown = if kind == SetKind::Union { found.len() } else { 1 };
        let mut columns = Vec::new();
        for column in 0..width {
            let pairs = found[..shown.min(found.len())]
                .iter()
                .flat_map(|(rows, values)| [*rows, values[column]])
                .collect();
            columns.push(self.terms.make(Op::Union, "", pairs));
        }
        self.envs[env].inner.insert(id, Inner::Columns(columns));
        let shows_values = kind != SetKind::Union || !all;
        let mut branches = Vec::new();
        for (rows, values) in found {
            let mut args = vec![rows];
            if shows_values {
                args.push(self.terms.list(values));
            }
            branches.push(self.terms.make(Op::Branch, "", args));
        }
        let word = match kind {
            SetKind::Union => "union",
            SetKind::Intersect => "intersect",
            SetKind::Except => "except",
        };
        self.terms.make(Op::Set, format!("{word}{}", if all { " all" } else { "" }), branches)
    }

    fn recursive_origin(&mut self, env: EnvId, id: SourceId) -> Term {
        let Source::Recursive { name, all, .. } = &self.blocks.sources[id] else {
            return self.terms.nothing();
        };
        let (name, all) = (*name, *all);
        let (base, base_values) = self.branch(env, |sealer| match &sealer.blocks.sources[id] {
            Source::Recursive { base, .. } => Some(parts(base)),
            _ => None,
        });
        self.recursive.push(name);
        let (step, step_values) = self.branch(env, |sealer| match &sealer.blocks.sources[id] {
            Source::Recursive { step, .. } => Some(parts(step)),
            _ => None,
        });
        self.recursive.pop();
        let base_values = self.terms.list(base_values);
        let step_values = self.terms.list(step_values);
        let text = if all { "all" } else { "" };
        self.terms.make(Op::Recursive, text, vec![base, base_values, step, step_values])
    }

    fn opaque_origin(&mut self, env: EnvId, id: SourceId) -> Term {
        let Source::Opaque { text, inputs, arguments } = &self.blocks.sources[id] else {
            return self.terms.nothing();
        };
        let (text, count, arguments) = (*text, inputs.len(), *arguments);
        let arguments = self.exprs(env, arguments);
        let mut args = vec![self.terms.list(arguments)];
        for place in 0..count {
            let (rows, values) = self.branch(env, |sealer| match &sealer.blocks.sources[id] {
                Source::Opaque { inputs, .. } => inputs.get(place).map(parts),
                _ => None,
            });
            args.push(rows);
            args.push(self.terms.list(values));
        }
        self.terms.make(Op::Opaque, text, args)
    }
}

type SetBranchParts<'a> = (std::rc::Rc<super::block::Block<'a>>, Vec<BranchColumn<'a>>);

fn parts<'a>(branch: &SetBranch<'a>) -> SetBranchParts<'a> {
    (branch.block.clone(), branch.columns.clone())
}
