//! What a process asked of Microsoft over its life: counters that only grow, one set for all wires.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde_json::Value;

use super::answer::Answer;
use crate::engine::read::{Fault, Service};

/// All services, in the order of their numbers.
pub const SERVICES: [Service; 4] = [Service::Graph, Service::PartnerCenter, Service::Exchange, Service::Token];

/// The word for a service in metrics and logs.
pub fn word(service: Service) -> &'static str {
    match service {
        Service::Graph => "graph",
        Service::PartnerCenter => "partnercenter",
        Service::Exchange => "exchange",
        Service::Token => "token",
    }
}

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was answered; "there is no such object" is an answer.
    Ok,
    /// It was understood and refused.
    Refused,
    /// It came too soon.
    Throttled,
    /// The server failed, or no answer came that one can use.
    Error,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Outcome; 4] = [Outcome::Ok, Outcome::Refused, Outcome::Throttled, Outcome::Error];

    /// The word for it in metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Refused => "refused",
            Outcome::Throttled => "throttled",
            Outcome::Error => "error",
        }
    }

    fn of(status: u64) -> Outcome {
        match status {
            200..300 | 404 => Outcome::Ok,
            429 => Outcome::Throttled,
            408 => Outcome::Error,
            400..500 => Outcome::Refused,
            _ => Outcome::Error,
        }
    }
}

/// The counters.
#[derive(Debug, Default)]
pub struct Traffic {
    requests: [[AtomicU64; 4]; 4],
    writes: [AtomicU64; 4],
    resource_units: AtomicU64,
    throttled_millis: AtomicU64,
}

impl Traffic {
    /// Requests of a service that ended so; each item of a batch is one.
    pub fn requests(&self, service: Service, outcome: Outcome) -> u64 {
        self.requests[service as usize][outcome as usize].load(Relaxed)
    }

    /// Writes that were sent to a service; each item of a batch is one.
    pub fn writes(&self, service: Service) -> u64 {
        self.writes[service as usize].load(Relaxed)
    }

    /// Graph's resource units, by which it throttles.
    pub fn resource_units(&self) -> u64 {
        self.resource_units.load(Relaxed)
    }

    /// How long requests were held back because Microsoft throttled them.
    pub fn throttled(&self) -> Duration {
        Duration::from_millis(self.throttled_millis.load(Relaxed))
    }

    /// Counts what came of a request. The answer to a batch says nothing itself: Microsoft counts,
    /// refuses and throttles its items.
    pub(crate) fn ended(&self, service: Service, batch: bool, answer: Result<&Answer, &Fault>) {
        let items = match answer {
            Ok(answer) if batch && answer.ok() => answer.body.get("responses").and_then(Value::as_array),
            _ => None,
        };
        match (items, answer) {
            (Some(items), _) => {
                for item in items {
                    self.count(service, Outcome::of(item.get("status").and_then(Value::as_u64).unwrap_or_default()));
                }
            }
            (None, Ok(answer)) if answer.not_json.is_none() => {
                self.count(service, Outcome::of(answer.status.into()));
            }
            (None, _) => self.count(service, Outcome::Error),
        }
    }

    fn count(&self, service: Service, outcome: Outcome) {
        self.requests[service as usize][outcome as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn wrote(&self, service: Service) {
        self.writes[service as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn spent(&self, resource_units: u64) {
        self.resource_units.fetch_add(resource_units, Relaxed);
    }

    pub(crate) fn held_back(&self, time: Duration) {
        self.throttled_millis.fetch_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use axum::http::StatusCode;
    use serde_json::json;

    use super::*;
    use crate::cloud::clock::{Sleep, Slept};
    use crate::cloud::desk::always_anew;
    use crate::cloud::{Cloud, Endpoints, Identities, Loader, Secret, Wire};
    use crate::engine::read::{Actor, Got, Key, TenantId};

    #[test]
    fn a_batch_counts_by_its_items_and_a_page_of_html_is_no_answer() {
        let traffic = Traffic::default();
        let counted = |service| Outcome::ALL.map(|outcome| traffic.requests(service, outcome));
        let body =
            json!({"responses": [{"status": 200}, {"status": 404}, {"status": 403}, {"status": 429}, {"status": 503}]});
        let batch = Answer { status: 200, body, ..Answer::default() };
        traffic.ended(Service::Graph, true, Ok(&batch));
        assert_eq!(counted(Service::Graph), [2, 1, 1, 1]);
        let refused = Answer { status: 429, ..Answer::default() };
        traffic.ended(Service::Graph, true, Ok(&refused));
        assert_eq!(counted(Service::Graph), [2, 1, 2, 1], "a batch that is refused as a whole is one request");
        let page = Answer { status: 200, not_json: Some("<html>".into()), ..Answer::default() };
        traffic.ended(Service::Exchange, false, Ok(&page));
        let fault = Fault::new("", "");
        traffic.ended(Service::Exchange, false, Err(&fault));
        assert_eq!(counted(Service::Exchange), [0, 0, 0, 2]);
        assert_eq!(counted(Service::Token), [0; 4]);
    }

    struct Never;

    impl Sleep for Never {
        fn sleep(&self, _: Duration) -> Slept<'_> {
            Box::pin(std::future::ready(()))
        }
    }

    #[tokio::test]
    async fn a_wire_counts_tokens_reads_and_how_long_it_was_held_back() {
        let answered = Arc::new(AtomicU64::new(0));
        let answer = move |uri: axum::http::Uri| {
            let first = uri.path() == "/v1.0/me" && answered.fetch_add(1, Relaxed) == 0;
            let status = if first { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
            let body = json!({"access_token": "a.e30.b", "expires_in": 3600});
            async move { (status, [("retry-after", "7"), ("x-ms-resource-unit", "3")], axum::Json(body)) }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
        let traffic = Arc::new(Traffic::default());
        let wire = Wire::new(None, true, Arc::default()).unwrap().counted_in(traffic.clone());
        let identities =
            Identities { partners: BTreeMap::new(), sink_secret: Arc::new(|_| Some(Secret::new("value"))) };
        let loader =
            Loader::new(Cloud::new(wire, Endpoints::all_at(&url), identities, Arc::new(Never), 1, None), always_anew);
        let actor = Actor::App { client_id: "app".into(), secret: crate::api::SecretName::new("default", "sink") };
        let key = Key::new(&TenantId::new("t"), Service::Graph, &actor, "/me");
        let got = loader.load(BTreeSet::from([key.clone()])).await;
        assert!(matches!(got.get(&key), Some(Got::Found(_))));
        let counted = |service| Outcome::ALL.map(|outcome| traffic.requests(service, outcome));
        assert_eq!((counted(Service::Token), counted(Service::Graph)), ([1, 0, 0, 0], [1, 0, 1, 0]));
        assert_eq!(
            (traffic.throttled().as_secs(), traffic.resource_units(), traffic.writes(Service::Graph)),
            (7, 6, 0)
        );
    }
}
