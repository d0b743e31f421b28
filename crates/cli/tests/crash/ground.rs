//! A folder with a workflow whose steps change something, and the store that its runs are kept in.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

/// How long a child of a killed worker may live; a slow step takes twice as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The steps of the workflow: each adds a line to the ledger.
pub(crate) const STEPS: [&str; 3] = ["first", "second", "third"];

/// Adds a line, synced, and takes its time before and after. One change in sixteen is slow, so that a
/// process that outlives its worker is seen.
const SCRIPT: &str = r#"line="$BELAY_RUN $BELAY_STEP $BELAY_IDEMPOTENCY_KEY"
case $1 in
  add)
    sleep 0.02
    printf '%s\n' "$line" >>ledger && sync ledger
    case $BELAY_IDEMPOTENCY_KEY in 0*) sleep 4 ;; *) sleep 0.02 ;; esac ;;
  has) if grep -qxF "$line" ledger; then exit 10; else exit 11; fi ;;
  remove) grep -vxF "$line" ledger >ledger.new; sync ledger.new && mv ledger.new ledger ;;
  *) exit 2 ;;
esac
"#;

const WORKER: &str = "schema: belay.worker/1
name: clerk
owner: data-platform
purpose: Keeps a ledger.
workflows: [ledger]
ceiling: L3
level: L3
tools: [script_read, script_write]
classes: [read, write]
evaluators: []
budget:
  seconds: 600
rollback: docs/rollback.md
";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Sqlite,
    Postgres,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

#[derive(Debug)]
pub(crate) struct Ground {
    root: TempDir,
    /// The PostgreSQL of the tests and a schema of this test's own in it.
    server: Option<(String, String)>,
}

impl Ground {
    pub(crate) fn new(place: Place) -> Self {
        let root = TempDir::new().unwrap();
        for folder in ["belay/workers", "belay/workflows", "docs"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let write = |path: &str, text: &str| fs::write(root.path().join(path), text).unwrap();
        write("belay.toml", "workspace = \"crash\"\n");
        write("docs/rollback.md", "# Taking a line back\n\n`sh ledger.sh remove`\n");
        write("ledger.sh", SCRIPT);
        write("ledger", "");
        write("belay/workers/clerk.yaml", WORKER);
        write("belay/workflows/ledger.yaml", &workflow());
        let server = (place == Place::Postgres).then(|| {
            let (server, schema) = (server(), format!("crash{}", std::process::id()));
            tell(&server, format!("CREATE SCHEMA {schema}"));
            (server, schema)
        });
        Self { root, server }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap()
    }

    /// The URL of the store, where it is not in the folder.
    pub(crate) fn url(&self) -> Option<String> {
        self.server
            .as_ref()
            .map(|(server, schema)| format!("{server}?options[search_path]={schema}"))
    }

    pub(crate) fn belay(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_belay"));
        command.args(args).current_dir(self.root.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.root.path());
        command.env("USER", "tester").envs(self.url().map(|url| ("BELAY_STORE", url)));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(super::log(&self.root.path().join("log")));
        command
    }

    pub(crate) fn worker(&self) -> Child {
        self.belay(&["work"]).spawn().unwrap()
    }

    pub(crate) fn queue(&self) -> Child {
        let mut command = self.belay(&["run", "ledger", "--queue", "--format", "json"]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    }

    /// What belay said on stderr.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }

    /// Run, step and idempotency key of every change.
    pub(crate) fn ledger(&self) -> Vec<[String; 3]> {
        let text = fs::read_to_string(self.root.path().join("ledger")).unwrap();
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        text.lines().map(|line| words(line).try_into().expect("three words")).collect()
    }

    /// How many runs did their last step.
    pub(crate) fn done(&self) -> usize {
        self.ledger()
            .iter()
            .filter(|[_, step, _]| Some(step.as_str()) == STEPS.last().copied())
            .count()
    }

    pub(crate) fn clear(self) {
        if let Some((server, schema)) = &self.server {
            tell(server, format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}

/// The run that `belay run --queue` says it queued; nothing, if it was killed before it could.
pub(crate) fn told(mut child: Child) -> Option<String> {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    let said: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(said["run"]["run"].as_str().unwrap().to_owned())
}

fn workflow() -> String {
    let steps = STEPS.map(|step| {
        format!(
            "  - id: {step}
    class: write
    zone: dev
    target: file:ledger
    run: [sh, ledger.sh, add]
    inputs: [ledger.sh]
    inverse:
      run: [sh, ledger.sh, remove]
    probe:
      run: [sh, ledger.sh, has]
      done: [10]
      absent: [11]
"
        )
    });
    let head =
        "schema: belay.workflow/1\nname: ledger\npurpose: Add lines to a ledger.\nworker: clerk\n";
    format!("{head}steps:\n{}", steps.concat())
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where it is")]
fn server() -> String {
    std::env::var("BELAY_TEST_POSTGRES").expect(
        "this test needs a PostgreSQL: run `export BELAY_TEST_POSTGRES=$(tools/postgres start)`",
    )
}

fn tell(server: &str, sql: String) {
    super::wait_for(async {
        let mut connection = PgConnection::connect(server).await.unwrap();
        connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
        connection.close().await.unwrap();
    });
}
