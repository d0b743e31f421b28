//! What changes in the tables that a query reads do to the output of the query, which itself is as
//! it was.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use belay_model::{Columns, Effect, Meaning, RowEffect};

use crate::Dialect;
use crate::canon::term::{Op, Term, Terms};
use crate::canon::{self, Content};
use crate::compare::rows;
use crate::plan::Query;
use crate::tables::{TableName, Tables};

/// What the effects on the tables that `child` reads do to its output. A table that is not named
/// is as it was.
///
/// `child` is bound over the tables of head: its text is that of base, so it can read a column that
/// is new only through a `*`, and what it makes of it is a new column of its own. A column that
/// went and is still read by name is in no such plan; bound over base it makes the effect unknown.
/// Where columns of a table went or moved, compare the two bindings of the text as well
/// ([`crate::compare`] of the text with itself): a `*` may mean something else.
///
/// No dialect is needed: whatever the plan says is taken as it stands, and no keys are assumed.
/// Runs inside [`crate::with_deep_stack`].
pub fn propagate(child: &Query, upstream: &BTreeMap<TableName, Effect>) -> Effect {
    let mut terms = Terms::default();
    let tables = Tables::default();
    let content = canon::content(child, Dialect::Generic, &tables, &mut terms, "");
    let mut reads = Reads { terms: &terms, known: HashMap::new() };
    let mut effect = Effect::none(Meaning::Cosmetic);
    let mut reasons: Vec<(Meaning, String)> = Vec::new();
    for (table, change) in upstream {
        let is_lost = change.meaning >= Meaning::Removed || change.meaning == Meaning::New;
        if change.is_invisible() && !is_lost {
            continue;
        }
        let spread = Spread { table, change, content: &content };
        if is_lost {
            if spread.is_read(&mut reads) {
                return Effect::unknown(format!(
                    "it reads `{table}`, of which is {}",
                    change.meaning
                ));
            }
            continue;
        }
        if let Some(why) = spread.on(&mut reads, &mut effect, &mut reasons) {
            return Effect::unknown(why);
        }
    }
    reasons.sort_by_key(|(meaning, _)| std::cmp::Reverse(*meaning));
    effect.meaning = reasons.first().map_or(Meaning::Cosmetic, |(meaning, _)| *meaning);
    effect.reasons = reasons.into_iter().map(|(_, reason)| reason).collect();
    effect
}

/// What a term is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Read {
    /// Of the table with this name: the column.
    Column(String, String),
    /// Which rows the table has.
    Rows(String),
}

/// The reads of each term, found once.
struct Reads<'t> {
    terms: &'t Terms,
    known: HashMap<Term, Rc<BTreeSet<Read>>>,
}

impl Reads<'_> {
    fn of(&mut self, term: Term) -> Rc<BTreeSet<Read>> {
        if let Some(known) = self.known.get(&term) {
            return Rc::clone(known);
        }
        let node = self.terms.node(term);
        let mut found = BTreeSet::new();
        match node.op {
            Op::Table => {
                found.insert(Read::Rows(node.text.clone()));
            }
            Op::Column => {
                for label in &node.args {
                    match self.table(*label) {
                        Some(table) => {
                            found.insert(Read::Column(table, node.text.clone()));
                        }
                        // Made by a function or by something opaque, of what that reads.
                        None => found.extend(self.of(*label).iter().cloned()),
                    }
                }
            }
            // A name, and the content that it is a name of.
            Op::Instance => found.extend(self.of(node.args[0]).iter().cloned()),
            Op::Member => found.extend(self.of(node.args[1]).iter().cloned()),
            _ => {
                for arg in &node.args {
                    found.extend(self.of(*arg).iter().cloned());
                }
            }
        }
        let found = Rc::new(found);
        self.known.insert(term, Rc::clone(&found));
        found
    }

    fn table(&self, label: Term) -> Option<String> {
        let node = self.terms.node(label);
        match node.op {
            Op::Table => Some(node.text.clone()),
            Op::Instance => self.table(node.args[0]),
            _ => None,
        }
    }
}

/// One table's change on its way through a query.
struct Spread<'a> {
    table: &'a TableName,
    change: &'a Effect,
    content: &'a Content,
}

impl Spread<'_> {
    /// A query may spell fewer parts than the name has; a version follows after a blank.
    fn is_mine(&self, text: &str) -> bool {
        let text = text.split(' ').next().unwrap_or_default();
        let name = self.table.to_string();
        name == text
            || name.strip_suffix(text).is_some_and(|rest| rest.ends_with('.'))
            || text.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'))
    }

    fn is_read(&self, reads: &mut Reads<'_>) -> bool {
        let outputs = self.content.outputs.iter().map(|output| output.value);
        outputs.chain([self.content.rows]).any(|term| {
            reads.of(term).iter().any(|read| match read {
                Read::Column(table, _) | Read::Rows(table) => self.is_mine(table),
            })
        })
    }

    fn is_changed(&self, column: &str) -> bool {
        self.change.values.contains(column)
            || self.change.retyped.contains(column)
            || column == "*" && !self.change.values.is_empty()
    }

    fn is_gone(&self, column: &str) -> bool {
        self.change.removed.contains(column)
            || self.change.renamed.iter().any(|(from, _)| from == column)
    }

    fn is_new(&self, column: &str) -> bool {
        self.change.added.contains(column) || self.change.renamed.iter().any(|(_, to)| to == column)
    }

    /// The change reaches a value, or what decides about rows.
    fn reaches(&self, reads: &BTreeSet<Read>) -> bool {
        reads.iter().any(|read| match read {
            Read::Column(table, column) => {
                self.is_mine(table)
                    && (self.is_changed(column) || self.is_gone(column) || self.is_new(column))
            }
            Read::Rows(table) => self.is_mine(table) && !self.change.rows.is_empty(),
        })
    }

    /// Adds what this change does; or says why nobody knows.
    fn on(
        &self,
        reads: &mut Reads<'_>,
        effect: &mut Effect,
        reasons: &mut Vec<(Meaning, String)>,
    ) -> Option<String> {
        let table = self.table;
        let kinds = self.row_kinds(reads, self.content.rows);
        if !kinds.is_empty() {
            let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
            let what = match words.as_slice() {
                ["upstream"] => format!("the rows of `{table}` may differ"),
                words => format!("`{table}` differs in what the {} reads", words.join(", ")),
            };
            reasons.push((Meaning::Rows, what));
            effect.rows.extend(kinds);
        }
        for output in &self.content.outputs {
            let found = reads.of(output.value);
            let mine = |test: &dyn Fn(&str) -> bool| {
                found.iter().find_map(|read| match read {
                    Read::Column(table, column) if self.is_mine(table) && test(column) => {
                        Some(column.clone())
                    }
                    _ => None,
                })
            };
            let name = output.name.clone();
            let is_plain = is_plain(reads.terms, output.value);
            if let Some(column) = mine(&|column| self.is_gone(column)) {
                if !is_plain {
                    return Some(format!("it reads `{column}` of `{table}`, which went"));
                }
                reasons.push((Meaning::Schema, format!("`{column}` of `{table}` went")));
                effect.removed.insert(name);
                continue;
            }
            if let Some(column) = mine(&|column| self.is_new(column)) {
                let what = format!("`{column}` of `{table}` is new");
                reasons.push((Meaning::Additive, what));
                effect.added.insert(name);
                continue;
            }
            if name == "*" || mine(&|column| column == "*").is_some() {
                self.star(effect, reasons);
            }
            if is_plain && mine(&|column| self.change.retyped.contains(column)).is_some() {
                reasons.push((Meaning::Schema, format!("`{name}` has another type")));
                effect.retyped.insert(name.clone());
            }
            if self.reaches(&found) {
                reasons.push((
                    Meaning::Values,
                    format!("`{name}` is made of what differs in `{table}`"),
                ));
                match (&mut effect.values, name.as_str()) {
                    (values, "*") => values.extend(&self.change.values),
                    (Columns::These(values), _) => {
                        values.insert(name);
                    }
                    (Columns::All, _) => (),
                }
            }
        }
        None
    }

    /// A `*` that stands for columns nobody listed passes them all on.
    fn star(&self, effect: &mut Effect, reasons: &mut Vec<(Meaning, String)>) {
        let change = self.change;
        effect.added.extend(change.added.iter().cloned());
        effect.removed.extend(change.removed.iter().cloned());
        effect.renamed.extend(change.renamed.iter().cloned());
        effect.retyped.extend(change.retyped.iter().cloned());
        let table = self.table;
        if !change.added.is_empty() {
            reasons.push((
                Meaning::Additive,
                format!("the new columns of `{table}` come through `*`"),
            ));
        }
        if !(change.removed.is_empty() && change.renamed.is_empty() && change.retyped.is_empty()) {
            reasons.push((Meaning::Schema, format!("the columns of `{table}` come through `*`")));
        }
    }

    /// Where the change meets what decides about rows.
    fn row_kinds(&self, reads: &mut Reads<'_>, term: Term) -> BTreeSet<RowEffect> {
        let mut kinds = BTreeSet::new();
        let found = reads.of(term);
        if !self.reaches(&found) {
            return kinds;
        }
        let node = reads.terms.node(term);
        let hits = |reads: &mut Reads<'_>, term: Term| {
            let found = reads.of(term);
            self.reaches(&found)
        };
        match node.op {
            Op::Block => {
                for source in reads.terms.args(node.args[0]) {
                    kinds.extend(self.row_kinds(reads, *source));
                }
                for unit in reads.terms.args(node.args[1]) {
                    if hits(reads, *unit) {
                        kinds.insert(RowEffect::Join);
                    }
                }
                for predicate in reads.terms.args(node.args[2]) {
                    if hits(reads, *predicate) {
                        kinds.insert(rows::kind(reads.terms, *predicate));
                    }
                }
            }
            Op::Group => {
                if hits(reads, node.args[1]) || hits(reads, node.args[2]) {
                    kinds.insert(RowEffect::Grain);
                }
                kinds.extend(self.row_kinds(reads, node.args[0]));
            }
            Op::Set => {
                for branch in &node.args {
                    let parts = reads.terms.args(*branch);
                    kinds.extend(self.row_kinds(reads, parts[0]));
                    if parts.get(1).is_some_and(|values| hits(reads, *values)) {
                        kinds.insert(RowEffect::SetOperation);
                    }
                }
            }
            Op::Instance => kinds.extend(self.row_kinds(reads, node.args[0])),
            _ => {
                kinds.insert(RowEffect::Upstream);
            }
        }
        kinds
    }
}

/// The value is a column of the table as it stands there.
fn is_plain(terms: &Terms, value: Term) -> bool {
    let node = terms.node(value);
    match node.op {
        Op::Column => true,
        Op::Optional | Op::Member => is_plain(terms, node.args[1]),
        Op::Outer => is_plain(terms, node.args[0]),
        _ => false,
    }
}
