//! Whether a run's trace is valid: every step has its decision, every effect its receipt or its open
//! state, every grave action its approval, every score its evaluator, and the audit leaves cover all of
//! it as it stands.

use std::collections::{BTreeMap, BTreeSet};

use belay_model::Digest;
use belay_model::record::{
    Answer, ApprovalRequest, Artefact, Audited, Cast, Decision, Disposed, Disposition, Effect,
    EffectState, Leaf, Review, Run, RunState, Score, Step, StepState, Vote,
};

/// Everything that is remembered of one run.
#[derive(Debug, Clone)]
pub struct Record {
    pub workspace: String,
    pub run: Run,
    pub steps: Vec<Step>,
    pub decisions: Vec<Decision>,
    pub effects: Vec<Effect>,
    pub artefacts: Vec<Artefact>,
    pub scores: Vec<Score>,
    pub review: Option<Review>,
    pub dispositions: Vec<Disposition>,
    pub approvals: Vec<ApprovalRequest>,
    /// Of all approvals.
    pub votes: Vec<Vote>,
    pub leaves: Vec<Leaf>,
}

/// What is wrong with the record; nothing, if it is valid.
pub fn faults(record: &Record) -> Vec<String> {
    let mut faults = Vec::new();
    undecided_steps(record, &mut faults);
    unpermitted_effects(record, &mut faults);
    crate::approvals::unapproved(record, &mut faults);
    unsettled(record, &mut faults);
    leaves(record, &mut faults);
    faults
}

fn undecided_steps(record: &Record, faults: &mut Vec<String>) {
    let decided: BTreeSet<_> = record.decisions.iter().map(|decision| decision.step).collect();
    // A step that was cut off may not have come to its first question.
    let bare = |step: &&Step| step.state != StepState::Interrupted && !decided.contains(&step.id);
    faults.extend(
        record
            .steps
            .iter()
            .filter(bare)
            .map(|step| format!("step {} `{}` has no decision", step.number, step.name)),
    );
}

fn unpermitted_effects(record: &Record, faults: &mut Vec<String>) {
    let decisions: BTreeMap<_, _> =
        record.decisions.iter().map(|decision| (decision.id, decision)).collect();
    for effect in &record.effects {
        let name = format!("effect {} on `{}`", effect.verb, effect.target);
        match decisions.get(&effect.decision) {
            None => faults.push(format!("{name} has no decision")),
            Some(decision) if decision.answer != Answer::Permit => {
                faults.push(format!(
                    "{name} went ahead although the gate answered {}",
                    decision.answer
                ));
            }
            Some(decision) if decision.action_digest != effect.action_digest => {
                faults.push(format!("{name} is not the action that was permitted"));
            }
            Some(decision) if decision.at > effect.reserved => {
                faults.push(format!("{name} was reserved before it was decided"));
            }
            Some(_) => (),
        }
    }
    for decision in &record.decisions {
        if Digest::of(&decision.action) != decision.action_digest {
            faults.push(format!(
                "decision {} names an action that its digest does not fit",
                decision.id.short()
            ));
        }
    }
}

fn unsettled(record: &Record, faults: &mut Vec<String>) {
    let over = record.run.state.is_over();
    for effect in &record.effects {
        let open = effect.state == EffectState::Reserved;
        let receipt = effect.receipt.is_some() || effect.state == EffectState::Ambiguous || open;
        if !receipt {
            faults.push(format!("effect {} on `{}` has no receipt", effect.verb, effect.target));
        }
        if open && over {
            faults.push(format!(
                "effect {} on `{}` is open although the run is over",
                effect.verb, effect.target
            ));
        }
    }
    if over {
        let running = record.steps.iter().filter(|step| step.state == StepState::Running);
        faults.extend(
            running.map(|step| format!("step `{}` is open although the run is over", step.name)),
        );
    }
    if record.run.state == RunState::WaitingReview && record.review.is_none() {
        faults.push("the run waits for a review that does not exist".to_owned());
    }
}

/// The last leaf of each row must vouch for the row as it stands, every leaf must have its row, and
/// every hash must be right.
fn leaves(record: &Record, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for leaf in &record.leaves {
        if !seen.insert(leaf.hash) {
            faults.push(format!("audit leaf {} repeats an earlier one", leaf.sequence));
        }
    }
    let mut last: BTreeMap<(String, String), &Leaf> = BTreeMap::new();
    for leaf in &record.leaves {
        if leaf.expected_hash(&record.workspace) != leaf.hash {
            faults.push(format!("audit leaf {} does not hash to what it says", leaf.sequence));
        }
        if leaf.run != Some(record.run.id) {
            faults.push(format!("audit leaf {} stands under another run", leaf.sequence));
        }
        let family = leaf.kind.split('.').next().unwrap_or(&leaf.kind).to_owned();
        last.insert((family, leaf.subject.clone()), leaf);
    }
    let mut covered = |row: &dyn Audited| {
        let family = row.kind().split('.').next().unwrap_or_default().to_owned();
        match last.remove(&(family, row.subject())) {
            None => faults.push(format!("no audit leaf covers {} {}", row.kind(), row.subject())),
            Some(leaf) if leaf.body != row.body_digest() => {
                faults.push(format!(
                    "{} {} is not what audit leaf {} vouches for",
                    row.kind(),
                    row.subject(),
                    leaf.sequence
                ));
            }
            Some(_) => (),
        }
    };
    covered(&record.run);
    record.steps.iter().for_each(|row| covered(row));
    record.decisions.iter().for_each(|row| covered(row));
    record.effects.iter().for_each(|row| covered(row));
    record.artefacts.iter().for_each(|row| covered(row));
    record.scores.iter().for_each(|row| covered(row));
    record.review.iter().for_each(|row| covered(row));
    for disposition in &record.dispositions {
        covered(&Disposed { run: record.run.id, disposition });
    }
    record.approvals.iter().for_each(|row| covered(row));
    record.votes.iter().for_each(|vote| covered(&Cast { run: record.run.id, vote }));
    faults.extend(last.into_values().map(|leaf| {
        format!(
            "audit leaf {} vouches for {} {}, which is not there",
            leaf.sequence, leaf.kind, leaf.subject
        )
    }));
}
