//! Effects taken together.

use belay_model::change::{Effect, Meaning};

/// What two changes do, one after the other: all that either does.
pub(super) fn both(mut one: Effect, other: Effect) -> Effect {
    let graver = other.meaning > one.meaning;
    one.meaning = one.meaning.max(other.meaning);
    one.values.extend(&other.values);
    one.rows.extend(other.rows);
    one.added.extend(other.added);
    one.removed.extend(other.removed);
    one.renamed.extend(other.renamed);
    one.retyped.extend(other.retyped);
    let (mut first, second) =
        if graver { (other.reasons, one.reasons) } else { (one.reasons, other.reasons) };
    for reason in second {
        if !first.contains(&reason) {
            first.push(reason);
        }
    }
    one.reasons = first;
    one
}

/// An effect that is only a word and why.
pub(super) fn plain(meaning: Meaning, why: impl Into<String>) -> Effect {
    Effect { reasons: vec![why.into()], ..Effect::none(meaning) }
}

/// The columns that an effect names, for people: at most five.
pub(super) fn columns_in_words(effect: &Effect) -> Option<String> {
    let belay_model::change::Columns::These(values) = &effect.values else { return None };
    let renamed = effect.renamed.iter().map(|(from, _)| from);
    let names: std::collections::BTreeSet<&String> = { values.iter() }
        .chain(&effect.added)
        .chain(&effect.removed)
        .chain(&effect.retyped)
        .chain(renamed)
        .collect();
    (!names.is_empty()).then(|| list(names.into_iter().map(String::as_str)))
}

/// `a`, `b and c`, `a, b, c, d, e and 3 more`.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 5;
    let names: Vec<&str> = names.into_iter().collect();
    let shown = names.iter().take(MOST).map(|name| format!("`{name}`")).collect::<Vec<_>>();
    let more = names.len().saturating_sub(MOST);
    if more > 0 {
        return format!("{} and {more} more", shown.join(", "));
    }
    match shown.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}
