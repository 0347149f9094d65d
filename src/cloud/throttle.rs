//! Throttling: who asked us to stay away, and until when. A pause of whatever length is kept; who cannot wait that long
//! is told until when instead of being held.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::engine::read::{Fault, Service, TenantId};

/// Gates that a server closed, by tenant and service.
#[derive(Debug, Default)]
pub struct Throttle {
    gates: Mutex<BTreeMap<(TenantId, Service), Timestamp>>,
    /// The longest pause that is waited out on the spot; `None`: any.
    patience: Option<Duration>,
}

impl Throttle {
    /// Pauses that are longer than `patience` are not waited out.
    pub fn new(patience: Option<Duration>) -> Throttle {
        Throttle { gates: Mutex::default(), patience }
    }

    /// Whether a pause is waited out on the spot.
    pub fn bears(&self, pause: Duration) -> bool {
        self.patience.is_none_or(|most| pause <= most)
    }

    /// A server asks to be left alone for this long.
    pub fn close(&self, tenant: &TenantId, service: Service, pause: Duration, now: Timestamp) {
        if self.patience.is_none() {
            return; // who waits out any pause needs no gate
        }
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, until| *until > now);
        gates.insert((tenant.clone(), service), later(now, pause));
    }

    /// How long the gate stays closed.
    pub fn closed_for(&self, tenant: &TenantId, service: Service, now: Timestamp) -> Option<Duration> {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let until = gates.get(&(tenant.clone(), service))?;
        Duration::try_from(until.duration_since(now)).ok().filter(|left| !left.is_zero())
    }
}

fn later(now: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause).ok().and_then(|pause| now.checked_add(pause).ok()).unwrap_or(Timestamp::MAX)
}

/// What is said instead of waiting.
pub fn throttled(now: Timestamp, pause: Duration) -> Fault {
    let until = later(now, pause);
    Fault {
        after: Some(until),
        ..Fault::new(
            "Microsoft asks to be asked later",
            "Nothing is to be done; it goes on by itself when the time that Microsoft named is over.",
        )
    }
}
