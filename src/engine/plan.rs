//! The plan: what would change, what waits for whom, and what is wrong.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::diagnostic::{Diagnostic, Reach};
use super::digest;
use super::kind::{Judged, Mode};
use super::order;
use super::step::{Act, Action, Change, Step, Wait, Who};
use super::value::StepId;

/// What a run cost at Microsoft's side.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Cost {
    /// Requests on the wire, a batch counting once; tokens not included.
    pub http: u64,
    pub tokens: u64,
    /// Reads, each item of a batch counting.
    pub reads: u64,
    pub writes: u64,
    /// Graph's resource units, as its answers tell or its table says.
    pub resource_units: u64,
}

/// A wait, and what follows it.
#[derive(Clone, PartialEq, Debug)]
pub struct PlannedWait {
    /// The object that waits: `Tenant/contoso`.
    pub address: String,
    pub wait: Wait,
    /// The changes that come after it.
    pub then: Vec<String>,
}

impl PlannedWait {
    /// The link, where it is known already.
    pub fn link(&self) -> Option<String> {
        self.wait.link.as_ref()?.resolve_text(&BTreeMap::new()).ok()
    }
}

/// Everything a pass wants to do.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Plan {
    /// Changes that can be made now, by address.
    pub changes: Vec<Change>,
    /// Changes that a wait stands before.
    pub behind: Vec<Change>,
    /// Differences of objects that are only observed.
    pub drift: Vec<Change>,
    pub waits: Vec<PlannedWait>,
    pub diagnostics: Vec<Diagnostic>,
    pub notes: Vec<String>,
    pub unchanged: usize,
    /// Changes that an error holds back, by object.
    pub held: BTreeMap<String, usize>,
    /// All steps in order, those behind waits and the waits included.
    pub steps: Vec<Step>,
}

/// Counts for the line that everybody reads.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Summary {
    pub create: usize,
    pub update: usize,
    pub delete: usize,
    pub unchanged: usize,
    /// Changes behind a wait.
    pub waiting: usize,
}

impl Plan {
    /// Brings together what each object wants. `errors` are those of loading and of the guard. Of objects that are not
    /// `mine` only the errors count: what comes after a change of theirs is held.
    pub fn build(judged: &[Judged], errors: Vec<Diagnostic>, mine: &dyn Fn(&str) -> bool) -> Plan {
        let mut plan = Plan { diagnostics: errors, ..Plan::default() };
        for object in judged {
            plan.diagnostics.extend(object.draft.diagnostics.iter().cloned());
        }
        let own = || judged.iter().filter(|object| mine(&object.address));
        for object in own() {
            plan.notes.extend(object.draft.notes.iter().cloned());
            plan.unchanged += object.draft.unchanged;
        }
        let stopped = stopped(judged, &plan.diagnostics);
        let (mut changes, mut steps) = (Vec::new(), Vec::new());
        for object in own() {
            match object.mode {
                Mode::Observe | Mode::Suspended => plan.drift.extend(object.draft.changes.iter().cloned()),
                Mode::Enforce if !stopped.contains(object.address.as_str()) => {
                    changes.extend(object.draft.changes.iter().cloned());
                    steps.extend(object.draft.steps.iter().cloned());
                }
                Mode::Enforce => drop(plan.held.insert(object.address.clone(), object.draft.changes.len())),
            }
        }
        plan.place(changes, reachable(steps));
        plan.drift.sort_by(|a, b| a.address.cmp(&b.address));
        plan.diagnostics.sort();
        plan.diagnostics.dedup();
        plan
    }

    /// Sorts steps, and changes into those that can be made now and those behind a wait.
    fn place(&mut self, changes: Vec<Change>, steps: Vec<Step>) {
        self.steps = match order::sort(steps) {
            Ok(steps) => steps,
            Err(ring) => {
                let names: Vec<&str> = ring.iter().map(StepId::as_str).collect();
                self.diagnostics.push(
                    Diagnostic::error("plan", "steps need each other and cannot be put in order")
                        .detail(names.join(", ")),
                );
                return;
            }
        };
        let mut by_address: BTreeMap<String, BTreeSet<StepId>> = BTreeMap::new();
        for (id, waits) in order::waits_before(&self.steps) {
            by_address.entry(id.address().to_owned()).or_default().extend(waits);
        }
        let mut then: BTreeMap<&StepId, Vec<String>> = BTreeMap::new();
        for change in &changes {
            for wait in by_address.get(&change.address).into_iter().flatten() {
                then.entry(wait).or_default().push(change.address.clone());
            }
        }
        for step in &self.steps {
            if let Act::Wait(wait) = &step.act {
                let mut then = then.get(&step.id).cloned().unwrap_or_default();
                then.sort();
                self.waits.push(PlannedWait { address: wait.address.clone(), wait: wait.clone(), then });
            }
        }
        let (mut now, mut later) = (Vec::new(), Vec::new());
        for change in changes {
            match by_address.get(&change.address) {
                Some(waits) if waits.is_empty() => now.push(change),
                Some(_) => later.push(change),
                // What it needs is not going to happen, or not here: another object's change comes first.
                None => *self.held.entry(change.object().to_owned()).or_default() += 1,
            }
        }
        now.sort_by(|a, b| a.address.cmp(&b.address));
        later.sort_by(|a, b| a.address.cmp(&b.address));
        (self.changes, self.behind) = (now, later);
    }

    /// Takes changes that Microsoft has accepted, and that cannot be read yet, for what they are:
    /// not something to do, but something on its way.
    pub fn accepted(&mut self, made: &[String]) {
        let (on_their_way, left): (Vec<Change>, Vec<Change>) =
            std::mem::take(&mut self.changes).into_iter().partition(|c| made.contains(&c.address));
        self.changes = left;
        for change in &on_their_way {
            let object = change.object();
            let wait = Wait {
                address: object.to_owned(),
                condition: "Propagated",
                reason: "Waiting",
                who: Who::Microsoft,
                link: None,
                since: None,
                deadline: None,
                what: format!("Microsoft has accepted {}, and does not show it yet.", change.address),
            };
            self.waits.push(PlannedWait { address: object.to_owned(), wait, then: vec![change.address.clone()] });
        }
        self.behind.extend(on_their_way);
    }

    pub fn summary(&self) -> Summary {
        let count = |action| self.changes.iter().filter(|c| c.action == action).count();
        Summary {
            create: count(Action::Create),
            update: count(Action::Update),
            delete: count(Action::Delete),
            unchanged: self.unchanged,
            waiting: self.behind.len(),
        }
    }

    /// Digests by address, those behind waits included.
    pub fn digests(&self) -> BTreeMap<String, String> {
        let all = self.changes.iter().chain(&self.behind);
        all.map(|change| (change.address.clone(), digest::of_change(change))).collect()
    }

    pub fn hash(&self) -> String {
        digest::of_plan(self.digests().values().map(String::as_str))
    }

    pub fn errored(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Whether an error forbids every write of the run.
    pub fn forbids_writes(&self) -> bool {
        self.diagnostics.iter().any(|d| d.is_error() && d.reach == Reach::Run)
    }

    /// Everything that is wanted could be planned.
    pub fn complete(&self) -> bool {
        !self.errored()
    }
}

/// Objects with an error, and those made from them.
fn stopped<'a>(judged: &'a [Judged], diagnostics: &'a [Diagnostic]) -> BTreeSet<&'a str> {
    let mut stopped: BTreeSet<&str> = diagnostics.iter().filter(|d| d.is_error()).map(Diagnostic::object).collect();
    loop {
        let more: Vec<&str> = judged
            .iter()
            .filter(|o| !stopped.contains(o.address.as_str()))
            .filter(|o| o.depends_on.iter().any(|d| stopped.contains(d.as_str())))
            .map(|o| o.address.as_str())
            .collect();
        if more.is_empty() {
            return stopped;
        }
        stopped.extend(more);
    }
}

/// Steps whose dependencies are all there, however far one looks.
fn reachable(mut steps: Vec<Step>) -> Vec<Step> {
    loop {
        let ids: BTreeSet<StepId> = steps.iter().map(|s| s.id.clone()).collect();
        let before = steps.len();
        steps.retain(|step| step.dependencies().iter().all(|d| ids.contains(d)));
        if steps.len() == before {
            return steps;
        }
    }
}
