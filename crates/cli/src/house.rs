//! Opening the house: configuration, store, gate, clock and tools for a command.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use belay_flow::Desk;
use belay_flow::tools::{ToolSettings, Tools};
use belay_gate::Gate;
use belay_model::{Clock, Timestamp, WorkspaceId};
use belay_outside::{Cache, Stop};
use belay_store::Store;

use crate::config::Config;
use crate::failure::Failure;
use crate::ui::Ui;

/// What a command works with.
#[derive(Debug)]
pub(crate) struct House {
    pub folder: PathBuf,
    pub config: Config,
    pub tools: Tools,
}

/// The machine's clock.
#[derive(Debug)]
struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that looks at the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl House {
    /// Reads the configuration for `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let config = Config::read(folder, &env)?;
        let tools = Tools {
            settings: ToolSettings {
                dbt: config.path("dbt.program"),
                duckdb_library: config.path("drivers.duckdb"),
                profiles_dir: config.path("dbt.profiles_dir"),
                target: config.text("dbt.target").map(str::to_owned),
            },
            cache: Cache::new(cache_folder()),
            env: Arc::new(env),
            launcher: std::env::current_exe().ok(),
        };
        Ok(Self { folder: folder.to_owned(), config, tools })
    }

    /// For the folder that the user stands in.
    pub(crate) fn here() -> Result<Self, Failure> {
        let folder = std::env::current_dir();
        Self::open(
            &folder
                .map_err(|error| Failure::surroundings("files/unreadable", error.to_string()))?,
        )
    }

    /// Opens the store and sits down at it. Ctrl-C is heard from now on.
    pub(crate) async fn desk(&self, ui: &Ui) -> Result<Desk, Failure> {
        let workspace = self.config.text("workspace").unwrap_or("default");
        let workspace = WorkspaceId::parse(workspace)
            .map_err(|error| Failure::input("config/workspace", error.to_string()))?;
        let store = self.store().await?;
        let (stopper, stop) = Stop::new();
        tokio::spawn(async move {
            let mut terminate =
                tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
            let terminated = async {
                match &mut terminate {
                    Some(signal) => drop(signal.recv().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => (),
                () = terminated => (),
            }
            stopper.stop();
            // The stopper stays: dropping it would look like nobody can ask any more.
            std::future::pending::<()>().await;
            drop(stopper);
        });
        Ok(Desk {
            memory: store.workspace(workspace),
            gate: Gate::built_in()?,
            clock: Box::new(SystemClock),
            progress: ui.progress(),
            stop,
            actor: actor(),
        })
    }

    /// The configured store, brought up to date.
    pub(crate) async fn store(&self) -> Result<Store, Failure> {
        let folder = self.state_folder();
        let store = match self.config.text("store") {
            Some(url) => Store::connect(url, &folder).await?,
            None => Store::open(&folder).await?,
        };
        Ok(store.on_host(&host()))
    }

    /// `.belay` at the root of the repository, or in the user's data folder outside of one.
    pub(crate) fn state_folder(&self) -> PathBuf {
        if let Some(folder) = self.config.path("state") {
            return folder;
        }
        let is_root =
            |path: &&Path| path.join("belay.toml").is_file() || path.join(".git").exists();
        match self.folder.ancestors().find(is_root) {
            Some(root) => root.join(".belay"),
            None => data_folder(),
        }
    }
}

/// Who is at this command line, as the machine says: asserted, not proved.
fn actor() -> String {
    let uid = || format!("uid-{}", rustix::process::getuid().as_raw());
    env("BELAY_ACTOR").or_else(|| env("USER")).or_else(|| env("LOGNAME")).unwrap_or_else(uid)
}

/// The name of this machine, as leases say it.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().replace('/', "-")
}

fn cache_folder() -> PathBuf {
    let home = || PathBuf::from(env("HOME").unwrap_or_default()).join(".cache");
    let folder = env("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("belay");
    env("BELAY_CACHE").map_or(folder, PathBuf::from)
}

fn data_folder() -> PathBuf {
    let home = || PathBuf::from(env("HOME").unwrap_or_default()).join(".local").join("share");
    env("XDG_DATA_HOME").map_or_else(home, PathBuf::from).join("belay")
}
