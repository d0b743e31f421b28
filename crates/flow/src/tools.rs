//! Finding what a review needs on this machine: the project, its profile, a dbt, a driver.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use belay_dbt::profile::{Lookup, Project, Target};
use belay_outside::{Cache, DBT_REQUIREMENTS, DUCKDB, Dbt, OutsideError};
use belay_warehouse::Driver;
use fs_err as fs;

use crate::FlowError;
use crate::desk::Desk;

/// What configuration says of tools; `None` lets belay look for itself.
#[derive(Debug, Clone, Default)]
pub struct ToolSettings {
    pub dbt: Option<PathBuf>,
    pub duckdb_library: Option<PathBuf>,
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
    /// DuckDB: the file, absolute.
    pub database: Option<PathBuf>,
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
        let path = target.path(env)?.filter(|path| {
            !path.starts_with(":memory:") && !path.starts_with("md:") && !path.contains("://")
        });
        let database = path.map(|path| folder.join(path));
        Ok(LocalProject { folder, project, target, adapter, schema, database })
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
        if adapter != "duckdb" {
            let message = format!(
                "there is none for `{adapter}`; name one in belay.toml: `[dbt] program = …`"
            );
            return Err(OutsideError::Setup { what: "dbt", message }.into());
        }
        let program = match self.cache.dbt() {
            Some(program) => program,
            None => self.install_dbt(desk).await?,
        };
        Ok((dbt(program), DbtOrigin::Private, private_version()))
    }

    /// The version of the dbt on PATH, if there is one with this adapter.
    pub async fn dbt_on_path(&self, adapter: &str) -> Option<String> {
        let dbt = Dbt { program: PathBuf::from("dbt"), launcher: self.launcher.clone() };
        let version = dbt.version().await.ok()?;
        version.contains(&format!("- {adapter}:")).then(|| installed_version(&version))
    }

    /// Installs the private dbt.
    pub async fn install_dbt(&self, desk: &Desk) -> Result<PathBuf, FlowError> {
        desk.progress.phase("install a private dbt (once)");
        let progress = |message: &str| desk.progress.detail(message, None);
        Ok(self.cache.install_dbt(&desk.stop, progress).await?)
    }

    /// The DuckDB driver: the configured library, or the pinned one, fetched on first use.
    pub async fn duckdb(&self, desk: &Desk) -> Result<Driver, FlowError> {
        if let Some(library) = &self.settings.duckdb_library {
            return Ok(Driver::duckdb(library.clone()));
        }
        let Some(package) = DUCKDB else {
            let message =
                "no library is pinned for this machine; name one in belay.toml: `[drivers] duckdb = …`".to_owned();
            return Err(OutsideError::Setup { what: "the DuckDB driver", message }.into());
        };
        let library = self.cache.library(&package);
        if !library.exists() {
            desk.progress.phase("fetch the DuckDB driver (once)");
            let progress = |message: &str| desk.progress.detail(message, None);
            self.cache.install_driver(&package, &desk.stop, progress).await?;
        }
        Ok(Driver::duckdb(library))
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
