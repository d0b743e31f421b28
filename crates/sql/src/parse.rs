//! From text to syntax, for text that nobody vouches for.
//!
//! A query's tree can be as deep as its text is long, and what walks a tree recurses.

use sqlparser::ast::{Query, Statement};
use sqlparser::parser::{Parser, ParserError};

use crate::Dialect;

/// How deeply queries and expressions may be nested; hand-written queries stay below thirty.
const DEEPEST: usize = 600;

/// How many bytes a query may have. A chain of operators makes a tree as deep as it is long.
const LONGEST: usize = 2 << 20;

/// Bytes of stack for work on a query. Pages that are not touched cost nothing.
const STACK: usize = 1 << 30;

/// Does work on queries of any shape: on a thread whose stack holds the deepest that [`parse`] lets
/// through, many times over. Everything public here runs in it; whoever handles many queries calls
/// it once around them all.
///
/// # Errors
///
/// [`Unread::Unsupported`] where the system gives no such thread.
pub fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Unread> {
    let refused =
        |_| Unread::Unsupported("no thread with a deep stack could be started".to_owned());
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("sql".to_owned()).stack_size(STACK);
        let running = thread.spawn_scoped(scope, work).map_err(refused)?;
        match running.join() {
            Ok(done) => Ok(done),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Why a query was not understood. Never an error of a review: what is not understood is *unknown*.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error("it is nested more than {DEEPEST} deep")]
    TooDeep,
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    #[error("it does not parse as {dialect} SQL: {message}", dialect = .dialect.as_str())]
    Syntax { dialect: Dialect, message: String },
    #[error("it has {0} statements, not one query")]
    NotOneQuery(usize),
    #[error("{0}")]
    Unsupported(String),
}

/// Reads one query, on a deep stack. `CREATE TABLE … AS` and `CREATE VIEW … AS` count as their query.
pub fn parse(text: &str, dialect: Dialect) -> Result<Box<Query>, Unread> {
    if text.len() > LONGEST {
        return Err(Unread::TooLong);
    }
    let grammar = dialect.grammar();
    let explain = |error| match error {
        ParserError::RecursionLimitExceeded => Unread::TooDeep,
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            Unread::Syntax { dialect, message }
        }
    };
    let mut statements = Parser::new(&*grammar)
        .with_recursion_limit(DEEPEST)
        .try_with_sql(text)
        .map_err(explain)?
        .parse_statements()
        .map_err(explain)?;
    let count = statements.len();
    match (statements.pop(), count) {
        (Some(Statement::Query(query)), 1) => Ok(query),
        (Some(Statement::CreateTable(table)), 1) if table.query.is_some() => {
            table.query.ok_or(Unread::NotOneQuery(1))
        }
        (Some(Statement::CreateView(view)), 1) => Ok(view.query),
        _ => Err(Unread::NotOneQuery(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_nested_without_end_is_refused_and_overflows_no_stack() {
        for depth in [500, 50_000] {
            for (open, close) in
                [("(", ")"), ("select * from (", ")"), ("not ", ""), ("case when ", " then 1 end")]
            {
                let core = if open.starts_with("select") { "select 1" } else { "1" };
                let nested = format!("{}{core}{}", open.repeat(depth), close.repeat(depth));
                let text =
                    if open.starts_with("select") { nested } else { format!("select {nested}") };
                let read = with_deep_stack(|| parse(&text, Dialect::DuckDb).err()).unwrap();
                assert!(
                    matches!((depth, &read), (500, None) | (_, Some(_))),
                    "{depth} of {open}: {read:?}"
                );
            }
        }
    }

    #[test]
    fn a_chain_of_operators_as_long_as_a_query_may_be_is_read() {
        let text = format!("select 1{}", " + 1".repeat(LONGEST / 4 - 10));
        assert!(with_deep_stack(|| parse(&text, Dialect::DuckDb).is_ok()).unwrap());
        let longer = "-".repeat(LONGEST + 1);
        assert_eq!(parse(&longer, Dialect::DuckDb), Err(Unread::TooLong));
    }

    #[test]
    fn what_is_not_one_query_says_what_it_is() {
        for (text, why) in [
            ("", "it has 0 statements, not one query"),
            ("select 1; select 2", "it has 2 statements, not one query"),
            ("drop table t", "it has 1 statements, not one query"),
        ] {
            assert_eq!(parse(text, Dialect::Generic).unwrap_err().to_string(), why);
        }
        let said = parse("select a,, b from t", Dialect::Postgres).unwrap_err().to_string();
        assert!(said.starts_with("it does not parse as postgres SQL: "), "{said}");
    }
}
