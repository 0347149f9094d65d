//! One request to Graph as this cloud answers it: what it may not ask, which replica it gets, what of a write is told.
use jiff::Timestamp;

use super::replicas::{Read, What, store_of};
use super::{Live, masks, pace, quota};
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::graph::{self, Opened, Reply};
use crate::sandbox::http::{Answer, Call};
use crate::sandbox::state::State;

/// A request whose caller may do it, and its number.
pub struct Request<'a> {
    pub call: &'a Call,
    pub opened: Opened,
    pub number: u64,
    pub now: Timestamp,
}

/// Answers it.
pub fn graph(state: &mut State, live: &mut Live, request: Request) -> Answer {
    let (call, now) = (request.call, request.now);
    let toll = match admit(state, live, &request) {
        Ok(toll) => toll,
        Err(failure) => return failure.answer(call, now),
    };
    let reply =
        if request.opened.matched.route.write { write(state, live, request) } else { read(state, live, request) };
    toll.told(reply.unwrap_or_else(|failure| failure.answer(call, now)))
}

/// Throttling, by what is asked for.
fn admit(state: &State, live: &mut Live, request: &Request) -> Result<quota::Toll, Failure> {
    let Request { call, opened, now, .. } = request;
    let (route, caller) = (opened.matched.route, &opened.caller);
    let units = quota::units(route.method, &route.pattern, call);
    if state.switches.limits > 0 && route.pattern.starts_with("/identity/conditionalAccess") {
        // Conditional access names no time to wait.
        let key = format!("conditional access {}", caller.tenant);
        let text = "Too many requests to conditional access.";
        let free = live.quota.each_second(key, 1, *now);
        return if free {
            Ok(quota::Toll { units, percent: None })
        } else {
            Err(Failure::new(429, "TooManyRequests", text))
        };
    }
    if route.pattern.starts_with("/reports/") || route.pattern.starts_with("/auditLogs/") {
        live.quota.reports(state, &caller.tenant, &caller.app_id, *now)?;
    }
    match state.tenants.get(&caller.tenant) {
        Some(tenant) => live.quota.take(state, tenant, &caller.app_id, route.write, units, *now),
        None => Ok(quota::Toll { units, percent: None }),
    }
}

/// A read sees the tenant as the replica has it that answers.
fn read(state: &mut State, live: &Live, request: Request) -> Reply {
    let Request { call, opened, number, now } = request;
    let tenant = opened.caller.tenant.clone();
    let eventual = call.header("consistencylevel").is_some_and(|v| v.eq_ignore_ascii_case("eventual"));
    let read = Read { tenant: &tenant, what: store_of(&opened.matched.route.pattern), eventual, number };
    let Some(older) = live.replicas.read(state, &read, now) else { return graph::handle(state, call, opened, now) };
    let current = state.tenants.exchange(&tenant, older);
    let reply = graph::handle(state, call, opened, now);
    if let Some(current) = current {
        state.tenants.exchange(&tenant, current);
    }
    reply
}

fn write(state: &mut State, live: &mut Live, request: Request) -> Reply {
    let Request { call, opened, number, now } = request;
    let route = opened.matched.route;
    let tenant = opened.caller.tenant.clone();
    let credential = pace::is_credential(route.method, &route.pattern, &call.body)
        .then(|| format!("{tenant} {}", opened.matched.keys.first().map(|k| k.text()).unwrap_or_default()));
    if let Some(object) = &credential {
        live.pace.check(state, object, now)?;
    }
    if makes_object(route.method, &route.pattern)
        && let Some(t) = state.tenants.get(&tenant)
    {
        quota::room(state, t)?;
    }
    rehearsed(state, live, call, &opened, number, now)?;
    let before = live.before(state, &tenant);
    let reply = graph::handle(state, call, opened, now);
    live.after(state, &tenant, before, now);
    let answer = reply?;
    if let Some(object) = credential {
        live.pace.written(object, now, state.lag.credential_writes.0);
    }
    match masks::hidden(state, &route.name, number) {
        Some(failure) => Err(failure),
        None => Ok(answer),
    }
}

fn makes_object(method: &str, pattern: &str) -> bool {
    method == "POST" && ["/applications", "/servicePrincipals", "/groups", "/users", "/invitations"].contains(&pattern)
}

/// A write is tried with what the replica knows that takes it: what it refers to may not have arrived there yet.
fn rehearsed(
    state: &State,
    live: &Live,
    call: &Call,
    opened: &Opened,
    number: u64,
    now: Timestamp,
) -> Result<(), Failure> {
    let route = opened.matched.route;
    let refers = store_of(&route.pattern) == What::Directory || route.name == "create-access-assignment";
    let older = live.replicas.write(state, &opened.caller.tenant, now).filter(|_| refers);
    let Some(older) = older else { return Ok(()) };
    let mut there = state.clone();
    there.tenants.exchange(&opened.caller.tenant, older);
    match graph::handle(&mut there, call, opened.clone(), now) {
        Ok(_) => Ok(()),
        Err(refused) => masks::not_there_yet(state, &route.name, refused, number).map_or(Ok(()), Err),
    }
}
