//! DuckDB files: opened, confined to themselves, and told apart when they do not open.

use std::io::Read as _;
use std::path::Path;

use crate::connection::{Connection, Manners};
use crate::{Access, Database, Driver, WarehouseError};

pub(crate) fn connect(
    driver: &Driver,
    database: &Database,
    path: &Path,
) -> Result<Connection, WarehouseError> {
    if !database.create && !path.is_file() {
        return Err(WarehouseError::NoFile { path: path.to_owned() });
    }
    let access = if database.access == Access::ReadOnly { "READ_ONLY" } else { "READ_WRITE" };
    let options = [("path", &*path.to_string_lossy()), ("access_mode", access)];
    let connected = driver.connect(options)?;
    let inner = connected.map_err(|error| refusal(path, error.message))?;
    let mut connection = Connection::new(inner, Manners::default());
    for setting in confinement(database) {
        connection.set(&setting).map_err(|error| refusal(path, error.message))?;
    }
    Ok(connection)
}

/// What comes later cannot undo these: the configuration is locked last.
fn confinement(database: &Database) -> Vec<String> {
    let mut settings =
        vec!["SET TimeZone = 'UTC'".to_owned(), "SET preserve_insertion_order = false".to_owned()];
    if let Some(limit) = &database.memory_limit {
        settings.push(format!("SET memory_limit = '{}'", limit.replace('\'', "''")));
    }
    if !database.external_access {
        settings.push("SET enable_external_access = false".to_owned());
    }
    settings.push("SET lock_configuration = true".to_owned());
    settings
}

fn refusal(path: &Path, message: String) -> WarehouseError {
    let path = path.to_owned();
    if message.contains("Could not set lock on file") || message.contains("Conflicting lock") {
        WarehouseError::Locked { path, message }
    } else if message.contains("newer version of DuckDB") {
        WarehouseError::NewerFile { wrote: wrote(&path), path, message }
    } else {
        WarehouseError::Open { path, message }
    }
}

/// The DuckDB that wrote a file, such as `DuckDB v2.0.0`, as the file's own header says: a checksum of
/// eight bytes, `DUCK`, the storage version, four words of flags, then the version of the library in
/// 32 bytes (DuckDB's `MainHeader`).
fn wrote(path: &Path) -> Option<String> {
    const STORAGE: usize = 12;
    const LIBRARY: usize = 52;
    let mut header = [0_u8; LIBRARY + 32];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header)).ok()?;
    if header.get(8..STORAGE)? != b"DUCK" {
        return None;
    }
    let library = header.get(LIBRARY..)?.split(|byte| *byte == 0).next()?;
    let library = std::str::from_utf8(library).ok()?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-+".contains(letter);
    (library.starts_with('v') && library.chars().all(plain)).then(|| format!("DuckDB {library}"))
}
