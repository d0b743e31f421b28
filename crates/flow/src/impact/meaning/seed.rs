//! Two versions of a seed, cell by cell.

use std::collections::{BTreeMap, BTreeSet};

use belay_model::change::{Columns, Effect, Meaning, RowEffect};

use super::effect::list;

/// A larger file is not looked into.
const MOST_BYTES: usize = 16 << 20;

/// What changed between two CSV files. Names are folded to lower case, as dbt's agate loads them and
/// most engines store them.
pub(super) fn compare(base: &[u8], head: &[u8]) -> Effect {
    if base.len().max(head.len()) > MOST_BYTES {
        return Effect::unknown("the seed's file is too large to be compared cell by cell");
    }
    let (Some(base), Some(head)) = (Table::read(base), Table::read(head)) else {
        return Effect::unknown("the seed's file is not one that belay can read");
    };
    differences(&base, &head)
}

struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut records = records(text.strip_prefix('\u{feff}').unwrap_or(text))?.into_iter();
        let columns: Vec<String> =
            records.next()?.iter().map(|name| name.trim().to_lowercase()).collect();
        let rows: Vec<Vec<String>> = records.collect();
        let whole = rows.iter().all(|row| row.len() == columns.len());
        let named: BTreeSet<&String> = columns.iter().collect();
        (whole && named.len() == columns.len()).then_some(Self { columns, rows })
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|known| known == name)
    }
}

/// RFC 4180, with either line ending. Nothing for text that is not.
fn records(text: &str) -> Option<Vec<Vec<String>>> {
    let mut records = Vec::new();
    let (mut record, mut cell) = (Vec::new(), String::new());
    let (mut quoted, mut letters) = (false, text.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            _ if quoted => cell.push(letter),
            ',' => record.push(std::mem::take(&mut cell)),
            '\r' if letters.peek() == Some(&'\n') => (),
            '\n' => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            _ => cell.push(letter),
        }
    }
    if quoted {
        return None;
    }
    if !cell.is_empty() || !record.is_empty() {
        record.push(cell);
        records.push(record);
    }
    records.retain(|record| record.iter().any(|cell| !cell.is_empty()) || record.len() > 1);
    Some(records)
}

fn differences(base: &Table, head: &Table) -> Effect {
    let mut effect = Effect::none(Meaning::Cosmetic);
    let missing = |from: &Table, to: &Table| -> BTreeSet<String> {
        from.columns.iter().filter(|name| to.column(name).is_none()).cloned().collect()
    };
    effect.removed = missing(base, head);
    effect.added = missing(head, base);
    let shared: Vec<&String> =
        base.columns.iter().filter(|name| head.column(name).is_some()).collect();
    let changed = match key(base, head, &shared) {
        Some(key) => by_key(base, head, &shared, key, &mut effect),
        None => as_multisets(base, head, &shared, &mut effect),
    };
    // The types of a seed's columns are guessed from all of their values.
    effect.retyped = retyped(base, head, &shared);
    effect.values = Columns::These(changed);
    let order = |table: &Table, other: &Table| -> Vec<String> {
        table.columns.iter().filter(|name| other.column(name).is_some()).cloned().collect()
    };
    let moved = order(base, head) != order(head, base);
    effect.meaning = if !effect.removed.is_empty() || !effect.retyped.is_empty() || moved {
        Meaning::Schema
    } else if !effect.rows.is_empty() {
        Meaning::Rows
    } else if !effect.values.is_empty() {
        Meaning::Values
    } else if !effect.added.is_empty() {
        Meaning::Additive
    } else {
        Meaning::Cosmetic
    };
    describe(&mut effect);
    effect
}

fn describe(effect: &mut Effect) {
    let names = |names: &BTreeSet<String>| list(names.iter().map(String::as_str));
    let mut said = Vec::new();
    if !effect.removed.is_empty() {
        said.push(format!("the seed lost {}", names(&effect.removed)));
    }
    if !effect.added.is_empty() {
        said.push(format!("the seed has {} more", names(&effect.added)));
    }
    if !effect.retyped.is_empty() {
        said.push(format!("values of another kind in {}", names(&effect.retyped)));
    }
    said.append(&mut effect.reasons);
    if said.is_empty() {
        said.push("the seed's file is written otherwise, with the same cells".to_owned());
    }
    effect.reasons = said;
}

/// The first column that identifies each row on both sides.
fn key<'a>(base: &Table, head: &Table, shared: &[&'a String]) -> Option<&'a String> {
    let unique = |table: &Table, name: &str| {
        let Some(at) = table.column(name) else { return false };
        let values: BTreeSet<&String> = table.rows.iter().filter_map(|row| row.get(at)).collect();
        values.len() == table.rows.len() && !values.iter().any(|value| value.is_empty())
    };
    shared.iter().copied().find(|name| unique(base, name) && unique(head, name))
}

fn by_key(
    base: &Table,
    head: &Table,
    shared: &[&String],
    key: &str,
    effect: &mut Effect,
) -> BTreeSet<String> {
    fn rows<'a>(table: &'a Table, key: &str) -> BTreeMap<&'a str, &'a Vec<String>> {
        let at = table.column(key).unwrap_or_default();
        table.rows.iter().filter_map(|row| Some((row.get(at)?.as_str(), row))).collect()
    }
    let (before, after) = (rows(base, key), rows(head, key));
    let gone = before.keys().filter(|key| !after.contains_key(**key)).count();
    let new = after.keys().filter(|key| !before.contains_key(**key)).count();
    if gone + new > 0 {
        effect.rows.insert(RowEffect::Source);
        effect
            .reasons
            .push(format!("{new} rows of the seed are new and {gone} are gone, by `{key}`"));
    }
    let mut changed: BTreeMap<String, usize> = BTreeMap::new();
    for (id, old) in &before {
        let Some(new) = after.get(id) else { continue };
        for name in shared {
            let cell = |table: &Table, row: &[String]| row.get(table.column(name)?).cloned();
            if cell(base, old) != cell(head, new) {
                *changed.entry((*name).clone()).or_default() += 1;
            }
        }
    }
    for (name, cells) in &changed {
        effect.reasons.push(format!("{cells} cells of `{name}` changed in the seed"));
    }
    changed.into_keys().collect()
}

/// Without a key, a row that differs went and another came.
fn as_multisets(
    base: &Table,
    head: &Table,
    shared: &[&String],
    effect: &mut Effect,
) -> BTreeSet<String> {
    let rows = |table: &Table| {
        let at: Vec<usize> = shared.iter().filter_map(|name| table.column(name)).collect();
        let mut rows: Vec<Vec<&String>> = { table.rows.iter() }
            .map(|row| at.iter().filter_map(|at| row.get(*at)).collect())
            .collect();
        rows.sort();
        rows.into_iter().map(|row| row.into_iter().cloned().collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    if rows(base) == rows(head) {
        return BTreeSet::new();
    }
    effect.rows.insert(RowEffect::Source);
    effect.reasons.push("rows of the seed changed; no column of it identifies a row".to_owned());
    shared.iter().map(|name| (*name).clone()).collect()
}

/// Columns whose values would be read as another type.
fn retyped(base: &Table, head: &Table, shared: &[&String]) -> BTreeSet<String> {
    let differs = |name: &&&String| kind(base, name) != kind(head, name);
    shared.iter().filter(differs).map(|name| (**name).clone()).collect()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Guess {
    Nothing,
    Boolean,
    Integer,
    Number,
    Date,
    Moment,
    Text,
}

fn kind(table: &Table, name: &str) -> Guess {
    let Some(at) = table.column(name) else { return Guess::Nothing };
    let cells = table.rows.iter().filter_map(|row| row.get(at));
    let guesses: BTreeSet<Guess> =
        cells.map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).map(guess).collect();
    let mut guesses = guesses.into_iter();
    match (guesses.next(), guesses.next(), guesses.next()) {
        (None, ..) => Guess::Nothing,
        (Some(only), None, _) => only,
        (Some(Guess::Integer), Some(Guess::Number), None) => Guess::Number,
        _ => Guess::Text,
    }
}

fn guess(cell: &str) -> Guess {
    let looks_like = |shape: &str| {
        cell.len() == shape.len()
            && cell.chars().zip(shape.chars()).all(|(letter, of)| match of {
                '0' => letter.is_ascii_digit(),
                of => letter == of,
            })
    };
    if ["true", "false"].contains(&cell.to_lowercase().as_str()) {
        Guess::Boolean
    } else if cell.parse::<i128>().is_ok() {
        Guess::Integer
    } else if cell.parse::<f64>().is_ok() {
        Guess::Number
    } else if looks_like("0000-00-00") {
        Guess::Date
    } else if cell.get(..10).is_some_and(|date| guess(date) == Guess::Date) {
        Guess::Moment
    } else {
        Guess::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(base: &str, head: &str) -> String {
        let effect = compare(base.as_bytes(), head.as_bytes());
        format!("{}: {}", effect.meaning, effect.reasons.join("; "))
    }

    #[test]
    fn a_seed_is_compared_cell_by_cell() {
        let base = "id,region,rate\n1,north,0.19\n2,south,0.07\n";
        let cases = [
            (base, "id,region,rate\r\n1,\"north\",0.19\r\n2,south,0.07"),
            (base, "id,region,rate\n2,south,0.07\n1,north,0.19\n"),
            (base, "id,region,rate\n1,north,0.20\n2,south,0.07\n"),
            (base, "id,region,rate\n1,north,0.19\n2,south,0.07\n3,west,0.1\n"),
            (base, "id,region,rate,note\n1,north,0.19,\n2,south,0.07,x\n"),
            (base, "id,region\n1,north\n2,south\n"),
            (base, "id,region,rate\n1,north,none\n2,south,0.07\n"),
            ("a\nx\nx\n", "a\nx\ny\n"),
            (base, "id,region,rate\n1,\"north,0.19\n"),
        ];
        let all: Vec<String> = cases.iter().map(|(base, head)| said(base, head)).collect();
        expect_test::expect![[r#"
            cosmetic: the seed's file is written otherwise, with the same cells
            cosmetic: the seed's file is written otherwise, with the same cells
            values: 1 cells of `rate` changed in the seed
            rows: 1 rows of the seed are new and 0 are gone, by `id`
            additive: the seed has `note` more
            schema: the seed lost `rate`
            schema: values of another kind in `rate`; 1 cells of `rate` changed in the seed
            rows: rows of the seed changed; no column of it identifies a row
            unknown: the seed's file is not one that belay can read"#]]
        .assert_eq(&all.join("\n"));
    }
}
