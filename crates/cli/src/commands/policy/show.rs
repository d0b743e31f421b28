//! `belay policy show`: the policies that are part of belay, to read or to copy.

use std::path::{Path, PathBuf};

use belay_gate::{SCHEMA, built_in_files};
use clap::Args;
use serde_json::{Value, json};

use crate::args::PlainFormat;
use crate::failure::{Failure, Outcome};
use crate::ui::Ui;

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// One file, such as hard.cedar. All of them, where none is named.
    pub file: Option<String>,
    /// Write them into this folder instead: a copy to change and to try with check, test, diff or prove.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

pub(super) fn show(args: &ShowArgs, ui: &Ui) -> Result<Outcome, Failure> {
    let files = chosen(args.file.as_deref())?;
    if let Some(folder) = &args.out {
        write(&files, folder)?;
    }
    if ui.is_json() {
        let listed: Vec<Value> =
            files.iter().map(|(name, text)| json!({"file": name, "text": text})).collect();
        let folder = args.out.as_ref().map(|folder| folder.display().to_string());
        ui.json(&json!({"schema": "belay.policy-files/1", "folder": folder, "files": listed}))?;
    } else if let Some(folder) = &args.out {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        ui.result(&format!("wrote {} into {}\n", names.join(", "), folder.display()))?;
    } else if let [(_, text)] = files.as_slice() {
        ui.result(text)?;
    } else {
        let texts: Vec<String> =
            files.iter().map(|(name, text)| format!("== {name}\n{text}\n")).collect();
        ui.result(&texts.concat())?;
    }
    Ok(Outcome::Clear)
}

/// Names and texts: the schema, then each file of policies and its examples.
fn chosen(name: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let mut files = vec![("belay.cedarschema".to_owned(), SCHEMA.to_owned())];
    for file in built_in_files() {
        let beside = file.examples_file();
        files.push((file.file, file.policies));
        files.extend(file.examples.map(|text| (beside, text)));
    }
    let Some(name) = name else { return Ok(files) };
    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    files.retain(|(known, _)| known == name);
    if files.is_empty() {
        let message = format!("belay has no policy file `{name}`");
        let help = format!("there are {}", names.join(", "));
        return Err(Failure::input("policy/no-file", message).help(help));
    }
    Ok(files)
}

fn write(files: &[(String, String)], folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::surroundings("files/io", error.to_string());
    fs_err::create_dir_all(folder).map_err(failed)?;
    let there = files.iter().map(|(name, _)| folder.join(name)).find(|path| path.exists());
    if let Some(path) = there {
        let message = format!("there is already a `{}`", path.display());
        return Err(Failure::input("policy/exists", message).help("name an empty folder"));
    }
    for (name, text) in files {
        fs_err::write(folder.join(name), text).map_err(failed)?;
    }
    Ok(())
}
