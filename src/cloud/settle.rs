//! Reading back: a write that cannot be observed yet is not done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::answer::Answer;
use super::executor::{Executor, Run};
use super::loader::{BATCH, backoff, split_batch};
use super::{Cloud, wire};
use crate::engine::diagnose;
use crate::engine::diagnostic::Diagnostic;
use crate::engine::read::{Got, Key, Service, Why};
use crate::engine::step::{Act, Reading, Send, Step};
use crate::engine::value::StepId;

/// How many times a proof is looked for before it becomes a wait.
const LOOKS: usize = 6;

/// Patience with proofs, over one run.
#[derive(Default)]
pub struct Settle {
    looks: usize,
}

impl Settle {
    /// Reads all outstanding proofs at once. `false` when there is nothing left to look for, or
    /// no patience.
    pub(super) async fn prove(&mut self, by: &Executor<'_>, steps: &[Step], run: &mut Run) -> bool {
        let open: Vec<&Step> =
            steps.iter().filter(|s| run.ran.done.contains(&s.id) && !run.proven.contains(&s.id)).collect();
        let needed: BTreeSet<StepId> = steps
            .iter()
            .filter(|s| !matches!(s.act, Act::Wait(_)) && !run.ran.failed.contains_key(&s.id))
            .flat_map(Step::dependencies)
            .collect();
        // What nothing waits for is read back by the pass, with everything else.
        let open: Vec<&Step> = open.into_iter().filter(|s| needed.contains(&s.id)).collect();
        if open.is_empty() || self.looks >= LOOKS {
            return false;
        }
        if self.looks > 0 {
            by.watch.waiting("a change to become readable");
            by.cloud.sleep.sleep(backoff(self.looks).min(Duration::from_secs(15))).await;
        }
        self.looks += 1;
        let readings: Vec<(StepId, &Reading)> =
            open.iter().filter_map(|s| Some((s.id.clone(), s.proof.as_ref()?))).collect();
        let keys: BTreeSet<Key> = readings.iter().filter_map(|(_, r)| key(r, run)).collect();
        for tenant in keys.iter().filter(|k| k.service == Service::Token).map(|k| k.tenant.clone()) {
            by.cloud.auth.drop_tokens(&tenant).await;
        }
        let answers = by.loader.load_now(keys).await;
        let before = run.proven.len();
        for (id, reading) in readings {
            let body = key(reading, run).and_then(|k| answers.get(&k)).and_then(found);
            if body.is_some_and(|body| pick(reading, &body, run).is_some()) {
                run.proven.insert(id);
            }
        }
        if run.proven.len() > before {
            self.looks = 0;
        }
        true
    }
}

/// Reads that became possible, batched like all others.
pub(super) async fn read(
    by: &Executor<'_>,
    steps: &[&Step],
    run: &Run,
) -> BTreeMap<StepId, Result<Value, Box<Diagnostic>>> {
    let readings: Vec<(&Step, &Reading)> = steps
        .iter()
        .filter_map(|s| match &s.act {
            Act::Read(reading) => Some((*s, reading)),
            _ => None,
        })
        .collect();
    if readings.is_empty() {
        return BTreeMap::new();
    }
    let answers = by.loader.load_now(readings.iter().filter_map(|(_, r)| key(r, run)).collect()).await;
    let one = |step: &Step, reading: &Reading| {
        let doing = format!("{} could not be looked up", step.id.address());
        match key(reading, run).and_then(|k| answers.get(&k)) {
            Some(Got::Refused(r)) => Err(Box::new(diagnose::of_refusal(step.id.address(), &doing, r).of_object())),
            Some(Got::Failed(f)) => {
                Err(Box::new(diagnose::of_why(step.id.address(), &doing, &Why::Failed(f.clone())).of_object()))
            }
            Some(got) => found(got).and_then(|body| pick(reading, &body, run)).ok_or_else(|| {
                Box::new(
                    Diagnostic::error(step.id.address(), format!("{doing}: it is not there"))
                        .code("ResourceNotProvisioned")
                        .remedy("Check that the tenant has the service (licences).")
                        .of_object(),
                )
            }),
            None => Err(Box::new(Diagnostic::error(step.id.address(), doing.clone()).of_object())),
        }
    };
    readings.into_iter().map(|(step, reading)| (step.id.clone(), one(step, reading))).collect()
}

/// Looks an object up by its natural key.
pub(super) async fn lookup(by: &Executor<'_>, reading: &Reading, run: &Run) -> Option<Value> {
    let key = key(reading, run)?;
    if key.service == Service::Token {
        by.cloud.auth.drop_tokens(&key.tenant).await;
    }
    let answers = by.loader.load_now(BTreeSet::from([key.clone()])).await;
    let body = found(answers.get(&key)?)?;
    pick(reading, &body, run)
}

fn found(got: &Got) -> Option<Value> {
    match got {
        Got::Found(body) => Some((**body).clone()),
        _ => None,
    }
}

fn key(reading: &Reading, run: &Run) -> Option<Key> {
    Some(Key {
        tenant: reading.tenant.clone(),
        service: reading.service,
        actor: reading.actor.clone(),
        path: reading.path.resolve_text(&run.results).ok()?,
        all_pages: reading.all_pages,
    })
}

fn pick(reading: &Reading, body: &Value, run: &Run) -> Option<Value> {
    let wanted: Result<Vec<_>, _> =
        reading.find.fields.iter().map(|(p, v)| Ok::<_, ()>((*p, v.resolve(&run.results).map_err(|_| ())?))).collect();
    reading.find.pick(body, &wanted.ok()?).cloned()
}

type Prepared = (StepId, Send, wire::Request);
type Outcome = (StepId, Result<Answer, Why>);

impl Executor<'_> {
    /// Sends requests: those of one tenant and identity at Graph in one batch, groups side by side.
    pub(super) async fn post(&self, prepared: Vec<Prepared>) -> Vec<Outcome> {
        let mut groups: Vec<Vec<Prepared>> = Vec::new();
        for one in prepared {
            let fits = |g: &&mut Vec<Prepared>| {
                g.len() < BATCH
                    && one.1.service == Service::Graph
                    && g.first().is_some_and(|(_, s, _)| {
                        (&s.tenant, s.service, &s.actor) == (&one.1.tenant, one.1.service, &one.1.actor)
                    })
            };
            match groups.iter_mut().find(fits) {
                Some(group) => group.push(one),
                None => groups.push(vec![one]),
            }
        }
        let slots = std::sync::Arc::new(tokio::sync::Semaphore::new(self.cloud.parallelism));
        let mut running = tokio::task::JoinSet::new();
        for group in groups {
            let (cloud, slots) = (self.cloud.clone(), slots.clone());
            running.spawn(async move {
                let _slot = slots.acquire_owned().await.ok();
                send_group(&cloud, group).await
            });
        }
        let mut outcomes = Vec::new();
        while let Some(done) = running.join_next().await {
            match done {
                Ok(some) => outcomes.extend(some),
                Err(error) => tracing::error!(%error, "a write ended without an answer"),
            }
        }
        outcomes
    }
}

async fn send_group(cloud: &Cloud, group: Vec<Prepared>) -> Vec<Outcome> {
    let all = |why: &Why| group.iter().map(|(id, ..)| (id.clone(), Err(why.clone()))).collect::<Vec<_>>();
    let Some((_, send, _)) = group.first() else { return vec![] };
    let resource = match send.service {
        Service::PartnerCenter => "partnercenter",
        Service::Exchange => "exchange",
        Service::Graph | Service::Token => "graph",
    };
    if let Err(fault) = cloud.admit(&send.tenant, send.service).await {
        return all(&Why::Failed(fault));
    }
    let token = match cloud.auth.token(&send.tenant, resource, &send.actor).await {
        Ok(token) => token.secret,
        Err(why) => return all(&why),
    };
    group.iter().for_each(|(_, send, _)| cloud.wire.meter.write(send.service));
    if let [(id, _, request)] = group.as_slice() {
        let answer = cloud.wire.send(request, &token).await.map_err(Why::Failed);
        if let Ok(answer) = &answer {
            cloud.heed(&send.tenant, send.service, answer);
        }
        return vec![(id.clone(), answer)];
    }
    let items: Vec<Value> =
        group.iter().enumerate().map(|(i, (_, send, request))| batch_item(cloud, i, send, request)).collect();
    let url = format!("{}/$batch", cloud.endpoints.graph);
    let outer = wire::Request::post(Service::Graph, url, serde_json::json!({ "requests": items }));
    let outer = match cloud.wire.send(&outer, &token).await {
        Ok(outer) => outer,
        Err(fault) => return all(&Why::Failed(fault)),
    };
    cloud.heed(&send.tenant, send.service, &outer);
    if !outer.ok() {
        return group.iter().map(|(id, ..)| (id.clone(), Ok(outer.clone()))).collect();
    }
    let mut by_id = split_batch(&outer.body);
    let lost = || Answer { status: 504, ..Answer::default() };
    group
        .iter()
        .enumerate()
        .map(|(i, (id, ..))| (id.clone(), Ok(by_id.remove(&i.to_string()).unwrap_or_else(lost))))
        .collect()
}

fn batch_item(cloud: &Cloud, i: usize, send: &Send, request: &wire::Request) -> Value {
    let path = request.url.strip_prefix(&cloud.endpoints.graph).unwrap_or(&request.url);
    let mut headers: serde_json::Map<String, Value> =
        request.headers.iter().map(|(k, v)| ((*k).to_owned(), Value::String(v.clone()))).collect();
    let mut item = serde_json::json!({"id": i.to_string(), "method": send.method.word(), "url": path});
    if let Some(body) = &request.body {
        headers.insert("Content-Type".into(), "application/json".into());
        item["body"] = body.clone();
    }
    if !headers.is_empty() {
        item["headers"] = Value::Object(headers);
    }
    item
}
