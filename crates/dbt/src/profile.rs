//! A dbt profile: which target a project runs on, and the same target with another schema.

use std::collections::BTreeMap;

use belay_model::Explain;
use minijinja::value::{Kwargs, Value as Jinja};
use minijinja::{Environment, Error as JinjaError, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value, json};

/// Looks up an environment variable.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What belay needs of `dbt_project.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub name: String,
    pub profile: String,
}

/// One output of a profile, as written: Jinja is rendered only where belay itself reads a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub profile: String,
    pub name: String,
    output: Map<String, Value>,
    session: Session,
}

/// What a session of a target needs to know before it is opened: rendered, because it goes to another
/// place than the profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Session {
    is_postgres: bool,
    search_path: Option<String>,
    /// libpq's `PGOPTIONS` as the user has it.
    options: Option<String>,
}

/// What is different in a derived profile.
#[derive(Debug, Clone, Copy, Default)]
pub struct Derivation<'a> {
    pub schema: Option<&'a str>,
    /// DuckDB: the file, absolute; a relative one would point elsewhere from a scratch tree.
    pub path: Option<&'a str>,
    /// The database itself refuses to write: DuckDB by how every file is opened, PostgreSQL by a
    /// default of its sessions.
    pub read_only: bool,
}

/// A profile to hand to dbt, and the secrets that it takes from its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedProfile {
    /// The text of a `profiles.yml`; it holds no secret that was spelled out in the user's.
    pub text: String,
    pub secrets: Vec<(String, String)>,
    /// Variables that are no secret and that make the database's sessions what was asked for.
    pub session: Vec<(String, String)>,
}

impl DerivedProfile {
    /// Everything that dbt has to find in its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.secrets.iter().chain(&self.session).cloned().collect()
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProfileError {
    #[error("`{file}` is not valid YAML: {message}")]
    Yaml { file: String, message: String },
    #[error("`{file}` has no `{key}`")]
    MissingKey { file: String, key: String },
    #[error("profile `{profile}` is not in `{file}`")]
    NoProfile { profile: String, file: String },
    #[error("profile `{profile}` has no target `{target}`")]
    NoTarget { profile: String, target: String, known: Vec<String> },
    #[error("a value cannot be rendered: {message}")]
    Jinja { message: String },
}

impl Explain for ProfileError {
    fn code(&self) -> &'static str {
        match self {
            Self::Yaml { .. } => "profile/yaml",
            Self::MissingKey { .. } => "profile/missing-key",
            Self::NoProfile { .. } => "profile/not-found",
            Self::NoTarget { .. } => "profile/no-target",
            Self::Jinja { .. } => "profile/jinja",
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::NoTarget { known, .. } => Some(format!("its targets are: {}", known.join(", "))),
            Self::NoProfile { .. } => {
                Some("name the folder that holds it: DBT_PROFILES_DIR".to_owned())
            }
            Self::Jinja { .. } => {
                Some("set the environment variables that dbt needs, then try again".to_owned())
            }
            Self::Yaml { .. } | Self::MissingKey { .. } => None,
        }
    }
}

/// The `vars` of two `dbt_project.yml` files, where they differ: `true`.
pub fn vars_differ(base: &str, head: &str) -> bool {
    let vars = |text: &str| {
        mapping("dbt_project.yml", text).ok().map(|project| project.get("vars").cloned())
    };
    vars(base) != vars(head)
}

/// Where the project has dbt install packages, if it says so: `dbt deps` empties that folder. A file
/// that cannot be read for certain counts as saying so.
pub fn packages_install_path(text: &str) -> Option<String> {
    const KEY: &str = "packages-install-path";
    let Ok(project) = mapping("dbt_project.yml", text) else { return Some("unknown".to_owned()) };
    let said = project.get(KEY).map(|value| value.as_str().unwrap_or("unknown").to_owned());
    // Merged in, or hidden in a way that another reader would see through.
    said.or_else(|| (text.contains(KEY) || text.contains("<<")).then(|| "unknown".to_owned()))
}

/// A `dbt_project.yml` without the hooks that dbt runs around every invocation, whatever is selected.
///
/// Works on the lines: reading and writing the whole file again could change what another YAML
/// reader makes of it. A file that is one flow mapping comes back as it is.
pub fn without_run_hooks(text: &str) -> String {
    const HOOKS: [&str; 2] = ["on-run-start", "on-run-end"];
    let mut kept = String::with_capacity(text.len());
    let mut in_hook = false;
    for line in text.split_inclusive('\n') {
        let starts_key =
            line.starts_with(|letter: char| !letter.is_whitespace() && !"#-}])".contains(letter));
        if starts_key {
            let key = line.split(':').next().unwrap_or_default().trim_matches(['"', '\'', ' ']);
            in_hook = HOOKS.contains(&key);
        }
        if !in_hook {
            kept.push_str(line);
        }
    }
    kept
}

impl Project {
    /// Reads the text of a `dbt_project.yml`.
    pub fn parse(text: &str, env: Lookup<'_>) -> Result<Self, ProfileError> {
        const FILE: &str = "dbt_project.yml";
        let project = mapping(FILE, text)?;
        let read = |key: &str| -> Result<String, ProfileError> {
            let value = project.get(key).and_then(Value::as_str);
            let missing =
                || ProfileError::MissingKey { file: FILE.to_owned(), key: key.to_owned() };
            render(value.ok_or_else(missing)?, env)
        };
        Ok(Self { name: read("name")?, profile: read("profile")? })
    }
}

impl Target {
    /// Finds a target in the text of a `profiles.yml`; without a name, the profile's default.
    pub fn find(
        text: &str,
        profile: &str,
        target: Option<&str>,
        env: Lookup<'_>,
    ) -> Result<Self, ProfileError> {
        const FILE: &str = "profiles.yml";
        let profiles = mapping(FILE, text)?;
        let unknown =
            || ProfileError::NoProfile { profile: profile.to_owned(), file: FILE.to_owned() };
        let found = profiles.get(profile).and_then(Value::as_object).ok_or_else(unknown)?;
        let name = match (target, found.get("target").and_then(Value::as_str)) {
            (Some(name), _) => name.to_owned(),
            (None, Some(default)) => render(default, env)?,
            (None, None) => "default".to_owned(),
        };
        let outputs = found.get("outputs").and_then(Value::as_object);
        let output = outputs.and_then(|outputs| outputs.get(&name)).and_then(Value::as_object);
        let known = || outputs.into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let Some(output) = output else {
            return Err(ProfileError::NoTarget {
                profile: profile.to_owned(),
                target: name,
                known: known(),
            });
        };
        let session = Session::default();
        let mut target =
            Self { profile: profile.to_owned(), name, output: output.clone(), session };
        // A type that cannot be rendered is told by whoever asks for it.
        if target.adapter(env).is_ok_and(|adapter| adapter == "postgres") {
            target.session = Session {
                is_postgres: true,
                search_path: target.text("search_path", env)?.filter(|path| !path.is_empty()),
                options: env("PGOPTIONS"),
            };
        }
        Ok(target)
    }

    /// The adapter, such as `duckdb`.
    pub fn adapter(&self, env: Lookup<'_>) -> Result<String, ProfileError> {
        self.required("type", env)
    }

    pub fn schema(&self, env: Lookup<'_>) -> Result<String, ProfileError> {
        Ok(self.rendered("schema", env)?.unwrap_or_else(|| "main".to_owned()))
    }

    /// DuckDB: the path of the file, as written (relative to where dbt runs).
    pub fn path(&self, env: Lookup<'_>) -> Result<Option<String>, ProfileError> {
        self.rendered("path", env)
    }

    /// A value of the target, rendered: a text, or a number or yes and no as text.
    pub fn text(&self, key: &str, env: Lookup<'_>) -> Result<Option<String>, ProfileError> {
        match self.output.get(key) {
            Some(Value::String(text)) => render(text, env).map(Some),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            _ => Ok(None),
        }
    }

    /// [`Self::text`] under the first of several names that the target has.
    pub fn text_of(&self, keys: &[&str], env: Lookup<'_>) -> Result<Option<String>, ProfileError> {
        let found = keys.iter().find(|key| self.output.contains_key(**key));
        found.map_or(Ok(None), |key| self.text(key, env))
    }

    /// [`Self::text_of`], which has to be there.
    pub fn needed(&self, keys: &[&str], env: Lookup<'_>) -> Result<String, ProfileError> {
        let key = keys.first().copied().unwrap_or_default().to_owned();
        let missing = || ProfileError::MissingKey { file: "profiles.yml".to_owned(), key };
        self.text_of(keys, env)?.ok_or_else(missing)
    }

    /// The same target, changed as `derivation` says.
    pub fn derive(&self, derivation: &Derivation<'_>) -> DerivedProfile {
        let mut secrets = Vec::new();
        let mut output = match hide(&Value::Object(self.output.clone()), false, &mut secrets) {
            Value::Object(output) => output,
            _ => Map::new(),
        };
        if let Some(schema) = derivation.schema {
            output.insert("schema".to_owned(), json!(schema));
        }
        if let Some(path) = derivation.path {
            output.insert("path".to_owned(), json!(path));
        }
        let session = match (derivation.read_only, self.session.is_postgres) {
            (false, _) => Vec::new(),
            (true, true) => {
                // dbt hands a search path on in the very place that would lock the session.
                output.remove("search_path");
                vec![("PGOPTIONS".to_owned(), self.session.read_only())]
            }
            (true, false) => {
                read_only(&mut output);
                Vec::new()
            }
        };
        let profile = json!({"target": self.name, "outputs": {self.name.clone(): output}});
        // JSON is YAML, and it is quoted throughout.
        let text = json!({self.profile.clone(): profile}).to_string();
        DerivedProfile { text, secrets, session }
    }

    fn required(&self, key: &str, env: Lookup<'_>) -> Result<String, ProfileError> {
        let missing =
            || ProfileError::MissingKey { file: "profiles.yml".to_owned(), key: key.to_owned() };
        self.rendered(key, env)?.ok_or_else(missing)
    }

    fn rendered(&self, key: &str, env: Lookup<'_>) -> Result<Option<String>, ProfileError> {
        self.output.get(key).and_then(Value::as_str).map(|value| render(value, env)).transpose()
    }
}

impl Session {
    /// `PGOPTIONS` of a session that does not write. The last one of a name counts.
    fn read_only(&self) -> String {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace(' ', "\\ ");
        let path = self.search_path.as_deref();
        let path = path.map(|path| format!("-c search_path={}", escaped(path)));
        let own = "-c default_transaction_read_only=on".to_owned();
        let parts = [self.options.clone(), path, Some(own)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// DuckDB's own lock on writing, for the file and for everything that is attached.
fn read_only(output: &mut Map<String, Value>) {
    let options = output.entry("config_options").or_insert_with(|| json!({}));
    if let Value::Object(options) = options {
        options.insert("access_mode".to_owned(), json!("read_only"));
    }
    if let Some(Value::Array(attached)) = output.get_mut("attach") {
        for one in attached.iter_mut().filter_map(Value::as_object_mut) {
            one.insert("read_only".to_owned(), json!(true));
        }
    }
}

/// Words in the name of a key whose value is a secret.
const SECRET_WORDS: [&str; 13] = [
    "pass",
    "pwd",
    "secret",
    "token",
    "private_key",
    "keyfile",
    "credential",
    "api_key",
    "access_key",
    "account_key",
    "encryption_key",
    "key_id",
    "dsn",
];

/// Replaces secrets that are spelled out by references to the environment, under the prefix that dbt
/// itself scrubs from its logs.
fn hide(value: &Value, secret: bool, secrets: &mut Vec<(String, String)>) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| {
                    let key_lower = key.to_lowercase();
                    let secret = secret || SECRET_WORDS.iter().any(|word| key_lower.contains(word));
                    (key.clone(), hide(value, secret, secrets))
                })
                .collect(),
        ),
        Value::Array(items) => items.iter().map(|item| hide(item, secret, secrets)).collect(),
        Value::Number(number) if secret => hide(&Value::String(number.to_string()), true, secrets),
        Value::String(text) if (secret || carries_secret(text)) && !text.contains("{{") => {
            let name = format!("DBT_ENV_SECRET_BELAY_{}", secrets.len());
            let reference = format!("{{{{ env_var('{name}') }}}}");
            secrets.push((name, text.clone()));
            Value::String(reference)
        }
        plain => plain.clone(),
    }
}

/// A connection string with a password or a token in it, under whatever key.
fn carries_secret(text: &str) -> bool {
    let lower = text.to_lowercase();
    let named = ["password=", "pwd=", "token=", "secret="].iter().any(|word| lower.contains(word));
    let in_address = lower.split_once("://").is_some_and(|(_, rest)| {
        rest.split('/')
            .next()
            .and_then(|host| host.split_once('@'))
            .is_some_and(|(user, _)| user.contains(':'))
    });
    named || in_address
}

fn mapping(file: &str, text: &str) -> Result<Map<String, Value>, ProfileError> {
    let wrong = |message: String| ProfileError::Yaml { file: file.to_owned(), message };
    // The first line says what and where; the lines after it quote the file, secrets and all.
    let plain = |error: serde_saphyr::Error| {
        error.to_string().lines().next().unwrap_or_default().to_owned()
    };
    let value: Value = serde_saphyr::from_str(text).map_err(|error| wrong(plain(error)))?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(wrong("it is not a mapping".to_owned())),
    }
}

/// Renders the little Jinja that dbt allows here: `env_var` and its filters.
fn render(text: &str, env: Lookup<'_>) -> Result<String, ProfileError> {
    if !text.contains("{{") {
        return Ok(text.to_owned());
    }
    let names = known_variables(text, env);
    let mut jinja = Environment::new();
    jinja.set_undefined_behavior(UndefinedBehavior::Strict);
    jinja.add_function("env_var", move |name: &str, default: Option<Jinja>, _: Kwargs| {
        let found = names.get(name).map(|value| Jinja::from(value.as_str()));
        found.or(default).ok_or_else(|| {
            JinjaError::new(ErrorKind::InvalidOperation, format!("`{name}` is not set"))
        })
    });
    for filter in ["as_number", "as_bool", "as_text", "as_native"] {
        jinja.add_filter(filter, |value: Jinja| value);
    }
    jinja.render_str(text, ()).map_err(|error| ProfileError::Jinja {
        message: error.detail().unwrap_or("it is not understood").to_owned(),
    })
}

/// The environment variables that the text names: a template function cannot borrow the lookup.
fn known_variables(text: &str, env: Lookup<'_>) -> BTreeMap<String, String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter_map(|word| Some((word.to_owned(), env(word)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILES: &str = "
shop:
  target: \"{{ env_var('SHOP_TARGET', 'dev') }}\"
  outputs:
    dev: {type: duckdb, path: shop.duckdb, schema: main, threads: 4}
    prod:
      type: postgres
      schema: analytics
      user: belay
      password: hunter2
      private_key_passphrase: \"{{ env_var('PASSPHRASE') }}\"
";

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_default_target_may_come_from_the_environment() {
        let found = |env: Lookup<'_>| Target::find(PROFILES, "shop", None, env).unwrap().name;
        assert_eq!(found(&nothing), "dev");
        assert_eq!(found(&|name| (name == "SHOP_TARGET").then(|| "prod".to_owned())), "prod");
    }

    #[test]
    fn a_derived_profile_has_another_schema_and_no_secret_in_its_text() {
        let target = Target::find(PROFILES, "shop", Some("prod"), &nothing).unwrap();
        let derived =
            target.derive(&Derivation { schema: Some("belay_1"), ..Derivation::default() });
        assert!(!derived.text.contains("hunter2"), "{}", derived.text);
        assert!(derived.text.contains("env_var('PASSPHRASE')"));
        let secrets = [("DBT_ENV_SECRET_BELAY_0".to_owned(), "hunter2".to_owned())];
        assert_eq!(derived.secrets, secrets);
        let again = Target::find(&derived.text, "shop", None, &nothing).unwrap();
        assert_eq!(again.schema(&nothing).unwrap(), "belay_1");
        assert_eq!(again.name, "prod");
    }

    #[test]
    fn a_read_only_profile_locks_the_file_and_what_is_attached() {
        let text = "p: {outputs: {default: {type: duckdb, path: a.db, attach: [{path: b.db}]}}}";
        let target = Target::find(text, "p", None, &nothing).unwrap();
        let derived = target.derive(&Derivation { read_only: true, ..Derivation::default() });
        let profiles: Value = serde_json::from_str(&derived.text).unwrap();
        let output = &profiles["p"]["outputs"]["default"];
        assert_eq!(output["config_options"]["access_mode"], "read_only");
        assert_eq!(output["attach"][0]["read_only"], true);
    }

    #[test]
    fn a_read_only_profile_of_postgres_locks_its_sessions() {
        let text =
            "p: {outputs: {default: {type: postgres, search_path: 'a, b', host: h, port: 5432}}}";
        let find = |env: Lookup<'_>| Target::find(text, "p", None, env).unwrap();
        let target = find(&|name| (name == "PGOPTIONS").then(|| "-c jit=off".to_owned()));
        let derived = target.derive(&Derivation { read_only: true, ..Derivation::default() });
        assert!(!derived.text.contains("search_path") && !derived.text.contains("config_options"));
        let options = r"-c jit=off -c search_path=a,\ b -c default_transaction_read_only=on";
        assert_eq!(derived.session, [("PGOPTIONS".to_owned(), options.to_owned())]);
        assert_eq!(derived.environment(), derived.session);
        let writing = target.derive(&Derivation::default());
        assert!(writing.session.is_empty() && writing.text.contains("search_path"));
        assert_eq!(target.needed(&["port"], &nothing).unwrap(), "5432");
        let missing = target.needed(&["dbname", "database"], &nothing).unwrap_err();
        assert_eq!(missing.to_string(), "`profiles.yml` has no `dbname`");
    }

    #[test]
    fn secrets_hide_under_any_key_and_never_stand_in_an_error() {
        let text = "p: {outputs: {default: {type: duckdb, pwd: 4711, attach: [{path: 'pg://u:planted@h/d'}, \
                    {path: 'x?token=planted'}]}}}";
        let derived =
            Target::find(text, "p", None, &nothing).unwrap().derive(&Derivation::default());
        assert!(
            !derived.text.contains("planted") && !derived.text.contains("4711"),
            "{}",
            derived.text
        );
        assert_eq!(derived.secrets.len(), 3);
        for broken in [
            "p:\n  password: planted\n token: planted\n",
            "p: {a: planted, a: planted}",
            "\tp: planted",
        ] {
            let error = Target::find(broken, "p", None, &nothing).unwrap_err().to_string();
            assert!(!error.contains("planted"), "{error}");
        }
        let error =
            render("md:x?token=planted{{ env_var('NOPE') }}", &nothing).unwrap_err().to_string();
        assert!(!error.contains("planted"), "{error}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = Target::find(PROFILES, "shop", Some("staging"), &nothing).unwrap_err();
        assert_eq!(missing.to_string(), "profile `shop` has no target `staging`");
        assert_eq!(missing.help().unwrap(), "its targets are: dev, prod");
        let unknown = Target::find(PROFILES, "store", None, &nothing).unwrap_err();
        assert_eq!(unknown.code(), "profile/not-found");
        let unset = render("{{ env_var('NOT_SET') }}", &nothing).unwrap_err();
        assert!(unset.to_string().contains("`NOT_SET` is not set"), "{unset}");
    }

    #[test]
    fn run_hooks_are_taken_out_and_nothing_else() {
        let rest = "name: shop\n# on-run-start: no\nmodels:\n  shop:\n    +post-hook: \"grant\"\n";
        let hooks = [
            "on-run-start: \"create schema audit\"\n",
            "on-run-end:\n  - \"{{ a() }}\"\n# a word\n- \"b\"\n\n",
            "\"on-run-start\": [\n  \"x\",\n]\n",
        ];
        for hook in hooks {
            assert_eq!(without_run_hooks(&format!("{hook}{rest}")), rest, "{hook}");
            assert_eq!(
                without_run_hooks(&format!("{rest}{hook}vars: {{}}\n")),
                format!("{rest}vars: {{}}\n")
            );
        }
    }

    #[test]
    fn a_folder_for_packages_is_seen_however_it_is_spelled() {
        assert_eq!(packages_install_path("name: shop\n"), None);
        let spelled = [
            "name: shop\npackages-install-path: /home/anne\n",
            "{name: shop, \"packages-install-path\": /home/anne}",
            "name: shop\n\"packages\\u002dinstall-path\": /home/anne\n",
        ];
        for text in spelled {
            assert_eq!(packages_install_path(text).as_deref(), Some("/home/anne"), "{text}");
        }
        for unclear in ["a: &x {packages-install-path: /}\n<<: *x\n", "a: 1\na: 2\n", "\t- :"] {
            assert!(packages_install_path(unclear).is_some(), "{unclear}");
        }
    }

    #[test]
    fn a_project_names_its_profile() {
        let project =
            Project::parse("name: shop\nprofile: shop\nmodels:\n  +x: 1\n", &nothing).unwrap();
        assert_eq!(project, Project { name: "shop".to_owned(), profile: "shop".to_owned() });
        let wrong = Project::parse("name: shop\n", &nothing).unwrap_err();
        assert_eq!(wrong.to_string(), "`dbt_project.yml` has no `profile`");
    }
}
