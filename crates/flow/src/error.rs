//! Every way in which a use case can fail.

use std::path::PathBuf;

use belay_audit::AuditError;
use belay_dbt::CatalogError;
use belay_dbt::manifest::ManifestError;
use belay_dbt::profile::ProfileError;
use belay_dbt::run_results::RunResultsError;
use belay_diff::AnswerError;
use belay_gate::{PolicyErrors, Refused};
use belay_model::Explain;
use belay_model::explain::Blame;
use belay_otlp::OtlpError;
use belay_outside::OutsideError;
use belay_outside::host::HostError;
use belay_outside::language_model::ModelError;
use belay_store::StoreError;
use belay_warehouse::WarehouseError;

use crate::base_state::StateError;
use crate::lineage::LineageError;
use crate::run_error::RunError;

use crate::registry::Faults;

#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    #[error("there is no dbt project in `{path}` or above it")]
    NoProject { path: PathBuf },
    #[error("`{path}` holds no dbt manifest")]
    NoManifest { path: PathBuf },
    #[error("cannot read `{path}`")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the manifest of {side} cannot be used: {source}")]
    Manifest { side: String, source: ManifestError },
    #[error("the catalog `{path}` cannot be used: {source}")]
    Catalog { path: PathBuf, source: CatalogError },
    #[error("the run results of {side} cannot be used: {source}")]
    RunResults { side: String, source: RunResultsError },
    #[error("there is no profiles.yml in `{}`", folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join("`, `"))]
    NoProfiles { folders: Vec<PathBuf> },
    #[error(
        "belay builds and compares data on DuckDB and PostgreSQL for now, and this project runs on `{adapter}`"
    )]
    Adapter { adapter: String },
    #[error("building would write to `{relation}`, outside the scratch schema `{prefix}`")]
    OutsideScratch { node: String, relation: String, prefix: String },
    #[error("`{hook}` would run around the scratch build, where no claim covers it")]
    RunHook { hook: String },
    #[error("the link `{link}` of {side} leads out of its tree")]
    LinkOut { side: String, link: PathBuf },
    #[error("`{node}` has no place of its own that belay could check")]
    NoPlace { node: String },
    #[error(
        "the project installs its packages into `{folder}`, which belay does not let dbt empty"
    )]
    PackagesPath { folder: String },
    #[error("target `{target}` has no database file that belay could open")]
    NoDatabase { target: String },
    #[error("`{claimed}` was claimed, and `{}` names `{found}` now", profiles.display())]
    OtherDatabase { claimed: String, found: String, profiles: PathBuf },
    #[error("the review of run {run} is already {state}")]
    Closed { run: String, state: String },
    #[error("the report has no finding `{finding}`")]
    NoFinding { finding: String },
    #[error("this needs a reason")]
    NoReason,
    #[error("the audit does not hold, and nothing was signed: {fault}")]
    AuditBroken { fault: String },
    #[error("there is no leaf {leaf}: the tree has {size}")]
    NoLeaf { leaf: String, size: i64 },
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Faults(#[from] Faults),
    #[error(transparent)]
    Bench(#[from] crate::bench::BenchError),
    #[error(transparent)]
    Eval(#[from] crate::eval::EvalError),
    #[error(transparent)]
    Lineage(#[from] LineageError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(transparent)]
    Policy(#[from] PolicyErrors),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Otlp(#[from] OtlpError),
    #[error(transparent)]
    Outside(#[from] OutsideError),
    #[error(transparent)]
    BaseState(#[from] StateError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("run {run} is no review with a report")]
    NoReport { run: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    #[error("cannot write the export: {message}")]
    Export { message: String },
    #[error("cannot render the report: {message}")]
    Render { message: String },
}

impl FlowError {
    fn inner(&self) -> Option<&dyn Explain> {
        Some(match self {
            Self::Manifest { source, .. } => source,
            Self::RunResults { source, .. } => source,
            Self::Catalog { source, .. } => source,
            Self::Lineage(inner) => inner,
            Self::Faults(inner) => inner,
            Self::Audit(inner) => inner,
            Self::Bench(inner) => inner,
            Self::Eval(inner) => inner,
            Self::Profile(inner) => inner,
            Self::Answer(inner) => inner,
            Self::Policy(inner) => inner,
            Self::Run(inner) => inner,
            Self::Refused(inner) => inner,
            Self::Otlp(inner) => inner,
            Self::Outside(inner) => inner,
            Self::Host(inner) => inner,
            Self::Model(inner) => inner,
            Self::BaseState(inner) => inner,
            Self::Store(inner) => inner,
            Self::Warehouse(inner) => inner,
            _ => return None,
        })
    }

    /// The user, or something on the user's behalf, asked the run to stop.
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Outside(OutsideError::Stopped))
    }

    /// The record does not answer: there is nothing that could still be written down.
    pub fn is_lost_store(&self) -> bool {
        matches!(self, Self::Store(StoreError::ConnectionLost { .. } | StoreError::Open { .. }))
    }
}

impl Explain for FlowError {
    fn code(&self) -> &'static str {
        match self {
            Self::AuditBroken { .. } => "audit/broken",
            Self::NoLeaf { .. } => "audit/no-leaf",
            Self::NoProject { .. } => "dbt/no-project",
            Self::NoManifest { .. } => "dbt/no-manifest",
            Self::Unreadable { .. } => "files/unreadable",
            Self::NoProfiles { .. } => "profile/no-file",
            Self::Adapter { .. } => "warehouse/adapter",
            Self::OutsideScratch { .. } => "scratch/escape",
            Self::RunHook { .. } => "scratch/run-hook",
            Self::LinkOut { .. } => "scratch/link-out",
            Self::NoPlace { .. } => "scratch/no-place",
            Self::PackagesPath { .. } => "scratch/packages-path",
            Self::NoDatabase { .. } => "warehouse/no-database",
            Self::OtherDatabase { .. } => "scratch/other-database",
            Self::Closed { .. } => "review/closed",
            Self::NoFinding { .. } => "review/no-finding",
            Self::NoReason => "review/no-reason",
            Self::NoReport { .. } => "publish/no-report",
            Self::Export { .. } => "trace/export",
            Self::Render { .. } => "report/render",
            other => other.inner().map_or("flow/unknown", Explain::code),
        }
    }

    fn help(&self) -> Option<String> {
        let text = match self {
            Self::AuditBroken { .. } => {
                "run `belay audit verify` and keep the store as it is: somebody or something changed it"
            }
            Self::NoProject { .. } => {
                "go to the folder of a dbt project, or give two folders of dbt artefacts: \
                 `--base DIR --head DIR`"
            }
            Self::NoManifest { .. } => {
                "run `dbt parse` there, or name the folder that holds manifest.json"
            }
            Self::NoProfiles { .. } => "name the folder that holds it: DBT_PROFILES_DIR",
            Self::Adapter { .. } => "use `--no-build`: the changed scope needs no warehouse",
            Self::OutsideScratch { .. } => {
                "let `generate_schema_name` respect `target.schema`, or use `--no-build`"
            }
            Self::RunHook { .. } => {
                "let it run with `run_hooks = true` under [impact], or use `--no-build`"
            }
            Self::LinkOut { .. } => {
                "take the link out of the change, or let it point inside the repository"
            }
            Self::NoPlace { .. } => "let its database and schema have names, or use `--no-build`",
            Self::PackagesPath { .. } => {
                "run `dbt deps` yourself, with the same package files in the work tree"
            }
            Self::NoDatabase { .. } => "use a target with a `path`, or `--no-build`",
            Self::OtherDatabase { .. } => {
                "let the profile name that database again while `belay clean` runs, or drop the schemas yourself"
            }
            Self::NoFinding { .. } => "`belay review show` lists the findings with their ids",
            Self::NoReason => "say why: `--reason TEXT`",
            Self::NoReport { .. } => "name a finished review: `belay runs list` shows them",
            Self::Closed { .. } => {
                "a report is judged once; run `belay impact` again for a new one"
            }
            other => return other.inner().and_then(Explain::help),
        };
        Some(text.to_owned())
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Unreadable { .. } | Self::AuditBroken { .. } | Self::Export { .. } => {
                Blame::Surroundings
            }
            Self::Render { .. } => Blame::Belay,
            other => other.inner().map_or(Blame::Input, Explain::blame),
        }
    }
}
