//! `tenantry sandbox serve`: the embedded cloud for other programs, until somebody stops it.

use std::path::Path;
use std::time::Duration;

use super::args::{SANDBOX_WORLD, ServeArgs};
use super::control::Control;
use super::embedded;
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::printer::Printer;
use crate::engine::diagnostic::Diagnostic;
use crate::sandbox::{self, Note, Options, Serving};

/// Serves until a signal, then saves.
pub async fn run(state: &Path, args: &ServeArgs, printer: &Printer, interrupt: &Interrupt) -> Result<(), Failure> {
    interrupt.begin_saying("stopping: the cloud is saved; once more to abort");
    let world = match (state.exists(), &args.world) {
        (true, None) => None,
        (true, Some(world)) => {
            let (state, world) = (state.display(), world.display());
            printer.say(&format!("note: {state} is there already: {world} is not read"));
            None
        }
        (false, world) => Some(embedded::read(world.as_deref().unwrap_or(Path::new(SANDBOX_WORLD)))?),
    };
    let options = Options { state: state.to_owned(), world, seed: 1, profile: args.profile.unwrap_or_default() };
    let latency = Duration::from_millis(args.latency);
    let serving =
        Serving { listen: args.listen.clone(), tls: args.tls, latency, clock: args.clock, profile: args.profile };
    let served = sandbox::serve(options, serving).await.map_err(|error| embedded::wrong(&error))?;
    let url = served.sandbox.url();
    for note in &served.notes {
        printer.say(&said(note, &args.listen));
    }
    let ca = sandbox::ca_file(state);
    if args.tls {
        printer.say(&format!("clients trust it with: --endpoint {url} --ca-file {}", ca.display()));
    }
    let ended = match answers(&url, args.tls.then_some(ca.as_path())).await {
        Ok(()) => {
            printer.data(&format!("serving {url}\n"));
            interrupt.wanted().await;
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    served.sandbox.close().await.map_err(|error| embedded::wrong(&error))?;
    ended
}

/// Whoever reads the address may use it at once: it has answered before.
async fn answers(url: &str, ca: Option<&Path>) -> Result<(), Failure> {
    let ca = ca.map(std::fs::read).transpose();
    let ca = ca.map_err(|e| Diagnostic::error("sandbox", "the CA cannot be read").detail(e.to_string()))?;
    Control::new(url, ca.as_deref())?.get("clock").await.map(drop)
}

fn said(note: &Note, listen: &str) -> String {
    match note {
        Note::ClockStays { asked, now } => {
            format!("note: the clock stays at {now}: it never goes backwards, to {asked}")
        }
        Note::Exposed => format!(
            "warning: {listen} is reachable from other machines: whoever reaches it can play this cloud and read its log"
        ),
    }
}
