//! The operator: what is declared in a cluster, kept so at Microsoft.
//!
//! ```text
//! watches ─▶ cache ─▶ fleet (all declarations, resolved) ─▶ queue ─▶ one pass an object ─▶ finish (status, events)
//! ```
//! There is one pass for all kinds, and it is the same as on the command line. One object is worked on at a time by one worker;
//! what concurrent passes read is shared. All memory is in Microsoft's objects and in status: a process that is killed at any
//! point goes on where it was.

mod cache;
mod derived;
mod events;
mod finish;
mod fleet;
mod freshness;
mod letting_go;
mod queue;
mod run;
mod snapshot;
mod status;
mod telling;
mod time;
mod timing;
mod vault;
mod watch;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use kube::Client;
use tokio::sync::Notify;

use cache::{Cache, Known};
use events::Events;
use fleet::{Fleet, Namespaces};
use queue::{Lane, Queue};
pub use run::{CACHES, CRDS, Options, begin, run};
pub use snapshot::{Gathered, read};
pub use time::{Time, TimeOf};
use vault::Vault;

use crate::api::Kind;
use crate::pass::Ground;
use crate::server::Health;
use crate::source::Name;
use crate::telemetry::Metrics;

/// The name under which the operator writes.
pub const MANAGER: &str = "tenantry";

/// What is remembered of an object between two passes; it may be lost.
#[derive(Default)]
struct Memory {
    /// Looks in a row that brought nothing new.
    tries: u32,
    /// Times in a row that the API server did not take what was found.
    faults: u32,
    /// The generation that `made` belongs to: another wish is not held back by an older one.
    generation: i64,
    /// Changes that Microsoft has accepted, and when: they are not made again before they can be read.
    made: Vec<(String, Timestamp)>,
    /// Something of it comes after a change of another object.
    held: bool,
    /// Failures that were told already.
    told: BTreeSet<String>,
    /// What came of the last look, for the metrics.
    outcome: Option<crate::telemetry::metrics::Outcome>,
}

/// Everything that the parts of the operator share.
pub struct Operator {
    client: Client,
    /// The only namespace that is watched; `None`: all.
    namespace: Option<String>,
    /// The host that Microsoft shall be reached at and that nobody allowed: nothing is sent.
    forbidden: Option<String>,
    cache: Arc<Mutex<Cache>>,
    namespaces: Arc<Mutex<Namespaces>>,
    vault: Arc<Vault>,
    fleet: Arc<Fleet>,
    ground: Ground,
    time: Time,
    events: Events,
    queue: Mutex<Queue>,
    memory: Mutex<BTreeMap<Name, Memory>>,
    metrics: Metrics,
    health: Health,
    /// When objects were last counted for the metrics.
    shown: Mutex<Option<std::time::Instant>>,
    /// Watches that are complete.
    complete: Mutex<BTreeSet<String>>,
    /// Something may be due, or another fleet be declared.
    stirred: Notify,
    stopping: AtomicBool,
    /// Everything is known, and has its place in the queue.
    begun: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Operator {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        locked(&self.cache)
    }

    fn namespaces(&self) -> MutexGuard<'_, Namespaces> {
        locked(&self.namespaces)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        locked(&self.queue)
    }

    fn now(&self) -> Timestamp {
        self.time.now(&self.ground)
    }

    fn known(&self, name: &Name) -> Option<Known> {
        self.cache().get(name).cloned()
    }

    fn want(&self, name: Name, at: Timestamp, lane: Lane) {
        self.queue().want(name, at, lane);
        self.stirred.notify_one();
    }

    /// The declarations, Secrets or namespaces are not what they were.
    fn stir(&self) {
        self.fleet.stir();
        self.stirred.notify_one();
    }

    /// An object is new, or declares something else, or shall go.
    fn changed(&self, name: &Name) {
        // Before everything is known, nobody can say whose turn is when: see `Work::begin`.
        if self.has_begun() {
            self.queue_up(name);
            if name.kind == Kind::Tenant {
                self.count_anew(self.now());
            }
        }
        self.stir();
    }

    /// Gives an object its place in the queue.
    fn queue_up(&self, name: &Name) {
        let Some(known) = self.known(name) else { return };
        let now = self.now();
        let (at, lane) = if known.deleting || known.is_requested() || !known.is_judged() {
            (now, Lane::Now)
        } else if known.ready() == "True" {
            // After a restart nothing is looked at before its turn.
            (self.turn(&known, now), Lane::Routine)
        } else {
            // A large fleet does not come all at once after a restart.
            let within = (self.tenants() as f64 / 20.0).min(120.0);
            let spread = SignedDuration::try_from_secs_f64(self.phase(&known) * within);
            (now.checked_add(spread.unwrap_or_default()).unwrap_or(now), Lane::Soon)
        };
        self.want(name.clone(), at, lane);
    }

    /// An object is gone.
    fn gone(&self, name: &Name) {
        self.queue().forget(name);
        locked(&self.memory).remove(name);
        if name.kind == Kind::Tenant {
            let derived: Vec<Name> =
                self.cache().iter().filter(|k| derived::is_of(k, name)).map(|k| k.name.clone()).collect();
            let now = self.now();
            derived.into_iter().for_each(|name| self.want(name, now, Lane::Now));
            self.count_anew(now);
        }
        self.stir();
    }

    /// Classes say how many Tenants they have.
    fn count_anew(&self, now: Timestamp) {
        let classes: Vec<Name> =
            self.cache().iter().filter(|k| k.name.kind == Kind::TenantClass).map(|k| k.name.clone()).collect();
        let soon = now.checked_add(SignedDuration::from_secs(2)).unwrap_or(now);
        classes.into_iter().for_each(|class| self.want(class, soon, Lane::Soon));
    }

    /// Those that wait for a change of another object are looked at again.
    fn wake(&self) {
        let now = self.now();
        let held: Vec<Name> =
            locked(&self.memory).iter().filter(|(_, m)| m.held).map(|(name, _)| name.clone()).collect();
        held.into_iter().for_each(|name| self.want(name, now, Lane::Soon));
    }

    /// A watch has told everything.
    fn complete(&self, what: &str) {
        locked(&self.complete).insert(what.to_owned());
        self.stir();
    }

    fn is_complete(&self) -> bool {
        locked(&self.complete).len() == Kind::ALL.len() + 2
    }

    fn has_begun(&self) -> bool {
        self.begun.load(Relaxed)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Where in the interval an object has its turn.
    fn phase(&self, known: &Known) -> f64 {
        timing::phase(&known.uid, self.tenants())
    }

    /// How many Tenants the cluster holds.
    fn tenants(&self) -> usize {
        self.cache().iter().filter(|k| k.name.kind == Kind::Tenant).count()
    }

    fn turn(&self, known: &Known, now: Timestamp) -> Timestamp {
        let interval = self.interval(&known.name);
        timing::turn(now, interval, self.phase(known))
    }

    /// The drift interval of the Partner that an object belongs to.
    fn interval(&self, name: &Name) -> SignedDuration {
        let snapshot = self.fleet.current();
        snapshot.partner_of(name.kind, &name.name).map_or(SignedDuration::from_hours(1), |partner| partner.interval)
    }
}
