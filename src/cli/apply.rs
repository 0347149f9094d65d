//! `tenantry apply`: shows the plan, asks, writes, reads back, and says who must act next.

use std::sync::Arc;

use super::args::{ApplyArgs, Output};
use super::exit::Exit;
use super::interrupt::Interrupt;
use super::passing::Passing;
use super::printer::Printer;
use super::progress::Progress;
use super::render::{count, diagnostics, json, status, table, text};
use super::style::Paint;
use crate::engine::conditions::Status;
use crate::engine::diagnostic::{Diagnostic, Reach};
use crate::engine::plan::Plan;
use crate::pass::{Applied, Looked, Standing, Until};

/// How a person is asked: `None` when there is nobody to ask.
pub type Ask = Arc<dyn Fn(&Printer) -> Option<String> + Send + Sync>;

/// One apply: what was asked for, and where it shows.
pub struct Apply<'a> {
    pub args: &'a ApplyArgs,
    pub printer: &'a Arc<Printer>,
    pub interrupt: &'a Arc<Interrupt>,
    pub ask: Ask,
}

impl Apply<'_> {
    /// Looks, asks, writes.
    pub async fn run(&self, pass: &mut impl Passing) -> Exit {
        let looked = pass.look().await;
        self.show(&looked);
        if let Some(refusal) = self.refusal(&looked.plan) {
            return self.stop(&looked, refusal);
        }
        let until = self.args.wait.map_or(Until::Written, |length| Until::Ready(length.0));
        if !self.may_write(&looked.plan) {
            return self.end(
                &looked.plan,
                Applied { made: vec![], done: vec![], failed: vec![], interrupted: false, after: looked.clone() },
            );
        }
        if !self.args.auto_approve {
            match self.answer().await.as_deref().map(str::trim) {
                Some("yes") => {}
                Some(_) => {
                    return self.stop(
                        &looked,
                        vec![Diagnostic::error("apply", "not confirmed; nothing was written").code("NotConfirmed")],
                    );
                }
                None => return self.stop(&looked, vec![nobody()]),
            }
        }
        self.interrupt.begin();
        let plan = looked.plan.clone();
        let progress = Progress::of(&plan, self.printer, self.interrupt);
        let applied = pass.apply(looked, until, &progress).await;
        drop(progress);
        self.end(&plan, applied)
    }

    /// On a thread of its own, so that an interrupt ends the run while it asks.
    async fn answer(&self) -> Option<String> {
        let (ask, printer) = (self.ask.clone(), self.printer.clone());
        tokio::task::spawn_blocking(move || ask(&printer)).await.ok().flatten()
    }

    fn waits_out(&self) -> bool {
        self.args.wait.is_some()
    }

    /// Whether carrying out the plan could write anything.
    fn may_write(&self, plan: &Plan) -> bool {
        !plan.changes.is_empty() || (self.waits_out() && !plan.waits.is_empty())
    }

    /// Shows the plan. With JSON, stdout is for the document; a person who will be asked reads on stderr.
    fn show(&self, looked: &Looked) {
        let paint = match self.args.output {
            Output::Text => self.printer.on_out,
            Output::Json => self.printer.on_err,
        };
        let (body, verdict) = (text::plan(&looked.plan, paint), text::verdict(&looked.plan, &looked.cost, paint));
        match self.args.output {
            Output::Text => {
                self.printer.data(&body);
                self.diagnose(&looked.plan.diagnostics);
                self.printer.data(&verdict);
            }
            Output::Json if !self.args.auto_approve && self.may_write(&looked.plan) => {
                self.printer.say(&format!("{body}{verdict}"))
            }
            Output::Json => {}
        }
    }

    fn diagnose(&self, all: &[Diagnostic]) {
        if !all.is_empty() {
            self.printer.say(&diagnostics::all(all, self.printer.on_err));
        }
    }

    /// Why nothing of this plan is written.
    fn refusal(&self, plan: &Plan) -> Option<Vec<Diagnostic>> {
        if plan.diagnostics.iter().any(|d| d.is_error() && d.reach == Reach::Run) {
            let errors = plan.diagnostics.iter().filter(|d| d.is_error()).count() as u64;
            return Some(vec![Diagnostic::error(
                "apply",
                format!("nothing was written, because of {}", count(errors, "error")),
            )]);
        }
        let planned = plan.changes.len() + if self.waits_out() { plan.behind.len() } else { 0 };
        let most = self.args.max_changes.filter(|most| planned > *most)?;
        let summary = format!(
            "nothing was written: the plan has {}, and --max-changes allows {most}",
            count(planned as u64, "change")
        );
        Some(vec![
            Diagnostic::error("apply", summary)
                .code("GuardRefused")
                .remedy("Look through the plan, and raise --max-changes if it is meant so."),
        ])
    }

    /// Ends before the first write.
    fn stop(&self, looked: &Looked, why: Vec<Diagnostic>) -> Exit {
        match self.args.output {
            Output::Text => self.diagnose(&why),
            Output::Json => {
                let all: Vec<Diagnostic> = looked.plan.diagnostics.iter().chain(&why).cloned().collect();
                let document = json::plan(&looked.plan, &looked.cost).applied(&[], &looked.plan.waits, &all);
                self.printer.data(&document.incomplete().to_text());
            }
        }
        Exit::Error
    }

    /// Says what was done and what is left.
    fn end(&self, plan: &Plan, applied: Applied) -> Exit {
        let after = &applied.after;
        let mut wrong = applied.failed.clone();
        // What the plan said already is not said again.
        wrong.extend(after.plan.diagnostics.iter().filter(|d| !plan.diagnostics.contains(d)).cloned());
        wrong.sort();
        wrong.dedup();
        match self.args.output {
            Output::Text => self.tell(plan, &applied, &wrong),
            Output::Json => {
                let all: Vec<Diagnostic> = plan.diagnostics.iter().chain(&wrong).cloned().collect();
                let mut document = json::plan(plan, &after.cost).applied(&applied.made, &after.plan.waits, &all);
                if applied.interrupted {
                    document = document.incomplete();
                }
                self.printer.data(&document.to_text());
            }
        }
        let errored = plan.errored() || wrong.iter().any(Diagnostic::is_error);
        match (applied.interrupted, errored) {
            (true, _) => Exit::Interrupted,
            (_, true) => Exit::Error,
            _ if self.args.allow_waiting => Exit::Ok,
            _ if after.plan.waits.is_empty() && after.plan.changes.is_empty() && after.objects.iter().all(done) => {
                Exit::Ok
            }
            _ => Exit::Waiting,
        }
    }

    fn tell(&self, plan: &Plan, applied: &Applied, wrong: &[Diagnostic]) {
        let (printer, after) = (self.printer, &applied.after);
        // Failures of steps were told when they happened.
        let rest: Vec<Diagnostic> = wrong.iter().filter(|d| !applied.failed.contains(d)).cloned().collect();
        self.diagnose(&rest);
        if applied.interrupted {
            let left = plan.changes.iter().filter(|c| !applied.made.contains(&c.address)).count() as u64;
            printer.say(&format!(
                "Interrupted. {} made, {left} not made. Running it again goes on from here.",
                count(applied.made.len() as u64, "change")
            ));
        }
        if !applied.made.is_empty() || !applied.failed.is_empty() {
            printer.data(&made(applied, printer.on_out));
        }
        let left = after.plan.changes.len() as u64;
        if left > 0 && !applied.interrupted && !plan.changes.is_empty() {
            printer.say(&format!("{} left; run it again.", count(left, "change")));
        }
        let table = table::fleet(after, printer.on_out);
        if !table.is_empty() {
            printer.data(&format!("\n{table}"));
        }
        let clicks = status::clicks(&after.plan.waits, printer.on_out);
        if !clicks.is_empty() {
            printer.data(&format!("\n{clicks}"));
        }
    }
}

/// Ready, or not to be made ready by us.
fn done(object: &Standing) -> bool {
    let ready = object.conditions.iter().find(|c| c.kind == "Ready");
    ready.is_none_or(|c| c.status == Status::True || matches!(c.reason, "Suspended" | "Drifted"))
}

fn made(applied: &Applied, paint: Paint) -> String {
    let line =
        format!("Applied: {} made, {} failed.", count(applied.made.len() as u64, "change"), applied.failed.len());
    let line = if applied.failed.is_empty() { paint.green(&line) } else { paint.red(&line) };
    format!("\n{line}\n{}\n", paint.dim(&text::cost(&applied.after.cost)))
}

fn nobody() -> Diagnostic {
    Diagnostic::error("apply", "nothing was written: there is nobody to ask, because stdin is not a terminal")
        .code("ApprovalRequired")
        .remedy("Read the plan first, then run it with --auto-approve.")
}

/// Asks on the terminal; `None` when stdin is none.
pub fn ask(printer: &Printer) -> Option<String> {
    use std::io::{BufRead as _, IsTerminal as _};
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return None;
    }
    printer.ask("\nMake these changes? Only `yes` is accepted: ");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).ok()?;
    Some(answer)
}

#[cfg(test)]
mod tests;
