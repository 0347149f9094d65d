//! Health and metrics over HTTP, on a port of their own: for the kubelet and for Prometheus.
//!
//! Whoever reaches the port may read it all; nothing here names an object or is secret.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::telemetry::Metrics;
use crate::telemetry::metrics;

/// How long the event loop may take for a turn before the process counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long an answer that is under way may take when the server ends.
const GRACE: Duration = Duration::from_secs(3);

/// How the process is. Clones are the same.
#[derive(Clone)]
pub struct Health(Arc<Mutex<Known>>);

struct Known {
    beaten: Instant,
    /// What must be there, and why it is not.
    missing: BTreeMap<&'static str, Option<String>>,
}

impl Health {
    /// Not ready until each of these is. It counts as alive from now.
    pub fn new(needed: impl IntoIterator<Item = &'static str>) -> Health {
        let missing = needed.into_iter().map(|name| (name, Some("not yet".to_owned()))).collect();
        Health(Arc::new(Mutex::new(Known { beaten: Instant::now(), missing })))
    }

    /// The event loop has turned.
    pub fn beat(&self) {
        self.lock().beaten = Instant::now();
    }

    /// This is there.
    pub fn ready(&self, name: &'static str) {
        self.lock().missing.insert(name, None);
    }

    /// This is there no longer, and why: words that anybody may read.
    pub fn unready(&self, name: &'static str, why: impl Into<String>) {
        self.lock().missing.insert(name, Some(why.into()));
    }

    /// Whether all is there.
    pub fn is_ready(&self) -> bool {
        self.lock().missing.values().all(Option::is_none)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self, now: Instant) -> (StatusCode, String) {
        let silent = now.saturating_duration_since(self.lock().beaten);
        if silent > PATIENCE {
            let text = format!(
                "the event loop has not turned for {} s ({} s at most)\n",
                silent.as_secs(),
                PATIENCE.as_secs()
            );
            return (StatusCode::SERVICE_UNAVAILABLE, text);
        }
        (StatusCode::OK, "ok\n".to_owned())
    }

    fn readiness(&self) -> (StatusCode, String) {
        let mut text = String::new();
        for (name, why) in &self.lock().missing {
            if let Some(why) = why {
                // Writing to a string does not fail.
                let _ = writeln!(text, "{name}: {why}");
            }
        }
        if text.is_empty() { (StatusCode::OK, "ready\n".to_owned()) } else { (StatusCode::SERVICE_UNAVAILABLE, text) }
    }
}

/// Listens on `listen`; the answer is the address in full (where the port was 0, the port that was
/// free) and the server, which runs until `shutdown` is ready.
///
/// # Errors
/// The address cannot be had, in words for the person who gave it.
pub async fn run(
    listen: SocketAddr,
    health: Health,
    metrics: Metrics,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<(SocketAddr, impl Future<Output = io::Result<()>> + Send + 'static)> {
    let told = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot listen on {listen} (--metrics-listen): {error}"))
    };
    let listener = TcpListener::bind(listen).await.map_err(told)?;
    let address = listener.local_addr().map_err(told)?;
    let (ending, ended) = tokio::sync::oneshot::channel();
    let signal = async move {
        shutdown.await;
        // The server may be gone already.
        let _ = ending.send(());
    };
    let serving = axum::serve(listener, router(health, metrics)).with_graceful_shutdown(signal);
    let server = async move {
        let overdue = async {
            // It is dropped unsent only with the server itself.
            let _ = ended.await;
            let _ = tokio::time::timeout(GRACE, std::future::pending::<()>()).await;
        };
        tokio::select! {
            served = serving.into_future() => served,
            // Somebody reads slowly; the process does not wait for that.
            () = overdue => Ok(()),
        }
    };
    Ok((address, server))
}

fn router(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/", get(|| async { "tenantry: /livez /readyz /metrics\n" }))
        .route("/livez", get(|State((health, _)): State<(Health, Metrics)>| async move { health.live(Instant::now()) }))
        .route("/readyz", get(|State((health, _)): State<(Health, Metrics)>| async move { health.readiness() }))
        .route("/metrics", get(|State((_, metrics)): State<(Health, Metrics)>| async move { scrape(&metrics) }))
        .with_state((health, metrics))
}

fn scrape(metrics: &Metrics) -> Response {
    match metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    async fn serve(health: &Health) -> (String, oneshot::Sender<()>, tokio::task::JoinHandle<io::Result<()>>) {
        let (end, ended) = oneshot::channel();
        let metrics = Metrics::new("1.2.3", &["Tenant"]);
        let any = "127.0.0.1:0".parse().unwrap();
        let shutdown = async move {
            let _ = ended.await;
        };
        let (address, server) = run(any, health.clone(), metrics, shutdown).await.unwrap();
        (format!("http://{address}"), end, tokio::spawn(server))
    }

    async fn get(url: String) -> (u16, String, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let response = client.get(url).send().await.unwrap();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        (response.status().as_u16(), kind, response.text().await.unwrap())
    }

    #[tokio::test]
    async fn readiness_lists_what_is_missing_and_can_be_lost_again() {
        let health = Health::new(["crds", "caches", "config"]);
        let (url, _end, _server) = serve(&health).await;
        let ready = || async { get(format!("{url}/readyz")).await };
        let (status, kind, text) = ready().await;
        assert_eq!((status, text.as_str()), (503, "caches: not yet\nconfig: not yet\ncrds: not yet\n"));
        assert!(kind.starts_with("text/plain"), "{kind}");
        for name in ["crds", "caches", "config"] {
            assert!(!health.is_ready());
            health.ready(name);
        }
        let (status, _, text) = ready().await;
        assert_eq!((status, text.as_str(), health.is_ready()), (200, "ready\n", true));
        health.unready("config", "the file is gone");
        let (status, _, text) = ready().await;
        assert_eq!((status, text.as_str()), (503, "config: the file is gone\n"));
    }

    #[tokio::test]
    async fn it_is_alive_while_its_event_loop_turns() {
        let health = Health::new(["crds"]);
        let (url, _end, _server) = serve(&health).await;
        let (status, _, text) = get(format!("{url}/livez")).await;
        assert_eq!((status, text.as_str()), (200, "ok\n"));
        let later = |seconds| health.live(Instant::now() + Duration::from_secs(seconds));
        assert_eq!(later(59).0, StatusCode::OK);
        let (status, text) = later(73);
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.starts_with("the event loop has not turned for 7"), "{text}");
        health.lock().beaten -= Duration::from_secs(100);
        assert_eq!(get(format!("{url}/livez")).await.0, 503);
        health.beat();
        assert_eq!(get(format!("{url}/livez")).await.0, 200);
    }

    #[tokio::test]
    async fn metrics_are_served_as_what_they_are_and_the_index_says_where() {
        let (url, _end, _server) = serve(&Health::new([])).await;
        let (status, kind, text) = get(format!("{url}/metrics")).await;
        assert_eq!((status, kind.as_str()), (200, metrics::CONTENT_TYPE));
        assert!(text.contains("tenantry_build_info{version=\"1.2.3\"} 1\n") && text.ends_with("# EOF\n"), "{text}");
        assert_eq!(get(format!("{url}/")).await.2, "tenantry: /livez /readyz /metrics\n");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        assert_eq!(client.get(format!("{url}/debug")).send().await.unwrap().status(), 404);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_said_in_words() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let refused = run(address, Health::new([]), Metrics::new("", &[]), std::future::pending()).await.err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        assert!(
            refused.to_string().starts_with(&format!("cannot listen on {address} (--metrics-listen): ")),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn it_ends_when_told_even_if_somebody_does_not_hang_up() {
        let (url, end, server) = serve(&Health::new([])).await;
        let mut slow = tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut slow, b"GET /metrics HTTP/1.1\r\n").await.unwrap();
        // Served after the other was accepted.
        get(format!("{url}/")).await;
        end.send(()).unwrap();
        tokio::time::timeout(GRACE * 5, server).await.unwrap().unwrap().unwrap();
    }
}
