//! Decisions with their effects, and what a run leaves: artefacts and scores.

use belay_model::Timestamp;
use belay_model::record::{Artefact, Decision, Effect, EffectState, Score};

use super::{Memory, Reservation, missing};
use crate::StoreError;
use crate::ask::ask;
use crate::work::Work;

impl Memory {
    /// Writes what the gate said and, for a change, its reservation: one transaction, before
    /// anything is sent.
    pub async fn reserve(&self, reservation: Reservation<'_>) -> Result<(), StoreError> {
        let decision = reservation.decision;
        let mut work = Work::begin(self, Some(decision.run)).await?;
        if let Some(approval) = reservation.spends {
            self.spend(&mut work, approval, decision).await?;
        }
        self.insert_decision(&mut work, decision).await?;
        work.append(decision, decision.at).await?;
        if let Some(effect) = reservation.effect {
            self.insert_effect(&mut work, effect).await?;
            work.append(effect, effect.reserved).await?;
        }
        work.commit().await
    }

    async fn insert_decision(
        &self,
        work: &mut Work<'_>,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        ask("INSERT INTO decision (workspace, id, run, step, principal, action, action_digest, risk,
               risk_reasons, level, answer, determining, missing, policy,
               circumstances, approval, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        )
        .bind(self.workspace.as_str())
        .bind(decision.id)
        .bind(decision.run)
        .bind(decision.step)
        .bind(&decision.principal)
        .bind(&decision.action)
        .bind(decision.action_digest)
        .bind(decision.risk.number())
        .bind(decision.risk_reasons.as_slice())
        .bind(decision.level.number())
        .bind(decision.answer.as_str())
        .bind(decision.determining.as_slice())
        .bind(decision.missing.as_slice())
        .bind(decision.policy)
        .bind(&decision.circumstances)
        .bind(decision.approval)
        .bind(decision.at)
        .run(work.on())
        .await?;
        Ok(())
    }

    async fn insert_effect(&self, work: &mut Work<'_>, effect: &Effect) -> Result<(), StoreError> {
        let inserted = ask("INSERT INTO effect (workspace, id, run, step, decision, action_digest, idempotency_key,
               verb, target, inverse, state, receipt, reserved, settled)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
             ON CONFLICT (workspace, idempotency_key) DO NOTHING",
        )
        .bind(self.workspace.as_str())
        .bind(effect.id)
        .bind(effect.run)
        .bind(effect.step)
        .bind(effect.decision)
        .bind(effect.action_digest)
        .bind(effect.idempotency_key)
        .bind(&effect.verb)
        .bind(&effect.target)
        .bind(&effect.inverse)
        .bind(effect.state.as_str())
        .bind(&effect.receipt)
        .bind(effect.reserved)
        .bind(effect.settled)
        .run(work.on())
        .await?;
        if inserted == 1 {
            Ok(())
        } else {
            Err(StoreError::AlreadyReserved { target: effect.target.clone() })
        }
    }

    /// Writes how an effect ended: its receipt, or why there is none.
    pub async fn settle(
        &self,
        effect: &Effect,
        state: EffectState,
        receipt: &str,
        at: Timestamp,
    ) -> Result<Effect, StoreError> {
        let mut work = Work::begin(self, Some(effect.run)).await?;
        let found: Option<Effect> = ask("SELECT * FROM effect WHERE workspace = $1 AND id = $2")
            .bind(self.workspace.as_str())
            .bind(effect.id)
            .maybe(work.on())
            .await?;
        let found = found.ok_or_else(|| missing("effect", effect.id))?;
        work.vouched(&found).await?;
        let receipt = Some(receipt.to_owned());
        let settled = Effect { state, receipt, settled: Some(at), ..found };
        self.update_effect(&mut work, &settled, at).await?;
        work.commit().await?;
        Ok(settled)
    }

    pub(super) async fn update_effect(
        &self,
        work: &mut Work<'_>,
        effect: &Effect,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        ask("UPDATE effect SET state = $3, receipt = $4, settled = $5 WHERE workspace = $1 AND id = $2")
            .bind(self.workspace.as_str())
            .bind(effect.id)
            .bind(effect.state.as_str())
            .bind(&effect.receipt)
            .bind(effect.settled)
            .run(work.on())
            .await?;
        work.append(effect, at).await
    }

    /// Whether some effect of this workspace with exactly this inverse was taken back by it. A row that
    /// its last leaf does not vouch for is an error: on the strength of this, production is written.
    pub async fn inverse_tested(&self, inverse: &str) -> Result<bool, StoreError> {
        let taken_back = "SELECT * FROM effect WHERE workspace = $1 AND inverse = $2
                            AND state = 'compensated' LIMIT 1";
        let Some(found) = self.fetch::<Effect>(taken_back, &[inverse]).await?.pop() else {
            return Ok(false);
        };
        let mut work = Work::begin(self, None).await?;
        work.vouched(&found).await?;
        work.abandon().await?;
        Ok(true)
    }

    /// Remembers what a run left. The same under the same name again is no second one: a run that is
    /// taken up after a crash comes by here once more.
    pub async fn add_artefact(&self, artefact: &Artefact) -> Result<(), StoreError> {
        let mut work = Work::begin(self, Some(artefact.run)).await?;
        let found: Option<Artefact> =
            ask("SELECT * FROM artefact WHERE workspace = $1 AND run = $2 AND name = $3")
                .bind(self.workspace.as_str())
                .bind(artefact.run)
                .bind(&artefact.name)
                .maybe(work.on())
                .await?;
        if let Some(found) = found {
            let same = Artefact { id: artefact.id, at: artefact.at, ..found.clone() };
            if same == *artefact {
                work.vouched(&found).await?;
                return work.abandon().await;
            }
        }
        ask("INSERT INTO artefact (workspace, id, run, name, media_type, digest, bytes, kept, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(self.workspace.as_str())
        .bind(artefact.id)
        .bind(artefact.run)
        .bind(&artefact.name)
        .bind(&artefact.media_type)
        .bind(artefact.digest)
        .bind(artefact.bytes)
        .bind(artefact.kept)
        .bind(artefact.at)
        .run(work.on())
        .await?;
        work.append(artefact, artefact.at).await?;
        work.commit().await
    }

    pub async fn add_scores(&self, scores: &[Score]) -> Result<(), StoreError> {
        let mut work = Work::begin(self, scores.first().map(|score| score.run)).await?;
        for score in scores {
            ask(
                "INSERT INTO score (workspace, id, run, dimension, name, evaluator, verdict, value,
                   explanation, at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(self.workspace.as_str())
            .bind(score.id)
            .bind(score.run)
            .bind(score.dimension.as_str())
            .bind(&score.check)
            .bind(score.evaluator)
            .bind(score.verdict.as_str())
            .bind(&score.value)
            .bind(&score.explanation)
            .bind(score.at)
            .run(work.on())
            .await?;
            work.append(score, score.at).await?;
        }
        work.commit().await
    }
}
