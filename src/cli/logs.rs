//! Logs of our own crate, to stderr: warnings, and with `-v` more. Never of the HTTP libraries, whose traces show headers.

use std::io::{self, Write};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::printer::Printer;

/// Starts logging; without `-v` only what a person should know of.
pub fn start(verbose: u8, printer: &Arc<Printer>) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = Lines(printer.clone());
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_target(verbose > 1).without_time();
    let layer = layer.with_writer(move || lines.clone());
    let only_ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    // A second subscriber would be a second call, which main does not make.
    let _ = tracing_subscriber::registry().with(layer).with(only_ours).try_init();
}

/// Log lines on the printer's stderr, above a progress bar.
#[derive(Clone)]
struct Lines(Arc<Printer>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.ask(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
