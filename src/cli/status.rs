//! `tenantry status`: the fleet and every condition, read live.

use super::args::{Output, StatusArgs};
use super::exit::Exit;
use super::passing::Passing;
use super::printer::Printer;
use super::render::{diagnostics, json, status, table};

/// Looks and shows; writes nothing.
pub async fn run(args: &StatusArgs, pass: &mut impl Passing, printer: &Printer) -> Exit {
    let looked = pass.look().await;
    let wrong = &looked.plan.diagnostics;
    match args.output {
        Output::Text => {
            let parts = [table::fleet(&looked, printer.on_out), status::blocks(&looked, printer.on_out)];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            printer.data(&parts.join("\n"));
            if !wrong.is_empty() {
                printer.say(&diagnostics::all(wrong, printer.on_err));
            }
        }
        Output::Json => printer.data(&json::pretty(&status::document(&looked))),
    }
    if looked.plan.errored() { Exit::Error } else { Exit::Ok }
}
