//! Reads as data become as few requests as possible: merged, de-duplicated, batched by tenant
//! and identity, paged to the end, patient with throttling.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Cloud;
use super::answer::Answer;
use super::desk::{Desk, Flight, Freshness, always_anew};
use super::secret::Secret;
use super::throttle::throttled;
use super::wire::Request;
use crate::engine::read::{Actor, Answers, Fault, Got, Key, Service, TenantId, Why};
use crate::engine::step::Stale;

/// Graph's limit (Graph: combine multiple requests in one HTTP call).
pub const BATCH: usize = 20;
/// How often a throttled or failing read is asked again.
const TRIES: usize = 5;
/// Pages of one list; what is longer is a server that goes round in circles.
const PAGES: usize = 10_000;

/// How long reads wait for others to travel with, where passes run side by side.
const DEPARTURE: Duration = Duration::from_millis(5);

/// Loads reads. One is shared by everything in a process.
#[derive(Clone)]
pub struct Loader {
    cloud: Cloud,
    slots: Arc<Semaphore>,
    desk: Arc<Mutex<Desk>>,
    freshness: Freshness,
    /// Passes run side by side: it is worth waiting a moment for their reads.
    shares: bool,
}

/// Reads that travel together.
type Group = (TenantId, Service, Actor);

/// A read and where its answer goes.
type Ticket = (Key, Arc<Flight>);

impl Loader {
    /// `freshness` says for how long an answer may be given to others.
    pub fn new(cloud: Cloud, freshness: Freshness) -> Loader {
        let slots = Arc::new(Semaphore::new(cloud.parallelism));
        let shares = !std::ptr::fn_addr_eq(freshness, always_anew as Freshness);
        Loader { cloud, slots, desk: Arc::default(), freshness, shares }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what writes made stale.
    pub fn forget(&self, stale: &[Stale]) {
        self.desk().forget(stale);
    }

    /// Forgets everything.
    pub fn forget_all(&self) {
        self.desk().clear();
    }

    /// Gives what is known and fresh, and reads the rest together with what others need at this moment. Each key has an
    /// answer afterwards, if only that it could not be read.
    #[expect(clippy::disallowed_methods, reason = "milliseconds of our own, not a wait for the cloud")]
    pub async fn load(&self, keys: BTreeSet<Key>) -> Answers {
        let asked = self.desk().ask(keys, self.cloud.wire.clock.now());
        if asked.added {
            let loader = self.clone();
            // A task of its own: who asked may be cut off, and others wait for the same answers.
            tokio::spawn(async move {
                if loader.shares {
                    tokio::time::sleep(DEPARTURE).await;
                }
                let leaving = loader.desk().depart();
                loader.fly(leaving).await;
            });
        }
        let mut answers = Answers::from_iter(asked.known);
        for (key, mut answer) in asked.awaited {
            let got = answer.wait_for(Option::is_some).await.ok().and_then(|got| (*got).clone());
            answers.insert(key, got.unwrap_or_else(|| Got::Failed(unanswered())));
        }
        answers
    }

    /// Reads now, whatever is known: for proofs.
    pub async fn load_now(&self, keys: BTreeSet<Key>) -> Answers {
        // What is known of them is older than what is going to be said.
        self.desk().forget_keys(&keys);
        let mut running = JoinSet::new();
        for chunk in chunks(keys.into_iter(), |key| key) {
            let loader = self.clone();
            running.spawn(async move { loader.slotted(chunk).await });
        }
        let mut answers = Answers::new();
        while let Some(done) = running.join_next().await {
            match done {
                Ok(some) => answers.extend(some),
                Err(error) => tracing::error!(%error, "a read ended without an answer"),
            }
        }
        answers
    }

    async fn fly(&self, leaving: Vec<Ticket>) {
        let mut running = JoinSet::new();
        for chunk in chunks(leaving.into_iter(), |(key, _)| key) {
            let loader = self.clone();
            running.spawn(async move {
                let keys = chunk.iter().map(|(key, _)| key.clone()).collect();
                let mut landing = Landing { loader: loader.clone(), answers: Answers::new(), tickets: chunk };
                landing.answers = loader.slotted(keys).await;
            });
        }
        while let Some(done) = running.join_next().await {
            if let Err(error) = done {
                tracing::error!(%error, "a read ended without an answer");
            }
        }
    }

    async fn slotted(&self, keys: Vec<Key>) -> Answers {
        // A closed semaphore cannot be: nobody closes it. Without a slot one goes on.
        let _slot = self.slots.clone().acquire_owned().await.ok();
        self.chunk(keys).await
    }

    async fn chunk(&self, keys: Vec<Key>) -> Answers {
        let Some(first) = keys.first() else { return Answers::new() };
        let (tenant, actor) = (first.tenant.clone(), first.actor.clone());
        match first.service {
            Service::Token => {
                let mut answers = Answers::new();
                for key in keys {
                    let got = self.cloud.auth.claims(&tenant, &key.path, &actor).await;
                    answers.insert(key, got);
                }
                answers
            }
            Service::Graph => self.graph(keys).await,
            Service::PartnerCenter | Service::Exchange => {
                let mut answers = Answers::new();
                for key in keys {
                    let got = self.single(&key).await;
                    answers.insert(key, got);
                }
                answers
            }
        }
    }

    /// One request of a service other than Graph.
    async fn single(&self, key: &Key) -> Got {
        let (resource, request) = match key.service {
            Service::Exchange => ("exchange", cmdlet(&self.cloud.endpoints.exchange, key)),
            _ => {
                let url = format!("{}{}", self.cloud.endpoints.partner_center, key.path);
                ("partnercenter", Request::get(Service::PartnerCenter, url))
            }
        };
        match self.patiently(key, resource, &request).await {
            Ok(answer) => answer.got(),
            Err(why) => got(why),
        }
    }

    async fn graph(&self, keys: Vec<Key>) -> Answers {
        let mut answers = Answers::new();
        let mut left = keys;
        for attempt in 0..TRIES {
            let asked = self.batch(&left).await;
            let mut again = Vec::new();
            let mut pause = Duration::ZERO;
            let mut held_back = false;
            for (key, outcome) in asked {
                if let Ok(answer) = &outcome {
                    self.cloud.heed(&key.tenant, key.service, answer);
                }
                match outcome {
                    Ok(answer) if answer.is_transient() && attempt + 1 < TRIES => {
                        let wanted = answer.retry_after().unwrap_or_else(|| backoff(attempt));
                        if self.cloud.throttle.bears(wanted) {
                            pause = pause.max(wanted);
                            held_back |= answer.is_throttled();
                            again.push(key);
                        } else {
                            answers.insert(key, Got::Failed(throttled(self.cloud.wire.clock.now(), wanted)));
                        }
                    }
                    Ok(answer) => {
                        let got = self.to_the_end(&key, answer).await;
                        answers.insert(key, got);
                    }
                    Err(why) => {
                        answers.insert(key, got(why));
                    }
                }
            }
            if again.is_empty() {
                break;
            }
            if held_back {
                self.cloud.wire.meter.held_back(pause);
            }
            self.cloud.sleep.sleep(pause).await;
            left = again;
        }
        answers
    }

    /// One round of up to 20 reads: a plain GET for one, `$batch` for more.
    async fn batch(&self, keys: &[Key]) -> Vec<(Key, Result<Answer, Why>)> {
        let all = |why: Why| keys.iter().map(|k| (k.clone(), Err(why.clone()))).collect::<Vec<_>>();
        let Some(first) = keys.first() else { return vec![] };
        if keys.len() == 1 {
            let request = Request {
                headers: read_headers(&first.path),
                ..Request::get(Service::Graph, format!("{}{}", self.cloud.endpoints.graph, first.path))
            };
            return vec![(first.clone(), self.authorised(first, "graph", &request, true).await)];
        }
        let items: Vec<Value> = keys
            .iter()
            .enumerate()
            .map(|(i, key)| {
                let mut item = json!({"id": i.to_string(), "method": "GET", "url": key.path});
                let headers = read_headers(&key.path);
                if !headers.is_empty() {
                    item["headers"] = headers.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
                }
                item
            })
            .collect();
        let url = format!("{}/$batch", self.cloud.endpoints.graph);
        let request = Request::post(Service::Graph, url, json!({ "requests": items }));
        let outer = match self.authorised(first, "graph", &request, false).await {
            Ok(outer) => outer,
            Err(why) => return all(why),
        };
        if !outer.ok() {
            return keys.iter().map(|k| (k.clone(), Ok(outer.clone()))).collect();
        }
        let mut by_id = split_batch(&outer.body);
        keys.iter()
            .enumerate()
            .map(|(i, key)| {
                let answer = by_id.remove(&i.to_string());
                if let Some(answer) = &answer {
                    self.cloud.wire.meter.read(answer);
                }
                (key.clone(), answer.ok_or_else(|| Why::Failed(left_out())))
            })
            .collect()
    }

    /// Follows `@odata.nextLink` until there is none; a part of a list is no list.
    async fn to_the_end(&self, key: &Key, first: Answer) -> Got {
        if !key.all_pages || !first.ok() {
            return first.got();
        }
        let mut items = first.body.get("value").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut next = next_link(&first.body);
        for _ in 0..PAGES {
            let Some(link) = next else { return Got::Found(Arc::new(json!({ "value": items }))) };
            if !link.starts_with(&self.cloud.endpoints.graph) {
                return Got::Failed(Fault {
                    message: "a page's next link leads to another server".into(),
                    remedy: "Check --endpoint; the link was not followed.".into(),
                    after: None,
                });
            }
            let request = Request { headers: read_headers(&key.path), ..Request::get(Service::Graph, link) };
            let page = match self.patiently(key, "graph", &request).await {
                Ok(page) if page.ok() => page,
                Ok(page) => return page.got(),
                Err(why) => return got(why),
            };
            items.extend(page.body.get("value").and_then(Value::as_array).cloned().unwrap_or_default());
            next = next_link(&page.body);
        }
        Got::Failed(Fault {
            message: format!("the list {} does not end", key.path),
            remedy: "Run this again; if it stays, report it with the request id.".into(),
            after: None,
        })
    }

    /// Repeats while throttled or failing.
    async fn patiently(&self, key: &Key, resource: &str, request: &Request) -> Result<Answer, Why> {
        let mut attempt = 0;
        loop {
            let answer = self.authorised(key, resource, request, true).await?;
            attempt += 1;
            if !answer.is_transient() || attempt >= TRIES {
                return Ok(answer);
            }
            let pause = answer.retry_after().unwrap_or_else(|| backoff(attempt));
            if !self.cloud.throttle.bears(pause) {
                return Err(Why::Failed(throttled(self.cloud.wire.clock.now(), pause)));
            }
            if answer.is_throttled() {
                self.cloud.wire.meter.held_back(pause);
            }
            self.cloud.sleep.sleep(pause).await;
        }
    }

    /// Sends with a token; a token that is not taken is replaced once.
    async fn authorised(&self, key: &Key, resource: &str, request: &Request, counts: bool) -> Result<Answer, Why> {
        self.cloud.admit(&key.tenant, key.service).await.map_err(Why::Failed)?;
        let token = self.token(key, resource).await?;
        let mut answer = self.cloud.wire.send(request, &token).await.map_err(Why::Failed)?;
        self.cloud.heed(&key.tenant, key.service, &answer);
        if answer.status == 401 && resource == "graph" {
            self.cloud.auth.drop_tokens(&key.tenant).await;
            let token = self.token(key, resource).await?;
            answer = self.cloud.wire.send(request, &token).await.map_err(Why::Failed)?;
        }
        if counts {
            self.cloud.wire.meter.read(&answer);
        }
        Ok(answer)
    }

    async fn token(&self, key: &Key, resource: &str) -> Result<Secret, Why> {
        Ok(self.cloud.auth.token(&key.tenant, resource, &key.actor).await?.secret)
    }
}

fn got(why: Why) -> Got {
    match why {
        Why::Refused(refusal) => Got::Refused(refusal),
        Why::Failed(fault) => Got::Failed(fault),
    }
}

/// Brings answers to those who wait for them; whatever happens on the way, nobody waits for ever.
struct Landing {
    loader: Loader,
    answers: Answers,
    tickets: Vec<Ticket>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let now = self.loader.cloud.wire.clock.now();
        let mut desk = self.loader.desk();
        for (key, flight) in self.tickets.drain(..) {
            let got = self.answers.remove(&key).unwrap_or_else(|| Got::Failed(unanswered()));
            let fresh = (self.loader.freshness)(&key);
            desk.land(key, &flight, got, fresh, now);
        }
    }
}

/// Reads that may travel in one request: 20 a batch at Graph, one elsewhere. Their order groups them.
fn chunks<T>(all: impl Iterator<Item = T>, key: impl Fn(&T) -> &Key) -> Vec<Vec<T>> {
    let group = |key: &Key| -> Group { (key.tenant.clone(), key.service, key.actor.clone()) };
    let mut groups: BTreeMap<Group, Vec<Vec<T>>> = BTreeMap::new();
    for one in all {
        let size = if key(&one).service == Service::Graph { BATCH } else { 1 };
        let chunks = groups.entry(group(key(&one))).or_default();
        match chunks.last_mut().filter(|chunk| chunk.len() < size) {
            Some(chunk) => chunk.push(one),
            None => chunks.push(vec![one]),
        }
    }
    groups.into_values().flatten().collect()
}

fn unanswered() -> Fault {
    Fault::new("a read ended without an answer", "Run this again; if it stays, report it.")
}

fn left_out() -> Fault {
    Fault {
        message: "the batch's answer leaves an item out".into(),
        remedy: "Run this again; if it stays, report it with the request id.".into(),
        after: None,
    }
}

/// The items of a batch's answer by id; their order means nothing.
pub fn split_batch(body: &Value) -> BTreeMap<String, Answer> {
    let responses = body.get("responses").and_then(Value::as_array).cloned().unwrap_or_default();
    responses
        .into_iter()
        .filter_map(|item| {
            let headers = item.get("headers").and_then(Value::as_object);
            let headers = headers
                .into_iter()
                .flatten()
                .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())));
            let answer = Answer {
                status: u16::try_from(item.get("status")?.as_u64()?).ok()?,
                headers: headers.collect(),
                body: item.get("body").cloned().unwrap_or_default(),
                not_json: None,
            };
            Some((item.get("id")?.as_str()?.to_owned(), answer))
        })
        .collect()
}

/// Seconds before the next try where the server names none.
pub fn backoff(attempt: usize) -> Duration {
    Duration::from_secs(1 << attempt.min(5))
}

/// Advanced queries need a header of their own, in a batch on each item.
fn read_headers(path: &str) -> Vec<(&'static str, String)> {
    if path.contains("$count=true") { vec![("ConsistencyLevel", "eventual".to_owned())] } else { vec![] }
}

fn next_link(body: &Value) -> Option<String> {
    body.get("@odata.nextLink").and_then(Value::as_str).map(str::to_owned)
}

/// A cmdlet of Exchange's admin API: `Get-DistributionGroup?ResultSize=1`.
fn cmdlet(base: &str, key: &Key) -> Request {
    let (name, query) = key.path.split_once('?').unwrap_or((&key.path, ""));
    let parameters: serde_json::Map<String, Value> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), Value::String(value.to_owned())))
        .collect();
    let anchor = format!("APP:SystemMailbox{{bb558c35-97f1-4cb9-8ff7-d53741dc928c}}@{}", key.tenant);
    let body = json!({"CmdletInput": {"CmdletName": name, "Parameters": parameters}});
    Request {
        headers: vec![("X-AnchorMailbox", anchor), ("Prefer", "odata.maxpagesize=1000".to_owned())],
        ..Request::post(Service::Exchange, format!("{base}/{}/InvokeCommand", key.tenant), body)
    }
}
