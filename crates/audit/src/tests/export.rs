use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{export, leaf, signer, text};
use crate::{
    AuditError, Checkpoint, Frontier, Proven, Report, Tree, checkpoint_line, header_line,
    leaf_line, verify,
};

fn verified(export: &[u8]) -> Result<Report, AuditError> {
    verify(export, &[signer(1).verifier()], &[])
}

fn check(lines: &[String], expected: Expect) {
    let said = match verified(text(lines).as_bytes()) {
        Ok(Report { fault: Some(fault), .. }) => fault.to_string(),
        Ok(report) => format!(
            "holds: {} leaves, {} signed, {} checkpoints, {} rows",
            report.leaves, report.signed, report.checkpoints, report.rows
        ),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&said);
}

#[test]
fn an_export_as_it_was_written_holds() {
    check(
        &export(6, &[2, 6], &signer(1)),
        expect!["holds: 6 leaves, 6 signed, 2 checkpoints, 3 rows"],
    );
    check(
        &export(0, &[0], &signer(1)),
        expect!["holds: 0 leaves, 0 signed, 1 checkpoints, 0 rows"],
    );
}

#[test]
fn what_was_changed_is_named() {
    let whole = export(6, &[2, 6], &signer(1));
    let edited = |line: usize, from: &str, to: &str| {
        let mut lines = whole.clone();
        assert!(lines[line].contains(from), "{}", lines[line]);
        lines[line] = lines[line].replacen(from, to, 1);
        lines
    };
    let mut swapped = whole.clone();
    swapped.swap(5, 6);
    let mut dropped = whole.clone();
    dropped.remove(5);
    let mut twice = whole.clone();
    twice.insert(5, whole[5].clone());
    let mut cut = whole.clone();
    cut.pop();
    let mut moved = whole.clone();
    moved.swap(3, 4);
    check(
        &edited(5, "effect.committed", "effect.failed"),
        expect!["line 6: leaf 3 (effect.failed): its hash is not that of its text"],
    );
    check(
        &edited(4, "\"number\":2", "\"number\":7"),
        expect!["line 5: leaf 2 (step.done): the row beside it is not what the leaf vouches for"],
    );
    check(
        &edited(1, "\"at\":17", "\"at\":18"),
        expect!["line 2: leaf 0 (step.done): its hash is not that of its text"],
    );
    check(
        &edited(5, "\"hash\":\"", "\"hash\":\"0"),
        expect!["line 6: leaf 3 (effect.committed): its hash is not that of its text"],
    );
    check(
        &swapped,
        expect![
            "line 6: leaf 3 (step.done): a leaf is missing or out of order: position 4 stands in its place"
        ],
    );
    check(
        &dropped,
        expect![
            "line 6: leaf 3 (step.done): a leaf is missing or out of order: position 4 stands in its place"
        ],
    );
    check(
        &twice,
        expect![
            "line 7: leaf 4 (effect.committed): a leaf is missing or out of order: position 3 stands in its place"
        ],
    );
    check(&cut, expect!["2 checkpoints were announced, and 1 are here"]);
    check(&moved, expect!["line 5: the checkpoint of 2 leaves is not in its place, behind leaf 2"]);
    check(&whole[..6], expect!["leaf 4: 6 leaves were announced, and 4 are here"]);
    check(
        &edited(0, "\"size\":6", "\"size\":5"),
        expect!["leaf 6: 5 leaves were announced, and 6 are here"],
    );
    check(
        &edited(0, "acme", "evil"),
        expect!["line 2: leaf 0 (step.done): it is of workspace `acme`"],
    );
    check(
        &edited(0, "belay.audit/1", "belay.audit/2"),
        expect!["it is not an audit export: `schema` is `belay.audit/2`, expected `belay.audit/1`"],
    );
    check(
        &edited(3, "belay/acme\\n2", "belay/acme\\n3"),
        expect!["line 4: the checkpoint: none of the keys has signed it (belay/acme+46658cc8)"],
    );
    check(
        &export(6, &[2], &signer(1)),
        expect!["leaf 2: no checkpoint covers it, nor what follows"],
    );
    check(
        &export(6, &[2, 6], &signer(2)),
        expect!["line 4: the checkpoint: none of the keys has signed it (belay/acme+46658cc8)"],
    );
    check(&[], expect!["it is not an audit export: the last line is cut off"]);
}

/// Whoever can write the file, but has not the key, writes leaves whose hashes fit.
#[test]
fn a_forged_history_is_found_by_the_next_checkpoint() {
    let mut lines = export(6, &[2, 6], &signer(1));
    let (mut forged, _) = leaf(3, 2);
    forged.kind = "effect.failed".to_owned();
    forged.hash = forged.expected_hash("acme");
    lines[5] = leaf_line(&forged, "acme", None);
    check(
        &lines,
        expect![
            "line 9: leaf 2: the checkpoint of 6 leaves is of another tree: one of the leaves 2 to 5 was changed, or it was signed for another history"
        ],
    );
    // The old form does not name its position: an exchange is found by the root.
    let mut lines = export(6, &[2, 6], &signer(1));
    lines.swap(1, 2);
    check(
        &lines,
        expect![
            "line 4: leaf 0: the checkpoint of 2 leaves is of another tree: one of the leaves 0 to 1 was changed, or it was signed for another history"
        ],
    );
}

#[test]
fn a_checkpoint_from_outside_binds_the_history_even_of_who_has_the_key() {
    let mut frontier = Frontier::default();
    (0..4).for_each(|position| frontier.push(leaf(position, 2).0.hash));
    let anchored = Checkpoint::of("acme", &frontier).sign(&signer(1));
    let anchors = [("a file".to_owned(), anchored)];
    let keys = [signer(1).verifier()];
    let rewritten = |size: i64, forged: i64| {
        let mut frontier = Frontier::default();
        let mut lines = vec![header_line("acme", size.unsigned_abs(), 1)];
        for position in 0..size {
            let (mut leaf, _) = leaf(position, 2);
            if position == forged {
                leaf.kind = "effect.failed".to_owned();
                leaf.hash = leaf.expected_hash("acme");
            }
            frontier.push(leaf.hash);
            lines.push(leaf_line(&leaf, "acme", None));
        }
        lines.push(checkpoint_line(&Checkpoint::of("acme", &frontier).sign(&signer(1))));
        verify(text(&lines).as_bytes(), &keys, &anchors).unwrap()
    };
    let whole = rewritten(6, -1);
    assert!(whole.holds() && whole.anchors == 1, "{whole:?}");
    assert!(rewritten(6, 5).holds(), "what came after the anchor it does not bind");
    expect!["line 5: the checkpoint at a file is of another tree: one of the first 4 leaves was changed since"]
        .assert_eq(&rewritten(6, 1).fault.unwrap().to_string());
    expect!["the checkpoint at a file covers 4 leaves, and only 3 are here: the end was cut off"]
        .assert_eq(&rewritten(3, -1).fault.unwrap().to_string());
}

#[test]
fn a_proof_holds_for_its_own_leaf_alone() {
    let (mut tree, mut frontier) = (Tree::default(), Frontier::default());
    for position in 0..9 {
        tree.push(leaf(position, 2).0.hash);
        frontier.push(leaf(position, 2).0.hash);
    }
    let note = Checkpoint::of("acme", &frontier).sign(&signer(1));
    let proved = (5, leaf(5, 2).0.canonical("acme"), tree.inclusion(5, 9).unwrap());
    let proof = Proven::new("acme", &note, [proved]);
    let keys = [signer(1).verifier()];
    assert_eq!(proof.verify(&keys).map(|checkpoint| checkpoint.size), Ok(9));
    assert!(proof.verify(&[signer(2).verifier()]).is_err());
    let mut other = proof.clone();
    other.leaves[0].leaf = leaf(5, 2).0.canonical("acme").replace("effect", "affect");
    assert!(other.verify(&keys).is_err());
    other = proof.clone();
    other.leaves[0].position = 4;
    assert!(other.verify(&keys).is_err());
    other = proof;
    other.workspace = "evil".to_owned();
    assert!(other.verify(&keys).is_err());
}

#[test]
fn every_single_byte_matters() {
    let whole = text(&export(3, &[2, 3], &signer(1))).into_bytes();
    assert!(verified(&whole).unwrap().holds());
    let unnoticed: Vec<usize> = (0..whole.len())
        .filter(|byte| {
            let mut flipped = whole.clone();
            // The property below takes the other bits.
            flipped[*byte] ^= 1 << (byte % 8);
            verified(&flipped).is_ok_and(|report| report.holds())
        })
        .collect();
    assert_eq!(unnoticed, Vec::<usize>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_flipped_bit_cut_or_exchange_goes_unnoticed(
        size in 1_i64..40, at in any::<prop::sample::Index>(), bit in 0_u8..8,
        one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
    ) {
        let lines = export(size, &[size.unsigned_abs() / 2, size.unsigned_abs()], &signer(1));
        let whole = text(&lines).into_bytes();
        prop_assume!(size > 1 && verified(&whole).unwrap().holds());
        let mut flipped = whole.clone();
        let place = at.index(whole.len());
        flipped[place] ^= 1 << bit;
        prop_assert!(!verified(&flipped).is_ok_and(|report| report.holds()));
        prop_assert!(!verified(&whole[..place]).is_ok_and(|report| report.holds()));
        let (one, other) = (one.index(lines.len()), other.index(lines.len()));
        let mut swapped = lines.clone();
        swapped.swap(one, other);
        if one != other {
            prop_assert!(!verified(text(&swapped).as_bytes()).is_ok_and(|report| report.holds()));
        }
    }
}
