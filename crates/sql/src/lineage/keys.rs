//! Which outputs are proved to identify a row.

use std::collections::BTreeSet;

use crate::plan::{
    Col, Expr, Grouping, JoinKind, Lateral, Literal, Query, Rel, SetKind, WindowCall,
};
use crate::walk;

/// No more keys than this are followed at once.
const MOST: usize = 8;

type Key = BTreeSet<Col>;

/// What is known of a relation's rows.
#[derive(Default)]
struct Facts {
    keys: Vec<Key>,
    /// Columns that are equal in each row.
    same: Vec<(Col, Col)>,
}

impl Facts {
    fn add(&mut self, key: Key) {
        let is_covered = self.keys.iter().any(|known| known.is_subset(&key));
        if !is_covered && self.keys.len() < MOST {
            self.keys.retain(|known| !key.is_subset(known));
            self.keys.push(key);
        }
    }

    fn only(key: Key) -> Self {
        Self { keys: vec![key], same: Vec::new() }
    }

    /// Each key of one with each of the other.
    fn pairs(&mut self, left: &[Key], right: &[Key]) {
        for one in left {
            for other in right {
                self.add(one | other);
            }
        }
    }
}

pub(super) fn keys(query: &Query) -> BTreeSet<Vec<String>> {
    let facts = facts(&query.rel);
    let name_of = |col: Col| -> Option<&str> {
        let output = query.outputs.iter().find(|output| output.col == col)?;
        let same = query.outputs.iter().filter(|other| other.name == output.name);
        (same.count() == 1 && output.name != "*").then_some(output.name.as_str())
    };
    let mut found: BTreeSet<Vec<String>> = BTreeSet::new();
    'keys: for key in &facts.keys {
        let mut names = BTreeSet::new();
        for col in key {
            let Some(name) = equal_to(*col, &facts.same).into_iter().find_map(name_of) else {
                continue 'keys;
            };
            names.insert(name.to_owned());
        }
        found.insert(names.into_iter().collect());
    }
    found
}

/// A column and all that are equal to it.
fn equal_to(col: Col, same: &[(Col, Col)]) -> Vec<Col> {
    let mut found = vec![col];
    let mut next = 0;
    while let Some(one) = found.get(next).copied() {
        next += 1;
        for (left, right) in same {
            for (from, to) in [(left, right), (right, left)] {
                if *from == one && !found.contains(to) {
                    found.push(*to);
                }
            }
        }
    }
    found
}

fn facts(rel: &Rel) -> Facts {
    match rel {
        Rel::Scan(scan) => {
            let mut facts = Facts::default();
            for key in &scan.keys {
                facts.add(key.iter().copied().collect());
            }
            facts
        }
        Rel::Unit => Facts::only(Key::new()),
        Rel::Values { columns: _, rows } if rows.len() <= 1 => Facts::only(Key::new()),
        Rel::Extend { input, columns } => {
            let mut facts = facts(input);
            for (col, expr) in columns {
                if let Expr::Column(from) = expr {
                    facts.same.push((*col, *from));
                }
            }
            facts
        }
        Rel::Filter { input, predicates } => {
            let mut facts = facts(input);
            for predicate in predicates {
                if let Expr::Binary { operator, left, right } = predicate
                    && operator == "="
                    && let (Expr::Column(left), Expr::Column(right)) = (&**left, &**right)
                {
                    facts.same.push((*left, *right));
                }
            }
            let fixed: BTreeSet<Col> = predicates.iter().filter_map(fixed).collect();
            for key in std::mem::take(&mut facts.keys) {
                facts.add(&key - &fixed);
            }
            facts
        }
        Rel::Join { kind, left, right, on } => joined(*kind, left, right, on),
        Rel::Lateral { input, function, keeps_empty: _ } => {
            let mut facts = facts(input);
            let keys = std::mem::take(&mut facts.keys);
            if let Lateral::Query { rel, columns: _ } = &**function {
                facts.pairs(&keys, &self::facts(rel).keys);
            }
            facts
        }
        Rel::Aggregate { input: _, keys, grouping: Grouping::Plain, measures: _ } => {
            let is_fixed = |expr: &Expr| matches!(expr, Expr::Literal(_));
            let keys = keys.iter().filter(|(_, expr)| !is_fixed(expr));
            Facts::only(keys.map(|(col, _)| *col).collect())
        }
        Rel::Window { input, columns } => {
            let mut facts = facts(input);
            for (col, WindowCall { call, partition, order: _, frame: _ }) in columns {
                let parts: Option<Key> = partition.iter().map(crate::bind::as_column).collect();
                if call.name == "row_number"
                    && let Some(mut key) = parts
                {
                    key.insert(*col);
                    facts.add(key);
                }
            }
            facts
        }
        Rel::Distinct { input, columns } => {
            let mut facts = facts(input);
            let all: Key = columns.iter().copied().collect();
            facts.keys.retain(|key| key.is_subset(&all));
            facts.add(all);
            facts
        }
        Rel::DistinctOn { input, on, order: _ } => {
            let mut facts = facts(input);
            if let Some(key) = on.iter().map(crate::bind::as_column).collect() {
                facts.add(key);
            }
            facts
        }
        Rel::SetOperation { kind, all, inputs, columns } => {
            let mut facts = Facts::default();
            if !all {
                facts.add(columns.iter().copied().collect());
            }
            if let (SetKind::Intersect | SetKind::Except, Some(first)) = (kind, inputs.first()) {
                for key in self::facts(&first.rel).keys {
                    let place = |col: &Col| first.columns.iter().position(|one| *one == Some(*col));
                    let mapped = key.iter().map(|col| columns.get(place(col)?).copied());
                    if let Some(key) = mapped.collect() {
                        facts.add(key);
                    }
                }
            }
            facts
        }
        Rel::Limit { input, count, with_ties: false, .. }
            if *count == Some(Expr::Literal(Literal::Number("1".to_owned()))) =>
        {
            let mut facts = facts(input);
            facts.add(Key::new());
            facts
        }
        Rel::Limit { input, .. } | Rel::Sort { input, .. } | Rel::Sample { input, .. } => {
            facts(input)
        }
        Rel::Recursive { columns, all: false, .. } => {
            Facts::only(columns.iter().copied().collect())
        }
        Rel::Values { .. }
        | Rel::RecursiveScan { .. }
        | Rel::Aggregate { .. }
        | Rel::Recursive { .. }
        | Rel::Opaque { .. } => Facts::default(),
    }
}

/// A column that has one value in all rows for which a predicate holds.
fn fixed(predicate: &Expr) -> Option<Col> {
    let Expr::Binary { operator, left, right } = predicate else { return None };
    match (operator.as_str(), &**left, &**right) {
        ("=", Expr::Column(col), Expr::Literal(_)) | ("=", Expr::Literal(_), Expr::Column(col)) => {
            Some(*col)
        }
        _ => None,
    }
}

fn joined(kind: JoinKind, left: &Rel, right: &Rel, on: &[Expr]) -> Facts {
    let mut facts = facts(left);
    if matches!(kind, JoinKind::Semi | JoinKind::Anti | JoinKind::AsOf) {
        return facts;
    }
    let Facts { keys: right_keys, same } = self::facts(right);
    let left_keys = std::mem::take(&mut facts.keys);
    if kind == JoinKind::Full {
        // NULL on both sides could be a row of either.
        return Facts::default();
    }
    let mut of_right = BTreeSet::new();
    columns_of(right, &mut of_right);
    // Columns of each side that are compared with an expression of the other alone.
    let (mut bound_left, mut bound_right) = (Key::new(), Key::new());
    for condition in on {
        let Expr::Binary { operator, left, right } = condition else { continue };
        if operator != "=" {
            continue;
        }
        for (one, other) in [(left, right), (right, left)] {
            let Expr::Column(col) = &**one else { continue };
            let others = walk::columns(other);
            let is_of_right = of_right.contains(col);
            if is_of_right && !others.iter().any(|col| of_right.contains(col)) {
                bound_right.insert(*col);
            }
            if !is_of_right && others.iter().all(|col| of_right.contains(col)) {
                bound_left.insert(*col);
            }
            if kind == JoinKind::Inner
                && let Expr::Column(equal) = &**other
            {
                facts.same.push((*col, *equal));
            }
        }
    }
    if kind == JoinKind::Inner {
        facts.same.extend(same);
    }
    if right_keys.iter().any(|key| key.is_subset(&bound_right)) {
        left_keys.iter().for_each(|key| facts.add(key.clone()));
    }
    if kind == JoinKind::Inner && left_keys.iter().any(|key| key.is_subset(&bound_left)) {
        right_keys.iter().for_each(|key| facts.add(key.clone()));
    }
    facts.pairs(&left_keys, &right_keys);
    facts
}

/// The columns that can be read behind a relation.
fn columns_of(rel: &Rel, found: &mut BTreeSet<Col>) {
    match rel {
        Rel::Scan(scan) => {
            found.extend(scan.columns.iter().map(|(_, col)| *col));
            found.extend(scan.rest);
        }
        Rel::Unit => (),
        Rel::Values { columns, .. }
        | Rel::Distinct { columns, .. }
        | Rel::SetOperation { columns, .. }
        | Rel::Recursive { columns, .. }
        | Rel::RecursiveScan { columns, .. } => found.extend(columns),
        Rel::Extend { input, columns } => {
            columns_of(input, found);
            found.extend(columns.iter().map(|(col, _)| *col));
        }
        Rel::Window { input, columns } => {
            columns_of(input, found);
            found.extend(columns.iter().map(|(col, _)| *col));
        }
        Rel::Filter { input, .. }
        | Rel::DistinctOn { input, .. }
        | Rel::Limit { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Sample { input, .. } => columns_of(input, found),
        Rel::Join { kind, left, right, .. } => {
            columns_of(left, found);
            if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
                columns_of(right, found);
            }
        }
        Rel::Lateral { input, function, .. } => {
            columns_of(input, found);
            match &**function {
                Lateral::Call { columns, .. } => found.extend(columns.iter().map(|(_, col)| *col)),
                Lateral::Query { rel, columns: _ } => columns_of(rel, found),
            }
        }
        Rel::Aggregate { keys, measures, .. } => {
            found.extend(keys.iter().map(|(col, _)| *col));
            found.extend(measures.iter().map(|(col, _)| *col));
        }
        Rel::Opaque { columns, .. } => found.extend(columns.iter().map(|(_, col)| *col)),
    }
}
