//! A query's content: what decides which rows it has, and what each of its columns is.
//!
//! Two queries whose contents are the same terms have the same output, on any tables. The reverse
//! does not hold: equal queries may have different terms.

mod block;
mod expr;
mod function;
mod names;
mod proof;
mod prune;
mod push;
mod scalar;
mod seal;
mod source;
pub(crate) mod term;
mod words;

use crate::plan::Query;
use crate::tables::Tables;
use crate::{Dialect, canon::seal::Sealer};
use term::{Term, Terms};

/// What a query is.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) rows: Term,
    /// In order.
    pub(crate) outputs: Vec<Output>,
    /// The order in which the rows are asked for.
    pub(crate) order: Vec<Term>,
    pub(crate) is_complete: bool,
}

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) value: Term,
    pub(crate) data_type: Option<String>,
}

/// The content of a query, in terms that may be compared with all others of the same table. Calls
/// that give another value each time are equal to those of a query with the same `side` only.
pub(crate) fn content(
    query: &Query,
    dialect: Dialect,
    tables: &Tables,
    terms: &mut Terms,
    side: &str,
) -> Content {
    let mut query = query.clone();
    query.rel = push::push(query.rel);
    let query = prune::prune(&query, dialect);
    Sealer::new(&query, dialect, tables, terms, side).content(&query)
}

/// A type's one spelling.
pub(crate) fn data_type(name: &str, dialect: Dialect) -> String {
    names::data_type(name, dialect)
}

/// A function that gives another value at each call.
pub(crate) fn is_volatile(name: &str) -> bool {
    names::is_volatile(name)
}
