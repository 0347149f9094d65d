//! What a long-running process tells about itself: logs, traces and metrics.
//!
//! All three speak of our own crate only. HTTP libraries trace whole requests, and their headers
//! are tokens.

mod logs;
pub mod metrics;
mod traces;

#[cfg(test)]
mod tests;

use std::io::Write;

pub use logs::Format;
pub use metrics::Metrics;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How a process logs and traces.
pub struct Options {
    /// What a log line looks like.
    pub format: Format,
    /// What is logged: a level (`info`), and exceptions for modules of ours
    /// (`info,tenantry::cloud=debug`).
    pub level: String,
    /// The service's name in traces, where `OTEL_SERVICE_NAME` does not say otherwise.
    pub service: &'static str,
    /// Where log lines go: stderr, for an operator.
    pub writer: Box<dyn Write + Send>,
}

/// Keeps traces going. What is not yet sent is sent when it is dropped, within five seconds.
#[must_use = "traces end with it"]
pub struct Guard {
    _traces: Option<traces::Traces>,
}

impl Guard {
    /// Sends what is not yet sent, and ends tracing. Blocks the calling thread for five seconds at
    /// most; when the collector is away, what is left is lost.
    pub fn shutdown(self) {
        drop(self);
    }
}

/// Starts logging, and tracing where the standard variables name a collector
/// (`OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`; OTLP over HTTP with
/// protobuf). A collector that cannot be used is a warning in the log: the work itself needs none.
///
/// # Errors
/// The level does not read, or the process logs already.
pub fn start(options: Options) -> Result<Guard, String> {
    let wanted = logs::Wanted::parse(&options.level)?;
    let (traces, warning) = match traces::Traces::start(options.service, &|name| std::env::var(name).ok()) {
        Ok(traces) => (traces, None),
        Err(why) => (None, Some(why)),
    };
    let lines = logs::layer(options.format, &wanted, options.writer);
    let spans = traces.as_ref().map(|traces| traces.layer(&wanted));
    let started = tracing_subscriber::registry().with(lines).with(spans).try_init();
    started.map_err(|_| "logging was started already".to_owned())?;
    if let Some(warning) = warning {
        tracing::warn!("traces are not sent: {warning}");
    }
    Ok(Guard { _traces: traces })
}
