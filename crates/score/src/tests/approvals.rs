//! A grave action is in a valid record only with people's yes to exactly it.

use belay_model::record::{
    Answer, ApprovalKind, ApprovalRequest, ApprovalState, Ballot, EffectState,
};
use belay_model::{Digest, Level, Risk};
use expect_test::{Expect, expect};

use super::build::{at, id, signed, valid, vote};
use crate::{Record, faults};

/// A production write at R3 that two people said yes to, with one change.
fn check(change: impl Fn(&mut Record), expected: Expect) {
    let mut record = grave("write_table", "prod");
    change(&mut record);
    expected.assert_eq(&faults(&signed(record)).join("\n"));
}

fn grave(verb: &str, zone: &str) -> Record {
    let mut record = valid();
    let action = format!(r#"{{"verb":"{verb}","zone":"{zone}"}}"#);
    let digest = Digest::of(&action);
    let decision = &mut record.decisions[0];
    (decision.action, decision.action_digest, decision.risk) = (action, digest, Risk::R3);
    record.decisions[1].approval = None;
    (record.effects[0].action_digest, record.effects[0].verb) = (digest, verb.to_owned());
    let request = &mut record.approvals[0];
    request.plan = digest;
    request.subject = ApprovalRequest::binding(digest, request.snapshot, request.policy);
    for vote in &mut record.votes {
        vote.subject = request.subject;
    }
    record
}

#[test]
fn a_grave_action_with_its_approval_is_fine() {
    check(|_| (), expect![""]);
}

#[test]
fn a_grave_action_without_an_approval() {
    let without = |record: &mut Record| record.decisions[0].approval = None;
    check(without, expect!["decision 00000001 permits write_table at R3 without an approval"]);
    for (verb, zone) in
        [("grant_privilege", "dev"), ("change_model", "dev"), ("drop_asset", "prod")]
    {
        let mut record = grave(verb, zone);
        record.decisions[0].risk = Risk::R1;
        without(&mut record);
        assert_eq!(faults(&signed(record)).len(), 1, "{verb}");
    }
    let mut harmless = grave("write_table", "dev");
    harmless.decisions[0].risk = Risk::R1;
    without(&mut harmless);
    assert_eq!(faults(&signed(harmless)), [] as [&str; 0]);
}

#[test]
fn taking_back_and_bounded_writes_are_exceptions_but_never_for_grants() {
    for (verb, circumstances, risk, fine) in [
        ("write_table", r#"{"rollback":true}"#, Risk::R4, true),
        ("write_table", r#"{"bounded":true}"#, Risk::R2, true),
        ("write_table", r#"{"bounded":true}"#, Risk::R3, false),
        ("write_table", r#"{"rollback":"true"}"#, Risk::R3, false),
        ("grant_privilege", r#"{"rollback":true}"#, Risk::R2, false),
        ("change_model", r#"{"bounded":true,"rollback":true}"#, Risk::R2, false),
    ] {
        let mut record = grave(verb, "prod");
        let decision = &mut record.decisions[0];
        (decision.circumstances, decision.risk) = (circumstances.to_owned(), risk);
        decision.approval = None;
        assert_eq!(faults(&signed(record)).is_empty(), fine, "{verb} {circumstances} {risk}");
    }
}

#[test]
fn an_approval_that_is_not_there() {
    check(
        |record| record.decisions[0].approval = Some(id(8, 7)),
        expect!["decision 00000001 names an approval that is not there"],
    );
}

#[test]
fn an_approval_of_something_else() {
    check(
        |record| record.approvals[0].plan = Digest::of("drop everything"),
        expect![[r#"
            decision 00000001 rests on an approval of another action
            decision 00000001 rests on an approval that binds something else than it says"#]],
    );
    check(
        |record| record.approvals[0].snapshot = Digest::of("another world"),
        expect!["decision 00000001 rests on an approval that binds something else than it says"],
    );
    check(
        |record| record.approvals[0].kind = ApprovalKind::Step,
        expect!["decision 00000001 rests on a yes to a step, not to the action"],
    );
    check(
        |record| record.decisions[0].policy = Digest::of("looser"),
        expect!["decision 00000001 rests on an approval under other policies"],
    );
}

#[test]
fn an_approval_that_is_over_or_spent_or_was_never_granted() {
    check(
        |record| record.approvals[0].expires = record.decisions[0].at,
        expect![[r#"
            decision 00000001 rests on an approval that had expired
            decision 00000001 rests on 0 independent yes votes in time, of 1 that it takes
            decision 00000001 rests on 0 stewards' votes in time, of 1 that it takes"#]],
    );
    check(
        |record| record.approvals[0].state = ApprovalState::Stale,
        expect!["decision 00000001 rests on an approval that is stale, not used"],
    );
    check(
        |record| {
            let mut again = record.decisions[0].clone();
            again.id = id(3, 7);
            record.decisions.push(again);
        },
        expect!["decision 00000007 rests on an approval that was already spent"],
    );
    let mut record = signed(grave("write_table", "prod"));
    record.leaves.retain(|leaf| leaf.kind != "approval.granted");
    assert_eq!(faults(&record), ["decision 00000001 rests on an approval that nobody saw granted"]);
}

#[test]
fn votes_that_do_not_count() {
    type Change = fn(&mut Record);
    let changes: [(&str, Change); 6] = [
        ("the owner's", |record| record.votes[0].voter = " Data-Team".to_owned()),
        ("the author's", |record| record.votes[0].voter = "ANNE".to_owned()),
        ("a no", |record| record.votes[0].ballot = Ballot::No),
        ("of another digest", |record| record.votes[0].subject = Digest::of("else")),
        ("too late", |record| record.votes[0].at = at(3)),
        ("after the end", |record| record.approvals[0].expires = at(2)),
    ];
    for (what, change) in changes {
        let mut record = grave("write_table", "prod");
        record.votes.truncate(1);
        change(&mut record);
        let found = faults(&signed(record)).join("\n");
        assert!(found.contains("0 independent yes votes in time, of 1"), "{what}: {found}");
    }
}

#[test]
fn a_critical_action_takes_two_distinct_people() {
    check(|record| record.decisions[0].risk = Risk::R4, expect![""]);
    check(
        |record| {
            record.decisions[0].risk = Risk::R4;
            record.votes[1] = vote("Cleo ");
            record.votes[1].subject = record.approvals[0].subject;
        },
        expect!["decision 00000001 rests on 1 independent yes votes in time, of 2 that it takes"],
    );
    check(
        |record| record.approvals[0].stewards = 3,
        expect!["decision 00000001 rests on 2 stewards' votes in time, of 3 that it takes"],
    );
}

#[test]
fn a_step_that_a_person_reports_at_l0_has_a_no_and_no_effect() {
    let mut record = valid();
    record.run.level = Level::L0;
    for decision in &mut record.decisions {
        (decision.answer, decision.level, decision.approval) = (Answer::Deny, Level::L0, None);
    }
    record.effects.clear();
    assert_eq!(faults(&signed(record.clone())), [] as [&str; 0]);
    let mut acted = valid();
    acted.decisions[0].answer = Answer::Deny;
    acted.effects[0].state = EffectState::Committed;
    assert_eq!(faults(&signed(acted)).len(), 1);
}
