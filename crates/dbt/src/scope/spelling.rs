//! One spelling for values that dbt versions spell differently: `['a']`, `"['a']"` and `["a"]`.

use serde_json::Value;

const DEEPEST: usize = 64;

/// Two values mean the same.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    a == b || canonical(a) == canonical(b)
}

/// Two texts of code are the same but for line endings and blank ends.
pub(super) fn same_code(a: &str, b: &str) -> bool {
    a == b || lines(a).eq(lines(b))
}

fn lines(code: &str) -> impl Iterator<Item = &str> {
    code.trim().lines()
}

pub(super) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, to: &mut String) {
    match value {
        Value::String(text) => match Literal::read(text) {
            Some(read) => write_read(&read, to),
            None => quote(text, to),
        },
        other => write_read(other, to),
    }
}

/// Writes a value whose own text is no literal any more.
fn write_read(value: &Value, to: &mut String) {
    match value {
        Value::Null => to.push_str("null"),
        Value::Bool(flag) => to.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => to.push_str(&number.to_string()),
        Value::String(text) => quote(text, to),
        Value::Array(items) => {
            to.push('[');
            for item in items {
                write(item, to);
                to.push(',');
            }
            to.push(']');
        }
        Value::Object(fields) => {
            let mut keys: Vec<_> = fields.iter().collect();
            keys.sort_by(|a, b| a.0.cmp(b.0));
            to.push('{');
            for (key, item) in keys {
                quote(key, to);
                to.push(':');
                write(item, to);
                to.push(',');
            }
            to.push('}');
        }
    }
}

fn quote(text: &str, to: &mut String) {
    to.push_str(&Value::from(text).to_string());
}

/// Reads the literals that Python and JSON share, and Python's own: `'a'`, `True`, `None`, `(1,)`.
struct Literal<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Literal<'a> {
    /// The value that `text` spells, if it spells one and nothing else.
    fn read(text: &'a str) -> Option<Value> {
        let mut literal = Self { rest: text, depth: 0 };
        let value = literal.value()?;
        literal.rest.trim().is_empty().then_some(value)
    }

    fn value(&mut self) -> Option<Value> {
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next()?;
        self.depth += 1;
        let value = match first {
            _ if self.depth > DEEPEST => None,
            '[' => self.list(']'),
            '(' => self.list(')'),
            '{' => self.fields(),
            '\'' | '"' => self.text().map(Value::String),
            _ => self.word(),
        };
        self.depth -= 1;
        value
    }

    fn list(&mut self, close: char) -> Option<Value> {
        self.skip(1);
        let mut items = Vec::new();
        loop {
            if self.take(close) {
                return Some(Value::Array(items));
            }
            items.push(self.value()?);
            if !self.take(',') && !self.rest.trim_start().starts_with(close) {
                return None;
            }
        }
    }

    fn fields(&mut self) -> Option<Value> {
        self.skip(1);
        let mut fields = serde_json::Map::new();
        loop {
            if self.take('}') {
                return Some(Value::Object(fields));
            }
            self.rest = self.rest.trim_start();
            let key = self.text()?;
            if !self.take(':') {
                return None;
            }
            let value = self.value()?;
            fields.insert(key, value);
            if !self.take(',') && !self.rest.trim_start().starts_with('}') {
                return None;
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        let mut letters = self.rest.char_indices();
        let quote = letters.next().map(|(_, letter)| letter).filter(|q| matches!(q, '\'' | '"'))?;
        let mut text = String::new();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => text.push(unescaped(letters.next()?.1)),
                _ if letter == quote => {
                    self.skip(at + 1);
                    return Some(text);
                }
                _ => text.push(letter),
            }
        }
        None
    }

    fn word(&mut self) -> Option<Value> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "+-._".contains(c)))
            .unwrap_or(self.rest.len());
        let word = self.rest.get(..end)?;
        let value = match word {
            "True" | "true" => Value::Bool(true),
            "False" | "false" => Value::Bool(false),
            "None" | "null" => Value::Null,
            _ => Value::Number(word.parse().ok()?),
        };
        self.skip(end);
        Some(value)
    }

    fn take(&mut self, expected: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

fn unescaped(letter: char) -> char {
    match letter {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_the_same_however_a_dbt_version_spells_it() {
        for spelling in [json!(["a"]), json!("['a']"), json!("[\"a\"]"), json!("('a',)")] {
            assert_eq!(canonical(&spelling), r#"["a",]"#, "{spelling}");
        }
    }

    #[test]
    fn a_flag_or_a_number_is_the_same_as_a_text() {
        assert!(same(&json!(true), &json!("True")));
        assert!(same(&json!(1), &json!("1")));
        assert!(same(&json!({"a": 1}), &json!("{'a': 1}")));
    }

    #[test]
    fn texts_that_are_no_literals_are_compared_as_they_are() {
        assert!(!same(&json!("a"), &json!("b")));
        assert!(!same(&json!("1.10"), &json!("1.1.0")));
        assert!(!same(&json!("[a"), &json!("[ a")));
        assert!(!same(&json!("a]"), &json!("a")));
    }

    #[test]
    fn line_endings_do_not_matter_and_words_do() {
        assert!(same_code("select 1\r\nfrom a", "select 1\nfrom a\n"));
        assert!(!same_code("select 1", "select 2"));
        assert!(!same_code("select 1", "select 1\nfrom a"));
    }

    #[test]
    fn a_deep_literal_does_not_overflow_the_stack() {
        let deep = "[".repeat(100_000);
        assert_eq!(canonical(&json!(deep)), json!(deep).to_string());
    }
}
