//! Laws of the tree against the definition in RFC 6962, its test vectors, and what may happen to an
//! export on its way.

mod export;
mod note;
mod tree;

use belay_model::record::Leaf;
use belay_model::{Digest, RunId, Timestamp};

use crate::{Checkpoint, Frontier, Signer, checkpoint_line, header_line, leaf_line};

pub(crate) fn signer(seed: u8) -> Signer {
    Signer::from_seed("belay/acme", &[seed; 32]).unwrap()
}

pub(crate) fn leaf(position: i64, form: i64) -> (Leaf, String) {
    let row = format!("{{\"number\":{position}}}");
    let run: RunId = "01890000-0000-7000-8000-00000000000a".parse().unwrap();
    let unsealed = Leaf {
        sequence: position,
        form,
        kind: if position % 2 == 0 { "step.done" } else { "effect.committed" }.to_owned(),
        subject: format!("subject \"{position}\" ü"),
        run: (position % 3 != 0).then_some(run),
        body: Digest::of(&row),
        at: Timestamp::from_nanos(1_700_000_000_000_000_000 + position),
        hash: Digest::of(""),
    };
    (Leaf { hash: unsealed.expected_hash("acme"), ..unsealed }, row)
}

/// The lines of an export of `size` leaves, the first two in the old form, with checkpoints at `signed`.
pub(crate) fn export(size: i64, signed: &[u64], signer: &Signer) -> Vec<String> {
    let mut lines = vec![header_line("acme", size.unsigned_abs(), signed.len() as u64)];
    let mut frontier = Frontier::default();
    let sign = |frontier: &Frontier, lines: &mut Vec<String>| {
        if signed.contains(&frontier.size()) {
            lines.push(checkpoint_line(&Checkpoint::of("acme", frontier).sign(signer)));
        }
    };
    sign(&frontier, &mut lines);
    for position in 0..size {
        let (leaf, row) = leaf(position, if position < 2 { 1 } else { 2 });
        lines.push(leaf_line(&leaf, "acme", (position % 2 == 0).then_some(row.as_str())));
        frontier.push(leaf.hash);
        sign(&frontier, &mut lines);
    }
    lines
}

pub(crate) fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
