//! Questions to people, their votes, and the one use of a yes.

use belay_model::record::{ApprovalRequest, ApprovalState, Cast, Decision, Vote};
use belay_model::{ApprovalId, RunId, Timestamp};

use super::recall::{escaped, only};
use super::{Memory, missing};
use crate::StoreError;
use crate::ask::ask;
use crate::work::Work;

impl Memory {
    /// Asks people. If a living question of the same run, kind and subject exists, that one is returned.
    pub async fn ask_approval(
        &self,
        request: &ApprovalRequest,
    ) -> Result<ApprovalRequest, StoreError> {
        let mut work = Work::begin(self, Some(request.run)).await?;
        let alive: Option<ApprovalRequest> =
            ask("SELECT * FROM approval WHERE workspace = $1 AND run = $2 AND kind = $3 AND subject = $4
                   AND state IN ('open', 'granted')")
            .bind(self.workspace.as_str())
            .bind(request.run)
            .bind(request.kind.as_str())
            .bind(request.subject)
            .maybe(work.on())
            .await?;
        if let Some(alive) = alive {
            if alive.expires > request.created {
                work.abandon().await?;
                return Ok(alive);
            }
            self.decide(&mut work, &alive, ApprovalState::Expired, request.created).await?;
        }
        ask(r#"INSERT INTO approval (workspace, id, run, kind, subject, "plan", snapshot, policy, summary,
                 risk, missing, humans, stewards, author, owner, state, created, expires, decided)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"#)
        .bind(self.workspace.as_str())
        .bind(request.id)
        .bind(request.run)
        .bind(request.kind.as_str())
        .bind(request.subject)
        .bind(request.plan)
        .bind(request.snapshot)
        .bind(request.policy)
        .bind(&request.summary)
        .bind(request.risk.number())
        .bind(&request.missing)
        .bind(request.humans)
        .bind(request.stewards)
        .bind(&request.author)
        .bind(&request.owner)
        .bind(request.state.as_str())
        .bind(request.created)
        .bind(request.expires)
        .bind(request.decided)
        .run(work.on())
        .await?;
        work.append(request, request.created).await?;
        work.commit().await?;
        Ok(request.clone())
    }

    /// All questions, newest first. What ran out by `at` is first written down as expired.
    pub async fn approvals(&self, at: Timestamp) -> Result<Vec<ApprovalRequest>, StoreError> {
        self.expire(at).await?;
        self.fetch(
            "SELECT * FROM approval WHERE workspace = $1 ORDER BY created DESC, id DESC",
            &[],
        )
        .await
    }

    /// The question with this id, the end or the start of one, or `last`.
    pub async fn find_approval(
        &self,
        text: &str,
        at: Timestamp,
    ) -> Result<ApprovalRequest, StoreError> {
        self.expire(at).await?;
        let found = if text == "last" {
            let newest = "SELECT * FROM approval WHERE workspace = $1 ORDER BY created DESC, id DESC LIMIT 1";
            self.fetch(newest, &[]).await?
        } else {
            let like = "SELECT * FROM approval WHERE workspace = $1
                          AND (id LIKE $2 || '%' OR id LIKE '%' || $2)";
            self.fetch(like, &[&escaped(text)]).await?
        };
        only("approval", text, found)
    }

    /// The questions of one run, newest first.
    pub async fn approvals_of(
        &self,
        run: RunId,
        at: Timestamp,
    ) -> Result<Vec<ApprovalRequest>, StoreError> {
        self.expire(at).await?;
        let of = "SELECT * FROM approval WHERE workspace = $1 AND run = $2
                    ORDER BY created DESC, id DESC";
        self.of_run(of, run).await
    }

    /// Writes what one person said and, with `to`, what that makes of the question: both or neither.
    pub async fn cast(
        &self,
        vote: &Vote,
        to: Option<ApprovalState>,
        at: Timestamp,
    ) -> Result<ApprovalRequest, StoreError> {
        self.expire(at).await?;
        let mut work = Work::begin(self, None).await?;
        let request = self.approval_in(&mut work, vote.approval).await?;
        if vote.subject != request.subject {
            return Err(StoreError::OtherDigest { approval: request.id });
        }
        let voted: Option<i64> =
            ask("SELECT at FROM vote WHERE workspace = $1 AND approval = $2 AND voter = $3")
                .bind(self.workspace.as_str())
                .bind(vote.approval)
                .bind(&vote.voter)
                .maybe(work.on())
                .await?;
        if voted.is_some() {
            return Err(StoreError::Voted { voter: vote.voter.clone() });
        }
        if request.state != ApprovalState::Open {
            return Err(StoreError::Closed { approval: request.id, state: request.state });
        }
        work.vouched(&request).await?;
        ask("INSERT INTO vote (workspace, approval, voter, identity, roles, ballot, subject, reason, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(self.workspace.as_str())
        .bind(vote.approval)
        .bind(&vote.voter)
        .bind(&vote.identity)
        .bind(vote.roles.as_slice())
        .bind(vote.ballot.as_str())
        .bind(vote.subject)
        .bind(&vote.reason)
        .bind(vote.at)
        .run(work.on())
        .await?;
        work.append(&Cast { run: request.run, vote }, vote.at).await?;
        let request = match to {
            Some(state) => self.decide(&mut work, &request, state, at).await?,
            None => request,
        };
        work.commit().await?;
        Ok(request)
    }

    /// What was said to a question, in the order in which it was said.
    pub async fn votes(&self, approval: ApprovalId) -> Result<Vec<Vote>, StoreError> {
        let of = "SELECT * FROM vote WHERE workspace = $1 AND approval = $2 ORDER BY at, voter";
        self.fetch(of, &[&approval.to_string()]).await
    }

    /// A question with what was said to it, when their last leaves vouch for all of it: rows that
    /// somebody wrote behind belay's back are no yes.
    pub async fn vouched_approval(
        &self,
        id: ApprovalId,
    ) -> Result<(ApprovalRequest, Vec<Vote>), StoreError> {
        let mut work = Work::begin(self, None).await?;
        let request = self.approval_in(&mut work, id).await?;
        work.vouched(&request).await?;
        let votes: Vec<Vote> =
            ask("SELECT * FROM vote WHERE workspace = $1 AND approval = $2 ORDER BY at, voter")
                .bind(self.workspace.as_str())
                .bind(id)
                .all(work.on())
                .await?;
        for vote in &votes {
            work.vouched(&Cast { run: request.run, vote }).await?;
        }
        work.abandon().await?;
        Ok((request, votes))
    }

    /// Moves a living question on, such as to stale.
    pub async fn move_approval(
        &self,
        id: ApprovalId,
        state: ApprovalState,
        at: Timestamp,
    ) -> Result<ApprovalRequest, StoreError> {
        let mut work = Work::begin(self, None).await?;
        let request = self.approval_in(&mut work, id).await?;
        if !request.state.is_alive() {
            return Err(StoreError::Closed { approval: id, state: request.state });
        }
        let request = self.decide(&mut work, &request, state, at).await?;
        work.commit().await?;
        Ok(request)
    }

    /// Uses a yes up for the one change that `decision` is about.
    pub(super) async fn spend(
        &self,
        work: &mut Work<'_>,
        id: ApprovalId,
        decision: &Decision,
    ) -> Result<(), StoreError> {
        let request = self.approval_in(work, id).await?;
        let good = request.state == ApprovalState::Granted
            && request.expires > decision.at
            && request.run == decision.run;
        if !good {
            return Err(StoreError::Spent { approval: id, state: request.state });
        }
        // A vote that somebody slipped in counts for nothing.
        let votes: Vec<Vote> =
            ask("SELECT * FROM vote WHERE workspace = $1 AND approval = $2 ORDER BY at, voter")
                .bind(self.workspace.as_str())
                .bind(id)
                .all(work.on())
                .await?;
        for vote in &votes {
            work.vouched(&Cast { run: request.run, vote }).await?;
        }
        self.decide(work, &request, ApprovalState::Used, decision.at).await.map(drop)
    }

    async fn approval_in(
        &self,
        work: &mut Work<'_>,
        id: ApprovalId,
    ) -> Result<ApprovalRequest, StoreError> {
        let found = ask("SELECT * FROM approval WHERE workspace = $1 AND id = $2")
            .bind(self.workspace.as_str())
            .bind(id)
            .maybe(work.on())
            .await?;
        found.ok_or_else(|| missing("approval", id))
    }

    async fn expire(&self, at: Timestamp) -> Result<(), StoreError> {
        let over = || {
            ask("SELECT * FROM approval WHERE workspace = $1 AND state IN ('open', 'granted')
                   AND expires <= $2 ORDER BY expires, id")
            .bind(self.workspace.as_str())
            .bind(at)
        };
        if over().maybe::<ApprovalRequest>(&self.pool).await?.is_none() {
            return Ok(());
        }
        let mut work = Work::begin(self, None).await?;
        for request in over().all::<ApprovalRequest>(work.on()).await? {
            self.decide(&mut work, &request, ApprovalState::Expired, at).await?;
        }
        work.commit().await
    }

    /// Writes the new state of a question. The time of the first decision is kept.
    async fn decide(
        &self,
        work: &mut Work<'_>,
        request: &ApprovalRequest,
        state: ApprovalState,
        at: Timestamp,
    ) -> Result<ApprovalRequest, StoreError> {
        work.vouched(request).await?;
        let decided =
            if state == ApprovalState::Open { None } else { request.decided.or(Some(at)) };
        let request = ApprovalRequest { state, decided, ..request.clone() };
        ask("UPDATE approval SET state = $3, decided = $4 WHERE workspace = $1 AND id = $2")
            .bind(self.workspace.as_str())
            .bind(request.id)
            .bind(request.state.as_str())
            .bind(request.decided)
            .run(work.on())
            .await?;
        work.append(&request, at).await?;
        Ok(request)
    }
}
