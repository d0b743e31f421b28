//! How fast an export is verified, against plain SHA-256 of the same bytes: no verification can be faster
//! than that.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use belay_audit::{Checkpoint, Frontier, Signer, checkpoint_line, header_line, leaf_line, verify};
use belay_model::record::Leaf;
use belay_model::{Digest, RunId, Timestamp};

const LEAVES: u32 = 200_000;
const EVERY: u32 = 1000;
const ROUNDS: usize = 5;

fn export(signer: &Signer) -> String {
    let mut frontier = Frontier::default();
    let mut text = header_line("acme", LEAVES.into(), (LEAVES / EVERY).into()) + "\n";
    let run: RunId = "01890000-0000-7000-8000-00000000000a".parse().unwrap();
    for position in 0..LEAVES {
        let unsealed = Leaf {
            sequence: position.into(),
            form: 2,
            kind: "effect.committed".to_owned(),
            subject: format!("01890000-0000-7000-8000-{position:012x}"),
            run: Some(run),
            body: Digest::of(position.to_be_bytes()),
            at: Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::from(position)),
            hash: Digest::of(""),
        };
        let leaf = Leaf { hash: unsealed.expected_hash("acme"), ..unsealed };
        frontier.push(leaf.hash);
        writeln!(text, "{}", leaf_line(&leaf, "acme", None)).unwrap();
        if (position + 1).is_multiple_of(EVERY) {
            let note = Checkpoint::of("acme", &frontier).sign(signer);
            writeln!(text, "{}", checkpoint_line(&note)).unwrap();
        }
    }
    text
}

/// The best of some rounds: everything else that the machine does only adds.
fn fastest(mut work: impl FnMut()) -> Duration {
    let round = |_| {
        let began = Instant::now();
        work();
        began.elapsed()
    };
    (0..ROUNDS).map(round).min().unwrap()
}

fn main() {
    let signer = Signer::from_seed("belay/acme", &[7; 32]).unwrap();
    let keys = [signer.verifier()];
    let text = export(&signer);
    let verified = fastest(|| {
        let report = verify(text.as_bytes(), &keys, &[]).unwrap();
        assert!(report.holds(), "{report:?}");
    });
    let hashed = fastest(|| {
        black_box(Digest::of(black_box(&text)));
    });
    let per_second = f64::from(LEAVES) / verified.as_secs_f64();
    let ratio = verified.as_secs_f64() / hashed.as_secs_f64();
    println!("audit verify: {LEAVES} leaves, {} bytes a leaf", text.len() / LEAVES as usize);
    println!(
        "  {per_second:.0} leaves/s; SHA-256 of the same bytes: {hashed:.1?}, verify: {verified:.1?}"
    );
    println!("  {ratio:.2} times the time of plain SHA-256");
}
