//! What people are asked to judge, and what they said.

use belay_model::record::{Disposed, Disposition, Review, ReviewState, RunState};

use super::{Memory, missing};
use crate::StoreError;
use crate::ask::ask;
use crate::work::Work;

impl Memory {
    /// Opens a review and moves its run to `waiting_review`, both or neither.
    pub async fn open_review(&self, review: &Review, outcome: &str) -> Result<(), StoreError> {
        let mut work = Work::begin(self, Some(review.run)).await?;
        let run = self.run_in(&mut work, review.run).await?;
        ask("INSERT INTO review (workspace, id, run, kind, subject, title, state, created)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(self.workspace.as_str())
        .bind(review.id)
        .bind(review.run)
        .bind(&review.kind)
        .bind(review.subject)
        .bind(&review.title)
        .bind(review.state.as_str())
        .bind(review.created)
        .run(work.on())
        .await?;
        work.append(review, review.created).await?;
        let waiting = RunState::WaitingReview;
        self.move_run_in(&mut work, &run, waiting, Some(outcome), review.created).await?;
        work.commit().await
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
        let mut work = Work::begin(self, Some(review.run)).await?;
        let found: Option<Review> = ask("SELECT * FROM review WHERE workspace = $1 AND id = $2")
            .bind(self.workspace.as_str())
            .bind(disposition.review)
            .maybe(work.on())
            .await?;
        let review = found.ok_or_else(|| missing("review", disposition.review))?;
        let said: Option<Disposition> =
            ask("SELECT * FROM disposition WHERE workspace = $1 AND review = $2 AND finding = $3
               AND reviewer = $4")
            .bind(self.workspace.as_str())
            .bind(disposition.review)
            .bind(disposition.finding.as_deref().unwrap_or(""))
            .bind(&disposition.reviewer)
            .maybe(work.on())
            .await?;
        if let Some(said) = said {
            work.vouched(&Disposed { run: review.run, disposition: &said }).await?;
        }
        ask("INSERT INTO disposition (workspace, review, finding, reviewer, identity, judgement, reason, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (workspace, review, finding, reviewer) DO UPDATE
               SET identity = excluded.identity, judgement = excluded.judgement,
                   reason = excluded.reason, at = excluded.at")
        .bind(self.workspace.as_str())
        .bind(disposition.review)
        .bind(disposition.finding.as_deref().unwrap_or(""))
        .bind(&disposition.reviewer)
        .bind(&disposition.identity)
        .bind(disposition.judgement.as_str())
        .bind(&disposition.reason)
        .bind(disposition.at)
        .run(work.on())
        .await?;
        work.append(&Disposed { run: review.run, disposition }, disposition.at).await?;
        if let Some((state, run_state)) = closes {
            work.vouched(&review).await?;
            ask("UPDATE review SET state = $3 WHERE workspace = $1 AND id = $2")
                .bind(self.workspace.as_str())
                .bind(review.id)
                .bind(state.as_str())
                .run(work.on())
                .await?;
            let closed = Review { state, ..review };
            work.append(&closed, disposition.at).await?;
            let run = self.run_in(&mut work, closed.run).await?;
            self.move_run_in(&mut work, &run, run_state, None, disposition.at).await?;
        }
        work.commit().await
    }
}
