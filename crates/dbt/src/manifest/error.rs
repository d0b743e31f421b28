use belay_model::Explain;

use crate::manifest::KNOWN_VERSIONS;

/// Why a manifest cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest is not JSON at line {line}, column {column}")]
    NotJson { line: usize, column: usize, source: serde_json::Error },
    #[error("the manifest is cut short: it ends after {bytes} bytes, in the middle of a value")]
    CutShort { bytes: usize },
    #[error("the manifest is nested too deeply at line {line}, column {column}")]
    TooDeep { line: usize, column: usize },
    #[error("the manifest has an unexpected shape at line {line}, column {column}")]
    UnexpectedShape { line: usize, column: usize, source: serde_json::Error },
    #[error("this is JSON, but not a dbt manifest: it has no `metadata.dbt_schema_version`")]
    NotAManifest,
    #[error("this is another dbt artefact, not a manifest: its schema is `{schema}`")]
    OtherArtefact { schema: String },
    #[error("manifest schema v{found} is too old: belay reads {KNOWN_VERSIONS}")]
    TooOld { found: u32 },
    #[error("manifest schema v{found} is newer than this belay: it reads {KNOWN_VERSIONS}")]
    TooNew { found: u32 },
}

impl Explain for ManifestError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "manifest/not-json",
            Self::CutShort { .. } => "manifest/cut-short",
            Self::TooDeep { .. } => "manifest/too-deep",
            Self::UnexpectedShape { .. } => "manifest/unexpected-shape",
            Self::NotAManifest => "manifest/not-a-manifest",
            Self::OtherArtefact { .. } => "manifest/other-artefact",
            Self::TooOld { .. } => "manifest/too-old",
            Self::TooNew { .. } => "manifest/too-new",
        }
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Self::NotJson { .. } | Self::UnexpectedShape { .. } | Self::TooDeep { .. } => {
                "run `dbt parse` again and give belay the `target/manifest.json` it writes"
            }
            Self::CutShort { .. } => {
                "wait until dbt has finished, or copy the file again; it was not written to its end"
            }
            Self::NotAManifest | Self::OtherArtefact { .. } => {
                "give belay the `manifest.json` from dbt's target folder"
            }
            Self::TooOld { .. } => "parse the project with dbt 1.5 or later",
            Self::TooNew { .. } => "update belay, or parse the project with an older dbt",
        };
        Some(help.to_owned())
    }
}

impl ManifestError {
    pub(super) fn from_json(error: serde_json::Error, bytes: usize) -> Self {
        let (line, column) = (error.line(), error.column());
        if error.is_eof() {
            Self::CutShort { bytes }
        } else if error.to_string().starts_with("recursion limit exceeded") {
            Self::TooDeep { line, column }
        } else if error.is_data() {
            Self::UnexpectedShape { line, column, source: error }
        } else {
            Self::NotJson { line, column, source: error }
        }
    }
}
