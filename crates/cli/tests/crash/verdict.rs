//! What the record, the ledger and belay itself say when all is over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::Stdio;

use belay_model::record::{Effect, EffectState, Run, RunState, StepState};
use belay_model::{Timestamp, WorkspaceId};
use belay_score::{Record, faults};
use belay_store::{Memory, Store};

use crate::ground::{Ground, STEPS};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    runs: usize,
    untold: usize,
    states: BTreeMap<String, usize>,
    steps_cut: usize,
    effects: BTreeMap<&'static str, usize>,
    /// Effects that a crash left open: the probe said that they took, or that they did not.
    took: usize,
    absent: usize,
    changes: usize,
    leaves: i64,
    pub(crate) faults: Vec<String>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, untold, steps_cut, took, absent, changes, leaves, .. } = self;
        writeln!(
            f,
            "runs             {runs}: {:?}; {untold} of them queued without a word",
            self.states
        )?;
        writeln!(f, "steps cut off    {steps_cut}")?;
        writeln!(f, "effects          {:?}", self.effects)?;
        writeln!(f, "probes           {took} found that it took, {absent} that it did not")?;
        writeln!(
            f,
            "changes          {changes} in the ledger, none twice, each of a committed effect"
        )?;
        write!(f, "audit            {leaves} leaves, verified; every trace valid")
    }
}

pub(crate) fn of(ground: &Ground, acknowledged: &[String]) -> Verdict {
    let mut verdict = super::wait_for(look(ground, acknowledged));
    for args in [&["audit", "verify"][..], &["trace", "check", "last"]] {
        let output = ground.belay(args).stdout(Stdio::piped()).output().unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            verdict.faults.push(format!("belay {args:?}: {said}{}", ground.log()));
        }
    }
    verdict
}

async fn look(ground: &Ground, acknowledged: &[String]) -> Verdict {
    let folder = ground.folder().join(".belay");
    let store = match ground.url() {
        Some(url) => Store::connect(&url, &folder).await.unwrap(),
        None => Store::open(&folder).await.unwrap(),
    };
    let memory = store.workspace(WorkspaceId::parse("crash").unwrap());
    let nanos = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap();
    let now = Timestamp::from_nanos(nanos);
    let runs = memory.runs(now).await.unwrap();
    let leaves = memory.tree_size().await.unwrap();
    let mut verdict = Verdict { runs: runs.len(), leaves, ..Verdict::default() };
    let known: BTreeSet<String> = runs.iter().map(|run| run.id.to_string()).collect();
    let lost = acknowledged.iter().filter(|run| !known.contains(*run));
    verdict.faults.extend(lost.map(|run| format!("run {run} was acknowledged and is lost")));
    verdict.untold = known.len().saturating_sub(acknowledged.len());

    let mut written: BTreeMap<[String; 2], usize> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for [run, step, key] in ground.ledger() {
        verdict.changes += 1;
        if !keys.insert(key.clone()) {
            verdict.faults.push(format!("change {key} of run {run} was made twice"));
        }
        *written.entry([run, step]).or_default() += 1;
    }
    let log = ground.log();
    for run in runs {
        judge(&memory, run, now, &mut written, &log, &mut verdict).await;
    }
    verdict.faults.extend(written.keys().map(|of| format!("no record of the change of {of:?}")));
    store.close().await;
    verdict
}

async fn judge(
    memory: &Memory,
    run: Run,
    now: Timestamp,
    written: &mut BTreeMap<[String; 2], usize>,
    log: &str,
    verdict: &mut Verdict,
) {
    let (id, short, state) = (run.id, run.id.short(), run.state);
    *verdict.states.entry(state.to_string()).or_default() += 1;
    // Every step can be done and every probe can tell: no crash is a reason to fail or to ask a person.
    if !matches!(state, RunState::Accepted | RunState::WaitingReview) {
        let outcome = run.outcome.clone().unwrap_or_default();
        verdict.faults.push(format!("run {short} is {state}: {outcome}"));
    }
    // What a worker said of a run's end is so.
    let said = format!("ledger {short}: ");
    let words = log.lines().filter_map(|line| line.split_once(&said)?.1.split(' ').next());
    let end = state.to_string();
    if let Some(other) = words.into_iter().find(|word| *word != end && *word == "accepted") {
        verdict.faults.push(format!("run {short} was said to be {other} and is {end}"));
    }
    let record = record(memory, run, now).await;
    verdict.faults.extend(faults(&record).iter().map(|fault| format!("run {short}: {fault}")));
    for artefact in record.artefacts.iter().filter(|artefact| artefact.kept) {
        if let Err(error) = memory.body(artefact.digest).await {
            verdict.faults.push(format!("run {short}: artefact {}: {error}", artefact.name));
        }
    }
    let cut = record.steps.iter().filter(|step| step.state == StepState::Interrupted);
    verdict.steps_cut += cut.count();
    for effect in &record.effects {
        *verdict.effects.entry(effect.state.as_str()).or_default() += 1;
        let receipt = effect.receipt.clone().unwrap_or_default();
        verdict.took += usize::from(receipt.contains("the probe says it took"));
        verdict.absent += usize::from(receipt.contains("the probe says it did not take"));
    }
    for step in STEPS {
        let mine = |effect: &&Effect| {
            record.steps.iter().any(|row| row.id == effect.step && row.name == step)
        };
        let all = record.effects.iter().filter(mine);
        let committed = all.filter(|effect| effect.state == EffectState::Committed).count();
        let there = written.remove(&[id.to_string(), step.to_owned()]).unwrap_or(0);
        if committed != there || there > 1 {
            verdict.faults.push(format!(
                "run {short}, step {step}: {committed} effects committed, {there} changes made"
            ));
        }
    }
}

async fn record(memory: &Memory, run: Run, now: Timestamp) -> Record {
    let review = memory.review_of(run.id).await.unwrap();
    let dispositions = match &review {
        Some(review) => memory.dispositions(review.id).await.unwrap(),
        None => Vec::new(),
    };
    Record {
        workspace: memory.workspace().to_string(),
        steps: memory.steps(run.id).await.unwrap(),
        decisions: memory.decisions(run.id).await.unwrap(),
        effects: memory.effects(run.id).await.unwrap(),
        artefacts: memory.artefacts(run.id).await.unwrap(),
        scores: memory.scores(run.id).await.unwrap(),
        leaves: memory.leaves(run.id).await.unwrap(),
        approvals: memory.approvals_of(run.id, now).await.unwrap(),
        votes: Vec::new(),
        review,
        dispositions,
        run,
    }
}
