//! The control API under `/_sandbox/`: the same operations as [`super::control`], as JSON.
use serde_json::{Value, json};

use super::cloud::Cloud;
use super::control;
use super::http::{Answer, Call};

/// Errors are 400 with a sentence for people; an unknown path is 404 with the list of what there is.
pub fn serve(cloud: &mut Cloud, call: &Call) -> Answer {
    let name = call.path.trim_start_matches("/_sandbox/").trim_end_matches('/');
    let body = match call.body.as_slice() {
        [] => Ok(json!({})),
        text => serde_json::from_slice::<Value>(text).map_err(|e| format!("the body is not JSON: {e}")),
    };
    let outcome = match (call.method.as_str(), name) {
        ("POST", "approve") => body.and_then(|b| approve(cloud, &b)),
        ("POST", "decline") => body.and_then(|b| match b.get("relationship").and_then(Value::as_str) {
            Some(name) => control::decline(cloud, name),
            None => Err("`decline` needs `relationship`, an id or name".to_owned()),
        }),
        ("POST", "advance") => body.and_then(|b| match b.get("seconds").and_then(Value::as_i64) {
            Some(s) => control::advance(cloud, s),
            None => Err("`advance` needs `seconds`, a whole number".to_owned()),
        }),
        ("POST", "advance-to-next") => {
            let seconds = cloud.state.next_lag(cloud.now()).unwrap_or(0);
            control::advance(cloud, seconds)
        }
        ("GET", "requests") => requests(cloud, call),
        ("GET", "counts") => Ok(control::counts(cloud)),
        ("POST", "save") => control::save(cloud),
        ("GET", "state-of-world") => Ok(cloud.picture()),
        ("POST", "drift") => body.and_then(|b| control::drifted(cloud, &b)),
        ("POST", "faults") => body.and_then(|b| control::faults(cloud, &b)),
        ("GET", "faults") => Ok(cloud.state.faults.picture()),
        ("POST", "behaviour") => body.and_then(|b| control::behaviour(cloud, &b)),
        ("GET", "behaviour") => Ok(control::behaviours(cloud)),
        ("GET", "events") => Ok(json!({ "events": cloud.state.events })),
        ("GET", "clock") => Ok(json!({ "now": cloud.now(), "next": cloud.state.next_lag(cloud.now()) })),
        ("GET", "world") => Ok(control::world(cloud)),
        _ => {
            let known = "POST approve, decline, advance, advance-to-next, behaviour, drift, faults, save; GET requests, counts, state-of-world, behaviour, events, faults, clock, world";
            return Answer::json(
                404,
                json!({ "error": format!("no operation `{} {name}`; there are: {known}", call.method) }),
            );
        }
    };
    match outcome {
        Ok(v) => Answer::json(200, v),
        Err(e) => Answer::json(400, json!({ "error": e })),
    }
}

fn approve(cloud: &mut Cloud, body: &Value) -> Result<Value, String> {
    let tenant = body.get("tenant").and_then(Value::as_str);
    match (body.get("relationship").and_then(Value::as_str), body.get("all")) {
        (Some(name), None) => control::approve(cloud, Some(name), tenant),
        (None, Some(Value::Bool(true))) => control::approve(cloud, None, None),
        _ => Err("say which: `{\"relationship\": \"<id or name>\"}` or `{\"all\": true}`".to_owned()),
    }
}

fn requests(cloud: &Cloud, call: &Call) -> Result<Value, String> {
    let since = match call.param("since").map(str::parse::<u64>) {
        None => 0,
        Some(Ok(n)) => n,
        Some(Err(_)) => return Err("`since` is a sequence number".to_owned()),
    };
    let writes = call.param("writes") == Some("true");
    Ok(json!({ "requests": cloud.state.log.since(since, writes), "next": cloud.state.log.next }))
}
