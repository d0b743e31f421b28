//! A database that a driver of the team's own opens: belay knows its options and its dialect, no more.

use std::collections::BTreeMap;
use std::fmt;

use adbc_core::Optionable as _;
use adbc_core::options::{OptionConnection, OptionValue};

use crate::connection::{Connection, Manners, hidden};
use crate::{Access, Database, Driver, WarehouseError};

/// What a driver of the team's own is given.
#[derive(Clone, PartialEq, Eq)]
pub struct Other {
    /// What belay calls it, wherever it is named.
    pub name: String,
    /// Whose SQL it speaks: the name of a dbt adapter. Nothing is guessed from the driver.
    pub dialect: String,
    /// The name that its relations begin with.
    pub database: String,
    /// The driver's own options, such as `uri`. Each value may hold a secret, so none is ever told.
    pub options: BTreeMap<String, String>,
}

/// Without the values of the options.
impl fmt::Debug for Other {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.options.keys().collect();
        out.debug_struct("Other")
            .field("name", &self.name)
            .field("dialect", &self.dialect)
            .field("options", &names)
            .finish_non_exhaustive()
    }
}

impl Other {
    pub(crate) fn connect(
        &self,
        driver: &Driver,
        database: &Database,
    ) -> Result<Connection, WarehouseError> {
        let secrets: Vec<String> = self.options.values().cloned().collect();
        let unreachable = |message: String| WarehouseError::Unreachable {
            address: self.name.clone(),
            message: hidden(message, &secrets),
        };
        let options = self.options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut inner = driver.connect(options)?.map_err(|error| unreachable(error.message))?;
        let reads = database.access == Access::ReadOnly;
        let transactions = reads && self.dialect == "postgres";
        if reads && !transactions {
            // A driver that knows no session that only reads gets none that compares.
            inner
                .set_option(OptionConnection::ReadOnly, OptionValue::from("true"))
                .map_err(|error| unreachable(error.message))?;
        }
        let manners = Manners { timeout: database.timeout, secrets: secrets.clone(), transactions };
        Ok(Connection::new(inner, manners))
    }
}
