//! Asking: the gate about an action, people where the gate says that one is missing.

use belay_gate::{Approval, Circumstances, Deed, Needs, Permit, Refused, Ruling};
use belay_model::record::{
    Answer, ApprovalKind, ApprovalRequest, ApprovalState, Ballot, Decision, Effect, EffectState,
    Vote,
};
use belay_model::{Action, ApprovalId, Class, DecisionId, Digest, EffectId, Risk, Verb, canonical};
use belay_store::Reservation;
use serde_json::json;

use super::Supervisor;
use crate::FlowError;
use crate::run_error::RunError;

impl Supervisor<'_> {
    /// Does one action: asks, reserves, does, settles. Reading is asked and written down too, but
    /// leaves no effect.
    pub async fn perform<T, E: Into<FlowError>>(
        &mut self,
        action: &Action,
        work: impl AsyncFnOnce(Permit) -> Result<T, E>,
    ) -> Result<T, FlowError> {
        let (permit, effect) = self.ask(action).await?;
        let result = work(permit).await.map_err(Into::into);
        let Some(effect) = effect else { return result };
        let (state, receipt) = match &result {
            Ok(_) => (EffectState::Committed, "done".to_owned()),
            // What has an inverse may have been done in part: it stays open until it is taken back.
            Err(error) if effect.inverse.is_some() => (EffectState::Ambiguous, error.to_string()),
            Err(error) => (EffectState::Failed, error.to_string()),
        };
        self.settle(&effect, state, &receipt).await?;
        result
    }

    /// The gate's answer to an action, written down; for a change, with its effect reserved and the
    /// approval that allowed it spent, all in one transaction.
    pub async fn ask(&mut self, action: &Action) -> Result<(Permit, Option<Effect>), FlowError> {
        if self.desk.stop.is_asked() && action.verb != Verb::DropScratch {
            return Err(belay_outside::OutsideError::Stopped.into());
        }
        let mut ruling = self.rule(action, None).await?;
        let mut spends = None;
        let wanted = ruling.needs.filter(|needs| needs.humans > 0);
        if wanted.is_some()
            && let Some((request, approval)) = self.granted(action).await?
        {
            let again = self.rule(action, Some(approval)).await?;
            if again.answer == Answer::Permit {
                spends = Some(request);
                ruling = again;
            }
        }
        let decision = self.decision(action, &ruling, spends)?;
        let changes = ruling.answer == Answer::Permit && action.verb.class() != Class::Read;
        let effect = changes.then(|| self.effect(action, &decision));
        let reservation = Reservation { decision: &decision, effect: effect.as_ref(), spends };
        self.memory.reserve(reservation).await?;
        let risk = ruling.assessment.risk;
        match (ruling.permit(), wanted) {
            (Ok(permit), _) => Ok((permit, effect)),
            (Err(refused), Some(needs)) => {
                let summary = format!("{} on {}", action.verb, action.resource.name);
                let subject =
                    Subject { kind: ApprovalKind::Action, plan: action.digest(), summary, risk };
                Err(self.hold(&subject, needs, refused).await?)
            }
            (Err(refused), None) => Err(refused.into()),
        }
    }

    async fn rule(&self, action: &Action, approval: Option<Approval>) -> Result<Ruling, FlowError> {
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
        let spent_seconds = self.seconds() as i64;
        // Only a write can pass on the strength of a tested inverse.
        let inverse = action.inverse.as_deref().filter(|_| action.verb.class() == Class::Write);
        let inverse_tested = match inverse {
            Some(inverse) => self.memory.inverse_tested(inverse).await?,
            None => false,
        };
        let circumstances = Circumstances {
            learned: false,
            tainted: self.tainted,
            rollback: self.rollback,
            bounded: self.bounded,
            inverse_tested,
            guided: self.guided,
            spent_seconds,
            budget_seconds: self.budget_seconds,
            approval,
            now: self.desk.now(),
        };
        Ok(self.desk.gate.decide(&self.worker, action, circumstances))
    }

    fn binding(&self, plan: Digest) -> Digest {
        ApprovalRequest::binding(plan, self.snapshot, self.desk.gate.digest())
    }

    /// The approval of exactly this action in exactly this world, if people gave one.
    async fn granted(&self, action: &Action) -> Result<Option<(ApprovalId, Approval)>, FlowError> {
        let subject = self.binding(action.digest());
        let requests = self.memory.approvals_of(self.run.id, self.desk.now()).await?;
        let found = requests.into_iter().find(|request| {
            request.kind == ApprovalKind::Action
                && request.subject == subject
                && request.state == ApprovalState::Granted
        });
        let Some(request) = found else { return Ok(None) };
        let (request, votes) = self.memory.vouched_approval(request.id).await?;
        let approval = Approval::tally(&votes, &request, self.desk.approvals.proved_only);
        Ok(Some((request.id, approval)))
    }

    /// At L1: whether a person said yes to the step called `name`. Asks whoever sits at the terminal;
    /// with nobody there the question waits in the queue.
    pub(super) async fn guide(&self, name: &str) -> Result<bool, FlowError> {
        let plan = canonical::digest(&json!({
            "workflow": self.run.workflow,
            "worker": self.run.worker_digest.to_string(),
            "input": self.run.input,
            "step": name,
        }));
        let bound = self.binding(plan);
        let requests = self.memory.approvals_of(self.run.id, self.desk.now()).await?;
        let known = requests
            .iter()
            .find(|request| request.kind == ApprovalKind::Step && request.subject == bound);
        match known.map(|request| request.state) {
            Some(ApprovalState::Granted) => {
                if let Some(request) = known {
                    self.memory.vouched_approval(request.id).await?;
                }
                return Ok(true);
            }
            Some(ApprovalState::Denied) => {
                return Err(self.said_no(known.map(|request| request.id), name).await?);
            }
            _ => (),
        }
        let summary = match &self.about {
            Some(about) => format!("step `{name}` (`{about}`)"),
            None => format!("step `{name}`"),
        };
        let question = format!("Begin {}?", self.hide(&summary));
        let subject = Subject { kind: ApprovalKind::Step, plan, summary, risk: Risk::R0 };
        let needs = Needs { guided: true, humans: 1, stewards: 0 };
        let missing = vec!["a yes to this step".to_owned()];
        let refused = Refused {
            answer: Answer::Hold,
            reasons: vec![format!("at L1 a person says yes to each step, and now to `{name}`")],
            missing,
            determining: Vec::new(),
        };
        let held = self.hold(&subject, needs, refused).await?;
        let FlowError::Run(RunError::Held { .. }) = &held else { return Err(held) };
        let Some(yes) = self.desk.progress.confirm(&question) else { return Err(held) };
        let requests = self.memory.approvals_of(self.run.id, self.desk.now()).await?;
        let open = requests.iter().find(|request| {
            request.kind == ApprovalKind::Step
                && request.subject == bound
                && request.state == ApprovalState::Open
        });
        let Some(request) = open else { return Err(held) };
        self.cast_here(request, yes).await?;
        if yes { Ok(true) } else { Err(self.said_no(Some(request.id), name).await?) }
    }

    /// The word of the person at this terminal on a step that they guide.
    async fn cast_here(&self, request: &ApprovalRequest, yes: bool) -> Result<(), FlowError> {
        let person = self.desk.person();
        crate::runs::may(self.desk, &self.run, Deed::Start)?;
        let vote = Vote {
            approval: request.id,
            voter: person.name,
            identity: person.identity,
            roles: person.roles,
            ballot: if yes { Ballot::Yes } else { Ballot::No },
            subject: request.subject,
            reason: None,
            at: self.desk.now(),
        };
        let state = if yes { ApprovalState::Granted } else { ApprovalState::Denied };
        self.memory.cast(&vote, Some(state), self.desk.now()).await?;
        Ok(())
    }

    async fn said_no(
        &self,
        request: Option<ApprovalId>,
        name: &str,
    ) -> Result<FlowError, FlowError> {
        let votes = match request {
            Some(request) => self.memory.votes(request).await?,
            None => Vec::new(),
        };
        let no = votes.into_iter().find(|vote| vote.ballot == Ballot::No);
        let (by, reason) =
            no.map_or_else(|| ("somebody".to_owned(), None), |vote| (vote.voter, vote.reason));
        let reason = reason.unwrap_or_else(|| "no reason given".to_owned());
        Ok(RunError::SaidNo { summary: format!("step `{name}`"), by, reason }.into())
    }

    /// Puts a question to people and says that the run waits for it. An earlier one about the same
    /// under another digest is stale: the world it was about has moved. One about something else stays
    /// as it is, for a review that begins again comes to each of its steps again.
    async fn hold(
        &self,
        subject: &Subject,
        needs: Needs,
        refused: Refused,
    ) -> Result<FlowError, FlowError> {
        let now = self.desk.now();
        let bound = self.binding(subject.plan);
        let summary = self.hide(&subject.summary);
        for earlier in self.memory.approvals_of(self.run.id, now).await? {
            let alike = earlier.kind == subject.kind && earlier.summary == summary;
            let same = earlier.kind == subject.kind && earlier.subject == bound;
            if alike && !same && earlier.state.is_alive() {
                self.memory.move_approval(earlier.id, ApprovalState::Stale, now).await?;
            }
            if same && earlier.state == ApprovalState::Denied {
                return self.said_no(Some(earlier.id), &subject.summary).await;
            }
        }
        let expires = now.plus(self.desk.approvals.expires_after);
        let request = ApprovalRequest {
            id: ApprovalId::new(self.desk.id()),
            run: self.run.id,
            kind: subject.kind,
            subject: bound,
            plan: subject.plan,
            snapshot: self.snapshot,
            policy: self.desk.gate.digest(),
            summary,
            risk: subject.risk,
            missing: refused.missing.join(", "),
            humans: i64::from(needs.humans),
            stewards: i64::from(needs.stewards),
            author: self.run.actor.clone(),
            owner: self.worker.owner.clone(),
            state: ApprovalState::Open,
            created: now,
            expires,
            decided: None,
        };
        let request = self.memory.ask_approval(&request).await?;
        let (approval, run) = (request.id.short(), self.run.id.short());
        Ok(RunError::Held { refused: Box::new(refused), approval, run }.into())
    }

    fn decision(
        &self,
        action: &Action,
        ruling: &Ruling,
        approval: Option<ApprovalId>,
    ) -> Result<Decision, FlowError> {
        let step = self.current.as_ref().map(|step| step.id);
        let unasked = || FlowError::Render { message: "an action outside of any step".to_owned() };
        Ok(Decision {
            id: DecisionId::new(self.desk.id()),
            run: self.run.id,
            step: step.ok_or_else(unasked)?,
            principal: self.worker.name.clone(),
            action: canonical::json(&action.canonical()),
            action_digest: action.digest(),
            risk: ruling.assessment.risk,
            risk_reasons: ruling.assessment.reasons.clone(),
            level: ruling.level,
            answer: ruling.answer,
            determining: ruling.determining.clone(),
            missing: ruling.missing.clone(),
            policy: self.desk.gate.digest(),
            circumstances: ruling.circumstances.clone(),
            approval,
            at: self.desk.now(),
        })
    }

    fn effect(&self, action: &Action, decision: &Decision) -> Effect {
        let digest = action.digest();
        Effect {
            id: EffectId::new(self.desk.id()),
            run: self.run.id,
            step: decision.step,
            decision: decision.id,
            action_digest: digest,
            idempotency_key: Digest::of(format!("{}\0{}\0{digest}", self.run.id, decision.step)),
            verb: action.verb.as_str().to_owned(),
            target: action.resource.name.clone(),
            inverse: action.inverse.clone(),
            state: EffectState::Reserved,
            receipt: None,
            reserved: self.desk.now(),
            settled: None,
        }
    }

    /// What the gate says to an action that a person does at L0: written down, and never a permit.
    pub(crate) async fn ask_for_the_record(&mut self, action: &Action) -> Result<(), FlowError> {
        let ruling = self.rule(action, None).await?;
        let decision = self.decision(action, &ruling, None)?;
        if ruling.answer == Answer::Permit {
            let message = "a person's step was permitted to belay".to_owned();
            return Err(FlowError::Render { message });
        }
        self.memory
            .reserve(Reservation { decision: &decision, effect: None, spends: None })
            .await?;
        Ok(())
    }
}

/// What a question is about.
struct Subject {
    kind: ApprovalKind,
    plan: Digest,
    summary: String,
    risk: Risk,
}
