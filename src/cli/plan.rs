//! `tenantry plan`: what would change, and what waits for whom.

use super::args::{Output, PlanArgs};
use super::exit::Exit;
use super::passing::Passing;
use super::printer::Printer;
use super::render::{diagnostics, json, text};

/// Looks and shows; writes nothing.
pub async fn run(args: &PlanArgs, pass: &mut impl Passing, printer: &Printer) -> Exit {
    let looked = pass.look().await;
    let plan = &looked.plan;
    match args.output {
        Output::Text => {
            printer.data(&text::plan(plan, printer.on_out));
            if !plan.diagnostics.is_empty() {
                printer.say(&diagnostics::all(&plan.diagnostics, printer.on_err));
            }
            printer.data(&text::verdict(plan, &looked.cost, printer.on_out));
        }
        Output::Json => printer.data(&json::plan(plan, &looked.cost).to_text()),
    }
    match (plan.errored(), plan.changes.is_empty()) {
        (true, _) => Exit::Error,
        (false, false) if args.detailed_exitcode => Exit::Changes,
        _ => Exit::Ok,
    }
}
