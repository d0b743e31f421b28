use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::lenient::{Key, Loose};

/// A dbt config: keys and values. What is null or empty is left out, for dbt versions disagree
/// on whether to write it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(BTreeMap<Box<str>, Value>);

impl Settings {
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.value(key).and_then(Value::as_str)
    }

    /// A list of texts, also where one text stands alone.
    pub fn texts(&self, key: &str) -> Vec<String> {
        match self.value(key) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(items)) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    pub fn is_on(&self, key: &str) -> bool {
        self.value(key).is_some_and(says_yes)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn put(&mut self, key: &str, value: Value) {
        if !is_nothing(&value) {
            self.0.insert(key.into(), value);
        }
    }
}

/// `true`, however a dbt version spells it.
pub(crate) fn says_yes(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Loose::<Strict>::deserialize(deserializer).map(|loose| loose.0.0)
    }
}

#[derive(Default)]
struct Strict(Settings);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SettingsVisitor)
    }
}

struct SettingsVisitor;

impl<'de> Visitor<'de> for SettingsVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
        let mut settings = Settings::default();
        while let Some((Key(key), value)) = map.next_entry::<Key<'_>, Value>()? {
            if !is_nothing(&value) {
                settings.0.insert(key.into(), value);
            }
        }
        Ok(Strict(settings))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Strict::default())
    }
}
