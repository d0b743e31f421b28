//! Why the rows of two queries differ.

use std::collections::BTreeSet;

use belay_model::RowEffect;

use super::same::lower;
use crate::canon::term::{Op, Term, Terms};

pub(super) struct Found {
    pub(super) kinds: BTreeSet<RowEffect>,
    pub(super) reasons: Vec<String>,
}

/// Compares two different row terms.
pub(super) fn differences(terms: &mut Terms, base: Term, head: Term) -> Found {
    let found = Found { kinds: BTreeSet::new(), reasons: Vec::new() };
    let mut search = Search { terms, found, derived: Vec::new() };
    search.rows(base, head);
    if search.found.kinds.is_empty() {
        for (kind, what) in std::mem::take(&mut search.derived) {
            search.say(kind, format!("{what} is decided over other rows"));
        }
    }
    if search.found.kinds.is_empty() {
        search.say(RowEffect::Filter, "the rows are chosen in another way".to_owned());
    }
    search.found
}

struct Search<'t> {
    terms: &'t mut Terms,
    found: Found,
    /// Predicates that read the same and differ because of what lies under them.
    derived: Vec<(RowEffect, String)>,
}

/// Sources, units and predicates of a block, or of something that could stand in one.
struct Parts {
    sources: Vec<Term>,
    units: Vec<Term>,
    predicates: Vec<Term>,
}

impl Search<'_> {
    fn say(&mut self, kind: RowEffect, reason: String) {
        self.found.kinds.insert(kind);
        if !self.found.reasons.contains(&reason) {
            self.found.reasons.push(reason);
        }
    }

    fn parts(&self, rows: Term) -> Parts {
        let node = self.terms.node(rows);
        if node.op == Op::Block {
            let list = |place: usize| self.terms.args(node.args[place]).to_vec();
            Parts { sources: list(0), units: list(1), predicates: list(2) }
        } else {
            Parts { sources: vec![rows], units: Vec::new(), predicates: Vec::new() }
        }
    }

    fn content(&self, source: Term) -> Term {
        match self.terms.op(source) {
            Op::Instance => self.terms.args(source)[0],
            _ => source,
        }
    }

    fn has_source(&self, rows: Term, op: Op) -> bool {
        self.parts(rows).sources.iter().any(|source| self.terms.op(self.content(*source)) == op)
    }

    fn rows(&mut self, base: Term, head: Term) {
        if base == head {
            return;
        }
        let (one, other) = (self.terms.node(base).clone(), self.terms.node(head).clone());
        match (one.op, other.op) {
            (Op::Sorted, _) => self.rows(one.args[0], head),
            (_, Op::Sorted) => self.rows(base, other.args[0]),
            (Op::Group, Op::Group) => {
                if one.args[1..] != other.args[1..] {
                    let (was, is) =
                        (self.terms.words(one.args[1]), self.terms.words(other.args[1]));
                    let both = self.terms.was_distinct(base) && self.terms.was_distinct(head);
                    let kind = if both { RowEffect::Dedup } else { RowEffect::Grain };
                    self.say(kind, format!("one row for each {is} now, was {was}"));
                }
                self.rows(one.args[0], other.args[0]);
            }
            (Op::Set, Op::Set) => self.sets(base, head),
            (Op::Group, _) if !self.has_source(head, Op::Group) => {
                self.group(base, "went");
                self.rows(one.args[0], head);
            }
            (_, Op::Group) if !self.has_source(base, Op::Group) => {
                self.group(head, "came");
                self.rows(base, other.args[0]);
            }
            (Op::Block, _) | (_, Op::Block) => self.blocks(base, head),
            _ => self.pair(base, head),
        }
    }

    /// Two sources that are not one block each.
    fn pair(&mut self, base: Term, head: Term) {
        let ops = (self.terms.op(base), self.terms.op(head));
        let (was, is) = (self.terms.tables(base), self.terms.tables(head));
        match ops {
            (Op::Set, _) | (_, Op::Set) => {
                let reason = if ops.0 == Op::Set {
                    format!("{} went", self.set_words(base))
                } else {
                    format!("{} came", self.set_words(head))
                };
                self.say(RowEffect::SetOperation, reason);
            }
            (Op::Full, _) | (_, Op::Full) => {
                self.say(RowEffect::Join, format!("the full join of {was} changed"));
            }
            (Op::Function, _) | (_, Op::Function) => {
                self.say(RowEffect::Grain, "the table function changed".to_owned());
            }
            (Op::Recursive, Op::Recursive) => {
                let word = |term: Term| self.terms.node(term).text.clone();
                if word(base) == word(head) {
                    self.say(RowEffect::Filter, "the recursion changed".to_owned());
                } else {
                    self.say(RowEffect::SetOperation, "the recursion's UNION changed".to_owned());
                }
            }
            _ if was == is => {
                self.say(RowEffect::Grain, format!("the rows of {is} are made in another way"));
            }
            _ => self.say(RowEffect::Source, format!("it reads {is} now, was {was}")),
        }
    }

    fn group(&mut self, group: Term, word: &str) {
        let args = self.terms.args(group).to_vec();
        let keys = self.terms.words(args[1]);
        let union = self.parts(args[0]);
        let is_union = matches!(union.sources.as_slice(), [one]
            if self.terms.op(*one) == Op::Set && union.predicates.is_empty())
            && self.terms.args(args[1]).iter().all(|key| self.terms.op(*key) == Op::Union);
        if is_union {
            let became =
                if word == "came" { "UNION ALL became UNION" } else { "UNION became UNION ALL" };
            self.say(RowEffect::SetOperation, became.to_owned());
        } else {
            let is_distinct = self.terms.was_distinct(group);
            let kind = if is_distinct { RowEffect::Dedup } else { RowEffect::Grain };
            self.say(kind, format!("keeping one row for each {keys} {word}"));
        }
    }

    fn set_words(&self, set: Term) -> String {
        format!("{} of {}", self.terms.node(set).text.to_uppercase(), self.terms.tables(set))
    }

    fn sets(&mut self, base: Term, head: Term) {
        let (was, is) = (self.terms.node(base).clone(), self.terms.node(head).clone());
        if was.text != is.text {
            let reason = format!("{} became {}", was.text.to_uppercase(), is.text.to_uppercase());
            self.say(RowEffect::SetOperation, reason);
        }
        let (gone, come) = unmatched(&was.args, &is.args);
        if gone.is_empty() && come.is_empty() && was.text == is.text {
            let reason = format!("the sides of {} changed places", is.text.to_uppercase());
            self.say(RowEffect::SetOperation, reason);
        }
        let pairs = gone.len().min(come.len());
        for (before, after) in gone.iter().zip(&come) {
            let (before, after) =
                (self.terms.args(*before).to_vec(), self.terms.args(*after).to_vec());
            if before.get(1) != after.get(1) {
                let reason = "what a branch compares changed".to_owned();
                self.say(RowEffect::SetOperation, reason);
            }
            self.rows(before[0], after[0]);
        }
        for (left, word) in [(&gone[pairs..], "went"), (&come[pairs..], "came")] {
            for branch in left {
                let from = self.terms.tables(*branch);
                let reason = format!("a branch of the {} {word}: {from}", is.text.to_uppercase());
                self.say(RowEffect::SetOperation, reason);
            }
        }
    }

    fn blocks(&mut self, base: Term, head: Term) {
        let (was, is) = (self.parts(base), self.parts(head));
        let (mut gone, mut come) = unmatched(&was.sources, &is.sources);
        let (mut units_gone, mut units_come) = unmatched(&was.units, &is.units);
        let (mut lost, mut gained) = unmatched(&was.predicates, &is.predicates);
        self.turned(&mut units_gone, &mut come, &mut gained, ["LEFT JOIN", "INNER JOIN"]);
        self.turned(&mut units_come, &mut gone, &mut lost, ["INNER JOIN", "LEFT JOIN"]);
        self.units(units_gone, units_come);
        let alone = was.sources.len() <= 1 && is.sources.len() <= 1;
        self.sources(gone, come, alone);
        self.predicates(lost, gained);
    }

    /// Left joins that are inner ones on the other side, and the conditions that came with them.
    fn turned(
        &mut self,
        units: &mut Vec<Term>,
        sources: &mut Vec<Term>,
        predicates: &mut Vec<Term>,
        words: [&str; 2],
    ) {
        units.retain(|unit| {
            let inner = self.content(*unit);
            let Some(rows) = self.terms.args(inner).first().copied() else { return true };
            if self.terms.op(inner) != Op::Left {
                return true;
            }
            let parts = self.parts(rows);
            let place = sources.iter().position(|source| {
                parts.sources.iter().any(|own| self.content(*own) == self.content(*source))
            });
            let Some(place) = place else { return true };
            sources.remove(place);
            let own: Vec<Term> =
                parts.predicates.iter().map(|one| lower(self.terms, *one)).collect();
            predicates.retain(|predicate| !own.contains(predicate));
            let tables = self.terms.tables(rows);
            let reason = format!("{} {tables} became {}", words[0], words[1]);
            self.say(RowEffect::Join, reason);
            false
        });
    }

    fn units(&mut self, gone: Vec<Term>, mut come: Vec<Term>) {
        for unit in gone {
            let tables = self.terms.tables(unit);
            match come.iter().position(|other| self.terms.tables(*other) == tables) {
                Some(place) => {
                    come.remove(place);
                    let reason = format!("LEFT JOIN {tables} finds other rows");
                    self.say(RowEffect::Join, reason);
                }
                None => self.say(RowEffect::Join, format!("LEFT JOIN {tables} went")),
            }
        }
        for unit in come {
            let tables = self.terms.tables(unit);
            self.say(
                RowEffect::Join,
                format!("LEFT JOIN {tables} came, with no proof that it finds one row at most"),
            );
        }
    }

    fn sources(&mut self, mut gone: Vec<Term>, mut come: Vec<Term>, alone: bool) {
        // The same kind of thing on both sides is the same thing, changed.
        for kinds in [[Op::Group, Op::Group], [Op::Set, Op::Set], [Op::Full, Op::Full]] {
            while let (Some(a), Some(b)) = (
                gone.iter().position(|source| self.terms.op(self.content(*source)) == kinds[0]),
                come.iter().position(|source| self.terms.op(self.content(*source)) == kinds[1]),
            ) {
                let (a, b) = (gone.remove(a), come.remove(b));
                let (a, b) = (self.content(a), self.content(b));
                if a != b {
                    self.rows(a, b);
                }
            }
        }
        while let (Some(place), Some(before)) = (
            gone.first().and_then(|before| {
                let tables = self.terms.tables(*before);
                come.iter().position(|after| alone || self.terms.tables(*after) == tables)
            }),
            gone.first().copied(),
        ) {
            gone.remove(0);
            let (before, after) = (self.content(before), self.content(come.remove(place)));
            if before != after {
                self.rows(before, after);
            }
        }
        if !gone.is_empty() && !come.is_empty() {
            let say = |all: &[Term]| {
                let all: Vec<String> = all.iter().map(|one| self.terms.tables(*one)).collect();
                all.join(", ")
            };
            let reason = format!("it reads {} now, was {}", say(&come), say(&gone));
            self.say(RowEffect::Source, reason);
            return;
        }
        for (left, word) in [(gone, "went"), (come, "came")] {
            for source in left {
                let tables = self.terms.tables(source);
                if self.terms.op(self.content(source)) == Op::Function {
                    self.say(RowEffect::Grain, format!("unnesting {word}"));
                } else {
                    self.say(RowEffect::Join, format!("INNER JOIN {tables} {word}"));
                }
            }
        }
    }

    fn predicates(&mut self, mut lost: Vec<Term>, mut gained: Vec<Term>) {
        lost.retain(|before| {
            let words = self.terms.words(*before);
            let Some(place) = gained.iter().position(|after| self.terms.words(*after) == words)
            else {
                return true;
            };
            gained.remove(place);
            self.derived.push((kind(self.terms, *before), words));
            false
        });
        for (left, word) in [(lost, "went"), (gained, "came")] {
            for predicate in left {
                let kind = kind(self.terms, predicate);
                let words = self.terms.words(predicate);
                let what = match kind {
                    RowEffect::Join => "the join condition",
                    RowEffect::Limit => "the limit",
                    RowEffect::Dedup => "the choice of one row,",
                    RowEffect::Grain => "the unnesting",
                    _ => "the filter",
                };
                self.say(kind, format!("{what} {words} {word}"));
            }
        }
    }
}

/// What a predicate does to rows.
pub(crate) fn kind(terms: &Terms, predicate: Term) -> RowEffect {
    let parts = terms.parts(predicate);
    let has = |op: Op| parts.iter().any(|part| terms.op(*part) == op);
    let node = terms.node(predicate);
    let labels: BTreeSet<Term> = parts
        .iter()
        .filter(|part| matches!(terms.op(**part), Op::Column | Op::Optional | Op::Member))
        .filter_map(|part| terms.args(*part).first().copied())
        .collect();
    if node.op == Op::Call && node.text == "expand" {
        RowEffect::Grain
    } else if has(Op::Limited) || has(Op::Sampled) {
        RowEffect::Limit
    } else if has(Op::Window) {
        RowEffect::Dedup
    } else if labels.len() > 1
        && (node.op == Op::Call && node.text == "all equal"
            || matches!(node.op, Op::Eq | Op::Lt | Op::Le | Op::Ne | Op::And))
    {
        RowEffect::Join
    } else {
        RowEffect::Filter
    }
}

/// What stands more often on one side than on the other.
fn unmatched(base: &[Term], head: &[Term]) -> (Vec<Term>, Vec<Term>) {
    let mut come = head.to_vec();
    let mut gone = Vec::new();
    for term in base {
        match come.iter().position(|other| other == term) {
            Some(place) => {
                come.remove(place);
            }
            None => gone.push(*term),
        }
    }
    (gone, come)
}
