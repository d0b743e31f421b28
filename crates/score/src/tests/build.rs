//! A record with a row of each kind, and leaves that vouch for it.

use belay_model::record::{
    Answer, ApprovalKind, ApprovalRequest, ApprovalState, Artefact, Audited, Ballot, Cast,
    Decision, Dimension, Disposed, Disposition, Effect, EffectState, Judgement, Leaf, Review,
    ReviewState, Run, RunState, Score, Step, StepState, Verdict, Vote,
};
use belay_model::{Digest, Level, Risk, Timestamp};

use crate::Record;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_nanos(second * 1_000_000_000)
}

/// Any id: the kind of the row in front, its number behind.
pub(super) fn id<T: std::str::FromStr>(kind: u32, number: i64) -> T
where
    T::Err: std::fmt::Debug,
{
    format!("{kind:08x}-0000-7000-8000-{number:012x}").parse().unwrap()
}

/// A run that was reviewed and accepted, with two steps and two effects.
pub(super) fn valid() -> Record {
    let run = Run {
        id: id(1, 1),
        workflow: "impact".to_owned(),
        worker: "dbt-impact".to_owned(),
        worker_digest: Digest::of("worker"),
        trigger: "cli".to_owned(),
        actor: "anne".to_owned(),
        level: Level::L2,
        policy: Digest::of("policy"),
        parent: Some(id(1, 9)),
        input: "{}".to_owned(),
        state: RunState::Accepted,
        outcome: Some("medium risk".to_owned()),
        started: at(1),
        ended: Some(at(30)),
    };
    let steps = vec![step(1, "build"), step(2, "report")];
    let decisions = vec![decision(1, "build_scratch"), decision(2, "write_report")];
    let effects = vec![
        Effect { state: EffectState::Compensated, ..effect(1, "build_scratch") },
        Effect { inverse: None, ..effect(2, "write_report") },
    ];
    let artefact = Artefact {
        id: id(5, 1),
        run: run.id,
        name: "report.md".to_owned(),
        media_type: "text/markdown".to_owned(),
        digest: Digest::of("report"),
        bytes: 6,
        kept: true,
        at: at(20),
    };
    let score = Score {
        id: id(6, 1),
        run: run.id,
        dimension: Dimension::Quality,
        check: "evidence".to_owned(),
        evaluator: Digest::of("evaluator"),
        verdict: Verdict::Pass,
        value: "4/4".to_owned(),
        explanation: "findings with evidence".to_owned(),
        at: at(21),
    };
    let review = Review {
        id: id(7, 1),
        run: run.id,
        kind: "impact".to_owned(),
        subject: artefact.digest,
        title: "what it does".to_owned(),
        state: ReviewState::Accepted,
        created: at(22),
    };
    let word = |finding: Option<&str>| Disposition {
        review: review.id,
        finding: finding.map(str::to_owned),
        reviewer: "bo".to_owned(),
        identity: "asserted".to_owned(),
        judgement: Judgement::Accept,
        reason: Some("as meant".to_owned()),
        at: at(29),
    };
    signed(Record {
        workspace: "default".to_owned(),
        run,
        steps,
        decisions,
        effects,
        artefacts: vec![artefact],
        scores: vec![score],
        dispositions: vec![word(Some("F-1")), word(None)],
        review: Some(review),
        approvals: vec![approval()],
        votes: vec![vote("cleo"), vote("dan")],
        leaves: vec![],
    })
}

/// A question about the first decision that was answered and spent.
fn approval() -> ApprovalRequest {
    let (plan, snapshot, policy) =
        (decision(1, "build_scratch").action_digest, Digest::of("world"), Digest::of("policy"));
    ApprovalRequest {
        id: id(8, 1),
        run: id(1, 1),
        kind: ApprovalKind::Action,
        subject: ApprovalRequest::binding(plan, snapshot, policy),
        plan,
        snapshot,
        policy,
        summary: "build in scratch".to_owned(),
        risk: Risk::R0,
        missing: "approval by one person who is not the owner".to_owned(),
        humans: 1,
        stewards: 1,
        author: "anne".to_owned(),
        owner: "data-team".to_owned(),
        state: ApprovalState::Used,
        created: at(1),
        expires: at(25),
        decided: Some(at(2)),
    }
}

pub(super) fn vote(voter: &str) -> Vote {
    Vote {
        approval: id(8, 1),
        voter: voter.to_owned(),
        identity: "proved".to_owned(),
        roles: vec!["steward".to_owned()],
        ballot: Ballot::Yes,
        subject: approval().subject,
        reason: Some("as planned".to_owned()),
        at: at(2),
    }
}

fn step(number: i64, name: &str) -> Step {
    Step {
        id: id(2, number),
        run: id(1, 1),
        number,
        name: name.to_owned(),
        state: StepState::Done,
        note: Some("done".to_owned()),
        started: at(number),
        ended: Some(at(number + 5)),
    }
}

fn decision(number: i64, verb: &str) -> Decision {
    let action = format!(r#"{{"verb":"{verb}"}}"#);
    Decision {
        id: id(3, number),
        run: id(1, 1),
        step: id(2, number),
        principal: "dbt-impact".to_owned(),
        action_digest: Digest::of(&action),
        action,
        risk: Risk::R0,
        risk_reasons: vec!["scratch in scratch".to_owned()],
        level: Level::L2,
        answer: Answer::Permit,
        determining: vec!["L2-scratch".to_owned()],
        missing: vec!["nothing".to_owned()],
        policy: Digest::of("policy"),
        circumstances: "{}".to_owned(),
        approval: Some(id(8, 1)),
        at: at(number + 1),
    }
}

fn effect(number: i64, verb: &str) -> Effect {
    Effect {
        id: id(4, number),
        run: id(1, 1),
        step: id(2, number),
        decision: id(3, number),
        action_digest: decision(number, verb).action_digest,
        idempotency_key: Digest::of(verb),
        verb: verb.to_owned(),
        target: "belay_0a1b".to_owned(),
        inverse: Some("{}".to_owned()),
        state: EffectState::Committed,
        receipt: Some("3 relations".to_owned()),
        reserved: at(number + 2),
        settled: Some(at(number + 3)),
    }
}

/// The record with one fresh leaf for each of its rows as they stand.
pub(super) fn signed(mut record: Record) -> Record {
    let mut leaves = Vec::new();
    let mut sign = |row: &dyn Audited| {
        let sequence = i64::try_from(leaves.len()).unwrap();
        let mut leaf = Leaf {
            sequence,
            form: 2,
            kind: row.kind().to_owned(),
            subject: row.subject(),
            run: row.run(),
            body: row.body_digest(),
            at: at(sequence + 1),
            hash: Digest::of(""),
        };
        leaf.hash = leaf.expected_hash(&record.workspace);
        leaves.push(leaf);
    };
    sign(&record.run);
    record.steps.iter().for_each(|row| sign(row));
    record.decisions.iter().for_each(|row| sign(row));
    record.effects.iter().for_each(|row| sign(row));
    record.artefacts.iter().for_each(|row| sign(row));
    record.scores.iter().for_each(|row| sign(row));
    record.review.iter().for_each(|row| sign(row));
    for disposition in &record.dispositions {
        sign(&Disposed { run: record.run.id, disposition });
    }
    for request in &record.approvals {
        sign(&ApprovalRequest { state: ApprovalState::Granted, ..request.clone() });
        sign(request);
    }
    record.votes.iter().for_each(|vote| sign(&Cast { run: record.run.id, vote }));
    record.leaves = leaves;
    record
}
