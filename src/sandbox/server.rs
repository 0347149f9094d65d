//! The HTTP server on loopback, and a connection that can be cut without an answer.
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State as Extract};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::cloud::Cloud;
use super::faults::kill_now;
use super::http::{Answer, Body, Call};

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

struct Wires(TcpListener);

/// A connection with a switch: once cut, nothing more is written to it.
struct Wire {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

#[derive(Clone)]
struct Switch(Arc<AtomicBool>);

impl Connected<IncomingStream<'_, Wires>> for Switch {
    fn connect_info(stream: IncomingStream<'_, Wires>) -> Self {
        Switch(stream.io().cut.clone())
    }
}

impl Listener for Wires {
    type Io = Wire;
    type Addr = std::net::SocketAddr;

    #[expect(clippy::disallowed_methods, reason = "a pause of the server itself, not of the engine")]
    async fn accept(&mut self) -> (Wire, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    let _ = stream.set_nodelay(true);
                    return (Wire { stream, cut: Arc::default() }, address);
                }
                // Out of file descriptors, or a client that left: the next one may do better.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Serves until told to stop.
pub async fn run(listener: TcpListener, cloud: Shared, stop: oneshot::Receiver<()>) {
    let app = Router::new().fallback(answer).with_state(cloud).into_make_service_with_connect_info::<Switch>();
    let served = axum::serve(Wires(listener), app).with_graceful_shutdown(async {
        let _ = stop.await;
    });
    let _ = served.await;
}

#[expect(clippy::disallowed_methods, reason = "a process that is about to be killed waits in wall time")]
async fn answer(
    Extract(cloud): Extract<Shared>,
    ConnectInfo(Switch(cut)): ConnectInfo<Switch>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return response(Answer::empty(413), false);
    };
    let mut call = Call { method: parts.method.as_str().to_owned(), body: body.to_vec(), ..Call::default() };
    for (name, value) in &parts.headers {
        call.headers.insert(name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    call.host = call.header("host").unwrap_or("127.0.0.1").to_owned();
    call.target(parts.uri.path_and_query().map_or("/", |p| p.as_str()));
    let odata = call.path.starts_with("/v1.0") || call.path.starts_with("/beta");
    let (answer, after) = locked(&cloud).serve(call);
    if after.cut {
        cut.store(true, Ordering::SeqCst);
    }
    if after.kill {
        tokio::spawn(async {
            tokio::time::sleep(GRACE).await;
            kill_now();
        });
    }
    response(answer, odata)
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
            builder = builder.header("Content-Type", if odata { ODATA } else { "application/json; charset=utf-8" });
            HttpBody::from(v.to_string())
        }
        Body::Bytes(kind, bytes) => {
            builder = builder.header("Content-Type", kind);
            HttpBody::from(bytes)
        }
    };
    builder.body(body).unwrap_or_default()
}
