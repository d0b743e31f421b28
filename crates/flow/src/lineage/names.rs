//! How compiled queries spell relations.

use belay_dbt::manifest::Node;
use belay_sql::{Dialect, TableName};

/// What dbt puts before the name of an ephemeral model where it writes its query into a reader.
pub(super) const EPHEMERAL: &str = "__dbt__cte__";

/// The name under which queries read the node.
pub(super) fn name(node: &Node, dialect: Dialect) -> Option<TableName> {
    let relation = node.relation.as_ref();
    if node.is_ephemeral() {
        let name = relation.map_or(&node.name, |relation| &relation.identifier);
        return Some(TableName(vec![dialect.fold(&format!("{EPHEMERAL}{name}"), false)]));
    }
    let relation = relation?;
    if let Some(name) = relation.name.as_deref() {
        return Some(parts(name, dialect));
    }
    let parts = [relation.database.as_deref(), relation.schema.as_deref()];
    let parts = parts.into_iter().flatten().chain([&*relation.identifier]);
    Some(TableName(parts.map(|part| dialect.fold(part, false)).collect()))
}

/// Splits `"db"."schema"."name"` at the dots outside of quotes.
pub(super) fn parts(name: &str, dialect: Dialect) -> TableName {
    let mut parts = Vec::new();
    let (mut part, mut closing, mut quoted) = (String::new(), None, false);
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        match closing {
            Some(close) if letter == close => {
                if letters.peek() == Some(&close) {
                    letters.next();
                    part.push(close);
                } else {
                    closing = None;
                }
            }
            Some(_) if letter == '.' && dialect == Dialect::BigQuery => {
                parts.push(dialect.fold(&std::mem::take(&mut part), true));
            }
            Some(_) => part.push(letter),
            None => match letter {
                '"' | '`' => (closing, quoted) = (Some(letter), true),
                '[' => (closing, quoted) = (Some(']'), true),
                '.' => parts
                    .push(dialect.fold(&std::mem::take(&mut part), std::mem::take(&mut quoted))),
                _ => part.push(letter),
            },
        }
    }
    parts.push(dialect.fold(part.trim(), quoted));
    TableName(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_is_split_at_dots_outside_of_quotes_and_folded() {
        for (dialect, text, expected) in [
            (Dialect::DuckDb, r#""Shop"."main"."a.b""#, "shop|main|a.b"),
            (Dialect::Snowflake, "shop.Main.orders", "SHOP|MAIN|ORDERS"),
            (Dialect::Snowflake, r#"shop."Main"."or""ders""#, r#"SHOP|Main|or"ders"#),
            (Dialect::BigQuery, "`p`.`d`.`T`", "p|d|t"),
            (Dialect::BigQuery, "`p.d.T`", "p|d|t"),
            (Dialect::Postgres, r#""db"."s"."Mixed""#, "db|s|Mixed"),
            (Dialect::Generic, "[db].[s].t", "db|s|t"),
        ] {
            assert_eq!(parts(text, dialect).0.join("|"), expected, "{text}");
        }
    }
}
