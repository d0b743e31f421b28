//! `belay init`, `config`, `drivers` and `doctor`: what belay stands on.

use std::path::PathBuf;

use belay_flow::Desk;
use belay_flow::tools::LocalProject;
use belay_outside::{DUCKDB, DriverPackage, POSTGRES, Repository, Stop, cvc5_version};
use belay_warehouse::{Driver, WarehouseError};
use serde_json::{Value, json};

use super::records::{rows, table};
use crate::args::{DriversCommand, DriversInstallArgs};
use crate::failure::{Failure, Outcome};
use crate::house::{House, solver};
use crate::ui::Ui;

/// Writes `belay.toml` beside the project; refuses to overwrite one.
pub(crate) async fn init(house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    if let Some(file) = &house.config.file {
        let message = format!("there is already a `{}`", file.display());
        return Err(Failure::input("init/exists", message).help("edit it, or remove it first"));
    }
    let repository = Repository::around(&house.folder).await?;
    let root = fs_err::canonicalize(&repository.root).unwrap_or_else(|_| repository.root.clone());
    let folder = fs_err::canonicalize(&house.folder).unwrap_or_else(|_| house.folder.clone());
    let project = house.tools.project(&folder, Some(&root))?;
    let default = repository
        .default_branch(house.config.text("impact.default_branch"))
        .await
        .ok()
        .map(|branch| branch.name);
    let path = root.join("belay.toml");
    fs_err::write(&path, template(&project))
        .map_err(|error| Failure::surroundings("files/io", error.to_string()))?;
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.init/1",
            "file": path.display().to_string(),
            "project": project.project.name,
            "adapter": project.adapter,
            "target": project.target.name,
            "default_branch": default,
        }))?;
    } else {
        let branch = default.as_deref().unwrap_or("none found: name a base with --base");
        ui.result(&format!(
            "wrote {}\n  project        {} ({}, target {})\n  default branch {branch}\nnext: belay doctor, then belay impact\n",
            path.display(),
            project.project.name,
            project.adapter,
            project.target.name,
        ))?;
    }
    Ok(Outcome::Clear)
}

fn template(project: &LocalProject) -> String {
    format!(
        "# belay's settings for this repository. Everything here is optional; `belay config` shows every\n\
         # setting, its value and where the value came from.\n\n\
         [dbt]\n# target = \"{}\"\n# program = \"dbt\"\n\n\
         [impact]\n# fail_on = \"high\"          # info, low, medium, high, critical or never\n\
         # sensitive = [\"email\"]      # columns that are never shown\n\n\
         # [impact.keys]              # for nodes whose key belay cannot find in the project\n\
         # orders = [\"order_id\"]\n",
        project.target.name
    )
}

pub(crate) fn config(house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let settings = house.config.rows();
    if ui.is_json() {
        let settings: Vec<Value> = settings
            .iter()
            .map(|row| json!({"name": row.name, "value": row.value, "origin": row.origin, "about": row.about,
                              "variable": crate::config::variable(row.name)}))
            .collect();
        let file = house.config.file.as_ref().map(|file| file.display().to_string());
        ui.json(&json!({"schema": "belay.config/1", "file": file, "settings": settings}))?;
        return Ok(Outcome::Clear);
    }
    let mut text = table(&["setting", "value", "from", "about"]);
    for row in settings {
        text.add_row([row.name.to_owned(), row.value, row.origin, row.about.to_owned()]);
    }
    ui.result(&rows(&text))?;
    Ok(Outcome::Clear)
}

pub(crate) async fn drivers(
    command: &DriversCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    match command {
        DriversCommand::List(_) => listed(&[duckdb(house), postgres(house), cvc5(house).await], ui),
        DriversCommand::Install(args) => install(args, house, ui).await,
    }
}

async fn install(args: &DriversInstallArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let adapters = adapters(args, house).await?;
    let fetched = fetch(args, &adapters, house, &desk).await;
    desk.progress.finish();
    fetched?;
    let mut checks = vec![duckdb(house)];
    if args.postgres {
        checks.push(postgres(house));
    }
    for adapter in &adapters {
        checks.push(dbt(house, &desk, adapter).await);
    }
    if args.cvc5 {
        checks.push(cvc5(house).await);
    }
    listed(&checks, ui)
}

/// The adapters whose private dbt is asked for.
async fn adapters(args: &DriversInstallArgs, house: &House) -> Result<Vec<String>, Failure> {
    if !args.dbt {
        return Ok(Vec::new());
    }
    let mut adapters = vec![match project(house).await {
        Ok(project) => project.adapter,
        Err(failure) if failure.code == "dbt/no-project" => "duckdb".to_owned(),
        Err(failure) => return Err(failure),
    }];
    if args.postgres && !adapters.iter().any(|adapter| adapter == "postgres") {
        adapters.push("postgres".to_owned());
    }
    Ok(adapters)
}

fn listed(checks: &[Check], ui: &Ui) -> Result<Outcome, Failure> {
    if ui.is_json() {
        let rows: Vec<Value> = checks.iter().map(Check::json).collect();
        ui.json(&json!({"schema": "belay.drivers/1", "drivers": rows}))?;
    } else {
        ui.result(&checks_text(checks))?;
    }
    Ok(Outcome::Clear)
}

async fn fetch(
    args: &DriversInstallArgs,
    adapters: &[String],
    house: &House,
    desk: &Desk,
) -> Result<(), Failure> {
    house.tools.duckdb(desk).await?.version()?;
    if args.postgres {
        house.tools.postgres(desk).await?.loads()?;
    }
    for adapter in adapters {
        if house.tools.cache.dbt(adapter).is_none() {
            house.tools.install_dbt(desk, adapter).await?;
        }
    }
    if args.cvc5 && house.tools.cache.cvc5().is_none() {
        desk.progress.phase("install a private cvc5 (once)");
        let progress = |message: &str| desk.progress.detail(message, None);
        house.tools.cache.install_cvc5(&desk.stop, progress).await?;
    }
    Ok(())
}

/// One thing that was looked at.
struct Check {
    name: &'static str,
    /// `None`: fine as it is, though it may be missing.
    ok: Option<bool>,
    found: String,
    help: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, ok: Some(true), found: found.into(), help: None }
    }

    fn aside(name: &'static str, found: impl Into<String>) -> Self {
        Self { ok: None, ..Self::ok(name, found) }
    }

    fn wrong(name: &'static str, failure: Failure) -> Self {
        Self { name, ok: Some(false), found: failure.message, help: failure.help }
    }

    fn json(&self) -> Value {
        json!({"check": self.name, "ok": self.ok, "found": self.found, "help": self.help})
    }
}

/// Looks at everything that a review needs. Exit 1 when something is wrong.
pub(crate) async fn doctor(house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let mut checks = vec![
        Check::ok("belay", env!("CARGO_PKG_VERSION")),
        Check::ok("record", house.state_folder().display().to_string()),
        Check::ok(
            "policies",
            format!("{} in force, {}", desk.gate.policy_ids().count(), desk.gate.digest().short()),
        ),
        git(house).await,
    ];
    let project = project(house).await;
    checks.push(match &project {
        Ok(project) => Check::ok(
            "project",
            format!(
                "{} on {}, target {}, schema {}",
                project.project.name, project.adapter, project.target.name, project.schema
            ),
        ),
        Err(failure) if failure.code == "dbt/no-project" => {
            Check::aside("project", format!("none here: {}", failure.message))
        }
        Err(failure) => {
            let help = failure.help.clone();
            Check { ok: Some(false), help, ..Check::ok("project", failure.message.clone()) }
        }
    });
    checks.push(
        dbt(house, &desk, project.as_ref().map_or("duckdb", |project| project.adapter.as_str()))
            .await,
    );
    let drivers = [duckdb(house), postgres(house)];
    let wanted = project.as_ref().map_or("duckdb", |project| project.adapter.as_str());
    let usable = drivers.iter().any(|driver| driver.name == wanted && driver.ok == Some(true));
    checks.extend(drivers);
    checks.push(cvc5(house).await);
    if let (Ok(project @ LocalProject { database: Some(_), .. }), true) = (&project, usable) {
        checks.push(database(house, &desk, project).await);
    }
    desk.progress.finish();
    let left = belay_flow::clean::leftovers(&desk).await?;
    checks.push(match left.len() {
        0 => Check::ok("leftovers", "none"),
        _ => Check {
            help: Some("`belay clean` drops it".to_owned()),
            // What was kept on purpose is no fault.
            ok: if left.iter().all(|one| one.run.state.is_finished()) { None } else { Some(false) },
            ..Check::ok(
                "leftovers",
                format!(
                    "of {}",
                    left.iter()
                        .map(|one| format!("run {} ({})", one.run.id.short(), one.run.state))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            )
        },
    });
    let well = checks.iter().all(|check| check.ok != Some(false));
    if ui.is_json() {
        let rows: Vec<Value> = checks.iter().map(Check::json).collect();
        ui.json(&json!({"schema": "belay.doctor/1", "ok": well, "checks": rows}))?;
    } else {
        ui.result(&checks_text(&checks))?;
    }
    Ok(if well { Outcome::Clear } else { Outcome::No })
}

fn checks_text(checks: &[Check]) -> String {
    let line = |check: &Check| {
        let mark = match check.ok {
            Some(true) => "\u{1b}[32mok\u{1b}[0m  ",
            Some(false) => "\u{1b}[31mbad\u{1b}[0m ",
            None => "\u{1b}[2m–\u{1b}[0m   ",
        };
        let help = check
            .help
            .as_ref()
            .map(|help| format!("\n                help: {help}"))
            .unwrap_or_default();
        format!("{mark} {:<10} {}{help}\n", check.name, check.found)
    };
    checks.iter().map(line).collect()
}

async fn git(house: &House) -> Check {
    match Repository::around(&house.folder).await {
        Ok(repository) => Check::ok("git", format!("repository at {}", repository.root.display())),
        Err(error) => match Failure::from(error) {
            failure if failure.code == "git/no-repository" => {
                Check::aside("git", "no repository here")
            }
            failure => Check::wrong("git", failure),
        },
    }
}

async fn project(house: &House) -> Result<LocalProject, Failure> {
    let root: Option<PathBuf> = match Repository::around(&house.folder).await {
        Ok(repository) => Some(repository.root),
        Err(_) => None,
    };
    Ok(house.tools.project(&house.folder, root.as_deref())?)
}

async fn dbt(house: &House, desk: &Desk, adapter: &str) -> Check {
    let private = house.tools.cache.dbt(adapter).is_none();
    if house.tools.settings.dbt.is_none()
        && private
        && house.tools.dbt_on_path(adapter).await.is_none()
    {
        return Check::aside(
            "dbt",
            "none yet: belay installs a private one on first use, or `belay drivers install --dbt`",
        );
    }
    match house.tools.dbt(desk, adapter).await {
        Ok((dbt, origin, version)) => {
            Check::ok("dbt", format!("{version}, {} ({})", dbt.program.display(), origin.as_str()))
        }
        Err(error) => Check::wrong("dbt", error.into()),
    }
}

fn duckdb(house: &House) -> Check {
    let named = house.tools.settings.duckdb_library.clone();
    driver(house, "duckdb", named, DUCKDB, "", |library, _| Driver::duckdb(library).version())
}

/// Its library holds no database that could say a version: the pin says it.
fn postgres(house: &House) -> Check {
    let named = house.tools.settings.postgres_library.clone();
    driver(house, "postgres", named, POSTGRES, " --postgres", |library, package| {
        Driver::postgres(library).loads()?;
        Ok(package.map_or("loads", |package| package.version).to_owned())
    })
}

/// Where a driver's library is and where it came from.
fn driver(
    house: &House,
    name: &'static str,
    named: Option<PathBuf>,
    pinned: Option<DriverPackage>,
    flag: &str,
    version: impl Fn(PathBuf, Option<&DriverPackage>) -> Result<String, WarehouseError>,
) -> Check {
    let (library, package, origin) = match (named, pinned) {
        (Some(library), _) => (library, None, "named in the configuration".to_owned()),
        (None, Some(package)) => match house.tools.cache.verify(&package) {
            Ok(true) => {
                let origin = format!("from {}, SHA-256 checked", package.package);
                (house.tools.cache.library(&package), Some(package), origin)
            }
            Ok(false) => {
                let found = format!(
                    "not fetched yet: belay does it on first use, or `belay drivers install{flag}`"
                );
                return Check::aside(name, found);
            }
            Err(error) => return Check::wrong(name, error.into()),
        },
        (None, None) => {
            let found =
                format!("no library is pinned for this machine: name one as `drivers.{name}`");
            return Check::aside(name, found);
        }
    };
    match version(library.clone(), package.as_ref()) {
        Ok(version) => Check::ok(name, format!("{version}, {} ({origin})", library.display())),
        Err(error) => Check::wrong(name, error.into()),
    }
}

/// Only `belay policy prove` needs it, so that it may be missing.
async fn cvc5(house: &House) -> Check {
    const NAME: &str = "cvc5";
    let Some(solver) = solver(&house.tools.cache) else {
        let found = "none; optional, for `belay policy prove`: `belay drivers install --cvc5`";
        return Check::aside(NAME, found);
    };
    match cvc5_version(&solver.program, &Stop::never()).await {
        Ok(version) => {
            let found = format!("{version}, {} ({})", solver.program.display(), solver.origin);
            Check::ok(NAME, found)
        }
        Err(error) => Check { ok: None, ..Check::wrong(NAME, error.into()) },
    }
}

async fn database(house: &House, desk: &Desk, project: &LocalProject) -> Check {
    const NAME: &str = "database";
    let warehouse = match house.tools.warehouse(desk, project).await {
        Ok(warehouse) => warehouse,
        Err(error) => return Check::wrong(NAME, error.into()),
    };
    match warehouse.open(belay_warehouse::Database::read_only(&warehouse.address)).await {
        Ok(session) => {
            session.close().await;
            Check::ok(NAME, format!("{} opens", warehouse.address))
        }
        Err(error) => Check::wrong(NAME, error.into()),
    }
}
