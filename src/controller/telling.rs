//! What the operator tells of itself at a scrape, and whether it is well.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Operator, locked};
use crate::api::Kind;
use crate::engine::conditions::{Condition, Status};
use crate::telemetry::{Gauges, Outcome};

/// The loop goes round at least this often, whatever is due.
pub const PULSE: Duration = Duration::from_secs(10);
/// A loop that has not gone round for longer is stuck.
const STUCK: Duration = Duration::from_secs(60);

impl Operator {
    /// The loop goes round.
    pub(super) fn beat(&self) {
        *locked(&self.beaten) = Instant::now();
    }

    /// # Errors
    /// The loop is stuck.
    pub fn live(&self) -> Result<(), String> {
        let since = locked(&self.beaten).elapsed();
        if since > STUCK { Err(format!("the loop has not gone round for {} s", since.as_secs())) } else { Ok(()) }
    }

    /// # Errors
    /// What is missing before all objects are known.
    pub fn ready(&self) -> Result<(), String> {
        let complete = locked(&self.complete);
        let wanted = Kind::ALL.map(super::watch::label);
        let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|what| !complete.contains(*what)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("not known yet: {}", missing.join(", "))) }
    }

    /// All metrics as text.
    pub fn metrics_text(&self) -> String {
        self.metrics.text(&self.gauges())
    }

    fn gauges(&self) -> Gauges {
        let now = self.now();
        let (due, running) = {
            let queue = self.queue();
            (queue.due(now), queue.running())
        };
        let mut objects: BTreeMap<(&'static str, &'static str), i64> = BTreeMap::new();
        let mut waits: BTreeMap<&'static str, i64> = ["Customer", "Partner", "Microsoft"].map(|who| (who, 0)).into();
        let mut oldest = None;
        for kind in Kind::ALL {
            objects.extend(["True", "False", "Unknown"].map(|ready| ((kind.as_str(), ready), 0)));
        }
        for known in self.cache().iter() {
            let ready = ["True", "False"].into_iter().find(|word| *word == known.ready()).unwrap_or("Unknown");
            *objects.entry((known.name.kind.as_str(), ready)).or_default() += 1;
            let text = |name: &str| known.status.get(name).and_then(Value::as_str);
            if let Some(count) = text("waitsFor").and_then(|who| waits.get_mut(who)) {
                *count += 1;
            }
            let verified = text("lastVerified").and_then(|at| at.parse::<jiff::Timestamp>().ok());
            if let Some(at) = verified.filter(|_| ready == "True") {
                oldest = Some(oldest.map_or(at, |old: jiff::Timestamp| old.min(at)));
            }
        }
        let cost = self.ground.cost();
        Gauges {
            objects: objects.into_iter().map(|((kind, ready), count)| (kind, ready, count)).collect(),
            waits: waits.into_iter().collect(),
            due: i64::try_from(due).unwrap_or(i64::MAX),
            running: i64::try_from(running).unwrap_or(i64::MAX),
            oldest_verified: oldest.map(|at| now.duration_since(at).as_secs_f64()),
            requests: self.ground.cloud.wire.meter.requests(),
            writes: cost.writes,
            resource_units: cost.resource_units,
        }
    }
}

/// What came of working on an object.
pub fn outcome(conditions: &[Condition], failed: bool, waits: bool) -> Outcome {
    let ready = conditions.iter().find(|c| c.kind == "Ready").map(|c| c.status);
    match ready {
        Some(Status::True) => Outcome::Ready,
        Some(Status::Unknown) | None => Outcome::Unknown,
        Some(Status::False) if failed => Outcome::Failed,
        Some(Status::False) if waits => Outcome::Waiting,
        Some(Status::False) => Outcome::Pending,
    }
}
