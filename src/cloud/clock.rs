//! The cloud's clock rules: `now` is the `Date` of the newest answer.

use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// The time as the servers tell it.
#[derive(Debug, Default)]
pub struct Clock {
    newest: Mutex<Option<Timestamp>>,
}

impl Clock {
    /// The newest `Date` seen; before the first answer the machine's own time.
    #[expect(clippy::disallowed_methods, reason = "here is where `now` comes from while no server has told it")]
    pub fn now(&self) -> Timestamp {
        let newest = self.newest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        newest.unwrap_or_else(Timestamp::now)
    }

    /// Notes an answer's `Date` header.
    pub fn hear(&self, date: &str) {
        let Ok(zoned) = rfc2822::parse(date) else { return };
        let mut newest = self.newest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if newest.is_none_or(|known| known < zoned.timestamp()) {
            *newest = Some(zoned.timestamp());
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
