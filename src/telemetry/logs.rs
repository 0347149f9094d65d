//! Log lines: text for people, flat JSON for collectors.

use std::io::{self, Write};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use opentelemetry::trace::TraceContextExt as _;
use serde_json::{Map, Value};
use tracing::dispatcher::WeakDispatch;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, Targets, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Registry, Scope};

const OURS: &str = env!("CARGO_CRATE_NAME");

/// Of this crate, and not of one whose name begins alike.
fn is_ours(target: &str) -> bool {
    target.strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What a log line looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, without nesting: `timestamp`, `level`, `message`, `target`, the
    /// fields of the event and of the spans around it, and `trace_id` where there are traces.
    Json,
}

/// What is logged.
#[derive(Clone)]
pub(super) struct Wanted(Targets);

impl Wanted {
    /// `info`, or `info,tenantry::cloud=debug`.
    pub(super) fn parse(text: &str) -> Result<Wanted, String> {
        let mut targets = Targets::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (target, level) = part.split_once('=').unwrap_or((OURS, part));
            let (target, level) = (target.trim(), level.trim());
            if !is_ours(target) {
                return Err(format!(
                    "the log level \"{part}\" is not for a module of {OURS}: libraries are not logged, their lines show tokens"
                ));
            }
            let level = LevelFilter::from_str(level).map_err(|_| {
                format!("\"{level}\" is no log level: give off, error, warn, info, debug or trace, as in \"info,{OURS}::cloud=debug\"")
            })?;
            targets = targets.with_target(target, level);
        }
        Ok(Wanted(targets))
    }

    /// Our events as far as they are wanted, and our spans at least as far as `info`: their fields
    /// say which object a line is about, however few lines are wanted.
    pub(super) fn filter(&self) -> FilterFn<impl Fn(&Metadata<'_>) -> bool + use<>> {
        let wanted = self.0.clone();
        let most = wanted.iter().map(|(_, level)| level).max().unwrap_or(LevelFilter::OFF).max(LevelFilter::INFO);
        filter_fn(move |metadata: &Metadata<'_>| {
            let (target, level) = (metadata.target(), metadata.level());
            let speaks = metadata.is_span() && *level <= Level::INFO;
            is_ours(target) && (speaks || wanted.would_enable(target, level))
        })
        .with_max_level_hint(most)
    }
}

/// One writer for all threads, a line at a time.
#[derive(Clone)]
struct Lines(Arc<Mutex<Box<dyn Write + Send>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

pub(super) fn layer(
    format: Format,
    wanted: &Wanted,
    writer: Box<dyn Write + Send>,
) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = Lines(Arc::new(Mutex::new(writer)));
    match format {
        Format::Text => {
            let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || lines.clone());
            layer.with_filter(wanted.filter()).boxed()
        }
        Format::Json => Json { lines, dispatch: OnceLock::new() }.with_filter(wanted.filter()).boxed(),
    }
}

/// Writes an event as one flat object. The layer of `tracing-subscriber` nests the fields of spans,
/// where log collectors do not find them.
struct Json {
    lines: Lines,
    /// Asked for the trace of a span; while an event is handed out there is no current one.
    dispatch: OnceLock<WeakDispatch>,
}

/// The fields of a span, kept with it.
#[derive(Default)]
struct Fields(Map<String, Value>);

/// The keys of each line, which no field may replace.
const RESERVED: [&str; 4] = ["timestamp", "level", "target", "trace_id"];

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = field.name().trim_start_matches("r#");
        let taken = if RESERVED.contains(&name) { "_" } else { "" };
        self.0.insert(format!("{name}{taken}"), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

impl<S> Layer<S> for Json
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        // A second one cannot be: a layer belongs to one subscriber.
        let _ = self.dispatch.set(subscriber.downgrade());
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        let mut innermost = None;
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(more) = span.extensions().get::<Fields>() {
                fields.0.extend(more.0.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
            innermost = Some(span.id());
        }
        event.record(&mut fields);
        let trace = innermost.and_then(|span| self.trace(&span));
        let metadata = event.metadata();
        let mut head = vec![
            ("timestamp", Value::from(now())),
            ("level", metadata.level().as_str().to_ascii_lowercase().into()),
            ("message", fields.0.remove("message").unwrap_or_default()),
            ("target", metadata.target().into()),
        ];
        head.extend(trace.map(|trace| ("trace_id", trace.into())));
        let head = head.into_iter().map(|(name, value)| (name.to_owned(), value));
        // A log that cannot be written has nobody to be told to.
        let _ = self.lines.clone().write_all(line(head.chain(fields.0)).as_bytes());
    }
}

impl Json {
    fn trace(&self, span: &Id) -> Option<String> {
        let context = tracing_opentelemetry::get_otel_context(span, &self.dispatch.get()?.upgrade()?)?;
        let trace = context.span().span_context().clone();
        trace.is_valid().then(|| trace.trace_id().to_string())
    }
}

/// In this order: `timestamp` first, as people and collectors expect it.
fn line(entries: impl Iterator<Item = (String, Value)>) -> String {
    let entries: Vec<String> = entries.map(|(name, value)| format!("{}:{value}", Value::String(name))).collect();
    format!("{{{}}}\n", entries.join(","))
}

#[expect(clippy::disallowed_methods, reason = "a log line tells when this machine wrote it")]
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
