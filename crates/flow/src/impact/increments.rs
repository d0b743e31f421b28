//! The other half of incremental models: what they compile to when they add to what is there.
//!
//! dbt compiles `is_incremental()` for one case only, and for which one depends on what happens to
//! be in the warehouse. [`super::compile`] has both sides compiled as if built afresh; here the
//! incremental models that may have changed are compiled again, with an `is_incremental()` of our
//! own that says yes. The macro is written into the scratch trees and taken out again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use belay_dbt::manifest::{Kind, Node};
use belay_dbt::{Manifest, NodeId, Scope};
use belay_outside::{DbtCommand, OutsideError};
use fs_err as fs;

use super::compile;
use super::containment::selectors;
use super::sides::{self, BuildableProject, Side};
use crate::FlowError;
use crate::supervisor::Supervisor;

/// Says yes for whatever may be incremental, whether or not its relation is there.
const ALWAYS: &str = "{% macro is_incremental() %}\
{{ return(model.config.materialized == 'incremental') }}{% endmacro %}\n";

/// The incremental models whose compiled query may differ: those that changed in any way, or all of
/// them where a variable did.
pub(super) fn in_question(base: &Side, head: &Side, scope: &Scope, vars: bool) -> Vec<NodeId> {
    let incremental = |node: &Node| {
        node.materialized() == Some("incremental") && node.language.as_deref() != Some("python")
    };
    let compiled = |node: &Node| incremental(node) && node.compiled_code.is_some();
    let models = head.manifest.of_kind(Kind::Model).filter(|node| compiled(node));
    let both = models.filter(|node| base.manifest.node(&node.id).is_some_and(compiled));
    let due = both.filter(|node| vars || scope.changed.contains_key(&node.id));
    due.map(|node| node.id.clone()).collect()
}

/// Compiles `nodes` of both sides as increments and tells the manifests. What cannot be compiled
/// stays unknown, and a note says so.
pub(super) async fn compile(
    run: &mut Supervisor<'_>,
    project: &BuildableProject,
    base: &mut Side,
    head: &mut Side,
    nodes: &[NodeId],
) -> Result<Option<String>, FlowError> {
    let name = format!("compile {} incremental models as increments", nodes.len());
    run.step(&name, async |run| {
        let mut written = Vec::new();
        let outcome = both(run, project, (base, head), nodes, &mut written).await;
        for file in written {
            fs::remove_file(&file).map_err(OutsideError::io("cannot clear a scratch folder"))?;
        }
        outcome
    })
    .await
}

async fn both(
    run: &mut Supervisor<'_>,
    project: &BuildableProject,
    (base, head): (&mut Side, &mut Side),
    nodes: &[NodeId],
    written: &mut Vec<PathBuf>,
) -> Result<Option<String>, FlowError> {
    let mut commands = Vec::new();
    for (label, side) in [("base", &*base), ("head", &*head)] {
        let Some(folder) = &side.project else { return Ok(None) };
        let macros =
            macro_path(&fs::read_to_string(folder.join("dbt_project.yml")).unwrap_or_default());
        let Some(macros) = macros.map(|path| folder.join(path)) else {
            return Ok(Some("incremental models were compared as if built afresh only: the project says in a strange way where its macros are".to_owned()));
        };
        let artefacts = side.artefacts.with_file_name("increments");
        written.push(prepare(side, &macros, &artefacts)?);
        commands.push(DbtCommand {
            name: "compile",
            args: selectors(&side.manifest, nodes),
            env: project.reading.clone(),
            ..sides::parse(project, label, folder, &artefacts)
        });
    }
    let mut found = Vec::new();
    for (outcome, command) in
        compile::all(run, project, &commands).await?.into_iter().zip(&commands)
    {
        match outcome {
            Ok(_) => found.push(increments(&command.artefact("manifest.json")?, nodes)?),
            Err(OutsideError::Dbt { message, .. }) => {
                let line = message.lines().map(str::trim).rfind(|line| !line.is_empty());
                return Ok(Some(format!(
                    "incremental models were compared as if built afresh only: {}",
                    line.unwrap_or("dbt did not say why")
                )));
            }
            Err(error) => return Err(error.into()),
        }
    }
    for (side, code) in [base, head].into_iter().zip(found) {
        side.manifest.set_increments(code);
    }
    Ok(None)
}

/// Writes the macro, and what dbt already knows of the project beside the new artefacts.
fn prepare(side: &Side, macros: &Path, artefacts: &Path) -> Result<PathBuf, FlowError> {
    let failed = || OutsideError::io("cannot write to the scratch folder");
    fs::create_dir_all(macros).map_err(failed())?;
    fs::create_dir_all(artefacts).map_err(failed())?;
    let parsed = side.artefacts.join("partial_parse.msgpack");
    if parsed.is_file() {
        fs::copy(parsed, artefacts.join("partial_parse.msgpack")).map_err(failed())?;
    }
    let file = macros.join("belay_is_incremental.sql");
    fs::write(&file, ALWAYS).map_err(failed())?;
    Ok(file)
}

/// The first folder with macros, below the project; nothing if it may be elsewhere: what a pull
/// request says is not to lead our own writing out of the scratch tree.
fn macro_path(text: &str) -> Option<PathBuf> {
    let project: serde_json::Value = serde_saphyr::from_str(text).ok()?;
    let Some(paths) = project.get("macro-paths") else { return Some("macros".into()) };
    let path = PathBuf::from(paths.as_str().or_else(|| paths.get(0)?.as_str())?);
    path.components().all(|part| matches!(part, Component::Normal(_))).then_some(path)
}

fn increments(bytes: &[u8], nodes: &[NodeId]) -> Result<BTreeMap<NodeId, Box<str>>, FlowError> {
    let manifest: Manifest = sides::manifest("the increments", bytes)?;
    let wanted: BTreeSet<&NodeId> = nodes.iter().collect();
    let found = manifest.nodes().filter(|node| wanted.contains(&node.id));
    Ok(found.filter_map(|node| Some((node.id.clone(), node.compiled_code.clone()?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_macro_is_never_written_outside_of_the_project() {
        let path = |text| macro_path(text).map(|path| path.to_string_lossy().into_owned());
        assert_eq!(path("name: shop\n").as_deref(), Some("macros"));
        assert_eq!(path("name: shop\nmacro-paths: [jinja, other]\n").as_deref(), Some("jinja"));
        assert_eq!(path("macro-paths: [../../x]\n"), None);
        assert_eq!(path("macro-paths: [/etc]\n"), None);
        assert_eq!(path("macro-paths: []\n"), None);
    }
}
