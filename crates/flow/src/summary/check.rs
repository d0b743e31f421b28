//! Holding a draft against the report, sentence by sentence. What cannot be checked does not stay.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::report::{self, wire};

/// The most letters of a draft that are kept.
const LONGEST: usize = 1_500;

/// Words by which a draft would judge. Only code judges.
const JUDGING: [&str; 22] = [
    "safe",
    "safely",
    "harmless",
    "approve",
    "approved",
    "approval",
    "merge",
    "merged",
    "merging",
    "lgtm",
    "ship",
    "risk",
    "risky",
    "verdict",
    "ignore",
    "disregard",
    "override",
    "trivial",
    "cosmetic",
    "benign",
    "critical",
    "reviewer",
];

/// Numbers in words: they are claims like those in digits.
const WORDS: [(&str, &str); 12] = [
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("dozen", "12"),
];

/// What nobody can count: a draft has numbers, or says nothing of how many.
const VAGUE: [&str; 8] =
    ["hundred", "hundreds", "thousand", "thousands", "million", "millions", "billion", "half"];

/// Names that exist in the project: one of them that the report does not name is a claim about something
/// that the report does not speak of.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeSet<String>);

impl<T: Into<String>> FromIterator<T> for Names {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        Self(names.into_iter().map(|name| name.into().to_lowercase()).collect())
    }
}

/// A draft after the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub kept: String,
    /// For each sentence that went, why.
    pub dropped: Vec<String>,
}

/// Keeps the sentences of `draft` of which every number and every name stands in the report.
pub fn check(draft: &str, report: &wire::Impact, names: &Names) -> Checked {
    let facts = Facts::of(report);
    let mut checked = Checked { kept: String::new(), dropped: Vec::new() };
    for sentence in sentences(draft) {
        match facts.fault(&sentence, names) {
            Some(why) => checked.dropped.push(why),
            None if checked.kept.len() + sentence.len() > LONGEST => {
                checked.dropped.push("it is too long".to_owned());
            }
            None => {
                if !checked.kept.is_empty() {
                    checked.kept.push(' ');
                }
                checked.kept.push_str(&sentence);
            }
        }
    }
    checked
}

/// What a report says, taken apart.
#[derive(Default)]
struct Facts {
    /// Every number, without separators and signs, with its percent sign.
    numbers: BTreeSet<String>,
    /// Numbers that are about the change as a whole.
    of_all: BTreeSet<String>,
    /// Numbers that are about one node, by its short name: those of another node back no claim about it.
    of_node: BTreeMap<String, BTreeSet<String>>,
    /// Every word of every text, lower case; and full names of nodes.
    words: BTreeSet<String>,
}

impl Facts {
    fn of(report: &wire::Impact) -> Self {
        let mut facts = Self::default();
        // What others wrote is no fact: a number in a commit's subject backs no claim. Nor does an
        // example row, which may not be shown.
        let mut report = report.clone();
        report.commits.clear();
        report.run.clear();
        for data in &mut report.data {
            data.samples.clear();
        }
        let document = serde_json::to_value(&report).unwrap_or_default();
        facts.add(&document);
        let counts = [
            report.changed.len(),
            report.affected.len(),
            report.exposures.len(),
            report.harmless.len(),
            report.not_compared.len(),
            report.tests.len(),
        ];
        facts.of_all.extend(counts.map(|count| count.to_string()));
        facts.of_all.extend(numbers(&report.summary));
        facts.numbers.extend(facts.of_all.iter().cloned());
        for finding in &report.findings {
            facts.add_of(
                finding.node.as_deref(),
                &serde_json::to_value(finding).unwrap_or_default(),
            );
        }
        for data in &report.data {
            facts.add_of(Some(&data.node), &serde_json::to_value(data).unwrap_or_default());
        }
        facts
    }

    fn add_of(&mut self, node: Option<&str>, value: &Value) {
        let mut of = Self::default();
        of.add(value);
        match node {
            Some(node) => {
                let name = report::short(node).to_lowercase();
                self.of_node.entry(name).or_default().extend(of.numbers);
            }
            None => self.of_all.extend(of.numbers),
        }
    }

    /// The numbers that may stand in a sentence that names these nodes.
    fn backing(&self, nodes: &[&String]) -> BTreeSet<&String> {
        if nodes.is_empty() {
            return self.numbers.iter().collect();
        }
        let of_nodes = nodes.iter().filter_map(|node| self.of_node.get(*node)).flatten();
        of_nodes.chain(&self.of_all).collect()
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Number(number) => {
                self.numbers.insert(plain(&number.to_string()));
            }
            Value::String(text) => {
                self.numbers.extend(numbers(text));
                self.words.insert(text.to_lowercase());
                self.words.extend(words(text));
            }
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => members.values().for_each(|member| self.add(member)),
            Value::Null | Value::Bool(_) => (),
        }
    }

    /// Why a sentence cannot stay.
    fn fault(&self, sentence: &str, names: &Names) -> Option<String> {
        if let Some(letter) = sentence.chars().find(|letter| "<>[]{}#*|@\\".contains(*letter)) {
            return Some(format!("it has markup: `{letter}`"));
        }
        if sentence.contains("://") || sentence.contains("www.") {
            return Some("it has a link".to_owned());
        }
        if sentence.matches('`').count() % 2 == 1 {
            return Some("a name in it does not end".to_owned());
        }
        for quoted in sentence.split('`').skip(1).step_by(2) {
            if !self.knows(quoted) {
                return Some(format!("the report names no `{}`", shown(quoted)));
            }
        }
        let all: BTreeSet<String> = words(sentence).into_iter().collect();
        let nodes: Vec<&String> = self.of_node.keys().filter(|node| all.contains(*node)).collect();
        let backed = self.backing(&nodes);
        let bare: String = sentence.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        if let Some(number) = numbers(&bare).into_iter().find(|number| !backed.contains(number)) {
            return Some(format!("the report has no number {}", shown(&number)));
        }
        for word in words(&bare) {
            if JUDGING.contains(&word.as_str()) {
                return Some(format!("it judges: `{word}`"));
            }
            if VAGUE.contains(&word.as_str()) {
                return Some(format!("nobody can check `{word}`"));
            }
            let counted = WORDS.iter().find(|(name, _)| *name == word);
            if counted.is_some_and(|(_, number)| !backed.contains(&(*number).to_owned())) {
                return Some(format!("the report has no number {word}"));
            }
            // A name of the project, or what can only be a name.
            let named = names.0.contains(&word) || word.contains('_') || word.contains('.');
            if named && !self.knows(&word) {
                return Some(format!("the report names no `{}`", shown(&word)));
            }
        }
        None
    }

    fn knows(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        // `orders.amount` is a column of a node where both are named.
        let parts = || name.split('.').all(|part| self.words.contains(part));
        !name.is_empty() && (self.words.contains(&name) || parts())
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() && *letter != '`').take(60).collect()
}

/// Sentences, each in one line. A full stop inside a number or a name ends none.
fn sentences(draft: &str) -> Vec<String> {
    let flat: String = draft.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    let mut rest = flat.as_str();
    while !rest.is_empty() {
        let ends = rest.char_indices().zip(rest.chars().skip(1).chain([' ']));
        let mut ends =
            ends.filter(|((_, letter), next)| ".!?".contains(*letter) && next.is_whitespace());
        let end = ends.next().map_or(rest.len(), |((at, letter), _)| at + letter.len_utf8());
        let (sentence, behind) = rest.split_at(end);
        if !sentence.trim().is_empty() {
            found.push(sentence.trim().to_owned());
        }
        rest = behind.trim_start();
    }
    found
}

/// The numbers of a text, spelled plainly: `4,998` is `4998`, `+12.50 %` is `12.5%`.
fn numbers(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        // Digits of a name or an id are no number.
        let inside = at > 0
            && letters.get(at - 1).is_some_and(|before| before.is_alphanumeric() || *before == '_');
        if !letter.is_ascii_digit() || inside {
            at += 1;
            continue;
        }
        let start = at;
        while letters.get(at).is_some_and(|one| {
            one.is_ascii_digit()
                || (",.".contains(*one) && letters.get(at + 1).is_some_and(char::is_ascii_digit))
        }) {
            at += 1;
        }
        let mut number = String::new();
        number.extend(letters.get(start..at).unwrap_or_default());
        if letters.get(at).is_some_and(|next| next.is_alphabetic() || *next == '_') {
            continue;
        }
        let mut behind = letters
            .get(at..)
            .unwrap_or_default()
            .iter()
            .skip_while(|one| **one == ' ' || **one == '\u{a0}');
        let percent = if behind.next() == Some(&'%') { "%" } else { "" };
        found.push(plain(&number) + percent);
    }
    found
}

/// Without separators, and without zeros and signs that say nothing.
fn plain(number: &str) -> String {
    let bare = number.trim_start_matches(['+', '-']).replace(',', "");
    match bare.split_once('.') {
        Some((whole, part)) if part.trim_end_matches('0').is_empty() => whole.to_owned(),
        Some((whole, part)) if !part.contains('.') => {
            format!("{whole}.{}", part.trim_end_matches('0'))
        }
        _ => bare,
    }
}

/// Words in lower case: letters, digits, `_`, and dots inside.
fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '.'))
        .map(|word| word.trim_matches('.').to_lowercase())
        .filter(|word| word.chars().any(char::is_alphabetic))
        .flat_map(|word| {
            let parts: Vec<String> = if word.contains('.') {
                word.split('.').map(str::to_owned).collect()
            } else {
                Vec::new()
            };
            std::iter::once(word).chain(parts).collect::<Vec<_>>()
        })
        .collect()
}
