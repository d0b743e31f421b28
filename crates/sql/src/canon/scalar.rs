//! Scalar terms in their one form: what commutes is sorted, what has two spellings has one.
//!
//! Every rule here holds in three-valued logic and for every value; a rule that needs a type or an
//! engine to hold says so where it is used.

use super::names;
use super::term::{Op, Term, Terms};

impl Terms {
    pub(crate) fn literal(&mut self, text: impl Into<String>) -> Term {
        self.make(Op::Literal, text, Vec::new())
    }

    pub(crate) fn boolean(&mut self, value: bool) -> Term {
        self.literal(if value { "true" } else { "false" })
    }

    fn is_boolean(&self, term: Term, value: bool) -> bool {
        let node = self.node(term);
        node.op == Op::Literal && node.text == if value { "true" } else { "false" }
    }

    pub(crate) fn is_null_literal(&self, term: Term) -> bool {
        let node = self.node(term);
        node.op == Op::Literal && node.text == "null"
    }

    pub(crate) fn is_true(&self, term: Term) -> bool {
        self.is_boolean(term, true)
    }

    pub(crate) fn is_value_literal(&self, term: Term) -> bool {
        self.op(term) == Op::Literal && !self.is_null_literal(term)
    }

    /// The members of a conjunction.
    pub(crate) fn conjuncts(&self, term: Term) -> Vec<Term> {
        if self.op(term) == Op::And { self.args(term).to_vec() } else { vec![term] }
    }

    pub(crate) fn and(&mut self, parts: Vec<Term>) -> Term {
        self.junction(Op::And, parts, true)
    }

    pub(crate) fn or(&mut self, parts: Vec<Term>) -> Term {
        let mut flat = Vec::new();
        for part in parts {
            if self.op(part) == Op::Or {
                flat.extend_from_slice(self.args(part));
            } else {
                flat.push(part);
            }
        }
        flat.sort_unstable();
        flat.dedup();
        let mut merged = self.merge_alternatives(flat);
        merged.sort_unstable();
        merged.dedup();
        let merged = self.factor(merged);
        self.junction(Op::Or, merged, false)
    }

    /// `x = 1 or x in (2, 3)` is `x in (1, 2, 3)`.
    fn merge_alternatives(&mut self, parts: Vec<Term>) -> Vec<Term> {
        let mut rest = Vec::new();
        let mut of: Vec<(Term, Vec<Term>)> = Vec::new();
        for part in parts {
            let alternatives = match self.op(part) {
                Op::Eq => {
                    let (a, b) = (self.args(part)[0], self.args(part)[1]);
                    match (self.is_value_literal(a), self.is_value_literal(b)) {
                        (false, true) => Some((a, vec![b])),
                        (true, false) => Some((b, vec![a])),
                        _ => None,
                    }
                }
                Op::In => Some((self.args(part)[0], self.args(part)[1..].to_vec())),
                _ => None,
            };
            match alternatives {
                None => rest.push(part),
                Some((operand, values)) => match of.iter_mut().find(|(known, _)| *known == operand)
                {
                    Some((_, known)) => known.extend(values),
                    None => of.push((operand, values)),
                },
            }
        }
        for (operand, values) in of {
            rest.push(self.is_in(operand, values));
        }
        rest
    }

    /// `(a and b) or (a and c)` is `a and (b or c)`, as parts of an `or`.
    fn factor(&mut self, parts: Vec<Term>) -> Vec<Term> {
        if parts.len() < 2 || parts.len() > 16 {
            return parts;
        }
        let first = self.conjuncts(parts[0]);
        let shared: Vec<Term> = first
            .into_iter()
            .filter(|one| parts.iter().all(|part| self.conjuncts(*part).contains(one)))
            .collect();
        if shared.is_empty() {
            return parts;
        }
        let mut left = Vec::new();
        for part in parts {
            let own = self.conjuncts(part).into_iter().filter(|one| !shared.contains(one));
            let own = own.collect();
            left.push(self.and(own));
        }
        let either = self.or(left);
        let mut all = shared;
        all.push(either);
        vec![self.and(all)]
    }

    fn junction(&mut self, op: Op, parts: Vec<Term>, neutral: bool) -> Term {
        let mut flat = Vec::new();
        for part in parts {
            if self.op(part) == op {
                flat.extend_from_slice(self.args(part));
            } else if self.is_boolean(part, !neutral) {
                return part;
            } else if !self.is_boolean(part, neutral) {
                flat.push(part);
            }
        }
        flat.sort_unstable();
        flat.dedup();
        match flat.as_slice() {
            [] => self.boolean(neutral),
            [one] => *one,
            _ => self.make(op, "", flat),
        }
    }

    /// `orders_totally`: of two values that are not NULL one is less, or they are equal. Floats
    /// with NaN are not so in every engine.
    pub(crate) fn not(&mut self, term: Term, orders_totally: bool) -> Term {
        let node = self.node(term).clone();
        match node.op {
            Op::Not => node.args[0],
            Op::Literal if node.text == "true" => self.boolean(false),
            Op::Literal if node.text == "false" => self.boolean(true),
            Op::And | Op::Or => {
                let parts = node.args.iter().map(|part| self.not(*part, orders_totally)).collect();
                if node.op == Op::And { self.or(parts) } else { self.and(parts) }
            }
            Op::Eq => self.make(Op::Ne, "", node.args),
            Op::Ne => self.make(Op::Eq, "", node.args),
            Op::Lt if orders_totally => self.make(Op::Le, "", vec![node.args[1], node.args[0]]),
            Op::Le if orders_totally => self.make(Op::Lt, "", vec![node.args[1], node.args[0]]),
            Op::In => {
                let parts = node.args[1..]
                    .iter()
                    .map(|value| self.not_equal(node.args[0], *value))
                    .collect();
                self.and(parts)
            }
            _ => self.make(Op::Not, "", vec![term]),
        }
    }

    pub(crate) fn equal(&mut self, a: Term, b: Term) -> Term {
        if a == b && self.is_value_literal(a) {
            return self.boolean(true);
        }
        if self.differ(a, b) {
            return self.boolean(false);
        }
        self.make(Op::Eq, "", if a < b { vec![a, b] } else { vec![b, a] })
    }

    /// Two whole numbers that are written and differ.
    fn differ(&self, a: Term, b: Term) -> bool {
        let number = |term: Term| {
            let node = self.node(term);
            if node.op == Op::Literal { node.text.parse::<i64>().ok() } else { None }
        };
        matches!((number(a), number(b)), (Some(a), Some(b)) if a != b)
    }

    pub(crate) fn not_equal(&mut self, a: Term, b: Term) -> Term {
        let equal = self.equal(a, b);
        self.not(equal, true)
    }

    pub(crate) fn less(&mut self, a: Term, b: Term) -> Term {
        self.make(Op::Lt, "", vec![a, b])
    }

    pub(crate) fn at_most(&mut self, a: Term, b: Term) -> Term {
        self.make(Op::Le, "", vec![a, b])
    }

    pub(crate) fn is_in(&mut self, operand: Term, mut values: Vec<Term>) -> Term {
        values.sort_unstable();
        values.dedup();
        if let [one] = values.as_slice() {
            return self.equal(operand, *one);
        }
        let mut args = vec![operand];
        args.extend(values);
        self.make(Op::In, "", args)
    }

    pub(crate) fn is_null(&mut self, operand: Term) -> Term {
        self.make(Op::IsNull, "", vec![operand])
    }

    /// `otherwise` is NULL if it is not there.
    pub(crate) fn case(&mut self, branches: Vec<(Term, Term)>, otherwise: Option<Term>) -> Term {
        let null = self.literal("null");
        let mut kept: Vec<(Term, Term)> = Vec::new();
        let mut otherwise = otherwise.unwrap_or(null);
        for (when, then) in branches {
            if self.is_boolean(when, false) || self.is_null_literal(when) {
                continue;
            }
            if self.is_boolean(when, true) {
                otherwise = then;
                break;
            }
            match kept.last_mut() {
                Some((last, result)) if *result == then => *last = self.or(vec![*last, when]),
                _ => kept.push((when, then)),
            }
        }
        while kept.last().is_some_and(|(_, then)| *then == otherwise) {
            kept.pop();
        }
        if self.op(otherwise) == Op::Case {
            let inner = self.args(otherwise).to_vec();
            let (last, pairs) = match inner.split_last() {
                Some((last, pairs)) => (*last, pairs.to_vec()),
                None => (null, Vec::new()),
            };
            kept.extend(pairs.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            otherwise = last;
        }
        // Whether something is NULL is always yes or no: the branches may change places.
        if let [(when, then)] = kept.as_mut_slice()
            && self.says_not_null(*when)
        {
            *when = self.args(*when)[0];
            std::mem::swap(then, &mut otherwise);
        }
        if let [(when, then)] = kept.as_slice() {
            let (when, then) = (*when, *then);
            // `case when x is null then d else x end` is `coalesce(x, d)`.
            let node = self.node(when).clone();
            if node.op == Op::IsNull && node.args[0] == otherwise {
                return self.coalesce(vec![otherwise, then]);
            }
        }
        if kept.is_empty() {
            return otherwise;
        }
        let mut args: Vec<Term> = kept.into_iter().flat_map(|(when, then)| [when, then]).collect();
        args.push(otherwise);
        self.make(Op::Case, "", args)
    }

    pub(crate) fn coalesce(&mut self, parts: Vec<Term>) -> Term {
        let mut flat: Vec<Term> = Vec::new();
        let mut open: Vec<Term> = parts.into_iter().rev().collect();
        while let Some(part) = open.pop() {
            if self.op(part) == Op::Coalesce {
                open.extend(self.args(part).iter().rev().copied().collect::<Vec<_>>());
            } else if !self.is_null_literal(part) && !flat.contains(&part) {
                flat.push(part);
                if self.op(part) == Op::Literal {
                    break;
                }
            }
        }
        match flat.as_slice() {
            [] => self.literal("null"),
            [one] => *one,
            _ => self.make(Op::Coalesce, "", flat),
        }
    }

    pub(crate) fn cast(&mut self, operand: Term, data_type: &str, is_try: bool) -> Term {
        let op = if is_try { Op::TryCast } else { Op::Cast };
        let node = self.node(operand);
        if node.op == Op::Cast && node.text == data_type {
            return operand;
        }
        self.make(op, data_type, vec![operand])
    }

    /// An operator or function whose name is in its one spelling.
    pub(crate) fn call(&mut self, name: &str, mut args: Vec<Term>) -> Term {
        if names::is_associative(name) {
            let mut flat = Vec::new();
            for arg in args {
                let node = self.node(arg);
                if node.op == Op::Call && node.text == name {
                    flat.extend_from_slice(&node.args);
                } else {
                    flat.push(arg);
                }
            }
            args = flat;
        }
        // A list plus a list is their concatenation.
        let commutes = names::is_commutative(name)
            && !(name == "+" && args.iter().any(|arg| self.is_list(*arg)));
        if commutes {
            args.sort_unstable();
        }
        self.make(Op::Call, name, args)
    }

    fn is_list(&self, term: Term) -> bool {
        let node = self.node(term);
        node.op == Op::Call && (node.text.starts_with("array") || node.text.starts_with("list"))
            || matches!(node.op, Op::Cast | Op::TryCast) && node.text.contains('[')
            || node.op == Op::Measure && node.text.contains("array")
    }

    /// A value of a joined unit, seen from outside: NULL where the unit has no row. Functions that
    /// are NULL whenever an argument is, are taken outside.
    pub(crate) fn optional(&mut self, unit: Term, value: Term) -> Term {
        let node = self.node(value).clone();
        let is_strict = match node.op {
            Op::Call => names::is_strict(&node.text),
            Op::Cast | Op::TryCast | Op::Eq | Op::Ne | Op::Lt | Op::Le => true,
            _ => false,
        };
        if !is_strict || node.args.iter().all(|arg| self.is_constant(*arg)) {
            return self.make(Op::Optional, "", vec![unit, value]);
        }
        let mut args = Vec::new();
        for arg in node.args {
            args.push(if self.is_constant(arg) { arg } else { self.optional(unit, arg) });
        }
        self.rebuild(node.op, &node.text, args)
    }

    pub(crate) fn is_constant(&self, term: Term) -> bool {
        match self.op(term) {
            Op::Literal => true,
            Op::Call => {
                !names::is_volatile(&self.node(term).text)
                    && self.args(term).iter().all(|arg| self.is_constant(*arg))
            }
            Op::Cast | Op::TryCast => self.is_constant(self.args(term)[0]),
            _ => false,
        }
    }

    /// The term of this operator over other arguments, in its one form again.
    pub(crate) fn rebuild(&mut self, op: Op, text: &str, args: Vec<Term>) -> Term {
        match (op, args.as_slice()) {
            (Op::And, _) => self.and(args),
            (Op::Or, _) => self.or(args),
            (Op::Eq, [a, b]) => self.equal(*a, *b),
            (Op::Ne, [a, b]) => self.not_equal(*a, *b),
            (Op::In, [operand, values @ ..]) => self.is_in(*operand, values.to_vec()),
            (Op::Coalesce, _) => self.coalesce(args),
            (Op::Call, _) => self.call(text, args),
            (Op::Cast | Op::TryCast, [operand]) => self.cast(*operand, text, op == Op::TryCast),
            _ => self.make(op, text, args),
        }
    }

    /// What says yes or no.
    pub(crate) fn is_predicate(&self, term: Term) -> bool {
        let node = self.node(term);
        matches!(
            node.op,
            Op::And
                | Op::Or
                | Op::Not
                | Op::Eq
                | Op::Ne
                | Op::Lt
                | Op::Le
                | Op::IsNull
                | Op::In
                | Op::Exists
        ) || node.op == Op::Call
            && matches!(node.text.as_str(), "like" | "ilike" | "is true" | "is distinct from")
    }

    /// The parts of a condition without those that the others imply; equalities of several values
    /// as one.
    pub(crate) fn without_implied(&mut self, parts: Vec<Term>) -> Vec<Term> {
        let mut classes: Vec<Vec<Term>> = Vec::new();
        let mut kept = Vec::new();
        for part in parts {
            let node = self.node(part);
            let is_plain = |term: &Term| {
                matches!(self.op(*term), Op::Column | Op::Optional | Op::Member | Op::Outer)
            };
            if node.op != Op::Eq || !node.args.iter().all(is_plain) {
                kept.push(part);
                continue;
            }
            let mut class = node.args.clone();
            classes.retain(|other| {
                let meets = other.iter().any(|term| class.contains(term));
                if meets {
                    class.extend(other);
                }
                !meets
            });
            classes.push(class);
        }
        for mut class in classes {
            class.sort_unstable();
            class.dedup();
            kept.push(match class.as_slice() {
                [a, b] => self.equal(*a, *b),
                _ => self.make(Op::Call, "all equal", class),
            });
        }
        let mut not_null: Vec<Term> = Vec::new();
        for part in &kept {
            if !self.says_not_null(*part) {
                not_null.extend(self.null_with(*part));
            }
        }
        kept.retain(|part| {
            !self.says_not_null(*part) || !not_null.contains(&self.args(self.args(*part)[0])[0])
        });
        kept
    }

    fn says_not_null(&self, term: Term) -> bool {
        self.op(term) == Op::Not && self.op(self.args(term)[0]) == Op::IsNull
    }

    /// Values each of which makes this NULL, if it is NULL.
    fn null_with(&self, term: Term) -> Vec<Term> {
        let node = self.node(term);
        let mut all = vec![term];
        match node.op {
            Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Cast => {
                all.extend(node.args.iter().flat_map(|arg| self.null_with(*arg)));
            }
            Op::Call if names::is_strict(&node.text) || node.text == "all equal" => {
                all.extend(node.args.iter().flat_map(|arg| self.null_with(*arg)));
            }
            Op::In | Op::Not => all.extend(self.null_with(node.args[0])),
            _ => (),
        }
        all
    }
}
