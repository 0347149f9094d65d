//! Metrics in OpenMetrics text, with label sets that do not grow: never the name of an object.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// What came of working on an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// Ready.
    Ready,
    /// Something waits for somebody.
    Waiting,
    /// There is more to do.
    Pending,
    /// Something failed.
    Failed,
    /// It could not be read.
    Unknown,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Outcome::Ready => "ready",
            Outcome::Waiting => "waiting",
            Outcome::Pending => "pending",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        }
    }
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.word().encode(encoder)
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Reconciled {
    kind: &'static str,
    outcome: Outcome,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Objects {
    kind: &'static str,
    ready: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Waits {
    who: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Changed {
    class: String,
    action: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Asked {
    service: &'static str,
    outcome: &'static str,
}

/// What is so at the moment of a scrape.
#[derive(Default, Debug)]
pub struct Gauges {
    /// Kind, Ready's status, how many.
    pub objects: Vec<(&'static str, &'static str, i64)>,
    /// Who must act, in how many Tenants.
    pub waits: Vec<(&'static str, i64)>,
    pub due: i64,
    pub running: i64,
    /// Seconds since the oldest Tenant that is Ready was verified, as status has it.
    pub oldest_verified: Option<f64>,
    /// Service, outcome, requests since the start.
    pub requests: Vec<(&'static str, &'static str, u64)>,
    pub writes: u64,
    pub resource_units: u64,
}

/// All series. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciled: Family<Reconciled, Counter>,
    seconds: Family<OfKind, Histogram, fn() -> Histogram>,
    changes: Family<Changed, Counter>,
    status_writes: Family<OfKind, Counter>,
    objects: Family<Objects, Gauge>,
    waits: Family<Waits, Gauge>,
    due: Gauge,
    running: Gauge,
    oldest_verified: Gauge<f64, AtomicU64>,
    requests: Family<Asked, Counter>,
    writes: Counter,
    resource_units: Counter,
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 3.0, 9))
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("tenantry");
        let reconciled = Family::default();
        registry.register("reconcile", "Objects worked on, by what came of it", reconciled.clone());
        let seconds = Family::new_with_constructor(seconds as fn() -> Histogram);
        registry.register("reconcile_seconds", "How long working on an object took", seconds.clone());
        let changes = Family::default();
        registry.register("changes", "Changes made at Microsoft", changes.clone());
        let status_writes = Family::default();
        registry.register("status_writes", "Status written to the API server", status_writes.clone());
        let objects = Family::default();
        registry.register("objects", "Objects by the status of Ready", objects.clone());
        let waits = Family::default();
        registry.register("waiting_tenants", "Tenants by who must act next", waits.clone());
        let due = Gauge::default();
        registry.register("queue_due", "Objects that are due and not worked on yet", due.clone());
        let running = Gauge::default();
        registry.register("queue_running", "Objects that are worked on", running.clone());
        let oldest_verified = Gauge::default();
        let help = "Seconds since the Ready Tenant that was verified longest ago was verified, as its status has it";
        registry.register("oldest_verified_seconds", help, oldest_verified.clone());
        let requests = Family::default();
        registry.register("microsoft_requests", "Requests to Microsoft, a batch counting once", requests.clone());
        let writes = Counter::default();
        registry.register("microsoft_writes", "Mutating requests to Microsoft", writes.clone());
        let resource_units = Counter::default();
        registry.register("microsoft_resource_units", "Resource units of Microsoft Graph", resource_units.clone());
        registry.register("build", "The version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        Metrics {
            registry: Arc::new(registry),
            reconciled,
            seconds,
            changes,
            status_writes,
            objects,
            waits,
            due,
            running,
            oldest_verified,
            requests,
            writes,
            resource_units,
        }
    }
}

impl Metrics {
    /// An object was worked on.
    pub fn reconciled(&self, kind: &'static str, outcome: Outcome, seconds: f64) {
        self.reconciled.get_or_create(&Reconciled { kind, outcome }).inc();
        self.seconds.get_or_create(&OfKind { kind }).observe(seconds);
    }

    /// A change was made.
    pub fn changed(&self, class: String, action: &'static str) {
        self.changes.get_or_create(&Changed { class, action }).inc();
    }

    /// A status was written.
    pub fn status_written(&self, kind: &'static str) {
        self.status_writes.get_or_create(&OfKind { kind }).inc();
    }

    /// Everything as text, with what is so now.
    pub fn text(&self, now: &Gauges) -> String {
        for (kind, ready, count) in &now.objects {
            self.objects.get_or_create(&Objects { kind, ready }).set(*count);
        }
        for (who, count) in &now.waits {
            self.waits.get_or_create(&Waits { who }).set(*count);
        }
        self.due.set(now.due);
        self.running.set(now.running);
        self.oldest_verified.set(now.oldest_verified.unwrap_or_default());
        for (service, outcome, total) in &now.requests {
            raise(&self.requests.get_or_create(&Asked { service, outcome }), *total);
        }
        raise(&self.writes, now.writes);
        raise(&self.resource_units, now.resource_units);
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Brings a counter to a total that is counted elsewhere.
fn raise(counter: &Counter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_and_labels_are_these_and_no_others() {
        let metrics = Metrics::default();
        metrics.reconciled("Tenant", Outcome::Ready, 0.02);
        metrics.changed("Consent".into(), "create");
        metrics.status_written("Tenant");
        let now = Gauges {
            objects: vec![("Tenant", "True", 3)],
            waits: vec![("Customer", 2)],
            due: 1,
            running: 4,
            oldest_verified: Some(60.5),
            requests: vec![("graph", "ok", 7)],
            writes: 5,
            resource_units: 11,
        };
        metrics.text(&now);
        let text = metrics.text(&now);
        let shown: Vec<&str> = text.lines().filter(|line| !line.contains("_bucket{")).collect();
        insta::assert_snapshot!(shown.join("\n"));
    }
}
