//! The cloud's clock rules: `now` is the `Date` of the newest answer.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};

/// The time as the servers tell it.
#[derive(Debug, Default)]
pub struct Clock {
    newest: Mutex<Option<Heard>>,
    /// Time goes on between two answers: for a process that lives long.
    runs: AtomicBool,
}

/// What a server said, and when we heard it.
#[derive(Clone, Copy, Debug)]
struct Heard {
    said: Timestamp,
    at: Instant,
}

impl Clock {
    /// The newest `Date` seen; before the first answer the machine's own time.
    #[expect(clippy::disallowed_methods, reason = "here is where `now` comes from while no server has told it")]
    pub fn now(&self) -> Timestamp {
        let newest = self.newest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match *newest {
            None => Timestamp::now(),
            Some(heard) if self.runs.load(Relaxed) => {
                let since = SignedDuration::try_from(heard.at.elapsed()).unwrap_or_default();
                heard.said.checked_add(since).unwrap_or(heard.said)
            }
            Some(heard) => heard.said,
        }
    }

    /// From here on time goes on by itself from the newest answer.
    pub fn run(&self) {
        self.runs.store(true, Relaxed);
    }

    /// Notes an answer's `Date` header.
    pub fn hear(&self, date: &str) {
        if let Ok(zoned) = rfc2822::parse(date) {
            self.reach(zoned.timestamp());
        }
    }

    /// It is at least this late.
    pub fn reach(&self, now: Timestamp) {
        let mut newest = self.newest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if newest.is_none_or(|known| known.said < now) {
            *newest = Some(Heard { said: now, at: Instant::now() });
        }
    }
}

/// A future that is ready after some of the cloud's time.
pub type Slept<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The one way to let time pass. Against the embedded sandbox it moves the virtual clock to the
/// next due moment; elsewhere it sleeps.
pub trait Sleep: Send + Sync {
    fn sleep(&self, at_most: Duration) -> Slept<'_>;
}

/// Sleeps for real.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealSleep;

impl Sleep for RealSleep {
    #[expect(clippy::disallowed_methods, reason = "this is the one function")]
    fn sleep(&self, at_most: Duration) -> Slept<'_> {
        Box::pin(tokio::time::sleep(at_most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_the_newest_date_of_an_answer() {
        let clock = Clock::default();
        clock.hear("Mon, 23 Nov 2026 10:00:00 GMT");
        clock.hear("Mon, 23 Nov 2026 09:00:00 GMT");
        clock.hear("yesterday");
        assert_eq!(clock.now().to_string(), "2026-11-23T10:00:00Z");
    }
}
