//! `belay audit`: whether the record is what it was when it was signed.

use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use belay_audit::{Proven, Report, SCHEMA, Signer, VerifierKey, notes, verifier_keys};
use belay_flow::audit::{Key, Vouching};
use belay_flow::{Desk, FlowError, audit};
use belay_model::Digest;
use belay_outside::Anchor;
use belay_store::{SignedTree, StoreError};
use clap::{Args, Subcommand};
use fs_err as fs;
use serde_json::{Value, json};

use crate::args::{FormatArgs, PlainFormat};
use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::ui::Ui;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Write everything that an outsider needs to verify the audit, beside the public key.
    Export(ExportArgs),
    /// Verify an export, a proof or the store. Exit code 1 when it does not hold.
    ///
    /// An export and a proof are verified offline: no store and no configuration is read.
    Verify(VerifyArgs),
    /// Prove that a leaf, or all leaves of a run, stand in a signed tree.
    Prove(ProveArgs),
    /// Sign the tree as it stands, and put the checkpoint outside.
    Checkpoint(CheckpointArgs),
    /// Erase the body of an artefact, such as a person's data. The tree goes on to hold.
    ///
    /// It takes a steward or an admin. Who erased what, when and why stays on record.
    Erase(EraseArgs),
    /// Show the public key: give it to whoever shall verify.
    Key(FormatArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// The body's digest: `belay runs show RUN --format json` has it.
    pub digest: String,
    /// Why; it is kept, so it must not repeat what is to be erased.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The file to write; without it, stdout.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Also the rows that the leaves vouch for. They hold names of people, files and relations.
    #[arg(long)]
    pub bodies: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// An export or a proof; `-` is stdin. Without it: the store.
    pub export: Option<PathBuf>,
    /// A public key, or a file of them, one a line. Needed for an export or a proof.
    #[arg(long, value_name = "FILE|TEXT")]
    pub key: Option<String>,
    /// A checkpoint that was kept elsewhere: the tree must go on from it. The text of a note, a file,
    /// or `git:REF`.
    #[arg(long, value_name = "NOTE|FILE|git:REF")]
    pub checkpoint: Vec<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// The position of a leaf; or a run's id, the end or the start of one, or `last`.
    #[arg(value_name = "LEAF|RUN")]
    pub what: String,
}

#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    /// Where to put it: `file:PATH`, or `git:refs/belay/NAME`. Default: the setting `audit.anchor`.
    #[arg(long, value_name = "file:PATH|git:REF")]
    pub anchor: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: PlainFormat,
}

impl AuditCommand {
    /// The form of errors: JSON where the result is JSON.
    pub(crate) fn format(&self) -> PlainFormat {
        match self {
            Self::Verify(args) => args.format,
            Self::Checkpoint(args) => args.format,
            Self::Erase(args) => args.format,
            Self::Key(args) => args.format,
            Self::Export(_) | Self::Prove(_) => PlainFormat::Text,
        }
    }
}

pub(crate) async fn audit(command: &AuditCommand, ui: &Ui) -> Result<Outcome, Failure> {
    match command {
        AuditCommand::Verify(args) => match &args.export {
            Some(export) => offline(export, args, ui).await,
            None => living(&House::here()?, args, ui).await,
        },
        AuditCommand::Export(args) => export(&House::here()?, args, ui).await,
        AuditCommand::Prove(args) => prove(&House::here()?, args, ui).await,
        AuditCommand::Checkpoint(args) => checkpoint(&House::here()?, args, ui).await,
        AuditCommand::Erase(args) => erase(&House::here()?, args, ui).await,
        AuditCommand::Key(_) => key(&House::here()?, ui).await,
    }
}

/// Signs what is due after a command. Where there is no store, or none that can be opened, the command
/// itself has said so.
pub(crate) async fn vouch(ui: &Ui) {
    let Ok(house) = House::here() else { return };
    if !house.has_store() {
        return;
    }
    if let Ok(desk) = house.desk(ui).await {
        audit::vouch(&desk).await;
    }
}

/// The key that signs: from the environment, from the file of the setting, or from the state folder.
fn signer(house: &House, desk: &Desk) -> Result<Arc<Signer>, Failure> {
    Ok(vouching(house, desk).signer(desk.memory.workspace().as_str())?)
}

/// Asked to sign, belay uses a key of this machine's own even for a shared store.
fn vouching(house: &House, desk: &Desk) -> Vouching {
    desk.vouching.clone().unwrap_or_else(|| {
        let own = desk.memory.folder().join(format!("audit-{}.key", desk.memory.workspace()));
        let folder = house.folder.clone();
        Vouching { key: Key::File(own.clone()), own, anchor: None, folder }
    })
}

/// Every key that may have signed: that in force, that of the state folder, and those that were named.
fn known_keys(
    house: &House,
    desk: &Desk,
    named: Option<&str>,
) -> Result<Vec<VerifierKey>, Failure> {
    let mut keys = vouching(house, desk).keys(desk.memory.workspace().as_str())?;
    if let Some(named) = named {
        keys.extend(public_keys(named)?);
    }
    Ok(keys)
}

/// A key as text, or the keys in a file.
fn public_keys(named: &str) -> Result<Vec<VerifierKey>, Failure> {
    let path = Path::new(named);
    let text = if path.is_file() { read(path)? } else { named.to_owned() };
    Ok(verifier_keys(&text)?)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::surroundings("files/unreadable", error.to_string()))
}

fn here() -> Result<PathBuf, Failure> {
    std::env::current_dir()
        .map_err(|error| Failure::surroundings("files/unreadable", error.to_string()))
}

/// Checkpoints by the words on the command line: each with the name of its place.
async fn anchors(named: &[String], folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut found = Vec::new();
    for text in named {
        let path = Path::new(text);
        let (place, some) = if path.is_file() {
            (text.clone(), notes(&read(path)?))
        } else if let Some(anchor) = Anchor::parse(text, folder) {
            let some = audit::found_at(&anchor, folder).await?;
            (text.clone(), some.into_iter().map(|(_, note)| note).collect())
        } else {
            ("the command line".to_owned(), notes(text))
        };
        // A checkpoint that was asked for and is not there must not count as one that fits.
        if some.is_empty() {
            return Err(Failure::input(
                "audit/no-checkpoint",
                format!("`{text}` holds no checkpoint"),
            ));
        }
        found.extend(some.into_iter().map(|note| (place.clone(), note)));
    }
    Ok(found)
}

async fn offline(path: &Path, args: &VerifyArgs, ui: &Ui) -> Result<Outcome, Failure> {
    let missing = || {
        Failure::input("audit/no-key", "an export proves nothing without the public key")
            .help("name it: `--key FILE`, or its text; whoever keeps the store sees it with `belay audit key`")
    };
    let keys = public_keys(args.key.as_deref().ok_or_else(missing)?)?;
    let anchors = anchors(&args.checkpoint, &here()?).await?;
    let mut input: BufReader<Box<dyn std::io::Read>> = BufReader::new(if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        let file = fs::File::open(path);
        Box::new(file.map_err(|error| Failure::input("files/unreadable", error.to_string()))?)
    });
    let unreadable =
        |error: std::io::Error| Failure::surroundings("audit/unreadable", error.to_string());
    let start = input.fill_buf().map_err(unreadable)?;
    // A proof is one document over many lines.
    if !start.windows(SCHEMA.len()).take(512).any(|bytes| bytes == SCHEMA.as_bytes())
        || start
            .windows(Proven::SCHEMA.len())
            .take(64)
            .any(|bytes| bytes == Proven::SCHEMA.as_bytes())
    {
        let mut text = String::new();
        input.read_to_string(&mut text).map_err(unreadable)?;
        if let Ok(proof) = serde_json::from_str::<Proven>(&text) {
            return proven(&proof, &keys, ui);
        }
        return report(&belay_audit::verify(text.as_bytes(), &keys, &anchors)?, None, ui);
    }
    report(&belay_audit::verify(input, &keys, &anchors)?, None, ui)
}

fn proven(proof: &Proven, keys: &[VerifierKey], ui: &Ui) -> Result<Outcome, Failure> {
    let verified = proof.verify(keys);
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.audit-verify/1",
            "holds": verified.is_ok(),
            "workspace": proof.workspace,
            "leaves": proof.leaves.len(),
            "signed": verified.as_ref().ok().map(|checkpoint| checkpoint.size),
            "fault": verified.as_ref().err().map(|fault| json!({"message": fault.to_string()})),
        }))?;
    } else {
        ui.result(&match &verified {
            Ok(checkpoint) => format!(
                "the proof holds: {} in the signed tree of {} leaves of workspace `{}`\n",
                count(proof.leaves.len() as u64, "leaf stands", "leaves stand"),
                checkpoint.size,
                proof.workspace
            ),
            Err(fault) => format!("the proof does NOT HOLD\n  {fault}\n"),
        })?;
    }
    Ok(if verified.is_ok() { Outcome::Clear } else { Outcome::No })
}

async fn living(house: &House, args: &VerifyArgs, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let keys = known_keys(house, &desk, args.key.as_deref())?;
    let mut known = anchors(&args.checkpoint, &house.folder).await?;
    if let Some(anchor) = anchor(house, None)? {
        known.extend(audit::found_at(&anchor, &house.folder).await?);
    }
    match audit::verify(&desk, &keys, &known).await {
        // A row that cannot even be read is none that a leaf vouches for.
        Err(FlowError::Store(error @ StoreError::Corrupt { .. })) => {
            unreadable(desk.memory.workspace().as_str(), &error.to_string(), ui)
        }
        standing => {
            let standing = standing?;
            report(&standing.report, Some(&standing), ui)
        }
    }
}

fn unreadable(workspace: &str, what: &str, ui: &Ui) -> Result<Outcome, Failure> {
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.audit-verify/1",
            "holds": false,
            "workspace": workspace,
            "fault": {"line": null, "position": null, "kind": null, "message": what},
        }))?;
    } else {
        ui.result(&format!("the audit of workspace `{workspace}` does NOT HOLD\n  {what}\n"))?;
    }
    Ok(Outcome::No)
}

fn report(
    report: &Report,
    standing: Option<&audit::Standing>,
    ui: &Ui,
) -> Result<Outcome, Failure> {
    let rows = standing.map_or(report.rows, |standing| standing.rows as u64);
    let erased = standing.map(|standing| standing.erased.as_slice()).unwrap_or_default();
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.audit-verify/1",
            "holds": report.holds(),
            "workspace": report.workspace,
            "leaves": report.leaves,
            "signed": report.signed,
            "checkpoints": report.checkpoints,
            "anchors": report.anchors,
            "rows": rows,
            "root": report.root.to_string(),
            "erased": erased,
            "fault": report.fault.as_ref().map(|fault| json!({
                "line": (fault.line > 0).then_some(fault.line),
                "position": fault.position,
                "kind": fault.kind,
                "message": fault.to_string(),
            })),
        }))?;
    } else {
        ui.result(&words(report, rows, erased))?;
    }
    Ok(if report.holds() { Outcome::Clear } else { Outcome::No })
}

fn words(report: &Report, rows: u64, erased: &[String]) -> String {
    if let Some(fault) = &report.fault {
        return format!(
            "the audit of workspace `{}` does NOT HOLD\n  {fault}\n  {} of the tree, {} signed\n",
            report.workspace,
            count(report.leaves, "leaf is", "leaves are"),
            report.signed,
        );
    }
    let mut text = format!("the audit of workspace `{}` holds\n", report.workspace);
    text.push_str(&format!(
        "  {}, {} signed; {}, {} from outside\n",
        count(report.leaves, "leaf", "leaves"),
        report.signed,
        count(report.checkpoints, "checkpoint", "checkpoints"),
        report.anchors,
    ));
    text.push_str(&format!("  {} as vouched for\n", count(rows, "row is", "rows are")));
    text.push_str(&format!("  root {}\n", report.root));
    let unsigned = report.leaves.saturating_sub(report.signed);
    if unsigned > 0 {
        let still = count(unsigned, "leaf is", "leaves are");
        text.push_str(&format!("  {still} not signed yet: the next checkpoint covers them\n"));
    }
    for digest in erased {
        text.push_str(&format!("  the body {digest} is erased; its leaf still fits\n"));
    }
    text
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

async fn export(house: &House, args: &ExportArgs, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let signer = signer(house, &desk)?;
    let Some(path) = &args.out else {
        let mut out = BufWriter::new(std::io::stdout().lock());
        audit::export(&desk, &signer, args.bodies, &mut out).await?;
        return Ok(Outcome::Clear);
    };
    let failed =
        |error: std::io::Error| Failure::surroundings("audit/unwritable", error.to_string());
    // Whole or not at all.
    let part = path.with_added_extension("part");
    let mut out = BufWriter::new(fs::File::create(&part).map_err(failed)?);
    let written = audit::export(&desk, &signer, args.bodies, &mut out).await;
    let placed = match written {
        Ok(signed) => {
            let synced = out.flush().and_then(|()| out.get_ref().sync_all());
            synced.and_then(|()| fs::rename(&part, path)).map_err(failed).map(|()| signed)
        }
        Err(error) => Err(error.into()),
    };
    if placed.is_err() {
        fs::remove_file(&part).ok();
    }
    ui.note(&format!(
        "{} leaves in `{}`; verify with the key {}",
        placed?.size,
        path.display(),
        signer.verifier()
    ));
    Ok(Outcome::Clear)
}

async fn prove(house: &House, args: &ProveArgs, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let proof = audit::prove(&desk, &*signer(house, &desk)?, &args.what).await?;
    ui.json(&proof)?;
    Ok(Outcome::Clear)
}

async fn checkpoint(house: &House, args: &CheckpointArgs, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let signer = signer(house, &desk)?;
    let signed = match anchor(house, args.anchor.as_deref())? {
        Some(anchor) if !anchor.is_ours() => return Err(no_place(&anchor.to_string())),
        Some(anchor) => {
            let keys = known_keys(house, &desk, None)?;
            audit::checkpoint_at(&desk, &signer, &keys, &anchor, &house.folder).await?
        }
        None => audit::checkpoint(&desk, &signer).await?,
    };
    if ui.is_json() {
        ui.json(&checkpoint_json(&signed))?;
    } else {
        ui.result(&signed.note)?;
        if let Some(anchor) = &signed.anchor {
            ui.note(&format!("{} leaves are vouched for at {anchor}", signed.size));
        }
    }
    Ok(Outcome::Clear)
}

fn checkpoint_json(signed: &SignedTree) -> Value {
    json!({
        "schema": "belay.audit-checkpoint/1",
        "size": signed.size,
        "root": signed.root.to_string(),
        "note": signed.note,
        "anchor": signed.anchor,
    })
}

/// The place that was named, or that of the setting.
fn anchor(house: &House, named: Option<&str>) -> Result<Option<Anchor>, Failure> {
    let folder = house.config.file.as_deref().and_then(Path::parent).unwrap_or(&house.folder);
    let (text, folder) = match (named, house.config.text("audit.anchor")) {
        (Some(text), _) => (text, house.folder.as_path()),
        (None, Some(text)) => (text, folder),
        (None, None) => return Ok(None),
    };
    Anchor::parse(text, folder).map(Some).ok_or_else(|| no_place(text))
}

fn no_place(text: &str) -> Failure {
    Failure::input("audit/anchor", format!("`{text}` is no place for a checkpoint"))
        .help("write `file:PATH` or `git:refs/belay/NAME`")
}

async fn erase(house: &House, args: &EraseArgs, ui: &Ui) -> Result<Outcome, Failure> {
    let digest = args.digest.parse::<Digest>().map_err(|_| {
        Failure::input("audit/digest", format!("`{}` is no digest", args.digest))
            .help("name all 64 hex digits of it: `belay runs show RUN --format json`")
    })?;
    let desk = house.desk(ui).await?;
    let erased = audit::erase(&desk, digest, &args.reason).await?;
    let control = &erased.control;
    if ui.is_json() {
        ui.json(&json!({
            "schema": "belay.audit-erase/1",
            "digest": digest.to_string(),
            "by": control.by,
            "identity": control.identity,
            "reason": control.reason,
        }))?;
    } else {
        ui.result(&format!("erased {digest}\n"))?;
        ui.note("copies elsewhere are not belay's: exports, backups, pages that people saved");
    }
    Ok(Outcome::Clear)
}

async fn key(house: &House, ui: &Ui) -> Result<Outcome, Failure> {
    let desk = house.desk(ui).await?;
    let key = signer(house, &desk)?.verifier().to_string();
    if ui.is_json() {
        ui.json(&json!({"schema": "belay.audit-key/1", "key": key}))?;
    } else {
        ui.result(&format!("{key}\n"))?;
    }
    Ok(Outcome::Clear)
}
