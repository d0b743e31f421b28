//! Finding what a review needs on this machine: the project, its profile, a dbt, a driver.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use belay_dbt::profile::{Lookup, Project, Target};
use belay_outside::{Cache, DBT_REQUIREMENTS, DUCKDB, Dbt, DriverPackage, OutsideError, POSTGRES};
use belay_warehouse::{Address, Driver};
use fs_err as fs;

use crate::FlowError;
use crate::desk::Desk;
use crate::impact::scratch::{Claim, Login};
use crate::warehouse::{self, Warehouse};

/// What configuration says of tools; `None` lets belay look for itself.
#[derive(Debug, Clone, Default)]
pub struct ToolSettings {
    pub dbt: Option<PathBuf>,
    pub duckdb_library: Option<PathBuf>,
    pub postgres_library: Option<PathBuf>,
    pub profiles_dir: Option<PathBuf>,
    pub target: Option<String>,
}

/// Looks up an environment variable; shared by whoever needs one.
pub type Env = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Tools and where to look for them. The environment is a value here, as everywhere below the
/// command line.
#[derive(Clone)]
pub struct Tools {
    pub settings: ToolSettings,
    pub cache: Cache,
    pub env: Env,
    /// Belay's own program, which starts children so that they die with it.
    pub launcher: Option<PathBuf>,
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Tools").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A dbt project on this machine, with the target it runs on.
#[derive(Debug, Clone)]
pub struct LocalProject {
    pub folder: PathBuf,
    pub project: Project,
    pub target: Target,
    pub adapter: String,
    pub schema: String,
    /// The profiles.yml that the target stands in.
    pub profiles: PathBuf,
    /// Where the target's database is, if belay opens its like; a DuckDB file is absolute.
    pub database: Option<Address>,
}

impl LocalProject {
    /// How the database is opened again later, when only the claim is left.
    pub fn login(&self) -> Login {
        Login {
            profiles: self.profiles.clone(),
            profile: self.target.profile.clone(),
            target: self.target.name.clone(),
            project: self.folder.clone(),
        }
    }
}

/// Where a dbt was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbtOrigin {
    Configured,
    Path,
    Private,
}

impl DbtOrigin {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "named in the configuration",
            Self::Path => "found on PATH",
            Self::Private => "belay's private one",
        }
    }
}

impl Tools {
    fn lookup(&self) -> impl Fn(&str) -> Option<String> + '_ {
        |name| (self.env)(name)
    }

    /// The dbt project in `folder` or above it, but not above `top`.
    pub fn project(&self, folder: &Path, top: Option<&Path>) -> Result<LocalProject, FlowError> {
        let inside = |path: &&Path| top.is_none_or(|top| path.starts_with(top));
        let found = folder
            .ancestors()
            .take_while(inside)
            .find(|path| path.join("dbt_project.yml").is_file());
        let folder =
            found.ok_or_else(|| FlowError::NoProject { path: folder.to_owned() })?.to_owned();
        let env = self.lookup();
        let env: Lookup<'_> = &env;
        let project = Project::parse(&read(&folder.join("dbt_project.yml"))?, env)?;
        let profiles = self.profiles(&folder)?;
        let target = self.settings.target.as_deref();
        let target = Target::find(&read(&profiles)?, &project.profile, target, env)?;
        let (adapter, schema) = (target.adapter(env)?, target.schema(env)?);
        let database = warehouse::address(&target, &adapter, &folder, env)?;
        Ok(LocalProject { folder, project, target, adapter, schema, profiles, database })
    }

    /// dbt's own order: the folder that is named, the project's, the home folder's. Never that of a
    /// pull request's tree.
    fn profiles(&self, project: &Path) -> Result<PathBuf, FlowError> {
        let home = (self.env)("HOME").map(|home| Path::new(&home).join(".dbt"));
        let folders: Vec<PathBuf> = match &self.settings.profiles_dir {
            Some(folder) => vec![folder.clone()],
            None => [Some(project.to_owned()), home].into_iter().flatten().collect(),
        };
        let found =
            folders.iter().map(|folder| folder.join("profiles.yml")).find(|path| path.is_file());
        found.ok_or(FlowError::NoProfiles { folders })
    }

    /// The dbt to run for `adapter`: the configured one, one on PATH that has the adapter, or the
    /// private one, which is installed on first use.
    pub async fn dbt(
        &self,
        desk: &Desk,
        adapter: &str,
    ) -> Result<(Dbt, DbtOrigin, String), FlowError> {
        let dbt = |program: PathBuf| Dbt { program, launcher: self.launcher.clone() };
        if let Some(program) = &self.settings.dbt {
            let dbt = dbt(program.clone());
            let version = dbt.version().await?;
            return Ok((dbt, DbtOrigin::Configured, installed_version(&version)));
        }
        if let Some(version) = self.dbt_on_path(adapter).await {
            return Ok((dbt(PathBuf::from("dbt")), DbtOrigin::Path, version));
        }
        let program = match self.cache.dbt(adapter) {
            Some(program) => program,
            None => self.install_dbt(desk, adapter).await?,
        };
        Ok((dbt(program), DbtOrigin::Private, private_version()))
    }

    /// The version of the dbt on PATH, if there is one with this adapter.
    pub async fn dbt_on_path(&self, adapter: &str) -> Option<String> {
        let dbt = Dbt { program: PathBuf::from("dbt"), launcher: self.launcher.clone() };
        let version = dbt.version().await.ok()?;
        version.contains(&format!("- {adapter}:")).then(|| installed_version(&version))
    }

    /// Installs the private dbt for `adapter`.
    pub async fn install_dbt(&self, desk: &Desk, adapter: &str) -> Result<PathBuf, FlowError> {
        desk.progress.phase(&format!("install a private dbt for {adapter} (once)"));
        let progress = |message: &str| desk.progress.detail(message, None);
        Ok(self.cache.install_dbt(adapter, &desk.stop, progress).await?)
    }

    /// The DuckDB driver: the configured library, or the pinned one, fetched on first use.
    pub async fn duckdb(&self, desk: &Desk) -> Result<Driver, FlowError> {
        let named = self.settings.duckdb_library.clone();
        let missing = ("the DuckDB driver", "duckdb");
        Ok(Driver::duckdb(self.library(desk, named, DUCKDB, missing).await?))
    }

    /// The PostgreSQL driver: the configured library, or the pinned one, fetched on first use.
    pub async fn postgres(&self, desk: &Desk) -> Result<Driver, FlowError> {
        let named = self.settings.postgres_library.clone();
        let missing = ("the PostgreSQL driver", "postgres");
        Ok(Driver::postgres(self.library(desk, named, POSTGRES, missing).await?))
    }

    async fn library(
        &self,
        desk: &Desk,
        named: Option<PathBuf>,
        pinned: Option<DriverPackage>,
        (what, setting): (&'static str, &str),
    ) -> Result<PathBuf, FlowError> {
        if let Some(library) = named {
            return Ok(library);
        }
        let Some(package) = pinned else {
            let message = format!(
                "no library is pinned for this machine; name one in belay.toml: `[drivers] {setting} = …`"
            );
            return Err(OutsideError::Setup { what, message }.into());
        };
        let library = self.cache.library(&package);
        if !library.exists() {
            desk.progress.phase(&format!("fetch {what} (once)"));
            let progress = |message: &str| desk.progress.detail(message, None);
            self.cache.install_driver(&package, &desk.stop, progress).await?;
        }
        Ok(library)
    }

    /// The warehouse of a project's target.
    pub async fn warehouse(
        &self,
        desk: &Desk,
        project: &LocalProject,
    ) -> Result<Warehouse, FlowError> {
        let adapter = || FlowError::Adapter { adapter: project.adapter.clone() };
        let no_file = || FlowError::NoDatabase { target: project.target.name.clone() };
        let address = match (&project.database, project.adapter.as_str()) {
            (Some(address), _) => address.clone(),
            (None, "duckdb") => return Err(no_file()),
            (None, _) => return Err(adapter()),
        };
        self.opened_by(desk, address).await
    }

    async fn opened_by(&self, desk: &Desk, address: Address) -> Result<Warehouse, FlowError> {
        let driver = match &address {
            Address::File(_) => self.duckdb(desk).await?,
            Address::Postgres(_) => self.postgres(desk).await?,
            Address::Other(other) => {
                return Err(FlowError::Adapter { adapter: other.dialect.clone() });
            }
        };
        Ok(Warehouse { driver, address })
    }

    /// The warehouse that a claim is in, by the profile that the claim names; nothing if its file is
    /// gone, and everything in it. A login is taken from the profile of today, and only for the
    /// database that was claimed.
    pub async fn claimed(
        &self,
        desk: &Desk,
        claim: &Claim,
    ) -> Result<Option<Warehouse>, FlowError> {
        let Some(login) = &claim.login else {
            let file = Path::new(&claim.database);
            if !file.is_file() {
                return Ok(None);
            }
            return Ok(Some(Warehouse::duckdb(self.duckdb(desk).await?, file)));
        };
        let lookup = self.lookup();
        let env: Lookup<'_> = &lookup;
        let profiles = match &login.profiles {
            file if file.is_file() => file.clone(),
            _ => self.profiles(&login.project)?,
        };
        let target = Target::find(&read(&profiles)?, &login.profile, Some(&login.target), env)?;
        let address = warehouse::address(&target, &claim.adapter, &login.project, env)?;
        match address {
            Some(address) if address.to_string() == claim.database => {
                self.opened_by(desk, address).await.map(Some)
            }
            other => Err(FlowError::OtherDatabase {
                claimed: claim.database.clone(),
                found: other.map_or_else(|| claim.adapter.clone(), |other| other.to_string()),
                profiles,
            }),
        }
    }
}

/// Pinned, so there is no need to ask it, which would take a second and a look at the network.
fn private_version() -> String {
    let pin = DBT_REQUIREMENTS.lines().find_map(|line| line.strip_prefix("dbt-core=="));
    pin.unwrap_or("unknown").to_owned()
}

/// `1.11.16` out of what `dbt --version` prints.
fn installed_version(text: &str) -> String {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("- installed:"));
    let fusion = text.lines().find_map(|line| line.trim().strip_prefix("dbt-fusion "));
    line.or(fusion).unwrap_or("unknown").trim().to_owned()
}

fn read(path: &Path) -> Result<String, FlowError> {
    fs::read_to_string(path)
        .map_err(|source| FlowError::Unreadable { path: path.to_owned(), source })
}
