//! Values that are the same in the rows that both sides have, where the rows differ.

use std::collections::BTreeSet;

use crate::canon::term::{Op, Term, Terms};

pub(super) struct Same<'t> {
    terms: &'t mut Terms,
    base: BTreeSet<Term>,
    head: BTreeSet<Term>,
}

impl<'t> Same<'t> {
    pub(super) fn new(terms: &'t mut Terms, base: Term, head: Term) -> Self {
        let [base, head] = [base, head].map(|rows| terms.parts(rows).into_iter().collect());
        Self { terms, base, head }
    }

    /// The same for a row that stays. A value over other rows — an aggregate, a window — holds its
    /// rows, so it is the same term or not the same.
    pub(super) fn values(&mut self, base: Term, head: Term) -> bool {
        if base == head {
            return true;
        }
        let (one, other) = (self.terms.node(base).clone(), self.terms.node(head).clone());
        match (one.op, other.op) {
            (Op::Union, Op::Union) => self.branches(&one.args, &other.args),
            (Op::Union, _) => one.args.chunks_exact(2).any(|pair| self.values(pair[1], head)),
            (_, Op::Union) => other.args.chunks_exact(2).any(|pair| self.values(base, pair[1])),
            (Op::Optional, Op::Optional) => {
                one.args[0] == other.args[0] && self.values(one.args[1], other.args[1])
            }
            (Op::Optional, _) => self.fits(one.args[0], true) && self.values(one.args[1], head),
            (_, Op::Optional) => {
                self.fits(other.args[0], false) && self.values(base, other.args[1])
            }
            (Op::Member, Op::Member) => {
                let labels = [one.args[0], other.args[0]];
                labels.iter().all(|label| self.terms.op(*label) != Op::Instance)
                    && self.values(one.args[1], other.args[1])
            }
            (Op::Member, _) if self.terms.op(one.args[0]) != Op::Instance => {
                self.values(one.args[1], head)
            }
            (_, Op::Member) if self.terms.op(other.args[0]) != Op::Instance => {
                self.values(base, other.args[1])
            }
            (
                Op::Call
                | Op::And
                | Op::Or
                | Op::Not
                | Op::Eq
                | Op::Ne
                | Op::Lt
                | Op::Le
                | Op::IsNull
                | Op::In
                | Op::Case
                | Op::Coalesce
                | Op::Cast
                | Op::TryCast,
                _,
            ) => {
                one.op == other.op
                    && one.text == other.text
                    && one.args.len() == other.args.len()
                    && one.args.iter().zip(&other.args).all(|(a, b)| self.values(*a, *b))
            }
            _ => false,
        }
    }

    /// The branches of two unions, for one column: those of the same rows say the same.
    fn branches(&mut self, base: &[Term], head: &[Term]) -> bool {
        let pairs = |args: &[Term]| -> Vec<(Term, Term)> {
            args.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
        };
        let (mut base, mut head) = (pairs(base), pairs(head));
        let rows: BTreeSet<Term> = base.iter().map(|(rows, _)| *rows).collect();
        for rows in rows {
            let of = |all: &[(Term, Term)]| -> Vec<Term> {
                all.iter().filter(|(one, _)| *one == rows).map(|(_, value)| *value).collect()
            };
            let (before, after) = (of(&base), of(&head));
            if after.is_empty() {
                continue;
            }
            let (fewer, more) =
                if before.len() <= after.len() { (&before, &after) } else { (&after, &before) };
            let mut left = more.iter();
            if !fewer.iter().all(|value| left.any(|other| other == value)) {
                return false;
            }
            base.retain(|(one, _)| *one != rows);
            head.retain(|(one, _)| *one != rows);
        }
        // Of the others each may be another one's successor only if there are as many.
        base.is_empty()
            || head.is_empty()
            || base.len() == head.len()
                && base.iter().zip(&head).all(|((_, a), (_, b))| self.values(*a, *b))
    }

    /// The conditions of a left join of one side all hold on the other: where its row is there, it
    /// is the same one.
    fn fits(&mut self, unit: Term, is_of_base: bool) -> bool {
        let node = self.terms.node(unit).clone();
        if node.op != Op::Left {
            return false;
        }
        let rows = self.terms.node(node.args[0]).clone();
        if rows.op != Op::Block {
            return true;
        }
        let conditions = self.terms.args(rows.args[2]).to_vec();
        conditions.into_iter().all(|condition| {
            let condition = lower(self.terms, condition);
            let other = if is_of_base { &self.head } else { &self.base };
            other.contains(&condition)
        })
    }
}

/// A condition of a unit as one of the block around it.
pub(super) fn lower(terms: &mut Terms, term: Term) -> Term {
    let node = terms.node(term).clone();
    match node.op {
        Op::Outer => node.args[0],
        Op::Column | Op::Literal | Op::Optional | Op::Member | Op::Measure | Op::Window => term,
        _ => {
            let args = node.args.iter().map(|arg| lower(terms, *arg)).collect();
            terms.rebuild(node.op, &node.text, args)
        }
    }
}
