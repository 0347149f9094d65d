//! What the operator tells of itself: logs, traces, metrics.

mod metrics;
mod traces;

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

pub use metrics::{Gauges, Metrics, Outcome};
pub use traces::Traces;

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Text,
    Json,
}

/// Logs of our own crate, to stderr, never of the HTTP libraries, whose traces show headers; and spans to a collector where the
/// standard variables name one (OpenTelemetry: SDK environment variables).
///
/// # Errors
/// The level is no word for one, or the collector cannot be spoken to as it asks.
pub fn start(level: &str, format: Format) -> Result<Traces, String> {
    start_with(level, format, io::stderr)
}

fn start_with<W>(level: &str, format: Format, writer: W) -> Result<Traces, String>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level: LevelFilter =
        level.parse().map_err(|_| format!("`{level}` is no level: write error, warn, info, debug or trace"))?;
    let traces = Traces::of_environment(&|name| std::env::var(name).ok())?;
    let only_ours = || Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    let lines = match format {
        Format::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        Format::Text => lines.boxed(),
    };
    let spans = traces.layer().with_filter(Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::INFO));
    // A second start would be a second operator in one process, which nobody makes.
    let _ = tracing_subscriber::registry().with(spans).with(lines.with_filter(only_ours())).try_init();
    Ok(traces)
}
