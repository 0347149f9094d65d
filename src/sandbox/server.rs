//! The HTTP server: requests in, answers out, and who may play the cloud.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::{ConnectInfo, Request, State as Extract};
use axum::response::Response;
use serde_json::json;
use tokio::sync::oneshot;

use super::cloud::Cloud;
use super::faults::kill_now;
use super::http::{Answer, Body, Call};
use super::wire::{Switch, Wires};

pub type Shared = Arc<Mutex<Cloud>>;

/// A request of ours is small; more than this is a mistake.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// Graph's content type.
const ODATA: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// How long a client has after an answer before an `after-answer` kill strikes.
const GRACE: Duration = Duration::from_millis(50);

pub fn locked(cloud: &Shared) -> MutexGuard<'_, Cloud> {
    cloud.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The cloud as the network sees it.
#[derive(Clone)]
pub struct Front {
    pub cloud: Shared,
    /// How much later every answer comes.
    pub latency: Duration,
    /// The name or address that it was told to listen at.
    pub host: String,
}

/// Serves until told to stop.
pub async fn run(wires: Wires, front: Front, stop: oneshot::Receiver<()>) {
    let secure = wires.tls.is_some();
    let app = Router::new().fallback(answer).with_state((front, secure));
    let served = axum::serve(wires, app.into_make_service_with_connect_info::<Switch>());
    let served = served.with_graceful_shutdown(async {
        let _ = stop.await;
    });
    let _ = served.await;
}

#[expect(clippy::disallowed_methods, reason = "latency, and a process that is about to be killed, are in wall time")]
async fn answer(
    Extract((front, secure)): Extract<(Front, bool)>,
    ConnectInfo(wire): ConnectInfo<Switch>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return response(Answer::empty(413), false);
    };
    let mut call = Call { method: parts.method.as_str().to_owned(), body: body.to_vec(), secure, ..Call::default() };
    for (name, value) in &parts.headers {
        call.headers.insert(name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    call.host = call.header("host").unwrap_or("127.0.0.1").to_owned();
    call.target(parts.uri.path_and_query().map_or("/", |p| p.as_str()));
    let odata = call.path.starts_with("/v1.0") || call.path.starts_with("/beta");
    let control = call.path.starts_with("/_sandbox/");
    if control && is_foreign(&call, &front.host) {
        return response(Answer::json(403, json!({ "error": FOREIGN })), false);
    }
    let served = {
        let mut cloud = locked(&front.cloud);
        (!cloud.is_closed()).then(|| cloud.serve(call))
    };
    let Some((answer, after)) = served else {
        wire.cut();
        return response(Answer::empty(503), false);
    };
    if after.cut {
        wire.cut();
    }
    if !control && !front.latency.is_zero() {
        tokio::time::sleep(front.latency).await;
    }
    if after.kill {
        tokio::spawn(async {
            tokio::time::sleep(GRACE).await;
            kill_now();
        });
    }
    response(answer, odata)
}

const FOREIGN: &str = "a page of another site may not play this cloud; send no Origin header, as programs do";

/// Whether a browser asks on behalf of a page that is not ours. Programs send neither header.
fn is_foreign(call: &Call, host: &str) -> bool {
    let site = call.header("sec-fetch-site").is_some_and(|s| s != "same-origin" && s != "none");
    let origin = call.header("origin").is_some_and(|origin| {
        let at = origin.split_once("://").map_or("", |(_, at)| at);
        let name =
            at.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(at, |(n, _)| n);
        // The `Host` alone proves nothing: a name of somebody else may have been pointed at this machine.
        at != call.host || !["127.0.0.1", "[::1]", "localhost", host].contains(&name)
    });
    site || origin
}

fn response(answer: Answer, odata: bool) -> Response {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        // A value that is no header text is left out rather than refused.
        if let (Ok(n), Ok(v)) =
            (axum::http::HeaderName::try_from(name.as_str()), axum::http::HeaderValue::try_from(value.as_str()))
        {
            builder = builder.header(n, v);
        }
    }
    let body = match answer.body {
        Body::Empty => HttpBody::empty(),
        Body::Json(v) => {
            if !answer.headers.iter().any(|(name, _)| name == "Content-Type") {
                builder = builder.header("Content-Type", if odata { ODATA } else { "application/json; charset=utf-8" });
            }
            HttpBody::from(v.to_string())
        }
        Body::Bytes(kind, bytes) => {
            builder = builder.header("Content-Type", kind);
            HttpBody::from(bytes)
        }
    };
    builder.body(body).unwrap_or_default()
}
