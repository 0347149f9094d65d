//! Writes that come too soon after each other. Graph: `Directory_ConcurrencyViolation`; seen: credentials of one
//! application, written seconds apart, conflict; five seconds are enough.
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::sandbox::clock::plus;
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::state::State;

/// When the credentials of each object were last written.
#[derive(Default)]
pub struct Pace(BTreeMap<String, Timestamp>);

impl Pace {
    /// Refuses a write of credentials that comes too soon after another one on the same object.
    pub fn check(&mut self, state: &State, object: &str, now: Timestamp) -> Result<(), Failure> {
        let last = self.0.get(object).copied();
        let Some(last) = last else { return Ok(()) };
        let about = format!("credentials {object} {last}");
        if now < plus(last, state.lag_of(state.lag.credential_writes, &about).0) {
            return Err(Failure::new(409, "Directory_ConcurrencyViolation", CONCURRENT));
        }
        Ok(())
    }

    /// The credentials of an object were written.
    pub fn written(&mut self, object: String, now: Timestamp, window: i64) {
        self.0.retain(|_, at| plus(*at, window) > now);
        self.0.insert(object, now);
    }
}

const CONCURRENT: &str = "Unable to save changes made by concurrent requests to the same directory object. Please wait and retry your request.";

/// Whether a write is one of credentials.
pub fn is_credential(method: &str, pattern: &str, body: &[u8]) -> bool {
    let last = pattern.rsplit('/').next().unwrap_or_default();
    let of_app = pattern.starts_with("/applications/") || pattern.starts_with("/servicePrincipals/");
    let set = || body.windows(KEYS.len()).any(|w| w == KEYS);
    of_app
        && (["addPassword", "removePassword", "addKey", "removeKey"].contains(&last)
            || pattern.contains("/federatedIdentityCredentials")
            || (method == "PATCH" && pattern.ends_with("/{key}") && set()))
}

const KEYS: &[u8] = b"\"keyCredentials\"";
