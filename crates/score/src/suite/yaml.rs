//! YAML with the line of every value, read leniently in form and strictly in content: every key that
//! nobody asked for, every value of a wrong type and every repeated key is a fault with its line.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;

/// Something wrong with a suite, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// From 1; 0 where it is about the file as a whole.
    pub line: u64,
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => out.write_str(&self.message),
            line => write!(out, "line {line}: {}", self.message),
        }
    }
}

pub(crate) type Node = Spanned<Raw>;

#[derive(Debug, Clone)]
pub(crate) enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Spanned<String>, Node)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Raw;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Int(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(Raw::Int(i64::try_from(value).unwrap_or(i64::MAX)))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Raw::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
                let mut map = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    map.push(entry);
                }
                Ok(Raw::Map(map))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Reads text into nodes. A tab where YAML wants spaces is told of every line that has one.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<Fault>> {
    let tabs: Vec<Fault> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| {
            line.chars().take_while(|letter| letter.is_whitespace()).any(|letter| letter == '\t')
        })
        .map(|(line, _)| Fault { line, message: "a tab in the indentation; use spaces".to_owned() })
        .collect();
    if !tabs.is_empty() {
        return Err(tabs);
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |place| place.line());
        let message = error.to_string().lines().next().unwrap_or_default().to_owned();
        vec![Fault { line, message }]
    })
}

/// Gathers faults while a document is read, so that all of them are told at once.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, line: u64, message: impl Into<String>) {
        self.0.borrow_mut().push(Fault { line, message: message.into() });
    }

    /// In the order of the file.
    pub(crate) fn all(self) -> Vec<Fault> {
        let mut faults = self.0.into_inner();
        faults.sort();
        faults.dedup();
        faults
    }
}

pub(crate) fn line(node: &Node) -> u64 {
    node.referenced.line()
}

/// The same as plain JSON; what a digest is made of.
pub(crate) fn json(node: &Node) -> Value {
    match &node.value {
        Raw::Null => Value::Null,
        Raw::Bool(value) => (*value).into(),
        Raw::Int(value) => (*value).into(),
        Raw::Float(value) => (*value).into(),
        Raw::Text(value) => value.as_str().into(),
        Raw::List(items) => items.iter().map(json).collect(),
        Raw::Map(entries) => {
            entries.iter().map(|(key, value)| (key.value.clone(), json(value))).collect()
        }
    }
}

/// The entries of a map, taken one by one; what nobody took is unknown.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    what: String,
    pub(crate) line: u64,
    entries: &'a [(Spanned<String>, Node)],
    taken: BTreeSet<&'static str>,
    faults: &'a Faults,
}

impl<'a> Fields<'a> {
    /// `what` names the map in messages, such as `a check`.
    pub(crate) fn of(node: &'a Node, what: impl Into<String>, faults: &'a Faults) -> Self {
        let what = what.into();
        let entries: &[_] = match &node.value {
            Raw::Map(entries) => entries,
            Raw::Null => &[],
            _ => {
                faults.add(line(node), format!("{what} must be a map of keys and values"));
                &[]
            }
        };
        let mut seen = BTreeSet::new();
        for (key, _) in entries {
            if !seen.insert(key.value.as_str()) {
                faults
                    .add(key.referenced.line(), format!("`{}` stands twice in {what}", key.value));
            }
        }
        Self { what, line: line(node), entries, taken: BTreeSet::new(), faults }
    }

    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.taken.insert(key);
        self.entries.iter().find(|(name, _)| name.value == key).map(|(_, node)| node)
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        let node = self.node(key)?;
        match &node.value {
            Raw::Text(text) => return Some(text.clone()),
            // `version: 1` where a text is meant.
            Raw::Int(number) => return Some(number.to_string()),
            _ => self.faults.add(line(node), format!("`{key}` must be text")),
        }
        None
    }

    pub(crate) fn needed_text(&mut self, key: &'static str) -> String {
        if self.node(key).is_none() {
            self.missing(key);
        }
        self.text(key).unwrap_or_default()
    }

    pub(crate) fn missing(&self, key: &str) {
        self.faults.add(self.line, format!("{} has no `{key}`", self.what));
    }

    /// A whole number within a range.
    pub(crate) fn count(&mut self, key: &'static str, least: i64, most: i64) -> Option<usize> {
        let node = self.node(key)?;
        match node.value {
            Raw::Int(number) if (least..=most).contains(&number) => usize::try_from(number).ok(),
            _ => {
                let range = format!("`{key}` must be a whole number from {least} to {most}");
                self.faults.add(line(node), range);
                None
            }
        }
    }

    pub(crate) fn number(&mut self, key: &'static str) -> Option<f64> {
        let node = self.node(key)?;
        match node.value {
            #[expect(clippy::cast_precision_loss, reason = "a bound that a person wrote")]
            Raw::Int(number) => Some(number as f64),
            Raw::Float(number) if number.is_finite() => Some(number),
            _ => {
                self.faults.add(line(node), format!("`{key}` must be a number"));
                None
            }
        }
    }

    /// A share from 0 to 1.
    pub(crate) fn share(&mut self, key: &'static str) -> Option<f64> {
        let number = self.number(key)?;
        if (0.0..=1.0).contains(&number) {
            return Some(number);
        }
        let at = self.node(key).map_or(self.line, line);
        self.faults.add(at, format!("`{key}` must be a share from 0 to 1"));
        None
    }

    /// One of several words.
    pub(crate) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let node = self.node(key)?;
        let text = if let Raw::Text(text) = &node.value { text.as_str() } else { "" };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let known = known.join(", ");
            let said = if text.is_empty() { String::new() } else { format!(", not `{text}`") };
            self.faults.add(line(node), format!("`{key}` must be one of {known}{said}"));
        }
        found
    }

    pub(crate) fn list(&mut self, key: &'static str) -> Option<&'a [Node]> {
        let node = self.node(key)?;
        if let Raw::List(items) = &node.value {
            return Some(items);
        }
        self.faults.add(line(node), format!("`{key}` must be a list"));
        None
    }

    pub(crate) fn words(&mut self, key: &'static str) -> Option<Vec<String>> {
        let items = self.list(key)?;
        let text = |node: &Node| {
            if let Raw::Text(text) = &node.value {
                return Some(text.clone());
            }
            self.faults.add(line(node), format!("`{key}` must be a list of texts"));
            None
        };
        Some(items.iter().filter_map(text).collect())
    }

    /// Tells of every key that nobody took.
    pub(crate) fn done(self) {
        let unknown =
            self.entries.iter().filter(|(key, _)| !self.taken.contains(key.value.as_str()));
        for (key, _) in unknown {
            let known: Vec<String> = self.taken.iter().map(|key| format!("`{key}`")).collect();
            let known = known.join(", ");
            let message = format!("{} has no key `{}`; there are {known}", self.what, key.value);
            self.faults.add(key.referenced.line(), message);
        }
    }
}
