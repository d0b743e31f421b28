//! The contract of the memory, run against each back-end, and what is particular to SQLite.

mod bodies;
mod build;
mod contract;
mod sqlite;

use tempfile::TempDir;

use crate::tests::build::workspace;
use crate::{Memory, Store};

/// A back-end that the contract is run against: one store, and any number of handles on it.
trait Backend: Sized {
    async fn fresh() -> Self;

    /// What `name` remembers, through a handle of its own.
    async fn memory(&self, name: &str) -> Memory;
}

/// SQLite in a folder that goes away with the test.
struct Folder(TempDir);

impl Folder {
    async fn store(&self) -> Store {
        Store::open(self.0.path()).await.unwrap()
    }
}

impl Backend for Folder {
    async fn fresh() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn memory(&self, name: &str) -> Memory {
        self.store().await.workspace(workspace(name))
    }
}

mod on_sqlite {
    contract::memory_contract!(crate::tests::Folder);

    use crate::tests::contract;
}
