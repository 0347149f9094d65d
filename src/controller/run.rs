//! The loop: what is due is worked on, a bounded number at a time, until the process shall end.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, ListParams};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::cache::Cache;
use super::events::Events;
use super::fleet::{Difference, Fleet};
use super::queue::{Lane, Queue};
use super::time::{CloudSleep, Time, TimeOf};
use super::vault::Vault;
use super::worker::Next;
use super::{Operator, freshness, watch};
use crate::api::Kind;
use crate::cloud::clock::RealSleep;
use crate::cloud::{Clock, Endpoints, Sleep, Traffic};
use crate::pass::{Ground, Reach};
use crate::server::Health;
use crate::source::{Name, SecretSink};
use crate::telemetry::Metrics;

/// What the operator is started with.
#[derive(Clone)]
pub struct Options {
    pub endpoints: Endpoints,
    /// The host of the endpoints, where nobody allowed it: nothing is sent then.
    pub forbidden: Option<String>,
    /// The address that tells the cloud's time, with [`TimeOf::Cloud`].
    pub clock: TimeOf,
    pub clock_url: String,
    pub ca: Option<Vec<u8>>,
    /// The only namespace to watch; `None`: all.
    pub namespace: Option<String>,
    /// Told when the loop goes round and what is known.
    pub health: Health,
    /// Objects worked on at once.
    pub concurrency: usize,
    /// Requests to Microsoft under way at once.
    pub parallelism: usize,
    /// How long what is under way may take at the end.
    pub grace: Duration,
}

/// The definitions of our kinds are there.
pub const CRDS: &str = "crds";
/// All objects are known.
pub const CACHES: &str = "caches";

/// A pause that Microsoft asks for and that is longer frees the worker.
const PATIENCE: Duration = Duration::from_secs(10);
/// Events of watches that arrive together are taken together.
const TOGETHER: Duration = Duration::from_millis(50);

/// Runs until `stop`.
pub async fn run(operator: Arc<Operator>, options: Options, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    tokio::select! {
        () = definitions(&operator) => {}
        () = &mut stop => return,
    }
    let watches = tokio::spawn(watch::all(operator.clone()));
    let clock = tokio::spawn(operator.time.clone().hear(operator.ground.clone()));
    let mut work = Work {
        operator: operator.clone(),
        running: JoinSet::new(),
        names: BTreeMap::new(),
        concurrency: options.concurrency.max(1),
    };
    tokio::select! {
        () = work.forever() => {}
        () = &mut stop => {}
    }
    tracing::info!(running = work.running.len(), "stopping: what is in hand is finished");
    operator.stopping.store(true, Relaxed);
    watches.abort();
    clock.abort();
    work.end(options.grace).await;
}

/// Makes ready; nothing is asked of anybody yet.
///
/// # Errors
/// The CA file does not read, or there is no HTTP client.
pub fn begin(client: Client, options: &Options) -> Result<Arc<Operator>, String> {
    let cache: Arc<Mutex<Cache>> = Arc::default();
    let namespaces = Arc::default();
    let vault = Arc::new(Vault::new(client.clone()));
    let fleet = Arc::new(Fleet::new(cache.clone(), Arc::clone(&namespaces), vault.clone()));
    let (traffic, clock): (Arc<Traffic>, Arc<Clock>) = Default::default();
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), &Kind::ALL.map(Kind::as_str));
    metrics.watch(&traffic);
    let sleep: Arc<dyn Sleep> = match options.clock {
        TimeOf::Machine => {
            clock.run();
            Arc::new(RealSleep)
        }
        TimeOf::Cloud => Arc::new(CloudSleep(clock.clone())),
    };
    let reach = Reach {
        endpoints: options.endpoints.clone(),
        ca: options.ca.clone(),
        traffic: traffic.clone(),
        clock,
        sleep,
        parallelism: options.parallelism,
        patience: Some(PATIENCE),
        freshness: freshness::of,
        journal: None,
    };
    let sink: Arc<dyn SecretSink> = vault.clone();
    let ground = Ground::without_identities(sink, reach);
    let ground = ground.map_err(|wrong| wrong.first().map_or(String::new(), |d| d.summary.clone()))?;
    Ok(Arc::new(Operator {
        events: Events::new(client.clone(), metrics.clone()),
        client,
        namespace: options.namespace.clone(),
        forbidden: options.forbidden.clone(),
        cache,
        namespaces,
        vault,
        fleet,
        ground,
        time: Time::new(options.clock, &options.clock_url, options.ca.as_deref())?,
        queue: Mutex::new(Queue::default()),
        memory: Mutex::new(BTreeMap::new()),
        complete: Mutex::default(),
        stirred: Notify::new(),
        stopping: false.into(),
        begun: false.into(),
        metrics,
        health: options.health.clone(),
        shown: Mutex::default(),
    }))
}

/// Waits until the API server has our kinds; their installation is not ours to do.
#[expect(clippy::disallowed_methods, reason = "waits for an administrator, not for the cloud")]
async fn definitions(operator: &Operator) {
    let api: Api<CustomResourceDefinition> = Api::all(operator.client.clone());
    let mut told = String::new();
    loop {
        operator.health.beat();
        let wanted = Kind::ALL.map(|kind| format!("{}.{}", watch::resource(kind).plural, crate::api::GROUP));
        let missing = match api.list_metadata(&ListParams::default()).await {
            Ok(list) => {
                let there: Vec<&str> = list.items.iter().filter_map(|crd| crd.metadata.name.as_deref()).collect();
                let missing: Vec<&String> = wanted.iter().filter(|name| !there.contains(&name.as_str())).collect();
                if missing.is_empty() {
                    operator.health.ready(CRDS);
                    return;
                }
                let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
                format!(
                    "custom resource definitions are not installed: {names}; install them with `tenantry crds | kubectl apply --server-side -f -`"
                )
            }
            // Without the right to list them, the watches tell what is missing.
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                operator.health.ready(CRDS);
                return;
            }
            Err(error) => format!("the API server does not answer: {error}"),
        };
        if missing != told {
            tracing::warn!("{missing}");
            told = missing;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// What is under way.
struct Work {
    operator: Arc<Operator>,
    running: JoinSet<(Name, Next)>,
    /// Whose task is whose, for one that breaks off.
    names: BTreeMap<tokio::task::Id, Name>,
    concurrency: usize,
}

impl Work {
    async fn forever(&mut self) {
        loop {
            let operator = self.operator.clone();
            operator.health.beat();
            operator.show();
            if operator.is_complete() {
                self.take_in().await;
                self.start();
            }
            let next = operator.queue().next().filter(|_| self.running.len() < self.concurrency);
            tokio::select! {
                Some(done) = self.running.join_next_with_id() => self.ended(done),
                () = operator.stirred.notified() => {}
                () = operator.time.until(next, &operator.ground) => {}
            }
        }
    }

    /// What watches have told: who has to be looked at because of it, and who signs in as whom.
    #[expect(clippy::disallowed_methods, reason = "milliseconds in which events come together")]
    async fn take_in(&mut self) {
        if !self.operator.fleet.is_stale() && !self.operator.fleet.has_pending() {
            return;
        }
        tokio::time::sleep(TOGETHER).await;
        let Difference { objects, partners } = self.operator.fleet.differences();
        let operator = &self.operator;
        let snapshot = operator.fleet.current();
        if !partners.is_empty() {
            operator.ground.identify(&snapshot.inputs, &snapshot.secrets, &partners).await;
        }
        let now = operator.now();
        if !operator.has_begun() {
            // All are queued, those that are ready at their own turn; none of it is a difference.
            operator.begun.store(true, Relaxed);
            operator.health.ready(CACHES);
            let all: Vec<Name> = operator.cache().iter().map(|known| known.name.clone()).collect();
            all.iter().for_each(|name| operator.queue_up(name));
            tracing::info!(objects = snapshot.inputs.objects.len(), "everything is known");
            let kept = |name: &Name| !matches!(name.kind, Kind::TenantClass | Kind::GdapRelationship);
            let lost = |name: &Name| kept(name) && snapshot.mode(&name.address()).is_none();
            let lost: Vec<Name> = operator
                .cache()
                .iter()
                .map(|k| k.name.clone())
                .filter(|n| lost(n) || snapshot.wrong.contains_key(n))
                .collect();
            // What they refer to went away while nobody was here.
            lost.into_iter().for_each(|name| operator.want(name, now, Lane::Now));
            return;
        }
        // What somebody edited is in a hurry by itself; what follows from it may be the whole fleet.
        for name in objects {
            operator.want(name, now, Lane::Soon);
        }
        if !partners.is_empty() {
            let not_ready: Vec<Name> =
                operator.cache().iter().filter(|k| k.ready() != "True").map(|k| k.name.clone()).collect();
            not_ready.into_iter().for_each(|name| operator.want(name, now, Lane::Soon));
        }
    }

    fn start(&mut self) {
        while self.running.len() < self.concurrency && !self.operator.is_stopping() {
            let now = self.operator.now();
            let Some(name) = self.operator.queue().take(now) else { return };
            let operator = self.operator.clone();
            let own = name.clone();
            let task = self.running.spawn(async move {
                let next = operator.work(name.clone()).await;
                (name, next)
            });
            self.names.insert(task.id(), own);
        }
    }

    fn ended(&mut self, done: Result<(tokio::task::Id, (Name, Next)), tokio::task::JoinError>) {
        match done {
            Ok((id, (name, next))) => {
                self.names.remove(&id);
                self.operator.queue().done(&name, next);
            }
            Err(error) => {
                tracing::error!(%error, "a worker ended without a result");
                let Some(name) = self.names.remove(&error.id()) else { return };
                let later = self.operator.now().checked_add(SignedDuration::from_mins(1)).unwrap_or(Timestamp::MAX);
                self.operator.queue().done(&name, Some((later, Lane::Soon)));
            }
        }
    }

    /// Finishes what is in hand, for as long as that may take.
    async fn end(&mut self, grace: Duration) {
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!(
                "what is under way takes longer than the grace period; it is found again after the next start"
            );
        }
    }
}
