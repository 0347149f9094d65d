//! The one way onto the wire: counts, hears the clock, reads any body.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::answer::Answer;
use super::clock::Clock;
use super::secret::Secret;
use super::traffic::Traffic;
use crate::engine::plan::Cost;
use crate::engine::read::{Fault, Service};

/// How long one request may take; Exchange's cmdlets are the slowest.
const TIMEOUT: Duration = Duration::from_secs(100);

/// A request in full, but for its token.
#[derive(Clone, Debug)]
pub struct Request {
    /// The service that it goes to, for the counters.
    pub service: Service,
    pub method: reqwest::Method,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Value>,
}

impl Request {
    pub fn get(service: Service, url: impl Into<String>) -> Request {
        Request { service, method: reqwest::Method::GET, url: url.into(), headers: vec![], body: None }
    }

    pub fn post(service: Service, url: impl Into<String>, body: Value) -> Request {
        Request { service, method: reqwest::Method::POST, url: url.into(), headers: vec![], body: Some(body) }
    }

    fn is_batch(&self) -> bool {
        self.service == Service::Graph && self.url.ends_with("/$batch")
    }
}

/// Counters of what a run cost.
#[derive(Debug, Default)]
pub struct Meter {
    http: AtomicU64,
    tokens: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
    resource_units: AtomicU64,
    /// The same and more by service, over the life of the process.
    traffic: Arc<Traffic>,
}

impl Meter {
    pub fn read(&self, answer: &Answer) {
        self.reads.fetch_add(1, Relaxed);
        let units = answer.headers.get("x-ms-resource-unit").and_then(|u| u.parse().ok()).unwrap_or(1);
        self.resource_units.fetch_add(units, Relaxed);
        self.traffic.spent(units);
    }

    pub fn write(&self, service: Service) {
        self.writes.fetch_add(1, Relaxed);
        self.resource_units.fetch_add(1, Relaxed);
        self.traffic.wrote(service);
        self.traffic.spent(1);
    }

    /// Notes a pause that Microsoft's throttling asked for.
    pub fn held_back(&self, pause: Duration) {
        self.traffic.held_back(pause);
    }

    pub fn cost(&self) -> Cost {
        Cost {
            http: self.http.load(Relaxed),
            tokens: self.tokens.load(Relaxed),
            reads: self.reads.load(Relaxed),
            writes: self.writes.load(Relaxed),
            resource_units: self.resource_units.load(Relaxed),
        }
    }
}

/// An HTTP client with a clock and a meter.
pub struct Wire {
    client: reqwest::Client,
    pub clock: Arc<Clock>,
    pub meter: Meter,
}

impl Wire {
    /// `ca` is a PEM bundle to trust beside the public ones. A server on this machine is never
    /// reached through a proxy.
    ///
    /// # Errors
    /// The bundle does not read, or no TLS can be set up.
    pub fn new(ca: Option<&[u8]>, loopback: bool, clock: Arc<Clock>) -> Result<Wire, String> {
        let mut builder = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none());
        if loopback {
            builder = builder.no_proxy();
        }
        if let Some(pem) = ca {
            let certificates = reqwest::Certificate::from_pem_bundle(pem)
                .map_err(|e| format!("the CA file is not a PEM bundle: {e}"))?;
            for certificate in certificates {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let client = builder.build().map_err(|e| format!("no HTTP client: {e}"))?;
        Ok(Wire { client, clock, meter: Meter::default() })
    }

    /// Counts into `traffic`, which outlives this wire and may be that of others too.
    #[must_use]
    pub fn counted_in(mut self, traffic: Arc<Traffic>) -> Wire {
        self.meter.traffic = traffic;
        self
    }

    /// Sends a request of an API.
    ///
    /// # Errors
    /// No answer came; whether the request was carried out is not known.
    pub async fn send(&self, request: &Request, token: &Secret) -> Result<Answer, Fault> {
        self.meter.http.fetch_add(1, Relaxed);
        tracing::debug!(method = %request.method, url = %request.url, "request");
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(*name), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        let mut call =
            self.client.request(request.method.clone(), &request.url).bearer_auth(token.reveal()).headers(headers);
        if let Some(body) = &request.body {
            call = call.json(body);
        }
        let answer = self.answer(call, &request.url).await;
        self.meter.traffic.ended(request.service, request.is_batch(), answer.as_ref());
        answer
    }

    /// Sends a form to the token service.
    ///
    /// # Errors
    /// No answer came.
    pub async fn form(&self, url: &str, fields: &[(&str, &str)]) -> Result<Answer, Fault> {
        self.meter.tokens.fetch_add(1, Relaxed);
        let answer = self.answer(self.client.post(url).form(fields), url).await;
        self.meter.traffic.ended(Service::Token, false, answer.as_ref());
        answer
    }

    async fn answer(&self, call: reqwest::RequestBuilder, url: &str) -> Result<Answer, Fault> {
        let response = call.send().await.map_err(|e| fault(&e, url))?;
        let status = response.status().as_u16();
        tracing::debug!(status, url, "answer");
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect::<std::collections::BTreeMap<_, _>>();
        if let Some(date) = headers.get("date") {
            self.clock.hear(date);
        }
        let bytes = response.bytes().await.map_err(|e| fault(&e, url))?;
        // Partner Center may begin a body with a byte-order mark; Exchange may send only NULs.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let empty = bytes.iter().all(|b| b.is_ascii_whitespace() || *b == 0);
        let (body, not_json) = match serde_json::from_slice(bytes) {
            _ if empty => (Value::Null, None),
            Ok(body) => (body, None),
            Err(_) => {
                let start: String = String::from_utf8_lossy(bytes).chars().take(300).collect();
                (Value::Null, Some(start))
            }
        };
        Ok(Answer { status, headers, body, not_json })
    }
}

/// A transport error in words; the address is named by its host only, queries may tell too much.
fn fault(error: &reqwest::Error, url: &str) -> Fault {
    let host = reqwest::Url::parse(url).ok().and_then(|u| u.host_str().map(str::to_owned));
    let host = host.unwrap_or_else(|| "the server".into());
    let what = if error.is_timeout() {
        "did not answer in time"
    } else if error.is_connect() {
        "cannot be reached"
    } else {
        "broke off before its answer was complete"
    };
    Fault {
        message: format!("{host} {what}"),
        remedy: "Check the network, proxy settings and --endpoint, then run this again.".into(),
        after: None,
    }
}
