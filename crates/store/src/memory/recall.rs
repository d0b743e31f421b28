//! Reading the record back. Every statement binds the workspace first.

use belay_model::record::{
    Artefact, Decision, Disposition, Effect, Leaf, Review, Run, Score, Step,
};
use belay_model::{ReviewId, RunId, Timestamp};

use super::Memory;
use crate::StoreError;
use crate::ask::ask;
use crate::rows::FromRow;

impl Memory {
    /// Runs, newest first. A run whose process went away is first written down as interrupted.
    pub async fn runs(&self, at: Timestamp) -> Result<Vec<Run>, StoreError> {
        let runs: Vec<Run> = self
            .fetch("SELECT * FROM run WHERE workspace = $1 ORDER BY started DESC, id DESC", &[])
            .await?;
        let mut seen = Vec::with_capacity(runs.len());
        for run in runs {
            seen.push(self.notice(run, at).await?);
        }
        Ok(seen)
    }

    /// The run with this id, the end or the start of one, or `last`.
    pub async fn find_run(&self, text: &str, at: Timestamp) -> Result<Run, StoreError> {
        let runs: Vec<Run> = if text == "last" {
            let newest =
                "SELECT * FROM run WHERE workspace = $1 ORDER BY started DESC, id DESC LIMIT 1";
            self.fetch(newest, &[]).await?
        } else {
            let like = "SELECT * FROM run WHERE workspace = $1 AND (id LIKE $2 || '%' OR id LIKE '%' || $2)";
            self.fetch(like, &[&escaped(text)]).await?
        };
        let run = only("run", text, runs)?;
        self.notice(run, at).await
    }

    pub async fn steps(&self, run: RunId) -> Result<Vec<Step>, StoreError> {
        self.of_run("SELECT * FROM step WHERE workspace = $1 AND run = $2 ORDER BY number", run)
            .await
    }

    pub async fn decisions(&self, run: RunId) -> Result<Vec<Decision>, StoreError> {
        self.of_run("SELECT * FROM decision WHERE workspace = $1 AND run = $2 ORDER BY at, id", run)
            .await
    }

    pub async fn effects(&self, run: RunId) -> Result<Vec<Effect>, StoreError> {
        self.of_run(
            "SELECT * FROM effect WHERE workspace = $1 AND run = $2 ORDER BY reserved, id",
            run,
        )
        .await
    }

    pub async fn artefacts(&self, run: RunId) -> Result<Vec<Artefact>, StoreError> {
        self.of_run("SELECT * FROM artefact WHERE workspace = $1 AND run = $2 ORDER BY at, id", run)
            .await
    }

    pub async fn scores(&self, run: RunId) -> Result<Vec<Score>, StoreError> {
        self.of_run("SELECT * FROM score WHERE workspace = $1 AND run = $2 ORDER BY at, id", run)
            .await
    }

    pub async fn leaves(&self, run: RunId) -> Result<Vec<Leaf>, StoreError> {
        self.of_run("SELECT * FROM audit WHERE workspace = $1 AND run = $2 ORDER BY sequence", run)
            .await
    }

    /// Effects with an inverse that nobody has taken back yet, oldest first.
    pub async fn open_effects(&self, verb: &str) -> Result<Vec<Effect>, StoreError> {
        let open = "SELECT * FROM effect WHERE workspace = $1 AND verb = $2 AND inverse IS NOT NULL
                      AND state IN ('reserved', 'committed', 'ambiguous') ORDER BY reserved, id";
        self.fetch(open, &[verb]).await
    }

    pub async fn reviews(&self) -> Result<Vec<Review>, StoreError> {
        self.fetch("SELECT * FROM review WHERE workspace = $1 ORDER BY created DESC, id DESC", &[])
            .await
    }

    /// The review with this id, the end or the start of one, `last`, or that of a run.
    pub async fn find_review(&self, text: &str) -> Result<Review, StoreError> {
        let reviews: Vec<Review> = if text == "last" {
            let newest =
                "SELECT * FROM review WHERE workspace = $1 ORDER BY created DESC, id DESC LIMIT 1";
            self.fetch(newest, &[]).await?
        } else {
            let like = "SELECT * FROM review WHERE workspace = $1 AND (id LIKE $2 || '%' OR id LIKE '%' || $2
                          OR run LIKE $2 || '%' OR run LIKE '%' || $2)";
            self.fetch(like, &[&escaped(text)]).await?
        };
        only("review", text, reviews)
    }

    /// The newest review of a run.
    pub async fn review_of(&self, run: RunId) -> Result<Option<Review>, StoreError> {
        let newest = "SELECT * FROM review WHERE workspace = $1 AND run = $2
                        ORDER BY created DESC, id DESC LIMIT 1";
        let reviews = self.of_run(newest, run).await?;
        Ok(reviews.into_iter().next())
    }

    pub async fn dispositions(&self, review: ReviewId) -> Result<Vec<Disposition>, StoreError> {
        let of =
            "SELECT * FROM disposition WHERE workspace = $1 AND review = $2 ORDER BY at, finding";
        self.fetch(of, &[&review.to_string()]).await
    }

    pub(super) async fn of_run<T: FromRow>(
        &self,
        sql: &'static str,
        run: RunId,
    ) -> Result<Vec<T>, StoreError> {
        self.fetch(sql, &[&run.to_string()]).await
    }

    /// `sql` binds the workspace first.
    pub(super) async fn fetch<T: FromRow>(
        &self,
        sql: &'static str,
        more: &[&str],
    ) -> Result<Vec<T>, StoreError> {
        let asked = ask(sql).bind(self.workspace.as_str());
        more.iter().fold(asked, |asked, value| asked.bind(*value)).all(&self.pool).await
    }
}

/// An id is hex and hyphens; anything else would be a pattern, and nothing would be the start of all.
pub(super) fn escaped(text: &str) -> String {
    let text = if text.is_empty() { "~" } else { text };
    text.chars()
        .map(|letter| if letter.is_ascii_hexdigit() || letter == '-' { letter } else { '~' })
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

pub(super) fn only<T>(kind: &'static str, text: &str, mut found: Vec<T>) -> Result<T, StoreError> {
    match found.len() {
        1 => found.pop().ok_or_else(|| StoreError::NotFound { kind, text: text.to_owned() }),
        0 => Err(StoreError::NotFound { kind, text: text.to_owned() }),
        count => Err(StoreError::Vague { kind, text: text.to_owned(), count }),
    }
}
