//! Ctrl-C: the first finishes the step in hand, the second aborts.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;

use super::printer::Printer;
use crate::cloud::Sleep;
use crate::cloud::clock::{RealSleep, Slept};

/// Whether somebody wants the run to end.
#[derive(Default)]
pub struct Interrupt {
    /// What is said to the first signal while something in hand is finished; without it, the run ends at once.
    busy: OnceLock<&'static str>,
    wanted: AtomicBool,
    heard: Notify,
    aborted: Notify,
}

impl Interrupt {
    /// Listens for SIGINT and SIGTERM until the process ends.
    pub fn listen(self: &Arc<Interrupt>, printer: &Arc<Printer>) {
        let (ours, printer) = (self.clone(), printer.clone());
        tokio::spawn(async move {
            while signal().await {
                let Some(said) = ours.busy.get().filter(|_| !ours.is_wanted()) else {
                    ours.aborted.notify_one();
                    return;
                };
                printer.say(said);
                ours.raise();
            }
        });
    }

    /// From here on the first signal finishes the step in hand; before, it ends the run at once.
    pub fn begin(&self) {
        self.begin_saying("interrupted: finishing the step in hand; once more to abort");
    }

    /// As [`Interrupt::begin`], with words of its own.
    pub fn begin_saying(&self, words: &'static str) {
        let _ = self.busy.set(words);
    }

    /// Ready when the run shall end as soon as what is in hand is finished.
    pub async fn wanted(&self) {
        let heard = self.heard.notified();
        if !self.is_wanted() {
            heard.await;
        }
    }

    /// Ready when the run shall end at once.
    pub async fn aborted(&self) {
        self.aborted.notified().await;
    }

    pub fn is_wanted(&self) -> bool {
        self.wanted.load(SeqCst)
    }

    fn raise(&self) {
        self.wanted.store(true, SeqCst);
        self.heard.notify_waiters();
    }
}

/// Waits for a signal; `false` when none can be heard.
#[cfg(unix)]
pub(super) async fn signal() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return tokio::signal::ctrl_c().await.is_ok() };
    tokio::select! {
        heard = tokio::signal::ctrl_c() => heard.is_ok(),
        heard = terminate.recv() => heard.is_some(),
    }
}

#[cfg(not(unix))]
pub(super) async fn signal() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}

/// Sleeps as another does, and wakes when the run shall end.
pub struct Interruptible {
    pub inner: Arc<dyn Sleep>,
    pub interrupt: Arc<Interrupt>,
}

impl Interruptible {
    /// Real sleep that an interrupt ends.
    pub fn real(interrupt: &Arc<Interrupt>) -> Arc<dyn Sleep> {
        Arc::new(Interruptible { inner: Arc::new(RealSleep), interrupt: interrupt.clone() })
    }
}

impl Sleep for Interruptible {
    fn sleep(&self, at_most: Duration) -> Slept<'_> {
        Box::pin(async move {
            let heard = self.interrupt.heard.notified();
            if self.interrupt.is_wanted() {
                return;
            }
            tokio::select! {
                () = self.inner.sleep(at_most) => {}
                () = heard => {}
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_interrupt_ends_a_sleep_and_no_other_begins() {
        let interrupt = Arc::new(Interrupt::default());
        let sleep = Interruptible::real(&interrupt);
        let waker = interrupt.clone();
        let hour = Duration::from_secs(3_600);
        tokio::join!(sleep.sleep(hour), async move {
            tokio::task::yield_now().await;
            waker.raise();
        });
        sleep.sleep(hour).await;
        assert!(interrupt.is_wanted());
    }
}
