//! Traces, by OTLP over HTTP with protobuf, configured by the standard variables alone.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::logs::Wanted;

/// How long sending the last spans may take.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A collector that spans are sent to.
pub(super) struct Traces {
    provider: SdkTracerProvider,
}

/// Whether a collector is named, and can be spoken to.
pub(super) fn wanted(env: &dyn Fn(&str) -> Option<String>) -> Result<bool, String> {
    let set = |name: &str| env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let off = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || set("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    let named =
        ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"].into_iter().any(|n| set(n).is_some());
    if off || !named {
        return Ok(false);
    }
    let protocol = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]
        .into_iter()
        .find_map(|name| Some((name, set(name)?)));
    match protocol {
        Some((name, protocol)) if protocol != "http/protobuf" => Err(format!(
            "{name} asks for {protocol}, and only http/protobuf is spoken here: set it to http/protobuf and the endpoint \
             to the collector's HTTP port (4318 as a rule)"
        )),
        _ => Ok(true),
    }
}

impl Traces {
    /// Starts sending, if the environment asks for it.
    pub(super) fn start(service: &'static str, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Traces>, String> {
        if !wanted(env)? {
            return Ok(None);
        }
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .build()
            .map_err(|error| error.to_string())?;
        let exporter = Exporter { inner: exporter, away: AtomicBool::new(false) };
        let provider =
            SdkTracerProvider::builder().with_resource(resource(service)).with_batch_exporter(exporter).build();
        Ok(Some(Traces { provider }))
    }

    pub(super) fn layer<S>(&self, wanted: &Wanted) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let layer = tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        layer.with_filter(wanted.filter())
    }
}

/// Sends what is left, if that takes no longer than it may.
impl Drop for Traces {
    fn drop(&mut self) {
        // Too late, or nobody there: the exporter has said so, and the program ends.
        let _ = self.provider.shutdown_with_timeout(LAST_WORDS);
    }
}

/// What the variables say of this process, and our name where they name none.
fn resource(service: &'static str) -> Resource {
    let detected = Resource::builder().build();
    let name = detected.get(&"service.name".into()).map(|name| name.to_string());
    let mut builder = Resource::builder();
    if name.is_none_or(|name| name.starts_with("unknown_service")) {
        builder = builder.with_service_name(service);
    }
    builder.with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))).build()
}

/// Sends on the batch processor's own thread, by a client that blocks: what is sent last is sent when the program's
/// runtime is busy ending.
#[derive(Debug)]
struct Exporter {
    inner: opentelemetry_otlp::SpanExporter,
    /// Whether the last batch was lost; said once, not with each.
    away: AtomicBool,
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.inner.export(batch).await;
        match &sent {
            Ok(()) if self.away.swap(false, Relaxed) => tracing::info!("traces are sent again"),
            Err(error) if !self.away.swap(true, Relaxed) => tracing::warn!(%error, "traces are not sent and are lost"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
