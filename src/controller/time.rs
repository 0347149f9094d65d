//! Whose time rules: the machine's, or in tests the cloud's.

use std::time::Duration;

use jiff::Timestamp;

use super::telling::PULSE;
use crate::cloud::clock::Slept;
use crate::cloud::{Clock, Sleep};
use crate::pass::Ground;

/// Whose time it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimeOf {
    /// The machine's.
    #[default]
    Machine,
    /// The cloud's: what is due is what is due there.
    Cloud,
}

/// The time by which things are due.
#[derive(Clone, Debug)]
pub struct Time {
    of: TimeOf,
    /// Where the cloud tells its time; only with [`TimeOf::Cloud`].
    clock: Option<(reqwest::Client, String)>,
}

/// How often the cloud is asked for its time.
const TICK: Duration = Duration::from_millis(100);

impl Time {
    /// `endpoint` is asked for the cloud's time; it must be one that has a clock to be played with.
    ///
    /// # Errors
    /// No HTTP client can be made, or the CA does not read.
    pub fn new(of: TimeOf, endpoint: &str, ca: Option<&[u8]>) -> Result<Time, String> {
        let clock = match of {
            TimeOf::Machine => None,
            TimeOf::Cloud => {
                let mut client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5));
                for certificate in ca
                    .map(reqwest::Certificate::from_pem_bundle)
                    .transpose()
                    .map_err(|e| e.to_string())?
                    .into_iter()
                    .flatten()
                {
                    client = client.add_root_certificate(certificate);
                }
                let client = client.build().map_err(|e| e.to_string())?;
                Some((client, format!("{}/_sandbox/clock", endpoint.trim_end_matches('/'))))
            }
        };
        Ok(Time { of, clock })
    }

    #[expect(clippy::disallowed_methods, reason = "here is where the time of the operator comes from")]
    pub fn now(&self, ground: &Ground) -> Timestamp {
        match self.of {
            TimeOf::Machine => Timestamp::now(),
            TimeOf::Cloud => ground.now(),
        }
    }

    /// Until it is that time, or at least for a moment.
    #[expect(clippy::disallowed_methods, reason = "waits for what is due, not for the cloud")]
    pub async fn until(&self, at: Option<Timestamp>, ground: &Ground) {
        match self.of {
            TimeOf::Cloud => tokio::time::sleep(TICK).await,
            TimeOf::Machine => {
                let left = at.map(|at| at.duration_since(self.now(ground)));
                let left = left.map_or(PULSE, |left| Duration::try_from(left).unwrap_or_default());
                tokio::time::sleep(left.clamp(Duration::from_millis(5), PULSE)).await;
            }
        }
    }

    /// Hears the cloud's clock for ever, where that one rules.
    #[expect(clippy::disallowed_methods, reason = "hears the cloud's clock in the machine's time")]
    pub async fn hear(self, ground: Ground) {
        let Some((client, url)) = self.clock else { return std::future::pending().await };
        loop {
            if let Ok(answer) = client.get(&url).send().await
                && let Ok(body) = answer.json::<serde_json::Value>().await
                && let Some(now) = body.get("now").and_then(|now| now.as_str()).and_then(|now| now.parse().ok())
            {
                ground.cloud.wire.clock.reach(now);
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

/// Lets the cloud's time go by: somebody else plays it.
pub struct CloudSleep(pub std::sync::Arc<Clock>);

impl Sleep for CloudSleep {
    #[expect(clippy::disallowed_methods, reason = "looks at the cloud's clock now and then")]
    fn sleep(&self, at_most: Duration) -> Slept<'_> {
        Box::pin(async move {
            let from = self.0.now();
            let until = jiff::SignedDuration::try_from(at_most).ok().and_then(|d| from.checked_add(d).ok());
            while until.is_some_and(|until| self.0.now() < until) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    }
}
