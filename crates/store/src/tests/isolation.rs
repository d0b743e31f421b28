//! A workspace is as if it were alone: whatever is called in it comes out as it would in an empty store,
//! and changes nothing of another. Every method takes part; one that is added and forgotten here fails.

use std::collections::BTreeSet;

use belay_model::record::{
    ApprovalState, Effect, EffectState, Judgement, Lease, Queue, ReviewState, RunState, Span,
    SpanBatch,
};
use belay_model::{Digest, Explain as _, RunId};

use crate::tests::Backend;
use crate::tests::build::{artefact, at, decision, effect, review, run, score, step, word};
use crate::tests::contract::{everything, tell};
use crate::tests::plane::{control, request, vote};
use crate::{Memory, Reservation, SignedTree, StoreError, Tenure};

/// Methods that only read: asked of rows that are there, each has something to say.
const READS: &str = "runs find_run steps decisions effects artefacts scores leaves open_effects reviews \
    find_review review_of dispositions approvals find_approval approvals_of votes body controls \
    control_rows control_history spans traces find_trace tree_size tree_leaves checkpoints \
    last_checkpoint job newest inverse_tested erased_at vouched_approval";

const TRACE: &str = "0123456789abcdef0123456789abcdef";

fn span() -> Span {
    Span {
        trace: TRACE.to_owned(),
        span: "0123456789abcdef".to_owned(),
        parent: None,
        name: "chat".to_owned(),
        started: at(1),
        ended: at(2),
        status: "ok".to_owned(),
        body: "{}".to_owned(),
        received: at(3),
    }
}

fn signed() -> SignedTree {
    let (root, note) = (Digest::of("root"), "note".to_owned());
    SignedTree { size: 3, root, note, anchor: Some("file:x".to_owned()), at: at(60) }
}

fn taken_back() -> Effect {
    effect(&decision(&step(&run(1), 1)))
}

/// Rows in every table.
pub(super) async fn fill(memory: &Memory) -> Vec<Tenure> {
    let (tenure, run_1) = tell(memory, 1).await;
    memory.settle(&taken_back(), EffectState::Compensated, "", at(51)).await.unwrap();
    let open = step(&run_1, 2);
    memory.begin_step(&open).await.unwrap();
    let asked = decision(&open);
    let reservation = Reservation { decision: &asked, effect: Some(&effect(&asked)), spends: None };
    memory.reserve(reservation).await.unwrap();
    memory.ask_approval(&request(1)).await.unwrap();
    memory.cast(&vote(&request(1), "Cy"), None, at(20)).await.unwrap();
    memory.set_control(&control(1, "tier", "L2")).await.unwrap();
    memory.add_spans(&[SpanBatch::new(vec![span()], at(3))]).await.unwrap();
    memory.add_checkpoint(&signed()).await.unwrap();
    memory.enqueue(&run(2), Queue::Workers, 3, at(2)).await.unwrap();
    memory.keep(b"body").await.unwrap();
    memory.keep(b"gone").await.unwrap();
    memory.erase(Digest::of("gone"), at(52)).await.unwrap();
    vec![tenure]
}

/// Everything that a workspace remembers.
pub(super) async fn whole(memory: &Memory) -> String {
    let mut all = String::new();
    for run in [run(1), run(2)] {
        all += &everything(memory, &run).await;
        all += &format!("{:#?}", memory.job(run.id).await.unwrap());
    }
    for name in READS.split_whitespace() {
        all += &format!("{name}: {}\n", call(name, memory).await);
    }
    all
}

/// Without the names of schemas and constraints' lines, which differ from store to store.
fn plain(error: StoreError) -> (&'static str, String) {
    (error.code(), error.to_string())
}

/// Calls a method about rows that [`fill`] writes; nothing of a method that is not known.
async fn call(name: &str, on: &Memory) -> String {
    let id: RunId = run(1).id;
    let text = id.to_string();
    let (step_1, review_1, asked) = (step(&run(1), 1), review(&run(1), 1), request(1));
    let lease = Lease { run: id, owner: "localhost/1".to_owned(), fence: 1, until: at(600) };
    let (me, until) = ("localhost/2", at(700));
    macro_rules! said {
        ($future:expr) => {
            format!("{:?}", $future.await.map_err(plain))
        };
    }
    /// A tenure has an open file, whose number says nothing.
    macro_rules! took {
        ($future:expr) => {
            format!(
                "{:?}",
                $future.await.map(|one| one.map(|(run, job, _)| (run, job))).map_err(plain)
            )
        };
    }
    match name {
        "ask_approval" => said!(on.ask_approval(&asked)),
        "approvals" => said!(on.approvals(at(60))),
        "find_approval" => said!(on.find_approval("last", at(60))),
        "approvals_of" => said!(on.approvals_of(id, at(60))),
        "cast" => said!(on.cast(&vote(&asked, "Di"), Some(ApprovalState::Granted), at(61))),
        "vouched_approval" => said!(on.vouched_approval(asked.id)),
        "votes" => said!(on.votes(asked.id)),
        "move_approval" => said!(on.move_approval(asked.id, ApprovalState::Stale, at(61))),
        "keep" => said!(on.keep(b"other")),
        "body" => said!(on.body(Digest::of("body"))),
        "erased_at" => said!(on.erased_at(Digest::of("gone"))),
        "erase" => said!(on.erase(Digest::of("body"), at(62))),
        "set_control" => said!(on.set_control(&control(5, "tier", "L4"))),
        "accept_clock" => said!(on.accept_clock(&control(6, "clock", "accepted"))),
        "controls" => said!(on.controls()),
        "control_rows" => said!(on.control_rows()),
        "control_history" => said!(on.control_history("tier")),
        "newest" => said!(on.newest()),
        "reserve" => {
            let decision = decision(&step_1);
            let spends = Some(asked.id);
            said!(on.reserve(Reservation { decision: &decision, effect: None, spends }))
        }
        "settle" => said!(on.settle(&taken_back(), EffectState::Failed, "", at(63))),
        "inverse_tested" => said!(on.inverse_tested(&taken_back().inverse.unwrap())),
        "add_artefact" => said!(on.add_artefact(&artefact(&run(1), 3))),
        "add_scores" => said!(on.add_scores(&[score(&run(1), 3)])),
        "enqueue" => said!(on.enqueue(&run(3), Queue::Workers, 0, at(64))),
        "lease_next" => took!(on.lease_next(me, at(64), until)),
        "take" => took!(async { on.take(id, me, at(64), until).await.map(Some) }),
        "renew" => said!(on.renew(&lease, until)),
        "park" => said!(on.park(id, at(65))),
        "wake" => said!(on.wake(id, at(65))),
        "ask_cancel" => said!(on.ask_cancel(id, &control(7, "", "on"))),
        "job" => said!(on.job(id)),
        "runs" => said!(on.runs(at(66))),
        "find_run" => said!(on.find_run(&text, at(66))),
        "steps" => said!(on.steps(id)),
        "decisions" => said!(on.decisions(id)),
        "effects" => said!(on.effects(id)),
        "artefacts" => said!(on.artefacts(id)),
        "scores" => said!(on.scores(id)),
        "leaves" => said!(on.leaves(id)),
        "open_effects" => said!(on.open_effects("build_scratch")),
        "reviews" => said!(on.reviews()),
        "find_review" => said!(on.find_review("last")),
        "review_of" => said!(on.review_of(id)),
        "dispositions" => said!(on.dispositions(review_1.id)),
        "open_review" => said!(on.open_review(&review(&run(1), 2), "done")),
        "dispose" => {
            let closes = Some((ReviewState::Rejected, RunState::Rejected));
            said!(on.dispose(&review_1, &word(&review_1, None, Judgement::Reject), closes))
        }
        "begin_run" => {
            let begun = on.begin_run(&run(4), Queue::Person, me, until).await;
            format!("{:?}", begun.map(|tenure| tenure.lease).map_err(plain))
        }
        "move_run" => said!(on.move_run(id, RunState::Failed, None, at(67))),
        "begin_step" => said!(on.begin_step(&step(&run(1), 5))),
        "end_step" => said!(on.end_step(&step_1, at(67))),
        "interrupt" => said!(on.interrupt(&run(1), "", at(67))),
        "add_spans" => said!(on.add_spans(&[SpanBatch::new(vec![span()], at(4))])),
        "spans" => said!(on.spans(TRACE)),
        "traces" => said!(on.traces(None)),
        "find_trace" => said!(on.find_trace("0123")),
        "tree_size" => said!(on.tree_size()),
        "tree_leaves" => said!(on.tree_leaves(0, 99)),
        "add_checkpoint" => said!(on.add_checkpoint(&SignedTree { anchor: None, ..signed() })),
        "checkpoints" => said!(on.checkpoints()),
        "last_checkpoint" => said!(on.last_checkpoint()),
        unknown => panic!("`{unknown}` is not tried yet: say here how it is called"),
    }
}

/// The names of all methods that ask the store, from the code itself.
fn methods() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/memory");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let code: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let names = code.split("    pub async fn ").skip(1);
    let names = names.map(|rest| rest.split(['(', '<']).next().unwrap().to_owned());
    names.filter(|name| name != "close").collect()
}

pub(in crate::tests) async fn whatever_is_called_a_workspace_is_as_if_it_were_alone<B: Backend>(
    on: &B,
) {
    let one = on.memory("one").await;
    let _tenures = fill(&one).await;
    let before = whole(&one).await;
    let other = B::fresh().await;
    let (beside, alone) = (on.memory("two").await, other.memory("two").await);
    let methods = methods();
    assert!(methods.len() > 50, "{methods:?}");
    // Reading first: what two writes is its own.
    let reads: BTreeSet<&str> = READS.split_whitespace().collect();
    let (first, then): (Vec<_>, Vec<_>) =
        methods.iter().map(String::as_str).partition(|name| reads.contains(name));
    assert_eq!(first.len(), reads.len());
    for name in [first.clone(), then, first.clone()].concat() {
        assert_eq!(call(name, &beside).await, call(name, &alone).await, "{name}");
    }
    assert_eq!(whole(&one).await, before);
    // And none of the reads was empty for lack of rows.
    let empty = other.memory("three").await;
    for name in first {
        assert_ne!(call(name, &one).await, call(name, &empty).await, "{name}");
    }
}
