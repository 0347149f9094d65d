//! What is read anew at each scrape: whole snapshots, so that no scrape sees half of one, and
//! counters that others keep.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::series::{self, Series};
use super::{Label, Object, Queue, Wait};
use crate::cloud::Traffic;
use crate::cloud::traffic::{Outcome, SERVICES, word};
use crate::engine::conditions::Status;
use crate::engine::read::Service;

#[derive(Debug)]
pub(super) struct Scraped {
    kinds: Vec<&'static str>,
    started: f64,
    known: Mutex<Known>,
    traffic: Mutex<Vec<Arc<Traffic>>>,
}

#[derive(Debug, Default)]
struct Known {
    objects: BTreeMap<(&'static str, &'static str), u64>,
    suspended: BTreeMap<&'static str, u64>,
    waits: BTreeMap<Wait, u64>,
    verified: BTreeMap<&'static str, f64>,
    queue: Queue,
    token_age: Option<f64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn status_word(status: Status) -> &'static str {
    match status {
        Status::True => "True",
        Status::False => "False",
        Status::Unknown => "Unknown",
    }
}

impl Scraped {
    pub(super) fn new(kinds: &[&'static str]) -> Scraped {
        let scraped =
            Scraped { kinds: kinds.to_vec(), started: started(), known: Mutex::default(), traffic: Mutex::default() };
        scraped.set_objects([]);
        scraped
    }

    pub(super) fn set_objects(&self, all: impl IntoIterator<Item = Object>) {
        let mut new = Known::default();
        for kind in &self.kinds {
            for status in [Status::True, Status::False, Status::Unknown] {
                new.objects.insert((kind, status_word(status)), 0);
            }
            new.suspended.insert(kind, 0);
        }
        for object in all {
            *new.objects.entry((object.kind, status_word(object.ready))).or_default() += 1;
            *new.suspended.entry(object.kind).or_default() += u64::from(object.suspended);
            for wait in object.waits {
                *new.waits.entry(wait).or_default() += 1;
            }
            if let Some(ago) = object.verified_ago {
                let stalest = new.verified.entry(object.kind).or_insert(ago);
                *stalest = stalest.max(ago);
            }
        }
        let mut known = lock(&self.known);
        *known = Known { queue: known.queue, token_age: known.token_age, ..new };
    }

    pub(super) fn set_queue(&self, queue: Queue) {
        lock(&self.known).queue = queue;
    }

    pub(super) fn set_token_age(&self, seconds: Option<f64>) {
        lock(&self.known).token_age = seconds;
    }

    pub(super) fn watch(&self, traffic: &Arc<Traffic>) {
        let mut watched = lock(&self.traffic);
        if !watched.iter().any(|known| Arc::ptr_eq(known, traffic)) {
            watched.push(traffic.clone());
        }
    }

    fn encode_known(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let known = lock(&self.known);
        gauges(
            encoder,
            &series::OBJECTS,
            known.objects.iter().map(|((kind, ready), n)| ([("kind", *kind), ("ready", *ready)], *n)),
        )?;
        gauges(
            encoder,
            &series::WAITS,
            known.waits.iter().map(|(w, n)| ([("on", w.on), ("who", w.who), ("reason", w.reason)], *n)),
        )?;
        gauges(encoder, &series::SUSPENDED, known.suspended.iter().map(|(kind, n)| ([("kind", *kind)], *n)))?;
        gauges(encoder, &series::LAST_VERIFIED, known.verified.iter().map(|(kind, ago)| ([("kind", *kind)], *ago)))?;
        gauges(encoder, &series::QUEUE_DEPTH, [([], known.queue.depth)])?;
        gauges(encoder, &series::QUEUE_RUNNING, [([], known.queue.running)])?;
        gauges(encoder, &series::QUEUE_OLDEST, [([], known.queue.oldest_due)])?;
        gauges(encoder, &series::TOKEN_AGE, known.token_age.map(|age| ([], age)))
    }

    fn encode_traffic(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let watched = lock(&self.traffic).clone();
        let sum = |what: &dyn Fn(&Traffic) -> u64| watched.iter().map(|traffic| what(traffic)).sum::<u64>();
        let requests = SERVICES.into_iter().flat_map(|service| Outcome::ALL.map(|outcome| (service, outcome)));
        counters(
            encoder,
            &series::REQUESTS,
            requests.map(|(service, outcome)| {
                let labels = [("service", word(service)), ("outcome", outcome.word())];
                (labels, sum(&|traffic| traffic.requests(service, outcome)))
            }),
        )?;
        let written = SERVICES.into_iter().filter(|service| *service != Service::Token);
        counters(
            encoder,
            &series::WRITES,
            written.map(|service| ([("service", word(service))], sum(&|traffic| traffic.writes(service)))),
        )?;
        counters(encoder, &series::RESOURCE_UNITS, [([], sum(&Traffic::resource_units))])?;
        let throttled: Duration = watched.iter().map(|traffic| traffic.throttled()).sum();
        counters(encoder, &series::THROTTLED, [([], throttled.as_secs_f64())])
    }
}

impl Collector for Scraped {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.encode_known(&mut encoder)?;
        self.encode_traffic(&mut encoder)?;
        gauges(&mut encoder, &series::STARTED, [([], self.started)])?;
        gauges(&mut encoder, &series::RESIDENT, resident().map(|bytes| ([], bytes)))
    }
}

fn gauges<const N: usize, V>(
    encoder: &mut DescriptorEncoder,
    series: &Series,
    rows: impl IntoIterator<Item = ([Label; N], V)>,
) -> fmt::Result
where
    ConstGauge<V>: EncodeMetric,
{
    write(encoder, series, rows.into_iter().map(|(labels, value)| (labels, ConstGauge::new(value))))
}

fn counters<const N: usize, V>(
    encoder: &mut DescriptorEncoder,
    series: &Series,
    rows: impl IntoIterator<Item = ([Label; N], V)>,
) -> fmt::Result
where
    ConstCounter<V>: EncodeMetric,
{
    write(encoder, series, rows.into_iter().map(|(labels, value)| (labels, ConstCounter::new(value))))
}

/// A series without a row is left out: a descriptor alone says nothing.
fn write<const N: usize>(
    encoder: &mut DescriptorEncoder,
    series: &Series,
    rows: impl Iterator<Item = ([Label; N], impl EncodeMetric)>,
) -> fmt::Result {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let (stem, unit) = series.stem();
    let help = format!("{}.", series.meaning);
    let mut family = encoder.encode_descriptor(stem, &help, unit.as_ref(), series.encoded_as())?;
    for (labels, metric) in rows {
        metric.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "when this process started is told by this machine's own clock")]
fn started() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Resident memory, where `/proc` tells it: in KiB, whatever the size of a page.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
