//! The wish to stop, heard wherever something waits.

use tokio::sync::watch;

/// Cloned into everything that waits. Once asked, it stays asked.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: watch::Receiver<bool>,
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
        (Stopper(ask), Self { asked })
    }

    /// For work that nobody can interrupt, such as clearing up.
    pub fn never() -> Self {
        Self::new().1
    }

    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Returns when somebody asks; never, if nobody can any more.
    pub async fn asked(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
