//! `belay audit`: an outsider with an export and a public key.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use expect_test::expect;

use crate::home::{Home, Ran, python};

/// A store with the record of one failed run, its export and its key.
struct Kept {
    home: Home,
    export: String,
    key: String,
}

/// A run that fails leaves a record, and needs neither dbt nor a warehouse.
fn run(home: &Home) {
    home.write("base/manifest.json", "{}");
    home.write("head/manifest.json", "{}");
    let _failed = home.belay(&["-q", "impact", "--base", "base", "--head", "head"]).ends_with(2);
}

fn kept(more: &[&str]) -> Kept {
    let home = Home::new();
    home.git("", &["init", "--quiet"]);
    run(&home);
    let mut args = vec!["-q", "audit", "export"];
    args.extend(more);
    let export = home.belay(&args).ends_with(0).stdout;
    let key = home.belay(&["audit", "key"]).ends_with(0).stdout.trim().to_owned();
    Kept { home, export, key }
}

/// Verifies in a home that has nothing but the export and the key.
fn outsider(export: &str, key: &str) -> Ran {
    let home = Home::new();
    home.write("export.jsonl", export);
    let ran = home.belay(&["audit", "verify", "export.jsonl", "--key", key]);
    let left: Vec<_> = std::fs::read_dir(home.work()).unwrap().collect();
    assert_eq!(left.len(), 1, "verifying leaves nothing behind");
    ran
}

#[test]
fn an_outsider_with_an_export_and_the_public_key_verifies_the_audit() {
    for more in [&[][..], &["--bodies"]] {
        let Kept { export, key, .. } = kept(more);
        let ran = outsider(&export, &key).ends_with(0);
        let leaves = export.lines().filter(|line| line.contains("\"leaf\":")).count();
        assert!(
            ran.stdout.contains(&format!("{leaves} leaves, {leaves} signed")),
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.starts_with("the audit of workspace `default` holds\n"));
        assert_eq!(export.contains("\"row\":"), !more.is_empty());
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn what_was_changed_on_the_way_is_named() {
    let Kept { export, key, .. } = kept(&["--bodies"]);
    let lines: Vec<&str> = export.lines().collect();
    let of = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let edited = |line: usize, from: &str, to: &str| {
        let changed = lines[line].replacen(from, to, 1);
        assert_ne!(changed, lines[line]);
        let mut lines = lines.clone();
        lines[line] = &changed;
        of(&lines)
    };
    let last = lines.len() - 1;
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    let mut dropped = lines.clone();
    dropped.remove(2);
    let rowed = lines.iter().position(|line| line.contains("\"row\":")).unwrap();
    let cases = [
        ("the body of a leaf", edited(2, "\"body\":\"", "\"body\":\"0")),
        ("the kind of a leaf", edited(1, "run.started", "run.stored!")),
        ("a row", edited(rowed, "\"row\":{", "\"row\":{\"x\":1,")),
        ("two leaves", of(&swapped)),
        ("a dropped leaf", of(&dropped)),
        ("a checkpoint", edited(last, "belay/default\\n", "belay/default\\n1")),
        ("a signature", edited(last, "— belay/default ", "— belay/default A")),
        ("no checkpoint", of(&lines[..last])),
        ("cut in a line", export.get(..export.len() - 20).unwrap().to_owned()),
    ];
    // The name and the id, in front of the base64, which may hold a plus as well.
    let named = key.get(.."belay/default+12345678".len()).unwrap();
    let mut told = String::new();
    for (what, export) in cases {
        let ran = outsider(&export, &key).ends_with(1);
        assert_eq!(ran.stderr, "");
        let fault = ran.stdout.lines().nth(1).unwrap().trim().replace(named, "KEY");
        writeln!(told, "{what}: {fault}").unwrap();
    }
    expect![[r#"
        the body of a leaf: line 3: leaf 1 (step.started): its hash is not that of its text
        the kind of a leaf: line 2: leaf 0 (run.stored!): its hash is not that of its text
        a row: line 4: leaf 2 (decision): the row beside it is not what the leaf vouches for
        two leaves: line 3: leaf 1 (decision): a leaf is missing or out of order: position 2 stands in its place
        a dropped leaf: line 3: leaf 1 (decision): a leaf is missing or out of order: position 2 stands in its place
        a checkpoint: line 10: the checkpoint: none of the keys has signed it (KEY)
        a signature: line 10: the checkpoint: the signed note cannot be read: a signature is no base64
        no checkpoint: 1 checkpoints were announced, and 0 are here
        cut in a line: line 10: the last line is cut off
    "#]].assert_eq(&told);
}

#[test]
fn another_key_vouches_for_nothing_and_no_key_is_an_error() {
    let Kept { export, key, .. } = kept(&[]);
    let other = kept(&[]).key;
    assert_ne!(key, other);
    let ran = outsider(&export, &other).ends_with(1);
    assert!(ran.stdout.contains("none of the keys has signed it"), "{}", ran.stdout);
    let home = Home::new();
    home.write("export.jsonl", &export);
    home.write("keys", &format!("# ours\n{key}\n"));
    let args = ["audit", "verify", "export.jsonl", "--format", "json", "--key", "keys"];
    let report = home.belay(&args).ends_with(0).json();
    assert_eq!(report["holds"], true);
    assert_eq!(report["schema"], "belay.audit-verify/1");
    let ran = home.belay(&["audit", "verify", "export.jsonl"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[audit/no-key]"), "{}", ran.stderr);
    let ran = home.belay(&["audit", "verify", "export.jsonl", "--key", "x+y"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[audit/key]"), "{}", ran.stderr);
    let ran = home.belay(&["audit", "verify", "keys", "--key", &key]).ends_with(2);
    assert!(ran.stderr.starts_with("error[audit/not-an-export]"), "{}", ran.stderr);
}

#[test]
fn a_proof_of_a_run_holds_by_itself() {
    let Kept { home, key, .. } = kept(&[]);
    let proof = home.belay(&["audit", "prove", "last"]).ends_with(0).stdout;
    let outside = Home::new();
    outside.write("proof.json", &proof);
    let args = ["audit", "verify", "proof.json", "--key", &key];
    let ran = outside.belay(&args).ends_with(0);
    assert!(ran.stdout.starts_with("the proof holds: "), "{}", ran.stdout);
    outside.write("proof.json", &proof.replacen("run.started", "run.stopped", 1));
    let ran = outside.belay(&args).ends_with(1);
    assert!(ran.stdout.contains("does NOT HOLD"), "{}", ran.stdout);
    let one = home.belay(&["audit", "prove", "0"]).ends_with(0).json();
    assert_eq!(one["leaves"].as_array().unwrap().len(), 1);
    let ran = home.belay(&["audit", "prove", "999"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[audit/no-leaf]"), "{}", ran.stderr);
}

#[test]
fn the_key_is_made_once_and_only_its_owner_may_read_it() {
    let Kept { home, key, .. } = kept(&[]);
    let file = home.work().join(".belay/audit-default.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read_to_string(&file).unwrap();
    assert_eq!(home.belay(&["audit", "key"]).ends_with(0).stdout.trim(), key);
    let secret = secret.trim();
    let ran = home.belay(&["audit", "verify", "--key", secret]).ends_with(2);
    assert!(!ran.stderr.contains(secret), "a private key is never repeated");
    home.write("belay.toml", &format!("[audit]\nkey = \"{secret}\"\n"));
    let ran = home.belay(&["config"]).ends_with(2);
    assert!(ran.stderr.contains("does not belong in a file"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(secret));
}

#[test]
fn the_living_store_holds_until_a_row_is_changed() {
    let Kept { home, .. } = kept(&[]);
    let ran = home.belay(&["audit", "verify"]).ends_with(0);
    assert!(ran.stdout.contains("rows are as vouched for"), "{}", ran.stdout);
    let change = "import sqlite3\nstore = sqlite3.connect('.belay/belay.db')\n\
                  store.execute(\"UPDATE run SET actor = 'somebody else'\")\nstore.commit()\n";
    python(&home, change);
    let ran = home.belay(&["audit", "verify"]).ends_with(1);
    assert!(ran.stdout.contains("the row that it vouches for is another now"), "{}", ran.stdout);
}

#[test]
fn leaves_that_are_gone_or_rewritten_are_missed() {
    let Kept { home, .. } = kept(&[]);
    let forge = "import sqlite3\nstore = sqlite3.connect('.belay/belay.db')\n\
                 store.execute('DROP TRIGGER audit_is_never_deleted')\n\
                 store.execute('DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)')\n\
                 store.execute('UPDATE tree SET size = size - 1')\nstore.commit()\n";
    python(&home, forge);
    let ran = home.belay(&["audit", "verify"]).ends_with(1);
    assert!(ran.stdout.contains("the end was cut off"), "{}", ran.stdout);
}

#[test]
fn a_checkpoint_outside_binds_whoever_holds_key_and_store() {
    for anchor in ["file:outside/checkpoints.txt", "git:refs/belay/audit"] {
        let Kept { home, export, key } = kept(&[]);
        let put = ["audit", "checkpoint", "--anchor", anchor];
        let ran = home.belay(&put).ends_with(0);
        assert!(ran.stdout.starts_with("belay/default\n"), "{}", ran.stdout);
        run(&home);
        let _second = home.belay(&put).ends_with(0);
        let checked = ["audit", "verify", "--checkpoint", anchor];
        let ran = home.belay(&checked).ends_with(0);
        assert!(!ran.stdout.contains(" 0 from outside"), "{}", ran.stdout);
        home.write("export.jsonl", &export);
        let old = ["audit", "verify", "export.jsonl", "--key", &key, "--checkpoint", anchor];
        let ran = home.belay(&old).ends_with(1);
        assert!(ran.stdout.contains("the end was cut off"), "{}", ran.stdout);
        // The store begins anew with the same key: nothing is put behind another history.
        let secret = std::fs::read_to_string(home.work().join(".belay/audit-default.key")).unwrap();
        std::fs::remove_dir_all(home.work().join(".belay")).unwrap();
        home.write(".belay/audit-default.key", &secret);
        run(&home);
        let ran = home.belay(&put).ends_with(3);
        assert!(ran.stderr.starts_with("error[audit/broken]"), "{}", ran.stderr);
    }
}

#[test]
fn another_key_goes_on_where_the_first_left_off() {
    let Kept { home, key, .. } = kept(&[]);
    home.write("belay.toml", "[audit]\nkey = \"second.key\"\n");
    let second = home.belay(&["audit", "key"]).ends_with(0).stdout;
    assert_ne!(second.trim(), key);
    for _ in 0..2 {
        let export = home.belay(&["-q", "audit", "export"]).ends_with(0).stdout;
        assert!(outsider(&export, second.trim()).ends_with(0).stderr.is_empty());
        let verified = home.belay(&["audit", "verify"]).ends_with(0);
        assert!(!verified.stdout.contains("not signed yet"), "{}", verified.stdout);
        run(&home);
    }
}

#[test]
fn a_place_that_is_none_is_refused() {
    let Kept { home, .. } = kept(&[]);
    let ran = home.belay(&["audit", "checkpoint", "--anchor", "nowhere"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[audit/anchor]"), "{}", ran.stderr);
    let ran = home.belay(&["audit", "checkpoint", "--anchor", "git:refs/heads/main"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[audit/anchor]"), "{}", ran.stderr);
    let ran = home.belay(&["audit", "verify", "--checkpoint", "file:missing"]).ends_with(2);
    assert!(ran.stderr.starts_with("error[audit/no-checkpoint]"), "{}", ran.stderr);
}
