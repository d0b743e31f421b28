//! Group commit: batches that wait at the same time go into one transaction, and each is answered when
//! that is on the disk.

use belay_model::record::SpanBatch;
use belay_store::{Added, Memory};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// As many spans go into one transaction before its batches are answered.
const GROUP: usize = 8192;

/// Batches that may wait for the writer.
const QUEUE: usize = 64;

/// What a receiver did in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub batches: u64,
    pub stored: u64,
    /// Spans that were there already.
    pub duplicates: u64,
    /// Batches that could not be kept; their senders were told to try again.
    pub failed: u64,
}

struct Waiting {
    batch: SpanBatch,
    answer: oneshot::Sender<Option<Added>>,
}

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Ingest {
    queue: mpsc::Sender<Waiting>,
}

impl Ingest {
    /// Starts the writer. It ends when the last `Ingest` is gone and everything is written.
    pub(crate) fn start(memory: Memory) -> (Self, JoinHandle<Tally>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue }, tokio::spawn(write(memory, waiting)))
    }

    /// Returns when the batch is on the disk; `None`: it is not, and may be sent again.
    pub(crate) async fn keep(&self, batch: SpanBatch) -> Option<Added> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Waiting { batch, answer }).await.ok()?;
        answered.await.ok().flatten()
    }
}

async fn write(memory: Memory, mut queue: mpsc::Receiver<Waiting>) -> Tally {
    let mut tally = Tally::default();
    while let Some(first) = queue.recv().await {
        let mut spans = first.batch.spans.len();
        let (mut batches, mut answers) = (vec![first.batch], vec![first.answer]);
        while spans < GROUP
            && let Ok(next) = queue.try_recv()
        {
            spans += next.batch.spans.len();
            batches.push(next.batch);
            answers.push(next.answer);
        }
        let added = memory.add_spans(&batches).await;
        for (position, answer) in answers.into_iter().enumerate() {
            let added = added.as_ref().ok().and_then(|added| added.get(position)).copied();
            match added {
                Some(added) => {
                    tally.batches += 1;
                    tally.stored += added.stored;
                    tally.duplicates += added.duplicates;
                }
                None => tally.failed += 1,
            }
            // The sender may have gone; what it sent is kept all the same.
            answer.send(added).ok();
        }
    }
    tally
}
