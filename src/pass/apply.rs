//! Applying: execute what was approved, read it back, go on until nothing is left that we can do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::gather::Store;
use super::{Applied, Looked, Pass, Until, journal};
use crate::cloud::Executor;
use crate::cloud::executor::{Ran, Watch};
use crate::engine::diagnostic::{Diagnostic, Reach};
use crate::engine::digest;
use crate::engine::plan::Plan;
use crate::engine::step::{Act, Step};
use crate::engine::value::StepId;

/// Rounds of writing in one apply: each rung may need one.
const ROUNDS: usize = 10;
/// How often an accepted change that cannot be read yet is looked at again.
const SETTLE: usize = 4;
/// The first pause between two looks at something that Microsoft has on its way; it doubles …
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// What was approved: a later plan may only do this.
struct Approved(BTreeSet<String>);

impl Approved {
    fn of(plan: &Plan) -> Approved {
        Approved(plan.digests().into_values().collect())
    }

    /// The steps that may run: those of approved changes, and waits for order.
    fn steps(&self, plan: &Plan) -> Vec<Step> {
        let digests: BTreeMap<&str, String> =
            plan.changes.iter().chain(&plan.behind).map(|c| (c.address.as_str(), digest::of_change(c))).collect();
        let may = |step: &&Step| {
            matches!(step.act, Act::Wait(_)) || digests.get(step.id.address()).is_some_and(|d| self.0.contains(d))
        };
        plan.steps.iter().filter(may).cloned().collect()
    }

    /// Whether something that can be done now is approved.
    fn any(&self, plan: &Plan) -> bool {
        plan.changes.iter().any(|c| self.0.contains(&digest::of_change(c)))
    }
}

impl Pass {
    /// Carries out what `looked` plans, and nothing else. Nothing at all where an error forbids it.
    pub async fn apply(&mut self, looked: Looked, until: Until, watch: &dyn Watch) -> Applied {
        let approved = Approved::of(&looked.plan);
        let deadline = deadline(until, looked.now);
        let (mut made, mut failed): (Vec<String>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
        let (mut looked, mut settling, mut rounds) = (looked, 0, 0);
        let mut pause = FIRST_PAUSE;
        while !looked.plan.forbids_writes() && !watch.interrupted() && rounds < ROUNDS {
            if approved.any(&looked.plan) && failed.is_empty() {
                let again = looked.plan.changes.iter().all(|c| made.contains(&c.address));
                settling = if again { settling + 1 } else { 0 };
                if settling > SETTLE {
                    break;
                }
                if again {
                    // Accepted and not readable: give Microsoft time before it is done once more.
                    looked = self.later(Duration::from_secs(15), watch).await;
                    continue;
                }
                rounds += 1;
                let ran = self.execute(&approved.steps(&looked.plan), watch).await;
                let stuck = ran.done.is_empty();
                made.extend(finished(&looked.plan, &ran));
                failed.extend(ran.failed.into_values());
                self.answers.retain(|key, _| !ran.stale.iter().any(|stale| stale.covers(key)));
                looked = self.look().await;
                if ran.interrupted || stuck {
                    break;
                }
            } else if failed.is_empty() && self.is_coming(&looked, deadline) {
                looked = self.later(pause, watch).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            } else {
                break;
            }
        }
        made.sort();
        made.dedup();
        Applied { made, failed: failed_of_objects(failed), interrupted: watch.interrupted(), after: looked }
    }

    async fn execute(&self, steps: &[Step], watch: &dyn Watch) -> Ran {
        let sinks = Store(self.sink.clone());
        let watch = Noting { watch, journal: &self.journal };
        let (cloud, loader) = (self.cloud.clone(), self.loader.clone());
        Executor { cloud, loader, sinks: &sinks, watch: &watch }.run(steps).await
    }

    /// Microsoft is at work on something, nobody else has to act, and there is time.
    fn is_coming(&self, looked: &Looked, deadline: Option<Timestamp>) -> bool {
        let waits = &looked.plan.waits;
        let overdue = waits.iter().any(|w| w.wait.reason == "Overdue");
        !waits.is_empty() && !overdue && !looked.plan.waits_for_person() && deadline.is_some_and(|d| self.now() < d)
    }

    /// Lets time pass, then reads everything afresh.
    async fn later(&mut self, pause: Duration, watch: &dyn Watch) -> Looked {
        watch.waiting("Microsoft");
        self.cloud.sleep.sleep(pause).await;
        self.refresh().await
    }

    /// Forgets what was read, and the tokens that may carry old rights, and looks again. At home
    /// nothing is on its way, so the tokens for the partner tenant stay.
    pub async fn refresh(&mut self) -> Looked {
        let homes = self.cloud.auth.homes();
        let tenants: BTreeSet<_> = self.answers.keys().map(|key| key.tenant.clone()).collect();
        for tenant in tenants.iter().filter(|tenant| !homes.contains(tenant)) {
            self.cloud.auth.drop_tokens(tenant).await;
        }
        self.cloud.auth.drop_refusals().await;
        self.answers.clear();
        self.look().await
    }
}

fn deadline(until: Until, now: Timestamp) -> Option<Timestamp> {
    match until {
        // Activation and assignment take minutes: what needs no more than that is waited for.
        Until::Written => None,
        Until::Ready(time) => now.checked_add(SignedDuration::try_from(time).ok()?).ok(),
    }
}

/// Addresses of the changes all of whose steps are done.
fn finished(plan: &Plan, ran: &Ran) -> Vec<String> {
    let undone: BTreeSet<&str> = plan
        .steps
        .iter()
        .filter(|s| !matches!(s.act, Act::Wait(_)) && !ran.done.contains(&s.id))
        .map(|s| s.id.address())
        .collect();
    let all = plan.changes.iter().chain(&plan.behind).map(|c| c.address.clone());
    all.filter(|address| !undone.contains(address.as_str())).collect()
}

/// A failed step is its object's own; what follows it is not failed, it is not reached.
fn failed_of_objects(mut failed: Vec<Diagnostic>) -> Vec<Diagnostic> {
    for diagnostic in &mut failed {
        diagnostic.reach = Reach::Object;
    }
    failed.sort();
    failed.dedup();
    failed
}

/// A watch that also keeps the times of changes.
struct Noting<'a> {
    watch: &'a dyn Watch,
    journal: &'a journal::File,
}

impl Watch for Noting<'_> {
    fn done(&self, step: &StepId, at: Timestamp) {
        self.journal.note(step.address(), at);
        self.watch.done(step, at);
    }

    fn failed(&self, diagnostic: &Diagnostic) {
        self.watch.failed(diagnostic);
    }

    fn waiting(&self, what: &str) {
        self.watch.waiting(what);
    }

    fn interrupted(&self) -> bool {
        self.watch.interrupted()
    }
}
