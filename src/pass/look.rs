//! Looking: observe in rounds, plan, guard, conditions. Reads only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Looked, Pass, Standing, gather};
use crate::engine::conditions::{self, Standing as Ground};
use crate::engine::diagnostic::Diagnostic;
use crate::engine::guard::{self, Grounds};
use crate::engine::kind::{Judged, Mode, Moment, Object};
use crate::engine::plan::{Plan, PlannedWait};
use crate::engine::read::{Ask, Key};
use crate::kinds::Resolved;

/// Rounds of reading: what is known by name, then what hangs on ids, then what hangs on those.
const ROUNDS: usize = 3;

impl Pass {
    /// Reads everything that is not known, and judges it.
    pub async fn look(&mut self) -> Looked {
        let resolved = self.wanted.resolved();
        let (objects, mut errors) = match &self.focus {
            None => (resolved.objects(), resolved.diagnostics.clone()),
            Some(focus) => around(&resolved, focus),
        };
        errors.extend(self.failed.iter().cloned());
        let judged = self.observe(&objects, &mut errors).await;
        let store = gather::Store(self.ground.sink.clone());
        let grounds = Grounds { answers: &self.answers, sink: &|name| store.check(name) };
        errors.extend(guard::refusals(&judged, &grounds));
        let mine = |address: &str| self.focus.as_ref().is_none_or(|focus| focus.contains(address));
        let mut plan = Plan::build(&judged, errors, &mine);
        self.wanted.locate(&mut plan.diagnostics);
        let index = Index::of(&plan);
        let objects = judged.iter().filter(|o| mine(&o.address)).map(|object| standing(object, &index)).collect();
        Looked { plan, objects, cost: self.ground.cost(), now: self.now() }
    }

    /// One round: what each object makes of what is known, and what more they ask for.
    fn round(&self, objects: &[Arc<dyn Object>], moment: Moment<'_>) -> (Vec<Option<Judged>>, BTreeSet<Key>) {
        let ask = Ask::new(&self.answers, &self.ground.memo);
        let looks = objects.iter().map(|object| object.look(&ask, moment)).collect();
        (looks, ask.wanted())
    }

    async fn observe(&mut self, objects: &[Arc<dyn Object>], errors: &mut Vec<Diagnostic>) -> Vec<Judged> {
        let journal = self.ground.journal.entries();
        for round in 0..=ROUNDS {
            let (looks, wanted) = self.round(objects, Moment { now: self.now(), journal: &journal });
            if wanted.is_empty() || round == ROUNDS {
                for (object, look) in objects.iter().zip(&looks) {
                    if look.is_none() {
                        let summary = "more was asked for than three rounds of reading give";
                        errors.push(Diagnostic::error(object.address(), summary).of_object());
                    }
                }
                return looks.into_iter().flatten().collect();
            }
            let loader = &self.ground.loader;
            let loaded = if self.anew { loader.load_now(wanted).await } else { loader.load(wanted).await };
            self.answers.extend(loaded);
        }
        vec![]
    }
}

/// The objects of a focus with all that they depend on, and what is wrong with any of these.
fn around(resolved: &Resolved, focus: &BTreeSet<String>) -> (Vec<Arc<dyn Object>>, Vec<Diagnostic>) {
    let objects = resolved.around(focus);
    let known: BTreeSet<String> = objects.iter().map(|o| o.address()).chain(focus.iter().cloned()).collect();
    let wrong = resolved.diagnostics.iter().filter(|d| known.contains(d.object()));
    (objects, wrong.cloned().collect())
}

/// What a plan says, by object: a fleet has many objects.
#[derive(Default)]
struct Index<'a> {
    pending: BTreeMap<&'a str, usize>,
    diagnostics: BTreeMap<&'a str, Vec<&'a Diagnostic>>,
    waits: BTreeMap<&'a str, Vec<&'a PlannedWait>>,
}

impl<'a> Index<'a> {
    fn of(plan: &'a Plan) -> Index<'a> {
        let mut index = Index::default();
        for change in plan.changes.iter().chain(&plan.drift) {
            *index.pending.entry(change.object()).or_default() += 1;
        }
        for (object, held) in &plan.held {
            *index.pending.entry(object).or_default() += held;
        }
        for diagnostic in &plan.diagnostics {
            index.diagnostics.entry(diagnostic.object()).or_default().push(diagnostic);
        }
        for wait in &plan.waits {
            index.waits.entry(&wait.address).or_default().push(wait);
        }
        index
    }
}

/// What an object's status says.
fn standing(object: &Judged, index: &Index<'_>) -> Standing {
    let address = object.address.as_str();
    let ground = Ground {
        suspended: object.mode == Mode::Suspended,
        observe_only: object.mode == Mode::Observe,
        pending: index.pending.get(address).copied().unwrap_or_default(),
        diagnostics: index.diagnostics.get(address).cloned().unwrap_or_default(),
    };
    let conditions = conditions::finish(object.report.conditions.clone(), &ground);
    let mut facts = object.report.facts.clone();
    waits(index.waits.get(address).map_or(&[], Vec::as_slice), &mut facts);
    Standing { address: object.address.clone(), conditions, facts }
}

fn waits(mine: &[&PlannedWait], facts: &mut BTreeMap<&'static str, Value>) {
    let all = mine.iter().map(|w| {
        json!({
            "on": w.wait.who.on(), "who": w.wait.who.word(), "condition": w.wait.condition, "reason": w.wait.reason,
            "since": w.wait.since, "deadline": w.wait.deadline, "link": w.link(), "what": w.wait.what, "then": w.then,
        })
    });
    facts.insert("waits", all.collect());
    let who = mine.first().map_or("-", |w| w.wait.who.word());
    facts.insert("waitsFor", json!(who));
    let ends = facts.get("relationship").and_then(|r| r.get("endsAt")).and_then(Value::as_str);
    let day = ends.and_then(|e| e.split('T').next()).unwrap_or("-").to_owned();
    facts.insert("ends", json!(day));
}
