//! One request in, one answer out: which service it is for, faults, log, and saving before answering.
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::behaviour::fate::{self, Fate};
use super::behaviour::{self, Live, masks};
use super::clock::http_date;
use super::error::SandboxError;
use super::faults::{Verdict, When, kill_now};
use super::graph::errors::Failure;
use super::graph::{self, batch, routes};
use super::http::{Answer, Call};
use super::keys::{self, Keys};
use super::log::Entry;
use super::partner_center::Ask;
use super::state::State;
use super::store::{Pen, Saving, Store};
use super::{control_http, exchange, ids, metadata, pages, partner_center, sts};

/// The running cloud: its state, its keys, and the file it lives in.
pub struct Cloud {
    pub state: State,
    keys: Keys,
    live: Live,
    store: Option<Store>,
    /// Numbers what goes to the file, so that an older picture never replaces a newer one.
    saves: u64,
    /// Something was logged or changed that the file does not have yet.
    unsaved: bool,
    /// An `after-answer` kill strikes with the next request, or after a moment.
    doomed: bool,
}

/// The cloud at one moment, on its way to the file.
pub struct Snapshot {
    state: State,
    pen: Arc<Pen>,
    number: u64,
}

impl Snapshot {
    pub fn write(&self) -> Result<(), SandboxError> {
        self.pen.write(&self.state, self.number)
    }
}

/// What the server does with the connection after the answer is made.
#[derive(Debug, Default, Clone, Copy)]
pub struct Aftermath {
    pub cut: bool,
    pub kill: bool,
}

/// Who asked and for which tenant, as the log shows it.
#[derive(Default)]
struct Asked {
    tenant: Option<String>,
    caller: Option<String>,
    write: bool,
    token: bool,
}

/// Where an answer was made, as Graph says it for its own support.
const DIAGNOSTIC: &str =
    r#"{"ServerInfo":{"DataCenter":"Sandbox","Slice":"E","Ring":"1","ScaleUnit":"001","RoleInstance":"SANDBOX0"}}"#;

const PORTAL: &str = "<!doctype html><html><head><title>Sign in to your account</title></head><body><h1>Network sign-in required</h1></body></html>";

impl Cloud {
    pub fn new(state: State, store: Store) -> Result<Cloud, SandboxError> {
        let keys = Keys::open(&state.signing_key, &state.ring)?;
        Ok(Cloud { state, keys, live: Live::default(), store: Some(store), saves: 0, unsaved: false, doomed: false })
    }

    pub fn now(&self) -> Timestamp {
        self.state.clock.now()
    }

    /// Lets others find it.
    pub fn announce(&mut self, url: &str) -> Result<(), SandboxError> {
        self.store.as_mut().map_or(Ok(()), |store| store.announce(url))
    }

    pub fn save(&mut self) -> Result<(), SandboxError> {
        if let Some(store) = &self.store {
            self.saves += 1;
            store.pen().write(&self.state, self.saves)?;
            self.unsaved = false;
        }
        Ok(())
    }

    /// What was changed is in the file when this returns, or soon: as the store was opened.
    pub fn keep(&mut self) -> Result<(), SandboxError> {
        self.unsaved = true;
        match &self.store {
            Some(store) if store.saving == Saving::EveryChange => self.save(),
            _ => Ok(()),
        }
    }

    /// What the file does not have yet, to be written without holding up anybody.
    pub fn snapshot(&mut self) -> Option<Snapshot> {
        let store = self.store.as_ref().filter(|_| self.unsaved)?;
        self.saves += 1;
        self.unsaved = false;
        Some(Snapshot { state: self.state.clone(), pen: store.pen(), number: self.saves })
    }

    /// A snapshot did not reach the file.
    pub fn is_unsaved(&mut self) {
        self.unsaved = true;
    }

    /// The file belongs to somebody else, or to nobody: an answer would promise what is not kept.
    pub fn is_closed(&self) -> bool {
        self.store.is_none()
    }

    pub fn save_if_needed(&mut self) -> Result<(), SandboxError> {
        if self.unsaved { self.save() } else { Ok(()) }
    }

    /// Saves what is left and gives the file free.
    pub fn close(&mut self) -> Result<(), SandboxError> {
        let saved = self.save_if_needed();
        self.store = None;
        saved
    }

    /// Handles one request, and keeps what it changed before it returns.
    pub fn serve(&mut self, mut call: Call) -> (Answer, Aftermath) {
        if self.doomed {
            kill_now();
        }
        if call.path.starts_with("/_sandbox/") {
            return (control_http::serve(self, &call), Aftermath::default());
        }
        let now = self.now();
        let mut changed = self.state.settle(now);
        call.request_id = ids::guid(self.state.seed, &["request"], self.state.log.next + 1);
        let mut after = Aftermath::default();
        let mut answer = self.fated(&call, now, &mut after, &mut changed);
        self.unsaved = true;
        if changed && let Err(e) = self.keep() {
            answer = Answer::json(503, json!({ "error": { "code": "serviceUnavailable", "message": e.to_string() } }));
        }
        if after.kill {
            let _ = self.save();
            self.doomed = true;
        }
        let client = call.header("client-request-id").unwrap_or(&call.request_id).to_owned();
        let answer = answer
            .with("Date", http_date(now))
            .with("request-id", call.request_id.clone())
            .with("x-ms-ags-diagnostic", DIAGNOSTIC)
            .with("client-request-id", client);
        (answer, after)
    }

    /// Answers, unless this request is one of those that fail or whose answer is lost.
    fn fated(&mut self, call: &Call, now: Timestamp, after: &mut Aftermath, changed: &mut bool) -> Answer {
        let fate = fate::of(&self.state, self.state.log.next + 1);
        if fate == Fate::Refused {
            return self.unavailable(call, now);
        }
        let answer = self.dispatch(call, now, after, changed);
        after.cut |= fate == Fate::Dropped;
        match fate {
            Fate::TimedOut => Failure::new(504, "gatewayTimeout", "The gateway timed out.").answer(call, now),
            _ => answer,
        }
    }

    fn dispatch(&mut self, call: &Call, now: Timestamp, after: &mut Aftermath, changed: &mut bool) -> Answer {
        if self.state.faults.outage {
            return self.unavailable(call, now);
        }
        if self.state.faults.html {
            let seq = self.state.log.reserve();
            self.note(seq, None, call, now, 200, Asked::default());
            return Answer::html(200, PORTAL);
        }
        if let Some(place) = sts::place::find(&call.path) {
            return self.token(call, &place, now, changed);
        }
        if let Some(place) = pages::find(&call.path) {
            return self.page(call, &place, now, changed);
        }
        for version in ["v1.0", "beta"] {
            let Some(rest) = call
                .path
                .strip_prefix('/')
                .and_then(|p| p.strip_prefix(version))
                .filter(|r| r.is_empty() || r.starts_with('/'))
            else {
                continue;
            };
            if rest.eq_ignore_ascii_case("/$batch") {
                return self.batch(call, version, now, after, changed);
            }
            if let Some(answer) = graph::metadata::answer(call, version, rest) {
                let seq = self.state.log.reserve();
                self.note(seq, None, call, now, answer.status, Asked::default());
                return answer;
            }
            return self.graph(call, version, rest, None, now, after, changed);
        }
        if call.path.starts_with("/v1/") {
            return self.partner(call, now, after, changed);
        }
        let seq = self.state.log.reserve();
        if call.path.starts_with("/adminapi/") {
            let (answer, asked) = match exchange::authenticate(&self.keys, call, now) {
                Ok(caller) if !self.exchange_is_free(&caller.tenant, now) => (exchange::too_many(), asked_by(&caller)),
                Ok(caller) => (exchange::handle(&self.state, call, &caller), asked_by(&caller)),
                Err(a) => (a, Asked::default()),
            };
            self.note(seq, None, call, now, answer.status, asked);
            return answer;
        }
        let answer = if call.path.eq_ignore_ascii_case(metadata::PATH) {
            metadata::answer(call)
        } else {
            Failure::new(404, "NotFound", format!("Nothing of the sandbox answers at '{}'.", call.path))
                .answer(call, now)
        };
        self.note(seq, None, call, now, answer.status, Asked::default());
        answer
    }

    fn token(&mut self, call: &Call, place: &sts::place::Place, now: Timestamp, changed: &mut bool) -> Answer {
        let seq = self.state.log.reserve();
        if self.state.ring.is_old(now) {
            *changed |= self.rotate_keys().is_ok();
        }
        let served = sts::serve(&mut self.state, &self.keys, call, place, now);
        *changed |= served.changed;
        let asked = Asked { tenant: served.tenant, caller: Some(served.caller), write: false, token: true };
        self.note(seq, None, call, now, served.answer.status, asked);
        masks::token(&self.state, served.answer, seq)
    }

    fn page(&mut self, call: &Call, place: &pages::Place, now: Timestamp, changed: &mut bool) -> Answer {
        let seq = self.state.log.reserve();
        let served = pages::serve(&mut self.state, &self.keys, call, place, now);
        *changed |= served.changed;
        let asked = Asked { tenant: served.tenant, caller: Some(served.caller), ..Asked::default() };
        self.note(seq, None, call, now, served.answer.status, asked);
        served.answer
    }

    /// Another key signs from now on; those before it stay published while tokens of theirs live.
    pub fn rotate_keys(&mut self) -> Result<(), SandboxError> {
        let now = self.now();
        let State { signing_key, ring, seed, clock, .. } = &mut self.state;
        self.keys = keys::rotate(signing_key, ring, clock.is_fixed().then_some(*seed), now)?;
        Ok(())
    }

    /// Names of the keys whose tokens are good today, the one that signs first.
    pub fn published(&self) -> Vec<String> {
        self.keys.published(self.now()).map(|k| k.kid.clone()).collect()
    }

    /// What a program with a managed identity shows on App Service.
    pub fn identity_header(&self) -> String {
        sts::managed_identity::header(&self.keys)
    }

    /// The outage of all of Microsoft, in the words of each service.
    fn unavailable(&mut self, call: &Call, now: Timestamp) -> Answer {
        let seq = self.state.log.reserve();
        let token = sts::place::find(&call.path).is_some();
        let batch = call.path.to_ascii_lowercase().ends_with("/$batch");
        let write = !token && !batch && ["POST", "PATCH", "PUT", "DELETE"].contains(&call.method.as_str());
        let answer = if token {
            sts::unavailable(&self.state, call, now)
        } else if call.path.starts_with("/v1/") {
            partner_center::unavailable()
        } else if call.path.starts_with("/adminapi/") {
            Answer::empty(503)
        } else {
            Failure::new(503, "serviceNotAvailable", "The service is not available. Try the request again.")
                .answer(call, now)
        };
        self.note(seq, None, call, now, 503, Asked { write, token, ..Asked::default() });
        answer
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one request, kept apart for the batch")]
    fn graph(
        &mut self,
        call: &Call,
        version: &'static str,
        rest: &str,
        batch: Option<u64>,
        now: Timestamp,
        after: &mut Aftermath,
        changed: &mut bool,
    ) -> Answer {
        let seq = self.state.log.reserve();
        let mut asked = Asked::default();
        let answer = self.graph_answer(call, version, rest, (seq, now), after, changed, &mut asked);
        let status = answer.status;
        self.note(seq, batch, call, now, status, asked);
        self.strike(after);
        answer
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one request, kept apart for the batch")]
    fn graph_answer(
        &mut self,
        call: &Call,
        version: &'static str,
        rest: &str,
        (number, now): (u64, Timestamp),
        after: &mut Aftermath,
        changed: &mut bool,
        asked: &mut Asked,
    ) -> Answer {
        let matched = match call.malformed {
            true => Err(Failure::bad_query("The request URI is not valid.")),
            false => routes::find(&call.method, rest, version).and_then(|m| graph::known_here(&self.state, m)),
        };
        if let Some(seconds) = self.state.faults.count_graph() {
            *changed = true;
            asked.write = matched.is_ok_and(|m| m.route.write);
            let text = "Too many requests.";
            return Failure::new(429, "TooManyRequests", text)
                .with("Retry-After", seconds.to_string())
                .answer(call, now);
        }
        let matched = match matched {
            Ok(m) => m,
            Err(f) => {
                // A wrong token is said before a wrong path.
                let f = graph::access::authenticate(&self.state, &self.keys, call, now).err().unwrap_or(f);
                return f.answer(call, now);
            }
        };
        let name = &matched.route.name;
        if matched.route.write {
            asked.write = true;
            *changed = true;
            self.begin_write(after);
        }
        let opened = match graph::open(&self.state, &self.keys, call, matched, now) {
            Ok(o) => o,
            Err(refused) => {
                let (caller, f) = *refused;
                if let Some(c) = caller {
                    *asked = Asked { write: asked.write, ..asked_by(&c) };
                }
                return f.answer(call, now);
            }
        };
        *asked = Asked { write: asked.write, ..asked_by(&opened.caller) };
        if asked.write && self.state.faults.refuses(name) {
            return Failure::denied().answer(call, now);
        }
        let request = behaviour::serve::Request { call, opened, number, now };
        behaviour::serve::graph(&mut self.state, &mut self.live, request)
    }

    fn batch(
        &mut self,
        call: &Call,
        version: &'static str,
        now: Timestamp,
        after: &mut Aftermath,
        changed: &mut bool,
    ) -> Answer {
        let outer = self.state.log.reserve();
        let caller = graph::access::authenticate(&self.state, &self.keys, call, now);
        let asked = caller.as_ref().map(asked_by).unwrap_or_default();
        let answer = match caller.and_then(|_| batch::items(call, version)) {
            Err(f) => f.answer(call, now),
            Ok(items) => {
                let mut statuses: BTreeMap<String, u16> = BTreeMap::new();
                let mut responses = Vec::new();
                for i in batch::order(&items) {
                    let item = &items[i];
                    let answer = match &item.call {
                        _ if batch::blocked(item, &statuses) => batch::failed_dependency().answer(call, now),
                        Err(f) => f.clone().answer(call, now),
                        Ok(inner) => {
                            let rest =
                                inner.path.strip_prefix(&format!("/{version}")).unwrap_or(&inner.path).to_owned();
                            self.graph(inner, version, &rest, Some(outer), now, after, changed)
                        }
                    };
                    statuses.insert(item.id.to_ascii_lowercase(), answer.status);
                    responses.push(batch::shown(&item.id, answer));
                }
                masks::unordered(&self.state, &mut responses, outer);
                Answer::json(200, json!({ "responses": responses }))
            }
        };
        self.note(outer, None, call, now, answer.status, asked);
        answer
    }

    fn partner(&mut self, call: &Call, now: Timestamp, after: &mut Aftermath, changed: &mut bool) -> Answer {
        let seq = self.state.log.reserve();
        let ask = Ask::of(call);
        let step = ask.step();
        if step.is_some() {
            *changed = true;
            self.begin_write(after);
        }
        let (answer, mut asked) = match partner_center::authenticate(&self.state, &self.keys, call, now) {
            Err(a) => (a, Asked::default()),
            Ok(caller) if step.is_some_and(|s| self.state.faults.refuses(s)) => {
                (partner_center::refused(), asked_by(&caller))
            }
            Ok(caller) if !self.partner_is_free(&caller.app_id, now) => (partner_center::too_many(), asked_by(&caller)),
            Ok(caller) => {
                let before = ask.customer().and_then(|c| self.live.before(&self.state, c));
                let answer = partner_center::handle(&mut self.state, call, &ask, &caller, now);
                self.live.after(&mut self.state, ask.customer().unwrap_or_default(), before, now);
                (answer, asked_by(&caller))
            }
        };
        asked.write = step.is_some();
        self.note(seq, None, call, now, answer.status, asked);
        self.strike(after);
        answer
    }

    /// Partner Center: 50 requests a second for each app.
    fn partner_is_free(&mut self, app: &str, now: Timestamp) -> bool {
        self.state.switches.limits == 0 || self.live.quota.each_second(format!("partner {app}"), 50, now)
    }

    fn exchange_is_free(&mut self, tenant: &str, now: Timestamp) -> bool {
        let most = self.state.switches.exchange_calls;
        most == 0 || self.live.quota.each_second(format!("exchange {tenant}"), most, now)
    }

    /// Counts a mutating request; a kill before its commit strikes here.
    fn begin_write(&mut self, after: &mut Aftermath) {
        let Verdict { kill, drop } = self.state.faults.count_write();
        after.cut |= drop;
        match kill {
            Some(When::BeforeCommit) => {
                let _ = self.save();
                kill_now();
            }
            Some(When::BeforeAnswer) => self.doomed = true,
            Some(When::AfterAnswer) => after.kill = true,
            None => {}
        }
    }

    /// A kill before the answer strikes when the change is in the file.
    fn strike(&mut self, _after: &Aftermath) {
        if self.doomed {
            let _ = self.save();
            kill_now();
        }
    }

    fn note(&mut self, seq: u64, batch: Option<u64>, call: &Call, now: Timestamp, status: u16, asked: Asked) {
        let Asked { tenant, caller, write, token } = asked;
        let caller = caller.unwrap_or_else(|| "anonymous".to_owned());
        let entry = Entry {
            seq,
            time: now,
            method: call.method.clone(),
            path: call.path.clone(),
            batch,
            tenant,
            caller,
            status,
            write,
            token,
        };
        self.state.log.add(entry);
    }
}

fn asked_by(caller: &graph::access::Caller) -> Asked {
    Asked { tenant: Some(caller.tenant.clone()), caller: Some(caller.name()), write: false, token: false }
}
