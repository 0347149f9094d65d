//! Answers that hide what has happened, and prose that nobody should match.
use serde_json::{Value, json};

use crate::sandbox::graph::errors::Failure;
use crate::sandbox::http::{Answer, Body};
use crate::sandbox::state::State;

/// Whether this write says that it failed though it did not; seen with delegated grants and with GDAP's requests.
pub fn hidden(state: &State, route: &str, number: u64) -> Option<Failure> {
    let (status, code, message) = match route {
        "grant-delegated" => {
            (404, "Directory_ObjectNotFound", "Unable to read the company information from the directory.")
        }
        "lock-relationship" => (405, "methodNotAllowed", "The HTTP method is not allowed for the resource."),
        _ => return None,
    };
    let sides = state.switches.masked;
    let struck = sides > 0 && state.chance(&["mask", route, &number.to_string()], sides) == 0;
    let gdap = route == "lock-relationship";
    struck.then(|| if gdap { Failure::gdap(status, code, message) } else { Failure::new(status, code, message) })
}

/// How a write is refused by a replica that does not know yet what it refers to. `None`: it does not matter there.
pub fn not_there_yet(state: &State, route: &str, refused: Failure, number: u64) -> Option<Failure> {
    let unknown = refused.status == 404
        || (refused.status == 400
            && ["does not exist", "does not reference", "reference update"]
                .iter()
                .any(|t| refused.message.contains(t)));
    if !unknown {
        return None;
    }
    let other = state.chance(&["refusal", &number.to_string()], 2) == 0;
    Some(match route {
        "grant-app-role" if other => Failure::bad("Not a valid reference update."),
        "create-service-principal" if other => Failure::new(403, "Authorization_RequestDenied", BACKING),
        "create-group" => Failure::bad("One or more property values specified are invalid."),
        "grant-delegated" if other => Failure { status: 400, code: "Request_BadRequest", ..refused },
        _ => refused,
    })
}

const BACKING: &str = "When using this permission, the backing application of the service principal being created must in the local tenant";

/// Answers of a batch come in no promised order; callers go by id.
pub fn unordered(state: &State, responses: &mut [Value], number: u64) {
    responses.reverse();
    if state.switches.moods {
        let number = number.to_string();
        responses.sort_by_cached_key(|r| state.chance(&["batch", &number, &r["id"].to_string()], u64::MAX));
    }
}

/// The token service's answers as they differ between tenants and days: numbers as text, prose in other words.
pub fn token(state: &State, mut answer: Answer, number: u64) -> Answer {
    if !state.switches.moods {
        return answer;
    }
    let Body::Json(body) = &mut answer.body else { return answer };
    if state.chance(&["expires_in", &number.to_string()], 2) == 0 {
        for name in ["expires_in", "ext_expires_in"] {
            if let Some(n) = body.get(name).and_then(Value::as_i64) {
                body[name] = json!(n.to_string());
            }
        }
    }
    if let Some(text) = body.get("error_description").and_then(Value::as_str) {
        body["error_description"] = json!(prose(state, text));
    }
    answer
}

/// Entra's descriptions: the same facts on one line or on several, with a hint or without.
fn prose(state: &State, text: &str) -> String {
    let hint = match state.chance(&["prose"], 3) {
        0 => return text.to_owned(),
        1 => " To learn more, see the troubleshooting article for error.",
        _ => " Please contact your administrator.",
    };
    match text.split_once(" Trace ID: ") {
        Some((said, rest)) => {
            let rest =
                rest.replace(" Correlation ID: ", "\r\nCorrelation ID: ").replace(" Timestamp: ", "\r\nTimestamp: ");
            format!("{said}{hint}\r\nTrace ID: {rest}")
        }
        None => text.to_owned(),
    }
}
