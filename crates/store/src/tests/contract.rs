//! What any memory promises. Each function is one promise and takes the back-end it is tried on.

use belay_model::Explain as _;
use belay_model::record::{
    Audited, Disposed, Effect, EffectState, Judgement, Leaf, Queue, Review, ReviewState, Run,
    RunState, Step, StepState,
};
use belay_model::{Digest, RunId};
use expect_test::expect;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use crate::tests::Backend;
use crate::tests::build::{
    artefact, at, decision, effect, review, run, run_named, score, step, word,
};
use crate::{Memory, Reservation, StoreError, Tenure};

/// Runs every promise against one back-end.
macro_rules! memory_contract {
    ($backend:ty) => {
        $crate::tests::contract::memory_contract! { $backend:
            a_run_reads_back_as_it_was_written
            a_run_is_found_by_its_id_by_either_end_of_it_and_as_the_last
            text_that_is_no_part_of_an_id_is_no_pattern_either
            runs_are_listed_newest_first
            a_run_keeps_its_first_end_and_its_last_outcome
            steps_read_back_in_their_order
            a_decision_without_an_effect_reserves_nothing
            a_reservation_is_there_before_anything_is_sent
            the_same_change_is_reserved_once_and_a_refusal_leaves_nothing
            a_settled_effect_has_its_receipt
            artefacts_and_scores_read_back
            scores_are_written_all_or_none
            a_review_opens_together_with_its_runs_wait
            a_review_is_found_by_its_own_id_and_by_its_runs
            a_word_on_a_finding_closes_nothing
            a_word_on_the_report_closes_the_review_and_moves_the_run
            a_second_word_replaces_the_first_and_both_stay_in_the_audit
            open_effects_are_those_that_something_can_still_take_back
            an_interruption_takes_the_open_step_and_the_open_effects_along
            a_run_that_is_over_cannot_be_interrupted
            a_run_whose_process_went_away_is_noticed
            a_run_that_is_alive_stays_running_for_every_handle
            what_is_not_there_cannot_be_changed
            every_write_leaves_a_leaf_for_the_row_as_it_stands
            workspaces_never_see_each_others_rows
            workspaces_never_change_each_others_rows
            workspaces_may_reserve_the_same_change
            whatever_is_called_a_workspace_is_as_if_it_were_alone
            two_handles_that_write_at_once_lose_nothing
            two_handles_that_notice_the_same_death_write_it_down_once
            any_text_reads_back_and_is_vouched_for
            the_queue_hands_out_the_highest_priority_then_the_oldest
            of_many_workers_each_run_goes_to_one
            a_lease_that_ran_out_goes_to_another_and_the_first_cannot_write_any_more
            a_job_follows_its_run
            a_parked_run_waits_until_it_is_woken
            an_approval_is_asked_once_voted_on_once_each_and_spent_once
            silence_is_written_down_as_expired
            the_newest_control_of_a_name_is_in_force
            each_workspace_has_bodies_of_its_own
            a_row_that_somebody_changed_is_not_written_over
            an_answer_that_somebody_changed_is_not_counted
            a_vote_that_somebody_slipped_in_spends_nothing
            a_clock_that_jumped_back_writes_nothing
            a_clock_that_once_was_far_ahead_is_let_go_by_a_recorded_word
            a_request_to_stop_says_who_asked
            the_same_artefact_again_is_no_second_one
            an_inverse_is_tested_once_it_took_something_back
        }
    };
    ($backend:ty: $($promise:ident)+) => {$(
        #[tokio::test]
        async fn $promise() {
            use $crate::tests::Backend as _;
            use $crate::tests::promises;
            promises::$promise(&<$backend>::fresh().await).await;
        }
    )+};
}
pub(super) use memory_contract;

// ---- runs

pub(in crate::tests) async fn a_run_reads_back_as_it_was_written(on: &impl Backend) {
    let memory = on.memory("one").await;
    let run = Run {
        outcome: Some("a word".to_owned()),
        ended: Some(at(9)),
        state: RunState::Failed,
        ..run(1)
    };
    let _mark = start(&memory, &run).await.unwrap();
    assert_eq!(memory.find_run("last", at(10)).await.unwrap(), run);
    vouched(&memory, run.id).await;
}

pub(in crate::tests) async fn a_run_is_found_by_its_id_by_either_end_of_it_and_as_the_last(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    let ids = [
        "0198a000-0000-7000-8000-0000000000aa",
        "0198a000-0000-7000-8000-0000000000bb",
        "0198b000-0000-7000-8000-0000000001aa",
    ];
    let mut marks = Vec::new();
    for (second, id) in (0..).zip(ids) {
        let run = Run { started: at(second), ..run_named(id) };
        marks.push(start(&memory, &run).await.unwrap());
    }
    let cases = [
        ("last", "2"),
        (ids[0], "0"),
        ("0198A000-0000-7000-8000-0000000000BB", "1"),
        ("0198b", "2"),
        ("bb", "1"),
        ("0aa", "0"),
        ("1aa", "2"),
        ("aa", "2 runs"),
        ("0198a000", "2 runs"),
        ("0198", "3 runs"),
        ("cc", "none"),
        ("8000", "none"), // in the middle of all
        ("0198a000-0000-7000-8000-0000000000aa0", "none"),
    ];
    for (text, expected) in cases {
        let found = match memory.find_run(text, at(10)).await {
            Ok(run) => ids.iter().position(|id| *id == run.id.to_string()).unwrap().to_string(),
            Err(StoreError::Vague { count, .. }) => format!("{count} runs"),
            Err(error) => {
                assert_eq!(error.code(), "record/not-found");
                "none".to_owned()
            }
        };
        assert_eq!(found, expected, "{text}");
    }
}

pub(in crate::tests) async fn text_that_is_no_part_of_an_id_is_no_pattern_either(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    memory.open_review(&review(&run, 1), "done").await.unwrap();
    let id = run.id.to_string();
    let underscored = id.replacen('0', "_", 1);
    for text in ["%", "_", "0%", "%1", &underscored, "*", "?", "'", "\\", "", " ", "LAST", "é"] {
        let found = memory.find_run(text, at(10)).await;
        assert!(matches!(found, Err(StoreError::NotFound { .. })), "run `{text}`: {found:?}");
        let found = memory.find_review(text).await;
        assert!(matches!(found, Err(StoreError::NotFound { .. })), "review `{text}`: {found:?}");
    }
}

pub(in crate::tests) async fn runs_are_listed_newest_first(on: &impl Backend) {
    let memory = on.memory("one").await;
    let mut marks = Vec::new();
    for number in [2, 3, 1] {
        marks.push(begun(&memory, number).await.0);
    }
    let listed = memory.runs(at(10)).await.unwrap();
    assert_eq!(listed, [run(3), run(2), run(1)]);
}

pub(in crate::tests) async fn a_run_keeps_its_first_end_and_its_last_outcome(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, begun) = begun(&memory, 1).await;
    let moves = [
        (RunState::Running, Some("held up"), 5),
        (RunState::WaitingReview, Some("risky"), 6),
        (RunState::Accepted, None, 7),
    ];
    let mut last = begun.clone();
    for (state, outcome, second) in moves {
        last = memory.move_run(begun.id, state, outcome, at(second)).await.unwrap();
        assert_eq!(last.state, state);
        vouched(&memory, begun.id).await;
    }
    let outcome = Some("risky".to_owned());
    let expected = Run { state: RunState::Accepted, outcome, ended: Some(at(6)), ..begun };
    assert_eq!(last, expected);
    assert_eq!(memory.find_run("last", at(9)).await.unwrap(), expected);
}

// ---- steps, decisions, effects

pub(in crate::tests) async fn steps_read_back_in_their_order(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let (first, second) = (step(&run, 1), step(&run, 2));
    memory.begin_step(&second).await.unwrap();
    memory.begin_step(&first).await.unwrap();
    let note = Some("it went well".to_owned());
    let done = Step { state: StepState::Done, note, ended: Some(at(8)), ..first };
    memory.end_step(&done, at(8)).await.unwrap();
    assert_eq!(memory.steps(run.id).await.unwrap(), [done, second.clone()]);
    let twice = memory.begin_step(&Step { id: step(&run, 3).id, ..second }).await;
    assert!(twice.is_err(), "two steps with one number");
    vouched(&memory, run.id).await;
}

pub(in crate::tests) async fn a_decision_without_an_effect_reserves_nothing(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let step = step(&run, 1);
    memory.begin_step(&step).await.unwrap();
    let decision = decision(&step);
    memory.reserve(Reservation { decision: &decision, effect: None, spends: None }).await.unwrap();
    assert_eq!(memory.decisions(run.id).await.unwrap(), [decision]);
    assert_eq!(memory.effects(run.id).await.unwrap(), []);
    vouched(&memory, run.id).await;
}

pub(in crate::tests) async fn a_reservation_is_there_before_anything_is_sent(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let effect = reserved(&memory, &run, 1).await;
    // Another process would probe it, should this one die now.
    let elsewhere = on.memory("one").await;
    assert_eq!(elsewhere.effects(run.id).await.unwrap(), [effect]);
    vouched(&memory, run.id).await;
}

pub(in crate::tests) async fn the_same_change_is_reserved_once_and_a_refusal_leaves_nothing(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let first = reserved(&memory, &run, 1).await;
    let step = step(&run, 2);
    memory.begin_step(&step).await.unwrap();
    let before = everything(&memory, &run).await;

    let decision = decision(&step);
    let again = Effect { idempotency_key: first.idempotency_key, ..effect(&decision) };
    let refused = memory
        .reserve(Reservation { decision: &decision, effect: Some(&again), spends: None })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "effect/already-reserved");
    assert_eq!(refused.to_string(), "the change `schema:belay_0a1b` is already reserved");
    assert_eq!(everything(&memory, &run).await, before);
}

pub(in crate::tests) async fn a_settled_effect_has_its_receipt(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    for (number, &state) in (1..).zip(EffectState::ALL) {
        let effect = reserved(&memory, &run, number).await;
        let settled = memory.settle(&effect, state, "3 relations", at(20)).await.unwrap();
        let receipt = Some("3 relations".to_owned());
        assert_eq!(settled, Effect { state, receipt, settled: Some(at(20)), ..effect });
        assert!(memory.effects(run.id).await.unwrap().contains(&settled), "{state}");
        vouched(&memory, run.id).await;
    }
}

// ---- artefacts, scores

pub(in crate::tests) async fn artefacts_and_scores_read_back(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let artefacts = [artefact(&run, 1), artefact(&run, 2)];
    let scores: Vec<_> = (1..=12).map(|number| score(&run, number)).collect();
    for artefact in &artefacts {
        memory.add_artefact(artefact).await.unwrap();
    }
    memory.add_scores(&scores).await.unwrap();
    memory.add_scores(&[]).await.unwrap();
    assert_eq!(memory.artefacts(run.id).await.unwrap(), artefacts);
    assert_eq!(memory.scores(run.id).await.unwrap(), scores);
    vouched(&memory, run.id).await;
}

pub(in crate::tests) async fn scores_are_written_all_or_none(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let before = everything(&memory, &run).await;
    let twice = [score(&run, 1), score(&run, 2), score(&run, 1)];
    assert_eq!(memory.add_scores(&twice).await.unwrap_err().code(), "store/query");
    assert_eq!(everything(&memory, &run).await, before);
}

// ---- reviews

pub(in crate::tests) async fn a_review_opens_together_with_its_runs_wait(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let opened = review(&run, 3);
    memory.open_review(&opened, "medium risk").await.unwrap();
    assert_eq!(memory.review_of(run.id).await.unwrap(), Some(opened.clone()));
    assert_eq!(memory.reviews().await.unwrap(), [opened]);
    let waiting = memory.find_run("last", at(9)).await.unwrap();
    assert_eq!(waiting.state, RunState::WaitingReview);
    assert_eq!((waiting.outcome.as_deref(), waiting.ended), (Some("medium risk"), Some(at(3))));
    vouched(&memory, run.id).await;

    // A review of a run that is not there: neither remains.
    let stranger = review(&super::build::run(2), 4);
    assert!(memory.open_review(&stranger, "").await.is_err());
    assert_eq!(memory.reviews().await.unwrap().len(), 1);
}

pub(in crate::tests) async fn a_review_is_found_by_its_own_id_and_by_its_runs(on: &impl Backend) {
    let memory = on.memory("one").await;
    let mut marks = Vec::new();
    for number in [1, 2] {
        let (mark, run) = begun(&memory, number).await;
        memory.open_review(&review(&run, number), "").await.unwrap();
        marks.push(mark);
    }
    let (first, second) = (review(&run(1), 1), review(&run(2), 2));
    let cases = [
        ("last".to_owned(), Some(&second)),
        (first.id.to_string(), Some(&first)),
        (first.run.to_string(), Some(&first)),
        (second.run.short(), Some(&second)),
        ("00000001".to_owned(), Some(&first)),
        ("0000000".to_owned(), None),
    ];
    for (text, expected) in cases {
        match (memory.find_review(&text).await, expected) {
            (Ok(found), Some(expected)) => assert_eq!(found, *expected, "{text}"),
            (Err(StoreError::Vague { count: 2, .. }), None) => (),
            (other, _) => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(memory.reviews().await.unwrap(), [second, first]);
}

pub(in crate::tests) async fn a_word_on_a_finding_closes_nothing(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let review = opened(&memory, &run).await;
    let word = word(&review, Some("F-1"), Judgement::Reject);
    memory.dispose(&review, &word, None).await.unwrap();
    assert_eq!(memory.dispositions(review.id).await.unwrap(), [word]);
    assert_eq!(memory.review_of(run.id).await.unwrap(), Some(review));
    assert_eq!(memory.find_run("last", at(99)).await.unwrap().state, RunState::WaitingReview);
    vouched(&memory, run.id).await;
}

pub(in crate::tests) async fn a_word_on_the_report_closes_the_review_and_moves_the_run(
    on: &impl Backend,
) {
    let cases = [
        (1, Judgement::Accept, ReviewState::Accepted, RunState::Accepted),
        (2, Judgement::Reject, ReviewState::Rejected, RunState::Rejected),
    ];
    let memory = on.memory("one").await;
    for (number, judgement, state, run_state) in cases {
        let (_mark, run) = begun(&memory, number).await;
        let review = opened(&memory, &run).await;
        let word = word(&review, None, judgement);
        memory.dispose(&review, &word, Some((state, run_state))).await.unwrap();
        assert_eq!(memory.dispositions(review.id).await.unwrap(), [word]);
        let closed = Review { state, ..review };
        assert_eq!(memory.review_of(run.id).await.unwrap(), Some(closed));
        let moved = memory.find_run(&run.id.to_string(), at(99)).await.unwrap();
        assert_eq!((moved.state, moved.outcome.as_deref()), (run_state, Some("medium risk")));
        vouched(&memory, run.id).await;
    }
}

pub(in crate::tests) async fn a_second_word_replaces_the_first_and_both_stay_in_the_audit(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let review = opened(&memory, &run).await;
    let first = word(&review, Some("F-1"), Judgement::Reject);
    let mut second = word(&review, Some("F-1"), Judgement::Accept);
    (second.reason, second.at) = (None, at(60));
    let mut another = word(&review, Some("F-1"), Judgement::Reject);
    (another.reviewer, another.at) = ("Bo".to_owned(), at(70));
    for word in [&first, &second, &another] {
        memory.dispose(&review, word, None).await.unwrap();
    }
    let kept = memory.dispositions(review.id).await.unwrap();
    assert_eq!(kept, [second.clone(), another.clone()]);
    let said: Vec<Digest> = memory
        .leaves(run.id)
        .await
        .unwrap()
        .into_iter()
        .filter(|leaf| leaf.kind == "disposition")
        .map(|leaf| leaf.body)
        .collect();
    let digest = |disposition| Disposed { run: run.id, disposition }.body_digest();
    assert_eq!(said, [digest(&first), digest(&second), digest(&another)]);
    vouched(&memory, run.id).await;
}

// ---- what is left open

pub(in crate::tests) async fn open_effects_are_those_that_something_can_still_take_back(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let mut expected = Vec::new();
    for (number, &state) in (1..).zip(EffectState::ALL) {
        let mut effect = reserved(&memory, &run, number).await;
        if state != EffectState::Reserved {
            effect = memory.settle(&effect, state, "", at(20)).await.unwrap();
        }
        if !matches!(state, EffectState::Failed | EffectState::Compensated) {
            expected.push(effect);
        }
    }
    let change = |number, verb: &str, inverse: Option<&str>| {
        let (step, verb, inverse) =
            (step(&run, number), verb.to_owned(), inverse.map(str::to_owned));
        let decision = decision(&step);
        (step, Effect { verb, inverse, ..effect(&decision) }, decision)
    };
    for (step, effect, decision) in
        [change(10, "build_scratch", None), change(11, "create_scratch", Some("{}"))]
    {
        memory.begin_step(&step).await.unwrap();
        memory
            .reserve(Reservation { decision: &decision, effect: Some(&effect), spends: None })
            .await
            .unwrap();
    }
    assert_eq!(memory.open_effects("build_scratch").await.unwrap(), expected);
    assert_eq!(memory.open_effects("create_scratch").await.unwrap().len(), 1);
    assert_eq!(memory.open_effects("%").await.unwrap(), []);
}

pub(in crate::tests) async fn an_interruption_takes_the_open_step_and_the_open_effects_along(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let committed = reserved(&memory, &run, 1).await;
    let committed = memory.settle(&committed, EffectState::Committed, "ok", at(3)).await.unwrap();
    let done = Step { state: StepState::Done, ended: Some(at(3)), ..step(&run, 1) };
    memory.end_step(&done, at(3)).await.unwrap();
    let open = reserved(&memory, &run, 2).await;

    let cut = memory.interrupt(&run, "interrupted by its user", at(9)).await.unwrap();
    let why = Some("interrupted by its user".to_owned());
    assert_eq!((cut.state, &cut.outcome, cut.ended), (RunState::Interrupted, &why, Some(at(9))));
    let state = StepState::Interrupted;
    let cut_step = Step { state, note: why, ended: Some(at(9)), ..step(&run, 2) };
    assert_eq!(memory.steps(run.id).await.unwrap(), [done, cut_step]);
    let ambiguous = Effect { state: EffectState::Ambiguous, ..open };
    assert_eq!(memory.effects(run.id).await.unwrap(), [committed, ambiguous]);
    vouched(&memory, run.id).await;
}

pub(in crate::tests) async fn a_run_that_is_over_cannot_be_interrupted(on: &impl Backend) {
    let memory = on.memory("one").await;
    for (number, &state) in (1..).zip(RunState::ALL) {
        let (_mark, stale) = begun(&memory, number).await;
        // It ends after somebody read it as running, and before they look whether it lives.
        let now = memory.move_run(stale.id, state, Some("its own end"), at(5)).await.unwrap();
        let left = memory.interrupt(&stale, "the process went away", at(9)).await.unwrap();
        if matches!(state, RunState::Running | RunState::Held) {
            assert_eq!(left.state, RunState::Interrupted, "{state}");
        } else {
            assert_eq!(left, now, "{state}");
        }
        assert_eq!(memory.find_run(&stale.id.to_string(), at(9)).await.unwrap(), left);
        vouched(&memory, stale.id).await;
    }
}

pub(in crate::tests) async fn a_run_whose_process_went_away_is_noticed(on: &impl Backend) {
    let memory = on.memory("one").await;
    for number in [1, 2] {
        let (mark, run) = begun(&memory, number).await;
        reserved(&memory, &run, 1).await;
        drop(mark);
        let id = run.id.to_string();
        let noticed = if number == 1 {
            memory.find_run(&id, at(9)).await.unwrap()
        } else {
            memory.runs(at(9)).await.unwrap().remove(0)
        };
        assert_eq!(noticed.state, RunState::Interrupted);
        assert_eq!(noticed.outcome.as_deref(), Some("the process went away"));
        assert_eq!(noticed.ended, Some(at(9)));
        assert_eq!(memory.steps(run.id).await.unwrap()[0].state, StepState::Interrupted);
        assert_eq!(memory.effects(run.id).await.unwrap()[0].state, EffectState::Ambiguous);
        // Once is enough.
        let leaves = memory.leaves(run.id).await.unwrap();
        assert_eq!(memory.find_run(&id, at(10)).await.unwrap(), noticed);
        assert_eq!(memory.leaves(run.id).await.unwrap(), leaves);
        vouched(&memory, run.id).await;
    }
}

pub(in crate::tests) async fn a_run_that_is_alive_stays_running_for_every_handle(
    on: &impl Backend,
) {
    let (here, there) = (on.memory("one").await, on.memory("one").await);
    let (mark, run) = begun(&here, 1).await;
    for memory in [&here, &there] {
        assert_eq!(memory.find_run("last", at(9)).await.unwrap(), run);
        assert_eq!(memory.runs(at(9)).await.unwrap(), std::slice::from_ref(&run));
    }
    drop(mark);
    assert_eq!(there.find_run("last", at(9)).await.unwrap().state, RunState::Interrupted);
    assert_eq!(here.find_run("last", at(9)).await.unwrap().state, RunState::Interrupted);
}

pub(in crate::tests) async fn what_is_not_there_cannot_be_changed(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, known) = begun(&memory, 1).await;
    let before = everything(&memory, &known).await;
    let (step, run) = (step(&known, 1), run(2));
    let effect = effect(&decision(&step));
    let review = review(&known, 1);
    let word = word(&review, None, Judgement::Accept);
    let closes = Some((ReviewState::Accepted, RunState::Accepted));
    let outcomes = [
        ("move_run", memory.move_run(run.id, RunState::Failed, None, at(9)).await.err()),
        ("end_step", memory.end_step(&step, at(9)).await.err()),
        ("settle", memory.settle(&effect, EffectState::Failed, "", at(9)).await.err()),
        ("interrupt", memory.interrupt(&run, "", at(9)).await.err()),
        ("dispose", memory.dispose(&review, &word, None).await.err()),
        ("dispose and close", memory.dispose(&review, &word, closes).await.err()),
    ];
    for (write, error) in outcomes {
        let error = error.unwrap_or_else(|| panic!("{write} acknowledged a row that is not there"));
        assert_eq!(error.code(), "record/not-found", "{write}: {error:?}");
    }
    assert_eq!(everything(&memory, &known).await, before);
}

// ---- audit

pub(in crate::tests) async fn every_write_leaves_a_leaf_for_the_row_as_it_stands(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    let (_mark, run) = tell(&memory, 1).await;
    let leaves = memory.leaves(run.id).await.unwrap();
    let kinds: Vec<&str> = leaves.iter().map(|leaf| leaf.kind.as_str()).collect();
    expect![[r#"
        run.started
        step.started
        decision
        effect.reserved
        effect.committed
        step.done
        artefact
        score
        review.opened
        run.waiting_review
        disposition
        disposition
        review.accepted
        run.accepted"#]]
    .assert_eq(&kinds.join("\n"));
    assert!(leaves.is_sorted_by(|one, next| one.sequence < next.sequence));
    vouched(&memory, run.id).await;
}

// ---- workspaces

pub(in crate::tests) async fn workspaces_never_see_each_others_rows(on: &impl Backend) {
    let (one, two) = (on.memory("one").await, on.memory("two").await);
    let (_mark, run) = tell(&one, 1).await;
    let review = one.find_review("last").await.unwrap();

    for text in ["last", &run.id.to_string(), &run.id.short()] {
        assert_eq!(two.find_run(text, at(99)).await.unwrap_err().code(), "record/not-found");
        assert_eq!(two.find_review(text).await.unwrap_err().code(), "record/not-found");
    }
    assert_eq!(two.runs(at(99)).await.unwrap(), []);
    assert_eq!(two.steps(run.id).await.unwrap(), []);
    assert_eq!(two.decisions(run.id).await.unwrap(), []);
    assert_eq!(two.effects(run.id).await.unwrap(), []);
    assert_eq!(two.artefacts(run.id).await.unwrap(), []);
    assert_eq!(two.scores(run.id).await.unwrap(), []);
    assert_eq!(two.leaves(run.id).await.unwrap(), []);
    assert_eq!(two.open_effects("build_scratch").await.unwrap(), []);
    assert_eq!(two.reviews().await.unwrap(), []);
    assert_eq!(two.review_of(run.id).await.unwrap(), None);
    assert_eq!(two.dispositions(review.id).await.unwrap(), []);

    // And none of those was empty for lack of rows.
    assert_eq!(one.open_effects("build_scratch").await.unwrap().len(), 1);
    assert_eq!(one.dispositions(review.id).await.unwrap().len(), 2);
}

pub(in crate::tests) async fn workspaces_never_change_each_others_rows(on: &impl Backend) {
    let (one, two) = (on.memory("one").await, on.memory("two").await);
    let (_mark, run) = begun(&one, 1).await;
    let open = reserved(&one, &run, 1).await;
    let review = opened(&one, &run).await;
    let said = word(&review, None, Judgement::Reject);
    one.dispose(&review, &said, None).await.unwrap();
    let before = everything(&one, &run).await;

    let done = Step { state: StepState::Done, ..step(&run, 1) };
    let other_word = word(&review, None, Judgement::Accept);
    let closes = Some((ReviewState::Accepted, RunState::Accepted));
    let outcomes = [
        ("move_run", two.move_run(run.id, RunState::Failed, None, at(9)).await.err()),
        ("end_step", two.end_step(&done, at(9)).await.err()),
        ("settle", two.settle(&open, EffectState::Failed, "", at(9)).await.err()),
        ("interrupt", two.interrupt(&run, "", at(9)).await.err()),
        ("dispose", two.dispose(&review, &other_word, None).await.err()),
        ("dispose and close", two.dispose(&review, &other_word, closes).await.err()),
    ];
    assert_eq!(everything(&one, &run).await, before);
    for (write, error) in outcomes {
        assert!(error.is_some(), "{write} acknowledged a row of another workspace");
    }
    assert_eq!(two.leaves(run.id).await.unwrap(), []);
}

pub(in crate::tests) async fn workspaces_may_reserve_the_same_change(on: &impl Backend) {
    let (one, two) = (on.memory("one").await, on.memory("two").await);
    let (_mark, first) = begun(&one, 1).await;
    let (_other, second) = begun(&two, 2).await;
    let key = reserved(&one, &first, 1).await.idempotency_key;
    let step = step(&second, 1);
    two.begin_step(&step).await.unwrap();
    let decision = decision(&step);
    let same = Effect { idempotency_key: key, ..effect(&decision) };
    two.reserve(Reservation { decision: &decision, effect: Some(&same), spends: None })
        .await
        .unwrap();
    assert_eq!(two.effects(second.id).await.unwrap(), [same]);
}

// ---- several at once

pub(in crate::tests) async fn two_handles_that_write_at_once_lose_nothing(on: &impl Backend) {
    let (one, two) = (on.memory("one").await, on.memory("one").await);
    let write = async |memory: &Memory, numbers: std::ops::Range<u32>| {
        for number in numbers {
            drop(tell(memory, number).await);
        }
    };
    tokio::join!(write(&one, 1..11), write(&two, 11..21), write(&one, 21..31));
    for memory in [&one, &two] {
        assert_eq!(memory.runs(at(99)).await.unwrap().len(), 30);
        for number in 1..31 {
            assert_eq!(memory.leaves(run(number).id).await.unwrap().len(), 14, "run {number}");
        }
    }
    vouched(&one, run(30).id).await;
}

pub(in crate::tests) async fn two_handles_that_notice_the_same_death_write_it_down_once(
    on: &impl Backend,
) {
    let (one, two) = (on.memory("one").await, on.memory("one").await);
    for number in 1..11 {
        let (mark, run) = begun(&one, number).await;
        reserved(&one, &run, 1).await;
        drop(mark);
    }
    let (seen_by_one, seen_by_two) = tokio::join!(one.runs(at(98)), two.runs(at(99)));
    assert_eq!(seen_by_one.unwrap(), seen_by_two.unwrap());
    for number in 1..11 {
        let leaves = one.leaves(run(number).id).await.unwrap();
        let deaths = leaves.iter().filter(|leaf| leaf.kind == "run.interrupted").count();
        assert_eq!(deaths, 1, "run {number}");
        vouched(&two, run(number).id).await;
    }
}

pub(in crate::tests) async fn any_text_reads_back_and_is_vouched_for(on: &impl Backend) {
    let memory = on.memory("one").await;
    let (_mark, run) = begun(&memory, 1).await;
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(32));
    let any = || proptest::string::string_regex("(?s).{0,20}").unwrap();
    for number in 1..33 {
        let mut text = || any().new_tree(&mut runner).unwrap().current();
        let note = Some(text());
        let step = Step { name: text(), note, ..step(&run, number) };
        memory.begin_step(&step).await.unwrap();
        let mut decision = decision(&step);
        decision.risk_reasons = vec![text(), text()];
        decision.determining = vec![text()];
        let effect = Effect { target: text(), inverse: Some(text()), ..effect(&decision) };
        memory
            .reserve(Reservation { decision: &decision, effect: Some(&effect), spends: None })
            .await
            .unwrap();
        assert_eq!(memory.steps(run.id).await.unwrap().pop(), Some(step));
        assert_eq!(memory.decisions(run.id).await.unwrap().pop(), Some(decision));
        assert_eq!(memory.effects(run.id).await.unwrap().pop(), Some(effect));
    }
    vouched(&memory, run.id).await;
}

// ---- helpers

/// What a process of this machine does first.
pub(in crate::tests) async fn start(memory: &Memory, run: &Run) -> Result<Tenure, StoreError> {
    memory.begin_run(run, Queue::Person, "localhost/1", at(600)).await
}

async fn begun(memory: &Memory, number: u32) -> (Tenure, Run) {
    let run = run(number);
    (start(memory, &run).await.unwrap(), run)
}

/// A step with its decision and its reserved effect.
async fn reserved(memory: &Memory, run: &Run, number: u32) -> Effect {
    let step = step(run, number);
    memory.begin_step(&step).await.unwrap();
    let decision = decision(&step);
    let effect = effect(&decision);
    memory
        .reserve(Reservation { decision: &decision, effect: Some(&effect), spends: None })
        .await
        .unwrap();
    effect
}

async fn opened(memory: &Memory, run: &Run) -> Review {
    let review = review(run, 1);
    memory.open_review(&review, "medium risk").await.unwrap();
    review
}

/// A whole run, with one row of each kind.
pub(in crate::tests) async fn tell(memory: &Memory, number: u32) -> (Tenure, Run) {
    let (mark, run) = begun(memory, number).await;
    let effect = reserved(memory, &run, 1).await;
    memory.settle(&effect, EffectState::Committed, "built", at(3)).await.unwrap();
    let done = Step { state: StepState::Done, ended: Some(at(4)), ..step(&run, 1) };
    memory.end_step(&done, at(4)).await.unwrap();
    memory.add_artefact(&artefact(&run, 1)).await.unwrap();
    memory.add_scores(&[score(&run, 1)]).await.unwrap();
    let review = opened(memory, &run).await;
    let finding = word(&review, Some("F-1"), Judgement::Reject);
    memory.dispose(&review, &finding, None).await.unwrap();
    let whole = word(&review, None, Judgement::Accept);
    let closes = Some((ReviewState::Accepted, RunState::Accepted));
    memory.dispose(&review, &whole, closes).await.unwrap();
    (mark, run)
}

/// Every row of a run, with the leaves.
pub(in crate::tests) async fn everything(memory: &Memory, run: &Run) -> String {
    let review = memory.review_of(run.id).await.unwrap();
    let words = match &review {
        Some(review) => memory.dispositions(review.id).await.unwrap(),
        None => Vec::new(),
    };
    format!(
        "{:#?}",
        (
            memory.find_run(&run.id.to_string(), at(99)).await.unwrap(),
            memory.steps(run.id).await.unwrap(),
            memory.decisions(run.id).await.unwrap(),
            memory.effects(run.id).await.unwrap(),
            memory.artefacts(run.id).await.unwrap(),
            memory.scores(run.id).await.unwrap(),
            (review, words),
            memory.leaves(run.id).await.unwrap(),
        )
    )
}

/// The last leaf of every row of the run says what the row says, and every leaf hashes to what it says.
pub(in crate::tests) async fn vouched(memory: &Memory, run: RunId) {
    let leaves = memory.leaves(run).await.unwrap();
    for leaf in &leaves {
        let workspace = memory.workspace().as_str();
        assert_eq!(leaf.hash, leaf.expected_hash(workspace), "{leaf:?}");
        assert_eq!(leaf.run, Some(run));
    }
    let check = |row: &dyn Audited| {
        let family = row.kind().split('.').next().unwrap();
        let of_row = |leaf: &&Leaf| {
            leaf.kind.split('.').next() == Some(family) && leaf.subject == row.subject()
        };
        let last = leaves.iter().rfind(of_row);
        let last = last.unwrap_or_else(|| panic!("no leaf for {family} {}", row.subject()));
        let (kind, body) = (row.kind(), row.body_digest());
        assert_eq!((last.kind.as_str(), last.body), (kind, body), "{}", row.body());
    };
    check(&memory.find_run(&run.to_string(), at(99)).await.unwrap());
    memory.steps(run).await.unwrap().iter().for_each(|row| check(row));
    memory.decisions(run).await.unwrap().iter().for_each(|row| check(row));
    memory.effects(run).await.unwrap().iter().for_each(|row| check(row));
    memory.artefacts(run).await.unwrap().iter().for_each(|row| check(row));
    memory.scores(run).await.unwrap().iter().for_each(|row| check(row));
    if let Some(review) = memory.review_of(run).await.unwrap() {
        check(&review);
        for disposition in &memory.dispositions(review.id).await.unwrap() {
            check(&Disposed { run, disposition });
        }
    }
}
