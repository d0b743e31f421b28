//! One statement, and the action that it is: both the asker and the session derive it from the same
//! text, so a permit for one statement admits no other.

use belay_model::{Action, Resource, Verb, Zone};

/// SQL with its purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub verb: Verb,
    /// What it is done to, such as `warehouse:shop.duckdb` or `schema:belay_0a1b2c3d`.
    pub resource: Resource,
    /// Reads on from "the warehouse refused to …".
    pub purpose: String,
    pub sql: String,
    pub inverse: Option<String>,
}

impl Statement {
    pub fn query(warehouse: &str, zone: Zone, purpose: &str, sql: String) -> Self {
        Self::new(Verb::RunQuery, Resource::new(warehouse, zone), purpose, sql)
    }

    pub fn metadata(warehouse: &str, zone: Zone, purpose: &str, sql: String) -> Self {
        Self::new(Verb::ReadMetadata, Resource::new(warehouse, zone), purpose, sql)
    }

    pub fn new(verb: Verb, resource: Resource, purpose: &str, sql: String) -> Self {
        Self { verb, resource, purpose: purpose.to_owned(), sql, inverse: None }
    }

    pub fn action(&self) -> Action {
        let action = Action::new(self.verb, self.resource.clone())
            .with("purpose", self.purpose.clone())
            .with("sql", self.sql.clone());
        Action { inverse: self.inverse.clone(), ..action }
    }
}

/// An identifier between double quotes, as DuckDB, PostgreSQL and Snowflake read it.
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}
