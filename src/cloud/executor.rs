//! Carries out steps: in order, one writer an object, never blindly twice, and done only when
//! it can be read.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::Answer;
use super::loader::{Loader, backoff};
use super::secret::Secret;
use super::settle::{Settle, lookup, read};
use super::throttle::throttled;
use super::{Cloud, wire};
use crate::catalog::diagnosis::{self, Retry};
use crate::engine::diagnose;
use crate::engine::diagnostic::Diagnostic;
use crate::engine::read::{Service, Why};
use crate::engine::step::{Act, Method, Send, Sink, Stale, Step};
use crate::engine::value::{NotKnown, StepId};

/// How often one step is tried while Microsoft catches up with what came before it.
const TRIES: usize = 6;

/// What putting a secret away comes to; an error says why nothing was stored.
pub type Stored<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + std::marker::Send + 'a>>;

/// Where generated secrets go.
pub trait Sinks: std::marker::Send + Sync {
    /// Notes that a credential of this name is about to be made.
    fn begin<'a>(&'a self, sink: &'a Sink, credential: &'a str) -> Stored<'a>;

    /// Puts all values in place at once and forgets the note.
    fn store<'a>(&'a self, sink: &'a Sink, values: Vec<(&'a str, Secret)>) -> Stored<'a>;
}

/// Who looks on while steps are carried out.
pub trait Watch: std::marker::Send + Sync {
    fn done(&self, step: &StepId, at: Timestamp);
    fn failed(&self, diagnostic: &Diagnostic);
    fn waiting(&self, what: &str);
    /// Finish the step in hand and begin no other.
    fn interrupted(&self) -> bool;
}

/// What came of the steps.
#[derive(Debug, Default)]
pub struct Ran {
    pub done: BTreeSet<StepId>,
    pub failed: BTreeMap<StepId, Diagnostic>,
    pub stale: Vec<Stale>,
    pub interrupted: bool,
}

pub struct Executor<'a> {
    pub cloud: Cloud,
    pub loader: Loader,
    pub sinks: &'a dyn Sinks,
    pub watch: &'a dyn Watch,
}

/// The state of one run over the steps.
#[derive(Default)]
pub(super) struct Run {
    pub(super) ran: Ran,
    pub(super) results: BTreeMap<StepId, Arc<Value>>,
    /// Done, and where it has a proof, read back.
    pub(super) proven: BTreeSet<StepId>,
    tries: BTreeMap<StepId, usize>,
    /// Steps whose results others need.
    needed: BTreeSet<StepId>,
    /// Partner Center's idempotency keys: the same on a retry after a lost answer.
    request_ids: BTreeMap<StepId, String>,
}

impl Run {
    /// Lets a step that is done be done once more; `false` when that has been tried often enough.
    fn again(&mut self, step: &StepId) -> bool {
        let tries = self.tries.entry(step.clone()).or_default();
        *tries += 1;
        let may = *tries < TRIES;
        if may {
            self.ran.done.remove(step);
            self.proven.remove(step);
            self.results.remove(step);
        }
        may
    }
}

impl Executor<'_> {
    /// Runs all that no wait stands before.
    pub async fn run(&self, steps: &[Step]) -> Ran {
        let mut run = Run { needed: needed(steps), ..Run::default() };
        let mut settle = Settle::default();
        loop {
            if self.watch.interrupted() {
                // A secret that was made is the step in hand until it is stored: it is shown once.
                let made = wave(steps, &run).into_iter().filter(|s| matches!(s.act, Act::Store { .. }));
                for step in made.collect::<Vec<_>>() {
                    self.local(step, &mut run).await;
                }
                run.ran.interrupted = true;
                break;
            }
            let wave = wave(steps, &run);
            if wave.is_empty() {
                match settle.prove(self, steps, &mut run).await {
                    true => continue,
                    false => break,
                }
            }
            let (sends, others): (Vec<&Step>, Vec<&Step>) =
                wave.into_iter().partition(|s| matches!(s.act, Act::Send(_)));
            let (reads, local): (Vec<&Step>, Vec<&Step>) =
                others.into_iter().partition(|s| matches!(s.act, Act::Read(_)));
            for step in local {
                self.local(step, &mut run).await;
            }
            self.reads(&reads, &mut run).await;
            self.sends(&sends, &mut run).await;
        }
        run.ran
    }

    /// Steps that touch only our own side.
    async fn local(&self, step: &Step, run: &mut Run) {
        match &step.act {
            Act::Intend { sink, credential } => match self.sinks.begin(sink, credential).await {
                Ok(()) => self.succeed(step, json!({}), run).await,
                Err(why) => self.fail(step, sink_error(step, sink, &why), run),
            },
            Act::Store { sink, values, undo } => {
                let resolved: Result<Vec<(&str, Secret)>, NotKnown> = values
                    .iter()
                    .map(|(name, value)| Ok((*name, Secret::new(value.resolve_text(&run.results)?))))
                    .collect();
                let lost = resolved.as_ref().err().map(|unknown| unknown.step.clone());
                let stored = match resolved {
                    Ok(values) => self.sinks.store(sink, values).await,
                    Err(unknown) => Err(unknown.to_string()),
                };
                let Err(why) = stored else {
                    self.cloud.auth.drop_sink(sink).await;
                    return self.succeed(step, json!({}), run).await;
                };
                match (self.once(step, undo, run).await, lost) {
                    // Microsoft shows a secret once, and that answer was lost: the secret is gone, and made again.
                    (Ok(()), Some(made)) if run.again(&made) => {}
                    (Ok(()), _) => self.fail(step, sink_error(step, sink, &why), run),
                    (Err(left), _) => {
                        let mut error = sink_error(step, sink, &why);
                        error.detail = format!("{}. The new credential could not be removed: {left}", error.detail);
                        self.fail(step, error, run);
                    }
                }
            }
            Act::Send(_) | Act::Read(_) | Act::Wait(_) => {}
        }
    }

    /// Reads that had to wait for earlier steps, all at once.
    async fn reads(&self, wave: &[&Step], run: &mut Run) {
        let found = read(self, wave, run).await;
        for step in wave {
            match found.get(&step.id) {
                Some(Ok(value)) => self.succeed(step, value.clone(), run).await,
                Some(Err(why)) => self.fail(step, (**why).clone(), run),
                None => {}
            }
        }
    }

    /// One request outside of the order: taking something back.
    async fn once(&self, step: &Step, send: &Send, run: &mut Run) -> Result<(), String> {
        let request = self.request(step, send, run).map_err(|e| e.summary)?;
        let (_, outcome) = self.post(vec![(step.id.clone(), send.clone(), request)]).await.remove(0);
        match outcome {
            Ok(answer) if answer.ok() || answer.status == 404 => Ok(()),
            Ok(answer) => Err(answer.refusal().map_or_else(|f| f.message, |r| r.code)),
            Err(why) => Err(why.to_string()),
        }
    }

    /// A wave of requests: batched by tenant and identity.
    async fn sends(&self, wave: &[&Step], run: &mut Run) {
        let mut prepared = Vec::new();
        for step in wave {
            let Act::Send(send) = &step.act else { continue };
            match self.request(step, send, run) {
                Ok(request) => prepared.push((step.id.clone(), send.clone(), request)),
                Err(error) => self.fail(step, *error, run),
            }
        }
        let outcomes: BTreeMap<StepId, _> = self.post(prepared).await.into_iter().collect();
        let mut pause = Duration::ZERO;
        for step in wave {
            if let Some(outcome) = outcomes.get(&step.id) {
                pause = pause.max(self.take(step, outcome, run).await);
            }
        }
        if !pause.is_zero() {
            if outcomes.values().any(|outcome| matches!(outcome, Ok(answer) if answer.is_throttled())) {
                self.cloud.wire.meter.held_back(pause);
            }
            self.watch.waiting("Microsoft to catch up");
            self.cloud.sleep.sleep(pause).await;
        }
    }

    /// Judges an outcome. The answer is how long to wait before the step is tried again; zero
    /// when it is decided.
    async fn take(&self, step: &Step, outcome: &Result<Answer, Why>, run: &mut Run) -> Duration {
        let why = match outcome {
            Ok(answer) if answer.ok() => {
                let result = match (&answer.body, &step.lookup) {
                    (Value::Null, Some(reading)) if run.needed.contains(&step.id) => {
                        lookup(self, reading, run).await.unwrap_or_default()
                    }
                    (body, _) => body.clone(),
                };
                self.succeed(step, result, run).await;
                return Duration::ZERO;
            }
            Ok(answer) if (answer.status == 404 && deletes(step)) || step.already.contains(&answer.status) => {
                self.succeed(step, Value::Null, run).await;
                return Duration::ZERO;
            }
            Ok(answer) => answer.refusal().map_or_else(Why::Failed, Why::Refused),
            Err(why) => why.clone(),
        };
        if may_be_there(outcome) {
            // It may be done: what was read before says nothing any more.
            run.ran.stale.extend(step.stales.iter().cloned());
        }
        if may_be_there(outcome)
            && let Some(reading) = &step.lookup
            && let Some(found) = lookup(self, reading, run).await
        {
            self.succeed(step, found, run).await;
            return Duration::ZERO;
        }
        if matches!(outcome, Ok(answer) if answer.status < 500) {
            // A real answer: the next try is a request of its own, not a repetition of this one.
            run.request_ids.remove(&step.id);
        }
        let tries = run.tries.entry(step.id.clone()).or_default();
        *tries += 1;
        if *tries < TRIES && passes(step, outcome, &run.ran.done) {
            if let Act::Send(send) = &step.act {
                self.cloud.auth.drop_tokens(&send.tenant).await;
            }
            let asked = outcome.as_ref().ok().and_then(Answer::retry_after);
            let pause = asked.unwrap_or_else(|| backoff(*tries));
            if self.cloud.throttle.bears(pause) {
                return pause;
            }
            // Nobody is held for that long: the step stays undone, and a later pass does it.
            let why = Why::Failed(throttled(self.cloud.wire.clock.now(), pause));
            let doing = format!("{} has to wait", step.id.address());
            self.fail(step, diagnose::of_why(step.id.address(), &doing, &why).of_object(), run);
            return Duration::ZERO;
        }
        let doing = format!("{} was not done", step.id.address());
        self.fail(step, diagnose::of_why(step.id.address(), &doing, &why).of_object(), run);
        Duration::ZERO
    }

    async fn succeed(&self, step: &Step, result: Value, run: &mut Run) {
        for tenant in &step.drops_tokens {
            self.cloud.auth.drop_tokens(tenant).await;
        }
        run.ran.stale.extend(step.stales.iter().cloned());
        run.results.insert(step.id.clone(), Arc::new(result));
        run.ran.done.insert(step.id.clone());
        if step.proof.is_none() {
            run.proven.insert(step.id.clone());
        }
        self.watch.done(&step.id, self.cloud.wire.clock.now());
    }

    fn fail(&self, step: &Step, diagnostic: Diagnostic, run: &mut Run) {
        self.watch.failed(&diagnostic);
        run.ran.failed.insert(step.id.clone(), diagnostic);
    }

    fn request(&self, step: &Step, send: &Send, run: &mut Run) -> Result<wire::Request, Box<Diagnostic>> {
        let unknown = |e: NotKnown| Box::new(Diagnostic::error(step.id.address(), e.to_string()).of_object());
        let path = send.path.resolve_text(&run.results).map_err(unknown)?;
        let body = send.body.as_ref().map(|b| b.resolve(&run.results)).transpose().map_err(unknown)?;
        let mut headers = send.headers.clone();
        let base = match send.service {
            Service::PartnerCenter => {
                let id = run.request_ids.entry(step.id.clone());
                let id = id.or_insert_with(|| uuid::Uuid::new_v4().to_string()).clone();
                headers.push(("MS-RequestId", id));
                headers.push(("MS-Contract-Version", "v1".to_owned()));
                headers.push(("Accept", "application/json".to_owned()));
                &self.cloud.endpoints.partner_center
            }
            Service::Exchange => &self.cloud.endpoints.exchange,
            Service::Graph | Service::Token => &self.cloud.endpoints.graph,
        };
        let method = match send.method {
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        Ok(wire::Request { service: send.service, method, url: format!("{base}{path}"), headers, body })
    }
}

/// Steps whose results appear in the requests of others.
fn needed(steps: &[Step]) -> BTreeSet<StepId> {
    steps.iter().flat_map(Step::results).collect()
}

/// The next steps that nothing stands before; of those that write the same object, one.
fn wave<'s>(steps: &'s [Step], run: &Run) -> Vec<&'s Step> {
    let mut writing: BTreeSet<&str> = BTreeSet::new();
    steps
        .iter()
        .filter(|step| !matches!(step.act, Act::Wait(_)))
        .filter(|step| !run.ran.done.contains(&step.id) && !run.ran.failed.contains_key(&step.id))
        .filter(|step| step.dependencies().iter().all(|d| run.proven.contains(d)))
        .filter(|step| step.serial.as_deref().is_none_or(|object| writing.insert(object)))
        .collect()
}

fn deletes(step: &Step) -> bool {
    matches!(&step.act, Act::Send(send) if send.method == Method::Delete)
}

/// Whether what was sent may be in place though the answer does not say so: the answer was lost,
/// the server failed after its work, or it says that there is one already.
fn may_be_there(outcome: &Result<Answer, Why>) -> bool {
    match outcome {
        Ok(answer) => matches!(answer.status, 400 | 404 | 405 | 409 | 500..),
        Err(why) => matches!(why, Why::Failed(_)),
    }
}

/// Whether trying again may help: throttled, a server's fault, something that this run made and
/// not every replica knows yet, or a code that the catalogue knows as passing.
fn passes(step: &Step, outcome: &Result<Answer, Why>, done: &BTreeSet<StepId>) -> bool {
    let passing = |code: &str| diagnosis::rule(code).is_some_and(|rule| rule.retry == Retry::Transient);
    let lost = match outcome {
        Ok(answer) => answer.status >= 500,
        Err(why) => matches!(why, Why::Failed(_)),
    };
    match outcome {
        _ if lost => !step.once,
        Ok(answer) => {
            let fresh = step.dependencies().iter().any(|d| done.contains(d));
            answer.is_transient()
                || (fresh && matches!(answer.status, 400 | 401 | 403 | 404 | 405 | 409))
                || answer.refusal().is_ok_and(|refusal| passing(&refusal.code))
        }
        Err(Why::Refused(refusal)) => passing(&refusal.code),
        Err(Why::Failed(_)) => false,
    }
}

fn sink_error(step: &Step, sink: &Sink, why: &str) -> Diagnostic {
    Diagnostic::error(step.id.address(), format!("the secret \"{sink}\" could not be stored"))
        .detail(why)
        .code("GuardRefused")
        .remedy("Make the place writable and run this again; nothing that was made for it is left behind.")
        .of_object()
}
