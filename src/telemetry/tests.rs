use std::io::{self, Write};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use serde_json::Value;
use tracing::field::Empty;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged while `f` runs.
fn logged(format: Format, level: &str, f: impl FnOnce()) -> String {
    let memory = Memory::default();
    let wanted = logs::Wanted::parse(level).unwrap();
    let layer = logs::layer(format, &wanted, Box::new(memory.clone()));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), f);
    let bytes = memory.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn json(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_json_line_is_flat_and_says_which_object_it_is_about() {
    let text = logged(Format::Json, "info", || {
        let outer =
            tracing::info_span!("reconcile", kind = "Tenant", name = "contoso", generation = 3, outcome = Empty);
        let _outer = outer.enter();
        outer.record("outcome", "waiting");
        let _inner = tracing::info_span!("apply", name = "contoso/apps", dry = true).entered();
        tracing::warn!(client_secret = "as it is", seconds = 1.5, level = 7, error = %"a \"quoted\"\nline", "{} left", 2);
        tracing::debug!("not wanted");
    });
    let (stamp, rest) = text.split_at(text.find(",\"level\"").unwrap());
    let stamp = stamp.strip_prefix("{\"timestamp\":\"").unwrap().strip_suffix('"').unwrap();
    assert!(stamp.len() == 27 && stamp.parse::<jiff::Timestamp>().is_ok(), "{stamp}");
    assert_eq!(
        rest,
        concat!(
            r#","level":"warn","message":"2 left","target":"tenantry::telemetry::tests","client_secret":"as it is","dry":true,"#,
            r#""error":"a \"quoted\"\nline","generation":3,"kind":"Tenant","level_":7,"name":"contoso/apps","outcome":"waiting","#,
            r#""seconds":1.5}"#,
            "\n"
        )
    );
}

#[test]
fn text_is_one_line_for_people() {
    let text = logged(Format::Text, "info", || {
        let _span = tracing::info_span!("reconcile", kind = "Tenant", name = "contoso").entered();
        tracing::info!(changes = 2, "applied");
    });
    let rest = text.split_once(' ').unwrap().1.trim_start();
    assert_eq!(
        rest,
        "INFO reconcile{kind=\"Tenant\" name=\"contoso\"}: tenantry::telemetry::tests: applied changes=2\n"
    );
}

#[test]
fn libraries_are_never_logged_however_much_is_wanted() {
    let text = logged(Format::Json, "trace", || {
        let _span = tracing::error_span!(target: "hyper::client", "request", authorization = "token").entered();
        tracing::error!(target: "hyper_util::client", "headers");
        tracing::error!(target: "reqwest::connect", "headers");
        tracing::error!(target: "kube_client::client", "headers");
        tracing::error!(target: "tenantry_of_others", "headers");
        tracing::trace!("ours");
    });
    let lines = json(&text);
    assert_eq!(lines.len(), 1, "{text}");
    assert_eq!((&lines[0]["message"], lines[0].get("authorization")), (&Value::from("ours"), None));
}

#[test]
fn few_lines_still_say_which_object_they_are_about() {
    let text = logged(Format::Json, "warn", || {
        let _span = tracing::info_span!("reconcile", name = "contoso").entered();
        tracing::info!("not wanted");
        tracing::error!("wanted");
    });
    let lines = json(&text);
    assert_eq!((lines.len(), &lines[0]["name"]), (1, &Value::from("contoso")), "{text}");
}

#[test]
fn a_level_has_exceptions_for_our_modules_only() {
    let text = logged(Format::Json, "error, tenantry::cloud=debug", || {
        tracing::debug!(target: "tenantry::cloud::wire", "a");
        tracing::warn!(target: "tenantry::pass", "b");
    });
    assert_eq!(json(&text).iter().map(|line| &line["message"]).collect::<Vec<_>>(), ["a"]);
    let refusal = |level: &str| logs::Wanted::parse(level).err().unwrap();
    assert!(refusal("info,hyper=trace").contains("libraries are not logged"));
    assert!(refusal("tenantryx=trace").contains("is not for a module of tenantry"));
    assert!(refusal("loud").starts_with("\"loud\" is no log level"));
    assert_eq!(logged(Format::Text, "off", || tracing::error!("x")), "");
}

#[test]
fn a_collector_is_used_where_the_standard_variables_name_one() {
    let wanted = |set: &[(&str, &str)]| {
        traces::wanted(&|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    };
    let named = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
    assert_eq!(wanted(&[]), Ok(false));
    assert_eq!(wanted(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Ok(false));
    assert_eq!(wanted(&[named]), Ok(true));
    assert_eq!(wanted(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/v1/traces")]), Ok(true));
    assert_eq!(wanted(&[named, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(false));
    assert_eq!(wanted(&[named, ("OTEL_TRACES_EXPORTER", "none")]), Ok(false));
    assert_eq!(wanted(&[named, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]), Ok(true));
    let refused = wanted(&[named, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap_err();
    assert!(refused.starts_with("OTEL_EXPORTER_OTLP_PROTOCOL asks for grpc, and only http/protobuf"), "{refused}");
}

const CHILD: &str = "TENANTRY_TEST_TELEMETRY_CHILD";

/// Not a test of its own: what [`process`] runs, in a process that nobody else logs in.
#[test]
fn another_process() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let options = Options {
        format: Format::Json,
        level: "warn".into(),
        service: "tenantry-operator",
        writer: Box::new(io::stderr()),
    };
    // One thread: who waits on it for the last spans would wait for ever if it had to send them.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let guard = start(options).unwrap();
        assert!(
            start(Options { format: Format::Text, level: "info".into(), service: "", writer: Box::new(io::sink()) })
                .is_err()
        );
        tracing::info_span!("reconcile", name = "contoso").in_scope(|| tracing::warn!("inside"));
        let begun = Instant::now();
        guard.shutdown();
        assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    });
}

/// Runs [`another_process`] with these variables; what it logged, once it ended well.
async fn process(set: Vec<(&'static str, String)>) -> Vec<Value> {
    let run = move || -> Output {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "telemetry::tests::another_process", "--nocapture"]).env(CHILD, "1");
        for (name, _) in std::env::vars_os() {
            let shouted = name.to_string_lossy().to_ascii_uppercase();
            if shouted.starts_with("OTEL_") || shouted.ends_with("_PROXY") {
                command.env_remove(name);
            }
        }
        command.envs(set).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{}{told}", String::from_utf8_lossy(&output.stdout));
    told.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

type Posts = Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>;

/// A collector that takes everything.
async fn collector() -> (String, Posts) {
    let posts = Posts::default();
    let taken = posts.clone();
    let take = move |uri: Uri, headers: HeaderMap, body: Bytes| {
        taken.lock().unwrap().push((uri.path().to_owned(), headers, body));
        async {}
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(take)).await });
    (url, posts)
}

fn holds(body: &[u8], what: &[u8]) -> bool {
    body.windows(what.len()).any(|window| window == what)
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_reach_the_collector_and_log_lines_name_their_trace() {
    let (url, posts) = collector().await;
    let lines = process(vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url)]).await;
    let posts = posts.lock().unwrap();
    let [(path, headers, body)] = &posts[..] else { panic!("{posts:?}") };
    assert_eq!((path.as_str(), headers["content-type"].to_str().unwrap()), ("/v1/traces", "application/x-protobuf"));
    for text in ["reconcile", "contoso", "inside", "tenantry-operator", "service.version"] {
        assert!(holds(body, text.as_bytes()), "{text} is not in {body:?}");
    }
    let line = lines.iter().find(|line| line["message"] == "inside").unwrap();
    let trace = line["trace_id"].as_str().unwrap();
    let trace: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&trace[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert!(holds(body, &trace), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_variables_name_the_service_add_headers_and_choose_the_sampler() {
    let (url, posts) = collector().await;
    let set = vec![
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{url}/elsewhere")),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc".into()),
        ("OTEL_SERVICE_NAME", "ours-in-the-lab".into()),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=lab".into()),
    ];
    process(set).await;
    {
        let posts = posts.lock().unwrap();
        let [(path, headers, body)] = &posts[..] else { panic!("{posts:?}") };
        assert_eq!((path.as_str(), headers["x-key"].to_str().unwrap()), ("/elsewhere", "abc"));
        assert!(holds(body, b"ours-in-the-lab") && holds(body, b"lab") && !holds(body, b"tenantry-operator"));
    }
    let (url, posts) = collector().await;
    let set = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("OTEL_TRACES_SAMPLER", "always_off".into())];
    process(set).await;
    assert!(posts.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_the_process_works_and_ends_in_time() {
    let nobody = process(vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1".into())]).await;
    assert!(nobody.iter().any(|line| line["message"] == "inside"), "{nobody:?}");
    // Takes the connection, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    process(vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url)]).await;
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_cannot_be_spoken_to_is_a_warning() {
    let grpc = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1".into()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".into()),
    ];
    let lines = process(grpc).await;
    let told = lines[0]["message"].as_str().unwrap();
    assert!(told.starts_with("traces are not sent: OTEL_EXPORTER_OTLP_PROTOCOL asks for grpc"), "{told}");
    assert_eq!(lines[1].get("trace_id"), None);
    let lines = process(vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "not an address".into())]).await;
    assert!(lines[0]["message"].as_str().unwrap().starts_with("traces are not sent: "), "{lines:?}");
}
