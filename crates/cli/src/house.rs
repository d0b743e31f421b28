//! Opening the house: configuration, store, gate, clock and tools for a command.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use belay_audit::Signer;
use belay_flow::audit::{Key, Vouching};
use belay_flow::eval::Shelf;
use belay_flow::people::People;
use belay_flow::registry::Registry;
use belay_flow::tools::{ToolSettings, Tools};
use belay_flow::workflow::Ground;
use belay_flow::{ApprovalRules, Desk};
use belay_gate::{Gate, PolicyFile};
use belay_model::redact::Redactor;
use belay_model::{Clock, Timestamp, WorkspaceId};
use belay_outside::{Anchor, Cache, Stop};
use belay_store::Store;

use crate::config::{Config, is_key};
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
                postgres_library: config.path("drivers.postgres"),
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
        let vouching = self.vouching(&store, &workspace)?;
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
            gate: Gate::load(&self.policies()?)?,
            clock: Arc::new(SystemClock),
            progress: ui.progress(),
            stop,
            actor: actor(),
            people: People::new(self.config.keys("people")),
            approvals: self.approval_rules(),
            redactor: Redactor::new(secrets()).with_sensitive(self.config.list("impact.sensitive")),
            owner: format!("{}/{}", host(), std::process::id()),
            trigger: if env("CI").is_some() { "ci" } else { "cli" },
            vouching,
        })
    }

    /// Who signs as work goes on. A store that several machines share has no key of one machine's own:
    /// there one has to be named.
    fn vouching(
        &self,
        store: &Store,
        workspace: &WorkspaceId,
    ) -> Result<Option<Vouching>, Failure> {
        let own = store.folder().join(format!("audit-{workspace}.key"));
        let named = self.config.text("audit.key");
        if named.is_none() && self.config.text("store").is_some() {
            return Ok(None);
        }
        let key = match named {
            Some(text) if is_key(text) => Key::Given(Arc::new(Signer::parse(text)?)),
            _ => Key::File(self.config.path("audit.key").unwrap_or_else(|| own.clone())),
        };
        let folder = self.config.file.as_deref().and_then(Path::parent).unwrap_or(&self.folder);
        let anchor = self.config.text("audit.anchor");
        let anchor = anchor.and_then(|text| Anchor::parse(text, folder));
        Ok(Some(Vouching { key, own, anchor, folder: self.folder.clone() }))
    }

    /// Whether there is a store already: asking makes none.
    pub(crate) fn has_store(&self) -> bool {
        self.config.text("store").is_some() || Store::must_exist(&self.state_folder()).is_ok()
    }

    fn approval_rules(&self) -> ApprovalRules {
        let hours = self.config.count("approvals.expire_hours").unwrap_or(24);
        ApprovalRules {
            expires_after: Duration::from_secs(3600 * u64::try_from(hours).unwrap_or(24)),
            proved_only: self.config.flag("approvals.proved_only"),
        }
    }

    /// Workers and workflows: the built-in ones and those of the repository.
    pub(crate) fn registry(&self) -> Result<Registry, Failure> {
        let shelf = self.shelf()?;
        Ok(Registry::load(self.root().as_deref(), &|name| shelf.exists(name))?)
    }

    /// Evaluator suites: the built-in ones and those of the repository.
    pub(crate) fn shelf(&self) -> Result<Shelf, Failure> {
        Ok(Shelf::open(&self.folder, self.root().as_deref())?)
    }

    /// Where the team's workflows run.
    pub(crate) fn ground<'a>(&'a self, registry: &'a Registry) -> Ground<'a> {
        let root = self.root().unwrap_or_else(|| self.folder.clone());
        Ground { root, tools: &self.tools, registry }
    }

    /// The root of the repository, or of what a `belay.toml` stands in.
    pub(crate) fn root(&self) -> Option<PathBuf> {
        let is_root =
            |path: &&Path| path.join("belay.toml").is_file() || path.join(".git").exists();
        self.folder.ancestors().find(is_root).map(Path::to_owned)
    }

    /// The workspace's own policies: `belay/policies/*.cedar` at the root of the repository.
    pub(crate) fn policies(&self) -> Result<Vec<PolicyFile>, Failure> {
        let Some(root) = self.root() else { return Ok(vec![]) };
        let mut files = policies_in(&root.join("belay").join("policies"))?;
        for file in &mut files {
            if let Ok(below) = Path::new(&file.file).strip_prefix(&root) {
                file.file = below.display().to_string();
            }
        }
        Ok(files)
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
        match self.root() {
            Some(root) => root.join(".belay"),
            None => data_folder(),
        }
    }
}

/// The values of variables whose names say that they are secret.
fn secrets() -> Vec<String> {
    const WORDS: [&str; 6] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "CREDENTIAL", "API_KEY"];
    let secret = |name: &str| WORDS.iter().any(|word| name.to_uppercase().contains(word));
    // What is shorter would hide half of every text.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, value)| secret(name) && value.len() >= 6)
        .map(|(_, value)| value)
        .collect()
}

/// This machine, as leases name it.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().replace('/', "-")
}

/// The policy files of a folder with the examples beside each, in order; none where there is no folder.
pub(crate) fn policies_in(folder: &Path) -> Result<Vec<PolicyFile>, Failure> {
    let failed =
        |error: std::io::Error| Failure::surroundings("files/unreadable", error.to_string());
    if !folder.exists() {
        return Ok(vec![]);
    }
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        // A pipe would be waited for.
        if path.extension().is_some_and(|ending| ending == "cedar") && path.is_file() {
            let beside = path.with_extension("examples.yaml");
            let examples = beside.exists().then(|| fs_err::read_to_string(&beside)).transpose();
            files.push(PolicyFile {
                file: path.display().to_string(),
                policies: fs_err::read_to_string(&path).map_err(failed)?,
                examples: examples.map_err(failed)?,
            });
        }
    }
    files.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(files)
}

/// Where a cvc5 was found.
pub(crate) struct Solver {
    pub program: PathBuf,
    pub origin: &'static str,
}

/// The SMT solver: what CVC5 names, else `cvc5` on the PATH, else the private one of belay's cache.
pub(crate) fn solver(cache: &Cache) -> Option<Solver> {
    if let Some(program) = env("CVC5").filter(|named| !named.is_empty()) {
        return Some(Solver { program: PathBuf::from(program), origin: "named in CVC5" });
    }
    let path = env("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("cvc5"));
    let found = on_path.filter(|program| program.is_absolute()).find(|program| program.is_file());
    found
        .map(|program| Solver { program, origin: "found on PATH" })
        .or_else(|| cache.cvc5().map(|program| Solver { program, origin: "belay's private one" }))
}

/// Who is at this command line, as the machine says: asserted, not proved.
fn actor() -> String {
    let uid = || format!("uid-{}", rustix::process::getuid().as_raw());
    env("BELAY_ACTOR").or_else(|| env("USER")).or_else(|| env("LOGNAME")).unwrap_or_else(uid)
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
