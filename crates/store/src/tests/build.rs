//! Rows to write, each with something in every column.

use belay_model::record::{
    Answer, Artefact, Decision, Dimension, Disposition, Effect, EffectState, Judgement, Review,
    ReviewState, Run, RunState, Score, Step, StepState, Verdict,
};
use belay_model::{
    ApprovalId, ArtefactId, DecisionId, Digest, EffectId, Level, ReviewId, Risk, RunId, ScoreId,
    StepId, Timestamp, WorkspaceId,
};
use uuid::Uuid;

pub(super) fn workspace(name: &str) -> WorkspaceId {
    WorkspaceId::parse(name).unwrap()
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + second * 1_000_000_000)
}

/// Both ends differ from those of every other number.
fn uuid(number: u32) -> Uuid {
    Uuid::from_u128(u128::from(number) << 96 | 0x7000_8000 << 48 | u128::from(number))
}

pub(super) fn run(number: u32) -> Run {
    Run {
        id: RunId::new(uuid(number)),
        workflow: "impact".to_owned(),
        worker: "dbt-impact".to_owned(),
        worker_digest: Digest::of("worker"),
        trigger: "cli".to_owned(),
        actor: "Änne".to_owned(),
        level: Level::L2,
        policy: Digest::of("policy"),
        parent: Some(RunId::new(uuid(number + 900))),
        input: r#"{"base":"main"}"#.to_owned(),
        state: RunState::Running,
        outcome: None,
        started: at(i64::from(number)),
        ended: None,
    }
}

pub(super) fn run_named(id: &str) -> Run {
    Run { id: id.parse().unwrap(), ..run(0) }
}

/// The ids of what belongs to a run carry the run's number, so that runs never share one.
fn of(run: &Run, number: u32) -> Uuid {
    let run: Uuid = run.id.to_string().parse().unwrap();
    Uuid::from_u128(run.as_u128() ^ (u128::from(number) << 64))
}

pub(super) fn step(run: &Run, number: u32) -> Step {
    Step {
        id: StepId::new(of(run, number)),
        run: run.id,
        number: i64::from(number),
        name: format!("step {number}"),
        state: StepState::Running,
        note: None,
        started: at(i64::from(number)),
        ended: None,
    }
}

pub(super) fn decision(step: &Step) -> Decision {
    let action = format!(r#"{{"step":{}}}"#, step.number);
    Decision {
        id: DecisionId::new(step.id.to_string().parse().unwrap()),
        run: step.run,
        step: step.id,
        principal: "dbt-impact".to_owned(),
        action_digest: Digest::of(&action),
        action,
        risk: Risk::R1,
        risk_reasons: vec!["scratch in scratch".to_owned()],
        level: Level::L2,
        answer: Answer::Permit,
        determining: vec!["L2-scratch".to_owned()],
        missing: vec![],
        policy: Digest::of("policy"),
        circumstances: r#"{"level":2}"#.to_owned(),
        approval: Some(ApprovalId::new(step.id.to_string().parse().unwrap())),
        at: at(step.number),
    }
}

pub(super) fn effect(decision: &Decision) -> Effect {
    Effect {
        id: EffectId::new(decision.id.to_string().parse().unwrap()),
        run: decision.run,
        step: decision.step,
        decision: decision.id,
        action_digest: decision.action_digest,
        idempotency_key: Digest::of(decision.id.to_string()),
        verb: "build_scratch".to_owned(),
        target: "schema:belay_0a1b".to_owned(),
        inverse: Some(r#"{"drop":"belay_0a1b"}"#.to_owned()),
        state: EffectState::Reserved,
        receipt: None,
        reserved: decision.at,
        settled: None,
    }
}

pub(super) fn artefact(run: &Run, number: u32) -> Artefact {
    Artefact {
        id: ArtefactId::new(of(run, number)),
        run: run.id,
        name: format!("report-{number}.md"),
        media_type: "text/markdown".to_owned(),
        digest: Digest::of("report"),
        bytes: 6,
        kept: number.is_multiple_of(2),
        at: at(i64::from(number)),
    }
}

pub(super) fn score(run: &Run, number: u32) -> Score {
    Score {
        id: ScoreId::new(of(run, number)),
        run: run.id,
        dimension: Dimension::ALL[number as usize % 4],
        check: format!("check {number}"),
        evaluator: Digest::of("evaluator"),
        verdict: Verdict::ALL[number as usize % 3],
        value: "4/5".to_owned(),
        explanation: "relations compared".to_owned(),
        at: at(i64::from(number)),
    }
}

pub(super) fn review(run: &Run, number: u32) -> Review {
    Review {
        id: ReviewId::new(of(run, number)),
        run: run.id,
        kind: "impact".to_owned(),
        subject: Digest::of("report"),
        title: "what the change does".to_owned(),
        state: ReviewState::Open,
        created: at(i64::from(number)),
    }
}

pub(super) fn word(review: &Review, finding: Option<&str>, judgement: Judgement) -> Disposition {
    Disposition {
        review: review.id,
        finding: finding.map(str::to_owned),
        reviewer: "Änne".to_owned(),
        identity: "asserted".to_owned(),
        judgement,
        reason: Some("it duplicates rows".to_owned()),
        at: at(50),
    }
}
