//! The audit of a store: checkpoints, exports, proofs, and whether all of it holds.

mod anchor;
mod erase;
mod key;
mod rows;
mod vouch;

use std::io::Write;

use belay_audit::{
    AuditError, Auditor, Checkpoint, Fault, Frontier, Proven, Report, Signer, Tail, Tree,
    VerifierKey, Why, checkpoint_line, header_line, leaf_line,
};
use belay_model::record::Leaf;
use belay_store::SignedTree;

use crate::{Desk, FlowError};

pub use self::anchor::{checkpoint_at, found_at};
pub(crate) use self::erase::erased_at;
pub use self::erase::{Erased, erase};
pub use self::key::{keep_key, read_key};
pub use self::vouch::{EVERY_LEAVES, EVERY_SECONDS, Key, Vouching, vouch, vouch_if_due};

/// Leaves read at once.
const PAGE: i64 = 1000;

/// What was found in the store.
#[derive(Debug)]
pub struct Standing {
    pub report: Report,
    /// How many rows of the record the last leaf of each vouches for.
    pub rows: usize,
    /// Digests of bodies that somebody erased, as a leaf says. One that is gone without is a fault.
    pub erased: Vec<String>,
}

/// Signs a checkpoint of the tree as it stands, unless the last one is of it.
pub async fn checkpoint(desk: &Desk, signer: &Signer) -> Result<SignedTree, FlowError> {
    let last = desk.memory.last_checkpoint().await?;
    let size = desk.memory.tree_size().await?;
    match last {
        Some(last) if last.size == size && opened(&last, signer).is_some() => Ok(last),
        last => sign(desk, signer, last.as_ref(), size).await,
    }
}

fn opened(signed: &SignedTree, signer: &Signer) -> Option<Checkpoint> {
    Checkpoint::open(&signed.note, &[signer.verifier()]).ok()
}

async fn sign(
    desk: &Desk,
    signer: &Signer,
    last: Option<&SignedTree>,
    size: i64,
) -> Result<SignedTree, FlowError> {
    let workspace = desk.memory.workspace().as_str();
    let origin = belay_audit::origin(workspace);
    // Whatever this key has not signed is not built upon.
    let start = last
        .and_then(|last| opened(last, signer))
        .filter(|checkpoint| checkpoint.origin == origin)
        .and_then(|checkpoint| checkpoint.frontier());
    let mut frontier = start.unwrap_or_default();
    while position(&frontier) < size {
        let from = position(&frontier);
        let leaves = desk.memory.tree_leaves(from, PAGE.min(size - from)).await?;
        if leaves.is_empty() {
            return Err(broken(from, None, Why::CutOff));
        }
        for leaf in leaves {
            let at = position(&frontier);
            let kind = Some(leaf.kind.clone());
            if leaf.sequence != at {
                return Err(broken(at, kind, Why::Position { found: leaf.sequence }));
            }
            if leaf.expected_hash(workspace) != leaf.hash {
                return Err(broken(at, kind, Why::Hash));
            }
            frontier.push(leaf.hash);
            // Another key's signature says nothing to this one, but its root must fit all the same.
            let known = last.filter(|last| last.size == position(&frontier));
            if known.is_some_and(|known| known.root != frontier.root()) {
                let size = frontier.size();
                return Err(broken(0, None, Why::Root { size, from: 0, to: size - 1 }));
            }
        }
    }
    let checkpoint = Checkpoint::of(workspace, &frontier);
    let signed = SignedTree {
        size: position(&frontier),
        root: checkpoint.root,
        note: checkpoint.sign(signer),
        anchor: None,
        at: desk.now(),
    };
    desk.memory.add_checkpoint(&signed).await?;
    Ok(signed)
}

fn position(frontier: &Frontier) -> i64 {
    i64::try_from(frontier.size()).unwrap_or(i64::MAX)
}

fn broken(at: i64, kind: Option<String>, why: Why) -> FlowError {
    let fault = Fault { line: 0, position: u64::try_from(at).ok(), kind, why };
    FlowError::AuditBroken { fault: fault.to_string() }
}

/// Writes the export, a line each: every leaf, and the checkpoints that this key has signed, the last of
/// them of the tree as it stands. With `bodies`, each row beside the leaf that still vouches for it.
pub async fn export(
    desk: &Desk,
    signer: &Signer,
    bodies: bool,
    out: &mut impl Write,
) -> Result<SignedTree, FlowError> {
    let rows = if bodies { rows::texts(desk).await? } else { rows::Texts::new() };
    let newest = checkpoint(desk, signer).await?;
    let failed = |source| AuditError::Write { source };
    let row = |leaf: &Leaf| rows.get(&leaf.body).map(String::as_str);
    let mut signed = desk.memory.checkpoints().await?;
    signed.retain(|signed| opened(signed, signer).is_some());
    let write = |line| Ok(writeln!(out, "{line}").map_err(failed)?);
    lines(desk, newest.size, signed, write, row).await?;
    out.flush().map_err(failed)?;
    Ok(newest)
}

/// The lines of an export of the first `size` leaves.
async fn lines<'r>(
    desk: &Desk,
    size: i64,
    mut signed: Vec<SignedTree>,
    mut line: impl FnMut(String) -> Result<(), FlowError>,
    mut row: impl FnMut(&Leaf) -> Option<&'r str>,
) -> Result<(), FlowError> {
    let workspace = desk.memory.workspace().as_str();
    signed.retain(|one| one.size <= size);
    let count = u64::try_from(size).unwrap_or_default();
    line(header_line(workspace, count, signed.len() as u64))?;
    let mut signed = signed.into_iter().peekable();
    let mut from = 0;
    loop {
        while let Some(one) = signed.next_if(|one| one.size <= from) {
            line(checkpoint_line(&one.note))?;
        }
        if from >= size {
            return Ok(());
        }
        let until = signed.peek().map_or(size, |one| one.size);
        let leaves = desk.memory.tree_leaves(from, PAGE.min(until - from)).await?;
        if leaves.is_empty() {
            // What is missing is found by whoever reads the lines.
            from = size;
        }
        for leaf in leaves {
            from = leaf.sequence + 1;
            line(leaf_line(&leaf, workspace, row(&leaf)))?;
        }
    }
}

/// Verifies the living store: the tree, the checkpoints, those that were found outside, and that the
/// last leaf of every row vouches for the row as it stands. `keys` are those that may have signed.
pub async fn verify(
    desk: &Desk,
    keys: &[VerifierKey],
    anchors: &[(String, String)],
) -> Result<Standing, FlowError> {
    let signed = desk.memory.last_checkpoint().await?;
    let before = desk.memory.tree_size().await?;
    let mut anchors = anchors.to_vec();
    // Leaves that were signed and are gone.
    anchors.extend(
        { signed }.filter(|signed| signed.size > before).map(|s| ("the store".to_owned(), s.note)),
    );
    let record = rows::Record::read(desk).await?;
    let size = desk.memory.tree_size().await?;
    let (mut auditor, mut covered) = (None::<Auditor<'_>>, rows::Covered::new(&record, before));
    lines(
        desk,
        size,
        desk.memory.checkpoints().await?,
        |text| {
            match &mut auditor {
                Some(auditor) => auditor.line(&text),
                none => *none = Some(Auditor::new(&text, keys, &anchors)?),
            }
            Ok(())
        },
        |leaf| {
            covered.see(leaf);
            None
        },
    )
    .await?;
    let auditor = auditor.ok_or(FlowError::AuditBroken { fault: "no line".to_owned() })?;
    let mut report = auditor.finish(Tail::MayBeUnsigned);
    if let Some(fault) = &mut report.fault {
        // There are no lines to look at.
        fault.line = 0;
    }
    let (erased, wrong) = rows::bodies(desk, &record, &covered).await;
    let wrong = wrong.map(|why| Fault { line: 0, position: None, kind: None, why });
    report.fault = report.fault.or_else(|| covered.fault()).or(wrong);
    Ok(Standing { report, rows: record.len(), erased })
}

/// Proves that leaves stand in a signed tree: one by its position, or all of a run.
pub async fn prove(desk: &Desk, signer: &Signer, what: &str) -> Result<Proven, FlowError> {
    let size = desk.memory.tree_size().await?;
    let number = what.parse::<i64>().ok().filter(|_| what.len() < 8);
    let run = match number {
        Some(number) if (0..size).contains(&number) => None,
        Some(_) => return Err(FlowError::NoLeaf { leaf: what.to_owned(), size }),
        None => Some(desk.memory.find_run(what, desk.now()).await?.id),
    };
    let workspace = desk.memory.workspace().as_str();
    let mut signed = checkpoint(desk, signer).await?;
    let (mut tree, mut wanted) = (Tree::default(), Vec::new());
    let mut from = 0;
    while from < signed.size {
        let leaves = desk.memory.tree_leaves(from, PAGE.min(signed.size - from)).await?;
        if leaves.is_empty() {
            return Err(broken(from, None, Why::CutOff));
        }
        for leaf in leaves {
            tree.push(leaf.hash);
            from = leaf.sequence + 1;
            if run.map_or(Some(leaf.sequence) == number, |run| leaf.run == Some(run)) {
                wanted.push(leaf);
            }
        }
    }
    let count = usize::try_from(signed.size).unwrap_or_default();
    if tree.root(count) != Some(signed.root) {
        let to = u64::try_from(signed.size).unwrap_or_default().saturating_sub(1);
        return Err(broken(0, None, Why::Root { size: to + 1, from: 0, to }));
    }
    let note = std::mem::take(&mut signed.note);
    let proved = wanted.iter().filter_map(|leaf| {
        let position = usize::try_from(leaf.sequence).ok()?;
        let path = tree.inclusion(position, count)?;
        Some((position as u64, leaf.canonical(workspace), path))
    });
    Ok(Proven::new(workspace, &note, proved))
}
