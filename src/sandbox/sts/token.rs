//! The token endpoint: which grant, and what a grant leaves behind.
use jiff::Timestamp;

use super::code::Redeemed;
use super::place::Place;
use super::{Cx, Form, Granted, Refusal, code, device, grant, obo, password, people, refuse, scope, sign_in};
use crate::sandbox::http::{Answer, Call};
use crate::sandbox::ids;
use crate::sandbox::keys::Keys;
use crate::sandbox::state::State;

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The answer, and whether the state has to be kept at once.
pub fn serve(
    state: &mut State,
    keys: &Keys,
    call: &Call,
    place: &Place,
    form: &Form,
    now: Timestamp,
) -> (Answer, bool) {
    let cx = Cx { state, keys, call, form, now, v1: place.v1, named: &place.tenant };
    let outcome = issue(&cx);
    let readable = readable(&cx);
    let polled = device::shown(&cx).ok().filter(|_| is_device(form)).map(str::to_owned);
    let (answer, changed) = match outcome {
        Ok(granted) => {
            let changed = leave(state, call, &granted, now);
            (Answer::json(200, granted.body), changed)
        }
        Err(refused) => {
            if let Some(seen) = &refused.seen {
                sign_in::record(state, call, seen, Some(&refused), now);
            }
            if let Some(code) = polled {
                device::polled(state, &code, now);
            }
            (refused.answer(state, call, now), false)
        }
    };
    let answer = if readable { answer.with("Access-Control-Allow-Origin", "*") } else { answer };
    (answer, changed)
}

fn is_device(form: &Form) -> bool {
    form.get("grant_type").is_some_and(|kind| kind == DEVICE || kind == "device_code")
}

/// Pages may read answers only where a single-page app of theirs asks.
fn readable(cx: &Cx) -> bool {
    let app = cx.form.get("client_id").and_then(|id| scope::client(cx.state, id));
    cx.call.header("origin").is_some_and(|origin| code::may_read(app, origin))
}

fn leave(state: &mut State, call: &Call, granted: &Granted, now: Timestamp) -> bool {
    sign_in::record(state, call, &granted.seen, None, now);
    let mut changed = match &granted.seen.person {
        Some(person) => people::settle(state, person, now),
        None => false,
    };
    match &granted.redeemed {
        Some(Redeemed::Code(hash, until)) => {
            state.flows.forget(now);
            state.flows.redeemed.insert(hash.clone(), *until);
            changed = true;
        }
        Some(Redeemed::Device(user_code)) => {
            state.flows.forget(now);
            changed = state.flows.devices.remove(user_code).is_some() || changed;
        }
        None => {}
    }
    changed
}

fn issue(cx: &Cx) -> Result<Granted, Refusal> {
    if cx.tenant().is_none() {
        cx.realm()?;
    }
    let kind = cx.form.need("grant_type")?;
    let client = cx.form.need("client_id")?;
    if !ids::is_guid(client) {
        return Err(device::not_an_id(client));
    }
    let client = client.to_ascii_lowercase();
    match kind {
        "client_credentials" => grant::client_credentials(cx, &client),
        "refresh_token" => grant::refresh(cx, &client),
        "authorization_code" => code::redeem(cx, &client),
        DEVICE | "device_code" => device::redeem(cx, &client),
        "password" => password::redeem(cx, &client),
        JWT_BEARER => obo::redeem(cx, &client),
        other => Err(refuse(
            70_003,
            "unsupported_grant_type",
            format!("The app requested an unsupported grant type '{other}'."),
        )),
    }
}
