//! All series, by name: what `/metrics` shows, and what docs/metrics.md says of it.

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry, Unit};

/// What a series measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// It only grows while the process lives.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations by size: `_bucket`, `_sum` and `_count`.
    Histogram,
    /// Always 1; the labels tell.
    Info,
}

impl Type {
    /// The word for it in the exposition format.
    pub const fn word(self) -> &'static str {
        match self {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
            Type::Info => "info",
        }
    }
}

/// One series.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// As queries name it.
    pub name: &'static str,
    /// What it measures.
    pub measures: Type,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// What it means, for people.
    pub meaning: &'static str,
}

impl Series {
    /// The name as the encoder wants it: it puts back what the type and the unit add.
    pub(super) fn stem(&self) -> (&'static str, Option<Unit>) {
        let ending = match self.measures {
            Type::Counter => "_total",
            Type::Info => "_info",
            Type::Gauge | Type::Histogram => "",
        };
        let name = self.name.strip_suffix(ending).unwrap_or(self.name);
        match (name.strip_suffix("_seconds"), name.strip_suffix("_bytes")) {
            (Some(stem), _) => (stem, Some(Unit::Seconds)),
            (_, Some(stem)) => (stem, Some(Unit::Bytes)),
            _ => (name, None),
        }
    }

    pub(super) const fn encoded_as(&self) -> MetricType {
        match self.measures {
            Type::Counter => MetricType::Counter,
            Type::Gauge => MetricType::Gauge,
            Type::Histogram => MetricType::Histogram,
            Type::Info => MetricType::Info,
        }
    }

    pub(super) fn register(&self, registry: &mut Registry, metric: impl Metric) {
        match self.stem() {
            (stem, Some(unit)) => registry.register_with_unit(stem, self.meaning, unit, metric),
            (stem, None) => registry.register(stem, self.meaning, metric),
        }
    }
}

const fn counter(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Series {
    Series { name, measures: Type::Counter, labels, meaning }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], meaning: &'static str) -> Series {
    Series { name, measures: Type::Gauge, labels, meaning }
}

pub(super) const RECONCILES: Series = counter(
    "tenantry_reconcile_total",
    &["kind", "outcome"],
    "Reconciles, by how the object stood afterwards: ready, waiting (for a person or for time), pending (a change awaits approval), failed, unknown (it could not be read)",
);
pub(super) const RECONCILE_SECONDS: Series = Series {
    name: "tenantry_reconcile_seconds",
    measures: Type::Histogram,
    labels: &["kind"],
    meaning: "How long a reconcile took",
};
pub(super) const ERRORS: Series = counter(
    "tenantry_reconcile_errors_total",
    &["kind", "class"],
    "Errors of reconciles, by what helps: transient (passes by itself), person (somebody must act), fixable (the next apply repairs it), permanent (until a declaration, a licence or a contract changes)",
);
pub(super) const OBJECTS: Series = gauge(
    "tenantry_objects",
    &["kind", "ready"],
    "Objects by the status of their condition Ready: True, False, Unknown",
);
pub(super) const WAITS: Series = gauge(
    "tenantry_waits",
    &["on", "who", "reason"],
    "Objects that wait: the condition that waits, who must act, and the condition's reason. A wait that nobody has is not shown",
);
pub(super) const SUSPENDED: Series = gauge("tenantry_suspended", &["kind"], "Objects that are suspended");
pub(super) const QUEUE_DEPTH: Series =
    gauge("tenantry_queue_depth", &[], "Objects that are due and not yet being reconciled");
pub(super) const QUEUE_RUNNING: Series = gauge("tenantry_queue_running", &[], "Objects being reconciled now");
pub(super) const QUEUE_OLDEST: Series =
    gauge("tenantry_queue_oldest_due_seconds", &[], "How long the object that waits longest has been due");
pub(super) const CHANGES: Series = counter(
    "tenantry_changes_total",
    &["class", "action"],
    "Changes made at Microsoft, by class (as approvals name it) and action: create, update, delete",
);
pub(super) const STATUS_WRITES: Series =
    counter("tenantry_status_writes_total", &["kind"], "Writes of an object's status; none while nothing changes");
pub(super) const EVENTS: Series =
    counter("tenantry_events_total", &["type"], "Kubernetes events that were published: Normal, Warning");
pub(super) const REQUESTS: Series = counter(
    "tenantry_microsoft_requests_total",
    &["service", "outcome"],
    "Requests to Microsoft by service (graph, partnercenter, exchange, token), each item of a batch as one: ok (answered, also that there is no such object), refused, throttled, error (no usable answer)",
);
pub(super) const WRITES: Series =
    counter("tenantry_microsoft_writes_total", &["service"], "Writes sent to Microsoft, each item of a batch as one");
pub(super) const RESOURCE_UNITS: Series =
    counter("tenantry_microsoft_resource_units_total", &[], "Resource units spent, by which Graph throttles");
pub(super) const THROTTLED: Series = counter(
    "tenantry_throttled_seconds_total",
    &[],
    "Time for which requests were held back because Microsoft throttled, summed over all that waited",
);
pub(super) const TOKEN_AGE: Series = gauge(
    "tenantry_token_age_seconds",
    &[],
    "Age of the oldest refresh token; one that is not used for 90 days expires. Not shown while there is none",
);
pub(super) const LAST_VERIFIED: Series = gauge(
    "tenantry_last_verified_seconds",
    &["kind"],
    "How long ago the stalest object of the kind was verified at Microsoft. Not shown while none was",
);
pub(super) const BUILD: Series = Series {
    name: "tenantry_build_info",
    measures: Type::Info,
    labels: &["version"],
    meaning: "The program's version",
};
pub(super) const STARTED: Series =
    gauge("process_start_time_seconds", &[], "When the process started, in seconds since 1970");
pub(super) const RESIDENT: Series =
    gauge("process_resident_memory_bytes", &[], "Memory that the process holds. On Linux only");

/// All of them, in the order of docs/metrics.md.
pub const SERIES: &[Series] = &[
    RECONCILES,
    RECONCILE_SECONDS,
    ERRORS,
    OBJECTS,
    WAITS,
    SUSPENDED,
    LAST_VERIFIED,
    QUEUE_DEPTH,
    QUEUE_RUNNING,
    QUEUE_OLDEST,
    CHANGES,
    STATUS_WRITES,
    EVENTS,
    REQUESTS,
    WRITES,
    RESOURCE_UNITS,
    THROTTLED,
    TOKEN_AGE,
    BUILD,
    STARTED,
    RESIDENT,
];
