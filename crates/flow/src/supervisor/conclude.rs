//! The end of a run that came to a result: who has to look at it.

use belay_model::record::{Review, ReviewState};
use belay_model::{Digest, Level, ReviewId};

use super::Supervisor;
use crate::FlowError;

/// What a run came to.
#[derive(Debug)]
pub struct Conclusion<'a> {
    /// The kind of review that it asks for.
    pub kind: &'a str,
    /// The body that a reviewer judges.
    pub subject: Digest,
    pub title: &'a str,
    /// One line for the list of runs.
    pub outcome: &'a str,
    /// From L3 on such a result stands by itself.
    pub low_risk: bool,
}

/// How the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concluded {
    /// The result counts only after this review.
    Waits(ReviewId),
    /// It counts; this run was drawn for review all the same.
    Sampled(ReviewId),
    Stands,
}

impl Concluded {
    pub const fn review(self) -> Option<ReviewId> {
        match self {
            Self::Waits(review) | Self::Sampled(review) => Some(review),
            Self::Stands => None,
        }
    }
}

/// One run in this many is reviewed although its result stands.
const SAMPLE_ONE_IN: u8 = 10;

impl Supervisor<'_> {
    /// Up to L2 every result waits for a person. From L3 on one of low risk stands, and some are
    /// drawn for review by the digest of their id, which nobody can choose.
    pub async fn conclude(&self, end: &Conclusion<'_>) -> Result<Concluded, FlowError> {
        let stands = self.level() >= Level::L3 && end.low_risk;
        let [draw, ..] = *Digest::of(self.run.id.to_string()).as_bytes();
        let sampled = draw % SAMPLE_ONE_IN == 0;
        if stands && !sampled {
            self.accept(&format!("{}; stands at {}", end.outcome, self.level())).await?;
            return Ok(Concluded::Stands);
        }
        let review = Review {
            id: ReviewId::new(self.desk.id()),
            run: self.run.id,
            kind: end.kind.to_owned(),
            subject: end.subject,
            title: self.hide(end.title),
            state: ReviewState::Open,
            created: self.desk.now(),
        };
        self.memory.open_review(&review, &self.hide(end.outcome)).await?;
        if stands {
            self.accept(&format!("{}; stands at {}, drawn for review", end.outcome, self.level()))
                .await?;
            return Ok(Concluded::Sampled(review.id));
        }
        Ok(Concluded::Waits(review.id))
    }
}
