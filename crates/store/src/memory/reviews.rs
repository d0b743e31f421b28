//! What people are asked to judge, and what they said.

use belay_model::record::{Disposed, Disposition, Review, ReviewState, RunState};

use super::{Memory, there};
use crate::{StoreError, audit};

impl Memory {
    /// Opens a review and moves its run to `waiting_review`, both or neither.
    pub async fn open_review(&self, review: &Review, outcome: &str) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO review (workspace, id, run, kind, subject, title, state, created)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.workspace.as_str())
        .bind(review.id.to_string())
        .bind(review.run.to_string())
        .bind(&review.kind)
        .bind(review.subject.to_string())
        .bind(&review.title)
        .bind(review.state.as_str())
        .bind(review.created.nanos())
        .execute(&mut *work)
        .await?;
        audit::append(&mut work, &self.workspace, review, review.created).await?;
        let waiting = RunState::WaitingReview;
        self.move_run_in(&mut work, review.run, waiting, Some(outcome), review.created).await?;
        Ok(work.commit().await?)
    }

    /// Writes what a reviewer said. A word on the whole report closes the review and moves the run;
    /// a word on one finding leaves both as they are. A second word of the same reviewer on the same
    /// thing replaces the first in the table, and both stay in the audit.
    pub async fn dispose(
        &self,
        review: &Review,
        disposition: &Disposition,
        closes: Option<(ReviewState, RunState)>,
    ) -> Result<(), StoreError> {
        let mut work = self.pool.begin().await?;
        let written = sqlx::query(
            "INSERT INTO disposition (workspace, review, finding, reviewer, identity, judgement, reason, at)
             SELECT workspace, id, ?3, ?4, ?5, ?6, ?7, ?8 FROM review WHERE workspace = ?1 AND id = ?2
             ON CONFLICT (workspace, review, finding, reviewer) DO UPDATE
               SET identity = excluded.identity, judgement = excluded.judgement,
                   reason = excluded.reason, at = excluded.at",
        )
        .bind(self.workspace.as_str())
        .bind(disposition.review.to_string())
        .bind(disposition.finding.as_deref().unwrap_or(""))
        .bind(&disposition.reviewer)
        .bind(&disposition.identity)
        .bind(disposition.judgement.as_str())
        .bind(&disposition.reason)
        .bind(disposition.at.nanos())
        .execute(&mut *work)
        .await?;
        there(&written, "review", disposition.review)?;
        let disposed = Disposed { run: review.run, disposition };
        audit::append(&mut work, &self.workspace, &disposed, disposition.at).await?;
        if let Some((state, run_state)) = closes {
            sqlx::query("UPDATE review SET state = ? WHERE workspace = ? AND id = ?")
                .bind(state.as_str())
                .bind(self.workspace.as_str())
                .bind(review.id.to_string())
                .execute(&mut *work)
                .await?;
            let closed = Review { state, ..review.clone() };
            audit::append(&mut work, &self.workspace, &closed, disposition.at).await?;
            self.move_run_in(&mut work, review.run, run_state, None, disposition.at).await?;
        }
        Ok(work.commit().await?)
    }
}
