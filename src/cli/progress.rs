//! What happens while it happens: a bar on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::interrupt::Interrupt;
use super::printer::Printer;
use super::render::{clean, diagnostics};
use crate::cloud::executor::Watch;
use crate::engine::diagnostic::Diagnostic;
use crate::engine::plan::Plan;
use crate::engine::step::Act;
use crate::engine::value::StepId;

/// Looks on while steps are carried out.
pub struct Progress {
    printer: Arc<Printer>,
    interrupt: Arc<Interrupt>,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Steps that are left of each change.
    left: BTreeMap<String, usize>,
    done: usize,
    said: String,
}

impl Progress {
    /// For the steps of a plan; those of later plans join as they come.
    pub fn of(plan: &Plan, printer: &Arc<Printer>, interrupt: &Arc<Interrupt>) -> Progress {
        let mut left = BTreeMap::new();
        for step in plan.steps.iter().filter(|s| !matches!(s.act, Act::Wait(_))) {
            *left.entry(step.id.address().to_owned()).or_default() += 1;
        }
        let bar = printer.interactive.then(|| {
            let bar = ProgressBar::new(plan.changes.len() as u64);
            let style = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(120));
            printer.set_bar(Some(bar.clone()));
            bar
        });
        let state = Mutex::new(State { left, ..State::default() });
        Progress { printer: printer.clone(), interrupt: interrupt.clone(), bar, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.bar.is_some() {
            self.printer.set_bar(None);
        }
    }
}

impl Watch for Progress {
    fn done(&self, step: &StepId, _: Timestamp) {
        let address = step.address();
        let mut state = self.state();
        let left = state.left.entry(address.to_owned()).or_insert(1);
        *left = left.saturating_sub(1);
        if *left > 0 {
            return;
        }
        state.left.remove(address);
        state.done += 1;
        state.said.clear();
        if let Some(bar) = &self.bar {
            bar.set_length(bar.length().unwrap_or_default().max(state.done as u64));
            bar.set_position(state.done as u64);
            bar.set_message("");
        }
        self.printer.say(&format!("{} {}", self.printer.on_err.green("✔"), clean(address)));
    }

    fn failed(&self, diagnostic: &Diagnostic) {
        self.printer.say(&diagnostics::one(diagnostic, self.printer.on_err));
    }

    fn waiting(&self, what: &str) {
        let mut state = self.state();
        if state.said == what {
            return;
        }
        what.clone_into(&mut state.said);
        let line = format!("waiting for {}", clean(what));
        match &self.bar {
            Some(bar) => bar.set_message(line),
            None => self.printer.say(&line),
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupt.is_wanted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printer::captured;
    use crate::engine::step::Step;
    use crate::engine::value::Val;

    #[test]
    fn a_change_is_done_with_its_last_step_and_waiting_is_said_once() {
        let (printer, _, said) = captured();
        let printer = Arc::new(printer);
        let id = |part: &str| StepId::new("PartnerApp/rallied:application", part);
        let act = |part: &str| Act::Store {
            sink: crate::api::SecretName::new("default", "s"),
            values: vec![],
            undo: Box::new(crate::engine::step::Send {
                tenant: crate::engine::read::TenantId::new("t"),
                service: crate::engine::read::Service::Graph,
                actor: crate::engine::read::Actor::ManagingApp { partner: "p".into() },
                method: crate::engine::step::Method::Delete,
                path: Val::text(part),
                body: None,
                headers: vec![],
            }),
        };
        let steps = ["one", "two"].map(|part| Step::new(id(part), act(part)));
        let plan = Plan { steps: steps.into(), ..Plan::default() };
        let progress = Progress::of(&plan, &printer, &Arc::default());
        progress.done(&id("one"), Timestamp::UNIX_EPOCH);
        assert_eq!(said(), "");
        progress.done(&id("two"), Timestamp::UNIX_EPOCH);
        progress.waiting("Microsoft to catch up");
        progress.waiting("Microsoft to catch up");
        assert_eq!(said(), "✔ PartnerApp/rallied:application\nwaiting for Microsoft to catch up\n");
    }
}
