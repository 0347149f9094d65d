//! Metrics, for Prometheus. Labels come from closed lists and never name an object: the number of
//! series does not grow with the number of customers.

mod scrape;
mod series;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
pub use series::{SERIES, Series, Type};

use crate::cloud::Traffic;
use crate::engine::conditions::Status;
use crate::engine::step::{Action, Class};

/// What the text of [`Metrics::text`] is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of a reconcile's buckets in seconds: from "nothing to do" to "read back until Microsoft shows it".
const BUCKETS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// How an object stood after its reconcile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// As declared.
    Ready,
    /// For a person, or for time.
    Waiting,
    /// A change awaits approval.
    Pending,
    /// Something went wrong.
    Failed,
    /// It could not be read.
    Unknown,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Outcome; 5] =
        [Outcome::Ready, Outcome::Waiting, Outcome::Pending, Outcome::Failed, Outcome::Unknown];

    /// The label's value.
    pub const fn word(self) -> &'static str {
        match self {
            Outcome::Ready => "ready",
            Outcome::Waiting => "waiting",
            Outcome::Pending => "pending",
            Outcome::Failed => "failed",
            Outcome::Unknown => "unknown",
        }
    }
}

/// What helps against an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorClass {
    /// It passes by itself.
    Transient,
    /// Somebody must act.
    Person,
    /// The next apply repairs it.
    Fixable,
    /// It stays until a declaration, a licence or a contract changes.
    Permanent,
}

impl ErrorClass {
    /// All classes.
    pub const ALL: [ErrorClass; 4] =
        [ErrorClass::Transient, ErrorClass::Person, ErrorClass::Fixable, ErrorClass::Permanent];

    /// The label's value.
    pub const fn word(self) -> &'static str {
        match self {
            ErrorClass::Transient => "transient",
            ErrorClass::Person => "person",
            ErrorClass::Fixable => "fixable",
            ErrorClass::Permanent => "permanent",
        }
    }
}

/// The types of a Kubernetes event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventType {
    /// Something was done.
    Normal,
    /// Something went wrong.
    Warning,
}

impl EventType {
    /// All types.
    pub const ALL: [EventType; 2] = [EventType::Normal, EventType::Warning];

    /// The label's value.
    pub const fn word(self) -> &'static str {
        match self {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        }
    }
}

/// One object, as the gauges count it.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its kind, as manifests write it.
    pub kind: &'static str,
    /// The status of its condition Ready.
    pub ready: Status,
    /// Whether it is suspended.
    pub suspended: bool,
    /// What it waits for.
    pub waits: Vec<Wait>,
    /// How long ago it was verified at Microsoft, in seconds; `None` when it never was.
    pub verified_ago: Option<f64>,
}

/// One thing that an object waits for; all three from the vocabulary, never free text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Wait {
    /// The condition's type.
    pub on: &'static str,
    /// Who must act: `Customer`, `Partner`, `Microsoft`.
    pub who: &'static str,
    /// The condition's reason.
    pub reason: &'static str,
}

/// The state of the operator's queue.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Queue {
    /// Due, and not yet begun.
    pub depth: u64,
    /// Under way.
    pub running: u64,
    /// For how long the object that waits longest has been due, in seconds; 0 when none is.
    pub oldest_due: f64,
}

type Label = (&'static str, &'static str);

/// All metrics of a process. Clones are the same metrics.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    reconciles: Family<[Label; 2], Counter>,
    seconds: Family<[Label; 1], Histogram, fn() -> Histogram>,
    errors: Family<[Label; 2], Counter>,
    changes: Family<[Label; 2], Counter>,
    status_writes: Family<[Label; 1], Counter>,
    events: Family<[Label; 1], Counter>,
    scraped: Arc<scrape::Scraped>,
}

impl Metrics {
    /// `kinds` are the names of all kinds that will be counted: their series are there from the
    /// beginning, at zero, so that the first error is an increase.
    pub fn new(version: &'static str, kinds: &[&'static str]) -> Metrics {
        let inner = Inner {
            registry: Registry::default(),
            reconciles: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            errors: Family::default(),
            changes: Family::default(),
            status_writes: Family::default(),
            events: Family::default(),
            scraped: Arc::new(scrape::Scraped::new(kinds)),
        };
        inner.zero(kinds);
        Metrics(Arc::new(inner.registered(version)))
    }

    /// A reconcile ended.
    pub fn reconciled(&self, kind: &'static str, outcome: Outcome, seconds: f64) {
        self.0.reconciles.get_or_create(&[("kind", kind), ("outcome", outcome.word())]).inc();
        self.0.seconds.get_or_create(&[("kind", kind)]).observe(seconds);
    }

    /// A reconcile met an error.
    pub fn failed(&self, kind: &'static str, class: ErrorClass) {
        self.0.errors.get_or_create(&[("kind", kind), ("class", class.word())]).inc();
    }

    /// A change was made at Microsoft.
    pub fn changed(&self, class: Class, action: Action) {
        self.0.changes.get_or_create(&[("class", class_word(class)), ("action", action.word())]).inc();
    }

    /// An object's status was written.
    pub fn status_written(&self, kind: &'static str) {
        self.0.status_writes.get_or_create(&[("kind", kind)]).inc();
    }

    /// A Kubernetes event was published.
    pub fn event(&self, event: EventType) {
        self.0.events.get_or_create(&[("type", event.word())]).inc();
    }

    /// Replaces what is known of all objects: `objects`, `waits`, `suspended`, `last_verified`.
    pub fn set_objects(&self, objects: impl IntoIterator<Item = Object>) {
        self.0.scraped.set_objects(objects);
    }

    /// The state of the queue.
    pub fn set_queue(&self, queue: Queue) {
        self.0.scraped.set_queue(queue);
    }

    /// Age of the oldest refresh token in seconds; `None` while there is none.
    pub fn set_token_age(&self, seconds: Option<f64>) {
        self.0.scraped.set_token_age(seconds);
    }

    /// Shows these counters of a wire from now on, added to those of others. The same ones a second
    /// time change nothing.
    pub fn watch(&self, traffic: &Arc<Traffic>) {
        self.0.scraped.watch(traffic);
    }

    /// Everything, in the OpenMetrics format ([`CONTENT_TYPE`]).
    ///
    /// # Errors
    /// A value cannot be written; none is known.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

impl Inner {
    /// Makes the series of counters that could otherwise appear only with their first event.
    fn zero(&self, kinds: &[&'static str]) {
        for kind in kinds {
            for outcome in Outcome::ALL {
                drop(self.reconciles.get_or_create(&[("kind", kind), ("outcome", outcome.word())]));
            }
            for class in ErrorClass::ALL {
                drop(self.errors.get_or_create(&[("kind", kind), ("class", class.word())]));
            }
            drop(self.seconds.get_or_create(&[("kind", kind)]));
            drop(self.status_writes.get_or_create(&[("kind", kind)]));
        }
        for class in CLASSES {
            for action in [Action::Create, Action::Update, Action::Delete] {
                drop(self.changes.get_or_create(&[("class", class_word(class)), ("action", action.word())]));
            }
        }
        for event in EventType::ALL {
            drop(self.events.get_or_create(&[("type", event.word())]));
        }
    }

    fn registered(mut self, version: &'static str) -> Inner {
        let registry = &mut self.registry;
        series::RECONCILES.register(registry, self.reconciles.clone());
        series::RECONCILE_SECONDS.register(registry, self.seconds.clone());
        series::ERRORS.register(registry, self.errors.clone());
        series::CHANGES.register(registry, self.changes.clone());
        series::STATUS_WRITES.register(registry, self.status_writes.clone());
        series::EVENTS.register(registry, self.events.clone());
        series::BUILD.register(registry, Info::new([("version", version)]));
        registry.register_collector(Box::new(self.scraped.clone()));
        self
    }
}

const CLASSES: [Class; 6] = [
    Class::Application,
    Class::CredentialRotation,
    Class::Consent,
    Class::GroupMembership,
    Class::DirectoryRole,
    Class::Relationship,
];

/// As manifests name it in approvals.
const fn class_word(class: Class) -> &'static str {
    match class {
        Class::Application => "Application",
        Class::CredentialRotation => "CredentialRotation",
        Class::Consent => "Consent",
        Class::GroupMembership => "GroupMembership",
        Class::DirectoryRole => "DirectoryRole",
        Class::Relationship => "Relationship",
    }
}
