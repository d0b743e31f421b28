//! What any memory promises of leases, approvals, controls and bodies, of tampering and of clocks.

use belay_model::record::{
    ApprovalKind, ApprovalRequest, ApprovalState, Artefact, Audited as _, Ballot, Control,
    Decision, EffectState, JobState, Judgement, Queue, ReviewState, Run, RunState, Step, StepState,
    Vote,
};
use belay_model::{ApprovalId, ControlId, Digest, Explain as _, Risk};
use uuid::Uuid;

use crate::Reservation;
use crate::tests::Backend;
use crate::tests::build::{artefact, at, decision, effect, review, run, step, word};
use crate::tests::contract::start;

const ME: &str = "localhost/1";
const FAR: &str = "elsewhere/1";

pub(in crate::tests) fn request(number: u128) -> ApprovalRequest {
    let plan = Digest::of(number.to_string());
    ApprovalRequest {
        id: ApprovalId::new(Uuid::from_u128(number << 96 | 0x7000_8000 << 48 | number)),
        run: run(1).id,
        kind: ApprovalKind::Action,
        subject: ApprovalRequest::binding(plan, plan, plan),
        plan,
        snapshot: plan,
        policy: plan,
        summary: "drop the table".to_owned(),
        risk: Risk::R3,
        missing: "one approval by a steward".to_owned(),
        humans: 2,
        stewards: 1,
        author: "Änne".to_owned(),
        owner: "Bo".to_owned(),
        state: ApprovalState::Open,
        created: at(i64::try_from(number).unwrap()),
        expires: at(100),
        decided: None,
    }
}

pub(in crate::tests) fn vote(of: &ApprovalRequest, voter: &str) -> Vote {
    Vote {
        approval: of.id,
        voter: voter.to_owned(),
        identity: "asserted".to_owned(),
        roles: vec!["steward".to_owned()],
        ballot: Ballot::Yes,
        subject: of.subject,
        reason: None,
        at: at(20),
    }
}

pub(in crate::tests) fn control(number: u128, name: &str, value: &str) -> Control {
    Control {
        id: ControlId::new(Uuid::from_u128(number)),
        name: name.to_owned(),
        value: value.to_owned(),
        by: "Änne".to_owned(),
        identity: "asserted".to_owned(),
        reason: "it earned it".to_owned(),
        at: at(i64::try_from(number).unwrap()),
    }
}

pub(in crate::tests) async fn the_queue_hands_out_the_highest_priority_then_the_oldest(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    for (number, priority, ready) in [(1, 0, 5), (2, 0, 3), (3, 7, 9), (4, 0, 50)] {
        memory.enqueue(&run(number), Queue::Workers, priority, at(ready)).await.unwrap();
    }
    memory.enqueue(&run(5), Queue::Person, 9, at(1)).await.unwrap();
    let mut order = Vec::new();
    let mut tenures = Vec::new();
    while let Some((taken, job, tenure)) = memory.lease_next(ME, at(10), at(60)).await.unwrap() {
        assert_eq!((taken.state, job.state), (RunState::Running, JobState::Leased));
        assert_eq!((job.attempt, job.fence, tenure.lease.fence), (1, 1, 1));
        assert_eq!(memory.job(taken.id).await.unwrap(), job);
        order.push(taken.id);
        tenures.push(tenure);
    }
    assert_eq!(order, [run(3).id, run(2).id, run(1).id]);
}

pub(in crate::tests) async fn of_many_workers_each_run_goes_to_one(on: &impl Backend) {
    let memory = on.memory("one").await;
    for number in 1..21 {
        memory.enqueue(&run(number), Queue::Workers, 0, at(1)).await.unwrap();
    }
    let work = async || {
        let memory = on.memory("one").await;
        let mut taken = Vec::new();
        while let Some((run, ..)) = memory.lease_next(FAR, at(10), at(60)).await.unwrap() {
            taken.push(run.id);
        }
        taken
    };
    let (one, two, three) = tokio::join!(work(), work(), work());
    let mut all = [one, two, three].concat();
    all.sort();
    assert_eq!(all, (1..21).map(|number| run(number).id).collect::<Vec<_>>());
}

pub(in crate::tests) async fn a_lease_that_ran_out_goes_to_another_and_the_first_cannot_write_any_more(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    memory.enqueue(&run(1), Queue::Workers, 0, at(1)).await.unwrap();
    let (taken, _, slow) = memory.lease_next(FAR, at(2), at(10)).await.unwrap().unwrap();
    let old = memory.holding(&slow.lease);
    let first = step(&taken, 1);
    old.begin_step(&first).await.unwrap();
    let decision = decision(&first);
    let open = effect(&decision);
    let reservation = Reservation { decision: &decision, effect: Some(&open), spends: None };
    old.reserve(reservation).await.unwrap();
    assert!(memory.lease_next(FAR, at(9), at(20)).await.unwrap().is_none());
    assert_eq!(memory.take(taken.id, FAR, at(9), at(20)).await.unwrap_err().code(), "run/busy");
    // It ran out, but nobody took the run: its holder may go on.
    let renewed = memory.renew(&slow.lease, at(11)).await.unwrap();
    assert_eq!(renewed.until, Some(at(11)));

    let (again, job, quick) = memory.lease_next(FAR, at(12), at(30)).await.unwrap().unwrap();
    assert_eq!((again.id, job.fence, job.attempt), (taken.id, 2, 2));
    assert_eq!(memory.steps(taken.id).await.unwrap()[0].state, StepState::Interrupted);
    assert_eq!(memory.effects(taken.id).await.unwrap()[0].state, EffectState::Ambiguous);
    let before = memory.leaves(taken.id).await.unwrap();
    let done = Step { state: StepState::Done, ..first };
    for refused in [
        old.begin_step(&step(&taken, 2)).await.err(),
        old.end_step(&done, at(13)).await.err(),
        old.settle(&open, EffectState::Committed, "", at(13)).await.err(),
        old.move_run(taken.id, RunState::Failed, None, at(13)).await.err(),
        old.interrupt(&taken, "", at(13)).await.err(),
        old.renew(&slow.lease, at(40)).await.err(),
    ] {
        assert_eq!(refused.unwrap().code(), "run/lease-lost");
    }
    assert_eq!(memory.leaves(taken.id).await.unwrap(), before);
    memory.holding(&quick.lease).begin_step(&step(&taken, 2)).await.unwrap();
}

pub(in crate::tests) async fn a_job_follows_its_run(on: &impl Backend) {
    let memory = on.memory("one").await;
    let cases = [
        (Queue::Person, RunState::Held, JobState::Parked),
        (Queue::Workers, RunState::Held, JobState::Parked),
        (Queue::Person, RunState::Interrupted, JobState::Parked),
        (Queue::Workers, RunState::Interrupted, JobState::Ready),
        (Queue::Person, RunState::Running, JobState::Leased),
        (Queue::Workers, RunState::WaitingReview, JobState::Done),
        (Queue::Person, RunState::Failed, JobState::Done),
        (Queue::Person, RunState::Cancelled, JobState::Done),
    ];
    for (number, (queue, state, expected)) in (1_u32..).zip(cases) {
        let run = run(number);
        let _tenure = memory.begin_run(&run, queue, ME, at(600)).await.unwrap();
        memory.move_run(run.id, state, None, at(20)).await.unwrap();
        assert_eq!(memory.job(run.id).await.unwrap().state, expected, "{queue} {state}");
        let cancel = memory.ask_cancel(run.id, &control(u128::from(100 + number), "", "on")).await;
        let again = memory.take(run.id, ME, at(22), at(600)).await;
        match expected {
            JobState::Done => {
                assert_eq!(cancel.unwrap_err().code(), "run/over", "{state}");
                assert_eq!(again.unwrap_err().code(), "run/over", "{state}");
            }
            JobState::Leased => assert_eq!(again.unwrap_err().code(), "run/busy"),
            _ => {
                let (run, job, _) = again.unwrap();
                assert_eq!((run.state, run.ended, job.cancel), (RunState::Running, None, true));
            }
        }
    }
}

pub(in crate::tests) async fn a_parked_run_waits_until_it_is_woken(on: &impl Backend) {
    let memory = on.memory("one").await;
    memory.enqueue(&run(1), Queue::Workers, 0, at(1)).await.unwrap();
    memory.park(run(1).id, at(2)).await.unwrap();
    assert!(memory.lease_next(ME, at(9), at(20)).await.unwrap().is_none());
    memory.wake(run(1).id, at(10)).await.unwrap();
    assert!(memory.lease_next(ME, at(9), at(20)).await.unwrap().is_none());
    assert!(memory.lease_next(ME, at(10), at(20)).await.unwrap().is_some());
}

pub(in crate::tests) async fn an_approval_is_asked_once_voted_on_once_each_and_spent_once(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    let _tenure = start(&memory, &run(1)).await.unwrap();
    let asked = memory.ask_approval(&request(1)).await.unwrap();
    let twin = ApprovalRequest { id: request(2).id, ..request(1) };
    assert_eq!(memory.ask_approval(&twin).await.unwrap(), asked);

    let other = Vote { subject: Digest::of("x"), ..vote(&asked, "Cy") };
    assert_eq!(
        memory.cast(&other, None, at(20)).await.unwrap_err().code(),
        "approval/other-digest"
    );
    let first = vote(&asked, "Cy");
    assert_eq!(memory.cast(&first, None, at(20)).await.unwrap().state, ApprovalState::Open);
    assert_eq!(memory.cast(&first, None, at(20)).await.unwrap_err().code(), "approval/voted");

    let step = step(&run(1), 1);
    memory.begin_step(&step).await.unwrap();
    let decision = decision(&step);
    let effect = effect(&decision);
    let spends = Some(asked.id);
    let spending = || Reservation { decision: &decision, effect: Some(&effect), spends };
    assert_eq!(memory.reserve(spending()).await.unwrap_err().code(), "approval/spent");
    assert_eq!(memory.decisions(run(1).id).await.unwrap(), []);

    let to = Some(ApprovalState::Granted);
    let granted = memory.cast(&vote(&asked, "Di"), to, at(21)).await.unwrap();
    assert_eq!((granted.state, granted.decided), (ApprovalState::Granted, Some(at(21))));
    let late = memory.cast(&vote(&asked, "Ed"), None, at(22)).await.unwrap_err();
    assert_eq!(late.code(), "approval/closed");
    memory.reserve(spending()).await.unwrap();
    let used = memory.find_approval("last", at(23)).await.unwrap();
    assert_eq!(used.state, ApprovalState::Used);
    assert_eq!(memory.reserve(spending()).await.unwrap_err().code(), "approval/spent");
    assert_eq!(memory.votes(asked.id).await.unwrap().len(), 2);
    let dead = memory.move_approval(asked.id, ApprovalState::Stale, at(24)).await.unwrap_err();
    assert_eq!(dead.code(), "approval/closed");
}

pub(in crate::tests) async fn silence_is_written_down_as_expired(on: &impl Backend) {
    let memory = on.memory("one").await;
    let _tenure = start(&memory, &run(1)).await.unwrap();
    for number in [1, 2] {
        memory.ask_approval(&request(number)).await.unwrap();
    }
    assert_eq!(memory.approvals(at(99)).await.unwrap(), [request(2), request(1)]);
    let over = memory.approvals_of(run(1).id, at(100)).await.unwrap();
    assert!(over.iter().all(|one| one.state == ApprovalState::Expired), "{over:?}");
    let leaves = memory.leaves(run(1).id).await.unwrap();
    assert_eq!(leaves.iter().filter(|leaf| leaf.kind == "approval.expired").count(), 2);
    let late = memory.cast(&vote(&request(1), "Cy"), None, at(101)).await.unwrap_err();
    assert_eq!(late.code(), "approval/closed");
}

pub(in crate::tests) async fn the_newest_control_of_a_name_is_in_force(on: &impl Backend) {
    let memory = on.memory("one").await;
    let all = [control(1, "tier", "L2"), control(2, "switch", "on"), control(3, "tier", "L3")];
    for one in &all {
        memory.set_control(one).await.unwrap();
    }
    assert_eq!(memory.controls().await.unwrap(), [all[1].clone(), all[2].clone()]);
    assert_eq!(memory.control_history("tier").await.unwrap(), [all[2].clone(), all[0].clone()]);
    // Of two machines whose clocks differ a little, who wrote last is in force.
    let slow = Control { id: control(9, "", "").id, ..control(1, "tier", "L1") };
    memory.set_control(&slow).await.unwrap();
    assert_eq!(memory.controls().await.unwrap(), [all[1].clone(), slow.clone()]);
    let history = memory.control_history("tier").await.unwrap();
    assert_eq!(history, [slow, all[2].clone(), all[0].clone()]);
    // What somebody slips in behind belay's back is not.
    let forged = r#"INSERT INTO control (workspace, id, name, value, "by", identity, reason, at)
                    VALUES ('one', 'x', 'tier', 'L5', 'Mallory', 'proved', '', 9999999999999999999)"#
        .replace("9999999999999999999", "9000000000000000000");
    sqlx::query(sqlx::AssertSqlSafe(forged)).execute(memory.pool()).await.unwrap();
    assert_eq!(memory.controls().await.unwrap().len(), 2);
    assert!(memory.controls().await.unwrap().iter().all(|one| one.value != "L5"));
}

pub(in crate::tests) async fn each_workspace_has_bodies_of_its_own(on: &impl Backend) {
    let (one, two) = (on.memory("one").await, on.memory("two").await);
    let body = b"report \0 \xff";
    let digest = one.keep(body).await.unwrap();
    assert_eq!(one.keep(body).await.unwrap(), Digest::of(body));
    assert_eq!(one.body(digest).await.unwrap(), body);
    assert_eq!(two.body(digest).await.unwrap_err().code(), "record/body-missing");
    assert!(!two.erase(digest, at(1)).await.unwrap());
    two.keep(body).await.unwrap();
    assert!(one.erase(digest, at(1)).await.unwrap());
    assert!(!one.erase(digest, at(2)).await.unwrap());
    assert_eq!(one.body(digest).await.unwrap_err().code(), "record/body-missing");
    assert_eq!(two.body(digest).await.unwrap(), body);
}

pub(in crate::tests) async fn a_row_that_somebody_changed_is_not_written_over(on: &impl Backend) {
    let memory = on.memory("one").await;
    let _tenure = start(&memory, &run(1)).await.unwrap();
    let step = step(&run(1), 1);
    memory.begin_step(&step).await.unwrap();
    let decision = decision(&step);
    let effect = effect(&decision);
    let reservation = Reservation { decision: &decision, effect: Some(&effect), spends: None };
    memory.reserve(reservation).await.unwrap();
    for forged in [
        "UPDATE run SET actor = 'Mallory'",
        "UPDATE step SET name = 'x'",
        "UPDATE effect SET target = 'x'",
    ] {
        sqlx::query(forged).execute(memory.pool()).await.unwrap();
    }
    let before = memory.leaves(run(1).id).await.unwrap();
    for refused in [
        memory.move_run(run(1).id, RunState::Failed, None, at(9)).await.err(),
        memory.end_step(&step, at(9)).await.err(),
        memory.settle(&effect, EffectState::Committed, "", at(9)).await.err(),
        memory.interrupt(&run(1), "", at(9)).await.err(),
    ] {
        assert_eq!(refused.unwrap().code(), "store/tampered");
    }
    assert_eq!(memory.leaves(run(1).id).await.unwrap(), before);
}

pub(in crate::tests) async fn an_answer_that_somebody_changed_is_not_counted(on: &impl Backend) {
    let memory = on.memory("one").await;
    let _tenure = start(&memory, &run(1)).await.unwrap();
    let asked = memory.ask_approval(&request(1)).await.unwrap();
    let review = review(&run(1), 1);
    memory.open_review(&review, "done").await.unwrap();
    let said = word(&review, None, Judgement::Reject);
    memory.dispose(&review, &said, None).await.unwrap();
    let step = step(&run(1), 1);
    memory.begin_step(&step).await.unwrap();
    let decision = Decision { approval: Some(asked.id), ..decision(&step) };
    let spends = || Reservation { decision: &decision, effect: None, spends: Some(asked.id) };
    let closes = Some((ReviewState::Accepted, RunState::Accepted));
    let accept = word(&review, None, Judgement::Accept);

    // Forged, what is tried on it, and how it was.
    let cases = [
        ("UPDATE approval SET state = 'granted'", "spend", "UPDATE approval SET state = 'open'"),
        ("UPDATE approval SET humans = 0", "cast", "UPDATE approval SET humans = 2"),
        ("UPDATE approval SET author = 'x'", "move", "UPDATE approval SET author = 'Änne'"),
        (
            "UPDATE review SET title = 'x'",
            "close",
            "UPDATE review SET title = 'what the change does'",
        ),
        (
            "UPDATE disposition SET judgement = 'accept'",
            "word",
            "UPDATE disposition SET judgement = 'reject'",
        ),
    ];
    for (forged, tried, mended) in cases {
        sqlx::query(forged).execute(memory.pool()).await.unwrap();
        let before = memory.tree_size().await.unwrap();
        let refused = match tried {
            "spend" => memory.reserve(spends()).await.err(),
            "cast" => memory.cast(&vote(&asked, "Cy"), None, at(20)).await.err(),
            "move" => memory.move_approval(asked.id, ApprovalState::Stale, at(20)).await.err(),
            "close" => memory.dispose(&review, &accept, closes).await.err(),
            _ => memory.dispose(&review, &accept, None).await.err(),
        };
        assert_eq!(refused.map(|error| error.code()), Some("store/tampered"), "{forged}, {tried}");
        assert_eq!(memory.tree_size().await.unwrap(), before, "{forged}, {tried}");
        sqlx::query(mended).execute(memory.pool()).await.unwrap();
    }
    memory.cast(&vote(&asked, "Cy"), None, at(20)).await.unwrap();
    memory.dispose(&review, &accept, closes).await.unwrap();
}

pub(in crate::tests) async fn a_vote_that_somebody_slipped_in_spends_nothing(on: &impl Backend) {
    let memory = on.memory("one").await;
    let _tenure = start(&memory, &run(1)).await.unwrap();
    let asked = memory.ask_approval(&request(1)).await.unwrap();
    let step = step(&run(1), 1);
    memory.begin_step(&step).await.unwrap();
    let decision = Decision { approval: Some(asked.id), at: at(22), ..decision(&step) };
    let spend = || Reservation { decision: &decision, effect: None, spends: Some(asked.id) };
    let forged = "INSERT INTO vote (workspace, approval, voter, identity, roles, ballot, subject, at)
                  SELECT workspace, approval, 'Mallory', identity, roles, ballot, subject, at FROM vote";
    memory.cast(&vote(&asked, "Cy"), None, at(20)).await.unwrap();
    sqlx::query(forged).execute(memory.pool()).await.unwrap();
    let granted = Some(ApprovalState::Granted);
    memory.cast(&vote(&asked, "Di"), granted, at(21)).await.unwrap();
    assert_eq!(memory.reserve(spend()).await.unwrap_err().code(), "store/tampered");
    let mended = "DELETE FROM vote WHERE voter = 'Mallory'";
    sqlx::query(mended).execute(memory.pool()).await.unwrap();
    memory.reserve(spend()).await.unwrap();
}

pub(in crate::tests) async fn a_clock_that_jumped_back_writes_nothing(on: &impl Backend) {
    let memory = on.memory("one").await;
    let _tenure = start(&memory, &run(1)).await.unwrap();
    memory.move_run(run(1).id, RunState::Held, None, at(1000)).await.unwrap();
    memory.move_run(run(1).id, RunState::Held, None, at(700)).await.unwrap();
    let back = memory.move_run(run(1).id, RunState::Failed, None, at(699)).await.unwrap_err();
    assert_eq!(back.code(), "store/clock-back");
    assert_eq!(memory.find_run("last", at(1000)).await.unwrap().state, RunState::Held);
}

pub(in crate::tests) async fn a_clock_that_once_was_far_ahead_is_let_go_by_a_recorded_word(
    on: &impl Backend,
) {
    let memory = on.memory("one").await;
    let (year, now) = (31_536_000, at(1000));
    let _tenure = start(&memory, &run(1)).await.unwrap();
    memory.set_control(&Control { at: at(year), ..control(1, "tier", "L4") }).await.unwrap();
    memory
        .enqueue(&Run { started: at(year), ..run(2) }, Queue::Workers, 0, at(year))
        .await
        .unwrap();
    let write = || async { memory.move_run(run(1).id, RunState::Held, None, now).await };
    assert_eq!(write().await.unwrap_err().code(), "store/clock-back");
    assert_eq!(memory.newest().await.unwrap(), at(year));
    assert!(memory.lease_next(ME, now, at(1060)).await.unwrap().is_none());
    let before = memory.tree_size().await.unwrap();

    let word = Control { at: now, ..control(3, Control::CLOCK, "accepted") };
    assert!(memory.accept_clock(&word).await.unwrap());
    write().await.unwrap();
    assert_eq!(memory.newest().await.unwrap(), now);
    let leaf = memory.tree_leaves(before, 1).await.unwrap().remove(0);
    assert_eq!((leaf.subject, leaf.at), (word.id.to_string(), now));
    // What was to wait for that year does not, and what was set then can be set again.
    let (taken, ..) = memory.lease_next(ME, now, at(1060)).await.unwrap().unwrap();
    assert_eq!(taken.id, run(2).id);
    let lower = Control { at: now, ..control(4, "tier", "L2") };
    memory.set_control(&lower).await.unwrap();
    assert!(memory.controls().await.unwrap().contains(&lower));
    // A clock that is right needs no word, and leaves none.
    let size = memory.tree_size().await.unwrap();
    assert!(
        !memory.accept_clock(&Control { at: now, ..control(5, Control::CLOCK, "") }).await.unwrap()
    );
    assert_eq!(memory.tree_size().await.unwrap(), size);
}

pub(in crate::tests) async fn the_same_artefact_again_is_no_second_one(on: &impl Backend) {
    let memory = on.memory("one").await;
    let _tenure = start(&memory, &run(1)).await.unwrap();
    let first = artefact(&run(1), 1);
    memory.add_artefact(&first).await.unwrap();
    let size = memory.tree_size().await.unwrap();
    let again = Artefact { id: artefact(&run(1), 2).id, at: at(9), ..first.clone() };
    memory.add_artefact(&again).await.unwrap();
    assert_eq!(memory.artefacts(run(1).id).await.unwrap(), [first]);
    assert_eq!(memory.tree_size().await.unwrap(), size);
    let other = Artefact { digest: Digest::of("another"), ..again };
    assert_eq!(memory.add_artefact(&other).await.unwrap_err().code(), "store/query");
}

pub(in crate::tests) async fn a_request_to_stop_says_who_asked(on: &impl Backend) {
    let memory = on.memory("one").await;
    let _tenure = start(&memory, &run(1)).await.unwrap();
    memory.ask_cancel(run(1).id, &control(2, "", "on")).await.unwrap();
    assert!(memory.job(run(1).id).await.unwrap().cancel);
    let asked = memory.control_history(&Control::of_cancel(run(1).id)).await.unwrap();
    assert_eq!((asked.len(), asked[0].by.as_str()), (1, "Änne"));
    let leaf = memory.tree_leaves(0, 99).await.unwrap().pop().unwrap();
    assert_eq!((leaf.kind.as_str(), leaf.body), ("control.set", asked[0].body_digest()));
    memory.move_run(run(1).id, RunState::Failed, None, at(3)).await.unwrap();
    let late = memory.ask_cancel(run(1).id, &control(4, "", "on")).await.unwrap_err();
    assert_eq!(late.code(), "run/over");
}

pub(in crate::tests) async fn an_inverse_is_tested_once_it_took_something_back(on: &impl Backend) {
    let (memory, other) = (on.memory("one").await, on.memory("two").await);
    let _tenure = start(&memory, &run(1)).await.unwrap();
    let step = step(&run(1), 1);
    memory.begin_step(&step).await.unwrap();
    let decision = decision(&step);
    let effect = effect(&decision);
    let reservation = Reservation { decision: &decision, effect: Some(&effect), spends: None };
    memory.reserve(reservation).await.unwrap();
    let inverse = effect.inverse.clone().unwrap();
    assert!(!memory.inverse_tested(&inverse).await.unwrap());
    memory.settle(&effect, EffectState::Compensated, "", at(9)).await.unwrap();
    assert!(memory.inverse_tested(&inverse).await.unwrap());
    assert!(!memory.inverse_tested("{}").await.unwrap());
    assert!(!other.inverse_tested(&inverse).await.unwrap());
}
