//! What follows from a block's predicates: left joins that are inner ones, and rows that are
//! identified by columns.

use std::collections::{BTreeSet, HashSet};

use super::block::{
    Block, Blocks, Definition, Key, Predicate, ScopeId, Source, SourceId, UnitId, UnitKind,
};
use super::names;
use crate::plan::{Col, Expr, Literal};

impl<'a> Blocks<'a> {
    /// The scope, its parents, each with the unit that leads down to the one before.
    pub(super) fn path(&self, scope: ScopeId) -> Vec<(ScopeId, Option<UnitId>)> {
        let mut path = Vec::new();
        let (mut at, mut through) = (scope, None);
        loop {
            while let Some(outer) = self.scopes[at].part_of {
                at = outer;
            }
            path.push((at, through));
            match self.scopes[at].parent {
                None => return path,
                Some((parent, unit)) => (at, through) = (parent, Some(unit)),
            }
        }
    }

    fn is_inside(&self, scope: ScopeId, outer: ScopeId) -> bool {
        let outer = self.path(outer).first().map(|(scope, _)| *scope);
        self.path(scope).iter().any(|(scope, _)| Some(*scope) == outer)
    }

    /// The definitions of a column that can be seen in this scope or a unit of it.
    pub(super) fn seen_from(&self, scope: ScopeId, col: Col) -> Option<&(ScopeId, Definition<'a>)> {
        self.columns.get(&col)?.iter().find(|(made, _)| self.is_inside(*made, scope))
    }

    /// A left join is an inner one if a predicate is never true for its row of NULLs.
    pub(super) fn dissolve(&self, block: &mut Block<'a>) {
        loop {
            let mut needed = BTreeSet::new();
            for predicate in &block.predicates {
                if let Predicate::Is(expr) = predicate {
                    needed.extend(true_needs(expr));
                }
            }
            let unit = needed.into_iter().find_map(|col| {
                let (made, _) = self.seen_from(block.scope, col)?;
                let here = self.path(block.scope).first().map(|(scope, _)| *scope);
                let through: Vec<_> = self.path(*made);
                let end = through.iter().position(|(scope, _)| Some(*scope) == here)?;
                // The units from the block down to the column; the first that is still one.
                through[..=end]
                    .iter()
                    .rev()
                    .filter_map(|(_, unit)| *unit)
                    .find(|unit| !block.dissolved.contains(unit))
                    .filter(|unit| {
                        block.units.contains(unit) && self.units[*unit].kind == UnitKind::Left
                    })
            });
            let Some(unit) = unit else { return };
            let order = block.order;
            block.units.retain(|one| *one != unit);
            block.dissolved.insert(unit);
            block.take(Block::clone(&self.units[unit].block));
            block.order = order;
        }
    }

    /// No two rows of the block agree in all these columns.
    pub(super) fn is_unique(&self, block: &Block<'a>, columns: &[Col]) -> bool {
        let mut known = Known { blocks: self, scope: block.scope, columns: HashSet::new() };
        for col in columns {
            let root = known.root(*col);
            known.columns.insert(root);
        }
        self.determines(block, &mut known)
    }

    /// For each row of the block around it, at most one row of the unit fits.
    pub(super) fn is_lookup(&self, unit: UnitId) -> bool {
        let block = &self.units[unit].block;
        if self.units[unit].kind != UnitKind::Left {
            return false;
        }
        let mut known = Known { blocks: self, scope: block.scope, columns: HashSet::new() };
        self.determines(block, &mut known)
    }

    fn determines(&self, block: &Block<'a>, known: &mut Known<'_, 'a>) -> bool {
        if !block.units.iter().all(|unit| self.is_lookup(*unit)) {
            return false;
        }
        let mut bound: HashSet<SourceId> = HashSet::new();
        loop {
            let before = (bound.len(), known.columns.len());
            for predicate in &block.predicates {
                match predicate {
                    Predicate::Is(expr) => known.learn(expr, &mut bound),
                    Predicate::First { before, on, .. }
                        if on.iter().all(|expr| known.is_known(expr)) =>
                    {
                        bound.extend(before.sources.iter().copied());
                    }
                    Predicate::Limited { before, limit }
                        if !limit.with_ties && is_one(limit.count) =>
                    {
                        bound.extend(before.sources.iter().copied());
                    }
                    _ => (),
                }
            }
            for source in &block.sources {
                if !bound.contains(source)
                    && self
                        .keys(*source)
                        .iter()
                        .any(|key| key.iter().all(|col| known.columns.contains(col)))
                {
                    bound.insert(*source);
                }
            }
            for source in &bound {
                known.columns.extend(self.columns_of(*source));
            }
            if block.sources.iter().all(|source| bound.contains(source)) {
                return true;
            }
            if before == (bound.len(), known.columns.len()) {
                return false;
            }
        }
    }

    fn keys(&self, source: SourceId) -> Vec<Vec<Col>> {
        match &self.sources[source] {
            Source::Scan(scan) => {
                let Some((_, table)) = self.tables.find(&scan.table) else { return Vec::new() };
                if scan.version.is_some() {
                    return Vec::new();
                }
                let col = |name: &String| {
                    scan.columns.iter().find(|(known, _)| known == name).map(|(_, col)| *col)
                };
                table.keys.iter().filter_map(|key| key.iter().map(col).collect()).collect()
            }
            Source::Group { keys, sets: None, block, .. } => {
                // A constant tells no rows apart.
                let telling = keys.iter().filter(|(_, key)| !self.is_literal(block.scope, *key));
                let telling: Vec<Col> = telling.map(|(col, _)| *col).collect();
                if telling.is_empty() && !keys.is_empty() {
                    return vec![keys.iter().map(|(col, _)| *col).collect()];
                }
                vec![telling]
            }
            _ => Vec::new(),
        }
    }

    fn is_literal(&self, scope: ScopeId, key: Key<'_>) -> bool {
        let col = match key {
            Key::Expr(Expr::Column(col)) => *col,
            Key::Col(col) => col,
            Key::Expr(expr) => return matches!(expr, Expr::Literal(_)),
        };
        matches!(self.seen_from(scope, col), Some((_, Definition::Expr(Expr::Literal(_)))))
    }

    fn columns_of(&self, source: SourceId) -> Vec<Col> {
        match &self.sources[source] {
            Source::Scan(scan) => scan.columns.iter().map(|(_, col)| *col).collect(),
            Source::Group { keys, .. } => keys.iter().map(|(col, _)| *col).collect(),
            _ => Vec::new(),
        }
    }
}

fn is_one(expr: Option<&Expr>) -> bool {
    matches!(expr, Some(Expr::Literal(Literal::Number(number))) if number == "1")
}

/// What has one value, for one row of the block around.
struct Known<'b, 'a> {
    blocks: &'b Blocks<'a>,
    scope: ScopeId,
    columns: HashSet<Col>,
}

impl<'a> Known<'_, 'a> {
    /// The column that this one is another name of.
    fn root(&self, col: Col) -> Col {
        match self.blocks.seen_from(self.scope, col) {
            Some((_, Definition::Expr(Expr::Column(inner)))) => self.root(*inner),
            _ => col,
        }
    }

    fn is_known(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Literal(_) => true,
            Expr::Column(col) => {
                let root = self.root(*col);
                self.columns.contains(&root)
                    || match self.blocks.seen_from(self.scope, root) {
                        // Of a block around this one.
                        None => true,
                        Some((_, Definition::Expr(expr))) => self.is_known(expr),
                        Some(_) => false,
                    }
            }
            Expr::Binary { left, right, .. } => self.is_known(left) && self.is_known(right),
            Expr::Unary { operand, .. } | Expr::Cast { operand, .. } => self.is_known(operand),
            Expr::Call(call) => {
                !names::is_volatile(&call.name)
                    && call.arguments.iter().all(|arg| self.is_known(arg))
            }
            _ => false,
        }
    }

    fn learn(&mut self, expr: &'a Expr, bound: &mut HashSet<SourceId>) {
        let Expr::Binary { operator, left, right } = expr else { return };
        match operator.as_str() {
            "and" => {
                self.learn(left, bound);
                self.learn(right, bound);
            }
            "=" | "==" => {
                for (one, other) in [(left, right), (right, left)] {
                    let Expr::Column(col) = &**one else { continue };
                    let root = self.root(*col);
                    if self.is_known(other) {
                        self.columns.insert(root);
                    }
                    if is_one(Some(other)) {
                        self.learn_first(root, bound);
                    }
                }
            }
            _ => (),
        }
    }

    /// A `row_number()` that is 1: one row for each value of its partition.
    fn learn_first(&mut self, col: Col, bound: &mut HashSet<SourceId>) {
        if let Some((_, Definition::Window { call, before })) =
            self.blocks.seen_from(self.scope, col)
            && call.call.name == "row_number"
            && call.partition.iter().all(|expr| self.is_known(expr))
            && before.units.iter().all(|unit| self.blocks.is_lookup(*unit))
        {
            bound.extend(before.sources.iter().copied());
        }
    }
}

/// Columns that are not NULL in any row for which this is true.
fn true_needs(expr: &Expr) -> HashSet<Col> {
    match expr {
        Expr::Binary { operator, left, right } if operator == "and" => {
            let mut both = true_needs(left);
            both.extend(true_needs(right));
            both
        }
        Expr::Binary { operator, left, right } if operator == "or" => {
            let right = true_needs(right);
            true_needs(left).into_iter().filter(|col| right.contains(col)).collect()
        }
        Expr::Unary { operator, operand } if operator == "is not null" => null_with(operand),
        Expr::Unary { operator, operand } if operator == "is true" => true_needs(operand),
        Expr::Unary { operator, operand } if operator == "not" => match &**operand {
            Expr::Unary { operator, operand } if operator == "is null" => null_with(operand),
            other => null_with(other),
        },
        other => null_with(other),
    }
}

/// Columns each of which makes this NULL if it is NULL.
fn null_with(expr: &Expr) -> HashSet<Col> {
    match expr {
        Expr::Column(col) => HashSet::from([*col]),
        Expr::Binary { operator, left, right } => {
            let is_comparison =
                matches!(operator.as_str(), "=" | "==" | "<>" | "<" | ">" | "<=" | ">=");
            if is_comparison || names::is_strict(operator) {
                let mut both = null_with(left);
                both.extend(null_with(right));
                both
            } else {
                HashSet::new()
            }
        }
        Expr::Unary { operator, operand } if operator == "-" || operator == "not" => {
            null_with(operand)
        }
        Expr::Cast { operand, is_try: false, .. } | Expr::In { operand, .. } => null_with(operand),
        Expr::Call(call) if names::is_strict(&call.name) && call.filter.is_none() => {
            call.arguments.iter().flat_map(null_with).collect()
        }
        _ => HashSet::new(),
    }
}
