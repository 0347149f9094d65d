//! What the operator tells of itself.

use std::time::Duration;

use serde_json::Value;

use super::cache::{Known, condition};
use super::{Operator, locked};
use crate::api::conditions::Retry;
use crate::api::{Kind, SecretName, Spec};
use crate::engine::conditions::{Condition, Status};
use crate::source::SecretSink as _;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::{ErrorClass, Object, Outcome, Queue, Wait};

/// The loop goes round at least this often, whatever is due.
pub const PULSE: Duration = Duration::from_secs(10);
/// Objects are counted this often.
const EVERY: Duration = Duration::from_secs(5);

impl Operator {
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Brings the gauges up to date, now and then.
    pub(super) fn show(&self) {
        let now = self.now();
        let queue = self.queue();
        let oldest_due = queue.next().map_or(0.0, |at| now.duration_since(at).as_secs_f64().max(0.0));
        let (due, running) = (queue.due(now), queue.running());
        drop(queue);
        self.metrics.set_queue(Queue { depth: due as u64, running: running as u64, oldest_due });
        let mut shown = locked(&self.shown);
        if shown.is_none_or(|at| at.elapsed() > EVERY) {
            *shown = Some(std::time::Instant::now());
            let object = |known: &Known| object(known, now);
            self.metrics.set_objects(self.cache().iter().map(object));
            self.metrics.set_token_age(self.token_age(now));
        }
    }
}

impl Operator {
    /// Seconds since the refresh token that was renewed longest ago was renewed; 90 days without use end it.
    fn token_age(&self, now: jiff::Timestamp) -> Option<f64> {
        let snapshot = self.fleet.current();
        let ages = snapshot.inputs.objects.of(Kind::Partner).filter_map(|object| {
            let Spec::Partner(spec) = &object.spec else { return None };
            let store = &spec.managing_app.service_account.refresh_token.store.secret_ref.name;
            let held = self.vault.read(&SecretName::new(&object.namespace, store)).ok()?;
            let at = held.values.get("refreshedAt")?.expose().parse::<jiff::Timestamp>().ok()?;
            Some(now.duration_since(at).as_secs_f64())
        });
        ages.reduce(f64::max)
    }
}

fn object(known: &Known, now: jiff::Timestamp) -> Object {
    let status = known.status.value();
    let verified = status.get("lastVerified").and_then(Value::as_str);
    let verified = verified.and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let waits = status.get("waits").and_then(Value::as_array).into_iter().flatten();
    let reason = condition(&status, "Ready").and_then(|c| c.get("reason")).and_then(Value::as_str);
    Object {
        kind: known.name.kind.as_str(),
        ready: match known.ready() {
            "True" => Status::True,
            "False" => Status::False,
            _ => Status::Unknown,
        },
        suspended: reason == Some("Suspended"),
        waits: waits.filter_map(wait).collect(),
        verified_ago: verified.map(|at| now.duration_since(at).as_secs_f64()),
    }
}

/// A wait in words of closed lists: labels must not grow.
fn wait(wait: &Value) -> Option<Wait> {
    let word = |name: &str| wait.get(name).and_then(Value::as_str);
    let among = |words: &[&'static str], word: &str| words.iter().find(|known| **known == word).copied();
    Some(Wait {
        on: among(&["person", "microsoft"], word("on")?)?,
        who: among(&["Customer", "Partner", "Microsoft"], word("who")?)?,
        reason: crate::api::conditions::Reason::parse(word("reason")?)?.as_str(),
    })
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

/// How an error is going to end.
pub fn class(retry: Option<Retry>) -> ErrorClass {
    match retry {
        Some(Retry::Person) => ErrorClass::Person,
        Some(Retry::Permanent) => ErrorClass::Permanent,
        Some(Retry::Fixable) => ErrorClass::Fixable,
        Some(Retry::Transient) | None => ErrorClass::Transient,
    }
}
