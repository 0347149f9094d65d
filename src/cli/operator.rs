//! `tenantry operator`: keeps what a cluster declares, until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::args::{LogFormat, OperatorArgs, Time};
use super::exit::Exit;
use super::failure::Failure;
use super::gather::{Elsewhere, elsewhere};
use super::interrupt;
use super::kube;
use super::printer::Printer;
use crate::cloud::Endpoints;
use crate::controller::{self, Options, TimeOf};
use crate::engine::diagnostic::Diagnostic;
use crate::server::{self, Health};
use crate::telemetry::{self, Format};

/// What is in hand at the end may take this long; Kubernetes gives 30 s before it kills.
const GRACE: Duration = Duration::from_secs(25);

/// Runs until SIGTERM or SIGINT.
pub async fn run(args: &OperatorArgs, printer: &Printer) -> Exit {
    let format = if args.log_format == LogFormat::Json { Format::Json } else { Format::Text };
    let level = args.log_level.clone();
    let options =
        telemetry::Options { format, level, service: "tenantry-operator", writer: Box::new(std::io::stderr()) };
    let telling = match telemetry::start(options) {
        Ok(telling) => telling,
        Err(why) => return Failure::from(Diagnostic::error("operator", why)).tell(printer),
    };
    let ran = begin(args).await;
    // It blocks while the last traces are sent.
    let _ = tokio::task::spawn_blocking(|| telling.shutdown()).await;
    match ran {
        Ok(()) => Exit::Ok,
        Err(failure) => failure.tell(printer),
    }
}

async fn begin(args: &OperatorArgs) -> Result<(), Failure> {
    let Elsewhere { endpoints, ca, url } = elsewhere(args.endpoint.as_deref(), args.ca_file.as_deref())?;
    let forbidden = url.as_deref().and_then(|url| not_allowed(url, &args.allow_endpoint));
    let client = kube::client(args.context.as_deref()).await?;
    let health = Health::new([controller::CRDS, controller::CACHES]);
    let options = Options {
        health: health.clone(),
        clock: match args.clock {
            Time::Machine => TimeOf::Machine,
            Time::Cloud => TimeOf::Cloud,
        },
        clock_url: url.unwrap_or_else(|| Endpoints::global().login),
        endpoints,
        forbidden,
        ca,
        namespace: args.namespace.clone(),
        concurrency: args.concurrency,
        parallelism: args.parallelism,
        grace: GRACE,
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), graph = %options.endpoints.graph, "the operator begins");
    let stop = async {
        interrupt::signal().await;
    };
    let wrong = |why: String| -> Failure { Diagnostic::error("operator", why).into() };
    let operator = controller::begin(client, &options).map_err(wrong)?;
    let stopped = Arc::new(Notify::new());
    let served = match args.metrics_listen.as_str() {
        "" => None,
        address => {
            let address: SocketAddr = address.parse().map_err(|_| {
                wrong(format!(
                    "`{address}` is no address: write IP:PORT for --metrics-listen, for example 0.0.0.0:9095"
                ))
            })?;
            let end = stopped.clone();
            let shutdown = async move { end.notified().await };
            let (_, server) = server::run(address, health, operator.metrics(), shutdown)
                .await
                .map_err(|error| wrong(error.to_string()))?;
            Some(tokio::spawn(server))
        }
    };
    controller::run(operator, options, stop).await;
    stopped.notify_one();
    if let Some(served) = served {
        let _ = served.await;
    }
    tracing::info!("the operator has ended");
    Ok(())
}

/// The host that secrets would be sent to and that nobody allowed.
fn not_allowed(url: &str, allowed: &[String]) -> Option<String> {
    let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    (!allowed.iter().any(|a| a.eq_ignore_ascii_case(&host))).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_used_only_when_its_host_was_allowed() {
        let allowed = ["127.0.0.1".to_owned(), "Sandbox.example".to_owned()];
        assert_eq!(not_allowed("https://sandbox.example:8443/x", &allowed), None);
        assert_eq!(not_allowed("http://127.0.0.1:1", &allowed), None);
        assert_eq!(not_allowed("https://evil.example", &allowed).as_deref(), Some("evil.example"));
        assert_eq!(not_allowed("https://127.0.0.1.evil.example", &allowed).as_deref(), Some("127.0.0.1.evil.example"));
    }
}
