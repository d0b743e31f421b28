//! The contract of the memory, run against each back-end, and what is particular to each.

mod bodies;
mod build;
mod contract;
mod copy;
mod isolation;
mod plane;
mod sqlite;

use sqlx::{Connection as _, Executor as _};
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

/// A schema of its own in the PostgreSQL of the tests, and a state folder that goes away with the test.
struct Server {
    url: String,
    folder: TempDir,
}

/// The address of the tests' PostgreSQL.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where it is")]
fn server() -> String {
    std::env::var("BELAY_TEST_POSTGRES").expect(
        "the tests of the store need a PostgreSQL: run `export BELAY_TEST_POSTGRES=$(tools/postgres start)`",
    )
}

impl Server {
    async fn at(server: &str) -> Self {
        let schema = format!("t{}", uuid::Uuid::now_v7().simple());
        let mut admin = sqlx::PgConnection::connect(server).await.unwrap();
        let create = format!("CREATE SCHEMA {schema}");
        admin.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
        admin.close().await.unwrap();
        let url = format!("{server}?options[search_path]={schema}");
        Self { url, folder: tempfile::tempdir().unwrap() }
    }

    async fn store(&self) -> Store {
        Store::connect(&self.url, self.folder.path()).await.unwrap()
    }
}

impl Backend for Server {
    async fn fresh() -> Self {
        Self::at(&server()).await
    }

    async fn memory(&self, name: &str) -> Memory {
        self.store().await.workspace(workspace(name))
    }
}

/// Every promise of the contract.
mod promises {
    pub(super) use crate::tests::contract::*;
    pub(super) use crate::tests::isolation::*;
    pub(super) use crate::tests::plane::*;
}

mod on_postgres {
    contract::memory_contract!(crate::tests::Server);

    use crate::tests::contract;
}

mod on_sqlite {
    contract::memory_contract!(crate::tests::Folder);

    use crate::tests::contract;
}
