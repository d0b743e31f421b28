//! `belay policy`: what the policies say, whether they hold together, and what gets past them.

use std::path::{Path, PathBuf};

use belay_gate::{PolicyFile, Rules, built_in_files, try_examples};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::records::{rows, table};
use crate::args::PlainFormat;
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

mod diff;
mod explain;
mod prove;
mod show;

use diff::DiffArgs;
use explain::ExplainPolicyArgs;
use show::ShowArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check that the workspace's policies parse, fit the schema and have examples that hold. Exit 1 if not.
    Check(PolicyArgs),
    /// Run every example, belay's own and the workspace's. Exit 1 when one comes out differently.
    Test(PolicyArgs),
    /// Say which policies decide, and what is missing: for a run's decisions, or a made-up request.
    Explain(Box<ExplainPolicyArgs>),
    /// Say which kinds of request two sets of policies answer differently. Exit 1 if there are any.
    Diff(DiffArgs),
    /// Prove that the hard rules hold under every workspace's policies, or print what slips through (exit 1).
    Prove(PolicyArgs),
    /// Print the schema, the policies and the examples that are part of belay, or write a copy of them.
    Show(ShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// A folder of policies instead of belay/policies. With a hard.cedar in it, its hard.cedar, ladder.cedar
    /// and people.cedar stand in for belay's own.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// The same as DIR.
    #[arg(long, value_name = "DIR", conflicts_with = "folder")]
    pub policies: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

impl PolicyCommand {
    pub(crate) fn format(&self) -> PlainFormat {
        match self {
            Self::Check(args) | Self::Test(args) | Self::Prove(args) => args.format,
            Self::Explain(args) => args.format,
            Self::Diff(args) => args.format,
            Self::Show(args) => args.format,
        }
    }
}

pub(crate) async fn policy(
    command: &PolicyCommand,
    house: &House,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    match command {
        PolicyCommand::Check(args) => check(args, house, ui),
        PolicyCommand::Test(args) => test(args, house, ui),
        PolicyCommand::Explain(args) => explain::explain(args, house, ui).await,
        PolicyCommand::Diff(args) => diff::diff(args, ui),
        PolicyCommand::Prove(args) => prove::proof(args, house, ui).await,
        PolicyCommand::Show(args) => show::show(args, ui),
    }
}

/// Belay's own policies, or what stands in for them, and those that are added.
fn sets(args: &PolicyArgs, house: &House) -> Result<(Vec<PolicyFile>, Vec<PolicyFile>), Failure> {
    match args.folder.as_ref().or(args.policies.as_ref()) {
        Some(folder) => split(folder),
        None => Ok((built_in_files(), house.policies()?)),
    }
}

fn split(folder: &Path) -> Result<(Vec<PolicyFile>, Vec<PolicyFile>), Failure> {
    if !folder.is_dir() {
        let message = format!("there is no folder `{}`", folder.display());
        return Err(Failure::input("files/unreadable", message));
    }
    let files = crate::house::policies_in(folder)?;
    if !folder.join("hard.cedar").is_file() {
        return Ok((built_in_files(), files));
    }
    let name = |file: &PolicyFile| {
        Path::new(&file.file).file_name().map(|name| name.to_string_lossy().into_owned())
    };
    let mut own = built_in_files();
    let is_own = |file: &PolicyFile| own.iter().any(|one| Some(&one.file) == name(file).as_ref());
    let (standing_in, added): (Vec<_>, Vec<_>) = files.into_iter().partition(is_own);
    for file in standing_in {
        own.iter_mut().filter(|one| Some(&one.file) == name(&file).as_ref()).for_each(|one| {
            *one = file.clone();
        });
    }
    Ok((own, added))
}

fn check(args: &PolicyArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let (own, added) = sets(args, house)?;
    let (count, faults) = match Rules::stand_in(&own, &added) {
        Ok(rules) => (rules.stated().count(), vec![]),
        Err(errors) => (0, errors.faults),
    };
    if ui.is_json() {
        let faults: Vec<Value> = faults
            .iter()
            .map(|fault| {
                json!({"code": fault.kind.code(), "file": fault.file, "line": fault.line,
                       "message": fault.message})
            })
            .collect();
        ui.json(&json!({"schema": "belay.policy-check/1", "files": added.len(),
                        "policies": count, "faults": faults}))?;
    } else if faults.is_empty() {
        let files = added.len();
        ui.result(&format!("{count} policies hold together, {files} files of the workspace\n"))?;
    } else {
        let lines: Vec<String> =
            faults.iter().map(|fault| format!("{fault} [{}]\n", fault.kind.code())).collect();
        ui.result(&lines.concat())?;
    }
    Ok(if faults.is_empty() { Outcome::Clear } else { Outcome::No })
}

fn test(args: &PolicyArgs, house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let (own, added) = sets(args, house)?;
    let (mut tried, mut faults) = try_examples(&Rules::try_out(&own, &[])?, &own);
    let (more, others) = try_examples(&Rules::try_out(&own, &added)?, &added);
    tried.extend(more);
    faults.extend(others);
    let failed = tried.iter().filter(|tried| !tried.holds()).count();
    if ui.is_json() {
        let examples: Vec<Value> = tried
            .iter()
            .map(|tried| {
                json!({"file": tried.file, "line": tried.line, "policy": tried.policy,
                       "request": tried.request, "expected": tried.expected.as_str(),
                       "answer": tried.got.as_str(), "determining": tried.determining,
                       "decides": tried.decides, "holds": tried.holds()})
            })
            .collect();
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        ui.json(&json!({"schema": "belay.policy-test/1", "examples": examples,
                        "failed": failed, "faults": faults}))?;
    } else {
        let mut list = table(&["", "policy", "request", "expected", "answer", "example"]);
        for tried in &tried {
            list.add_row([
                if tried.holds() { "ok" } else { "FAILS" }.to_owned(),
                tried.policy.clone(),
                tried.request.clone(),
                tried.expected.to_string(),
                tried.got.to_string(),
                format!("{}:{}", tried.file, tried.line),
            ]);
        }
        let mut text = rows(&list);
        faults.iter().for_each(|fault| text.push_str(&format!("{fault}\n")));
        text.push_str(&format!("\n{} examples, {failed} fail\n", tried.len()));
        ui.result(&text)?;
    }
    Ok(if failed == 0 && faults.is_empty() { Outcome::Clear } else { Outcome::No })
}
