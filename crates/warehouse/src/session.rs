//! A session with its thread: statements are sent to it one by one and answered in turn.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use adbc_core::CancelHandle;
use belay_gate::Permit;
use belay_model::rows::Rows;
use tokio::sync::oneshot;

use crate::connection::Connection;
use crate::{Database, Driver, Statement, WarehouseError};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// An open session. The connection closes, and a file lock with it, when [`Session::close`] returns.
#[derive(Debug)]
pub struct Session {
    jobs: mpsc::Sender<Job>,
    thread: thread::JoinHandle<()>,
    running: Running,
}

/// How to cancel the statement that runs now, if one does.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<Option<Box<dyn CancelHandle>>>>);

impl fmt::Debug for Running {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Running")
    }
}

impl Running {
    fn set(&self, handle: Option<Box<dyn CancelHandle>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    fn cancel(&self) {
        if let Some(handle) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // A driver that cannot cancel runs on to its end: all that is lost is time.
            drop(handle.try_cancel());
        }
    }
}

impl Session {
    pub async fn open(driver: Driver, database: Database) -> Result<Self, WarehouseError> {
        let (opened, answer) = oneshot::channel();
        let (jobs, inbox) = mpsc::channel::<Job>();
        let serve = move || match database.connect(&driver) {
            Ok(mut connection) => {
                if opened.send(Ok(())).is_ok() {
                    inbox.into_iter().for_each(|job| job(&mut connection));
                }
            }
            // Nobody waits for the answer any more: there is nobody to tell.
            Err(error) => drop(opened.send(Err(error))),
        };
        let thread = thread::Builder::new().name("warehouse".to_owned()).spawn(serve);
        let thread = thread.map_err(|_| WarehouseError::Ended)?;
        answer.await.map_err(|_| WarehouseError::Ended)??;
        Ok(Self { jobs, thread, running: Running::default() })
    }

    /// Runs a statement that returns rows.
    pub async fn query(
        &self,
        permit: Permit,
        statement: Statement,
    ) -> Result<Rows, WarehouseError> {
        permit.admit(&statement.action())?;
        let running = self.running.clone();
        self.run(move |connection| connection.query(&statement, |handle| running.set(handle))).await
    }

    /// Asks the query that runs now to end; it answers with an error, or with its rows if it was
    /// nearly done. One that is just about to start does not hear it: [`Session::close`] asks again.
    pub fn cancel(&self) {
        self.running.cancel();
    }

    /// Runs a statement that changes something.
    pub async fn execute(
        &self,
        permit: Permit,
        statement: Statement,
    ) -> Result<(), WarehouseError> {
        permit.admit(&statement.action())?;
        self.run(move |connection| connection.execute(&statement)).await
    }

    /// Waits for the thread, and so for the lock on the file, to go. A query that still runs was
    /// given up by whoever asked, and is cancelled; a change is waited for.
    pub async fn close(self) {
        drop(self.jobs);
        // The thread ends by itself once the channel is gone; a panic there has nothing to say here.
        while !self.thread.is_finished() {
            self.running.cancel();
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        drop(self.thread.join());
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, WarehouseError> + Send + 'static,
    ) -> Result<T, WarehouseError> {
        let (done, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // What was given up before its turn came is not begun.
            if !done.is_closed() {
                drop(done.send(work(connection)));
            }
        });
        self.jobs.send(job).map_err(|_| WarehouseError::Ended)?;
        answer.await.map_err(|_| WarehouseError::Ended)?
    }
}
