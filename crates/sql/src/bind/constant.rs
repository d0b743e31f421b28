//! Values written in the query.

use sqlparser::ast::{self, Expr as Ast, Value};

use super::expr::compound;
use super::{Binder, unsupported};
use crate::Unread;
use crate::plan::{Expr, Literal};

impl<'q> Binder<'q> {
    /// A value as it is written.
    pub(super) fn literal(value: &Value) -> Result<Expr, Unread> {
        let literal = match value {
            Value::Number(number, is_long) => {
                let suffix = if *is_long { "l" } else { "" };
                Literal::Number(format!("{}{suffix}", number.to_lowercase()))
            }
            Value::SingleQuotedString(text)
            | Value::TripleSingleQuotedString(text)
            | Value::TripleDoubleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text)
            | Value::SingleQuotedRawStringLiteral(text)
            | Value::DoubleQuotedRawStringLiteral(text)
            | Value::TripleSingleQuotedRawStringLiteral(text)
            | Value::TripleDoubleQuotedRawStringLiteral(text)
            | Value::NationalStringLiteral(text)
            | Value::DoubleQuotedString(text) => Literal::Text(text.clone()),
            Value::DollarQuotedString(ast::DollarQuotedString { value, tag: _ }) => {
                Literal::Text(value.clone())
            }
            Value::SingleQuotedByteStringLiteral(text)
            | Value::DoubleQuotedByteStringLiteral(text)
            | Value::TripleSingleQuotedByteStringLiteral(text)
            | Value::TripleDoubleQuotedByteStringLiteral(text) => {
                Literal::Typed("bytes".to_owned(), text.clone())
            }
            Value::HexStringLiteral(text) => Literal::Typed("hex".to_owned(), text.to_lowercase()),
            Value::QuoteDelimitedStringLiteral(_)
            | Value::NationalQuoteDelimitedStringLiteral(_) => {
                return unsupported("a q'…' text is not understood");
            }
            Value::Boolean(value) => Literal::Boolean(*value),
            Value::Null => Literal::Null,
            Value::Placeholder(name) => Literal::Parameter(name.clone()),
        };
        Ok(Expr::Literal(literal))
    }

    /// `INTERVAL '1 day'`, `INTERVAL 1 DAY`, `INTERVAL '1' DAY` are one.
    pub(super) fn interval(&mut self, interval: &'q ast::Interval) -> Result<Expr, Unread> {
        let ast::Interval {
            value,
            leading_field,
            leading_precision,
            last_field,
            fractional_seconds_precision,
        } = interval;
        let mut unit = leading_field.as_ref().map(unit_of).unwrap_or_default();
        if let Some(precision) = leading_precision {
            unit = format!("{unit}({precision})");
        }
        if let Some(last) = last_field {
            unit = format!("{unit} to {}", unit_of(last));
        }
        if let Some(precision) = fractional_seconds_precision {
            unit = format!("{unit}({precision})");
        }
        let mut inner = &**value;
        while let Ast::Nested(nested) = inner {
            inner = nested;
        }
        let value = self.expr(inner)?;
        let amount = match &value {
            Expr::Literal(Literal::Text(text)) => Some(text.trim().to_lowercase()),
            Expr::Literal(Literal::Number(number)) => Some(number.clone()),
            _ => None,
        };
        Ok(match amount {
            Some(amount) => {
                let text = format!("{amount} {unit}");
                Expr::Literal(Literal::Typed("interval".to_owned(), singular(text.trim())))
            }
            None => compound(format!("interval {unit}").trim_end(), vec![value]),
        })
    }
}

fn unit_of(field: &ast::DateTimeField) -> String {
    let unit = field.to_string().to_lowercase();
    singular(&unit)
}

/// `3 days` as `3 day`.
fn singular(text: &str) -> String {
    match text.strip_suffix('s') {
        Some(one)
            if ["year", "month", "week", "day", "hour", "minute", "second", "quarter"]
                .iter()
                .any(|unit| one.ends_with(unit))
                || one.ends_with("millisecond") =>
        {
            one.to_owned()
        }
        _ => text.to_owned(),
    }
}
