//! `tenantry version`

use serde_json::json;

use super::args::{Output, VersionArgs};
use super::exit::Exit;
use super::printer::Printer;
use super::render::json::{pretty, tool};
use crate::api::API_VERSION;

/// Prints the version of the program and of the API that it reads.
pub fn run(args: VersionArgs, printer: &Printer) -> Exit {
    printer.data(&match args.output {
        Output::Text => format!("{}\n", tool()),
        Output::Json => pretty(&json!({ "version": env!("CARGO_PKG_VERSION"), "apiVersions": [API_VERSION] })),
    });
    Exit::Ok
}
