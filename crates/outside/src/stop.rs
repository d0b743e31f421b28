//! The wish to stop, heard wherever something waits.

use tokio::sync::watch;

/// Cloned into everything that waits. Once asked, it stays asked.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: watch::Receiver<bool>,
    /// What is at work is left to end by itself.
    patient: bool,
}

/// The end that asks.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    pub fn new() -> (Stopper, Self) {
        let (ask, asked) = watch::channel(false);
        (Stopper(ask), Self { asked, patient: false })
    }

    /// For work that nobody can interrupt, such as clearing up.
    pub fn never() -> Self {
        Self::new().1
    }

    /// The same wish, for one who ends what is at hand first: only [`Stop::is_wished`] and
    /// [`Stop::wished`] hear it.
    #[must_use]
    pub fn patient(&self) -> Self {
        Self { asked: self.asked.clone(), patient: true }
    }

    /// Whether to stop at once.
    pub fn is_asked(&self) -> bool {
        !self.patient && self.is_wished()
    }

    /// Whether to begin nothing new.
    pub fn is_wished(&self) -> bool {
        *self.asked.borrow()
    }

    /// Returns when it is time to stop at once; never, if nobody can ask any more.
    pub async fn asked(&self) {
        if self.patient {
            std::future::pending::<()>().await;
        }
        self.wished().await;
    }

    /// Returns when nothing new is to begin; never, if nobody can ask any more.
    pub async fn wished(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
