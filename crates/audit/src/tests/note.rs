use super::signer;
use crate::note::open;
use crate::{AuditError, Checkpoint, Frontier, Signer, VerifierKey, notes, verifier_keys};

/// The key, the text and the signature in the documentation of Go's note package.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETERS_KEY: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PETERS_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn keys_and_notes_are_those_of_the_go_package() {
    let signer = Signer::parse(PETERS_KEY).unwrap();
    assert_eq!(signer.secret_text(), PETERS_KEY);
    assert_eq!(signer.verifier().to_string(), PETER);
    let key: VerifierKey = PETER.parse().unwrap();
    let text = open(PETERS_NOTE, &[key]).unwrap();
    assert_eq!(signer.sign(text), PETERS_NOTE);
}

#[test]
fn a_key_that_was_mistyped_is_refused_and_never_repeated() {
    let broken = [
        PETERS_KEY.replace("c74f20a3", "c74f20a4"),
        PETERS_KEY.replace("PeterNeumann", "PeterNeuman"),
        PETERS_KEY.replace("AYEK", "AYEL"),
        PETERS_KEY.replace("AYEK", "AoEK"),
        PETERS_KEY.replace("PRIVATE+KEY+", ""),
        PETERS_KEY.trim_end_matches('z').to_owned(),
        String::new(),
    ];
    for text in broken {
        let error = Signer::parse(&text).unwrap_err();
        assert!(matches!(error, AuditError::Key { .. }), "{error}");
        assert!(!error.to_string().contains("EKFALV"), "{error}");
    }
    assert!(PETERS_KEY.parse::<VerifierKey>().is_err());
    assert!(!format!("{:?}", Signer::parse(PETERS_KEY).unwrap()).contains("EKFALV"));
    assert_eq!(verifier_keys(&format!("# of Peter\n\n{PETER}\n")).unwrap().len(), 1);
    assert!(verifier_keys("# nobody\n").is_err());
}

#[test]
fn a_checkpoint_reads_back_with_its_frontier() {
    let mut frontier = Frontier::default();
    for number in 0..7_u8 {
        frontier.push(belay_model::Digest::of_leaf(&[number]));
        let note = Checkpoint::of("acme", &frontier).sign(&signer(1));
        let read = Checkpoint::open(&note, &[signer(1).verifier()]).unwrap();
        assert_eq!(read.origin, "belay/acme");
        assert_eq!(read.frontier().as_ref(), Some(&frontier));
        assert!(matches!(
            Checkpoint::open(&note, &[signer(2).verifier()]),
            Err(AuditError::Signature { .. })
        ));
    }
}

#[test]
fn a_frontier_that_does_not_lead_to_the_root_does_not_count() {
    let mut frontier = Frontier::default();
    frontier.push(belay_model::Digest::of("a"));
    let mut checkpoint = Checkpoint::of("acme", &frontier);
    checkpoint.root = belay_model::Digest::of("b");
    assert_eq!(checkpoint.frontier(), None);
    checkpoint.extensions.clear();
    assert_eq!(checkpoint.frontier(), None);
}

#[test]
fn notes_that_stand_one_behind_the_other_are_told_apart() {
    let mut frontier = Frontier::default();
    let first = Checkpoint::of("acme", &frontier).sign(&signer(1));
    frontier.push(belay_model::Digest::of("a"));
    let second = Checkpoint::of("acme", &frontier).sign(&signer(1));
    assert_eq!(notes(&format!("{first}{second}")), vec![first, second]);
    assert!(notes("\n").is_empty());
}
