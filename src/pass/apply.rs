//! Applying: execute what was approved, read it back, go on until nothing is left that we can do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::gather::Store;
use super::{Applied, Approval, Looked, Pass, Terms, Until, journal};
use crate::cloud::Executor;
use crate::cloud::executor::{Ran, Watch};
use crate::engine::diagnostic::{Diagnostic, Reach};
use crate::engine::digest;
use crate::engine::plan::Plan;
use crate::engine::step::{Act, Change, Step, Who};
use crate::engine::value::StepId;

/// Rounds of writing in one apply: each rung may need one.
const ROUNDS: usize = 10;
/// How often an accepted change that cannot be read yet is looked at again.
const SETTLE: usize = 4;
/// The first pause between two looks at something that Microsoft has on its way; it doubles …
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// What comes next in an apply.
enum Move {
    Write(Vec<Step>),
    Wait,
    Stop,
}

/// Where an apply stands.
#[derive(Default)]
struct Course {
    deadline: Option<Timestamp>,
    /// Moments are waited out.
    patient: bool,
    /// Addresses of changes that Microsoft has accepted.
    made: Vec<String>,
    /// The changes of this apply.
    done: Vec<Change>,
    failed: Vec<Diagnostic>,
    rounds: usize,
    /// Looks in a row at accepted changes that cannot be read yet.
    settling: usize,
    /// The last round of writing got nothing done.
    stuck: bool,
}

impl Course {
    fn next(&mut self, plan: &Plan, approved: &Approved, now: Timestamp) -> Move {
        if plan.forbids_writes() || self.rounds >= ROUNDS {
            return Move::Stop;
        }
        let settled: Vec<String> =
            self.made.iter().cloned().chain(self.failed.iter().map(|d| d.address.clone())).collect();
        if approved.any(plan, &settled) && !self.stuck {
            return Move::Write(approved.steps(plan, &settled));
        }
        let in_time = self.deadline.is_some_and(|deadline| now < deadline);
        if plan.changes.iter().any(|c| self.made.contains(&c.address)) {
            // Accepted and not readable: it is not done once more, it is waited for.
            self.settling += 1;
            self.stuck = false;
            let worthwhile = in_time || self.patient && self.settling <= SETTLE;
            return if worthwhile { Move::Wait } else { Move::Stop };
        }
        // Microsoft is at work on something, whoever else has to act elsewhere.
        let coming = plan.waits.iter().any(|w| w.wait.who == Who::Microsoft && w.wait.reason != "Overdue");
        if coming && in_time { Move::Wait } else { Move::Stop }
    }

    fn took(&mut self, plan: &Plan, ran: &Ran) {
        self.rounds += 1;
        self.stuck = ran.done.is_empty();
        self.settling = 0;
        let finished = finished(plan, ran);
        let all = plan.changes.iter().chain(&plan.behind);
        self.done.extend(all.filter(|change| finished.contains(&change.address)).cloned());
        self.made.extend(finished);
        self.failed.extend(ran.failed.values().cloned());
    }
}

/// What was approved: a later plan may only do this.
enum Approved {
    All,
    Only(BTreeSet<String>),
}

impl Approved {
    fn of(plan: &Plan, approval: Approval) -> Approved {
        match approval {
            Approval::AsDeclared => Approved::All,
            Approval::AsPlanned => Approved::Only(plan.digests().into_values().collect()),
        }
    }

    fn covers(&self, digest: &str) -> bool {
        match self {
            Approved::All => true,
            Approved::Only(digests) => digests.contains(digest),
        }
    }

    /// The steps that may run: those of approved changes that are not made yet, and waits for order.
    fn steps(&self, plan: &Plan, made: &[String]) -> Vec<Step> {
        let digests: BTreeMap<&str, String> =
            plan.changes.iter().chain(&plan.behind).map(|c| (c.address.as_str(), digest::of_change(c))).collect();
        let may = |step: &&Step| {
            let again = made.iter().any(|address| address == step.id.address());
            matches!(step.act, Act::Wait(_)) || !again && digests.get(step.id.address()).is_some_and(|d| self.covers(d))
        };
        plan.steps.iter().filter(may).cloned().collect()
    }

    /// Whether something that can be done now is approved, and not made yet.
    fn any(&self, plan: &Plan, made: &[String]) -> bool {
        plan.changes.iter().any(|c| !made.contains(&c.address) && self.covers(&digest::of_change(c)))
    }
}

impl Pass {
    /// Carries out what `looked` plans, and nothing else. Nothing at all where an error forbids it.
    pub async fn apply(&mut self, looked: Looked, terms: Terms, watch: &dyn Watch) -> Applied {
        let approved = Approved::of(&looked.plan, terms.approval);
        let mut course = Course {
            deadline: deadline(terms.until, looked.now),
            patient: terms.until != Until::Done,
            made: terms.made,
            ..Course::default()
        };
        let (mut looked, mut pause) = (looked, FIRST_PAUSE);
        while !watch.interrupted() {
            match course.next(&looked.plan, &approved, self.now()) {
                Move::Write(steps) => {
                    let ran = self.execute(&steps, watch).await;
                    course.took(&looked.plan, &ran);
                    self.answers.retain(|key, _| !ran.stale.iter().any(|stale| stale.covers(key)));
                    self.ground.loader.forget(&ran.stale);
                    looked = self.look().await;
                }
                Move::Wait => {
                    looked = self.later(pause, watch).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Move::Stop => break,
            }
        }
        looked.plan.accepted(&course.made);
        course.made.sort();
        course.made.dedup();
        let failed = failed_of_objects(course.failed);
        Applied { made: course.made, done: course.done, failed, interrupted: watch.interrupted(), after: looked }
    }

    async fn execute(&self, steps: &[Step], watch: &dyn Watch) -> Ran {
        let sinks = Store(self.ground.sink.clone());
        let watch = Noting { watch, journal: &self.ground.journal };
        let (cloud, loader) = (self.ground.cloud.clone(), self.ground.loader.clone());
        Executor { cloud, loader, sinks: &sinks, watch: &watch }.run(steps).await
    }

    /// Lets time pass, then reads everything afresh.
    async fn later(&mut self, pause: Duration, watch: &dyn Watch) -> Looked {
        watch.waiting("Microsoft");
        self.ground.cloud.sleep.sleep(pause).await;
        self.refresh().await
    }

    /// Forgets what was read, and the tokens that may carry old rights, and looks again. At home
    /// nothing is on its way, so the tokens for the partner tenant stay.
    pub async fn refresh(&mut self) -> Looked {
        let homes = self.ground.cloud.auth.homes();
        let tenants: BTreeSet<_> = self.answers.keys().map(|key| key.tenant.clone()).collect();
        for tenant in tenants.iter().filter(|tenant| !homes.contains(tenant)) {
            self.ground.cloud.auth.drop_tokens(tenant).await;
        }
        self.ground.cloud.auth.drop_refusals().await;
        self.ground.loader.forget_all();
        self.answers.clear();
        self.look().await
    }
}

fn deadline(until: Until, now: Timestamp) -> Option<Timestamp> {
    match until {
        // Activation and assignment take minutes: what needs no more than that is waited for.
        Until::Done | Until::Written => None,
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
        // Of these alone Microsoft keeps no time.
        if step.address().contains(":exchangeRole/") {
            self.journal.note(step.address(), at);
        }
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
