use super::*;

fn may(roles: &[&str], deed: Deed, owner: &str) -> bool {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    let person = Person { name: "ada".to_owned(), identity: "asserted".to_owned(), roles };
    let matter = Matter { id: "m".to_owned(), owner: owner.to_owned(), author: "kim".to_owned() };
    gate().may(&person, deed, &matter).is_ok()
}

#[test]
fn the_table_of_deeds_and_roles() {
    const ROLES: [&str; 6] = ["viewer", "engineer", "reviewer", "steward", "admin", "owner of all"];
    let mut table = String::new();
    for deed in Deed::ALL {
        let who: Vec<&str> =
            ROLES.into_iter().filter(|role| may(&[role], deed, "somebody")).collect();
        writeln!(table, "{:<14} {}", deed.as_str(), who.join(" ")).unwrap();
        assert!(!may(&[], deed, "somebody"), "{deed:?} without a role");
    }
    expect_test::expect![[r#"
        judge_report   reviewer steward
        approve        reviewer steward admin
        raise_level    steward admin
        lower_level    engineer reviewer steward admin
        switch_bounded steward admin
        quarantine     engineer reviewer steward admin
        reinstate      steward admin
        start          engineer reviewer steward admin
        cancel         engineer reviewer steward admin
        roll_back      engineer reviewer steward admin
        report_step    engineer reviewer steward admin
        resolve        engineer reviewer steward admin
        erase_body     steward admin
        accept_clock   steward admin
    "#]]
    .assert_eq(&table);
}

#[test]
fn nobody_gives_more_authority_to_a_worker_of_their_own() {
    for owner in ["ada", "ADA", " Ada "] {
        for deed in [Deed::RaiseLevel, Deed::SwitchBounded, Deed::Reinstate] {
            assert!(!may(&["steward", "admin"], deed, owner), "{deed:?} {owner}");
        }
        assert!(may(&["steward"], Deed::LowerLevel, owner));
    }
}

#[test]
fn a_refusal_says_who_and_what() {
    let person = Person { name: "ada".to_owned(), identity: "asserted".to_owned(), roles: vec![] };
    let matter = Matter { id: "m".to_owned(), owner: String::new(), author: String::new() };
    let refused = gate().may(&person, Deed::RaiseLevel, &matter).unwrap_err();
    assert_eq!(
        refused.reasons,
        [
            "whoever is neither steward nor admin gives no authority and erases nothing, whatever a workspace permits (authority-needs-a-role)"
        ]
    );
    assert_eq!(refused.code(), "gate/denied");
}
