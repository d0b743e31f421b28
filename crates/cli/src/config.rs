//! Configuration: every setting, where its value came from, and all faults of a file at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use belay_diff::Tolerance;
use toml::de::{DeTable, DeValue};

use crate::args;
use crate::failure::Failure;

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Count,
    /// A count without an end.
    Size,
    Flag,
    FailOn,
    Level,
    List,
    /// A table of lists: node → columns.
    Keys,
    /// A table of lists: column → `abs=…`, `rel=…`.
    Tolerances,
    /// A path, or in the environment the key itself, which is never shown.
    Secret,
}

/// A setting that exists.
#[derive(Debug)]
struct Known {
    name: &'static str,
    kind: Kind,
    default: &'static str,
    about: &'static str,
}

const fn known(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    about: &'static str,
) -> Known {
    Known { name, kind, default, about }
}

/// All of them. The guide's table is made from this one.
const SETTINGS: &[Known] = &[
    known("workspace", Kind::Text, "default", "the workspace that runs are recorded under"),
    known("state", Kind::Text, "", "folder of the record [.belay at the repository's root]"),
    known("store", Kind::Text, "", "a postgres:// URL [SQLite in the state folder]"),
    known(
        "audit.anchor",
        Kind::Text,
        "",
        "where checkpoints are put outside: file:PATH or git:refs/belay/NAME",
    ),
    known(
        "audit.key",
        Kind::Secret,
        "",
        "file of the key that signs checkpoints [one in the state folder]",
    ),
    known(
        "dbt.program",
        Kind::Text,
        "",
        "the dbt to run [the one on PATH, else belay's private one]",
    ),
    known("people", Kind::Keys, "", "roles by person: viewer, engineer, reviewer, steward, admin"),
    known(
        "approvals.expire_hours",
        Kind::Count,
        "24",
        "an unanswered question is expired after this",
    ),
    known(
        "approvals.proved_only",
        Kind::Flag,
        "false",
        "only a proved identity's yes counts; none is proved at a command line",
    ),
    known("dbt.target", Kind::Text, "", "the target to run on [the profile's default]"),
    known(
        "dbt.profiles_dir",
        Kind::Text,
        "",
        "folder of profiles.yml [the project's, else ~/.dbt]",
    ),
    known("diff.max_bytes", Kind::Size, "", "bytes of a side above which a sample is compared"),
    known("diff.max_rows", Kind::Size, "", "rows of a side above which a sample is compared"),
    known("diff.max_seconds", Kind::Size, "", "seconds after which a sample is compared"),
    known("diff.tolerance", Kind::Tolerances, "", "how far apart equal numbers may be, by column"),
    known("drivers.duckdb", Kind::Text, "", "a DuckDB library [the pinned one, fetched once]"),
    known(
        "drivers.postgres",
        Kind::Text,
        "",
        "an ADBC library for PostgreSQL [the pinned one, fetched once]",
    ),
    known("impact.fail_on", Kind::FailOn, "high", "exit with 1 from this risk on"),
    known("impact.level", Kind::Level, "L2", "autonomy level of the review"),
    known(
        "impact.default_branch",
        Kind::Text,
        "",
        "where pull requests go [origin/HEAD, main or master]",
    ),
    known("impact.samples", Kind::Count, "3", "example rows of each kind"),
    known("impact.sensitive", Kind::List, "", "columns that are never shown, beside those marked"),
    known("impact.keys", Kind::Keys, "", "keys of nodes that have none in the project"),
    known("impact.threads", Kind::Count, "", "threads of the scratch build [the profile's]"),
    known(
        "impact.memory_limit",
        Kind::Text,
        "",
        "DuckDB's memory while comparing [its own default]",
    ),
    known("impact.external_access", Kind::Flag, "false", "let views read files while comparing"),
    known(
        "impact.run_hooks",
        Kind::Flag,
        "false",
        "run on-run-start and on-run-end hooks in scratch",
    ),
    known(
        "summary.api",
        Kind::Text,
        "",
        "a language model may draft a summary: openai or anthropic",
    ),
    known(
        "summary.url",
        Kind::Text,
        "",
        "the root of its API, such as https://models.example.com/v1",
    ),
    known("summary.model", Kind::Text, "", "the model's name"),
    known("summary.key_env", Kind::Text, "BELAY_MODEL_KEY", "the variable that holds its key"),
    known("summary.max_tokens", Kind::Count, "600", "the most tokens of a draft"),
    known("summary.rows", Kind::Flag, "false", "example rows may be sent to it"),
    known("summary.price_in", Kind::Text, "", "what a million tokens cost that are sent"),
    known("summary.price_out", Kind::Text, "", "what a million tokens cost that come back"),
];

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File { line: usize },
    Environment { variable: String },
    Flag,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File { line } => write!(out, "belay.toml:{line}"),
            Self::Environment { variable } => write!(out, "environment: {variable}"),
            Self::Flag => out.write_str("flag"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Value {
    text: String,
    list: Vec<String>,
    keys: BTreeMap<String, Vec<String>>,
    origin: Origin,
}

/// One line of `belay config`.
#[derive(Debug)]
pub(crate) struct Row {
    pub name: &'static str,
    pub value: String,
    pub origin: String,
    pub about: &'static str,
}

/// Every setting with a value.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where the user stands: paths of flags and of the environment start here.
    here: PathBuf,
    /// Where the file is: its paths start there.
    folder: PathBuf,
    pub file: Option<PathBuf>,
    values: BTreeMap<&'static str, Value>,
}

impl Config {
    /// Reads `belay.toml` in `folder` or above it, then the environment.
    pub(crate) fn read(
        folder: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let file =
            folder.ancestors().map(|path| path.join("belay.toml")).find(|path| path.is_file());
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            let list = split(setting.default);
            let text = setting.default.to_owned();
            values.insert(
                setting.name,
                Value { text, list, keys: BTreeMap::new(), origin: Origin::Default },
            );
        }
        let mut faults = Vec::new();
        if let Some(path) = &file {
            let text = fs_err::read_to_string(path)
                .map_err(|error| Failure::surroundings("config/unreadable", error.to_string()))?;
            from_file(&text, &mut values, &mut faults);
        }
        from_environment(env, &mut values, &mut faults);
        if faults.is_empty() {
            let home = file.as_deref().and_then(Path::parent).unwrap_or(folder);
            return Ok(Self { here: folder.to_owned(), folder: home.to_owned(), file, values });
        }
        let count = if faults.len() == 1 {
            "a fault".to_owned()
        } else {
            format!("{} faults", faults.len())
        };
        let mut failure =
            Failure::input("config/invalid", format!("the configuration has {count}"));
        failure.causes = in_order(faults);
        Err(failure.help("run `belay explain config/invalid` for the settings there are"))
    }

    /// A flag has the last word.
    pub(crate) fn set(&mut self, name: &'static str, text: String) {
        let list = split(&text);
        self.values.insert(name, Value { text, list, keys: BTreeMap::new(), origin: Origin::Flag });
    }

    /// The value; `None` where it is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.text.as_str()).filter(|text| !text.is_empty())
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        let text = self.text(name)?;
        // A bare word is a program to be found on PATH.
        let bare = !text.contains('/') && name == "dbt.program";
        let in_file = matches!(self.values.get(name)?.origin, Origin::File { .. });
        let start = if in_file { &self.folder } else { &self.here };
        Some(if bare { PathBuf::from(text) } else { start.join(text) })
    }

    pub(crate) fn count(&self, name: &str) -> Option<usize> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.values.get(name).map(|value| value.list.clone()).unwrap_or_default()
    }

    pub(crate) fn keys(&self, name: &str) -> Vec<(String, Vec<String>)> {
        self.values
            .get(name)
            .map(|value| value.keys.clone().into_iter().collect())
            .unwrap_or_default()
    }

    pub(crate) fn size(&self, name: &str) -> Option<u64> {
        self.text(name).and_then(|text| text.parse().ok())
    }

    /// By name, in lower case.
    pub(crate) fn tolerances(&self, name: &str) -> Vec<(String, Tolerance)> {
        let rows = self.keys(name).into_iter();
        rows.filter_map(|(name, parts)| Some((name.to_lowercase(), tolerance(&parts)?))).collect()
    }

    pub(crate) fn rows(&self) -> Vec<Row> {
        let row = |setting: &Known| {
            let value = self.values.get(setting.name)?;
            let keys =
                value.keys.iter().map(|(node, columns)| format!("{node} = {}", columns.join(", ")));
            let shown = match setting.kind {
                Kind::Keys | Kind::Tolerances => keys.collect::<Vec<_>>().join("; "),
                Kind::Secret if is_key(&value.text) => "(a key)".to_owned(),
                // It may hold a password.
                _ if setting.name == "store" && !value.text.is_empty() => {
                    belay_store::without_password(&value.text)
                }
                _ => value.text.clone(),
            };
            let origin = value.origin.to_string();
            Some(Row { name: setting.name, value: shown, origin, about: setting.about })
        };
        SETTINGS.iter().filter_map(row).collect()
    }
}

/// By line, then the environment's.
fn in_order(mut faults: Vec<String>) -> Vec<String> {
    let line = |fault: &String| {
        let number = fault.strip_prefix("belay.toml:").and_then(|rest| rest.split(':').next());
        number.and_then(|number| number.parse::<usize>().ok()).unwrap_or(usize::MAX)
    };
    faults.sort_by_key(line);
    faults
}

/// `BELAY_IMPACT_FAIL_ON` for `impact.fail_on`.
pub(crate) fn variable(name: &str) -> String {
    format!("BELAY_{}", name.to_uppercase().replace('.', "_"))
}

fn from_environment(
    env: &dyn Fn(&str) -> Option<String>,
    values: &mut BTreeMap<&'static str, Value>,
    faults: &mut Vec<String>,
) {
    let from_outside = |setting: &&Known| !matches!(setting.kind, Kind::Keys | Kind::Tolerances);
    for setting in SETTINGS.iter().filter(from_outside) {
        let variable = variable(setting.name);
        let Some(text) = env(&variable) else { continue };
        match check(setting.kind, &text) {
            Ok(()) => {
                let list = split(&text);
                let origin = Origin::Environment { variable };
                values.insert(setting.name, Value { text, list, keys: BTreeMap::new(), origin });
            }
            Err(expected) => faults.push(format!("{variable}: `{text}` is not {expected}")),
        }
    }
    if let (None, Some(text)) = (env("BELAY_DBT_PROFILES_DIR"), env("DBT_PROFILES_DIR")) {
        let origin = Origin::Environment { variable: "DBT_PROFILES_DIR".to_owned() };
        values.insert(
            "dbt.profiles_dir",
            Value { text, list: Vec::new(), keys: BTreeMap::new(), origin },
        );
    }
}

fn from_file(text: &str, values: &mut BTreeMap<&'static str, Value>, faults: &mut Vec<String>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    faults.extend(errors.iter().map(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        format!("belay.toml:{line}: {}", error.message())
    }));
    read_table(text, "", table.get_ref(), values, faults);
}

fn read_table(
    text: &str,
    prefix: &str,
    table: &DeTable<'_>,
    values: &mut BTreeMap<&'static str, Value>,
    faults: &mut Vec<String>,
) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        let line = line_of(text, key.span().start);
        let setting = SETTINGS.iter().find(|setting| setting.name == name);
        let is_section =
            SETTINGS.iter().any(|setting| setting.name.starts_with(&format!("{name}.")));
        match (setting, value.get_ref()) {
            (Some(setting), value) => match read_value(setting.kind, value) {
                Ok((text, list, keys)) => {
                    let origin = Origin::File { line };
                    values.insert(setting.name, Value { text, list, keys, origin });
                }
                Err(expected) => {
                    faults.push(format!("belay.toml:{line}: `{name}` is not {expected}"));
                }
            },
            (None, DeValue::Table(inner)) if is_section => {
                read_table(text, &format!("{name}."), inner, values, faults);
            }
            (None, _) => {
                faults.push(format!("belay.toml:{line}: unknown setting `{name}`{}", near(&name)));
            }
        }
    }
}

type Read = (String, Vec<String>, BTreeMap<String, Vec<String>>);

fn read_value(kind: Kind, value: &DeValue<'_>) -> Result<Read, &'static str> {
    if matches!(kind, Kind::Keys | Kind::Tolerances) {
        let DeValue::Table(table) = value else { return Err("a table of lists") };
        let rows = table.iter().map(|(node, columns)| {
            Ok::<_, &str>((
                node.get_ref().to_string(),
                texts(columns.get_ref()).ok_or("a table of lists")?,
            ))
        });
        let rows: BTreeMap<String, Vec<String>> = rows.collect::<Result<_, _>>()?;
        if kind == Kind::Tolerances && rows.values().any(|parts| tolerance(parts).is_none()) {
            return Err(expected(kind));
        }
        return Ok((String::new(), Vec::new(), rows));
    }
    if kind == Kind::List {
        let list = texts(value).ok_or("a list of texts")?;
        return Ok((list.join(","), list, BTreeMap::new()));
    }
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        _ => return Err(expected(kind)),
    };
    check(kind, &text)?;
    if kind == Kind::Secret && is_key(&text) {
        return Err("a path; a key itself does not belong in a file that others read");
    }
    Ok((text, Vec::new(), BTreeMap::new()))
}

/// `["abs=0.01", "rel=1e-9"]`; what is not said is 0.
fn tolerance(parts: &[String]) -> Option<Tolerance> {
    let mut tolerance = Tolerance { abs: 0.0, rel: 0.0 };
    for part in parts {
        let (name, number) = part.split_once('=')?;
        let number = number.trim().parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0)?;
        match name.trim() {
            "abs" => tolerance.abs = number,
            "rel" => tolerance.rel = number,
            _ => return None,
        }
    }
    (!parts.is_empty()).then_some(tolerance)
}

/// The text is a private key and not the path of one.
pub(crate) fn is_key(text: &str) -> bool {
    text.trim_start().starts_with("PRIVATE+KEY+")
}

fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    let DeValue::Array(items) = value else { return None };
    let text = |item: &DeValue<'_>| {
        if let DeValue::String(text) = item { Some(text.to_string()) } else { None }
    };
    items.iter().map(|item| text(item.get_ref())).collect()
}

fn check(kind: Kind, text: &str) -> Result<(), &'static str> {
    let fits = match kind {
        Kind::Text | Kind::List | Kind::Keys | Kind::Secret | Kind::Tolerances => true,
        Kind::Count => text.parse::<u16>().is_ok(),
        Kind::Size => text.parse::<u64>().is_ok_and(|number| number > 0),
        Kind::Flag => ["true", "false"].contains(&text),
        Kind::FailOn => args::fail_on(text).is_ok(),
        Kind::Level => args::level(text).is_ok(),
    };
    if fits { Ok(()) } else { Err(expected(kind)) }
}

const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text",
        Kind::Secret => "a path",
        Kind::Count => "a whole number",
        Kind::Size => "a whole number above 0",
        Kind::Tolerances => "a table of lists such as [\"abs=0.01\", \"rel=1e-9\"]",
        Kind::Flag => "true or false",
        Kind::FailOn => "info, low, medium, high, critical or never",
        Kind::Level => "a level, L0 to L5",
        Kind::List => "a list of texts",
        Kind::Keys => "a table of lists",
    }
}

fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// A setting whose last word is the same, or that starts the same.
fn near(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    let close = |setting: &&Known| {
        let word = setting.name.rsplit('.').next().unwrap_or(setting.name);
        word == last || (last.len() > 3 && (word.starts_with(last) || last.starts_with(word)))
    };
    SETTINGS
        .iter()
        .find(close)
        .map_or_else(String::new, |setting| format!("; did you mean `{}`?", setting.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, env: &[(&str, &str)]) -> Result<Config, Failure> {
        let folder = std::env::temp_dir().join(format!("belay-config-{}", uuid_like(text)));
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::write(folder.join("belay.toml"), text).unwrap();
        let lookup = |name: &str| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let config = Config::read(&folder, &lookup);
        fs_err::remove_dir_all(&folder).unwrap();
        config
    }

    fn uuid_like(text: &str) -> String {
        belay_model::Digest::of(text).short()
    }

    #[test]
    fn the_environment_overrides_the_file_and_each_value_knows_its_origin() {
        let file =
            "[impact]\nfail_on = \"low\"\nsamples = 5\n[impact.keys]\norders = [\"id\", \"day\"]\n";
        let config = read(file, &[("BELAY_IMPACT_SAMPLES", "7")]).unwrap();
        let row = |name: &str| config.rows().into_iter().find(|row| row.name == name).unwrap();
        assert_eq!(
            (row("impact.fail_on").value, row("impact.fail_on").origin),
            ("low".into(), "belay.toml:2".into())
        );
        assert_eq!(row("impact.samples").origin, "environment: BELAY_IMPACT_SAMPLES");
        assert_eq!(config.count("impact.samples"), Some(7));
        assert_eq!(row("impact.level").origin, "default");
        assert_eq!(
            config.keys("impact.keys"),
            [("orders".to_owned(), vec!["id".to_owned(), "day".to_owned()])]
        );
    }

    #[test]
    fn the_guide_and_the_error_page_list_every_setting() {
        let guide = include_str!("../../../docs/guide.md");
        let errors = include_str!("../../../docs/reference/errors.md");
        for setting in SETTINGS {
            let name = format!("| `{}` |", setting.name);
            assert!(guide.lines().any(|line| line.starts_with(&name)), "guide: {name}");
            assert!(errors.lines().any(|line| line.starts_with(&name)), "errors: {name}");
        }
    }

    #[test]
    fn all_faults_are_named_at_once_with_their_lines() {
        let file = "workspac = \"x\"\n[impact]\nfail_on = \"grave\"\nsamples = -1\n";
        let failure = read(file, &[("BELAY_IMPACT_LEVEL", "L7")]).unwrap_err();
        let expected = [
            "belay.toml:1: unknown setting `workspac`; did you mean `workspace`?",
            "belay.toml:3: `impact.fail_on` is not info, low, medium, high, critical or never",
            "belay.toml:4: `impact.samples` is not a whole number",
            "BELAY_IMPACT_LEVEL: `L7` is not a level, L0 to L5",
        ];
        assert_eq!(failure.causes, expected);
    }
}
