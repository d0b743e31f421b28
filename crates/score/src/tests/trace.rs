//! One change, one fault that names it.

use belay_model::record::{
    Answer, ApprovalKind, ApprovalRequest, ApprovalState, Artefact, Ballot, Decision, Dimension,
    Disposition, Effect, EffectState, Judgement, Leaf, Review, ReviewState, Run, RunState, Score,
    Step, StepState, Verdict, Vote,
};
use belay_model::{
    ApprovalId, ArtefactId, DecisionId, Digest, EffectId, Level, ReviewId, Risk, RunId, ScoreId,
    StepId, Timestamp,
};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::tests::build::{at, id, signed, valid};
use crate::{Record, faults};

/// Changes a valid record before its leaves are made: what was written down was wrong.
fn written(change: impl Fn(&mut Record), expected: Expect) {
    let mut record = valid();
    change(&mut record);
    expected.assert_eq(&faults(&signed(record)).join("\n"));
}

/// Changes a valid record after its leaves were made: somebody altered it.
fn altered(change: impl Fn(&mut Record), expected: Expect) {
    let mut record = valid();
    change(&mut record);
    expected.assert_eq(&faults(&record).join("\n"));
}

/// As seen in the middle of the run.
fn in_state(state: RunState) -> Record {
    let mut record = valid();
    record.run.state = state;
    record.effects[0].state = EffectState::Reserved;
    record.effects[0].receipt = None;
    record.steps[0].state = StepState::Running;
    signed(record)
}

fn leaf<'a>(record: &'a mut Record, kind: &str) -> &'a mut Leaf {
    record.leaves.iter_mut().find(|leaf| leaf.kind == kind).unwrap()
}

#[test]
fn a_valid_record_has_no_fault() {
    assert_eq!(faults(&valid()), [] as [&str; 0]);
}

#[test]
fn a_step_without_a_decision() {
    let undecided = |record: &mut Record| {
        record.decisions.remove(0);
        record.effects.remove(0);
    };
    written(undecided, expect!["step 1 `build` has no decision"]);
    for state in [StepState::Done, StepState::Failed, StepState::Refused] {
        let mut record = valid();
        undecided(&mut record);
        record.steps[0].state = state;
        assert_eq!(faults(&signed(record)).len(), 1, "{state}");
    }
}

#[test]
fn a_step_that_was_cut_off_may_not_have_come_to_its_first_question() {
    written(
        |record| {
            record.decisions.remove(0);
            record.effects.remove(0);
            record.steps[0].state = StepState::Interrupted;
        },
        expect![""],
    );
}

#[test]
fn an_effect_without_a_decision() {
    written(
        |record| record.effects[0].decision = id(3, 9),
        expect!["effect build_scratch on `belay_0a1b` has no decision"],
    );
}

#[test]
fn an_effect_that_went_ahead_without_a_yes() {
    written(
        |record| record.decisions[0].answer = Answer::Hold,
        expect!["effect build_scratch on `belay_0a1b` went ahead although the gate answered hold"],
    );
    written(
        |record| record.decisions[0].answer = Answer::Deny,
        expect!["effect build_scratch on `belay_0a1b` went ahead although the gate answered deny"],
    );
}

#[test]
fn an_effect_of_another_action() {
    written(
        |record| record.effects[0].action_digest = Digest::of("drop everything"),
        expect!["effect build_scratch on `belay_0a1b` is not the action that was permitted"],
    );
    // Permitted elsewhere in the same run, and still not by its own decision.
    written(
        |record| record.effects[0].action_digest = record.decisions[1].action_digest,
        expect!["effect build_scratch on `belay_0a1b` is not the action that was permitted"],
    );
}

#[test]
fn an_effect_that_was_reserved_before_it_was_decided() {
    written(
        |record| record.effects[0].reserved = at(1),
        expect!["effect build_scratch on `belay_0a1b` was reserved before it was decided"],
    );
    written(|record| record.effects[0].reserved = record.decisions[0].at, expect![""]);
}

#[test]
fn an_action_whose_digest_does_not_fit() {
    written(
        |record| record.decisions[0].action.push(' '),
        expect!["decision 00000001 names an action that its digest does not fit"],
    );
}

#[test]
fn an_effect_that_is_over_and_has_no_receipt() {
    for state in EffectState::ALL {
        let mut record = valid();
        (record.effects[1].state, record.effects[1].receipt) = (*state, None);
        let expected: &[&str] = match state {
            EffectState::Reserved => {
                &["effect write_report on `belay_0a1b` is open although the run is over"]
            }
            EffectState::Ambiguous => &[],
            _ => &["effect write_report on `belay_0a1b` has no receipt"],
        };
        assert_eq!(faults(&signed(record)), expected, "{state}");
    }
}

#[test]
fn what_is_open_is_a_fault_only_when_the_run_is_over() {
    for state in RunState::ALL {
        let found = faults(&in_state(*state)).join("\n");
        if matches!(state, RunState::Queued | RunState::Running | RunState::Held) {
            assert_eq!(found, "", "{state}");
        } else {
            expect![[r#"
                effect build_scratch on `belay_0a1b` is open although the run is over
                step `build` is open although the run is over"#]]
            .assert_eq(&found);
        }
    }
}

#[test]
fn a_run_that_waits_for_a_review_that_does_not_exist() {
    written(
        |record| {
            record.run.state = RunState::WaitingReview;
            record.review = None;
            record.dispositions.clear();
        },
        expect!["the run waits for a review that does not exist"],
    );
}

#[test]
fn a_row_of_each_kind_that_was_altered() {
    altered(
        |record| record.run.actor.push('!'),
        expect![
            "run.accepted 00000001-0000-7000-8000-000000000001 is not what audit leaf 0 vouches for"
        ],
    );
    altered(
        |record| record.steps[0].note = None,
        expect![
            "step.done 00000002-0000-7000-8000-000000000001 is not what audit leaf 1 vouches for"
        ],
    );
    altered(
        |record| record.decisions[0].risk = Risk::R4,
        expect![
            "decision 00000003-0000-7000-8000-000000000001 is not what audit leaf 3 vouches for"
        ],
    );
    altered(
        |record| record.effects[0].receipt = Some("none".to_owned()),
        expect![
            "effect.compensated 00000004-0000-7000-8000-000000000001 is not what audit leaf 5 vouches for"
        ],
    );
    altered(
        |record| record.artefacts[0].digest = Digest::of("another report"),
        expect![
            "artefact 00000005-0000-7000-8000-000000000001 is not what audit leaf 7 vouches for"
        ],
    );
    altered(
        |record| record.scores[0].verdict = Verdict::Fail,
        expect!["score 00000006-0000-7000-8000-000000000001 is not what audit leaf 8 vouches for"],
    );
    altered(
        |record| record.review.as_mut().unwrap().title.clear(),
        expect![
            "review.accepted 00000007-0000-7000-8000-000000000001 is not what audit leaf 9 vouches for"
        ],
    );
    altered(
        |record| record.dispositions[1].judgement = Judgement::Reject,
        expect![
            "disposition 00000007-0000-7000-8000-000000000001/bo/ is not what audit leaf 11 vouches for"
        ],
    );
}

#[test]
fn a_row_of_each_kind_without_a_leaf() {
    let kinds = [
        "run.accepted",
        "step.done",
        "decision",
        "effect.compensated",
        "artefact",
        "score",
        "review.accepted",
        "disposition",
    ];
    for kind in kinds {
        let mut record = valid();
        let subject = leaf(&mut record, kind).subject.clone();
        record.leaves.retain(|leaf| leaf.kind != kind || leaf.subject != subject);
        assert_eq!(faults(&record), [format!("no audit leaf covers {kind} {subject}")]);
    }
}

#[test]
fn a_row_of_each_kind_that_was_removed() {
    altered(
        |record| drop(record.artefacts.remove(0)),
        expect![
            "audit leaf 7 vouches for artefact 00000005-0000-7000-8000-000000000001, which is not there"
        ],
    );
    altered(
        |record| drop(record.scores.remove(0)),
        expect![
            "audit leaf 8 vouches for score 00000006-0000-7000-8000-000000000001, which is not there"
        ],
    );
    altered(
        |record| drop(record.dispositions.remove(1)),
        expect![
            "audit leaf 11 vouches for disposition 00000007-0000-7000-8000-000000000001/bo/, which is not there"
        ],
    );
    altered(
        |record| record.review = None,
        expect![
            "audit leaf 9 vouches for review.accepted 00000007-0000-7000-8000-000000000001, which is not there"
        ],
    );
    altered(
        |record| drop(record.effects.remove(0)),
        expect![
            "audit leaf 5 vouches for effect.compensated 00000004-0000-7000-8000-000000000001, which is not there"
        ],
    );
    // Its decision and its effect with it, so that nothing else points to it.
    altered(
        |record| {
            record.steps.remove(0);
            record.decisions.remove(0);
            record.effects.remove(0);
        },
        expect![[r#"
            audit leaf 3 vouches for decision 00000003-0000-7000-8000-000000000001, which is not there
            audit leaf 5 vouches for effect.compensated 00000004-0000-7000-8000-000000000001, which is not there
            audit leaf 1 vouches for step.done 00000002-0000-7000-8000-000000000001, which is not there"#]],
    );
}

#[test]
fn a_leaf_that_was_forged() {
    altered(
        |record| leaf(record, "artefact").hash = Digest::of("forged"),
        expect!["audit leaf 7 does not hash to what it says"],
    );
    altered(
        |record| leaf(record, "artefact").at = at(0),
        expect!["audit leaf 7 does not hash to what it says"],
    );
    // The row was altered, and the leaf made to fit by somebody who forgot the hash.
    altered(
        |record| {
            record.artefacts[0].name.clear();
            let body = belay_model::record::Audited::body_digest(&record.artefacts[0]);
            leaf(record, "artefact").body = body;
        },
        expect!["audit leaf 7 does not hash to what it says"],
    );
    altered(
        |record| leaf(record, "artefact").run = Some(id(1, 9)),
        expect![[r#"
            audit leaf 7 does not hash to what it says
            audit leaf 7 stands under another run"#]],
    );
}

#[test]
fn leaves_of_another_workspace_vouch_for_nothing_here() {
    let mut record = valid();
    record.workspace = "another".to_owned();
    assert_eq!(faults(&record).len(), record.leaves.len());
}

#[test]
fn only_the_last_leaf_of_a_row_has_to_fit() {
    let mut before = valid();
    before.run.state = RunState::Running;
    before.run.ended = None;
    before.steps[0].state = StepState::Running;
    let (before, now) = (signed(before), valid());
    let both = |first: &Record, then: &Record| Record {
        leaves: first
            .leaves
            .iter()
            .filter(|leaf| !then.leaves.iter().any(|other| other.hash == leaf.hash))
            .chain(&then.leaves)
            .cloned()
            .collect(),
        ..now.clone()
    };
    assert_eq!(faults(&both(&before, &now)), [] as [&str; 0]);
    let turned_back = faults(&both(&now, &before)).join("\n");
    expect![[r#"
        run.accepted 00000001-0000-7000-8000-000000000001 is not what audit leaf 0 vouches for
        step.done 00000002-0000-7000-8000-000000000001 is not what audit leaf 1 vouches for"#]]
    .assert_eq(&turned_back);
}

// ---- any field of any row

/// Something to change a field to. Whatever it is, the field is another one afterwards.
#[derive(Debug, Clone)]
struct Change {
    text: String,
    number: u32,
}

trait Flip {
    fn flip(&mut self, change: &Change);
}

impl Flip for String {
    fn flip(&mut self, change: &Change) {
        if *self == change.text { self.push('\'') } else { self.clone_from(&change.text) }
    }
}

impl Flip for Vec<String> {
    fn flip(&mut self, change: &Change) {
        match (change.number % 3, self.first_mut()) {
            (0, Some(_)) => self.clear(),
            (1, Some(first)) => first.flip(change),
            _ => self.push(change.text.clone()),
        }
    }
}

impl Flip for bool {
    fn flip(&mut self, _: &Change) {
        *self = !*self;
    }
}

impl Flip for i64 {
    fn flip(&mut self, change: &Change) {
        *self = self.wrapping_add(1 + i64::from(change.number));
    }
}

impl Flip for Timestamp {
    fn flip(&mut self, change: &Change) {
        let mut nanos = self.nanos();
        nanos.flip(change);
        *self = Self::from_nanos(nanos);
    }
}

impl Flip for Digest {
    fn flip(&mut self, change: &Change) {
        *self = Digest::of(format!("{self}{}", change.text));
    }
}

impl<T: Flip + Clone> Flip for Option<T> {
    fn flip(&mut self, change: &Change) {
        match self {
            Some(value) if change.number.is_multiple_of(2) => value.flip(change),
            _ => *self = None,
        }
    }
}

macro_rules! flip_words {
    ($($word:ident)+) => {$(
        impl Flip for $word {
            fn flip(&mut self, change: &Change) {
                let all: Vec<Self> = $word::ALL.iter().copied().filter(|word| word != self).collect();
                *self = all[change.number as usize % all.len()];
            }
        }
    )+};
}
flip_words!(RunState StepState Answer EffectState Dimension Verdict ReviewState Judgement Level Risk
    ApprovalKind ApprovalState Ballot);

macro_rules! flip_ids {
    ($($id:ident)+) => {$(
        impl Flip for $id {
            fn flip(&mut self, change: &Change) {
                let hex: String = Digest::of(format!("{self}{}", change.text)).to_string();
                *self = hex.split_at(32).0.parse().unwrap();
            }
        }
    )+};
}
flip_ids!(RunId StepId DecisionId EffectId ArtefactId ScoreId ReviewId ApprovalId);

/// Names every field once: a new one does not compile until it is flipped here too.
macro_rules! fields {
    ($($row:ident $name:literal in $place:expr => { $($field:ident),+ })+) => {{
        let mut fields: Vec<(String, &mut dyn Flip)> = Vec::new();
        $(
            let $row { $($field,)+ } = $place;
            $(fields.push((format!("{}.{}", $name, stringify!($field)), $field));)+
        )+
        fields
    }};
}

fn fields(record: &mut Record) -> Vec<(String, &mut dyn Flip)> {
    fields! {
        Run "run" in &mut record.run => {
            id, workflow, worker, worker_digest, trigger, actor, level, policy, parent, input, state,
            outcome, started, ended
        }
        Step "step" in &mut record.steps[0] => {
            id, run, number, name, state, note, started, ended
        }
        Decision "decision" in &mut record.decisions[0] => {
            id, run, step, principal, action, action_digest, risk, risk_reasons, level, answer,
            determining, missing, policy, circumstances, approval, at
        }
        Effect "effect" in &mut record.effects[0] => {
            id, run, step, decision, action_digest, idempotency_key, verb, target, inverse, state,
            receipt, reserved, settled
        }
        Artefact "artefact" in &mut record.artefacts[0] => {
            id, run, name, media_type, digest, bytes, kept, at
        }
        Score "score" in &mut record.scores[0] => {
            id, run, dimension, check, evaluator, verdict, value, explanation, at
        }
        Review "review" in record.review.as_mut().unwrap() => {
            id, run, kind, subject, title, state, created
        }
        Disposition "disposition" in &mut record.dispositions[0] => {
            review, finding, reviewer, identity, judgement, reason, at
        }
        ApprovalRequest "approval" in &mut record.approvals[0] => {
            id, run, kind, subject, plan, snapshot, policy, summary, risk, missing, humans, stewards,
            author, owner, state, created, expires, decided
        }
        Vote "vote" in &mut record.votes[0] => {
            approval, voter, identity, roles, ballot, subject, reason, at
        }
        // Where a leaf stands among the others is for the tree to vouch for, not for its own hash.
        Leaf "leaf" in &mut record.leaves[0] => { sequence, form, kind, subject, run, body, at, hash }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_field_of_any_row_can_be_altered_unseen(text in ".{0,8}", number in any::<u32>()) {
        let change = Change { text, number };
        for index in 0..fields(&mut valid()).len() {
            let mut record = valid();
            let (name, field) = fields(&mut record).swap_remove(index);
            field.flip(&change);
            prop_assert!(!faults(&record).is_empty(), "{} was altered unseen", name);
        }
    }
}
