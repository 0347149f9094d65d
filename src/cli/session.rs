//! From gathered inputs to a pass, and through it to the command that wants one.

use std::sync::Arc;

use super::apply::{self, Apply};
use super::args::{ApplyArgs, Output, PlanArgs, Reaching, Sources, StatusArgs};
use super::embedded::Embedded;
use super::exit::Exit;
use super::failure::Failure;
use super::gather;
use super::interrupt::Interrupt;
use super::passing::Passing;
use super::printer::Printer;
use super::render::{json, status as fleet};
use super::{plan as planning, status as standing};
use crate::cloud::executor::Watch;
use crate::engine::diagnostic::Diagnostic;
use crate::engine::plan::{Cost, Plan};
use crate::pass::{Applied, Looked, Pass, Terms, Until};

/// A pass over what was gathered.
struct Session {
    pass: Pass,
    /// Warnings of the inputs, shown with those of the pass.
    warnings: Vec<Diagnostic>,
    embedded: Option<Embedded>,
}

impl Passing for Session {
    async fn look(&mut self) -> Looked {
        let mut looked = self.pass.look().await;
        looked.plan.diagnostics.extend(self.warnings.iter().cloned());
        looked
    }

    async fn apply(&mut self, looked: Looked, until: Until, watch: &dyn Watch) -> Applied {
        self.pass.apply(looked, Terms::planned(until), watch).await
    }
}

impl Session {
    async fn begin(sources: &Sources, reaching: &Reaching, interrupt: &Arc<Interrupt>) -> Result<Session, Failure> {
        let gathered = gather::gather(sources, reaching, interrupt).await?;
        let (embedded, warnings) = (gathered.embedded, gathered.warnings);
        match Pass::new(gathered.inputs, gathered.secrets, gathered.sink, gathered.reach) {
            Ok(pass) => Ok(Session { pass, warnings, embedded }),
            Err(wrong) => {
                end(embedded).await;
                Err(Failure::Run(wrong))
            }
        }
    }
}

async fn end(embedded: Option<Embedded>) {
    if let Some(embedded) = embedded {
        embedded.stop().await;
    }
}

/// `tenantry plan`
pub async fn plan(args: &PlanArgs, printer: &Arc<Printer>, interrupt: &Arc<Interrupt>) -> Exit {
    match Session::begin(&args.sources, &args.reaching, interrupt).await {
        Ok(mut session) => {
            let exit = planning::run(args, &mut session, printer).await;
            end(session.embedded).await;
            exit
        }
        Err(failure) if args.output == Output::Json => {
            let plan = Plan { diagnostics: failure.diagnostics(), ..Plan::default() };
            printer.data(&json::plan(&plan, &Cost::default()).to_text());
            Exit::Error
        }
        Err(failure) => failure.tell(printer),
    }
}

/// `tenantry apply`
pub async fn apply(args: &ApplyArgs, printer: &Arc<Printer>, interrupt: &Arc<Interrupt>) -> Exit {
    match Session::begin(&args.sources, &args.reaching, interrupt).await {
        Ok(mut session) => {
            let apply = Apply { args, printer, interrupt, ask: Arc::new(apply::ask) };
            let exit = apply.run(&mut session).await;
            end(session.embedded).await;
            exit
        }
        Err(failure) if args.output == Output::Json => {
            let plan = Plan { diagnostics: failure.diagnostics(), ..Plan::default() };
            let document = json::plan(&plan, &Cost::default()).applied(&[], &[], &plan.diagnostics);
            printer.data(&document.to_text());
            Exit::Error
        }
        Err(failure) => failure.tell(printer),
    }
}

/// `tenantry status`
pub async fn status(args: &StatusArgs, printer: &Arc<Printer>, interrupt: &Arc<Interrupt>) -> Exit {
    match Session::begin(&args.sources, &args.reaching, interrupt).await {
        Ok(mut session) => {
            let exit = standing::run(args, &mut session, printer).await;
            end(session.embedded).await;
            exit
        }
        Err(failure) if args.output == Output::Json => {
            printer.data(&json::pretty(&fleet::nothing(&failure.diagnostics())));
            Exit::Error
        }
        Err(failure) => failure.tell(printer),
    }
}
