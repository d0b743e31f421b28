//! Decisions with their effects, and what a run leaves: artefacts and scores.

use belay_model::Timestamp;
use belay_model::record::{Artefact, Decision, Effect, EffectState, Score};
use serde_json::json;

use super::{Memory, Reservation, Work, there};
use crate::{StoreError, audit};

impl Memory {
    /// Writes what the gate said and, for a change, its reservation: one transaction, before
    /// anything is sent.
    pub async fn reserve(&self, reservation: Reservation<'_>) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        let decision = reservation.decision;
        self.insert_decision(&mut work, decision).await?;
        audit::append(&mut work, &self.workspace, decision, decision.at).await?;
        if let Some(effect) = reservation.effect {
            self.insert_effect(&mut work, effect).await?;
            audit::append(&mut work, &self.workspace, effect, effect.reserved).await?;
        }
        Ok(work.commit().await?)
    }

    async fn insert_decision(
        &self,
        work: &mut Work<'_>,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO decision (workspace, id, run, step, principal, action, action_digest, risk,
               risk_reasons, level, answer, determining, missing, policy,
               circumstances, approval, at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.workspace.as_str())
        .bind(decision.id.to_string())
        .bind(decision.run.to_string())
        .bind(decision.step.to_string())
        .bind(&decision.principal)
        .bind(&decision.action)
        .bind(decision.action_digest.to_string())
        .bind(decision.risk.number())
        .bind(json!(decision.risk_reasons).to_string())
        .bind(decision.level.number())
        .bind(decision.answer.as_str())
        .bind(json!(decision.determining).to_string())
        .bind(json!(decision.missing).to_string())
        .bind(decision.policy.to_string())
        .bind(&decision.circumstances)
        .bind(decision.approval.map(|approval| approval.to_string()))
        .bind(decision.at.nanos())
        .execute(&mut **work)
        .await?;
        Ok(())
    }

    async fn insert_effect(&self, work: &mut Work<'_>, effect: &Effect) -> Result<(), StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO effect (workspace, id, run, step, decision, action_digest, idempotency_key,
               verb, target, inverse, state, receipt, reserved, settled)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (workspace, idempotency_key) DO NOTHING",
        )
        .bind(self.workspace.as_str())
        .bind(effect.id.to_string())
        .bind(effect.run.to_string())
        .bind(effect.step.to_string())
        .bind(effect.decision.to_string())
        .bind(effect.action_digest.to_string())
        .bind(effect.idempotency_key.to_string())
        .bind(&effect.verb)
        .bind(&effect.target)
        .bind(&effect.inverse)
        .bind(effect.state.as_str())
        .bind(&effect.receipt)
        .bind(effect.reserved.nanos())
        .bind(effect.settled.map(Timestamp::nanos))
        .execute(&mut **work)
        .await?;
        if inserted.rows_affected() == 1 {
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
        let settled = Effect {
            state,
            receipt: Some(receipt.to_owned()),
            settled: Some(at),
            ..effect.clone()
        };
        let mut work = self.pool.begin().await?;
        let updated = sqlx::query(
            "UPDATE effect SET state = ?, receipt = ?, settled = ? WHERE workspace = ? AND id = ?",
        )
        .bind(settled.state.as_str())
        .bind(&settled.receipt)
        .bind(at.nanos())
        .bind(self.workspace.as_str())
        .bind(settled.id.to_string())
        .execute(&mut *work)
        .await?;
        there(&updated, "effect", settled.id)?;
        audit::append(&mut work, &self.workspace, &settled, at).await?;
        work.commit().await?;
        Ok(settled)
    }

    pub async fn add_artefact(&self, artefact: &Artefact) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO artefact (workspace, id, run, name, media_type, digest, bytes, kept, at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.workspace.as_str())
        .bind(artefact.id.to_string())
        .bind(artefact.run.to_string())
        .bind(&artefact.name)
        .bind(&artefact.media_type)
        .bind(artefact.digest.to_string())
        .bind(artefact.bytes)
        .bind(i64::from(artefact.kept))
        .bind(artefact.at.nanos())
        .execute(&mut *work)
        .await?;
        audit::append(&mut work, &self.workspace, artefact, artefact.at).await?;
        Ok(work.commit().await?)
    }

    pub async fn add_scores(&self, scores: &[Score]) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        for score in scores {
            sqlx::query(
                "INSERT INTO score (workspace, id, run, dimension, name, evaluator, verdict, value,
                   explanation, at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(self.workspace.as_str())
            .bind(score.id.to_string())
            .bind(score.run.to_string())
            .bind(score.dimension.as_str())
            .bind(&score.check)
            .bind(score.evaluator.to_string())
            .bind(score.verdict.as_str())
            .bind(&score.value)
            .bind(&score.explanation)
            .bind(score.at.nanos())
            .execute(&mut *work)
            .await?;
            audit::append(&mut work, &self.workspace, score, score.at).await?;
        }
        Ok(work.commit().await?)
    }
}
