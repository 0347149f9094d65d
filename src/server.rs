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
