//! A home that nothing leaks into: no variable, no configuration and no tool of the machine but those
//! that belay says it needs.

use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// A sealed home folder.
#[derive(Debug)]
pub(crate) struct Home {
    root: TempDir,
}

/// How a command ended. Look at it, or it was run in vain.
#[derive(Debug)]
#[must_use = "assert how it ended"]
pub(crate) struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        let root = TempDir::new().unwrap();
        let bin = root.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        for tool in ["git", "sh", "env"] {
            symlink(found(tool), bin.join(tool)).unwrap();
        }
        symlink(interpreter(), bin.join("python3")).unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        Self { root }
    }

    /// The folder that commands run in.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.work().join(path)).unwrap();
    }

    pub(crate) fn belay(&self, args: &[&str]) -> Ran {
        self.belay_in("", args)
    }

    /// As the person called `actor`.
    pub(crate) fn belay_as(&self, actor: &str, args: &[&str]) -> Ran {
        let mut command = self.command(&self.work(), args);
        Ran::of(command.env("BELAY_ACTOR", actor).output().unwrap())
    }

    /// In a folder below the work folder.
    pub(crate) fn belay_in(&self, folder: &str, args: &[&str]) -> Ran {
        Ran::of(self.command(&self.work().join(folder), args).output().unwrap())
    }

    /// With more variables in the environment.
    pub(crate) fn belay_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Ran {
        let mut command = self.command(&self.work(), args);
        Ran::of(command.envs(variables.iter().copied()).output().unwrap())
    }

    /// Started, and left to the test.
    pub(crate) fn start_in(&self, folder: &str, args: &[&str]) -> Child {
        let mut command = self.command(&self.work().join(folder), args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// In the work folder with more variables, started, and left to the test.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Child {
        let mut command = self.command(&self.work(), args);
        command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    pub(crate) fn python(&self, args: &[&str]) -> Ran {
        let mut command = self.sealed(interpreter(), &self.work());
        Ran::of(command.args(args).output().unwrap())
    }

    /// In a terminal, with one letter typed in answer to each question. Both outputs are stdout.
    pub(crate) fn at_a_terminal(&self, answers: &str, args: &[&str]) -> Ran {
        self.write("terminal.py", TERMINAL);
        self.python(&[&["terminal.py", answers, env!("CARGO_BIN_EXE_belay")], args].concat())
    }

    pub(crate) fn git(&self, folder: &str, args: &[&str]) -> String {
        let output = self
            .sealed(&found("git"), &self.work().join(folder))
            .args([
                "-c",
                "user.name=T",
                "-c",
                "user.email=t@example.com",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(args)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// A script of a pipeline, with these variables beside the sealed ones.
    pub(crate) fn bash(&self, script: &str, variables: &[(String, String)]) -> Output {
        let mut command = self.sealed(&found("bash"), &self.work());
        let path = format!("{}:/usr/bin:/bin", self.root.path().join("bin").display());
        command.args(["-c", script]).env("PATH", path).env("BELAY_CACHE", cache());
        command.env("USER", "tester");
        command.envs(variables.iter().map(|(name, value)| (name, value))).output().unwrap()
    }

    fn command(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = self.sealed(Path::new(env!("CARGO_BIN_EXE_belay")), folder);
        command.args(args).env("BELAY_CACHE", cache()).env("USER", "tester");
        command
    }

    fn sealed(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.root.path())
            .env("PATH", self.root.path().join("bin"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .stdin(Stdio::null())
            .current_dir(folder);
        command
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output
                .status
                .code()
                .unwrap_or_else(|| -output.status.signal().unwrap_or_default()),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asserts the exit code; shows everything when it is another.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Exit code, stdout and stderr in one text, with what differs from run to run taken out.
    pub(crate) fn told(&self, home: &Home) -> String {
        let text =
            format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr);
        text.replace(&home.work().to_string_lossy().into_owned(), "WORK")
            .replace(&home.root.path().to_string_lossy().into_owned(), "HOME")
    }
}

/// What Python prints, in the work folder.
pub(crate) fn python(home: &Home, code: &str) -> String {
    let ran = Command::new("python3").args(["-c", code]).current_dir(home.work()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn found(tool: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path)
        .map(|folder| folder.join(tool))
        .find(|path| path.is_file())
        .unwrap()
}

const TERMINAL: &str = r#"
import os, pty, sys
answers = list(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.environ["BELAY_ACTOR"] = "tester"
    os.execv(sys.argv[2], sys.argv[2:])
seen = ""
while True:
    try:
        part = os.read(fd, 4096).decode(errors="replace")
    except OSError:
        break
    if not part:
        break
    sys.stdout.write(part)
    seen += part
    while "[y/n] " in seen:
        seen = seen.split("[y/n] ", 1)[1]
        os.write(fd, ((answers.pop(0) if answers else chr(4)) + "\n").encode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

/// The interpreter itself: what PATH names may be a script that looks for it, with tools of its own.
fn interpreter() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let asked = ["-c", "import sys; print(sys.executable)"];
        let output = Command::new("python3").args(asked).output().unwrap();
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    })
}

/// The machine's real cache: drivers and dbt are fetched once, by `./check`.
pub(crate) fn cache() -> PathBuf {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let home = || var("HOME").unwrap().join(".cache");
    var("BELAY_CACHE").unwrap_or_else(|| var("XDG_CACHE_HOME").unwrap_or_else(home).join("belay"))
}
