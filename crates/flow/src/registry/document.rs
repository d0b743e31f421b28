//! YAML with the line of every value, read strictly: what is unknown, doubled or of another kind is
//! noted, and reading goes on, so that a person sees all of it at once.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};

use super::faults::{Fault, Faults, Kind};

/// A value and the line it stands on.
pub(crate) type Node = Spanned<Value>;

#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(i64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Spanned<String>, Node)>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("text, a whole number, true or false, a list or a mapping")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map(Value::Number).map_err(|_| E::custom("the number is too large"))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Err(E::custom(format!("`{value}` is no whole number; put text in quotes")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = from.next_key::<Spanned<Value>>()? {
            let Value::Text(name) = key.value else {
                return Err(A::Error::custom("a key that is no text"));
            };
            let name = Spanned { value: name, referenced: key.referenced, defined: key.defined };
            entries.push((name, from.next_value()?));
        }
        Ok(Value::Map(entries))
    }
}

/// Reads one file and keeps what is wrong with it.
#[derive(Debug)]
pub(crate) struct Reading {
    file: String,
    kind: Kind,
    pub faults: Faults,
}

/// A mapping whose keys are known.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    pub line: u64,
    /// Such as `step revoke`; empty at the top.
    what: String,
    entries: BTreeMap<&'a str, &'a Node>,
}

impl Reading {
    pub(crate) fn new(kind: Kind, file: &str) -> Self {
        Self { file: file.to_owned(), kind, faults: Faults::default() }
    }

    pub(crate) fn fault(&mut self, line: u64, what: impl Into<String>) {
        let (file, kind) = (self.file.clone(), self.kind);
        self.faults.0.push(Fault { file, line, kind, what: what.into() });
    }

    /// The whole document. Nothing when it is no YAML.
    pub(crate) fn document(&mut self, text: &str) -> Option<Node> {
        for (line, number) in text.lines().zip(1..) {
            let indent = line.len() - line.trim_start().len();
            if line.get(..indent).is_some_and(|indent| indent.contains('\t')) {
                self.fault(number, "a tab in the indentation: use spaces");
            }
        }
        if !self.faults.is_empty() {
            return None;
        }
        let options = serde_saphyr::options! {
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            merge_keys: MergeKeyPolicy::AsOrdinary,
            strict_booleans: true,
        };
        match serde_saphyr::from_str_with_options::<Node>(text, options) {
            Ok(node) => Some(node),
            Err(error) => {
                let line = error.location().map_or(0, |place| place.line());
                let said = error.without_snippet().to_string();
                let said = said.lines().next().unwrap_or_default();
                self.fault(line, format!("it is not YAML that belay understands: {said}"));
                None
            }
        }
    }

    /// The mapping at `node`; what is unknown or doubled in it is noted.
    pub(crate) fn fields<'a>(
        &mut self,
        node: &'a Node,
        what: &str,
        known: &[&str],
    ) -> Option<Fields<'a>> {
        let line = node.referenced.line();
        let Value::Map(read) = &node.value else {
            let subject = if what.is_empty() { "the document" } else { what };
            self.fault(line, format!("{subject} is {}, expected a mapping", node.value.kind()));
            return None;
        };
        let mut entries = BTreeMap::new();
        for (key, value) in read {
            let (name, at) = (key.value.as_str(), key.referenced.line());
            if !known.contains(&name) {
                self.fault(at, format!("unknown key `{name}`; known: {}", known.join(", ")));
            } else if entries.contains_key(name) {
                self.fault(at, format!("`{name}` is given twice"));
            } else {
                entries.insert(name, value);
            }
        }
        Some(Fields { line, what: what.to_owned(), entries })
    }

    fn expected<T>(&mut self, node: &Node, name: &str, expected: &str) -> Option<T> {
        let kind = node.value.kind();
        self.fault(node.referenced.line(), format!("`{name}` is {kind}, expected {expected}"));
        None
    }

    /// Text that shows a person all that is in it.
    fn honest(&mut self, node: &Node, name: &str) -> Option<String> {
        let Value::Text(text) = &node.value else {
            return self.expected(node, name, "text (put it in quotes)");
        };
        let hides = |letter: char| {
            (letter.is_control() && letter != '\n')
                || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}')
        };
        if text.chars().any(hides) {
            self.fault(
                node.referenced.line(),
                format!("`{name}` has characters that a terminal hides"),
            );
            return None;
        }
        Some(text.trim_end_matches('\n').to_owned())
    }
}

impl<'a> Fields<'a> {
    pub(crate) fn node(&self, name: &str) -> Option<&'a Node> {
        self.entries.get(name).copied()
    }

    /// Where `name` stands, or the mapping when it is not there.
    pub(crate) fn line_of(&self, name: &str) -> u64 {
        self.node(name).map_or(self.line, |node| node.referenced.line())
    }

    /// Notes that a key that must be there is not.
    pub(crate) fn missing(&self, reading: &mut Reading, name: &str) {
        let of = if self.what.is_empty() { String::new() } else { format!(" in {}", self.what) };
        reading.fault(self.line, format!("`{name}` is missing{of}"));
    }

    pub(crate) fn text(&self, reading: &mut Reading, name: &str) -> Option<String> {
        reading.honest(self.node(name)?, name)
    }

    /// Text that must be there and not be empty. What is returned counts only without faults.
    pub(crate) fn required(&self, reading: &mut Reading, name: &str) -> String {
        if self.node(name).is_none() {
            self.missing(reading, name);
            return String::new();
        }
        let text = self.text(reading, name);
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            reading.fault(self.line_of(name), format!("`{name}` is empty"));
        }
        text.unwrap_or_default()
    }

    pub(crate) fn flag(&self, reading: &mut Reading, name: &str) -> bool {
        match self.node(name).map(|node| (node, &node.value)) {
            None => false,
            Some((_, Value::Bool(flag))) => *flag,
            Some((node, _)) => reading.expected(node, name, "true or false").unwrap_or_default(),
        }
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn number(
        &self,
        reading: &mut Reading,
        name: &str,
        least: i64,
        most: i64,
    ) -> Option<i64> {
        let node = self.node(name)?;
        match &node.value {
            Value::Number(number) if (least..=most).contains(number) => Some(*number),
            _ => reading.expected(node, name, &format!("a whole number, {least} to {most}")),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, reading: &mut Reading, name: &str) -> Vec<String> {
        let items = self.items(reading, name);
        items.into_iter().filter_map(|item| reading.honest(item, name)).collect()
    }

    /// A list of whole numbers from `least` to `most`.
    pub(crate) fn numbers(
        &self,
        reading: &mut Reading,
        name: &str,
        least: i32,
        most: i32,
    ) -> Vec<i32> {
        let mut numbers = Vec::new();
        for item in self.items(reading, name) {
            let number = match &item.value {
                Value::Number(number) => i32::try_from(*number).ok(),
                _ => None,
            };
            match number {
                Some(number) if (least..=most).contains(&number) => numbers.push(number),
                _ => {
                    let expected = format!("whole numbers, {least} to {most}");
                    reading.expected::<()>(item, name, &expected);
                }
            }
        }
        numbers
    }

    pub(crate) fn items(&self, reading: &mut Reading, name: &str) -> Vec<&'a Node> {
        match self.node(name).map(|node| (node, &node.value)) {
            None => Vec::new(),
            Some((_, Value::List(items))) => items.iter().collect(),
            Some((node, _)) => {
                reading.expected::<()>(node, name, "a list");
                Vec::new()
            }
        }
    }

    /// `name` as a value that has a spelling, with what it might have been.
    pub(crate) fn spelled<T>(
        &self,
        reading: &mut Reading,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        known: &str,
    ) -> Option<T> {
        let text = self.text(reading, name)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            reading.fault(self.line_of(name), format!("unknown {name} `{text}`; known: {known}"));
        }
        parsed
    }
}
