//! Traces by OTLP over HTTP, where the standard variables ask for them.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// The last batch may take this long when the process ends.
const FLUSH: Duration = Duration::from_secs(3);

/// The way to a collector, or none.
#[derive(Default, Debug)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// As the environment says: nothing without an endpoint, or with `OTEL_SDK_DISABLED=true`.
    ///
    /// # Errors
    /// A protocol is asked for that is not spoken, or the endpoint is no address.
    pub fn of_environment(env: &dyn Fn(&str) -> Option<String>) -> Result<Traces, String> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let disabled = set("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let url = match (set(TRACES_ENDPOINT), set(ENDPOINT)) {
            _ if disabled => return Ok(Traces::default()),
            (Some(url), _) => url,
            (None, Some(base)) => format!("{}/v1/traces", base.trim_end_matches('/')),
            (None, None) => return Ok(Traces::default()),
        };
        let protocol = set("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| set("OTEL_EXPORTER_OTLP_PROTOCOL"));
        if let Some(other) = protocol.filter(|p| p != "http/protobuf") {
            return Err(format!("traces are sent by http/protobuf; OTEL_EXPORTER_OTLP_PROTOCOL asks for {other}"));
        }
        let exporter = SpanExporter::builder().with_http().with_endpoint(url).build();
        let exporter = exporter.map_err(|error| format!("{ENDPOINT}: {error}"))?;
        let mut resource = Resource::builder();
        if set("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(env!("CARGO_PKG_NAME"));
        }
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
        Ok(Traces(Some(provider)))
    }

    /// The layer that makes spans of ours into traces.
    pub fn layer<S>(&self) -> Option<OpenTelemetryLayer<S, SdkTracer>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let provider = self.0.as_ref()?;
        Some(tracing_opentelemetry::layer().with_tracer(provider.tracer(env!("CARGO_PKG_NAME"))))
    }

    /// Sends what is left; a collector that is away costs seconds at most.
    pub fn end(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown_with_timeout(FLUSH)
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn traces(env: &[(&str, &str)]) -> Result<Traces, String> {
        let env: Vec<(String, String)> = env.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        Traces::of_environment(&move |name| env.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
    }

    #[test]
    fn without_a_collector_nothing_is_sent_and_another_protocol_is_refused_in_words() {
        assert!(traces(&[]).unwrap().0.is_none());
        assert!(traces(&[(ENDPOINT, "http://c"), ("OTEL_SDK_DISABLED", "true")]).unwrap().0.is_none());
        let refused = traces(&[(ENDPOINT, "http://c"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap_err();
        assert!(refused.contains("http/protobuf"), "{refused}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_span_arrives_at_the_collector() {
        let seen = Arc::new(Mutex::new(Vec::<u8>::new()));
        let sink = seen.clone();
        let app = axum::Router::new().route(
            "/v1/traces",
            axum::routing::post(move |body: axum::body::Bytes| async move { sink.lock().unwrap().extend(body) }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let traces = traces(&[(ENDPOINT, &url)]).unwrap();
        let subscriber = tracing_subscriber::registry().with(traces.layer());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!("reconcile", name = "contoso").in_scope(|| ());
        });
        tokio::task::spawn_blocking(|| traces.end()).await.unwrap();
        let body = seen.lock().unwrap().clone();
        let holds = |word: &[u8]| body.windows(word.len()).any(|w| w == word);
        assert!(holds(b"reconcile") && holds(b"contoso"), "{} bytes", body.len());
    }

    #[test]
    fn a_collector_that_is_away_holds_nobody_up() {
        let traces = traces(&[(ENDPOINT, "http://127.0.0.1:9")]).unwrap();
        let subscriber = tracing_subscriber::registry().with(traces.layer());
        tracing::subscriber::with_default(subscriber, || tracing::info_span!("reconcile").in_scope(|| ()));
        let begun = std::time::Instant::now();
        traces.end();
        assert!(begun.elapsed() < Duration::from_secs(15));
    }
}
