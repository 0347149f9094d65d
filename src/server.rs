//! `/livez`, `/readyz`, `/metrics`.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;

/// A page that says whether something is well: `Err` says what is not.
pub type Check = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;
/// A page of text.
pub type Text = Arc<dyn Fn() -> String + Send + Sync>;

/// What is served.
#[derive(Clone)]
pub struct Pages {
    pub live: Check,
    pub ready: Check,
    pub metrics: Text,
}

const INDEX: &str = "tenantry operator: /livez /readyz /metrics\n";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Binds an address.
///
/// # Errors
/// What is wrong with it, and which flag says it.
pub async fn bind(address: &str) -> Result<TcpListener, String> {
    let parsed: SocketAddr = address.parse().map_err(|_| {
        format!("`{address}` is no address: write IP:PORT for --metrics-listen, for example 0.0.0.0:9095")
    })?;
    TcpListener::bind(parsed).await.map_err(|error| format!("--metrics-listen {address}: {error}"))
}

/// Serves for ever.
pub async fn run(listener: TcpListener, pages: Pages) {
    let Pages { live, ready, metrics } = pages;
    let app = Router::new()
        .route("/", get(|| async { INDEX }))
        .route("/livez", get(move || async move { said(live()) }))
        .route("/readyz", get(move || async move { said(ready()) }))
        .route("/metrics", get(move || async move { ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics()) }));
    if let Err(error) = axum::serve(listener, app).await {
        tracing::error!(%error, "health and metrics are not served any more");
    }
}

fn said(check: Result<(), String>) -> Response {
    match check {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_well_is_said_with_503() {
        let listener = bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pages = Pages {
            live: Arc::new(|| Ok(())),
            ready: Arc::new(|| Err("caches: Tenant is missing".into())),
            metrics: Arc::new(|| "# EOF\n".into()),
        };
        tokio::spawn(run(listener, pages));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let page = async |path: &str| {
            let answer = client.get(format!("{url}{path}")).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        assert_eq!(page("/livez").await, (200, "ok\n".into()));
        assert_eq!(page("/readyz").await, (503, "caches: Tenant is missing\n".into()));
        assert_eq!(page("/metrics").await.1, "# EOF\n");
        assert!(bind("nowhere").await.unwrap_err().contains("--metrics-listen"));
    }
}
