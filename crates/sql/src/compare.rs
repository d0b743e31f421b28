//! What a change to a query does to its output.
//!
//! Both queries become content ([`crate::canon`]); what is the same term on both sides is the same
//! for every content of the tables. What is not the same is named: columns, and what decides about
//! rows. Whatever cannot be read is unknown.

pub(crate) mod rows;
mod same;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use belay_model::{Columns, Effect, Meaning};

use crate::canon::term::{Op, Term, Terms};
use crate::canon::{self, Content, Output};
use crate::{Dialect, Tables, Unread, read};

/// What is known of a change from the text of both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub effect: Effect,
}

/// Compares two texts of one query, each over the tables as they are on its side. Runs inside
/// [`crate::with_deep_stack`].
pub fn compare(
    base: &str,
    head: &str,
    dialect: Dialect,
    base_tables: &Tables,
    head_tables: &Tables,
) -> Comparison {
    let effect = effect(base, head, dialect, base_tables, head_tables);
    Comparison { effect }
}

fn effect(
    base: &str,
    head: &str,
    dialect: Dialect,
    base_tables: &Tables,
    head_tables: &Tables,
) -> Effect {
    let is_same_text = base == head || tokens::are_same(base, head, dialect);
    let queries = (read(base, dialect, base_tables), read(head, dialect, head_tables));
    let (base_query, head_query) = match queries {
        (Ok(base), Ok(head)) => (base, head),
        (Err(_), Err(_)) if is_same_text => return Effect::none(Meaning::Cosmetic),
        (base, head) => return unread(base.err(), head.err()),
    };
    // The same text may mean something else over other columns: `select *`, a union by position.
    if is_same_text && base_query == head_query {
        return Effect::none(Meaning::Cosmetic);
    }
    let mut terms = Terms::default();
    // Calls of random() and the like can be matched only if there are as many.
    let volatile = [base, head].map(|text| tokens::count(text, dialect, canon::is_volatile));
    let sides = if volatile[0] == volatile[1] { ["", ""] } else { ["base", "head"] };
    let mut content = |query, tables: &Tables, side| {
        if is_same_text {
            // A key that is proved on one side only is no change.
            let keyless = tables.without_keys();
            canon::content(query, dialect, &keyless, &mut terms, side)
        } else {
            canon::content(query, dialect, tables, &mut terms, side)
        }
    };
    let base = content(&base_query, base_tables, sides[0]);
    let head = content(&head_query, head_tables, sides[1]);
    Differ { terms: &mut terms, dialect, base, head }.effect()
}

fn unread(base: Option<Unread>, head: Option<Unread>) -> Effect {
    let mut reasons = Vec::new();
    for (side, why) in [("base", base), ("head", head)] {
        if let Some(why) = why {
            reasons.push(format!("{side} is not understood: {why}"));
        }
    }
    Effect { reasons, ..Effect::unknown("") }
}

struct Differ<'t> {
    terms: &'t mut Terms,
    dialect: Dialect,
    base: Content,
    head: Content,
}

/// An output by its name, and which one of that name.
type Name = (String, usize);

fn by_name(outputs: &[Output]) -> Vec<(Name, &Output)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    outputs
        .iter()
        .map(|output| {
            let count = counts.entry(&output.name).or_default();
            *count += 1;
            ((output.name.clone(), *count), output)
        })
        .collect()
}

impl Differ<'_> {
    fn effect(mut self) -> Effect {
        if let Some(why) = self.unfollowed_star() {
            return Effect::unknown(why);
        }
        let mut effect = Effect::none(Meaning::Cosmetic);
        let mut reasons: Vec<(Meaning, String)> = Vec::new();
        let rows_differ = self.base.rows != self.head.rows;
        if rows_differ {
            let found = rows::differences(self.terms, self.base.rows, self.head.rows);
            effect.rows = found.kinds;
            reasons.extend(found.reasons.into_iter().map(|reason| (Meaning::Rows, reason)));
        }
        self.columns(&mut effect, &mut reasons, rows_differ);
        if self.base.order != self.head.order {
            reasons.push((Meaning::Physical, self.other_order()));
        }
        reasons.sort_by_key(|(meaning, _)| std::cmp::Reverse(*meaning));
        effect.meaning = reasons.first().map_or(Meaning::Cosmetic, |(meaning, _)| *meaning);
        effect.reasons = reasons.into_iter().map(|(_, reason)| reason).collect();
        effect.reasons.dedup();
        effect
    }

    /// Why the columns of a `*` over unknown tables cannot be compared.
    fn unfollowed_star(&self) -> Option<String> {
        if self.base.is_complete && self.head.is_complete {
            return None;
        }
        let stars = |content: &Content| -> Vec<(usize, Term)> {
            let is_star = |output: &Output| {
                self.terms.op(output.value) == Op::Column
                    && self.terms.node(output.value).text == "*"
            };
            let mut place = 0;
            let mut stars = Vec::new();
            for output in &content.outputs {
                if is_star(output) {
                    stars.push((place, output.value));
                    place += 1;
                }
            }
            stars
        };
        let (base, head) = (stars(&self.base), stars(&self.head));
        let names = |content: &Content| -> BTreeSet<String> {
            content.outputs.iter().map(|output| output.name.clone()).collect()
        };
        let lost = names(&self.base).difference(&names(&self.head)).count();
        (base != head || base.is_empty() || lost > 0).then(|| {
            "a `*` stands for the columns of a table that are not known, and more than that changed"
                .to_owned()
        })
    }

    fn columns(
        &mut self,
        effect: &mut Effect,
        reasons: &mut Vec<(Meaning, String)>,
        rows_differ: bool,
    ) {
        let base_outputs = std::mem::take(&mut self.base.outputs);
        let head_outputs = std::mem::take(&mut self.head.outputs);
        let base = by_name(&base_outputs);
        let head = by_name(&head_outputs);
        let find =
            |all: &[(Name, &Output)], name: &Name| all.iter().position(|(known, _)| known == name);
        let mut removed: Vec<&(Name, &Output)> =
            base.iter().filter(|(name, _)| find(&head, name).is_none()).collect();
        let mut added: Vec<&(Name, &Output)> =
            head.iter().filter(|(name, _)| find(&base, name).is_none()).collect();
        removed.retain(|(name, output)| {
            let is_constant = self.terms.is_constant(output.value);
            let Some(place) = added.iter().position(|(_, new)| {
                !is_constant && self.same(output.value, new.value, rows_differ)
            }) else {
                return true;
            };
            let (new, _) = added.remove(place);
            effect.renamed.insert((name.0.clone(), new.0.clone()));
            reasons
                .push((Meaning::Schema, format!("column `{}` is called `{}` now", name.0, new.0)));
            false
        });
        for (name, _) in removed {
            effect.removed.insert(name.0.clone());
            reasons.push((Meaning::Schema, format!("column `{}` went", name.0)));
        }
        for (name, output) in added {
            effect.added.insert(name.0.clone());
            let words = self.terms.words(output.value);
            reasons.push((Meaning::Additive, format!("column `{}` is new: {words}", name.0)));
        }
        let mut values = BTreeSet::new();
        let mut places = Vec::new();
        for (name, before) in &base {
            let Some(place) = find(&head, name) else { continue };
            places.push(place);
            let after = head[place].1;
            self.column(&name.0, before, after, rows_differ, effect, reasons, &mut values);
        }
        if !places.is_sorted() {
            reasons.push((Meaning::Schema, "the columns stand in another order".to_owned()));
        }
        effect.values = Columns::These(values);
    }

    #[expect(clippy::too_many_arguments, reason = "one column's share of three results")]
    fn column(
        &mut self,
        name: &str,
        before: &Output,
        after: &Output,
        rows_differ: bool,
        effect: &mut Effect,
        reasons: &mut Vec<(Meaning, String)>,
        values: &mut BTreeSet<String>,
    ) {
        let types = [before, after].map(|output| {
            output.data_type.as_ref().map(|name| canon::data_type(name, self.dialect))
        });
        // Of one value the types are the same, whatever could be found out about them; but a
        // table's column may have another type on the other side.
        let is_passed_on = self.terms.op(after.value) == Op::Column;
        if let [Some(was), Some(is)] = &types
            && was != is
            && (before.value != after.value || is_passed_on)
        {
            effect.retyped.insert(name.to_owned());
            reasons.push((Meaning::Schema, format!("column `{name}` is {is} now, was {was}")));
        }
        if self.same(before.value, after.value, rows_differ) {
            return;
        }
        let outer = |term: Term| {
            let node = self.terms.node(term);
            match node.op {
                Op::Cast | Op::TryCast => (node.args[0], Some(node.text.clone())),
                _ => (term, None),
            }
        };
        let ((was, was_type), (is, is_type)) = (outer(before.value), outer(after.value));
        let is_cast = was_type != is_type && self.same(was, is, rows_differ);
        if is_cast && effect.retyped.insert(name.to_owned()) {
            let say = |data_type: Option<String>| data_type.unwrap_or_else(|| "no cast".to_owned());
            let (is, was) = (say(is_type.clone()), say(was_type.clone()));
            reasons.push((Meaning::Schema, format!("column `{name}` is cast: {is}, was {was}")));
        }
        let from = types[0].clone().or(was_type);
        if is_cast && is_wider(from.as_deref(), is_type.as_deref()) {
            return;
        }
        values.insert(name.to_owned());
        let (was, is) = (self.terms.words(before.value), self.terms.words(after.value));
        let what = if was == is {
            format!("column `{name}` is computed over other rows: {is}")
        } else {
            format!("column `{name}` is {is} now, was {was}")
        };
        reasons.push((Meaning::Values, what));
    }

    /// The same value in each row that both sides have.
    fn same(&mut self, base: Term, head: Term, rows_differ: bool) -> bool {
        base == head
            || rows_differ
                && same::Same::new(self.terms, self.base.rows, self.head.rows).values(base, head)
    }

    fn other_order(&self) -> String {
        let say = |order: &[Term]| {
            let keys: Vec<String> = order.iter().map(|key| self.terms.words(*key)).collect();
            if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
        };
        format!("the order is {} now, was {}", say(&self.head.order), say(&self.base.order))
    }
}

/// Every value of the one type is the same value of the other.
fn is_wider(from: Option<&str>, to: Option<&str>) -> bool {
    matches!(
        (from, to),
        (Some("smallint"), Some("integer" | "bigint"))
            | (Some("integer"), Some("bigint"))
            | (Some("real"), Some("double"))
    )
}
